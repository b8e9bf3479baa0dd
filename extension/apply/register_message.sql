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
    campaign_id uuid DEFAULT NULL,
    alias text DEFAULT NULL
) RETURNS void
    LANGUAGE c SET search_path = pg_catalog, pg_temp AS 'MODULE_PATHNAME', 'register_message';
COMMENT ON FUNCTION msgstatus.register_message(text, text, text, text, text, text, text, text, jsonb, text, uuid, text) IS
    'Says what is known of a message that was sent, before or after its first status, and by which other id reports name it; harmless to repeat. 22023 for an id that is empty or longer than 512 bytes, 23514 for an alias of a message with another recipient and for a 17th id';

CREATE FUNCTION msgstatus.add_message_alias(alias text, message_id text) RETURNS void
    LANGUAGE c SET search_path = pg_catalog, pg_temp AS 'MODULE_PATHNAME', 'add_message_alias';
COMMENT ON FUNCTION msgstatus.add_message_alias(text, text) IS
    'Says that two ids are those of one message, before or after its statuses; makes one of two messages; harmless to repeat. 22023 for an id that is empty or longer than 512 bytes, and for one id twice, 23514 for messages with different recipients and for a 17th id';

CREATE FUNCTION msgstatus.forget_message_alias(alias text) RETURNS boolean
    LANGUAGE c SET search_path = pg_catalog, pg_temp AS 'MODULE_PATHNAME', 'forget_message_alias';
COMMENT ON FUNCTION msgstatus.forget_message_alias(text) IS
    'Stops an id from being taken for another one, whatever webhooks say from now on; what the message had from it stays there; returns whether it was an alias. 22023 for an id that is empty or longer than 512 bytes';
