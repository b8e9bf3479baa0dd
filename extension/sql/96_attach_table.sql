-- Tables that users have: attached, they are kept up to date with every applied status.

CREATE FUNCTION msgstatus.reflect_stale_rows(attached_table_id integer, since xid DEFAULT NULL) RETURNS bigint
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    attached record;
    batch text[];
    failed bigint := 0;
BEGIN
    SELECT * INTO STRICT attached FROM msgstatus.attached_table AS a WHERE a.attached_table_id = reflect_stale_rows.attached_table_id;
    -- In the order of message ids, as every call locks them. What neither the message nor the row was written since is left out.
    FOR batch IN EXECUTE format($query$
        SELECT array_agg(k.id ORDER BY k.id)
        FROM (
            SELECT d.id, (row_number() OVER (ORDER BY d.id) - 1) / 10000 AS batch
            FROM (
                SELECT DISTINCT m.message_id AS id
                FROM %s AS t JOIN msgstatus.message AS m ON m.message_id = t.%I::text COLLATE "C"
                WHERE $1 IS NULL OR LEAST(age(m.xmin), age(t.xmin)) <= age($1)
            ) AS d
        ) AS k
        GROUP BY k.batch ORDER BY k.batch
        $query$, attached.target, attached.key_column) USING since
    LOOP
        failed := failed + msgstatus.reflect_messages(attached.attached_table_id, batch);
    END LOOP;
    RETURN failed;
END
$$;
COMMENT ON FUNCTION msgstatus.reflect_stale_rows(integer, xid) IS
    'Brings the rows of an attached table up to date, all or those that were written, or whose message was, since a transaction; returns for how many messages that failed';

CREATE FUNCTION msgstatus.attach_table(
    target regclass, key_column name, columns jsonb DEFAULT NULL, time_zone text DEFAULT 'UTC',
    search_path text DEFAULT current_setting('search_path')
) RETURNS jsonb
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
    problem record;
    mapping jsonb;
    id integer;
    known boolean;
    before xid;
    failed bigint;
BEGIN
    PERFORM msgstatus.check_installation();
    FOR problem IN
        SELECT * FROM msgstatus.target_problems(target, key_column)
        UNION ALL
        SELECT c.problem, c.message, c.hint FROM msgstatus.attached_columns(target, key_column, columns) AS c WHERE c.problem IS NOT NULL
    LOOP
        IF problem.problem = '01000' THEN
            RAISE WARNING USING MESSAGE = problem.message, HINT = problem.hint;
        ELSE
            RAISE EXCEPTION USING ERRCODE = problem.problem, MESSAGE = problem.message, HINT = problem.hint;
        END IF;
    END LOOP;
    IF time_zone IS NULL OR search_path IS NULL THEN
        RAISE null_value_not_allowed USING MESSAGE = 'time_zone and search_path must be said';
    END IF;
    -- Raises 22023 for a zone that is none.
    PERFORM now() AT TIME ZONE time_zone;
    SELECT jsonb_object_agg(c.fact, jsonb_strip_nulls(jsonb_build_object('column', c.column_name, 'spelling', c.spelling)))
    INTO mapping FROM msgstatus.attached_columns(target, key_column, columns) AS c;

    -- One at a time for a table. Calls know nothing of it yet, so the rows can be brought up to date beside them. Where the table is
    -- attached already, calls update its rows, and would wait for those done here while this waits for the calls: so they wait first.
    PERFORM pg_advisory_xact_lock(hashtextextended('msgstatus.attach_table', target::oid::bigint));
    known := EXISTS (SELECT FROM msgstatus.attached_table AS a WHERE a.target = attach_table.target);
    IF known THEN
        LOCK TABLE msgstatus.message IN SHARE ROW EXCLUSIVE MODE;
    END IF;
    id := msgstatus.store_attached_table(target, key_column, mapping, msgstatus.reflecting_update(target, key_column, mapping, time_zone),
        search_path, time_zone);
    before := pg_snapshot_xmin(pg_current_snapshot())::xid;
    failed := msgstatus.reflect_stale_rows(id);

    -- First the table, whose writers may take long, then the calls, which do not.
    IF NOT EXISTS (SELECT FROM pg_trigger AS t WHERE t.tgrelid = target AND t.tgname = format('msgstatus_%s_insert', id)) THEN
        EXECUTE format('CREATE TRIGGER %I AFTER INSERT ON %s REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT'
            ' EXECUTE FUNCTION msgstatus.reflect_inserted_rows(%L)', format('msgstatus_%s_insert', id), target, id);
        EXECUTE format('CREATE TRIGGER %I AFTER UPDATE OF %I ON %s FOR EACH ROW'
            ' WHEN (new.%I IS NOT NULL AND new.%I IS DISTINCT FROM old.%I) EXECUTE FUNCTION msgstatus.reflect_changed_key(%L)',
            format('msgstatus_%s_update', id), key_column, target, key_column, key_column, key_column, id);
    END IF;
    IF NOT known THEN
        LOCK TABLE msgstatus.message IN SHARE ROW EXCLUSIVE MODE;
        failed := msgstatus.reflect_stale_rows(id, before) + failed;
        -- Those that failed both times are counted once.
        SELECT count(*) INTO failed FROM msgstatus.attached_table_failure AS f WHERE f.attached_table_id = id;
    END IF;
    IF failed > 0 THEN
        RAISE WARNING USING MESSAGE = format('the rows of %s messages in %s could not be brought up to date', failed, target),
            HINT = 'msgstatus.attached_table_failure tells why; resync_table tries again.';
    END IF;
    RETURN mapping;
END
$$;
COMMENT ON FUNCTION msgstatus.attach_table(regclass, name, jsonb, text, text) IS
    'Has every applied status reflected in the rows of a table, from now on and for those it has, with the caller''s rights; returns which column shows what';

CREATE FUNCTION msgstatus.detach_table(target regclass, key_column name DEFAULT NULL) RETURNS integer
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
    attached record;
    trigger_name name;
    detached integer := 0;
BEGIN
    PERFORM msgstatus.check_installation();
    -- So that no call is at its rows.
    PERFORM pg_advisory_xact_lock(hashtextextended('msgstatus.attach_table', target::oid::bigint));
    LOCK TABLE msgstatus.message IN SHARE ROW EXCLUSIVE MODE;
    FOR attached IN
        SELECT a.attached_table_id AS id FROM msgstatus.attached_table AS a
        WHERE a.target = detach_table.target AND (key_column IS NULL OR a.key_column = detach_table.key_column)
        ORDER BY a.attached_table_id
    LOOP
        FOR trigger_name IN
            SELECT t.tgname FROM pg_trigger AS t
            WHERE t.tgrelid = target AND t.tgparentid = 0 AND t.tgname IN (format('msgstatus_%s_insert', attached.id), format('msgstatus_%s_update', attached.id))
        LOOP
            EXECUTE format('DROP TRIGGER %I ON %s', trigger_name, target);
        END LOOP;
        detached := detached + msgstatus.remove_attached_table(attached.id)::integer;
    END LOOP;
    IF detached = 0 THEN
        RAISE undefined_object USING MESSAGE = format('%s is not attached%s', target, ' by column "' || key_column || '"'),
            HINT = 'The view attached_tables lists what is.';
    END IF;
    RETURN detached;
END
$$;
COMMENT ON FUNCTION msgstatus.detach_table(regclass, name) IS
    'Ends what attach_table began, for one key or all of a table, and returns how many that were; the rows stay as they are. 42704 where it is not attached';

CREATE FUNCTION msgstatus.resync_table(target regclass, key_column name DEFAULT NULL) RETURNS bigint
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
    id integer;
    failed bigint := 0;
    found_any boolean := false;
BEGIN
    PERFORM msgstatus.check_installation();
    FOR id IN
        SELECT a.attached_table_id FROM msgstatus.attached_table AS a
        WHERE a.target = resync_table.target AND (key_column IS NULL OR a.key_column = resync_table.key_column)
        ORDER BY a.attached_table_id
    LOOP
        found_any := true;
        failed := failed + msgstatus.reflect_stale_rows(id);
    END LOOP;
    IF NOT found_any THEN
        RAISE undefined_object USING MESSAGE = format('%s is not attached%s', target, ' by column "' || key_column || '"'),
            HINT = 'The view attached_tables lists what is.';
    END IF;
    RETURN failed;
END
$$;
COMMENT ON FUNCTION msgstatus.resync_table(regclass, name) IS
    'Brings all rows of an attached table up to date, and returns for how many messages that failed. 42704 where it is not attached';
