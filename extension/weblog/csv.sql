-- The log as CSV (RFC 4180), page by page, so that memory does not grow with the number of rows.

-- A spreadsheet takes a text that begins like this for a formula. The apostrophe makes it a text again. A field with anything but
-- letters, digits and a few signs is quoted, because a spreadsheet may divide it at other signs than the comma.
--
-- The bodies are parsed when the functions are made, so that queries can inline them.
CREATE FUNCTION msgstatus.weblog_csv_field(words text) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    BEGIN ATOMIC
        SELECT CASE
            WHEN words OPERATOR(pg_catalog.~) '[^A-Za-z0-9_.:+''@-]' THEN pg_catalog.concat('"',
                CASE WHEN words OPERATOR(pg_catalog.~) '^[=+@\t\r\n＝＋－＠-]' THEN '''' END, pg_catalog.replace(words, '"', '""'), '"')
            WHEN words OPERATOR(pg_catalog.~) '^[+@-]' THEN pg_catalog.concat('''', words)
            ELSE COALESCE(words, '')
        END;
    END;
COMMENT ON FUNCTION msgstatus.weblog_csv_field(text) IS
    'A field of CSV; a text that a spreadsheet would take for a formula begins with an apostrophe';

CREATE FUNCTION msgstatus.weblog_csv_header() RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
    SELECT E'message_id,created_at,provider,direction,sender,recipient,type,campaign,state,sent_at,delivered_at,read_at,failed_at,'
        'error_code,error_title,updated_at\r\n'
$$;
COMMENT ON FUNCTION msgstatus.weblog_csv_header() IS 'For the web log: the first line of the CSV of messages';

CREATE FUNCTION msgstatus.weblog_csv_line(r msgstatus.message_log_row) RETURNS text
    LANGUAGE sql STABLE
    BEGIN ATOMIC
        SELECT pg_catalog.concat(
            msgstatus.weblog_csv_field((r).message_id), ',',
            pg_catalog.to_jsonb((r).created_at) OPERATOR(pg_catalog.#>>) '{}', ',',
            msgstatus.weblog_csv_field((r).provider), ',', msgstatus.weblog_csv_field((r).direction), ',',
            msgstatus.weblog_csv_field((r).sender), ',', msgstatus.weblog_csv_field((r).recipient), ',',
            msgstatus.weblog_csv_field((r).message_type), ',', (r).campaign_id, ',', (r).state, ',',
            pg_catalog.to_jsonb((r).sent_at) OPERATOR(pg_catalog.#>>) '{}', ',',
            pg_catalog.to_jsonb((r).delivered_at) OPERATOR(pg_catalog.#>>) '{}', ',',
            pg_catalog.to_jsonb((r).read_at) OPERATOR(pg_catalog.#>>) '{}', ',',
            pg_catalog.to_jsonb((r).failed_at) OPERATOR(pg_catalog.#>>) '{}', ',', (r).error_code, ',',
            msgstatus.weblog_csv_field((r).error_title), ',',
            pg_catalog.to_jsonb((r).updated_at) OPERATOR(pg_catalog.#>>) '{}', E'\r\n');
    END;
COMMENT ON FUNCTION msgstatus.weblog_csv_line(msgstatus.message_log_row) IS 'A line of the CSV of messages';

CREATE FUNCTION msgstatus.read_weblog_csv_page(sees_all boolean, parameters jsonb) RETURNS jsonb
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    request msgstatus.weblog_request;
    found msgstatus.message_log_row[];
    last msgstatus.message_log_row;
BEGIN
    PERFORM msgstatus.weblog_check(parameters, VARIADIC msgstatus.weblog_filter_names() || '{sort,limit,cursor}'::text[]);
    request := msgstatus.weblog_request(sees_all, jsonb '{"limit": 1000}' || parameters, 10000);
    found := ARRAY(SELECT p FROM msgstatus.weblog_page(sees_all, request) AS p);
    last := found[cardinality(found)];
    RETURN jsonb_build_object(
        'lines', ARRAY(SELECT msgstatus.weblog_csv_line(p) FROM unnest(found) AS p),
        'next', CASE WHEN cardinality(found) = request.page_size THEN msgstatus.weblog_cursor(last.state, last.created_at,
            (msgstatus.weblog_ids(sees_all, ARRAY[last.message_id]))[1]) END);
END
$$;
COMMENT ON FUNCTION msgstatus.read_weblog_csv_page(boolean, jsonb) IS 'weblog_csv_page() for the owner of the tables';

CREATE FUNCTION msgstatus.weblog_csv_page(parameters jsonb DEFAULT '{}') RETURNS jsonb
    LANGUAGE c STABLE SET search_path = pg_catalog, pg_temp SET jit = off SET random_page_cost = 1.1 SET timezone = 'UTC'
    AS 'MODULE_PATHNAME', 'read_as_owner';
COMMENT ON FUNCTION msgstatus.weblog_csv_page(jsonb) IS
    'For the web log: the lines of CSV of a page of messages, up to 10,000, and the cursor of the next page; raises what weblog_messages() raises';

CREATE FUNCTION msgstatus.weblog_csv(parameters jsonb DEFAULT '{}') RETURNS SETOF text
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    page jsonb;
BEGIN
    LOOP
        page := msgstatus.weblog_csv_page(parameters);
        RETURN QUERY SELECT l FROM jsonb_array_elements_text(page -> 'lines') AS l;
        EXIT WHEN page ->> 'next' IS NULL;
        parameters := parameters || jsonb_build_object('cursor', page -> 'next');
    END LOOP;
END
$$;
COMMENT ON FUNCTION msgstatus.weblog_csv(jsonb) IS
    'The lines of CSV of all messages under a filter of the web log, without the header; the server keeps what does not fit into work_mem on disk';
