-- What a sender calls after a send.

CREATE FUNCTION msgstatus.register_message(
    message_id text,
    provider text DEFAULT NULL,
    direction text DEFAULT NULL,
    sender text DEFAULT NULL,
    recipient text DEFAULT NULL,
    message_type text DEFAULT NULL,
    content text DEFAULT NULL,
    media_url text DEFAULT NULL,
    metadata jsonb DEFAULT NULL,
    created_by text DEFAULT NULL,
    campaign_id uuid DEFAULT NULL
) RETURNS void
    LANGUAGE c SET search_path = pg_catalog, pg_temp AS 'MODULE_PATHNAME', 'register_message';
COMMENT ON FUNCTION msgstatus.register_message(text, text, text, text, text, text, text, text, jsonb, text, uuid) IS
    'Says what is known of a message that was sent, before or after its first status; harmless to repeat. 22023 for an id that is empty or longer than 512 bytes';
