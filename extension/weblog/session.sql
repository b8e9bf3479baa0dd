-- weblog_session(): who the caller is and may, and what the filters offer.

-- What is frequent is in the statistics that ANALYZE made; what came since is in the rollups.
CREATE FUNCTION msgstatus.read_weblog_choices(sees_all boolean) RETURNS jsonb
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    WITH value AS MATERIALIZED (
        SELECT s.attname::text AS attribute, v.value
        FROM pg_stats AS s, unnest(s.most_common_vals::text::text[]) AS v (value)
        WHERE s.schemaname = 'msgstatus' AND s.tablename = 'message' AND s.attname IN ('provider', 'message_type')
        UNION
        SELECT v.attribute, v.value
        FROM msgstatus.message_rollup AS r, LATERAL (VALUES ('provider', r.provider), ('message_type', r.message_type)) AS v (attribute, value)
        WHERE r.hour >= date_trunc('hour', now(), 'UTC') - interval '48 hours' AND r.messages > 0 AND v.value IS NOT NULL
    )
    SELECT jsonb_build_object(
        'providers', (SELECT COALESCE(jsonb_agg(v.value ORDER BY v.value), '[]') FROM value AS v WHERE v.attribute = 'provider'),
        'types', (SELECT COALESCE(jsonb_agg(v.value ORDER BY v.value), '[]') FROM value AS v WHERE v.attribute = 'message_type'),
        'states', to_jsonb(msgstatus.delivery_states()),
        'refresh_configured', msgstatus.refresh_configured())
$$;
COMMENT ON FUNCTION msgstatus.read_weblog_choices(boolean) IS 'weblog_choices() for the owner of the tables';

CREATE FUNCTION msgstatus.weblog_choices() RETURNS jsonb
    LANGUAGE c STABLE SET search_path = pg_catalog, pg_temp SET jit = off SET timezone = 'UTC' AS 'MODULE_PATHNAME', 'read_totals_as_owner';
COMMENT ON FUNCTION msgstatus.weblog_choices() IS 'The providers and types that are frequent or of the last two days, the states, and whether statuses can be asked for anew; called by weblog_session()';

CREATE FUNCTION msgstatus.weblog_session(parameters jsonb DEFAULT '{}') RETURNS jsonb
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    choices jsonb;
    may_replay CONSTANT boolean := has_function_privilege('msgstatus.weblog_replay(jsonb)', 'EXECUTE');
    may_read_messages CONSTANT boolean := has_table_privilege('msgstatus.message', 'SELECT');
BEGIN
    PERFORM msgstatus.weblog_check(parameters);
    choices := msgstatus.weblog_choices();
    RETURN jsonb_build_object(
        'role', current_user,
        'session_role', session_user,
        'level', CASE WHEN may_replay THEN 'operator' WHEN has_function_privilege('msgstatus.weblog_messages(jsonb)', 'EXECUTE') THEN 'analyst' ELSE 'none' END,
        'masked', NOT may_read_messages,
        'version', (SELECT e.extversion FROM pg_extension AS e WHERE e.extname = 'msgstatus'),
        'can', jsonb_build_object('replay', may_replay, 'refresh', has_function_privilege('msgstatus.weblog_refresh(jsonb)', 'EXECUTE'))
    ) || choices;
END
$$;
COMMENT ON FUNCTION msgstatus.weblog_session(jsonb) IS 'For the web log: the role of the caller, what it may do, and what the filters offer';
