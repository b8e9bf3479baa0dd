-- attach_table(): keeps a user's table up to date with every applied status; with the functions that it calls for triggers,
-- batches and names.

CREATE FUNCTION msgstatus.attached_messages(target regclass, key_column name, since xid DEFAULT NULL)
    RETURNS SETOF text[]
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    messages text := '(SELECT m.message_id AS id, m.xmin AS written, m.xmin AS learnt FROM msgstatus.message AS m)';
BEGIN
    -- A row may name its message by any id.
    IF msgstatus.reads_aliases() THEN
        messages := '(SELECT m.message_id AS id, m.xmin AS written, m.xmin AS learnt FROM msgstatus.message AS m'
            ' UNION ALL SELECT a.alias, m.xmin, a.xmin FROM msgstatus.message_alias AS a'
            ' JOIN msgstatus.message AS m ON m.message_id = a.message_id WHERE a.alias <> a.message_id)';
    END IF;
    RETURN QUERY EXECUTE format($query$
        SELECT array_agg(k.id ORDER BY k.id)
        FROM (
            SELECT d.id, (row_number() OVER (ORDER BY d.id) - 1) / 10000 AS batch
            FROM (
                SELECT DISTINCT m.id
                FROM %s AS t JOIN %s AS m ON m.id = t.%I::text COLLATE "C"
                WHERE $1 IS NULL OR age(m.written) <= age($1) OR age(m.learnt) <= age($1)
                    -- Rows that this transaction wrote, including its subtransactions, are "in progress"; rows in progress of
                    -- other transactions are invisible anyway.
                    OR age(t.xmin) <= age($1) AND pg_xact_status(($2 - age(t.xmin))::text::xid8) <> 'in progress'
            ) AS d
        ) AS k
        GROUP BY k.batch ORDER BY k.batch
        $query$, target, messages, key_column)
    USING since,
        CASE WHEN since IS NOT NULL THEN pg_current_xact_id()::text::bigint + age(pg_current_xact_id()::xid) END;
END
$$;
COMMENT ON FUNCTION msgstatus.attached_messages(regclass, name, xid) IS
    'The messages that have rows in a table, in batches in the order of ids, as calls lock them: all, or those whose message or row another transaction has written since the given one';

CREATE FUNCTION msgstatus.make_attached_triggers(target regclass, key_column name, attached_table_id integer)
    RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    on_insert CONSTANT name := format('msgstatus_%s_insert', attached_table_id);
    on_update CONSTANT name := format('msgstatus_%s_update', attached_table_id);
BEGIN
    IF EXISTS (SELECT FROM pg_trigger AS t WHERE t.tgrelid = target AND t.tgname = on_update) THEN
        RETURN;
    END IF;
    IF (SELECT c.relkind FROM pg_class AS c WHERE c.oid = target) = 'p' THEN
        -- An INSERT into a partition fires only the row triggers of the partitioned table, not its statement triggers.
        EXECUTE format('CREATE TRIGGER %I AFTER INSERT ON %s FOR EACH ROW WHEN (new.%I IS NOT NULL)'
            ' EXECUTE FUNCTION msgstatus.reflect_changed_key(%L)', on_insert, target, key_column, attached_table_id);
    ELSE
        EXECUTE format('CREATE TRIGGER %I AFTER INSERT ON %s REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT'
            ' EXECUTE FUNCTION msgstatus.reflect_inserted_rows(%L)', on_insert, target, attached_table_id);
    END IF;
    EXECUTE format('CREATE TRIGGER %I AFTER UPDATE OF %I ON %s FOR EACH ROW'
        ' WHEN (new.%I IS NOT NULL AND new.%I IS DISTINCT FROM old.%I)'
        ' EXECUTE FUNCTION msgstatus.reflect_changed_key(%L)',
        on_update, key_column, target, key_column, key_column, key_column, attached_table_id);
END
$$;
COMMENT ON FUNCTION msgstatus.make_attached_triggers(regclass, name, integer) IS
    'Creates the triggers that update rows inserted after their statuses';

CREATE FUNCTION msgstatus.attached_keys(target regclass, wanted name)
    RETURNS TABLE (attached_table_id integer, key_column name, is_there boolean)
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT a.attached_table_id, a.key_column,
        EXISTS (SELECT FROM msgstatus.column_types(a.target) AS c WHERE c.column_name = a.key_column)
    FROM msgstatus.attached_table AS a
    WHERE a.target = attached_keys.target AND (wanted IS NULL OR a.key_column = wanted)
    ORDER BY a.attached_table_id;
    IF NOT FOUND THEN
        RAISE undefined_object USING
            MESSAGE = format('%s is not attached%s', attached_keys.target, ' by column "' || wanted || '"'),
            HINT = 'The view attached_tables lists the attached tables.';
    END IF;
END
$$;
COMMENT ON FUNCTION msgstatus.attached_keys(regclass, name) IS
    'The key columns by which a table is attached, or one of them, and whether the column still exists; 42704 if the table is not attached';

CREATE FUNCTION msgstatus.report_problem(problem text, message text, hint text) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF problem = '01000' THEN
        RAISE WARNING USING MESSAGE = message, HINT = hint;
    ELSE
        RAISE EXCEPTION USING ERRCODE = problem, MESSAGE = message, HINT = hint;
    END IF;
END
$$;
COMMENT ON FUNCTION msgstatus.report_problem(text, text, text) IS
    'Raises a problem of an attachment: a warning for 01000, an error for another SQLSTATE';

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
    stale integer;
    update_sql text;
    batch text[];
    left_over text[] := '{}';
    known boolean;
    before xid;
    failed bigint := 0;
BEGIN
    PERFORM msgstatus.check_installation();
    FOR problem IN
        SELECT * FROM msgstatus.target_problems(target, key_column, msgstatus.is_history(columns))
        UNION ALL
        SELECT c.problem, c.message, c.hint
        FROM msgstatus.attached_columns(target, key_column, columns) AS c WHERE c.problem IS NOT NULL
    LOOP
        PERFORM msgstatus.report_problem(problem.problem, problem.message, problem.hint);
    END LOOP;
    IF time_zone IS NULL OR search_path IS NULL THEN
        RAISE null_value_not_allowed USING MESSAGE = 'time_zone and search_path must not be null';
    END IF;
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE invalid_transaction_state USING MESSAGE = 'attach_table() requires isolation level READ COMMITTED',
            DETAIL = 'It must see rows that other transactions commit while it waits for its locks.',
            HINT = 'Run it in a READ COMMITTED transaction.';
    END IF;
    -- Raises 22023 for an unknown time zone.
    PERFORM now() AT TIME ZONE time_zone;
    mapping := msgstatus.attached_mapping(target, key_column, columns);
    FOR problem IN SELECT * FROM msgstatus.content_problems(target, key_column, mapping, time_zone, true) LOOP
        PERFORM msgstatus.report_problem(problem.problem, problem.message, problem.hint);
    END LOOP;

    -- One session at a time for each table. Calls do not know a new table yet, so its rows can be updated while calls run. If
    -- the table is attached already, calls update its rows and could wait for rows updated here while this session waits for
    -- the calls. So in that case writers are locked out first.
    PERFORM pg_advisory_xact_lock(hashtextextended('msgstatus.attach_table', target::oid::bigint));
    known := EXISTS (SELECT FROM msgstatus.attached_table AS a WHERE a.target = attach_table.target);
    update_sql := msgstatus.reflecting_update(target, key_column, mapping, time_zone);
    IF known THEN
        LOCK TABLE msgstatus.message IN SHARE ROW EXCLUSIVE MODE;
    END IF;
    id := msgstatus.store_attached_table(target, key_column, mapping, update_sql, search_path, time_zone);
    IF known THEN
        PERFORM msgstatus.make_attached_triggers(target, key_column, id);
    END IF;
    before := pg_snapshot_xmin(pg_current_snapshot())::xid;
    FOR batch IN SELECT b FROM msgstatus.attached_messages(target, key_column) AS b LOOP
        IF known THEN
            failed := failed + msgstatus.reflect_messages(id, batch);
        -- Beside writers that insert rows of a history, states would get two rows.
        ELSIF msgstatus.is_history(mapping) THEN
            left_over := left_over || batch;
        ELSIF NOT msgstatus.update_unlocked(update_sql, batch, search_path) THEN
            left_over := left_over || batch;
        END IF;
    END LOOP;
    -- Now that writers and calls are locked out, update the rows written meanwhile and the rows that were left over. Creating
    -- triggers waits for writers of the table, which may take long, so it comes first.
    IF NOT known THEN
        PERFORM msgstatus.make_attached_triggers(target, key_column, id);
        LOCK TABLE msgstatus.message IN SHARE ROW EXCLUSIVE MODE;
        FOR batch IN
            SELECT array_agg(DISTINCT i.id)
            FROM (
                SELECT unnest(b) AS id FROM msgstatus.attached_messages(target, key_column, before) AS b
                UNION ALL
                SELECT unnest(left_over)
            ) AS i
            HAVING count(*) > 0
        LOOP
            failed := msgstatus.reflect_messages(id, batch);
        END LOOP;
    END IF;
    -- An attachment by a column that was renamed can only fail. Ended last, because dropping triggers also locks out readers.
    FOR stale IN SELECT k.attached_table_id FROM msgstatus.attached_keys(target, NULL) AS k WHERE NOT k.is_there LOOP
        BEGIN
            PERFORM msgstatus.end_attachment(stale, target);
        EXCEPTION
            -- Attached by another role.
            WHEN insufficient_privilege THEN
                NULL;
        END;
    END LOOP;
    IF failed > 0 THEN
        RAISE WARNING USING
            MESSAGE = format('could not update rows in %s for %s of its messages', target, failed),
            HINT = 'The table msgstatus.attached_table_failure holds the reasons; resync_table() tries again.';
    END IF;
    RETURN mapping;
END
$$;
COMMENT ON FUNCTION msgstatus.attach_table(regclass, name, jsonb, text, text) IS
    'Reflects every applied status in the rows of a table, existing and new ones, with the caller''s rights; returns the fact that each column shows';
