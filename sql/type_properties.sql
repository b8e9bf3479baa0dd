-- The laws of message_status on thousands of random values. Each query looks for values that break a law, so it must find
-- none; what it finds are the counterexamples.
SET search_path = public, msgstatus;
SET timezone = 'UTC';
SET datestyle = 'ISO';
SET max_parallel_workers_per_gather = 0; -- random() is to run in one process, in one order
SELECT setseed(0.20241210);

CREATE TABLE states AS
SELECT state FROM unnest('{processing,received,pending,scheduled,accepted,queued,sending,sent,partially_delivered,skipped,
                           canceled,failed,undelivered,delivered,read,played}'::delivery_state[]) AS state;

-- Times of the whole range, of its ends, and a few that collide often.
CREATE FUNCTION random_time() RETURNS timestamptz LANGUAGE sql VOLATILE AS $$
    SELECT CASE floor(random() * 6)::integer
           WHEN 0 THEN timestamptz '0001-01-01 00:00:00+00' + random() * 3652058 * interval '1 day'
           WHEN 1 THEN timestamptz '0001-01-01 00:00:00+00' + floor(random() * 2) * interval '1 microsecond'
           WHEN 2 THEN timestamptz '9999-12-31 23:59:59.999999+00' - floor(random() * 2) * interval '1 microsecond'
           ELSE timestamptz '2024-12-10 10:30:00+00' + floor(random() * 3) * interval '1 microsecond'
           END
$$;
CREATE FUNCTION random_status() RETURNS message_status LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    all_states delivery_state[] := (SELECT array_agg(state ORDER BY state) FROM states);
    status message_status := '{}';
BEGIN
    FOR i IN 1 .. floor(random() * random() * 20)::integer LOOP
        status := status || message_status(all_states[1 + floor(random() * 16)::integer], random_time());
    END LOOP;
    RETURN status;
END $$;
-- A status that often has much in common with the given one.
CREATE FUNCTION related_to(other message_status) RETURNS message_status LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    all_states delivery_state[] := (SELECT array_agg(state ORDER BY state) FROM states);
BEGIN
    RETURN CASE floor(random() * 5)::integer
           WHEN 0 THEN other
           WHEN 1 THEN other || random_status()
           WHEN 2 THEN other || message_status(all_states[1 + floor(random() * 16)::integer], random_time())
           WHEN 3 THEN coalesce((SELECT merge_agg(message_status(s.state, observed_at(other, s.state)))
                                 FROM states AS s WHERE random() < 0.7), '{}')
           ELSE random_status()
           END;
END $$;

CREATE TABLE triple (n integer, a message_status, b message_status, c message_status);
DO $$
DECLARE
    a message_status;
    b message_status;
BEGIN
    FOR n IN 1 .. 6000 LOOP
        a := random_status();
        b := related_to(a);
        INSERT INTO triple VALUES (n, a, b, related_to(b));
    END LOOP;
END $$;
ANALYZE triple;
-- The sample is worth something: values of all sizes, pairs of all kinds.
SELECT count(*), count(*) FILTER (WHERE a = '{}') > 100 AS empty, count(*) FILTER (WHERE a = b) > 500 AS equal,
       count(*) FILTER (WHERE a <@ b AND a <> b) > 500 AS less, count(*) FILTER (WHERE b <@ a AND a <> b) > 500 AS more,
       count(*) FILTER (WHERE NOT a <@ b AND NOT b <@ a) > 500 AS neither, count(DISTINCT state(a)) AS states FROM triple;

-- Merge: commutative, associative, idempotent; nothing is neutral.
SELECT * FROM triple WHERE a || b <> b || a LIMIT 3;
SELECT * FROM triple WHERE (a || b) || c <> a || (b || c) LIMIT 3;
SELECT * FROM triple WHERE a || a <> a OR (a || b) || b <> a || b LIMIT 3;
SELECT * FROM triple WHERE a || '{}' <> a OR '{}' || a <> a LIMIT 3;
-- Per state the earlier time.
SELECT n, state, observed_at(a || b, state) FROM triple, states
WHERE observed_at(a || b, state) IS DISTINCT FROM LEAST(observed_at(a, state), observed_at(b, state)) LIMIT 3;
-- The aggregate is the merge.
SELECT * FROM triple WHERE a || b || c <> (SELECT merge_agg(x) FROM unnest(ARRAY[c, NULL, a, b, a]) AS x) LIMIT 3;

-- Containment agrees with merge, and is an order.
SELECT * FROM triple WHERE (a <@ b) <> (a || b = b) OR (a @> b) <> (a || b = a) OR (a <@ b) <> (b @> a) LIMIT 3;
SELECT * FROM triple WHERE NOT a <@ a OR (a <@ b AND b <@ a AND a <> b) OR (a <@ b AND b <@ c AND NOT a <@ c) LIMIT 3;
SELECT * FROM triple WHERE NOT a <@ (a || b) OR (a <@ c AND b <@ c AND NOT (a || b) <@ c) LIMIT 3;

-- The total order is one: of <, =, > exactly one holds; transitive; the operators agree.
SELECT * FROM triple WHERE (a < b)::integer + (a = b)::integer + (a > b)::integer <> 1 LIMIT 3;
SELECT * FROM triple WHERE (a < b) <> (b > a) OR (a <= b) <> (b >= a) OR (a <= b) <> (a < b OR a = b)
    OR (a >= b) <> (a > b OR a = b) OR (a <> b) = (a = b) OR sign(message_status_cmp(a, b)) <> (a > b)::integer - (a < b)::integer LIMIT 3;
SELECT * FROM triple WHERE (a <= b AND b <= c AND NOT a <= c) OR (a >= b AND b >= c AND NOT a >= c)
    OR (a < b AND b <= c AND NOT a < c) LIMIT 3;
SELECT t.n, u.n FROM triple AS t, triple AS u, triple AS v
WHERE t.n <= 60 AND u.n BETWEEN 61 AND 120 AND v.n BETWEEN 121 AND 180 AND t.a <= u.a AND u.a <= v.a AND NOT t.a <= v.a LIMIT 3;
-- It extends containment and sorts by state first, nothing before all.
SELECT * FROM triple WHERE a <@ b AND NOT a <= b LIMIT 3;
SELECT * FROM triple WHERE state(a) < state(b) AND NOT a < b LIMIT 3;
SELECT * FROM triple WHERE NOT a >= '{}' OR (state(a) IS NULL) <> (a = '{}') LIMIT 3;

-- Equal values have equal hashes, bytes and texts; different ones different bytes and texts.
SELECT * FROM triple WHERE a = b AND (message_status_hash(a) <> message_status_hash(b)
    OR message_status_hash_extended(a, n) <> message_status_hash_extended(b, n)) LIMIT 3;
SELECT * FROM triple WHERE (a = b) <> (message_status_send(a) = message_status_send(b)) OR (a = b) <> (a::text = b::text) LIMIT 3;
SELECT * FROM triple
WHERE message_status_hash_extended(a, 0) & 4294967295 <> message_status_hash(a)::bigint & 4294967295 LIMIT 3;
SELECT count(DISTINCT message_status_hash(v)) > 0.999 * count(DISTINCT v) AS "hashes differ"
FROM (SELECT a AS v FROM triple UNION ALL SELECT b FROM triple UNION ALL SELECT c FROM triple) AS t;

-- Facts and what follows from them. `implied` says it once more, in rows.
CREATE TABLE implied (observed delivery_state, reached delivery_state);
INSERT INTO implied SELECT state, state FROM states;
INSERT INTO implied VALUES ('undelivered', 'sent'), ('partially_delivered', 'sent'), ('delivered', 'sent'), ('read', 'delivered'),
    ('read', 'sent'), ('played', 'read'), ('played', 'delivered'), ('played', 'sent');
SELECT n, i.reached, a FROM triple, implied AS i GROUP BY n, i.reached, a
HAVING reached_at(a, i.reached) IS DISTINCT FROM min(observed_at(a, i.observed)) LIMIT 3;
SELECT * FROM triple WHERE state(a) IS DISTINCT FROM (SELECT max(state) FROM states WHERE observed_at(a, state) IS NOT NULL) LIMIT 3;
SELECT n, state, a FROM triple, states WHERE (a ? state::text) <> (reached_at(a, state) IS NOT NULL)
    OR a -> state::text IS DISTINCT FROM reached_at(a, state) OR (a ->> state::text)::timestamptz IS DISTINCT FROM reached_at(a, state) LIMIT 3;
SELECT * FROM triple WHERE (a ?| '{read,failed}') <> (a ? 'read' OR a ? 'failed') OR (a ?& '{read,failed}') <> (a ? 'read' AND a ? 'failed') LIMIT 3;

-- Monotone: sent <= delivered <= read <= played; and who knows more has reached a state no later.
SELECT * FROM triple WHERE (a ? 'delivered' AND NOT coalesce(a -> 'sent' <= a -> 'delivered', false))
    OR (a ? 'read' AND NOT coalesce(a -> 'delivered' <= a -> 'read', false))
    OR (a ? 'played' AND NOT coalesce(a -> 'read' <= a -> 'played', false))
    OR (a ?| '{undelivered,partially_delivered}'
        AND NOT coalesce(a -> 'sent' <= LEAST(a -> 'undelivered', a -> 'partially_delivered'), false)) LIMIT 3;
SELECT n, state, a, b FROM triple, states
WHERE a <@ b AND reached_at(a, state) IS NOT NULL AND NOT coalesce(reached_at(b, state) <= reached_at(a, state), false) LIMIT 3;
SELECT n, state, a, b FROM triple, states
WHERE reached_at(a || b, state) IS DISTINCT FROM LEAST(reached_at(a, state), reached_at(b, state)) LIMIT 3;

-- Text round trip; what jsonb makes of the text; and the facts one by one.
SELECT * FROM triple WHERE a::text::message_status <> a OR a::text::message_status::text <> a::text LIMIT 3;
SELECT * FROM triple WHERE a::text::jsonb::message_status <> a LIMIT 3;
SELECT * FROM triple WHERE a <> coalesce((SELECT merge_agg(message_status(state, observed_at(a, state))) FROM states
                                          WHERE observed_at(a, state) IS NOT NULL), '{}') LIMIT 3;
-- jsonb round trip of timelines.
SELECT * FROM triple WHERE a::jsonb::message_status::jsonb <> a::jsonb LIMIT 3;
SELECT * FROM triple WHERE NOT a <@ a::jsonb::message_status OR state(a::jsonb::message_status) IS DISTINCT FROM state(a) LIMIT 3;
SELECT * FROM triple WHERE a::jsonb IS DISTINCT FROM
    (SELECT coalesce(jsonb_object_agg(state, a ->> state::text), '{}') FROM states WHERE a ? state::text) LIMIT 3;
SELECT n, state FROM triple, states WHERE reached_at(a::jsonb::message_status, state) IS DISTINCT FROM reached_at(a, state) LIMIT 3;

DROP TABLE triple, states, implied;
DROP FUNCTION random_status(), related_to(message_status), random_time();
