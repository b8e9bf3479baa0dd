-- grant_access and its levels; nothing is PUBLIC's; apply_message_status needs no right but to be called, and leaves the
-- caller's role as it was.
BEGIN;
\ir include/helpers.psql
SELECT no_plan();

CREATE ROLE t_ingest;
CREATE ROLE t_sender;
CREATE ROLE t_analyst;
CREATE ROLE t_operator;
CREATE ROLE "T ""odd"" role";
CREATE ROLE t_nobody;
GRANT USAGE ON SCHEMA public TO PUBLIC;
SELECT counts('{"MessageSid": "SM1", "MessageStatus": "failed", "From": "+4930123456", "To": "+491701234567", "ErrorCode": 30003}');
SELECT counts('5');

-- Unknown levels.
SELECT throws_ok($$SELECT msgstatus.grant_access('t_nobody', 'root')$$, '22023', 'unknown level "root"');
SELECT throws_ok($$SELECT msgstatus.grant_access('t_nobody', NULL)$$, '22023');
SELECT throws_ok($$SELECT msgstatus.grant_access('t_nobody', 'Ingest')$$, '22023');
SELECT throws_ok($$SELECT msgstatus.grant_access('no_such_role', 'ingest')$$, '42704');

SELECT lives_ok($$SELECT msgstatus.grant_access('t_ingest', 'ingest')$$);
SELECT lives_ok($$SELECT msgstatus.grant_access('t_sender', 'sender')$$);
SELECT lives_ok($$SELECT msgstatus.grant_access('t_analyst', 'analyst')$$);
SELECT lives_ok($$SELECT msgstatus.grant_access('t_operator', 'operator')$$);
SELECT lives_ok($$SELECT msgstatus.grant_access('"T ""odd"" role"', 'ingest')$$, 'a role whose name needs quotes');
SELECT lives_ok($$SELECT msgstatus.grant_access('t_ingest', 'ingest')$$, 'again');

-- Returns the privileges of a role on each relation.
CREATE FUNCTION may(role text, relation text) RETURNS text LANGUAGE sql AS $$
    SELECT COALESCE(string_agg(p, ' '), '') FROM unnest('{SELECT,INSERT,UPDATE,DELETE,TRUNCATE,REFERENCES,TRIGGER}'::text[]) AS p
    WHERE has_table_privilege(role, 'msgstatus.' || relation, p)
$$;
CREATE TEMP TABLE relation AS SELECT relname::text AS name, relkind FROM pg_class
WHERE relnamespace = 'msgstatus'::regnamespace AND relkind IN ('r', 'p', 'v') AND NOT relispartition;
SELECT is(may('t_ingest', name), '', 'ingest on ' || name) FROM relation;
SELECT is(may('t_sender', name), CASE name
        WHEN 'message' THEN 'SELECT' WHEN 'message_alias' THEN 'SELECT' WHEN 'opt_out_word' THEN 'SELECT' WHEN 'error_code_catalog' THEN 'SELECT' WHEN 'installation' THEN 'SELECT'
        WHEN 'campaign_recipient_status' THEN 'SELECT' WHEN 'campaign_stats' THEN 'SELECT' WHEN 'campaign_failures' THEN 'SELECT' WHEN 'campaign_cost' THEN 'SELECT'
        WHEN 'campaign' THEN 'SELECT INSERT UPDATE' WHEN 'campaign_recipient' THEN 'SELECT INSERT UPDATE'
        WHEN 'campaign_attempt' THEN 'SELECT INSERT' WHEN 'campaign_day' THEN 'SELECT INSERT UPDATE DELETE' WHEN 'campaign_pace' THEN 'SELECT INSERT UPDATE DELETE'
        WHEN 'sender_limit' THEN 'SELECT INSERT UPDATE DELETE' WHEN 'sender_day' THEN 'SELECT INSERT UPDATE DELETE'
        WHEN 'opt_out' THEN 'SELECT INSERT DELETE' ELSE '' END, 'sender on ' || name) FROM relation;
SELECT is_empty($$SELECT attname, p FROM pg_attribute, unnest('{INSERT,UPDATE,REFERENCES}'::text[]) AS p
    WHERE attrelid = 'msgstatus.message'::regclass AND attnum > 0 AND has_column_privilege('t_sender', attrelid, attnum, p)$$,
    'a sender writes no column of a message but through register_message');
SELECT is(may('t_nobody', name), '', 'PUBLIC on ' || name) FROM relation;
-- The sums of hashes in hour_rollup would give away the number of an hour with one message.
SELECT is(may('t_analyst', name), CASE WHEN relkind = 'v' AND name NOT IN ('hour_rollup', 'attached_tables', 'refresh_known', 'refresh_account', 'refresh_stuck') THEN 'SELECT' ELSE '' END, 'analyst on ' || name) FROM relation;
SELECT is(may('t_operator', name), CASE WHEN name = 'id_key' THEN '' WHEN relkind = 'v' OR name IN ('installation', 'attached_table', 'action_log') THEN 'SELECT'
    WHEN name IN ('refresh_worker', 'refresh_rate', 'reconciliation') THEN 'SELECT'
    WHEN name IN ('attached_table_failure', 'refresh_queue', 'message_check') THEN 'SELECT DELETE' ELSE 'SELECT INSERT UPDATE DELETE' END,
    'operator on ' || name) FROM relation;

-- Returns the functions a role may call, those of the types aside.
CREATE FUNCTION functions(role text) RETURNS text[] LANGUAGE sql AS $$
    SELECT COALESCE(array_agg(DISTINCT proname::text ORDER BY proname::text), '{}') FROM pg_proc
    WHERE pronamespace = 'msgstatus'::regnamespace AND provolatile <> 'i' AND has_function_privilege(role, oid, 'EXECUTE')
$$;
SELECT is(functions('t_nobody'), '{}', 'PUBLIC may call nothing');
SELECT is((SELECT count(*) FROM pg_proc WHERE pronamespace = 'msgstatus'::regnamespace AND has_function_privilege('t_nobody', oid, 'EXECUTE')), 0::bigint);
SELECT is_empty($$SELECT p.oid::regprocedure FROM pg_depend AS d JOIN pg_proc AS p ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid
    WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e' AND d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'msgstatus')
        AND has_function_privilege('t_nobody', p.oid, 'EXECUTE')$$, 'nor what the extension has in pg_catalog');
SELECT is(has_function_privilege('t_' || level, 'pg_catalog.max(msgstatus.delivery_state)', 'EXECUTE')
    AND has_function_privilege('t_' || level, 'pg_catalog.min(msgstatus.delivery_state)', 'EXECUTE'), level <> 'ingest', level || ' on min and max')
FROM unnest('{ingest,sender,analyst,operator}'::text[]) AS level;
SELECT is(has_schema_privilege('t_nobody', 'msgstatus', 'USAGE'), false);
SELECT is(has_type_privilege('t_nobody', 'msgstatus.message_status', 'USAGE'), false);
SELECT is(functions('t_ingest'), '{alert_counts,apply_message_status,apply_message_status_batch,reject_webhook}');
SELECT is(functions('t_analyst'), '{active_alerts,alert_counts,best_send_hour,best_send_hours,message_history,message_log,message_stats,recent_alerts,recipient_engagement,refresh_configured,sees_all,shown_id,stuck_messages,undelivered_count,undelivered_messages,unread_messages,weblog_alerts,weblog_attached,weblog_campaign_keys,weblog_campaigns,weblog_changes,weblog_choices,weblog_csv,weblog_csv_page,weblog_health,weblog_message,weblog_message_ids,weblog_messages,weblog_recipient_keys,weblog_refresh_progress,weblog_rejected,weblog_session,weblog_stats,weblog_volumes}');
SELECT is(functions('t_sender') @> '{register_message,create_campaign,claim_recipients,record_send,campaign_stats}', true);
SELECT is(functions('t_sender') && '{apply_message_status,apply_message_status_batch,reject_webhook,replay_rejected,message_history,install,grant_access}', false);
SELECT is(functions('t_operator') @> '{apply_message_status,apply_message_status_batch,message_history,register_message,reject_webhook,replay_rejected}', true);
SELECT is(functions('t_operator') @> '{forget_message_alias}' AND NOT functions('t_sender') @> '{forget_message_alias}', true, 'the way back from an alias is for operators');
SELECT is(functions('t_operator') && '{install,grant_access}', false, 'installing and granting is for the owner');
SELECT is(functions('t_operator') && '{claim_refreshes,finish_refreshes,record_listed,refresh_worker_seen,reserve_request,pause_requests,begin_reconciliation,record_reconciliation}',
    false, 'reporting what came of requests is for workers');
SELECT is(has_schema_privilege('t_operator', 'msgstatus', 'CREATE'), false);

-- ingest: may apply, and see nothing.
SET LOCAL ROLE t_ingest;
SELECT is((msgstatus.apply_message_status('[{"id": "w1", "status": "sent"}, {"id": "w1", "status": "gone"}]') ->> 'applied'), '1', 'ingest applies');
SELECT is((SELECT sum(applied) FROM msgstatus.apply_message_status_batch('{"{\"id\": \"w2\", \"status\": \"sent\"}"}', '{NULL}', '{NULL}')), 1::bigint);
SELECT lives_ok($$SELECT msgstatus.reject_webhook('x', 'y')$$);
SELECT is(current_user::text, 't_ingest', 'and is who it was');
SELECT throws_ok(format('SELECT * FROM msgstatus.%s', name), '42501', NULL, 'ingest does not read ' || name)
FROM unnest('{message,status_event,rejected_status,error_code_catalog,installation,message_timeline,rejected_summary}'::text[]) AS name;
SELECT throws_ok($$SELECT * FROM msgstatus.message_history('w1')$$, '42501');
SELECT throws_ok($$SELECT msgstatus.register_message('w1')$$, '42501');
SELECT throws_ok($$SELECT msgstatus.replay_rejected()$$, '42501');
SELECT throws_ok($$SELECT msgstatus.grant_access('t_ingest', 'operator')$$, '42501');
SELECT throws_ok($$SELECT msgstatus.install()$$, '42501');

-- sender: registers messages and runs campaigns, from the beginning to the end.
RESET ROLE;
SET LOCAL ROLE t_sender;
SELECT lives_ok($$SELECT msgstatus.register_message('w1', recipient => '15550100001', metadata => '{}', created_by => 'x')$$);
SELECT lives_ok($$SELECT msgstatus.register_message('w1', provider => 'meta', sender => '15550100000')$$);
SELECT msgstatus.create_campaign('spring', daily_send_limit => 5) AS spring \gset
SELECT is(msgstatus.add_recipients(:'spring', '{+15550100001,+15550100002,+15550100003,+15550100004}') ->> 'added', '4');
SELECT lives_ok($$SELECT msgstatus.opt_out('+15550100001', 'STOP'), msgstatus.opt_in('+15550100009')$$);
SELECT lives_ok(format('SELECT msgstatus.activate_campaign(%L)', :'spring'));
CREATE TEMP TABLE claimed AS SELECT c.*, row_number() OVER (ORDER BY phone_number) AS n FROM msgstatus.claim_recipients() AS c;
SELECT is((SELECT count(*) FROM claimed), 3::bigint);
SELECT lives_ok($$SELECT msgstatus.record_send(recipient_id, 'spring') FROM claimed WHERE n = 1$$);
SELECT lives_ok($$SELECT msgstatus.record_send_failure(recipient_id, 'x', 130429) FROM claimed WHERE n = 2$$);
SELECT lives_ok($$SELECT msgstatus.skip_recipient(recipient_id) FROM claimed WHERE n = 3$$);
UPDATE msgstatus.campaign_recipient SET due_at = now() - interval '1 second' WHERE due_at IS NOT NULL;
SELECT is((SELECT count(*) FROM msgstatus.claim_recipients()), 1::bigint, 'a retry');
SELECT lives_ok(format('SELECT msgstatus.pause_campaign(%L), msgstatus.resume_campaign(%L), msgstatus.cancel_campaign(%L)', :'spring', :'spring', :'spring'));
SELECT is(msgstatus.campaign_stats(:'spring') ->> 'sent', '1');
SELECT is((SELECT count(*) FROM msgstatus.campaign_recipient_status), 4::bigint);
SELECT throws_ok($$SELECT msgstatus.apply_message_status('{}')$$, '42501');
SELECT throws_ok($$UPDATE msgstatus.message SET status = '{"read": "2024-12-10T12:00:00Z"}'$$, '42501', NULL, 'a sender forges no status');
SELECT throws_ok($$INSERT INTO msgstatus.message (message_id, status) VALUES ('x', '{"read": "2024-12-10T12:00:00Z"}')$$, '42501');
SELECT throws_ok($$DELETE FROM msgstatus.message$$, '42501');
SELECT throws_ok($$INSERT INTO msgstatus.message (message_id, provider) VALUES ('x', 'meta')$$, '42501', NULL, 'nor a message that the rollups do not count');
SELECT throws_ok($$UPDATE msgstatus.message SET provider = 'x', last_change = 131072, replaced = NULL$$, '42501', NULL, 'nor one that they count as another');
SELECT throws_ok(format('SELECT * FROM msgstatus.%s', name), '42501', NULL, 'a sender does not read ' || name)
FROM unnest('{status_event,rejected_status,message_timeline,rejected_summary}'::text[]) AS name;
SELECT throws_ok($$SELECT msgstatus.grant_access('t_sender', 'operator')$$, '42501');

SELECT throws_ok($$SELECT msgstatus.count_written_message('x', 65536, NULL, now(), '{"sent": "2024-12-10T12:00:00Z"}', 'meta', NULL, NULL, NULL, NULL, NULL, NULL)$$,
    '42883', NULL, 'nor counts what was not written');
RESET ROLE;
SELECT is_empty('SELECT * FROM msgstatus.verify_rollups()', 'the rollups count what a sender registered');

-- analyst: the views, masked.
DELETE FROM msgstatus.campaign;
DELETE FROM msgstatus.opt_out;
SET LOCAL ROLE t_analyst;
SELECT is((SELECT concat_ws(' ', sender, recipient, state, error_code, error_meaning, error_retryable) FROM msgstatus.message_timeline WHERE error_code = 30003),
    '+49******56 +49********67 failed 30003 handset unreachable t', 'an analyst sees masked numbers');
SELECT is((SELECT count(*) FROM msgstatus.message_timeline WHERE state::text IN ('sent', 'failed', 'read') AND created_at IS NOT NULL), 3::bigint, 'and queries by state');
SELECT is((SELECT count(*) > 0 FROM msgstatus.rejected_summary), true);
SELECT throws_ok(format('SELECT * FROM msgstatus.%s', name), '42501', NULL, 'an analyst does not read ' || name)
FROM unnest('{message,status_event,rejected_status,error_code_catalog,installation,id_key}'::text[]) AS name;
SELECT throws_ok($$SELECT msgstatus.apply_message_status('{}')$$, '42501');
SELECT throws_ok($$SELECT msgstatus.reject_webhook('x', 'y')$$, '42501');
SELECT throws_ok($$SELECT * FROM msgstatus.message_history('w1')$$, '22023');
SELECT throws_ok($$UPDATE msgstatus.message_timeline SET provider = 'x'$$);

-- A function of the analyst's own that leaks what it is shown sees no more than the view shows.
RESET ROLE;
CREATE SCHEMA t_own AUTHORIZATION t_analyst;
CREATE FUNCTION t_own.peek(text) RETURNS boolean LANGUAGE plpgsql COST 0.0000001 AS $$
BEGIN
    IF $1 ~ '^\+\d{6}' THEN RAISE EXCEPTION 'seen: %', $1; END IF;
    RETURN true;
END $$;
GRANT EXECUTE ON FUNCTION t_own.peek(text) TO t_analyst;
SET LOCAL ROLE t_analyst;
SELECT lives_ok('SELECT * FROM msgstatus.message_timeline WHERE t_own.peek(recipient) AND t_own.peek(sender)', 'numbers do not leak into functions');

-- operator.
RESET ROLE;
SET LOCAL ROLE t_operator;
SELECT is((msgstatus.apply_message_status('{"id": "w3", "status": "gone"}') ->> 'rejected'), '1');
SELECT lives_ok($$SELECT msgstatus.register_message('w3', recipient => '+491701234567')$$);
SELECT lives_ok($$SELECT * FROM msgstatus.message_history('w1')$$);
SELECT lives_ok($$UPDATE msgstatus.rejected_status SET payload = '{"id": "w3", "status": "sent"}' WHERE payload ->> 'id' = 'w3'$$);
SELECT is((msgstatus.replay_rejected() ->> 'applied'), '1', 'an operator mends and replays');
SELECT lives_ok($$UPDATE msgstatus.error_code_catalog SET advice = 'x' WHERE code = 2$$);
SELECT lives_ok($$DELETE FROM msgstatus.rejected_status$$);
SELECT throws_ok($$DROP TABLE msgstatus.message$$, '42501');
SELECT throws_ok($$SELECT msgstatus.install()$$, '42501');
SELECT throws_ok($$SELECT msgstatus.grant_access('t_operator', 'operator')$$, '42501');
SELECT throws_ok($$CREATE TABLE msgstatus.x ()$$, '42501');

-- A role with no more than EXECUTE; and after an error.
RESET ROLE;
GRANT USAGE ON SCHEMA msgstatus TO t_nobody;
GRANT EXECUTE ON FUNCTION msgstatus.apply_message_status(jsonb, timestamptz, text) TO t_nobody;
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'refused as %', current_user; END $$;
CREATE TRIGGER refuse BEFORE INSERT ON msgstatus.message FOR EACH ROW WHEN (NEW.message_id = 'refused') EXECUTE FUNCTION refuse();
SET LOCAL ROLE t_nobody;
SELECT is((msgstatus.apply_message_status('{"id": "w4", "status": "sent"}') ->> 'applied'), '1', 'EXECUTE is all it takes');
SELECT throws_like($$SELECT msgstatus.apply_message_status('{"id": "refused", "status": "sent"}')$$, 'refused as %', 'an error in a user''s trigger');
SELECT is(current_user::text, 't_nobody', 'the caller is who he was');
SELECT throws_ok('SELECT * FROM msgstatus.message', '42501', NULL, 'with no more rights than before');
SELECT throws_ok($$SELECT msgstatus.apply_message_status('{}', 'infinity')$$, '22008');
SELECT is(current_user::text, 't_nobody');
SELECT is((msgstatus.apply_message_status('{"id": "w5", "status": "sent"}') ->> 'applied'), '1', 'and may go on');

-- Row security of the user's does not hide from apply_message_status what it must merge with.
RESET ROLE;
ALTER TABLE msgstatus.message ENABLE ROW LEVEL SECURITY;
CREATE POLICY nothing ON msgstatus.message USING (false);
SET LOCAL ROLE t_nobody;
SELECT is((msgstatus.apply_message_status('{"id": "w5", "status": "delivered"}') ->> 'applied'), '1');
RESET ROLE;
SELECT is((SELECT msgstatus.state(m.status)::text FROM msgstatus.message AS m WHERE message_id = 'w5'), 'delivered');

DROP POLICY nothing ON msgstatus.message;

-- A level takes the place of the one before.
CREATE TEMP TABLE granted AS
SELECT role, functions(role) AS functions, (SELECT jsonb_object_agg(name, may(role, name)) FROM relation) AS relations
FROM unnest('{t_ingest,t_sender,t_analyst,t_operator}'::text[]) AS role;
CREATE ROLE t_changing;
SELECT msgstatus.grant_access('t_changing', 'operator'), msgstatus.grant_access('t_changing', 'ingest');
SELECT is(functions('t_changing'), (SELECT functions FROM granted WHERE role = 't_ingest'), 'from operator down to ingest');
SELECT is((SELECT jsonb_object_agg(name, may('t_changing', name)) FROM relation), (SELECT relations FROM granted WHERE role = 't_ingest'));
SELECT msgstatus.grant_access('t_changing', 'sender'), msgstatus.grant_access('t_changing', 'analyst');
SELECT is(functions('t_changing'), (SELECT functions FROM granted WHERE role = 't_analyst'), 'from ingest to analyst');
SELECT is((SELECT jsonb_object_agg(name, may('t_changing', name)) FROM relation), (SELECT relations FROM granted WHERE role = 't_analyst'));
SELECT is_empty($$SELECT attrelid::regclass, attname FROM pg_attribute, aclexplode(attacl) WHERE grantee = 't_changing'::regrole$$, 'with all columns of a sender');
SELECT msgstatus.grant_access('t_changing', 'operator');
SELECT is((SELECT jsonb_object_agg(name, may('t_changing', name)) FROM relation), (SELECT relations FROM granted WHERE role = 't_operator'), 'and up again');

-- Tables that belong to a role that is no superuser.
CREATE ROLE t_owner;
SELECT lives_ok(format('ALTER TABLE msgstatus.%s OWNER TO t_owner', name)) FROM relation;
SELECT lives_ok($$SELECT msgstatus.grant_access('t_owner', 'operator')$$);
SELECT lives_ok($$SELECT msgstatus.grant_access('t_owner', 'analyst')$$, 'a level takes nothing away from the owner');
SELECT lives_ok($$SELECT msgstatus.grant_access('t_owner', 'operator')$$);
SET LOCAL ROLE t_ingest;
SELECT is((msgstatus.apply_message_status('[{"id": "w6", "status": "read"}, {"id": "w6", "status": "gone"}]') ->> 'applied'), '1', 'act as their owner');
SELECT is((msgstatus.apply_message_status('[{"id": "w6", "status": "read", "recipient_id": "4917012345678"}]', '2024-01-01') ->> 'applied'), '1');
RESET ROLE;
SELECT is((SELECT recipient FROM msgstatus.message WHERE message_id = 'w6'), '+4917012345678');

SELECT finish();
ROLLBACK;
