-- What providers send beside the plain shapes: empty texts before later members, channels, answers to a send, webhooks that
-- are about something else, and other providers' reports, which look like a status object and are none.
BEGIN;
\ir include/helpers.psql
SELECT no_plan();

-- Returns the body of a webhook of Meta's around the members.
CREATE FUNCTION value(members jsonb) RETURNS jsonb LANGUAGE sql AS $$
    SELECT jsonb_build_object('object', 'whatsapp_business_account', 'entry', jsonb_build_array(jsonb_build_object('changes',
        jsonb_build_array(jsonb_build_object('field', 'messages', 'value', '{"messaging_product": "whatsapp",
            "metadata": {"display_phone_number": "15550100000"}}' || members)))))
$$;

-- An empty text and a null hide no later member.
SELECT is(counts(value('{"statuses": [
    {"id": "wamid.u1", "status": "sent", "timestamp": "1733832000", "recipient_id": "", "recipient_user_id": "US.1349"},
    {"id": "wamid.u2", "status": "sent", "timestamp": "1733832000", "recipient_id": null, "recipient_user_id": "US.1349"},
    {"id": "wamid.u3", "status": "sent", "timestamp": "1733832000", "recipient_id": " ", "recipient_user_id": "US.1349"},
    {"id": "wamid.u4", "status": "read", "timestamp": "1733832000", "recipient_participant_id": "", "recipient_participant_user_id": "US.7"},
    {"id": "", "message_id": "", "messageId": "wamid.u5", "status": "sent", "timestamp": "1733832000"}]}')), '5 5 0 0 0', 'empty texts');
SELECT is(message('wamid.u' || n) ->> 'recipient', 'US.1349', 'the user''s id, ' || n) FROM generate_series(1, 3) AS n;
SELECT is(events('wamid.u1') -> 0 -> 'detail', NULL, 'what is empty is not kept');
SELECT is(events('wamid.u4') -> 0 ->> 'participant', 'US.7');
SELECT is(status('wamid.u5'), '{"sent": "2024-12-10T12:00:00Z"}');

-- The contacts name the user's phone number.
SELECT is(counts(value('{"contacts": [{"wa_id": "15550100009", "user_id": "US.2"}, {"wa_id": "15550100001", "user_id": "US.1349"}, {"user_id": "US.3"}, 5],
    "statuses": [
        {"id": "wamid.c1", "status": "sent", "timestamp": "1733832000", "recipient_id": "", "recipient_user_id": "US.1349"},
        {"id": "wamid.c2", "status": "sent", "timestamp": "1733832000", "recipient_user_id": "US.3"},
        {"id": "wamid.c3", "status": "sent", "timestamp": "1733832000", "recipient_id": "15550100005", "recipient_user_id": "US.1349"}],
    "messages": [{"id": "wamid.c4", "from": "", "from_user_id": "US.2", "timestamp": "1733832000", "type": "text", "text": {"body": "x"}}]}')),
    '4 4 0 0 0', 'contacts beside the statuses');
SELECT is(message('wamid.c1') ->> 'recipient', '+15550100001');
SELECT is(message('wamid.c2') ->> 'recipient', 'US.3', 'no contact tells');
SELECT is(message('wamid.c3') ->> 'recipient', '+15550100005', 'a number of its own counts');
SELECT is(message('wamid.c4') ->> 'sender', '+15550100009');
SELECT is(counts('{"statuses": [{"id": "gB", "message": {"recipient_id": "15550100001"}, "status": "delivered",
    "timestamp": "1733832000", "type": "message"}]}'), '1 1 0 0 0', 'On-Premises');
SELECT is(message('gB') ->> 'recipient', '+15550100001');

-- Only payments and calls are known to be no messages.
SELECT is(counts('{"statuses": [{"id": "wamid.t1", "type": "template", "status": "sent", "timestamp": "1733832000"},
    {"id": "wamid.t2", "type": "template", "status": "APPROVED"}, {"id": "wamid.t3", "type": "payment", "status": "sent"},
    {"id": "wamid.t4", "type": "call", "status": "read"}]}'), '2 1 0 1 2', 'a type that is not known');
SELECT is(status('wamid.t1'), '{"sent": "2024-12-10T12:00:00Z"}');
SELECT is((SELECT payload ->> 'id' FROM msgstatus.rejected_status), 'wamid.t2', 'is seen');

-- Webhooks that are about something else.
SELECT is(counts(payload::jsonb), '0 0 0 0 1', payload) FROM unnest(ARRAY[
    '{"object": "page", "entry": [{"id": "1", "time": 1733832000, "messaging": [{"sender": {"id": "2"}, "delivery": {"mids": ["m"]}}]}]}',
    '{"object": "instagram", "entry": [{"id": "1", "changes": [{"field": "messages", "value": {"messages": [{"id": "m"}]}}]}]}',
    '{"EventType": "onMessageAdded", "ConversationSid": "CH1", "MessageSid": "IM1", "Body": "x", "Author": "x"}',
    '{"EventType": "onDeliveryUpdated", "ConversationSid": "CH1", "MessageSid": "IM1", "Status": "delivered"}',
    '{"EventType": "onConversationAdded", "ConversationSid": "CH1"}',
    '{"CallSid": "CA1", "CallStatus": "completed", "From": "+15550100001", "To": "+15550100000"}',
    '{"update_id": 10, "message": {"message_id": 5, "text": "x"}}',
    '{"type": "message", "id": "b", "channelId": "msteams", "serviceUrl": "https://example.org", "from": {"id": "1"}}']) AS payload;
SELECT is(counts('{"MessageSid": "SMev", "MessageStatus": "read", "EventType": "READ"}'), '1 1 0 0 0', 'an event of a status callback');

-- Other providers' reports are kept whole.
DELETE FROM msgstatus.rejected_status;
SELECT is(counts(payload::jsonb), '1 0 0 1 0', payload) FROM unnest(ARRAY[
    '{"id": "a1", "recipient": "15550100001", "status": "delivered", "datetime": "2024-12-10T11:59:00+00:00"}',
    '{"id": "a1", "recipient": "15550100001", "status": "delivery_failed", "datetime": "2024-12-10T11:59:00+00:00"}',
    '{"messageId": "a1", "number": "15550100001", "status": "delivered", "err-code": "0"}',
    '{"messageId": "a1", "to": "15550100001", "status": "read", "timestamp": "1733832000"}',
    '{"id": "a1", "from": "15550100001", "type": "sms", "status": "delivered"}',
    '{"id": "a1", "status": "delivered", "err-code": "0"}']) AS payload;
SELECT is((SELECT array_agg(DISTINCT reason) FROM msgstatus.rejected_status), '{not a shape of any known webhook}');
SELECT is(status('a1'), NULL, 'nothing is read by halves');
SELECT is(counts('{"id": "b1", "status": "sent"}'), '1 1 0 0 0', 'an id and a status alone');
SELECT is(counts('{"message_id": "b2", "status": "sent", "timestamp": "1733832000", "campaign": 7}'), '1 1 0 0 0', 'or with a member of Meta''s');
SELECT is(counts('{"id": "wamid.b3", "status": "sent", "campaign": 7}'), '1 1 0 0 0', 'or with an id of Meta''s');
SELECT is(counts('{"id": "b4", "status": "sent", "recipient_id": "15550100001", "to": "x"}'), '1 1 0 0 0', 'the recipient where Meta has it');

-- Answers to interactive messages.
SELECT is(counts(value('{"messages": [
    {"id": "wamid.i1", "from": "15550100001", "timestamp": "1733832000", "type": "interactive", "interactive": {"type": "button_reply", "button_reply": {"id": "1", "title": "Yes"}}},
    {"id": "wamid.i2", "from": "15550100001", "timestamp": "1733832000", "type": "interactive", "interactive": {"type": "list_reply", "list_reply": {"id": "1", "title": "Noon", "description": "d"}}},
    {"id": "wamid.i3", "from": "15550100001", "timestamp": "1733832000", "type": "interactive", "interactive": {"type": "nfm_reply", "nfm_reply": {"body": "Sent", "response_json": "{}"}}},
    {"id": "wamid.i4", "from": "15550100001", "timestamp": "1733832000", "type": "interactive", "interactive": []}]}')), '4 4 0 0 0', 'interactive');
SELECT is((SELECT array_agg(message('wamid.i' || n) ->> 'content' ORDER BY n) FROM generate_series(1, 4) AS n), '{Yes,Noon,Sent,NULL}');

-- The answer to Meta's send call.
SELECT is(counts('{"messaging_product": "whatsapp", "contacts": [{"input": "+1 555 010 0001", "wa_id": "15550100001"}],
    "messages": [{"id": "wamid.o1", "message_status": "accepted"}]}'), '1 1 0 0 0', 'an answer');
SELECT is(message('wamid.o1'), '{"provider": "meta", "direction": "outbound", "recipient": "+15550100001",
    "status": "{\"accepted\": \"2024-12-10T12:00:00Z\"}"}');
SELECT is(counts('{"messages": [{"id": "wamid.o2", "message_status": "accepted"}]}'), '1 1 0 0 0', 'a short one');
SELECT is(message('wamid.o2'), '{"provider": "meta", "direction": "outbound", "status": "{\"accepted\": \"2024-12-10T12:00:00Z\"}"}');
SELECT is(counts('{"messages": [{"id": "wamid.o3", "message_status": "held_for_quality_assessment"}, {"id": "wamid.o4", "message_status": "lost"}],
    "contacts": [{"wa_id": "15550100001"}]}'), '2 1 0 1 0', 'several, one that cannot be read');
SELECT is(message('wamid.o3'), '{"provider": "meta", "direction": "outbound", "status": "{\"pending\": \"2024-12-10T12:00:00Z\"}"}',
    'nothing tells whose the contact is');
SELECT is(counts('{"messaging_product": "whatsapp", "contacts": [{"input": "15550100001", "wa_id": ""}], "messages": [{"id": "wamid.o5"}]}'),
    '1 1 0 0 0', 'without a status');
SELECT is(message('wamid.o5'), '{"provider": "meta", "direction": "outbound", "recipient": "+15550100001",
    "status": "{\"accepted\": \"2024-12-10T12:00:00Z\"}"}');

-- Twilio: MessageStatus counts, whatever its old name says.
SELECT is(counts('{"MessageSid": "SMx1", "MessageStatus": "expired", "SmsStatus": "sent"}'), '1 0 0 1 0', 'a state that is not known');
SELECT is(status('SMx1'), NULL);
SELECT is(counts('{"MessageSid": "SMx2", "MessageStatus": "", "SmsStatus": "sent"}'), '1 1 0 0 0', 'an empty one says nothing');
SELECT is(counts('{"type": "com.twilio.messaging.message.sent", "data": {"messageSid": "SMx3", "messageStatus": "EXPIRED"}}'), '1 0 0 1 0', 'an event');
SELECT is(counts('{"sid": "SMx4", "status": "sent", "date_sent": "", "date_updated": "", "date_created": "Tue, 10 Dec 2024 11:59:00 +0000"}'),
    '1 1 0 0 0', 'empty dates');
SELECT is(status('SMx4'), '{"sent": "2024-12-10T11:59:00Z"}');

-- Twilio's channels.
SELECT is(counts(jsonb_build_object('MessageSid', 'SMc' || n, 'MessageStatus', 'sent', 'To', given, 'From', 'rcs:shop_agent')), '1 1 0 0 0', given)
FROM unnest('{rcs:+15550100001,sms:+15550100001,viber:+15550100001,messenger:12345678,RCS:15550100001}'::text[]) WITH ORDINALITY AS t (given, n);
SELECT is((SELECT array_agg(message('SMc' || n) ->> 'recipient' ORDER BY n) FROM generate_series(1, 5) AS n),
    '{+15550100001,+15550100001,+15550100001,12345678,+15550100001}');
SELECT is(message('SMc1') ->> 'sender', 'shop_agent');
SELECT is((SELECT array_agg(events('SMc' || n) -> 0 -> 'detail' ->> 'channel' ORDER BY n) FROM generate_series(1, 5) AS n),
    '{rcs,sms,viber,messenger,rcs}', 'the channel is in the detail');
SELECT is(counts('{"sid": "SMc6", "status": "sent", "to": "messenger:12345678", "from": "messenger:1", "date_created": null}'), '1 1 0 0 0');
SELECT is(message('SMc6') - '{status,direction,provider}'::text[], '{"sender": "1", "recipient": "12345678"}', 'a REST message');
SELECT is(counts('{"MessageSid": "SMc7", "MessageStatus": "sent", "To": "", "ChannelToAddress": "+15550100001"}'), '1 1 0 0 0');
SELECT is(message('SMc7') ->> 'recipient', '+15550100001');
SELECT is(counts('{"MessageSid": "SMc8", "MessageStatus": "sent", "ChannelToAddress": "+1555*******", "channel": "x"}'), '1 1 0 0 0');
SELECT is(message('SMc8') ->> 'recipient', NULL, 'a masked number is none');
SELECT is(msgstatus.normalize_address(given), stored, given) FROM (VALUES ('rcs:+15550100001', '+15550100001'), ('SMS: 15550100001', '+15550100001'),
    ('viber:whatsapp:+15550100001', '+15550100001'), ('messenger:12345678', 'messenger:12345678')) AS t (given, stored);

-- AiSensy's other names.
SELECT is(counts('{"topic": "message.status.updated", "data": {"message": {"id": "m7", "messageId": null, "status": "SENT",
    "phone_number": "", "phoneNumber": "15550100001"}}}'), '1 1 0 0 0', 'id and phoneNumber');
SELECT is(message('m7') ->> 'recipient', '+15550100001');

-- What has members that Meta's status has not, and none that only Meta's has, is somebody else's.
SELECT is(counts(report::jsonb), '1 0 0 1 0', report) FROM unnest(ARRAY[
    '{"id": "f1", "status": "delivered", "mobile": "15550100001", "timestamp": "1767225600"}',
    '{"message_id": "f2", "status": "delivered", "recipient_number": "15550100001", "errors": []}',
    '{"message_id": "f3", "status": "sent", "To": "+15550100001", "timestamp": "2026-01-01T00:00:00Z"}',
    '{"id": "f4", "status": "delivered", "number": "15550100001", "message": "hello", "type": "dlr"}',
    '{"id": "f5", "status": "delivered", "recipient_id": "", "phone": "15550100001"}']) AS report;
SELECT is_empty($$SELECT message_id FROM msgstatus.message WHERE message_id LIKE 'f_'$$);
SELECT is(counts('{"id": "g1", "status": "sent", "timestamp": "1733826600", "errors": []}'), '1 1 0 0 0', 'members that others have, too');
SELECT is(counts('{"id": "g2", "status": "sent", "recipient_id": "15550100001", "new_member": 1}'), '1 1 0 0 0', 'and a member that Meta''s alone has');
SELECT is(counts('{"messages": [{"id": "gBx"}]}'), '1 0 0 1 0', 'an id alone is nobody''s answer');
SELECT is(counts('{"messages": [{"id": "gBy"}], "meta": {"api_status": "stable"}}'), '1 1 0 0 0', 'the On-Premises API''s answer');

SELECT finish();
ROLLBACK;
