-- Created by install(): the dashboard, and the views of volume, delivery rates and the delivery funnel. They read only rollups,
-- so their cost grows with hours and not with messages.
--
-- A word means the same in all views: outcome_states() defines it, hour_rollup counts by it. delivery_rate is the percentage
-- of attempted messages that were delivered, read_rate the percentage of delivered messages that were read. Inbound messages
-- are those whose direction is inbound; they have no outcome. Days are days of the session's TimeZone: an hour belongs to the
-- day in which it begins.

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
        msgstatus.seconds(msgstatus.average(d.reading)) AS avg_read_seconds,
        d.attempted
    FROM (
        SELECT r.hour::date AS date,
            sum(r.messages)::bigint AS total_messages,
            sum(r.sent)::bigint AS sent,
            sum(r.delivered)::bigint AS delivered,
            sum(r.read)::bigint AS read,
            sum(r.failed)::bigint AS failed,
            sum(r.attempted)::bigint AS attempted,
            msgstatus.sum(r.delivery) AS delivery,
            msgstatus.sum(r.reading) AS reading
        FROM msgstatus.hour_rollup AS r
        GROUP BY r.hour::date
        HAVING sum(r.messages) > 0
    ) AS d
    ORDER BY d.date DESC;
    COMMENT ON VIEW msgstatus.message_status_dashboard IS
        'By day: messages, their outcomes, and the times of delivery and reading';

    CREATE OR REPLACE VIEW msgstatus.hourly_message_volume AS
    SELECT h.hour,
        h.total_messages,
        h.inbound,
        h.sent,
        h.delivered,
        h.read,
        h.failed,
        h.attempted
    FROM (
        SELECT r.hour,
            sum(r.messages - r.outbound)::bigint AS inbound,
            sum(r.messages)::bigint AS total_messages,
            sum(r.sent)::bigint AS sent,
            sum(r.delivered)::bigint AS delivered,
            sum(r.read)::bigint AS read,
            sum(r.failed)::bigint AS failed,
            sum(r.attempted)::bigint AS attempted
        FROM msgstatus.hour_rollup AS r
        GROUP BY r.hour
        HAVING sum(r.messages) > 0
    ) AS h
    ORDER BY h.hour DESC;
    COMMENT ON VIEW msgstatus.hourly_message_volume IS 'By hour: messages, incoming messages, and the outcomes of outgoing ones';

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
        msgstatus.percentage(n.read, n.delivered) - msgstatus.percentage(b.read, b.delivered) AS read_rate_change,
        n.attempted
    FROM (
        SELECT v.period, v.length, date_trunc('hour', now(), 'UTC') - v.length AS since
        FROM (VALUES ('last hour', interval '1 hour'), ('last 24 hours', interval '24 hours'),
            ('last 7 days', interval '168 hours'), ('last 30 days', interval '720 hours')) AS v (period, length)
    ) AS p,
    LATERAL (
        SELECT COALESCE(sum(r.messages), 0)::bigint AS total_messages,
            COALESCE(sum(r.sent), 0)::bigint AS sent,
            COALESCE(sum(r.delivered), 0)::bigint AS delivered,
            COALESCE(sum(r.read), 0)::bigint AS read,
            COALESCE(sum(r.failed), 0)::bigint AS failed,
            COALESCE(sum(r.attempted), 0)::bigint AS attempted
        FROM msgstatus.hour_rollup AS r
        WHERE r.hour >= p.since
    ) AS n,
    LATERAL (
        SELECT COALESCE(sum(r.messages), 0)::bigint AS total_messages,
            COALESCE(sum(r.sent), 0)::bigint AS sent,
            COALESCE(sum(r.delivered), 0)::bigint AS delivered,
            COALESCE(sum(r.read), 0)::bigint AS read,
            COALESCE(sum(r.failed), 0)::bigint AS failed,
            COALESCE(sum(r.attempted), 0)::bigint AS attempted
        FROM msgstatus.hour_rollup AS r
        WHERE r.hour >= p.since - p.length AND r.hour < p.since
    ) AS b
    ORDER BY p.length;
    COMMENT ON VIEW msgstatus.delivery_rates IS
        'The rates of the last hour, 24 hours, 7 and 30 days, each with the preceding period; whole hours and the current one';

    CREATE OR REPLACE VIEW msgstatus.delivery_funnel AS
    SELECT s.step,
        s.stage,
        s.messages,
        msgstatus.percentage(s.messages, f.created) AS percent_of_created,
        msgstatus.percentage(s.messages, s.before) AS percent_of_previous
    FROM (
        SELECT sum(r.outbound)::bigint AS created,
            sum(r.sent)::bigint AS sent,
            sum(r.delivered)::bigint AS delivered,
            sum(r.read)::bigint AS read
        FROM msgstatus.hour_rollup AS r
        WHERE r.hour >= date_trunc('hour', now(), 'UTC') - interval '720 hours'
    ) AS f,
    LATERAL (VALUES (1, 'created', COALESCE(f.created, 0), NULL::bigint), (2, 'sent', COALESCE(f.sent, 0), f.created),
        (3, 'delivered', COALESCE(f.delivered, 0), f.sent), (4, 'read', COALESCE(f.read, 0), f.delivered)
    ) AS s (step, stage, messages, before)
    ORDER BY s.step;
    COMMENT ON VIEW msgstatus.delivery_funnel IS 'The outgoing messages of the last 30 days by the stage that they reached';
END
$$;
COMMENT ON FUNCTION msgstatus.install_volume_views() IS
    'Creates the views message_status_dashboard, hourly_message_volume, delivery_rates, delivery_funnel; called by install()';
