-- An analyst cannot find out whole numbers and ids, nor the contents of columns that the role may not read.
BEGIN;
\ir include/helpers.psql
SELECT no_plan();

CREATE ROLE t_analyst;
CREATE ROLE t_operator;
SELECT msgstatus.grant_access('t_analyst', 'analyst'), msgstatus.grant_access('t_operator', 'operator');
GRANT USAGE ON SCHEMA public TO PUBLIC;
SELECT msgstatus.register_message('reg', 'meta', 'outbound', '+4930123456', '+491701234567', 'text', metadata => '{"order": "A-1"}');

-- A filter on a column that a role may not read would reveal it, letter by letter.
SET LOCAL ROLE t_operator;
SELECT is((SELECT count(*) FROM msgstatus.message_log(metadata_text => 'a-1')), 1::bigint, 'an operator searches metadata');
SELECT is((SELECT total FROM msgstatus.message_stats(metadata_text => 'a-1')), 1::bigint);
SELECT lives_ok($$SELECT msgstatus.best_send_hour('+491701234567')$$);
RESET ROLE;
SET LOCAL ROLE t_analyst;
SELECT throws_ok(format('SELECT * FROM msgstatus.%s(metadata_text => %L)', f, t), '42501', 'metadata_text requires access to metadata', f || ' of ' || t)
FROM unnest('{message_log,message_stats}'::text[]) AS f, unnest('{a,zz}'::text[]) AS t;
SELECT lives_ok(format('SELECT * FROM msgstatus.%s(metadata_text => %L)', f, ' '), 'an empty text filters nothing: ' || f)
FROM unnest('{message_log,message_stats}'::text[]) AS f;
SELECT throws_ok(format('SELECT msgstatus.best_send_hour(%L)', n), '42501', 'best_send_hour() requires access to unmasked addresses', 'nor which numbers there are')
FROM unnest('{+491701234567,+491701234568}'::text[]) AS n;
RESET ROLE;


-- Everything an analyst may read, of messages that hold numbers wherever a number can be: the ids of WhatsApp hold them in base64.
CREATE FUNCTION with_numbers(words text) RETURNS text LANGUAGE sql AS $$
    SELECT words || ' +1 (555) 010-0001, +491701234567, 15550100001, wamid.HBgLMTU1NTAxMDAwMDEVAgARGBI3OEE5RDQ5QzJDRDNGMTBENzIA, MTU1NTAxMDAwMDE='
$$;
SELECT counts(jsonb_build_array(
    jsonb_build_object('id', 'wamid.HBgLMTU1NTAxMDAwMDEVAgARGBI3OEE5RDQ5QzJDRDNGMTBENzIA', 'status', 'failed', 'timestamp', '1733832000', 'recipient_id', '15550100001',
        'biz_opaque_callback_data', with_numbers('data'), 'errors', jsonb_build_array(jsonb_build_object('code', 131047, 'title', with_numbers('title'),
        'message', with_numbers('message'), 'error_data', jsonb_build_object('details', with_numbers('details'))))),
    jsonb_build_object('id', 'SM-15550100001', 'status', 'delivered', 'timestamp', '1733832000', 'recipient_id', '15550100001'),
    jsonb_build_object('id', 'SM-15550100001-sent', 'status', 'sent', 'timestamp', '1733832000', 'recipient_id', '15550100001'),
    jsonb_build_object('id', 'group', 'status', 'read', 'timestamp', '1733832000', 'recipient_id', '120363@g.us', 'recipient_type', 'group', 'recipient_participant_id', '15550100001'),
    jsonb_build_object('id', '15550100001', 'status', '15550100001')), source => with_numbers('source'));
SELECT msgstatus.reject_webhook('15550100001', with_numbers('reason'), source => with_numbers('source'));
SELECT msgstatus.register_message('wamid.HBgLMTU1NTAxMDAwMDEVAgARGBI3OEE5RDQ5QzJDRDNGMTBENzIB', 'meta', 'outbound', '+15550100002', '+15550100001',
    content => with_numbers('content'), metadata => jsonb_build_object('to', '+15550100001'), created_by => with_numbers('by'));
SELECT msgstatus.create_campaign('numbers') AS campaign \gset
SELECT msgstatus.add_recipients(:'campaign', '{+15550100001,+15550100003,+15550100004}');
SELECT msgstatus.activate_campaign(:'campaign');
CREATE TEMP TABLE claimed AS SELECT * FROM msgstatus.claim_recipients();
SELECT msgstatus.record_send(recipient_id, 'wamid.HBgLMTU1NTAxMDAwMDEVAgARGBI3OEE5RDQ5QzJDRDNGMTBENzIA') FROM claimed WHERE phone_number = '+15550100001';
SELECT msgstatus.record_send_failure(recipient_id, with_numbers('refused'), 1) FROM claimed WHERE phone_number = '+15550100003';
SELECT msgstatus.skip_recipient(recipient_id, with_numbers('skipped')) FROM claimed WHERE phone_number = '+15550100004';
UPDATE msgstatus.message SET created_at = now() - interval '2 days' WHERE recipient = '+15550100001';
UPDATE msgstatus.alert_rule SET threshold = CASE WHEN metric LIKE '%rate' THEN 101 ELSE 0 END, minimum_count = 0, period = '10000 days';
SELECT msgstatus.rebuild_rollups();
INSERT INTO msgstatus.refresh_queue (message_id, asked_by, last_error) VALUES ('SM-15550100001', 'x', with_numbers('error'));
INSERT INTO msgstatus.message_check (message_id, checked_at, outcome, asked_at, asked_by, attempts, error)
VALUES ('SM-15550100001-sent', now(), 'failed', now(), 'x', 1, with_numbers('error'));
SELECT msgstatus.refresh_worker_seen('host:1', 'running', with_numbers('detail'));
SELECT msgstatus.record_reconciliation(msgstatus.begin_reconciliation('host:1', '1 hour', '3 days'), ended => true, error => with_numbers('error'));

-- Returns the part of a text that holds one of the numbers, as it stands or in base64 that begins at any of its characters.
CREATE FUNCTION gives_away(words text) RETURNS text LANGUAGE sql AS $$
    SELECT min(p.part)
    FROM (
        SELECT words AS part, regexp_replace(words, '[^[:alnum:]]', '', 'g') AS told
        UNION ALL
        SELECT r.run[1], encode(decode(substr(r.letters, n) || repeat('A', (8 - length(substr(r.letters, n)) % 4) % 4), 'base64'), 'escape')
        FROM (SELECT m AS run, translate(m[1], '-_', '+/') AS letters FROM regexp_matches(words, '[A-Za-z0-9+/_-]{8,}', 'g') AS m) AS r,
            generate_series(1, 4) AS n
    ) AS p
    WHERE p.told ~ '5550100001|5550100003|5550100004|1701234567|30123456'
$$;
SELECT isnt(gives_away(w), NULL, w) FROM unnest('{+1 (555) 010-0001,wamid.HBgLMTU1NTAxMDAwMDEVAgARGBI3OEE5RDQ5QzJDRDNGMTBENzIA,xMTU1NTAxMDAwMDE,HBgL-MTU1NTAxMDAwMDE_}'::text[]) AS w;
SELECT is(gives_away('+15*******01 m_yL1NTAxMDAwMDEVAgARGBI'), NULL);

-- shown holds how often a number is given away by each relation and function.
CREATE TABLE shown (what text, rows bigint, given_away text);
GRANT INSERT, SELECT ON shown TO t_analyst;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA public TO t_analyst;
CREATE FUNCTION show(query text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('INSERT INTO shown SELECT %L, count(*), min(gives_away(to_jsonb(x)::text)) FROM (%s) AS x', query, query);
END $$;
SET LOCAL ROLE t_analyst;
SELECT show('SELECT * FROM msgstatus.' || relname) FROM pg_class
WHERE relnamespace = 'msgstatus'::regnamespace AND relkind IN ('r', 'p', 'v', 'm') AND has_table_privilege(oid, 'SELECT');
SELECT show('SELECT * FROM msgstatus.' || call) FROM unnest('{message_log(page_size => NULL),"message_log(sort_by => ''state'')",message_stats(),undelivered_messages(),unread_messages(),
    stuck_messages(),undelivered_count(),best_send_hours(),recipient_engagement(10000),active_alerts(),recent_alerts(),alert_counts()}'::text[]) AS call;
SELECT show('SELECT h.* FROM msgstatus.message_timeline AS t, msgstatus.message_history(t.message_id) AS h');
-- What the web log asks for, of each message and with every filter that an analyst may use.
SELECT show('SELECT msgstatus.' || call) FROM unnest('{weblog_messages(),"weblog_messages(''{\"sort\": \"state\", \"limit\": 1}'')","weblog_messages(''{\"recipient\": \"+15550\", \"limit\": 2}'')",
    weblog_csv(),weblog_csv_page(),weblog_stats(),weblog_volumes(),weblog_alerts(),weblog_rejected(),weblog_campaigns(),weblog_health(),weblog_session(),weblog_choices()}'::text[]) AS call;
SELECT show('SELECT msgstatus.weblog_message(jsonb_build_object(''id'', t.message_id)) FROM msgstatus.message_timeline AS t');
SELECT show('SELECT msgstatus.weblog_changes(jsonb_build_object(''since'', now(), ''ids'', jsonb_agg(t.message_id))) FROM msgstatus.message_timeline AS t');
SELECT show('SELECT msgstatus.weblog_refresh_progress(jsonb_build_object(''message_ids'', jsonb_agg(t.message_id))) FROM msgstatus.message_timeline AS t');
SELECT show('SELECT msgstatus.weblog_campaigns(jsonb_build_object(''campaign'', k.campaign_id)), r.* FROM msgstatus.weblog_campaign_keys(5, NULL) AS k, msgstatus.weblog_recipient_keys(k.campaign_id, 5, NULL) AS r');
SELECT throws_ok(call, '42501', NULL, call) FROM unnest(ARRAY['SELECT msgstatus.weblog_attached()', $$SELECT msgstatus.weblog_message_ids('{x}')$$]) AS call;
SELECT is(given_away, NULL, what) FROM shown;
SELECT is((SELECT count(*) FROM shown WHERE rows = 0), 0::bigint, 'each shows something: ' || (SELECT COALESCE(string_agg(what, ', '), 'all') FROM shown WHERE rows = 0));
SELECT set_eq($$SELECT proname::text FROM pg_proc WHERE pronamespace = 'msgstatus'::regnamespace AND provolatile <> 'i' AND has_function_privilege(oid, 'EXECUTE')$$,
    '{message_log,message_stats,undelivered_messages,unread_messages,stuck_messages,undelivered_count,best_send_hours,recipient_engagement,active_alerts,recent_alerts,alert_counts,message_history,
    weblog_messages,weblog_changes,weblog_message,weblog_csv,weblog_csv_page,weblog_stats,weblog_volumes,weblog_alerts,weblog_rejected,weblog_campaigns,weblog_campaign_keys,weblog_recipient_keys,
    weblog_health,weblog_session,weblog_choices,weblog_refresh_progress,refresh_configured,weblog_attached,weblog_message_ids,
    best_send_hour,sees_all,shown_id}'::text[], 'and there is no other function, but some that are refused, some that tell of their arguments alone, and whether workers run');

-- Stand-ins: the same everywhere, and good for what ids are good for.
SELECT is((SELECT count(*) FROM msgstatus.message_timeline AS t JOIN msgstatus.message_log() AS l USING (message_id) WHERE t.created_at = l.created_at), 6::bigint, 'a view and a function show the same');
SELECT is((SELECT count(DISTINCT message_id) FROM msgstatus.message_timeline WHERE message_id LIKE 'm\_%'), 6::bigint);
SELECT is((SELECT array_agg(h.state::text || ' ' || (h.detail IS NULL)) FROM msgstatus.message_timeline AS t, msgstatus.message_history(t.message_id) AS h WHERE t.error_code IS NOT NULL),
    '{failed true}', 'a stand-in leads to the trail');
SELECT is((SELECT h.participant FROM msgstatus.message_timeline AS t, msgstatus.message_history(t.message_id) AS h WHERE t.state::text = 'read'), '+15*******01', 'where participants are masked');
SELECT is((SELECT array_agg(t.error_code) FROM msgstatus.campaign_recipient_status AS r JOIN msgstatus.message_timeline AS t USING (message_id)), '{131047}', 'and from campaigns to messages');
SELECT throws_ok(format('SELECT * FROM msgstatus.message_history(%L)', i), '22023', 'this is not the message_id of a view', 'an id is not answered for, there or not: ' || i)
FROM unnest('{reg,gone,"",m_,m_AAAAAAAAAAAAAAAAAAAAAAAA}'::text[]) AS i;
SELECT is_empty('SELECT * FROM msgstatus.message_history(NULL)');
SELECT throws_ok('SELECT * FROM msgstatus.id_key', '42501', NULL, 'nobody but the owner has the key');
SELECT isnt(msgstatus.shown_id('\x00', 'reg'), message_id, 'another key makes another stand-in') FROM msgstatus.message_timeline WHERE message_type = 'text';
SELECT is(msgstatus.message_id_of('\x00', message_id), NULL, 'and does not lead back') FROM msgstatus.message_timeline;

-- A function of the analyst's own in a condition is called with what the view shows, however cheap it is said to be.
RESET ROLE;
CREATE SCHEMA t_own AUTHORIZATION t_analyst;
SET LOCAL ROLE t_analyst;
CREATE FUNCTION t_own.leak(words text) RETURNS boolean LANGUAGE plpgsql COST 0.0001 AS $$
BEGIN
    IF gives_away(words) IS NOT NULL THEN RAISE EXCEPTION 'leaked: %', words; END IF;
    RETURN true;
END $$;
SELECT lives_ok(format('SELECT * FROM msgstatus.%I AS v WHERE t_own.leak(v.%I::text)', c.relname, a.attname), format('%s.%s does not leak into conditions', c.relname, a.attname))
FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE c.relnamespace = 'msgstatus'::regnamespace AND c.relkind = 'v' AND has_table_privilege(c.oid, 'SELECT')
    AND a.atttypid IN ('text'::regtype, 'uuid'::regtype);
-- Nor do estimates: they are the same for any range of ids, so that nobody gets at an id by halving a range.
CREATE FUNCTION t_own.estimate(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    plan json;
BEGIN
    EXECUTE 'EXPLAIN (FORMAT json) ' || query INTO plan;
    RETURN plan -> 0 -> 'Plan' ->> 'Plan Rows';
END $$;
RESET ROLE;
INSERT INTO msgstatus.message (message_id) SELECT 'many' || n FROM generate_series(1, 2000) AS n;
ANALYZE msgstatus.message;
SET LOCAL ROLE t_analyst;
SELECT is(count(DISTINCT t_own.estimate(format('SELECT * FROM msgstatus.message_timeline WHERE message_id < %L', i))), 1::bigint, 'nor into estimates')
FROM unnest('{a,many1,many5,n}'::text[]) AS i;
RESET ROLE;
DELETE FROM msgstatus.message WHERE message_id LIKE 'many%';

-- Who may read message is shown ids, also by a plan that was made for another.
SET LOCAL plan_cache_mode = force_generic_plan;
CREATE ROLE t_member;
GRANT USAGE ON SCHEMA public TO t_member;
SELECT msgstatus.grant_access('t_member', 'analyst');
GRANT t_operator TO t_member;
CREATE TABLE kept (step integer, message_id text);
GRANT INSERT ON kept TO t_analyst, t_operator, t_member;
PREPARE keep(integer) AS INSERT INTO kept SELECT $1, message_id FROM msgstatus.message_timeline WHERE message_type = 'text';
SET LOCAL ROLE t_operator;
EXECUTE keep(1);
SET LOCAL ROLE t_analyst;
EXECUTE keep(2);
SET LOCAL ROLE t_member;
EXECUTE keep(3);
RESET ROLE;
REVOKE t_operator FROM t_member;
SET LOCAL ROLE t_member;
EXECUTE keep(4);
RESET ROLE;
SELECT is((SELECT array_agg(message_id = 'reg' ORDER BY step) FROM kept), '{t,f,t,f}', 'a plan that is kept shows each role its own');
SELECT is((SELECT count(DISTINCT message_id) FROM kept WHERE message_id <> 'reg'), 1::bigint);
SET LOCAL ROLE t_operator;
SELECT is((SELECT array_agg(state::text) FROM msgstatus.message_history('group')), '{read}');
SELECT throws_ok('SELECT * FROM msgstatus.id_key', '42501', NULL, 'an operator has no key, either');
RESET ROLE;
GRANT SELECT ON kept TO t_operator;
SELECT counts('{"id": "reg", "status": "sent", "timestamp": "1733832000"}');
SET LOCAL ROLE t_operator;
SELECT is((SELECT array_agg(h.state::text) FROM kept AS k, msgstatus.message_history(k.message_id) AS h WHERE k.step = 2), '{sent}', 'but learns what an analyst means');
RESET ROLE;

-- Messages of one time come in the order of what is shown: the order of ids would reveal a number's place among other numbers.
SELECT msgstatus.stand_in(k.key, 'x') AS of_x, k.key FROM msgstatus.id_key AS k \gset
INSERT INTO msgstatus.message (message_id, created_at, direction, status) SELECT 'tie' || n, '2024-05-01', 'outbound', '{"sent": "2024-05-01T00:00:00Z"}' FROM generate_series(1, 40) AS n;
SELECT msgstatus.rebuild_rollups();
SET LOCAL ROLE t_analyst;
SELECT is((SELECT array_agg(message_id) FROM (SELECT message_id FROM msgstatus.message_log(created_from => '2024-05-01', created_before => '2024-05-02')) AS l),
    (SELECT array_agg(message_id ORDER BY message_id COLLATE "C" DESC) FROM msgstatus.message_timeline WHERE created_at = '2024-05-01'));
SELECT is((SELECT array_agg(message_id) FROM msgstatus.undelivered_messages WHERE created_at = '2024-05-01'),
    (SELECT array_agg(message_id ORDER BY message_id COLLATE "C") FROM msgstatus.message_timeline WHERE created_at = '2024-05-01'));
WITH RECURSIVE page AS (
    SELECT 1 AS n, ARRAY(SELECT l FROM msgstatus.message_log(created_before => '2024-05-02', page_size => 7) AS l) AS rows
    UNION ALL
    SELECT p.n + 1, ARRAY(SELECT l FROM msgstatus.message_log(created_before => '2024-05-02', page_size => 7, after => (p.rows[7]).page_cursor) AS l)
    FROM page AS p WHERE cardinality(p.rows) = 7
)
SELECT is((SELECT array_agg(u.message_id ORDER BY p.n, u.place) FROM page AS p, unnest(p.rows) WITH ORDINALITY AS u (message_id, c2, c3, c4, c5, c6, c7, c8, c9, c10, c11, c12, c13, c14, c15, c16, c17, place)),
    (SELECT array_agg(message_id ORDER BY message_id COLLATE "C" DESC) FROM msgstatus.message_timeline WHERE created_at = '2024-05-01'), 'pages hold each once');
RESET ROLE;
-- So do recipients that are equal.
SELECT msgstatus.register_message('equal' || n, direction => 'outbound', recipient => '+155502000' || n) FROM generate_series(10, 39) AS n;
SELECT is((SELECT array_agg(right(recipient, 2)::integer) FROM msgstatus.recipient_engagement() WHERE recipient LIKE '+155502%'), ARRAY(SELECT generate_series(10, 39)), 'by number');
SET LOCAL ROLE t_analyst;
SELECT isnt(array_agg(r.n), ARRAY(SELECT generate_series(10, 39)), 'not by number') FROM (SELECT right(recipient, 2)::integer AS n FROM msgstatus.recipient_engagement(1, 1000) WHERE messages = 1 AND length(recipient) = 12) AS r WHERE r.n BETWEEN 10 AND 39;
SELECT is(array_agg(r.n ORDER BY r.n), ARRAY(SELECT generate_series(10, 39))) FROM (SELECT right(recipient, 2)::integer AS n FROM msgstatus.recipient_engagement(1, 1000) WHERE messages = 1 AND length(recipient) = 12) AS r WHERE r.n BETWEEN 10 AND 39;
RESET ROLE;
DELETE FROM msgstatus.message WHERE message_id LIKE 'tie%' OR message_id LIKE 'equal%';
SELECT msgstatus.rebuild_rollups();

-- Stand-ins themselves: there and back, for any id; changed in any place they are none.
SELECT is(msgstatus.message_id_of(k, msgstatus.stand_in(k, i)), i)
FROM unnest('{"\\x","\\x00","\\x000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f202122"}'::bytea[]) AS k, unnest(ARRAY['', 'x', 'wamid.HBgL', 'ä€😀', repeat('x', 32), repeat('y', 33), repeat('z', 512)]) AS i;
SELECT is_empty(format($$SELECT n, c FROM generate_series(1, length(%1$L)) AS n, unnest('{A,Z,_,=}'::text[]) AS c
    WHERE overlay(%1$L placing c from n) <> %1$L AND msgstatus.message_id_of(%2$L, overlay(%1$L placing c from n)) IS NOT NULL$$, :'of_x', :'key'), 'none that was changed');
SELECT is(length(key), 32, 'a key of 256 bits') FROM msgstatus.id_key;
SELECT lives_ok('SELECT msgstatus.install()');
SELECT is((SELECT k.key FROM msgstatus.id_key AS k), :'key', 'install() does not change the key');

-- Row-level security: a role that may read a table is refused by what would show it rows that a policy hides.
CREATE ROLE t_tenant;
CREATE ROLE t_columns;
CREATE ROLE t_free BYPASSRLS;
SELECT msgstatus.grant_access('t_tenant', 'operator'), msgstatus.grant_access('t_columns', 'analyst'), msgstatus.grant_access('t_free', 'operator');
GRANT SELECT (recipient) ON msgstatus.message TO t_columns;
-- The views and functions that a role may be refused: of rows, and of totals.
CREATE TABLE calls (what text, of_rows boolean);
INSERT INTO calls VALUES ('message_timeline', true), ('undelivered_messages', true), ('unread_messages', true), ('stuck_messages', true), ('recipient_engagement', true),
    ('message_log()', true), ('message_stats()', true), ('message_history(NULL)', true), ('undelivered_messages()', true), ('unread_messages()', true), ('stuck_messages()', true),
    ('recipient_engagement()', true), ('campaign_recipient_status', true), ('campaign_stats', true), ('campaign_failures', true), ('campaign_cost', true),
    ('daily_summary', false), ('rejected_summary', false), ('active_alerts', false), ('active_alerts()', false), ('recent_alerts()', false), ('alert_counts()', false), ('undelivered_count()', false), ('best_send_hours', false), ('best_send_hours()', false);
GRANT SELECT ON calls TO PUBLIC;
ALTER TABLE msgstatus.message ENABLE ROW LEVEL SECURITY;
CREATE POLICY twilio ON msgstatus.message TO t_tenant, t_columns USING (provider = 'twilio');
SET LOCAL ROLE t_tenant;
SELECT is((SELECT count(*) FROM msgstatus.message), 0::bigint, 'the policy hides all');
SELECT throws_ok('SELECT count(*) FROM msgstatus.' || what, '42501', 'row-level security of table "message" hides rows from role "t_tenant"', what || ' under a policy') FROM calls WHERE of_rows;
SELECT lives_ok('SELECT count(*) FROM msgstatus.' || what, what || ' under a policy') FROM calls WHERE NOT of_rows;
RESET ROLE;
SET LOCAL ROLE t_columns;
SELECT throws_ok('SELECT count(*) FROM msgstatus.' || what, '42501', 'row-level security of table "message" hides rows from role "t_columns"', what || ' under a policy for a column') FROM calls WHERE of_rows;
RESET ROLE;
SET LOCAL ROLE t_analyst;
SELECT lives_ok('SELECT count(*) FROM msgstatus.' || what, 'an analyst, who may not read the table, is granted all of ' || what) FROM calls;
RESET ROLE;
SET LOCAL ROLE t_free;
SELECT is((SELECT count(*) FROM msgstatus.message_log(metadata_text => 'a-1')), 1::bigint, 'who bypasses row-level security sees all');
RESET ROLE;
ALTER TABLE msgstatus.message DISABLE ROW LEVEL SECURITY;
SET LOCAL ROLE t_tenant;
SELECT lives_ok('SELECT count(*) FROM msgstatus.' || what) FROM calls;
RESET ROLE;
-- The other tables that are read so.
SELECT format('ALTER TABLE msgstatus.%s ENABLE ROW LEVEL SECURITY', t) FROM unnest('{status_event,rejected_status,campaign_recipient}'::text[]) AS t \gexec
SET LOCAL ROLE t_tenant;
SELECT throws_ok($$SELECT * FROM msgstatus.message_history('reg')$$, '42501', 'row-level security of table "status_event" hides rows from role "t_tenant"');
SELECT throws_ok('SELECT * FROM msgstatus.rejected_summary', '42501', 'row-level security of table "rejected_status" hides rows from role "t_tenant"');
SELECT throws_ok('SELECT count(*) FROM msgstatus.campaign_recipient_status', '42501', 'row-level security of table "campaign_recipient" hides rows from role "t_tenant"');
SELECT lives_ok('SELECT count(*) FROM msgstatus.message_timeline');
RESET ROLE;

SELECT finish();
ROLLBACK;
