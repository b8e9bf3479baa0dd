-- Btree and hash: indexes, joins, grouping, partitions of both types.
SET search_path = public, msgstatus;

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

-- The operator classes are complete, says PostgreSQL's own validator.
SELECT c.opcname, m.amname, c.opcintype::regtype, c.opcdefault, amvalidate(c.oid)
FROM pg_opclass AS c JOIN pg_am AS m ON m.oid = c.opcmethod
WHERE c.opcintype IN ('delivery_state'::regtype, 'message_status'::regtype) ORDER BY c.opcintype::regtype::text, m.amname;

CREATE TABLE sample AS
SELECT i AS id,
       ('{queued,sent,delivered,read,failed,undelivered,played}'::delivery_state[])[1 + i % 7] AS state,
       message_status('sent', timestamptz '2024-12-10 10:30:00+00' + (i * 7919 % 5003) * interval '1 second')
       || message_status(('{queued,sent,delivered,read,failed,undelivered,played}'::delivery_state[])[1 + i % 7],
                         timestamptz '2024-12-10 10:30:00+00' + (i * 104729 % 5003) * interval '1 second') AS status
FROM generate_series(1, 5000) AS i;
CREATE INDEX sample_state ON sample (state);
CREATE INDEX sample_status ON sample (status);
CREATE INDEX sample_state_of_status ON sample (state(status));
CREATE INDEX sample_delivered ON sample (reached_at(status, 'delivered')) WHERE status ? 'delivered';
ANALYZE sample;

-- An index gives the order that sorting gives.
SET enable_seqscan = off;
SET enable_bitmapscan = off;
SET enable_sort = off;
SET enable_incremental_sort = off;
SELECT plan_has('SELECT id FROM sample ORDER BY status, id', 'sample_status');
CREATE TABLE by_index AS SELECT row_number() OVER () AS n, status FROM (SELECT status FROM sample ORDER BY status) AS s;
CREATE TABLE by_index_down AS SELECT row_number() OVER () AS n, status FROM (SELECT status FROM sample ORDER BY status DESC) AS s;
RESET enable_sort;
RESET enable_seqscan;
SET enable_indexscan = off;
SET enable_indexonlyscan = off;
CREATE TABLE by_sort AS SELECT row_number() OVER () AS n, status FROM (SELECT status FROM sample ORDER BY status) AS s;
CREATE TABLE by_sort_down AS SELECT row_number() OVER () AS n, status FROM (SELECT status FROM sample ORDER BY status DESC) AS s;
SELECT count(*) FROM by_index AS i JOIN by_sort AS s USING (n) WHERE i.status = s.status;
SELECT count(*) FROM by_index_down AS i JOIN by_sort_down AS s USING (n) WHERE i.status = s.status;
SELECT count(*) FROM by_index AS a JOIN by_index AS b ON b.n = a.n + 1 WHERE a.status > b.status OR state(a.status) > state(b.status);
RESET enable_indexscan;
RESET enable_indexonlyscan;

-- What is looked up through each index, against a scan.
CREATE TABLE lookup (name text, query text, index text);
INSERT INTO lookup VALUES
    ('state =', $$state = 'failed'$$, 'sample_state'),
    ('state <', $$state < 'sent'$$, 'sample_state'),
    ('state <=', $$state <= 'sent'$$, 'sample_state'),
    ('state >=', $$state >= 'read'$$, 'sample_state'),
    ('state >', $$state > 'delivered'$$, 'sample_state'),
    ('state IN', $$state IN ('failed', 'undelivered')$$, 'sample_state'),
    ('state between', $$state BETWEEN 'delivered' AND 'read'$$, 'sample_state'),
    ('status =', $$status = (SELECT status FROM sample WHERE id = 4711)$$, 'sample_status'),
    ('status <', $$status < '{"sent": "2024-12-10T11:30:00Z"}'$$, 'sample_status'),
    ('status >=', $$status >= '{"read": "2024-12-10T10:40:00Z"}'$$, 'sample_status'),
    ('state of status', $$state(status) = 'read'$$, 'sample_state_of_status'),
    ('time reached', $$status ? 'delivered' AND reached_at(status, 'delivered') < '2024-12-10T10:40:00Z'$$, 'sample_delivered');
CREATE FUNCTION rows_where(condition text, index text, OUT through text, OUT rows bigint, OUT ids bigint)
LANGUAGE plpgsql AS $$
DECLARE
    query text := 'SELECT count(*), sum(id) FROM sample WHERE ' || condition;
BEGIN
    through := CASE WHEN plan_has(query, ' using ' || index || ' on ') THEN index ELSE 'no index' END;
    EXECUTE query INTO rows, ids;
END $$;
SET enable_seqscan = off;
SET enable_indexscan = on;
CREATE TABLE looked_up AS SELECT name, r.* FROM lookup, LATERAL rows_where(query, index) AS r;
RESET enable_seqscan;
SET enable_indexscan = off;
SET enable_indexonlyscan = off;
SET enable_bitmapscan = off;
CREATE TABLE scanned AS SELECT name, r.* FROM lookup, LATERAL rows_where(query, index) AS r;
RESET enable_indexscan;
RESET enable_indexonlyscan;
RESET enable_bitmapscan;
SELECT name, l.through, s.through, l.rows > 0 AS "any found", l.rows = s.rows AND l.ids = s.ids AS same
FROM looked_up AS l JOIN scanned AS s USING (name) ORDER BY name COLLATE "C";

-- The hash indexes alone.
DROP INDEX sample_state, sample_status;
CREATE INDEX sample_state_hash ON sample USING hash (state);
CREATE INDEX sample_status_hash ON sample USING hash (status);
SET enable_seqscan = off;
SELECT plan_has($$SELECT count(*) FROM sample WHERE state = 'failed'$$, 'sample_state_hash'),
       plan_has($$SELECT count(*) FROM sample WHERE status = '{}'$$, 'sample_status_hash');
SELECT count(*) FROM sample WHERE state = 'failed';
SELECT count(*) FROM sample AS a WHERE EXISTS (SELECT FROM sample AS b WHERE b.status = a.status AND b.id = a.id);
RESET enable_seqscan;

-- Joins of every kind give the same pairs.
SET enable_nestloop = off;
SET enable_mergejoin = off;
SELECT plan_has('SELECT count(*) FROM sample a JOIN sample b USING (status)', 'Hash Join');
SELECT count(*), sum(a.id * b.id) FROM sample AS a JOIN sample AS b USING (status);
SET enable_mergejoin = on;
SET enable_hashjoin = off;
SELECT plan_has('SELECT count(*) FROM sample a JOIN sample b USING (status)', 'Merge Join');
SELECT count(*), sum(a.id * b.id) FROM sample AS a JOIN sample AS b USING (status);
RESET enable_nestloop;
RESET enable_mergejoin;
RESET enable_hashjoin;
SELECT count(*), sum(a.id * b.id) FROM sample AS a JOIN sample AS b ON a.status <@ b.status AND a.status @> b.status
WHERE a.id <= 300 AND b.id <= 300;
SELECT count(*), sum(a.id * b.id) FROM sample AS a JOIN sample AS b USING (status) WHERE a.id <= 300 AND b.id <= 300;

-- Grouping by hash and by order.
SET enable_sort = off;
SELECT plan_has('SELECT state, count(*) FROM sample GROUP BY state', 'HashAggregate');
SELECT count(*), sum(n) FROM (SELECT status, count(*) AS n FROM sample GROUP BY status) AS g;
SET enable_sort = on;
SET enable_hashagg = off;
SELECT plan_has('SELECT state, count(*) FROM sample GROUP BY state', 'GroupAggregate');
SELECT count(*), sum(n) FROM (SELECT status, count(*) AS n FROM sample GROUP BY status) AS g;
RESET enable_sort;
RESET enable_hashagg;
SELECT state, count(*) FROM sample GROUP BY state ORDER BY state;

-- Unique indexes and keys.
CREATE TABLE keyed (state delivery_state PRIMARY KEY, status message_status UNIQUE);
INSERT INTO keyed VALUES ('sent', '{"sent": "2024-12-10T10:30:00Z"}');
INSERT INTO keyed VALUES ('dispatched', '{}');
INSERT INTO keyed VALUES ('read', '{"SENT": "2024-12-10T12:30:00.0+02"}');
INSERT INTO keyed VALUES ('SENT', '{}') ON CONFLICT (state) DO UPDATE SET status = keyed.status || '{"read": "2024-12-10T10:31:00Z"}';
INSERT INTO keyed VALUES ('read', '{"sent": "2024-12-10T10:30:00Z"}');
TABLE keyed;

-- Partitions by hash, by list and by range.
CREATE TABLE by_hash (state delivery_state, status message_status) PARTITION BY HASH (state, status);
CREATE TABLE by_hash_0 PARTITION OF by_hash FOR VALUES WITH (MODULUS 3, REMAINDER 0);
CREATE TABLE by_hash_1 PARTITION OF by_hash FOR VALUES WITH (MODULUS 3, REMAINDER 1);
CREATE TABLE by_hash_2 PARTITION OF by_hash FOR VALUES WITH (MODULUS 3, REMAINDER 2);
INSERT INTO by_hash SELECT state, status FROM sample;
SELECT count(*), count(DISTINCT tableoid) FROM by_hash;
SELECT count(*) FROM sample AS s WHERE NOT EXISTS (SELECT FROM by_hash AS h WHERE h.state = s.state AND h.status = s.status);
CREATE TABLE by_range (state delivery_state, status message_status) PARTITION BY RANGE (state);
CREATE TABLE in_flight PARTITION OF by_range FOR VALUES FROM (MINVALUE) TO ('failed');
CREATE TABLE failures PARTITION OF by_range FOR VALUES FROM ('failed') TO ('delivered');
CREATE TABLE arrived PARTITION OF by_range FOR VALUES FROM ('delivered') TO (MAXVALUE);
INSERT INTO by_range SELECT state, status FROM sample;
SELECT tableoid::regclass, state, count(*) FROM by_range GROUP BY 1, 2 ORDER BY 2;
SELECT plan_has($$SELECT * FROM by_range WHERE state = 'undelivered'$$, 'failures') AS failures,
       plan_has($$SELECT * FROM by_range WHERE state = 'undelivered'$$, 'arrived') AS arrived;

-- Statistics are gathered, and the planner makes use of them: 714 or 715 rows have each state.
CREATE FUNCTION estimate(query text) RETURNS numeric LANGUAGE plpgsql AS $$
DECLARE
    plan jsonb;
BEGIN
    EXECUTE 'EXPLAIN (FORMAT json) ' || query INTO plan;
    RETURN plan #>> '{0,Plan,Plan Rows}';
END $$;
SELECT estimate($$SELECT FROM sample WHERE state = 'failed'$$) BETWEEN 600 AND 850 AS "=",
       estimate($$SELECT FROM sample WHERE state <> 'failed'$$) BETWEEN 4150 AND 4400 AS "<>",
       estimate($$SELECT FROM sample WHERE state < 'failed'$$) BETWEEN 1200 AND 1700 AS "<",
       estimate($$SELECT FROM sample WHERE state >= 'delivered'$$) BETWEEN 1900 AND 2400 AS ">=",
       estimate($$SELECT FROM sample WHERE status < '{"delivered": "9999-12-31T23:59:59Z"}'$$) BETWEEN 2000 AND 3700 AS "status <",
       estimate($$SELECT FROM sample WHERE status ? 'read'$$) BETWEEN 1000 AND 2000 AS "status ?",
       estimate($$SELECT FROM sample WHERE status ?| '{failed,undelivered}'$$) BETWEEN 1000 AND 2000 AS "status ?|";

DROP TABLE sample, by_index, by_sort, by_index_down, by_sort_down, lookup, looked_up, scanned, keyed, by_hash, by_range;
DROP FUNCTION plan_has(text, text), rows_where(text, text), estimate(text);
