-- Telnyx: an event has the state of each recipient.
BEGIN;
\ir include/helpers.psql
\ir include/providers.psql
SELECT no_plan();

SELECT is(states('{"data": {"record_type": "event", "event_type": "message.finalized", "payload": {"id": "t", "to": [{"phone_number": "+15550100001", "status": "WORD"}]}}}',
    '{queued,sending,sent,delivered,read,sending_failed,delivery_failed,delivery_unconfirmed,expired,lost}'),
    '{"queued": "queued", "sending": "sending", "sent": "sent", "delivered": "delivered", "read": "read", "sending_failed": "failed",
    "delivery_failed": "undelivered", "delivery_unconfirmed": "sent", "expired": "undelivered", "lost": "dead letter"}', 'every word');
CREATE FUNCTION event(kind text, payload jsonb) RETURNS jsonb LANGUAGE sql AS $$
    SELECT jsonb_build_object('data', jsonb_build_object('record_type', 'event', 'id', 'e', 'event_type', kind, 'occurred_at', '2024-12-10T11:00:05.000+00:00',
        'payload', payload), 'meta', '{"attempt": 1}'::jsonb)
$$;
SELECT is(counts(event('message.finalized', '{"id": "t1", "type": "SMS", "from": {"phone_number": "+15550109999", "carrier": "Telnyx"},
    "to": [{"phone_number": "+15550100001", "status": "delivered", "carrier": "X", "line_type": "Wireless"}], "sent_at": "2024-12-10T11:00:01.5+00:00",
    "completed_at": "2024-12-10T11:00:04+00:00", "cost": {"amount": "0.0040", "currency": "USD"}, "parts": 2, "errors": []}')), '1 1 0 0 0');
SELECT is(message('t1'), '{"provider": "telnyx", "direction": "outbound", "sender": "+15550109999", "recipient": "+15550100001", "message_type": "SMS",
    "price": 0.004, "price_unit": "USD", "num_segments": 2, "status": "{\"sent\": \"2024-12-10T11:00:01.5Z\", \"delivered\": \"2024-12-10T11:00:04Z\"}"}');
SELECT is(reading(event('message.sent', '{"id": "t2", "to": [{"phone_number": "+15550100001", "status": "sent"}], "sent_at": "2024-12-10T11:00:01Z"}')),
    'telnyx t2 sent 2024-12-10T11:00:01');
SELECT is(counts(event('message.finalized', '{"id": "t3", "from": {"phone_number": "+15550109999"}, "completed_at": "2024-12-10T11:00:04Z",
    "to": [{"phone_number": "+15550100001", "status": "delivered"}, {"phone_number": "+15550100002", "status": "delivery_failed"}],
    "cc": [{"phone_number": "+15550100003", "status": "teleported"}, {"phone_number": "+15550100004"}],
    "errors": [{"code": "40300", "title": "Blocked due to STOP message", "detail": "d"}]}')), '3 2 0 1 1', 'several recipients, one whose state is not known, one without');
SELECT is((SELECT jsonb_object_agg(participant, state) FROM msgstatus.status_event WHERE message_id = 't3'), '{"+15550100001": "delivered", "+15550100002": "undelivered"}');
SELECT is((SELECT error_code FROM msgstatus.message WHERE message_id = 't3'), 40300);
SELECT is(rejected() -> 0 -> 'payload' -> 'data' -> 'payload' -> 'cc', '[{"status": "teleported", "phone_number": "+15550100003"}]', 'a dead letter is the webhook with this recipient');
-- A dead letter holds one recipient, so that it stays one, no matter how often it is replayed.
SELECT is(counts(event('message.finalized', '{"id": "t6", "to": [{"phone_number": "+15550100001", "status": "lost"}], "cc": [{"phone_number": "+15550100002", "status": "lost"}]}')), '2 0 0 2 0');
SELECT is((SELECT array_agg(payload #> '{data,payload}' ORDER BY rejected_id) FROM msgstatus.rejected_status WHERE payload #>> '{data,payload,id}' = 't6'),
    ARRAY['{"id": "t6", "cc": [], "to": [{"status": "lost", "phone_number": "+15550100001"}]}', '{"id": "t6", "to": [], "cc": [{"status": "lost", "phone_number": "+15550100002"}]}']::jsonb[],
    'one recipient in each, of both lists');
SELECT is(msgstatus.replay_rejected(), '{"applied": 0, "rejected": 3, "replayed": 3, "unchanged": 0}', 'replayed') FROM generate_series(1, 3);
-- Once the word is known, dead letters are replayed: the shape is that of the built-in description, with one word more.
SELECT msgstatus.define_provider('telnyx', (SELECT jsonb_set(description, '{shapes,0,state,words,teleported}', '"delivered"') FROM msgstatus.providers WHERE name = 'telnyx'));
SELECT is(msgstatus.replay_rejected() ->> 'applied', '1', 'replayed, with its id and time');
SELECT is((SELECT string_agg(state || ' ' || (event_time AT TIME ZONE 'UTC')::text, ', ') FROM msgstatus.status_event WHERE message_id = 't3' AND participant = '+15550100003'), 'delivered 2024-12-10 11:00:04');
SELECT is(counts(event('message.received', '{"id": "t4", "text": "hi", "type": "SMS", "received_at": "2024-12-10T11:00:00Z", "from": {"phone_number": "+15550100001"},
    "to": [{"phone_number": "+15550109999"}], "media": [{"url": "https://example.org/a.png"}]}')), '1 1 0 0 0', 'an incoming message');
SELECT is(message('t4'), '{"provider": "telnyx", "direction": "inbound", "sender": "+15550100001", "recipient": "+15550109999", "message_type": "SMS", "content": "hi",
    "media_url": "https://example.org/a.png", "status": "{\"received\": \"2024-12-10T11:00:00Z\"}"}');
SELECT is(counts(event('call.hangup', '{"id": "c"}')), '0 0 0 0 1', 'other events are no statuses');
SELECT is(counts('{"data": {"record_type": "event", "event_type": "message.sent", "payload": {"id": "t5", "to": "+15550100001"}}}'), '1 0 0 1 0', 'no list');
SELECT is(rejected() -> -1 ->> 'reason', 'the list of statuses is missing or no array');

SELECT finish();
ROLLBACK;
