-- weblog_alerts(), weblog_attached() and weblog_health(): what is amiss, and what is running.

CREATE FUNCTION msgstatus.weblog_alerts(parameters jsonb DEFAULT '{}') RETURNS jsonb
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp SET jit = off SET timezone = 'UTC' AS $$
BEGIN
    PERFORM msgstatus.weblog_check(parameters);
    RETURN jsonb_build_object('alerts', (
        SELECT COALESCE(jsonb_agg(jsonb_build_object('name', a.name, 'severity', a.severity, 'subject', a.subject, 'value', a.value,
            'threshold', a.threshold, 'since', a.since, 'sentence', a.message) ORDER BY a.severity, a.name, a.subject), '[]')
        FROM msgstatus.recent_alerts() AS a));
END
$$;
COMMENT ON FUNCTION msgstatus.weblog_alerts(jsonb) IS
    'For the web log: the active alerts, critical ones first, as recent_alerts() returns them: at most 2 minutes old';

CREATE FUNCTION msgstatus.weblog_attached(parameters jsonb DEFAULT '{}') RETURNS jsonb
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp SET jit = off SET timezone = 'UTC' AS $$
BEGIN
    PERFORM msgstatus.weblog_check(parameters);
    IF NOT has_table_privilege('msgstatus.attached_tables', 'SELECT') THEN
        RAISE insufficient_privilege USING MESSAGE = 'the attached tables require access to attached_tables',
            HINT = 'Roles with the level operator of msgstatus.grant_access() have this access.';
    END IF;
    RETURN jsonb_build_object('attached', (
        SELECT COALESCE(jsonb_agg(jsonb_build_object('table', a.target, 'is_there', a.is_there, 'key_column', a.key_column, 'columns', a.columns,
            'attached_by', a.attached_by, 'attached_at', a.attached_at, 'failures', a.failures, 'last_failed_at', a.last_failed_at,
            'last_error_code', a.last_error_code, 'last_error', a.last_error, 'remedy', a.remedy) ORDER BY a.failures DESC, a.target::text), '[]')
        FROM msgstatus.attached_tables AS a));
END
$$;
COMMENT ON FUNCTION msgstatus.weblog_attached(jsonb) IS 'For the web log: the attached tables and their failures; 42501 for roles that may not read attached_tables';

-- The trail grows at its end, and has no index by receipt. So its latest events are read from the end of the partitions of this time,
-- at most so many pages of each.
CREATE FUNCTION msgstatus.weblog_receipts(since timestamptz, pages bigint DEFAULT 2048)
RETURNS TABLE (minute timestamptz, source text, events bigint, last_received_at timestamptz, complete boolean)
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    part record;
BEGIN
    FOR part IN
        SELECT c.oid::regclass AS name, GREATEST(pg_relation_size(c.oid) / current_setting('block_size')::bigint - weblog_receipts.pages, 0) AS first_page
        FROM pg_partition_tree('msgstatus.status_event') AS t JOIN pg_class AS c ON c.oid = t.relid,
            LATERAL (SELECT substring(pg_get_expr(c.relpartbound, c.oid) FROM $pattern$TO \('([^']*)'\)$pattern$)::timestamptz AS bound) AS upper
        WHERE t.isleaf AND c.relkind = 'r' AND COALESCE(upper.bound > weblog_receipts.since, true)
    LOOP
        RETURN QUERY EXECUTE format('
            SELECT date_trunc(''minute'', e.received_at), e.source, count(*), max(e.received_at), $2
            FROM ONLY %s AS e WHERE e.ctid >= %L::tid AND e.received_at >= $1
            GROUP BY 1, 2', part.name, format('(%s,0)', part.first_page))
        USING weblog_receipts.since, part.first_page = 0;
    END LOOP;
END
$$;
COMMENT ON FUNCTION msgstatus.weblog_receipts(timestamptz, bigint) IS
    'The latest events of the trail by minute of receipt and source, and whether it was read from its beginning; called by weblog_health()';

CREATE FUNCTION msgstatus.read_weblog_health(sees_all boolean, parameters jsonb) RETURNS jsonb
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    since CONSTANT timestamptz := date_trunc('minute', now()) - interval '59 minutes';
    oldest_hour timestamptz;
    pending bigint;
    result jsonb;
BEGIN
    PERFORM msgstatus.weblog_check(parameters);
    SELECT min(h.hour), sum(h.pending) INTO oldest_hour, pending
    FROM (SELECT r.hour, sum(r.in_accepted + r.in_queued + r.in_sending + r.in_sent) AS pending
        FROM msgstatus.hour_rollup AS r, msgstatus.maintenance AS w
        WHERE r.hour >= GREATEST(w.purged_before, date_trunc('hour', now(), 'UTC') - interval '720 hours') AND NOT r.inbound
        GROUP BY r.hour HAVING sum(r.in_accepted + r.in_queued + r.in_sending + r.in_sent) > 0) AS h;
    WITH receipt AS MATERIALIZED (
        SELECT r.* FROM msgstatus.weblog_receipts(since) AS r
    ), minute AS (
        SELECT g.at, COALESCE(sum(r.events), 0)::bigint AS events
        FROM generate_series(since, now(), '1 minute') AS g (at) LEFT JOIN receipt AS r ON r.minute = g.at
        GROUP BY g.at
    ), source AS (
        SELECT CASE WHEN sees_all THEN r.source ELSE msgstatus.mask_numbers(r.source) END AS source, sum(r.events)::bigint AS events, max(r.last_received_at) AS last_received_at
        FROM receipt AS r GROUP BY 1
    )
    SELECT jsonb_build_object(
        'events_per_minute', (SELECT jsonb_agg(jsonb_build_object('at', m.at, 'events', m.events) ORDER BY m.at) FROM minute AS m),
        'counted_since', (SELECT CASE WHEN COALESCE(bool_and(r.complete), true) OR min(r.minute) <= since THEN since ELSE min(r.minute) END FROM receipt AS r),
        'sources', (SELECT COALESCE(jsonb_agg(to_jsonb(s) ORDER BY s.last_received_at DESC, s.source), '[]') FROM source AS s))
    INTO result;
    RETURN result || jsonb_build_object(
        'last_message_at', (SELECT max(m.created_at) FROM msgstatus.message AS m),
        'oldest_unfolded_hour', (SELECT min(r.hour) FROM msgstatus.message_rollup AS r WHERE r.slot > 0),
        'pending', COALESCE(pending, 0),
        'oldest_pending_at', (SELECT min(m.created_at) FROM msgstatus.message AS m
            WHERE m.created_at >= oldest_hour AND m.created_at < oldest_hour + interval '1 hour' AND m.direction IS DISTINCT FROM 'inbound'
                AND msgstatus.state(m.status) = ANY (msgstatus.outcome_states('waiting'))),
        'rejected', (SELECT count(*) FROM (SELECT FROM msgstatus.rejected_status LIMIT 10000) AS r),
        'refresh', msgstatus.weblog_refresh_state(),
        'is_standby', pg_is_in_recovery(),
        'read_at', now());
END
$$;
COMMENT ON FUNCTION msgstatus.read_weblog_health(boolean, jsonb) IS 'weblog_health() for the owner of the tables';

CREATE FUNCTION msgstatus.weblog_health(parameters jsonb DEFAULT '{}') RETURNS jsonb
    LANGUAGE c STABLE SET search_path = pg_catalog, pg_temp SET jit = off SET timezone = 'UTC' AS 'MODULE_PATHNAME', 'read_totals_as_owner';
COMMENT ON FUNCTION msgstatus.weblog_health(jsonb) IS
    'For the web log: events received in each of the last sixty minutes and by source, how far the rollups are folded, and what is pending';
