\echo Use "ALTER EXTENSION msgstatus UPDATE" to load this file. \quit

-- The first part of each update. It leaves every object of the extension without a comment; the SQL of the rooms, below, gives
-- each object that is still of the extension its comment again. So the last part knows what is gone.

DO $$
DECLARE
    object record;
BEGIN
    -- Another role could have made an object that the SQL of the rooms would take for one of the extension. Of functions,
    -- PostgreSQL looks itself.
    FOR object IN
        SELECT pg_describe_object(f.classid, f.objid, 0) AS description
        FROM (
            SELECT 'pg_operator'::regclass AS classid, o.oid AS objid FROM pg_operator AS o WHERE o.oprnamespace = 'msgstatus'::regnamespace
            UNION ALL
            -- Not the types of rows of tables, nor those of arrays.
            SELECT 'pg_type'::regclass, t.oid
            FROM pg_type AS t LEFT JOIN pg_class AS c ON c.oid = t.typrelid
            WHERE t.typnamespace = 'msgstatus'::regnamespace AND t.typcategory <> 'A' AND (c.oid IS NULL OR c.relkind = 'c')
        ) AS f
        WHERE NOT EXISTS (SELECT FROM pg_depend AS d
            WHERE (d.classid, d.objid, d.deptype) = (f.classid, f.objid, 'e') AND d.refclassid = 'pg_extension'::regclass)
    LOOP
        RAISE object_not_in_prerequisite_state USING MESSAGE = format('%s is not of the extension msgstatus', object.description),
            HINT = 'Move it to another schema, or drop it; then update again.';
    END LOOP;

    FOR object IN
        SELECT i.type, i.identity
        FROM pg_depend AS d
        JOIN pg_extension AS e ON e.oid = d.refobjid AND e.extname = 'msgstatus',
            pg_identify_object(d.classid, d.objid, 0) AS i
        WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e' AND i.identity NOT LIKE '%[]' -- which follow their elements
    LOOP
        EXECUTE format('COMMENT ON %s %s IS NULL', object.type, object.identity);
    END LOOP;
END
$$;

-- Gives a row type the columns of msgstatus.updated_row_type, and drops that. Columns from the first other one on are dropped and
-- made anew: the order of columns counts.
CREATE FUNCTION msgstatus.update_row_type(wanted text) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    column_list text;
BEGIN
    IF to_regclass(wanted) IS NULL THEN
        EXECUTE format('ALTER TYPE msgstatus.updated_row_type RENAME TO %s', split_part(wanted, '.', 2));
        RETURN;
    END IF;
    WITH columns AS (
        SELECT a.attrelid, row_number() OVER (PARTITION BY a.attrelid ORDER BY a.attnum) AS place, a.attname AS name,
            format_type(a.atttypid, a.atttypmod)
                || CASE WHEN a.attcollation <> t.typcollation THEN ' COLLATE ' || a.attcollation::regcollation ELSE '' END AS type
        FROM pg_attribute AS a JOIN pg_type AS t ON t.oid = a.atttypid
        WHERE a.attrelid IN (wanted::regclass, 'msgstatus.updated_row_type'::regclass) AND a.attnum > 0 AND NOT a.attisdropped
    ), compared AS (
        SELECT place, o.name AS old_name, n.name AS new_name, n.type,
            bool_and(COALESCE((o.name, o.type) = (n.name, n.type), false)) OVER (ORDER BY place) AS stays
        FROM (SELECT * FROM columns WHERE attrelid = wanted::regclass) AS o
        FULL JOIN (SELECT * FROM columns WHERE attrelid = 'msgstatus.updated_row_type'::regclass) AS n USING (place)
    )
    SELECT concat_ws(', ', string_agg(format('DROP ATTRIBUTE %I', c.old_name), ', ' ORDER BY c.place) FILTER (WHERE c.old_name IS NOT NULL),
        string_agg(format('ADD ATTRIBUTE %I %s', c.new_name, c.type), ', ' ORDER BY c.place) FILTER (WHERE c.new_name IS NOT NULL))
    INTO column_list
    FROM compared AS c
    WHERE NOT c.stays;
    DROP TYPE msgstatus.updated_row_type;
    IF column_list <> '' THEN
        EXECUTE format('ALTER TYPE %s %s', wanted, column_list);
    END IF;
END
$$;

-- Drops the functions of a name that the SQL of the rooms has not made yet: see replacing.awk.
CREATE FUNCTION msgstatus.drop_earlier_functions(name text) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    earlier regprocedure;
BEGIN
    FOR earlier IN
        SELECT p.oid FROM pg_proc AS p
        WHERE p.pronamespace = split_part(name, '.', 1)::regnamespace AND p.proname = split_part(name, '.', 2)
            AND obj_description(p.oid, 'pg_proc') IS NULL
            AND EXISTS (SELECT FROM pg_depend AS d
                WHERE (d.classid, d.objid, d.deptype) = ('pg_proc'::regclass, p.oid, 'e')
                    AND d.refobjid = (SELECT e.oid FROM pg_extension AS e WHERE e.extname = 'msgstatus'))
    LOOP
        EXECUTE format('DROP ROUTINE %s', earlier);
    END LOOP;
END
$$;
