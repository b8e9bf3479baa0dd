-- weblog_stats and weblog_volumes agree with message_stats and with the views; CSV is that of RFC 4180, and costs the same memory at any
-- size.
BEGIN;
\ir include/helpers.psql
SELECT no_plan();

SELECT is(msgstatus.weblog_stats(), '{"total": 0, "received": 0, "attempted": 0, "sent": 0, "delivered": 0, "read": 0, "failed": 0, "pending": 0,
    "success_rate": null, "delivery_rate": null, "read_rate": null, "states": {}}', 'nothing there yet');
SELECT is((SELECT sum((b -> 'total')::bigint) FROM jsonb_array_elements(msgstatus.weblog_volumes() -> 'buckets') AS b), 0::numeric);

-- A message an hour for ten days, of every state, provider and direction.
INSERT INTO msgstatus.message (message_id, created_at, provider, direction, message_type, recipient, metadata, status)
SELECT 'm' || n, date_trunc('hour', now(), 'UTC') - n * interval '53 minutes', (ARRAY['meta', 'twilio', NULL])[n % 3 + 1], (ARRAY['outbound', 'outbound', 'inbound', NULL])[n % 4 + 1],
    (ARRAY['text', 'image'])[n % 2 + 1], '+4917' || n % 10 || '0000', jsonb_build_object('n', n),
    CASE WHEN n % 17 = 0 THEN '{}'::msgstatus.message_status ELSE msgstatus.message_status((msgstatus.delivery_states())[n % 17], now() - n * interval '53 minutes') END
        OPERATOR(msgstatus.||) CASE WHEN n % 5 = 0 THEN msgstatus.message_status('sent', now() - n * interval '53 minutes') ELSE '{}' END
FROM generate_series(1, 300) AS n;
SELECT msgstatus.rebuild_rollups();

CREATE FUNCTION agrees(p jsonb) RETURNS text LANGUAGE sql AS $$
    SELECT is((SELECT array_agg(msgstatus.weblog_stats(p) ->> k ORDER BY k) FROM unnest('{total,attempted,delivered,read,failed,success_rate,delivery_rate,read_rate}'::text[]) AS k),
        (SELECT array_agg(to_jsonb(s) ->> k ORDER BY k) FROM msgstatus.message_stats(p ->> 'state', p ->> 'type', p ->> 'provider', p ->> 'direction', p ->> 'recipient', NULL,
            (p ->> 'from')::timestamptz, (p ->> 'to')::timestamptz, p ->> 'text') AS s, unnest('{total,attempted,delivered,read,failed,success_rate,delivery_rate,read_rate}'::text[]) AS k),
        'as message_stats: ' || p::text)
$$;
CREATE TEMP TABLE filter AS SELECT p FROM unnest(ARRAY['{}', '{"provider": "meta"}', '{"direction": "inbound"}', '{"direction": "outbound", "type": "text"}', '{"recipient": "+49171"}', '{"text": "n"}']::jsonb[]
    || ARRAY[jsonb_build_object('from', now() - interval '50 hours 10 minutes', 'to', now() - interval '3 hours 20 minutes'),
        jsonb_build_object('from', now() - interval '50 minutes', 'to', now() - interval '20 minutes'),
        jsonb_build_object('from', now() - interval '100 hours', 'provider', 'twilio'), jsonb_build_object('to', now() - interval '100 hours')]) AS p;
SELECT agrees(p) FROM filter;
SELECT agrees(p || jsonb_build_object('state', s)) FROM filter, unnest(msgstatus.delivery_states()) AS s WHERE p <> '{"text": "n"}';
UPDATE msgstatus.maintenance SET purged_before = date_trunc('hour', now(), 'UTC') - interval '100 hours';
SELECT agrees(p) FROM filter;
UPDATE msgstatus.maintenance SET purged_before = '-infinity';

-- Several states are the sum of each; sent and pending, counted from the messages.
SELECT is((msgstatus.weblog_stats('{"state": ["read", "failed", "sent"]}') -> k)::bigint, (SELECT sum((msgstatus.weblog_stats(jsonb_build_object('state', s)) -> k)::bigint) FROM unnest('{read,failed,sent}'::text[]) AS s)::bigint, k)
FROM unnest('{total,received,attempted,delivered,read,failed,pending}'::text[]) AS k;
SELECT is((msgstatus.weblog_stats(p) -> 'sent')::bigint, (SELECT count(*) FROM msgstatus.message WHERE msgstatus.reached_at(status, 'sent') IS NOT NULL AND direction IS DISTINCT FROM 'inbound'
    AND (p -> 'state' IS NULL OR p -> 'state' ? msgstatus.state(status)::text) AND (p -> 'provider' IS NULL OR provider = p ->> 'provider')), 'sent of ' || p::text)
FROM unnest(ARRAY['{}', '{"provider": "meta"}', '{"state": ["read", "sent", "undelivered"]}', '{"state": ["read", "failed", "canceled", "skipped"]}', '{"state": ["queued"]}']::jsonb[]) AS p;
SELECT is(msgstatus.weblog_stats('{"state": ["failed"]}') -> 'sent', 'null', 'which of the failed were sent, the rollups do not know');
SELECT is((msgstatus.weblog_stats() -> 'pending')::bigint, (SELECT count(*) FROM msgstatus.message WHERE msgstatus.state(status) = ANY ('{accepted,queued,sending,sent}'::msgstatus.delivery_state[]) AND direction IS DISTINCT FROM 'inbound'));
SELECT is((msgstatus.weblog_stats() -> 'received')::bigint, (SELECT count(*) FROM msgstatus.message WHERE direction = 'inbound'));
SELECT is(msgstatus.weblog_stats('{"provider": "meta"}') -> 'states', (SELECT jsonb_object_agg(s, n) FROM (SELECT COALESCE(msgstatus.state(status)::text, 'none') AS s, count(*) AS n FROM msgstatus.message WHERE provider = 'meta' GROUP BY 1) AS c), 'by state');

-- By hour, as hourly_message_volume; by day, in any zone; the sums are those of the whole.
SELECT is(msgstatus.weblog_volumes(jsonb_build_object('from', now() - interval '2 days')) ->> 'step', 'hour');
SELECT is(msgstatus.weblog_volumes() ->> 'step', 'day');
SELECT is(jsonb_array_length(msgstatus.weblog_volumes(jsonb_build_object('from', date_trunc('hour', now(), 'UTC') - interval '40 hours', 'to', date_trunc('hour', now(), 'UTC') - interval '20 hours')) -> 'buckets'), 20, 'no hour is left out');
SELECT results_eq($$SELECT (b ->> 'at')::timestamptz, (b -> 'total')::bigint, (b -> 'received')::bigint, (b -> 'sent')::bigint, (b -> 'delivered')::bigint, (b -> 'read')::bigint, (b -> 'failed')::bigint, (b -> 'attempted')::bigint
        FROM jsonb_array_elements(msgstatus.weblog_volumes(jsonb_build_object('from', date_trunc('hour', now(), 'UTC') - interval '40 hours', 'to', date_trunc('hour', now(), 'UTC') - interval '20 hours')) -> 'buckets') AS b WHERE b -> 'total' <> '0' ORDER BY 1$$,
    $$SELECT hour, total_messages, inbound, sent, delivered, read, failed, attempted FROM msgstatus.hourly_message_volume WHERE hour >= date_trunc('hour', now(), 'UTC') - interval '40 hours' AND hour < date_trunc('hour', now(), 'UTC') - interval '20 hours' ORDER BY 1$$, 'as hourly_message_volume');
SELECT results_eq($$SELECT (b ->> 'at')::date, (b -> 'total')::bigint, (b -> 'sent')::bigint, (b ->> 'delivery_rate')::numeric, (b ->> 'read_rate')::numeric
        FROM jsonb_array_elements(msgstatus.weblog_volumes() -> 'buckets') AS b WHERE b -> 'total' <> '0' ORDER BY 1$$,
    $$SELECT date, total_messages, sent, delivery_rate, read_rate FROM msgstatus.message_status_dashboard ORDER BY 1$$, 'as message_status_dashboard');
SET LOCAL TimeZone = 'Asia/Kolkata';
SELECT results_eq($$SELECT (b ->> 'at')::timestamptz, (b -> 'total')::bigint FROM jsonb_array_elements(msgstatus.weblog_volumes('{"zone": "Asia/Kolkata"}') -> 'buckets') AS b WHERE b -> 'total' <> '0' ORDER BY 1$$,
    $$SELECT date::timestamptz, total_messages FROM msgstatus.message_status_dashboard ORDER BY 1$$, 'days of another zone');
SET LOCAL TimeZone = 'UTC';
SELECT is((SELECT sum((b ->> k)::bigint) FROM jsonb_array_elements(msgstatus.weblog_volumes(p) -> 'buckets') AS b)::bigint, (msgstatus.weblog_stats(p) ->> k)::bigint, format('the sum of %s under %s', k, p))
FROM filter, unnest('{total,received,attempted,delivered,read,failed,pending}'::text[]) AS k;
SELECT throws_ok($$SELECT msgstatus.weblog_volumes('{"zone": "Mars"}')$$, '22023', 'there is no time zone "Mars"');
SELECT throws_ok(format('SELECT msgstatus.%s(%L)', f, '{"limit": "5"}'), '22023', 'unknown parameter "limit"') FROM unnest('{weblog_stats,weblog_volumes}'::text[]) AS f;
SELECT is(msgstatus.weblog_volumes('{"from": "2000-01-01", "to": "2000-01-02"}') -> 'buckets' -> 0 -> 'total', '0', 'a time before all messages');

-- Where too many messages would have to be read one by one.
SAVEPOINT many;
INSERT INTO msgstatus.message_rollup (hour, slot, messages) VALUES (date_trunc('hour', now(), 'UTC') - interval '40 days', 7, 100000);
SELECT throws_ok(format('SELECT msgstatus.%s(%L)', f, '{"text": "order"}'), '55000', NULL, f || ' does not search everything')
FROM unnest('{weblog_stats,weblog_volumes,weblog_messages,weblog_csv_page}'::text[]) AS f;
ROLLBACK TO many;
SAVEPOINT many;
INSERT INTO msgstatus.message (message_id, recipient, created_at, status)
SELECT 'same' || n, '+1555' || n, now() - interval '1 day', msgstatus.message_status('sent', now()) FROM generate_series(1, 20001) AS n;
SELECT msgstatus.rebuild_rollups();
SELECT is(msgstatus.weblog_stats('{"recipient": "+1555"}') - '{states,received}'::text[], '{"total": 20001, "attempted": 20001, "sent": null, "delivered": 0, "read": 0, "failed": 0, "pending": null,
    "success_rate": 0.00, "delivery_rate": 0.00, "read_rate": null}', 'many recipients that begin alike');
SELECT is(msgstatus.weblog_volumes('{"recipient": "+1555"}') -> 'too_many', 'true', 'have no chart');
ROLLBACK TO many;

-- CSV.
SELECT is(msgstatus.weblog_csv_field(f), c, 'the field ' || f) FROM (VALUES ('a', 'a'), ('', ''), ('a,b', '"a,b"'), ('a"b', '"a""b"'), (E'a\r\nb', E'"a\r\nb"'), ('a;b', '"a;b"'), ('=1+1', '"''=1+1"'),
    ('+4917', '''+4917'), ('-1', '''-1'), ('@x', '''@x'), (E'\tx', E'"''\tx"'), (E'\rx', E'"''\rx"'), ('a=b', '"a=b"'), ('=cmd|'' /C calc''!A0', '"''=cmd|'' /C calc''!A0"'), ('"=1', '"""=1"'), ('ü', '"ü"')) AS v (f, c);
SELECT is(msgstatus.weblog_csv_field(NULL), '');
SELECT msgstatus.register_message('csv', 'meta', 'outbound', '+4930123456', '+491701234567', E'=1+1,"x"\r\ny', created_by => 'x');
UPDATE msgstatus.message SET created_at = '2024-12-10 12:00Z', updated_at = '2024-12-10 12:00:00.25Z', status = '{"read": "2024-12-10T12:00:00Z"}', error_code = 5 WHERE message_id = 'csv';
SELECT msgstatus.rebuild_rollups();
SELECT is(msgstatus.weblog_csv_header(), E'message_id,created_at,provider,direction,sender,recipient,type,campaign,state,sent_at,delivered_at,read_at,failed_at,error_code,error_title,updated_at\r\n');
SELECT is((SELECT string_agg(l, '') FROM msgstatus.weblog_csv('{"to": "2024-12-11"}') AS l),
    E'csv,2024-12-10T12:00:00+00:00,meta,outbound,''+4930123456,''+491701234567,"''=1+1,""x""\r\ny",,read,2024-12-10T12:00:00+00:00,2024-12-10T12:00:00+00:00,2024-12-10T12:00:00+00:00,,5,,2024-12-10T12:00:00.25+00:00\r\n', 'a line');
SELECT is((SELECT array_agg(split_part(l, ',', 1)) FROM msgstatus.weblog_csv(p || '{"limit": "7"}') AS l), (SELECT array_agg(message_id) FROM msgstatus.message_log(page_size => NULL, provider => p ->> 'provider')), 'all messages, in their order: ' || p::text)
FROM unnest(ARRAY['{}', '{"provider": "twilio"}']::jsonb[]) AS p;
SELECT is_empty($$SELECT * FROM msgstatus.weblog_csv('{"provider": "nobody"}')$$);
SELECT is(jsonb_array_length(msgstatus.weblog_csv_page('{"limit": "7"}') -> 'lines'), 7);
SELECT throws_ok($$SELECT msgstatus.weblog_csv_page('{"limit": "10001"}')$$, '22023');
CREATE ROLE t_analyst;
SELECT msgstatus.grant_access('t_analyst', 'analyst');
SET LOCAL ROLE t_analyst;
SELECT is((SELECT count(*) FROM msgstatus.weblog_csv('{"to": "2024-12-11"}') AS l WHERE l ~ '1701234567'), 0::bigint, 'masked for an analyst');
SELECT is((SELECT count(*) FROM msgstatus.weblog_csv('{"limit": "7"}')), 301::bigint, 'and whole');
RESET ROLE;

-- The memory of the session after many pages is that after a few.
CREATE FUNCTION pg_temp.used_after(pages integer) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    page jsonb;
    parameters jsonb := '{"limit": "10"}';
BEGIN
    FOR n IN 1 .. pages LOOP
        page := msgstatus.weblog_csv_page(parameters);
        parameters := CASE WHEN page ->> 'next' IS NULL THEN '{"limit": "10"}' ELSE parameters || jsonb_build_object('cursor', page -> 'next') END;
    END LOOP;
    RETURN (SELECT sum(total_bytes) FROM pg_backend_memory_contexts);
END
$$;
SELECT pg_temp.used_after(20);
SELECT cmp_ok(pg_temp.used_after(300) - pg_temp.used_after(20), '<', 1000000::bigint, 'memory does not grow with the pages');

SELECT finish();
ROLLBACK;
