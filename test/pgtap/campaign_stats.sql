-- The numbers of a campaign, and who sees which phone numbers.
BEGIN;
\ir include/campaign.psql
SELECT no_plan();

SELECT made('numbers', 12) AS numbers \gset
SELECT is(campaign_stats(:'numbers') - 'campaign_id', '{"campaign_name": "numbers", "status": "active", "total_target": 12, "pending": 12, "sent": 0,
    "delivered": 0, "read": 0, "failed": 0, "skipped": 0, "progress_percentage": 0.00, "delivery_rate": null, "read_rate": null, "attempted": 0,
    "delivery_rate_of_attempted": null, "read_rate_of_delivered": null, "success_rate": 0.00, "sent_by_provider": 0, "delivery_rate_of_sent_by_provider": null}');
SELECT claim(:'numbers');
SELECT record_send(recipient(:'numbers', n), 'n' || n) FROM generate_series(1, 9) AS n;
-- 1, 2: read; 3: delivered; 4: sent; 5: accepted only; 6: failed at once; 7: sent, then failed; 8: undelivered, which implies sent;
-- 9: failed, and is to be tried again; 10: not taken; 11: skipped; 12: still out.
SELECT status('n1', 'read'), status('n2', 'sent'), status('n2', 'read'), status('n3', 'delivered'), status('n4', 'sent'), status('n6', 'failed', 131026),
    status('n7', 'sent'), status('n7', 'failed', 131026), status('n8', 'undelivered'), status('n9', 'failed', 131000);
SELECT record_send_failure(recipient(:'numbers', 10), 'bad parameter', 100), skip_recipient(recipient(:'numbers', 11));
SELECT is(states(:'numbers'), '1 read, 2 read, 3 delivered, 4 sent, 5 sent, 6 failed, 7 failed, 8 failed, 9 pending, 10 failed, 11 skipped, 12 pending');
SELECT is(campaign_stats(:'numbers') - 'campaign_id', '{"campaign_name": "numbers", "status": "active", "total_target": 12, "pending": 2, "sent": 9,
    "delivered": 3, "read": 2, "failed": 4, "skipped": 1, "progress_percentage": 83.33, "delivery_rate": 33.33, "read_rate": 22.22, "attempted": 8,
    "delivery_rate_of_attempted": 37.50, "read_rate_of_delivered": 66.67, "success_rate": 25.00, "sent_by_provider": 7, "delivery_rate_of_sent_by_provider": 42.86}',
    'a read message counts as sent and delivered, a failed one as sent if it was recorded');
SELECT is((SELECT to_jsonb(s) FROM campaign_stats AS s WHERE s.campaign_id = :'numbers'), campaign_stats(:'numbers'), 'the view says the same');
SELECT columns_are('msgstatus', 'campaign_stats', '{campaign_id,campaign_name,status,total_target,pending,sent,delivered,read,failed,skipped,progress_percentage,
    delivery_rate,read_rate,attempted,delivery_rate_of_attempted,read_rate_of_delivered,success_rate,sent_by_provider,delivery_rate_of_sent_by_provider}'::name[]);
SELECT create_campaign('nobody') AS nobody \gset
SELECT is(campaign_stats(:'nobody') - 'campaign_id', '{"campaign_name": "nobody", "status": "draft", "total_target": 0, "pending": 0, "sent": 0,
    "delivered": 0, "read": 0, "failed": 0, "skipped": 0, "progress_percentage": null, "delivery_rate": null, "read_rate": null, "attempted": 0,
    "delivery_rate_of_attempted": null, "read_rate_of_delivered": null, "success_rate": null, "sent_by_provider": 0, "delivery_rate_of_sent_by_provider": null}',
    'of nobody there is no rate');

-- Of 100 recipients, 50 are recorded: 45 are delivered, 30 of these read, and 5 fail by webhook, which never says that they were sent.
SELECT made('hundred', 100) AS hundred \gset
SELECT claim(:'hundred');
SELECT record_send(recipient(:'hundred', n), 'h' || n) FROM generate_series(1, 50) AS n;
SELECT status('h' || n, CASE WHEN n <= 30 THEN 'read' WHEN n <= 45 THEN 'delivered' ELSE 'failed' END) FROM generate_series(1, 50) AS n;
SELECT is((SELECT (total_target, sent, delivered, read, failed, delivery_rate, read_rate, delivery_rate_of_attempted, read_rate_of_delivered)::text
    FROM campaign_stats WHERE campaign_id = :'hundred'), '(100,50,45,30,5,90.00,60.00,90.00,66.67)', 'rates of what was recorded as sent');
SELECT is((SELECT (total, attempted, delivered, read, failed, success_rate, delivery_rate, read_rate)::text FROM message_stats(campaign_id => :'hundred')),
    '(50,50,45,30,5,90.00,90.00,66.67)', 'and those of messages');
SELECT throws_ok($$SELECT campaign_stats('00000000-0000-0000-0000-000000000000')$$, 'P0002', 'campaign 00000000-0000-0000-0000-000000000000 does not exist');

-- Times: reached ones, so earlier steps are backfilled.
SELECT made('times', 3) AS times \gset
SELECT claim(:'times'), record_send(recipient(:'times', 1), 't1'), record_send(recipient(:'times', 2), 't2'), record_send(recipient(:'times', 3), 't3');
SELECT status('t1', 'read', at => '2024-12-10 10:30:09Z'), status('t1', 'sent', at => '2024-12-10 10:30:00Z'), status('t2', 'failed', 131049, '2024-12-10 10:31Z');
SELECT is((SELECT (sent_at, delivered_at, read_at, failed_at)::text FROM campaign_recipient_status WHERE message_id = 't1'),
    '("2024-12-10 10:30:00+00","2024-12-10 10:30:09+00","2024-12-10 10:30:09+00",)');
SELECT is((SELECT (sent_at, delivered_at, read_at, failed_at, failure_code, failure_reason)::text FROM campaign_recipient_status WHERE message_id = 't2'),
    '(,,,"2024-12-10 10:31:00+00",131049,"error 131049")');
SELECT is((SELECT sent_at FROM campaign_recipient_status WHERE message_id = 't3'), (SELECT sent_at FROM campaign_recipient WHERE message_id = 't3'),
    'without a word of the provider, the time of the send');

-- Masked for everybody, and for functions that leak.
SELECT is((SELECT phone_number FROM campaign_recipient_status WHERE message_id = 't1'), '+15*******01');
CREATE ROLE t_campaign_analyst;
SELECT grant_access('t_campaign_analyst', 'analyst');
CREATE SCHEMA t_own AUTHORIZATION t_campaign_analyst;
GRANT USAGE ON SCHEMA public TO t_campaign_analyst;
CREATE FUNCTION t_own.peek(text) RETURNS boolean LANGUAGE plpgsql COST 0.0000001 AS $$
BEGIN
    IF $1 ~ '^\+\d{6}' THEN RAISE EXCEPTION 'seen: %', $1; END IF;
    RETURN true;
END $$;
SET LOCAL ROLE t_campaign_analyst;
SELECT is((SELECT delivered FROM campaign_stats WHERE campaign_name = 'numbers'), 3::bigint, 'an analyst sees numbers');
SELECT is((SELECT count(*) FROM campaign_recipient_status WHERE t_own.peek(phone_number)), 115::bigint, 'and no phone number');
SELECT throws_ok(format('SELECT * FROM msgstatus.%s', name), '42501', NULL, 'not ' || name)
FROM unnest('{campaign,campaign_recipient,campaign_attempt,campaign_day,opt_out}'::text[]) AS name;
SELECT throws_ok($$SELECT msgstatus.claim_recipients()$$, '42501');
RESET ROLE;

-- Answers do not depend on how many campaigns there are.
CREATE FUNCTION scans(statement text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    line text;
    scans bigint := 0;
BEGIN
    FOR line IN EXECUTE 'EXPLAIN ' || statement LOOP
        scans := scans + (line LIKE '%Seq Scan on campaign\_%')::integer;
    END LOOP;
    RETURN scans;
END
$$;
SELECT made('campaign ' || n, 100) FROM generate_series(1, 20) AS n;
ANALYZE campaign, campaign_recipient, campaign_attempt, message;
SELECT cmp_ok(scans('SELECT * FROM msgstatus.campaign_recipient_status'), '>', 0::bigint, 'all recipients are read one after the other');
SET LOCAL enable_seqscan = off;
SELECT is(scans(format('SELECT * FROM msgstatus.campaign_stats WHERE campaign_id = %L', :'numbers')), 0::bigint, 'those of one campaign by index');
SELECT is(scans(format('SELECT * FROM msgstatus.campaign_recipient_status WHERE recipient_id = %L', recipient(:'times', 1))), 0::bigint, 'and one of them');

-- Nor on statistics that know nothing of a campaign yet: a plan for one recipient would take minutes for these.
SET LOCAL enable_seqscan = on;
INSERT INTO message (message_id) SELECT 'other ' || n FROM generate_series(1, 20000) AS n;
ANALYZE campaign, campaign_recipient, campaign_attempt, message;
SELECT made('fresh', 20000) AS fresh \gset
INSERT INTO message (message_id, status, campaign_id)
SELECT a || r.recipient_id, '{"sent": "2024-12-10T10:30:00Z"}', :'fresh'
FROM campaign_recipient AS r, unnest('{first ,second }'::text[]) AS a WHERE r.campaign_id = :'fresh';
UPDATE campaign_recipient SET waiting = false, retry_count = 1, message_id = 'second ' || recipient_id, sent_at = now() WHERE campaign_id = :'fresh';
INSERT INTO campaign_attempt (campaign_id, recipient_id, attempt, message_id)
SELECT r.campaign_id, r.recipient_id, 1, 'first ' || r.recipient_id FROM campaign_recipient AS r WHERE r.campaign_id = :'fresh';
SET LOCAL statement_timeout = '15s';
SELECT is((campaign_stats(:'fresh') ->> 'sent'), '20000', 'a campaign that was never analyzed');
SELECT is((SELECT count(*) FROM campaign_recipient_status WHERE campaign_id = :'fresh' AND state = 'sent'), 20000::bigint);
SELECT is((SELECT sent FROM campaign_stats WHERE campaign_id = :'fresh'), 20000::bigint);

SELECT finish();
ROLLBACK;
