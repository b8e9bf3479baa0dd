-- Created by install(): the views of campaigns. Phone numbers are masked. The outcome of a recipient is derived here from the
-- statuses of its messages, and stored nowhere.

CREATE FUNCTION msgstatus.install_campaign_views() RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    CREATE OR REPLACE VIEW msgstatus.campaign_recipient_status WITH (security_barrier) AS
    SELECT r.recipient_id,
        r.campaign_id,
        c.name AS campaign_name,
        msgstatus.mask_address(r.phone_number) AS phone_number,
        s.state,
        r.scheduled_send_date,
        msgstatus.shown_id((SELECT k.key FROM msgstatus.id_key AS k), r.message_id) AS message_id,
        CASE
            WHEN a.status OPERATOR(msgstatus.?) 'sent' THEN msgstatus.reached_at(a.status, 'sent')
            WHEN s.state = 'sent' THEN r.sent_at
        END AS sent_at,
        msgstatus.reached_at(a.status, 'delivered') AS delivered_at,
        msgstatus.reached_at(a.status, 'read') AS read_at,
        f.failed_at,
        CASE WHEN f.failed_at IS NULL THEN NULL WHEN r.failed_at IS NULL THEN m.error_code ELSE r.failure_code END AS failure_code,
        CASE
            WHEN f.failed_at IS NULL THEN NULL
            WHEN r.failed_at IS NULL THEN
                msgstatus.mask_numbers(COALESCE(m.error_title, e.meaning, m.error_details, f.state::text))
            ELSE msgstatus.mask_numbers(r.failure_reason)
        END AS failure_reason,
        CASE
            WHEN s.state <> 'skipped' THEN NULL
            WHEN r.skipped_at IS NOT NULL THEN msgstatus.mask_numbers(r.skip_reason)
            WHEN r.message_id IS NOT NULL THEN f.state::text || ' by the provider'
            ELSE 'campaign canceled'
        END AS skip_reason,
        r.retry_count + (r.message_id IS NOT NULL OR r.failed_at IS NOT NULL)::integer AS attempts,
        r.retry_count,
        r.max_retries,
        CASE
            WHEN s.state <> 'pending' THEN NULL
            WHEN r.waiting THEN GREATEST(c.starts_at, (r.scheduled_send_date
                + CASE WHEN c.send_from < c.send_until THEN c.send_from ELSE '00:00' END) AT TIME ZONE c.time_zone)
            ELSE COALESCE(r.due_at, f.failed_at + msgstatus.retry_pause(r.retry_count, c.retry_delay, c.max_retry_delay))
        END AS next_attempt_at,
        r.message_id IS NOT NULL OR r.recorded AS recorded,
        COALESCE(msgstatus.state(a.status) = ANY (msgstatus.outcome_states('attempted')), false) AS attempted,
        r.external_id
    FROM (
        SELECT r.recipient_id, r.campaign_id, r.phone_number, r.scheduled_send_date, r.waiting, r.due_at, r.check_at, r.message_id,
            r.sent_at, r.failed_at, r.failure_code, r.failure_reason, r.skipped_at, r.skip_reason, r.retry_count, r.max_retries,
            r.external_id, NULL::msgstatus.message_status AS earlier, false AS recorded
        FROM msgstatus.campaign_recipient AS r WHERE r.retry_count = 0
        UNION ALL
        -- A retried recipient has earlier attempts, looked up for each recipient: planned with statistics that know no attempts
        -- yet, a join would compare them with all recipients.
        SELECT r.recipient_id, r.campaign_id, r.phone_number, r.scheduled_send_date, r.waiting, r.due_at, r.check_at, r.message_id,
            r.sent_at, r.failed_at, r.failure_code, r.failure_reason, r.skipped_at, r.skip_reason, r.retry_count, r.max_retries,
            r.external_id, (SELECT msgstatus.merge_agg((SELECT am.status FROM msgstatus.message AS am WHERE am.message_id = ca.message_id))
                FROM msgstatus.campaign_attempt AS ca WHERE ca.recipient_id = r.recipient_id),
            EXISTS (SELECT FROM msgstatus.campaign_attempt AS ca WHERE ca.recipient_id = r.recipient_id AND ca.message_id IS NOT NULL)
        FROM msgstatus.campaign_recipient AS r WHERE r.retry_count > 0
    ) AS r
    JOIN msgstatus.campaign AS c ON c.campaign_id = r.campaign_id
    -- Joined by key alone. With the campaign as a second condition, the planner could use the index on the campaign and, if the
    -- statistics do not know the campaign yet, compare all its messages with all its recipients.
    LEFT JOIN msgstatus.message AS m ON m.message_id = r.message_id
    LEFT JOIN msgstatus.error_code_catalog AS e
        ON e.code = m.error_code AND e.provider = CASE
            WHEN m.error_code >= 130000 AND NOT EXISTS (SELECT FROM msgstatus.error_code_catalog AS o
                WHERE o.provider = COALESCE(m.provider, c.provider) AND o.code = m.error_code)
            THEN 'meta' ELSE msgstatus.code_provider(COALESCE(m.provider, c.provider)) END
    -- The merged status of all attempts. OFFSET 0 makes PostgreSQL compute it once and not at every use.
    CROSS JOIN LATERAL (
        SELECT COALESCE(m.status OPERATOR(msgstatus.||) r.earlier, m.status, r.earlier) AS status OFFSET 0
    ) AS a
    -- The state of the current attempt, and when it failed, if it did.
    CROSS JOIN LATERAL (
        SELECT msgstatus.state(m.status) AS state,
            CASE
                WHEN msgstatus.is_failure(msgstatus.state(m.status)) THEN
                    LEAST(msgstatus.reached_at(m.status, 'failed'), msgstatus.reached_at(m.status, 'undelivered'))
                ELSE r.failed_at
            END AS failed_at
    ) AS f
    CROSS JOIN LATERAL (
        SELECT CASE
            WHEN a.status OPERATOR(msgstatus.?) 'read' THEN 'read'
            WHEN a.status OPERATOR(msgstatus.?) 'delivered' THEN 'delivered'
            WHEN r.message_id IS NOT NULL AND f.failed_at IS NULL
                AND COALESCE(f.state <> 'canceled' AND f.state <> 'skipped', true) THEN 'sent'
            WHEN r.skipped_at IS NOT NULL OR r.message_id IS NOT NULL AND f.failed_at IS NULL THEN 'skipped'
            WHEN c.status = 'canceled' THEN CASE WHEN f.failed_at IS NOT NULL OR r.retry_count > 0 THEN 'failed' ELSE 'skipped' END
            WHEN r.waiting OR r.due_at IS NOT NULL THEN 'pending'
            WHEN r.check_at IS NOT NULL AND e.retryable AND r.retry_count < r.max_retries THEN 'pending'
            ELSE 'failed'
        END AS state
    ) AS s
    WHERE (SELECT msgstatus.sees_all('msgstatus.message', 'msgstatus.campaign', 'msgstatus.campaign_recipient',
        'msgstatus.campaign_attempt')) IS NOT NULL;
    COMMENT ON VIEW msgstatus.campaign_recipient_status IS
        'One row for each recipient of a campaign: pending, sent, delivered, read, failed or skipped, by the statuses of its messages; phone numbers masked';

    CREATE OR REPLACE VIEW msgstatus.campaign_stats AS
    SELECT n.campaign_id,
        n.campaign_name,
        n.status,
        n.total_target,
        n.pending,
        n.sent,
        n.delivered,
        n.read,
        n.failed,
        n.skipped,
        round(100.0 * (n.total_target - n.pending) / NULLIF(n.total_target, 0), 2) AS progress_percentage,
        msgstatus.percentage(n.delivered, n.sent) AS delivery_rate,
        msgstatus.percentage(n.read, n.sent) AS read_rate,
        n.attempted,
        msgstatus.percentage(n.delivered, n.attempted) AS delivery_rate_of_attempted,
        msgstatus.percentage(n.read, n.delivered) AS read_rate_of_delivered,
        msgstatus.percentage(n.delivered, n.total_target) AS success_rate,
        n.sent_by_provider,
        msgstatus.percentage(n.delivered, n.sent_by_provider) AS delivery_rate_of_sent_by_provider
    FROM (
        SELECT c.campaign_id,
            c.name AS campaign_name,
            c.status,
            count(s.recipient_id) AS total_target,
            count(*) FILTER (WHERE s.state = 'pending') AS pending,
            count(*) FILTER (WHERE s.recorded) AS sent,
            count(s.delivered_at) AS delivered,
            count(s.read_at) AS read,
            count(*) FILTER (WHERE s.state = 'failed') AS failed,
            count(*) FILTER (WHERE s.state = 'skipped') AS skipped,
            count(*) FILTER (WHERE s.attempted) AS attempted,
            count(s.sent_at) AS sent_by_provider
        FROM msgstatus.campaign AS c
        LEFT JOIN msgstatus.campaign_recipient_status AS s ON s.campaign_id = c.campaign_id
        GROUP BY c.campaign_id
    ) AS n;
    COMMENT ON VIEW msgstatus.campaign_stats IS
        'One row for each campaign: the numbers of recipients by state, where a read message counts as sent, delivered and read; delivery_rate and read_rate in per cent of sent, other rates under other names';

    CREATE OR REPLACE VIEW msgstatus.campaign_failures AS
    SELECT n.campaign_id,
        n.campaign_name,
        n.failure_code,
        n.failure_reason,
        n.recipients,
        round(100.0 * n.recipients / sum(n.recipients) OVER (PARTITION BY n.campaign_id), 2) AS percent
    FROM (
        -- Words differ where the code is the same, so the most frequent ones stand for it.
        SELECT s.campaign_id,
            s.campaign_name,
            s.failure_code,
            mode() WITHIN GROUP (ORDER BY s.failure_reason COLLATE "C") AS failure_reason,
            count(*) AS recipients
        FROM msgstatus.campaign_recipient_status AS s
        WHERE s.state = 'failed'
        GROUP BY s.campaign_id, s.campaign_name, s.failure_code, CASE WHEN s.failure_code IS NULL THEN s.failure_reason COLLATE "C" END
    ) AS n
    ORDER BY n.campaign_name, n.campaign_id, n.recipients DESC, n.failure_code, n.failure_reason;
    COMMENT ON VIEW msgstatus.campaign_failures IS
        'Why recipients failed: one row for each campaign and code of the failure, or its words if there is no code';

    CREATE OR REPLACE VIEW msgstatus.campaign_cost AS
    SELECT c.campaign_id,
        c.name AS campaign_name,
        m.pricing_category,
        m.price_unit,
        count(*) AS messages,
        count(*) FILTER (WHERE m.billable) AS billable,
        COALESCE(sum(m.num_segments), 0) AS segments,
        count(m.price) AS priced,
        sum(abs(m.price)) AS cost
    FROM msgstatus.campaign AS c
    JOIN msgstatus.message AS m ON m.campaign_id = c.campaign_id AND m.direction IS DISTINCT FROM 'inbound'
    WHERE (SELECT msgstatus.sees_all('msgstatus.message', 'msgstatus.campaign')) IS NOT NULL
    GROUP BY c.campaign_id, m.pricing_category, m.price_unit
    ORDER BY c.name, c.campaign_id, m.pricing_category, m.price_unit;
    COMMENT ON VIEW msgstatus.campaign_cost IS
        'What the messages of a campaign cost, all attempts, as far as the provider says so: one row for each campaign, category and currency';
END
$$;
COMMENT ON FUNCTION msgstatus.install_campaign_views() IS 'Creates the views of campaigns; called by install()';
