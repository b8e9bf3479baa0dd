-- Deletes old messages, events and dead letters for good. A purge skips locked rows, so it waits for no session; the next purge
-- deletes them.

CREATE FUNCTION msgstatus.purge_messages(before timestamptz, max_messages integer DEFAULT 10000) RETURNS bigint
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    horizon CONSTANT timestamptz := date_trunc('hour', LEAST(purge_messages.before, now()), 'UTC');
    purged text[];
    purged_ids text[]; -- with the aliases
BEGIN
    PERFORM msgstatus.check_installation();
    IF purge_messages.before IS NULL THEN
        RAISE null_value_not_allowed USING MESSAGE = 'argument "before" must not be null';
    END IF;
    -- From now on, rollups of these hours are neither verified nor rebuilt. A session that does so now has locked the row, and
    -- this waits for it.
    UPDATE msgstatus.maintenance SET purged_before = GREATEST(purged_before, horizon);
    WITH free AS (
        SELECT m.message_id
        FROM msgstatus.message AS m
        WHERE m.created_at < horizon
        ORDER BY m.created_at
        LIMIT purge_messages.max_messages
        FOR UPDATE SKIP LOCKED
    ), gone AS (
        DELETE FROM msgstatus.message AS m USING free AS f WHERE m.message_id = f.message_id RETURNING m.message_id
    )
    SELECT array_agg(g.message_id) INTO purged FROM gone AS g;
    -- Every writer to the trail of a message locks the message first.
    DELETE FROM msgstatus.status_event AS e WHERE e.message_id = ANY (purged);
    WITH gone AS (
        DELETE FROM msgstatus.message_alias AS a WHERE a.message_id = ANY (purged) RETURNING a.alias
    )
    SELECT purged || array_agg(g.alias) INTO purged_ids FROM gone AS g;
    DELETE FROM msgstatus.attached_table_failure AS f USING msgstatus.attached_table AS a
    WHERE f.attached_table_id = a.attached_table_id AND f.message_id = ANY (purged_ids);
    DELETE FROM msgstatus.refresh_queue AS q WHERE q.message_id = ANY (purged_ids);
    DELETE FROM msgstatus.message_check AS c WHERE c.message_id = ANY (purged_ids);
    -- Those of messages that never came, or came under another id.
    DELETE FROM msgstatus.message_alias AS a USING (
        SELECT o.alias FROM msgstatus.message_alias AS o
        WHERE o.learnt_at < horizon
            -- Ids that forget_message_alias() was told of stay so.
            AND (o.alias <> o.message_id OR o.is_alias)
            AND NOT EXISTS (SELECT FROM msgstatus.message AS m WHERE m.message_id = o.message_id)
        LIMIT purge_messages.max_messages
        FOR UPDATE SKIP LOCKED
    ) AS f
    WHERE a.alias = f.alias;
    -- The lists of recipients hold phone numbers, so they are deleted with the messages. What is counted by prefix is deleted, too,
    -- since it is no longer what message_log() finds.
    DELETE FROM msgstatus.recipient_rollup AS r WHERE r.day < (horizon AT TIME ZONE 'UTC');
    DELETE FROM msgstatus.recipient_day AS d WHERE d.day < (horizon AT TIME ZONE 'UTC');
    DELETE FROM msgstatus.recipient_total AS t USING msgstatus.recipient_window AS w
    WHERE w.days = t.days AND w.first_day < (horizon AT TIME ZONE 'UTC');
    DELETE FROM msgstatus.recipient_window AS w WHERE w.first_day < (horizon AT TIME ZONE 'UTC');
    DELETE FROM msgstatus.prefix_rollup AS r WHERE r.beginning < horizon;
    DELETE FROM msgstatus.prefix_period AS p WHERE p.beginning < horizon;
    RETURN COALESCE(cardinality(purged), 0);
END
$$;
COMMENT ON FUNCTION msgstatus.purge_messages(timestamptz, integer) IS
    'Deletes at most max_messages messages created before a time (whole hours), with their trail but not their rollups, the oldest first, and returns how many; to be repeated until 0';

CREATE FUNCTION msgstatus.purge_events(before timestamptz, max_events integer DEFAULT 10000) RETURNS bigint
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    purged bigint;
BEGIN
    PERFORM msgstatus.check_installation();
    IF NOT msgstatus.trail_is_ours() OR to_regclass('msgstatus.status_event_default') IS NULL THEN
        RETURN 0;
    END IF;
    WITH free AS (
        SELECT e.ctid AS row
        FROM msgstatus.status_event_default AS e
        WHERE e.received_at < purge_events.before
        LIMIT purge_events.max_events
        FOR UPDATE SKIP LOCKED
    )
    DELETE FROM msgstatus.status_event_default AS e USING free AS f WHERE e.ctid = f.row;
    GET DIAGNOSTICS purged = ROW_COUNT;
    RETURN purged;
END
$$;
COMMENT ON FUNCTION msgstatus.purge_events(timestamptz, integer) IS
    'Deletes at most max_events events received before a time from the default partition of the trail, and returns how many';

CREATE FUNCTION msgstatus.purge_rejected(before timestamptz, max_rows integer DEFAULT 10000) RETURNS bigint
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    purged bigint;
BEGIN
    PERFORM msgstatus.check_installation();
    WITH free AS (
        SELECT r.rejected_id
        FROM msgstatus.rejected_status AS r
        WHERE r.rejected_at < purge_rejected.before
        ORDER BY r.rejected_at, r.rejected_id
        LIMIT purge_rejected.max_rows
        FOR UPDATE SKIP LOCKED
    )
    DELETE FROM msgstatus.rejected_status AS r USING free AS f WHERE r.rejected_id = f.rejected_id;
    GET DIAGNOSTICS purged = ROW_COUNT;
    RETURN purged;
END
$$;
COMMENT ON FUNCTION msgstatus.purge_rejected(timestamptz, integer) IS
    'Deletes at most max_rows dead letters last rejected before a time, the oldest first, and returns how many; to be repeated until 0';
