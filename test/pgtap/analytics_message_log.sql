-- message_log and its kin: what they refuse, and what is shown to whom. What they find is compared with plain queries at random
-- in test/property.
BEGIN;
\ir include/helpers.psql
SELECT no_plan();

-- Nothing there yet.
SELECT is_empty('SELECT * FROM msgstatus.message_log()', 'no messages: no rows');
SELECT is_empty($$SELECT * FROM msgstatus.message_log('read', 'text', 'meta', 'outbound', '+49', gen_random_uuid(), '2024-01-01', '2025-01-01', 'x', 'state', 10)$$);
SELECT is_empty('SELECT * FROM msgstatus.' || f || '_messages()') FROM unnest('{undelivered,unread,stuck}'::text[]) AS f;
SELECT is_empty('SELECT * FROM msgstatus.' || f || '_messages') FROM unnest('{undelivered,unread,stuck}'::text[]) AS f;
SELECT is(msgstatus.undelivered_count(), 0::bigint);
SELECT results_eq('SELECT * FROM msgstatus.message_stats()', 'VALUES (0::bigint, 0::bigint, 0::bigint, 0::bigint, NULL::numeric, 0::bigint, NULL::numeric, NULL::numeric)', 'nothing of nothing is NULL');
SELECT results_eq($$SELECT * FROM msgstatus.message_stats(state => 'failed', message_type => 'text', created_from => '2024-01-01 10:10Z', created_before => '2024-01-01 10:20Z')$$,
    'VALUES (0::bigint, 0::bigint, 0::bigint, 0::bigint, NULL::numeric, 0::bigint, NULL::numeric, NULL::numeric)');

SELECT msgstatus.register_message('reg', 'meta', 'outbound', '+4930123456', '+491701234567', 'text', metadata => '{"order": "A-1"}');
SELECT counts('[{"id": "late", "status": "sent", "recipient_id": "491511111111"}, {"id": "a b", "status": "read", "timestamp": "1733832000"}]', now());
SELECT msgstatus.rebuild_rollups();

-- Refused arguments.
SELECT throws_ok($$SELECT * FROM msgstatus.message_log(sort_by => 'recipient')$$, '22023', 'cannot sort by "recipient"');
SELECT throws_ok($$SELECT * FROM msgstatus.message_log(sort_by => NULL)$$, '22023');
SELECT throws_ok($$SELECT * FROM msgstatus.message_log(page_size => -1)$$, '22023', 'page_size must not be negative');
SELECT throws_ok($$SELECT * FROM msgstatus.unread_messages(page_size => -1)$$, '22023', 'page_size must not be negative');
SELECT throws_ok(format('SELECT * FROM msgstatus.message_log(after => %L)', c), '22023', 'invalid page cursor', c)
FROM unnest('{"",x,"read 5","read x m","read 123456789012345678 m","READ 5 m"}'::text[]) AS c;
SELECT throws_ok($$SELECT * FROM msgstatus.message_log(after => 'gone 5 m')$$, '22P02');
SELECT throws_ok($$SELECT * FROM msgstatus.message_log(state => 'gone')$$, '22P02');
SELECT is((SELECT array_agg(message_id) FROM msgstatus.message_log(state => '')), (SELECT array_agg(message_id) FROM msgstatus.message_log()), 'an empty state filters nothing');
SELECT is((SELECT total FROM msgstatus.message_stats(state => ' ')), 3::bigint, 'nor when counting');
SELECT is((SELECT array_agg(message_id) FROM msgstatus.message_log(state => s)), '{a b}', 'a state of its own type')
FROM (VALUES (msgstatus.state('{"read": "2024-12-10T10:00:00Z"}'))) AS v (s);
SELECT is((SELECT total FROM msgstatus.message_stats('read'::msgstatus.delivery_state)), 1::bigint, 'or when counting');

-- A cursor of one's own, of an id with a blank, of the far past.
SELECT is((SELECT count(*) FROM msgstatus.message_log(after => m.page_cursor) AS n), 2 - m.n, m.page_cursor)
FROM (SELECT row_number() OVER () - 1 AS n, l.* FROM msgstatus.message_log(page_size => 3) AS l) AS m;
SELECT is_empty($$SELECT * FROM msgstatus.message_log(after => 'read -62135596800000000 m')$$);
SELECT is((SELECT array_agg(message_id) FROM msgstatus.message_log(sort_by => 'state')), '{a b,late,reg}');
SELECT is((SELECT array_agg(message_id) FROM msgstatus.message_log(metadata_text => '  a-1 ORDER ')), '{reg}');
SAVEPOINT many;
INSERT INTO msgstatus.message_rollup (hour, slot, messages) VALUES (date_trunc('hour', now(), 'UTC') - interval '40 days', 7, 100000);
SELECT throws_matching(format('SELECT * FROM msgstatus.%s(metadata_text => %L)', f, 'order'), 'cannot search the metadata of 10\d{4} messages without an index', f)
FROM unnest('{message_log,message_stats}'::text[]) AS f;
SELECT throws_ok($$SELECT * FROM msgstatus.message_log(metadata_text => 'order')$$, '55000');
SELECT is((SELECT array_agg(message_id) FROM msgstatus.message_log(metadata_text => 'order', created_from => now() - interval '30 days')), '{reg}', 'few of a time');
SELECT is((SELECT array_agg(message_id) FROM msgstatus.message_log(metadata_text => 'order', provider => 'meta')), '{reg}', 'few of a provider');
SELECT is((SELECT total FROM msgstatus.message_stats(metadata_text => 'order', recipient_prefix => '+')), 1::bigint, 'few of recipients');
UPDATE msgstatus.maintenance SET purged_before = now() - interval '1 day';
SELECT is((SELECT array_agg(message_id) FROM msgstatus.message_log(metadata_text => 'order')), '{reg}', 'purged messages are not searched');
ROLLBACK TO many;
SELECT is((SELECT array_agg(message_id) FROM msgstatus.message_log(page_size => NULL, state => NULL, provider => '', recipient_prefix => '', metadata_text => ' ')), (SELECT array_agg(message_id) FROM msgstatus.message_log()), 'an empty text is no filter');

-- Addresses: whole for roles that may read the table, masked for other roles, which cannot filter by long prefixes either.
CREATE ROLE t_analyst;
CREATE ROLE t_operator;
SELECT msgstatus.grant_access('t_analyst', 'analyst'), msgstatus.grant_access('t_operator', 'operator');
SELECT is((SELECT concat_ws(' ', sender, recipient) FROM msgstatus.message_log() WHERE message_id = 'reg'), '+4930123456 +491701234567');
SET LOCAL ROLE t_operator;
SELECT is((SELECT concat_ws(' ', sender, recipient) FROM msgstatus.message_log(recipient_prefix => '+49170123') WHERE message_id = 'reg'), '+4930123456 +491701234567',
    'an operator sees whole addresses');
SELECT is((SELECT recipient FROM msgstatus.stuck_messages('-1 hour')), '+491701234567');
SELECT is((SELECT array_agg(recipient ORDER BY recipient) FROM msgstatus.recipient_engagement()), '{+491511111111,+491701234567}');
SELECT is((SELECT array_agg(recipient ORDER BY recipient) FROM msgstatus.recipient_engagement), '{+49********11,+49********67}', 'views mask for everybody');
RESET ROLE;
SET LOCAL ROLE t_analyst;
SELECT is((SELECT concat_ws(' ', sender, recipient) FROM msgstatus.message_log(message_type => 'text')), '+49******56 +49********67', 'an analyst sees masked ones');
SELECT is((SELECT recipient FROM msgstatus.stuck_messages('-1 hour')), '+49********67');
SELECT is((SELECT recipient FROM msgstatus.undelivered_messages('-1 hour')), '+49********11');
SELECT is((SELECT recipient FROM msgstatus.message_log(recipient_prefix => '+49170')), '+49********67', 'a short prefix is for everybody');
SELECT is((SELECT array_agg(recipient ORDER BY recipient) FROM msgstatus.recipient_engagement()), '{+49********11,+49********67}');
SELECT throws_ok($$SELECT * FROM msgstatus.message_log(recipient_prefix => '+491701')$$, '42501');
SELECT throws_ok($$SELECT * FROM msgstatus.message_stats(recipient_prefix => '+491701234567')$$, '42501');
SELECT is((SELECT total FROM msgstatus.message_stats()), 3::bigint);
SELECT is(msgstatus.undelivered_count('-1 hour'), 1::bigint);
SELECT lives_ok('SELECT * FROM msgstatus.' || v, 'an analyst reads ' || v) FROM unnest('{message_status_dashboard,hourly_message_volume,delivery_rates,
    delivery_funnel,daily_summary,weekly_summary,monthly_summary,status_distribution,failure_breakdown,undelivered_messages,unread_messages,stuck_messages,best_send_hours,recipient_engagement}'::text[]) AS v;
SELECT throws_ok(format('SELECT * FROM msgstatus.%s', t), '42501', NULL, 'and not ' || t) FROM unnest('{message,message_rollup,hour_rollup,failure_rollup}'::text[]) AS t;
SELECT throws_ok($$SELECT * FROM msgstatus.read_message_log(true, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 'time', 10, NULL)$$, '42501', NULL, 'nor past the mask');
SELECT throws_ok($$SELECT * FROM msgstatus.find_messages(true, NULL, NULL, 5)$$, '42501');
SELECT is(current_user::text, 't_analyst', 'and is who it was');
SELECT throws_ok($$SELECT * FROM msgstatus.message_log(sort_by => 'x')$$, '22023');
SELECT is(current_user::text, 't_analyst', 'also after an error');
SELECT throws_ok('SELECT * FROM msgstatus.message', '42501');
RESET ROLE;

-- A function of the analyst's own that leaks what it is shown sees no more than the views show.
CREATE SCHEMA t_own AUTHORIZATION t_analyst;
CREATE FUNCTION t_own.peek(text) RETURNS boolean LANGUAGE plpgsql COST 0.0000001 AS $$
BEGIN
    IF $1 ~ '^\+\d{6}' THEN RAISE EXCEPTION 'seen: %', $1; END IF;
    RETURN true;
END $$;
GRANT EXECUTE ON FUNCTION t_own.peek(text) TO t_analyst;
SET LOCAL ROLE t_analyst;
SELECT lives_ok(format('SELECT * FROM msgstatus.%s WHERE t_own.peek(recipient) AND t_own.peek(sender)', v)) FROM unnest('{undelivered_messages,unread_messages,stuck_messages}'::text[]) AS v;
RESET ROLE;

-- Tables of a role that is no superuser.
CREATE ROLE t_owner;
SELECT msgstatus.grant_access('t_owner', 'operator');
DO $$
DECLARE
    r regclass;
BEGIN
    FOR r IN SELECT oid FROM pg_class WHERE relnamespace = 'msgstatus'::regnamespace AND relkind IN ('r', 'v') LOOP
        EXECUTE format('ALTER TABLE %s OWNER TO t_owner', r);
    END LOOP;
END $$;
SET LOCAL ROLE t_analyst;
SELECT is((SELECT count(*) FROM msgstatus.message_log(sort_by => 'state')), 3::bigint, 'the functions act as the owner');
RESET ROLE;

-- The views of waiting messages read only the time in which messages wait: none, where none waits.
RESET ROLE;
TRUNCATE msgstatus.message;
INSERT INTO msgstatus.message (message_id, created_at, status)
SELECT 'done' || n, now() - n * interval '1 hour', msgstatus.message_status('read', now() - n * interval '1 hour') FROM generate_series(10, 500) AS n;
SELECT msgstatus.rebuild_rollups();
ANALYZE msgstatus.message;
CREATE FUNCTION pg_temp.read_in_vain(statement text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    plan jsonb;
BEGIN
    EXECUTE 'EXPLAIN (ANALYZE, FORMAT JSON) ' || statement INTO plan;
    RETURN COALESCE((SELECT sum(r::bigint) FROM jsonb_path_query(plan, '$.**."Rows Removed by Filter"') AS r
        WHERE jsonb_path_exists(plan, '$.** ? (@."Relation Name" == "message" && @."Rows Removed by Filter" == $r)', jsonb_build_object('r', r))), 0);
END
$$;
SET LOCAL enable_seqscan = off;
SELECT is(pg_temp.read_in_vain('SELECT * FROM msgstatus.undelivered_messages'), 0::bigint, 'nothing waits for delivery: no message is read');
SELECT is(pg_temp.read_in_vain('SELECT * FROM msgstatus.unread_messages'), 0::bigint, 'nor for reading');
SELECT cmp_ok(pg_temp.read_in_vain('SELECT * FROM msgstatus.message_timeline WHERE state = ''sent'''), '>', 0::bigint, 'as others are');
SELECT msgstatus.apply_message_status('{"id": "waiting", "status": "sent"}', now() - interval '100 hours');
SELECT is((SELECT array_agg(message_id) FROM msgstatus.undelivered_messages), '{waiting}');
SELECT cmp_ok(pg_temp.read_in_vain('SELECT * FROM msgstatus.undelivered_messages'), '<', 4::bigint, 'one waits: its hour is read');

SELECT finish();
ROLLBACK;
