CREATE FUNCTION msgstatus.install_status_event() RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET client_min_messages = warning AS $$
BEGIN
    CREATE TABLE IF NOT EXISTS msgstatus.status_event (
        message_id text COLLATE "C" NOT NULL,
        state msgstatus.delivery_state NOT NULL,
        event_time timestamptz NOT NULL,
        received_at timestamptz NOT NULL,
        fingerprint bigint NOT NULL,
        digest integer NOT NULL,
        time_source text COLLATE "C" NOT NULL,
        source text COLLATE "C",
        participant text COLLATE "C",
        error_code integer,
        error_title text COLLATE "C",
        error_details text COLLATE "C",
        detail jsonb
    ) PARTITION BY RANGE (received_at);
    -- Not IF NOT EXISTS, which would wait for the calls under way to end.
    IF pg_catalog.to_regclass('msgstatus.status_event_message_id') IS NULL THEN
        CREATE INDEX status_event_message_id ON msgstatus.status_event USING hash (message_id);
        COMMENT ON INDEX msgstatus.status_event_message_id IS 'The trail of a message';
    END IF;
    COMMENT ON TABLE msgstatus.status_event IS 'The audit trail: one row for each distinct observation';
    COMMENT ON COLUMN msgstatus.status_event.message_id IS 'The message that was observed';
    COMMENT ON COLUMN msgstatus.status_event.state IS 'The state it was seen in';
    COMMENT ON COLUMN msgstatus.status_event.event_time IS 'When, by the provider''s clock if time_source says so';
    COMMENT ON COLUMN msgstatus.status_event.received_at IS 'When the first report of it reached us';
    COMMENT ON COLUMN msgstatus.status_event.fingerprint IS
        'Hash of what makes an observation distinct: message, state, participant, error code, the provider''s time';
    COMMENT ON COLUMN msgstatus.status_event.digest IS
        'Hash of everything else that was said, by which a redelivery is told from a repetition that brings news';
    COMMENT ON COLUMN msgstatus.status_event.time_source IS
        'provider, or receipt where the provider gave no time that can be true';
    COMMENT ON COLUMN msgstatus.status_event.source IS 'Where the report came from, as the caller named it';
    COMMENT ON COLUMN msgstatus.status_event.participant IS 'In a group: the participant who reported it';
    COMMENT ON COLUMN msgstatus.status_event.error_code IS 'The provider''s code; see error_code_catalog';
    COMMENT ON COLUMN msgstatus.status_event.error_title IS 'The provider''s words for the error';
    COMMENT ON COLUMN msgstatus.status_event.error_details IS 'More of the provider''s words';
    COMMENT ON COLUMN msgstatus.status_event.detail IS 'Whatever else the provider said';
    -- The partitions take the comments of the columns over.
    PERFORM msgstatus.make_trail_partitions();
END
$$;
COMMENT ON FUNCTION msgstatus.install_status_event() IS 'Makes the table status_event; called by install()';
