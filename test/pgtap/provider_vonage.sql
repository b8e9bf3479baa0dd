-- Vonage: the Messages API and the SMS API.
BEGIN;
\ir include/helpers.psql
\ir include/providers.psql
SELECT no_plan();

SELECT is(states('{"message_uuid": "u", "to": "15550100001", "from": "15550109999", "timestamp": "2024-12-10T11:00:00Z", "status": "WORD"}',
    '{submitted,delivered,read,rejected,undeliverable,DELIVERED,lost}'),
    '{"submitted": "sent", "delivered": "delivered", "read": "read", "rejected": "failed", "undeliverable": "failed", "DELIVERED": "delivered",
    "lost": "dead letter"}', 'every word of the Messages API');
SELECT is(counts($${"message_uuid": "aaaaaaaa-bbbb-4ccc-8ddd-0123456789ab", "to": "15550100001", "from": "15550109999",
    "timestamp": "2024-12-10T11:00:00.123Z", "status": "rejected", "channel": "whatsapp", "client_ref": "o1",
    "error": {"type": "https://developer.vonage.com/api-errors/messages#1000", "title": 1000, "detail": "Throttled", "instance": "bf0ca0bf"},
    "usage": {"currency": "EUR", "price": "0.0333"}, "sms": {"count_total": "2"}, "whatsapp": {"pricing": {"category": "utility"}}}$$), '1 1 0 0 0', 'a refusal');
SELECT is(message('aaaaaaaa-bbbb-4ccc-8ddd-0123456789ab'), '{"provider": "vonage", "direction": "outbound", "sender": "+15550109999", "recipient": "+15550100001",
    "price": 0.0333, "price_unit": "EUR", "num_segments": 2, "pricing_category": "utility", "error_code": 1000, "error_title": "Throttled",
    "error_at": "2024-12-10T11:00:00.123+00:00", "status": "{\"failed\": \"2024-12-10T11:00:00.123Z\"}"}');
SELECT is(events('aaaaaaaa-bbbb-4ccc-8ddd-0123456789ab') -> 0 -> 'detail' ->> 'client_ref', 'o1', 'what has no column stays in the detail');
SELECT is(reading('{"message_uuid": "u", "status": "rejected", "error": {"type": "https://developer.vonage.com/api-errors/messages#1120", "title": "Illegal sender"}}'),
    'vonage u failed receipt 1120', 'the code at the end of the type');
SELECT is(reading('{"message_uuid": "u", "status": "undeliverable", "error": {"code": 1320, "reason": "x"}, "to": {"type": "sms", "number": "15550100001"}}'),
    'vonage u failed receipt 1320', 'version 0.1');
SELECT is(counts('{"message_uuid": "u01", "status": "delivered", "to": {"type": "messenger", "id": "0123456789012345678"}, "from": {"type": "sms", "number": "15550109999"}}'), '1 1 0 0 0');
SELECT is(message('u01') - '{status,direction,provider}'::text[], '{"recipient": "0123456789012345678", "sender": "+15550109999"}', 'its addresses');
SELECT is(counts('{"message_uuid": "uin", "message_type": "text", "text": "hello", "from": "15550100001", "to": "15550109999", "channel": "sms",
    "timestamp": "2024-12-10T11:00:00Z"}'), '1 1 0 0 0', 'an incoming message');
SELECT is(message('uin'), '{"provider": "vonage", "direction": "inbound", "sender": "+15550100001", "recipient": "+15550109999", "message_type": "text",
    "content": "hello", "status": "{\"received\": \"2024-12-10T11:00:00Z\"}"}');

SELECT is(states('{"messageId": "m", "msisdn": "15550100001", "to": "Shop", "status": "WORD", "err-code": "0"}',
    '{accepted,buffered,delivered,expired,failed,rejected,unknown,lost}'),
    '{"accepted": "sent", "buffered": "sent", "delivered": "delivered", "expired": "undelivered", "failed": "undelivered", "rejected": "failed",
    "unknown": "ignored", "lost": "dead letter"}', 'every word of the SMS API');
SELECT is(counts('{"messageId": "0A0000000123ABCD1", "msisdn": "15550100001", "to": "Shop", "status": "failed", "err-code": "9", "price": "0.03330000",
    "network-code": "12345", "scts": "2412101101", "message-timestamp": "2024-12-10 11:00:00", "api-key": "abcd1234", "sig": "x", "client-ref": "o1"}'), '1 1 0 0 0');
SELECT is(message('0A0000000123ABCD1'), '{"provider": "vonage", "direction": "outbound", "sender": "Shop", "recipient": "+15550100001", "price": 0.0333,
    "price_unit": "EUR", "error_code": 9, "error_at": "2024-12-10T11:00:00+00:00", "status": "{\"undelivered\": \"2024-12-10T11:00:00Z\"}"}', 'msisdn is the recipient');
SELECT is(events('0A0000000123ABCD1') -> 0 -> 'detail', '{"scts": "2412101101", "client-ref": "o1", "network-code": "12345"}', 'the key of the account is not kept');
SELECT is(reading('{"messageId": "m", "msisdn": "15550100001", "status": "delivered", "scts": "2412101101", "err-code": "0"}'), 'vonage m delivered 2024-12-10T11:01:00',
    'YYMMDDhhmm; code 0 is no error');
SELECT is(reading('{"messageId": "m", "msisdn": "15550100001", "to": "15550109999", "text": "STOP", "type": "text", "message-timestamp": "2024-12-10 11:00:00"}'),
    'incoming message: vonage m received 2024-12-10T11:00:00');

SELECT finish();
ROLLBACK;
