-- Maps the columns of a user's table to the facts that they show, as given or found by name and type, and reports problems.

CREATE FUNCTION msgstatus.key_is_unique(target regclass, key_column name) RETURNS boolean
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT EXISTS (SELECT FROM pg_index AS i JOIN pg_attribute AS k ON k.attrelid = i.indrelid AND k.attnum = i.indkey[0]
        WHERE i.indrelid = target AND k.attname = key_column AND i.indisvalid AND i.indisunique AND i.indnkeyatts = 1
            AND (i.indpred IS NULL OR pg_get_expr(i.indpred, i.indrelid) = format('(%I IS NOT NULL)', key_column)))
$$;
COMMENT ON FUNCTION msgstatus.key_is_unique(regclass, name) IS
    'Whether a unique index on this column alone covers all rows that have a value in it';

CREATE FUNCTION msgstatus.state_options_problem(given jsonb) RETURNS text
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF COALESCE(jsonb_typeof(given -> 'means'), 'object') <> 'object'
        OR COALESCE(jsonb_typeof(given -> 'keep'), 'array') <> 'array'
        OR COALESCE(jsonb_typeof(given -> 'replace'), 'array') NOT IN ('array', 'boolean')
        OR COALESCE(jsonb_typeof(given -> 'every_row'), 'boolean') <> 'boolean'
        OR COALESCE(jsonb_typeof(given -> 'history'), 'boolean') <> 'boolean' THEN
        RETURN 'wrong type of an option';
    ELSIF given -> 'history' = 'true' AND given ?| '{keep,replace,every_row}' THEN
        RETURN 'in a history no row is replaced, so it takes no "keep", "replace" or "every_row"';
    ELSIF EXISTS (SELECT FROM jsonb_each_text(given -> 'means') AS m
        WHERE m.value IS NULL OR m.value <> ALL (msgstatus.delivery_states()::text[])) THEN
        RETURN 'unknown state in "means"';
    ELSIF (SELECT count(*) <> count(DISTINCT lower(w.word)) FROM (
        SELECT jsonb_object_keys(given -> 'means')
        UNION ALL
        SELECT jsonb_array_elements_text(given -> 'keep')
        UNION ALL
        SELECT jsonb_array_elements_text(CASE jsonb_typeof(given -> 'replace') WHEN 'array' THEN given -> 'replace' END)
        UNION ALL
        SELECT DISTINCT lower(s.value) FROM jsonb_each_text(given -> 'spelling') AS s WHERE s.value IS NOT NULL
    ) AS w (word)) THEN
        RETURN 'a word is given more than one meaning';
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION msgstatus.state_options_problem(jsonb) IS
    'What is wrong with the options that were given for the state''s column: means, keep, replace, every_row, history; NULL for nothing';

CREATE FUNCTION msgstatus.is_history(columns jsonb) RETURNS boolean
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT COALESCE(columns #> '{state,history}' = 'true', false)
$$;
COMMENT ON FUNCTION msgstatus.is_history(jsonb) IS
    'Whether a table with these columns is attached as a history, into which each status inserts a row';

CREATE FUNCTION msgstatus.target_problems(target regclass, key_column name, of_history boolean DEFAULT false)
    RETURNS TABLE (problem text, message text, hint text)
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    c record;
    k record;
BEGIN
    SELECT r.*, n.nspname INTO c
    FROM pg_class AS r JOIN pg_namespace AS n ON n.oid = r.relnamespace WHERE r.oid = target;
    IF NOT FOUND THEN
        RETURN QUERY SELECT '42P01', format('table %s does not exist', COALESCE(target::text, 'NULL')),
            'Specify the table that holds the rows.';
        RETURN;
    END IF;
    IF c.relkind NOT IN ('r', 'p') THEN
        RETURN QUERY SELECT '42809', format('%s is %s', target, CASE c.relkind WHEN 'v' THEN 'a view'
                WHEN 'm' THEN 'a materialized view' WHEN 'f' THEN 'a foreign table' ELSE 'not a table' END),
            CASE c.relkind
                WHEN 'f' THEN 'Attach the table on the server where it is, with msgstatus installed there; or attach a table here,'
                    ' and let its triggers write to the foreign one.'
                ELSE 'Attach the table that holds the rows' || COALESCE(': ' || (
                    SELECT string_agg(DISTINCT d.refobjid::regclass::text, ' or ')
                    FROM pg_rewrite AS r JOIN pg_depend AS d ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid
                        AND d.refclassid = 'pg_class'::regclass AND d.refobjid <> target
                    WHERE r.ev_class = target), '') || '.'
            END;
    ELSIF c.relpersistence = 't' THEN
        RETURN QUERY SELECT '42809', format('%s is a temporary table', target),
            'Only a table that all sessions see can be attached.';
    ELSIF c.relispartition THEN
        RETURN QUERY SELECT '42809', format('%s is a partition', target), 'Attach the partitioned table.';
    ELSIF c.nspname IN ('msgstatus', 'pg_catalog', 'information_schema') THEN
        RETURN QUERY SELECT '42809', format('%s belongs to msgstatus or to PostgreSQL', target),
            'Attach a table of your own; msgstatus.message holds statuses already.';
    END IF;
    SELECT * INTO k FROM msgstatus.column_types(target) AS t WHERE t.column_name = key_column;
    IF NOT FOUND THEN
        RETURN QUERY SELECT '42703',
            CASE WHEN key_column IS NULL THEN format('no key column of %s was given', target)
                ELSE format('column "%s" of %s does not exist', key_column, target) END,
            'The key is the column that holds the id the provider gave to the message: a wamid, a Twilio SID.';
        RETURN;
    END IF;
    IF k.base_type NOT IN ('text'::regtype, 'varchar'::regtype, 'bpchar'::regtype, 'uuid'::regtype, 'integer'::regtype,
        'bigint'::regtype) AND (SELECT t.typname FROM pg_type AS t WHERE t.oid = k.base_type) <> 'citext' THEN
        RETURN QUERY SELECT '42804',
            format('column "%s" of %s is of type %s and cannot be the key', key_column, target, k.type),
            'Message ids are text: the key is of type text, varchar, char, citext, uuid, integer or bigint.';
        RETURN;
    END IF;
    IF k.generated = 'v' THEN
        RETURN QUERY SELECT '0A000',
            format('column "%s" of %s is a virtual generated column and cannot be the key', key_column, target),
            'A stored generated column can be the key.';
        RETURN;
    END IF;
    IF NOT has_table_privilege(target, 'SELECT') OR NOT has_table_privilege(target, 'TRIGGER') THEN
        RETURN QUERY SELECT '42501', format('permission denied for table %s', target),
            format('Attaching requires SELECT and TRIGGER on the table, and %1$s on the columns to write:'
                ' GRANT SELECT, %1$s, TRIGGER ON %2$s TO %3$I.', CASE WHEN of_history THEN 'INSERT' ELSE 'UPDATE' END, target, CURRENT_USER);
    END IF;
    -- Rows that policies hide are never updated, and nothing says so later.
    IF row_security_active(target) THEN
        IF NOT of_history AND (SELECT bool_or(p.polcmd IN ('*', 'r')) IS NOT TRUE OR bool_or(p.polcmd IN ('*', 'w')) IS NOT TRUE
            FROM pg_policy AS p
            WHERE p.polrelid = target AND p.polpermissive AND EXISTS (SELECT FROM unnest(p.polroles) AS r (role)
                WHERE CASE WHEN r.role = 0 THEN true ELSE pg_has_role(r.role, 'USAGE') END)) THEN
            RETURN QUERY SELECT '42501', format('no policy of %s lets role %I update rows', target, CURRENT_USER),
                format('Attach it as its owner, or: CREATE POLICY ... ON %s TO %I USING (true).', target, CURRENT_USER);
        ELSE
            RETURN QUERY SELECT '01000', format('policies of %s apply to role %I', target, CURRENT_USER),
                'Rows that they hide from this role do not show their statuses.';
        END IF;
    END IF;
    -- Of a history, see history_problems().
    IF of_history OR msgstatus.key_is_unique(target, key_column) THEN
        RETURN;
    ELSIF EXISTS (SELECT FROM pg_index AS i WHERE i.indrelid = target AND i.indisvalid AND i.indkey[0] = k.column_number
        AND (i.indpred IS NULL OR pg_get_expr(i.indpred, i.indrelid) = format('(%I IS NOT NULL)', key_column))) THEN
        RETURN QUERY SELECT '01000', format('key column "%s" of %s is not unique', key_column, target),
            'Every row of a message is updated. If the table has a row for each status, attach it as a history: {"state":'
            ' {"column": ..., "history": true}}.';
    ELSE
        RETURN QUERY SELECT '01000', format('key column "%s" of %s has no index', key_column, target),
            format('Every status reads the whole table, which is slow: CREATE UNIQUE INDEX ON %s (%I).',
                target, key_column);
    END IF;
END
$$;
COMMENT ON FUNCTION msgstatus.target_problems(regclass, name, boolean) IS
    'The problems of attaching a table by this key, each with a SQLSTATE and a hint; 01000 is only a warning';

CREATE FUNCTION msgstatus.attached_columns(target regclass, key_column name, columns jsonb) RETURNS TABLE (
    column_name name, fact text, spelling jsonb, problem text, message text, hint text
)
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    given jsonb := COALESCE(attached_columns.columns, '{}');
    of_history CONSTANT boolean := msgstatus.is_history(given);
    right_needed CONSTANT text := CASE WHEN of_history THEN 'INSERT' ELSE 'UPDATE' END;
    taken name[] := ARRAY[attached_columns.key_column];
    f record;
    c record;
    wish jsonb;
    is_given boolean;
    shown integer := 0;
BEGIN
    IF jsonb_typeof(given) <> 'object' THEN
        RETURN QUERY SELECT NULL::name, NULL, NULL::jsonb, '22023', 'columns must be an object of facts and columns',
            'For example {"state": "status", "error_text": null}.';
        RETURN;
    END IF;
    RETURN QUERY
    SELECT NULL::name, w.key, NULL::jsonb, '22023', format('unknown fact "%s"', w.key),
        format('The facts%s are %s.', CASE WHEN of_history THEN ' of a history' END,
            (SELECT string_agg(a.fact, ', ' ORDER BY a.place) FROM msgstatus.attachable_facts(of_history) AS a))
    FROM jsonb_object_keys(given) AS w (key)
    WHERE w.key NOT IN (SELECT a.fact FROM msgstatus.attachable_facts(of_history) AS a);

    -- A column that is given for one fact is not found for another.
    SELECT taken || array_agg(COALESCE(w.value ->> 'column', w.value #>> '{}')::name) INTO taken
    FROM jsonb_each(given) AS w WHERE jsonb_typeof(w.value) <> 'null';

    FOR f IN SELECT * FROM msgstatus.attachable_facts(of_history) AS a ORDER BY a.place LOOP
        is_given := given ? f.fact;
        wish := given -> f.fact;
        CONTINUE WHEN is_given AND jsonb_typeof(wish) = 'null';
        IF jsonb_typeof(wish) = 'string' THEN
            wish := jsonb_build_object('column', wish);
        END IF;
        IF is_given AND (jsonb_typeof(wish) <> 'object' OR COALESCE(jsonb_typeof(wish -> 'column'), '') <> 'string'
            OR wish - '{column,spelling}'::text[]
                - CASE WHEN f.fact = 'state' THEN '{means,keep,replace,every_row,history}'::text[]
                    WHEN f.kind = 'time' THEN '{unit}' WHEN f.fact = 'timeline' THEN '{entries}' ELSE '{}' END <> '{}'
            OR COALESCE(wish ->> 'unit', 'seconds') NOT IN ('seconds', 'milliseconds')
            OR COALESCE(jsonb_typeof(wish -> 'spelling'), 'object') <> 'object'
            OR wish ? 'spelling' AND f.fact NOT IN ('state', 'timeline')) THEN
            RETURN QUERY SELECT NULL::name, f.fact, NULL::jsonb, '22023',
                format('invalid column given for "%s"', f.fact),
                'Give its name, or {"column": name, "spelling": {"sent": "SENT"}} for a state or a timeline,'
                ' or null for none.';
            CONTINUE;
        ELSIF is_given AND f.fact = 'timeline' AND wish ? 'entries' AND (jsonb_typeof(wish -> 'entries') <> 'array'
            OR jsonb_path_query_array(wish -> 'entries', '$[*].type()') <> '["string", "string"]'
            OR wish #> '{entries,0}' = wish #> '{entries,1}') THEN
            RETURN QUERY SELECT NULL::name, f.fact, NULL::jsonb, '22023', 'invalid entries given for "timeline"',
                'Name the members of an entry that hold the state and its time: {"column": name, "entries": ["status", "at"]}.';
            CONTINUE;
        ELSIF is_given AND f.fact = 'state' AND msgstatus.state_options_problem(wish) IS NOT NULL THEN
            RETURN QUERY SELECT NULL::name, f.fact, NULL::jsonb, '22023',
                format('invalid options given for "state": %s', msgstatus.state_options_problem(wish)),
                'For example {"column": name, "means": {"bounced": "failed"}, "keep": ["archived"], "replace": ["new"],'
                ' "every_row": true}.';
            CONTINUE;
        END IF;

        IF is_given THEN
            SELECT t.* INTO c FROM msgstatus.column_types(target) AS t WHERE t.column_name = wish ->> 'column';
            IF NOT FOUND THEN
                RETURN QUERY SELECT NULL::name, f.fact, NULL::jsonb, '42703',
                    format('column "%s" of %s, given for "%s", does not exist', wish ->> 'column', target, f.fact),
                    format('The columns are %s.', (SELECT string_agg(t.column_name, ', ' ORDER BY t.column_number)
                        FROM msgstatus.column_types(target) AS t));
                CONTINUE;
            END IF;
            IF (SELECT count(*) FROM unnest(taken) AS n WHERE n = c.column_name) > 1 THEN
                RETURN QUERY SELECT c.column_name, f.fact, NULL::jsonb, '22023',
                    format('column "%s" is given for more than one fact', c.column_name),
                    'Give another column, or null for none.';
                CONTINUE;
            ELSIF NOT msgstatus.type_fits(f.kind, c.base_type, c.base_typmod)
                AND NOT msgstatus.given_type_fits(f.kind, c.base_type, c.base_typmod) THEN
                RETURN QUERY SELECT c.column_name, f.fact, NULL::jsonb, '42804',
                    format('column "%s" of %s is of type %s and cannot hold "%s"',
                        c.column_name, target, c.type, f.fact),
                    format('The column must be of type %s.', msgstatus.fact_types(f.kind));
                CONTINUE;
            ELSIF (f.kind = 'time' AND c.base_type IN ('integer'::regtype, 'bigint'::regtype, 'numeric'::regtype,
                'double precision'::regtype)) IS DISTINCT FROM (wish ? 'unit')
                OR c.base_type = 'integer'::regtype AND wish ->> 'unit' = 'milliseconds' THEN
                RETURN QUERY SELECT c.column_name, f.fact, NULL::jsonb, '22023',
                    format('column "%s" of %s, given for "%s", is of type %s and %s', c.column_name, target, f.fact, c.type,
                        CASE WHEN NOT wish ? 'unit' THEN 'requires a unit' WHEN c.base_type = 'integer'::regtype
                            THEN 'cannot hold milliseconds' ELSE 'takes no unit' END),
                    'A number counts from 1970: {"column": name, "unit": "seconds"}, or "milliseconds".';
                CONTINUE;
            END IF;
        ELSE
            -- The type message_status identifies the fact.
            SELECT t.* INTO c
            FROM msgstatus.column_types(target) AS t
            WHERE t.column_name <> ALL (taken) AND t.generated = '' AND t.identity = ''
                AND msgstatus.type_fits(f.kind, t.base_type, t.base_typmod)
                AND (f.kind = 'status' OR replace(lower(t.column_name), '_', '') = ANY (f.names))
            ORDER BY array_position(f.names, replace(lower(t.column_name), '_', '')), t.column_number
            LIMIT 1;
            CONTINUE WHEN NOT FOUND;
        END IF;

        IF c.generated <> '' OR c.identity <> '' THEN
            RETURN QUERY SELECT c.column_name, f.fact, NULL::jsonb, '428C9',
                format('column "%s" of %s, given for "%s", is %s', c.column_name, target, f.fact,
                    CASE WHEN c.generated <> '' THEN 'a generated column' ELSE 'an identity column' END),
                'PostgreSQL itself computes the values of this column.';
            CONTINUE;
        END IF;
        spelling := NULL;
        problem := NULL;
        message := NULL;
        hint := NULL;
        IF f.fact IN ('state', 'timeline') THEN
            BEGIN
                IF EXISTS (SELECT FROM jsonb_object_keys(wish -> 'spelling') AS s (state)
                    WHERE s.state <> ALL (msgstatus.delivery_states()::text[])) THEN
                    RAISE invalid_parameter_value USING
                        MESSAGE = format('unknown state in the spelling of "%s"', f.fact);
                END IF;
                spelling := msgstatus.state_spelling(target, c.column_number, wish -> 'spelling', f.fact = 'timeline');
            EXCEPTION
                WHEN invalid_parameter_value THEN
                    problem := '22023';
                    message := SQLERRM;
                    hint := 'The states are ' || array_to_string(msgstatus.delivery_states(), ', ') || '.';
            END;
            IF problem IS NULL AND NOT spelling ?| '{sent,delivered,read,failed}' THEN
                -- A column that was only found, not given, is left alone.
                CONTINUE WHEN NOT is_given;
                problem := '42804';
                message := format('column "%s" of %s, of type %s, can hold none of sent, delivered, read and failed',
                    c.column_name, target, c.type);
                hint := 'Specify how the column spells them: {"state": {"column": ..., "spelling": {"sent": ...}}}.';
            END IF;
        END IF;
        IF problem IS NULL AND NOT has_column_privilege(target, c.column_number, right_needed) THEN
            problem := '42501';
            message := format('permission denied for column "%s" of %s', c.column_name, target);
            hint := format('GRANT %s (%I) ON %s TO %I, or leave it out: {"%s": null}.', right_needed,
                c.column_name, target, CURRENT_USER, f.fact);
        END IF;
        column_name := c.column_name;
        fact := f.fact;
        taken := taken || c.column_name;
        shown := shown + (f.fact NOT IN ('updated_at', 'last_status_check'))::integer;
        RETURN NEXT;
    END LOOP;
    IF shown = 0 THEN
        RETURN QUERY SELECT NULL::name, NULL, NULL::jsonb, '22023',
            format('%s has no column that can show a status', target),
            'Give one: {"state": "column"}. preview_attach() shows how each column was understood.';
    END IF;
END
$$;
COMMENT ON FUNCTION msgstatus.attached_columns(regclass, name, jsonb) IS
    'The columns of a table and the facts that they show, as given or found; problems have a SQLSTATE and a hint';
