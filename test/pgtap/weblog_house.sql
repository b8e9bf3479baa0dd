-- The other functions of the web log: dead letters and their replay, campaigns, alerts, attached tables, health, the session; which role
-- may call what; the record of actions; and that reading needs no more than a read-only transaction.
BEGIN;
\ir include/helpers.psql
SELECT no_plan();

CREATE ROLE t_analyst;
CREATE ROLE t_operator;
SELECT msgstatus.grant_access('t_analyst', 'analyst'), msgstatus.grant_access('t_operator', 'operator');
GRANT USAGE ON SCHEMA public TO PUBLIC;

-- Nothing there yet.
SELECT is(msgstatus.weblog_rejected(), '{"rejected": [], "next": null, "bodies_shown": true, "summary": []}');
SELECT is(msgstatus.weblog_campaigns(), '{"campaigns": [], "next": null}');
SELECT is(msgstatus.weblog_attached(), '{"attached": []}');
SELECT is(jsonb_typeof(msgstatus.weblog_alerts() -> 'alerts'), 'array');
SELECT is(msgstatus.weblog_campaigns(jsonb_build_object('campaign', gen_random_uuid())), '{"campaign": null, "recipients": [], "next": null}');

-- Dead letters.
SELECT counts(jsonb_build_array(jsonb_build_object('id', '15550100001', 'status', 'gone'), jsonb_build_object('id', '<b>', 'status', 'lost')), source => 'receiver');
SELECT msgstatus.reject_webhook(repeat('x', 20000) || '15550100001', 'broken');
SELECT is(jsonb_array_length(msgstatus.weblog_rejected() -> 'rejected'), 3);
SELECT is((msgstatus.weblog_rejected() -> 'rejected' -> 0) - '{id,received_at,rejected_at}'::text[], jsonb_build_object('source', NULL, 'provider', NULL, 'sender', NULL, 'reason', 'broken', 'body', repeat('x', 16384), 'body_cut', true), 'the newest first, cut');
SELECT is(length(msgstatus.weblog_rejected(jsonb_build_object('id', msgstatus.weblog_rejected() -> 'rejected' -> 0 -> 'id')) -> 'rejected' -> 0 ->> 'body'), 20011, 'one is whole');
SELECT msgstatus.weblog_rejected('{"limit": "2"}') AS page \gset
SELECT is(jsonb_array_length(:'page'::jsonb -> 'rejected'), 2);
SELECT is(msgstatus.weblog_rejected(jsonb_build_object('limit', '2', 'cursor', :'page'::jsonb ->> 'next')) -> 'rejected', jsonb_build_array(msgstatus.weblog_rejected() -> 'rejected' -> 2), 'the next page');
SELECT is(msgstatus.weblog_rejected(jsonb_build_object('limit', '2', 'cursor', :'page'::jsonb ->> 'next')) -> 'next', 'null');
SELECT is((msgstatus.weblog_rejected() -> 'rejected' -> 1 ->> 'body')::jsonb, '{"id": "<b>", "status": "lost"}');
SET LOCAL ROLE t_analyst;
SELECT is(msgstatus.weblog_rejected() -> 'rejected', '[]', 'an analyst sees no bodies');
SELECT is(msgstatus.weblog_rejected() -> 'bodies_shown', 'false');
SELECT is((SELECT sum((s -> 'rejected')::bigint) FROM jsonb_array_elements(msgstatus.weblog_rejected() -> 'summary') AS s), 3::numeric, 'but how many there are');
SELECT is(msgstatus.weblog_rejected()::text ~ '15550100001', false);
SELECT throws_ok('SELECT msgstatus.weblog_replay()', '42501', NULL, 'an analyst replays nothing');
SELECT throws_ok('SELECT * FROM msgstatus.action_log', '42501', NULL, 'nor reads what others did');
SELECT throws_ok(format('SELECT msgstatus.act_%s(%L)', f, '{}'), '42501', NULL, f || ' has no way around') FROM unnest('{weblog_replay,weblog_refresh,weblog_refresh_pending}'::text[]) AS f;
RESET ROLE;

-- Replay.
SELECT throws_ok(format('SELECT msgstatus.weblog_replay(%L)', p), '22023') FROM unnest(ARRAY['{"ids": []}', '{"ids": ["x"]}', '{"ids": [""]}', '{"id": ["1"]}', '[]']::jsonb[]) AS p;
UPDATE msgstatus.rejected_status SET payload = '{"id": "mended", "status": "sent"}' WHERE payload ->> 'status' = 'lost';
SET LOCAL ROLE t_operator;
SELECT is(msgstatus.weblog_replay(jsonb_build_object('ids', jsonb_build_array(msgstatus.weblog_rejected() -> 'rejected' -> 1 -> 'id'))),
    '{"replayed": 1, "applied": 1, "unchanged": 0, "still_rejected": 0}', 'one dead letter');
SELECT is(msgstatus.weblog_replay('{"ids": ["999999999"]}'), '{"replayed": 0, "applied": 0, "unchanged": 0, "still_rejected": 0}', 'one that is not there');
SELECT is(msgstatus.weblog_replay(), '{"replayed": 2, "applied": 0, "unchanged": 0, "still_rejected": 2}', 'all of them');
SELECT is((SELECT array_agg(concat_ws(' ', role_name, session_role_name = session_user, action, affected, detail ->> 'applied') ORDER BY action_id) FROM msgstatus.action_log),
    '{t_operator t replay 1 1,t_operator t replay 0 0,t_operator t replay 2 0}', 'who did what, and how many it concerned');
SELECT is((SELECT bool_or(detail::text ~ '15550100001|mended') FROM msgstatus.action_log), false, 'the record holds no numbers and no bodies');
SELECT throws_ok($$INSERT INTO msgstatus.action_log (role_name, action) VALUES ('somebody', 'replay')$$, '42501', NULL, 'nobody acts in the name of another');
SELECT throws_ok($$INSERT INTO msgstatus.action_log (action, detail, affected) VALUES ('replay', '{}', 7)$$, '42501', NULL, 'nor writes down what was not done');
SELECT is((SELECT count(*) FROM pg_proc AS p WHERE p.pronamespace = 'msgstatus'::regnamespace AND p.prosrc ~ 'action_log' AND p.proname NOT LIKE 'install%'), 0::bigint, 'no function that could be called writes it');
SELECT throws_ok($$SELECT msgstatus.weblog_replay('{"ids": []}')$$, '22023');
SELECT is((SELECT count(*) FROM msgstatus.action_log), 3::bigint, 'what fails is no action');
SELECT throws_ok($$UPDATE msgstatus.action_log SET action = 'x'$$, '42501', NULL, 'nor changes what is recorded');
SELECT throws_ok($$DELETE FROM msgstatus.action_log$$, '42501');
RESET ROLE;

-- Campaigns.
SELECT msgstatus.create_campaign('camp' || n) FROM generate_series(1, 5) AS n;
UPDATE msgstatus.campaign SET created_at = now() - right(name, 1)::integer * interval '1 hour';
UPDATE msgstatus.campaign SET created_at = now() - interval '4 hours' WHERE name = 'camp5';
SELECT campaign_id AS campaign FROM msgstatus.campaign WHERE name = 'camp2' \gset
SELECT msgstatus.add_recipients(:'campaign', ARRAY(SELECT '+155501000' || lpad(n::text, 2, '0') FROM generate_series(1, 25) AS n));
SELECT msgstatus.activate_campaign(:'campaign');
SET LOCAL ROLE t_analyst;
SELECT is(msgstatus.weblog_campaigns() -> 'campaigns' -> 1, (SELECT to_jsonb(s) FROM msgstatus.campaign_stats AS s WHERE campaign_id = :'campaign'), 'a campaign is its row of campaign_stats');
SELECT msgstatus.weblog_campaigns('{"limit": "2"}') AS page \gset
SELECT is((SELECT array_agg(c ->> 'campaign_name' ORDER BY place) FROM jsonb_array_elements(:'page'::jsonb -> 'campaigns') WITH ORDINALITY AS e (c, place)), '{camp1,camp2}', 'the newest first');
SELECT is((SELECT array_agg(c ->> 'campaign_name' ORDER BY place) FROM jsonb_array_elements(msgstatus.weblog_campaigns(jsonb_build_object('limit', '5', 'cursor', :'page'::jsonb -> 'next')) -> 'campaigns') WITH ORDINALITY AS e (c, place)) @> '{camp3,camp4,camp5}', true, 'and the next page');
CREATE TEMP TABLE page AS
WITH RECURSIVE page AS (
    SELECT msgstatus.weblog_campaigns(jsonb_build_object('campaign', :'campaign', 'limit', '10')) AS p
    UNION ALL
    SELECT msgstatus.weblog_campaigns(jsonb_build_object('campaign', :'campaign', 'limit', '10', 'cursor', p -> 'next')) FROM page WHERE p ->> 'next' IS NOT NULL
) SELECT p FROM page;
SELECT is((SELECT array_agg(jsonb_array_length(p -> 'recipients')) FROM page), '{10,10,5}');
SELECT is((SELECT array_agg(r ->> 'recipient_id' ORDER BY r ->> 'recipient_id') FROM page, jsonb_array_elements(p -> 'recipients') AS r), (SELECT array_agg(recipient_id::text ORDER BY recipient_id) FROM msgstatus.campaign_recipient_status WHERE campaign_id = :'campaign'), 'each recipient once');
SELECT is((SELECT p -> 'campaign' ->> 'total_target' FROM page LIMIT 1), '25');
SELECT is((SELECT bool_or(p::text ~ '15550100') FROM page), false, 'masked');
RESET ROLE;
SELECT throws_ok($$SELECT msgstatus.weblog_campaigns('{"cursor": "x"}')$$, '22023');
SET LOCAL ROLE t_operator;
SELECT is((SELECT array_agg(r ->> 'phone_number' ORDER BY place) FROM jsonb_array_elements(msgstatus.weblog_campaigns(jsonb_build_object('campaign', :'campaign', 'limit', '5')) -> 'recipients') WITH ORDINALITY AS e (r, place)),
    (SELECT array_agg(phone_number ORDER BY recipient_id) FROM (SELECT * FROM msgstatus.campaign_recipient WHERE campaign_id = :'campaign' ORDER BY recipient_id LIMIT 5) AS r), 'an operator sees numbers');
RESET ROLE;

-- Alerts, as the view has them.
UPDATE msgstatus.alert_rule SET threshold = CASE WHEN metric LIKE '%rate' THEN 101 ELSE 0 END, minimum_count = 0, period = '10000 days';
SET LOCAL ROLE t_analyst;
SELECT is((SELECT array_agg(concat_ws(' ', a ->> 'severity', a ->> 'name', a ->> 'subject', a ->> 'sentence') ORDER BY place) FROM jsonb_array_elements(msgstatus.weblog_alerts() -> 'alerts') WITH ORDINALITY AS e (a, place)),
    (SELECT array_agg(concat_ws(' ', severity, name, subject, message) ORDER BY severity, name, subject) FROM msgstatus.active_alerts), 'the active alerts');
RESET ROLE;

-- Attached tables.
CREATE TABLE log (message_sid text PRIMARY KEY, status text);
SELECT msgstatus.attach_table('log', 'message_sid');
SET LOCAL ROLE t_operator;
SELECT is((SELECT array_agg(concat_ws(' ', a ->> 'table', a ->> 'key_column', a ->> 'failures')) FROM jsonb_array_elements(msgstatus.weblog_attached() -> 'attached') AS a), '{public.log message_sid 0}');
RESET ROLE;
SET LOCAL ROLE t_analyst;
SELECT throws_ok('SELECT msgstatus.weblog_attached()', '42501', 'the attached tables require access to attached_tables', 'as in psql');
RESET ROLE;

-- Health.
SELECT msgstatus.apply_message_status('{"id": "h1", "status": "queued"}', source => 'hook +15550100001'), msgstatus.apply_message_status('{"id": "h1", "status": "sent"}', source => 'hook +15550100001');
SELECT msgstatus.apply_message_status('{"id": "h2", "status": "sent"}', now() - interval '2 hours', 'late');
SELECT msgstatus.weblog_health() AS health \gset
SELECT is(jsonb_array_length(:'health'::jsonb -> 'events_per_minute'), 60);
SELECT is((:'health'::jsonb -> 'events_per_minute' -> 59 -> 'events')::bigint, (SELECT count(*) FROM msgstatus.status_event WHERE received_at >= date_trunc('minute', now()) AND received_at <= now()), 'the events of this minute');
SELECT is((SELECT array_agg(s ->> 'source') FROM jsonb_array_elements(:'health'::jsonb -> 'sources') AS s) @> '{hook +15550100001}', true);
SELECT is((SELECT bool_or(s ->> 'source' = 'late') FROM jsonb_array_elements(:'health'::jsonb -> 'sources') AS s), false);
SELECT is((:'health'::jsonb ->> 'pending')::bigint, (SELECT count(*) FROM msgstatus.message WHERE msgstatus.state(status) = ANY ('{accepted,queued,sending,sent}'::msgstatus.delivery_state[]) AND created_at > now() - interval '30 days'), 'pending, of the last 30 days');
SELECT is((:'health'::jsonb ->> 'oldest_pending_at')::timestamptz, now() - interval '2 hours');
SELECT is((:'health'::jsonb -> 'rejected'), '2');
SET LOCAL ROLE t_analyst;
SELECT is(msgstatus.weblog_health()::text ~ '15550100001', false, 'masked for an analyst');
RESET ROLE;

-- The session.
UPDATE msgstatus.message SET provider = 'meta', message_type = 'text' WHERE message_id = 'h1';
SELECT msgstatus.rebuild_rollups();
SET LOCAL ROLE t_operator;
SELECT is(msgstatus.weblog_session() - '{states,version,session_role,refresh_configured,can}'::text[], '{"role": "t_operator", "level": "operator", "masked": false, "providers": ["meta"], "types": ["text"]}');
SELECT is(msgstatus.weblog_session() -> 'can' -> 'replay', 'true');
SELECT is(msgstatus.weblog_session() ->> 'session_role', session_user::text);
RESET ROLE;
SET LOCAL ROLE t_analyst;
SELECT is(msgstatus.weblog_session() - '{states,version,session_role,refresh_configured}'::text[], '{"role": "t_analyst", "level": "analyst", "masked": true, "can": {"replay": false, "refresh": false}, "providers": ["meta"], "types": ["text"]}');
RESET ROLE;

-- Unknown parameters are refused everywhere.
SELECT throws_ok(format('SELECT msgstatus.%s(%L)', f, '{"x": "1"}'), '22023', 'unknown parameter "x"', f)
FROM unnest('{weblog_messages,weblog_changes,weblog_message,weblog_csv,weblog_csv_page,weblog_stats,weblog_volumes,weblog_alerts,weblog_campaigns,weblog_rejected,weblog_attached,weblog_health,weblog_session,weblog_replay,weblog_refresh,weblog_refresh_pending,weblog_refresh_progress}'::text[]) AS f;
SELECT throws_ok(format('SELECT msgstatus.%s(NULL)', f), '22023', 'the parameters must be a JSON object', f || ' of NULL')
FROM unnest('{weblog_messages,weblog_message,weblog_stats,weblog_session}'::text[]) AS f;

-- All that reads needs a read-only transaction only; what acts is refused there.
SET LOCAL transaction_read_only = on;
SET LOCAL ROLE t_operator;
SELECT lives_ok(format('SELECT * FROM msgstatus.%s(%L)', f, p), f || ' in a read-only transaction')
FROM (VALUES ('weblog_messages', '{}'), ('weblog_messages', '{"sort": "state"}'), ('weblog_changes', '{"since": "2024-01-01", "ids": ["h1"]}'), ('weblog_message', '{"id": "h1"}'), ('weblog_csv', '{}'), ('weblog_csv_page', '{}'),
    ('weblog_stats', '{}'), ('weblog_volumes', '{}'), ('weblog_alerts', '{}'), ('weblog_campaigns', '{}'), ('weblog_rejected', '{}'), ('weblog_attached', '{}'), ('weblog_health', '{}'), ('weblog_session', '{}')) AS v (f, p);
SELECT throws_ok('SELECT msgstatus.weblog_replay()', '25006');
RESET ROLE;

SELECT finish();
ROLLBACK;
