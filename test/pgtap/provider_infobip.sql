-- Infobip: reports of SMS, WhatsApp and the Messages API, in batches.
BEGIN;
\ir include/helpers.psql
\ir include/providers.psql
SELECT no_plan();

SELECT is(states('{"results": [{"messageId": "i", "to": "15550100001", "doneAt": "2024-12-10T11:00:00.000+0000", "status": {"groupName": "WORD"}}]}',
    '{ACCEPTED,PENDING,DELIVERED,UNDELIVERABLE,EXPIRED,REJECTED,LOST}'),
    '{"ACCEPTED": "accepted", "PENDING": "sending", "DELIVERED": "delivered", "UNDELIVERABLE": "undelivered", "EXPIRED": "undelivered", "REJECTED": "failed", "LOST": "dead letter"}', 'every group');
SELECT is(reading('{"results": [{"messageId": "i", "status": {"groupName": "PENDING", "id": 7, "name": "PENDING_ENROUTE"}}]}'), 'infobip i sent receipt', 'on its way is sent');
SELECT is(counts('{"results": [
    {"bulkId": "b", "messageId": "i-1", "to": "15550100001", "sender": "Shop", "sentAt": "2024-12-10T12:00:00.500+0100", "doneAt": "2024-12-10T11:00:02.000+0000", "messageCount": 2,
        "price": {"pricePerMessage": 0.01, "currency": "EUR"}, "status": {"groupId": 3, "groupName": "DELIVERED", "id": 5, "name": "DELIVERED_TO_HANDSET", "description": "Message delivered to handset"},
        "error": {"groupId": 0, "groupName": "OK", "id": 0, "name": "NO_ERROR", "description": "No Error", "permanent": false}, "callbackData": "o1", "mccMnc": "310004"},
    {"bulkId": "b", "messageId": "i-2", "to": "15550100002", "sentAt": "2024-12-10T11:00:00.000+0000", "doneAt": "2024-12-10T11:00:02.000+0000", "smsCount": 1,
        "status": {"groupId": 2, "groupName": "UNDELIVERABLE", "id": 9, "name": "UNDELIVERABLE_NOT_DELIVERED"},
        "error": {"groupId": 1, "groupName": "HANDSET_ERRORS", "id": 27, "name": "EC_ABSENT_SUBSCRIBER", "description": "Absent Subscriber", "permanent": false}},
    {"messageId": "i-3", "status": {"groupName": "LOST"}}, 5, {"status": {"groupName": "DELIVERED"}}]}'), '5 2 0 3 0', 'a batch');
SELECT is(message('i-1'), '{"provider": "infobip", "direction": "outbound", "sender": "Shop", "recipient": "+15550100001", "price": 0.01, "price_unit": "EUR", "num_segments": 2,
    "status": "{\"sent\": \"2024-12-10T11:00:00.5Z\", \"delivered\": \"2024-12-10T11:00:02Z\"}"}');
SELECT is(message('i-2') - '{provider,direction,recipient}'::text[], '{"num_segments": 1, "error_code": 27, "error_title": "EC_ABSENT_SUBSCRIBER", "error_details": "Absent Subscriber",
    "error_at": "2024-12-10T11:00:02+00:00", "status": "{\"sent\": \"2024-12-10T11:00:00Z\", \"undelivered\": \"2024-12-10T11:00:02Z\"}"}');
SELECT is((SELECT error_meaning || ' ' || error_retryable FROM msgstatus.message_timeline WHERE message_id = 'i-2'), 'subscriber absent true');
SELECT is((SELECT array_agg(r -> 'payload' -> 'results') FROM jsonb_array_elements(rejected()) AS r),
    ARRAY['[{"status": {"groupName": "LOST"}, "messageId": "i-3"}]', '[5]', '[{"status": {"groupName": "DELIVERED"}}]']::jsonb[], 'each dead letter within a webhook of its own');
SELECT is(counts('{"results": [{"messageId": "i-4", "from": "15550109999", "to": "15550100001", "sentAt": "2024-12-10T11:00:00.000+0000", "seenAt": "2024-12-10T11:00:05.000+0000"}]}'), '1 1 0 0 0', 'seen');
SELECT is(message('i-4'), '{"provider": "infobip", "direction": "outbound", "sender": "+15550109999", "recipient": "+15550100001",
    "status": "{\"sent\": \"2024-12-10T11:00:00Z\", \"read\": \"2024-12-10T11:00:05Z\"}"}');
SELECT is(reading('{"results": [{"event": "SEEN", "channel": "RCS", "messageId": "i", "destination": "15550100001", "sender": "Shop", "seenAt": "2024-12-10T11:00:05.000+0000"},
    {"event": "SEEN", "channel": "RCS", "messageId": "j", "destination": "15550100001", "seenAt": "2024-12-10T11:00:06.000+0000"}]}'),
    E'infobip i read 2024-12-10T11:00:05\ninfobip j read 2024-12-10T11:00:06', 'the Messages API');
SELECT is(reading('{"results": [{"event": "DELIVERY", "channel": "WHATSAPP", "messageId": "i", "destination": "15550100001", "doneAt": "2024-12-10T11:00:05.000+0000", "status": {"groupName": "REJECTED"},
    "error": {"id": 7, "name": "X"}}]}'), 'infobip i failed 2024-12-10T11:00:05 7');
SELECT is(counts('{"results": [{"messageId": "i-5", "from": "15550100001", "to": "15550109999", "receivedAt": "2024-12-10T11:00:00.000+0000", "message": {"type": "TEXT", "text": "hi"},
    "price": {"pricePerMessage": 0, "currency": "EUR"}}]}'), '1 1 0 0 0', 'an incoming message');
SELECT is(message('i-5'), '{"provider": "infobip", "direction": "inbound", "sender": "+15550100001", "recipient": "+15550109999", "message_type": "TEXT", "content": "hi", "price": 0, "price_unit": "EUR",
    "status": "{\"received\": \"2024-12-10T11:00:00Z\"}"}');
SELECT is(counts('{"results": []}'), '1 0 0 1 0', 'an empty batch is no known shape');

SELECT finish();
ROLLBACK;
