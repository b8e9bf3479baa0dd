-- keep_status_order(): a trigger that keeps columns of a user's table from going back to a lower state; and the check of its
-- arguments at CREATE TRIGGER.

CREATE FUNCTION msgstatus.keep_status_order() RETURNS trigger
    LANGUAGE c AS 'MODULE_PATHNAME', 'keep_status_order';
COMMENT ON FUNCTION msgstatus.keep_status_order() IS
    'Trigger BEFORE UPDATE FOR EACH ROW: keeps the columns named by its arguments from going back in the order of states, keeps the earliest time and what is true, and merges a message_status; 39P01, 22023, 42703, 428C9 or 42804 for a trigger that cannot work';

-- Makes CREATE TRIGGER fail for a trigger that cannot work, rather than the first update. Only an event trigger sees that
-- command. It fires only for the commands that create triggers, and reads only catalogs unless the new trigger calls
-- keep_status_order, so no other trigger fails because of it, even if the library is missing. It acts with the rights of the
-- role that creates the trigger; if that role may not call check_status_order, the first update raises the error.
CREATE FUNCTION msgstatus.check_status_order(target oid, trigger_id oid) RETURNS void
    LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'check_status_order';
COMMENT ON FUNCTION msgstatus.check_status_order(oid, oid) IS
    'Raises the errors that a trigger that calls keep_status_order would raise when it first fires: 39P01, 22023, 42703, 428C9 or 42804';

CREATE FUNCTION msgstatus.check_created_trigger() RETURNS event_trigger
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    created record;
BEGIN
    FOR created IN
        SELECT t.tgrelid, t.oid
        FROM pg_event_trigger_ddl_commands() AS c
        JOIN pg_trigger AS t ON c.classid = 'pg_trigger'::regclass AND t.oid = c.objid
        JOIN pg_proc AS p ON p.oid = t.tgfoid
        JOIN pg_namespace AS n ON n.oid = p.pronamespace
        WHERE n.nspname = 'msgstatus' AND p.proname = 'keep_status_order' AND p.pronargs = 0
            AND has_schema_privilege(n.oid, 'USAGE')
            AND EXISTS (SELECT FROM pg_proc AS q
                WHERE q.pronamespace = n.oid AND q.proname = 'check_status_order' AND has_function_privilege(q.oid, 'EXECUTE'))
    LOOP
        PERFORM msgstatus.check_status_order(created.tgrelid, created.oid);
    END LOOP;
END
$$;
COMMENT ON FUNCTION msgstatus.check_created_trigger() IS 'Event trigger: checks a trigger that calls keep_status_order when it is created';

CREATE EVENT TRIGGER msgstatus_check_status_order ON ddl_command_end WHEN TAG IN ('CREATE TRIGGER', 'CREATE SCHEMA')
    EXECUTE FUNCTION msgstatus.check_created_trigger();
COMMENT ON EVENT TRIGGER msgstatus_check_status_order IS 'Rejects a trigger that cannot keep the order of states when it is created';
