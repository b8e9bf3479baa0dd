-- AWS End User Messaging: Social over SNS and EventBridge, SMS.
BEGIN;
\ir include/helpers.psql
\ir include/providers.psql
SELECT no_plan();

SELECT is(states('{"source": "aws.social-messaging", "detail-type": "x", "time": "2024-12-10T11:00:01Z", "detail": {"messageId": "a", "status": "WORD"}}',
    '{sent,delivered,read,failed,undeliverable,undelivered,lost}'),
    '{"sent": "sent", "delivered": "delivered", "read": "read", "failed": "failed", "undeliverable": "undelivered", "undelivered": "undelivered", "lost": "dead letter"}',
    'every word of Social over EventBridge');
SELECT is(counts('{"version": "0", "id": "e", "detail-type": "WhatsApp Message Delivered", "source": "aws.social-messaging", "time": "2024-12-10T11:00:01Z", "region": "eu-west-1",
    "detail": {"wabaId": "w", "originationPhoneNumber": "+15550109999", "originationPhoneNumberId": "p", "messageId": "11111111-2222", "status": "delivered", "eventTimestamp": "1733828400"}}'), '1 1 0 0 0');
SELECT is(message('11111111-2222'), '{"provider": "aws", "direction": "outbound", "sender": "+15550109999", "status": "{\"delivered\": \"2024-12-10T11:00:00Z\"}"}');
SELECT is(counts('{"source": "aws.social-messaging", "detail-type": "WhatsApp Message Received", "detail": {"messageId": "in"}}'), '0 0 0 0 1', 'other events');
SELECT is(counts('{"source": "aws.social-messaging", "time": "2024-12-10T11:00:01Z", "detail": {"messageId": "notime", "status": "sent"}}'), '1 1 0 0 0');
SELECT is(status('notime'), '{"sent": "2024-12-10T11:00:01Z"}', 'the time of the event');
-- Over SNS it is Meta's entry: see webhook_others.sql.
SELECT is(counts(jsonb_build_object('Type', 'Notification', 'MessageId', 'n', 'TopicArn', 'arn:aws:sns:eu-west-1:1:t', 'Message', jsonb_build_object('whatsAppWebhookEntry',
    '{"changes": [{"field": "messages", "value": {"messaging_product": "whatsapp", "statuses": [{"id": "wamid.sns", "status": "read", "timestamp": "1733828400"}]}}]}')::text), source => 'aws'),
    '1 1 0 0 0', 'Social over SNS');

CREATE FUNCTION sms(kind text, more jsonb DEFAULT '{}') RETURNS jsonb LANGUAGE sql AS $$
    SELECT jsonb_build_object('eventType', kind, 'eventVersion', '1.0', 'eventTimestamp', 1733828400470, 'isFinal', true, 'originationPhoneNumber', '+15550109999',
        'destinationPhoneNumber', '+15550100001', 'isoCountryCode', 'US', 'messageId', 'sms-' || lower(kind), 'messageStatus', split_part(kind, '_', 2),
        'messageStatusDescription', 'words', 'totalMessageParts', 2, 'totalMessagePrice', 0.09582, 'totalCarrierFee', 0.0) || more
$$;
SELECT is((SELECT jsonb_object_agg(k, (SELECT COALESCE(e.state::text, e.outcome) FROM msgstatus.explain_webhook(sms(p || k)) AS e)) FROM unnest(
    '{QUEUED,PENDING,SUCCESSFUL,SENT,DELIVERED,READ,BLOCKED,CARRIER_BLOCKED,SPAM,INVALID,INVALID_MESSAGE,TTL_EXPIRED,CARRIER_UNREACHABLE,UNREACHABLE,UNKNOWN,LOST}'::text[]) AS k),
    '{"QUEUED": "queued", "PENDING": "sending", "SUCCESSFUL": "sent", "SENT": "sent", "DELIVERED": "delivered", "READ": "read", "BLOCKED": "undelivered", "CARRIER_BLOCKED": "undelivered",
    "SPAM": "undelivered", "INVALID": "undelivered", "INVALID_MESSAGE": "undelivered", "TTL_EXPIRED": "undelivered", "CARRIER_UNREACHABLE": "undelivered", "UNREACHABLE": "undelivered",
    "UNKNOWN": "ignored", "LOST": "dead letter"}', p) FROM unnest('{TEXT_,MEDIA_}'::text[]) AS p;
SELECT is((SELECT array_agg(DISTINCT e.outcome) FROM unnest('{FILE_INACCESSIBLE,FILE_SIZE_EXCEEDED,FILE_TYPE_UNSUPPORTED}'::text[]) AS k, msgstatus.explain_webhook(sms('MEDIA_' || k)) AS e
    WHERE e.state = 'undelivered'), '{status}');
SELECT is(counts(sms('VOICE_' || k)), '0 0 0 0 1', 'a call is no message: ' || k) FROM unnest('{INITIATED,RINGING,ANSWERED,COMPLETED,BUSY,NO_ANSWER,FAILED,TTL_EXPIRED}'::text[]) AS k;
SELECT is(counts(jsonb_build_array(sms('TEXT_DELIVERED'), sms('TEXT_CARRIER_UNREACHABLE'))), '2 2 0 0 0', 'SMS, a list');
SELECT is(message('sms-text_delivered'), '{"provider": "aws", "direction": "outbound", "sender": "+15550109999", "recipient": "+15550100001", "price": 0.09582, "price_unit": "USD",
    "num_segments": 2, "status": "{\"delivered\": \"2024-12-10T11:00:00.47Z\"}"}', 'what is described is no error');
SELECT is(message('sms-text_carrier_unreachable') ->> 'error_title', 'words');
SELECT is(counts(jsonb_build_object('TopicArn', 'arn', 'Message', sms('TEXT_QUEUED')::text)), '1 1 0 0 0', 'in a notification of SNS');
SELECT is(reading('{"inboundMessageId": "in-1", "messageBody": "hi", "originationNumber": "+15550100001", "destinationNumber": "+15550109999", "messageKeyword": "K"}'),
    'incoming message: aws in-1 received receipt');

SELECT finish();
ROLLBACK;
