-- created_at: the earliest time that any call brings, whichever call came first; the rollups count by it.
BEGIN;
\ir include/helpers.psql
SELECT no_plan();

CREATE FUNCTION sent(received_at timestamptz) RETURNS void LANGUAGE sql AS $$
    SELECT counts('{"id": "m", "status": "sent", "timestamp": "1733800000", "recipient_id": "491701234567"}', received_at)
$$;
CREATE FUNCTION delivered(received_at timestamptz) RETURNS void LANGUAGE sql AS $$
    SELECT counts('[{"id": "m", "status": "delivered", "timestamp": "1733800001"}, {"id": "n", "status": "delivered", "timestamp": "1733800001"}]', received_at)
$$;
-- Returns created_at, and the hours in which the rollups count m and its like.
CREATE FUNCTION created() RETURNS text LANGUAGE sql AS $$
    SELECT concat_ws(' ', (SELECT m.created_at AT TIME ZONE 'UTC' FROM msgstatus.message AS m WHERE m.message_id = 'm'),
        (SELECT string_agg(h.hour || ':' || h.messages, ' ' ORDER BY h.hour) FROM (
            SELECT to_char(r.hour AT TIME ZONE 'UTC', 'DD-HH24') AS hour, sum(r.messages) AS messages FROM msgstatus.hour_rollup AS r
            GROUP BY r.hour HAVING sum(r.messages) <> 0) AS h),
        (SELECT count(*) || ' wrong' FROM msgstatus.verify_rollups() HAVING count(*) > 0))
$$;
CREATE FUNCTION forgotten() RETURNS void LANGUAGE sql AS $$
    TRUNCATE msgstatus.message, msgstatus.status_event, msgstatus.rejected_status, msgstatus.message_rollup, msgstatus.folded_hour, msgstatus.failure_rollup
$$;

-- Both orders of calls with one message and with several, which take different statements.
SELECT forgotten(), sent('2024-12-12 10:30Z'), delivered('2024-12-10 08:15Z');
SELECT is(created(), '2024-12-10 08:15:00 10-08:2', 'a later call with an earlier receipt moves the message, and the rollups');
SELECT forgotten(), delivered('2024-12-10 08:15Z'), sent('2024-12-12 10:30Z');
SELECT is(created(), '2024-12-10 08:15:00 10-08:2', 'as in the order of receipts');
SELECT forgotten(), delivered('2024-12-12 10:30Z'), sent('2024-12-10 08:15Z');
SELECT is(created(), '2024-12-10 08:15:00 10-08:1 12-10:1', 'also by a call with this message alone');

-- A redelivery that adds no state.
SELECT forgotten(), sent('2024-12-12 10:30Z'), sent('2024-12-11 10:30Z');
SELECT is(created(), '2024-12-11 10:30:00 11-10:1', 'a redelivery that was received earlier moves it');
SELECT is((SELECT m.status::text FROM msgstatus.message AS m), '{"sent": "2024-12-10T03:06:40Z"}', 'and nothing else');
SELECT is(counts('{"id": "m", "status": "sent", "timestamp": "1733800000", "recipient_id": "491701234567"}', '2024-12-11 10:30Z'), '1 0 1 0 0', 'once');
SELECT is(counts('{"id": "m", "status": "sent", "timestamp": "1733800000", "recipient_id": "491701234567"}', '2024-12-13 10:30Z'), '1 0 1 0 0', 'a later one does not');
SELECT is(created(), '2024-12-11 10:30:00 11-10:1');

-- Under other settings of the session, by which texts of times differ.
SET LOCAL TimeZone = 'Asia/Kolkata';
SET LOCAL DateStyle = 'German';
SELECT delivered('2024-12-10 08:15Z');
RESET TimeZone;
RESET DateStyle;
SET LOCAL TimeZone = 'UTC';
SELECT is(created(), '2024-12-10 08:15:00 10-08:2', 'whatever the settings');

-- A replayed dead letter brings its receipt.
SELECT forgotten(), sent('2024-12-12 10:30Z');
SELECT counts('{"id": "m", "status": "levitating", "timestamp": "1733800000"}', '2024-12-10 08:15Z');
UPDATE msgstatus.rejected_status SET payload = payload || '{"status": "delivered"}';
SELECT msgstatus.replay_rejected();
SELECT is(created(), '2024-12-10 08:15:00 10-08:1', 'a replayed dead letter moves it to its receipt');

-- Registered before or after, and imported.
SELECT forgotten(), msgstatus.register_message('m'), sent('2024-12-12 10:30Z');
SELECT is(created(), '2024-12-12 10:30:00 12-10:1', 'of a receipt and a later registration, the receipt');
SELECT msgstatus.register_message('m', recipient => '+15550001');
SELECT is(created(), '2024-12-12 10:30:00 12-10:1', 'registered again, as before');
SELECT msgstatus.import_statuses($$SELECT 'm' AS message_id, timestamptz '2024-12-09 10:00Z' AS created_at, 'sent' AS status, timestamptz '2024-12-09 10:00Z' AS sent_at$$);
SELECT is(created(), '2024-12-09 10:00:00 09-10:1', 'an import may know of an earlier time');

SELECT finish();
ROLLBACK;
