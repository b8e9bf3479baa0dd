-- Alerts: each rule is broken by its own condition, not by less, nor by small samples; listeners are notified when an alert starts
-- and when it ends. The rules are as version 0.1.0 brought them, about all messages together and at once, which users may have
-- chosen to keep; alert_channels.sql tests the rules as they come.
BEGIN;
\ir include/helpers.psql
SELECT no_plan();

-- Returns the alerts as "severity name subject value threshold".
CREATE FUNCTION active() RETURNS text[] LANGUAGE sql AS $$
    SELECT COALESCE(array_agg(concat_ws(' ', severity, name, subject, trim_scale(value), trim_scale(threshold))), '{}') FROM msgstatus.active_alerts
$$;

-- Makes so many messages in a state, created so long ago, sent five seconds after and changed ten seconds after.
CREATE FUNCTION messages(number integer, state text, ago interval DEFAULT '20 minutes', delay interval DEFAULT '5 seconds', error_code integer DEFAULT NULL,
    provider text DEFAULT 'meta') RETURNS void LANGUAGE sql AS $$
    INSERT INTO msgstatus.message (message_id, provider, status, error_code, created_at, updated_at)
    SELECT gen_random_uuid()::text, provider,
        CASE WHEN state = '' THEN '{}' ELSE msgstatus.message_status('sent', now() - ago) OPERATOR(msgstatus.||) msgstatus.message_status(state::msgstatus.delivery_state, now() - ago + delay) END,
        error_code, now() - ago, now() - ago + delay
    FROM generate_series(1, number);
    SELECT msgstatus.rebuild_rollups();
$$;
CREATE FUNCTION forget_messages() RETURNS void LANGUAGE sql AS $$
    DELETE FROM msgstatus.message;
    DELETE FROM msgstatus.rejected_status;
    SELECT msgstatus.rebuild_rollups();
$$;
-- Enables one rule.
CREATE FUNCTION only_rule(rule text) RETURNS void LANGUAGE sql AS $$
    UPDATE msgstatus.alert_rule SET enabled = (name = rule);
    SELECT forget_messages();
$$;

SELECT is(active(), '{}', 'nothing is amiss in an empty database');
UPDATE msgstatus.alert_rule SET per = 'all', statistic = 'average', relative_threshold = NULL, age = CASE metric WHEN 'undelivered' THEN '10 minutes' ELSE '0' END::interval,
    period = CASE WHEN metric IN ('undelivered', 'read_rate') THEN '24 hours' ELSE '1 hour' END::interval;
SELECT is((SELECT jsonb_object_agg(name, severity) FROM msgstatus.alert_rule), '{"delivery_rate_low": "critical", "messages_undelivered": "critical",
    "webhooks_silent": "critical", "read_rate_low": "warning", "delivery_slow": "warning", "rejections_growing": "warning", "error_code_frequent": "warning", "refresh_refused": "critical"}');

-- Delivery rate below 90 % in the last hour, of 20 at least.
SELECT only_rule('delivery_rate_low');
SELECT messages(8, 'failed'), messages(11, 'read');
SELECT is(active(), '{}', 'a small sample does not fire');
SELECT messages(1, 'delivered');
SELECT is(active(), '{critical delivery_rate_low 60 90}');
SELECT messages(59, 'delivered');
SELECT messages(1, 'delivered');
SELECT is(active(), '{}', '90 % is enough');
SELECT messages(1, 'sent');
SELECT is(active(), '{}', 'one of 81 less may be chance');
SELECT messages(9, 'sent');
SELECT is(active(), '{critical delivery_rate_low 80 90}');
SELECT is((SELECT message FROM msgstatus.active_alerts),
    'Only 80.0 % of the 90 messages of the last hour were delivered (less than 90 %): see failure_breakdown, undelivered_messages and the provider''s status page.');
SELECT forget_messages();
SELECT messages(30, 'failed', '3 hours');
SELECT is(active(), '{}', 'what is long ago does not count');

-- More than 10 undelivered for over 10 minutes.
SELECT only_rule('messages_undelivered');
SELECT messages(10, 'sent', '11 minutes'), messages(30, 'sent', '9 minutes'), messages(30, 'delivered', '1 hour'), messages(30, 'failed', '1 hour'), messages(30, '', '1 hour');
SELECT is(active(), '{}', '10 are not too many');
SELECT counts(jsonb_build_object('id', 'late', 'status', 'sent', 'timestamp', floor(extract(epoch FROM now() - interval '12 minutes'))), now());
SELECT msgstatus.rebuild_rollups();
SELECT is(active(), '{critical messages_undelivered 11 10}', 'what was heard of late counts from when it was sent');
SELECT messages(3, 'queued', '5 hours');
SELECT is(active(), '{critical messages_undelivered 14 10}', 'of hours that are over, too');
SELECT messages(3, 'queued', '26 hours');
SELECT is(active(), '{critical messages_undelivered 14 10}', 'not of days ago');
UPDATE msgstatus.alert_rule SET age = '2 hours', threshold = 2 WHERE name = 'messages_undelivered';
SELECT is(active(), '{critical messages_undelivered 3 2}', 'a rule can be changed');
SELECT is((SELECT message FROM msgstatus.active_alerts), '3 messages of the last 24 hours have been undelivered for over 2 hours (more than 2): see undelivered_messages.');

-- No webhook for 10 minutes while messages are being sent.
SELECT only_rule('webhooks_silent');
SELECT messages(30, '', '9 minutes');
SELECT is(active(), '{}', 'not yet for long enough');
SELECT messages(30, 'delivered', '14 minutes'), messages(1, '', '13 minutes');
SELECT is(active(), '{critical webhooks_silent 13 10}');
SELECT messages(1, 'sent', '1 minute');
SELECT is(active(), '{}', 'a webhook ends it');
SELECT forget_messages();
SELECT messages(4, '', '30 minutes');
SELECT is(active(), '{}', 'four messages are too few to tell');
SELECT messages(1, '', '20 minutes');
SELECT is(active(), '{critical webhooks_silent 30 10}');
SELECT is((SELECT message FROM msgstatus.active_alerts),
    'No webhook for 30 minutes, although 5 messages were sent (10 minutes are allowed): is the receiver up, does the provider reach it, is its secret right?');
SELECT forget_messages();
SELECT messages(30, '', '70 minutes');
SELECT is(active(), '{}', 'where nothing is sent any more, silence is no wonder');

-- Read rate below 50 % in 24 hours.
SELECT only_rule('read_rate_low');
SELECT messages(9, 'read', '20 hours'), messages(10, 'delivered', '20 hours'), messages(99, 'failed', '20 hours');
SELECT is(active(), '{}', 'a small sample does not fire');
SELECT messages(1, 'delivered', '20 hours');
SELECT is(active(), '{}', '9 of 20 may be chance');
SELECT messages(20, 'delivered', '20 hours');
SELECT is(active(), '{warning read_rate_low 22.5 50}');
SELECT messages(22, 'played', '20 hours');
SELECT is(active(), '{}', '50 % is enough');

-- Average delivery over 30 seconds.
SELECT only_rule('delivery_slow');
SELECT messages(19, 'delivered', delay => '40 seconds');
SELECT is(active(), '{}', 'a small sample does not fire');
SELECT messages(1, 'delivered', delay => '40 seconds');
SELECT is(active(), '{warning delivery_slow 40 30}');
SELECT messages(20, 'delivered', delay => '20 seconds');
SELECT is(active(), '{}', '30 seconds are quick enough');

-- Rejected statuses growing.
SELECT only_rule('rejections_growing');
SELECT count(counts('{"id": "r", "status": "gone"}', now())) FROM generate_series(1, 9);
SELECT is(active(), '{}', 'a few do not fire');
SELECT counts('{"id": "r", "status": "gone"}', now());
SELECT is(active(), '{warning rejections_growing 10 0}');
INSERT INTO msgstatus.rejected_status (received_at, reason, body, rejected_at) SELECT now(), 'x', 'x', now() - interval '61 minutes' FROM generate_series(1, 5);
SELECT is(active(), '{}', 'twice as many as in the hour before is no growth');
SELECT counts('{"id": "r", "status": "gone"}', now());
SELECT is(active(), '{warning rejections_growing 11 10}');
SELECT is((SELECT message FROM msgstatus.active_alerts), '11 statuses were rejected in the last hour, 5 in the hour before (more than 2 times as many): see rejected_summary.');

-- Twilio refuses the credentials of msgstatus-refresh.
SELECT only_rule('refresh_refused');
SELECT msgstatus.refresh_worker_seen('host:1', 'running'), msgstatus.refresh_worker_seen('host:2', 'not configured');
SELECT is(active(), '{}');
SELECT msgstatus.refresh_worker_seen('host:1', 'refused', 'HTTP 401');
SELECT is(active(), '{critical refresh_refused 1 0}');
SELECT is((SELECT message FROM msgstatus.active_alerts), 'Twilio refused the credentials of msgstatus-refresh (processes: 1), so that no status is fetched: see refresh_workers.');
UPDATE msgstatus.refresh_worker SET seen_at = now() - interval '3 minutes';
SELECT is(active(), '{}', 'a worker that is gone');

-- One error code suddenly frequent.
SELECT only_rule('error_code_frequent');
SELECT messages(9, 'failed', error_code => 131026), messages(9, 'failed'), messages(12, 'undelivered', '20 hours', error_code => 30003, provider => 'twilio');
SELECT is(active(), '{}', 'a few do not fire, nor do those of long ago');
SELECT messages(1, 'failed', error_code => 131026), messages(10, 'undelivered', error_code => 30003, provider => 'twilio'), messages(11, 'failed', error_code => 5, provider => NULL);
SELECT is((SELECT array_agg(concat_ws(' ', severity, name, subject, value)) FROM msgstatus.active_alerts),
    '{warning error_code_frequent meta 131026 10,warning error_code_frequent twilio 30003 10,warning error_code_frequent unknown 5 11}', 'one for each code');
SELECT matches((SELECT message FROM msgstatus.active_alerts WHERE subject = 'twilio 30003'),
    '^10 messages of the last hour failed by error 30003 of twilio \(handset unreachable\); as the day before was, [01]\.\d were to be expected: see failure_breakdown\.$');
SELECT messages(240, 'undelivered', '20 hours', error_code => 30003, provider => 'twilio');
SELECT is((SELECT array_agg(subject) FROM msgstatus.active_alerts), '{meta 131026,unknown 5}', 'what is as frequent as the day before is not');

-- Several at a time, critical ones first.
UPDATE msgstatus.alert_rule SET enabled = true, age = CASE metric WHEN 'undelivered' THEN '10 minutes' ELSE '0' END::interval, threshold = CASE metric WHEN 'undelivered' THEN 10 ELSE threshold END;
SELECT forget_messages();
SELECT messages(30, 'failed', error_code => 131026), messages(30, 'failed', '20 hours', error_code => 131026), messages(330, 'failed', '23 hours', error_code => 131026);
SELECT messages(30, 'sent'), messages(30, 'delivered', delay => '1 minute');
SELECT is(active(), '{critical delivery_rate_low 33.33 90,critical messages_undelivered 30 10,warning delivery_slow 60 30,warning read_rate_low 0 50}');
SELECT is((SELECT array_agg(since = now()) FROM msgstatus.active_alerts), '{t,t,t,t}', 'since now, as nobody has checked yet');

-- check_alerts records alerts, and notifies.
LISTEN msgstatus_alert;
SELECT is((SELECT array_agg(concat_ws(' ', event, severity, name)) FROM msgstatus.check_alerts()),
    '{started critical delivery_rate_low,started critical messages_undelivered,started warning delivery_slow,started warning read_rate_low}', 'four start');
SELECT is_empty('SELECT * FROM msgstatus.check_alerts()', 'and are told once');
UPDATE msgstatus.alert_state SET since = since - interval '5 minutes';
SELECT is((SELECT array_agg(now() - since) FROM msgstatus.active_alerts), '{00:05:00,00:05:00,00:05:00,00:05:00}', 'since it was noted');
SELECT messages(60, 'delivered', delay => '1 second');
SELECT is((SELECT array_agg(concat_ws(' ', event, severity, name, since = now() - interval '5 minutes')) FROM msgstatus.check_alerts()), '{ended warning delivery_slow t}', 'one ends');
SELECT is((SELECT array_agg(name || ' ' || trim_scale(value) ORDER BY name) FROM msgstatus.alert_state), '{delivery_rate_low 60,messages_undelivered 30,read_rate_low 0}', 'what goes on is kept up to date');

-- Who looks at a page all day gets what the last check found, of each rule that it measured within two minutes.
CREATE FUNCTION recent() RETURNS text[] LANGUAGE sql AS $$
    SELECT COALESCE(array_agg(concat_ws(' ', severity, name, subject, trim_scale(value), since = now() - interval '5 minutes')), '{}') FROM msgstatus.recent_alerts()
$$;
CREATE FUNCTION readings() RETURNS bigint LANGUAGE sql AS $$
    SELECT COALESCE(sum(pg_stat_get_xact_function_calls(p.oid)), 0)::bigint FROM pg_proc AS p
    WHERE p.pronamespace = 'msgstatus'::regnamespace AND p.proname ~ '^(alert_(delivery|undelivered|silence|read|rejected|error|refresh)|recent_outcomes_by|senders_with)'
$$;
SET LOCAL track_functions = 'all';
SELECT messages(3, 'queued', '5 hours'), messages(300, 'delivered', delay => '1 second');
SELECT is(recent(), '{critical delivery_rate_low 60 t,critical messages_undelivered 30 t,warning read_rate_low 0 t}', 'what the check found');
SELECT is(readings(), 0::bigint, 'and nothing is measured');
SELECT is((SELECT array_agg(a ->> 'name') FROM jsonb_array_elements(msgstatus.weblog_alerts() -> 'alerts') AS a), '{delivery_rate_low,messages_undelivered,read_rate_low}', 'so does the web log');
SELECT is(readings(), 0::bigint);
SELECT is((SELECT array_agg(name || ' ' || trim_scale(value)) FROM msgstatus.active_alerts), '{messages_undelivered 33,read_rate_low 0}', 'the view measures');
SELECT is(pg_stat_get_xact_function_calls('msgstatus.recent_outcomes_by_sender()'::regprocedure), 1::bigint, 'and reads the recent messages once for all rules');
UPDATE msgstatus.alert_rule SET checked_at = now() - interval '121 seconds' WHERE name = 'delivery_rate_low';
UPDATE msgstatus.alert_rule SET checked_at = now() - interval '119 seconds' WHERE name = 'messages_undelivered';
UPDATE msgstatus.alert_rule SET checked_at = now() + interval '1 hour' WHERE name = 'read_rate_low';
UPDATE msgstatus.alert_state SET value = 1 WHERE name = 'read_rate_low';
SELECT is(recent(), '{critical messages_undelivered 30 t,warning read_rate_low 0 t}', 'what was checked earlier, or by a clock that is ahead, is measured');
UPDATE msgstatus.alert_rule SET checked_at = NULL WHERE name = 'messages_undelivered';
SELECT is(recent(), '{critical messages_undelivered 33 t,warning read_rate_low 0 t}', 'as is what was never checked');
SELECT is((SELECT array_agg(event || ' ' || name) FROM msgstatus.check_alerts()), '{ended delivery_rate_low}');
SELECT is(recent(), '{critical messages_undelivered 33 t,warning read_rate_low 0 t}');

UPDATE msgstatus.alert_rule SET enabled = false WHERE name = 'messages_undelivered';
SELECT is(recent(), '{warning read_rate_low 0 t}', 'a rule that is disabled has no alert');
DELETE FROM msgstatus.alert_rule WHERE name = 'read_rate_low';
SELECT is((SELECT array_agg(event || ' ' || name) FROM msgstatus.check_alerts()), '{ended messages_undelivered,ended read_rate_low}', 'so does what is no longer asked');
SELECT lives_ok('SELECT msgstatus.install()');
SELECT is((SELECT array_agg(name ORDER BY name) FROM msgstatus.alert_rule WHERE NOT enabled), '{messages_undelivered}', 'a rule that is disabled stays so');
SELECT is((SELECT count(*) FROM msgstatus.alert_rule), 8::bigint, 'and one that was deleted comes back');

-- For the receiver: names and numbers.
SELECT results_eq('SELECT name, severity, active FROM msgstatus.alert_counts()', $$VALUES ('delivery_rate_low', 'critical', 0::bigint), ('refresh_refused', 'critical', 0), ('webhooks_silent', 'critical', 0),
    ('delivery_slow', 'warning', 0), ('error_code_frequent', 'warning', 0), ('read_rate_low', 'warning', 0), ('rejections_growing', 'warning', 0)$$);

-- Rules that make no sense.
SELECT throws_ok($$UPDATE msgstatus.alert_rule SET metric = 'mood'$$, '23514');
SELECT throws_ok($$UPDATE msgstatus.alert_rule SET severity = 'fatal'$$, '23514');
SELECT throws_ok($$UPDATE msgstatus.alert_rule SET period = '0'$$, '23514');
SELECT lives_ok(format('UPDATE msgstatus.alert_rule SET period = %L, threshold = %s, minimum_count = %s, enabled = true', p, t, m), p) FROM (VALUES ('7 days', 1e6, 0), ('1 minute', -5, 0), ('100 years', 0, 2147483647)) AS v (p, t, m);
SELECT lives_ok('SELECT * FROM msgstatus.active_alerts');

-- Who may what.
UPDATE msgstatus.alert_rule SET period = '24 hours', threshold = 50, minimum_count = 0;
CREATE ROLE t_ingest;
CREATE ROLE t_analyst;
CREATE ROLE t_operator;
SELECT msgstatus.grant_access('t_ingest', 'ingest'), msgstatus.grant_access('t_analyst', 'analyst'), msgstatus.grant_access('t_operator', 'operator');
SET LOCAL ROLE t_ingest;
SELECT is((SELECT count(*) FROM msgstatus.alert_counts()), 8::bigint, 'the receiver reads the numbers');
SELECT throws_ok('SELECT * FROM msgstatus.active_alerts', '42501', NULL, 'and not the sentences');
SELECT throws_ok('SELECT * FROM msgstatus.recent_alerts()', '42501');
RESET ROLE;
SET LOCAL ROLE t_analyst;
SELECT is((SELECT count(*) > 0 FROM msgstatus.active_alerts), true, 'an analyst reads what is amiss');
SELECT lives_ok('SELECT * FROM msgstatus.recent_alerts()', 'also as it was found');
SELECT throws_ok('SELECT * FROM msgstatus.alert_rule', '42501');
SELECT throws_ok('SELECT * FROM msgstatus.check_alerts()', '42501');
RESET ROLE;
SET LOCAL ROLE t_operator;
SELECT lives_ok('SELECT * FROM msgstatus.check_alerts()', 'an operator checks');
SELECT lives_ok('UPDATE msgstatus.alert_rule SET threshold = 80', 'and sets thresholds');
RESET ROLE;

SELECT finish();
ROLLBACK;
