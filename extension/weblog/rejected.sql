-- weblog_rejected() and weblog_replay(): the dead letters, with the rights of the caller. Their bodies are for roles that may read
-- rejected_status; others see what rejected_summary shows.

CREATE FUNCTION msgstatus.weblog_rejected(parameters jsonb DEFAULT '{}') RETURNS jsonb
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp SET jit = off SET timezone = 'UTC' AS $$
DECLARE
    cut CONSTANT integer := 16384;
    wanted bigint;
    one bigint;
    before bigint;
    shows_bodies CONSTANT boolean := has_table_privilege('msgstatus.rejected_status', 'SELECT');
    letters jsonb;
BEGIN
    PERFORM msgstatus.weblog_check(parameters, 'id', 'limit', 'cursor');
    wanted := msgstatus.weblog_number(parameters, 'limit', 50, 200);
    one := msgstatus.weblog_number(parameters, 'id', NULL, 999999999999999999);
    before := msgstatus.weblog_number(parameters, 'cursor', 9223372036854775807, 999999999999999999);
    IF shows_bodies THEN
        SELECT jsonb_agg(jsonb_build_object('id', r.rejected_id, 'received_at', r.received_at, 'rejected_at', r.rejected_at, 'source', r.source,
            'provider', r.provider, 'sender', r.sender, 'reason', r.reason,
            'body', CASE WHEN one IS NULL THEN left(r.words, cut) ELSE r.words END, 'body_cut', one IS NULL AND length(r.words) > cut)
            ORDER BY r.rejected_id DESC)
        INTO letters
        FROM (SELECT l.*, COALESCE(l.body, l.payload::text) AS words FROM msgstatus.rejected_status AS l
            WHERE l.rejected_id < before AND (one IS NULL OR l.rejected_id = one) ORDER BY l.rejected_id DESC LIMIT wanted + 1) AS r;
    END IF;
    letters := COALESCE(letters, '[]');
    RETURN jsonb_build_object(
        'rejected', CASE WHEN jsonb_array_length(letters) > wanted THEN letters - wanted::integer ELSE letters END,
        'next', CASE WHEN jsonb_array_length(letters) > wanted THEN letters -> (wanted::integer - 1) ->> 'id' END,
        'bodies_shown', shows_bodies,
        'summary', (SELECT COALESCE(jsonb_agg(to_jsonb(s) ORDER BY s.last_received_at DESC, s.reason), '[]') FROM msgstatus.rejected_summary AS s));
END
$$;
COMMENT ON FUNCTION msgstatus.weblog_rejected(jsonb) IS
    'For the web log: the dead letters, the newest first, for roles that may read rejected_status, and how many there are by reason; 22023 for parameters that mean nothing';

CREATE FUNCTION msgstatus.act_weblog_replay(parameters jsonb) RETURNS msgstatus.weblog_action
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    named text[];
    ids bigint[];
    result jsonb;
BEGIN
    PERFORM msgstatus.weblog_check(parameters, 'ids');
    named := msgstatus.weblog_texts(parameters, 'ids');
    IF EXISTS (SELECT FROM unnest(named) AS n WHERE btrim(n) !~ '^[0-9]{1,18}$') OR cardinality(named) > 1000 THEN
        RAISE invalid_parameter_value USING MESSAGE = 'parameter "ids" must hold at most 1000 numbers of dead letters';
    -- An empty list names no dead letters, and does not stand for all of them.
    ELSIF named IS NULL AND parameters ? 'ids' THEN
        RAISE invalid_parameter_value USING MESSAGE = 'parameter "ids" names no dead letter', HINT = 'Leave it out to replay all of them.';
    END IF;
    ids := named::bigint[];
    result := msgstatus.replay_rejected(ids);
    result := jsonb_build_object('replayed', result -> 'replayed', 'applied', result -> 'applied', 'unchanged', result -> 'unchanged',
        'still_rejected', result -> 'rejected');
    RETURN (result, 'replay', result || jsonb_build_object('ids', to_jsonb(ids[:100])), (result ->> 'replayed')::bigint)::msgstatus.weblog_action;
END
$$;
COMMENT ON FUNCTION msgstatus.act_weblog_replay(jsonb) IS 'What weblog_replay() does';

CREATE FUNCTION msgstatus.weblog_replay(parameters jsonb DEFAULT '{}') RETURNS jsonb
    LANGUAGE c SET search_path = pg_catalog, pg_temp AS 'MODULE_PATHNAME', 'act_and_record';
COMMENT ON FUNCTION msgstatus.weblog_replay(jsonb) IS
    'For the web log: applies dead letters again, those with the ids or the 1000 oldest, and records it in action_log; 22023 for parameters that mean nothing';
