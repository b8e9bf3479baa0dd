-- From 0.1.0: what the SQL of the rooms cannot replace.

-- Operators and aggregates of the types stand in pg_catalog now, so that queries find them with any search_path.
DO $$
DECLARE
    object record;
BEGIN
    FOR object IN
        SELECT i.type, i.identity
        FROM pg_depend AS d, pg_identify_object(d.classid, d.objid, 0) AS i
        WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e'
            AND d.refobjid = (SELECT e.oid FROM pg_extension AS e WHERE e.extname = 'msgstatus')
            AND (d.classid = 'pg_proc'::regclass AND d.objid IN ('msgstatus.max(msgstatus.delivery_state)'::regprocedure, 'msgstatus.min(msgstatus.delivery_state)'::regprocedure)
                OR d.classid = 'pg_operator'::regclass AND d.objid IN (
                    SELECT o.oid FROM pg_operator AS o
                    WHERE o.oprnamespace = 'msgstatus'::regnamespace AND o.oprname IN ('<', '<=', '=', '>=', '>', '<>')
                        AND o.oprleft IN ('msgstatus.delivery_state'::regtype, 'msgstatus.message_status'::regtype)))
    LOOP
        EXECUTE format('ALTER %s %s SET SCHEMA pg_catalog', object.type, object.identity);
    END LOOP;
END
$$;
