-- weblog_session(): who the caller is and may, and what the filters offer.

CREATE FUNCTION msgstatus.read_weblog_choices(sees_all boolean) RETURNS jsonb
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    WITH counted AS MATERIALIZED (
        SELECT r.provider, r.message_type, sum(r.messages) AS messages
        FROM msgstatus.message_rollup AS r
        WHERE r.hour >= date_trunc('hour', now(), 'UTC') - interval '720 hours'
        GROUP BY r.provider, r.message_type
    )
    SELECT jsonb_build_object(
        'providers', (SELECT COALESCE(jsonb_agg(DISTINCT c.provider), '[]') FROM counted AS c WHERE c.messages > 0 AND c.provider IS NOT NULL),
        'types', (SELECT COALESCE(jsonb_agg(DISTINCT c.message_type), '[]') FROM counted AS c WHERE c.messages > 0 AND c.message_type IS NOT NULL),
        'states', to_jsonb(msgstatus.delivery_states()),
        'refresh_configured', msgstatus.refresh_configured())
$$;
COMMENT ON FUNCTION msgstatus.read_weblog_choices(boolean) IS 'weblog_choices() for the owner of the tables';

CREATE FUNCTION msgstatus.weblog_choices() RETURNS jsonb
    LANGUAGE c STABLE SET search_path = pg_catalog, pg_temp SET jit = off SET timezone = 'UTC' AS 'MODULE_PATHNAME', 'read_totals_as_owner';
COMMENT ON FUNCTION msgstatus.weblog_choices() IS 'The providers and types of the last 30 days, the states, and whether statuses can be asked for anew; called by weblog_session()';

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
