-- The position after a row of message_log(), and its text form, the page cursor.

CREATE TYPE msgstatus.log_position AS (
    state msgstatus.delivery_state,
    created_at timestamptz,
    message_id text
);
COMMENT ON TYPE msgstatus.log_position IS 'The last message of a page of message_log(); in order of time, the state is ignored';

CREATE FUNCTION msgstatus.page_cursor(state msgstatus.delivery_state, created_at timestamptz, message_id text) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
    SELECT concat_ws(' ', COALESCE(state::text, '-'), (extract(epoch FROM created_at) * 1000000)::bigint, message_id)
$$;
COMMENT ON FUNCTION msgstatus.page_cursor(msgstatus.delivery_state, timestamptz, text) IS
    'The text with which message_log() continues after this message';

CREATE FUNCTION msgstatus.log_position(page_cursor text) RETURNS msgstatus.log_position
    LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    part text[] := regexp_match(page_cursor, '^(-|[a-z_]+) (-?\d{1,17}) (.+)$');
BEGIN
    IF part IS NULL THEN
        RAISE invalid_parameter_value USING MESSAGE = 'invalid page cursor',
            HINT = 'Pass the page_cursor of a row of message_log().';
    END IF;
    RETURN ROW(NULLIF(part[1], '-')::msgstatus.delivery_state,
        timestamptz 'epoch' + part[2]::bigint * interval '1 microsecond', part[3]);
END
$$;
COMMENT ON FUNCTION msgstatus.log_position(text) IS 'The message of a page cursor; 22023 for another text';
