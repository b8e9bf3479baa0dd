-- What install() makes: the indexes of `message` by which analysts find messages, and what ANALYZE gathers of it. The indexes
-- cover columns that do not change with a status, so that updates stay heap-only.

CREATE FUNCTION msgstatus.install_message_indexes() RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    wanted record;
BEGIN
    FOR wanted IN
        SELECT * FROM (VALUES
            ('message_created_at', '(created_at)', 'Messages by time'),
            ('message_recipient', '(recipient, created_at) WHERE recipient IS NOT NULL',
                'Messages of a recipient, or of those that begin alike'),
            ('message_message_type', '(message_type, created_at) WHERE message_type IS NOT NULL',
                'Messages of a type, for those that are rare'),
            ('message_campaign_id', '(campaign_id, created_at) WHERE campaign_id IS NOT NULL', 'Messages of a campaign')
        ) AS w (name, columns, comment)
    LOOP
        -- Not by IF NOT EXISTS, which would wait for the calls under way to end.
        IF to_regclass('msgstatus.' || wanted.name) IS NULL THEN
            EXECUTE format('CREATE INDEX %I ON msgstatus.message %s', wanted.name, wanted.columns);
            EXECUTE format('COMMENT ON INDEX msgstatus.%I IS %L', wanted.name, wanted.comment);
        END IF;
    END LOOP;
END
$$;
COMMENT ON FUNCTION msgstatus.install_message_indexes() IS 'Makes the indexes of the table message; called by install()';

CREATE FUNCTION msgstatus.install_message_statistics() RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    -- Not by IF NOT EXISTS, which would wait for a VACUUM that is under way.
    IF NOT EXISTS (
        SELECT FROM pg_statistic_ext AS s WHERE s.stxname = 'message_state' AND s.stxnamespace = 'msgstatus'::regnamespace
    ) THEN
        CREATE STATISTICS msgstatus.message_state ON (msgstatus.state(status)) FROM msgstatus.message;
        COMMENT ON STATISTICS msgstatus.message_state IS 'How many messages are in which state, for the planner';
    END IF;
END
$$;
COMMENT ON FUNCTION msgstatus.install_message_statistics() IS
    'Makes the statistics of the table message that ANALYZE fills; called by install()';
