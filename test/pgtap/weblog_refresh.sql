-- weblog_refresh, weblog_refresh_pending and weblog_refresh_progress: what is asked for, by whom, what came of it, and what the log shows.
BEGIN;
\ir include/helpers.psql
SELECT no_plan();

CREATE ROLE t_analyst;
CREATE ROLE t_operator;
CREATE ROLE t_worker;
SELECT msgstatus.grant_access('t_analyst', 'analyst'), msgstatus.grant_access('t_operator', 'operator'), msgstatus.grant_access('t_worker', 'refresh');
GRANT USAGE ON SCHEMA public TO PUBLIC;
CREATE FUNCTION sid(n integer) RETURNS text LANGUAGE sql IMMUTABLE RETURN 'SM' || lpad(n::text, 32, '0');
-- A row of the log.
CREATE FUNCTION shown(id text) RETURNS jsonb LANGUAGE sql AS $$
    SELECT m FROM jsonb_array_elements(msgstatus.weblog_messages() -> 'messages') AS m WHERE m ->> 'message_id' = id
$$;
SELECT msgstatus.apply_message_status(jsonb_build_object('MessageSid', sid(n), 'MessageStatus', CASE WHEN n = 5 THEN 'delivered' ELSE 'sent' END, 'From', '+4930123456', 'To', '+4915100000' || n)) FROM generate_series(1, 5) AS n;
SELECT counts('{"id": "wamid.A", "status": "sent", "recipient_id": "491701234567"}');
SELECT is((SELECT array_agg(m ->> 'message_id' ORDER BY m ->> 'message_id') FROM jsonb_array_elements(msgstatus.weblog_messages() -> 'messages') AS m WHERE (m -> 'refreshable')::boolean),
    ARRAY(SELECT sid(n) FROM generate_series(1, 4) AS n), 'what is pending at a provider that can be asked');

-- By ids, of which some are stand-ins.
SET LOCAL ROLE t_operator;
SELECT is(msgstatus.weblog_refresh(jsonb_build_object('message_ids', jsonb_build_array(sid(1), shown(sid(2)) -> 'link', sid(5), 'wamid.A', 'gone'))),
    '{"asked": 2, "already_queued": 0, "final": 1, "recent": 0, "unknown": 1, "not_possible": [{"provider": "meta", "count": 1}], "not_configured": true}', 'asked for, or said why not');
SELECT is(msgstatus.weblog_refresh(jsonb_build_object('message_ids', sid(1))) -> 'already_queued', '1', 'each once');
SELECT is(msgstatus.weblog_refresh(jsonb_build_object('message_sid', sid(1))) -> 'already_queued', '1', 'as an older API names it');
SELECT is(shown(sid(1)) -> 'refresh_waiting', 'true');
SELECT throws_ok(format('SELECT msgstatus.weblog_refresh(%L)', p), '22023') FROM unnest(ARRAY['{}', '{"message_ids": []}', '{"message_ids": [{}]}', '{"ids": ["x"]}']::jsonb[]) AS p;
SELECT is(msgstatus.weblog_refresh_progress(jsonb_build_object('since', now())) - 'read_at', '{"asked": 2, "waiting": 2, "fetched": 0, "changed": 0, "unchanged": 0, "failed": 0, "unknown": 0, "not_configured": true}', 'nothing has come yet');

-- What is pending under a filter.
SELECT is(msgstatus.weblog_refresh_pending('{"recipient": "+49151000003"}') -> 'asked', '1', 'under a filter');
SELECT is(msgstatus.weblog_refresh_pending('{"state": ["queued", "accepted"]}') -> 'asked', '0', 'of some states');
SELECT is(msgstatus.weblog_refresh_pending() - 'already_queued', '{"asked": 1, "final": 0, "recent": 0, "unknown": 0, "not_possible": [{"provider": null, "count": 1}], "not_configured": true}', 'all that is pending');
SELECT throws_ok(format('SELECT msgstatus.weblog_refresh_pending(%L)', p), '22023') FROM unnest(ARRAY['{"state": "gone"}', '{"limit": "10001"}', '{"cursor": "x"}']::jsonb[]) AS p;
SELECT is((SELECT array_agg(concat_ws(' ', role_name, action, affected, detail -> 'filter') ORDER BY action_id) FROM msgstatus.action_log),
    ARRAY['t_operator refresh 2', 't_operator refresh 0', 't_operator refresh 0', 't_operator refresh_pending 1 {"recipient": true}', 't_operator refresh_pending 0 {"state": ["queued", "accepted"]}', 't_operator refresh_pending 1 {}'],
    'who asked, for how many; what names a person is left out');
SELECT is((SELECT bool_or(detail::text ~ '15100000|SM0') FROM msgstatus.action_log), false, 'the record holds no numbers and no ids');
RESET ROLE;

-- A worker fetches.
INSERT INTO msgstatus.message_check (message_id, checked_at, outcome, asked_at, asked_by, attempts)
SELECT sid(n), now(), (ARRAY['changed', 'unchanged', 'unknown'])[n], now(), 't_operator', 1 FROM generate_series(1, 3) AS n;
DELETE FROM msgstatus.refresh_queue WHERE message_id <> sid(4);
SET LOCAL ROLE t_worker;
SELECT msgstatus.refresh_worker_seen('w1', 'running');
RESET ROLE;
SET LOCAL ROLE t_analyst;
SELECT is(msgstatus.weblog_refresh_progress(jsonb_build_object('since', now())) - 'read_at', '{"asked": 4, "waiting": 1, "fetched": 3, "changed": 1, "unchanged": 1, "failed": 0, "unknown": 1, "not_configured": false}', 'an analyst follows');
SELECT is(msgstatus.weblog_session() -> 'refresh_configured', 'true');
SELECT is(msgstatus.weblog_session() -> 'can' -> 'refresh', 'false');
SELECT is(msgstatus.weblog_health() -> 'refresh' -> 'workers' -> 0 ->> 'state', 'running');
SELECT is(msgstatus.weblog_health() -> 'refresh' -> 'waiting', '1');
SELECT throws_ok(format('SELECT msgstatus.%s(%L)', f, p), '42501', NULL, 'an analyst asks for nothing: ' || f)
FROM (VALUES ('weblog_refresh', '{"message_ids": ["x"]}'), ('weblog_refresh_pending', '{}'), ('weblog_message_ids', '{x}')) AS v (f, p);
RESET ROLE;
SELECT is((shown(sid(1)) ->> 'last_status_check')::timestamptz, now());
SELECT is(shown(sid(1)) ->> 'last_status_check_outcome', 'changed');
SELECT is(shown(sid(3)) -> 'refreshable', 'false', 'what the provider does not know is not asked for again');
SELECT is(msgstatus.weblog_message(jsonb_build_object('id', sid(2))) ->> 'last_status_check_outcome', 'unchanged');
SELECT is(msgstatus.weblog_refresh_progress(jsonb_build_object('message_ids', jsonb_build_array(sid(1), sid(4), 'gone'))) - '{read_at,not_configured}'::text[],
    '{"asked": 2, "waiting": 1, "fetched": 1, "changed": 1, "unchanged": 0, "failed": 0, "unknown": 0}', 'of some messages');
UPDATE msgstatus.message SET updated_at = now() - interval '1 hour';
SELECT is((SELECT array_agg(m ->> 'message_id') FROM jsonb_array_elements(msgstatus.weblog_changes(jsonb_build_object('since', now(), 'ids', jsonb_build_array(sid(1), sid(4)))) -> 'changed') AS m), ARRAY[sid(1)], 'a check is a change');
SELECT throws_ok('SELECT msgstatus.weblog_refresh_progress(''{}'')', '22023');

SET LOCAL transaction_read_only = on;
SET LOCAL ROLE t_operator;
SELECT lives_ok($$SELECT msgstatus.weblog_refresh_progress('{"since": "2024-01-01"}')$$);
SELECT throws_ok($$SELECT msgstatus.weblog_refresh('{"message_ids": ["x"]}')$$, '25006');
RESET ROLE;

SELECT finish();
ROLLBACK;
