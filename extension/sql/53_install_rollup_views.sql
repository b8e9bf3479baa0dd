-- What install() makes: the views of the rollups. They read rows of rollups alone, and so grow with hours, not with messages.
--
-- The same words mean the same in all of them. delivered counts messages that were delivered, so those that were read, too;
-- read those that were read; failed those whose state is a failure; attempted those that a provider tried to deliver, with
-- whatever outcome so far. delivery_rate is the percentage of the attempted that was delivered, read_rate that of the
-- delivered that was read. Days are those of the session's TimeZone: an hour belongs to the day in which it begins.

CREATE FUNCTION msgstatus.seconds(delay interval) RETURNS numeric
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    BEGIN ATOMIC
        SELECT pg_catalog.round(extract(epoch FROM $1), 3);
    END;
COMMENT ON FUNCTION msgstatus.seconds(interval) IS 'An interval in seconds, to the millisecond';

CREATE FUNCTION msgstatus.percentage(part bigint, whole bigint) RETURNS numeric
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    BEGIN ATOMIC
        SELECT pg_catalog.round(100.0 OPERATOR(pg_catalog.*) $1 OPERATOR(pg_catalog./) NULLIF($2, 0), 2);
    END;
COMMENT ON FUNCTION msgstatus.percentage(bigint, bigint) IS 'The part in hundredths of the whole, with two places; NULL of nothing';

CREATE FUNCTION msgstatus.install_volume_views() RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    CREATE OR REPLACE VIEW msgstatus.message_status_dashboard AS
    SELECT d.date,
        d.total_messages,
        d.sent,
        d.delivered,
        d.read,
        d.failed,
        msgstatus.percentage(d.delivered, d.attempted) AS delivery_rate,
        msgstatus.percentage(d.read, d.delivered) AS read_rate,
        msgstatus.seconds(msgstatus.average(d.delivery)) AS avg_delivery_seconds,
        msgstatus.percentile_seconds(d.delivery, 0.5) AS p50_delivery_seconds,
        msgstatus.percentile_seconds(d.delivery, 0.95) AS p95_delivery_seconds,
        msgstatus.percentile_seconds(d.delivery, 0.99) AS p99_delivery_seconds,
        msgstatus.seconds(msgstatus.average(d.reading)) AS avg_read_seconds
    FROM (
        SELECT r.hour::date AS date,
            sum(r.messages)::bigint AS total_messages,
            sum(r.sent)::bigint AS sent,
            sum(r.in_delivered + r.in_read + r.in_played)::bigint AS delivered,
            sum(r.in_read + r.in_played)::bigint AS read,
            sum(r.in_failed + r.in_undelivered)::bigint AS failed,
            sum(r.in_sent + r.in_partially_delivered + r.in_failed + r.in_undelivered + r.in_delivered + r.in_read
                + r.in_played)::bigint AS attempted,
            msgstatus.sum(r.delivery) AS delivery,
            msgstatus.sum(r.reading) AS reading
        FROM msgstatus.hour_rollup AS r
        GROUP BY r.hour::date
        HAVING sum(r.messages) > 0
    ) AS d
    ORDER BY d.date DESC;
    COMMENT ON VIEW msgstatus.message_status_dashboard IS
        'By day: messages and what became of them, and how long delivery and reading took';

    CREATE OR REPLACE VIEW msgstatus.hourly_message_volume AS
    SELECT h.hour,
        h.total_messages,
        h.inbound,
        h.sent,
        h.delivered,
        h.read,
        h.failed
    FROM (
        SELECT r.hour,
            sum(r.in_processing + r.in_received)::bigint AS inbound,
            sum(r.messages)::bigint AS total_messages,
            sum(r.sent)::bigint AS sent,
            sum(r.in_delivered + r.in_read + r.in_played)::bigint AS delivered,
            sum(r.in_read + r.in_played)::bigint AS read,
            sum(r.in_failed + r.in_undelivered)::bigint AS failed,
            sum(r.in_sent + r.in_partially_delivered + r.in_failed + r.in_undelivered + r.in_delivered + r.in_read
                + r.in_played)::bigint AS attempted
        FROM msgstatus.hour_rollup AS r
        GROUP BY r.hour
        HAVING sum(r.messages) > 0
    ) AS h
    ORDER BY h.hour DESC;
    COMMENT ON VIEW msgstatus.hourly_message_volume IS 'By hour: messages, those that came in, and what became of the others';

    CREATE OR REPLACE VIEW msgstatus.delivery_rates AS
    SELECT p.period,
        p.since,
        n.total_messages,
        n.sent,
        n.delivered,
        n.read,
        n.failed,
        msgstatus.percentage(n.delivered, n.attempted) AS delivery_rate,
        msgstatus.percentage(b.delivered, b.attempted) AS previous_delivery_rate,
        msgstatus.percentage(n.delivered, n.attempted) - msgstatus.percentage(b.delivered, b.attempted) AS delivery_rate_change,
        msgstatus.percentage(n.read, n.delivered) AS read_rate,
        msgstatus.percentage(b.read, b.delivered) AS previous_read_rate,
        msgstatus.percentage(n.read, n.delivered) - msgstatus.percentage(b.read, b.delivered) AS read_rate_change
    FROM (
        SELECT v.period, v.length, date_trunc('hour', now(), 'UTC') - v.length AS since
        FROM (VALUES ('last hour', interval '1 hour'), ('last 24 hours', interval '24 hours'),
            ('last 7 days', interval '168 hours'), ('last 30 days', interval '720 hours')) AS v (period, length)
    ) AS p,
    LATERAL (
        SELECT sum(r.messages)::bigint AS total_messages,
            sum(r.sent)::bigint AS sent,
            sum(r.in_delivered + r.in_read + r.in_played)::bigint AS delivered,
            sum(r.in_read + r.in_played)::bigint AS read,
            sum(r.in_failed + r.in_undelivered)::bigint AS failed,
            sum(r.in_sent + r.in_partially_delivered + r.in_failed + r.in_undelivered + r.in_delivered + r.in_read
                + r.in_played)::bigint AS attempted
        FROM msgstatus.hour_rollup AS r
        WHERE r.hour >= p.since
    ) AS n,
    LATERAL (
        SELECT sum(r.messages)::bigint AS total_messages,
            sum(r.sent)::bigint AS sent,
            sum(r.in_delivered + r.in_read + r.in_played)::bigint AS delivered,
            sum(r.in_read + r.in_played)::bigint AS read,
            sum(r.in_failed + r.in_undelivered)::bigint AS failed,
            sum(r.in_sent + r.in_partially_delivered + r.in_failed + r.in_undelivered + r.in_delivered + r.in_read
                + r.in_played)::bigint AS attempted
        FROM msgstatus.hour_rollup AS r
        WHERE r.hour >= p.since - p.length AND r.hour < p.since
    ) AS b
    ORDER BY p.length;
    COMMENT ON VIEW msgstatus.delivery_rates IS
        'The last hour, 24 hours, 7 and 30 days, each beside as long a time before; whole hours, and the one that runs';

    CREATE OR REPLACE VIEW msgstatus.delivery_funnel AS
    SELECT s.step,
        s.stage,
        s.messages,
        msgstatus.percentage(s.messages, f.created) AS percent_of_created,
        msgstatus.percentage(s.messages, s.before) AS percent_of_previous
    FROM (
        SELECT sum(r.messages - r.in_processing - r.in_received)::bigint AS created,
            sum(r.messages)::bigint AS total_messages,
            sum(r.sent)::bigint AS sent,
            sum(r.in_delivered + r.in_read + r.in_played)::bigint AS delivered,
            sum(r.in_read + r.in_played)::bigint AS read,
            sum(r.in_failed + r.in_undelivered)::bigint AS failed,
            sum(r.in_sent + r.in_partially_delivered + r.in_failed + r.in_undelivered + r.in_delivered + r.in_read
                + r.in_played)::bigint AS attempted
        FROM msgstatus.hour_rollup AS r
        WHERE r.hour >= date_trunc('hour', now(), 'UTC') - interval '720 hours'
    ) AS f,
    LATERAL (VALUES (1, 'created', COALESCE(f.created, 0), NULL::bigint), (2, 'sent', COALESCE(f.sent, 0), f.created),
        (3, 'delivered', COALESCE(f.delivered, 0), f.sent), (4, 'read', COALESCE(f.read, 0), f.delivered)
    ) AS s (step, stage, messages, before)
    ORDER BY s.step;
    COMMENT ON VIEW msgstatus.delivery_funnel IS 'How far the outgoing messages of the last 30 days came';
END
$$;
COMMENT ON FUNCTION msgstatus.install_volume_views() IS
    'Makes the views message_status_dashboard, hourly_message_volume, delivery_rates, delivery_funnel; called by install()';

CREATE FUNCTION msgstatus.install_summary_views() RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    summary record;
BEGIN
    FOR summary IN SELECT * FROM (VALUES ('daily_summary', 'day'), ('weekly_summary', 'week'), ('monthly_summary', 'month')) AS v (name, unit)
    LOOP
        EXECUTE format($view$
            CREATE OR REPLACE VIEW msgstatus.%1$I AS
            WITH p AS (
                SELECT s.%2$I,
                    s.total_messages,
                    s.sent,
                    s.delivered,
                    s.read,
                    s.failed,
                    msgstatus.percentage(s.delivered, s.attempted) AS delivery_rate,
                    msgstatus.percentage(s.read, s.delivered) AS read_rate,
                    msgstatus.seconds(msgstatus.average(s.delivery)) AS avg_delivery_seconds
                FROM (
                    SELECT date_trunc(%2$L, r.hour)::date AS %2$I,
                        sum(r.messages)::bigint AS total_messages,
                        sum(r.sent)::bigint AS sent,
                        sum(r.in_delivered + r.in_read + r.in_played)::bigint AS delivered,
                        sum(r.in_read + r.in_played)::bigint AS read,
                        sum(r.in_failed + r.in_undelivered)::bigint AS failed,
                        sum(r.in_sent + r.in_partially_delivered + r.in_failed + r.in_undelivered + r.in_delivered
                            + r.in_read + r.in_played)::bigint AS attempted,
                        msgstatus.sum(r.delivery) AS delivery
                    FROM msgstatus.hour_rollup AS r
                    GROUP BY date_trunc(%2$L, r.hour)::date
                    HAVING sum(r.messages) > 0
                ) AS s
            )
            SELECT p.%2$I,
                p.total_messages,
                p.sent,
                p.delivered,
                p.read,
                p.failed,
                p.delivery_rate,
                p.read_rate,
                p.avg_delivery_seconds,
                msgstatus.percentage(p.total_messages - b.total_messages, b.total_messages) AS total_messages_change,
                p.delivery_rate - b.delivery_rate AS delivery_rate_change,
                p.read_rate - b.read_rate AS read_rate_change
            FROM p
            LEFT JOIN p AS b ON b.%2$I = (p.%2$I - interval %3$L)::date
            ORDER BY p.%2$I DESC $view$, summary.name, summary.unit, '1 ' || summary.unit);
        EXECUTE format('COMMENT ON VIEW msgstatus.%I IS %L', summary.name,
            format('By %s: messages, what became of them, and how that differs from the %1$s before', summary.unit));
    END LOOP;
END
$$;
COMMENT ON FUNCTION msgstatus.install_summary_views() IS
    'Makes the views daily_summary, weekly_summary and monthly_summary; called by install()';

CREATE FUNCTION msgstatus.install_breakdown_views() RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    CREATE OR REPLACE VIEW msgstatus.status_distribution AS
    SELECT s.state,
        r.message_type,
        r.provider,
        s.messages,
        msgstatus.percentage(s.messages, sum(s.messages) OVER ()::bigint) AS percent
    FROM (
        SELECT r.message_type,
            r.provider,
            sum(r.messages) AS messages,
            sum(r.in_processing) AS in_processing,
            sum(r.in_received) AS in_received,
            sum(r.in_pending) AS in_pending,
            sum(r.in_scheduled) AS in_scheduled,
            sum(r.in_accepted) AS in_accepted,
            sum(r.in_queued) AS in_queued,
            sum(r.in_sending) AS in_sending,
            sum(r.in_sent) AS in_sent,
            sum(r.in_partially_delivered) AS in_partially_delivered,
            sum(r.in_skipped) AS in_skipped,
            sum(r.in_canceled) AS in_canceled,
            sum(r.in_failed) AS in_failed,
            sum(r.in_undelivered) AS in_undelivered,
            sum(r.in_delivered) AS in_delivered,
            sum(r.in_read) AS in_read,
            sum(r.in_played) AS in_played
        FROM msgstatus.message_rollup AS r
        WHERE r.hour >= date_trunc('hour', now(), 'UTC') - interval '720 hours'
        GROUP BY r.message_type, r.provider
    ) AS r,
    LATERAL (VALUES
        ('processing'::msgstatus.delivery_state, r.in_processing), ('received', r.in_received), ('pending', r.in_pending),
        ('scheduled', r.in_scheduled), ('accepted', r.in_accepted), ('queued', r.in_queued), ('sending', r.in_sending),
        ('sent', r.in_sent), ('partially_delivered', r.in_partially_delivered), ('skipped', r.in_skipped),
        ('canceled', r.in_canceled), ('failed', r.in_failed), ('undelivered', r.in_undelivered),
        ('delivered', r.in_delivered), ('read', r.in_read), ('played', r.in_played),
        (NULL, r.messages - r.in_processing - r.in_received - r.in_pending - r.in_scheduled - r.in_accepted - r.in_queued
            - r.in_sending - r.in_sent - r.in_partially_delivered - r.in_skipped - r.in_canceled - r.in_failed
            - r.in_undelivered - r.in_delivered - r.in_read - r.in_played)
    ) AS s (state, messages)
    WHERE s.messages > 0
    ORDER BY s.messages DESC, s.state, r.message_type, r.provider;
    COMMENT ON VIEW msgstatus.status_distribution IS
        'The messages of the last 30 days by state (NULL: no callback yet), type and provider';

    CREATE OR REPLACE VIEW msgstatus.failure_breakdown AS
    SELECT f.provider,
        f.error_code,
        c.meaning,
        c.retryable,
        c.advice,
        f.failed,
        msgstatus.percentage(f.failed, sum(f.failed) OVER ()::bigint) AS percent,
        f.failed_last_day,
        f.failed_day_before
    FROM (
        SELECT r.provider,
            r.error_code,
            sum(r.messages)::bigint AS failed,
            COALESCE(sum(r.messages) FILTER (WHERE r.hour >= date_trunc('hour', now(), 'UTC') - interval '24 hours'), 0)::bigint AS failed_last_day,
            COALESCE(sum(r.messages) FILTER (WHERE r.hour < date_trunc('hour', now(), 'UTC') - interval '24 hours'
                AND r.hour >= date_trunc('hour', now(), 'UTC') - interval '48 hours'), 0)::bigint AS failed_day_before
        FROM msgstatus.failure_rollup AS r
        WHERE r.hour >= date_trunc('hour', now(), 'UTC') - interval '720 hours'
        GROUP BY r.provider, r.error_code
        HAVING sum(r.messages) > 0
    ) AS f
    LEFT JOIN msgstatus.error_code_catalog AS c
        ON c.code = f.error_code AND c.provider = CASE f.provider WHEN 'twilio' THEN 'twilio' ELSE 'meta' END
    ORDER BY f.failed DESC, f.provider, f.error_code;
    COMMENT ON VIEW msgstatus.failure_breakdown IS
        'Why messages of the last 30 days failed: error codes, what they mean, and whether the same message is worth another try';
END
$$;
COMMENT ON FUNCTION msgstatus.install_breakdown_views() IS
    'Makes the views status_distribution and failure_breakdown; called by install()';
