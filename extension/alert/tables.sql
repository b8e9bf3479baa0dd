-- Created by install(): the rules of alerts, and the alerts that were active at the last check.

CREATE FUNCTION msgstatus.install_alert_rules() RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET client_min_messages = warning AS $$
BEGIN
    CREATE TABLE IF NOT EXISTS msgstatus.alert_rule (
        name text COLLATE "C" PRIMARY KEY,
        metric text COLLATE "C" NOT NULL CHECK (metric IN
            ('delivery_rate', 'undelivered', 'silence', 'read_rate', 'delivery_seconds', 'rejected', 'error_code')),
        severity text COLLATE "C" NOT NULL CHECK (severity IN ('critical', 'warning')),
        threshold numeric NOT NULL,
        minimum_count integer NOT NULL CHECK (minimum_count >= 0),
        period interval NOT NULL CHECK (period > '0'),
        age interval NOT NULL DEFAULT '0' CHECK (age >= '0'),
        enabled boolean NOT NULL DEFAULT true
    );
    COMMENT ON TABLE msgstatus.alert_rule IS 'The conditions of alerts; thresholds can be changed and rules disabled';
    COMMENT ON COLUMN msgstatus.alert_rule.name IS 'The name of the alert';
    COMMENT ON COLUMN msgstatus.alert_rule.metric IS
        'The measured value: delivery_rate, read_rate in percent, undelivered messages, silence in minutes, delivery_seconds, rejected statuses, failures by error_code';
    COMMENT ON COLUMN msgstatus.alert_rule.severity IS 'critical or warning';
    COMMENT ON COLUMN msgstatus.alert_rule.threshold IS
        'Rates are active below it; silence from this many minutes on; rejected and error_code above this many times the earlier number; others above it';
    COMMENT ON COLUMN msgstatus.alert_rule.minimum_count IS 'The least number of measured messages for an active alert';
    COMMENT ON COLUMN msgstatus.alert_rule.period IS 'The measured time: this long before now, or before the current hour';
    COMMENT ON COLUMN msgstatus.alert_rule.age IS 'For undelivered: how long messages have been undelivered';
    COMMENT ON COLUMN msgstatus.alert_rule.enabled IS 'Whether the rule is measured';
    INSERT INTO msgstatus.alert_rule (name, metric, severity, threshold, minimum_count, period, age) VALUES
        ('delivery_rate_low', 'delivery_rate', 'critical', 90, 20, '1 hour', '0'),
        ('messages_undelivered', 'undelivered', 'critical', 10, 0, '24 hours', '10 minutes'),
        ('webhooks_silent', 'silence', 'critical', 10, 5, '1 hour', '0'),
        ('read_rate_low', 'read_rate', 'warning', 50, 20, '24 hours', '0'),
        ('delivery_slow', 'delivery_seconds', 'warning', 30, 20, '1 hour', '0'),
        ('rejections_growing', 'rejected', 'warning', 2, 10, '1 hour', '0'),
        ('error_code_frequent', 'error_code', 'warning', 3, 10, '1 hour', '0')
    ON CONFLICT (name) DO NOTHING;

    CREATE TABLE IF NOT EXISTS msgstatus.alert_state (
        name text COLLATE "C" NOT NULL,
        subject text COLLATE "C" NOT NULL,
        severity text COLLATE "C" NOT NULL,
        since timestamptz NOT NULL,
        value numeric,
        threshold numeric,
        message text NOT NULL,
        PRIMARY KEY (name, subject)
    );
    COMMENT ON TABLE msgstatus.alert_state IS 'The alerts that were active when check_alerts() was last called';
    COMMENT ON COLUMN msgstatus.alert_state.name IS 'As in alert_rule';
    COMMENT ON COLUMN msgstatus.alert_state.subject IS 'The subject of a rule with several, such as an error code; else empty';
    COMMENT ON COLUMN msgstatus.alert_state.severity IS 'As in alert_rule';
    COMMENT ON COLUMN msgstatus.alert_state.since IS 'When check_alerts() first found the alert';
    COMMENT ON COLUMN msgstatus.alert_state.value IS 'The last measured value';
    COMMENT ON COLUMN msgstatus.alert_state.threshold IS 'The threshold of the comparison';
    COMMENT ON COLUMN msgstatus.alert_state.message IS 'The alert in a sentence';

    IF pg_catalog.to_regclass('msgstatus.rejected_status_rejected_at') IS NULL THEN
        CREATE INDEX rejected_status_rejected_at ON msgstatus.rejected_status (rejected_at);
        COMMENT ON INDEX msgstatus.rejected_status_rejected_at IS 'Dead letters by time';
    END IF;
END
$$;
COMMENT ON FUNCTION msgstatus.install_alert_rules() IS 'Creates and fills alert_rule, and creates alert_state; called by install()';
