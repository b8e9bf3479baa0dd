-- Queries of analysts and drivers: with the default search_path, and with parameters that are typed texts.
BEGIN;
\ir include/helpers.psql
SELECT no_plan();

SELECT counts('[{"id": "a", "status": "sent", "timestamp": "1733832000", "recipient_id": "491511111111"},
    {"id": "b", "status": "read", "timestamp": "1733832000", "recipient_id": "491511111111"},
    {"id": "c", "status": "failed", "timestamp": "1733832000", "recipient_id": "491511111111"}]', now());
CREATE ROLE t_analyst;
SELECT msgstatus.grant_access('t_analyst', 'analyst');
SELECT is(current_setting('search_path'), '"$user", public', 'the default');
GRANT SELECT ON ALL TABLES IN SCHEMA pg_temp TO t_analyst;
SET LOCAL ROLE t_analyst;

CREATE FUNCTION pg_temp.found(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    found text;
BEGIN
    EXECUTE statement INTO found;
    RETURN found;
END
$$;
SELECT is(pg_temp.found('SELECT string_agg(state::text, '' '' ORDER BY state) FROM msgstatus.message_timeline WHERE ' || condition), expected, condition)
FROM (VALUES ('state = ''read''', 'read'), ('state <> ''read''', 'sent failed'), ('state IN (''sent'', ''read'')', 'sent read'),
    ('state = ANY (ARRAY[''sent'', ''read''])', 'sent read'), ('state = ANY (''{sent,read}''::text[])', 'sent read'),
    ('state NOT IN (''sent''::text, ''read''::text)', 'failed'), ('state >= ''failed''', 'failed read'), ('state >= ''failed''::text', 'failed read'),
    ('state BETWEEN ''sent''::varchar AND ''failed''::varchar', 'sent failed'), ('''READ''::text = state', 'read'),
    ('CASE state WHEN ''read'' THEN true ELSE false END', 'read'), ('CASE state WHEN ''read''::text THEN true ELSE false END', 'read'),
    ('state = (SELECT max(t.state) FROM msgstatus.message_timeline AS t)', 'read'), ('state::text LIKE ''re%''', 'read')) AS v (condition, expected);
SELECT is((SELECT max(state)::text FROM msgstatus.message_timeline), 'read', 'the highest state, not the last in the alphabet');
SELECT is((SELECT min(state)::text FROM msgstatus.message_timeline), 'sent');
SELECT is((SELECT string_agg(state || ' ' || messages, ', ') FROM (
    SELECT state::text, count(*) AS messages FROM msgstatus.message_timeline GROUP BY message_timeline.state ORDER BY message_timeline.state) AS g),
    'sent 1, failed 1, read 1', 'grouped and ordered');

-- As drivers prepare statements: parameters without a type, of type text, and of type varchar.
PREPARE untyped AS SELECT string_agg(message_id, ' ') IS NOT NULL, count(*) FROM msgstatus.message_log(state => $1, created_from => $2, campaign_id => $3);
SELECT results_eq($$EXECUTE untyped('read', '2024-01-01', NULL)$$, 'VALUES (true, 1::bigint)', 'without a type');
SELECT results_eq($$EXECUTE untyped('', NULL, NULL)$$, 'VALUES (true, 3::bigint)');
PREPARE texts(text, text) AS SELECT count(*) FROM msgstatus.message_log(state => $1) WHERE state = $2;
SELECT results_eq($$EXECUTE texts('read', 'read')$$, 'VALUES (1::bigint)', 'texts');
SELECT results_eq($$EXECUTE texts('', 'SENT')$$, 'VALUES (1::bigint)');
SELECT results_eq($$EXECUTE texts(NULL, 'failed')$$, 'VALUES (1::bigint)');
SELECT throws_ok($$EXECUTE texts('', 'gone')$$, '22P02');
PREPARE varchars(varchar, varchar[]) AS SELECT count(*) FROM msgstatus.message_log(state => $1) WHERE state = ANY ($2);
SELECT results_eq($$EXECUTE varchars('', '{read,sent}')$$, 'VALUES (2::bigint)', 'varchar');
PREPARE counted(text) AS SELECT total FROM msgstatus.message_stats(state => $1);
SELECT results_eq($$EXECUTE counted('failed')$$, 'VALUES (1::bigint)', 'when counting');
PREPARE times(text) AS SELECT count(*) FROM msgstatus.message_log(created_from => $1::timestamptz);
SELECT results_eq($$EXECUTE times('2024-01-01')$$, 'VALUES (3::bigint)', 'a text as a time needs a cast');
-- What a function for texts beside them would take away: drivers are told of times, and arguments by position need no type.
PREPARE described AS SELECT count(*) FROM msgstatus.message_log($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12);
SELECT is((SELECT parameter_types::text FROM pg_prepared_statements WHERE name = 'described'),
    '{text,text,text,text,text,uuid,"timestamp with time zone","timestamp with time zone",text,text,bigint,text}');
SELECT is((SELECT count(*) FROM msgstatus.message_log(state => t.state)), 1::bigint, 'a state of a view') FROM msgstatus.message_timeline AS t;
SELECT is((SELECT total FROM msgstatus.message_stats('read'::msgstatus.delivery_state)), 1::bigint);
RESET ROLE;

SELECT finish();
ROLLBACK;
