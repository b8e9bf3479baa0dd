-- weblog_refresh(), weblog_refresh_pending() and weblog_refresh_progress(): ask providers anew, and what came of it. The requests act with
-- the rights of the caller; only what a stand-in stands for is looked up by the owner of the tables.

CREATE FUNCTION msgstatus.read_weblog_message_ids(sees_all boolean, shown text[]) RETURNS text[]
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT sees_all THEN
        RAISE insufficient_privilege USING MESSAGE = 'this requires access to unmasked addresses',
            HINT = 'Roles with the level operator of msgstatus.grant_access() have this access.';
    END IF;
    RETURN msgstatus.weblog_ids(true, shown);
END
$$;
COMMENT ON FUNCTION msgstatus.read_weblog_message_ids(boolean, text[]) IS 'weblog_message_ids() for the owner of the tables';

CREATE FUNCTION msgstatus.weblog_message_ids(shown text[]) RETURNS text[]
    LANGUAGE c STABLE SET search_path = pg_catalog, pg_temp AS 'MODULE_PATHNAME', 'read_as_owner';
COMMENT ON FUNCTION msgstatus.weblog_message_ids(text[]) IS
    'The message ids of ids and stand-ins, for roles that may read message; 42501 for others; called by weblog_refresh()';

CREATE FUNCTION msgstatus.weblog_refresh_answer(result msgstatus.refresh_request, not_possible jsonb) RETURNS jsonb
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT to_jsonb(result) || jsonb_build_object('not_possible', COALESCE(not_possible, '[]'), 'not_configured', NOT msgstatus.refresh_configured())
$$;
COMMENT ON FUNCTION msgstatus.weblog_refresh_answer(msgstatus.refresh_request, jsonb) IS 'What weblog_refresh() and weblog_refresh_pending() return';

CREATE FUNCTION msgstatus.act_weblog_refresh(parameters jsonb) RETURNS msgstatus.weblog_action
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    ids text[];
    result msgstatus.refresh_request;
    not_possible jsonb;
BEGIN
    PERFORM msgstatus.weblog_check(parameters, 'message_ids', 'message_sid');
    -- Clients of an older API name one message.
    ids := COALESCE(msgstatus.weblog_texts(parameters, 'message_ids'), msgstatus.weblog_texts(parameters, 'message_sid'));
    IF ids IS NULL OR cardinality(ids) > 1000 THEN
        RAISE invalid_parameter_value USING MESSAGE = 'parameter "message_ids" must hold 1 to 1000 ids';
    END IF;
    ids := msgstatus.weblog_message_ids(ids);
    SELECT jsonb_agg(jsonb_build_object('provider', p.provider, 'count', p.messages) ORDER BY p.provider) INTO not_possible
    FROM (SELECT m.provider, count(*) AS messages FROM msgstatus.message AS m
        WHERE m.message_id = ANY (ids) AND NOT msgstatus.refreshable(m.provider, m.message_id)
        GROUP BY m.provider) AS p;
    result := msgstatus.request_refresh(ids);
    RETURN (msgstatus.weblog_refresh_answer(result, not_possible), 'refresh', to_jsonb(result), result.asked)::msgstatus.weblog_action;
END
$$;
COMMENT ON FUNCTION msgstatus.act_weblog_refresh(jsonb) IS 'What weblog_refresh() does';

CREATE FUNCTION msgstatus.weblog_refresh(parameters jsonb) RETURNS jsonb
    LANGUAGE c SET search_path = pg_catalog, pg_temp AS 'MODULE_PATHNAME', 'act_and_record';
COMMENT ON FUNCTION msgstatus.weblog_refresh(jsonb) IS
    'For the web log: asks for the statuses of messages to be fetched, by request_refresh(), and records it in action_log; 22023 for parameters that mean nothing';

CREATE FUNCTION msgstatus.act_weblog_refresh_pending(parameters jsonb) RETURNS msgstatus.weblog_action
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' AS $$
DECLARE
    request msgstatus.weblog_request;
    f msgstatus.message_filter;
    result msgstatus.refresh_request;
BEGIN
    PERFORM msgstatus.weblog_check(parameters, VARIADIC msgstatus.weblog_filter_names() || '{limit}'::text[]);
    request := msgstatus.weblog_request(msgstatus.sees_all('msgstatus.message'), jsonb '{"limit": 10000}' || parameters, 10000);
    f := request.filter;
    result := msgstatus.request_refresh_pending(max_messages => request.page_size::integer, state => request.states, message_type => f.message_type,
        provider => f.provider, direction => f.direction, recipient_prefix => f.recipient_prefix, campaign_id => f.campaign_id,
        created_from => f.created_from, created_before => f.created_before, metadata_text => f.metadata_text);
    RETURN (
        msgstatus.weblog_refresh_answer(result,
            CASE WHEN result.not_possible > 0 THEN jsonb_build_array(jsonb_build_object('provider', f.provider, 'count', result.not_possible)) END),
        'refresh_pending',
        -- Of the filter, what names a person is left out.
        to_jsonb(result)
            || jsonb_build_object('filter', parameters - '{recipient,text}'::text[] || CASE WHEN f.recipient_prefix IS NOT NULL THEN '{"recipient": true}' ELSE jsonb '{}' END
                || CASE WHEN f.metadata_text IS NOT NULL THEN '{"text": true}' ELSE jsonb '{}' END),
        result.asked)::msgstatus.weblog_action;
END
$$;
COMMENT ON FUNCTION msgstatus.act_weblog_refresh_pending(jsonb) IS 'What weblog_refresh_pending() does';

CREATE FUNCTION msgstatus.weblog_refresh_pending(parameters jsonb DEFAULT '{}') RETURNS jsonb
    LANGUAGE c SET search_path = pg_catalog, pg_temp AS 'MODULE_PATHNAME', 'act_and_record';
COMMENT ON FUNCTION msgstatus.weblog_refresh_pending(jsonb) IS
    'For the web log: asks for the statuses of pending messages under a filter to be fetched, by request_refresh_pending(), and records it in action_log; 22023 for parameters that mean nothing';

CREATE FUNCTION msgstatus.read_weblog_refresh_progress(sees_all boolean, parameters jsonb) RETURNS jsonb
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    ids text[];
    since timestamptz;
    result jsonb;
BEGIN
    PERFORM msgstatus.weblog_check(parameters, 'message_ids', 'since');
    ids := msgstatus.weblog_texts(parameters, 'message_ids');
    since := msgstatus.weblog_time(parameters, 'since');
    IF ids IS NULL AND since IS NULL OR cardinality(ids) > 1000 THEN
        RAISE invalid_parameter_value USING MESSAGE = 'parameter "since" or "message_ids", of at most 1000 ids, is missing';
    END IF;
    ids := CASE WHEN ids IS NOT NULL THEN array_remove(msgstatus.weblog_ids(sees_all, ids), NULL) END;
    SELECT jsonb_build_object('asked', count(*), 'waiting', count(*) FILTER (WHERE r.outcome IS NULL), 'fetched', count(r.outcome),
        'changed', count(*) FILTER (WHERE r.outcome = 'changed'), 'unchanged', count(*) FILTER (WHERE r.outcome = 'unchanged'),
        'failed', count(*) FILTER (WHERE r.outcome = 'failed'), 'unknown', count(*) FILTER (WHERE r.outcome = 'unknown'))
    INTO result
    FROM (
        SELECT q.message_id, NULL AS outcome FROM msgstatus.refresh_queue AS q
        WHERE (ids IS NULL OR q.message_id = ANY (ids)) AND (since IS NULL OR q.asked_at >= since)
        UNION ALL
        SELECT c.message_id, c.outcome FROM msgstatus.message_check AS c
        WHERE (ids IS NULL OR c.message_id = ANY (ids)) AND (since IS NULL OR c.asked_at >= since)
            AND NOT EXISTS (SELECT FROM msgstatus.refresh_queue AS q WHERE q.message_id = c.message_id AND (since IS NULL OR q.asked_at >= since))
    ) AS r;
    RETURN result || jsonb_build_object('not_configured', NOT msgstatus.refresh_configured(), 'read_at', now());
END
$$;
COMMENT ON FUNCTION msgstatus.read_weblog_refresh_progress(boolean, jsonb) IS 'weblog_refresh_progress() for the owner of the tables';

CREATE FUNCTION msgstatus.weblog_refresh_progress(parameters jsonb) RETURNS jsonb
    LANGUAGE c STABLE SET search_path = pg_catalog, pg_temp SET jit = off SET timezone = 'UTC' AS 'MODULE_PATHNAME', 'read_as_owner';
COMMENT ON FUNCTION msgstatus.weblog_refresh_progress(jsonb) IS
    'For the web log: of the messages asked for since a time, or of some of them, how many wait, were fetched, changed or failed; 22023 for parameters that mean nothing';

CREATE FUNCTION msgstatus.weblog_refresh_state() RETURNS jsonb
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT jsonb_build_object('configured', msgstatus.refresh_configured(),
        'workers', (SELECT COALESCE(jsonb_agg(jsonb_build_object('worker', w.worker, 'state', w.state, 'detail', w.detail, 'seen_at', w.seen_at,
            'is_alive', w.is_alive) ORDER BY w.seen_at DESC), '[]') FROM msgstatus.refresh_workers AS w),
        'waiting', (SELECT count(*) FROM (SELECT FROM msgstatus.refresh_queue LIMIT 10000) AS q),
        'last_reconciliation', (SELECT to_jsonb(r) FROM msgstatus.reconciliations AS r ORDER BY r.reconciliation_id DESC LIMIT 1))
$$;
COMMENT ON FUNCTION msgstatus.weblog_refresh_state() IS 'Whether statuses can be asked for anew, by which workers, and how many wait; called by weblog_session() and weblog_health()';
