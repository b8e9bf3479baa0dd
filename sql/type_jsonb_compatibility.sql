-- A query written for the common column `status jsonb` gives the same answer on a column of type message_status.
SET search_path = public, msgstatus;
SET timezone = 'UTC';
SET datestyle = 'ISO';

-- Full timelines: whoever reached a state has everything that it implies on record, no later.
CREATE TABLE as_jsonb (id integer PRIMARY KEY, status jsonb);
INSERT INTO as_jsonb
SELECT i, jsonb_strip_nulls(jsonb_build_object(
           'queued', to_char(t, f),
           'sent', CASE WHEN i % 10 > 0 THEN to_char(t + interval '1 second', f) END,
           'failed', CASE WHEN i % 10 IN (2, 9) THEN to_char(t + interval '2 seconds', f) END,
           'delivered', CASE WHEN i % 10 > 3 THEN to_char(t + interval '5 seconds', f) END,
           'read', CASE WHEN i % 10 > 6 THEN to_char(t + interval '1 minute', f) END))
FROM generate_series(1, 1000) AS i,
     LATERAL (SELECT timestamp '2024-12-10 10:30:00' + i * 7919 % 1000 * interval '1 minute' AS t,
                     'YYYY-MM-DD"T"HH24:MI:SS"Z"' AS f) AS c;
INSERT INTO as_jsonb VALUES (0, '{}'), (-1, NULL);
CREATE TABLE as_status (id integer PRIMARY KEY, status message_status);
INSERT INTO as_status SELECT id, status::message_status FROM as_jsonb;

CREATE TABLE asked (n integer GENERATED ALWAYS AS IDENTITY, query text);
INSERT INTO asked (query) VALUES
    ($$SELECT id FROM messages WHERE status ? 'delivered'$$),
    ($$SELECT id FROM messages WHERE NOT status ? 'read' AND status ? 'sent'$$),
    ($$SELECT id FROM messages WHERE status ?| array['read', 'failed']$$),
    ($$SELECT id FROM messages WHERE status ?| '{failed,undelivered}'$$),
    ($$SELECT id FROM messages WHERE status ?& array['sent', 'delivered']$$),
    ($$SELECT id FROM messages WHERE status ?& '{}'$$),
    ($$SELECT id FROM messages WHERE status ?| '{}'$$),
    ($$SELECT id FROM messages WHERE status ? 'no such state'$$),
    ($$SELECT id, status ? 'delivered', status ? NULL FROM messages$$),
    ($$SELECT id, (status->>'read')::timestamptz FROM messages$$),
    ($$SELECT id, status->>'delivered' FROM messages$$),
    ($$SELECT id, status->>'no such state' FROM messages$$),
    ($$SELECT id FROM messages WHERE status->'read' IS NULL$$),
    ($$SELECT id FROM messages WHERE status->'read' IS NOT NULL$$),
    ($$SELECT id FROM messages WHERE status->>'read' IS NOT NULL AND status->'played' IS NULL$$),
    ($$SELECT id FROM messages WHERE (status->>'read')::timestamptz >= '2024-12-10 18:00:00+00'$$),
    ($$SELECT id FROM messages WHERE status->>'sent' < '2024-12-10T12:00:00Z'$$),
    ($$SELECT id, (status->>'read')::timestamptz - (status->>'sent')::timestamptz FROM messages$$),
    ($$SELECT date_trunc('hour', (status->>'delivered')::timestamptz), count(*) FROM messages GROUP BY 1$$),
    ($$SELECT id, row_number() OVER (ORDER BY status->'read', id) FROM messages$$),
    ($$SELECT count(*) FILTER (WHERE status ? 'sent'), count(*) FILTER (WHERE status ? 'read'), count(status->'read') FROM messages$$),
    ($$SELECT avg(extract(epoch FROM (status->>'delivered')::timestamptz - (status->>'sent')::timestamptz)) FROM messages$$),
    ($$SELECT CASE WHEN status ? 'read' THEN 'read' WHEN status ? 'delivered' THEN 'delivered' WHEN status ? 'failed' THEN 'failed'
                   WHEN status ? 'sent' THEN 'sent' ELSE 'other' END, count(*) FROM messages GROUP BY 1$$),
    ($$SELECT id, status::jsonb FROM messages$$),
    ($$SELECT id, key, value FROM messages, jsonb_each_text(status::jsonb)$$),
    ($$SELECT a.id, b.id FROM messages a JOIN messages b USING (id) WHERE a.status @> b.status AND a.status <@ b.status$$),
    ($$SELECT a.id, b.id FROM messages a JOIN messages b ON a.status = b.status$$),
    ($$SELECT id FROM messages WHERE status @> '{"sent": "2024-12-10T10:31:01Z"}' AND status->>'sent' >= '2024-12-10T10:31:01Z'$$),
    ($$SELECT id, (status || '{"played": "2024-12-24T00:00:00Z"}') ->> 'played' FROM messages$$),
    ($$SELECT id, coalesce(status, '{}') ? 'sent' FROM messages$$);
INSERT INTO asked (query)
SELECT format('SELECT id, status ? %L, status ->> %1$L, (status ->> %1$L)::timestamptz, status -> %1$L IS NULL FROM messages', state)
FROM unnest('{processing,received,pending,scheduled,accepted,queued,sending,sent,partially_delivered,skipped,canceled,failed,
              undelivered,delivered,read,played}'::text[]) AS state;

CREATE FUNCTION answer(query text, messages text, OUT rows bigint, OUT content text) LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('SELECT count(*), string_agg(md5(r::text), '','' ORDER BY r::text COLLATE "C") FROM (%s) AS r',
                   replace(query, 'messages', messages)) INTO rows, content;
END $$;
-- Rows that differ from one table to the other would show here.
SELECT n, query, j.rows, s.rows FROM asked, answer(query, 'as_jsonb') AS j, answer(query, 'as_status') AS s
WHERE j.rows IS DISTINCT FROM s.rows OR j.content IS DISTINCT FROM s.content ORDER BY n;
-- And the questions are not empty ones.
SELECT count(*), count(*) FILTER (WHERE rows = 0) AS "without answer", min(rows) FILTER (WHERE rows > 0), max(rows)
FROM asked, answer(query, 'as_status');

-- What differs is wanted: a read that came without delivered counts as delivered, and containment and merge go by the
-- earlier time.
SELECT '{"read": "2024-12-10T10:31:00Z"}'::jsonb ? 'delivered' AS jsonb, '{"read": "2024-12-10T10:31:00Z"}'::message_status ? 'delivered' AS status;
SELECT '{"sent": "2024-12-10T10:30:00Z"}'::jsonb @> '{"sent": "2024-12-10T10:30:01Z"}' AS jsonb,
       '{"sent": "2024-12-10T10:30:00Z"}'::message_status @> '{"sent": "2024-12-10T10:30:01Z"}' AS status;

DROP TABLE as_jsonb, as_status, asked;
DROP FUNCTION answer(text, text);
