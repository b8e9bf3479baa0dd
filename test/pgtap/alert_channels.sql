-- Alerts as they come: about each provider and channel, about messages that have had time, and not about chance, single messages
-- of many, or history; and what an alert must not miss.
BEGIN;
\ir include/helpers.psql
SELECT no_plan();

-- Returns the alerts as "name subject value".
CREATE FUNCTION active() RETURNS text[] LANGUAGE sql AS $$
    SELECT COALESCE(array_agg(concat_ws(' ', name, subject, trim_scale(value)) ORDER BY name, subject), '{}') FROM msgstatus.active_alerts
$$;

-- Makes so many messages of a sender, created and sent so long ago, that came to a state after a delay.
CREATE FUNCTION messages(number integer, state text, ago interval, delay interval DEFAULT '5 seconds', provider text DEFAULT 'meta',
    sender text DEFAULT '+1', registered interval DEFAULT NULL, error_code integer DEFAULT NULL, told interval DEFAULT '0') RETURNS void LANGUAGE sql AS $$
    INSERT INTO msgstatus.message (message_id, provider, direction, sender, status, error_code, created_at, updated_at)
    SELECT gen_random_uuid()::text, provider, 'outbound', sender,
        CASE WHEN state = '' THEN '{}' ELSE msgstatus.message_status('sent', now() - ago) OPERATOR(msgstatus.||) msgstatus.message_status(state::msgstatus.delivery_state, now() - ago + CASE state WHEN 'sent' THEN '0' ELSE delay END) END,
        error_code, now() - COALESCE(registered, ago), now() - ago + delay + told
    FROM generate_series(1, number);
    SELECT msgstatus.rebuild_rollups();
$$;
CREATE FUNCTION only_rule(rule text) RETURNS void LANGUAGE sql AS $$
    UPDATE msgstatus.alert_rule SET enabled = (name = rule);
    DELETE FROM msgstatus.message;
    DELETE FROM msgstatus.rejected_status;
    DELETE FROM msgstatus.status_event;
    SELECT msgstatus.rebuild_rollups();
$$;

-- The rate of what has had time.
SELECT only_rule('delivery_rate_low');
SELECT messages(2000, 'sent', '2 minutes', '0'), messages(500, 'delivered', '2 minutes'), messages(60, 'failed', '2 minutes');
SELECT is(active(), '{}', 'what was sent two minutes ago has had no time, at the start of a bulk send');
SELECT messages(500, 'sent', '2 minutes', '0', registered => '40 minutes');
SELECT is(active(), '{}', 'nor has what was registered long before it was sent');
SELECT messages(3, 'failed', '20 minutes'), messages(18, 'delivered', '20 minutes');
SELECT is(active(), '{}', '3 failures of 21 may be chance');
SELECT messages(500, 'sent', '20 minutes', '0', told => '20 hours'), messages(500, 'failed', '20 hours', registered => '20 minutes', told => '19 hours');
SELECT is(active(), '{}', 'history that comes now is no news');
SELECT messages(2000, 'delivered', '20 minutes', provider => 'meta'), messages(30, 'failed', '20 minutes', provider => 'twilio', sender => '+2'), messages(5, 'delivered', '20 minutes', provider => 'twilio', sender => '+2');
SELECT is(active(), '{delivery_rate_low twilio without read receipts 14.29}', 'a large provider does not hide a small one');
SELECT matches((SELECT message FROM msgstatus.active_alerts), '^Only 14.3 % of the 35 messages of twilio without read receipts of the last hour were delivered within 10 minutes ');
SELECT messages(100, 'read', '20 minutes', provider => 'twilio', sender => '+3');
SELECT is(active(), '{delivery_rate_low twilio without read receipts 14.29}', 'nor WhatsApp SMS');

-- Few of many.
SELECT only_rule('messages_undelivered');
SELECT messages(12, 'sent', '5 hours', '0'), messages(20000, 'delivered', '5 hours');
SELECT is(active(), '{}', '12 phones switched off of 20,000');
SELECT messages(12, 'sent', '5 hours', '0', provider => 'twilio', sender => '+2');
SELECT is(active(), '{messages_undelivered twilio without read receipts 12}', 'but 12 of 12');
SELECT only_rule('messages_undelivered');
SELECT messages(30, 'sent', '2 minutes', '0', registered => '3 hours');
SELECT is(active(), '{}', 'what was registered three hours ago and sent now');
SELECT messages(30, 'sent', '5 hours', '0', told => '4 hours');
SELECT is(active(), '{}', 'an import of today''s history');
SELECT messages(30, 'sent', '11 minutes', '0');
SELECT is(active(), '{messages_undelivered meta 30}');

-- Reading takes a day, and SMS is never read.
SELECT only_rule('read_rate_low');
SELECT messages(500, 'delivered', '20 minutes'), messages(500, 'delivered', '30 hours', provider => 'twilio', sender => '+2');
SELECT is(active(), '{}');
SELECT messages(100, 'delivered', '30 hours'), messages(30, 'read', '30 hours');
SELECT is(active(), '{read_rate_low meta 23.08}', 'without days before, 50 % is the measure');
SELECT messages(100, 'delivered', d * interval '24 hours'), messages(50, 'read', d * interval '24 hours') FROM generate_series(3, 6) AS d;
SELECT is(active(), '{read_rate_low meta 23.08}', 'less than 70 % of the usual 33.3 %');
SELECT matches((SELECT message FROM msgstatus.active_alerts), '^Only 23.1 % of the 130 messages of meta delivered in the 24 hours that ended 24 hours ago were read \(less than 50 %, usual are 33.3 %\)');
SELECT messages(10, 'read', '30 hours');
SELECT is(active(), '{}', 'a team whose messages are seldom read');

-- The median.
SELECT only_rule('delivery_slow');
SELECT messages(30, 'delivered', '20 minutes'), messages(1, 'delivered', '55 minutes', '50 minutes');
SELECT is(active(), '{}', 'one outlier');
UPDATE msgstatus.alert_rule SET statistic = 'average' WHERE name = 'delivery_slow';
SELECT is((SELECT round(value) FROM msgstatus.active_alerts), 102::numeric, 'makes an average');
UPDATE msgstatus.alert_rule SET statistic = 'median' WHERE name = 'delivery_slow';
SELECT messages(32, 'delivered', '20 minutes', '40 seconds');
SELECT is((SELECT count(*) FROM msgstatus.active_alerts WHERE value BETWEEN 38 AND 42), 1::bigint, 'every second message');

-- Silence.
SELECT only_rule('webhooks_silent');
SELECT messages(1, 'read', '31 hours'), messages(6, '', '5 hours');
SELECT is((SELECT floor(value) FROM msgstatus.active_alerts), 300::numeric, 'silence does not end by itself');
SELECT is((SELECT floor(value) FROM msgstatus.active_alerts), 300::numeric, 'and goes on when another provider is heard of')
    FROM (SELECT messages(5, 'delivered', '1 minute', provider => 'twilio')) AS x;
-- A message of yesterday is read now.
INSERT INTO msgstatus.message (message_id, provider, direction, sender, status, created_at) VALUES ('old', 'meta', 'outbound', '+1', msgstatus.message_status('sent', now() - interval '1 day'), now() - interval '1 day');
SELECT counts(jsonb_build_object('id', 'old', 'status', 'read', 'timestamp', floor(extract(epoch FROM now() - interval '12 minutes'))), now() - interval '12 minutes');
UPDATE msgstatus.message SET updated_at = now() - interval '12 minutes' WHERE message_id = 'old';
SELECT is(active(), '{}', 'a webhook about a message of yesterday is a webhook');
SELECT messages(6, '', '11 minutes');
SELECT is(active(), '{webhooks_silent meta 11}');
SELECT counts('{"id": "r", "status": "gone"}', now());
SELECT is(active(), '{webhooks_silent meta 11}', 'whose dead letter it is, is not known');
INSERT INTO msgstatus.rejected_status (received_at, provider, sender, reason, body) VALUES (now(), 'meta', '+1', 'x', 'x');
SELECT is(active(), '{}', 'a webhook that was rejected is a webhook');
SELECT only_rule('webhooks_silent');
SELECT messages(1, 'delivered', '30 minutes'), messages(6, '', '20 minutes');
INSERT INTO msgstatus.message (message_id, provider, direction, sender, status, created_at) VALUES ('old', 'meta', 'outbound', '+1', msgstatus.message_status('sent', now() - interval '1 day'), now() - interval '1 day');
SELECT is(active(), '{webhooks_silent meta 20}');
SELECT counts(jsonb_build_object('id', 'old', 'status', 'read', 'timestamp', floor(extract(epoch FROM now() - interval '12 minutes'))), now());
SELECT is(active(), '{}', 'nobody says that no webhook came while messages of yesterday are read');
SELECT only_rule('webhooks_silent');
SELECT messages(20, 'delivered', '20 hours', registered => '30 hours'), messages(20, '', '6 hours');
SELECT is(active(), '{}', 'registered ten hours ahead, as yesterday');

-- Rejections of an import.
SELECT only_rule('rejections_growing');
SELECT rejected FROM msgstatus.import_statuses('SELECT ''m'' || n AS message_id, ''gone'' AS status FROM generate_series(1, 30) AS n');
SELECT is((SELECT count(*) FROM msgstatus.rejected_status), 30::bigint);
SELECT is(active(), '{}');
SELECT count(counts('{"id": "r", "status": "gone"}', now())) FROM generate_series(1, 10);
SELECT is(active(), '{rejections_growing 10}');

-- Failures without a code, and those that many messages bring along.
SELECT only_rule('error_code_frequent');
SELECT messages(11, 'failed', '5 minutes');
SELECT is(active(), '{error_code_frequent meta without a code 11}');
SELECT matches((SELECT message FROM msgstatus.active_alerts), '^11 messages of the last hour failed without an error code of meta; ');
SELECT messages(100, 'failed', '5 minutes', error_code => 131026), messages(5000, 'read', '5 minutes');
SELECT is(active(), '{}', '2 % of a bulk send');

-- Rules of an older table: what was left as it came is renewed, what was changed goes on.
ALTER TABLE msgstatus.alert_rule DROP COLUMN relative_threshold, DROP COLUMN statistic, DROP COLUMN per;
UPDATE msgstatus.alert_rule SET age = CASE metric WHEN 'undelivered' THEN '10 minutes' ELSE '0' END::interval,
    period = CASE WHEN metric IN ('undelivered', 'read_rate') THEN '24 hours' ELSE '1 hour' END::interval, threshold = CASE name WHEN 'messages_undelivered' THEN 50 ELSE threshold END;
SELECT msgstatus.install();
SELECT is((SELECT array_agg(concat_ws(' ', name, per, statistic, relative_threshold, age, period) ORDER BY name) FROM msgstatus.alert_rule WHERE metric IN ('undelivered', 'delivery_seconds', 'silence')),
    '{delivery_slow channel median 00:00:00 01:00:00,messages_undelivered all average 00:10:00 24:00:00,webhooks_silent channel average 2 00:00:00 168:00:00}');
SELECT lives_ok('SELECT * FROM msgstatus.active_alerts');

SELECT finish();
ROLLBACK;
