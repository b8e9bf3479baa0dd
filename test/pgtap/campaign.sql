-- Campaigns: made, set going, stopped; who may be a recipient; on which day each is due.
BEGIN;
\ir include/campaign.psql
SELECT no_plan();

-- Making one.
SELECT create_campaign('spring', 'hello', 'en', 5) AS spring \gset
SELECT is((SELECT (c.name, c.template_name, c.language_code, c.daily_send_limit, c.status, c.owner, c.provider, c.time_zone, c.max_retries)::text
    FROM campaign AS c WHERE c.campaign_id = :'spring'),
    format('(spring,hello,en,5,draft,%s,,UTC,3)', current_user), 'a draft of the caller''s');
SELECT lives_ok($$SELECT create_campaign('spring', owner => 'shop')$$, 'another owner may have one of that name');
SELECT throws_ok($$SELECT create_campaign('spring')$$, '23505', NULL, 'the same one may not');
SELECT throws_ok($$SELECT create_campaign('')$$, '22023', 'name and owner of a campaign must not be empty');
SELECT throws_ok($$SELECT create_campaign(NULL)$$, '22023');
SELECT throws_ok($$SELECT create_campaign('x', owner => '')$$, '22023');
SELECT throws_ok($$SELECT create_campaign('x', daily_send_limit => 0)$$, '22023', 'daily_send_limit must be positive');
SELECT throws_ok($$SELECT create_campaign('x', max_retries => -1)$$, '22023');
SELECT throws_ok($$SELECT create_campaign('x', retry_delay => '-1 minute')$$, '22023');
SELECT throws_ok($$SELECT create_campaign('x', retry_window => '-1 minute')$$, '22023');
SELECT throws_ok(format('SELECT create_campaign(''x'', %s => NULL)', argument), '22004', NULL, argument)
FROM unnest('{max_retries,retry_delay,max_retry_delay,retry_window,time_zone}'::text[]) AS argument;
SELECT throws_ok($$SELECT create_campaign('x', time_zone => 'Atlantis')$$, '22023', 'time zone "Atlantis" not recognized');

-- Adding recipients.
SELECT create_campaign('adding') AS adding \gset
SELECT is(add_recipients(:'adding', ARRAY['+1 (555) 010-0001', 'whatsapp:+15550100002', '15550100001', '4930123456', NULL, '', 'Acme', '0301234567', '+123']),
    '{"added": 3, "duplicates": 1, "refused": [
        {"phone_number": null, "reason": "there is none"}, {"phone_number": "", "reason": "there is none"},
        {"phone_number": "Acme", "reason": "not a phone number"}, {"phone_number": "0301234567", "reason": "without its country code"},
        {"phone_number": "+123", "reason": "fewer than 7 digits"}], "updated": 0, "status": "draft"}'::jsonb, 'numbers are normalized, duplicates dropped, the rest refused with a reason');
SELECT is(r ->> 'reason', reason, r ->> 'phone_number')
FROM ROWS FROM (jsonb_array_elements(add_recipients(:'adding', '{0049 30 1234567,+49 (0)30 1234567,+1234567890123456,tel:+4930123456}') -> 'refused'),
    unnest('{begins with 00 in place of +,"with a (0), which may or may not belong to it",more than 15 digits,not a phone number}'::text[])) AS f (r, reason);
SELECT is((SELECT string_agg(phone_number, ' ' ORDER BY recipient_number) FROM campaign_recipient WHERE campaign_id = :'adding'),
    '+15550100001 +15550100002 +4930123456', 'in the order of the list');
SELECT is(add_recipients(:'adding', '{+15550100002,+15550100009}', ARRAY['{"1": "Ann"}', '{"1": "Bob"}']::jsonb[]),
    '{"added": 1, "duplicates": 1, "refused": [], "updated": 1, "status": "draft"}', 'again, with parameters');
SELECT is((SELECT jsonb_object_agg(phone_number, template_parameters) FROM campaign_recipient WHERE campaign_id = :'adding' AND template_parameters IS NOT NULL),
    '{"+15550100002": {"1": "Ann"}, "+15550100009": {"1": "Bob"}}', 'who is there gets them, too');
SELECT is(add_recipients(:'adding', '{+15550100002,+15550100009}', ARRAY['{"1": "Ann"}', NULL]::jsonb[]) ->> 'updated', '0', 'the same, or none, change nothing');
SELECT made('replaced', 5) AS replaced \gset
SELECT claim(:'replaced', 4), record_send(recipient(:'replaced', 1), 'replaced 1'), record_send_failure(recipient(:'replaced', 2), 'too fast', 130429),
    skip_recipient(recipient(:'replaced', 3));
SELECT is(add_recipients(:'replaced', ARRAY(SELECT '+1555000000' || n FROM generate_series(1, 5) AS n), array_fill('{"1": "new"}'::jsonb, '{5}')),
    '{"added": 0, "duplicates": 5, "refused": [], "updated": 2, "status": "active"}', 'not of who was sent to, is being sent to or was skipped');
SELECT is((SELECT string_agg(right(phone_number, 1), ' ' ORDER BY phone_number) FROM campaign_recipient WHERE campaign_id = :'replaced' AND template_parameters = '{"1": "new"}'),
    '2 5', 'but of who waits, for a retry, too');
SELECT wait(:'replaced', '4 minutes');
SELECT is((SELECT template_parameters FROM claim_recipients(1, :'replaced')), '{"1": "new"}', 'which are handed out');
UPDATE campaign SET status = 'paused' WHERE campaign_id = :'replaced';
SELECT is(add_recipients(:'adding', '{+15550100011,+15550100011}', ARRAY['{"1": "first"}', '{"1": "second"}']::jsonb[]) ->> 'added', '1');
SELECT is((SELECT template_parameters FROM campaign_recipient WHERE campaign_id = :'adding' AND phone_number = '+15550100011'), '{"1": "first"}', 'of a number given twice, the first counts');
SELECT is(add_recipients(:'adding', '{}'), '{"added": 0, "duplicates": 0, "refused": [], "updated": 0, "status": "draft"}', 'nobody');
SELECT is(add_recipients(:'adding', NULL), '{"added": 0, "duplicates": 0, "refused": [], "updated": 0, "status": "draft"}');
SELECT throws_ok(format('SELECT add_recipients(%L, %L, %L)', :'adding', '{+15550100001}', '{}'), '2202E', 'phone_numbers, template_parameters and external_ids must have the same length');
SELECT throws_ok($$SELECT add_recipients('00000000-0000-0000-0000-000000000000', '{}')$$, 'P0002', 'campaign 00000000-0000-0000-0000-000000000000 does not exist');
SELECT throws_ok($$SELECT add_recipients(NULL, '{}')$$, 'P0002', 'campaign NULL does not exist');
SELECT is((SELECT count(*) FROM campaign_recipient WHERE campaign_id = :'adding' AND scheduled_send_date IS NOT NULL), 0::bigint, 'a draft has no dates');

-- The team's own ids.
SELECT create_campaign('own ids') AS ids \gset
SELECT is(add_recipients(:'ids', '{+15550000001,+15550000002,+15550000001}', external_ids => '{customer 7,NULL,customer 9}') ->> 'added', '2');
SELECT is(add_recipients(:'ids', '{+15550000001,+15550000002}', external_ids => '{NULL,customer 8}') ->> 'updated', '1');
SELECT throws_ok(format('SELECT add_recipients(%L, %L, external_ids => %L)', :'ids', '{+15550100001}', '{}'), '2202E');
SELECT activate_campaign(:'ids');
SELECT is((SELECT array_agg(external_id ORDER BY external_id) FROM campaign_recipient_status WHERE campaign_id = :'ids'), '{customer 7,customer 8}', 'are in the view');
SELECT is((SELECT array_agg(external_id ORDER BY external_id) FROM claim_recipients(9, :'ids')), '{customer 7,customer 8}', 'and handed out');

-- The states of a campaign and who may go where.
SELECT made('going', 2, active => false) AS going \gset
SELECT throws_ok(format('SELECT pause_campaign(%L)', :'going'), '55000', 'campaign "going" is draft');
SELECT throws_ok(format('SELECT resume_campaign(%L)', :'going'), '55000');
SELECT is(claim(:'going'), NULL, 'nothing of a draft is handed out');
SELECT is(activate_campaign(:'going'), jsonb_build_object('waiting', 2, 'first_send_date', current_date, 'last_send_date', current_date));
SELECT throws_ok(format('SELECT activate_campaign(%L)', :'going'), '55000', 'campaign "going" is active');
SELECT is(claim(:'going', 1), '1');
SELECT lives_ok(format('SELECT pause_campaign(%L)', :'going'));
SELECT lives_ok(format('SELECT pause_campaign(%L)', :'going'), 'paused twice is paused');
SELECT is(claim(:'going', 1), NULL, 'nothing of a paused one is handed out');
SELECT lives_ok(format('SELECT record_send(%L, %L)', recipient(:'going', 1), 'going 1'), 'what was handed out may be sent');
SELECT lives_ok(format('SELECT resume_campaign(%L)', :'going'));
SELECT lives_ok(format('SELECT resume_campaign(%L)', :'going'));
SELECT is(claim(:'going', 1), '2', 'and on it goes');
SELECT lives_ok(format('SELECT cancel_campaign(%L)', :'going'));
SELECT lives_ok(format('SELECT cancel_campaign(%L)', :'going'));
SELECT is(states(:'going'), '1 sent, 2 skipped', 'who was not sent to counts as skipped');
SELECT is((SELECT skip_reason FROM campaign_recipient_status WHERE recipient_id = recipient(:'going', 2)), 'campaign canceled');
SELECT is((SELECT status FROM campaign WHERE campaign_id = :'going'), 'canceled');
SELECT throws_ok(format('SELECT resume_campaign(%L)', :'going'), '55000', 'campaign "going" is canceled');
SELECT throws_ok(format('SELECT activate_campaign(%L)', :'going'), '55000');
SELECT throws_ok(format('SELECT add_recipients(%L, %L)', :'going', '{}'), '55000', 'campaign "going" is canceled');
SELECT lives_ok(format('SELECT record_send(%L, %L)', recipient(:'going', 2), 'going 2'), 'what was sent was sent');
SELECT is(states(:'going'), '1 sent, 2 sent');
SELECT throws_ok($$SELECT activate_campaign('00000000-0000-0000-0000-000000000000')$$, 'P0002');
SELECT throws_ok($$SELECT pause_campaign(NULL)$$, 'P0002', 'campaign NULL does not exist');
SELECT throws_ok($$SELECT cancel_campaign('00000000-0000-0000-0000-000000000000')$$, 'P0002');

-- Days. The used part of a day's limit follows from the dates of waiting recipients and the recipients handed out.
CREATE FUNCTION dates(campaign uuid) RETURNS text LANGUAGE sql AS $$
    SELECT string_agg((scheduled_send_date - current_date)::text, ' ' ORDER BY recipient_number) FROM campaign_recipient WHERE campaign_id = campaign
$$;
SELECT made('days', 5, 2) AS days \gset
SELECT is(dates(:'days'), '0 0 1 1 2', 'spread over days by the limit');
SELECT add_recipients(:'days', '{+15550100001,+15550100002}');
SELECT is(dates(:'days'), '0 0 1 1 2 2 3', 'who comes later takes the next free places');
SELECT is(claim(:'days'), '1 2', 'handed out are those of the day');
SELECT skip_recipient(recipient(:'days', 3));
SELECT add_recipients(:'days', '{+15550100003}');
SELECT is(dates(:'days'), '0 0 1 1 2 2 3 1', 'today is used up, tomorrow a place was given up');
SELECT made('later', 3, 2, active => false) AS later \gset
SELECT is(activate_campaign(:'later', current_date + 10),
    jsonb_build_object('waiting', 3, 'first_send_date', current_date + 10, 'last_send_date', current_date + 11), 'from a date on');
SELECT is(claim(:'later'), NULL, 'not before');
SELECT made('own', 3, 1, active => false) AS own \gset
UPDATE campaign_recipient SET scheduled_send_date = current_date + 1 WHERE recipient_id = recipient(:'own', 1);
SELECT activate_campaign(:'own', current_date - 10);
SELECT is(dates(:'own'), '1 0 2', 'a date given by hand stays, and takes its place; a past day is today');
UPDATE campaign_recipient SET scheduled_send_date = current_date - 1 WHERE recipient_id = recipient(:'own', 3);
SELECT is(claim(:'own'), '3', 'who waits longest comes first');
SELECT made('unlimited', 3) AS unlimited \gset
SELECT is(dates(:'unlimited'), '0 0 0', 'without a limit all on one day');

-- The days follow the limit.
SELECT made('raised', 6, 1) AS raised \gset
SELECT claim(:'raised');
UPDATE campaign_recipient SET scheduled_send_date = current_date + 9 WHERE recipient_id = recipient(:'raised', 3);
UPDATE campaign SET daily_send_limit = 2 WHERE campaign_id = :'raised';
SELECT is(dates(:'raised'), '0 0 9 1 1 2', 'a higher limit moves up who waits, but for a date given by hand');
SELECT is(claim(:'raised'), '2', 'from today on');
UPDATE campaign SET daily_send_limit = 1 WHERE campaign_id = :'raised';
SELECT is(dates(:'raised'), '0 0 9 1 2 3', 'a lower one moves them back');
UPDATE campaign SET daily_send_limit = NULL WHERE campaign_id = :'raised';
SELECT is(dates(:'raised'), '0 0 9 0 0 0', 'and none brings them all to today');
UPDATE campaign SET daily_send_limit = 3 WHERE campaign_id = :'raised';
SELECT is(dates(:'raised'), '0 0 9 0 1 1', 'what was sent before there was a limit counts');
SELECT made('raised later', 4, 1, active => false) AS later \gset
SELECT activate_campaign(:'later', current_date + 5);
UPDATE campaign SET daily_send_limit = 3 WHERE campaign_id = :'later';
SELECT is(dates(:'later'), '5 5 5 6', 'nobody moves to before the start');
SELECT add_recipients(:'later', '{+15550000005}');
SELECT is(dates(:'later'), '5 5 5 6 6', 'nor is added before it');

-- The day is that of the campaign's time zone: here, where it is already tomorrow or still yesterday.
SELECT CASE WHEN extract(hour FROM now()) < 12 THEN '-12' ELSE '12' END AS hours \gset
SELECT create_campaign('far away', time_zone => format('<far>%s', -(:hours))) AS far \gset
SELECT add_recipients(:'far', '{+15550000001}');
SELECT is(activate_campaign(:'far') ->> 'first_send_date', ((now() + make_interval(hours => :hours)) AT TIME ZONE 'UTC')::date::text, 'today is the campaign''s');
SELECT is(claim(:'far'), '1');

-- Completed: when nothing is left to send or to retry; and it may go on.
SELECT made('all', 2, retries => 0) AS all \gset
SELECT is(claim(:'all'), '1 2');
SELECT record_send(recipient(:'all', 1), 'all 1');
SELECT is(claim(:'all'), NULL);
SELECT is((SELECT status FROM campaign WHERE campaign_id = :'all'), 'active', 'one is still out');
SELECT record_send_failure(recipient(:'all', 2), 'number unknown', 131026);
SELECT is(claim(:'all'), NULL);
SELECT is((SELECT (status, completed_at IS NOT NULL)::text FROM campaign WHERE campaign_id = :'all'), '(completed,t)');
SELECT throws_ok(format('SELECT cancel_campaign(%L)', :'all'), '55000', 'campaign "all" is completed');
SELECT is(add_recipients(:'all', '{+15550000001,Acme}') ->> 'status', 'completed', 'nobody was added');
SELECT is(add_recipients(:'all', '{+15550000003}'), '{"added": 1, "duplicates": 0, "refused": [], "updated": 0, "status": "active"}',
    'a campaign that completed itself goes on with who was added later');
SELECT is((SELECT completed_at FROM campaign WHERE campaign_id = :'all'), NULL);
SELECT is(claim(:'all'), '3');
SELECT record_send(recipient(:'all', 3), 'all 3');
SELECT is(claim(:'all'), NULL);
SELECT is((SELECT status FROM campaign WHERE campaign_id = :'all'), 'completed', 'and completes itself again');
SELECT is(activate_campaign(:'all') ->> 'waiting', '0', 'which may be undone by hand');
SELECT made('empty', 0) AS empty \gset
SELECT is(claim(:'empty'), NULL);
SELECT is((SELECT status FROM campaign WHERE campaign_id = :'empty'), 'active', 'one without recipients waits for some');
SELECT made('in transit', 1) AS transit \gset
SELECT claim(:'transit');
SELECT record_send(recipient(:'transit', 1), 'transit 1');
SELECT is(claim(:'transit'), NULL);
SELECT is((SELECT status FROM campaign WHERE campaign_id = :'transit'), 'active', 'a message in transit may have to be sent again');
SELECT status('transit 1', 'delivered');
SELECT is(claim(:'transit'), NULL);
SELECT is((SELECT status FROM campaign WHERE campaign_id = :'transit'), 'completed', 'delivered, it is not');
SELECT made('lost', 1) AS lost \gset
SELECT claim(:'lost');
SELECT record_send(recipient(:'lost', 1), 'lost 1');
SELECT wait(:'lost', '1 day');
SELECT is(claim(:'lost'), NULL);
SELECT is((SELECT status FROM campaign WHERE campaign_id = :'lost'), 'completed', 'nor after the retry window');

-- Taken away.
SELECT lives_ok(format('DELETE FROM campaign WHERE campaign_id = %L', :'all'));
SELECT is((SELECT count(*) FROM campaign_recipient WHERE campaign_id = :'all'), 0::bigint, 'with its recipients');

-- Recipients find their days in no more time on statistics that know nothing of the campaign.
SELECT made('before', 20000, 1000) AS before \gset
ANALYZE campaign, campaign_recipient;
SET LOCAL statement_timeout = '10s';
SELECT made('after', 20000, 1000) AS after \gset
SELECT is(add_recipients(:'after', ARRAY(SELECT '+1556' || lpad(n::text, 7, '0') FROM generate_series(1, 20000) AS n)) ->> 'added', '20000');
SELECT is((SELECT array_agg(DISTINCT f.n) FROM (SELECT count(*) AS n FROM campaign_recipient WHERE campaign_id = :'after' GROUP BY scheduled_send_date) AS f), '{1000}');
SELECT is((SELECT count(DISTINCT scheduled_send_date) FROM campaign_recipient WHERE campaign_id = :'after'), 40::bigint);

SELECT finish();
ROLLBACK;
