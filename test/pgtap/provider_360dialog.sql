-- 360dialog: Meta's envelope, and the events of partners.
BEGIN;
\ir include/helpers.psql
\ir include/providers.psql
SELECT no_plan();

SELECT is(counts($${"entry": [{"changes": [{"field": "messages", "value": {"contacts": [], "messaging_product": "whatsapp",
    "metadata": {"display_phone_number": "15550109999", "phone_number_id": "1"},
    "statuses": [{"id": "wamid.360", "status": "delivered", "timestamp": "1733828400", "recipient_id": "15550100001"}]}}], "id": "1"}],
    "object": "whatsapp_business_account"}$$, source => '360dialog'), '1 1 0 0 0', 'Meta''s envelope');
SELECT is(message('wamid.360'), '{"provider": "meta", "direction": "outbound", "sender": "+15550109999", "recipient": "+15550100001", "status": "{\"delivered\": \"2024-12-10T11:00:00Z\"}"}');
SELECT is(counts('{"statuses": [{"id": "gBx", "message": {"recipient_id": "15550100001"}, "status": "read", "timestamp": "1733828400"}]}'), '1 1 0 0 0', 'On-Premises');
SELECT is(counts(jsonb_build_object('id', 'x', 'event', event, 'data', '{"status": "a"}'::jsonb)), '0 0 0 0 1', event || ' is no status')
FROM unnest('{client_created,channel_created,channel_permission_granted,partner_updated,phone_number_quality_changed,template_approved}'::text[]) AS event;
SELECT is(counts('{"id": "x", "event": "message_sent", "data": {}}'), '1 0 0 1 0', 'an event that nobody knows is seen');

SELECT finish();
ROLLBACK;
