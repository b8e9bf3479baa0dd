CREATE FUNCTION msgstatus.message_history(message_id text) RETURNS TABLE (
    event_time timestamptz,
    state msgstatus.delivery_state,
    time_source text,
    received_at timestamptz,
    source text,
    participant text,
    error_code integer,
    error_title text,
    error_details text,
    detail jsonb
)
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
    PERFORM msgstatus.check_installation();
    RETURN QUERY
    SELECT e.event_time, e.state, e.time_source, e.received_at, e.source, e.participant, e.error_code, e.error_title,
        e.error_details, e.detail
    FROM msgstatus.status_event AS e
    WHERE e.message_id = message_history.message_id
    ORDER BY e.event_time, e.state, e.received_at, e.fingerprint;
END
$$;
COMMENT ON FUNCTION msgstatus.message_history(text) IS 'The audit trail of one message, in order of event time';
