-- message_status: input, output, operators, functions.
SET search_path = public, msgstatus;
SET timezone = 'UTC';
SET datestyle = 'ISO';

-- Text form: canonical whatever comes in.
SELECT '{}'::message_status;
SELECT '{"sent": "2024-12-10T10:30:00Z", "delivered": "2024-12-10T10:30:05.25Z"}'::message_status;
SELECT '{"delivered":"2024-12-10T10:30:05.250000Z","sent":"2024-12-10 12:30:00+02"}'::message_status;
SELECT E' {\n\t"READ" : "2024-12-10T16:00+05:30" , "enqueued":"2024-12-10t10:29:59.123456789z" } '::message_status;
SELECT '{"sent": "2024-12-10T10:30:01Z", "dispatched": "2024-12-10T10:30:00Z", "SENT": "2024-12-10T10:30:02Z"}'::message_status;
SELECT '{"sent": "0001-01-01T00:00:00Z", "read": "9999-12-31T23:59:59.999999Z"}'::message_status;
SELECT '{"processing": "2024-12-10T10:30:00Z", "received": "2024-12-10T10:30:01Z", "pending": "2024-12-10T10:30:02Z",
         "scheduled": "2024-12-10T10:30:03Z", "accepted": "2024-12-10T10:30:04Z", "queued": "2024-12-10T10:30:05Z",
         "sending": "2024-12-10T10:30:06Z", "sent": "2024-12-10T10:30:07Z", "partially_delivered": "2024-12-10T10:30:08Z",
         "skipped": "2024-12-10T10:30:09Z", "canceled": "2024-12-10T10:30:10Z", "failed": "2024-12-10T10:30:11Z",
         "undelivered": "2024-12-10T10:30:12Z", "delivered": "2024-12-10T10:30:13Z", "read": "2024-12-10T10:30:14Z",
         "played": "2024-12-10T10:30:15.000001Z"}'::message_status;
-- The session's settings do not show.
SET timezone = 'Asia/Kathmandu';
SET datestyle = 'German';
SELECT '{"sent": "2024-12-10T10:30:00", "read": "2024-12-10T10:30:05+05:45"}'::message_status;
SET timezone = 'UTC';
SET datestyle = 'ISO';

-- What is refused, and what is said about it.
SELECT ''::message_status;
SELECT '{"sunk": "2024-12-10T10:30:00Z"}'::message_status;
SELECT '{"sent": "soon"}'::message_status;
SELECT ('{"x' || repeat('é', 100) || '": "2024-12-10T10:30:00Z"}')::message_status; -- the message keeps characters whole
SELECT ('{"sent": "x' || repeat('é', 100) || '"}')::message_status;
SELECT ('{' || repeat('é', 100) || '}')::message_status;
\set VERBOSITY sqlstate
SELECT 'null'::message_status;
SELECT '[]'::message_status;
SELECT '{'::message_status;
SELECT '{} {}'::message_status;
SELECT '{"sent"}'::message_status;
SELECT '{"sent": null}'::message_status;
SELECT '{"sent": 1733826600}'::message_status;
SELECT '{"sent": "2024-12-10T10:30:00Z",}'::message_status;
SELECT '{"s\u0065nt": "2024-12-10T10:30:00Z"}'::message_status;
SELECT '{"": "2024-12-10T10:30:00Z"}'::message_status;
SELECT '{"deleted": "2024-12-10T10:30:00Z"}'::message_status;
SELECT '{"sent": ""}'::message_status;
SELECT '{"sent": "1733826600"}'::message_status;
SELECT '{"sent": "infinity"}'::message_status;
SELECT '{"sent": "-infinity"}'::message_status;
SELECT '{"sent": "2024-13-01T00:00:00Z"}'::message_status;
SELECT '{"sent": "2024-02-30T00:00:00Z"}'::message_status;
SELECT '{"sent": "0000-12-31T00:00:00Z"}'::message_status;
SELECT '{"sent": "10000-01-01T00:00:00Z"}'::message_status;
SELECT '{"sent": "9999-12-31T23:59:59-01:00"}'::message_status;
SELECT repeat('{', 1000000)::message_status;
\set VERBOSITY default

-- One observation.
SELECT message_status('read', '2024-12-10 10:30:05.25+00');
SELECT message_status('dispatched', '2024-12-10 10:30:05+02');
SELECT message_status('sent', '0001-01-01 00:00:00+00'), message_status('sent', '9999-12-31 23:59:59.999999+00');
SELECT message_status(NULL, now()), message_status('sent', NULL);
SELECT message_status('sent', 'infinity');
\set VERBOSITY sqlstate
SELECT message_status('sent', '-infinity');
SELECT message_status('sent', '0001-12-31 23:59:59.999999+00 BC');
SELECT message_status('sent', '10000-01-01 00:00:00+00');
SELECT message_status('sent', '4713-01-01 00:00:00+00 BC');
SELECT message_status('sent', '294276-12-31 23:59:59+00');
SELECT message_status('sunk', now());
\set VERBOSITY default

-- Merge: the union, and of two times the earlier.
CREATE TABLE example (name text PRIMARY KEY, status message_status);
INSERT INTO example VALUES
    ('nothing', '{}'),
    ('sent', '{"sent": "2024-12-10T10:30:00Z"}'),
    ('sent later', '{"sent": "2024-12-10T10:30:01Z"}'),
    ('sent, delivered', '{"sent": "2024-12-10T10:30:00Z", "delivered": "2024-12-10T10:30:05Z"}'),
    ('read', '{"read": "2024-12-10T10:31:00Z"}'),
    ('failed', '{"sent": "2024-12-10T10:30:00Z", "failed": "2024-12-10T10:30:02Z"}'),
    ('failed, yet delivered', '{"failed": "2024-12-10T10:30:02Z", "delivered": "2024-12-10T10:30:05Z"}'),
    ('undelivered', '{"undelivered": "2024-12-10T10:30:02Z"}'),
    ('played', '{"sent": "2024-12-10T10:30:00Z", "played": "2024-12-10T10:29:00Z"}'),
    ('incoming', '{"received": "2024-12-10T10:30:00Z"}'),
    ('unknown', NULL);
SELECT a.name, b.name, a.status || b.status AS merged
FROM example AS a, example AS b WHERE a.name IN ('sent later', 'read', 'nothing') ORDER BY a.name, b.name;

-- Containment.
SELECT a.name, string_agg(b.name, '; ' ORDER BY b.name) FILTER (WHERE a.status <@ b.status) AS "is contained in",
       string_agg(b.name, '; ' ORDER BY b.name) FILTER (WHERE a.status @> b.status) AS contains
FROM example AS a, example AS b GROUP BY a.name ORDER BY a.name;

-- Order: by state first; knowing more is greater, and so is knowing it earlier.
SELECT name, state(status) FROM example ORDER BY status;
SELECT a.name AS a, b.name AS b, a.status = b.status AS "=", a.status <> b.status AS "<>", a.status < b.status AS "<",
       a.status <= b.status AS "<=", a.status > b.status AS ">", a.status >= b.status AS ">=",
       sign(message_status_cmp(a.status, b.status)) AS cmp
FROM example AS a, example AS b WHERE a.name LIKE 'sent%' AND b.name LIKE 'sent%' ORDER BY a.name, b.name;

-- What was observed, and what follows from it.
SELECT name, state(status), observed_at(status, 'sent') AS "sent observed", reached_at(status, 'sent') AS "sent reached",
       observed_at(status, 'delivered') AS "delivered observed", reached_at(status, 'delivered') AS "delivered reached",
       reached_at(status, 'read') AS "read reached"
FROM example ORDER BY status;

-- Every implication: a status of one observation, and the states it has reached.
SELECT observed, string_agg(reached::text, ' ' ORDER BY reached) AS reached
FROM unnest('{processing, received, pending, scheduled, accepted, queued, sending, sent, partially_delivered, skipped,
              canceled, failed, undelivered, delivered, read, played}'::delivery_state[]) AS observed,
     unnest('{processing, received, pending, scheduled, accepted, queued, sending, sent, partially_delivered, skipped,
              canceled, failed, undelivered, delivered, read, played}'::delivery_state[]) AS reached
WHERE reached_at(message_status(observed, '2024-12-10 10:30:00+00'), reached) = '2024-12-10 10:30:00+00'
GROUP BY observed ORDER BY observed;

-- The operators that jsonb has too.
SELECT name, status ? 'delivered' AS "? delivered", status ?| '{failed,undelivered}' AS "?| failures",
       status ?& '{sent,delivered}' AS "?& sent, delivered", status -> 'read' AS "-> read", status ->> 'read' AS "->> read"
FROM example ORDER BY status;
SELECT pg_typeof(status -> 'read'), pg_typeof(status ->> 'read') FROM example WHERE name = 'read';
-- A label in another case or a synonym is understood, one that is no state was not reached; no elements: none, all.
SELECT status ? 'READ', status ? 'dispatched', status ? 'sunk', status ? '', status -> 'sunk', status ->> 'sunk',
       status ?| '{}', status ?& '{}', status ?| '{sunk,read}', status ?& '{sunk,read}', status ?| '{NULL}', status ?& '{NULL}',
       status ?& '{NULL,read}', status ?| '{{sunk,sent},{sunk,sunk}}', status ? NULL, status ?| NULL, status ?& NULL
FROM example WHERE name = 'read';
\set VERBOSITY sqlstate
SELECT observed_at('{}', 'sunk');
SELECT reached_at('{}', 'sunk');
\set VERBOSITY default

-- Casts.
SELECT name, status::jsonb FROM example ORDER BY status;
SELECT pg_typeof(status::jsonb), jsonb_typeof(status::jsonb) FROM example WHERE name = 'nothing';
SELECT jsonb '{"delivered": "2024-12-10T10:30:05.25+00:00", "SENT": "2024-12-10 10:30"}'::message_status;
SELECT jsonb '{"enqueued": "2024-12-10T10:30:05Z", "queued": "2024-12-10T10:30:04Z"}'::message_status; -- the earlier
SELECT jsonb '{}'::message_status, NULL::jsonb::message_status;
SELECT jsonb '{"s\u0065nt": "2024-12-10T10\u003a30:00Z"}'::message_status; -- jsonb has taken care of the escapes
SELECT jsonb '[]'::message_status;
SELECT jsonb '{"sunk": "2024-12-10T10:30:05Z"}'::message_status;
SELECT jsonb '{"sent": "soon"}'::message_status;
SELECT jsonb_build_object('x' || repeat('é', 100), now())::message_status;
\set VERBOSITY sqlstate
SELECT jsonb 'null'::message_status;
SELECT jsonb '"sent"'::message_status;
SELECT jsonb '1'::message_status;
SELECT jsonb '[{"sent": "2024-12-10T10:30:05Z"}]'::message_status;
SELECT jsonb '{"sent": null}'::message_status;
SELECT jsonb '{"sent": 1733826600}'::message_status;
SELECT jsonb '{"sent": {"at": "2024-12-10T10:30:05Z"}}'::message_status;
SELECT jsonb '{"sent": ["2024-12-10T10:30:05Z"]}'::message_status;
SELECT jsonb '{"sent": []}'::message_status;
SELECT jsonb '{"sent": "infinity"}'::message_status;
SELECT jsonb '{"sent": "0000-01-01T00:00:00Z"}'::message_status;
-- Neither cast happens by itself.
CREATE TEMPORARY TABLE target (j jsonb, s message_status);
INSERT INTO target (j) SELECT status FROM example;
INSERT INTO target (s) SELECT jsonb '{}';
\set VERBOSITY default

-- Inside arrays, composite values and other JSON.
SELECT ARRAY[status, '{}', NULL], ROW(status, 1), to_jsonb(status) FROM example WHERE name = 'read';
SELECT array_agg(status ORDER BY status) FROM example WHERE name LIKE 'sent%';

DROP TABLE example;
