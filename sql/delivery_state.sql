-- delivery_state: input, output, order, functions.
SET search_path = public, msgstatus;

-- Every label, in ascending order.
SELECT label, label::delivery_state AS state, is_failure(label::delivery_state), is_final(label::delivery_state)
FROM unnest('{processing, received, pending, scheduled, accepted, queued, sending, sent, partially_delivered, skipped,
              canceled, failed, undelivered, delivered, read, played}'::text[]) WITH ORDINALITY AS t (label, rank)
ORDER BY rank;

-- Synonyms, and any case.
SELECT label, label::delivery_state AS state
FROM unnest('{enqueued, submitted, dispatched, cancelled, receiving, ENQUEUED, Submitted, READ, Read, pLAYED}'::text[]) AS label;

-- What is no label.
SELECT 'unknown'::delivery_state;
SELECT ''::delivery_state;
SELECT repeat('x', 1000)::delivery_state;
SELECT ('x' || repeat('é', 1000))::delivery_state; -- the message keeps characters whole
\set VERBOSITY sqlstate
SELECT 'unknown'::delivery_state;
SELECT ' read'::delivery_state;
SELECT 'read '::delivery_state;
SELECT 'deleted'::delivery_state;
SELECT 'warning'::delivery_state;
SELECT '7'::delivery_state;
SELECT repeat('read', 1000000)::delivery_state;
\set VERBOSITY default

-- NULL comes out of NULL.
SELECT NULL::delivery_state, is_failure(NULL), is_final(NULL), NULL::delivery_state = 'read' AS equal;

-- From and to text, and in composite values and arrays.
SELECT 'read'::text::delivery_state::text, 'read'::varchar::delivery_state, ARRAY['READ', 'sent']::delivery_state[],
       ROW('dispatched'::delivery_state, 1), '{read,NULL,SENT}'::delivery_state[];
SELECT to_jsonb('READ'::delivery_state), pg_typeof('read'::delivery_state);

-- Each operator against the positions of the labels, for all 256 pairs.
CREATE TABLE ranked AS
SELECT label::delivery_state AS state, rank::integer
FROM unnest('{processing, received, pending, scheduled, accepted, queued, sending, sent, partially_delivered, skipped,
              canceled, failed, undelivered, delivered, read, played}'::text[]) WITH ORDINALITY AS t (label, rank);
SELECT count(*) AS pairs,
       count(*) FILTER (WHERE (a.state = b.state) = (a.rank = b.rank)) AS "=",
       count(*) FILTER (WHERE (a.state <> b.state) = (a.rank <> b.rank)) AS "<>",
       count(*) FILTER (WHERE (a.state < b.state) = (a.rank < b.rank)) AS "<",
       count(*) FILTER (WHERE (a.state <= b.state) = (a.rank <= b.rank)) AS "<=",
       count(*) FILTER (WHERE (a.state > b.state) = (a.rank > b.rank)) AS ">",
       count(*) FILTER (WHERE (a.state >= b.state) = (a.rank >= b.rank)) AS ">=",
       count(*) FILTER (WHERE sign(delivery_state_cmp(a.state, b.state)) = sign(a.rank - b.rank)) AS cmp,
       count(*) FILTER (WHERE (delivery_state_hash(a.state) = delivery_state_hash(b.state)) = (a.rank = b.rank)) AS hash,
       count(*) FILTER (WHERE (delivery_state_hash_extended(a.state, 42) = delivery_state_hash_extended(b.state, 42))
                              = (a.rank = b.rank)) AS hash_extended
FROM ranked AS a CROSS JOIN ranked AS b;

-- The hash with seed 0 has the plain hash in its lower half, as PostgreSQL expects.
SELECT count(*) FROM ranked
WHERE delivery_state_hash_extended(state, 0) & 4294967295 <> delivery_state_hash(state)::bigint & 4294967295;

-- min and max, over rows, over none, over NULL.
SELECT min(state), max(state) FROM ranked;
SELECT min(state), max(state) FROM ranked WHERE rank BETWEEN 7 AND 9;
SELECT min(state), max(state) FROM ranked WHERE false;
SELECT min(state), max(state) FROM (VALUES (NULL::delivery_state), ('read'), (NULL), ('sent')) AS t (state);
SELECT min(state), max(state) FROM (VALUES (NULL::delivery_state)) AS t (state);

-- ORDER BY, DISTINCT, IN, BETWEEN, CASE, GREATEST.
SELECT string_agg(state::text, ' ' ORDER BY state DESC) FROM ranked;
SELECT count(DISTINCT state) FROM ranked, generate_series(1, 3);
SELECT state FROM ranked WHERE state IN ('SENT', 'cancelled') ORDER BY state;
SELECT count(*) FROM ranked WHERE state BETWEEN 'sent' AND 'delivered';
SELECT GREATEST('sent'::delivery_state, 'read', 'failed'), LEAST('sent'::delivery_state, 'read', 'failed');

-- One byte in a row.
SELECT DISTINCT pg_column_size(state) FROM ranked;

-- The binary form is the label.
SELECT convert_from(delivery_state_send('DISPATCHED'), 'UTF8');

DROP TABLE ranked;
