-- When a failed attempt is tried again, and when not.
BEGIN;
\ir include/campaign.psql
SELECT no_plan();

-- Returns the time until a recipient is due next, in minutes.
CREATE FUNCTION next(recipient uuid) RETURNS numeric LANGUAGE sql AS $$
    SELECT round(extract(epoch FROM s.next_attempt_at - clock_timestamp()) / 60) FROM campaign_recipient_status AS s WHERE s.recipient_id = recipient
$$;
-- Returns a recipient's state, attempts, retries, minutes to the next, code and reason of the failure.
CREATE FUNCTION attempt(recipient uuid) RETURNS text LANGUAGE sql AS $$
    SELECT concat_ws(' ', s.state, s.attempts, s.retry_count, COALESCE(next(recipient)::text, '-'), s.failure_code, s.failure_reason)
    FROM campaign_recipient_status AS s WHERE s.recipient_id = recipient
$$;

-- The provider did not take it.
SELECT made('calls', 4, retries => 2) AS calls \gset
SELECT recipient(:'calls', 1) AS r \gset
SELECT claim(:'calls', 1);
SELECT record_send_failure(:'r', 'too fast', 130429);
SELECT is(attempt(:'r'), 'pending 1 0 5 130429 too fast', 'a code that is retryable: due again after five minutes');
SELECT lives_ok(format('SELECT record_send_failure(%L, %L, 130429)', :'r', 'too fast'), 'told twice');
SELECT is(attempt(:'r'), 'pending 1 0 5 130429 too fast', 'is told once');
SELECT wait(:'calls', '4 minutes');
SELECT is(claim(:'calls', 1), '2', 'not yet');
SELECT record_send_failure(recipient(:'calls', 2), 'no such number', 131026), wait(:'calls', '1 minute');
SELECT is(claim(:'calls', 1), '1', 'but now');
SELECT is(attempt(:'r'), 'pending 1 1 5', 'the first retry');
SELECT record_send_failure(:'r', 'slower', 80007);
SELECT is(attempt(:'r'), 'pending 2 1 10 80007 slower', 'the next pause is twice as long');
SELECT wait(:'calls', '10 minutes');
SELECT is(claim(:'calls', 1), '1');
SELECT record_send_failure(:'r', 'too fast', 130429);
SELECT is(attempt(:'r'), 'failed 3 2 - 130429 too fast', 'no more than max_retries');
SELECT results_eq(format('SELECT attempt, failure_code, failure_reason, message_id FROM campaign_attempt WHERE recipient_id = %L ORDER BY 1', :'r'),
    $$VALUES (1, 130429, 'too fast', NULL::text), (2, 80007, 'slower', NULL)$$, 'earlier attempts stay on record');
SELECT wait(:'calls', '1 day');
SELECT is(claim(:'calls'), '3 4');
SELECT record_send_failure(recipient(:'calls', 3), 'timeout'),
    record_send_failure(recipient(:'calls', 4), 'never heard of', 999999);
SELECT is(states(:'calls'), '1 failed, 2 failed, 3 failed, 4 failed', 'a code that is not retryable, none, an unknown one');
SELECT throws_ok($$SELECT record_send_failure('00000000-0000-0000-0000-000000000000', 'x')$$, 'P0002');
SELECT made('by word', 3) AS word \gset
SELECT claim(:'word');
SELECT record_send_failure(recipient(:'word', 1), 'timeout', retryable => true), record_send_failure(recipient(:'word', 2), 'too fast', 130429, retryable => false);
SELECT is(states(:'word'), '1 pending, 2 failed, 3 pending', 'who calls may know better');
SELECT record_send(recipient(:'word', 3), 'word 3');
SELECT throws_ok(format('SELECT record_send_failure(%L, %L)', recipient(:'word', 3), 'x'), '55000', 'a message was sent to the recipient already');
UPDATE error_code_catalog SET retryable = true WHERE provider = 'meta' AND code = 131026;
SELECT made('by the catalog', 1) AS catalog \gset
SELECT claim(:'catalog');
SELECT record_send_failure(recipient(:'catalog', 1), 'no such number', 131026);
SELECT is(states(:'catalog'), '1 pending', 'users may change the catalog');
SELECT create_campaign('other codes', provider => 'twilio', retry_delay => '1 minute', max_retry_delay => '3 minutes', max_retries => 5) AS twilio \gset
SELECT add_recipients(:'twilio', '{+15550000001,+15550000002}'), activate_campaign(:'twilio');
SELECT claim(:'twilio');
SELECT record_send_failure(recipient(:'twilio', 1), 'slower', 80007), record_send_failure(recipient(:'twilio', 2), 'queue full', 30001);
SELECT is(states(:'twilio'), '1 failed, 2 pending', 'codes are those of the provider');
SELECT is(next(recipient(:'twilio', 2)), 1::numeric);
SELECT create_campaign('passed on', provider => 'an own gateway', retry_delay => '1 minute') AS passed \gset
SELECT add_recipients(:'passed', '{+15550000001,+15550000002}'), activate_campaign(:'passed');
SELECT claim(:'passed');
SELECT record_send_failure(recipient(:'passed', 1), 'too fast', 130429), record_send(recipient(:'passed', 2), 'passed on 2');
SELECT is(states(:'passed'), '1 pending, 2 sent', 'Meta''s code, passed on by a provider without codes of its own');
SELECT apply_message_status('{"id": "passed on 2", "status": "failed", "errors": [{"code": 131016, "title": "Service unavailable"}]}');
SELECT is(states(:'passed'), '1 pending, 2 pending', 'also where a webhook tells it');
SELECT wait(:'twilio', '1 minute');
SELECT claim(:'twilio'), record_send_failure(recipient(:'twilio', 2), 'queue full', 30001);
SELECT is(next(recipient(:'twilio', 2)), 2::numeric);
SELECT wait(:'twilio', '2 minutes');
SELECT claim(:'twilio'), record_send_failure(recipient(:'twilio', 2), 'queue full', 30001);
SELECT is(next(recipient(:'twilio', 2)), 3::numeric, 'no pause is longer than max_retry_delay');

-- The provider took it, and then says it failed.
SELECT made('messages', 6, retries => 2) AS messages \gset
SELECT recipient(:'messages', 1) AS r \gset
SELECT claim(:'messages');
SELECT record_send(recipient(:'messages', n), 'm' || n) FROM generate_series(1, 6) AS n;
SELECT status('m1', 'failed', 131000), status('m2', 'failed', 131000), status('m3', 'failed', 131047), status('m4', 'failed', 131000), status('m5', 'sent');
SELECT is(states(:'messages'), '1 pending, 2 pending, 3 failed, 4 pending, 5 sent, 6 sent', 'the state is derived, before anybody looked');
SELECT is(attempt(:'r'), 'pending 1 0 5 131000 error 131000');
SELECT is(claim(:'messages'), NULL, 'due only after the pause');
SELECT is(attempt(:'r'), 'pending 1 0 5 131000 error 131000', 'and found to be so');
SELECT status('m2', 'delivered');
SELECT is(states(:'messages'), '1 pending, 2 delivered, 3 failed, 4 pending, 5 sent, 6 sent');
SELECT wait(:'messages', '5 minutes'), skip_recipient(recipient(:'messages', 4), 'enough');
SELECT is(claim(:'messages'), '1', 'delivered after all: too late for a retry');
SELECT is(states(:'messages'), '1 pending, 2 delivered, 3 failed, 4 skipped, 5 sent, 6 sent', 'and skipped: no more of it');
SELECT is(attempt(:'r'), 'pending 1 1 5');
SELECT status('m1', 'delivered');
SELECT is(attempt(:'r'), 'delivered 1 1 -', 'delivered while somebody holds the retry');
SELECT record_send(:'r', 'm1 again');
SELECT is(attempt(:'r'), 'delivered 2 1 -');
SELECT status('m1 again', 'failed', 131000), wait(:'messages', '1 hour');
SELECT is(claim(:'messages'), NULL, 'no other attempt at what was delivered');
SELECT is(attempt(:'r'), 'delivered 2 1 - 131000 error 131000');
SELECT is(counts(:'messages'), '6 0 6 2 0 1 1', 'delivered by one attempt and failed by another counts as delivered, once');
SELECT made('expired', 1) AS expired \gset
SELECT claim(:'expired'), record_send(recipient(:'expired', 1), 'e1'), status('e1', 'failed', 131000), claim(:'expired'), wait(:'expired', '5 minutes');
SELECT is(claim(:'expired'), '1');
SELECT status('e1', 'read'), wait(:'expired', '5 minutes');
SELECT is(claim(:'expired'), NULL, 'delivered after all: too late for the retry of who lost his lease');
SELECT is(attempt(recipient(:'expired', 1)), 'read 1 1 -');

-- Failures that come before the send is recorded, late, too late, or of an earlier attempt only.
SELECT made('early', 1) AS early \gset
SELECT claim(:'early');
SELECT status('early 1', 'failed', 131000, now() - interval '3 minutes');
SELECT record_send(recipient(:'early', 1), 'early 1');
SELECT is(attempt(recipient(:'early', 1)), 'pending 1 0 2 131000 error 131000', 'the pause begins with the failure');
-- A provider's seconds are whole ones, so a time may be rounded up.
SELECT claim(:'early'), wait(:'early', '2 minutes 1 second');
SELECT is(claim(:'early'), '1');
SELECT made('late', 2) AS late \gset
SELECT claim(:'late');
SELECT record_send(recipient(:'late', 1), 'late 1'), record_send(recipient(:'late', 2), 'late 2');
SELECT claim(:'late'), wait(:'late', '23 hours'), claim(:'late');
SELECT status('late 1', 'undelivered', 131000);
SELECT is(states(:'late'), '1 pending, 2 sent');
SELECT claim(:'late');
SELECT is(next(recipient(:'late', 1)), 5::numeric, 'a failure is noticed within the retry window');
SELECT wait(:'late', '1 hour'), opt_out('+15550000001');
SELECT is(claim(:'late'), NULL);
SELECT status('late 2', 'failed', 131000);
SELECT is(states(:'late'), '1 skipped, 2 failed', 'and not after');
SELECT is(claim(:'late'), NULL);
SELECT is((SELECT status FROM campaign WHERE campaign_id = :'late'), 'completed');
DELETE FROM opt_out;

-- Messages that the provider gave up without a failure.
SELECT made('given up', 1) AS givenup \gset
SELECT claim(:'givenup'), record_send(recipient(:'givenup', 1), 'SM9'), apply_message_status('{"MessageSid": "SM9", "MessageStatus": "canceled"}');
SELECT is((SELECT (state, skip_reason)::text FROM campaign_recipient_status WHERE campaign_id = :'givenup'), '(skipped,"canceled by the provider")');
SELECT is(claim(:'givenup'), NULL);
SELECT is((SELECT status FROM campaign WHERE campaign_id = :'givenup'), 'completed');

-- A campaign that is canceled retries nothing.
SELECT made('canceled', 3) AS canceled \gset
SELECT claim(:'canceled'), record_send(recipient(:'canceled', 1), 'c1'), status('c1', 'failed', 131000), record_send_failure(recipient(:'canceled', 2), 'too fast', 130429);
SELECT is(states(:'canceled'), '1 pending, 2 pending, 3 pending');
SELECT cancel_campaign(:'canceled');
SELECT is(states(:'canceled'), '1 failed, 2 failed, 3 skipped');

-- Many retries at once, on statistics of the time before anybody was sent to: each is found by its key.
SELECT made('stale', 20000) AS stale \gset
UPDATE campaign_recipient SET check_at = NULL, due_at = NULL;
INSERT INTO message (message_id) SELECT 'other ' || n FROM generate_series(1, 20000) AS n;
ANALYZE campaign, campaign_recipient, campaign_attempt, message;
INSERT INTO message (message_id, status, error_code, campaign_id)
SELECT r.recipient_id, '{"failed": "2024-12-10T10:30:00Z"}', 131000, :'stale' FROM campaign_recipient AS r WHERE r.campaign_id = :'stale';
UPDATE campaign_recipient SET waiting = false, message_id = recipient_id, sent_at = now() - interval '1 hour', check_at = now() WHERE campaign_id = :'stale';
SET LOCAL statement_timeout = '15s';
SELECT is((SELECT count(*) FROM claim_recipients(10000, :'stale')), 10000::bigint);
SELECT is((SELECT count(*) FROM campaign_attempt WHERE campaign_id = :'stale'), 10000::bigint);

SELECT finish();
ROLLBACK;
