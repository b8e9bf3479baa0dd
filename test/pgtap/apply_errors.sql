-- The error shown is that of the earliest failure, ties broken by value; all of them are on record.
BEGIN;
\ir include/helpers.psql
SELECT no_plan();

CREATE FUNCTION failure(id text, at integer, code integer, title text DEFAULT NULL, details text DEFAULT NULL, state text DEFAULT 'failed')
RETURNS jsonb LANGUAGE sql AS $$
    SELECT jsonb_build_object('id', id, 'status', state, 'timestamp', 1733832000 + at, 'errors', jsonb_build_array(
        jsonb_strip_nulls(jsonb_build_object('code', code, 'title', title, 'error_data', jsonb_build_object('details', details)))))
$$;
CREATE FUNCTION error(id text) RETURNS text LANGUAGE sql AS $$
    SELECT concat_ws(' ', error_code, error_title, error_details, to_char(error_at AT TIME ZONE 'UTC', 'SS'))
    FROM msgstatus.message WHERE message_id = id
$$;

SELECT counts(failure('earliest', 5, 1)), counts(failure('earliest', 2, 9)), counts(failure('earliest', 8, 3));
SELECT is(error('earliest'), '9 02', 'the earliest failure');
SELECT is((SELECT count(*) FROM msgstatus.status_event WHERE message_id = 'earliest'), 3::bigint, 'three are on record');

SELECT counts(failure('undelivered', 5, 1)), counts(failure('undelivered', 2, 9, state => 'undelivered'));
SELECT is(error('undelivered'), '9 02', 'of whichever kind');
SELECT is(status('undelivered'), '{"failed": "2024-12-10T12:00:05Z", "undelivered": "2024-12-10T12:00:02Z"}');

SELECT counts(failure('code', 1, 20)), counts(failure('code', 1, 10)), counts(failure('code', 1, 30));
SELECT is(error('code'), '10 01', 'a tie: the smaller code');
SELECT counts(failure('title', 1, 1, 'b')), counts(failure('title', 1, 1, 'B')), counts(failure('title', 1, 1, 'c'));
SELECT is(error('title'), '1 B 01', 'then the smaller title, by its bytes');
SELECT counts(failure('details', 1, 1, 'a', 'y')), counts(failure('details', 1, 1, 'a', 'x'));
SELECT is(error('details'), '1 a x 01', 'then the smaller details');
SELECT counts(failure('zero', 1, 0, 'a')), counts(failure('zero', 1, NULL, 'a'));
SELECT is(error('zero'), 'a 01', 'no code before code 0');
SELECT counts(failure('zero2', 1, NULL, 'a')), counts(failure('zero2', 1, 0, 'a'));
SELECT is(error('zero2'), 'a 01', 'in either order');

SELECT counts('{"id": "silent", "status": "failed", "timestamp": 1733832000}'), counts(failure('silent', 5, 7));
SELECT is(error('silent'), '7 05', 'a failure that says nothing does not hide one that does');

SELECT counts(failure('late', 5, 7)), counts('{"id": "late", "status": "delivered", "timestamp": 1733832000}');
SELECT is(error('late'), '7 05', 'a delivery does not take the error away');
SELECT is((SELECT msgstatus.state(m.status)::text FROM msgstatus.message AS m WHERE m.message_id = 'late'), 'delivered',
    'and beats the failure');
SELECT counts(failure('revive', 5, 7)), counts('{"id": "revive", "status": "sent", "timestamp": 1733832009}');
SELECT is((SELECT msgstatus.state(m.status)::text FROM msgstatus.message AS m WHERE m.message_id = 'revive'), 'failed',
    'a late sent does not revive a failed message');

-- Codes as they may come.
SELECT is(counts(format('{"id": "c%s", "status": "failed", "timestamp": 1, "errors": [{"code": %s, "title": "t"}]}', n, c)::jsonb),
    '1 1 0 0 0', 'code ' || c)
FROM unnest(ARRAY['99999999999', '-1', '1.5', '1e400', 'true', 'null', '"12x"', '""', '[]', '" 7 "']) WITH ORDINALITY AS u (c, n);
SELECT is((SELECT array_agg(error_code ORDER BY length(message_id), message_id) FROM msgstatus.message WHERE message_id ~ '^c\d+$'),
    '{NULL,-1,NULL,NULL,NULL,NULL,NULL,NULL,NULL,7}', 'what is no whole number is no code');

SELECT finish();
ROLLBACK;
