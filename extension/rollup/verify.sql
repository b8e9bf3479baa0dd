-- The rollups counted anew from the messages: to verify them, and to repair them.

CREATE FUNCTION msgstatus.recount_messages(since timestamptz) RETURNS SETOF msgstatus.rollup_row
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN QUERY
    -- Grouped by everything that any rollup tells apart, so that the messages are read once.
    WITH grouped AS (
        SELECT date_trunc('hour', m.created_at, 'UTC') AS hour, m.provider,
            CASE WHEN m.direction = 'inbound' THEN m.recipient ELSE m.sender END AS sender, m.message_type, m.direction,
            m.campaign_id, msgstatus.state(m.status) AS state,
            CASE WHEN msgstatus.is_failure(msgstatus.state(m.status)) THEN m.error_code END AS error_code,
            count(*) AS messages,
            count(msgstatus.reached_at(m.status, 'sent')) FILTER (WHERE m.direction IS DISTINCT FROM 'inbound') AS sent,
            msgstatus.sum(msgstatus.delay_histogram(msgstatus.delivery_delay(m.status))) FILTER (WHERE m.direction IS DISTINCT FROM 'inbound') AS delivery,
            msgstatus.sum(msgstatus.delay_histogram(msgstatus.read_delay(m.status))) FILTER (WHERE m.direction IS DISTINCT FROM 'inbound') AS reading,
            msgstatus.sum(msgstatus.delay_histogram(msgstatus.failure_delay(m.status))) FILTER (WHERE m.direction IS DISTINCT FROM 'inbound') AS failure,
            sum(CASE WHEN m.direction = 'inbound' OR m.recipient IS NULL THEN 0
                ELSE hashtextextended(m.recipient, 0) & 1099511627775 END) AS recipients
        FROM msgstatus.message AS m
        WHERE m.created_at >= recount_messages.since
        GROUP BY 1, 2, 3, 4, 5, 6, 7, 8
    ), combination AS (
        SELECT g.hour, g.provider, g.sender, g.message_type, g.direction, g.campaign_id,
            sum(g.messages) AS messages,
            sum(g.sent) AS sent,
            COALESCE(sum(g.messages) FILTER (WHERE g.state = 'processing'), 0) AS in_processing,
            COALESCE(sum(g.messages) FILTER (WHERE g.state = 'received'), 0) AS in_received,
            COALESCE(sum(g.messages) FILTER (WHERE g.state = 'pending'), 0) AS in_pending,
            COALESCE(sum(g.messages) FILTER (WHERE g.state = 'scheduled'), 0) AS in_scheduled,
            COALESCE(sum(g.messages) FILTER (WHERE g.state = 'accepted'), 0) AS in_accepted,
            COALESCE(sum(g.messages) FILTER (WHERE g.state = 'queued'), 0) AS in_queued,
            COALESCE(sum(g.messages) FILTER (WHERE g.state = 'sending'), 0) AS in_sending,
            COALESCE(sum(g.messages) FILTER (WHERE g.state = 'sent'), 0) AS in_sent,
            COALESCE(sum(g.messages) FILTER (WHERE g.state = 'partially_delivered'), 0) AS in_partially_delivered,
            COALESCE(sum(g.messages) FILTER (WHERE g.state = 'skipped'), 0) AS in_skipped,
            COALESCE(sum(g.messages) FILTER (WHERE g.state = 'canceled'), 0) AS in_canceled,
            COALESCE(sum(g.messages) FILTER (WHERE g.state = 'failed'), 0) AS in_failed,
            COALESCE(sum(g.messages) FILTER (WHERE g.state = 'undelivered'), 0) AS in_undelivered,
            COALESCE(sum(g.messages) FILTER (WHERE g.state = 'delivered'), 0) AS in_delivered,
            COALESCE(sum(g.messages) FILTER (WHERE g.state = 'read'), 0) AS in_read,
            COALESCE(sum(g.messages) FILTER (WHERE g.state = 'played'), 0) AS in_played,
            COALESCE(msgstatus.sum(g.delivery), '{}') AS delivery,
            COALESCE(msgstatus.sum(g.reading), '{}') AS reading,
            COALESCE(msgstatus.sum(g.failure), '{}') AS failure,
            sum(g.recipients) AS recipients
        FROM grouped AS g
        GROUP BY g.hour, g.provider, g.sender, g.message_type, g.direction, g.campaign_id
    )
    SELECT 'message_rollup', c.hour, c.provider, c.sender, c.message_type, c.direction, c.campaign_id, NULL::integer,
        c.messages::integer, c.sent::integer, c.in_processing::integer, c.in_received::integer, c.in_pending::integer,
        c.in_scheduled::integer, c.in_accepted::integer, c.in_queued::integer, c.in_sending::integer,
        c.in_sent::integer, c.in_partially_delivered::integer, c.in_skipped::integer, c.in_canceled::integer,
        c.in_failed::integer, c.in_undelivered::integer, c.in_delivered::integer, c.in_read::integer,
        c.in_played::integer,
        c.delivery, c.reading, c.failure, c.recipients::bigint
    FROM combination AS c
    UNION ALL
    SELECT 'hour_rollup', c.hour, NULL, NULL, NULL, CASE WHEN c.direction = 'inbound' THEN 'inbound' END, NULL, NULL,
        sum(c.messages)::integer, sum(c.sent)::integer, sum(c.in_processing)::integer, sum(c.in_received)::integer,
        sum(c.in_pending)::integer, sum(c.in_scheduled)::integer, sum(c.in_accepted)::integer,
        sum(c.in_queued)::integer, sum(c.in_sending)::integer, sum(c.in_sent)::integer,
        sum(c.in_partially_delivered)::integer, sum(c.in_skipped)::integer, sum(c.in_canceled)::integer,
        sum(c.in_failed)::integer, sum(c.in_undelivered)::integer, sum(c.in_delivered)::integer,
        sum(c.in_read)::integer, sum(c.in_played)::integer,
        msgstatus.sum(c.delivery), msgstatus.sum(c.reading), msgstatus.sum(c.failure), sum(c.recipients)::bigint
    FROM combination AS c
    GROUP BY c.hour, CASE WHEN c.direction = 'inbound' THEN 'inbound' END
    UNION ALL
    SELECT 'failure_rollup', g.hour, g.provider, NULL, NULL, NULL, NULL, g.error_code, sum(g.messages)::integer,
        NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
        NULL, NULL, NULL
    FROM grouped AS g
    WHERE msgstatus.is_failure(g.state) AND g.direction IS DISTINCT FROM 'inbound'
    GROUP BY g.hour, g.provider, g.error_code;
END
$$;
COMMENT ON FUNCTION msgstatus.recount_messages(timestamptz) IS
    'What the rollups should hold of the messages created since, counted from the messages';

CREATE FUNCTION msgstatus.sum_rollups(since timestamptz) RETURNS SETOF msgstatus.rollup_row
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN QUERY
    SELECT 'message_rollup', r.hour, r.provider, r.sender, r.message_type, r.direction, r.campaign_id, NULL::integer,
        sum(r.messages)::integer, sum(r.sent)::integer, sum(r.in_processing)::integer, sum(r.in_received)::integer,
        sum(r.in_pending)::integer, sum(r.in_scheduled)::integer, sum(r.in_accepted)::integer,
        sum(r.in_queued)::integer, sum(r.in_sending)::integer, sum(r.in_sent)::integer,
        sum(r.in_partially_delivered)::integer, sum(r.in_skipped)::integer, sum(r.in_canceled)::integer,
        sum(r.in_failed)::integer, sum(r.in_undelivered)::integer, sum(r.in_delivered)::integer,
        sum(r.in_read)::integer, sum(r.in_played)::integer,
        msgstatus.sum(r.delivery), msgstatus.sum(r.reading), msgstatus.sum(r.failure), sum(r.recipients)::bigint
    FROM msgstatus.message_rollup AS r
    WHERE r.hour >= sum_rollups.since
    GROUP BY r.hour, r.provider, r.sender, r.message_type, r.direction, r.campaign_id
    UNION ALL
    SELECT 'hour_rollup', r.hour, NULL, NULL, NULL, CASE WHEN r.inbound THEN 'inbound' END, NULL, NULL,
        sum(r.messages)::integer, sum(r.sent)::integer, sum(r.in_processing)::integer, sum(r.in_received)::integer,
        sum(r.in_pending)::integer, sum(r.in_scheduled)::integer, sum(r.in_accepted)::integer,
        sum(r.in_queued)::integer, sum(r.in_sending)::integer, sum(r.in_sent)::integer,
        sum(r.in_partially_delivered)::integer, sum(r.in_skipped)::integer, sum(r.in_canceled)::integer,
        sum(r.in_failed)::integer, sum(r.in_undelivered)::integer, sum(r.in_delivered)::integer,
        sum(r.in_read)::integer, sum(r.in_played)::integer,
        msgstatus.sum(r.delivery), msgstatus.sum(r.reading), msgstatus.sum(r.failure), sum(r.recipients)::bigint
    FROM msgstatus.hour_rollup AS r
    WHERE r.hour >= sum_rollups.since
    GROUP BY r.hour, r.inbound
    UNION ALL
    SELECT 'failure_rollup', r.hour, r.provider, NULL, NULL, NULL, NULL, r.error_code, sum(r.messages)::integer,
        NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
        NULL, NULL, NULL
    FROM msgstatus.failure_rollup AS r
    WHERE r.hour >= sum_rollups.since
    GROUP BY r.hour, r.provider, r.error_code;
END
$$;
COMMENT ON FUNCTION msgstatus.sum_rollups(timestamptz) IS 'What the rollups hold of the messages created since, summed over slots';

CREATE FUNCTION msgstatus.rollup_key(counted msgstatus.rollup_row) RETURNS jsonb
    LANGUAGE sql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
    BEGIN ATOMIC
        SELECT pg_catalog.jsonb_strip_nulls(pg_catalog.jsonb_build_object('hour', counted.hour, 'provider', counted.provider,
            'sender', counted.sender, 'message_type', counted.message_type, 'direction', counted.direction,
            'campaign_id', counted.campaign_id, 'error_code', counted.error_code));
    END;
COMMENT ON FUNCTION msgstatus.rollup_key(msgstatus.rollup_row) IS 'The key of a row of a rollup, without what is NULL';

CREATE FUNCTION msgstatus.verify_rollups() RETURNS TABLE (rollup text, key jsonb, expected jsonb, found jsonb)
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp SET jit = off AS $$
#variable_conflict use_column
DECLARE
    since CONSTANT timestamptz := (SELECT w.purged_before FROM msgstatus.maintenance AS w);
    key_columns CONSTANT text[] := '{rollup,hour,provider,sender,message_type,direction,campaign_id,error_code}';
BEGIN
    PERFORM msgstatus.check_installation();
    -- Messages that row-level security hides would be counted away. Raises 42501.
    PERFORM msgstatus.sees_all('msgstatus.message');
    -- All that a STABLE function calls sees the snapshot of its caller: messages and rollups as of the same moment.
    RETURN QUERY
    WITH recounted AS MATERIALIZED (
        SELECT * FROM msgstatus.recount_messages(since)
    ), summed AS MATERIALIZED (
        SELECT * FROM msgstatus.sum_rollups(since)
    ), expected AS (
        SELECT d.rollup, msgstatus.rollup_key(d) AS key, jsonb_strip_nulls(to_jsonb(d) - key_columns) AS counts
        FROM (SELECT * FROM recounted EXCEPT SELECT * FROM summed) AS d
    ), found AS (
        SELECT d.rollup, msgstatus.rollup_key(d) AS key, jsonb_strip_nulls(to_jsonb(d) - key_columns) AS counts
        FROM (SELECT * FROM summed EXCEPT SELECT * FROM recounted) AS d
    ), believed AS (
        -- The lists of recipients that readers believe.
        SELECT d.day, d.day::timestamp AT TIME ZONE 'UTC' AS beginning, d.counted_before, d.least
        FROM msgstatus.recipient_day AS d
        WHERE (d.messages, d.recipients) = (
            SELECT COALESCE(sum(r.messages), 0), COALESCE(sum(r.recipients), 0)
            FROM msgstatus.hour_rollup AS r
            WHERE r.hour >= d.day::timestamp AT TIME ZONE 'UTC' AND r.hour < d.counted_before)
    ), by_recipient AS (
        SELECT b.day, m.recipient, count(*) AS messages
        FROM believed AS b JOIN msgstatus.message AS m ON m.created_at >= b.beginning AND m.created_at < b.counted_before
        WHERE m.recipient IS NOT NULL AND m.direction IS DISTINCT FROM 'inbound'
        GROUP BY b.day, m.recipient, b.least
        HAVING count(*) >= b.least
    )
    SELECT rollup, key, d.expected, d.found
    FROM expected AS e FULL JOIN found AS f USING (rollup, key),
        -- A row that is not there counts nothing, and so does one that is empty.
        LATERAL (
            SELECT jsonb_object_agg(n.name, COALESCE(e.counts -> n.name, n.nothing)) AS expected,
                jsonb_object_agg(n.name, COALESCE(f.counts -> n.name, n.nothing)) AS found
            FROM (SELECT k.name,
                    CASE WHEN k.name IN ('delivery', 'reading', 'failure') THEN jsonb '"{}"' ELSE jsonb '0' END AS nothing
                FROM jsonb_object_keys(COALESCE(e.counts, f.counts)) AS k (name)) AS n
            WHERE COALESCE(e.counts -> n.name, n.nothing) <> COALESCE(f.counts -> n.name, n.nothing)
        ) AS d
    WHERE d.expected IS NOT NULL
    UNION ALL
    SELECT 'recipient_rollup', jsonb_build_object('day', day, 'recipient', recipient),
        jsonb_build_object('messages', COALESCE(c.messages, 0)), jsonb_build_object('messages', COALESCE(l.messages, 0))
    FROM by_recipient AS c
    FULL JOIN (
        SELECT r.day, r.recipient, r.messages
        FROM msgstatus.recipient_rollup AS r
        WHERE r.day IN (SELECT b.day FROM believed AS b) OR r.day NOT IN (SELECT d.day FROM msgstatus.recipient_day AS d)
    ) AS l USING (day, recipient)
    WHERE c.messages IS DISTINCT FROM l.messages
    UNION ALL
    SELECT 'recipient_total', jsonb_build_object('days', days, 'recipient', recipient),
        jsonb_build_object('messages', COALESCE(c.messages, 0)), jsonb_build_object('messages', COALESCE(l.messages, 0))
    FROM (
        SELECT w.days, m.recipient, count(*) AS messages
        FROM msgstatus.right_windows() AS w JOIN msgstatus.message AS m
            ON m.created_at >= w.first_day::timestamp AT TIME ZONE 'UTC' AND m.created_at < w.counted_before
        WHERE m.recipient IS NOT NULL AND m.direction IS DISTINCT FROM 'inbound'
        GROUP BY w.days, m.recipient
        HAVING count(*) > 1
    ) AS c
    FULL JOIN (
        SELECT t.days, t.recipient, t.messages
        FROM msgstatus.recipient_total AS t
        WHERE t.days IN (SELECT w.days FROM msgstatus.right_windows() AS w) OR t.days NOT IN (SELECT w.days FROM msgstatus.recipient_window AS w)
    ) AS l USING (days, recipient)
    WHERE c.messages IS DISTINCT FROM l.messages
    UNION ALL
    -- What readers believe of prefix_rollup, and what belongs to no period.
    SELECT 'prefix_rollup', jsonb_build_object('beginning', beginning, 'prefix', prefix),
        jsonb_build_object('states', COALESCE(c.states, '{}')), jsonb_build_object('states', COALESCE(l.states, '{}'))
    FROM (
        SELECT s.beginning, s.prefix, jsonb_object_agg(s.state, s.messages) AS states
        FROM (
            SELECT b.beginning, left(b.prefix, l.length) AS prefix, b.state, sum(b.messages) AS messages
            FROM (
                SELECT p.beginning, left(m.recipient, 8) AS prefix, COALESCE(msgstatus.state(m.status)::text, '') AS state, count(*) AS messages
                FROM msgstatus.prefix_periods(true) AS p JOIN msgstatus.message AS m ON m.created_at >= p.beginning AND m.created_at < p.ending
                WHERE m.recipient IS NOT NULL AND m.direction IS DISTINCT FROM 'inbound'
                GROUP BY 1, 2, 3
            ) AS b, generate_series(6, 8) AS l (length)
            WHERE l.length = 6 OR length(b.prefix) >= l.length
            GROUP BY 1, 2, 3
        ) AS s
        GROUP BY s.beginning, s.prefix
    ) AS c
    FULL JOIN (
        SELECT r.beginning, r.prefix, jsonb_object_agg(s.state, s.messages) AS states
        FROM msgstatus.prefix_rollup AS r,
            LATERAL (VALUES ('processing', r.in_processing), ('received', r.in_received), ('pending', r.in_pending),
                ('scheduled', r.in_scheduled), ('accepted', r.in_accepted), ('queued', r.in_queued), ('sending', r.in_sending),
                ('sent', r.in_sent), ('partially_delivered', r.in_partially_delivered), ('skipped', r.in_skipped),
                ('canceled', r.in_canceled), ('failed', r.in_failed), ('undelivered', r.in_undelivered),
                ('delivered', r.in_delivered), ('read', r.in_read), ('played', r.in_played),
                ('', r.messages - r.in_processing - r.in_received - r.in_pending - r.in_scheduled - r.in_accepted - r.in_queued
                    - r.in_sending - r.in_sent - r.in_partially_delivered - r.in_skipped - r.in_canceled - r.in_failed
                    - r.in_undelivered - r.in_delivered - r.in_read - r.in_played)) AS s (state, messages)
        WHERE s.messages <> 0 AND (r.beginning IN (SELECT p.beginning FROM msgstatus.prefix_periods(true) AS p)
            OR r.beginning NOT IN (SELECT p.beginning FROM msgstatus.prefix_period AS p))
        GROUP BY r.beginning, r.prefix
    ) AS l USING (beginning, prefix)
    WHERE c.states IS DISTINCT FROM l.states AND (l.states IS NOT NULL OR length(prefix) <= 6)
    ORDER BY rollup, key;
END
$$;
COMMENT ON FUNCTION msgstatus.verify_rollups() IS
    'Counts the messages anew and returns where the rollups differ: none where all is right. Hours from which messages were purged are left out. 42501 where row-level security hides messages';

CREATE FUNCTION msgstatus.rebuild_rollups() RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET jit = off AS $$
DECLARE
    since timestamptz;
BEGIN
    PERFORM msgstatus.check_installation();
    -- Messages that row-level security hides would be counted away. Raises 42501.
    PERFORM msgstatus.sees_all('msgstatus.message');
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE invalid_transaction_state USING MESSAGE = 'rebuild_rollups() needs the isolation level READ COMMITTED',
            DETAIL = 'It has to see what was committed while it waited for its locks.',
            HINT = 'Run it in a READ COMMITTED transaction.';
    END IF;
    -- Nothing is purged meanwhile, or messages that are still in the rollups would no longer be found.
    SELECT w.purged_before INTO STRICT since FROM msgstatus.maintenance AS w FOR NO KEY UPDATE;
    -- Whoever has changed a message but not yet the rollups waits here, with nothing of it committed: the count below does
    -- not see it, and it adds its difference afterwards. Always in this order, as the writers do.
    LOCK TABLE msgstatus.message_rollup, msgstatus.folded_hour, msgstatus.failure_rollup IN SHARE ROW EXCLUSIVE MODE;
    DELETE FROM msgstatus.message_rollup AS r WHERE r.hour >= since;
    DELETE FROM msgstatus.folded_hour AS r WHERE r.hour >= since;
    DELETE FROM msgstatus.failure_rollup AS r WHERE r.hour >= since;
    -- Until count_recipients(), count_windows() and count_prefixes() have made them anew, readers count the messages themselves.
    DELETE FROM msgstatus.recipient_rollup;
    DELETE FROM msgstatus.recipient_day;
    DELETE FROM msgstatus.recipient_total;
    DELETE FROM msgstatus.recipient_window;
    DELETE FROM msgstatus.prefix_rollup;
    DELETE FROM msgstatus.prefix_period;
    WITH recounted AS MATERIALIZED (
        SELECT * FROM msgstatus.recount_messages(since)
    ), by_combination AS (
        INSERT INTO msgstatus.message_rollup (hour, provider, sender, message_type, direction, campaign_id, slot,
            messages, sent, in_processing, in_received, in_pending, in_scheduled, in_accepted, in_queued, in_sending,
            in_sent, in_partially_delivered, in_skipped, in_canceled, in_failed, in_undelivered, in_delivered,
            in_read, in_played, delivery, reading, failure, recipients)
        SELECT r.hour, r.provider, r.sender, r.message_type, r.direction, r.campaign_id, 0,
            r.messages, r.sent, r.in_processing, r.in_received, r.in_pending, r.in_scheduled, r.in_accepted,
            r.in_queued, r.in_sending, r.in_sent, r.in_partially_delivered, r.in_skipped, r.in_canceled, r.in_failed,
            r.in_undelivered, r.in_delivered, r.in_read, r.in_played, r.delivery, r.reading, r.failure, r.recipients
        FROM recounted AS r WHERE r.rollup = 'message_rollup'
        ORDER BY r.hour
    ), by_hour AS (
        INSERT INTO msgstatus.folded_hour (hour, inbound,
            messages, sent, in_processing, in_received, in_pending, in_scheduled, in_accepted, in_queued, in_sending,
            in_sent, in_partially_delivered, in_skipped, in_canceled, in_failed, in_undelivered, in_delivered,
            in_read, in_played, delivery, reading, failure, recipients)
        SELECT r.hour, r.direction IS NOT NULL,
            r.messages, r.sent, r.in_processing, r.in_received, r.in_pending, r.in_scheduled, r.in_accepted,
            r.in_queued, r.in_sending, r.in_sent, r.in_partially_delivered, r.in_skipped, r.in_canceled, r.in_failed,
            r.in_undelivered, r.in_delivered, r.in_read, r.in_played, r.delivery, r.reading, r.failure, r.recipients
        FROM recounted AS r WHERE r.rollup = 'hour_rollup'
        ORDER BY r.hour
    )
    INSERT INTO msgstatus.failure_rollup (hour, provider, error_code, slot, messages)
    SELECT r.hour, r.provider, r.error_code, 0, r.messages
    FROM recounted AS r WHERE r.rollup = 'failure_rollup'
    ORDER BY r.hour;
END
$$;
COMMENT ON FUNCTION msgstatus.rebuild_rollups() IS
    'Counts the messages anew into the rollups, apart from hours from which messages were purged. Who changes messages meanwhile waits; 25000 unless READ COMMITTED, 42501 where row-level security hides messages';
