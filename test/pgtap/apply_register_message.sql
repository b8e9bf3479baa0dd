-- register_message: idempotent, before or after the statuses; what it gives holds against webhooks.
BEGIN;
\ir include/helpers.psql
SELECT no_plan();

SELECT lives_ok($$SELECT msgstatus.register_message('r1', provider => 'meta', direction => 'outbound', sender => '4930123456',
    recipient => 'whatsapp:+491701234567', message_type => 'template', content => 'Hello', media_url => 'https://example.org/a',
    metadata => '{"campaign": 7}', created_by => 'shop', campaign_id => '6f1c2b1e-0c5e-4b7e-9a4a-3f0f6f6c1d10')$$);
SELECT is(message('r1'), '{"provider": "meta", "direction": "outbound", "sender": "+4930123456", "recipient": "+491701234567",
    "message_type": "template", "content": "Hello", "media_url": "https://example.org/a", "metadata": {"campaign": 7},
    "created_by": "shop", "campaign_id": "6f1c2b1e-0c5e-4b7e-9a4a-3f0f6f6c1d10", "status": "{}", "registered": 127}', 'all of it');
SELECT is((SELECT msgstatus.state(m.status)::text FROM msgstatus.message AS m), NULL, 'not seen in any state yet');
SELECT is((SELECT m.last_change FROM msgstatus.message AS m), 65536, 'a new row');
CREATE TEMP TABLE before AS SELECT m.*, m.ctid AS version FROM msgstatus.message AS m;
SELECT lives_ok($$SELECT msgstatus.register_message('r1', provider => 'meta', content => 'Hello')$$, 'again, in part');
SELECT lives_ok($$SELECT msgstatus.register_message('r1', 'meta', 'outbound', '4930123456', '+491701234567', 'template', 'Hello',
    'https://example.org/a', '{"campaign": 7}', 'shop')$$, 'again, by position');
SELECT results_eq('SELECT m.*, m.ctid AS version FROM msgstatus.message AS m', 'SELECT * FROM before', 'changes nothing');

-- Before and after the webhooks: the same row.
CREATE FUNCTION webhook(id text) RETURNS text LANGUAGE sql AS $$
    SELECT counts(jsonb_build_object('messaging_product', 'whatsapp', 'metadata', '{"display_phone_number": "4930999999"}'::jsonb,
        'statuses', jsonb_build_array(jsonb_build_object('id', id, 'status', 'read', 'timestamp', 1733832000, 'recipient_id', '491709999999'))))
$$;
CREATE FUNCTION registration(id text) RETURNS void LANGUAGE sql AS $$
    SELECT msgstatus.register_message(id, recipient => '+491701234567', content => 'Hello', metadata => '{"a": 1}')
$$;
SELECT webhook('after'), registration('after');
SELECT registration('before'), webhook('before');
SELECT is(message('after'), message('before'), 'in either order');
SELECT is(message('after'), '{"provider": "meta", "direction": "outbound", "sender": "+4930999999", "recipient": "+491701234567",
    "content": "Hello", "metadata": {"a": 1}, "status": "{\"read\": \"2024-12-10T12:00:00Z\"}", "registered": 40}',
    'what was registered holds, the rest is the webhook''s');
SELECT is(webhook('after'), '1 0 1 0 0', 'a redelivery stays one, although it says otherwise');
SELECT is(counts('{"id": "after", "status": "read", "timestamp": 1733832000, "recipient_id": "1111111"}'), '1 0 1 0 0');
SELECT is(message('after') ->> 'recipient', '+491701234567');

-- Given later, or given anew.
SELECT msgstatus.register_message('after', sender => '+1234567');
SELECT is(message('after') ->> 'sender', '+1234567', 'replaces what webhooks said');
SELECT is((SELECT m.last_change FROM msgstatus.message AS m WHERE m.message_id = 'after'), 131072, 'which the row says');
SELECT is((SELECT m.replaced FROM msgstatus.message AS m WHERE m.message_id = 'after'),
    (SELECT '{"{\"read\": \"2024-12-10T12:00:00Z\"}",meta,+4930999999,+491701234567,NULL,outbound,NULL,NULL}'::text[]
        || encode(timestamptz_send(m.created_at), 'hex') FROM msgstatus.message AS m WHERE m.message_id = 'after'),
    'with what was counted before');
SELECT msgstatus.register_message('after', content => 'Corrected', metadata => '{"b": 2}');
SELECT is(message('after') - '{status,provider,direction,sender,recipient}'::text[],
    '{"content": "Corrected", "metadata": {"a": 1, "b": 2}, "registered": 44}', 'the last word of the sender; metadata are merged');
SELECT is(webhook('after'), '1 0 1 0 0');
SELECT msgstatus.register_message('bare');
SELECT is(message('bare'), '{"status": "{}", "registered": 0}', 'an id alone');
SELECT webhook('bare');
SELECT is(message('bare') ->> 'recipient', '+491709999999', 'leaves all to webhooks');

SELECT throws_ok($$SELECT msgstatus.register_message(NULL)$$, '22023', 'a message id has between 1 and 512 bytes');
SELECT throws_ok($$SELECT msgstatus.register_message('')$$, '22023');
SELECT throws_ok($$SELECT msgstatus.register_message(repeat('x', 513))$$, '22023');
SELECT throws_ok($$SELECT msgstatus.register_message(repeat('ü', 257))$$, '22023');
SELECT lives_ok($$SELECT msgstatus.register_message(repeat('ü', 256))$$);
SELECT lives_ok($$SELECT msgstatus.register_message('odd', content => '''; DROP TABLE x', created_by => E'"\\\n', recipient => '', metadata => 'null')$$);
SELECT is((SELECT count(*) FROM msgstatus.status_event WHERE message_id IN ('r1', 'odd')), 0::bigint, 'no event of it');

SELECT finish();
ROLLBACK;
