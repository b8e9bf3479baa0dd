-- What cannot be used goes whole into rejected_status, with a reason that a person understands, and its neighbours are
-- applied. Content never raises.
BEGIN;
\ir include/helpers.psql
SELECT no_plan();

-- Returns what becomes of a payload among good neighbours: the reasons, and whether the dead letters are whole.
CREATE FUNCTION refused(payload jsonb) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    told text;
BEGIN
    PERFORM forget();
    told := counts(jsonb_build_array('{"id": "good-1", "status": "sent", "timestamp": 1733832000}'::jsonb, payload,
        '{"id": "good-2", "status": "sent", "timestamp": 1733832000}'::jsonb));
    IF (SELECT count(*) FROM msgstatus.message WHERE message_id IN ('good-1', 'good-2')) <> 2 THEN
        RETURN 'the neighbours are lost';
    END IF;
    IF (SELECT count(*) FROM msgstatus.message) <> 2 OR told <> '3 2 0 1 0' THEN
        RETURN 'used: ' || told;
    END IF;
    RETURN (SELECT string_agg(concat(reason, CASE WHEN r.payload = refused.payload THEN '' ELSE ' (not whole)' END), '; ')
        FROM msgstatus.rejected_status AS r);
END
$$;

SELECT is(refused(payload::jsonb), reason, payload) FROM (VALUES
    ('{}', 'not a shape of any known webhook'),
    ('{"a": 1}', 'not a shape of any known webhook'),
    ('5', 'not a JSON object'), ('"text"', 'not a JSON object'), ('true', 'not a JSON object'), ('null', 'not a JSON object'),
    ('""', 'not a JSON object'), ('1e300', 'not a JSON object'),
    ('{"status": "sent"}', 'the message id is missing, empty or not a string'),
    ('{"id": "", "status": "sent"}', 'the message id is missing, empty or not a string'),
    ('{"id": 5, "status": "sent"}', 'the message id is missing, empty or not a string'),
    ('{"id": null, "status": "sent"}', 'the message id is missing, empty or not a string'),
    ('{"id": ["a"], "status": "sent"}', 'the message id is missing, empty or not a string'),
    ('{"id": "a", "status": "levitating"}', 'the status is missing or names no known state'),
    ('{"id": "a", "status": ""}', 'the status is missing or names no known state'),
    ('{"id": "a", "status": "sent "}', 'the status is missing or names no known state'),
    ('{"id": "a", "status": null}', 'the status is missing or names no known state'),
    ('{"id": "a", "status": 5}', 'the status is missing or names no known state'),
    ('{"id": "a", "status": ["sent"]}', 'the status is missing or names no known state'),
    ('{"id": "a"}', 'not a shape of any known webhook'),
    ('{"entry": null}', '"entry" is not an array'), ('{"entry": {}}', '"entry" is not an array'), ('{"entry": "x"}', '"entry" is not an array'),
    ('{"changes": 1}', 'an entry without an array of changes'),
    ('{"statuses": {}}', '"statuses" is not an array'), ('{"statuses": "x"}', '"statuses" is not an array'),
    ('{"messages": 7}', '"messages" is not an array'),
    ('{"field": "messages", "value": []}', 'a change whose value is not an object'),
    ('{"MessageSid": "SM1"}', 'the status is missing or names no known state'),
    ('{"MessageStatus": "sent", "SmsSid": null}', 'the message id is missing, empty or not a string'),
    ('{"sid": "SM1", "status": "lost"}', 'the status is missing or names no known state'),
    ('{"sid": 1, "status": "sent"}', 'the message id is missing, empty or not a string'),
    ('{"topic": "message.status.updated", "data": 1}', 'a status update without a message'),
    ('{"type": "com.twilio.messaging.message.sent", "data": []}', 'an event whose data is not an object'),
    ('{"type": "com.twilio.messaging.message.sent", "data": {"messageStatus": "SENT"}}', 'the message id is missing, empty or not a string'),
    ('{"type": "com.twilio.messaging.message.nonsense", "data": {"messageSid": "SM1"}}', 'the status is missing or names no known state'),
    ('{"type": "text", "from": "491701234567"}', 'the message id is missing, empty or not a string')
) AS t (payload, reason);

-- Parts within a good envelope are refused one by one, each whole.
SELECT forget();
SELECT is(counts('{"entry": [7, {"id": "1"}, {"changes": [null, {"field": "messages"}, {"field": "messages", "value": {
    "messaging_product": "whatsapp", "statuses": [{"id": "w1", "status": "sent"}, 5, null, [], {}, {"id": "w2", "status": "gone"},
        {"id": "w3", "status": "read"}],
    "messages": ["x", {"from": "1"}, {"id": "w4", "from": "1"}]}}]}]}'), '14 3 0 11 0', 'an envelope of much nonsense');
SELECT is((SELECT array_agg(message_id ORDER BY message_id) FROM msgstatus.message), '{w1,w3,w4}');
SELECT is(rejected(), '[
    {"reason": "an entry without an array of changes", "payload": 7},
    {"reason": "an entry without an array of changes", "payload": {"id": "1"}},
    {"reason": "a change that is not an object", "payload": null},
    {"reason": "a change whose value is not an object", "payload": {"field": "messages"}},
    {"reason": "a status that is not an object", "payload": 5},
    {"reason": "a status that is not an object", "payload": null},
    {"reason": "a status that is not an object", "payload": []},
    {"reason": "the status is missing or names no known state", "payload": {}},
    {"reason": "the status is missing or names no known state", "payload": {"id": "w2", "status": "gone"}},
    {"reason": "a message that is not an object", "payload": "x"},
    {"reason": "the message id is missing, empty or not a string", "payload": {"from": "1"}}]');

-- A dead letter holds what surrounded it.
SELECT forget();
SELECT counts('{"entry": [{"changes": [{"field": "messages", "value": {"messaging_product": "whatsapp",
    "metadata": {"display_phone_number": "4930123456"}, "statuses": [{"id": "w1", "status": "gone"}]}}]}]}', '2024-12-10 11:00Z', 'receiver');
SELECT is((SELECT to_jsonb(r) - '{rejected_id,rejected_at}'::text[] FROM msgstatus.rejected_status AS r),
    '{"received_at": "2024-12-10T11:00:00+00:00", "source": "receiver", "provider": "meta", "sender": "+4930123456",
      "reason": "the status is missing or names no known state", "payload": {"id": "w1", "status": "gone"}, "body": null}');

-- Nothing in it, nothing of it.
SELECT forget();
SELECT is(counts('[]'), '0 0 0 0 0', 'an empty array');
SELECT is(counts('[[], [[]]]'), '0 0 0 0 0', 'empty arrays');

-- Ids that may look odd and are fine.
SELECT is(counts(jsonb_build_object('id', id, 'status', 'sent', 'timestamp', 1733832000)), '1 1 0 0 0', to_json(id)::text)
FROM unnest(ARRAY['''; DROP TABLE message; --', '"', '\', E'line\nline', E'\t', ' ', '%s%n', '$1', U&'\+01F642', 'ﷺ', 'null', '{}',
    repeat('x', 512), repeat('ü', 256)]) AS id;
SELECT is((SELECT count(*) FROM msgstatus.message AS m JOIN msgstatus.status_event USING (message_id)), 14::bigint);
SELECT is(status(E'line\nline'), '{"sent": "2024-12-10T12:00:00Z"}');

SELECT finish();
ROLLBACK;
