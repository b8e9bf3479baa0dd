-- AiSensy: the flat form, the project webhook, Meta's envelope passed through.
BEGIN;
\ir include/helpers.psql
SELECT no_plan();

SELECT is(counts($${"statuses": [{"id": "wamid.f1", "status": "sent", "timestamp": "1733832000", "recipient_id": "919876543210"},
    {"id": "wamid.f2", "status": "delivered", "timestamp": "1733832001", "recipient_id": "919876543210"}],
    "whatsapp_business_account": {"id": "1"}}$$), '2 2 0 0 0', 'flat');
SELECT is(message('wamid.f1'), '{"provider": "aisensy", "direction": "outbound", "recipient": "+919876543210",
    "status": "{\"sent\": \"2024-12-10T12:00:00Z\"}"}');
SELECT is(events('wamid.f1'), '[{"state": "sent", "at": "2024-12-10T12:00:00"}]', 'nothing is left for the detail');

SELECT is(counts($${
    "id": "65a", "created_at": "2024-12-10T12:00:00.000Z", "topic": "message.status.updated", "delivery_attempt": "1",
    "app_id": "a", "webhook_id": "w", "project_id": "p",
    "data": {"message": {
        "id": "m1", "messageId": "wamid.p1", "phone_number": "919876543210", "status": "READ",
        "sent_at": 1733831990000, "delivered_at": 1733831992500, "read_at": 1733831999001, "failed_at": null,
        "failureResponse": {}, "message_type": "TEMPLATE", "campaign": {"name": "winter"}}}
}$$), '1 1 0 0 0', 'a project webhook with several times is one status');
SELECT is(message('wamid.p1'), '{"provider": "aisensy", "direction": "outbound", "recipient": "+919876543210",
    "message_type": "TEMPLATE",
    "status": "{\"sent\": \"2024-12-10T11:59:50Z\", \"delivered\": \"2024-12-10T11:59:52.5Z\", \"read\": \"2024-12-10T11:59:59.001Z\"}"}');
SELECT is(events('wamid.p1'), '[{"state": "sent", "at": "2024-12-10T11:59:50"},
    {"state": "delivered", "at": "2024-12-10T11:59:52.5"},
    {"state": "read", "at": "2024-12-10T11:59:59.001", "detail": {"id": "m1", "failureResponse": {}, "campaign": {"name": "winter"}}}]',
    'an event for each time; the detail stands beside the present state');

SELECT is(counts($${"topic": "message.status.updated", "data": {"message": {"messageId": "wamid.p2",
    "phone_number": "+91 98765 43210", "status": "FAILED", "sent_at": 1733831990000, "failed_at": 1733831999000,
    "failureResponse": {"code": 131026, "reason": "Message undeliverable"}, "message_type": "TEXT"}}}$$), '1 1 0 0 0', 'a failure');
SELECT is(message('wamid.p2'), '{"provider": "aisensy", "direction": "outbound", "recipient": "+919876543210",
    "message_type": "TEXT", "error_code": 131026, "error_title": "Message undeliverable",
    "error_at": "2024-12-10T11:59:59+00:00",
    "status": "{\"sent\": \"2024-12-10T11:59:50Z\", \"failed\": \"2024-12-10T11:59:59Z\"}"}');

SELECT is(counts($${"topic": "message.status.updated", "data": {"message": {"messageId": "wamid.p3", "status": "DELIVERED",
    "sent_at": 0, "delivered_at": null, "read_at": "", "failed_at": "never", "failureResponse": {"code": "470", "reason": "re-engage"}}}}$$),
    '1 1 0 0 0', 'no usable time');
SELECT is(events('wamid.p3') -> 0 ->> 'time_source', 'receipt');
SELECT is(status('wamid.p3'), '{"delivered": "2024-12-10T12:00:00Z"}', 'times that cannot be true say nothing of other states');
SELECT is(message('wamid.p3') ? 'error_code', false, 'no failure, no error');

SELECT is(counts('{"topic": "message.created", "data": {"message": {"messageId": "wamid.no", "status": "SENT"}}}'), '0 0 0 0 1',
    'other topics are ignored');
SELECT is(counts('{"topic": "message.status.updated", "data": {}}'), '1 0 0 1 0', 'no message');
SELECT is(counts('{"topic": "message.status.updated", "data": {"message": {"messageId": "wamid.no", "status": "LOST"}}}'),
    '1 0 0 1 0', 'an unknown status');
SELECT is(counts('{"topic": "message.status.updated", "data": {"message": {"status": "SENT", "sent_at": 1733831990000,
    "delivered_at": 1733831990000}}}'), '1 0 0 1 0', 'no id: rejected once, whatever the number of its times');
SELECT is((SELECT array_agg(reason ORDER BY rejected_id) FROM msgstatus.rejected_status), ARRAY[
    'a status update without a message', 'the status is missing or names no known state',
    'the message id is missing, empty or not a string']);

SELECT is(counts($${"object": "whatsapp_business_account", "entry": [{"changes": [{"field": "messages", "value": {
    "messaging_product": "whatsapp", "statuses": [{"id": "wamid.e", "status": "sent", "timestamp": "1733832000"}]}}]}]}$$),
    '1 1 0 0 0', 'Meta''s envelope passed through');
SELECT is(message('wamid.e') ->> 'provider', 'meta');

SELECT finish();
ROLLBACK;
