-- What is known about a column of a user's table: a sample of its texts, its literals, and whether it can hold a label.

CREATE FUNCTION msgstatus.column_sample(target regclass, column_number smallint) RETURNS text[]
    LANGUAGE c STABLE STRICT PARALLEL UNSAFE
    SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'column_sample';
COMMENT ON FUNCTION msgstatus.column_sample(regclass, smallint) IS
    'The most frequent texts in a column of a table, read as its owner; NULL if the caller may not read it or a policy hides rows';

CREATE FUNCTION msgstatus.unknown_words(
    target regclass, column_number smallint, key_number smallint, known text[]
) RETURNS jsonb
    LANGUAGE c STABLE STRICT PARALLEL UNSAFE
    SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'unknown_words';
COMMENT ON FUNCTION msgstatus.unknown_words(regclass, smallint, smallint, text[]) IS
    'The texts in a column that are none of the given ones, with their rows, the most frequent first, at most 100; NULL if the caller may not read them or a policy hides rows';

CREATE FUNCTION msgstatus.keys_with_different_words(target regclass, column_number smallint, key_number smallint)
    RETURNS bigint
    LANGUAGE c STABLE STRICT PARALLEL UNSAFE
    SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'keys_with_different_words';
COMMENT ON FUNCTION msgstatus.keys_with_different_words(regclass, smallint, smallint) IS
    'The number of keys that have rows with different texts in a column; NULL if the caller may not read them or a policy hides rows';

CREATE FUNCTION msgstatus.rows_with_keys(target regclass, key_number smallint, keys text[]) RETURNS bigint
    LANGUAGE c STABLE STRICT PARALLEL UNSAFE
    SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'rows_with_keys';
COMMENT ON FUNCTION msgstatus.rows_with_keys(regclass, smallint, text[]) IS
    'The number of rows that have one of these keys; NULL if the caller may not read them or a policy hides rows';

CREATE FUNCTION msgstatus.lookup_words(target regclass, column_number smallint) RETURNS text[]
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    -- A sample ends at 100 words: then there may be more.
    SELECT s.words
    FROM pg_constraint AS k, LATERAL (SELECT msgstatus.column_sample(k.confrelid, k.confkey[1]) AS words) AS s
    WHERE k.contype = 'f' AND k.conrelid = target AND k.conkey = ARRAY[column_number] AND cardinality(s.words) < 100
    ORDER BY k.oid LIMIT 1
$$;
COMMENT ON FUNCTION msgstatus.lookup_words(regclass, smallint) IS
    'The texts that a foreign key of the column allows; NULL if it has none, or if the caller may not read them all';

CREATE FUNCTION msgstatus.column_literals(target regclass, column_number smallint)
    RETURNS TABLE (place bigint, label text)
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    type CONSTANT oid := (SELECT c.base_type FROM msgstatus.column_types(target) AS c
        WHERE c.column_number = column_literals.column_number);
    present text[];
BEGIN
    -- An enum lists its labels.
    IF EXISTS (SELECT FROM pg_type AS t WHERE t.oid = type AND t.typtype = 'e') THEN
        RETURN QUERY SELECT row_number() OVER (ORDER BY e.enumsortorder), e.enumlabel::text
            FROM pg_enum AS e WHERE e.enumtypid = type;
        RETURN;
    END IF;
    -- A sample is enough for a large table. A caller who may not read the table gets only the definitions.
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
        SELECT 1, quote_literal(w.word)
        FROM unnest(msgstatus.lookup_words(target, column_literals.column_number)) AS w (word)
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
    'The known texts of a column, the most reliable first: of its enum, its CHECK constraints, its rows, its DEFAULT';

CREATE FUNCTION msgstatus.column_takes(target regclass, column_number smallint, label text) RETURNS boolean
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    c record;
    checks text;
    taken boolean;
BEGIN
    SELECT * INTO STRICT c FROM msgstatus.column_types(target) AS t WHERE t.column_number = column_takes.column_number;
    IF label <> ALL (msgstatus.lookup_words(target, column_number)) THEN
        RETURN false;
    END IF;
    -- A cast between an enum and text may be a function of its owner, so the labels of an enum are looked up instead. For the
    -- same reason its CHECK constraints, which are rare, are not tried.
    IF EXISTS (SELECT FROM pg_type AS t WHERE t.oid = c.base_type AND t.typtype = 'e') THEN
        RETURN EXISTS (SELECT FROM pg_enum AS e WHERE e.enumtypid = c.base_type AND e.enumlabel::text = label);
    END IF;
    -- Tries constraints on the column alone, and only those made of built-in objects, on which PostgreSQL records no
    -- dependency. Any other constraint, even on a domain or with a collation, could run a function of its owner with the rights
    -- of the caller.
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
    'Can the column hold this text, by its type, its length, its CHECK constraints and its foreign key?';
