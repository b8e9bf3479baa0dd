-- Which alerts are active, how many there are, and the notifications when one starts or ends.

CREATE TYPE msgstatus.alert_row AS (
    severity text,
    name text,
    subject text,
    value numeric,
    threshold numeric,
    since timestamptz,
    message text
);
COMMENT ON TYPE msgstatus.alert_row IS 'A row of active_alerts()';

CREATE FUNCTION msgstatus.read_active_alerts(sees_all boolean, checked_within interval DEFAULT NULL) RETURNS SETOF msgstatus.alert_row
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    rule record;
    senders msgstatus.alert_sender[];
    outcomes msgstatus.alert_outcome[];
BEGIN
    FOR rule IN
        SELECT r.*, COALESCE(r.checked_at BETWEEN now() - checked_within AND clock_timestamp(), false) AS is_fresh
        FROM msgstatus.alert_rule AS r WHERE r.enabled ORDER BY r.severity, r.name
    LOOP
        IF rule.is_fresh THEN
            RETURN QUERY
            SELECT rule.severity, s.name, NULLIF(s.subject, ''), s.value, s.threshold, s.since, s.message
            FROM msgstatus.alert_state AS s WHERE s.name = rule.name
            ORDER BY NULLIF(s.subject, '');
            CONTINUE;
        END IF;
        -- What several rules look at is read once.
        senders := COALESCE(senders, ARRAY(SELECT s FROM msgstatus.senders_with_receipts() AS s));
        IF rule.metric IN ('delivery_rate', 'delivery_seconds') THEN
            outcomes := COALESCE(outcomes, ARRAY(SELECT o FROM msgstatus.recent_outcomes_by_sender() AS o));
        END IF;
        RETURN QUERY EXECUTE format('
            SELECT $1, $2, a.subject, a.value, a.threshold, COALESCE(s.since, now()), a.message
            FROM msgstatus.%I($3) AS a
            LEFT JOIN msgstatus.alert_state AS s ON s.name = $2 AND s.subject = COALESCE(a.subject, '''')
            ORDER BY a.subject', 'alert_' || rule.metric)
        USING rule.severity, rule.name, (rule.threshold, rule.minimum_count, rule.period, rule.age, rule.relative_threshold,
            rule.statistic, rule.per, senders, outcomes)::msgstatus.alert_condition;
    END LOOP;
END
$$;
COMMENT ON FUNCTION msgstatus.read_active_alerts(boolean, interval) IS
    'active_alerts() for the owner of the tables; of rules that check_alerts() measured within the interval, what it found';

CREATE FUNCTION msgstatus.active_alerts() RETURNS SETOF msgstatus.alert_row
    LANGUAGE c STABLE SET search_path = pg_catalog, pg_temp SET jit = off AS 'MODULE_PATHNAME', 'read_totals_as_owner';
COMMENT ON FUNCTION msgstatus.active_alerts() IS
    'The active alerts, critical ones first; since is the time when check_alerts() first found the alert, or now';

-- Whoever looks at a page all day is content with what the last check found. Cron checks every minute.
CREATE FUNCTION msgstatus.read_recent_alerts(sees_all boolean) RETURNS SETOF msgstatus.alert_row
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT * FROM msgstatus.read_active_alerts($1, '2 minutes')
$$;
COMMENT ON FUNCTION msgstatus.read_recent_alerts(boolean) IS 'recent_alerts() for the owner of the tables';

CREATE FUNCTION msgstatus.recent_alerts() RETURNS SETOF msgstatus.alert_row
    LANGUAGE c STABLE SET search_path = pg_catalog, pg_temp SET jit = off AS 'MODULE_PATHNAME', 'read_totals_as_owner';
COMMENT ON FUNCTION msgstatus.recent_alerts() IS
    'The active alerts as active_alerts() returns them, at most 2 minutes old: what check_alerts() found if it was called within that time, else measured now';

CREATE TYPE msgstatus.alert_count_row AS (
    name text,
    severity text,
    active bigint
);
COMMENT ON TYPE msgstatus.alert_count_row IS 'A row of alert_counts()';

CREATE FUNCTION msgstatus.read_alert_counts(sees_all boolean) RETURNS SETOF msgstatus.alert_count_row
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT r.name, r.severity, count(a.name)
    FROM msgstatus.alert_rule AS r LEFT JOIN msgstatus.read_active_alerts($1) AS a ON a.name = r.name
    WHERE r.enabled
    GROUP BY r.name
    ORDER BY r.severity, r.name
$$;
COMMENT ON FUNCTION msgstatus.read_alert_counts(boolean) IS 'alert_counts() for the owner of the tables';

CREATE FUNCTION msgstatus.alert_counts() RETURNS SETOF msgstatus.alert_count_row
    LANGUAGE c STABLE SET search_path = pg_catalog, pg_temp SET jit = off AS 'MODULE_PATHNAME', 'read_totals_as_owner';
COMMENT ON FUNCTION msgstatus.alert_counts() IS
    'The number of active alerts of each enabled rule, without any data of messages; for the metrics of the receiver';

CREATE FUNCTION msgstatus.check_alerts() RETURNS TABLE (
    event text,
    severity text,
    name text,
    subject text,
    value numeric,
    threshold numeric,
    since timestamptz,
    message text
)
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET jit = off AS $$
#variable_conflict use_column
BEGIN
    PERFORM msgstatus.check_installation();
    -- One check at a time: two concurrent checks would both notify of the same change.
    PERFORM pg_advisory_xact_lock(hashtextextended('msgstatus.check_alerts', 0));
    RETURN QUERY
    WITH active AS MATERIALIZED (
        SELECT a.* FROM msgstatus.read_active_alerts(true) AS a
    ), ended AS (
        DELETE FROM msgstatus.alert_state AS s
        WHERE NOT EXISTS (SELECT FROM active AS a WHERE a.name = s.name AND COALESCE(a.subject, '') = s.subject)
        RETURNING s.*
    ), continuing AS (
        UPDATE msgstatus.alert_state AS s
        SET severity = a.severity, value = a.value, threshold = a.threshold, message = a.message
        FROM active AS a
        WHERE a.name = s.name AND COALESCE(a.subject, '') = s.subject
    ), started AS (
        INSERT INTO msgstatus.alert_state AS s (name, subject, severity, since, value, threshold, message)
        SELECT a.name, COALESCE(a.subject, ''), a.severity, a.since, a.value, a.threshold, a.message FROM active AS a
        ON CONFLICT (name, subject) DO NOTHING
        RETURNING s.*
    ), checked AS (
        -- A rule that somebody is about to change is left alone, rather than waited for.
        UPDATE msgstatus.alert_rule AS r SET checked_at = now()
        WHERE r.name IN (SELECT u.name FROM msgstatus.alert_rule AS u WHERE u.enabled FOR NO KEY UPDATE SKIP LOCKED)
    ), changed AS (
        SELECT 'ended' AS event, e.* FROM ended AS e UNION ALL SELECT 'started', s.* FROM started AS s
    ), notified AS (
        SELECT c.*, pg_notify('msgstatus_alert', jsonb_build_object('event', c.event, 'severity', c.severity, 'name', c.name,
            'subject', NULLIF(c.subject, ''), 'value', c.value, 'threshold', c.threshold, 'since', c.since, 'message', c.message)::text)
        FROM changed AS c
    )
    SELECT t.event, t.severity, t.name, NULLIF(t.subject, ''), t.value, t.threshold, t.since, t.message
    FROM notified AS t
    ORDER BY t.event DESC, t.severity, t.name, t.subject;
END
$$;
COMMENT ON FUNCTION msgstatus.check_alerts() IS
    'Records the alerts that have started or ended since the last call, notifies listeners of msgstatus_alert, and returns them; for cron';
