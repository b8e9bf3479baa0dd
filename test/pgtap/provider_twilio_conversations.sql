-- Twilio Conversations: onDeliveryUpdated, the one event of Twilio's that a description reads.
BEGIN;
\ir include/helpers.psql
\ir include/providers.psql
SELECT no_plan();

SELECT is(states('{"EventType": "onDeliveryUpdated", "ChannelMessageSid": "SM1", "Status": "WORD", "DateUpdated": "2024-12-10T11:00:00Z"}',
    '{queued,accepted,sending,sent,delivered,read,failed,undelivered,lost}'),
    '{"queued": "queued", "accepted": "accepted", "sending": "sending", "sent": "sent", "delivered": "delivered", "read": "read", "failed": "failed", "undelivered": "undelivered", "lost": "dead letter"}', 'every word');
SELECT is(counts('{"EventType": "onDeliveryUpdated", "AccountSid": "AC1", "ChatServiceSid": "IS1", "ConversationSid": "CH1", "MessageSid": "IM1", "ParticipantSid": "MB1", "DeliveryReceiptSid": "DY1",
    "ChannelMessageSid": "SM00000000000000000000000000000001", "Status": "undelivered", "ErrorCode": "30003", "DateCreated": "2024-12-10T10:59:00.000Z", "DateUpdated": "2024-12-10T11:00:00.000Z"}'), '1 1 0 0 0');
SELECT is(message('SM00000000000000000000000000000001'), '{"provider": "twilio", "direction": "outbound", "error_code": 30003, "error_at": "2024-12-10T11:00:00+00:00",
    "status": "{\"undelivered\": \"2024-12-10T11:00:00Z\"}"}', 'the message of the status callbacks');
SELECT is(counts('{"MessageSid": "SM00000000000000000000000000000001", "MessageStatus": "sent", "To": "+15550100001"}'), '1 1 0 0 0');
SELECT is((SELECT error_meaning FROM msgstatus.message_timeline WHERE message_id = 'SM00000000000000000000000000000001'), 'handset unreachable');
SELECT is(reading('{"EventType": "onDeliveryUpdated", "ChannelMessageSid": "SM2", "Status": "delivered", "ErrorCode": "0"}'), 'twilio SM2 delivered receipt');
SELECT is(counts('{"EventType": "onDeliveryUpdated", "ConversationSid": "CH1", "MessageSid": "IM1", "Status": "delivered"}'), '0 0 0 0 1', 'a chat participant''s');
SELECT is(counts('{"EventType": "onMessageAdded", "ConversationSid": "CH1", "MessageSid": "IM1", "Body": "x"}'), '0 0 0 0 1', 'other events');

SELECT finish();
ROLLBACK;
