CREATE FUNCTION msgstatus.failures_without_row(target regclass, key_column name, attached_table_id integer)
    RETURNS SETOF text[]
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN QUERY EXECUTE format($query$
        SELECT array_agg(k.message_id ORDER BY k.message_id)
        FROM (
            SELECT w.message_id, (row_number() OVER (ORDER BY w.message_id) - 1) / 10000 AS batch
            FROM (
                SELECT f.message_id FROM msgstatus.attached_table_failure AS f WHERE f.attached_table_id = $1
                EXCEPT
                SELECT t.%I::text COLLATE "C" FROM %s AS t
                WHERE EXISTS (SELECT FROM msgstatus.attached_table_failure AS f WHERE f.attached_table_id = $1)
            ) AS w
        ) AS k
        GROUP BY k.batch ORDER BY k.batch
        $query$, key_column, target)
    USING attached_table_id;
END
$$;
COMMENT ON FUNCTION msgstatus.failures_without_row(regclass, name, integer) IS
    'The messages that could not be shown in an attached table and have no row there, or none any more, in batches';

CREATE FUNCTION msgstatus.update_unlocked(update_sql text, message_ids text[], search_path text) RETURNS boolean
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    messages CONSTANT msgstatus.reflection[] := ARRAY(
        SELECT ROW(k.id, m.status, m.error_code, m.error_title, m.error_details, NULL,
            m.updated_at)::msgstatus.reflection
        FROM msgstatus.messages_named(update_unlocked.message_ids) AS k
        JOIN msgstatus.message AS m ON m.message_id = k.message_id
        ORDER BY k.id COLLATE "C");
BEGIN
    -- That of the table's triggers, until this function returns.
    PERFORM set_config('search_path', update_unlocked.search_path, true);
    EXECUTE update_sql USING messages;
    RETURN true;
EXCEPTION
    WHEN OTHERS THEN
        RETURN false;
END
$$;
COMMENT ON FUNCTION msgstatus.update_unlocked(text, text[], text) IS
    'Brings the rows of these messages up to date beside calls that apply statuses, and tells whether that went well';

CREATE FUNCTION msgstatus.resync_table(target regclass, key_column name DEFAULT NULL) RETURNS bigint
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    attached record;
    batch text[];
    failed bigint := 0;
BEGIN
    PERFORM msgstatus.check_installation();
    FOR attached IN SELECT * FROM msgstatus.attached_keys(target, resync_table.key_column) LOOP
        IF NOT attached.is_there THEN
            RAISE undefined_column USING
                MESSAGE = format('%s is attached by column "%s", which does not exist any more', target, attached.key_column),
                HINT = 'Attach it by what the column is called now; that ends this one.';
        END IF;
        FOR batch IN
            SELECT b FROM msgstatus.attached_batches(attached.attached_table_id) AS b
        LOOP
            failed := failed + msgstatus.reflect_messages(attached.attached_table_id, batch);
        END LOOP;
    END LOOP;
    RETURN failed;
END
$$;
COMMENT ON FUNCTION msgstatus.resync_table(regclass, name) IS
    'Brings all rows of an attached table up to date, and returns for how many messages that failed. 42704 where it is not attached, 42703 where its key was renamed';

CREATE FUNCTION msgstatus.retry_locked_rows(max_messages integer DEFAULT 1000) RETURNS bigint
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    attached record;
    tried bigint := 0;
BEGIN
    FOR attached IN
        SELECT f.attached_table_id AS id, array_agg(f.message_id ORDER BY f.message_id) AS messages
        FROM (
            SELECT l.attached_table_id, l.message_id FROM msgstatus.attached_table_failure AS l
            -- Somebody held the row or the table for longer than the lock_timeout, or waited in a circle; or the row that a
            -- history references was not there yet, and may never come, so that these are tried last.
            WHERE l.error_code IN ('55P03', '40P01', '23503')
            ORDER BY l.error_code = '23503', l.failed_at LIMIT retry_locked_rows.max_messages
        ) AS f
        GROUP BY f.attached_table_id ORDER BY f.attached_table_id
    LOOP
        PERFORM msgstatus.reflect_messages(attached.id, attached.messages);
        tried := tried + cardinality(attached.messages);
    END LOOP;
    RETURN tried;
END
$$;
COMMENT ON FUNCTION msgstatus.retry_locked_rows(integer) IS
    'Tries again to show messages in attached tables that somebody had locked or that lacked a referenced row, at most so many, and returns how many; called by maintain()';
