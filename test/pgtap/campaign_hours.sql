-- When a campaign is sent, and how fast.
BEGIN;
\ir include/campaign.psql
SELECT no_plan();

-- A campaign whose clock shows a time of day: the zone makes it so.
CREATE FUNCTION clock_shows(campaign uuid, shown time) RETURNS void LANGUAGE sql AS $$
    UPDATE campaign SET time_zone = (
        SELECT format('<zone>%s%s', CASE WHEN m < 0 THEN '+' ELSE '-' END, make_interval(secs => abs(m)))
        FROM (SELECT extract(epoch FROM shown - (clock_timestamp() AT TIME ZONE 'UTC')::time)::integer) AS z (m))
    WHERE campaign_id = clock_shows.campaign
$$;

SELECT create_campaign('hours', send_from => '09:00', send_until => '20:00') AS hours \gset
SELECT add_recipients(:'hours', '{+15550000001,+15550000002,+15550000003,+15550000004}');
SELECT clock_shows(:'hours', '08:00'), activate_campaign(:'hours');
UPDATE campaign_recipient SET scheduled_send_date = scheduled_send_date - 9 WHERE campaign_id = :'hours';
SELECT is(claim(:'hours', 1), NULL, 'nobody is handed out before the hours');
SELECT clock_shows(:'hours', '09:30');
SELECT is(claim(:'hours', 1), '1');
SELECT clock_shows(:'hours', '19:58');
SELECT is((SELECT leased_until <= clock_timestamp() + interval '3 minutes' FROM claim_recipients(1, :'hours', '1 hour')), true, 'a lease ends with the hours');
SELECT clock_shows(:'hours', '20:30');
SELECT is(claim(:'hours', 1), NULL, 'nor after them');
SELECT is((SELECT status FROM campaign WHERE campaign_id = :'hours'), 'active', 'which completes nothing');
UPDATE campaign SET send_from = '19:00', send_until = '03:00' WHERE campaign_id = :'hours';
SELECT is(claim(:'hours', 1), '3', 'hours may go beyond midnight');
SELECT clock_shows(:'hours', '02:30');
SELECT is(claim(:'hours', 1), '4', 'until the next day');
SELECT wait(:'hours', '5 hours');
SELECT clock_shows(:'hours', '03:30');
SELECT is(claim(:'hours', 1), NULL, 'and no further, for what is handed out again, too');
SELECT create_campaign('too late today', send_from => '09:00', send_until => '20:00') AS late \gset
SELECT add_recipients(:'late', '{+15550000001}'), clock_shows(:'late', '21:00');
SELECT is(activate_campaign(:'late') ->> 'first_send_date', (SELECT ((now() AT TIME ZONE time_zone)::date + 1)::text FROM campaign WHERE campaign_id = :'late'),
    'the first day is tomorrow where today''s hours are over');
SELECT is((SELECT next_attempt_at AT TIME ZONE time_zone FROM campaign_recipient_status JOIN campaign USING (campaign_id) WHERE campaign_id = :'late'),
    (SELECT (now() AT TIME ZONE time_zone)::date + 1 + time '09:00' FROM campaign WHERE campaign_id = :'late'));
SELECT throws_ok($$SELECT create_campaign('x', send_from => '09:00')$$, '22023', 'send_from and send_until must be two different times, or both null');
SELECT throws_ok($$SELECT create_campaign('x', send_from => '09:00', send_until => '09:00')$$, '22023');

-- A start.
SELECT create_campaign('start', starts_at => clock_timestamp() + interval '50 hours') AS start \gset
SELECT add_recipients(:'start', '{+15550000001}');
SELECT is(activate_campaign(:'start') ->> 'first_send_date', ((now() + interval '50 hours') AT TIME ZONE 'UTC')::date::text, 'a start has a day');
UPDATE campaign_recipient SET scheduled_send_date = current_date WHERE campaign_id = :'start';
SELECT is(claim(:'start'), NULL, 'and a time');
UPDATE campaign SET starts_at = now() WHERE campaign_id = :'start';
SELECT is(claim(:'start'), '1');

-- So many in a second.
SELECT create_campaign('pace', sends_per_second => 3) AS pace \gset
SELECT add_recipients(:'pace', ARRAY(SELECT '+1555000000' || n FROM generate_series(1, 9) AS n)), activate_campaign(:'pace');
SELECT is(claim(:'pace'), '1 2 3', 'as many as in a second');
-- The clock runs; so the time of the claim is made that of now.
UPDATE campaign_pace SET sends = 0, counted_at = clock_timestamp() + interval '1 minute';
SELECT is(claim(:'pace'), NULL, 'and no more within it');
UPDATE campaign_pace SET counted_at = clock_timestamp() - interval '1 hour';
SELECT is(claim(:'pace', 2), '4 5', 'a pause is no reserve');
UPDATE campaign_pace SET counted_at = clock_timestamp() + interval '1 minute';
SELECT is((SELECT sends FROM campaign_pace), 1::numeric);
SELECT is(claim(:'pace'), '6', 'what is left of a second');
SELECT is((SELECT status FROM campaign WHERE campaign_id = :'pace'), 'active');
SELECT throws_ok($$SELECT create_campaign('x', sends_per_second => 0)$$, '22023', 'sends_per_second must be positive');

SELECT finish();
ROLLBACK;
