-- install(): its objects, its repetition after users changed the tables, and the errors where it was not called.
BEGIN;
\ir include/helpers.psql
SELECT no_plan();

-- Returns the error of a statement: code, message, hint.
CREATE FUNCTION told(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    hint text;
BEGIN
    EXECUTE statement;
    RETURN 'nothing';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS hint = PG_EXCEPTION_HINT;
    RETURN concat_ws(' | ', SQLSTATE, SQLERRM, hint);
END
$$;
CREATE TEMP TABLE needs_tables (statement text);
INSERT INTO needs_tables VALUES
    ($$SELECT msgstatus.apply_message_status('{"id": "a", "status": "sent"}')$$),
    ($$SELECT msgstatus.apply_message_status('5')$$),
    ($$SELECT * FROM msgstatus.apply_message_status_batch(ARRAY['{"id": "a", "status": "sent"}']::jsonb[], '{NULL}', '{NULL}')$$),
    ($$SELECT * FROM msgstatus.apply_message_status_batch('{}', '{}', '{}')$$),
    ($$SELECT * FROM msgstatus.apply_fetched(ARRAY['{"sid": "SM00000000000000000000000000000001", "status": "sent"}']::jsonb[])$$),
    ($$SELECT msgstatus.reject_webhook('x', 'y')$$),
    ($$SELECT msgstatus.register_message('a')$$),
    ($$SELECT * FROM msgstatus.message_history('a')$$),
    ($$SELECT * FROM msgstatus.message_log()$$),
    ($$SELECT msgstatus.undelivered_count()$$),
    ($$SELECT msgstatus.replay_rejected()$$),
    ($$SELECT msgstatus.grant_access(current_user::regrole, 'ingest')$$),
    ($$SELECT msgstatus.create_campaign('spring ' || random())$$),
    ($$SELECT * FROM msgstatus.claim_recipients()$$),
    ($$SELECT msgstatus.opt_out('+15550100001')$$);

-- A version that the library does not serve, of the tables or of the extension, before it or after it.
CREATE TEMP TABLE library AS SELECT extversion AS version FROM pg_extension WHERE extname = 'msgstatus';
CREATE TEMP TABLE versions (version text, hint text);
INSERT INTO versions VALUES
    ('0.0.1', 'Run: ALTER EXTENSION msgstatus UPDATE; SELECT msgstatus.install();'),
    ('99.0.0', format('Reconnect to load the installed library. If that is version %1$s, install version 99.0.0; '
        'if shared_preload_libraries names it, restart the server.', (SELECT version FROM library)));
CREATE FUNCTION refused(subject text, refused versions) RETURNS SETOF text LANGUAGE sql AS $$
    SELECT is(told(statement), concat_ws(' | ', '0A000', format('%s of version %s, which the msgstatus library, version %s, does not support',
        subject, (refused).version, (SELECT version FROM library)), (refused).hint), subject || ' ' || (refused).version || ': ' || statement)
    FROM needs_tables
$$;
-- Tables of the same series are served.
UPDATE msgstatus.installation SET version = regexp_replace(version, '[0-9]+$', '999');
UPDATE pg_extension SET extversion = regexp_replace(extversion, '[0-9]+$', '998') WHERE extname = 'msgstatus';
SELECT is(told(statement), 'nothing', 'of the same series: ' || statement) FROM needs_tables;
UPDATE pg_extension SET extversion = '0.0.1' WHERE extname = 'msgstatus';
SELECT refused('the extension msgstatus is', v) FROM versions AS v WHERE v.version = '0.0.1';
UPDATE pg_extension SET extversion = '99.0.0' WHERE extname = 'msgstatus';
SELECT refused('the extension msgstatus is', v) FROM versions AS v WHERE v.version = '99.0.0';
UPDATE pg_extension SET extversion = (SELECT version FROM library) WHERE extname = 'msgstatus';
UPDATE msgstatus.installation SET version = '99.0.0';
SELECT refused('the tables of msgstatus are', v) FROM versions AS v WHERE v.version = '99.0.0';
UPDATE msgstatus.installation SET version = '0.0.1';
SELECT refused('the tables of msgstatus are', v) FROM versions AS v WHERE v.version = '0.0.1';
SELECT is(current_user, session_user, 'the caller is who he was');
SELECT lives_ok('SELECT msgstatus.install()', 'install() brings them up to date');
SELECT is((SELECT version FROM msgstatus.installation), (SELECT extversion FROM pg_extension WHERE extname = 'msgstatus'));
SELECT is(told(statement), 'nothing', statement) FROM needs_tables;

-- The tables and views are the user's, not the extension's.
SELECT is_empty($$SELECT c.relname FROM pg_depend AS d JOIN pg_class AS c ON d.classid = 'pg_class'::regclass AND d.objid = c.oid
    WHERE d.deptype = 'e' AND d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'msgstatus') AND c.relkind <> 'c'$$, 'no relation belongs to the extension');
SELECT throws_ok('DROP EXTENSION msgstatus', '2BP01', NULL, 'and so it cannot be dropped from under them');
-- The partitions of the trail aside, which go with the calendar: see trail_partitions.sql.
SELECT set_eq($$SELECT relname FROM pg_class WHERE relnamespace = 'msgstatus'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition$$,
    '{message,message_alias,status_event,rejected_status,message_rollup,folded_hour,failure_rollup,recipient_rollup,
    recipient_day,recipient_total,recipient_window,prefix_rollup,prefix_period,maintenance,error_code_catalog,installation,alert_rule,alert_state,campaign,campaign_recipient,campaign_attempt,campaign_day,campaign_pace,sender_limit,sender_day,opt_out,opt_out_word,attached_table,attached_table_failure,content_setting,provider_description,id_key,action_log,
    refresh_queue,message_check,refresh_worker,refresh_rate,reconciliation}'::name[]);
SELECT views_are('msgstatus', '{message_timeline,hour_rollup,rejected_summary,message_status_dashboard,hourly_message_volume,delivery_rates,delivery_funnel,
    daily_summary,weekly_summary,monthly_summary,status_distribution,failure_breakdown,undelivered_messages,unread_messages,stuck_messages,
    best_send_hours,recipient_engagement,active_alerts,campaign_recipient_status,campaign_stats,campaign_failures,campaign_cost,attached_tables,
    refresh_status,refresh_workers,reconciliations,refresh_known,refresh_account,refresh_stuck,providers}'::name[]);
SELECT is((SELECT extrelocatable FROM pg_extension WHERE extname = 'msgstatus'), false);
SELECT columns_are('msgstatus', 'message', '{message_id,provider,direction,sender,recipient,message_type,content,media_url,metadata,
    created_by,campaign_id,status,error_code,error_title,error_details,price,price_unit,num_segments,pricing_category,billable,created_at,updated_at,
    error_at,registered,last_change,known_events,replaced}'::name[]);
SELECT col_is_pk('msgstatus', 'message', 'message_id', 'key');
SELECT col_type_is('msgstatus', 'message', 'message_id', 'text', 'key');
SELECT col_type_is('msgstatus', 'message', 'status', 'msgstatus.message_status', 'status');
SELECT columns_are('msgstatus', 'status_event', '{message_id,state,event_time,received_at,fingerprint,digest,time_source,source,participant,
    error_code,error_title,error_details,detail}'::name[]);
SELECT columns_are('msgstatus', 'rejected_status', '{rejected_id,received_at,source,provider,sender,reason,payload,body,rejected_at}'::name[]);

-- Updates stay heap-only, and every key holds the message's id.
SELECT is((SELECT array_agg(indexrelid::regclass::text) FROM pg_index WHERE indrelid = 'msgstatus.message'::regclass), '{msgstatus.message_pkey,msgstatus.message_created_at,
    msgstatus.message_recipient,msgstatus.message_message_type,msgstatus.message_campaign_id}');
SELECT msgstatus.register_message('hot', recipient => '491701234567', message_type => 'text', campaign_id => gen_random_uuid());
CREATE TEMP TABLE updates AS SELECT pg_stat_get_xact_tuples_updated('msgstatus.message'::regclass) AS all_of_them,
    pg_stat_get_xact_tuples_hot_updated('msgstatus.message'::regclass) AS hot;
SELECT counts(jsonb_build_object('id', 'hot', 'status', s, 'timestamp', '1733832000', 'recipient_id', '491701234567'), now())
FROM unnest('{sent,failed,delivered,read}'::text[]) AS s;
SELECT results_eq($$SELECT pg_stat_get_xact_tuples_updated('msgstatus.message'::regclass) - all_of_them,
    pg_stat_get_xact_tuples_hot_updated('msgstatus.message'::regclass) - hot FROM updates$$, 'VALUES (4::bigint, 4::bigint)', 'statuses are heap-only updates');
SELECT is((SELECT array_agg(indexrelid::regclass::text) FROM pg_index WHERE indrelid = 'msgstatus.status_event'::regclass), '{msgstatus.status_event_message_id}');

-- How many messages are in a state is known to the planner, in the views as well.
CREATE FUNCTION estimated(query text) RETURNS numeric LANGUAGE plpgsql AS $$
DECLARE
    plan json;
BEGIN
    EXECUTE 'EXPLAIN (FORMAT JSON) ' || query INTO plan;
    RETURN (plan -> 0 -> 'Plan' ->> 'Plan Rows')::numeric;
END
$$;
SAVEPOINT no_messages;
INSERT INTO msgstatus.message (message_id, status)
SELECT 'of many ' || n, msgstatus.message_status(CASE WHEN n % 10 < 6 THEN 'read' ELSE 'sent' END::msgstatus.delivery_state, now())
FROM generate_series(1, 2000) AS n;
ANALYZE msgstatus.message;
SELECT cmp_ok(estimated($$SELECT FROM msgstatus.message WHERE msgstatus.state(status) = 'read'$$), '>', 1000::numeric, 'read: six of ten');
SELECT cmp_ok(estimated($$SELECT FROM msgstatus.message WHERE msgstatus.state(status) = 'failed'$$), '<', 100::numeric, 'failed: none');
SELECT cmp_ok(estimated($$SELECT FROM msgstatus.message_timeline WHERE state = 'read'$$), '>', 1000::numeric, 'the same in the view');
SELECT ok(estimated($$SELECT FROM msgstatus.message_timeline WHERE state < 'delivered'$$) BETWEEN 700 AND 900, 'and in a range');
ROLLBACK TO no_messages;

-- Texts that merge by their bytes must compare so.
SELECT is_empty($$SELECT attrelid::regclass, attname FROM pg_attribute WHERE attrelid IN ('msgstatus.message'::regclass, 'msgstatus.status_event'::regclass)
    AND atttypid = 'text'::regtype AND attcollation <> '"C"'::regcollation AND attname <> 'created_by'$$, 'texts compare by their bytes');

-- Repeated, also after users made the tables theirs.
CREATE TABLE public.campaign (shop_campaign integer PRIMARY KEY);
ALTER TABLE msgstatus.message ADD COLUMN shop_campaign integer REFERENCES public.campaign;
ALTER TABLE msgstatus.message ADD CHECK (num_segments >= 0);
ALTER TABLE msgstatus.message SET (fillfactor = 70);
ALTER TABLE msgstatus.message ENABLE ROW LEVEL SECURITY;
CREATE POLICY all_rows ON msgstatus.message USING (true);
CREATE INDEX message_by_recipient ON msgstatus.message (recipient);
CREATE INDEX event_by_time ON msgstatus.status_event (event_time);
CREATE FUNCTION nothing() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
CREATE TRIGGER nothing BEFORE INSERT ON msgstatus.message FOR EACH ROW EXECUTE FUNCTION nothing();
CREATE VIEW public.mine AS SELECT t.message_id, t.state FROM msgstatus.message_timeline AS t;
COMMENT ON TABLE msgstatus.status_event IS 'ours';
CREATE FUNCTION catalog() RETURNS text LANGUAGE sql AS $$
    SELECT md5(string_agg(t, E'\n' ORDER BY t)) FROM (
        SELECT to_jsonb(c)::text FROM pg_class AS c WHERE c.relnamespace = 'msgstatus'::regnamespace AND relkind <> 'v'
        UNION ALL SELECT to_jsonb(a)::text FROM pg_attribute AS a JOIN pg_class AS c ON c.oid = a.attrelid WHERE c.relnamespace = 'msgstatus'::regnamespace
        UNION ALL SELECT pg_get_indexdef(indexrelid) FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indrelid WHERE c.relnamespace = 'msgstatus'::regnamespace
        UNION ALL SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE connamespace = 'msgstatus'::regnamespace
        UNION ALL SELECT tgname FROM pg_trigger WHERE NOT tgisinternal
        UNION ALL SELECT polname FROM pg_policy
        UNION ALL SELECT pg_get_statisticsobjdef(oid) FROM pg_statistic_ext
        UNION ALL SELECT pg_get_viewdef('msgstatus.message_timeline') UNION ALL SELECT pg_get_viewdef('public.mine')
        UNION ALL SELECT to_jsonb(i)::text FROM msgstatus.installation AS i
        UNION ALL SELECT to_jsonb(e)::text FROM msgstatus.error_code_catalog AS e
    ) AS all_of_it (t)
$$;
SELECT lives_ok('SELECT msgstatus.install()', 'once more');
CREATE TEMP TABLE before AS SELECT catalog();
SELECT lives_ok('SELECT msgstatus.install()', 'and once more');
SELECT is(catalog(), (SELECT catalog FROM before), 'changes nothing');
SELECT is(counts('{"id": "b", "status": "sent", "timestamp": 1733832000}'), '1 1 0 0 0', 'and all works');
SELECT lives_ok('SELECT * FROM public.mine');
CREATE TEMP TABLE rows_before AS SELECT m.* FROM msgstatus.message AS m;

-- One table missing.
DROP TABLE msgstatus.rejected_status CASCADE;
SELECT is(told(statement), '55000 | the tables of msgstatus are missing | Run: SELECT msgstatus.install();', 'one is missing: ' || statement) FROM needs_tables;
SELECT lives_ok('SELECT msgstatus.install()', 'makes what is missing');
SELECT is(counts('5'), '1 0 0 1 0');
SELECT results_eq('SELECT * FROM msgstatus.message ORDER BY message_id', 'SELECT * FROM rows_before ORDER BY message_id', 'and loses nothing');
DROP TABLE msgstatus.message CASCADE;
SELECT is(told(statement), '55000 | the tables of msgstatus are missing | Run: SELECT msgstatus.install();', statement) FROM needs_tables;
SELECT lives_ok('SELECT msgstatus.install()');
SELECT is(told(statement), 'nothing', statement) FROM needs_tables;

-- Without tables at all.
SET LOCAL client_min_messages = error;
DROP EXTENSION msgstatus CASCADE;
SELECT hasnt_schema('msgstatus');
CREATE EXTENSION msgstatus;
SELECT is(told(statement), '55000 | the tables of msgstatus are missing | Run: SELECT msgstatus.install();', 'not installed: ' || statement) FROM needs_tables;
SELECT is(told($$SELECT msgstatus.apply_message_status('[]')$$), 'nothing', 'where there is nothing to do, nothing is needed');
SELECT lives_ok('DROP EXTENSION msgstatus', 'without tables it can be dropped');
CREATE SCHEMA msgstatus;
SELECT throws_ok('CREATE EXTENSION msgstatus', '42P06', NULL, 'a schema of this name that is somebody else''s is not taken over');

SELECT finish();
ROLLBACK;
