-- A caller's search_path decides nothing: functions, operators and tables of an attacker in a schema before all others, or
-- among the temporary objects, are not used.
BEGIN;
\ir include/helpers.psql
SELECT no_plan();

CREATE ROLE t_granted;
CREATE SCHEMA evil;
CREATE FUNCTION evil.used(what text) RETURNS void LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'attacked by %', what; END $$;
-- Operators that fit better than the built-in ones, or as well and come first.
DO $$
DECLARE
    operator record;
    n integer := 0;
BEGIN
    FOR operator IN
        SELECT oprname, format_type(oprleft, NULL) AS l, format_type(oprright, NULL) AS r, format_type(oprresult, NULL) AS result FROM pg_operator
        WHERE oprkind = 'b' AND oprnamespace IN ('pg_catalog'::regnamespace, 'msgstatus'::regnamespace)
            AND oprleft = ANY ('{text,integer,smallint,bigint,boolean,jsonb,timestamptz,name,oid,numeric,"char",msgstatus.message_status,msgstatus.delivery_state}'::regtype[])
            AND oprright = ANY ('{text,integer,smallint,bigint,boolean,jsonb,timestamptz,name,oid,numeric,"char",text[],msgstatus.message_status,msgstatus.delivery_state}'::regtype[])
    LOOP
        n := n + 1;
        EXECUTE format('CREATE FUNCTION evil.operator_%s(%s, %s) RETURNS %s LANGUAGE plpgsql AS %L', n, operator.l, operator.r, operator.result,
            format('BEGIN PERFORM evil.used(%L); END', 'operator ' || operator.oprname));
        EXECUTE format('CREATE OPERATOR evil.%s (FUNCTION = evil.operator_%s, LEFTARG = %s, RIGHTARG = %s)', operator.oprname, n, operator.l, operator.r);
    END LOOP;
    IF n < 100 THEN
        RAISE EXCEPTION 'only % operators', n;
    END IF;
END
$$;
-- Functions with the names and arguments of those in pg_catalog and msgstatus.
DO $$
DECLARE
    f record;
BEGIN
    FOR f IN
        SELECT p.proname, pg_get_function_identity_arguments(p.oid) AS arguments, format_type(p.prorettype, NULL) AS result, p.proretset
        FROM pg_proc AS p
        WHERE p.prokind = 'f' AND p.provariadic = 0 AND (p.pronamespace = 'msgstatus'::regnamespace OR p.pronamespace = 'pg_catalog'::regnamespace
            AND p.proname IN ('now', 'unnest', 'length', 'left', 'right', 'repeat', 'octet_length', 'jsonb_build_object', 'format',
                'pg_advisory_xact_lock', 'hashtextextended', 'array_agg', 'cardinality', 'to_jsonb', 'generate_series', 'array_append', 'clock_timestamp', 'timezone', 'random', 'power',
                'gen_random_uuid', 'array_remove', 'array_to_string', 'round', 'concat', 'date', 'row_number'))
            AND NOT EXISTS (SELECT FROM unnest(p.proargmodes) AS m WHERE m <> 'i')
            AND NOT EXISTS (SELECT FROM unnest(p.proargtypes) AS t WHERE t IN ('internal'::regtype, 'cstring'::regtype))
            AND p.prorettype NOT IN ('internal'::regtype, 'cstring'::regtype, 'anyelement'::regtype, 'record'::regtype)
    LOOP
        EXECUTE format('CREATE FUNCTION evil.%I(%s) RETURNS %s %s LANGUAGE plpgsql AS %L', f.proname, f.arguments, CASE WHEN f.proretset THEN 'SETOF' END,
            f.result, format('BEGIN PERFORM evil.used(%L); END', 'function ' || f.proname));
    END LOOP;
END
$$;
CREATE FUNCTION evil.lock() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM evil.used('a table'); END $$;
CREATE TABLE evil.message (message_id text, version text);
CREATE TABLE evil.installation (version text);
CREATE TABLE evil.pg_extension (extname name, extversion text);
CREATE TABLE evil.campaign (campaign_id uuid);
CREATE TABLE evil.campaign_recipient (recipient_id uuid);
CREATE TEMP TABLE campaign (campaign_id uuid);
CREATE TEMP TABLE opt_out (phone_number text);
CREATE TEMP TABLE message (message_id text);
CREATE TEMP TABLE status_event (message_id text);
CREATE TEMP TABLE rejected_status (rejected_id bigint);
CREATE TEMP TABLE installation (version text);
CREATE TEMP TABLE pg_extension (extname name, extversion text);
CREATE TEMP TABLE pg_proc (oid oid, proname name, pronamespace oid, provolatile "char");
CREATE TYPE pg_temp.observation AS (x integer);

CREATE FUNCTION attacked(statement text) RETURNS text LANGUAGE plpgsql SET search_path = pg_temp, evil, msgstatus, pg_catalog AS $$
BEGIN
    EXECUTE statement;
    RETURN 'safe';
EXCEPTION WHEN OTHERS THEN
    RETURN SQLERRM;
END
$$;
SELECT is(attacked($$SELECT 'a'::pg_catalog.text = 'b'::pg_catalog.text$$), 'attacked by operator =', 'the attack is one');
SELECT is(attacked('SELECT now()'), 'attacked by function now');

INSERT INTO msgstatus.campaign (campaign_id, name, daily_send_limit) VALUES ('11111111-1111-1111-1111-111111111111', 'attacked', 100);
INSERT INTO msgstatus.campaign_recipient (recipient_id, campaign_id, phone_number, max_retries)
VALUES ('22222222-2222-2222-2222-222222222221', '11111111-1111-1111-1111-111111111111', '+15559999991', 3),
    ('22222222-2222-2222-2222-222222222222', '11111111-1111-1111-1111-111111111111', '+15559999992', 3);

CREATE TABLE public.attached (sid pg_catalog.text PRIMARY KEY, status pg_catalog.text DEFAULT 'SENT', times pg_catalog.jsonb, read_at timestamptz,
    error_code pg_catalog.text, failure_reason varchar(20), retry_count integer, updated_at timestamp);
INSERT INTO public.attached (sid) VALUES ('a');

-- Plans must be made under attack, too, not taken over from before.
DISCARD PLANS;
SELECT is(attacked(statement), 'safe', statement) FROM (VALUES
    ($$SELECT msgstatus.install()$$),
    ($$SELECT msgstatus.apply_message_status('[{"id": "a", "status": "sent", "timestamp": 1733832000}, {"id": "a", "status": "gone"}]')$$),
    ($$SELECT msgstatus.apply_message_status('[{"id": "a", "status": "sent", "timestamp": 1733832000, "recipient_id": "4917012345678"}]')$$),
    ($$SELECT msgstatus.apply_message_status('[{"id": "a", "status": "sent", "timestamp": 1733832000}]', '2024-01-01')$$),
    ($$SELECT msgstatus.apply_message_status('{"sid": "SM1", "status": "failed", "error_code": 5, "price": "-0.5", "from": "1", "to": "2", "num_segments": "3"}')$$),
    ($$SELECT msgstatus.apply_message_status('{"sid": "SM1", "status": "failed", "error_code": 4, "price": "-0.6", "from": "0", "to": "1", "num_segments": "4"}')$$),
    ($$SELECT * FROM msgstatus.apply_message_status_batch(ARRAY['{"id": "b", "status": "sent"}']::jsonb[], '{NULL}', '{NULL}')$$),
    ($$SELECT * FROM msgstatus.apply_fetched(ARRAY['{"sid": "SM00000000000000000000000000000001", "status": "sent", "price": "-0.5"}']::jsonb[])$$),
    ($$SELECT msgstatus.reject_webhook('x', 'y')$$),
    ($$SELECT msgstatus.register_message('a', 'meta', recipient => '+1', metadata => '{"a": 1}', created_by => 'x')$$),
    ($$SELECT msgstatus.register_message('a', 'twilio', recipient => '+2', metadata => '{"b": 1}', created_by => 'y')$$),
    ($$SELECT * FROM msgstatus.message_history('a')$$),
    ($$SELECT * FROM msgstatus.message_log('sent', 'text', 'meta', 'outbound', '+49', '00000000-0000-0000-0000-000000000001', '2024-01-01', '2025-01-01', 'x y', 'time', 10, 'read 5 m')$$),
    ($$SELECT * FROM msgstatus.message_log(sort_by => 'state', after => 'sent 99999999999999 m')$$),
    ($$SELECT * FROM msgstatus.message_stats(created_from => '2024-01-01 00:10Z', created_before => '2124-01-01')$$),
    ($$SELECT msgstatus.undelivered_count('-1 hour') FROM msgstatus.undelivered_messages('-1 hour')$$),
    ($$SELECT * FROM msgstatus.unread_messages(), msgstatus.stuck_messages()$$),
    ($$SELECT * FROM msgstatus.message_status_dashboard, msgstatus.hourly_message_volume, msgstatus.delivery_rates, msgstatus.delivery_funnel,
        msgstatus.daily_summary, msgstatus.weekly_summary, msgstatus.monthly_summary, msgstatus.status_distribution, msgstatus.providers$$),
    ($$SELECT msgstatus.best_send_hour('+491701234567', 'UTC') FROM msgstatus.best_send_hours('UTC') AS f, msgstatus.best_send_hours$$),
    ($$UPDATE msgstatus.alert_rule SET threshold = 0, minimum_count = 0, period = '1000 days'$$),
    ($$SELECT * FROM msgstatus.check_alerts(), msgstatus.active_alerts, msgstatus.recent_alerts(), msgstatus.alert_counts()$$),
    ($$SELECT * FROM msgstatus.recipient_engagement(30, 10) AS f, msgstatus.recipient_engagement$$),
    ($$SELECT * FROM msgstatus.failure_breakdown, msgstatus.undelivered_messages, msgstatus.unread_messages, msgstatus.stuck_messages$$),
    ($$SELECT msgstatus.import_statuses('SELECT ''a'' AS message_id, ''sent'' AS status, ''{"a": 1}''::pg_catalog.jsonb AS metadata', 'meta')$$),
    ($$SELECT msgstatus.replay_rejected()$$),
    ($$SELECT msgstatus.replay_rejected('{1,2}', 5)$$),
    ($$SELECT msgstatus.grant_access('t_granted', 'operator')$$),
    ($$SELECT msgstatus.grant_access('t_granted', 'analyst')$$),
    ($$SELECT * FROM msgstatus.message_timeline$$),
    ($$SELECT * FROM msgstatus.rejected_summary$$),
    ($$SELECT msgstatus.mask_address('+491701234567'), msgstatus.normalize_address('491701234567')$$),
    ($$SELECT msgstatus.merge_agg(m.status) FROM msgstatus.message AS m$$),
    ($$SELECT msgstatus.create_campaign('made', 'x', 'y', 5)$$),
    ($$SELECT msgstatus.add_recipients('11111111-1111-1111-1111-111111111111', '{15550000001,+15550000002,x,15550000001}')$$),
    ($$SELECT msgstatus.activate_campaign('11111111-1111-1111-1111-111111111111')$$),
    ($$SELECT msgstatus.add_recipients('11111111-1111-1111-1111-111111111111', '{15550000003}', '{NULL}')$$),
    ($$SELECT msgstatus.opt_out('15550000003', 'STOP')$$),
    ($$SELECT * FROM msgstatus.claim_recipients(10)$$),
    ($$SELECT msgstatus.opt_in('15550000003')$$),
    ($$SELECT msgstatus.record_send('22222222-2222-2222-2222-222222222221', 'a')$$),
    ($$SELECT msgstatus.record_send('22222222-2222-2222-2222-222222222221', 'b')$$),
    ($$SELECT msgstatus.record_send_failure('22222222-2222-2222-2222-222222222222', 'x', 130429)$$),
    ($$SELECT msgstatus.skip_recipient('22222222-2222-2222-2222-222222222222')$$),
    ($$SELECT * FROM msgstatus.claim_recipients(10, '11111111-1111-1111-1111-111111111111')$$),
    ($$SELECT msgstatus.pause_campaign('11111111-1111-1111-1111-111111111111')$$),
    ($$SELECT msgstatus.resume_campaign('11111111-1111-1111-1111-111111111111')$$),
    ($$SELECT msgstatus.cancel_campaign('11111111-1111-1111-1111-111111111111')$$),
    ($$SELECT msgstatus.campaign_stats('11111111-1111-1111-1111-111111111111')$$),
    ($$SELECT * FROM msgstatus.campaign_stats$$),
    ($$SELECT msgstatus.weblog_messages('{"state": ["sent", "failed"], "type": "x", "recipient": "00 49", "from": "2024-01-01", "text": "a"}'), msgstatus.weblog_messages('{"sort": "state"}')$$),
    ($$SELECT msgstatus.weblog_changes('{"since": "2024-01-01", "ids": ["a"]}'), msgstatus.weblog_message('{"id": "SM1"}')$$),
    ($$SELECT msgstatus.weblog_stats('{"provider": "meta"}'), msgstatus.weblog_volumes('{"from": "2024-01-01 00:10", "zone": "UTC"}')$$),
    ($$SELECT l, msgstatus.weblog_csv_header() FROM msgstatus.weblog_csv('{"limit": "1"}') AS l$$),
    ($$SELECT msgstatus.weblog_campaigns(), msgstatus.weblog_campaigns('{"campaign": "11111111-1111-1111-1111-111111111111"}')$$),
    ($$SELECT msgstatus.weblog_alerts(), msgstatus.weblog_rejected(), msgstatus.weblog_attached(), msgstatus.weblog_health(), msgstatus.weblog_session()$$),
    ($$SELECT msgstatus.weblog_replay(), msgstatus.weblog_refresh('{"message_ids": ["a"]}'), msgstatus.weblog_refresh_pending('{"state": "sent"}'), msgstatus.weblog_refresh_progress('{"since": "2024-01-01"}')$$),
    ($$SELECT * FROM msgstatus.campaign_recipient_status$$),
    ($$SELECT * FROM msgstatus.preview_attach('public.attached', 'sid', '{"timeline": "times"}'), msgstatus.attached_tables$$),
    ($$SELECT msgstatus.attach_table('public.attached', 'sid', '{"timeline": "times"}')$$),
    ($$SELECT msgstatus.apply_message_status('[{"id": "a", "status": "failed", "timestamp": 1733832001, "errors": [{"code": 7, "title": "x"}]}]')$$),
    ($$INSERT INTO public.attached VALUES ('SM1')$$),
    ($$UPDATE public.attached SET sid = 'b', times = '{"sent": "2000-01-01"}' WHERE sid OPERATOR(pg_catalog.=) 'SM1'$$),
    ($$SELECT msgstatus.resync_table('public.attached')$$),
    ($$SELECT msgstatus.retry_locked_rows(), msgstatus.forget_dropped_tables()$$),
    ($$INSERT INTO msgstatus.message (message_id, status) VALUES ('c', '{"sent": "2024-12-10T12:00:00Z"}')$$)
) AS s (statement);
SELECT is((SELECT count(*) FROM evil.message) + (SELECT count(*) FROM pg_temp.message) + (SELECT count(*) FROM pg_temp.status_event)
    + (SELECT count(*) FROM pg_temp.rejected_status), 0::bigint, 'nothing went into the attacker''s tables');
SELECT is((SELECT count(*) FROM msgstatus.message), 5::bigint);
SELECT is((SELECT count(*) FROM msgstatus.campaign_recipient), 5::bigint);
SELECT is((SELECT count(*) FROM msgstatus.status_event), 7::bigint);
SELECT is((SELECT failures FROM msgstatus.attached_tables), 0::bigint, 'attached tables were written to');
SELECT is((SELECT array_agg(concat_ws(' ', sid, status, times ->> 'failed', error_code, retry_count) ORDER BY sid) FROM public.attached),
    '{"a FAILED 2024-12-10T12:00:01Z 7 1","b FAILED 4 1"}');
SELECT is(attacked($$SELECT msgstatus.detach_table('public.attached')$$), 'safe');

-- Functions that build on others have their path pinned, or need none.
SELECT is_empty($$SELECT p.oid::regprocedure FROM pg_catalog.pg_proc AS p JOIN pg_language AS l ON l.oid = p.prolang
    WHERE p.pronamespace = 'msgstatus'::regnamespace AND l.lanname IN ('plpgsql', 'sql') AND p.prosqlbody IS NULL
        AND NOT COALESCE(p.proconfig, '{}') && '{"search_path=pg_catalog, pg_temp"}'$$, 'the path is pinned');
SELECT is_empty($$SELECT p.oid::regprocedure FROM pg_catalog.pg_proc AS p WHERE p.pronamespace = 'msgstatus'::regnamespace AND p.prosecdef$$,
    'no function runs as its owner');

SELECT finish();
ROLLBACK;
