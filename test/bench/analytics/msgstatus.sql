-- Puts a piece of the history into the tables of msgstatus: messages and their trail. The rollups are made of them at the
-- end, by rebuild_rollups() and maintain().
CREATE FUNCTION history.fill_msgstatus(first bigint, last bigint) RETURNS void LANGUAGE sql SET search_path = public, msgstatus AS $$
    WITH h AS MATERIALIZED (
        SELECT * FROM history.messages(first, last)
    ), filled AS (
        INSERT INTO msgstatus.message (message_id, provider, direction, sender, recipient, message_type, campaign_id, status, error_code,
            error_at, created_at, updated_at)
        SELECT h.message_id, h.provider, h.direction, h.sender, h.recipient, h.message_type, h.campaign_id,
            COALESCE(message_status('received', h.received_at), '{}') || COALESCE(message_status('sent', h.sent_at), '{}')
                || COALESCE(message_status('delivered', h.delivered_at), '{}') || COALESCE(message_status('read', h.read_at), '{}')
                || COALESCE(message_status(h.failure::delivery_state, h.failed_at), '{}'),
            h.error_code, h.failed_at, h.created_at, GREATEST(h.created_at, h.sent_at, h.delivered_at, h.read_at, h.failed_at)
        FROM h
    )
    INSERT INTO msgstatus.status_event (message_id, state, event_time, received_at, fingerprint, digest, time_source, source, error_code)
    SELECT h.message_id, e.state::delivery_state, e.at, e.at + interval '100 milliseconds', hashtextextended(h.message_id, length(e.state)), 0,
        'provider', h.provider, CASE WHEN e.at = h.failed_at THEN h.error_code END
    FROM h, LATERAL (VALUES ('received', h.received_at), ('sent', h.sent_at), ('delivered', h.delivered_at), ('read', h.read_at),
        (h.failure, h.failed_at)) AS e (state, at)
    WHERE e.at IS NOT NULL
$$;

-- Delivers what waits for delivery.
CREATE FUNCTION history.settle() RETURNS void LANGUAGE sql SET search_path = public, msgstatus AS $$
    UPDATE msgstatus.message SET status = status || message_status('delivered', updated_at + interval '1 second')
    WHERE direction = 'outbound' AND state(status) >= 'accepted' AND state(status) <= 'sent'
$$;

-- Gives each recipient about as many messages of the last week as any other.
CREATE FUNCTION history.even_out() RETURNS void LANGUAGE sql AS $$
    UPDATE msgstatus.message
    SET recipient = '+4915' || (hashtextextended(message_id, 5) & 2147483647) % (SELECT GREATEST(s.messages / 10, 1000) FROM history.setting AS s)
    WHERE direction = 'outbound' AND created_at >= (SELECT s.until - interval '7 days' FROM history.setting AS s)
$$;

-- Leaves the rollups as they are where nobody folds them: maintain() has not run for 30 days.
CREATE FUNCTION history.unfold() RETURNS void LANGUAGE sql AS $$
    UPDATE msgstatus.message_rollup SET slot = 1;
    DELETE FROM msgstatus.folded_hour;
$$;
