-- Sinch: the Conversation API and the SMS API.
BEGIN;
\ir include/helpers.psql
\ir include/providers.psql
SELECT no_plan();

SELECT is(states('{"app_id": "a", "project_id": "p", "event_time": "2024-12-10T11:00:00.5Z", "message_delivery_report": {"message_id": "m", "status": "WORD"}}',
    '{QUEUED_ON_CHANNEL,DELIVERED,READ,FAILED,SWITCHING_CHANNEL,LOST}'),
    '{"QUEUED_ON_CHANNEL": "sent", "DELIVERED": "delivered", "READ": "read", "FAILED": "failed", "SWITCHING_CHANNEL": "sending", "LOST": "dead letter"}', 'every word of Conversation');
SELECT is(counts('{"app_id": "a", "accepted_time": "2024-12-10T11:00:01Z", "event_time": "2024-12-10T11:00:00.5Z", "project_id": "p", "trigger": "MESSAGE_DELIVERY", "message_delivery_report": {"message_id": "01EQ",
    "conversation_id": "c", "status": "FAILED", "channel_identity": {"channel": "WHATSAPP", "identity": "15550100001", "app_id": ""}, "contact_id": "k",
    "reason": {"code": "OUTSIDE_ALLOWED_SENDING_WINDOW", "description": "d", "sub_code": "UNSPECIFIED_SUB_CODE"}, "metadata": "o1"}}'), '1 1 0 0 0');
SELECT is(message('01EQ'), '{"provider": "sinch", "direction": "outbound", "recipient": "+15550100001", "error_title": "OUTSIDE_ALLOWED_SENDING_WINDOW", "error_details": "d",
    "error_at": "2024-12-10T11:00:00.5+00:00", "status": "{\"failed\": \"2024-12-10T11:00:00.5Z\"}"}');
SELECT is(counts('{"app_id": "a", "project_id": "p", "event_time": "2024-12-10T11:00:00Z", "trigger": "MESSAGE_INBOUND", "message": {"id": "01IN", "direction": "TO_APP",
    "contact_message": {"text_message": {"text": "hi"}}, "channel_identity": {"channel": "SMS", "identity": "15550100001"}, "sender_id": "15550109999"}}'), '1 1 0 0 0', 'an incoming message');
SELECT is(message('01IN'), '{"provider": "sinch", "direction": "inbound", "sender": "+15550100001", "recipient": "+15550109999", "content": "hi", "status": "{\"received\": \"2024-12-10T11:00:00Z\"}"}');
SELECT is(counts('{"app_id": "a", "project_id": "p", "trigger": "CONTACT_CREATE", "contact_create_notification": {}}'), '0 0 0 0 1', 'other events');

SELECT is(states('{"type": "recipient_delivery_report_sms", "batch_id": "b", "recipient": "15550100001", "code": 400, "status": "WORD", "at": "2024-12-10T11:00:00Z"}',
    '{Queued,Dispatched,Delivered,Failed,Expired,Rejected,Aborted,Cancelled,Deleted,Unknown,Lost}'),
    '{"Queued": "queued", "Dispatched": "sent", "Delivered": "delivered", "Failed": "undelivered", "Expired": "undelivered", "Rejected": "failed", "Aborted": "failed", "Cancelled": "canceled",
    "Deleted": "canceled", "Unknown": "ignored", "Lost": "dead letter"}', 'every word of SMS');
SELECT is(counts('{"type": "recipient_delivery_report_sms", "batch_id": "01FC", "recipient": "15550100001", "code": 402, "status": "Failed", "at": "2024-12-10T11:00:02Z",
    "operator_status_at": "2024-12-10T11:00:00Z", "client_reference": "o1"}'), '1 1 0 0 0');
SELECT is(message('01FC:15550100001'), '{"provider": "sinch", "direction": "outbound", "recipient": "+15550100001", "error_code": 402, "error_at": "2024-12-10T11:00:00+00:00",
    "status": "{\"undelivered\": \"2024-12-10T11:00:00Z\"}"}', 'the message of one recipient');
SELECT is(counts('{"type": "delivery_report_sms", "batch_id": "01FD", "total_message_count": 3, "statuses": [{"code": 0, "status": "Delivered", "count": 2, "recipients": ["15550100001", "15550100002"]},
    {"code": 407, "status": "Expired", "count": 1, "recipients": ["15550100003"]}, {"code": 401, "status": "Dispatched", "count": 7}, {"code": 1, "status": "Lost", "count": 2, "recipients": ["15550100004", "15550100005"]}]}'),
    '5 3 0 2 1', 'a batch; a summary without recipients tells of no message');
SELECT is((SELECT jsonb_object_agg(m.message_id, concat_ws(' ', max_state, m.error_code)) FROM msgstatus.message AS m, LATERAL (SELECT max(e.state) AS max_state FROM msgstatus.status_event AS e WHERE e.message_id = m.message_id) AS e
    WHERE m.message_id LIKE '01FD%'), '{"01FD:15550100001": "delivered", "01FD:15550100002": "delivered", "01FD:15550100003": "undelivered 407"}');
SELECT is(rejected() -> -1 -> 'payload' -> 'statuses', '[{"code": 1, "count": 2, "status": "Lost", "recipients": ["15550100005"]}]', 'a dead letter of a list in a list');
SELECT is(msgstatus.replay_rejected() - 'replayed', '{"applied": 0, "unchanged": 0, "rejected": 2}');
SELECT is(reading('{"type": "mo_text", "id": "mo1", "from": "15550100001", "to": "12345", "body": "hi", "received_at": "2024-12-10T11:00:00Z"}'), 'incoming message: sinch mo1 received 2024-12-10T11:00:00');

SELECT finish();
ROLLBACK;
