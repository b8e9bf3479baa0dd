-- Gupshup: v2, v3, which is Meta's envelope, and Enterprise.
BEGIN;
\ir include/helpers.psql
\ir include/providers.psql
SELECT no_plan();

SELECT is(states('{"app": "Demo", "timestamp": 1733828400123, "version": 2, "type": "message-event", "payload": {"id": "w", "gsId": "g", "type": "WORD", "destination": "15550100001", "payload": {}}}',
    '{enqueued,sent,delivered,read,failed,deleted,lost}'),
    '{"enqueued": "queued", "sent": "sent", "delivered": "delivered", "read": "read", "failed": "failed", "deleted": "ignored", "lost": "dead letter"}', 'every word of v2');
SELECT is(counts('[{"app": "Demo", "timestamp": 1733828399500, "version": 2, "type": "message-event", "payload": {"id": "ee4a68a0-0203", "type": "enqueued", "destination": "15550100001",
        "payload": {"whatsappMessageId": "gBEGVzUVAQAB", "type": "session"}}},
    {"app": "Demo", "timestamp": 1733828401000, "version": 2, "type": "message-event", "payload": {"id": "gBEGVzUVAQAB", "gsId": "ee4a68a0-0203", "type": "delivered", "destination": "15550100001",
        "payload": {"ts": "1733828400"}, "conversation": {"id": "c", "type": "business_initiated"}, "pricing": {"policy": "CBP", "category": "utility"}}}]'), '2 2 0 0 0', 'v2');
SELECT is(message('ee4a68a0-0203'), '{"provider": "gupshup", "direction": "outbound", "recipient": "+15550100001", "pricing_category": "utility",
    "status": "{\"queued\": \"2024-12-10T10:59:59.5Z\", \"delivered\": \"2024-12-10T11:00:00Z\"}"}', 'one message under the id that the send returned');
SELECT is(events('ee4a68a0-0203') -> 1 -> 'detail' ->> 'id', 'gBEGVzUVAQAB', 'WhatsApp''s id stays in the detail');
SELECT is(counts('{"app": "Demo", "timestamp": 1733828401000, "version": 2, "type": "message-event", "payload": {"id": "gs-2", "type": "failed", "destination": "15550100001",
    "payload": {"code": 1002, "reason": "Number Does Not Exists On WhatsApp"}}}'), '1 1 0 0 0', 'a failure has the time of the webhook');
SELECT is(message('gs-2'), '{"provider": "gupshup", "direction": "outbound", "recipient": "+15550100001", "error_code": 1002, "error_title": "Number Does Not Exists On WhatsApp",
    "error_at": "2024-12-10T11:00:01+00:00", "status": "{\"failed\": \"2024-12-10T11:00:01Z\"}"}');
SELECT is((SELECT error_meaning FROM msgstatus.message_timeline WHERE message_id = 'gs-2'), 'number is not on WhatsApp');
SELECT is(counts('{"app": "Demo", "timestamp": 1733828401000, "type": "message-event", "payload": {"id": "gs-3", "type": "failed", "payload": {"code": 131026, "reason": "x"}}}'), '1 1 0 0 0');
SELECT is((SELECT error_meaning FROM msgstatus.message_timeline WHERE message_id = 'gs-3'), 'message undeliverable', 'Meta''s codes come, too');
SELECT is(reading('{"app": "Demo", "timestamp": 1733828401000, "version": 2, "type": "message", "payload": {"id": "in1", "source": "15550100001", "type": "text", "payload": {"text": "hi"}, "sender": {"phone": "15550100001"}}}'),
    'incoming message: gupshup in1 received 2024-12-10T11:00:01');
SELECT is(counts(jsonb_build_object('app', 'Demo', 'type', kind, 'payload', '{}'::jsonb)), '0 0 0 0 1', kind || ' is no status')
FROM unnest('{billing-event,user-event,template-event,account-event}'::text[]) AS kind;

SELECT is(counts('{"entry": [{"changes": [{"field": "messages", "value": {"messaging_product": "whatsapp", "metadata": {"display_phone_number": "15550109999"}, "statuses": [
    {"gs_id": "g-1", "id": "wamid.gs3", "recipient_id": "15550100001", "status": "enqueued", "timestamp": 1733828400123}]}}], "id": "1"}], "gs_app_id": "app", "object": "whatsapp_business_account"}'),
    '1 1 0 0 0', 'v3');
SELECT is(message('wamid.gs3') ->> 'status', '{"queued": "2024-12-10T11:00:00.123Z"}');

CREATE FUNCTION enterprise(list jsonb) RETURNS jsonb LANGUAGE sql AS $$ SELECT jsonb_build_object('response', list::text) $$;
SELECT is(counts(enterprise('[{"srcAddr": "SHOP", "channel": "WHATSAPP", "externalId": "3547-1", "cause": "SUCCESS", "errorCode": "000", "destAddr": "15550100001", "eventType": "DELIVERED", "eventTs": "1733828400000"},
    {"srcAddr": "SHOP", "channel": "SMS", "externalId": "3547-2", "cause": "BLOCKED_FOR_USER", "errorCode": "005", "destAddr": "15550100002", "eventType": "FAILED", "eventTs": "1733828401000"},
    {"externalId": "3547-3", "eventType": "LOST", "eventTs": "1733828401000"}]')), '3 2 0 1 0', 'Enterprise: JSON in a form field');
SELECT is(message('3547-1'), '{"provider": "gupshup", "direction": "outbound", "sender": "SHOP", "recipient": "+15550100001", "status": "{\"delivered\": \"2024-12-10T11:00:00Z\"}"}', '000 is no error');
SELECT is(message('3547-2') -> 'error_code', '5');
SELECT is((SELECT count(*) FROM msgstatus.error_code_catalog WHERE provider = 'gupshup' AND code < 500), 0::bigint, 'Meta''s small codes mean nothing in Enterprise''s');
SELECT is(rejected() -> -1, '{"reason": "the status is missing or names no known state", "payload": {"response": "[{\"eventTs\": \"1733828401000\", \"eventType\": \"LOST\", \"externalId\": \"3547-3\"}]"}}', 'a text as it was, by which the shape is told');
SELECT is(msgstatus.replay_rejected() ->> 'rejected', '1', 'which is read again');
SELECT is(states('{"response": [{"externalId": "e", "eventType": "WORD", "eventTs": 1733828400000}]}', '{SENT,DELIVERED,READ,FAILED}'),
    '{"SENT": "sent", "DELIVERED": "delivered", "READ": "read", "FAILED": "failed"}', 'every word of Enterprise');
SELECT is(counts(jsonb_build_object('response', t)), '1 0 0 1 0', 'no list: ' || t) FROM unnest(ARRAY['[', '[1', 'no', '{}']) AS t;

-- The sender knows gsId; events later than a week after sending name WhatsApp's id alone.
SELECT is(orders('gs-uuid', '[{"app": "Demo", "timestamp": 1733828401000, "type": "message-event", "payload": {"id": "wamid.G", "gsId": "gs-uuid", "type": "delivered", "payload": {"ts": 1733828400}}},
    {"app": "Demo", "timestamp": 1733828461000, "type": "message-event", "payload": {"id": "wamid.G", "type": "read", "payload": {"ts": 1733828460}}}]'),
    ARRAY['gs-uuid {"order": 17} {"delivered": "2024-12-10T11:00:00Z", "read": "2024-12-10T11:01:00Z"}'], 'v2: one message of two ids, in every order');
SELECT is(orders('gs-q', '[{"app": "Demo", "timestamp": 1733828400000, "type": "message-event", "payload": {"id": "gs-q", "type": "enqueued", "payload": {"whatsappMessageId": "wamid.Q"}}},
    {"app": "Demo", "timestamp": 1733828461000, "type": "message-event", "payload": {"id": "wamid.Q", "type": "read", "payload": {"ts": 1733828460}}}]'),
    ARRAY['gs-q {"order": 17} {"queued": "2024-12-10T11:00:00Z", "read": "2024-12-10T11:01:00Z"}'], 'v2: the first event names both, too');
SELECT is(orders('gs-3', '[{"entry": [{"changes": [{"field": "messages", "value": {"messaging_product": "whatsapp", "statuses": [{"gs_id": "gs-3", "id": "wamid.3", "status": "delivered", "timestamp": 1733828400}]}}]}]},
    {"entry": [{"changes": [{"field": "messages", "value": {"messaging_product": "whatsapp", "statuses": [{"id": "wamid.3", "status": "read", "timestamp": 1733828460}]}}]}]}]'),
    ARRAY['wamid.3 {"order": 17} {"delivered": "2024-12-10T11:00:00Z", "read": "2024-12-10T11:01:00Z"}'], 'v3');
SELECT is((SELECT more FROM msgstatus.explain_webhook('{"type": "message-event", "payload": {"id": "wamid.G", "gsId": "gs-uuid", "type": "delivered", "payload": {"ts": 1733828400}}}', 'gupshup')),
    '{"alias": "wamid.G", "direction": "outbound"}', 'explain_webhook shows the other id');

SELECT finish();
ROLLBACK;
