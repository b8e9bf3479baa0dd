-- Rows of hours that are over, folded: the slots of each key into slot 0, and what they add up to by hour into folded_hour. Rows
-- that somebody is writing to are left for the next time, and nobody else writes to slot 0 and folded_hour, so folding waits for
-- no writer. A reader's snapshot holds a row either as it was or folded.

CREATE FUNCTION msgstatus.fold_rollups(older_than interval DEFAULT '1 hour', max_rows integer DEFAULT 20000)
    RETURNS bigint LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    rows_of_table bigint;
    folded bigint;
BEGIN
    PERFORM msgstatus.check_installation();
    -- Two who fold at once would write to the same rows. In the order of rebuild_rollups(), which keeps both out.
    LOCK TABLE msgstatus.message_rollup, msgstatus.folded_hour, msgstatus.failure_rollup IN ROW EXCLUSIVE MODE;
    IF NOT pg_try_advisory_xact_lock(hashtextextended('msgstatus.fold_rollups', 0)) THEN
        RETURN 0;
    END IF;

    WITH free AS (
        SELECT r.ctid AS row FROM msgstatus.message_rollup AS r
        WHERE r.slot > 0 AND r.hour < now() - fold_rollups.older_than
        ORDER BY r.hour LIMIT fold_rollups.max_rows
        FOR UPDATE SKIP LOCKED
    ), gone AS (
        DELETE FROM msgstatus.message_rollup AS r USING free AS f WHERE r.ctid = f.row RETURNING r.*
    ), by_hour AS (
        INSERT INTO msgstatus.folded_hour AS r (hour, inbound,
            messages, sent, in_processing, in_received, in_pending, in_scheduled, in_accepted, in_queued, in_sending,
            in_sent, in_partially_delivered, in_skipped, in_canceled, in_failed, in_undelivered, in_delivered,
            in_read, in_played, delivery, reading, failure, recipients)
        SELECT g.hour, g.direction IS NOT DISTINCT FROM 'inbound',
            sum(g.messages)::integer, sum(g.sent)::integer, sum(g.in_processing)::integer,
            sum(g.in_received)::integer, sum(g.in_pending)::integer, sum(g.in_scheduled)::integer,
            sum(g.in_accepted)::integer, sum(g.in_queued)::integer, sum(g.in_sending)::integer,
            sum(g.in_sent)::integer, sum(g.in_partially_delivered)::integer, sum(g.in_skipped)::integer,
            sum(g.in_canceled)::integer, sum(g.in_failed)::integer, sum(g.in_undelivered)::integer,
            sum(g.in_delivered)::integer, sum(g.in_read)::integer, sum(g.in_played)::integer,
            msgstatus.sum(g.delivery), msgstatus.sum(g.reading), msgstatus.sum(g.failure), sum(g.recipients)::bigint
        FROM gone AS g
        GROUP BY g.hour, g.direction IS NOT DISTINCT FROM 'inbound'
        ON CONFLICT (hour, inbound) DO UPDATE SET
            messages = r.messages + excluded.messages, sent = r.sent + excluded.sent,
            in_processing = r.in_processing + excluded.in_processing,
            in_received = r.in_received + excluded.in_received, in_pending = r.in_pending + excluded.in_pending,
            in_scheduled = r.in_scheduled + excluded.in_scheduled, in_accepted = r.in_accepted + excluded.in_accepted,
            in_queued = r.in_queued + excluded.in_queued, in_sending = r.in_sending + excluded.in_sending,
            in_sent = r.in_sent + excluded.in_sent,
            in_partially_delivered = r.in_partially_delivered + excluded.in_partially_delivered,
            in_skipped = r.in_skipped + excluded.in_skipped, in_canceled = r.in_canceled + excluded.in_canceled,
            in_failed = r.in_failed + excluded.in_failed, in_undelivered = r.in_undelivered + excluded.in_undelivered,
            in_delivered = r.in_delivered + excluded.in_delivered, in_read = r.in_read + excluded.in_read,
            in_played = r.in_played + excluded.in_played,
            delivery = r.delivery OPERATOR(msgstatus.+) excluded.delivery,
            reading = r.reading OPERATOR(msgstatus.+) excluded.reading,
            failure = r.failure OPERATOR(msgstatus.+) excluded.failure,
            recipients = r.recipients + excluded.recipients
    ), by_combination AS (
        INSERT INTO msgstatus.message_rollup AS r (hour, provider, sender, message_type, direction, campaign_id, slot,
            messages, sent, in_processing, in_received, in_pending, in_scheduled, in_accepted, in_queued, in_sending,
            in_sent, in_partially_delivered, in_skipped, in_canceled, in_failed, in_undelivered, in_delivered,
            in_read, in_played, delivery, reading, failure, recipients)
        SELECT g.hour, g.provider, g.sender, g.message_type, g.direction, g.campaign_id, 0,
            sum(g.messages)::integer, sum(g.sent)::integer, sum(g.in_processing)::integer,
            sum(g.in_received)::integer, sum(g.in_pending)::integer, sum(g.in_scheduled)::integer,
            sum(g.in_accepted)::integer, sum(g.in_queued)::integer, sum(g.in_sending)::integer,
            sum(g.in_sent)::integer, sum(g.in_partially_delivered)::integer, sum(g.in_skipped)::integer,
            sum(g.in_canceled)::integer, sum(g.in_failed)::integer, sum(g.in_undelivered)::integer,
            sum(g.in_delivered)::integer, sum(g.in_read)::integer, sum(g.in_played)::integer,
            msgstatus.sum(g.delivery), msgstatus.sum(g.reading), msgstatus.sum(g.failure), sum(g.recipients)::bigint
        FROM gone AS g
        GROUP BY g.hour, g.provider, g.sender, g.message_type, g.direction, g.campaign_id
        ON CONFLICT (hour, provider, sender, message_type, direction, campaign_id, slot) DO UPDATE SET
            messages = r.messages + excluded.messages, sent = r.sent + excluded.sent,
            in_processing = r.in_processing + excluded.in_processing,
            in_received = r.in_received + excluded.in_received, in_pending = r.in_pending + excluded.in_pending,
            in_scheduled = r.in_scheduled + excluded.in_scheduled, in_accepted = r.in_accepted + excluded.in_accepted,
            in_queued = r.in_queued + excluded.in_queued, in_sending = r.in_sending + excluded.in_sending,
            in_sent = r.in_sent + excluded.in_sent,
            in_partially_delivered = r.in_partially_delivered + excluded.in_partially_delivered,
            in_skipped = r.in_skipped + excluded.in_skipped, in_canceled = r.in_canceled + excluded.in_canceled,
            in_failed = r.in_failed + excluded.in_failed, in_undelivered = r.in_undelivered + excluded.in_undelivered,
            in_delivered = r.in_delivered + excluded.in_delivered, in_read = r.in_read + excluded.in_read,
            in_played = r.in_played + excluded.in_played,
            delivery = r.delivery OPERATOR(msgstatus.+) excluded.delivery,
            reading = r.reading OPERATOR(msgstatus.+) excluded.reading,
            failure = r.failure OPERATOR(msgstatus.+) excluded.failure,
            recipients = r.recipients + excluded.recipients
    )
    SELECT count(*) INTO folded FROM gone;

    WITH free AS (
        SELECT r.ctid AS row FROM msgstatus.failure_rollup AS r
        WHERE r.slot > 0 AND r.hour < now() - fold_rollups.older_than
        ORDER BY r.hour LIMIT fold_rollups.max_rows
        FOR UPDATE SKIP LOCKED
    ), gone AS (
        DELETE FROM msgstatus.failure_rollup AS r USING free AS f WHERE r.ctid = f.row RETURNING r.*
    ), folded AS (
        INSERT INTO msgstatus.failure_rollup AS r (hour, provider, error_code, slot, messages)
        SELECT g.hour, g.provider, g.error_code, 0, sum(g.messages)::integer
        FROM gone AS g
        GROUP BY g.hour, g.provider, g.error_code
        ON CONFLICT (hour, provider, error_code, slot) DO UPDATE SET messages = r.messages + excluded.messages
    )
    SELECT count(*) INTO rows_of_table FROM gone;
    RETURN folded + rows_of_table;
END
$$;
COMMENT ON FUNCTION msgstatus.fold_rollups(interval, integer) IS
    'Folds the slots of rollup rows of hours that began longer ago into one, at most so many rows of each table, and returns how many it folded; 0 where somebody else is folding';
