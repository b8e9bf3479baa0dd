-- message_history: the trail of one message, in order of event time; and message_timeline, what analysts see.
BEGIN;
\ir include/helpers.psql
SELECT no_plan();

SELECT counts('[{"id": "h", "status": "read", "timestamp": 1733832020, "recipient_participant_id": "4915112345678"},
    {"id": "h", "status": "sent", "timestamp": 1733832000, "x": 1}, {"id": "other", "status": "sent", "timestamp": 1733832000},
    {"id": "h", "status": "failed", "timestamp": 1733832010, "errors": [{"code": 131026, "title": "t", "error_data": {"details": "d"}}]},
    {"id": "h", "status": "sending", "timestamp": 1733832000}]', '2024-12-10 12:00:30Z', 'receiver');
SELECT results_eq($$SELECT event_time, state::text, time_source, received_at, source, participant, error_code, error_title, error_details, detail - 'errors'
    FROM msgstatus.message_history('h')$$, $$VALUES
    ('2024-12-10 12:00:00Z'::timestamptz, 'sending', 'provider', '2024-12-10 12:00:30Z'::timestamptz, 'receiver', NULL, NULL::integer, NULL, NULL, NULL::jsonb),
    ('2024-12-10 12:00:00Z', 'sent', 'provider', '2024-12-10 12:00:30Z', 'receiver', NULL, NULL, NULL, NULL, '{"x": 1}'),
    ('2024-12-10 12:00:10Z', 'failed', 'provider', '2024-12-10 12:00:30Z', 'receiver', NULL, 131026, 't', 'd', '{}'),
    ('2024-12-10 12:00:20Z', 'read', 'provider', '2024-12-10 12:00:30Z', 'receiver', '+4915112345678', NULL, NULL, NULL, NULL)$$,
    'in order of event time, then of state');
SELECT is_empty($$SELECT * FROM msgstatus.message_history('unknown')$$, 'an unknown message has none');
SELECT is_empty($$SELECT * FROM msgstatus.message_history(NULL)$$);

SELECT msgstatus.register_message('h', recipient => '+491701234567', sender => 'ACME');
SELECT is((SELECT to_jsonb(t) - '{created_at,updated_at}'::text[] FROM (SELECT message_id, provider, direction, sender, recipient, message_type, state,
        sent_at, delivered_at, read_at, failed_at, error_code, error_title FROM msgstatus.message_timeline WHERE message_id = 'h') AS t),
    '{"message_id": "h", "provider": null, "direction": "outbound", "sender": "****", "recipient": "+49********67", "message_type": null,
      "state": "read", "sent_at": "2024-12-10T12:00:00+00:00", "delivered_at": "2024-12-10T12:00:20+00:00",
      "read_at": "2024-12-10T12:00:20+00:00", "failed_at": "2024-12-10T12:00:10+00:00", "error_code": 131026, "error_title": "t"}',
    'message_timeline');

-- The meaning of a code comes from the catalog, which users may change.
SELECT is((SELECT array_agg((error_meaning, error_retryable)::text) FROM msgstatus.message_timeline WHERE message_id = 'h'),
    '{"(\"message undeliverable\",f)"}');
UPDATE msgstatus.error_code_catalog SET meaning = 'gone', retryable = true WHERE code = 131026;
SELECT lives_ok('SELECT msgstatus.install()');
SELECT is((SELECT error_meaning FROM msgstatus.message_timeline WHERE message_id = 'h'), 'gone', 'a row that a user changed stays so');
DELETE FROM msgstatus.error_code_catalog WHERE code = 131026;
SELECT lives_ok('SELECT msgstatus.install()');
SELECT is((SELECT error_meaning FROM msgstatus.message_timeline WHERE message_id = 'h'), 'message undeliverable', 'a row that is missing is added');

-- The codes of the provider's documentation.
SELECT is((SELECT retryable FROM msgstatus.error_code_catalog AS c WHERE c.provider = t.provider AND c.code = t.code), t.retry, t.provider || ' ' || t.code)
FROM (VALUES ('meta', 0, false), ('meta', 250, false), ('meta', 2, true), ('meta', 131000, true), ('meta', 130429, true), ('meta', 131056, true),
    ('meta', 134101, true), ('meta', 131048, false), ('meta', 131026, false), ('meta', 131047, false), ('meta', 131050, false), ('meta', 132001, false),
    ('twilio', 63016, false), ('twilio', 63018, true), ('twilio', 30001, true), ('twilio', 30003, true), ('twilio', 30006, false), ('twilio', 21610, false),
    ('twilio', 20429, true)) AS t (provider, code, retry);

SELECT finish();
ROLLBACK;
