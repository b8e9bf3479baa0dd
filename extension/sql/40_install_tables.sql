-- What install() makes: the tables. They belong to the user and not to the extension, so that dumps hold them whole, they
-- can be altered, and DROP EXTENSION cannot take data along. Each function makes what is missing and changes nothing else.

CREATE FUNCTION msgstatus.install_message() RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET client_min_messages = warning AS $$
BEGIN
    -- Texts that webhooks merge compare by their bytes, as apply_message_status does within a call: in the order of a
    -- language, which of two stays would depend on how they were cut into calls.
    CREATE TABLE IF NOT EXISTS msgstatus.message (
        message_id text COLLATE "C" PRIMARY KEY,
        provider text COLLATE "C",
        direction text COLLATE "C",
        sender text COLLATE "C",
        recipient text COLLATE "C",
        message_type text COLLATE "C",
        content text COLLATE "C",
        media_url text COLLATE "C",
        metadata jsonb,
        created_by text,
        campaign_id uuid,
        status msgstatus.message_status NOT NULL DEFAULT '{}',
        error_code integer,
        error_title text COLLATE "C",
        error_details text COLLATE "C",
        price numeric,
        price_unit text COLLATE "C",
        num_segments integer,
        pricing_category text COLLATE "C",
        billable boolean,
        created_at timestamptz NOT NULL DEFAULT now(),
        updated_at timestamptz NOT NULL DEFAULT now(),
        error_at timestamptz,
        registered smallint,
        last_change integer NOT NULL DEFAULT 0,
        known_events bytea,
        replaced text[]
    ) WITH (
        -- Room for the next versions of a row in its own page: together with no index on what webhooks change, updates
        -- stay heap-only.
        fillfactor = 85
    );
    COMMENT ON TABLE msgstatus.message IS 'One row for each message, with everything observed about it merged';
    COMMENT ON COLUMN msgstatus.message.message_id IS 'The id the provider gave: a wamid, a Twilio SID';
    COMMENT ON COLUMN msgstatus.message.provider IS 'meta, twilio, aisensy';
    COMMENT ON COLUMN msgstatus.message.direction IS 'outbound or inbound';
    COMMENT ON COLUMN msgstatus.message.sender IS 'Phone number as +<digits>, or another address as it is';
    COMMENT ON COLUMN msgstatus.message.recipient IS 'Phone number as +<digits>, or another address as it is';
    COMMENT ON COLUMN msgstatus.message.message_type IS 'text, template, image, ...';
    COMMENT ON COLUMN msgstatus.message.content IS 'The text, where it is known';
    COMMENT ON COLUMN msgstatus.message.media_url IS 'Where the media lies, if any';
    COMMENT ON COLUMN msgstatus.message.metadata IS 'Whatever the sender wishes to keep';
    COMMENT ON COLUMN msgstatus.message.created_by IS 'Who sent it, in the terms of the sender';
    COMMENT ON COLUMN msgstatus.message.campaign_id IS 'The campaign it was sent for';
    COMMENT ON COLUMN msgstatus.message.status IS 'All observations merged; state(status) is the present state';
    COMMENT ON COLUMN msgstatus.message.error_code IS 'The provider''s code for the earliest failure; see error_code_catalog';
    COMMENT ON COLUMN msgstatus.message.error_title IS 'The provider''s words for it';
    COMMENT ON COLUMN msgstatus.message.error_details IS 'More of the provider''s words';
    COMMENT ON COLUMN msgstatus.message.price IS 'What the provider charged, as it writes it (Twilio: negative)';
    COMMENT ON COLUMN msgstatus.message.price_unit IS 'Currency of the price';
    COMMENT ON COLUMN msgstatus.message.num_segments IS 'Number of SMS segments';
    COMMENT ON COLUMN msgstatus.message.pricing_category IS 'Meta''s category: marketing, utility, ...';
    COMMENT ON COLUMN msgstatus.message.billable IS 'Whether the provider charges for it';
    COMMENT ON COLUMN msgstatus.message.created_at IS 'When the first word of it reached us';
    COMMENT ON COLUMN msgstatus.message.updated_at IS 'When the row last changed';
    COMMENT ON COLUMN msgstatus.message.error_at IS 'The event time of the failure that the error columns tell of';
    COMMENT ON COLUMN msgstatus.message.registered IS
        'Which columns register_message gave (a bit each), which webhooks therefore leave alone';
    COMMENT ON COLUMN msgstatus.message.last_change IS
        'What the last write changed: a bit for each state it added (2 to the power of its place in the order), 65536 for a new row, 131072 for another value of what was there';
    COMMENT ON COLUMN msgstatus.message.known_events IS
        'Four bytes for each of its events, of sixteen at most, by which redeliveries are told without a look into status_event';
    COMMENT ON COLUMN msgstatus.message.replaced IS
        'What the rollups counted of the row before the last write, if that changed more than to add states';
END
$$;
COMMENT ON FUNCTION msgstatus.install_message() IS 'Makes the table message; called by install()';

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

CREATE FUNCTION msgstatus.install_rejected_status() RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET client_min_messages = warning AS $$
BEGIN
    CREATE TABLE IF NOT EXISTS msgstatus.rejected_status (
        rejected_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        received_at timestamptz NOT NULL,
        source text,
        provider text,
        sender text,
        reason text NOT NULL,
        payload jsonb,
        body text,
        rejected_at timestamptz NOT NULL DEFAULT now(),
        CHECK (payload IS NOT NULL OR body IS NOT NULL)
    );
    COMMENT ON TABLE msgstatus.rejected_status IS
        'The dead letters: what could not be used, whole, with the reason; replay_rejected applies it again';
    COMMENT ON COLUMN msgstatus.rejected_status.rejected_id IS 'Number of the dead letter';
    COMMENT ON COLUMN msgstatus.rejected_status.received_at IS 'When it reached us';
    COMMENT ON COLUMN msgstatus.rejected_status.source IS 'Where it came from, as the caller named it';
    COMMENT ON COLUMN msgstatus.rejected_status.provider IS 'The provider, where what surrounded it tells';
    COMMENT ON COLUMN msgstatus.rejected_status.sender IS 'The business''s own number, where what surrounded it tells';
    COMMENT ON COLUMN msgstatus.rejected_status.reason IS 'Why it could not be used';
    COMMENT ON COLUMN msgstatus.rejected_status.payload IS 'The part of the webhook that could not be used';
    COMMENT ON COLUMN msgstatus.rejected_status.body IS 'The body of a webhook that jsonb refuses, as text';
    COMMENT ON COLUMN msgstatus.rejected_status.rejected_at IS 'When it was rejected, or rejected again';
END
$$;
COMMENT ON FUNCTION msgstatus.install_rejected_status() IS 'Makes the table rejected_status; called by install()';

CREATE FUNCTION msgstatus.install_installation() RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET client_min_messages = warning AS $$
BEGIN
    CREATE TABLE IF NOT EXISTS msgstatus.installation (
        version text NOT NULL,
        installed_at timestamptz NOT NULL DEFAULT now()
    );
    CREATE UNIQUE INDEX IF NOT EXISTS installation_is_one_row ON msgstatus.installation ((true));
    COMMENT ON INDEX msgstatus.installation_is_one_row IS 'Holds the table at one row';
    COMMENT ON TABLE msgstatus.installation IS 'The version of the extension that the tables and views are of';
    COMMENT ON COLUMN msgstatus.installation.version IS 'As in pg_extension.extversion';
    COMMENT ON COLUMN msgstatus.installation.installed_at IS 'When install() last brought them there';
END
$$;
COMMENT ON FUNCTION msgstatus.install_installation() IS 'Makes the table installation; called by install()';
