-- Claims of senders, their limits, and senders' reports.
BEGIN;
\ir include/campaign.psql
SELECT no_plan();

-- The rows of a claim.
SELECT create_campaign('rows', 'hello', 'en') AS rows \gset
SELECT add_recipients(:'rows', '{+15550000001,+15550000002}', ARRAY['{"1": "Ann"}', NULL]::jsonb[]), activate_campaign(:'rows');
CREATE TEMP TABLE claimed AS SELECT * FROM claim_recipients(1, lease => '10 minutes');
SELECT is((SELECT (recipient_id = recipient(:'rows', 1), campaign_id = :'rows', phone_number, template_name, language_code, template_parameters,
    retry_count, leased_until - now() BETWEEN interval '10 minutes' AND interval '11 minutes')::text FROM claimed),
    '(t,t,+15550000001,hello,en,"{""1"": ""Ann""}",0,t)');
SELECT throws_ok('SELECT claim_recipients(0)', '22023', 'max_count must be between 1 and 10000');
SELECT throws_ok('SELECT claim_recipients(10001)', '22023');
SELECT throws_ok('SELECT claim_recipients(NULL)', '22023');
SELECT throws_ok($$SELECT claim_recipients(1, lease => '0.9 seconds')$$, '22023', 'lease must be between 1 second and 1 day');
SELECT throws_ok($$SELECT claim_recipients(1, lease => '25 hours')$$, '22023');
SELECT throws_ok($$SELECT claim_recipients(1, '00000000-0000-0000-0000-000000000000')$$, 'P0002', 'campaign 00000000-0000-0000-0000-000000000000 does not exist');
UPDATE campaign SET status = 'paused';

-- Several campaigns at once.
SELECT made('one', 2) AS one, made('two', 3) AS two \gset
SELECT is((SELECT count(*) FROM claim_recipients(4)), 4::bigint);
SELECT is((SELECT count(*) FROM claim_recipients(4)), 1::bigint, 'a claim goes through all campaigns until it has what was asked for');
UPDATE campaign SET status = 'paused';

-- Leases.
SELECT made('leases', 4) AS leases \gset
SELECT is(claim(:'leases', 2), '1 2', 'in the order of the list');
SELECT is(claim(:'leases', 2), '3 4', 'each only once');
SELECT is(claim(:'leases', 2), NULL);
SELECT is(states(:'leases'), '1 pending, 2 pending, 3 pending, 4 pending', 'handed out is not sent');
SELECT record_send(recipient(:'leases', 1), 'leases 1'), skip_recipient(recipient(:'leases', 2), 'no consent');
SELECT wait(:'leases', '5 minutes');
SELECT is(claim(:'leases'), '3 4', 'an expired lease goes to the next one');
SELECT is((SELECT max(retry_count) FROM campaign_recipient WHERE campaign_id = :'leases'), 0, 'which is no retry');
SELECT record_send(recipient(:'leases', 3), 'leases 3 of the second');
SELECT lives_ok(format('SELECT record_send(%L, %L)', recipient(:'leases', 3), 'leases 3 of the first'), 'a sender who comes too late is heard, too');
SELECT is((SELECT array_agg(message_id) FROM campaign_attempt WHERE recipient_id = recipient(:'leases', 3)), '{leases 3 of the second}', 'both messages stay on record');
SELECT is((SELECT (message_id, attempts, state)::text FROM campaign_recipient_status WHERE recipient_id = recipient(:'leases', 3)), '("leases 3 of the first",2,sent)');
SELECT status('leases 3 of the second', 'read');
SELECT is((SELECT (state, attempts)::text FROM campaign_recipient_status WHERE recipient_id = recipient(:'leases', 3)), '(read,2)', 'and either may be read');

-- Recording a send.
SELECT made('sends', 5) AS sends \gset
SELECT claim(:'sends');
SELECT record_send(recipient(:'sends', 1), 'sends 1');
SELECT is((SELECT (m.campaign_id = :'sends', m.recipient, m.direction, m.message_type, m.provider, m.status)::text FROM message AS m WHERE message_id = 'sends 1'),
    '(t,+15550000001,outbound,template,,{})', 'registers the message');
SELECT status('sends 2', 'delivered');
SELECT record_send(recipient(:'sends', 2), 'sends 2');
SELECT is(states(:'sends'), '1 sent, 2 delivered, 3 pending, 4 pending, 5 pending', 'a status may come first');
SELECT is((SELECT campaign_id::text FROM message WHERE message_id = 'sends 2'), :'sends');
SELECT lives_ok(format('SELECT record_send(%L, %L)', recipient(:'sends', 1), 'sends 1'), 'told twice');
SELECT is((SELECT attempts FROM campaign_recipient_status WHERE recipient_id = recipient(:'sends', 1)), 1, 'is one attempt');
SELECT throws_ok(format('SELECT record_send(%L, %L)', recipient(:'sends', 3), 'sends 1'), '23505', 'the message was sent to another recipient');
SELECT throws_ok(format('SELECT record_send(%L, %L)', recipient(:'sends', 3), 'leases 3 of the second'), '23505', 'the message was sent to another recipient');
SELECT throws_ok(format('SELECT record_send(%L, %L)', recipient(:'sends', 3), ''), '22023');
SELECT throws_ok(format('SELECT record_send(%L, NULL)', recipient(:'sends', 3)), '22023');
SELECT throws_ok(format('SELECT record_send(%L, %L)', recipient(:'sends', 3), repeat('x', 513)), '22023');
SELECT throws_ok($$SELECT record_send('00000000-0000-0000-0000-000000000000', 'x')$$, 'P0002', 'recipient 00000000-0000-0000-0000-000000000000 does not exist');
SELECT throws_ok($$SELECT record_send(NULL, 'x')$$, 'P0002');
SELECT is(states(:'sends'), '1 sent, 2 delivered, 3 pending, 4 pending, 5 pending', 'errors change nothing');
SELECT create_campaign('by twilio', provider => 'twilio') AS twilio \gset
SELECT add_recipients(:'twilio', '{+15550000001}');
SELECT lives_ok(format('SELECT record_send(%L, %L)', recipient(:'twilio', 1), 'SM1'), 'a send that nobody claimed');
SELECT is((SELECT (m.provider, m.message_type)::text FROM message AS m WHERE message_id = 'SM1'), '(twilio,)');
SELECT is(activate_campaign(:'twilio') ->> 'waiting', '0', 'is one');

-- Skipping.
SELECT skip_recipient(recipient(:'sends', 3), 'bought already'), skip_recipient(recipient(:'sends', 3), 'another reason'), skip_recipient(recipient(:'sends', 1));
SELECT is(states(:'sends'), '1 sent, 2 delivered, 3 skipped, 4 pending, 5 pending', 'what was sent was sent');
SELECT is((SELECT skip_reason FROM campaign_recipient_status WHERE recipient_id = recipient(:'sends', 3)), 'bought already');
SELECT throws_ok($$SELECT skip_recipient('00000000-0000-0000-0000-000000000000')$$, 'P0002');
SELECT lives_ok(format('SELECT record_send(%L, %L)', recipient(:'sends', 3), 'sends 3'), 'sent all the same');
SELECT is(states(:'sends'), '1 sent, 2 delivered, 3 sent, 4 pending, 5 pending');
UPDATE campaign SET status = 'paused';

-- Opting out.
SELECT made('opt out', 4) AS optout \gset
SELECT lives_ok($$SELECT opt_out('+1 (555) 000-0001', 'STOP')$$);
SELECT lives_ok($$SELECT opt_out('15550000001', 'again')$$, 'twice');
SELECT is((SELECT reason FROM opt_out WHERE phone_number = '+15550000001'), 'STOP', 'the first reason stays');
SELECT opt_out('+15550000002'), opt_out('+15550000003');
SELECT throws_ok($$SELECT opt_out('Acme')$$, '22023', 'invalid phone number: "Acme"');
SELECT throws_ok($$SELECT opt_out(NULL)$$, '22023');
SELECT is(opt_in('whatsapp:+15550000003'), true);
SELECT is(opt_in('whatsapp:+15550000003'), false);
SELECT is(claim(:'optout', 1), '3', 'a claim finds those who want it behind those who do not');
SELECT is(states(:'optout'), '1 skipped, 2 skipped, 3 pending, 4 pending');
SELECT is((SELECT skip_reason FROM campaign_recipient_status WHERE recipient_id = recipient(:'optout', 1)), 'opted out');
SELECT record_send_failure(recipient(:'optout', 3), 'too fast', 130429), opt_out('+15550000003'), wait(:'optout', '5 minutes');
SELECT is(claim(:'optout'), '4', 'nor are they sent to again');
SELECT opt_out('+15550000004'), wait(:'optout', '5 minutes');
SELECT is(claim(:'optout'), NULL, 'nor after a lease expired');
SELECT is(states(:'optout'), '1 skipped, 2 skipped, 3 skipped, 4 skipped');
SELECT is((SELECT status FROM campaign WHERE campaign_id = :'optout'), 'completed');
DELETE FROM opt_out;

-- The daily limit: what was handed out counts, whatever became of it, unless it is known that nothing was sent.
CREATE FUNCTION used(campaign uuid) RETURNS integer LANGUAGE sql AS $$
    SELECT max(claimed) FROM campaign_day WHERE campaign_id = campaign
$$;
CREATE FUNCTION tomorrow(campaign uuid) RETURNS void LANGUAGE sql AS $$
    SELECT wait(campaign, '1 day');
    UPDATE campaign_recipient SET scheduled_send_date = scheduled_send_date - 1 WHERE campaign_id = campaign;
    DELETE FROM campaign_day WHERE campaign_id = campaign;
$$;
SELECT made('limit', 10, 4) AS limit \gset
SELECT is(claim(:'limit', 3), '1 2 3');
SELECT is(claim(:'limit', 3), '4');
SELECT is(claim(:'limit', 3), NULL, 'the day is used up');
SELECT record_send(recipient(:'limit', 1), 'limit 1'), record_send_failure(recipient(:'limit', 2), 'too fast', 130429);
SELECT wait(:'limit', '1 hour');
SELECT is(claim(:'limit', 3), NULL, 'an expired lease and a failed call count, since both may have sent, and so does a retry');
SELECT skip_recipient(recipient(:'limit', 3));
SELECT is(claim(:'limit', 3), '4', 'a skipped one gives its place to the next that is due');
SELECT is(used(:'limit'), 4);
SELECT tomorrow(:'limit');
SELECT is(claim(:'limit'), '2 4 5 6', 'the next day has a limit of its own: expired leases and retries first');
SELECT is(used(:'limit'), 4);
UPDATE campaign_recipient SET scheduled_send_date = current_date WHERE campaign_id = :'limit';
UPDATE campaign SET daily_send_limit = 5 WHERE campaign_id = :'limit';
SELECT is(claim(:'limit'), '7', 'a higher limit holds at once');
UPDATE campaign SET daily_send_limit = 2 WHERE campaign_id = :'limit';
SELECT is(claim(:'limit'), NULL, 'and so does a lower one');
UPDATE campaign SET daily_send_limit = NULL WHERE campaign_id = :'limit';
SELECT is(claim(:'limit', 1), '8');
UPDATE campaign SET daily_send_limit = 7 WHERE campaign_id = :'limit';
SELECT is(claim(:'limit', 10), '9', 'what was sent before there was a limit counts');
SELECT lives_ok(format('SELECT record_send(%L, %L)', recipient(:'limit', 10), 'limit 10'), 'what nobody claimed is recorded');
SELECT is(used(:'limit'), 8, 'and counts');

-- Reports that name their claim: late and repeated ones are told from the others.
CREATE FUNCTION claim_of(campaign uuid, n integer) RETURNS integer LANGUAGE sql AS $$
    SELECT claim FROM claim_recipients(1, campaign) WHERE recipient_id = recipient(campaign, n)
$$;
SELECT made('tokens', 1, 20) AS tokens \gset
SELECT recipient(:'tokens', 1) AS r \gset
SELECT is(claim_of(:'tokens', 1), 1, 'claims of a recipient are numbered');
SELECT record_send_failure(:'r', 'too fast', 130429, claim => 1), wait(:'tokens', '5 minutes');
SELECT is(claim_of(:'tokens', 1), 2);
SELECT lives_ok(format('SELECT record_send_failure(%L, %L, 130429, claim => 1)', :'r', 'too fast'), 'told again after the retry was claimed');
SELECT is((SELECT (claimed_at IS NOT NULL, retry_count, failed_at)::text FROM campaign_recipient WHERE recipient_id = :'r'), '(t,1,)', 'is no failure of the retry');
SELECT is(used(:'tokens'), 2, 'and not counted again');
SELECT wait(:'tokens', '5 minutes');
SELECT is(claim_of(:'tokens', 1), 3, 'the lease of the second expired');
SELECT record_send_failure(:'r', 'timeout', claim => 2), skip_recipient(:'r', 'late', claim => 2);
SELECT is((SELECT (claimed_at IS NOT NULL, failed_at, skipped_at)::text FROM campaign_recipient WHERE recipient_id = :'r'), '(t,,)', 'a late report does not end the lease of another');
SELECT record_send(:'r', 'tokens third', claim => 3), record_send(:'r', 'tokens second', claim => 2), record_send(:'r', 'tokens second', claim => 2);
SELECT is(used(:'tokens'), 3, 'what was sent by a late sender was counted when it was claimed');
SELECT is((SELECT attempts FROM campaign_recipient_status WHERE recipient_id = :'r'), 3, 'and is on record');
SELECT record_send(:'r', 'tokens third again', claim => 3);
SELECT is(used(:'tokens'), 4, 'another message of a claim counts');
SELECT throws_ok(format('SELECT record_send(%L, %L, 4)', :'r', 'x'), '22023', format('recipient %s has no claim 4', :'r'));
SELECT throws_ok(format('SELECT record_send_failure(%L, %L, claim => 0)', :'r', 'x'), '22023');
SELECT throws_ok(format('SELECT skip_recipient(%L, claim => 9)', :'r'), '22023');
SELECT throws_ok(format('SELECT record_send_failure(%L, %L, claim => 3)', :'r', 'x'), '55000', 'a message was sent to the recipient already');
SELECT made('token skipped', 1, 20) AS skipped \gset
SELECT claim_of(:'skipped', 1), skip_recipient(recipient(:'skipped', 1), 'late', claim => 1);
SELECT is(used(:'skipped'), 0);
SELECT record_send(recipient(:'skipped', 1), 'token skipped', claim => 1);
SELECT is(used(:'skipped'), 1, 'sent although it was skipped');

-- A lease that reaches into the next day counts for both, until it is known which day it was.
SELECT create_campaign('midnight', daily_send_limit => 2) AS midnight \gset
-- The zone in which it is 23:58.
SELECT format('<zone>%s:%s', CASE WHEN m >= 0 THEN '' ELSE '-' END || abs(m) / 60, abs(m) % 60) AS zone
FROM (SELECT trunc(extract(epoch FROM now() AT TIME ZONE 'UTC' - date_trunc('day', now() AT TIME ZONE 'UTC')))::integer / 60 - (23 * 60 + 58)) AS z (m) \gset
UPDATE campaign SET time_zone = :'zone' WHERE campaign_id = :'midnight';
SELECT is(to_char(now() AT TIME ZONE :'zone', 'HH24:MI'), '23:58');
SELECT add_recipients(:'midnight', ARRAY(SELECT '+1555000000' || n FROM generate_series(1, 6) AS n)), activate_campaign(:'midnight');
UPDATE campaign_recipient SET scheduled_send_date = scheduled_send_date - 9 WHERE campaign_id = :'midnight';
SELECT is(claim(:'midnight'), '1 2');
CREATE FUNCTION days(campaign uuid) RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(claimed::text, ' ' ORDER BY day) FROM campaign_day WHERE campaign_id = campaign
$$;
SELECT is(days(:'midnight'), '2 2', 'both days');
SELECT record_send(recipient(:'midnight', 1), 'midnight 1');
SELECT is(days(:'midnight'), '2 1', 'a send recorded today leaves tomorrow');
SELECT skip_recipient(recipient(:'midnight', 2));
SELECT is(days(:'midnight'), '1 0', 'one that was not sent leaves both');
UPDATE campaign_day SET claimed = 2 WHERE campaign_id = :'midnight' AND day > (now() AT TIME ZONE :'zone')::date;
SELECT is(claim(:'midnight'), NULL, 'no lease reaches into a day that is used up');
SELECT is((SELECT count(*) FROM claim_recipients(5, :'midnight', '1 second')), 1::bigint, 'a shorter one may be had');
UPDATE campaign_day SET day = day - 1 WHERE campaign_id = :'midnight' AND day <= (now() AT TIME ZONE :'zone')::date;
UPDATE campaign_day SET day = day - 1, claimed = 1 WHERE campaign_id = :'midnight' AND day > (now() AT TIME ZONE :'zone')::date;
SELECT is((SELECT count(*) FROM claim_recipients(5, :'midnight')), 1::bigint, 'what is left of today');

SELECT finish();
ROLLBACK;
