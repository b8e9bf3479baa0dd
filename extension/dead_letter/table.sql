-- Created by install(): the table of dead letters.

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
        'The dead letters: parts of webhooks that could not be used, with the reason; replay_rejected() applies them again';
    COMMENT ON COLUMN msgstatus.rejected_status.rejected_id IS 'Number of the dead letter';
    COMMENT ON COLUMN msgstatus.rejected_status.received_at IS 'When it was received';
    COMMENT ON COLUMN msgstatus.rejected_status.source IS 'The source that the caller named';
    COMMENT ON COLUMN msgstatus.rejected_status.provider IS 'The provider, if the webhook around the part names it';
    COMMENT ON COLUMN msgstatus.rejected_status.sender IS 'The business''s own number, if the webhook around the part names it';
    COMMENT ON COLUMN msgstatus.rejected_status.reason IS 'Why it could not be used';
    COMMENT ON COLUMN msgstatus.rejected_status.payload IS 'The part of the webhook that could not be used';
    COMMENT ON COLUMN msgstatus.rejected_status.body IS 'The body of a webhook that jsonb refuses, as text';
    COMMENT ON COLUMN msgstatus.rejected_status.rejected_at IS 'When it was rejected, or rejected again';
END
$$;
COMMENT ON FUNCTION msgstatus.install_rejected_status() IS 'Creates the table rejected_status; called by install()';
