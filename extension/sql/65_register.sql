-- What a sender calls after a send.

CREATE FUNCTION msgstatus.count_written_message(message_id text, last_change integer, replaced text[], created_at timestamptz,
    status msgstatus.message_status, provider text, sender text, recipient text, message_type text, direction text,
    campaign_id uuid, error_code integer) RETURNS void
    LANGUAGE c SET search_path = pg_catalog, pg_temp AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION msgstatus.count_written_message(text, integer, text[], timestamptz, msgstatus.message_status, text, text, text, text, text, uuid, integer) IS
    'Adds what a write to a row of message changed to the rollups; called by register_message()';

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
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    w record;
BEGIN
    PERFORM msgstatus.check_installation();
    IF register_message.message_id IS NULL OR register_message.message_id = ''
        OR octet_length(register_message.message_id) > 512 THEN
        RAISE invalid_parameter_value USING MESSAGE = 'a message id has between 1 and 512 bytes';
    END IF;
    -- What is given replaces what webhooks said and stays, whatever they say later; what is not given is left to them.
    INSERT INTO msgstatus.message AS m (message_id, provider, direction, sender, recipient, message_type, content,
        media_url, metadata, created_by, campaign_id, registered, last_change)
    SELECT $1, g.provider, g.direction, g.sender, g.recipient, g.message_type, g.content, g.media_url, $9, g.created_by, $11,
        (CASE WHEN g.provider IS NULL THEN 0 ELSE 1 END + CASE WHEN g.direction IS NULL THEN 0 ELSE 2 END
        + CASE WHEN g.sender IS NULL THEN 0 ELSE 4 END + CASE WHEN g.recipient IS NULL THEN 0 ELSE 8 END
        + CASE WHEN g.message_type IS NULL THEN 0 ELSE 16 END + CASE WHEN g.content IS NULL THEN 0 ELSE 32 END
        + CASE WHEN g.media_url IS NULL THEN 0 ELSE 64 END)::smallint, 65536
    -- An empty text says nothing.
    FROM (SELECT NULLIF($2, '') AS provider, NULLIF($3, '') AS direction,
        msgstatus.normalize_address(NULLIF($4, '')) AS sender, msgstatus.normalize_address(NULLIF($5, '')) AS recipient,
        NULLIF($6, '') AS message_type, NULLIF($7, '') AS content, NULLIF($8, '') AS media_url,
        NULLIF($10, '') AS created_by) AS g
    ON CONFLICT (message_id) DO UPDATE SET
        provider = COALESCE(excluded.provider, m.provider),
        direction = COALESCE(excluded.direction, m.direction),
        sender = COALESCE(excluded.sender, m.sender),
        recipient = COALESCE(excluded.recipient, m.recipient),
        message_type = COALESCE(excluded.message_type, m.message_type),
        content = COALESCE(excluded.content, m.content),
        media_url = COALESCE(excluded.media_url, m.media_url),
        metadata = COALESCE(m.metadata || excluded.metadata, excluded.metadata, m.metadata),
        created_by = COALESCE(excluded.created_by, m.created_by),
        campaign_id = COALESCE(excluded.campaign_id, m.campaign_id),
        registered = COALESCE(m.registered, 0::smallint) | excluded.registered,
        last_change = 131072,
        replaced = ARRAY[m.status::text, m.provider, m.sender, m.recipient, m.message_type, m.direction, m.campaign_id::text,
            m.error_code::text],
        updated_at = GREATEST(m.updated_at, excluded.updated_at)
    WHERE m.registered IS NULL
        OR (m.registered | excluded.registered) <> m.registered
        OR excluded.provider <> m.provider
        OR excluded.direction <> m.direction
        OR excluded.sender <> m.sender
        OR excluded.recipient <> m.recipient
        OR excluded.message_type <> m.message_type
        OR excluded.content <> m.content
        OR excluded.media_url <> m.media_url
        OR excluded.metadata IS NOT NULL AND (m.metadata IS NULL OR (m.metadata || excluded.metadata) <> m.metadata)
        OR excluded.created_by IS NOT NULL AND (m.created_by IS NULL OR excluded.created_by <> m.created_by)
        OR excluded.campaign_id IS NOT NULL AND (m.campaign_id IS NULL OR excluded.campaign_id <> m.campaign_id)
    RETURNING m.* INTO w;
    IF FOUND THEN
        PERFORM msgstatus.count_written_message(w.message_id, w.last_change, w.replaced, w.created_at, w.status, w.provider, w.sender,
            w.recipient, w.message_type, w.direction, w.campaign_id, w.error_code);
    END IF;
END
$$;
COMMENT ON FUNCTION msgstatus.register_message(text, text, text, text, text, text, text, text, jsonb, text, uuid) IS
    'Says what is known of a message that was sent, before or after its first status; harmless to repeat. 22023 for an id that is empty or longer than 512 bytes';
