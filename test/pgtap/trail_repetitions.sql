-- Of the repetitions of an event the same one stays whether they come in one call, in which C++ compares them, or in two, in
-- which SQL does.
BEGIN;
\ir include/helpers.psql
SELECT no_plan();

-- Whatever repetitions may say otherwise, with ties in everything and values that are equal and look different.
CREATE TEMP TABLE repetition AS
SELECT row_number() OVER () AS n, received_at, source,
    jsonb_strip_nulls(jsonb_build_object('MessageStatus', 'failed', 'ErrorCode', '30003', 'To', recipient, 'ErrorMessage', title,
        'ChannelStatusMessage', details)) || detail AS body
FROM unnest('{2024-12-10 12:01Z,2024-12-10 12:02Z}'::timestamptz[]) AS received_at,
    unnest('{NULL,b,B}'::text[]) AS source,
    unnest('{NULL,b,B,ä}'::text[]) AS title,
    unnest('{NULL,b,B}'::text[]) AS details,
    unnest('{+491701234567,+491709999999}'::text[]) AS recipient,
    unnest(ARRAY['{}', '{"x": 1}', '{"x": 1.0}', '{"x": 1.00}', '{"x": "b"}', '{"x": {"y": null}}', '{"x": 1, "y": 1}']::jsonb[]) AS detail;
-- Pairs that differ in few ways, and so come to the last of the comparisons, and pairs of any kind.
CREATE TEMP TABLE pair AS
SELECT row_number() OVER () AS n, a.n AS a, b.n AS b
FROM repetition AS a JOIN repetition AS b ON a.n < b.n AND (
    CASE WHEN a.received_at = b.received_at AND a.source IS NOT DISTINCT FROM b.source
            AND (a.body - '{To,x,y}'::text[] = b.body - '{To,x,y}'::text[]
                OR a.body - '{ErrorMessage,ChannelStatusMessage}'::text[] = b.body - '{ErrorMessage,ChannelStatusMessage}'::text[])
        THEN (a.n * 31 + b.n * 17) % 5 = 0 ELSE (a.n * 7919 + b.n * 104729) % 997 = 0 END);
SELECT cmp_ok((SELECT count(*) FROM pair), '>', 1000::bigint, 'pairs to compare');

-- apply applies one of each pair, a or b, or both, in one call.
CREATE FUNCTION apply(kind text, variadic sides text[]) RETURNS void LANGUAGE sql AS $$
    SELECT msgstatus.apply_message_status_batch(array_agg(r.body || jsonb_build_object('MessageSid', kind || p.n) ORDER BY p.n, side),
        array_agg(r.received_at ORDER BY p.n, side), array_agg(r.source ORDER BY p.n, side))
    FROM pair AS p, unnest(sides) AS side JOIN repetition AS r ON true
    WHERE r.n = CASE side WHEN 'a' THEN p.a ELSE p.b END
$$;
SELECT apply('once', 'a', 'b');
SELECT apply('forth', 'a');
SELECT apply('forth', 'b');
SELECT apply('back', 'b');
SELECT apply('back', 'a');
CREATE FUNCTION kept(kind text) RETURNS SETOF text LANGUAGE sql AS $$
    SELECT concat_ws(' ', substr(e.message_id, length(kind) + 1), e.digest, e.received_at, e.source, e.error_title, e.error_details, e.detail)
    FROM msgstatus.status_event AS e WHERE e.message_id ~ ('^' || kind || '\d+$')
$$;
SELECT cmp_ok((SELECT count(*) FROM pair JOIN repetition AS a ON a.n = pair.a JOIN repetition AS b ON b.n = pair.b
    WHERE (a.received_at, a.source, a.body - '{ErrorMessage,ChannelStatusMessage}'::text[])
            IS NOT DISTINCT FROM (b.received_at, b.source, b.body - '{ErrorMessage,ChannelStatusMessage}'::text[])
        AND (COALESCE(a.body ->> 'ErrorMessage', '') < COALESCE(b.body ->> 'ErrorMessage', '') COLLATE "C")
            <> (COALESCE(a.body ->> 'ChannelStatusMessage', '') < COALESCE(b.body ->> 'ChannelStatusMessage', '') COLLATE "C")), '>', 10::bigint,
    'some in which the texts say the opposite');
SELECT is((SELECT count(*) FROM kept(kind)), (SELECT count(*) FROM pair), 'one event each ' || kind) FROM unnest('{once,forth,back}'::text[]) AS kind;
SELECT is_empty($$(SELECT kept('forth') EXCEPT SELECT kept('once')) LIMIT 5$$, 'in two calls as in one');
SELECT is_empty($$(SELECT kept('back') EXCEPT SELECT kept('once')) LIMIT 5$$, 'and in the other order');

SELECT finish();
ROLLBACK;
