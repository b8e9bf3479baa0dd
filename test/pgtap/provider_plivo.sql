-- Plivo: forms of status callbacks.
BEGIN;
\ir include/helpers.psql
\ir include/providers.psql
SELECT no_plan();

SELECT is(states('{"MessageUUID": "m", "To": "15550100001", "From": "+15550109999", "Status": "WORD", "MessageTime": "2024-12-10 11:00:00.123456"}',
    '{queued,sent,delivered,undelivered,failed,rejected,read,lost}'),
    '{"queued": "queued", "sent": "sent", "delivered": "delivered", "undelivered": "undelivered", "failed": "failed", "rejected": "failed", "read": "read",
    "lost": "dead letter"}', 'every word');
SELECT is(counts('{"MessageUUID": "342f382c", "ParentMessageUUID": "342f382c", "To": "15550100001", "From": "+15550109999", "Status": "delivered", "Type": "sms",
    "MessageTime": "2024-12-10 10:59:58.000000", "QueuedTime": "2024-12-10 10:59:59.000000", "SentTime": "2024-12-10 11:00:00.500000",
    "DeliveryReportTime": "2024-12-10 11:00:02.000000", "ErrorCode": "000", "TotalAmount": "0.00700", "TotalRate": "0.00700", "Units": "1", "Sequence": "3",
    "MCC": "310", "MNC": "004", "PowerpackUUID": ""}'), '1 1 0 0 0');
SELECT is(message('342f382c'), '{"provider": "plivo", "direction": "outbound", "sender": "+15550109999", "recipient": "+15550100001", "message_type": "sms",
    "price": 0.007, "price_unit": "USD", "num_segments": 1,
    "status": "{\"sent\": \"2024-12-10T11:00:00.5Z\", \"delivered\": \"2024-12-10T11:00:02Z\"}"}', 'one webhook tells of two states');
SELECT is(counts('{"MessageUUID": "p2", "Status": "undelivered", "ErrorCode": "200", "To": "+15550100001", "DeliveryReportTime": "2024-12-10 11:00:02"}'), '1 1 0 0 0');
SELECT is(message('p2'), '{"provider": "plivo", "direction": "outbound", "recipient": "+15550100001", "error_code": 200, "error_at": "2024-12-10T11:00:02+00:00",
    "status": "{\"undelivered\": \"2024-12-10T11:00:02Z\"}"}');
SELECT is((SELECT error_meaning || ' ' || error_retryable FROM msgstatus.message_timeline WHERE message_id = 'p2'), 'recipient opted out false',
    'a code means what it means at Plivo, and not what it means at Meta');
SELECT is(counts('{"MessageUUID": "p3", "Status": "read", "Type": "whatsapp", "ConversationOrigin": "utility", "MessageTime": "2024-12-10 11:00:00"}'), '1 1 0 0 0');
SELECT is(message('p3') ->> 'pricing_category', 'utility');
SELECT is(reading('{"MessageUUID": "p4", "From": "15550100001", "To": "15550109999", "Text": "hi", "Type": "sms"}'), 'incoming message: plivo p4 received receipt');

SELECT finish();
ROLLBACK;
