-- Claims of workers, their leases and reports; the shared rate; reconciliations; attached tables.
BEGIN;
\ir include/helpers.psql
SELECT no_plan();

CREATE FUNCTION sid(n integer) RETURNS text LANGUAGE sql AS $$ SELECT 'SM' || lpad(n::text, 32, '0') $$;
CREATE FUNCTION claim(worker text, most integer DEFAULT 100) RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(concat(ltrim(substr(message_id, 3), '0'), ':', claim, ':', attempts), ' ' ORDER BY message_id)
    FROM msgstatus.claim_refreshes(worker, most, '1 minute')
$$;
CREATE FUNCTION report(n integer, claim integer, outcome text, error text DEFAULT NULL, pause interval DEFAULT NULL) RETURNS bigint
LANGUAGE sql AS $$ SELECT msgstatus.finish_refreshes(ARRAY[sid(n)], ARRAY[claim], ARRAY[outcome], ARRAY[error], ARRAY[pause]) $$;
CREATE FUNCTION shown(n integer) RETURNS text LANGUAGE sql AS $$
    SELECT concat_ws(' ', waiting, worker, attempts, last_error, outcome) FROM msgstatus.refresh_status WHERE message_id = sid(n)
$$;
-- Time that passes.
CREATE FUNCTION wait(span interval) RETURNS void LANGUAGE sql AS
    $$ UPDATE msgstatus.refresh_queue SET next_attempt_at = next_attempt_at - span $$;

SELECT counts(jsonb_build_object('MessageSid', sid(n), 'MessageStatus', 'sent', 'AccountSid', CASE n WHEN 1 THEN 'AC0000000000000000000000000000000a'
    WHEN 2 THEN 'AC1/../x' ELSE 'AC0000000000000000000000000000000b' END), now())
FROM generate_series(1, 6) AS n;
SELECT msgstatus.register_message(sid(7), provider => 'twilio');
SELECT msgstatus.request_refresh(ARRAY(SELECT sid(n) FROM generate_series(1, 7) AS n));

SELECT throws_ok($$SELECT msgstatus.claim_refreshes('')$$, '22023');
SELECT throws_ok($$SELECT msgstatus.claim_refreshes('w', 0)$$, '22023');
SELECT throws_ok($$SELECT msgstatus.claim_refreshes('w', 1, '25 hours')$$, '22023');
SELECT is((SELECT string_agg(concat(right(message_id, 1), right(account_sid, 1)), ' ' ORDER BY message_id) FROM msgstatus.claim_refreshes('w')
    WHERE created_at IS NOT NULL), '1a 2 3b 4b 5b 6b 7', 'with the account of the callbacks, if it looks like one');
SELECT is(claim('w2'), NULL, 'held by another worker');
SELECT wait('1 minute');
SELECT is(claim('w2', 7), NULL, 'still');
SELECT wait('61 seconds');
SELECT is(claim('w2', 6), '1:2:2 2:2:2 3:2:2 4:2:2 5:2:2 6:2:2', 'the lease ended: the worker was killed');

-- Reports.
SELECT is(report(1, 1, 'changed'), 0::bigint, 'a report of the claim before changes nothing');
SELECT is(shown(1), 't w2 2');
SELECT is(report(1, 2, 'changed'), 1::bigint);
SELECT is(shown(1), 'f 2 changed');
SELECT is(report(1, 2, 'changed'), 0::bigint, 'once');
SELECT is(report(2, 2, 'later', 'HTTP 500', '30 seconds'), 1::bigint);
SELECT is(shown(2), 't 2 HTTP 500');
SELECT is(claim('w', 1), '7:2:2', 'not before the pause ends');
SELECT wait('31 seconds');
SELECT is(claim('w', 1), '2:3:3');
SELECT is(report(2, 3, 'failed', 'HTTP 500'), 1::bigint);
SELECT is(shown(2), 'f 3 HTTP 500 failed');
SELECT is(report(3, 2, 'unknown', 'the provider does not know the message'), 1::bigint);
SELECT is(shown(3), 'f 2 the provider does not know the message unknown');
SELECT is(report(4, 2, 'released'), 1::bigint);
SELECT is(shown(4), 't 1', 'an attempt that was none');
SELECT is(report(5, 2, 'unchanged'), 1::bigint);
SELECT is(shown(5), 'f 2 unchanged');
SELECT is((SELECT last_check > now() - interval '1 minute' FROM msgstatus.refresh_status WHERE message_id = sid(5)), true);
SELECT throws_ok($$SELECT report(6, 2, 'gone')$$, '22023');
SELECT is((msgstatus.request_refresh(ARRAY[sid(1), sid(2), sid(3), sid(4), sid(5)]))::text, '(0,1,1,3,0,0)', 'asked again: recent, and unknown is final');
UPDATE msgstatus.message_check SET checked_at = checked_at - interval '2 minutes';
SELECT is((msgstatus.request_refresh(ARRAY[sid(1), sid(2), sid(3), sid(4), sid(5)]))::text, '(3,1,1,0,0,0)', 'a failure can be tried again');

-- The rate, which all workers share.
CREATE FUNCTION wait_for_request() RETURNS numeric LANGUAGE sql AS $$
    SELECT ceil(extract(epoch FROM msgstatus.reserve_request('twilio', 0.1, 2)) / 10)
$$;
SELECT is(wait_for_request(), 0::numeric, 'the first');
SELECT is(wait_for_request(), 0::numeric, 'the second of a burst of two');
SELECT is(wait_for_request(), 1::numeric, 'the third waits');
SELECT is(wait_for_request(), 2::numeric, 'the fourth longer');
SELECT lives_ok($$SELECT msgstatus.pause_requests('twilio', '60 seconds')$$);
SELECT is(wait_for_request(), 6::numeric, 'a pause holds for all');
SELECT lives_ok($$SELECT msgstatus.pause_requests('twilio', '1 day')$$);
SELECT is(wait_for_request(), 30::numeric, 'but not for ever');
SELECT throws_ok($$SELECT msgstatus.reserve_request('twilio', 0)$$, '22023');
SELECT throws_ok($$SELECT msgstatus.reserve_request('meta', 5)$$, 'P0002');

-- Workers.
SELECT is(msgstatus.refresh_configured(), false);
SELECT lives_ok($$SELECT msgstatus.refresh_worker_seen('w', 'not configured', 'Twilio client not configured')$$);
SELECT is(msgstatus.refresh_configured(), false);
SELECT lives_ok($$SELECT msgstatus.refresh_worker_seen('w', 'running')$$);
SELECT is(msgstatus.refresh_configured(), true);
SELECT is((SELECT (worker, state, is_alive)::text FROM msgstatus.refresh_workers), '(w,running,t)');
UPDATE msgstatus.refresh_worker SET seen_at = now() - interval '2 minutes';
SELECT is(msgstatus.refresh_configured(), false, 'a worker that was not seen for a minute');
SELECT throws_ok($$SELECT msgstatus.refresh_worker_seen('w', 'well')$$, '23514');
SELECT throws_ok($$SELECT msgstatus.refresh_worker_seen('', 'running')$$, '22023');

-- Reconciliations.
SELECT msgstatus.begin_reconciliation('w', '1 hour', '3 days') AS first \gset
SELECT is(msgstatus.begin_reconciliation('w2', '1 hour', '3 days'), NULL, 'one at a time');
SELECT is(msgstatus.record_reconciliation(:first, 1, 3, 2, 1), true);
SELECT is(msgstatus.record_reconciliation(:first, 1, 1, 0, 0, true), true);
SELECT is(msgstatus.record_reconciliation(:first, 1, 1, 0, 0, true), false, 'it ended');
SELECT is((SELECT (pages, messages, changed, discovered, ended_at IS NOT NULL, error)::text FROM msgstatus.reconciliations), '(2,4,2,1,t,)');
SELECT is(msgstatus.begin_reconciliation('w', '1 hour', '3 days'), NULL, 'not before the time');
UPDATE msgstatus.reconciliation SET began_at = began_at - interval '1 hour', ended_at = ended_at - interval '1 hour';
SELECT msgstatus.begin_reconciliation('w', '1 hour', '3 days') AS second \gset
UPDATE msgstatus.reconciliation SET seen_at = seen_at - interval '11 minutes';
SELECT msgstatus.begin_reconciliation('w2', '1 hour', '3 days') AS third \gset
SELECT ok(:third > :second, 'a worker that died is replaced');
SELECT is((SELECT error FROM msgstatus.reconciliations WHERE reconciliation_id = :second), 'the worker ended');
SELECT is(msgstatus.record_reconciliation(:third, ended => true, error => 'HTTP 500'), true);
SELECT is(msgstatus.begin_reconciliation('w', '1 hour', '3 days'), NULL, 'a failure is tried again, not at once');
UPDATE msgstatus.reconciliation SET ended_at = ended_at - interval '11 minutes';
SELECT isnt(msgstatus.begin_reconciliation('w', '1 hour', '3 days'), NULL);
SELECT throws_ok($$SELECT msgstatus.begin_reconciliation('w', NULL, '3 days')$$, '22023');

-- The accounts that callbacks named in the days of the reconciliation.
SELECT is(msgstatus.callback_accounts(now() - interval '3 days'), '{AC0000000000000000000000000000000a,AC0000000000000000000000000000000b}', 'each once');
SELECT msgstatus.apply_message_status(jsonb_build_object('MessageSid', 'SM' || repeat('3', 32), 'MessageStatus', 'sent', 'AccountSid', 'AC/../x'));
SELECT is(cardinality(msgstatus.callback_accounts(now() - interval '3 days')), 2, 'and nothing else');
SELECT is(msgstatus.callback_accounts(clock_timestamp() + interval '1 minute'), '{}', 'of these days alone');
UPDATE msgstatus.reconciliation SET began_at = began_at - interval '1 day', ended_at = clock_timestamp() - interval '1 day', accounts = ARRAY['AC' || repeat('4', 32)];
UPDATE msgstatus.reconciliation SET began_at = began_at - interval '3 days', accounts = ARRAY['AC' || repeat('5', 32)] WHERE reconciliation_id = :second;
SELECT msgstatus.begin_reconciliation('w', '1 hour', '3 days') AS fifth \gset
SELECT is(ARRAY(SELECT msgstatus.accounts_to_reconcile(:fifth)), ARRAY['AC0000000000000000000000000000000a', 'AC0000000000000000000000000000000b', 'AC' || repeat('4', 32)], 'with those that earlier ones saw');

-- A page of a list ends requests, and leaves no row for messages that ended before.
DELETE FROM msgstatus.refresh_queue;
DELETE FROM msgstatus.message_check;
SELECT counts(format('{"MessageSid": "%s", "MessageStatus": "delivered"}', sid(6))::jsonb);
SELECT msgstatus.request_refresh(ARRAY[sid(1), sid(2)]);
SELECT is(msgstatus.record_listed(ARRAY[sid(1), sid(3), sid(4), sid(6), sid(6)], '{false,true,false,false,false}'), 3::bigint);
SELECT is((SELECT string_agg(concat(ltrim(substr(message_id, 3), '0'), ' ', waiting, ' ', outcome), ', ' ORDER BY message_id) FROM msgstatus.refresh_status),
    '1 f unchanged, 2 t , 3 f changed, 4 f unchanged');
SELECT is((SELECT string_agg(ltrim(substr(u, 3), '0'), ' ') FROM msgstatus.unknown_messages(ARRAY[sid(1), sid(40), sid(41)]) AS u), '40 41');

-- What Twilio's REST says ends in the right state, price and segments, whatever callbacks came.
SELECT is((SELECT sum(applied) FROM msgstatus.apply_fetched(ARRAY[format('{"account_sid": "AC1", "sid": "%s", "status": "delivered",
    "direction": "outbound-api", "from": "whatsapp:+15005550006", "to": "whatsapp:+491701234567", "num_segments": "3", "price": "-0.02250", "price_unit": "USD",
    "error_code": null, "error_message": null, "date_created": "Tue, 10 Dec 2024 11:59:00 +0000", "date_sent": "Tue, 10 Dec 2024 11:59:01 +0000",
    "date_updated": "Tue, 10 Dec 2024 11:59:30 +0000"}', sid(7))]::jsonb[])), 1::bigint);
SELECT is(message(sid(7)), '{"provider": "twilio", "direction": "outbound", "sender": "+15005550006", "recipient": "+491701234567", "price": -0.0225,
    "price_unit": "USD", "num_segments": 3, "registered": 1, "status": "{\"sent\": \"2024-12-10T11:59:01Z\", \"delivered\": \"2024-12-10T11:59:30Z\"}"}');

-- Attached tables show the time of a check that brought nothing; the error of a table ends nothing.
CREATE TABLE orders (sid text PRIMARY KEY, status text, last_status_check timestamptz, note text);
CREATE TABLE plain (sid text PRIMARY KEY, status text, checked text);
CREATE TABLE refusing (sid text PRIMARY KEY, status text, last_status_check timestamptz CHECK (last_status_check < '2020-01-01'));
INSERT INTO orders (sid, status) VALUES (sid(1), 'sent'), (sid(2), 'sent');
INSERT INTO plain (sid, status) VALUES (sid(2), 'sent');
INSERT INTO refusing (sid, status) VALUES (sid(2), 'sent');
SELECT msgstatus.attach_table('orders', 'sid'), msgstatus.attach_table('plain', 'sid', '{"last_status_check": "checked"}'),
    msgstatus.attach_table('refusing', 'sid');
SELECT claim('w');
CREATE ROLE t_refresh;
SELECT msgstatus.grant_access('t_refresh', 'refresh');
GRANT USAGE ON SCHEMA public TO PUBLIC;
SET LOCAL ROLE t_refresh;
SELECT is(report(2, 1, 'unchanged'), 1::bigint, 'by a role that may not write the tables');
RESET ROLE;
SELECT is((SELECT string_agg((last_status_check IS NOT DISTINCT FROM c.checked_at)::text, ' ' ORDER BY sid)
    FROM orders LEFT JOIN msgstatus.message_check AS c ON c.message_id = sid AND c.message_id = sid(2)), 'true true', 'this row and no other');
SELECT is((SELECT checked::timestamptz = date_trunc('second', c.checked_at) FROM plain JOIN msgstatus.message_check AS c ON c.message_id = sid), true, 'in a text');
SELECT is((SELECT last_status_check FROM refusing), NULL);
SELECT is((SELECT count(*) FROM msgstatus.attached_table_failure), 0::bigint, 'no failure to be tried again');
SELECT lives_ok(format($$SELECT msgstatus.reflect_checks(ARRAY[%L], '2001-01-01')$$, sid(2)), 'an earlier check');
SELECT is((SELECT last_status_check = c.checked_at FROM orders JOIN msgstatus.message_check AS c ON c.message_id = sid WHERE sid = sid(2)), true, 'does not replace it');
SELECT counts(format('{"MessageSid": "%s", "MessageStatus": "delivered"}', sid(2))::jsonb);
SELECT is((SELECT status FROM orders WHERE sid = sid(2)), 'delivered', 'statuses are shown as before');

SELECT finish();
ROLLBACK;
