-- Created by install(): what was asked for and what came of it; and what the worker's role needs to read of messages, which views
-- read as their owner.

CREATE FUNCTION msgstatus.install_refresh_views() RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    commented record;
BEGIN
    CREATE OR REPLACE VIEW msgstatus.refresh_status WITH (security_barrier) AS
    SELECT msgstatus.shown_id((SELECT k.key FROM msgstatus.id_key AS k), COALESCE(q.message_id, c.message_id)) AS message_id,
        COALESCE(q.asked_at, c.asked_at) AS asked_at,
        COALESCE(q.asked_by, c.asked_by) AS asked_by,
        q.message_id IS NOT NULL AS waiting,
        q.worker,
        q.next_attempt_at,
        COALESCE(q.attempts, c.attempts) AS attempts,
        msgstatus.mask_numbers(COALESCE(q.last_error, c.error)) AS last_error,
        c.checked_at AS last_check,
        c.outcome
    FROM msgstatus.refresh_queue AS q
    FULL JOIN msgstatus.message_check AS c ON c.message_id = q.message_id
    WHERE (SELECT msgstatus.sees_all('msgstatus.message')) IS NOT NULL;
    COMMENT ON VIEW msgstatus.refresh_status IS
        'The messages that wait for a fetch or whose status was fetched, with what came of it';

    CREATE OR REPLACE VIEW msgstatus.refresh_workers AS
    SELECT w.worker, w.started_at, w.seen_at, w.state, msgstatus.mask_numbers(w.detail) AS detail,
        w.state <> 'stopped' AND w.seen_at > now() - interval '1 minute' AS is_alive
    FROM msgstatus.refresh_worker AS w
    WHERE w.seen_at > now() - interval '1 day';
    COMMENT ON VIEW msgstatus.refresh_workers IS 'The workers that reported within a day';

    CREATE OR REPLACE VIEW msgstatus.reconciliations AS
    SELECT r.reconciliation_id, r.worker, r.sent_from, r.began_at, r.ended_at, r.pages, r.messages, r.changed, r.discovered,
        msgstatus.mask_numbers(r.error) AS error
    FROM msgstatus.reconciliation AS r
    ORDER BY r.reconciliation_id DESC;
    COMMENT ON VIEW msgstatus.reconciliations IS
        'The comparisons with the provider''s lists, and how many messages each brought up to date, the latest first';

    CREATE OR REPLACE VIEW msgstatus.refresh_known WITH (security_barrier) AS
    SELECT m.message_id, m.provider, m.direction, msgstatus.state(m.status) AS state, m.created_at
    FROM msgstatus.message AS m
    UNION ALL
    SELECT a.alias, m.provider, m.direction, msgstatus.state(m.status), m.created_at
    FROM msgstatus.message_alias AS a JOIN msgstatus.message AS m ON m.message_id = a.message_id
    WHERE a.alias <> a.message_id;
    COMMENT ON VIEW msgstatus.refresh_known IS 'What a worker may read of messages; a row for each id';

    CREATE OR REPLACE VIEW msgstatus.refresh_account WITH (security_barrier) AS
    SELECT e.message_id, e.received_at, a.account_sid
    FROM msgstatus.status_event AS e
    CROSS JOIN LATERAL (SELECT COALESCE(e.detail ->> 'AccountSid', e.detail ->> 'account_sid', e.detail ->> 'accountSid')) AS a (account_sid)
    WHERE a.account_sid ~ '^AC[0-9a-fA-F]{32}$'
    UNION ALL
    SELECT i.alias, e.received_at, a.account_sid
    FROM msgstatus.message_alias AS i
    JOIN msgstatus.status_event AS e ON e.message_id = i.message_id
    CROSS JOIN LATERAL (SELECT COALESCE(e.detail ->> 'AccountSid', e.detail ->> 'account_sid', e.detail ->> 'accountSid')) AS a (account_sid)
    WHERE i.alias <> i.message_id AND a.account_sid ~ '^AC[0-9a-fA-F]{32}$';
    COMMENT ON VIEW msgstatus.refresh_account IS 'The Twilio accounts that callbacks of messages named';

    CREATE OR REPLACE VIEW msgstatus.refresh_stuck WITH (security_barrier) AS
    SELECT f.message_id, m.created_at
    -- Messages without a final state are in few hours, or in none, as the rollup says. Only these are read.
    FROM (
        SELECT r.hour FROM msgstatus.hour_rollup AS r WHERE NOT r.inbound GROUP BY r.hour
        HAVING sum(r.messages - r.in_processing - r.in_received - r.in_partially_delivered - r.in_skipped - r.in_canceled
            - r.in_failed - r.in_undelivered - r.in_delivered - r.in_read - r.in_played) > 0
    ) AS h
    JOIN msgstatus.message AS m ON m.created_at >= h.hour AND m.created_at < h.hour + interval '1 hour'
    -- The id that the provider knows may be another one than that under which the message is kept.
    CROSS JOIN LATERAL (
        SELECT CASE
            WHEN msgstatus.refreshable(m.provider, m.message_id) THEN m.message_id
            WHEN msgstatus.refreshable(m.provider) OR m.provider IS NULL THEN (
                SELECT min(a.alias) FROM msgstatus.message_alias AS a
                WHERE a.message_id = m.message_id AND msgstatus.refreshable(m.provider, a.alias))
        END
    ) AS f (message_id)
    LEFT JOIN msgstatus.message_check AS c ON c.message_id = f.message_id
    WHERE f.message_id IS NOT NULL
        AND m.direction IS DISTINCT FROM 'inbound'
        AND msgstatus.is_final(msgstatus.state(m.status)) IS NOT TRUE
        AND c.outcome IS DISTINCT FROM 'unknown'
        -- Asked again each time its age has doubled: a message that its network never confirms must not be asked for for ever.
        AND (c.checked_at IS NULL OR now() - c.checked_at >= GREATEST(c.checked_at - m.created_at, interval '1 minute'))
        AND NOT EXISTS (SELECT FROM msgstatus.refresh_queue AS q WHERE q.message_id = f.message_id);
    COMMENT ON VIEW msgstatus.refresh_stuck IS
        'Outgoing messages without a final state that the provider could be asked about and was not lately';
    FOR commented IN
        SELECT * FROM (VALUES
            ('refresh_status', 'message_id', 'The message; its stand-in for roles that may not read message'),
            ('refresh_status', 'asked_at', 'When it was asked for'),
            ('refresh_status', 'asked_by', 'The role that asked'),
            ('refresh_status', 'waiting', 'Whether it waits for a fetch'),
            ('refresh_status', 'worker', 'The worker that holds it'),
            ('refresh_status', 'next_attempt_at', 'When it is due, or when the lease of its worker ends'),
            ('refresh_status', 'attempts', 'How many attempts were made'),
            ('refresh_status', 'last_error', 'Why the last attempt failed'),
            ('refresh_status', 'last_check', 'When the provider last answered, or the last attempt was given up'),
            ('refresh_status', 'outcome', 'What came: changed, unchanged, unknown (the provider does not know it) or failed'),
            ('refresh_workers', 'worker', 'Its host and process'),
            ('refresh_workers', 'started_at', 'When it first reported'),
            ('refresh_workers', 'seen_at', 'When it last reported'),
            ('refresh_workers', 'state', 'running, not configured, refused or stopped'),
            ('refresh_workers', 'detail', 'The state in a sentence'),
            ('refresh_workers', 'is_alive', 'Whether it reported within a minute and has not stopped'),
            ('reconciliations', 'reconciliation_id', 'Key'),
            ('reconciliations', 'worker', 'The worker'),
            ('reconciliations', 'sent_from', 'Messages sent since were compared'),
            ('reconciliations', 'began_at', 'When it began'),
            ('reconciliations', 'ended_at', 'When it ended; NULL: it is under way'),
            ('reconciliations', 'pages', 'How many pages of the list were read'),
            ('reconciliations', 'messages', 'How many messages they held'),
            ('reconciliations', 'changed', 'How many of these were brought up to date'),
            ('reconciliations', 'discovered', 'How many of these nobody had told of'),
            ('reconciliations', 'error', 'Why it ended early, or why the list of an account could not be read'),
            ('refresh_known', 'message_id', 'The message'),
            ('refresh_known', 'provider', 'Its provider'),
            ('refresh_known', 'direction', 'outbound or inbound'),
            ('refresh_known', 'state', 'Its state'),
            ('refresh_known', 'created_at', 'When it was first received or registered'),
            ('refresh_account', 'message_id', 'The message'),
            ('refresh_account', 'received_at', 'When the callback came'),
            ('refresh_account', 'account_sid', 'The account that it named'),
            ('refresh_stuck', 'message_id', 'The message'),
            ('refresh_stuck', 'created_at', 'When it was first received or registered')
        ) AS c (view, name, comment)
    LOOP
        EXECUTE format('COMMENT ON COLUMN msgstatus.%I.%I IS %L', commented.view, commented.name, commented.comment);
    END LOOP;
END
$$;
COMMENT ON FUNCTION msgstatus.install_refresh_views() IS
    'Creates the views refresh_status, refresh_workers, reconciliations, refresh_known, refresh_account and refresh_stuck; called by install()';
