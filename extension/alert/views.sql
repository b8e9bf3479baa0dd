-- Created by install(): the view of active alerts.

CREATE FUNCTION msgstatus.install_alert_views() RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    CREATE OR REPLACE VIEW msgstatus.active_alerts AS
    SELECT a.severity, a.name, a.subject, a.value, a.threshold, a.since, a.message
    FROM msgstatus.active_alerts() AS a;
    COMMENT ON VIEW msgstatus.active_alerts IS 'The active alerts by alert_rule, critical ones first';
END
$$;
COMMENT ON FUNCTION msgstatus.install_alert_views() IS 'Creates the view active_alerts; called by install()';
