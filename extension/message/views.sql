-- The view of single messages.

CREATE FUNCTION msgstatus.install_message_timeline() RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    CREATE OR REPLACE VIEW msgstatus.message_timeline WITH (security_barrier) AS
    SELECT msgstatus.shown_id((SELECT k.key FROM msgstatus.id_key AS k), m.message_id) AS message_id,
        m.provider,
        m.direction,
        msgstatus.mask_address(m.sender) AS sender,
        msgstatus.mask_address(m.recipient) AS recipient,
        m.message_type,
        msgstatus.state(m.status) AS state,
        msgstatus.reached_at(m.status, 'sent') AS sent_at,
        msgstatus.reached_at(m.status, 'delivered') AS delivered_at,
        msgstatus.reached_at(m.status, 'read') AS read_at,
        LEAST(msgstatus.reached_at(m.status, 'failed'), msgstatus.reached_at(m.status, 'undelivered')) AS failed_at,
        msgstatus.observed_at(m.status, 'received') AS incoming_at,
        m.error_code,
        msgstatus.mask_numbers(m.error_title) AS error_title,
        c.meaning AS error_meaning,
        c.retryable AS error_retryable,
        m.created_at,
        m.updated_at
    FROM msgstatus.message AS m
    LEFT JOIN msgstatus.error_code_catalog AS c
        -- Who has no row for one of Meta's numbers passes Meta's codes on.
        ON c.code = m.error_code AND c.provider = CASE
            WHEN m.error_code >= 130000 AND NOT EXISTS (
                SELECT FROM msgstatus.error_code_catalog AS o WHERE o.provider = m.provider AND o.code = m.error_code)
            THEN 'meta' ELSE msgstatus.code_provider(m.provider) END
    WHERE (SELECT msgstatus.sees_all('msgstatus.message')) IS NOT NULL;
    COMMENT ON VIEW msgstatus.message_timeline IS
        'One row for each message: its state, when it reached the usual ones, and why it failed; phone numbers masked, ids too for who may not read message';
END
$$;
COMMENT ON FUNCTION msgstatus.install_message_timeline() IS 'Makes the view message_timeline; called by install()';
