-- merge_agg: the merge of many.
SET search_path = public, msgstatus;

SELECT merge_agg(s) FROM (VALUES (NULL::message_status)) AS t (s) WHERE false;
SELECT merge_agg(s) FROM (VALUES (NULL::message_status), (NULL)) AS t (s);
SELECT merge_agg(s) FROM (VALUES ('{}'::message_status), (NULL)) AS t (s);
SELECT merge_agg(s) FROM (VALUES (NULL), ('{"read": "2024-12-10T10:31:00Z"}'::message_status), (NULL),
    ('{"sent": "2024-12-10T10:30:01Z"}'), ('{"sent": "2024-12-10T10:30:00Z"}'), ('{}')) AS t (s);
SELECT merge_agg(s) FILTER (WHERE s ? 'read') FROM (VALUES ('{"read": "2024-12-10T10:31:00Z"}'::message_status),
    ('{"sent": "2024-12-10T10:30:01Z"}')) AS t (s);
SELECT merge_agg(DISTINCT s) FROM (VALUES ('{"sent": "2024-12-10T10:30:00Z"}'::message_status),
    ('{"sent": "2024-12-10T10:30:00Z"}')) AS t (s);

-- Over a window, with and without rows that leave it.
SELECT i, merge_agg(s) OVER (ORDER BY i), merge_agg(s) OVER (ORDER BY i ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) AS last_two
FROM (VALUES (1, '{"sent": "2024-12-10T10:30:00Z"}'::message_status), (2, NULL), (3, '{"read": "2024-12-10T10:31:00Z"}'),
    (4, '{"sent": "2024-12-10T10:29:59Z"}')) AS t (i, s);

-- By group, in parallel and not, in any order: the same.
CREATE TABLE observed AS
SELECT i % 97 AS message,
       CASE WHEN i % 11 <> 0 THEN
           message_status(('{queued,sent,delivered,read,failed}'::delivery_state[])[1 + i * 7 % 5],
                          timestamptz '2024-12-10 10:30:00+00' + (i * 7919 % 100003) * interval '1 millisecond')
       END AS status
FROM generate_series(1, 20000) AS i;
ANALYZE observed;

CREATE FUNCTION plan_has(query text, part text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    line text;
BEGIN
    FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || query LOOP
        IF strpos(line, part) > 0 THEN
            RETURN true;
        END IF;
    END LOOP;
    RETURN false;
END $$;

SET max_parallel_workers_per_gather = 0;
CREATE TABLE serial AS SELECT message, merge_agg(status) AS status FROM observed GROUP BY message;
SELECT plan_has('SELECT merge_agg(status) FROM observed', 'Partial Aggregate');

SET max_parallel_workers_per_gather = 2;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SET parallel_leader_participation = off;
SELECT plan_has('SELECT merge_agg(status) FROM observed', 'Partial Aggregate');
SELECT plan_has('SELECT message, merge_agg(status) FROM observed GROUP BY message', 'Partial');
SELECT plan_has('SELECT max(state(status)), min(state(status)) FROM observed', 'Partial Aggregate');
CREATE TABLE parallel AS SELECT message, merge_agg(status) AS status FROM observed GROUP BY message;
SELECT count(*) FROM (TABLE serial EXCEPT ALL TABLE parallel UNION ALL (TABLE parallel EXCEPT ALL TABLE serial)) AS d;
SELECT count(*), bool_and(status ?& '{queued,sent,delivered,read,failed}') FROM parallel;
SELECT (SELECT merge_agg(status) FROM observed) = (SELECT merge_agg(status) FROM serial) AS "same as of parts";
SELECT max(state(status)), min(state(status)) FROM observed;

-- Against what SQL itself says.
SELECT count(*) FROM serial AS s
JOIN LATERAL (SELECT min(observed_at(o.status, 'delivered')) AS delivered, min(reached_at(o.status, 'delivered')) AS reached,
                     max(state(o.status)) AS state
              FROM observed AS o WHERE o.message = s.message) AS o ON true
WHERE observed_at(s.status, 'delivered') = delivered AND reached_at(s.status, 'delivered') = reached AND state(s.status) = state;

DROP TABLE observed, serial, parallel;
DROP FUNCTION plan_has(text, text);
