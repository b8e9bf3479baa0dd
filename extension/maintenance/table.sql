-- Created by install(): the table of what maintain() does and keeps.

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
    END IF;
    COMMENT ON INDEX msgstatus.maintenance_is_one_row IS 'Limits the table to one row';
    INSERT INTO msgstatus.maintenance DEFAULT VALUES ON CONFLICT ((true)) DO NOTHING;
    COMMENT ON TABLE msgstatus.maintenance IS 'The retention times of maintain(), set by UPDATE, and its progress';
    COMMENT ON COLUMN msgstatus.maintenance.messages_kept IS
        'How long messages are kept, with their trail but not their rollups, which stay; NULL: for ever';
    COMMENT ON COLUMN msgstatus.maintenance.events_kept IS
        'How long the trail is kept, in whole months, independent of the messages; NULL: as long as the messages';
    COMMENT ON COLUMN msgstatus.maintenance.rejected_kept IS 'How long dead letters are kept; NULL: for ever';
    COMMENT ON COLUMN msgstatus.maintenance.recipients_kept IS 'How far back recipient_rollup goes';
    COMMENT ON COLUMN msgstatus.maintenance.purged_before IS
        'The hour before which messages may be purged, so that rollups are final, neither verified nor rebuilt; set by purge_messages()';
END
$$;
COMMENT ON FUNCTION msgstatus.install_maintenance() IS 'Creates the table maintenance; called by install()';
