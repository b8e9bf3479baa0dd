-- What install() makes: the table of what maintain() does and keeps.

CREATE FUNCTION msgstatus.install_maintenance() RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET client_min_messages = warning AS $$
BEGIN
    CREATE TABLE IF NOT EXISTS msgstatus.maintenance (
        messages_kept interval CHECK (messages_kept > interval '0'),
        events_kept interval CHECK (events_kept > interval '0'),
        rejected_kept interval CHECK (rejected_kept > interval '0'),
        recipients_kept interval NOT NULL DEFAULT '35 days' CHECK (recipients_kept >= interval '0'),
        purged_before timestamptz NOT NULL DEFAULT '-infinity'
    );
    IF pg_catalog.to_regclass('msgstatus.maintenance_is_one_row') IS NULL THEN
        CREATE UNIQUE INDEX maintenance_is_one_row ON msgstatus.maintenance ((true));
        COMMENT ON INDEX msgstatus.maintenance_is_one_row IS 'Holds the table at one row';
    END IF;
    INSERT INTO msgstatus.maintenance DEFAULT VALUES ON CONFLICT ((true)) DO NOTHING;
    COMMENT ON TABLE msgstatus.maintenance IS 'What maintain() is to keep, to be set by UPDATE, and how far it has come';
    COMMENT ON COLUMN msgstatus.maintenance.messages_kept IS
        'How long messages are kept, with their trail; NULL: for ever. The rollups stay';
    COMMENT ON COLUMN msgstatus.maintenance.events_kept IS
        'How long the audit trail is kept, in whole months, whatever becomes of the messages; NULL: as long as they';
    COMMENT ON COLUMN msgstatus.maintenance.rejected_kept IS 'How long dead letters are kept; NULL: for ever';
    COMMENT ON COLUMN msgstatus.maintenance.recipients_kept IS 'How far back recipient_rollup goes';
    COMMENT ON COLUMN msgstatus.maintenance.purged_before IS
        'Messages created before this hour may be purged, so their rollups are final: neither verified nor rebuilt. Set by purge_messages()';
END
$$;
COMMENT ON FUNCTION msgstatus.install_maintenance() IS 'Makes the table maintenance; called by install()';
