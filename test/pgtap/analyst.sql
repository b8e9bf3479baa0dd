-- What an analyst cannot find out: whole numbers and ids, and what stands in columns that only others may read.
BEGIN;
\ir include/helpers.psql
SELECT no_plan();

CREATE ROLE t_analyst;
CREATE ROLE t_operator;
SELECT msgstatus.grant_access('t_analyst', 'analyst'), msgstatus.grant_access('t_operator', 'operator');
GRANT USAGE ON SCHEMA public TO PUBLIC;
SELECT msgstatus.register_message('reg', 'meta', 'outbound', '+4930123456', '+491701234567', 'text', metadata => '{"order": "A-1"}');

-- A filter that looks into what a role may not read tells it, letter by letter.
SET LOCAL ROLE t_operator;
SELECT is((SELECT count(*) FROM msgstatus.message_log(metadata_text => 'a-1')), 1::bigint, 'an operator searches metadata');
SELECT is((SELECT total FROM msgstatus.message_stats(metadata_text => 'a-1')), 1::bigint);
SELECT lives_ok($$SELECT msgstatus.best_send_hour('+491701234567')$$);
RESET ROLE;
SET LOCAL ROLE t_analyst;
SELECT throws_ok(format('SELECT * FROM msgstatus.%s(metadata_text => %L)', f, t), '42501', 'metadata_text is for those who may read metadata', f || ' of ' || t)
FROM unnest('{message_log,message_stats}'::text[]) AS f, unnest('{a,zz}'::text[]) AS t;
SELECT lives_ok(format('SELECT * FROM msgstatus.%s(metadata_text => %L)', f, ' '), 'an empty text filters nothing: ' || f)
FROM unnest('{message_log,message_stats}'::text[]) AS f;
SELECT throws_ok(format('SELECT msgstatus.best_send_hour(%L)', n), '42501', 'best_send_hour is for those who may see whole addresses', 'nor which numbers there are')
FROM unnest('{+491701234567,+491701234568}'::text[]) AS n;
RESET ROLE;

SELECT finish();
ROLLBACK;
