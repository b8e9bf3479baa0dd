-- Recognition is never by luck: where several descriptions fit, the source decides, or nobody.
BEGIN;
\ir include/helpers.psql
\ir include/providers.psql
SELECT no_plan();

SELECT msgstatus.define_provider('one', '{"shapes": [{"when": {"ref": true, "st": true}, "id": "ref", "state": {"path": "st"}}]}');
SELECT msgstatus.define_provider('two', '{"shapes": [{"when": {"ref": true}, "id": "ref", "state": {"path": "st", "words": {"sent": "delivered"}}}]}');
SELECT is(counts('{"ref": "r1"}'), '1 0 0 1 0');
SELECT is(rejected() -> 0 ->> 'reason', 'the status is missing or names no known state', 'one fits');
SELECT is(counts('{"ref": "r1", "st": "sent"}'), '1 0 0 1 0', 'two fit');
SELECT is(rejected() -> 1 ->> 'reason', 'of a shape of several providers, none of which is the source');
SELECT is(counts('{"ref": "r1", "st": "sent"}', source => 'another'), '1 0 0 1 0', 'a source that names neither');
SELECT is(counts('{"ref": "r1", "st": "sent"}', source => 'one'), '1 1 0 0 0');
SELECT is(status('r1'), '{"sent": "2024-12-10T12:00:00Z"}', 'the source decides');
SELECT is(counts('{"ref": "r2", "st": "sent"}', source => 'two'), '1 1 0 0 0');
SELECT is(status('r2'), '{"delivered": "2024-12-10T12:00:00Z"}');
-- Once one is gone, the dead letters are applied.
SELECT msgstatus.drop_provider('one');
SELECT is(msgstatus.replay_rejected() ->> 'applied', '1');
SELECT is((SELECT max(state) FROM msgstatus.status_event WHERE message_id = 'r1'), 'delivered');

-- A description against the shapes of Meta, Twilio and AiSensy.
SELECT msgstatus.define_provider('wide', '{"shapes": [{"when": {"statuses": true}, "list": "statuses", "id": "id", "state": {"path": "status"}},
    {"when": {"entry": true}, "list": "entry", "id": "id", "state": {"is": "sent"}}, {"when": {"MessageSid": true}, "id": "MessageSid", "state": {"is": "read"}},
    {"when": {"update_id": true}, "id": "update_id", "state": {"is": "read"}}]}');
SELECT is(reading('{"entry": [{"id": "e", "changes": []}]}'), 'dead letter: of a shape of several providers, none of which is the source');
SELECT is(reading('{"entry": [{"id": "e", "changes": []}]}', 'wide'), 'wide e sent receipt');
SELECT is(reading('{"entry": [{"id": "e", "changes": [{"field": "x", "value": {}}]}]}', 'meta'), 'ignored: meta');
SELECT is(reading('{"MessageSid": "SM1", "MessageStatus": "sent"}', 'twilio'), 'twilio SM1 sent receipt');
SELECT is(reading('{"MessageSid": "SM1", "MessageStatus": "sent"}', 'wide'), 'wide SM1 read receipt');
SELECT is(reading('{"update_id": 12345}'), 'wide 12345 read receipt', 'what is else ignored belongs to nobody');
-- Shapes that many providers share come last.
SELECT is(reading('{"statuses": [{"id": "s", "status": "sent"}]}'), 'wide s sent receipt');
SELECT msgstatus.drop_provider('wide');
SELECT is(reading('{"statuses": [{"id": "s", "status": "sent"}]}'), 'aisensy s sent receipt');
SELECT is(reading('{"MessageSid": "SM1", "MessageStatus": "sent"}'), 'twilio SM1 sent receipt');

-- Where the source names a provider whose shape fits, one's own description does not take its webhooks, even if it alone fits.
SELECT msgstatus.define_provider('greedy', '{"shapes": [{"when": {"id": true}, "id": "id", "state": {"is": "failed"}}, {"when": {"entry": true}, "id": "object", "state": {"is": "failed"}},
    {"when": {"sid": true}, "id": "sid", "state": {"is": "failed"}}, {"when": {"statuses": true}, "id": "nix", "state": {"is": "failed"}}, {"when": {"EventType": true}, "id": "EventType", "state": {"is": "failed"}}]}');
SELECT is((SELECT jsonb_object_agg(COALESCE(source, '-'), reading(body, source)) FROM unnest(sources::text[]) AS source), wanted::jsonb, body::text) FROM (VALUES
    ('{"id": "wamid.g", "status": "sent", "timestamp": "1733828400", "recipient_id": "15550100001"}'::jsonb, '{meta,aisensy,plivo,NULL}',
        '{"meta": "meta wamid.g sent 2024-12-10T11:00:00", "aisensy": "meta wamid.g sent 2024-12-10T11:00:00", "plivo": "greedy wamid.g failed receipt", "-": "greedy wamid.g failed receipt"}'),
    ('{"statuses": [{"id": "s", "status": "sent", "timestamp": "1733828400"}]}', '{meta,aisensy,360dialog}',
        '{"meta": "aisensy s sent 2024-12-10T11:00:00", "aisensy": "aisensy s sent 2024-12-10T11:00:00", "360dialog": "aisensy s sent 2024-12-10T11:00:00"}'),
    ('{"id": "wamid.g", "from": "15550100001", "type": "text", "timestamp": "1733828400"}', '{meta,greedy}', '{"meta": "incoming message: meta wamid.g received 2024-12-10T11:00:00", "greedy": "greedy wamid.g failed receipt"}'),
    ('{"sid": "SM1", "status": "sent"}', '{twilio,meta}', '{"twilio": "twilio SM1 sent receipt", "meta": "greedy SM1 failed receipt"}'),
    ('{"EventType": "onMessageAdded"}', '{twilio,meta}', '{"twilio": "ignored:", "meta": "greedy onMessageAdded failed receipt"}'),
    ('{"id": "p", "MessageUUID": "p", "Status": "sent"}', '{plivo,greedy}', '{"plivo": "plivo p sent receipt", "greedy": "greedy p failed receipt"}'),
    ('{"object": "whatsapp_business_account", "entry": [{"id": "e", "changes": [{"field": "messages", "value": {"messaging_product": "whatsapp", "statuses": [{"id": "wamid.e", "status": "sent", "timestamp": "1733828400"}]}}]}]}',
        '{meta,gupshup,360dialog,aws,wati,greedy,NULL}', '{"meta": "meta wamid.e sent 2024-12-10T11:00:00", "gupshup": "meta wamid.e sent 2024-12-10T11:00:00", "360dialog": "meta wamid.e sent 2024-12-10T11:00:00",
        "aws": "meta wamid.e sent 2024-12-10T11:00:00", "wati": "meta wamid.e sent 2024-12-10T11:00:00", "greedy": "greedy whatsapp_business_account failed receipt",
        "-": "dead letter: of a shape of several providers, none of which is the source"}')) AS t (body, sources, wanted);
-- A source that names no provider changes nothing.
SELECT is(counts('{"id": "wamid.g", "status": "sent"}', source => 'my-queue'), '1 1 0 0 0');
SELECT is((SELECT provider FROM msgstatus.message WHERE message_id = 'wamid.g'), 'greedy');
DELETE FROM msgstatus.message WHERE message_id = 'wamid.g';
SELECT msgstatus.drop_provider('greedy');

-- No body of one built-in provider fits the description of another.
SELECT is(reading('{"message_uuid": "u", "status": "delivered", "MessageUUID": "p", "Status": "delivered"}'), 'dead letter: of a shape of several providers, none of which is the source', 'of both Vonage and Plivo');
SELECT is(reading('{"message_uuid": "u", "status": "delivered", "MessageUUID": "p", "Status": "delivered"}', 'plivo'), 'plivo p delivered receipt');

-- A part of a provider's webhook, kept without what was around it, is not taken for Meta's when it is replayed.
DELETE FROM msgstatus.rejected_status;
INSERT INTO msgstatus.rejected_status (received_at, reason, provider, payload)
SELECT '2024-12-10 12:00Z', 'x', p, '{"id": "part", "status": "sent"}' FROM unnest('{infobip,NULL,unheard-of}'::text[]) AS p;
SELECT is(msgstatus.replay_rejected() ->> 'rejected', '1');
SELECT is(status('part'), '{"sent": "2024-12-10T12:00:00Z"}', 'the others are, as before');
SELECT is((SELECT provider || ': ' || reason FROM msgstatus.rejected_status), 'infobip: not a shape of any known webhook');

-- explain_webhook says what does not fit, and writes nothing.
SELECT is(reading('{"MessageUUID": "p"}', 'plivo'), E'does not fit: plivo shape 1, status callback: "Status" is missing\ndoes not fit: plivo shape 2, incoming message: "To" is missing\ndead letter: not a shape of any known webhook');
SELECT is(reading('{"data": {"record_type": "x", "event_type": "y"}}', 'telnyx'), E'does not fit: telnyx shape 1, message.sent, message.finalized: "data.payload" is missing\n'
    'does not fit: telnyx shape 2, message.received: "data.payload" is missing\ndoes not fit: telnyx shape 3, other events: "data.record_type" has another value\ndead letter: not a shape of any known webhook');
SELECT is(reading('[{"MessageUUID": "p", "Status": "sent"}, 5]', 'plivo'), E'plivo p sent receipt\ndead letter: not a JSON object');
SELECT is(reading(NULL), NULL);
SELECT is(reading('{"id": "wamid.x", "from": "15550100001", "type": "text", "timestamp": "1733828400", "text": {"body": "hi"}}'), 'incoming message: meta wamid.x received 2024-12-10T11:00:00');
SELECT is((SELECT to_jsonb(e) -> 'more' FROM msgstatus.explain_webhook('{"sid": "SM1", "status": "failed", "price": "-0.0075", "price_unit": "USD", "num_segments": "2", "error_code": 30003, "direction": "outbound-api"}') AS e),
    '{"direction": "outbound", "price": -0.0075, "price_unit": "USD", "num_segments": 2}');
SELECT throws_ok($$SELECT * FROM msgstatus.explain_webhook('{}', 'nobody')$$, '22023', 'unknown provider "nobody"');
SELECT lives_ok($$SELECT e.* FROM msgstatus.providers AS p, msgstatus.explain_webhook('{}', p.name) AS e$$, 'each provider');
SELECT is((SELECT count(*) FROM msgstatus.message WHERE message_id IN ('p', 'SM1', 's', 'wamid.x')), 0::bigint, 'nothing is written');

SELECT finish();
ROLLBACK;
