-- delay_histogram: input, output, operators, functions; and the delays of a message.
SET search_path = public, msgstatus;

-- Text form: canonical whatever comes in. Buckets are named by their lower bounds; those that are empty are left out.
SELECT '{}'::delay_histogram;
SELECT '{"sum": 3700000, "buckets": {"972800": 2, "1638400": 1}}'::delay_histogram;
SELECT E' {"sum":-5,\n"buckets" : { "0":-1 , "1000" : 0,"1100":1 } } '::delay_histogram;
SELECT '{"sum": 0, "buckets": {"0": 0}}'::delay_histogram;
SELECT '{"sum": 315537897600000000, "buckets": {"309622474381721600": 1}}'::delay_histogram; -- the longest delay

-- What is refused, and what is said about it.
SELECT ''::delay_histogram;
SELECT '{"sum": 1, "buckets": {"1001": 1}}'::delay_histogram;
SELECT '{"sum": 1, "buckets": {"1000": 9007199254740993}}'::delay_histogram;
SELECT ('{' || repeat('é', 100) || '}')::delay_histogram; -- the message keeps characters whole
\set VERBOSITY sqlstate
SELECT 'null'::delay_histogram;
SELECT '[]'::delay_histogram;
SELECT '{"sum": 1}'::delay_histogram;
SELECT '{"sum": 1.5, "buckets": {}}'::delay_histogram;
SELECT '{"sum": 1, "buckets": {"1000": 1, "1000": 1}}'::delay_histogram;
SELECT '{"sum": 1, "buckets": {"1100": 1, "1000": 1}}'::delay_histogram;
SELECT '{"sum": 1, "buckets": {"-1000": 1}}'::delay_histogram;
SELECT '{"sum": 1, "buckets": {"360287970189639680": 1}}'::delay_histogram; -- longer than any delay
SELECT '{"sum": 99999999999999999999999999999999999999, "buckets": {}}'::delay_histogram;
SELECT '{} {}'::delay_histogram;
SELECT repeat('{', 1000000)::delay_histogram;
\set VERBOSITY default

-- One delay.
SELECT delay_histogram(interval '1.5 seconds'), delay_histogram(interval '0'), delay_histogram(interval '999 microseconds'), delay_histogram(interval '1 millisecond');
SELECT delay_histogram(interval '1 month'), delay_histogram(interval '1 day -1 hour'), delay_histogram(NULL);
SELECT delay_histogram(timestamptz '9999-12-31 23:59:59.999999+00' - timestamptz '0001-01-01 00:00:00+00');
SELECT delay_histogram(interval '-1 microsecond');
\set VERBOSITY sqlstate
SELECT delay_histogram(interval '1 day -25 hours');
SELECT delay_histogram(interval '9999 years');
SELECT delay_histogram(interval '178000000 years');
\set VERBOSITY default

-- Plus and minus.
CREATE TABLE example (name text PRIMARY KEY, delays delay_histogram);
INSERT INTO example VALUES ('nothing', '{}'), ('one', delay_histogram(interval '2 s')), ('two', delay_histogram(interval '2 s') + delay_histogram(interval '1 hour')),
    ('minus one', -delay_histogram(interval '2 s')), ('unknown', NULL);
SELECT a.name, b.name, a.delays + b.delays AS "+", a.delays - b.delays AS "-" FROM example AS a, example AS b
WHERE a.name IN ('one', 'two', 'nothing') ORDER BY a.name, b.name;
SELECT name, -delays AS "-" FROM example ORDER BY name;
SELECT '{"sum": 0, "buckets": {"0": 9007199254740992}}'::delay_histogram + delay_histogram(interval '0');
SELECT '{"sum": 0, "buckets": {"0": -9007199254740992}}'::delay_histogram - delay_histogram(interval '0');

-- Equality.
SELECT a.name AS a, b.name AS b, a.delays = b.delays AS "=", a.delays <> b.delays AS "<>"
FROM example AS a, example AS b WHERE a.name IN ('one', 'nothing') ORDER BY a.name, b.name;
SELECT delay_histogram(interval '2 s') = delay_histogram(interval '2000001 microseconds') AS "same bucket, other sum";
SELECT count(*) FROM (SELECT DISTINCT delays FROM (TABLE example UNION ALL TABLE example) AS twice) AS d;

-- What can be asked.
SELECT name, count(delays), total(delays), average(delays), percentile(delays, 0) AS shortest, percentile(delays, 0.5) AS median,
       percentile(delays, 1) AS longest
FROM example ORDER BY name;
SELECT count(delays), total(delays), average(delays), percentile(delays, 0.5)
FROM (VALUES (delay_histogram(interval '2 s') - delay_histogram(interval '3 s')), (delay_histogram(interval '3 s') + delay_histogram(interval '2 s') - delay_histogram(interval '1 s'))) AS t (delays);
-- As it is shown: two digits, and not below an average that may lie below it.
SELECT delay, average(delay_histogram(delay)), percentile_seconds(delay_histogram(delay), 0.95)
FROM unnest('{0, 600us, 6ms, 60ms, 4s, 4.04s, 10s, 100s, 1d}'::interval[]) AS delay;
SELECT percentile_seconds('{}', 0.5);
SELECT percentile_seconds('{}', 1.1);
SELECT percentile('{}', 1.1);
\set VERBOSITY sqlstate
SELECT percentile('{}', -0.1);
SELECT percentile('{}', 'NaN');
SELECT total('{"sum": 9223372036854775807, "buckets": {}}'), total('{"sum": -9223372036854775808, "buckets": {}}');
SELECT total('{"sum": 9223372036854775808, "buckets": {}}');
\set VERBOSITY default

-- The sum, and percentiles, against what SQL itself says; serial and in parallel.
SELECT sum(d) FROM (VALUES (NULL::delay_histogram)) AS t (d) WHERE false;
SELECT sum(d) FROM (VALUES (NULL::delay_histogram), (NULL)) AS t (d);
SELECT sum(d) FROM (VALUES (delay_histogram(interval '2 s')), (NULL), ('{}')) AS t (d);
CREATE TABLE measured AS
SELECT i % 7 AS grp, exp((i * 7919 % 100003) / 5000.0) * interval '1 millisecond' AS delay FROM generate_series(1, 20000) AS i;
ANALYZE measured;
SELECT grp, count(sum(delay_histogram(delay))) = count(*) AS counted, total(sum(delay_histogram(delay))) = justify_hours(sum(delay)) AS summed,
       abs(extract(epoch FROM average(sum(delay_histogram(delay))) - avg(delay))) < 0.000002 AS averaged
FROM measured GROUP BY grp ORDER BY grp;
SELECT grp, fraction, percentile(histogram, fraction) AS estimated, exact
FROM (SELECT grp, fraction, sum(delay_histogram(delay)) AS histogram, percentile_disc(fraction) WITHIN GROUP (ORDER BY delay) AS exact
      FROM measured, unnest('{0,0.01,0.5,0.9,0.95,0.99,1}'::double precision[]) AS fraction GROUP BY grp, fraction) AS t
WHERE abs(extract(epoch FROM percentile(histogram, fraction) - exact)) > 0.05 * extract(epoch FROM exact);
SET max_parallel_workers_per_gather = 0;
CREATE TABLE serial AS SELECT grp, sum(delay_histogram(delay)) AS delays FROM measured GROUP BY grp;
SET max_parallel_workers_per_gather = 2;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SET parallel_leader_participation = off;
EXPLAIN (COSTS off) SELECT sum(delay_histogram(delay)) FROM measured;
SELECT count(*) FROM serial JOIN (SELECT grp, sum(delay_histogram(delay)) AS delays FROM measured GROUP BY grp) AS p USING (grp, delays);
SELECT (SELECT sum(delay_histogram(delay)) FROM measured) = (SELECT sum(delays) FROM serial) AS "same as of parts";

-- A group: adding and taking away again leaves what was there.
SELECT count(*) FROM serial AS a, serial AS b
WHERE (a.delays + b.delays) - b.delays <> a.delays OR a.delays + b.delays <> b.delays + a.delays OR a.delays - a.delays <> '{}'
   OR a.delays - b.delays <> a.delays + (-b.delays);

-- Stored and read back, in text and in bytes; small ones take few bytes.
SELECT max(pg_column_size(delay_histogram(delay))) <= 12 AS "small", count(*) FILTER (WHERE delay_histogram(delay)::text::delay_histogram <> delay_histogram(delay))
FROM measured;
SELECT count(*) FROM serial WHERE delays::text::delay_histogram <> delays;
SELECT pg_column_size(delays) FROM example WHERE name IN ('nothing', 'one') ORDER BY name;

-- The binary form.
SELECT delay_histogram_send('{}'), delay_histogram_send('{"sum": -1, "buckets": {"0": -2, "1100": 3}}');

-- Delays of a message: from a state that was observed itself to one that was reached.
SELECT status, delivery_delay(status), read_delay(status), failure_delay(status)
FROM (VALUES ('{}'::message_status),
      ('{"sent": "2024-12-10T10:30:00Z"}'),
      ('{"sent": "2024-12-10T10:30:00Z", "delivered": "2024-12-10T10:30:05Z"}'),
      ('{"sent": "2024-12-10T10:30:00Z", "delivered": "2024-12-10T10:30:05Z", "read": "2024-12-12T10:30:05.5Z"}'),
      ('{"sent": "2024-12-10T10:30:00Z", "read": "2024-12-10T10:30:07Z"}'),
      ('{"delivered": "2024-12-10T10:30:05Z", "read": "2024-12-10T10:30:07Z"}'),
      ('{"sent": "2024-12-10T10:30:09Z", "delivered": "2024-12-10T10:30:05Z"}'),
      ('{"queued": "2024-12-10T10:29:59Z", "sent": "2024-12-10T10:30:00Z", "failed": "2024-12-10T10:30:02Z"}'),
      ('{"sent": "2024-12-10T10:30:00Z", "undelivered": "2024-12-10T10:30:02Z", "failed": "2024-12-10T10:30:01Z"}'),
      ('{"sent": "2024-12-10T10:30:05Z", "failed": "2024-12-10T10:30:02Z"}'),
      ('{"failed": "2024-12-10T10:30:02Z"}'),
      ('{"sent": "2024-12-10T10:30:00Z", "failed": "2024-12-10T10:30:02Z", "delivered": "2024-12-10T10:30:05Z"}')) AS t (status);

DROP TABLE example, measured, serial;
