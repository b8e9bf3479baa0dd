-- Bird of 2026, and MessageBird's SMS.
BEGIN;
\ir include/helpers.psql
\ir include/providers.psql
SELECT no_plan();

SELECT is(states('{"type": "whatsapp.WORD", "timestamp": "2024-12-10T11:00:00Z", "data": {"whatsapp_id": "wam_1", "workspace_id": "ws"}}',
    '{accepted,sent,delivered,read,failed,rejected,received,lost}'),
    '{"accepted": "accepted", "sent": "sent", "delivered": "delivered", "read": "read", "failed": "failed", "rejected": "failed", "received": "received", "lost": "dead letter"}', 'every type of WhatsApp');
SELECT is(states('{"type": "sms.WORD", "timestamp": "2024-12-10T11:00:00Z", "data": {"sms_id": "sms_1", "workspace_id": "ws"}}',
    '{accepted,sent,delivered,undelivered,failed,expired,rejected,received,lost}'),
    '{"accepted": "accepted", "sent": "sent", "delivered": "delivered", "undelivered": "undelivered", "failed": "failed", "expired": "undelivered", "rejected": "failed", "received": "received",
    "lost": "dead letter"}', 'and of SMS');
SELECT is(counts('{"type": "whatsapp.failed", "timestamp": "2024-12-10 11:00:00+00:00", "data": {"whatsapp_id": "wam_01krd", "workspace_id": "ws_1", "direction": "outbound",
    "from": {"phone_number": "+15550109999"}, "to": {"phone_number": "+15550100001", "bsuid": "US.1349"}, "tags": null, "metadata": {"order_id": "o1"},
    "error": {"code": "undeliverable", "description": "Message undeliverable", "meta_error_code": "131026", "occurred_at": "2024-12-10T11:00:00Z"}}}'), '1 1 0 0 0');
SELECT is(message('wam_01krd'), '{"provider": "bird", "direction": "outbound", "sender": "+15550109999", "recipient": "+15550100001", "error_code": 131026, "error_title": "undeliverable",
    "error_details": "Message undeliverable", "error_at": "2024-12-10T11:00:00+00:00", "status": "{\"failed\": \"2024-12-10T11:00:00Z\"}"}');
SELECT is((SELECT error_meaning FROM msgstatus.message_timeline WHERE message_id = 'wam_01krd'), 'message undeliverable', 'Meta''s code');
SELECT is(counts('{"type": "whatsapp.read", "timestamp": "2024-12-10T11:00:00Z", "data": {"whatsapp_id": "wam_b", "to": {"bsuid": "US.1349"}}}'), '1 1 0 0 0');
SELECT is(message('wam_b') ->> 'recipient', 'US.1349', 'a user without a number');
SELECT is(counts('{"type": "sms.undelivered", "timestamp": "2024-12-10T11:00:00Z", "data": {"sms_id": "sms_b", "from": "Shop", "to": "+15550100001", "carrier": "X", "mcc_mnc": "310004", "segments": 2,
    "cost": {"amount": "0.0075", "currency": "USD"}, "error": {"code": "carrier_rejected", "description": "d", "carrier_error_code": "34"}}}'), '1 1 0 0 0');
SELECT is(message('sms_b'), '{"provider": "bird", "direction": "outbound", "sender": "Shop", "recipient": "+15550100001", "price": 0.0075, "price_unit": "USD", "num_segments": 2,
    "error_title": "carrier_rejected", "error_details": "d", "error_at": "2024-12-10T11:00:00+00:00", "status": "{\"undelivered\": \"2024-12-10T11:00:00Z\"}"}');
SELECT is(counts('{"type": "whatsapp.template.approved", "timestamp": "2024-12-10T11:00:00Z", "data": {"workspace_id": "ws"}}'), '0 0 0 0 1', 'other events');

SELECT is(states('{"id": "m", "recipient": "15550100001", "status": "WORD", "statusDatetime": "2024-12-10T11:00:00+00:00"}', '{scheduled,sent,buffered,delivered,expired,delivery_failed,lost}'),
    '{"scheduled": "scheduled", "sent": "sent", "buffered": "sent", "delivered": "delivered", "expired": "undelivered", "delivery_failed": "undelivered", "lost": "dead letter"}', 'every word of MessageBird');
SELECT is(counts('[{"id": "mb1", "reference": "r", "recipient": "15550100001", "status": "delivered", "statusDatetime": "2024-12-10T11:00:00+00:00", "mccmnc": "310004", "messagePartCount": "1",
        "price[amount]": "0.005", "price[currency]": "EUR"},
    {"id": "mb1", "reference": "r", "recipient": "15550100002", "status": "delivery_failed", "statusDatetime": "2024-12-10T11:00:01+00:00", "statusReason": "unknown subscriber", "statusErrorCode": "1"}]'), '2 2 0 0 0');
SELECT is((SELECT jsonb_object_agg(participant, state) FROM msgstatus.status_event WHERE message_id = 'mb1'), '{"+15550100001": "delivered", "+15550100002": "undelivered"}', 'one id, several recipients');
SELECT is(message('mb1') - '{provider,direction,recipient,status}'::text[], '{"price": 0.005, "price_unit": "EUR", "num_segments": 1, "error_code": 1, "error_title": "unknown subscriber",
    "error_at": "2024-12-10T11:00:01+00:00"}');
SELECT is(reading('{"id": "mbin", "originator": "15550100001", "recipient": "15550109999", "body": "hi", "createdDatetime": "2024-12-10T11:00:00+00:00"}'),
    'incoming message: messagebird mbin received 2024-12-10T11:00:00');

SELECT finish();
ROLLBACK;
