-- After the SQL of the rooms: drops what is gone. Then comes extension/install/privileges.sql.

DROP FUNCTION msgstatus.update_row_type(text), msgstatus.drop_earlier_functions(text);

DO $$
DECLARE
    object record;
    remaining text[] := '{}';
    before text[];
BEGIN
    -- One that is gone may stand on another, so they are tried until none can be dropped.
    LOOP
        before := remaining;
        remaining := '{}';
        FOR object IN
            SELECT i.type, i.identity
            FROM pg_depend AS d, pg_identify_object(d.classid, d.objid, 0) AS i
            WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e'
                AND d.refobjid = (SELECT e.oid FROM pg_extension AS e WHERE e.extname = 'msgstatus')
                AND i.identity NOT LIKE '%[]' -- goes with its element
                AND obj_description(d.objid, d.classid::regclass::name) IS NULL
            ORDER BY i.identity
        LOOP
            BEGIN
                EXECUTE format('DROP %s %s', object.type, object.identity);
            EXCEPTION WHEN dependent_objects_still_exist THEN
                remaining := remaining || format('%s %s', object.type, object.identity);
            END;
        END LOOP;
        EXIT WHEN remaining = before OR remaining = '{}';
    END LOOP;
    -- A view that install() made earlier, or one of a user.
    FOR i IN 1..cardinality(remaining) LOOP
        EXECUTE format('COMMENT ON %s IS %L', remaining[i], 'Of an earlier version; stays as long as other objects use it');
        RAISE NOTICE '% is of an earlier version and stays, because other objects use it', remaining[i];
    END LOOP;
END
$$;
