-- Created by install(): views that break messages down by state and failures down by error code.

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
        -- Who has no row for one of Meta's numbers passes Meta's codes on.
        ON c.code = f.error_code AND c.provider = CASE
            WHEN f.error_code >= 130000 AND NOT EXISTS (
                SELECT FROM msgstatus.error_code_catalog AS o WHERE o.provider = f.provider AND o.code = f.error_code)
            THEN 'meta' ELSE msgstatus.code_provider(f.provider) END
    ORDER BY f.failed DESC, f.provider, f.error_code;
    COMMENT ON VIEW msgstatus.failure_breakdown IS
        'The failures of the last 30 days by error code, with the meaning of each code and whether a retry may help';
END
$$;
COMMENT ON FUNCTION msgstatus.install_breakdown_views() IS
    'Creates the views status_distribution and failure_breakdown; called by install()';
