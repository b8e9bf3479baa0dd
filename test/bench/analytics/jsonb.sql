-- Puts a piece of the history into the jsonb design. Its trail, which none of the queries reads, stays empty. The index is
-- what one would add for questions about the last days.
CREATE INDEX ON jsonb_design.message (created_at);

CREATE FUNCTION history.iso(at timestamptz) RETURNS text LANGUAGE sql STABLE
    RETURN to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"');

CREATE FUNCTION history.fill_jsonb(first bigint, last bigint) RETURNS void LANGUAGE sql AS $$
    INSERT INTO jsonb_design.message (message_id, provider, direction, sender, recipient, status, error_code, created_at, updated_at)
    SELECT h.message_id, h.provider, h.direction, h.sender, h.recipient,
        jsonb_strip_nulls(jsonb_build_object('received', history.iso(h.received_at), 'sent', history.iso(h.sent_at), 'delivered', history.iso(h.delivered_at),
            'read', history.iso(h.read_at), COALESCE(h.failure, 'failed'), history.iso(h.failed_at))),
        h.error_code, h.created_at, GREATEST(h.created_at, h.sent_at, h.delivered_at, h.read_at, h.failed_at)
    FROM history.messages(first, last) AS h
$$;
