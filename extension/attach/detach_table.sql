-- detach_table(): stops updating a user's table. forget_dropped_tables(): removes attached tables that were dropped.

CREATE FUNCTION msgstatus.end_attachment(attached_table_id integer, target regclass) RETURNS boolean
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    may_drop CONSTANT boolean := (SELECT pg_has_role(c.relowner, 'USAGE') FROM pg_class AS c WHERE c.oid = target);
    triggers CONSTANT name[] := ARRAY(SELECT t.tgname FROM pg_trigger AS t
        WHERE t.tgrelid = target AND t.tgparentid = 0 AND t.tgname IN (
            format('msgstatus_%s_insert', attached_table_id), format('msgstatus_%s_update', attached_table_id)));
    trigger_name name;
    removed boolean;
BEGIN
    -- Triggers are dropped first: that waits for writers and calls, which must not in turn wait for the entry that is removed
    -- next.
    IF may_drop THEN
        FOREACH trigger_name IN ARRAY triggers LOOP
            EXECUTE format('DROP TRIGGER %I ON %s', trigger_name, target);
        END LOOP;
    END IF;
    removed := msgstatus.remove_attached_table(attached_table_id);
    IF NOT may_drop AND triggers <> '{}' THEN
        RAISE WARNING USING
            MESSAGE = format('triggers on %s remain without effect: %s', target, array_to_string(triggers, ', ')),
            HINT = 'The owner of the table can drop them.';
    END IF;
    RETURN removed;
END
$$;
COMMENT ON FUNCTION msgstatus.end_attachment(integer, regclass) IS
    'Drops the triggers of an attached table, as far as the caller may, and removes its entry; false if there was no entry';

CREATE FUNCTION msgstatus.detach_table(target regclass, key_column name DEFAULT NULL) RETURNS integer
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    id integer;
    detached integer := 0;
BEGIN
    PERFORM msgstatus.check_installation();
    PERFORM pg_advisory_xact_lock(hashtextextended('msgstatus.attach_table', target::oid::bigint));
    FOR id IN SELECT k.attached_table_id FROM msgstatus.attached_keys(target, detach_table.key_column) AS k LOOP
        detached := detached + msgstatus.end_attachment(id, target)::integer;
    END LOOP;
    RETURN detached;
END
$$;
COMMENT ON FUNCTION msgstatus.detach_table(regclass, name) IS
    'Detaches a table, for one key or all, leaving its rows as they are, and returns the number of keys; 42704 if it is not attached';

CREATE FUNCTION msgstatus.forget_dropped_tables() RETURNS integer
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    id integer;
    forgotten integer := 0;
BEGIN
    FOR id IN
        SELECT a.attached_table_id FROM msgstatus.attached_table AS a
        WHERE NOT EXISTS (SELECT FROM pg_class AS c WHERE c.oid = a.target)
        ORDER BY a.attached_table_id
    LOOP
        BEGIN
            forgotten := forgotten + msgstatus.remove_attached_table(id)::integer;
        EXCEPTION
            -- Attached by another role, whose entry this caller may not remove.
            WHEN insufficient_privilege THEN
                NULL;
        END;
    END LOOP;
    RETURN forgotten;
END
$$;
COMMENT ON FUNCTION msgstatus.forget_dropped_tables() IS
    'Removes the entries of attached tables that were dropped, as far as the caller may, and returns how many; called by maintain()';
