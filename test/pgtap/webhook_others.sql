-- Those who send Meta's shape on, single status objects, and arrays of all of them.
BEGIN;
\ir include/helpers.psql
SELECT no_plan();

SELECT is(counts($${"entry": [{"changes": [{"field": "messages", "value": {"contacts": [], "messaging_product": "whatsapp",
    "metadata": {"display_phone_number": "4930901820", "phone_number_id": "1"},
    "statuses": [{"id": "wamid.360", "status": "sent", "timestamp": "1733832000", "recipient_id": "491701234567"}]}}], "id": "1"}],
    "object": "whatsapp_business_account"}$$), '1 1 0 0 0', '360dialog');
SELECT is(message('wamid.360') ->> 'sender', '+4930901820');

SELECT is(counts($${"entry": [{"changes": [{"field": "messages", "value": {"messaging_product": "whatsapp",
    "metadata": {"display_phone_number": "918069134001"}, "statuses": [{"gs_id": "g-1", "id": "wamid.gup", "recipient_id": "918000000000",
    "status": "enqueued", "timestamp": 1733832000123}]}}], "id": "1"}], "gs_app_id": "app", "object": "whatsapp_business_account"}$$),
    '1 1 0 0 0', 'Gupshup v3: enqueued, with integer milliseconds');
SELECT is(status('wamid.gup'), '{"queued": "2024-12-10T12:00:00.123Z"}');
SELECT is(events('wamid.gup') -> 0 -> 'detail', '{"gs_id": "g-1"}');

SELECT is(counts('{"entry": [{"changes": [{"field": "messages", "value": {"messaging_product": "whatsapp", "statuses": [
    {"id": "wamid.wati", "type": "payment", "status": "pending", "timestamp": "1733832000",
     "payment": {"reference_id": "r"}}]}}]}]}'), '0 0 0 0 1', 'Wati''s payments are ignored');

-- AWS: a document in a string in a document.
SELECT is(counts(jsonb_build_object('Type', 'Notification', 'MessageId', 'n', 'TopicArn', 'arn:aws:sns:eu-west-1:1:t',
    'Message', jsonb_build_object('context', '{"MetaWabaIds": []}'::jsonb, 'aws_account_id', '1',
        'whatsAppWebhookEntry', $${"id": "1", "changes": [{"value": {"messaging_product": "whatsapp",
            "metadata": {"display_phone_number": "12065550100"}, "statuses": [{"id": "wamid.aws", "status": "delivered",
            "timestamp": "1733832000", "recipient_id": "14255550123"}]}, "field": "messages"}]}$$)::text)), '1 1 0 0 0', 'SNS');
SELECT is(message('wamid.aws'), '{"provider": "meta", "direction": "outbound", "sender": "+12065550100", "recipient": "+14255550123",
    "status": "{\"delivered\": \"2024-12-10T12:00:00Z\"}"}');
SELECT is(counts(jsonb_build_object('whatsAppWebhookEntry', '{"changes": [{"field": "messages", "value": {"messaging_product": "whatsapp",
    "statuses": [{"id": "wamid.aws", "status": "read", "timestamp": "1733832001"}]}}]}')), '1 1 0 0 0', 'delivered raw');
SELECT is(counts('{"whatsAppWebhookEntry": {"changes": [{"field": "messages", "value": {"messaging_product": "whatsapp",
    "statuses": [{"id": "wamid.aws", "status": "sent", "timestamp": "1733831999"}]}}]}}'), '1 1 0 0 0', 'as an object');
SELECT is(status('wamid.aws'), '{"sent": "2024-12-10T11:59:59Z", "delivered": "2024-12-10T12:00:00Z", "read": "2024-12-10T12:00:01Z"}');
SELECT is(counts(jsonb_build_object('whatsAppWebhookEntry', t)), '1 0 0 1 0', 'no document: ' || t)
FROM unnest(ARRAY['', '{', 'hello', '"text"', '5', 'null', '{"a": "\u0000"}', '{"a": 1e999999}', repeat('[', 100000)]) AS t;
SELECT is((SELECT count(*) FROM msgstatus.rejected_status WHERE reason = 'the text in the notification is not JSON'), 6::bigint);

-- A status object alone.
SELECT is(counts('{"id": "wamid.s1", "status": "sent", "timestamp": "1733832000", "recipient_id": "491701234567"}'), '1 1 0 0 0', 'alone');
SELECT is(message('wamid.s1'), '{"provider": "meta", "direction": "outbound", "recipient": "+491701234567",
    "status": "{\"sent\": \"2024-12-10T12:00:00Z\"}"}', 'its id tells the provider');
SELECT is(counts('{"message_id": "my-1", "status": "delivered", "timestamp": 1733832000, "campaign": 7}'), '1 1 0 0 0');
SELECT is(message('my-1'), '{"direction": "outbound", "status": "{\"delivered\": \"2024-12-10T12:00:00Z\"}"}', 'or does not');
SELECT is(events('my-1'), '[{"state": "delivered", "at": "2024-12-10T12:00:00", "detail": {"campaign": 7}}]');
SELECT is(counts(jsonb_build_object('id', 'SM' || repeat('0', 32), 'status', 'sent')), '1 1 0 0 0');
SELECT is(message('SM' || repeat('0', 32)) ->> 'provider', 'twilio');
SELECT is(counts('{"id": "wamid.s2", "status": "received", "timestamp": "1733832000"}'), '1 1 0 0 0');
SELECT is(message('wamid.s2') ->> 'direction', 'inbound');

-- Arrays of any of these.
SELECT is(counts($$[
    {"id": "wamid.a1", "status": "sent", "timestamp": "1733832000"},
    [[{"statuses": [{"id": "wamid.a2", "status": "sent", "timestamp": "1733832000"}]}],
     {"MessageSid": "SMa3", "MessageStatus": "sent"}, [], [[]], 5],
    {"entry": [{"changes": [{"field": "messages", "value": {"messaging_product": "whatsapp", "statuses": [
        {"id": "wamid.a4", "status": "sent", "timestamp": "1733832000"}]}}]}]},
    {"topic": "message.status.updated", "data": {"message": {"messageId": "wamid.a5", "status": "SENT", "sent_at": 1733832000000}}},
    {"sid": "SMa6", "status": "sent"},
    {"messages": [{"sid": "SMa7", "status": "sent"}], "next_page_uri": null},
    [{"type": "com.twilio.messaging.message.sent", "data": {"messageSid": "SMa8", "messageStatus": "SENT"}}],
    {"type": "text", "from": "491701234567", "id": "wamid.a9", "timestamp": "1733832000", "text": {"body": "x"}}
]$$), '10 9 0 1 0', 'all of them at once, nested');
SELECT is((SELECT count(*) FROM msgstatus.message WHERE message_id ~ '(wamid\.|SM)a\d'), 9::bigint);
SELECT is(counts(NULL), '0 0 0 0 0', 'NULL');

SELECT finish();
ROLLBACK;
