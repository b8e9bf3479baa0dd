-- Phone numbers are stored as +<digits>, without whatsapp:; other addresses as they are.
BEGIN;
\ir include/helpers.psql
SELECT no_plan();

CREATE TEMP TABLE spelling (given text, stored text);
INSERT INTO spelling VALUES
    ('491701234567', '+491701234567'), ('+491701234567', '+491701234567'), ('whatsapp:+491701234567', '+491701234567'),
    ('WhatsApp:491701234567', '+491701234567'), (' +49 (170) 123-45.67 ', '+491701234567'), ('whatsapp: 491701234567', '+491701234567'),
    ('+1234567', '+1234567'), ('1234567', '+1234567'), ('123456', '123456'), ('+12345', '+12345'),
    ('123456789012345', '+123456789012345'), ('1234567890123456', '1234567890123456'),
    ('ACME', 'ACME'), ('whatsapp:ACME', 'ACME'), ('US.13491208655302741918', 'US.13491208655302741918'),
    ('120363041234567890@g.us', '120363041234567890@g.us'), ('49170123456a', '49170123456a'), ('+', '+'), ('++491701234567', '++491701234567'),
    ('491701234567+', '491701234567+'), ('٤٩١٧٠١٢٣٤٥٦٧', '٤٩١٧٠١٢٣٤٥٦٧'), ('messenger:100', 'messenger:100');

SELECT is(msgstatus.normalize_address(given), stored, given) FROM spelling;
SELECT is(msgstatus.normalize_address(stored), stored, 'and again: ' || given) FROM spelling;
SELECT is(msgstatus.normalize_address(''), '');
SELECT is(msgstatus.normalize_address(NULL), NULL);

-- Wherever an address is read.
SELECT is(counts(jsonb_build_object('MessageSid', 'SM1', 'MessageStatus', 'sent', 'From', '+49 170 1234567', 'To', 'whatsapp:+4915112345678')), '1 1 0 0 0');
SELECT is(message('SM1') - '{status,provider,direction}'::text[], '{"sender": "+491701234567", "recipient": "+4915112345678"}');
SELECT is(counts('{"id": "wamid.n", "status": "sent", "timestamp": 1733832000, "recipient_id": 491701234567}'), '1 1 0 0 0', 'a number');
SELECT is(message('wamid.n') ->> 'recipient', '+491701234567');
SELECT lives_ok($$SELECT msgstatus.register_message('reg', sender => 'whatsapp:+49 170 1234567', recipient => '4915112345678')$$);
SELECT is(message('reg') - '{status,registered}'::text[], '{"sender": "+491701234567", "recipient": "+4915112345678"}');
SELECT is(counts('{"id": "wamid.p", "status": "read", "timestamp": 1, "recipient_participant_id": "whatsapp:49151-12345678"}'), '1 1 0 0 0');
SELECT is(events('wamid.p') -> 0 ->> 'participant', '+4915112345678');

SELECT finish();
ROLLBACK;
