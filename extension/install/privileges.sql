-- The end of the script, and of each update: revokes what PostgreSQL grants to PUBLIC by default. grant_access() grants each role
-- what its level needs.
--
-- Only of objects of which nobody has granted or revoked anything. What a script leaves as their privileges is what pg_dump takes
-- for granted, together with all that an administrator granted before; dumps would leave that out.
--
-- From PostgreSQL 17 on, the array type of a type is of the extension, too. It has no privileges of its own.
DO $$
DECLARE
    object record;
BEGIN
    FOR object IN
        SELECT i.type, i.identity
        FROM pg_depend AS d, pg_identify_object(d.classid, d.objid, 0) AS i
        WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e'
            AND d.refobjid = (SELECT e.oid FROM pg_extension AS e WHERE e.extname = 'msgstatus')
            AND i.identity NOT LIKE '%[]'
            AND (EXISTS (SELECT FROM pg_proc AS p WHERE d.classid = 'pg_proc'::regclass AND p.oid = d.objid AND p.proacl IS NULL)
                OR EXISTS (SELECT FROM pg_type AS t WHERE d.classid = 'pg_type'::regclass AND t.oid = d.objid AND t.typacl IS NULL))
    LOOP
        EXECUTE format('REVOKE ALL ON %s %s FROM PUBLIC', CASE object.type WHEN 'type' THEN 'TYPE' ELSE 'ROUTINE' END, object.identity);
    END LOOP;
END
$$;
