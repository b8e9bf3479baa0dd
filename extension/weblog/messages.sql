-- weblog_messages(), a page of the log, and weblog_changes(), what has changed since.

CREATE FUNCTION msgstatus.read_weblog_messages(sees_all boolean, parameters jsonb) RETURNS jsonb
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    request msgstatus.weblog_request;
    wanted bigint;
    found msgstatus.message_log_row[];
    ids text[];
    is_last boolean;
BEGIN
    PERFORM msgstatus.weblog_check(parameters, VARIADIC msgstatus.weblog_filter_names() || '{sort,limit,cursor}'::text[]);
    request := msgstatus.weblog_request(sees_all, parameters);
    wanted := request.page_size;
    -- One more tells whether there is a next page.
    request.page_size := wanted + 1;
    found := ARRAY(SELECT p FROM msgstatus.weblog_page(sees_all, request) AS p);
    is_last := cardinality(found) <= wanted;
    found := found[:wanted];
    ids := msgstatus.weblog_ids(sees_all, ARRAY(SELECT p.message_id FROM unnest(found) AS p));
    RETURN jsonb_build_object(
        'messages', msgstatus.weblog_rows(sees_all, ids),
        'next', CASE WHEN NOT is_last THEN msgstatus.weblog_cursor((found[wanted]).state, (found[wanted]).created_at, ids[wanted]) END,
        'read_at', now());
END
$$;
COMMENT ON FUNCTION msgstatus.read_weblog_messages(boolean, jsonb) IS 'weblog_messages() for the owner of the tables';

CREATE FUNCTION msgstatus.weblog_messages(parameters jsonb DEFAULT '{}') RETURNS jsonb
    -- As message_log(), with whose queries it finds messages.
    LANGUAGE c STABLE SET search_path = pg_catalog, pg_temp SET jit = off SET random_page_cost = 1.1 SET timezone = 'UTC'
    AS 'MODULE_PATHNAME', 'read_as_owner';
COMMENT ON FUNCTION msgstatus.weblog_messages(jsonb) IS
    'For the web log: a page of the messages under a filter, newest first or by state, and the cursor of the next page; 22023 for parameters that mean nothing, 42501 and 55000 as message_log()';

-- A call that was still running when the page was read brings messages and changes that are older than the page. So this looks
-- back for some seconds more; what the page shows is told by its ids. Changes that an earlier answer brought are left out, but for
-- those of half a minute: a call of the receiver takes 10 seconds at most (statement-timeout), so none commits later than that.
CREATE FUNCTION msgstatus.read_weblog_changes(sees_all boolean, parameters jsonb) RETURNS jsonb
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    most CONSTANT integer := 100;
    looked_at CONSTANT integer := 20000;
    request msgstatus.weblog_request;
    since timestamptz;
    changed_since timestamptz;
    ids text[];
    changed text[];
    new bigint;
BEGIN
    PERFORM msgstatus.weblog_check(parameters, VARIADIC msgstatus.weblog_filter_names() || '{sort,limit,cursor,since,changed_since,ids}'::text[]);
    since := msgstatus.weblog_time(parameters, 'since') - interval '5 seconds';
    IF since IS NULL THEN
        RAISE invalid_parameter_value USING MESSAGE = 'parameter "since" is missing', HINT = 'Pass the "read_at" of the page.';
    END IF;
    changed_since := GREATEST(since, msgstatus.weblog_time(parameters, 'changed_since') - interval '30 seconds');
    ids := msgstatus.weblog_texts(parameters, 'ids');
    IF cardinality(ids) > 500 THEN
        RAISE invalid_parameter_value USING MESSAGE = 'parameter "ids" must hold at most 500 ids';
    END IF;
    ids := msgstatus.weblog_ids(sees_all, ids);
    request := msgstatus.weblog_request(sees_all, parameters - '{sort,limit,cursor}'::text[]);
    -- Pages ask for this every few seconds. So it looks at the newest messages alone, in order of time, whatever the filter.
    EXECUTE format('
        SELECT count(*) FROM (
            SELECT FROM (SELECT * FROM msgstatus.message WHERE created_at >= $2 ORDER BY created_at DESC LIMIT $5) AS message
            WHERE ($3 IS NULL OR msgstatus.state(status) = ANY ($3)) AND message_id <> ALL ($4) %s
            LIMIT $6) AS m', msgstatus.message_conditions(request.filter))
    INTO new
    USING request.filter, since, request.states, array_remove(ids, NULL), looked_at, most;
    changed := ARRAY(
        SELECT m.message_id FROM unnest(ids) WITH ORDINALITY AS i (id, place)
        JOIN msgstatus.message AS m ON m.message_id = i.id
        LEFT JOIN msgstatus.message_check AS c ON c.message_id = m.message_id
        WHERE m.updated_at >= changed_since OR c.checked_at >= changed_since ORDER BY i.place);
    RETURN jsonb_build_object(
        'new', new,
        -- As a rule nothing has changed. Planning the query of the rows would be half of the work.
        'changed', CASE WHEN cardinality(changed) = 0 THEN '[]' ELSE msgstatus.weblog_rows(sees_all, changed) END,
        'read_at', now());
END
$$;
COMMENT ON FUNCTION msgstatus.read_weblog_changes(boolean, jsonb) IS 'weblog_changes() for the owner of the tables';

CREATE FUNCTION msgstatus.weblog_changes(parameters jsonb) RETURNS jsonb
    LANGUAGE c STABLE SET search_path = pg_catalog, pg_temp SET jit = off SET random_page_cost = 1.1 SET timezone = 'UTC'
    AS 'MODULE_PATHNAME', 'read_as_owner';
COMMENT ON FUNCTION msgstatus.weblog_changes(jsonb) IS
    'For the web log: how many messages under a filter are new since a time, 100 at most, and which of the shown ones have changed; 22023 for parameters that mean nothing, 42501 as message_log()';
