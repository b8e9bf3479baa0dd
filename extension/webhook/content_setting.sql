-- Created by install(): the table of providers whose incoming messages are stored with or without their content.

CREATE FUNCTION msgstatus.install_content_setting() RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET client_min_messages = warning AS $$
BEGIN
    CREATE TABLE IF NOT EXISTS msgstatus.content_setting (
        provider text COLLATE "C" PRIMARY KEY,
        keep boolean NOT NULL
    );
    COMMENT ON TABLE msgstatus.content_setting IS
        'Whether the texts and media of incoming messages are stored, as keep_content sets it; those of providers not listed are stored';
    COMMENT ON COLUMN msgstatus.content_setting.provider IS 'As in message; the empty text means messages whose provider is unknown';
    COMMENT ON COLUMN msgstatus.content_setting.keep IS 'Whether they are stored';
END
$$;
COMMENT ON FUNCTION msgstatus.install_content_setting() IS 'Creates the table content_setting; called by install()';
