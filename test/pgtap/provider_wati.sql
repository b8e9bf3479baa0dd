-- Wati.
BEGIN;
\ir include/helpers.psql
\ir include/providers.psql
SELECT no_plan();

SELECT is(states('{"eventType": "x", "statusString": "WORD", "whatsappMessageId": "wamid.w", "timestamp": "1733828400"}', '{SENT,Delivered,Read,Failed,Replied,Lost}'),
    '{"SENT": "sent", "Delivered": "delivered", "Read": "read", "Failed": "failed", "Replied": "ignored", "Lost": "dead letter"}', 'every word');
SELECT is(states('{"eventType": "WORD", "whatsappMessageId": "wamid.w"}',
    '{templateMessageSent,templateMessageSent_v2,sessionMessageSent,sessionMessageSent_v2,sentMessageDELIVERED,sentMessageDELIVERED_v2,sentMessageREAD,sentMessageREAD_v2,sentMessageREPLIED,sentMessageREPLIED_v2,templateMessageFailed,templateMessageFailed_v2,sessionMessageFailed,sessionMessageFailed_v2}'),
    '{"templateMessageSent": "sent", "templateMessageSent_v2": "sent", "sessionMessageSent": "sent", "sessionMessageSent_v2": "sent", "sentMessageDELIVERED": "delivered", "sentMessageDELIVERED_v2": "delivered",
    "sentMessageREAD": "read", "sentMessageREAD_v2": "read", "sentMessageREPLIED": "ignored", "sentMessageREPLIED_v2": "ignored", "templateMessageFailed": "failed", "templateMessageFailed_v2": "failed",
    "sessionMessageFailed": "failed", "sessionMessageFailed_v2": "failed"}', 'the type tells where no word does');
SELECT is(counts('{"eventType": "templateMessageFailed", "statusString": "Failed", "id": "65", "localMessageId": "l", "whatsappMessageId": "wamid.wati1", "conversationId": "c", "ticketId": "t",
    "failedCode": "131026", "failedDetail": "Message undeliverable", "timestamp": "1733828400", "created": "2024-12-10T11:00:01.5Z"}'), '1 1 0 0 0');
SELECT is(message('wamid.wati1'), '{"provider": "wati", "direction": "outbound", "error_code": 131026, "error_title": "Message undeliverable", "error_at": "2024-12-10T11:00:00+00:00",
    "status": "{\"failed\": \"2024-12-10T11:00:00Z\"}"}');
SELECT is(events('wamid.wati1') -> 0 -> 'detail' ->> 'localMessageId', 'l');
SELECT is((SELECT error_meaning FROM msgstatus.message_timeline WHERE message_id = 'wamid.wati1'), 'message undeliverable', 'Meta''s code');
SELECT is(reading('{"eventType": "sentMessageREAD_bsuid", "statusString": "Read", "whatsappMessageId": "wamid.w", "created": "2024-12-10T11:00:01.5Z"}'), 'wati wamid.w read 2024-12-10T11:00:01.5');
SELECT is(counts('{"eventType": "message", "id": "66", "whatsappMessageId": "wamid.win", "waId": "15550100001", "text": "hi", "type": "text", "timestamp": "1733828400", "owner": false, "statusString": "SENT"}'), '1 1 0 0 0');
SELECT is(message('wamid.win'), '{"provider": "wati", "direction": "inbound", "sender": "+15550100001", "message_type": "text", "content": "hi", "status": "{\"received\": \"2024-12-10T11:00:00Z\"}"}');
SELECT is(counts('{"eventType": "message", "id": "66", "whatsappMessageId": "wamid.own", "waId": "15550100001", "text": "hi", "owner": true}'), '0 0 0 0 1', 'one''s own message is none that came in');

SELECT is(orders('local-1', '[{"eventType": "templateMessageSent_v2", "statusString": "SENT", "id": "65", "localMessageId": "local-1", "whatsappMessageId": "wamid.W", "timestamp": "1733828400"},
    {"eventType": "sentMessageREAD_v2", "statusString": "Read", "id": "65", "whatsappMessageId": "wamid.W", "timestamp": "1733828460"}]'),
    ARRAY['wamid.W {"order": 17} {"sent": "2024-12-10T11:00:00Z", "read": "2024-12-10T11:01:00Z"}'], 'one message of two ids, in every order');

SELECT finish();
ROLLBACK;
