-- Event times in every form, and what takes the place of one that cannot be true.
BEGIN;
\ir include/helpers.psql
SELECT no_plan();

-- Returns the time of the event and its source, of a status object received at noon with the timestamp given as JSON.
CREATE FUNCTION told(at text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    id text := 'wamid.' || md5(random()::text);
BEGIN
    PERFORM counts(format('{"id": "%s", "status": "sent", "timestamp": %s}', id, at)::jsonb);
    RETURN (SELECT concat(e.event_time AT TIME ZONE 'UTC', ' ', e.time_source)
        FROM msgstatus.status_event AS e WHERE e.message_id = id);
END
$$;

SELECT is(told(at), expected || ' provider', at) FROM (VALUES
    ('"1733831990"', '2024-12-10 11:59:50'),
    ('1733831990', '2024-12-10 11:59:50'),
    ('1733831990.25', '2024-12-10 11:59:50.25'),
    ('1.73383199e9', '2024-12-10 11:59:50'),
    ('"1733831990.5"', '2024-12-10 11:59:50.5'),
    ('1733831990123', '2024-12-10 11:59:50.123'),
    ('"1733831990123"', '2024-12-10 11:59:50.123'),
    ('1733831990123456', '2024-12-10 11:59:50.123456'),
    ('"1733831990123456"', '2024-12-10 11:59:50.123456'),
    ('" 1733831990 "', '2024-12-10 11:59:50'),
    ('"2024-12-10T11:59:50Z"', '2024-12-10 11:59:50'),
    ('"2024-12-10T17:29:50.123+05:30"', '2024-12-10 11:59:50.123'),
    ('"2024-12-10T06:59:50-0500"', '2024-12-10 11:59:50'),
    ('"2024-12-10 11:59:50.1234567"', '2024-12-10 11:59:50.123456'),
    ('"Tue, 10 Dec 2024 11:59:50 +0000"', '2024-12-10 11:59:50'),
    ('"10 Dec 2024 12:59:50 +0100"', '2024-12-10 11:59:50'),
    ('"Tue, 10 Dec 2024 11:59:50 GMT"', '2024-12-10 11:59:50'),
    -- The edges of what can be true: from 2000 on, up to a day after the receipt at noon.
    ('946684800', '2000-01-01 00:00:00'),
    ('"2024-12-11T12:00:00Z"', '2024-12-11 12:00:00'),
    ('"2024-12-11T12:00:00.000000Z"', '2024-12-11 12:00:00')
) AS t (at, expected);

SELECT is(told(at), '2024-12-10 12:00:00 receipt', at) FROM unnest(ARRAY[
    '""', '"abc"', '-1', '"-1"', '0', '"0"', '1e30', '"1e30"', '1e-30', '"NaN"', '"Infinity"', '"-infinity"', '"now"', '"today"',
    '"99999-01-01T00:00:00Z"', '"9999-12-31T23:59:59Z"', '253402300799', '"0001-01-01T00:00:00Z"', '"2024-13-01T00:00:00Z"',
    '"2024-02-30T00:00:00Z"', '"2024-12-10"', '"2024-12-10T25:00:00Z"', '"Tue, 32 Dec 2024 11:59:50 +0000"', '"10/12/2024"',
    '946684799', '"1999-12-31T23:59:59.999999Z"', '"2024-12-11T12:00:00.000001Z"', '1733918401', '99999999999999999999999999',
    '"1733831990x"', '"1,733,831,990"', '"0x6758"', 'null', 'true', 'false', '[]', '[1733831990]', '{}', '{"seconds": 1733831990}',
    '"\u00a0"', '"１７３３８３１９９０"', repeat('9', 1000), '"' || repeat('1', 100000) || '"', '-0', '0.000001'
]) AS at;

-- A text in place of a time is kept.
SELECT is(counts('{"id": "wamid.k", "status": "sent", "timestamp": "soon", "more": 1}'), '1 1 0 0 0');
SELECT is(events('wamid.k'), '[{"state": "sent", "at": "2024-12-10T12:00:00", "time_source": "receipt",
    "detail": {"timestamp": "soon", "more": 1}}]');
SELECT is(counts('{"id": "wamid.k2", "status": "sent"}'), '1 1 0 0 0', 'no time at all');
SELECT is(events('wamid.k2'), '[{"state": "sent", "at": "2024-12-10T12:00:00", "time_source": "receipt"}]');

-- An observation without a time is the same one whenever it is received; the earliest receipt stays.
SELECT is(counts('{"id": "wamid.r", "status": "sent"}', '2024-12-10 12:00Z', 'b'), '1 1 0 0 0');
SELECT is(counts('{"id": "wamid.r", "status": "sent"}', '2024-12-10 13:00Z', 'c'), '1 0 1 0 0', 'later: nothing new');
SELECT is(counts('{"id": "wamid.r", "status": "sent"}', '2024-12-10 11:00Z', 'a'), '1 1 0 0 0', 'earlier: the status moves');
SELECT is(status('wamid.r'), '{"sent": "2024-12-10T11:00:00Z"}');
SELECT is(events('wamid.r'), '[{"state": "sent", "at": "2024-12-10T11:00:00", "received_at": "2024-12-10T11:00:00",
    "time_source": "receipt", "source": "a"}]');

-- Two different times of one state are two observations.
SELECT is(counts('[{"id": "wamid.t", "status": "sent", "timestamp": 1733832005}, {"id": "wamid.t", "status": "sent", "timestamp": 1733832000},
    {"id": "wamid.t", "status": "sent", "timestamp": "1733832000000"}, {"id": "wamid.t", "status": "sent"}]'), '4 3 1 0 0');
SELECT is(status('wamid.t'), '{"sent": "2024-12-10T12:00:00Z"}');

-- The time of receipt itself.
SELECT is((msgstatus.apply_message_status('{"id": "wamid.n", "status": "sent", "timestamp": 1733832000}') ->> 'applied'), '1');
SELECT is(counts('{"id": "wamid.n", "status": "delivered"}', NULL), '1 1 0 0 0');
SELECT is((SELECT array_agg(received_at = now()) FROM msgstatus.status_event WHERE message_id = 'wamid.n'), '{t,t}',
    'now() by default, and for NULL');
SELECT throws_ok($$SELECT counts('{}', 'infinity')$$, '22008', NULL, 'a receipt at infinity is no content, but a mistake of the caller');
SELECT throws_ok($$SELECT counts('{}', '-infinity')$$, '22008');
SELECT throws_ok($$SELECT counts('{}', now(), repeat('x', 257))$$, '22001', NULL, 'and so is a source beyond its limit');
SELECT lives_ok($$SELECT counts('{}', now(), repeat('x', 256))$$);
SELECT is(counts('{"id": "wamid.old", "status": "sent", "timestamp": 1733832000}', '1990-01-01'), '1 1 0 0 0', 'received long ago');

SELECT finish();
ROLLBACK;
