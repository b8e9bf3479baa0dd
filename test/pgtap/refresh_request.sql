-- Requests for fetches: each message once, nothing final, nothing fetched within the last minute; stuck messages; rights.
BEGIN;
\ir include/helpers.psql
SELECT no_plan();

-- A SID that ends in a number.
CREATE FUNCTION sid(n integer) RETURNS text LANGUAGE sql AS $$ SELECT 'SM' || lpad(n::text, 32, '0') $$;
CREATE FUNCTION says(r msgstatus.refresh_request) RETURNS text LANGUAGE sql AS $$
    SELECT concat_ws(' ', r.asked, r.already_queued, r.final, r.recent, r.not_possible, r.unknown)
$$;
CREATE FUNCTION queued() RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(ltrim(substr(message_id, 3), '0'), ' ' ORDER BY message_id) FROM msgstatus.refresh_queue
$$;

SELECT counts(jsonb_build_object('MessageSid', sid(n::integer), 'MessageStatus', s, 'To', '+4917012345' || 10 + n,
    'AccountSid', 'AC00000000000000000000000000000001'), now())
FROM unnest('{queued,sent,delivered,failed,undelivered,read,sending,accepted}'::text[]) WITH ORDINALITY AS u (s, n);
SELECT counts('{"id": "wamid.1", "status": "sent", "timestamp": "1733832000", "recipient_id": "4917012345678"}');
SELECT msgstatus.register_message(sid(20), provider => 'twilio', direction => 'outbound');
SELECT msgstatus.register_message(sid(21), direction => 'outbound');
SELECT counts(format('{"MessageSid": "%s", "MessageStatus": "sent"}', '9f0b2c3d-0000-4000-8000-000000000001')::jsonb);

SELECT is(msgstatus.refreshable('twilio'), true);
SELECT is(msgstatus.refreshable(p), false, 'cannot be asked: ' || COALESCE(p, 'NULL')) FROM unnest('{meta,aisensy,Twilio,"",NULL}'::text[]) AS p;
SELECT is(msgstatus.refreshable('twilio', sid(1)), true);
SELECT is(msgstatus.refreshable(NULL, 'MM0123456789abcdef0123456789abcdef'), true, 'a provider that is not known yet');
SELECT is(msgstatus.refreshable('twilio', id), false, 'no SID: ' || COALESCE(id, 'NULL'))
FROM unnest(ARRAY['SM1', 'sm' || repeat('0', 32), 'SM' || repeat('0', 31) || E'\n', 'SM' || repeat('0', 33), 'CA' || repeat('0', 32),
    'SM' || repeat('0', 30) || '/x', NULL]) AS id;
SELECT is(msgstatus.refreshable('meta', sid(1)), false);

LISTEN msgstatus_refresh;
SELECT is(says(msgstatus.request_refresh(ARRAY[sid(1), sid(2), sid(2), NULL])), '2 0 0 0 0 0', 'two messages, one of them named twice');
SELECT is(says(msgstatus.request_refresh(ARRAY[sid(1), sid(2), sid(3), sid(4), sid(5), sid(6), sid(7), 'wamid.1', sid(99)])), '1 2 4 0 1 1', 'no duplicate, nothing final, no other provider');
SELECT is(queued(), '1 2 7');
SELECT is((SELECT (asked_by = current_user, attempts, worker IS NULL, next_attempt_at = asked_at)::text FROM msgstatus.refresh_queue WHERE message_id = sid(1)), '(t,0,t,t)');
SELECT is(says(msgstatus.request_refresh('{9f0b2c3d-0000-4000-8000-000000000001}')), '0 0 0 0 1 0', 'SignalWire');
SELECT is(says(msgstatus.request_refresh('{}')), '0 0 0 0 0 0');
SELECT throws_ok('SELECT msgstatus.request_refresh(NULL)', '22004');
SELECT throws_ok($$SELECT msgstatus.request_refresh(array_fill('x'::text, '{100001}'))$$, '22023');

-- A message with several ids is named by any of them, and fetched by the one that the provider knows.
SELECT msgstatus.register_message('order-17', provider => 'twilio', direction => 'outbound', alias => sid(31));
SELECT counts(jsonb_build_object('MessageSid', sid(31), 'MessageStatus', 'sent', 'AccountSid', 'AC00000000000000000000000000000001'), now());
SELECT is((SELECT message_id FROM msgstatus.message_alias WHERE alias = sid(31)), 'order-17', 'kept under an id that cannot be fetched');
SELECT is(says(msgstatus.request_refresh(ARRAY[sid(31), 'order-17'])), '1 0 0 0 0 0', 'either id');
SELECT is(says(msgstatus.request_refresh('{order-17}')), '0 1 0 0 0 0');
SELECT is(queued(), '1 2 7 31');
SELECT is_empty(format('SELECT msgstatus.unknown_messages(%L)', ARRAY[sid(31), 'order-17']), 'neither is missing');
SELECT results_eq(format('SELECT msgstatus.unknown_messages(%L)', ARRAY[sid(31), sid(99)]), ARRAY[sid(99)]);
SELECT is((SELECT account_sid FROM msgstatus.claim_refreshes('w') WHERE message_id = sid(31)), 'AC00000000000000000000000000000001', 'with its account');
DELETE FROM msgstatus.refresh_queue WHERE message_id = sid(31);
UPDATE msgstatus.refresh_queue SET worker = NULL, next_attempt_at = now(), claim = 0, attempts = 0;
SELECT is((SELECT count(*)::integer FROM msgstatus.refresh_stuck WHERE message_id = sid(31)), 1, 'it may be stuck');
SELECT is((SELECT count(*)::integer FROM msgstatus.refresh_stuck WHERE message_id = 'order-17'), 0);
SELECT counts(jsonb_build_object('MessageSid', sid(31), 'MessageStatus', 'read'), now());

-- Recent: a fetch within a minute. Unknown to the provider: final.
INSERT INTO msgstatus.message_check (message_id, checked_at, outcome, asked_at, asked_by, attempts)
VALUES (sid(8), now() - interval '59 seconds', 'unchanged', now(), 'x', 1), (sid(20), now() - interval '2 minutes', 'unknown', now(), 'x', 1);
SELECT is(says(msgstatus.request_refresh(ARRAY[sid(8), sid(20)])), '0 0 1 1 0 0');
UPDATE msgstatus.message_check SET checked_at = now() - interval '61 seconds' WHERE message_id = sid(8);
SELECT is(says(msgstatus.request_refresh(ARRAY[sid(8), sid(20)])), '1 0 1 0 0 0', 'a minute later');

-- Pending messages under a filter.
DELETE FROM msgstatus.refresh_queue;
DELETE FROM msgstatus.message_check;
UPDATE msgstatus.message SET created_at = now() - interval '1 hour' * right(message_id, 2)::integer WHERE message_id LIKE 'SM%';
SELECT msgstatus.rebuild_rollups();
SELECT is(says(msgstatus.request_refresh_pending(max_messages => 2)), '2 0 0 0 2 0', 'at most so many, the newest first');
SELECT is(queued(), '1 2');
SELECT is(says(msgstatus.request_refresh_pending(max_messages => 2)), '2 0 0 0 2 0', 'then the next ones');
SELECT is(queued(), '1 2 7 8');
SELECT is(says(msgstatus.request_refresh_pending()), '2 0 0 0 2 0', 'those without a callback, too');
SELECT is(queued(), '1 2 7 8 20 21');
DELETE FROM msgstatus.refresh_queue;
SELECT is(says(msgstatus.request_refresh_pending('90 minutes', state => '{queued,sent}')), '1 0 0 0 2 0', 'by age and state');
SELECT is(queued(), '2');
SELECT is(says(msgstatus.request_refresh_pending(recipient_prefix => '+491701234517')), '1 0 0 0 0 0');
SELECT is(queued(), '2 7');
SELECT is(says(msgstatus.request_refresh_pending(provider => 'meta')), '0 0 0 0 1 0');
SELECT is(says(msgstatus.request_refresh_pending(provider => 'twilio', created_from => now() - interval '90 minutes', created_before => now() - interval '30 minutes')), '1 0 0 0 0 0');
SELECT is(queued(), '1 2 7');
SELECT is(says(msgstatus.request_refresh_pending(direction => 'inbound')), '0 0 0 0 0 0');
SELECT throws_ok('SELECT msgstatus.request_refresh_pending(NULL)', '22004');
SELECT throws_ok('SELECT msgstatus.request_refresh_pending(max_messages => 0)', '22023');
SELECT throws_ok('SELECT msgstatus.request_refresh_pending(max_messages => 100001)', '22023');

-- Stuck messages, asked for again when their age has doubled.
DELETE FROM msgstatus.refresh_queue;
SELECT is(msgstatus.request_stuck_refreshes('150 minutes', 2), 2::bigint, 'the oldest first');
SELECT is(queued(), '20 21');
SELECT is(msgstatus.request_stuck_refreshes('150 minutes'), 2::bigint);
SELECT is(queued(), '7 8 20 21', 'nothing younger');
SELECT is(msgstatus.request_stuck_refreshes('150 minutes'), 0::bigint, 'each once');
DELETE FROM msgstatus.refresh_queue;
INSERT INTO msgstatus.message_check (message_id, checked_at, outcome, asked_at, asked_by, attempts) VALUES
    (sid(7), now() - interval '3 hours', 'unchanged', now(), 'x', 1), (sid(8), now() - interval '4 hours 1 minute', 'unchanged', now(), 'x', 1),
    (sid(21), now() - interval '20 hours', 'unknown', now(), 'x', 1);
SELECT is(msgstatus.request_stuck_refreshes('150 minutes', younger_than => '20 hours 30 minutes'), 2::bigint);
SELECT is(queued(), '8 20', 'not the one whose age has not doubled since, nor one that the provider does not know');
SELECT throws_ok('SELECT msgstatus.request_stuck_refreshes(NULL)', '22004');
SELECT throws_ok($$SELECT msgstatus.request_stuck_refreshes('1 hour', 0)$$, '22023');

-- Levels.
CREATE ROLE t_refresh;
CREATE ROLE t_analyst;
CREATE ROLE t_operator;
CREATE ROLE t_sender;
SELECT msgstatus.grant_access('t_refresh', 'refresh'), msgstatus.grant_access('t_analyst', 'analyst'),
    msgstatus.grant_access('t_operator', 'operator'), msgstatus.grant_access('t_sender', 'sender');
GRANT EXECUTE ON FUNCTION sid(integer), says(msgstatus.refresh_request), queued() TO PUBLIC;
DELETE FROM msgstatus.refresh_queue;
SET LOCAL ROLE t_analyst;
SELECT throws_ok($$SELECT msgstatus.request_refresh('{x}')$$, '42501', NULL, 'an analyst asks for nothing');
SELECT throws_ok('SELECT msgstatus.request_refresh_pending()', '42501');
SELECT isnt((SELECT min(message_id) FROM msgstatus.refresh_status), NULL, 'but reads what came');
SELECT is((SELECT count(*) FROM msgstatus.refresh_status WHERE message_id LIKE 'SM%'), 0::bigint, 'by stand-ins');
SELECT throws_ok('SELECT * FROM msgstatus.refresh_account', '42501');
SELECT lives_ok('SELECT * FROM msgstatus.refresh_workers, msgstatus.reconciliations');
SELECT is(msgstatus.refresh_configured(), false);
RESET ROLE;
SET LOCAL ROLE t_sender;
SELECT throws_ok($$SELECT msgstatus.request_refresh('{x}')$$, '42501');
RESET ROLE;
SET LOCAL ROLE t_operator;
SELECT is(says(msgstatus.request_refresh(ARRAY[sid(1)])), '1 0 0 0 0 0', 'an operator asks');
SELECT is(says(msgstatus.request_refresh_pending(state => '{sent}', provider => 'twilio')), '1 0 0 0 1 0');
SELECT is((SELECT asked_by FROM msgstatus.refresh_status WHERE message_id = sid(1)), 't_operator');

-- Who asked, when, and what came of it is not the operator's to write, in the queue or by the record of actions.
SELECT throws_ok(format($$INSERT INTO msgstatus.refresh_queue (message_id, %s) VALUES ('x', %L)$$, name, value), '42501', NULL, 'an operator writes no ' || name)
FROM (VALUES ('asked_by', 't_analyst'), ('asked_at', '2001-01-01'), ('worker', 'x')) AS v (name, value);
SELECT throws_ok(format('UPDATE msgstatus.refresh_queue SET %s = %L', name, value), '42501')
FROM (VALUES ('asked_by', 't_analyst'), ('asked_at', '2001-01-01'), ('next_attempt_at', '2001-01-01')) AS v (name, value);
SELECT throws_ok($$INSERT INTO msgstatus.message_check VALUES ('x', now(), 'changed', now(), 't_analyst', 1)$$, '42501');
SELECT throws_ok($$UPDATE msgstatus.message_check SET asked_by = 't_analyst'$$, '42501');
SELECT throws_ok(format('SELECT msgstatus.%s', call), '42501', NULL, call)
FROM unnest(ARRAY[$$claim_refreshes('w')$$, $$finish_refreshes('{x}', '{1}', '{failed}', '{NULL}', '{NULL}')$$, $$record_listed('{x}', '{true}')$$,
    $$refresh_worker_seen('w', 'running')$$, $$pause_requests('twilio', '5 minutes')$$, $$begin_reconciliation('w', '1 hour', '1 day')$$]) AS call;
SELECT throws_ok(format('INSERT INTO msgstatus.action_log (action, %s) VALUES (%L, %L)', name, 'replay', value), '42501', NULL, 'nor ' || name)
FROM (VALUES ('role_name', 't_analyst'), ('session_role_name', 't_analyst'), ('done_at', '2001-01-01'), ('detail', '{}'), ('affected', '1')) AS v (name, value);
SELECT throws_ok($$UPDATE msgstatus.action_log SET role_name = 't_analyst'$$, '42501');
SELECT throws_ok($$DELETE FROM msgstatus.action_log$$, '42501');
SELECT throws_ok($$INSERT INTO msgstatus.action_log (action) VALUES ('replay')$$, '42501', NULL, 'nor that it did anything');
SELECT lives_ok(format('SELECT msgstatus.weblog_refresh(%L)', '{"message_ids": ["x"]}'));
SELECT is((SELECT array_agg(concat_ws(' ', role_name, action)) FROM msgstatus.action_log), '{t_operator refresh}', 'what it does is recorded in its own name');
SELECT lives_ok($$DELETE FROM msgstatus.refresh_queue WHERE message_id = 'x'$$, 'it may take requests back');
RESET ROLE;
SET LOCAL ROLE t_refresh;
SELECT throws_ok($$SELECT msgstatus.request_refresh('{x}')$$, '42501', NULL, 'a worker asks for stuck messages alone');
SELECT lives_ok($$SELECT msgstatus.request_stuck_refreshes('1 hour')$$);
SELECT throws_ok('SELECT * FROM msgstatus.message', '42501', NULL, 'it reads no message');
SELECT throws_ok('SELECT * FROM msgstatus.status_event', '42501');
SELECT throws_ok('SELECT * FROM msgstatus.refresh_status', '42501');
SELECT throws_ok($$SELECT msgstatus.register_message('x')$$, '42501');
SELECT is((SELECT count(*) FROM msgstatus.claim_refreshes('w')), 4::bigint, 'it claims');
SELECT is(msgstatus.finish_refreshes(ARRAY[sid(1)], '{1}', '{unchanged}', '{NULL}', '{NULL}'), 1::bigint, 'finishes');
SELECT is((SELECT sum(applied) FROM msgstatus.apply_fetched(ARRAY[format('{"sid": "%s", "status": "delivered"}', sid(2))]::jsonb[])), 1::bigint, 'applies');
SELECT throws_ok(format('SELECT msgstatus.apply_fetched(ARRAY[%L]::jsonb[])', message), '22023', NULL, message || ' is no message of Twilio''s')
FROM unnest(ARRAY['{"sid": "wamid.X", "status": "read"}', '{"MessageSid": "SM00000000000000000000000000000002", "MessageStatus": "read"}',
    '{"id": "wamid.X", "status": "read", "timestamp": "1733826600"}', '{"sid": "SM0000000000000000000000000000000g", "status": "read"}', '[]', '"x"', 'null']) AS message;
SELECT throws_ok('SELECT msgstatus.apply_fetched(ARRAY[NULL]::jsonb[])', '22023');
SELECT throws_ok($$SELECT msgstatus.apply_fetched('{{"{}"},{"{}"}}')$$, '2202E');
SELECT is((SELECT sum(applied) FROM msgstatus.apply_fetched(ARRAY[format('{"sid": "%s", "status": "sent", "id": "wamid.X", "MessageSid": "%s", "MessageStatus": "read",
    "entry": [], "timestamp": "1733826600"}', sid(2), sid(3))]::jsonb[])), 0::bigint, 'other shapes in it mean nothing');
SELECT is((SELECT count(*) FROM msgstatus.apply_fetched('{}')), 0::bigint);
SELECT throws_ok(format('SELECT msgstatus.%s', call), '42501', NULL, 'a worker applies by no other function: ' || call)
FROM unnest(ARRAY[$$apply_message_status('{}')$$, $$apply_message_status_batch('{}', '{}', '{}')$$, $$reject_webhook('x', 'y')$$]) AS call;
SELECT throws_ok($$INSERT INTO msgstatus.refresh_queue (message_id, asked_by) VALUES ('x', 't_analyst')$$, '42501', NULL, 'nor asks in another name');
SELECT lives_ok($$SELECT msgstatus.refresh_worker_seen('w', 'running')$$);
SELECT lives_ok($$SELECT msgstatus.reserve_request('twilio', 5), msgstatus.pause_requests('twilio', '1 second')$$);
SELECT isnt(msgstatus.begin_reconciliation('w', '1 hour', '3 days'), NULL);
SELECT is((SELECT array_agg(u) FROM msgstatus.unknown_messages(ARRAY[sid(1), 'x']) AS u), '{x}');
SELECT is(msgstatus.record_listed(ARRAY[sid(7), sid(3)], '{true,false}'), 1::bigint);
RESET ROLE;
SELECT is((SELECT source FROM msgstatus.status_event WHERE message_id = sid(2) AND state = 'delivered'), 'twilio-api');
SELECT is((SELECT count(*) FROM msgstatus.message WHERE message_id = 'wamid.X'), 0::bigint);

-- A purge takes requests and checks along.
SELECT msgstatus.purge_messages(now() + interval '1 hour');
SELECT is_empty('SELECT FROM msgstatus.refresh_queue AS q JOIN msgstatus.message AS m USING (message_id)');
SELECT is((SELECT count(*) FROM msgstatus.refresh_status AS s WHERE NOT EXISTS (SELECT FROM msgstatus.message AS m WHERE m.message_id = s.message_id)), 0::bigint);

SELECT finish();
ROLLBACK;
