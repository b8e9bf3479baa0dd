-- Twilio: status callbacks, messages of the REST API and pages of them, Event Streams, and SignalWire, who sends the same.
BEGIN;
\ir include/helpers.psql
SELECT no_plan();

-- A status callback carries no event time.
SELECT is(counts($${"AccountSid": "AC1", "ApiVersion": "2010-04-01", "From": "+15005550006", "To": "+15558675310",
    "MessageSid": "SM00000000000000000000000000000001", "SmsSid": "SM00000000000000000000000000000001",
    "MessageStatus": "delivered", "SmsStatus": "delivered", "MessagingServiceSid": "MG1", "RawDlrDoneDate": "2412101159"}$$,
    source => 'receiver'), '1 1 0 0 0', 'a callback');
SELECT is(message('SM00000000000000000000000000000001'), '{"provider": "twilio", "direction": "outbound",
    "sender": "+15005550006", "recipient": "+15558675310", "status": "{\"delivered\": \"2024-12-10T12:00:00Z\"}"}');
SELECT is(events('SM00000000000000000000000000000001'), '[{"state": "delivered", "at": "2024-12-10T12:00:00",
    "time_source": "receipt", "source": "receiver",
    "detail": {"AccountSid": "AC1", "ApiVersion": "2010-04-01", "MessagingServiceSid": "MG1", "RawDlrDoneDate": "2412101159"}}]',
    'the time of receipt, and the raw date kept but not used');
SELECT is(counts($${"AccountSid": "AC1", "From": "+15005550006", "To": "+15558675310",
    "MessageSid": "SM00000000000000000000000000000001", "MessageStatus": "delivered"}$$, '2024-12-10 12:00:10Z'),
    '1 0 1 0 0', 'the same callback, retried: not another observation, although it is received later');
SELECT is(status('SM00000000000000000000000000000001'), '{"delivered": "2024-12-10T12:00:00Z"}');

SELECT is(counts($${"MessageSid": "SM2", "MessageStatus": "undelivered", "ErrorCode": "63016", "From": "whatsapp:+14155238886",
    "To": "whatsapp:+15005550006", "ChannelPrefix": "whatsapp", "ChannelToAddress": "+15005550006", "EventType": "UNDELIVERED",
    "ChannelStatusMessage": "Outside the window", "ErrorMessage": "Failed to send freeform message", "StructureVersion": "1"}$$),
    '1 1 0 0 0', 'a WhatsApp callback');
SELECT is(message('SM2'), '{"provider": "twilio", "direction": "outbound", "sender": "+14155238886",
    "recipient": "+15005550006", "status": "{\"undelivered\": \"2024-12-10T12:00:00Z\"}", "error_code": 63016,
    "error_title": "Failed to send freeform message", "error_details": "Outside the window",
    "error_at": "2024-12-10T12:00:00+00:00"}', 'addresses without the prefix of the channel');
SELECT is(counts('{"SmsSid": "SM3", "SmsStatus": "sent"}'), '1 1 0 0 0', 'only the names of old');
SELECT is(counts('{"MessageSid": "SM4", "MessageStatus": "sent", "ErrorCode": "0", "NumSegments": "3"}'), '1 1 0 0 0');
SELECT is(message('SM4'), '{"provider": "twilio", "direction": "outbound", "status": "{\"sent\": \"2024-12-10T12:00:00Z\"}",
    "num_segments": 3}', 'error 0 is none');
SELECT is(counts(jsonb_build_object('MessageSid', 'SM5', 'MessageStatus', s)), '1 1 0 0 0', s)
FROM unnest('{queued,sending,sent,failed,delivered,undelivered,accepted,scheduled,read,partially_delivered,canceled}'::text[]) AS s;
SELECT is((SELECT msgstatus.state(m.status)::text FROM msgstatus.message AS m WHERE message_id = 'SM5'), 'read');

-- An incoming message.
SELECT is(counts($${"ToCountry": "US", "SmsMessageSid": "SM6", "NumMedia": "1", "SmsSid": "SM6", "SmsStatus": "received",
    "Body": "Hello", "To": "+15005550006", "NumSegments": "1", "MessageSid": "SM6", "AccountSid": "AC1", "From": "whatsapp:+15558675310",
    "MediaUrl0": "https://api.twilio.com/m", "MediaContentType0": "image/jpeg", "MessageType": "image", "ApiVersion": "2010-04-01"}$$),
    '1 1 0 0 0', 'an incoming message');
SELECT is(message('SM6'), '{"provider": "twilio", "direction": "inbound", "sender": "+15558675310", "recipient": "+15005550006",
    "message_type": "image", "content": "Hello", "media_url": "https://api.twilio.com/m", "num_segments": 1,
    "status": "{\"received\": \"2024-12-10T12:00:00Z\"}"}');
SELECT is(counts('{"MessageSid": "SM7", "SmsStatus": "receiving"}'), '1 1 0 0 0');
SELECT is(status('SM7'), '{"processing": "2024-12-10T12:00:00Z"}');

-- A message of the REST API.
SELECT is(counts($${"account_sid": "AC1", "api_version": "2010-04-01", "body": "testing", "date_created": "Tue, 10 Dec 2024 11:59:00 +0000",
    "date_sent": "Tue, 10 Dec 2024 11:59:01 +0000", "date_updated": "Tue, 10 Dec 2024 11:59:30 +0000",
    "direction": "outbound-api", "error_code": null, "error_message": null, "from": "+15017122661", "num_media": "0",
    "num_segments": "2", "price": "-0.00750", "price_unit": "USD", "messaging_service_sid": null, "sid": "SM8",
    "status": "delivered", "to": "+15558675310", "uri": "/2010-04-01/Accounts/AC1/Messages/SM8.json"}$$), '1 1 0 0 0', 'a REST message');
SELECT is(message('SM8'), '{"provider": "twilio", "direction": "outbound", "sender": "+15017122661", "recipient": "+15558675310",
    "content": "testing", "price": -0.0075, "price_unit": "USD", "num_segments": 2,
    "status": "{\"sent\": \"2024-12-10T11:59:01Z\", \"delivered\": \"2024-12-10T11:59:30Z\"}"}',
    'it tells when it was sent, too');
SELECT is(events('SM8'), '[{"state": "sent", "at": "2024-12-10T11:59:01"},
    {"state": "delivered", "at": "2024-12-10T11:59:30", "detail": {"account_sid": "AC1", "api_version": "2010-04-01", "num_media": "0",
        "date_created": "Tue, 10 Dec 2024 11:59:00 +0000", "messaging_service_sid": null, "uri": "/2010-04-01/Accounts/AC1/Messages/SM8.json"}}]',
    'whatever no column takes is in the detail');
SELECT is(counts($${"sid": "SM9", "status": "queued", "direction": "outbound-reply", "date_created": "Tue, 10 Dec 2024 11:59:00 +0000",
    "date_sent": null, "date_updated": null, "price": null, "num_segments": "0"}$$), '1 1 0 0 0', 'nothing sent yet');
SELECT is(message('SM9'), '{"provider": "twilio", "direction": "outbound", "num_segments": 0,
    "status": "{\"queued\": \"2024-12-10T11:59:00Z\"}"}');
SELECT is(counts($${"sid": "SM10", "status": "failed", "error_code": 30008, "error_message": "Unknown error",
    "date_updated": "Tue, 10 Dec 2024 11:59:30 +0000", "date_sent": "Tue, 10 Dec 2024 11:59:01 +0000"}$$), '1 1 0 0 0');
SELECT is(message('SM10'), '{"provider": "twilio", "direction": "outbound", "error_code": 30008, "error_title": "Unknown error",
    "error_at": "2024-12-10T11:59:30+00:00", "status": "{\"failed\": \"2024-12-10T11:59:30Z\"}"}',
    'failed was never sent, whatever date_sent says');
SELECT is(counts($${"sid": "SM11", "status": "received", "direction": "inbound", "body": "Hi", "from": "+1555", "to": "+1556",
    "date_sent": "Tue, 10 Dec 2024 11:59:01 +0000", "date_updated": "Tue, 10 Dec 2024 11:59:01 +0000"}$$), '1 1 0 0 0');
SELECT is(message('SM11'), '{"provider": "twilio", "direction": "inbound", "sender": "+1555", "recipient": "+1556", "content": "Hi",
    "status": "{\"received\": \"2024-12-10T11:59:01Z\"}"}');
SELECT is(counts(format('{"sid": "SM12.%s", "status": "sent", "price": %s}', n, p)::jsonb), '1 1 0 0 0', 'price ' || p)
FROM unnest('{"\"NaN\"","\"Infinity\"","\"-\"","\"\"","\"1e9\"","\"0x1\"","\"1.\"","\".5\"","\"$1\"","[]","{}",true,"\"1 000\""}'::text[])
    WITH ORDINALITY AS u (p, n);
SELECT is_empty($$SELECT price FROM msgstatus.message WHERE message_id LIKE 'SM12.%' AND price IS NOT NULL$$,
    'a price that is no decimal number is none');

-- A page of them.
SELECT is(counts($${"messages": [{"sid": "SM13", "status": "sent", "date_sent": "Tue, 10 Dec 2024 11:00:00 +0000"},
    {"sid": "SM14", "status": "read", "date_updated": "Tue, 10 Dec 2024 11:00:00 +0000"}, {"sid": "SM15", "status": "lost"}, 5],
    "next_page_uri": null, "first_page_uri": "/x", "page": 0, "page_size": 50}$$), '4 2 0 2 0', 'a page');
SELECT is(status('SM13'), '{"sent": "2024-12-10T11:00:00Z"}');
SELECT is(counts('{"messages": [{"sid": "SM16", "status": "sent"}]}'), '1 1 0 0 0', 'a page without its links');
SELECT is(counts('{"messages": [], "next_page_uri": "/next"}'), '0 0 0 0 0', 'an empty page');

-- Event Streams.
SELECT is(counts($$[
    {"specversion": "1.0", "type": "com.twilio.messaging.message.delivered", "source": "/2010-04-01/Accounts/AC1/Messages/SM20.json",
     "id": "EZ1", "time": "2024-12-10T11:59:59.000Z", "datacontenttype": "application/json",
     "data": {"accountSid": "AC1", "messageSid": "SM20", "messageStatus": "DELIVERED", "timestamp": "2024-12-10T11:59:58.123Z"}},
    {"specversion": "1.0", "type": "com.twilio.messaging.message.undelivered", "id": "EZ2", "time": "2024-12-10T11:59:59.500Z",
     "data": {"messageSid": "SM21", "messageStatus": "UNDELIVERED", "errorCode": 30005}},
    {"type": "com.twilio.messaging.message.sent", "data": {"messageSid": "SM22", "timestamp": "2024-12-10T11:59:57Z"}},
    {"type": "com.twilio.messaging.inbound-message.received", "data": {"messageSid": "SM23", "timestamp": "2024-12-10T11:59:57Z",
        "body": "Hi", "from": "+15558675310", "to": "whatsapp:+15005550006", "numSegments": 1}},
    {"type": "com.twilio.voice.status-callback.call.completed", "data": {"status": "sent"}},
    {"type": "com.twilio.messaging.message.delivered", "data": "none"}
]$$), '5 4 0 1 1', 'Event Streams');
SELECT is(message('SM20'), '{"provider": "twilio", "direction": "outbound", "status": "{\"delivered\": \"2024-12-10T11:59:58.123Z\"}"}');
SELECT is(message('SM21'), '{"provider": "twilio", "direction": "outbound", "error_code": 30005,
    "error_at": "2024-12-10T11:59:59.5+00:00", "status": "{\"undelivered\": \"2024-12-10T11:59:59.5Z\"}"}', 'the event''s time');
SELECT is(status('SM22'), '{"sent": "2024-12-10T11:59:57Z"}', 'the state from the type');
SELECT is(message('SM23'), '{"provider": "twilio", "direction": "inbound", "sender": "+15558675310", "recipient": "+15005550006",
    "content": "Hi", "num_segments": 1, "status": "{\"received\": \"2024-12-10T11:59:57Z\"}"}');
SELECT is(counts('{"type": "com.twilio.messaging.message.read", "data": {"messageSid": "SM20", "messageStatus": "READ"}}'), '1 1 0 0 0', 'one alone');

-- SignalWire.
SELECT is(counts($${"MessageSid": "9f0b2c3d-0000-4000-8000-000000000001", "SmsSid": "9f0b2c3d-0000-4000-8000-000000000001",
    "AccountSid": "x", "From": "+15551234567", "To": "+15557654321", "MessageStatus": "sent", "NumSegments": 1}$$), '1 1 0 0 0', 'SignalWire');
SELECT is(message('9f0b2c3d-0000-4000-8000-000000000001') ->> 'num_segments', '1');

SELECT finish();
ROLLBACK;
