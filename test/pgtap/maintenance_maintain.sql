-- maintain() and its parts: what is folded, counted, purged and kept, in bounded pieces, and never by anyone who has no right to.
BEGIN;
\ir include/helpers.psql
SELECT no_plan();

TRUNCATE msgstatus.message, msgstatus.status_event, msgstatus.rejected_status, msgstatus.message_rollup, msgstatus.folded_hour,
    msgstatus.failure_rollup, msgstatus.recipient_rollup, msgstatus.recipient_day;
UPDATE msgstatus.maintenance SET messages_kept = NULL, rejected_kept = NULL, purged_before = '-infinity';

-- Returns a time within the hour so many hours ago.
CREATE FUNCTION ago(hours integer) RETURNS timestamptz LANGUAGE sql AS $$ SELECT date_trunc('hour', now()) - hours * interval '1 hour' + interval '7 minutes' $$;
-- Returns the beginning of the day so many days ago.
CREATE FUNCTION midnight(days integer) RETURNS timestamptz LANGUAGE sql AS $$ SELECT date_trunc('day', now()) - days * interval '1 day' $$;
CREATE FUNCTION add(id text, created timestamptz, recipient text DEFAULT '+49170') RETURNS void LANGUAGE sql AS $$
    INSERT INTO msgstatus.message (message_id, created_at, status, provider, recipient, error_code)
    VALUES (id, created, msgstatus.message_status('failed', created), 'meta', recipient, 131026);
    INSERT INTO msgstatus.status_event (message_id, state, event_time, received_at, fingerprint, digest, time_source)
    VALUES (id, 'failed', created, created, 1, 1, 'provider')
$$;

-- Folding.
SELECT add('m' || n, ago(n)) FROM generate_series(1, 5) AS n;
SELECT msgstatus.rebuild_rollups();
CREATE TEMP TABLE before_folding AS SELECT * FROM msgstatus.sum_rollups('-infinity');
-- As writers leave them: in slots of their own, and with counters below 0 where slot 0 counted before.
UPDATE msgstatus.message_rollup SET messages = messages + 2, failure = failure OPERATOR(msgstatus.+) msgstatus.delay_histogram(interval '1 s'), recipients = recipients + 9;
UPDATE msgstatus.folded_hour SET messages = messages + 2, failure = failure OPERATOR(msgstatus.+) msgstatus.delay_histogram(interval '1 s'), recipients = recipients + 9;
UPDATE msgstatus.failure_rollup SET messages = messages + 1;
INSERT INTO msgstatus.message_rollup (hour, provider, slot, messages, failure, recipients)
SELECT hour, provider, s, CASE s WHEN 1 THEN 5 ELSE -7 END, CASE s WHEN 1 THEN '{}' ELSE OPERATOR(msgstatus.-) msgstatus.delay_histogram(interval '1 s') END,
    CASE s WHEN 1 THEN -4 ELSE -5 END
FROM msgstatus.message_rollup, generate_series(1, 2) AS s;
INSERT INTO msgstatus.failure_rollup (hour, provider, error_code, slot, messages) SELECT hour, provider, error_code, 1, -1 FROM msgstatus.failure_rollup;
SELECT is_empty('SELECT * FROM msgstatus.verify_rollups()', 'in slots');
SELECT is(msgstatus.fold_rollups(interval '3 hours', 2), 4::bigint, 'at most so many of each table');
SELECT is_empty('SELECT * FROM msgstatus.verify_rollups()', 'folded in part');
SELECT is(msgstatus.fold_rollups(interval '3 hours'), 5::bigint, 'the rest of the hours that began 3 hours ago or earlier');
SELECT is(msgstatus.fold_rollups(interval '3 hours'), 0::bigint);
SELECT is_empty('SELECT * FROM msgstatus.verify_rollups()', 'folded');
SELECT is((SELECT array_agg(DISTINCT hour ORDER BY hour) FROM msgstatus.message_rollup WHERE slot > 0), ARRAY[date_trunc('hour', ago(2)), date_trunc('hour', ago(1))],
    'later hours are left');
SELECT is((SELECT count(*) FROM msgstatus.message_rollup WHERE hour < ago(3)), 3::bigint, 'one row is left of each key');
SELECT is((SELECT count(*) FROM msgstatus.hour_rollup WHERE hour < ago(3)), 3::bigint, 'and of each hour');
SELECT msgstatus.fold_rollups(interval '0');
SELECT is((SELECT count(*) FROM msgstatus.message_rollup WHERE slot > 0) + (SELECT count(*) FROM msgstatus.failure_rollup WHERE slot > 0), 0::bigint);
SELECT results_eq('SELECT * FROM msgstatus.sum_rollups(''-infinity'') ORDER BY rollup, hour', 'SELECT * FROM before_folding ORDER BY rollup, hour', 'and the sums are the same');

-- Recipients.
DELETE FROM msgstatus.message;
DELETE FROM msgstatus.status_event;
-- Three days ago: a recipient with 3 messages, one with 2, two with 1, one message without a recipient; now: one more.
SELECT add('a' || n, midnight(3) + n * interval '1 hour', '+491') FROM generate_series(1, 3) AS n;
SELECT add('b' || n, midnight(3) + n * interval '11 hours', '+492') FROM generate_series(1, 2) AS n;
SELECT add('c1', midnight(3), '+493'), add('d1', midnight(2) - interval '1 microsecond', '+494'), add('n1', midnight(3), NULL);
SELECT add('e1', now(), '+491');
SELECT add('in' || n, midnight(3), '+4930') FROM generate_series(1, 4) AS n;
UPDATE msgstatus.message SET direction = 'inbound' WHERE message_id LIKE 'in%';
SELECT add('o1', midnight(40), '+495');
SELECT msgstatus.rebuild_rollups();
CREATE FUNCTION list(days integer) RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(recipient || ' ' || messages, ', ' ORDER BY messages DESC, recipient) FROM msgstatus.recipient_rollup WHERE day = midnight(days)::date
$$;
SELECT is(msgstatus.count_recipients(), 12::bigint, 'counts what is over, and no older than is asked for');
SELECT is(list(3), '+491 3, +492 2', 'those with one message are dropped from days that are long over');
SELECT results_eq($$SELECT day, counted_before, messages, least FROM msgstatus.recipient_day WHERE messages > 0$$, $$VALUES (midnight(3)::date, midnight(2), 12::bigint, 2)$$);
SELECT is((SELECT count(*) FROM msgstatus.recipient_day WHERE day < midnight(35)::date), 0::bigint);
SELECT ok((SELECT max(counted_before) FROM msgstatus.recipient_day) <= now() - interval '5 minutes', 'the present hour is not counted');
SELECT is_empty('SELECT * FROM msgstatus.verify_rollups()');
SELECT is(msgstatus.count_recipients(), 0::bigint, 'and not again');
SELECT is(list(3), '+491 3, +492 2');

-- A message more, or another recipient, of a day that was counted: the day is counted anew.
SELECT add('c2', midnight(3), '+493');
UPDATE msgstatus.message SET recipient = '+492' WHERE message_id IN ('a1', 'n1');
UPDATE msgstatus.recipient_rollup SET messages = 77 WHERE recipient = '+491'; -- an outdated count
SELECT msgstatus.rebuild_rollups() FROM (SELECT set_config('kept.day', (SELECT jsonb_agg(d) FROM msgstatus.recipient_day AS d)::text, true),
    set_config('kept.list', (SELECT jsonb_agg(r) FROM msgstatus.recipient_rollup AS r)::text, true)) AS kept;
SELECT is((SELECT count(*) FROM msgstatus.recipient_day) + (SELECT count(*) FROM msgstatus.recipient_rollup), 0::bigint, 'a rebuild makes lists be made anew');
INSERT INTO msgstatus.recipient_day SELECT * FROM jsonb_populate_recordset(NULL::msgstatus.recipient_day, current_setting('kept.day')::jsonb);
INSERT INTO msgstatus.recipient_rollup SELECT * FROM jsonb_populate_recordset(NULL::msgstatus.recipient_rollup, current_setting('kept.list')::jsonb);
SELECT is_empty('SELECT * FROM msgstatus.verify_rollups()', 'a list that nobody believes cannot be wrong');
SELECT is(msgstatus.count_recipients(), 13::bigint);
SELECT is(list(3), '+492 4, +491 2, +493 2');
SELECT is_empty('SELECT * FROM msgstatus.verify_rollups()');
UPDATE msgstatus.recipient_rollup SET messages = 5 WHERE recipient = '+492';
DELETE FROM msgstatus.recipient_rollup WHERE recipient = '+493';
INSERT INTO msgstatus.recipient_rollup VALUES (midnight(3)::date, '+499', 2), (midnight(1000)::date, '+491', 2);
SELECT results_eq($$SELECT rollup, key ->> 'recipient', expected ->> 'messages', found ->> 'messages' FROM msgstatus.verify_rollups()$$, $$
    VALUES ('recipient_rollup', '+491', '0', '2'), ('recipient_rollup', '+492', '4', '5'), ('recipient_rollup', '+493', '2', '0'), ('recipient_rollup', '+499', '0', '2') $$,
    'a list that is believed, and wrong, is found');
SELECT add('p1', midnight(5), '+496'), add('p2', midnight(5), '+496');
SELECT msgstatus.rebuild_rollups();
SELECT is(msgstatus.count_recipients(1), 13::bigint, 'stops after the day in which there were enough');
SELECT is(msgstatus.count_recipients(1), 2::bigint, 'and goes on with the one before');
SELECT is(list(5), '+496 2');

-- An hour after another, a day is counted in pieces.
DELETE FROM msgstatus.recipient_day;
DELETE FROM msgstatus.recipient_rollup;
INSERT INTO msgstatus.recipient_day (day, counted_before, messages, recipients)
SELECT midnight(3)::date, midnight(3) + interval '2 hours', sum(messages), sum(recipients) FROM msgstatus.hour_rollup
WHERE hour >= midnight(3) AND hour < midnight(3) + interval '2 hours';
INSERT INTO msgstatus.recipient_rollup SELECT midnight(3)::date, recipient, count(*) FROM msgstatus.message
WHERE created_at >= midnight(3) AND created_at < midnight(3) + interval '2 hours' AND direction IS NULL GROUP BY recipient;
SELECT is_empty('SELECT * FROM msgstatus.verify_rollups()', 'a day in part');
SELECT is(msgstatus.count_recipients(), 5::bigint + 2, 'what is left of it is added');
SELECT is(list(3), '+492 4, +491 2, +493 2');
SELECT is_empty('SELECT * FROM msgstatus.verify_rollups()');

-- Purging.
CREATE TEMP TABLE kept_rollups AS SELECT * FROM msgstatus.sum_rollups('-infinity');
SELECT is(msgstatus.purge_messages(midnight(1000)), 0::bigint, 'nothing so old');
SELECT is(msgstatus.purge_messages(midnight(3) + interval '30 minutes', 1), 1::bigint, 'at most so many');
SELECT is((SELECT count(*) FROM msgstatus.message WHERE message_id = 'o1') + (SELECT count(*) FROM msgstatus.status_event WHERE message_id = 'o1'), 0::bigint,
    'the oldest first, with their trail');
SELECT is((SELECT purged_before FROM msgstatus.maintenance), midnight(3), 'whole hours only');
SELECT is(msgstatus.purge_messages(midnight(3) + interval '119 minutes'), 9::bigint);
SELECT is(msgstatus.purge_messages(midnight(3) + interval '119 minutes'), 0::bigint, 'until 0');
SELECT is((SELECT array_agg(message_id ORDER BY message_id) FROM msgstatus.message), '{a1,a2,a3,b1,b2,d1,e1}');
SELECT is((SELECT array_agg(DISTINCT message_id ORDER BY message_id) FROM msgstatus.status_event), '{a1,a2,a3,b1,b2,d1,e1}');
SELECT is(list(3), NULL, 'no phone number of a day that is purged from stays');
SELECT is_empty('SELECT * FROM msgstatus.verify_rollups()');
SELECT results_eq('SELECT * FROM msgstatus.sum_rollups(''-infinity'') ORDER BY rollup, hour', 'SELECT * FROM kept_rollups ORDER BY rollup, hour', 'the rollups stay as they were');
SELECT is(msgstatus.count_recipients(), 0::bigint, 'a day that was purged from is not counted any more');
SELECT is(list(3), NULL);
SELECT is(msgstatus.purge_messages(midnight(10)), 0::bigint, 'an earlier purge');
SELECT is((SELECT purged_before FROM msgstatus.maintenance), midnight(3) + interval '1 hour', 'does not take the horizon back');
SELECT is(msgstatus.purge_messages('infinity'), 6::bigint, 'all but the present hour');
SELECT is((SELECT array_agg(message_id) FROM msgstatus.message), '{e1}');
SELECT is((SELECT purged_before FROM msgstatus.maintenance), date_trunc('hour', now()));
SELECT throws_ok('SELECT msgstatus.purge_messages(NULL)', '22004');
-- A status that comes later makes the message anew, in the hour in which it comes, where it is counted once more.
SAVEPOINT purged;
CREATE TEMP TABLE counted AS SELECT sum(messages) AS messages, sum(sent) AS sent, sum(in_read) AS in_read,
    sum(messages) FILTER (WHERE hour = date_trunc('hour', now())) AS this_hour FROM msgstatus.hour_rollup;
SELECT msgstatus.apply_message_status(jsonb_build_object('id', 'o1', 'status', 'read', 'timestamp', extract(epoch FROM midnight(3))));
SELECT is((SELECT format('%s %s %s %s', sum(r.messages) - c.messages, sum(r.sent) - c.sent, sum(r.in_read) - c.in_read,
        sum(r.messages) FILTER (WHERE r.hour = date_trunc('hour', now())) - c.this_hour)
    FROM msgstatus.hour_rollup AS r, counted AS c GROUP BY c.messages, c.sent, c.in_read, c.this_hour),
    '1 1 1 1', 'a message more, sent and read');
SELECT is_empty('SELECT * FROM msgstatus.verify_rollups()');
ROLLBACK TO purged;

INSERT INTO msgstatus.rejected_status (received_at, rejected_at, reason, body) SELECT now(), now() - n * interval '1 day', 'x', n::text FROM generate_series(1, 5) AS n;
SELECT is(msgstatus.purge_rejected(now() - interval '36 hours', 1), 1::bigint);
SELECT is((SELECT array_agg(body ORDER BY body) FROM msgstatus.rejected_status), '{1,2,3,4}', 'the oldest first');
SELECT is(msgstatus.purge_rejected(now() - interval '36 hours'), 3::bigint);
SELECT is((SELECT array_agg(body) FROM msgstatus.rejected_status), '{1}');

-- All of it.
SELECT is(msgstatus.maintain(), '{"rollups_folded": 0, "windows_counted": 0, "prefixes_counted": 0, "recipients_counted": 0}', 'nothing is deleted unless it is said how long to keep it');
SELECT is((SELECT count(*) FROM msgstatus.rejected_status), 1::bigint);
SELECT throws_ok($$UPDATE msgstatus.maintenance SET messages_kept = '0'$$, '23514');
SELECT throws_ok('INSERT INTO msgstatus.maintenance DEFAULT VALUES', '23505');
UPDATE msgstatus.maintenance SET messages_kept = '2 days', rejected_kept = '12 hours', purged_before = '-infinity';
SELECT add('x1', now() - interval '3 days'), add('x2', now() - interval '26 hours');
SELECT msgstatus.rebuild_rollups();
DELETE FROM msgstatus.folded_hour WHERE hour < now() - interval '12 hours';
UPDATE msgstatus.message_rollup SET slot = 1 WHERE hour < now() - interval '12 hours';
SELECT is(msgstatus.maintain() - '{rollups_folded,windows_counted,prefixes_counted}'::text[], '{"messages_purged": 1, "rejected_purged": 1, "recipients_counted": 2}');
SELECT is((SELECT array_agg(message_id ORDER BY message_id) FROM msgstatus.message), '{e1,x2}');
SELECT is((SELECT count(*) FROM msgstatus.message_rollup WHERE slot > 0), 0::bigint);
SELECT is_empty('SELECT * FROM msgstatus.verify_rollups()');

-- An operator may.
CREATE ROLE t_operator;
SELECT msgstatus.grant_access('t_operator', 'operator');
SET LOCAL ROLE t_operator;
SELECT lives_ok('SELECT msgstatus.maintain()');
SELECT lives_ok('SELECT msgstatus.rebuild_rollups()');
SELECT is_empty('SELECT * FROM msgstatus.verify_rollups()');
RESET ROLE;

SELECT finish();
ROLLBACK;
