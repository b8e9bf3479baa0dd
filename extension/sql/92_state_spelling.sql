-- How a column of a user's table spells the states: SENT, Sent, sent; cancelled; and which of them it can hold.

CREATE FUNCTION msgstatus.column_sample(target regclass, column_number smallint) RETURNS text[]
    LANGUAGE c STABLE STRICT PARALLEL UNSAFE
    SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'column_sample';
COMMENT ON FUNCTION msgstatus.column_sample(regclass, smallint) IS
    'The most frequent texts in a column of a table, read as its owner; NULL where the caller may not read it or a policy hides rows';

CREATE FUNCTION msgstatus.column_literals(target regclass, column_number smallint)
    RETURNS TABLE (place bigint, label text)
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    type CONSTANT oid := (SELECT c.base_type FROM msgstatus.column_types(target) AS c
        WHERE c.column_number = column_literals.column_number);
    present text[];
BEGIN
    -- What an enum can hold, it says itself.
    IF EXISTS (SELECT FROM pg_type AS t WHERE t.oid = type AND t.typtype = 'e') THEN
        RETURN QUERY SELECT row_number() OVER (ORDER BY e.enumsortorder), e.enumlabel::text
            FROM pg_enum AS e WHERE e.enumtypid = type;
        RETURN;
    END IF;
    -- Of a large table a part says enough. Who may not read it sees no more than the definitions.
    present := msgstatus.column_sample(target, column_number);
    RETURN QUERY
    WITH definition AS (
        SELECT 1 AS rank, pg_get_constraintdef(c.oid) AS words FROM pg_constraint AS c
        WHERE c.contype = 'c' AND c.conrelid = target AND c.conkey = ARRAY[column_number]
        UNION ALL
        SELECT 1, pg_get_constraintdef(c.oid) FROM pg_constraint AS c
        JOIN msgstatus.column_types(target) AS t ON t.declared_type = c.contypid
        WHERE t.column_number = column_literals.column_number
        UNION ALL
        SELECT 3, pg_get_expr(d.adbin, d.adrelid) FROM pg_attrdef AS d
        WHERE d.adrelid = target AND d.adnum = column_number
    ), literal AS (
        SELECT d.rank, 0::bigint AS n, replace(m[1], '''''', '''') AS label
        FROM definition AS d, regexp_matches(d.words, '''((?:[^'']|'''')*)''', 'g') AS m
        UNION ALL
        SELECT 2, p.n, p.label FROM unnest(present) WITH ORDINALITY AS p (label, n)
    )
    SELECT row_number() OVER (ORDER BY l.rank, l.n), l.label FROM literal AS l;
END
$$;
COMMENT ON FUNCTION msgstatus.column_literals(regclass, smallint) IS
    'The texts that are known of a column, those first that say most: of its enum, its CHECK constraints, its rows, its DEFAULT';

CREATE FUNCTION msgstatus.column_takes(target regclass, column_number smallint, label text) RETURNS boolean
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    c record;
    checks text;
    taken boolean;
BEGIN
    SELECT * INTO STRICT c FROM msgstatus.column_types(target) AS t WHERE t.column_number = column_takes.column_number;
    -- A cast between an enum and text may be a function of its owner's, so an enum is asked for its labels. Its CHECK
    -- constraints, which are rare, are not tried for the same reason.
    IF EXISTS (SELECT FROM pg_type AS t WHERE t.oid = c.base_type AND t.typtype = 'e') THEN
        RETURN EXISTS (SELECT FROM pg_enum AS e WHERE e.enumtypid = c.base_type AND e.enumlabel::text = label);
    END IF;
    -- Constraints on the column alone, as far as they are made of built-in objects, on which no dependency is recorded. Of
    -- all others, even a domain or a collation, the expression could run a function of its owner's with the rights of
    -- whoever asks.
    SELECT string_agg(format('(SELECT (%s) IS NOT FALSE FROM (SELECT CAST($1 AS %s) AS %I) AS v)',
        e.expression, c.base_name, e.name), ' AND ')
    INTO checks
    FROM pg_constraint AS k,
        LATERAL (
            SELECT pg_get_expr(k.conbin, k.conrelid), c.column_name
            WHERE k.conrelid = target AND k.conkey = ARRAY[column_number]
            UNION ALL
            SELECT pg_get_expr(k.conbin, 0), 'value' WHERE k.contypid <> 0 AND k.contypid = c.declared_type
        ) AS e (expression, name)
    WHERE k.contype = 'c'
        AND NOT EXISTS (SELECT FROM pg_depend AS d WHERE d.classid = 'pg_constraint'::regclass AND d.objid = k.oid
            AND NOT (d.refclassid = 'pg_class'::regclass AND d.refobjid = target)
            AND NOT (d.refclassid = 'pg_type'::regclass AND d.refobjid = k.contypid));
    EXECUTE format('SELECT CAST($1 AS %s)::text = $1 AND %s', c.base_name, COALESCE(checks, 'true'))
    INTO taken USING label;
    RETURN taken;
EXCEPTION
    WHEN data_exception THEN
        RETURN false;
END
$$;
COMMENT ON FUNCTION msgstatus.column_takes(regclass, smallint, text) IS
    'Can the column hold this text, by its type, its length and its CHECK constraints?';

CREATE FUNCTION msgstatus.nearest_state(wanted msgstatus.delivery_state, held msgstatus.delivery_state[])
    RETURNS msgstatus.delivery_state
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    -- What is not sent yet is much the same to most tables. Beyond that, only what says no more than the truth.
    SELECT h.state
    FROM unnest(held) AS h (state),
        LATERAL (SELECT array_position(msgstatus.delivery_states(), h.state)
            - array_position(msgstatus.delivery_states(), wanted)) AS d (distance)
    WHERE h.state OPERATOR(msgstatus.=) wanted
        OR wanted OPERATOR(msgstatus.<) 'sent' AND h.state OPERATOR(msgstatus.<) 'sent'
            AND (wanted::text IN ('processing', 'received')) = (h.state::text IN ('processing', 'received'))
        OR (wanted::text, h.state::text) IN (('undelivered', 'failed'), ('failed', 'undelivered'), ('played', 'read'),
            ('partially_delivered', 'sent'))
    ORDER BY abs(d.distance), d.distance
    LIMIT 1
$$;
COMMENT ON FUNCTION msgstatus.nearest_state(msgstatus.delivery_state, msgstatus.delivery_state[]) IS
    'Which of the states that a column can hold stands for another one; NULL if none does';

CREATE FUNCTION msgstatus.state_spelling(target regclass, column_number smallint, given jsonb, any_text boolean)
    RETURNS jsonb
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    known text[] := '{}';
    style text;
    spelling jsonb := '{}';
    held msgstatus.delivery_state[] := '{}';
    s record;
BEGIN
    IF NOT any_text THEN
        known := ARRAY(SELECT l.label FROM msgstatus.column_literals(target, column_number) AS l
            WHERE msgstatus.state_named(l.label) IS NOT NULL ORDER BY l.place);
    END IF;
    SELECT CASE WHEN l = lower(l) THEN 'lower' WHEN l = upper(l) THEN 'upper'
        WHEN l = upper(left(l, 1)) || lower(substr(l, 2)) THEN 'title' END
    INTO style
    FROM unnest(known || ARRAY(SELECT v.value FROM jsonb_each_text(given) AS v WHERE v.value IS NOT NULL))
        WITH ORDINALITY AS k (l, n)
    ORDER BY k.n LIMIT 1;

    FOR s IN
        SELECT d.state, COALESCE(given ? d.state::text, false) AS is_given, given ->> d.state::text AS label
        FROM unnest(msgstatus.delivery_states()) AS d (state)
    LOOP
        IF NOT s.is_given THEN
            SELECT c.label INTO s.label
            FROM (
                SELECT k.n, k.label FROM unnest(known) WITH ORDINALITY AS k (label, n)
                WHERE msgstatus.state_named(k.label) OPERATOR(msgstatus.=) s.state
                UNION ALL
                SELECT NULL, CASE style WHEN 'upper' THEN upper(s.state::text)
                    WHEN 'title' THEN upper(left(s.state::text, 1)) || substr(s.state::text, 2) ELSE s.state::text END
            ) AS c
            WHERE any_text OR msgstatus.column_takes(target, column_number, c.label)
            ORDER BY c.n LIMIT 1;
        ELSIF NOT any_text AND NOT msgstatus.column_takes(target, column_number, s.label) THEN
            RAISE invalid_parameter_value USING
                MESSAGE = format('the column cannot hold %s, given for the state %s', quote_literal(s.label), s.state);
        END IF;
        IF s.label IS NOT NULL THEN
            held := held || s.state;
            spelling := spelling || jsonb_build_object(s.state::text, s.label);
        END IF;
    END LOOP;

    -- What has no label of its own takes that of the nearest state, unless it was given as null.
    FOR s IN
        SELECT d.state, msgstatus.nearest_state(d.state, held) AS nearest
        FROM unnest(msgstatus.delivery_states()) AS d (state)
        WHERE NOT spelling ? d.state::text AND COALESCE(NOT given ? d.state::text, true)
    LOOP
        spelling := spelling || jsonb_build_object(s.state::text, spelling -> s.nearest::text);
    END LOOP;
    RETURN jsonb_strip_nulls(spelling);
END
$$;
COMMENT ON FUNCTION msgstatus.state_spelling(regclass, smallint, jsonb, boolean) IS
    'How a column spells each state, as far as it can hold it: as given, as what is known of the column says, else in its style; 22023 for a given spelling that it cannot hold';
