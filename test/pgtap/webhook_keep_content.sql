-- keep_content: the texts and media of incoming messages are stored unless it is set otherwise, per provider.
BEGIN;
\ir include/helpers.psql
SELECT no_plan();

-- Returns an incoming message of each provider, with "secret" wherever a text may stand.
CREATE FUNCTION bodies(n text) RETURNS jsonb LANGUAGE sql AS $$
    SELECT jsonb_build_array(
        jsonb_build_object('entry', jsonb_build_array(jsonb_build_object('changes', jsonb_build_array(jsonb_build_object('field', 'messages',
            'value', jsonb_build_object('messaging_product', 'whatsapp', 'messages', jsonb_build_array(
                jsonb_build_object('id', 'wamid.t' || n, 'from', '15550100001', 'timestamp', '1733832000', 'type', 'text', 'text', '{"body": "secret"}'::jsonb),
                jsonb_build_object('id', 'wamid.i' || n, 'from', '15550100001', 'timestamp', '1733832000', 'type', 'image',
                    'image', '{"caption": "secret", "link": "secret"}'::jsonb, 'other', 'secret')),
                'statuses', jsonb_build_array(jsonb_build_object('id', 'wamid.s' || n, 'status', 'sent', 'timestamp', '1733832000',
                    'biz_opaque_callback_data', 'ours')))))))),
        jsonb_build_object('MessageSid', 'SMt' || n, 'SmsStatus', 'received', 'From', '+15550100001', 'Body', 'secret', 'MediaUrl0', 'secret',
            'ProfileName', 'secret'),
        jsonb_build_object('sid', 'SMr' || n, 'status', 'received', 'direction', 'inbound', 'body', 'secret'),
        jsonb_build_object('type', 'com.twilio.messaging.inbound-message.received', 'data', jsonb_build_object('messageSid', 'SMe' || n, 'body', 'secret')))
$$;
-- Returns how many rows of each table hold a text.
CREATE FUNCTION traces() RETURNS text LANGUAGE sql AS $$
    SELECT concat_ws(' ', (SELECT count(*) FROM msgstatus.message AS m WHERE to_jsonb(m)::text LIKE '%secret%'),
        (SELECT count(*) FROM msgstatus.status_event AS e WHERE to_jsonb(e)::text LIKE '%secret%'),
        (SELECT count(*) FROM msgstatus.rejected_status AS r WHERE to_jsonb(r)::text LIKE '%secret%'))
$$;

SELECT is(counts(bodies('1')), '6 6 0 0 0', 'as installed');
SELECT is(traces(), '5 3 0', 'texts are stored');

SELECT forget();
SELECT lives_ok($$SELECT msgstatus.keep_content('meta', false)$$);
SELECT is(counts(bodies('2')), '6 6 0 0 0');
SELECT is(traces(), '3 1 0', 'none of Meta''s');
SELECT is(message('wamid.t2'), '{"provider": "meta", "direction": "inbound", "sender": "+15550100001", "message_type": "text",
    "status": "{\"received\": \"2024-12-10T12:00:00Z\"}"}', 'all but the text');
SELECT is(events('wamid.s2') -> 0 -> 'detail', '{"biz_opaque_callback_data": "ours"}', 'statuses keep their detail');
SELECT is(counts(bodies('2')), '6 0 6 0 0', 'redeliveries are none');

SELECT forget();
SELECT lives_ok($$SELECT msgstatus.keep_content('twilio', false)$$);
SELECT is(counts(bodies('3')), '6 6 0 0 0');
SELECT is(traces(), '0 0 0', 'none of Twilio''s, either');
SELECT is((SELECT jsonb_object_agg(provider, keep) FROM msgstatus.content_setting), '{"meta": false, "twilio": false}');
SELECT is(counts(jsonb_build_object('MessageSid', 'SMlong', 'SmsStatus', 'received', 'Body', repeat('secret', 100000))), '1 1 0 0 0',
    'what is not stored cannot be too long');

-- Dead letters.
SELECT is(counts('[{"id": "", "from": "15550100001", "type": "text", "timestamp": "1733832000", "text": {"body": "secret"}},
    {"entry": [{"changes": [{"field": "messages", "value": {"messaging_product": "whatsapp", "messages": [
        {"from": "15550100001", "type": "text", "text": {"body": "secret"}}]}}]}]},
    {"MessageSid": "SMx", "SmsStatus": "lost", "From": "+15550100001", "Body": "secret"},
    {"sid": "SMx", "status": "lost", "body": "secret", "from": {"x": "secret"}},
    {"type": "com.twilio.messaging.inbound-message.lost", "data": {"messageSid": "SMx", "body": "secret"}}]'), '5 0 0 5 0');
SELECT is(traces(), '0 0 1', 'hold no text where the provider is known');
SELECT is(rejected() -> 2, '{"reason": "the status is missing or names no known state",
    "payload": {"MessageSid": "SMx", "SmsStatus": "lost", "From": "+15550100001"}}', 'but what identifies the message');
SELECT is((SELECT count(*) FROM msgstatus.rejected_status WHERE payload ? 'text'), 1::bigint, 'no provider: it is kept');
SELECT msgstatus.keep_content('', false);
SELECT forget();
SELECT is(counts('{"id": "", "from": "15550100001", "type": "text", "text": {"body": "secret"}}'), '1 0 0 1 0');
SELECT is(traces(), '0 0 0', 'the empty text stands for no provider');

-- A trigger that keeps the message out.
CREATE FUNCTION keep_out() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE TRIGGER keep_out BEFORE INSERT ON msgstatus.message FOR EACH ROW EXECUTE FUNCTION keep_out();
SELECT is(counts(bodies('4')), '6 0 0 6 0');
SELECT is(traces(), '0 0 0', 'nor when it is kept out');
DROP TRIGGER keep_out ON msgstatus.message;

SELECT forget();
SELECT msgstatus.keep_content('meta', true);
SELECT is(counts(bodies('5')), '6 6 0 0 0');
SELECT is(traces(), '2 2 0', 'and back');

SELECT throws_ok($$SELECT msgstatus.keep_content(NULL, true)$$, '22004');
SELECT throws_ok($$SELECT msgstatus.keep_content('meta', NULL)$$, '22004');

-- Operators set it; who applies needs no right on the table.
CREATE ROLE content_operator;
CREATE ROLE content_ingest;
SELECT msgstatus.grant_access('content_operator', 'operator');
SELECT msgstatus.grant_access('content_ingest', 'ingest');
SET LOCAL ROLE content_operator;
SELECT lives_ok($$SELECT msgstatus.keep_content('meta', false)$$, 'an operator may');
SET LOCAL ROLE content_ingest;
SELECT throws_ok($$SELECT msgstatus.keep_content('meta', true)$$, '42501');
SELECT lives_ok($$SELECT msgstatus.apply_message_status('{"id": "wamid.role", "from": "15550100001", "type": "text", "text": {"body": "secret"}}')$$);
RESET ROLE;
SELECT is(message('wamid.role') ->> 'content', NULL);

SELECT finish();
ROLLBACK;
