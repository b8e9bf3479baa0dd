-- A history: a table with a row for each status of a message. Each state that is observed inserts a row, once. Rows are
-- never changed, so a history may forbid UPDATE.

CREATE FUNCTION msgstatus.recording_insert(target regclass, key_column name, columns jsonb, time_zone text) RETURNS text
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    spelling CONSTANT jsonb := columns #> '{state,spelling}';
    name CONSTANT text := (SELECT format('%I.%I', n.nspname, c.relname)
        FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace WHERE c.oid = target);
    key record;
    f record;
    value text;
    inserted text[] := ARRAY[quote_ident(key_column)];
    taken text[] := ARRAY['n.key'];
    selected text[];
    same_state text;
BEGIN
    SELECT * INTO STRICT key FROM msgstatus.key_terms(target, key_column);
    selected := ARRAY[key.value || ' AS key', 'w.word', 'w.at', 'w.place'];
    -- A row that the application inserted may spell the state otherwise. States that share a word share a row.
    SELECT format('(%L::pg_catalog.text[])[pg_catalog.array_position(%L::pg_catalog.text[], pg_catalog.lower(t.%I::pg_catalog.text))]'
            ' OPERATOR(pg_catalog.=) n.word',
        array_agg(lower(spelling ->> l.state::text) ORDER BY l.label), array_agg(l.label ORDER BY l.label), columns #>> '{state,column}')
    INTO same_state
    FROM msgstatus.spelled_states(spelling, columns -> 'state') AS s, unnest(s.labels, s.states) AS l (label, state)
    WHERE spelling ? l.state::text;
    FOR f IN
        SELECT a.fact, a.kind, t.*
        FROM msgstatus.attachable_facts(true) AS a
        JOIN msgstatus.column_types(target) AS t ON t.column_name = columns -> a.fact ->> 'column'
        ORDER BY a.place
    LOOP
        value := CASE f.kind
            WHEN 'state' THEN 'w.spelled'
            WHEN 'time' THEN msgstatus.time_term('w.at', f.base_type, columns -> f.fact ->> 'unit', time_zone)
            ELSE format('CASE WHEN w.is_failure THEN %s END', msgstatus.error_term(f.kind, f.base_type, f.base_typmod)) END;
        selected := selected || format('(%s)::%s AS %I', value, f.base_name, f.fact);
        inserted := inserted || quote_ident(f.column_name);
        taken := taken || format('n.%I', f.fact);
    END LOOP;
    RETURN format($statement$INSERT INTO %1$s AS t (%2$s)
SELECT %3$s
FROM (
    SELECT %4$s
    FROM pg_catalog.unnest($1) AS c,
        LATERAL (
            SELECT s.word, pg_catalog.min(s.spelled) AS spelled, pg_catalog.min(s.at) AS at, pg_catalog.min(s.place) AS place,
                pg_catalog.bool_or(s.is_failure) AS is_failure
            FROM (
                SELECT v.*, msgstatus.observed_at(c.status, v.state) AS at
                FROM (VALUES %5$s) AS v (state, word, spelled, place, is_failure)
            ) AS s
            WHERE s.at IS NOT NULL
            GROUP BY s.word
        ) AS w
    OFFSET 0
) AS n
WHERE n.key IS NOT NULL AND NOT EXISTS (SELECT FROM %1$s AS t WHERE %6$s AND %7$s)
ORDER BY n.key, n.at, n.place$statement$,
        name, array_to_string(inserted, ', '), array_to_string(taken, ', '), array_to_string(selected, ', '),
        (SELECT string_agg(format('(%L::msgstatus.delivery_state, %L::pg_catalog.text, %L::pg_catalog.text, %s, %L::pg_catalog.bool)',
                d.state, lower(spelling ->> d.state::text), spelling ->> d.state::text, d.place,
                d.state IN ('failed', 'undelivered')), ', ' ORDER BY d.place)
            FROM unnest(msgstatus.delivery_states()) WITH ORDINALITY AS d (state, place) WHERE spelling ? d.state::text),
        key.equals, same_state);
END
$$;
COMMENT ON FUNCTION msgstatus.recording_insert(regclass, name, jsonb, text) IS
    'The INSERT that adds rows for the states of the messages in its parameter, a reflection[], that a history has no row for';

CREATE FUNCTION msgstatus.history_problems(target regclass, key_column name, mapping jsonb)
    RETURNS TABLE (problem text, message text, hint text)
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    written CONSTANT name[] := ARRAY[key_column] || ARRAY(SELECT (f.value ->> 'column')::name FROM jsonb_each(mapping) AS f);
    key record;
    missing record;
BEGIN
    SELECT * INTO key FROM msgstatus.column_types(target) AS t WHERE t.column_name = key_column;
    IF msgstatus.key_is_unique(target, key_column) THEN
        RETURN QUERY SELECT '22023', format('key column "%s" of %s is unique', key_column, target),
            'A history has several rows of a message. Attach the table without "history", or drop the unique index.';
    ELSIF NOT EXISTS (SELECT FROM pg_index AS i WHERE i.indrelid = target AND i.indisvalid AND i.indkey[0] = key.column_number
        AND i.indpred IS NULL) THEN
        RETURN QUERY SELECT '01000', format('key column "%s" of %s has no index', key_column, target),
            format('Every status reads the whole table, which is slow: CREATE INDEX ON %s (%I).', target, key_column);
    END IF;
    IF key.generated <> '' OR key.identity <> '' THEN
        RETURN QUERY SELECT '428C9', format('key column "%s" of %s is generated', key_column, target),
            'Rows with the ids of messages cannot be inserted.';
    ELSIF NOT has_column_privilege(target, key.column_number, 'INSERT') THEN
        RETURN QUERY SELECT '42501', format('permission denied for column "%s" of %s', key_column, target),
            format('GRANT INSERT ON %s TO %I.', target, CURRENT_USER);
    END IF;
    SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum) AS columns INTO missing
    FROM pg_attribute AS a JOIN pg_type AS t ON t.oid = a.atttypid
    WHERE a.attrelid = target AND a.attnum > 0 AND NOT a.attisdropped AND (a.attnotnull OR t.typnotnull) AND NOT a.atthasdef
        AND t.typdefault IS NULL AND a.attidentity = '' AND a.attname <> ALL (written);
    IF missing.columns IS NOT NULL THEN
        RETURN QUERY SELECT '23502', format('columns of %s must not be null and have no default: %s', target, missing.columns),
            'A status inserts rows without them. Give them a default, or name the fact that they show.';
    END IF;
    FOR missing IN
        SELECT s.oid::regclass AS sequence
        FROM pg_attrdef AS e
        JOIN pg_attribute AS a ON a.attrelid = e.adrelid AND a.attnum = e.adnum
        JOIN pg_depend AS d ON d.classid = 'pg_attrdef'::regclass AND d.objid = e.oid AND d.refclassid = 'pg_class'::regclass
        JOIN pg_class AS s ON s.oid = d.refobjid
        WHERE e.adrelid = target AND a.attname <> ALL (written)
            AND CASE WHEN s.relkind = 'S' THEN NOT has_sequence_privilege(s.oid, 'USAGE, UPDATE') END
    LOOP
        RETURN QUERY SELECT '42501', format('permission denied for sequence %s', missing.sequence),
            format('GRANT USAGE ON SEQUENCE %s TO %I.', missing.sequence, CURRENT_USER);
    END LOOP;
    IF row_security_active(target) AND NOT EXISTS (
        SELECT FROM pg_policy AS p
        WHERE p.polrelid = target AND p.polpermissive AND p.polcmd IN ('*', 'a')
            AND EXISTS (SELECT FROM unnest(p.polroles) AS r (role)
                WHERE CASE WHEN r.role = 0 THEN true ELSE pg_has_role(r.role, 'USAGE') END)) THEN
        RETURN QUERY SELECT '42501', format('no policy of %s lets role %I insert rows', target, CURRENT_USER),
            format('Attach it as its owner, or: CREATE POLICY ... ON %s TO %I WITH CHECK (true).', target, CURRENT_USER);
    END IF;
END
$$;
COMMENT ON FUNCTION msgstatus.history_problems(regclass, name, jsonb) IS
    'The problems of attaching a table as a history, each with a SQLSTATE and a hint; 01000 is only a warning';
