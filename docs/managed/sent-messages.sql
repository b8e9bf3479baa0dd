-- For the database with the extension: takes over what an application registers in a managed database. Run it as the role
-- that owns the tables of msgstatus, then subscribe (docs/managed.md).

CREATE TABLE IF NOT EXISTS msgstatus.sent_message (
    message_id text PRIMARY KEY,
    provider text,
    sender text,
    recipient text,
    message_type text,
    content text,
    metadata jsonb,
    created_by text,
    campaign_id uuid,
    sent_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE msgstatus.sent_message IS 'What an application registered in another database';

-- A wrong id, or a text too long for an index, must not stop the subscription, so what register_message refuses becomes a warning in
-- the server's log.
CREATE OR REPLACE FUNCTION msgstatus.register_sent_message() RETURNS trigger
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM msgstatus.register_message(NEW.message_id, provider => NEW.provider, direction => 'outbound', sender => NEW.sender,
        recipient => NEW.recipient, message_type => NEW.message_type, content => NEW.content, metadata => NEW.metadata,
        created_by => NEW.created_by, campaign_id => NEW.campaign_id);
    RETURN NULL;
EXCEPTION WHEN data_exception OR program_limit_exceeded THEN
    RAISE WARNING 'message not registered: %', SQLERRM;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION msgstatus.register_sent_message() IS 'Registers a message that another database sent; a trigger';
REVOKE ALL ON FUNCTION msgstatus.register_sent_message() FROM PUBLIC;
DROP TRIGGER IF EXISTS register ON msgstatus.sent_message;
CREATE TRIGGER register AFTER INSERT OR UPDATE ON msgstatus.sent_message FOR EACH ROW EXECUTE FUNCTION msgstatus.register_sent_message();
ALTER TABLE msgstatus.sent_message ENABLE ALWAYS TRIGGER register;
