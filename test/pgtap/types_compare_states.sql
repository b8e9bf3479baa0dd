-- States compare from anywhere: a role with rights and no search_path of its own, as analysts, BI tools and ORMs come.
BEGIN;
\ir include/helpers.psql
SELECT no_plan();

SELECT msgstatus.apply_message_status('[{"id": "w1", "status": "sent", "recipient_id": "15550100001"},
    {"id": "w2", "status": "read", "recipient_id": "15550100002"}, {"id": "w3", "status": "failed", "recipient_id": "15550100003"}]');
CREATE ROLE t_analyst;
SELECT msgstatus.grant_access('t_analyst', 'analyst');
GRANT USAGE ON SCHEMA public TO t_analyst;
SELECT is(current_setting('search_path'), '"$user", public', 'the search_path is as PostgreSQL has it');

-- Returns the ids of messages, by default in their order. (Analysts see stand-ins for them; recipients end alike.)
CREATE FUNCTION found(rest text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    ids text;
BEGIN
    EXECUTE format('SELECT string_agg(''w'' || right(recipient, 1), '','') FROM (SELECT recipient FROM msgstatus.message_timeline %s%s) AS m', rest,
        CASE WHEN rest NOT LIKE '%ORDER BY%' THEN ' ORDER BY recipient' END) INTO ids;
    RETURN ids;
END
$$;

SET LOCAL ROLE t_analyst;
PREPARE timeline AS SELECT message_id FROM msgstatus.message_timeline WHERE state = $1 ORDER BY 1;
SELECT is(found($$WHERE state = 'read'$$), 'w2', '=');
SELECT lives_ok($$EXECUTE timeline('sent')$$, '= and a parameter');
SELECT is(found($$WHERE state IN ('read', 'sent')$$), 'w1,w2', 'IN');
SELECT is(found($$WHERE state = ANY ('{read,sent}')$$), 'w1,w2', 'ANY');
SELECT is(found($$WHERE state NOT IN ('read', 'sent')$$), 'w3', 'NOT IN');
SELECT is(found($$WHERE state <> 'read'$$), 'w1,w3', '<>');
SELECT is(found($$WHERE state >= 'failed'$$), 'w2,w3', '>=');
SELECT is(found($$WHERE state > 'failed'$$), 'w2', '>');
SELECT is(found($$WHERE state < 'failed'$$), 'w1', '<');
SELECT is(found($$WHERE state BETWEEN 'sent' AND 'failed'$$), 'w1,w3', 'BETWEEN');
SELECT is(found($$ORDER BY state DESC$$), 'w2,w3,w1', 'ORDER BY');
SELECT results_eq($$SELECT CASE state WHEN 'read' THEN 'seen' ELSE 'not seen' END FROM msgstatus.message_timeline ORDER BY recipient$$,
    $$VALUES ('not seen'), ('seen'), ('not seen')$$, 'CASE state WHEN');
SELECT results_eq($$SELECT max(state)::text, min(state)::text, count(DISTINCT state) FROM msgstatus.message_timeline$$, $$VALUES ('read', 'sent', 3::bigint)$$, 'max, min, DISTINCT');
SELECT results_eq($$SELECT nullif(state, 'read')::text FROM msgstatus.message_timeline WHERE recipient LIKE '%2'$$, $$VALUES (NULL::text)$$, 'NULLIF');
SELECT is(found($$JOIN (VALUES ('read'::msgstatus.delivery_state)) AS v (state) USING (state)$$), 'w2', 'USING');
SELECT is('{"sent": "2024-12-10T10:30:00Z"}'::msgstatus.message_status = '{"sent": "2024-12-10T10:30:00Z"}', true, 'statuses compare, too');
SELECT is('{"sent": "2024-12-10T10:30:00Z"}'::msgstatus.message_status IN ('{}'), false);
RESET ROLE;

-- Every view that shows a state.
CREATE TABLE state_column AS
SELECT format('%I.%I', c.relnamespace::regnamespace, c.relname) AS view, a.attname AS name FROM pg_attribute AS a JOIN pg_class AS c ON c.oid = a.attrelid
WHERE c.relnamespace = 'msgstatus'::regnamespace AND c.relkind = 'v' AND a.atttypid = 'msgstatus.delivery_state'::regtype AND a.attnum > 0
    AND has_table_privilege('t_analyst', c.oid, 'SELECT');
GRANT SELECT ON state_column TO t_analyst;
SELECT cmp_ok((SELECT count(*) FROM state_column), '>=', 3::bigint, 'there are such views');
SET LOCAL ROLE t_analyst;
SELECT lives_ok(format('SELECT max(%2$I), min(%2$I) FROM %1$s WHERE %2$I = ''read'' OR %2$I IN (''sent'', ''failed'') OR %2$I >= ''delivered''', view, name),
    format('%s of %s', name, view))
FROM state_column;
RESET ROLE;

-- Literals without a type have the same types as without the extension.
SELECT is(pg_typeof(max(v))::text, 'text', 'max of texts') FROM (VALUES ('a')) AS t (v);
SELECT results_eq($$SELECT 'a' = 'a', 'a' < 'b', NULL = NULL, 'read' = ANY ('{sent,read}')$$, $$VALUES (true, true, NULL::boolean, true)$$, 'literals beside literals');
SELECT results_eq($$SELECT '[1]'::jsonb = '[1]', ROW(1, 'a') = ROW(1, 'a'), 1 = '1'$$, $$VALUES (true, true, true)$$, 'literals beside other types');

SELECT finish();
ROLLBACK;
