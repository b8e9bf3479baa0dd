-- Why recipients failed, what a campaign cost; copies, other dates, and a look ahead.
BEGIN;
\ir include/campaign.psql
SELECT no_plan();

SELECT made('bad list', 5, retries => 0) AS bad \gset
SELECT claim(:'bad');
SELECT record_send_failure(recipient(:'bad', 1), 'no such number', 131026), record_send_failure(recipient(:'bad', 2), 'no such number', 131026),
    record_send_failure(recipient(:'bad', 3), 'timeout'), record_send(recipient(:'bad', 4), 'bad 4'), record_send(recipient(:'bad', 5), 'bad 5');
SELECT status('bad 4', 'failed', 131047), status('bad 5', 'delivered');
SELECT is((SELECT string_agg(concat_ws(' ', failure_code, failure_reason, recipients, percent), ', ') FROM campaign_failures WHERE campaign_id = :'bad'),
    '131026 no such number 2 50.00, 131047 error 131047 1 25.00, timeout 1 25.00', 'failures by reason');

UPDATE message SET price = -0.0075, price_unit = 'USD', billable = true, num_segments = 2 WHERE message_id = 'bad 4';
UPDATE message SET price = -0.0050, price_unit = 'USD', num_segments = 1 WHERE message_id = 'bad 5';
SELECT is((SELECT (messages, billable, segments, priced, cost, price_unit)::text FROM campaign_cost WHERE campaign_id = :'bad'), '(2,1,3,2,0.0125,USD)', 'what the messages cost');
UPDATE message SET price = NULL, price_unit = NULL, pricing_category = 'marketing' WHERE message_id = 'bad 5';
SELECT is((SELECT string_agg(concat_ws(' ', pricing_category, messages, cost), ', ') FROM campaign_cost WHERE campaign_id = :'bad'),
    'marketing 1, 1 0.0075', 'by category and currency');

-- Copies.
SELECT create_campaign('original', 'hello', 'en', 2, 1, '1 minute', '2 minutes', '3 minutes', '<far>-1', 'twilio', 'shop', now(), '09:00', '10:00', 5, '+15550990000') AS original \gset
SELECT add_recipients(:'original', '{+15550000002,+15550000001}', '{"{}","[1]"}', '{b,a}');
SELECT copy_campaign(:'original', 'a copy') AS copy, copy_campaign(:'original', 'with all', true) AS full \gset
SELECT is((SELECT to_jsonb(c) - '{campaign_id,name,created_at,updated_at}'::text[] FROM campaign AS c WHERE campaign_id = :'copy'),
    (SELECT to_jsonb(c) - '{campaign_id,name,created_at,updated_at}'::text[] || '{"starts_at": null}' FROM campaign AS c WHERE campaign_id = :'original'), 'all settings but the start');
SELECT is((SELECT count(*) FROM campaign_recipient WHERE campaign_id = :'copy'), 0::bigint);
SELECT is((SELECT string_agg(concat_ws(' ', phone_number, template_parameters, external_id, max_retries), ', ' ORDER BY recipient_number) FROM campaign_recipient WHERE campaign_id = :'full'),
    '+15550000002 {} b 1, +15550000001 [1] a 1', 'and the recipients in their order, if asked for');
SELECT throws_ok(format('SELECT copy_campaign(%L, %L)', :'original', 'a copy'), '23505');
SELECT throws_ok(format('SELECT copy_campaign(%L, %L)', :'original', ''), '22023');
SELECT throws_ok($$SELECT copy_campaign('00000000-0000-0000-0000-000000000000', 'x')$$, 'P0002');

-- Other dates, and a look ahead.
SELECT made('moved', 4, 2, active => false) AS moved \gset
SELECT opt_out('+15550000002');
SELECT is((SELECT string_agg(right(phone_number, 1), ' ') FROM preview_claims(:'moved')), '1 3 4', 'a draft is previewed, without who opted out');
SELECT throws_ok(format('SELECT reschedule_campaign(%L)', :'moved'), '55000');
SELECT activate_campaign(:'moved', current_date + 5);
UPDATE campaign_recipient SET scheduled_send_date = current_date + 1 WHERE recipient_id = recipient(:'moved', 4);
SELECT is(reschedule_campaign(:'moved', current_date + 2) - 'waiting', jsonb_build_object('first_send_date', current_date + 1, 'last_send_date', current_date + 3));
SELECT is((SELECT string_agg(right(phone_number, 1) || ' ' || (due AT TIME ZONE noon_zone())::date - current_date, ', ') FROM preview_claims(:'moved')), '4 1, 1 2, 3 3', 'a date set by hand stays');
SELECT reschedule_campaign(:'moved');
SELECT is((SELECT string_agg(right(phone_number, 1), ' ') FROM preview_claims(:'moved', 2)), '1 3');
SELECT is(claim(:'moved'), '1', 'to today, as far as the limit goes: who opted out had a place');
SELECT is((SELECT count(*) FROM preview_claims(:'moved') WHERE due > now() AND phone_number LIKE '%1'), 1::bigint, 'what is handed out may come again');
SELECT throws_ok($$SELECT preview_claims('00000000-0000-0000-0000-000000000000')$$, 'P0002');
SELECT throws_ok(format('SELECT preview_claims(%L, 0)', :'moved'), '22023');

SELECT finish();
ROLLBACK;
