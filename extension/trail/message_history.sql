CREATE FUNCTION msgstatus.read_message_history(sees_all boolean, message_id text) RETURNS TABLE (
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
DECLARE
    id text := msgstatus.message_id_of((SELECT k.key FROM msgstatus.id_key AS k), $2);
BEGIN
    -- Who does not see ids is answered for stand-ins alone: else an id could be tried.
    IF id IS NULL AND $2 IS NOT NULL THEN
        IF NOT sees_all THEN
            RAISE invalid_parameter_value USING MESSAGE = 'this is not the message_id of a view',
                HINT = 'Who may not read message names a message as message_timeline and message_log() show it.';
        END IF;
        id := $2;
    END IF;
    id := COALESCE((SELECT a.message_id FROM msgstatus.message_alias AS a WHERE a.alias = id), id);
    IF sees_all THEN
        RETURN QUERY
        SELECT e.event_time, e.state, e.time_source, e.received_at, e.source, e.participant, e.error_code, e.error_title,
            e.error_details, e.detail
        FROM msgstatus.status_event AS e
        WHERE e.message_id = id
        ORDER BY e.event_time, e.state, e.received_at, e.fingerprint;
    ELSE
        RETURN QUERY
        SELECT e.event_time, e.state, e.time_source, e.received_at, msgstatus.mask_numbers(e.source),
            msgstatus.mask_address(e.participant), e.error_code, msgstatus.mask_numbers(e.error_title),
            msgstatus.mask_numbers(e.error_details), NULL::jsonb
        FROM msgstatus.status_event AS e
        WHERE e.message_id = id
        ORDER BY e.event_time, e.state, e.received_at, e.error_code;
    END IF;
END
$$;
COMMENT ON FUNCTION msgstatus.read_message_history(boolean, text) IS 'message_history() for the owner of the tables';

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
    LANGUAGE c STABLE SET search_path = pg_catalog, pg_temp SET jit = off AS 'MODULE_PATHNAME', 'read_as_owner';
COMMENT ON FUNCTION msgstatus.message_history(text) IS
    'The audit trail of one message, by any of its ids, in order of event time; for who may not read message, of the message that has this stand-in, without detail and with numbers masked. 22023 for another text then';
