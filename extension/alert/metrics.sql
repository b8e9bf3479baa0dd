-- What the alert rules measure: one function for each metric.

CREATE TYPE msgstatus.alert_sender AS (
    provider text,
    sender text
);
COMMENT ON TYPE msgstatus.alert_sender IS 'A sender whose messages are reported as read';

CREATE TYPE msgstatus.alert_outcome AS (
    period interval,
    age interval,
    provider text,
    sender text,
    attempted bigint,
    delivered bigint,
    delivery msgstatus.delay_histogram
);
COMMENT ON TYPE msgstatus.alert_outcome IS 'What became of the messages of a sender, for the rules with a period and an age';

CREATE TYPE msgstatus.alert_condition AS (
    threshold numeric,
    minimum_count integer,
    period interval,
    age interval,
    relative_threshold numeric,
    statistic text,
    per text,
    senders msgstatus.alert_sender[],
    outcomes msgstatus.alert_outcome[]
);
COMMENT ON TYPE msgstatus.alert_condition IS
    'The columns of alert_rule that a metric uses, senders_with_receipts(), and recent_outcomes_by_sender()';

CREATE TYPE msgstatus.alert_reading AS (
    subject text,
    value numeric,
    threshold numeric,
    message text
);
COMMENT ON TYPE msgstatus.alert_reading IS 'A broken rule: its subject, the value, the threshold, and the same in a sentence';

CREATE FUNCTION msgstatus.time_in_words(span interval) RETURNS text
    LANGUAGE sql IMMUTABLE STRICT SET search_path = pg_catalog, pg_temp AS $$
    SELECT CASE
        WHEN span = '1 hour' THEN 'hour'
        WHEN extract(epoch FROM span) % 3600 = 0 THEN concat(trim_scale(extract(epoch FROM span) / 3600), ' hours')
        ELSE concat(round(extract(epoch FROM span) / 60), ' minutes')
    END
$$;
COMMENT ON FUNCTION msgstatus.time_in_words(interval) IS 'An interval in words, to follow "in the last"';

-- A rate of few messages differs from the true rate by chance: 3 failures of 21 are no sign of one in ten. So a rate counts as
-- below a threshold if the upper limit of its confidence interval (Wilson, 99 %) is.
CREATE FUNCTION msgstatus.rate_is_below(part numeric, whole numeric, threshold numeric) RETURNS boolean
    LANGUAGE sql IMMUTABLE STRICT SET search_path = pg_catalog, pg_temp AS $$
    SELECT whole > 0 AND part / NULLIF(whole, 0) < threshold / 100
        AND (part / NULLIF(whole, 0) + 6.6349 / (2 * NULLIF(whole, 0))
                + 2.5758 * sqrt(GREATEST(part * (whole - part), 0) / NULLIF(whole, 0) ^ 3 + 6.6349 / (4 * NULLIF(whole, 0) ^ 2)))
            / (1 + 6.6349 / NULLIF(whole, 0)) < threshold / 100
$$;
COMMENT ON FUNCTION msgstatus.rate_is_below(numeric, numeric, numeric) IS
    'Whether a part of a whole is a lower percentage than the threshold, by more than chance explains';

-- History is not news: an import, or webhooks that an outage held up, bring states that were reached long before.
CREATE FUNCTION msgstatus.is_history(status msgstatus.message_status, updated_at timestamptz) RETURNS boolean
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    BEGIN ATOMIC
        SELECT updated_at OPERATOR(pg_catalog.-) msgstatus.observed_at(status, msgstatus.state(status))
            OPERATOR(pg_catalog.>) interval '1 hour';
    END;
COMMENT ON FUNCTION msgstatus.is_history(msgstatus.message_status, timestamptz) IS
    'Whether the last change of a message came more than an hour after the state it brought';

-- SMS has no read receipts, and other rates than WhatsApp. Twilio's addresses are stored without their channel, so a sender's
-- channel is told by its messages: of the last ten days, some were read or none. Meta and AiSensy always have receipts.
CREATE FUNCTION msgstatus.senders_with_receipts() RETURNS SETOF msgstatus.alert_sender
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT r.provider, r.sender
    FROM msgstatus.message_rollup AS r
    WHERE r.hour >= date_trunc('hour', now(), 'UTC') - interval '240 hours' AND r.direction IS DISTINCT FROM 'inbound'
    GROUP BY r.provider, r.sender
    HAVING sum(r.in_read + r.in_played) > 0 OR r.provider IN ('meta', 'aisensy')
$$;
COMMENT ON FUNCTION msgstatus.senders_with_receipts() IS 'The providers and senders whose messages are reported as read';

CREATE FUNCTION msgstatus.alert_subject(provider text, receipts boolean, per text) RETURNS text
    LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT CASE WHEN per = 'channel' THEN concat(COALESCE(provider, 'unknown'),
        CASE WHEN NOT receipts AND provider NOT IN ('meta', 'aisensy') THEN ' without read receipts' END) END
$$;
COMMENT ON FUNCTION msgstatus.alert_subject(text, boolean, text) IS
    'The channel that an alert is about: the provider, and whether its sender has read receipts; NULL for a rule about all messages';

CREATE FUNCTION msgstatus.of_subject(subject text) RETURNS text
    LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT COALESCE(' of ' || CASE subject WHEN 'unknown' THEN 'an unknown provider' ELSE subject END, '')
$$;
COMMENT ON FUNCTION msgstatus.of_subject(text) IS 'A subject in a sentence';

-- All rules together read the recent messages once: that is most of what the alerts cost.
CREATE FUNCTION msgstatus.recent_outcomes_by_sender() RETURNS SETOF msgstatus.alert_outcome
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    -- The planner has to know how few messages are meant.
    since CONSTANT timestamptz := now() - (SELECT max(r.period + r.age) FROM msgstatus.alert_rule AS r
        WHERE r.enabled AND r.metric IN ('delivery_rate', 'delivery_seconds'));
BEGIN
    RETURN QUERY
    WITH wanted AS MATERIALIZED (
        SELECT r.period, r.age, bool_or(r.metric = 'delivery_seconds') AS delays,
            now() - r.period - r.age AS since, now() - r.age AS until
        FROM msgstatus.alert_rule AS r
        WHERE r.enabled AND r.metric IN ('delivery_rate', 'delivery_seconds')
        GROUP BY r.period, r.age
    )
    SELECT w.period, w.age, m.provider, m.sender, count(*), count(*) FILTER (WHERE m.delivered),
        msgstatus.sum(msgstatus.delay_histogram(m.delay)) FILTER (WHERE w.delays)
    FROM (
        SELECT m.provider, m.sender, m.created_at, msgstatus.state(m.status) >= 'delivered' AS delivered,
            COALESCE(msgstatus.reached_at(m.status, 'sent'), msgstatus.observed_at(m.status, msgstatus.state(m.status))) AS sent_at,
            msgstatus.delivery_delay(m.status) AS delay
        FROM msgstatus.message AS m
        WHERE m.created_at >= since AND m.direction IS DISTINCT FROM 'inbound'
            AND (msgstatus.state(m.status) IN ('sent', 'partially_delivered') OR msgstatus.state(m.status) >= 'failed')
            AND NOT msgstatus.is_history(m.status, m.updated_at)
        OFFSET 0
    ) AS m
    CROSS JOIN LATERAL (
        SELECT w.period, w.age, w.delays FROM wanted AS w
        WHERE m.created_at >= w.since
            -- What was sent a moment ago has had no time to be delivered; what failed then is all that one would see.
            AND m.sent_at <= w.until
        OFFSET 0
    ) AS w
    GROUP BY w.period, w.age, m.provider, m.sender;
END
$$;
COMMENT ON FUNCTION msgstatus.recent_outcomes_by_sender() IS
    'What became of the messages of each period of the rules that were sent at least the age ago, by sender, from the messages';

CREATE FUNCTION msgstatus.recent_outcomes(c msgstatus.alert_condition)
RETURNS TABLE (subject text, attempted numeric, delivered numeric, delivery msgstatus.delay_histogram)
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT msgstatus.alert_subject(o.provider, s.provider IS NOT NULL OR s.sender IS NOT NULL, $1.per),
        sum(o.attempted), sum(o.delivered), msgstatus.sum(o.delivery)
    FROM unnest($1.outcomes) AS o
    LEFT JOIN unnest($1.senders) AS s
        ON s.provider IS NOT DISTINCT FROM o.provider AND s.sender IS NOT DISTINCT FROM o.sender
    WHERE o.period = $1.period AND o.age = $1.age
    GROUP BY 1
$$;
COMMENT ON FUNCTION msgstatus.recent_outcomes(msgstatus.alert_condition) IS
    'Of recent_outcomes_by_sender() the messages of the period that were sent at least the age ago, by channel';

-- One function for each metric. It returns a row if the rule is broken, else no row.

CREATE FUNCTION msgstatus.alert_delivery_rate(c msgstatus.alert_condition) RETURNS SETOF msgstatus.alert_reading
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT r.subject, round(100 * r.delivered / r.attempted, 2), $1.threshold,
        format('Only %s %% of the %s messages%s of the last %s were delivered%s (less than %s %%): see failure_breakdown, undelivered_messages and the provider''s status page.',
            round(100 * r.delivered / r.attempted, 1), r.attempted, msgstatus.of_subject(r.subject), msgstatus.time_in_words($1.period),
            CASE WHEN $1.age > '0' THEN format(' within %s', msgstatus.time_in_words($1.age)) END, $1.threshold)
    FROM msgstatus.recent_outcomes($1) AS r
    WHERE r.attempted >= $1.minimum_count AND msgstatus.rate_is_below(r.delivered, r.attempted, $1.threshold)
$$;
COMMENT ON FUNCTION msgstatus.alert_delivery_rate(msgstatus.alert_condition) IS
    'A row for each channel if the percentage delivered, of at least minimum_count messages sent at least the age ago, is below the threshold';

CREATE FUNCTION msgstatus.alert_delivery_seconds(c msgstatus.alert_condition) RETURNS SETOF msgstatus.alert_reading
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT r.subject, r.seconds, $1.threshold,
        format('Delivery took %s seconds %s in the last %s, of %s messages%s (more than %s): see message_status_dashboard for the percentiles.',
            round(r.seconds, 1), CASE $1.statistic WHEN 'average' THEN 'on average' ELSE 'or more for every second message' END,
            msgstatus.time_in_words($1.period), r.delays, msgstatus.of_subject(r.subject), $1.threshold)
    FROM (
        SELECT o.subject, msgstatus.count(o.delivery) AS delays,
            CASE $1.statistic WHEN 'average' THEN msgstatus.seconds(msgstatus.average(o.delivery))
                ELSE msgstatus.percentile_seconds(o.delivery, 0.5) END AS seconds
        FROM msgstatus.recent_outcomes($1) AS o
    ) AS r
    WHERE r.delays >= $1.minimum_count AND r.seconds > $1.threshold
$$;
COMMENT ON FUNCTION msgstatus.alert_delivery_seconds(msgstatus.alert_condition) IS
    'A row for each channel if the median or average delivery time of at least minimum_count messages is above the threshold';

CREATE FUNCTION msgstatus.alert_read_rate(c msgstatus.alert_condition) RETURNS SETOF msgstatus.alert_reading
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    -- Periods count back from the end of the measured one: 0 is measured, 1 to 7 say what is usual.
    WITH hours AS (
        SELECT r.provider, r.sender, floor((extract(epoch FROM e.finish - r.hour) - 1) / extract(epoch FROM $1.period)) AS back,
            r.in_delivered + r.in_read + r.in_played AS delivered, r.in_read + r.in_played AS read
        FROM (SELECT CASE WHEN $1.age > '0' THEN date_trunc('hour', now() - $1.age, 'UTC') ELSE now() END AS finish) AS e
        JOIN msgstatus.message_rollup AS r ON r.hour >= e.finish - 8 * $1.period - interval '1 hour' AND r.hour < e.finish
        WHERE r.direction IS DISTINCT FROM 'inbound'
    ), rates AS (
        SELECT msgstatus.alert_subject(h.provider, true, $1.per) AS subject, h.back, sum(h.delivered)::numeric AS delivered,
            sum(h.read)::numeric AS read, 100.0 * sum(h.read) / NULLIF(sum(h.delivered), 0) AS rate
        FROM (SELECT h.provider, h.sender, h.back, sum(h.delivered) AS delivered, sum(h.read) AS read FROM hours AS h GROUP BY 1, 2, 3) AS h
        JOIN unnest($1.senders) AS s
            ON s.provider IS NOT DISTINCT FROM h.provider AND s.sender IS NOT DISTINCT FROM h.sender
        GROUP BY 1, 2
    ), usual AS (
        SELECT r.subject, percentile_cont(0.5) WITHIN GROUP (ORDER BY r.rate)::numeric AS rate
        FROM rates AS r
        WHERE r.back BETWEEN 1 AND 7 AND r.delivered >= $1.minimum_count
        GROUP BY r.subject
    )
    SELECT r.subject, round(r.rate, 2), round(LEAST($1.threshold, u.rate * $1.relative_threshold / 100), 2),
        format('Only %s %% of the %s messages%s delivered in %s that ended %s ago were read (less than %s %%%s): see daily_summary for when it began.',
            round(r.rate, 1), r.delivered, msgstatus.of_subject(r.subject),
            CASE $1.period WHEN '1 hour' THEN 'the hour' ELSE 'the ' || msgstatus.time_in_words($1.period) END,
            msgstatus.time_in_words($1.age), $1.threshold,
            CASE WHEN $1.relative_threshold IS NOT NULL THEN format(', usual are %s %%', round(u.rate, 1)) END)
    FROM rates AS r
    LEFT JOIN usual AS u ON u.subject IS NOT DISTINCT FROM r.subject
    WHERE r.back = 0 AND r.delivered >= $1.minimum_count AND msgstatus.rate_is_below(r.read, r.delivered, $1.threshold)
        AND COALESCE(r.rate < u.rate * $1.relative_threshold / 100, true)
$$;
COMMENT ON FUNCTION msgstatus.alert_read_rate(msgstatus.alert_condition) IS
    'A row for each provider if the percentage read, of at least minimum_count messages delivered and at least the age old, is below the threshold and below relative_threshold percent of the median of the seven periods before; senders without read receipts aside';

CREATE FUNCTION msgstatus.alert_undelivered(c msgstatus.alert_condition) RETURNS SETOF msgstatus.alert_reading
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    since CONSTANT timestamptz := date_trunc('hour', now() - c.period, 'UTC');
    counted record;
    waiting numeric;
BEGIN
    FOR counted IN
        SELECT msgstatus.alert_subject(r.provider, s.provider IS NOT NULL OR s.sender IS NOT NULL, c.per) AS subject,
            sum(r.waiting) AS waiting, sum(r.handed) AS handed
        FROM (
            SELECT r.provider, r.sender, sum(r.in_accepted + r.in_queued + r.in_sending + r.in_sent) AS waiting,
                sum(r.in_accepted + r.in_queued + r.in_sending + r.in_sent + r.in_partially_delivered + r.in_failed
                    + r.in_undelivered + r.in_delivered + r.in_read + r.in_played) AS handed
            FROM msgstatus.message_rollup AS r
            WHERE r.hour >= since AND r.direction IS DISTINCT FROM 'inbound'
            GROUP BY r.provider, r.sender
        ) AS r
        LEFT JOIN unnest(c.senders) AS s
            ON s.provider IS NOT DISTINCT FROM r.provider AND s.sender IS NOT DISTINCT FROM r.sender
        GROUP BY 1
        ORDER BY 1
    LOOP
        -- The rollups count messages that wait, for however short a time. Only if these are too many are they looked at.
        CONTINUE WHEN counted.waiting <= c.threshold OR counted.waiting < c.minimum_count
            OR counted.waiting * 100 <= c.relative_threshold * counted.handed;
        SELECT count(*) INTO waiting
        FROM msgstatus.message AS m
        LEFT JOIN LATERAL (SELECT s.* FROM unnest(c.senders) AS s WHERE c.per = 'channel') AS s
            ON s.provider IS NOT DISTINCT FROM m.provider AND s.sender IS NOT DISTINCT FROM m.sender
        WHERE m.created_at >= since AND m.direction IS DISTINCT FROM 'inbound'
            AND msgstatus.state(m.status) >= 'accepted' AND msgstatus.state(m.status) <= 'sent'
            -- Since it came to its state: a message may be registered long before it is sent.
            AND msgstatus.observed_at(m.status, msgstatus.state(m.status)) <= now() - c.age
            AND NOT msgstatus.is_history(m.status, m.updated_at)
            AND msgstatus.alert_subject(m.provider, s.provider IS NOT NULL OR s.sender IS NOT NULL, c.per) IS NOT DISTINCT FROM counted.subject;
        CONTINUE WHEN waiting <= c.threshold OR waiting < c.minimum_count OR waiting * 100 <= c.relative_threshold * counted.handed;
        RETURN NEXT (counted.subject, waiting,
            GREATEST(c.threshold, round(c.relative_threshold * counted.handed / 100, 1)),
            format('%s messages%s of the last %s have been undelivered for over %s (more than %s%s): see undelivered_messages.',
                waiting, msgstatus.of_subject(counted.subject), msgstatus.time_in_words(c.period), msgstatus.time_in_words(c.age), c.threshold,
                CASE WHEN c.relative_threshold IS NOT NULL THEN format(', and more than %s %% of %s', c.relative_threshold, counted.handed) END)
            )::msgstatus.alert_reading;
    END LOOP;
END
$$;
COMMENT ON FUNCTION msgstatus.alert_undelivered(msgstatus.alert_condition) IS
    'A row for each channel if more messages than the threshold, and more than relative_threshold percent of all, were created in the period and have been undelivered for the age';

-- The trail grows at its end, so its last pages hold what came last. There is no index by time, which each status would write.
-- An event that went to a gap further up is missed, and with it a sign of life; then the messages tell.
CREATE FUNCTION msgstatus.last_signs_of_life(since timestamptz) RETURNS TABLE (provider text, sender text, heard_at timestamptz)
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    part regclass;
BEGIN
    FOR part IN
        SELECT c.oid FROM pg_class AS c
        WHERE c.relkind = 'r' AND c.oid IN (SELECT 'msgstatus.status_event'::regclass UNION ALL
            SELECT t.relid FROM pg_partition_tree('msgstatus.status_event') AS t)
    LOOP
        RETURN QUERY EXECUTE format('
            SELECT m.provider, m.sender, max(e.received_at)
            FROM %s AS e, LATERAL (
                SELECT m.provider, CASE WHEN m.direction = ''inbound'' THEN m.recipient ELSE m.sender END AS sender
                FROM msgstatus.message AS m WHERE m.message_id = e.message_id LIMIT 1) AS m
            WHERE e.ctid >= %L::tid AND e.received_at >= $1 AND e.source IS DISTINCT FROM ''import''
            GROUP BY 1, 2',
            part, format('(%s,0)', GREATEST(pg_relation_size(part) / current_setting('block_size')::integer - 16, 0)))
        USING since;
    END LOOP;
    RETURN QUERY
    SELECT r.provider, r.sender, max(r.received_at)
    FROM msgstatus.rejected_status AS r
    WHERE r.rejected_at >= since AND r.source IS DISTINCT FROM 'import'
    GROUP BY 1, 2;
END
$$;
COMMENT ON FUNCTION msgstatus.last_signs_of_life(timestamptz) IS
    'When the last webhook of each provider and sender came, as far as the end of the trail and the dead letters tell';

CREATE FUNCTION msgstatus.alert_silence(c msgstatus.alert_condition) RETURNS SETOF msgstatus.alert_reading
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    quiet record;
    unanswered record;
    sign_of_life timestamptz;
    silent boolean;
BEGIN
    -- Channels with messages that nobody has answered since the last hour of which a message was.
    FOR quiet IN
        WITH senders AS MATERIALIZED (
            SELECT * FROM unnest(c.senders)
        ), hours AS (
            SELECT msgstatus.alert_subject(r.provider, s.provider IS NOT NULL OR s.sender IS NOT NULL, c.per) AS subject, r.hour,
                sum(r.messages) AS messages, sum(r.answered) AS answered
            FROM (
                SELECT r.provider, r.sender, r.hour, sum(r.messages) AS messages,
                    sum(r.in_processing + r.in_received + r.in_pending + r.in_scheduled + r.in_accepted + r.in_queued + r.in_sending
                        + r.in_sent + r.in_partially_delivered + r.in_skipped + r.in_canceled + r.in_failed + r.in_undelivered
                        + r.in_delivered + r.in_read + r.in_played) AS answered
                FROM msgstatus.message_rollup AS r
                WHERE r.hour >= date_trunc('hour', now() - c.period, 'UTC') AND r.direction IS DISTINCT FROM 'inbound'
                GROUP BY 1, 2, 3
            ) AS r
            LEFT JOIN senders AS s ON s.provider IS NOT DISTINCT FROM r.provider AND s.sender IS NOT DISTINCT FROM r.sender
            GROUP BY 1, 2
        ), last AS (
            SELECT h.subject, COALESCE(max(h.hour) FILTER (WHERE h.answered > 0), min(h.hour)) AS hour
            FROM hours AS h GROUP BY h.subject
        )
        SELECT l.subject, l.hour
        FROM last AS l JOIN hours AS h ON h.subject IS NOT DISTINCT FROM l.subject AND h.hour >= l.hour
        GROUP BY l.subject, l.hour
        HAVING sum(h.messages - h.answered) >= GREATEST(c.minimum_count, 1)
        ORDER BY l.subject
    LOOP
        sign_of_life := NULL;
        FOR attempt IN 1 .. 2 LOOP
            WITH senders AS MATERIALIZED (
                SELECT * FROM unnest(c.senders)
            ), recent AS (
                SELECT m.created_at, m.updated_at, msgstatus.state(m.status) IS NOT NULL AS answered,
                    GREATEST(COALESCE(msgstatus.reached_at(m.status, 'sent'), msgstatus.observed_at(m.status, msgstatus.state(m.status)))
                        - m.created_at, '0') AS delay
                FROM msgstatus.message AS m
                LEFT JOIN senders AS s ON s.provider IS NOT DISTINCT FROM m.provider AND s.sender IS NOT DISTINCT FROM m.sender
                WHERE m.created_at >= GREATEST(quiet.hour, now() - c.period) AND m.direction IS DISTINCT FROM 'inbound'
                    AND msgstatus.alert_subject(m.provider, s.provider IS NOT NULL OR s.sender IS NOT NULL, c.per) IS NOT DISTINCT FROM quiet.subject
            ), since AS (
                SELECT GREATEST(sign_of_life, max(r.updated_at), '-infinity') AS heard_at,
                    -- Where messages are registered ahead of sending, as long as that is no silence.
                    extract(epoch FROM percentile_disc(0.5) WITHIN GROUP (ORDER BY r.delay)) / 60 AS usual
                FROM recent AS r WHERE r.answered
            )
            SELECT count(*) AS messages, extract(epoch FROM now() - min(r.created_at)) / 60 AS minutes,
                GREATEST(c.threshold, round(c.relative_threshold * min(s.usual), 1)) AS allowed
            INTO unanswered
            FROM recent AS r, since AS s
            WHERE NOT r.answered AND r.created_at > s.heard_at;
            silent := unanswered.messages >= GREATEST(c.minimum_count, 1) AND unanswered.minutes >= unanswered.allowed;
            EXIT WHEN attempt = 2 OR NOT silent;
            -- The messages of this time have had no webhook. Those before may have had one. Any provider's webhook may be about
            -- a message whose provider is unknown.
            SELECT max(l.heard_at) INTO sign_of_life
            FROM msgstatus.last_signs_of_life(now() - c.period) AS l
            LEFT JOIN unnest(c.senders) AS s
                ON s.provider IS NOT DISTINCT FROM l.provider AND s.sender IS NOT DISTINCT FROM l.sender
            WHERE quiet.subject = 'unknown'
                OR msgstatus.alert_subject(l.provider, s.provider IS NOT NULL OR s.sender IS NOT NULL, c.per) IS NOT DISTINCT FROM quiet.subject;
            EXIT WHEN sign_of_life IS NULL;
        END LOOP;
        IF silent THEN
            RETURN NEXT (quiet.subject, round(unanswered.minutes, 1), unanswered.allowed,
                format('No webhook%s for %s minutes, although %s messages were sent (%s minutes are allowed): is the receiver up, does the provider reach it, is its secret right?',
                    msgstatus.of_subject(quiet.subject), floor(unanswered.minutes), unanswered.messages, unanswered.allowed))::msgstatus.alert_reading;
        END IF;
    END LOOP;
END
$$;
COMMENT ON FUNCTION msgstatus.alert_silence(msgstatus.alert_condition) IS
    'A row for each channel if at least minimum_count messages were registered since the last webhook, the first at least as many minutes ago as the threshold, and relative_threshold times as long ago as answers usually take';

CREATE FUNCTION msgstatus.alert_rejected(c msgstatus.alert_condition) RETURNS SETOF msgstatus.alert_reading
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT NULL::text, r.now::numeric, $1.threshold * r.before,
        format('%s statuses were rejected in the last %s, %s in the %2$s before (more than %4$s times as many): see rejected_summary.',
            r.now, msgstatus.time_in_words($1.period), r.before, $1.threshold)
    FROM (
        SELECT count(*) FILTER (WHERE s.rejected_at >= now() - $1.period) AS now,
            count(*) FILTER (WHERE s.rejected_at < now() - $1.period) AS before
        FROM msgstatus.rejected_status AS s
        -- Whoever imports history gets the number of rejected rows as the answer.
        WHERE s.rejected_at >= now() - 2 * $1.period AND s.source IS DISTINCT FROM 'import'
    ) AS r
    WHERE r.now >= GREATEST($1.minimum_count, 1) AND r.now > $1.threshold * r.before
$$;
COMMENT ON FUNCTION msgstatus.alert_rejected(msgstatus.alert_condition) IS
    'A row if at least minimum_count statuses were rejected, and more than threshold times as many as in the period before; those of imports aside';

CREATE FUNCTION msgstatus.alert_error_code(c msgstatus.alert_condition) RETURNS SETOF msgstatus.alert_reading
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    WITH p AS (
        SELECT date_trunc('hour', now(), 'UTC') - $1.period AS since
    ), attempts AS (
        SELECT r.provider, sum(r.in_sent + r.in_partially_delivered + r.in_failed + r.in_undelivered + r.in_delivered + r.in_read
            + r.in_played) AS attempted
        FROM p JOIN msgstatus.message_rollup AS r ON r.hour >= p.since
        WHERE r.direction IS DISTINCT FROM 'inbound'
        GROUP BY r.provider
    )
    SELECT concat_ws(' ', COALESCE(f.provider, 'unknown'), COALESCE(f.error_code::text, 'without a code')), f.now::numeric, round($1.threshold * f.usual, 1),
        format('%s messages of the last %s failed %s of %s%s; as the day before was, %s were to be expected%s: see failure_breakdown.',
            f.now, msgstatus.time_in_words($1.period), COALESCE('by error ' || f.error_code, 'without an error code'),
            COALESCE(f.provider, 'an unknown provider'), ' (' || c.meaning || ')', round(f.usual, 1),
            CASE WHEN $1.relative_threshold IS NOT NULL THEN format(' (more than %s times as many, and more than %s %% of %s messages)',
                $1.threshold, $1.relative_threshold, a.attempted) END)
    FROM (
        SELECT r.provider, r.error_code,
            COALESCE(sum(r.messages) FILTER (WHERE r.hour >= p.since), 0) AS now,
            -- The number of the 24 hours before, scaled to the time since the period began.
            COALESCE(sum(r.messages) FILTER (WHERE r.hour < p.since), 0) * extract(epoch FROM now() - p.since) / 86400 AS usual
        FROM p JOIN msgstatus.failure_rollup AS r ON r.hour >= p.since - interval '24 hours'
        GROUP BY r.provider, r.error_code, p.since
    ) AS f
    LEFT JOIN attempts AS a ON a.provider IS NOT DISTINCT FROM f.provider
    LEFT JOIN msgstatus.error_code_catalog AS c
        -- Who has no row for one of Meta's numbers passes Meta's codes on.
        ON c.code = f.error_code AND c.provider = CASE
            WHEN f.error_code >= 130000 AND NOT EXISTS (
                SELECT FROM msgstatus.error_code_catalog AS o WHERE o.provider = f.provider AND o.code = f.error_code)
            THEN 'meta' ELSE msgstatus.code_provider(f.provider) END
    WHERE f.now >= GREATEST($1.minimum_count, 1) AND f.now > $1.threshold * f.usual
        -- More messages fail where more are sent.
        AND COALESCE(msgstatus.rate_is_below(a.attempted - f.now, a.attempted, 100 - $1.relative_threshold), true)
$$;
COMMENT ON FUNCTION msgstatus.alert_error_code(msgstatus.alert_condition) IS
    'A row for each provider and error code, or none, by which at least minimum_count messages failed, more than threshold times as many as expected from the 24 hours before, and more than relative_threshold percent of the messages';

-- A worker reports every 20 seconds, also while it is refused. One that died is no news of Twilio's.
CREATE FUNCTION msgstatus.alert_refresh_refused(c msgstatus.alert_condition) RETURNS SETOF msgstatus.alert_reading
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT NULL::text, w.refused::numeric, $1.threshold,
        format('Twilio refused the credentials of msgstatus-refresh (processes: %s), so that no status is fetched: see refresh_workers.', w.refused)
    FROM (
        SELECT count(*) AS refused FROM msgstatus.refresh_worker AS r
        WHERE r.state = 'refused' AND r.seen_at >= now() - LEAST($1.period, '2 minutes')
    ) AS w
    WHERE w.refused >= GREATEST($1.minimum_count, 1) AND w.refused > $1.threshold
$$;
COMMENT ON FUNCTION msgstatus.alert_refresh_refused(msgstatus.alert_condition) IS
    'A row if more workers of msgstatus-refresh than the threshold were refused by the provider';
