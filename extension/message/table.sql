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
    COMMENT ON COLUMN msgstatus.message.provider IS 'As in the view providers, or as registered';
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
    COMMENT ON COLUMN msgstatus.message.created_at IS 'When it was first received or registered, by the earliest time that any call brings; so it does not depend on the order of calls';
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
