-- install(): makes everything that belongs to the user, by the install_...() functions of all rooms.

CREATE FUNCTION msgstatus.install() RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    extension_version text := (SELECT extversion FROM pg_extension WHERE extname = 'msgstatus');
    earlier_version text;
BEGIN
    -- One installation at a time, so that IF NOT EXISTS sees the objects of the other one.
    PERFORM pg_advisory_xact_lock(hashtextextended('msgstatus.install', 0));
    PERFORM msgstatus.install_installation();
    SELECT i.version INTO earlier_version FROM msgstatus.installation AS i WHERE i.version <> extension_version;
    IF FOUND THEN
        -- Calls hold a lock on this table until they commit. Those under way end first, and those that come later find the new
        -- version: none works on tables that are half of one version and half of another.
        LOCK TABLE msgstatus.installation IN ACCESS EXCLUSIVE MODE;
        -- Calls of 0.1 keep no such lock. They lock this table first, so none is under way with what the steps below lock.
        LOCK TABLE msgstatus.message IN SHARE ROW EXCLUSIVE MODE;
    END IF;
    PERFORM msgstatus.install_id_key();
    PERFORM msgstatus.install_message();
    PERFORM msgstatus.install_message_indexes();
    PERFORM msgstatus.install_message_statistics();
    PERFORM msgstatus.install_message_alias();
    PERFORM msgstatus.install_status_event();
    PERFORM msgstatus.install_rejected_status();
    PERFORM msgstatus.install_message_rollup();
    PERFORM msgstatus.install_hour_rollup();
    PERFORM msgstatus.install_failure_rollup();
    PERFORM msgstatus.install_recipient_rollup();
    PERFORM msgstatus.install_recipient_windows();
    PERFORM msgstatus.install_prefix_rollup();
    PERFORM msgstatus.install_maintenance();
    PERFORM msgstatus.install_error_code_catalog();
    PERFORM msgstatus.install_message_timeline();
    PERFORM msgstatus.install_rejected_summary();
    PERFORM msgstatus.install_campaigns();
    PERFORM msgstatus.install_campaign_views();
    PERFORM msgstatus.install_attached_tables();
    PERFORM msgstatus.install_attached_views();
    PERFORM msgstatus.install_providers();
    PERFORM msgstatus.install_content_setting();
    PERFORM msgstatus.install_volume_views();
    PERFORM msgstatus.install_summary_views();
    PERFORM msgstatus.install_breakdown_views();
    PERFORM msgstatus.install_waiting_views();
    PERFORM msgstatus.install_engagement_views();
    PERFORM msgstatus.install_refresh_tables();
    PERFORM msgstatus.install_refresh_views();
    PERFORM msgstatus.install_alert_rules();
    PERFORM msgstatus.install_alert_views();
    PERFORM msgstatus.install_action_log();
    PERFORM msgstatus.install_view_comments();
    PERFORM msgstatus.install_replica_identity();
    IF earlier_version IS NOT NULL THEN
        PERFORM msgstatus.install_attached_statements();
        PERFORM msgstatus.install_accesses();
    END IF;
    INSERT INTO msgstatus.installation AS i (version) VALUES (extension_version)
    ON CONFLICT ((true)) DO UPDATE SET version = excluded.version, installed_at = excluded.installed_at
    WHERE i.version <> excluded.version;
END
$$;
COMMENT ON FUNCTION msgstatus.install() IS
    'Creates missing tables and views of msgstatus and upgrades existing ones to the version of the extension; can be repeated';
