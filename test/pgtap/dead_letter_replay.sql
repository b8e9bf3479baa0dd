-- The dead letters: reject_webhook, replay_rejected, rejected_summary.
BEGIN;
\ir include/helpers.psql
SELECT no_plan();

CREATE FUNCTION replayed(ids bigint[] DEFAULT NULL, max_count integer DEFAULT 1000) RETURNS text LANGUAGE sql AS $$
    SELECT concat_ws(' ', c ->> 'replayed', c ->> 'applied', c ->> 'rejected') FROM msgstatus.replay_rejected(ids, max_count) AS c
$$;

SELECT is(replayed(), '0 0 0', 'nothing to replay');

-- A body that jsonb refuses is kept as text.
SELECT lives_ok($$SELECT msgstatus.reject_webhook('{"id": "a\u0000"}', 'jsonb refuses it', '2024-12-10 12:00Z', 'receiver')$$);
SELECT is((SELECT to_jsonb(r) - '{rejected_id,rejected_at}'::text[] FROM msgstatus.rejected_status AS r),
    '{"received_at": "2024-12-10T12:00:00+00:00", "source": "receiver", "provider": null, "sender": null,
      "reason": "jsonb refuses it", "payload": null, "body": "{\"id\": \"a\\u0000\"}"}');
SELECT is(replayed(), '1 0 1', 'as long as it is refused, it stays');
SELECT is((SELECT array_agg(body) FROM msgstatus.rejected_status), ARRAY['{"id": "a\u0000"}']);
UPDATE msgstatus.rejected_status SET body = '{"id": "a", "status": "sent", "timestamp": 1733832000}';
SELECT is(replayed(), '1 1 0', 'mended by hand, it is applied');
SELECT is(events('a'), '[{"state": "sent", "at": "2024-12-10T12:00:00", "source": "receiver"}]', 'with its receipt and source');
SELECT is(rejected(), NULL, 'and gone');
SELECT lives_ok($$SELECT msgstatus.reject_webhook(NULL, 'x')$$, 'no body');
SELECT lives_ok($$SELECT msgstatus.reject_webhook('', NULL)$$, 'an empty body, no reason');
SELECT lives_ok($$SELECT msgstatus.reject_webhook(repeat('[', 100000), 'too deep')$$);
SELECT lives_ok($$SELECT msgstatus.reject_webhook(repeat('x', 3000000), 'large')$$);
SELECT is(replayed(), '3 0 3', 'bodies that are no JSON, or too much of it');
SELECT is((SELECT count(*) FROM msgstatus.rejected_status), 3::bigint, 'stay');
SELECT forget();

-- A dead letter is applied after its cause is mended, with the rest of its webhook.
SELECT counts('{"entry": [{"changes": [{"field": "messages", "value": {"messaging_product": "whatsapp",
    "metadata": {"display_phone_number": "4930123456"},
    "statuses": [{"id": "m1", "status": "levitating", "recipient_id": "4917012345678"}, {"id": "m2", "status": "sent"}]}}]}]}',
    '2024-12-10 11:00Z', 'receiver');
SELECT is(replayed(), '1 0 1', 'the cause is not mended yet');
SELECT is(rejected(), '[{"reason": "the status is missing or names no known state",
    "payload": {"id": "m1", "status": "levitating", "recipient_id": "4917012345678"}}]', 'one dead letter as before');
SELECT is((SELECT concat_ws(' ', source, provider, sender, received_at AT TIME ZONE 'UTC') FROM msgstatus.rejected_status),
    'receiver meta +4930123456 2024-12-10 11:00:00', 'and what surrounded it');
UPDATE msgstatus.rejected_status SET payload = jsonb_set(payload, '{status}', '"read"');
SELECT is(replayed(), '1 1 0');
SELECT is(message('m1'), '{"provider": "meta", "direction": "outbound", "sender": "+4930123456", "recipient": "+4917012345678",
    "status": "{\"read\": \"2024-12-10T11:00:00Z\"}"}', 'as if it had come right at once');
SELECT is(replayed(), '0 0 0', 'a second time: nothing left');

-- A dead letter of something already applied is unchanged, and gone.
INSERT INTO msgstatus.rejected_status (received_at, reason, payload) VALUES ('2024-12-10 12:00Z', 'copy', '{"id": "m2", "status": "sent"}');
SELECT is(replayed(), '1 0 0');
SELECT is(rejected(), NULL);

-- A value whose list was none: the shape around it is known.
SELECT is(counts('{"entry": [{"changes": [{"field": "messages", "value": {"messaging_product": "whatsapp",
    "metadata": {"display_phone_number": "4930123456"}, "statuses": {"id": "m3", "status": "sent", "timestamp": 1733832000}}}]}]}'), '1 0 0 1 0');
UPDATE msgstatus.rejected_status SET payload = jsonb_set(payload, '{statuses}', jsonb_build_array(payload -> 'statuses'));
SELECT is(replayed(), '1 1 0');
SELECT is(message('m3') ->> 'sender', '+4930123456');

-- By id, and no more than asked.
SELECT forget();
SELECT counts('[{"id": "n1", "status": "x"}, {"id": "n2", "status": "x"}, {"id": "n3", "status": "x"}]');
UPDATE msgstatus.rejected_status SET payload = jsonb_set(payload, '{status}', '"sent"');
SELECT is(replayed(ARRAY[(SELECT rejected_id FROM msgstatus.rejected_status WHERE payload ->> 'id' = 'n2'), -1]), '1 1 0', 'by id');
SELECT is((SELECT array_agg(message_id) FROM msgstatus.message), '{n2}');
SELECT is(replayed(max_count => 1), '1 1 0', 'no more than asked');
SELECT is((SELECT array_agg(message_id ORDER BY message_id) FROM msgstatus.message), '{n1,n2}', 'the oldest first');
SELECT is(replayed('{}'), '0 0 0', 'none of none');
SELECT is(replayed(), '1 1 0');

-- A dead letter that is rejected again is not replayed again in the same call.
SELECT forget();
SELECT counts((SELECT jsonb_agg(jsonb_build_object('id', 'o' || n, 'status', 'x')) FROM generate_series(1, 300) AS n));
SELECT is(replayed(), '300 0 300');
SELECT is((SELECT count(*) FROM msgstatus.rejected_status), 300::bigint);

-- A letter that was too many parts is replayed whole.
SELECT forget();
SELECT counts((SELECT jsonb_agg(0) || '{"id": "p1", "status": "sent"}' FROM generate_series(1, 1001) AS n));
SELECT is(replayed(), '1 0 1001');
SELECT is((SELECT array_agg(reason) FROM msgstatus.rejected_status), '{more than 1000 parts cannot be used}');

SELECT forget();
SELECT counts('[{"id": "q", "status": "x"}, {"id": "q", "status": "y"}, 5]', '2024-12-10 11:00Z', 'a'),
    counts('{"id": "q", "status": "x"}', '2024-12-10 13:00Z', 'a');
SELECT results_eq('SELECT reason, source, provider, rejected, first_received_at, last_received_at FROM msgstatus.rejected_summary ORDER BY reason',
    $$VALUES ('not a JSON object', 'a', NULL, 1::bigint, '2024-12-10 11:00Z'::timestamptz, '2024-12-10 11:00Z'::timestamptz),
        ('the status is missing or names no known state', 'a', NULL, 3, '2024-12-10 11:00Z', '2024-12-10 13:00Z')$$, 'rejected_summary');

SELECT finish();
ROLLBACK;
