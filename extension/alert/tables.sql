-- Created by install(): the rules of alerts, and the alerts that were active at the last check.

CREATE FUNCTION msgstatus.install_alert_rules() RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET client_min_messages = warning AS $$
DECLARE
    is_older CONSTANT boolean := to_regclass('msgstatus.alert_rule') IS NOT NULL AND NOT EXISTS (
        SELECT FROM pg_attribute AS a WHERE a.attrelid = to_regclass('msgstatus.alert_rule') AND a.attname = 'per');
BEGIN
    CREATE TABLE IF NOT EXISTS msgstatus.alert_rule (
        name text COLLATE "C" PRIMARY KEY,
        metric text COLLATE "C" NOT NULL CHECK (metric IN
            ('delivery_rate', 'undelivered', 'silence', 'read_rate', 'delivery_seconds', 'rejected', 'error_code', 'refresh_refused')),
        severity text COLLATE "C" NOT NULL CHECK (severity IN ('critical', 'warning')),
        threshold numeric NOT NULL,
        minimum_count integer NOT NULL CHECK (minimum_count >= 0),
        period interval NOT NULL CHECK (period > '0'),
        age interval NOT NULL DEFAULT '0' CHECK (age >= '0'),
        enabled boolean NOT NULL DEFAULT true,
        relative_threshold numeric,
        statistic text COLLATE "C" NOT NULL DEFAULT 'average' CHECK (statistic IN ('average', 'median')),
        per text COLLATE "C" NOT NULL DEFAULT 'all' CHECK (per IN ('all', 'channel')),
        checked_at timestamptz
    );
    -- A rule that somebody changed or added goes on as it was. One that was left as it came gets the values of this version, below.
    IF is_older THEN
        ALTER TABLE msgstatus.alert_rule
            ADD COLUMN relative_threshold numeric,
            ADD COLUMN statistic text COLLATE "C" NOT NULL DEFAULT 'average' CHECK (statistic IN ('average', 'median')),
            ADD COLUMN per text COLLATE "C" NOT NULL DEFAULT 'all' CHECK (per IN ('all', 'channel'));
    END IF;
    IF NOT EXISTS (
        SELECT FROM pg_attribute AS a WHERE a.attrelid = 'msgstatus.alert_rule'::regclass AND a.attname = 'checked_at' AND NOT a.attisdropped)
    THEN
        ALTER TABLE msgstatus.alert_rule ADD COLUMN checked_at timestamptz;
    END IF;
    IF (SELECT pg_get_constraintdef(c.oid) FROM pg_constraint AS c
        WHERE c.conrelid = 'msgstatus.alert_rule'::regclass AND c.conname = 'alert_rule_metric_check') NOT LIKE '%''refresh_refused''%'
    THEN
        ALTER TABLE msgstatus.alert_rule DROP CONSTRAINT alert_rule_metric_check, ADD CONSTRAINT alert_rule_metric_check CHECK (metric IN
            ('delivery_rate', 'undelivered', 'silence', 'read_rate', 'delivery_seconds', 'rejected', 'error_code', 'refresh_refused'));
    END IF;
    COMMENT ON TABLE msgstatus.alert_rule IS 'The conditions of alerts; thresholds can be changed and rules disabled';
    COMMENT ON COLUMN msgstatus.alert_rule.name IS 'The name of the alert';
    COMMENT ON COLUMN msgstatus.alert_rule.metric IS
        'The measured value: delivery_rate, read_rate in percent, undelivered messages, silence in minutes, delivery_seconds, rejected statuses, failures by error_code, workers by refresh_refused';
    COMMENT ON COLUMN msgstatus.alert_rule.severity IS 'critical or warning';
    COMMENT ON COLUMN msgstatus.alert_rule.threshold IS
        'Rates are active below it; silence from this many minutes on; rejected and error_code above this many times the earlier number; others above it';
    COMMENT ON COLUMN msgstatus.alert_rule.minimum_count IS 'The least number of measured messages for an active alert';
    COMMENT ON COLUMN msgstatus.alert_rule.period IS 'The measured time: this long before now, or before the current hour';
    COMMENT ON COLUMN msgstatus.alert_rule.age IS 'How long messages had time: to be delivered, for delivery_rate, delivery_seconds and undelivered; to be read, for read_rate';
    COMMENT ON COLUMN msgstatus.alert_rule.enabled IS 'Whether the rule is measured';
    COMMENT ON COLUMN msgstatus.alert_rule.relative_threshold IS
        'A second threshold that has to be crossed, too: for undelivered and error_code a percentage of the messages, for read_rate a percentage of the usual rate, for silence how many times the usual time of an answer; NULL: none';
    COMMENT ON COLUMN msgstatus.alert_rule.statistic IS 'For delivery_seconds: average or median';
    COMMENT ON COLUMN msgstatus.alert_rule.per IS
        'all: all messages together; channel: each provider, and of it the senders with and without read receipts; error_code and rejected have subjects of their own';
    COMMENT ON COLUMN msgstatus.alert_rule.checked_at IS 'When check_alerts() last measured the rule; set by it';
    -- Each rule; old_period and old_age are those of a table without the column per.
    WITH shipped (name, metric, severity, threshold, minimum_count, old_period, old_age, period, age, relative_threshold, statistic, per) AS (
        VALUES
        ('delivery_rate_low', 'delivery_rate', 'critical', 90, 20, interval '1 hour', interval '0', interval '1 hour', interval '10 minutes', NULL::numeric, 'average', 'channel'),
        ('messages_undelivered', 'undelivered', 'critical', 10, 0, '24 hours', '10 minutes', '24 hours', '10 minutes', 5, 'average', 'channel'),
        ('webhooks_silent', 'silence', 'critical', 10, 5, '1 hour', '0', '168 hours', '0', 2, 'average', 'channel'),
        ('read_rate_low', 'read_rate', 'warning', 50, 20, '24 hours', '0', '24 hours', '24 hours', 70, 'average', 'channel'),
        ('delivery_slow', 'delivery_seconds', 'warning', 30, 20, '1 hour', '0', '1 hour', '0', NULL, 'median', 'channel'),
        ('rejections_growing', 'rejected', 'warning', 2, 10, '1 hour', '0', '1 hour', '0', NULL, 'average', 'all'),
        ('error_code_frequent', 'error_code', 'warning', 3, 10, '1 hour', '0', '1 hour', '0', 5, 'average', 'all'),
        ('refresh_refused', 'refresh_refused', 'critical', 0, 0, '1 hour', '0', '1 hour', '0', NULL, 'average', 'all')
    ), renewed AS (
        UPDATE msgstatus.alert_rule AS r
        SET period = s.period, age = s.age, relative_threshold = s.relative_threshold, statistic = s.statistic, per = s.per
        FROM shipped AS s
        WHERE is_older AND (r.name, r.metric, r.threshold, r.minimum_count, r.period, r.age)
            = (s.name, s.metric, s.threshold, s.minimum_count, s.old_period, s.old_age)
    )
    INSERT INTO msgstatus.alert_rule (name, metric, severity, threshold, minimum_count, period, age, relative_threshold, statistic, per)
    SELECT s.name, s.metric, s.severity, s.threshold, s.minimum_count, s.period, s.age, s.relative_threshold, s.statistic, s.per
    FROM shipped AS s
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
    COMMENT ON COLUMN msgstatus.alert_state.subject IS 'The subject of a rule with several, such as a provider or an error code; else empty';
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
