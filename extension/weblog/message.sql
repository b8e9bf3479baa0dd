-- weblog_message(): everything about one message that the caller may see.

CREATE FUNCTION msgstatus.read_weblog_message(sees_all boolean, parameters jsonb) RETURNS jsonb
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    most CONSTANT integer := 1000;
    hidden CONSTANT text[] := '{content,media_url,metadata,created_by,price,price_unit,num_segments,pricing_category,billable}';
    m msgstatus.message;
    listed jsonb;
    events jsonb;
BEGIN
    PERFORM msgstatus.weblog_check(parameters, 'id');
    -- Who does not see ids finds messages by their stand-ins alone: else ids could be tried.
    SELECT * INTO m FROM msgstatus.message AS f
    WHERE f.message_id = (msgstatus.weblog_ids(sees_all, ARRAY[msgstatus.weblog_text(parameters, 'id')]))[1];
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    listed := msgstatus.weblog_rows(sees_all, ARRAY[m.message_id]) -> 0;
    SELECT COALESCE(jsonb_agg(to_jsonb(h) - 'place' ORDER BY h.place), '[]') INTO events
    FROM (SELECT h.*, row_number() OVER () AS place
        FROM msgstatus.read_message_history(sees_all, CASE WHEN sees_all THEN m.message_id ELSE listed ->> 'link' END) AS h LIMIT most + 1) AS h;
    RETURN listed - '{error_code,error_title,error_meaning,retryable}'::text[] || jsonb_build_object(
        'timeline', (
            SELECT COALESCE(jsonb_agg(jsonb_build_object('state', t.state, 'at', t.at, 'observed', t.observed, 'since_previous_ms', t.since)
                ORDER BY t.at, t.state), '[]')
            FROM (
                SELECT r.state, r.at, r.observed, (extract(epoch FROM r.at - lag(r.at) OVER (ORDER BY r.at, r.state)) * 1000)::bigint AS since
                FROM (SELECT s AS state, msgstatus.reached_at(m.status, s) AS at, msgstatus.observed_at(m.status, s) IS NOT NULL AS observed
                    FROM unnest(msgstatus.delivery_states()) AS s) AS r
                WHERE r.at IS NOT NULL
            ) AS t),
        'events', CASE WHEN jsonb_array_length(events) > most THEN events - most ELSE events END,
        'events_cut', jsonb_array_length(events) > most,
        'error', CASE WHEN m.error_code IS NOT NULL OR m.error_title IS NOT NULL OR m.error_details IS NOT NULL THEN (
            SELECT jsonb_build_object('code', m.error_code, 'title', listed -> 'error_title',
                'details', CASE WHEN sees_all THEN m.error_details ELSE msgstatus.mask_numbers(m.error_details) END,
                'at', m.error_at, 'meaning', e.meaning, 'retryable', e.retryable, 'advice', e.advice)
            FROM (SELECT) AS one
            LEFT JOIN msgstatus.error_code_catalog AS e
                ON e.code = m.error_code AND e.provider = CASE m.provider WHEN 'twilio' THEN 'twilio' ELSE 'meta' END) END,
        'raw', m.status::text::jsonb,
        'hidden', CASE WHEN sees_all THEN '[]' ELSE to_jsonb(hidden) END
    ) || (SELECT jsonb_object_agg(h.name, CASE WHEN sees_all THEN to_jsonb(m) -> h.name END) FROM unnest(hidden) AS h (name));
END
$$;
COMMENT ON FUNCTION msgstatus.read_weblog_message(boolean, jsonb) IS 'weblog_message() for the owner of the tables';

CREATE FUNCTION msgstatus.weblog_message(parameters jsonb) RETURNS jsonb
    LANGUAGE c STABLE SET search_path = pg_catalog, pg_temp SET jit = off SET timezone = 'UTC' AS 'MODULE_PATHNAME', 'read_as_owner';
COMMENT ON FUNCTION msgstatus.weblog_message(jsonb) IS
    'For the web log: everything about one message that the caller may see, with its timeline and its trail; NULL if there is none with this id';
