-- Interakt.
BEGIN;
\ir include/helpers.psql
\ir include/providers.psql
SELECT no_plan();

CREATE FUNCTION event(kind text, message jsonb) RETURNS jsonb LANGUAGE sql AS $$
    SELECT jsonb_build_object('version', '1.0', 'timestamp', '2024-12-10T11:00:08.837610', 'type', kind, 'data', jsonb_build_object('customer',
        '{"id": "c", "channel_phone_number": "15550100001", "phone_number": "5550100001", "traits": {"name": "Ann"}}'::jsonb, 'message', message))
$$;
SELECT is((SELECT jsonb_object_agg(k, (SELECT COALESCE(e.state::text, e.outcome) FROM msgstatus.explain_webhook(event('message_' || p || '_' || k, '{"id": "m"}')) AS e))
    FROM unnest('{sent,delivered,read,failed,clicked,lost}'::text[]) AS k),
    '{"sent": "sent", "delivered": "delivered", "read": "read", "failed": "failed", "clicked": "ignored", "lost": "dead letter"}', p) FROM unnest('{api,campaign}'::text[]) AS p;
SELECT is(counts(event('message_api_read', '{"id": "in-1", "message_status": "Read", "channel_failure_reason": null, "message_content_type": "Template", "received_at_utc": "2024-12-10T11:00:01.1",
    "delivered_at_utc": "2024-12-10T11:00:02.2", "seen_at_utc": "2024-12-10T11:00:07.7", "meta_data": {"source_data": {"callback_data": "o1"}}}')), '1 1 0 0 0');
SELECT is(message('in-1'), '{"provider": "interakt", "direction": "outbound", "recipient": "+15550100001", "message_type": "Template",
    "status": "{\"delivered\": \"2024-12-10T11:00:02.2Z\", \"read\": \"2024-12-10T11:00:07.7Z\"}"}', 'times without a zone are UTC');
SELECT is(events('in-1') -> 1 -> 'detail' -> 'meta_data' -> 'source_data' ->> 'callback_data', 'o1');
SELECT is(counts(event('message_api_failed', '{"id": "in-2", "channel_failure_reason": "Message undeliverable", "channel_error_code": "131026"}')), '1 1 0 0 0');
SELECT is(message('in-2') - '{provider,direction,recipient}'::text[], '{"error_code": 131026, "error_title": "Message undeliverable", "error_at": "2024-12-10T11:00:08.83761+00:00",
    "status": "{\"failed\": \"2024-12-10T11:00:08.83761Z\"}"}');
SELECT is((SELECT error_meaning FROM msgstatus.message_timeline WHERE message_id = 'in-2'), 'message undeliverable', 'Meta''s code');
SELECT is(counts(event('message_received', '{"id": "in-3", "message": "hi", "message_content_type": "Text", "received_at_utc": "2024-12-10T11:00:01"}')), '1 1 0 0 0', 'an incoming message');
SELECT is(message('in-3'), '{"provider": "interakt", "direction": "inbound", "sender": "+15550100001", "message_type": "Text", "content": "hi", "status": "{\"received\": \"2024-12-10T11:00:01Z\"}"}');
-- Its text is kept out where it is to be, also of dead letters.
SELECT msgstatus.keep_content('interakt', false);
SELECT is(counts(event('message_received', '{"id": "in-4", "message": "secret"}')), '1 1 0 0 0');
SELECT is(counts(event('message_received', jsonb_build_object('id', repeat('x', 600), 'message', 'secret'))), '1 0 0 1 0');
SELECT is((SELECT count(*) FROM (SELECT to_jsonb(m)::text FROM msgstatus.message AS m UNION ALL SELECT to_jsonb(e)::text FROM msgstatus.status_event AS e
    UNION ALL SELECT to_jsonb(r)::text FROM msgstatus.rejected_status AS r) AS t (row) WHERE row LIKE '%secret%'), 0::bigint);

SELECT finish();
ROLLBACK;
