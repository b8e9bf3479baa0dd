-- The rollups: the result of a rebuild, and verify_rollups() on every kind of difference.
BEGIN;
\ir include/helpers.psql
SELECT no_plan();

-- Makes a message in the form in which apply_message_status would have left it.
CREATE FUNCTION add(id text, created timestamptz, status msgstatus.message_status, provider text DEFAULT 'meta', sender text DEFAULT '+4930',
    type text DEFAULT 'text', direction text DEFAULT 'outbound', campaign uuid DEFAULT NULL, code integer DEFAULT NULL, recipient text DEFAULT '+49170')
    RETURNS void LANGUAGE sql AS $$
    INSERT INTO msgstatus.message (message_id, created_at, status, provider, sender, message_type, direction, campaign_id, error_code, recipient)
    VALUES (id, created, status, provider, sender, type, direction, campaign, code, recipient)
$$;
TRUNCATE msgstatus.message, msgstatus.message_rollup, msgstatus.folded_hour, msgstatus.failure_rollup;
SELECT add('d1', '2024-12-10 10:00:00Z', '{"sent": "2024-12-10T10:00:00Z", "delivered": "2024-12-10T10:00:02Z"}');
SELECT add('d2', '2024-12-10 10:59:59.999999Z', '{"sent": "2024-12-10T10:59:59Z", "delivered": "2024-12-10T11:00:03Z", "read": "2024-12-10T11:10:03Z"}');
SELECT add('r1', '2024-12-10 10:30:00Z', '{"read": "2024-12-10T10:30:05Z"}'); -- sent and delivered are inferred: they count, and make no delay
SELECT add('n1', '2024-12-10 10:30:00Z', '{}', provider => NULL, sender => NULL, type => NULL, direction => NULL, recipient => NULL);
SELECT add('c1', '2024-12-10 10:30:00Z', '{"sent": "2024-12-10T10:30:00Z"}', campaign => '11111111-1111-1111-1111-111111111111');
SELECT add('f1', '2024-12-10 11:00:00Z', '{"sent": "2024-12-10T11:00:00Z", "failed": "2024-12-10T11:00:07Z"}', code => 131026);
SELECT add('f2', '2024-12-10 11:00:01Z', '{"failed": "2024-12-10T11:00:07Z"}', code => 131026);
SELECT add('f3', '2024-12-10 11:00:02Z', '{"undelivered": "2024-12-10T11:00:07Z"}', code => NULL);
SELECT add('f4', '2024-12-10 11:00:03Z', '{"failed": "2024-12-10T11:00:07Z", "delivered": "2024-12-10T11:00:09Z"}', code => 131026); -- arrived after all
SELECT add('i1', '2024-12-10 11:00:00Z', '{"received": "2024-12-10T11:00:00Z"}', direction => 'inbound', sender => '+49179', recipient => '+4930');

-- Nothing is counted yet, and every message is missed.
SELECT is((SELECT sum((expected ->> 'messages')::int) FROM msgstatus.verify_rollups() WHERE rollup = 'message_rollup'), 10::bigint);
SELECT is((SELECT sum((found ->> 'messages')::int) FROM msgstatus.verify_rollups()), 0::bigint);

SELECT lives_ok('SELECT msgstatus.rebuild_rollups()');
SELECT is_empty('SELECT * FROM msgstatus.verify_rollups()', 'a rebuild leaves no difference');

-- The rebuilt rows.
SELECT results_eq($$
    SELECT hour, provider, sender, message_type, direction, campaign_id, slot::int, messages, sent, in_received, in_sent, in_failed, in_undelivered,
        in_delivered, in_read, delivery::text, reading::text, failure::text
    FROM msgstatus.message_rollup ORDER BY hour, direction NULLS FIRST, campaign_id NULLS FIRST $$, $$
    VALUES (timestamptz '2024-12-10 10:00Z', NULL::text COLLATE "C", NULL::text COLLATE "C", NULL::text COLLATE "C", NULL::text COLLATE "C", NULL::uuid, 0, 1, 0, 0, 0, 0, 0, 0, 0, '{}', '{}', '{}'),
        ('2024-12-10 10:00Z', 'meta', '+4930', 'text', 'outbound', NULL, 0, 3, 3, 0, 0, 0, 0, 1, 2,
            '{"sum": 6000000, "buckets": {"1945600": 1, "3891200": 1}}', '{"sum": 600000000, "buckets": {"576716800": 1}}', '{}'),
        ('2024-12-10 10:00Z', 'meta', '+4930', 'text', 'outbound', '11111111-1111-1111-1111-111111111111', 0, 1, 1, 0, 1, 0, 0, 0, 0, '{}', '{}', '{}'),
        ('2024-12-10 11:00Z', 'meta', '+4930', 'text', 'inbound', NULL, 0, 1, 0, 1, 0, 0, 0, 0, 0, '{}', '{}', '{}'),
        ('2024-12-10 11:00Z', 'meta', '+4930', 'text', 'outbound', NULL, 0, 4, 3, 0, 0, 2, 1, 1, 0, '{}', '{}',
            '{"sum": 7000000, "buckets": {"6963200": 1}}') $$, 'by hour, provider, sender, type, direction and campaign');
SELECT results_eq($$
    SELECT hour, inbound, messages, sent, in_processing + in_pending + in_scheduled + in_accepted + in_queued + in_sending + in_partially_delivered
        + in_skipped + in_canceled + in_played, in_received, in_sent, in_failed, in_undelivered, in_delivered, in_read,
        msgstatus.count(delivery), msgstatus.count(reading), msgstatus.count(failure), recipients
    FROM msgstatus.hour_rollup ORDER BY hour, inbound $$, $$
    SELECT hour, inbound, messages, sent, 0, received, in_sent, failed, undelivered, delivered, read, d::bigint, r::bigint, f::bigint,
        (recipients * (hashtextextended('+49170', 0) & 1099511627775))::bigint
    FROM (VALUES (timestamptz '2024-12-10 10:00Z', false, 5, 4, 0, 1, 0, 0, 1, 2, 2, 1, 0, 4), ('2024-12-10 11:00Z', false, 4, 3, 0, 0, 2, 1, 1, 0, 0, 0, 1, 4),
            ('2024-12-10 11:00Z', true, 1, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0))
        AS v (hour, inbound, messages, sent, received, in_sent, failed, undelivered, delivered, read, d, r, f, recipients) $$, 'by hour, inbound messages apart');
SELECT results_eq('SELECT hour, provider, error_code, messages FROM msgstatus.failure_rollup ORDER BY error_code', $$
    VALUES (timestamptz '2024-12-10 11:00Z', 'meta'::text COLLATE "C", 131026, 2), ('2024-12-10 11:00Z', 'meta', NULL, 1) $$,
    'failures by code; one that was delivered after all is none');

-- Every state is counted in its column.
INSERT INTO msgstatus.message (message_id, created_at, status, provider)
SELECT 's' || s, '2024-12-11 00:30Z', msgstatus.message_status(s::text::msgstatus.delivery_state, '2024-12-11 00:30Z'), 'all'
FROM unnest('{processing,received,pending,scheduled,accepted,queued,sending,sent,partially_delivered,skipped,canceled,failed,undelivered,delivered,read,played}'::text[]) AS s;
SELECT msgstatus.rebuild_rollups();
SELECT is((SELECT to_jsonb(r) - '{hour,delivery,reading,failure,recipients}'::text[] FROM msgstatus.hour_rollup AS r WHERE hour = '2024-12-11 00:00Z'),
    (SELECT jsonb_object_agg('in_' || s, 1) || '{"messages": 16, "sent": 6, "inbound": false, "outbound": 16, "attempted": 7, "delivered": 3, "read": 2, "failed": 2}'
     FROM unnest('{processing,received,pending,scheduled,accepted,queued,sending,sent,partially_delivered,skipped,canceled,failed,undelivered,delivered,read,played}'::text[]) AS s));
SELECT is_empty('SELECT * FROM msgstatus.verify_rollups()');

-- An installation that counted inbound messages in the same row of an hour gets them apart.
CREATE TEMP TABLE counted_apart AS SELECT f.*, f.delivery::text AS d, f.reading::text AS r FROM msgstatus.folded_hour AS f;
DROP VIEW msgstatus.hour_rollup CASCADE;
DELETE FROM msgstatus.folded_hour WHERE inbound;
ALTER TABLE msgstatus.folded_hour DROP COLUMN inbound;
ALTER TABLE msgstatus.folded_hour ADD CONSTRAINT folded_hour_pkey PRIMARY KEY (hour);
SELECT msgstatus.install();
SELECT set_eq('SELECT hour, inbound, messages, sent, recipients, delivery::text, reading::text FROM msgstatus.folded_hour',
    'SELECT hour, inbound, messages, sent, recipients, d, r FROM counted_apart', 'after install()');
SELECT is_empty('SELECT * FROM msgstatus.verify_rollups()');

-- Rows of other slots are parts of the same sum.
UPDATE msgstatus.message_rollup SET messages = messages + 5, in_sent = in_sent - 2, delivery = delivery OPERATOR(msgstatus.+) '{"sum": 1, "buckets": {"0": 3}}' WHERE provider = 'all';
UPDATE msgstatus.folded_hour SET messages = messages + 5, in_sent = in_sent - 2, delivery = delivery OPERATOR(msgstatus.+) '{"sum": 1, "buckets": {"0": 3}}' WHERE hour = '2024-12-11 00:00Z';
INSERT INTO msgstatus.message_rollup (hour, provider, slot, messages, in_sent, delivery)
VALUES ('2024-12-11 00:00Z', 'all', 3, -5, 2, '{"sum": -1, "buckets": {"0": -3}}');
INSERT INTO msgstatus.folded_hour (hour) VALUES ('2024-12-11 05:00Z');
INSERT INTO msgstatus.failure_rollup (hour, slot) VALUES ('2024-12-11 05:00Z', 2);
SELECT is_empty('SELECT * FROM msgstatus.verify_rollups()', 'slots are summed, and a row of zeroes is none');

-- Every kind of difference is found, and nothing else is reported.
-- Returns what verify_rollups() finds after a statement, which is undone, as "rollup key expected found".
CREATE FUNCTION differences(statement text, rebuild boolean DEFAULT false) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
    found text[];
BEGIN
    BEGIN
        EXECUTE statement;
        IF rebuild THEN
            PERFORM msgstatus.rebuild_rollups();
        END IF;
        found := ARRAY(SELECT concat_ws(' ', v.rollup, v.key, v.expected, v.found) FROM msgstatus.verify_rollups() AS v);
        RAISE EXCEPTION USING ERRCODE = 'UNDO0';
    EXCEPTION WHEN SQLSTATE 'UNDO0' THEN
        RETURN QUERY SELECT unnest(found);
    END;
END
$$;
CREATE TEMP TABLE damage (name text, statement text, difference text);
INSERT INTO damage VALUES
    ('a counter', 'UPDATE msgstatus.message_rollup SET sent = sent + 1 WHERE campaign_id IS NOT NULL',
        'message_rollup {"hour": "2024-12-10T10:00:00+00:00", "sender": "+4930", "provider": "meta", "direction": "outbound", "campaign_id": "11111111-1111-1111-1111-111111111111", "message_type": "text"} {"sent": 1} {"sent": 2}'),
    ('a delay and the recipients', $$UPDATE msgstatus.folded_hour SET recipients = 5,
            reading = reading OPERATOR(msgstatus.+) msgstatus.delay_histogram(interval '1 s') WHERE hour = '2024-12-11 00:00Z'$$,
        'hour_rollup {"hour": "2024-12-11T00:00:00+00:00"} {"reading": "{}", "recipients": 0} {"reading": "{\"sum\": 1000000, \"buckets\": {\"972800\": 1}}", "recipients": 5}'),
    ('a missing row', $$DELETE FROM msgstatus.failure_rollup WHERE error_code IS NULL AND provider = 'meta'$$,
        'failure_rollup {"hour": "2024-12-10T11:00:00+00:00", "provider": "meta"} {"messages": 1} {"messages": 0}'),
    ('a row too many', $$INSERT INTO msgstatus.failure_rollup (hour, provider, error_code, slot, messages) VALUES ('2024-12-10 11:00Z', 'meta', 7, 1, 1)$$,
        'failure_rollup {"hour": "2024-12-10T11:00:00+00:00", "provider": "meta", "error_code": 7} {"messages": 0} {"messages": 1}'),
    ('another recipient', $$UPDATE msgstatus.message SET recipient = NULL WHERE message_id = 'd1'$$,
        format('hour_rollup {"hour": "2024-12-10T10:00:00+00:00"} {"recipients": %s} {"recipients": %s}',
            3 * (hashtextextended('+49170', 0) & 1099511627775), 4 * (hashtextextended('+49170', 0) & 1099511627775))),
    ('another recipient', $$UPDATE msgstatus.message SET recipient = NULL WHERE message_id = 'd1'$$,
        format('message_rollup {"hour": "2024-12-10T10:00:00+00:00", "sender": "+4930", "provider": "meta", "direction": "outbound", "message_type": "text"} {"recipients": %s} {"recipients": %s}',
            2 * (hashtextextended('+49170', 0) & 1099511627775), 3 * (hashtextextended('+49170', 0) & 1099511627775)));
SELECT results_eq(format('SELECT * FROM differences(%L)', statement), format('SELECT unnest(%L::text[])', array_agg(difference ORDER BY difference)), name)
FROM damage GROUP BY name, statement ORDER BY name;
SELECT is_empty(format('SELECT differences(%L, true)', statement), name || ' is repaired') FROM (SELECT DISTINCT name, statement FROM damage) AS d;
SELECT is_empty('SELECT * FROM msgstatus.verify_rollups()');

-- A role from which a policy hides messages would count them away.
CREATE ROLE t_counting;
SELECT msgstatus.grant_access('t_counting', 'operator');
CREATE POLICY none ON msgstatus.message TO t_counting USING (false);
ALTER TABLE msgstatus.message ENABLE ROW LEVEL SECURITY;
SET LOCAL ROLE t_counting;
SELECT throws_ok('SELECT msgstatus.rebuild_rollups()', '42501', NULL);
SELECT throws_ok('SELECT * FROM msgstatus.verify_rollups()', '42501', NULL);
RESET ROLE;
DROP POLICY none ON msgstatus.message;
ALTER TABLE msgstatus.message DISABLE ROW LEVEL SECURITY;
SELECT is_empty('SELECT * FROM msgstatus.verify_rollups()', 'nothing was rebuilt');

-- Hours that may have been purged are left as they are.
UPDATE msgstatus.maintenance SET purged_before = '2024-12-10 11:00Z';
DELETE FROM msgstatus.message WHERE created_at < '2024-12-10 11:00Z';
SELECT is_empty('SELECT * FROM msgstatus.verify_rollups()', 'what was purged is not missed');
SELECT msgstatus.rebuild_rollups();
SELECT is((SELECT sum(messages) FROM msgstatus.hour_rollup WHERE hour < '2024-12-10 11:00Z'), 5::bigint, 'nor forgotten');
SELECT is((SELECT sum(messages) FROM msgstatus.hour_rollup WHERE hour >= '2024-12-10 11:00Z'), 21::bigint);
UPDATE msgstatus.folded_hour SET messages = 0;
SELECT is((SELECT array_agg(DISTINCT key ->> 'hour') FROM msgstatus.verify_rollups()), '{2024-12-10T11:00:00+00:00,2024-12-11T00:00:00+00:00}');

-- The hour is one by UTC, whatever the session's time zone.
SET LOCAL timezone = 'Asia/Kathmandu';
SELECT msgstatus.rebuild_rollups();
SELECT is((SELECT count(*) FROM msgstatus.hour_rollup WHERE hour = '2024-12-11 00:00Z'), 1::bigint);

-- A transaction with many calls spreads over slots, as each update of a row passes by the versions that the ones before left.
SELECT count(msgstatus.apply_message_status(jsonb_build_object('id', 'many' || n, 'status', 'sent', 'timestamp', 1733832000), '2024-12-10 12:00Z'))
FROM generate_series(1, 1400) AS n;
SELECT is((SELECT sum(r.messages) FROM msgstatus.message_rollup AS r WHERE r.hour = '2024-12-10 12:00Z' AND r.slot > 0), 1400::bigint);
SELECT cmp_ok((SELECT max(r.messages) FROM msgstatus.message_rollup AS r WHERE r.hour = '2024-12-10 12:00Z'), '<=', 500);
SELECT is_empty('SELECT * FROM msgstatus.verify_rollups()');
SELECT cmp_ok(msgstatus.fold_rollups(), '>=', 3::bigint);
SELECT is((SELECT array_agg(r.messages) FROM msgstatus.message_rollup AS r WHERE r.hour = '2024-12-10 12:00Z'), '{1400}', 'and is folded like others');

SELECT finish();
ROLLBACK;
