-- Created by install(): the views of waiting messages. Each has a function of the same name that takes another age and returns
-- pages.

CREATE FUNCTION msgstatus.install_waiting_views() RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    CREATE OR REPLACE VIEW msgstatus.undelivered_messages WITH (security_barrier) AS
    SELECT msgstatus.shown_id((SELECT k.key FROM msgstatus.id_key AS k), m.message_id) AS message_id,
        m.provider,
        msgstatus.mask_address(m.sender) AS sender,
        msgstatus.mask_address(m.recipient) AS recipient,
        m.message_type,
        m.campaign_id,
        msgstatus.state(m.status) AS state,
        msgstatus.reached_at(m.status, 'sent') AS sent_at,
        now() - LEAST(m.created_at, msgstatus.reached_at(m.status, 'sent')) AS age,
        m.created_at
    FROM msgstatus.message AS m
    WHERE (SELECT msgstatus.sees_all('msgstatus.message')) IS NOT NULL
        AND msgstatus.state(m.status) >= 'accepted'
        AND msgstatus.state(m.status) <= 'sent'
        AND LEAST(m.created_at, msgstatus.reached_at(m.status, 'sent')) <= now() - interval '5 minutes'
        AND m.direction IS DISTINCT FROM 'inbound'
        -- Messages that wait are in few hours, or in none, as the rollup says. Only the time between these hours is read.
        AND m.created_at >= (SELECT min(h.hour) FROM (
            SELECT r.hour FROM msgstatus.hour_rollup AS r WHERE NOT r.inbound GROUP BY r.hour
            HAVING sum(r.in_accepted + r.in_queued + r.in_sending + r.in_sent) > 0) AS h)
        AND m.created_at < (SELECT max(h.hour) + interval '1 hour' FROM (
            SELECT r.hour FROM msgstatus.hour_rollup AS r WHERE NOT r.inbound GROUP BY r.hour
            HAVING sum(r.in_accepted + r.in_queued + r.in_sending + r.in_sent) > 0) AS h)
    ORDER BY m.created_at DESC, 1;
    COMMENT ON VIEW msgstatus.undelivered_messages IS
        'Messages that a provider accepted more than 5 minutes ago and that were neither delivered nor failed; phone numbers masked';

    CREATE OR REPLACE VIEW msgstatus.unread_messages WITH (security_barrier) AS
    SELECT msgstatus.shown_id((SELECT k.key FROM msgstatus.id_key AS k), m.message_id) AS message_id,
        m.provider,
        msgstatus.mask_address(m.sender) AS sender,
        msgstatus.mask_address(m.recipient) AS recipient,
        m.message_type,
        m.campaign_id,
        msgstatus.reached_at(m.status, 'sent') AS sent_at,
        msgstatus.reached_at(m.status, 'delivered') AS delivered_at,
        now() - msgstatus.reached_at(m.status, 'delivered') AS age,
        m.created_at
    FROM msgstatus.message AS m
    WHERE (SELECT msgstatus.sees_all('msgstatus.message')) IS NOT NULL
        AND msgstatus.state(m.status) = 'delivered'
        AND msgstatus.reached_at(m.status, 'delivered') <= now() - interval '1 day'
        AND m.direction IS DISTINCT FROM 'inbound'
        -- Messages that wait are in few hours, or in none, as the rollup says. Only the time between these hours is read.
        AND m.created_at >= (SELECT min(h.hour) FROM (
            SELECT r.hour FROM msgstatus.hour_rollup AS r WHERE NOT r.inbound GROUP BY r.hour HAVING sum(r.in_delivered) > 0) AS h)
        AND m.created_at < (SELECT max(h.hour) + interval '1 hour' FROM (
            SELECT r.hour FROM msgstatus.hour_rollup AS r WHERE NOT r.inbound GROUP BY r.hour HAVING sum(r.in_delivered) > 0) AS h)
    ORDER BY m.created_at DESC, 1;
    COMMENT ON VIEW msgstatus.unread_messages IS
        'Messages that were delivered more than a day ago and were not read; phone numbers masked';

    -- There are few or none of these messages: the function reads only hours that hold some.
    CREATE OR REPLACE VIEW msgstatus.stuck_messages AS
    SELECT m.message_id,
        m.provider,
        msgstatus.mask_address(m.sender) AS sender,
        msgstatus.mask_address(m.recipient) AS recipient,
        m.message_type,
        m.campaign_id,
        now() - m.created_at AS age,
        m.created_at
    FROM msgstatus.stuck_messages(page_size => NULL) AS m;
    COMMENT ON VIEW msgstatus.stuck_messages IS
        'Outgoing messages that were registered more than 15 minutes ago and have no callback; phone numbers masked';
END
$$;
COMMENT ON FUNCTION msgstatus.install_waiting_views() IS
    'Creates the views undelivered_messages, unread_messages and stuck_messages; called by install()';
