-- What install() makes: the table of providers whose incoming messages are stored with or without their content.

CREATE FUNCTION msgstatus.install_content_setting() RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET client_min_messages = warning AS $$
BEGIN
    CREATE TABLE IF NOT EXISTS msgstatus.content_setting (
        provider text COLLATE "C" PRIMARY KEY,
        keep boolean NOT NULL
    );
    COMMENT ON TABLE msgstatus.content_setting IS
        'Whether the texts and media of incoming messages are stored; a provider that is not listed keeps them. Changed by keep_content';
    COMMENT ON COLUMN msgstatus.content_setting.provider IS 'As in message; the empty text stands for messages whose provider is unknown';
    COMMENT ON COLUMN msgstatus.content_setting.keep IS 'Are they stored?';
END
$$;
COMMENT ON FUNCTION msgstatus.install_content_setting() IS 'Makes the table content_setting; called by install()';
