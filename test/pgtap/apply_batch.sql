-- apply_message_status_batch: many bodies at once, each with its receipt and source, a row of counts for each in order.
BEGIN;
\ir include/helpers.psql
SELECT no_plan();

SELECT results_eq($$SELECT * FROM msgstatus.apply_message_status_batch(
    ARRAY['{"id": "a", "status": "sent", "timestamp": 1733832000}', '[]', '{"id": "a", "status": "gone"}', NULL,
        '[{"id": "a", "status": "sent", "timestamp": 1733832000}, {"id": "b", "status": "read"}, {"field": "calls", "value": {}}]']::jsonb[],
    ARRAY['2024-12-10 12:02Z', now(), '2024-12-10 12:00Z', now(), '2024-12-10 12:01Z']::timestamptz[],
    ARRAY['one', 'two', 'three', NULL, 'five'])$$,
    $$VALUES (1, 0, 1, 0, 0), (0, 0, 0, 0, 0), (1, 0, 0, 1, 0), (0, 0, 0, 0, 0), (2, 2, 0, 0, 1)$$, 'counts of each; of a repetition the earliest is new');
SELECT is(events('a'), '[{"state": "sent", "at": "2024-12-10T12:00:00", "received_at": "2024-12-10T12:01:00", "source": "five"}]');
SELECT is(status('b'), '{"read": "2024-12-10T12:01:00Z"}', 'each body has its own time of receipt');
SELECT is((SELECT source FROM msgstatus.rejected_status), 'three');

SELECT is_empty($$SELECT * FROM msgstatus.apply_message_status_batch('{}', '{}', '{}')$$, 'no body at all');
SELECT is_empty($$SELECT * FROM msgstatus.apply_message_status_batch(NULL, '{}', '{}')$$, 'NULL');
SELECT throws_ok($$SELECT * FROM msgstatus.apply_message_status_batch('{1}', '{}', '{NULL}')$$, '2202E', NULL, 'arrays of different lengths');
SELECT throws_ok($$SELECT * FROM msgstatus.apply_message_status_batch('{1}', '{NULL}', '{}')$$, '2202E');
SELECT throws_ok($$SELECT * FROM msgstatus.apply_message_status_batch('{{1,2},{3,4}}', '{NULL,NULL,NULL,NULL}', '{NULL,NULL,NULL,NULL}')$$, '2202E',
    NULL, 'arrays of two dimensions');
SELECT lives_ok($$SELECT * FROM msgstatus.apply_message_status_batch('[3:3]={1}', '[7:7]={NULL}', '[-1:-1]={NULL}')$$, 'arrays that begin elsewhere');
SELECT is((SELECT received_at FROM msgstatus.rejected_status ORDER BY rejected_id DESC LIMIT 1), now(), 'no time of receipt: now');

SELECT is((SELECT sum(applied) FROM msgstatus.apply_message_status_batch(
    (SELECT array_agg(jsonb_build_object('id', 'many' || n % 500, 'status', 'sent', 'timestamp', 1733832000 + n % 2)) FROM generate_series(1, 3000) AS n),
    array_fill(now(), '{3000}'), array_fill(NULL::text, '{3000}'))), 500::bigint, '3,000 bodies of 500 observations');

-- Observations that differ in nothing but the state have the same digest. So the digest of one must not stand for another's.
CREATE FUNCTION told(id text, VARIADIC details jsonb[]) RETURNS jsonb LANGUAGE sql AS $$
    SELECT jsonb_agg(d || jsonb_build_object('id', id, 'timestamp', 1733832000) ORDER BY n) FROM unnest(details) WITH ORDINALITY AS u (d, n)
$$;
SELECT is(counts(told('plain first', '{"status": "read"}', '{"status": "sent"}')), '2 2 0 0 0');
SELECT counts(told('plain first', '{"status": "read", "x": 1}', '{"status": "sent"}'));
SELECT counts(told('plain last', '{"status": "read", "x": 1}', '{"status": "sent"}'));
SELECT counts(told('plain last', '{"status": "read"}', '{"status": "sent"}'));
SELECT is(events('plain first'), '[{"state": "sent", "at": "2024-12-10T12:00:00"}, {"state": "read", "at": "2024-12-10T12:00:00", "detail": {"x": 1}}]',
    'of two repetitions with the same receipt the one with a detail stays, where another state''s event was told without one');
SELECT is(events('plain last'), events('plain first'), 'in either order');

SELECT finish();
ROLLBACK;
