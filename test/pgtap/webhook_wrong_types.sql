-- In each field of each shape, at each depth, each type of JSON: nothing raises, the counts add up, and what was found is
-- either applied or kept.
BEGIN;
\ir include/helpers.psql
SELECT no_plan();

CREATE TEMP TABLE shape (name text, payload jsonb);
INSERT INTO shape VALUES
('meta', $${"object": "whatsapp_business_account", "entry": [{"id": "1", "time": 1, "changes": [{"field": "messages", "value": {
    "messaging_product": "whatsapp", "metadata": {"display_phone_number": "15550783881", "phone_number_id": "1"},
    "contacts": [{"wa_id": "1"}], "statuses": [{"id": "wamid.1", "status": "failed", "timestamp": "1733832000", "type": "message",
        "recipient_id": "16505551234", "recipient_participant_id": "1", "conversation": {"id": "c", "origin": {"type": "utility"}},
        "pricing": {"billable": true, "category": "utility"},
        "errors": [{"code": 1, "title": "t", "message": "m", "error_data": {"details": "d"}}]}]}}]}]}$$),
('meta message', $${"entry": [{"changes": [{"field": "messages", "value": {"messaging_product": "whatsapp",
    "metadata": {"display_phone_number": "15550783881"}, "messages": [{"id": "wamid.1", "from": "1", "timestamp": "1733832000",
        "type": "text", "text": {"body": "b"}, "context": {"id": "c"}, "errors": [{"code": 1}]}]}}]}]}$$),
('reply', $${"entry": [{"changes": [{"field": "messages", "value": {"contacts": [{"wa_id": "15550783881", "user_id": "US.1"}],
    "messages": [{"id": "wamid.1", "from": "", "from_user_id": "US.1", "timestamp": "1733832000", "type": "interactive",
        "interactive": {"type": "list_reply", "button_reply": {"title": "t"}, "list_reply": {"title": "t"}, "nfm_reply": {"body": "b"}}}]}}]}]}$$),
('answer', $${"messaging_product": "whatsapp", "contacts": [{"input": "1", "wa_id": "1"}],
    "messages": [{"id": "wamid.1", "message_status": "accepted"}]}$$),
('on-premises', $${"statuses": [{"id": "wamid.1", "message": {"recipient_id": "1"}, "status": "sent", "timestamp": "1733832000", "type": "message"}]}$$),
('channel', $${"MessageSid": "SM1", "MessageStatus": "sent", "To": "rcs:+15550783881", "From": "messenger:1", "ChannelToAddress": "+15550783881"}$$),
('single', $${"id": "wamid.1", "status": "sent", "timestamp": "1733832000", "recipient_id": "1", "errors": [{"code": 1}]}$$),
('flat', $${"statuses": [{"id": "wamid.1", "status": "sent", "timestamp": "1733832000", "recipient_id": "1"}]}$$),
('project', $${"id": "1", "topic": "message.status.updated", "data": {"message": {"id": "m", "messageId": "wamid.1",
    "phone_number": "1", "status": "FAILED", "sent_at": 1733832000000, "delivered_at": 1733832000000, "read_at": 1733832000000,
    "failed_at": 1733832000000, "failureResponse": {"code": 1, "reason": "r"}, "message_type": "t", "campaign": {"name": "c"}}}}$$),
('callback', $${"MessageSid": "SM1", "SmsSid": "SM1", "SmsMessageSid": "SM1", "MessageStatus": "failed", "SmsStatus": "received",
    "From": "1", "To": "1", "ErrorCode": "1", "ErrorMessage": "m", "ChannelStatusMessage": "m", "NumSegments": "1", "Body": "b",
    "MediaUrl0": "u", "MessageType": "t", "RawDlrDoneDate": "1"}$$),
('incoming', $${"MessageSid": "SM1", "SmsStatus": "received", "From": "1", "To": "1", "Body": "b", "MediaUrl0": "u", "MessageType": "t"}$$),
('resource', $${"sid": "SM1", "status": "delivered", "direction": "outbound-api", "error_code": 1, "error_message": "m", "from": "1",
    "to": "1", "price": "-0.1", "price_unit": "USD", "num_segments": "1", "body": "b", "date_created": "Tue, 10 Dec 2024 11:59:00 +0000",
    "date_sent": "Tue, 10 Dec 2024 11:59:00 +0000", "date_updated": "Tue, 10 Dec 2024 11:59:00 +0000"}$$),
('page', $${"messages": [{"sid": "SM1", "status": "sent"}], "next_page_uri": null, "page": 0}$$),
('event', $$[{"specversion": "1.0", "id": "E", "type": "com.twilio.messaging.message.failed", "time": "2024-12-10T11:59:59Z",
    "data": {"messageSid": "SM1", "messageStatus": "FAILED", "timestamp": "2024-12-10T11:59:59Z", "errorCode": 1, "errorMessage": "m",
    "from": "1", "to": "1", "numSegments": 1, "body": "b"}}]$$),
('inbound event', $${"type": "com.twilio.messaging.inbound-message.received", "data": {"messageSid": "SM1", "timestamp": "x", "body": "b"}}$$),
('sns', $${"Type": "Notification", "TopicArn": "a", "Message": "{}", "whatsAppWebhookEntry": "{\"changes\": []}"}$$),
('sns text', $${"Type": "Notification", "TopicArn": "a", "Message": "{\"id\": \"wamid.1\", \"status\": \"sent\"}"}$$);

-- Every path within every shape.
CREATE TEMP TABLE field AS
WITH RECURSIVE walk (name, path, value) AS (
    SELECT name, '{}'::text[], payload FROM shape
    UNION ALL
    SELECT w.name, w.path || inner_part.key, inner_part.value
    FROM walk AS w, LATERAL (
        SELECT e.key, e.value FROM jsonb_each(CASE WHEN jsonb_typeof(w.value) = 'object' THEN w.value ELSE '{}' END) AS e
        UNION ALL
        SELECT (a.n - 1)::text, a.value
        FROM jsonb_array_elements(CASE WHEN jsonb_typeof(w.value) = 'array' THEN w.value ELSE '[]' END) WITH ORDINALITY AS a (value, n)
    ) AS inner_part
)
SELECT name, path FROM walk WHERE path <> '{}';
SELECT cmp_ok((SELECT count(*) FROM field), '>', 150::bigint, 'there are fields to spoil');

CREATE TEMP TABLE spoiled AS
SELECT f.name, f.path, v.value, jsonb_set(s.payload, f.path, v.value) AS payload
FROM field AS f JOIN shape AS s USING (name), unnest(ARRAY['null', '5', '-1.5', '1e300', '""', '"x"', '"sent"', 'true', 'false', '[]', '[1]',
    '[[{"id": 1}]]', '{}', '{"id": "wamid.x", "status": "sent"}', '{"": {"": []}}']::jsonb[]) AS v (value)
UNION ALL
SELECT f.name, f.path, 'null', s.payload #- f.path FROM field AS f JOIN shape AS s USING (name);

-- Returns the faults in how a payload was taken, or NULL.
CREATE FUNCTION outcome(payload jsonb) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    c jsonb;
    letters bigint;
BEGIN
    c := msgstatus.apply_message_status(payload, '2024-12-10 12:00Z');
    SELECT count(*) INTO letters FROM msgstatus.rejected_status;
    RETURN CASE
        WHEN (c ->> 'received')::int <> (c ->> 'applied')::int + (c ->> 'unchanged')::int + (c ->> 'rejected')::int THEN c::text
        WHEN (c ->> 'rejected')::int <> letters THEN 'dead letters: ' || letters
        WHEN EXISTS (SELECT FROM msgstatus.rejected_status AS r WHERE r.reason = '' OR r.payload IS NULL) THEN 'no reason or payload'
    END;
EXCEPTION WHEN OTHERS THEN
    RETURN SQLERRM;
END
$$;
CREATE FUNCTION outcome_alone(payload jsonb) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    wrong text;
BEGIN
    DELETE FROM msgstatus.rejected_status;
    wrong := outcome(payload);
    RETURN wrong;
END
$$;
SELECT is_empty(format(
    'SELECT path, value, outcome FROM (SELECT path, value, outcome_alone(payload) AS outcome FROM spoiled WHERE name = %L) AS s
     WHERE outcome IS NOT NULL', name), name || ', each field spoiled')
FROM shape;
SELECT is_empty($$SELECT outcome FROM (SELECT outcome_alone(jsonb_agg(payload)) AS outcome FROM spoiled GROUP BY name) AS s
    WHERE outcome IS NOT NULL$$, 'all of them in one call');
SELECT is(status('wamid.1') IS NOT NULL, true, 'what remained readable was applied');

-- A dead letter of one list does not hold the other, which would be read again with each replay.
DELETE FROM msgstatus.rejected_status;
SELECT msgstatus.apply_message_status('[{"messaging_product": "whatsapp", "statuses": 5, "messages": 5}, {"messaging_product": "whatsapp", "statuses": 5, "messages": [5]}]');
SELECT is(msgstatus.replay_rejected() ->> 'rejected', '4', 'replayed') FROM generate_series(1, 3);

SELECT finish();
ROLLBACK;
