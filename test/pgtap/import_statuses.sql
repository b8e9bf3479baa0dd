-- import_statuses: what each of the usual tables becomes, columns of every type, rows that cannot be used, and who may.
BEGIN;
\ir include/helpers.psql
SELECT no_plan();

-- Returns "received applied unchanged rejected ignored".
CREATE FUNCTION imported(query text, provider text DEFAULT NULL) RETURNS text LANGUAGE sql AS $$
    SELECT concat_ws(' ', i.received, i.applied, i.unchanged, i.rejected, i.ignored) FROM msgstatus.import_statuses(query, provider) AS i
$$;

-- Returns the trail of a message, in short; observations that the import received just now show no time of receipt.
CREATE FUNCTION told(id text) RETURNS text[] LANGUAGE sql AS $$
    SELECT array_agg(concat_ws(' ', e.state::text, to_char(NULLIF(e.event_time, now()), 'HH24:MI:SS'), NULLIF(e.time_source, 'provider'),
            e.error_code, e.error_title, e.error_details, e.detail) ORDER BY e.state, e.event_time)
    FROM msgstatus.status_event AS e WHERE e.message_id = id AND e.source = 'import' AND e.received_at = now()
$$;

-- The tables that teams have.
CREATE TABLE contact_logs (id serial PRIMARY KEY, twilio_message_sid varchar(64), contact_number varchar(30), delivered_at timestamp, read_at timestamp);
INSERT INTO contact_logs (twilio_message_sid, contact_number, delivered_at, read_at) VALUES
    ('SM01', 'whatsapp:+15550000001', '2024-12-10 10:30:05', '2024-12-10 10:31'),
    ('SM02', 'whatsapp:+15550000002', '2024-12-10 10:30:06', NULL),
    ('SM03', 'whatsapp:+15550000003', NULL, NULL),
    (NULL, 'whatsapp:+15550000004', NULL, NULL);
SELECT is(imported($$SELECT twilio_message_sid AS message_id, contact_number AS recipient, delivered_at, read_at FROM contact_logs$$, 'twilio'), '4 2 0 1 1', 'contact_logs');
SELECT is(message('SM01'), '{"provider": "twilio", "direction": "outbound", "recipient": "+15550000001",
    "status": "{\"delivered\": \"2024-12-10T10:30:05Z\", \"read\": \"2024-12-10T10:31:00Z\"}"}');
SELECT is(told('SM01'), '{delivered 10:30:05,read 10:31:00}');
SELECT is(status('SM03'), NULL, 'a row that tells of nothing');
SELECT is(rejected(), '[{"reason": "the message id is missing, empty or not a string", "payload": {"recipient": "whatsapp:+15550000004"}}]');
SELECT is((SELECT array_agg(DISTINCT created_at AT TIME ZONE 'UTC') FROM msgstatus.message), '{2024-12-10 10:30:05,2024-12-10 10:30:06}',
    'history is counted in the hours in which it happened');

CREATE TABLE whatsapp_messages (message_id text PRIMARY KEY, status varchar(20));
INSERT INTO whatsapp_messages VALUES ('wamid.1', 'read'), ('wamid.2', 'DELIVERED'), ('wamid.3', 'enqueued'), ('wamid.4', ' sent '), ('wamid.5', NULL),
    ('wamid.6', ''), ('wamid.7', 'accidental');
SELECT is(imported('SELECT * FROM whatsapp_messages', 'meta'), '7 4 0 1 2', 'whatsapp_messages');
SELECT is((SELECT array_agg(message_id || ' ' || msgstatus.state(status) ORDER BY message_id) FROM msgstatus.message WHERE message_id LIKE 'wamid%'),
    '{wamid.1 read,wamid.2 delivered,wamid.3 queued,wamid.4 sent}');
SELECT is(told('wamid.1'), '{read receipt}', 'where nothing tells when, it was by now');
SELECT is(rejected() -> 1, '{"reason": "the status is missing or names no known state", "payload": {"message_id": "wamid.7", "status": "accidental"}}');

CREATE TABLE broadcasts_messages (message_id text, status jsonb);
INSERT INTO broadcasts_messages VALUES
    ('b1', '{"sent": "2024-12-10T10:30:00Z", "delivered": "2024-12-10T10:30:05.25Z", "read": null}'),
    ('b2', '{"SENT": 1733826600, "failed": "1733826605000"}'), ('b3', '{}'), ('b4', 'null'), ('b5', NULL), ('b6', '"delivered"'),
    ('b7', '{"sent": "soon"}'), ('b8', '{"gone": "2024-12-10T10:30:00Z"}'), ('b9', '[1]'), ('b10', '{"sent": {"at": 1}}'), ('b11', '5');
SELECT is(imported('SELECT * FROM broadcasts_messages'), '11 3 0 5 3', 'broadcasts_messages');
SELECT is(status('b1'), '{"sent": "2024-12-10T10:30:00Z", "delivered": "2024-12-10T10:30:05.25Z"}');
SELECT is(status('b2'), '{"sent": "2024-12-10T10:30:00Z", "failed": "2024-12-10T10:30:05Z"}', 'unix times in a timeline');
SELECT is(told('b6'), '{delivered receipt}');
SELECT results_eq($$SELECT payload ->> 'message_id', reason, source FROM msgstatus.rejected_status WHERE payload ->> 'message_id' LIKE 'b%' ORDER BY rejected_id$$,
    $$VALUES ('b7', 'a time is unreadable, before 2000, or more than a day ahead', 'import'),
        ('b8', 'the status is missing or names no known state', 'import'), ('b9', 'the timeline is not a JSON object of states and times', 'import'),
        ('b10', 'a time is unreadable, before 2000, or more than a day ahead', 'import'), ('b11', 'the timeline is not a JSON object of states and times', 'import')$$);

CREATE TABLE whatsapp_logs (message_sid char(34), status text, error_code integer, error_message text, delivered_at timestamptz, read_at timestamptz, last_status_check timestamptz);
INSERT INTO whatsapp_logs VALUES
    ('SMread', 'read', NULL, NULL, '2024-12-10 10:30:05Z', '2024-12-10 10:31Z', '2024-12-10 11:00Z'),
    ('SMundelivered', 'undelivered', 30003, 'Unreachable', NULL, NULL, '2024-12-10 11:00Z'),
    ('SMsent', 'sent', 0, NULL, NULL, NULL, '2024-12-10 11:00Z'),
    ('SMlate', 'sent', NULL, NULL, '2024-12-10 10:30:05Z', NULL, '2024-12-10 11:00Z'),
    ('SMfuture', 'sent', NULL, NULL, '2124-12-10 10:30:05Z', NULL, NULL),
    ('SMending', 'sent', NULL, NULL, 'infinity', NULL, NULL),
    ('SMfirst', 'sent', NULL, NULL, '-infinity', NULL, NULL),
    ('SMnever', 'sent', NULL, NULL, '1970-01-01', NULL, NULL);
SELECT is(imported($$SELECT message_sid AS message_id, status, error_code, error_message AS error_title, delivered_at, read_at, last_status_check AS updated_at
    FROM whatsapp_logs$$, 'twilio'), '8 4 0 4 0', 'whatsapp_logs');
SELECT is(told('SMread'), '{delivered 10:30:05,read 10:31:00}', 'a state whose time is told is observed once');
SELECT is(told('SMundelivered'), ARRAY['undelivered 11:00:00 receipt 30003 Unreachable'], 'by the last change at the latest');
SELECT is(message('SMundelivered') - 'status' - 'error_at', '{"provider": "twilio", "direction": "outbound", "error_code": 30003, "error_title": "Unreachable"}');
SELECT is(told('SMsent'), ARRAY['sent 11:00:00 receipt'], 'no error of what did not fail');
SELECT is(told('SMlate'), '{delivered 10:30:05}', 'a state that a later one implies says nothing more');
SELECT is((SELECT count(*) FROM msgstatus.rejected_status WHERE reason LIKE 'a time is unreadable%' AND payload ->> 'message_id' LIKE 'SM%'), 4::bigint);
SELECT is((SELECT payload ->> 'delivered_at' FROM msgstatus.rejected_status WHERE payload ->> 'message_id' LIKE 'SMfuture%'), '2124-12-10T10:30:05+00:00');

CREATE TYPE send_status AS ENUM ('pending', 'SENT', 'delivered', 'read', 'failed', 'skipped');
CREATE TABLE campaign_recipients (id uuid, campaign_id uuid, whatsapp_message_id text, status send_status, sent_at timestamptz, delivered_at timestamptz,
    read_at timestamptz, failed_at timestamptz, failure_reason text, retry_count integer, template_parameters jsonb);
INSERT INTO campaign_recipients VALUES
    (gen_random_uuid(), '11111111-1111-1111-1111-111111111111', 'c1', 'read', '2024-12-10 10:30Z', '2024-12-10 10:31Z', '2024-12-10 10:32Z', NULL, NULL, 0, '{"name": "A"}'),
    (gen_random_uuid(), '11111111-1111-1111-1111-111111111111', 'c2', 'failed', '2024-12-10 10:30Z', NULL, NULL, '2024-12-10 10:33Z', 'no such user', 3, NULL),
    (gen_random_uuid(), NULL, 'c3', 'pending', NULL, NULL, NULL, NULL, NULL, 0, '[]'),
    (gen_random_uuid(), NULL, NULL, 'pending', NULL, NULL, NULL, NULL, NULL, 0, NULL);
SELECT is(imported($$SELECT whatsapp_message_id AS message_id, status, sent_at, delivered_at, read_at, failed_at, failure_reason AS error_title, campaign_id,
    template_parameters AS metadata FROM campaign_recipients WHERE whatsapp_message_id IS NOT NULL$$, 'meta'), '3 2 0 1 0', 'campaign_recipients');
SELECT is(message('c1') - 'status', '{"provider": "meta", "direction": "outbound", "campaign_id": "11111111-1111-1111-1111-111111111111", "metadata": {"name": "A"}}');
SELECT is(status('c1'), '{"sent": "2024-12-10T10:30:00Z", "delivered": "2024-12-10T10:31:00Z", "read": "2024-12-10T10:32:00Z"}');
SELECT is(told('c2'), ARRAY['sent 10:30:00', 'failed 10:33:00 no such user']);
SELECT is(message('c2') ->> 'error_title', 'no such user');
SELECT is((SELECT reason FROM msgstatus.rejected_status WHERE payload ->> 'message_id' = 'c3'), 'the metadata is not a JSON object');

SELECT is_empty('SELECT * FROM msgstatus.verify_rollups()', 'the rollups are exact');
CREATE TEMP TABLE before AS SELECT to_jsonb(m) AS row FROM msgstatus.message AS m UNION ALL SELECT to_jsonb(e) FROM msgstatus.status_event AS e;
SELECT is(imported($$SELECT twilio_message_sid AS message_id, contact_number AS recipient, delivered_at, read_at FROM contact_logs$$, 'twilio'), '4 0 2 1 1', 'again');
SELECT is(imported('SELECT * FROM whatsapp_messages', 'meta'), '7 0 4 1 2');
SELECT is(imported('SELECT * FROM broadcasts_messages'), '11 0 3 5 3');
SELECT bag_eq($$SELECT to_jsonb(m) AS row FROM msgstatus.message AS m UNION ALL SELECT to_jsonb(e) FROM msgstatus.status_event AS e$$, 'SELECT row FROM before',
    'importing again changes nothing');

-- Together with webhooks.
SELECT forget();
SELECT msgstatus.rebuild_rollups();
SELECT is(counts('{"id": "wamid.A", "status": "read", "timestamp": 1733826660, "recipient_id": "15550000001"}', now() - interval '1 minute'), '1 1 0 0 0');
SELECT is(imported($$SELECT 'wamid.A' AS message_id, timestamp '2024-12-10 10:31' AS read_at, timestamp '2024-12-10 10:30' AS sent_at, '15550009999' AS recipient,
    '{"a": 1}'::jsonb AS metadata, '22222222-2222-2222-2222-222222222222'::uuid AS campaign_id$$, 'meta'), '1 1 0 0 0');
SELECT is(message('wamid.A') - 'recipient' - 'status', '{"provider": "meta", "direction": "outbound", "campaign_id": "22222222-2222-2222-2222-222222222222", "metadata": {"a": 1}}');
SELECT is(status('wamid.A'), '{"sent": "2024-12-10T10:30:00Z", "read": "2024-12-10T10:31:00Z"}', 'what a webhook and a table say is merged');
SELECT is((SELECT array_agg(state::text || ' ' || COALESCE(source, '-') ORDER BY event_time) FROM msgstatus.status_event), '{sent import,read -}',
    'an observation that is there is not made again');
SELECT is(imported($$SELECT 'wamid.A' AS message_id, timestamp '2024-12-10 10:31' AS read_at, '{"a": 2, "b": 3}'::jsonb AS metadata,
    '11111111-1111-1111-1111-111111111111'::uuid AS campaign_id$$), '1 1 0 0 0');
SELECT is((SELECT concat_ws(' ', metadata, campaign_id) FROM msgstatus.message), '{"a": 1, "b": 3} 22222222-2222-2222-2222-222222222222', 'what is there stays');
SELECT lives_ok($$SELECT msgstatus.register_message('wamid.A', provider => 'meta', metadata => '{"a": 5}', campaign_id => '33333333-3333-3333-3333-333333333333')$$);
SELECT is(imported($$SELECT 'wamid.A' AS message_id, timestamp '2024-12-10 10:32' AS played_at, 'aisensy' AS provider, '{"a": 6}'::jsonb AS metadata,
    '11111111-1111-1111-1111-111111111111'::uuid AS campaign_id$$), '1 1 0 0 0');
SELECT is((SELECT concat_ws(' ', provider, metadata, campaign_id) FROM msgstatus.message), 'meta {"a": 5, "b": 3} 33333333-3333-3333-3333-333333333333', 'and what was registered');
SELECT is_empty('SELECT * FROM msgstatus.verify_rollups()');

-- Columns of other types.
SELECT forget();
SELECT lives_ok($$SELECT msgstatus.import_statuses(query) FROM (VALUES
    ('SELECT 1 AS "Message_ID", ''{"sent": "2024-12-10T10:30:00Z", "read": "2024-12-10T10:31:00Z"}''::msgstatus.message_status AS "STATUS"'),
    ('SELECT ''2'' AS message_id, ''read''::msgstatus.delivery_state AS status, ''1733826660'' AS status_at'),
    ('SELECT ''3'' AS message_id, ''{"sent": "2024-12-10T10:30:00Z"}''::json AS status, 1733826660 AS read_at'),
    ('SELECT ''4'' AS message_id, ''{"sent": "2024-12-10T10:30:00Z"}'' AS status, ''Tue, 10 Dec 2024 10:31:00 +0000'' AS read_at'),
    ('SELECT ''5'' AS message_id, 1733826660.5 AS read_at, ''outbound-api'' AS direction, ''Hello'' AS content, ''text'' AS message_type, ''http://x'' AS media_url'),
    ('SELECT ''6'' AS message_id, timestamptz ''2024-12-10 10:30Z'' AS processing_at, ''Inbound'' AS direction, ''+49 170 1234567'' AS sender, timestamptz ''2024-12-01Z'' AS created_at'),
    ('SELECT ''7'' AS message_id, timestamptz ''2024-12-10 10:30Z'' AS failed_at, ''E_GONE'' AS error_code, ''x'' AS error_title, ''y'' AS error_details'),
    ('SELECT ''8'' AS message_id, timestamptz ''2024-12-10 10:30Z'' AS failed_at, 5::bigint AS error_code, ''twilio'' AS provider'),
    ('SELECT ''9'' AS message_id, timestamptz ''2024-12-10 10:30Z'' AS failed_at, 0 AS error_code, ''twilio'' AS provider'),
    ('SELECT ''10'' AS message_id, timestamptz ''2024-12-10 10:30Z'' AS failed_at, ''0'' AS error_code, ''meta'' AS provider'),
    ('SELECT ''11'' AS message_id, timestamptz ''2024-12-10 10:30Z'' AS read_at, ''{"k": 1}''::json AS metadata')) AS q (query)$$);
SELECT is((SELECT array_agg(DISTINCT status::text) FROM msgstatus.message WHERE message_id IN ('1', '3', '4')), ARRAY['{"sent": "2024-12-10T10:30:00Z", "read": "2024-12-10T10:31:00Z"}']);
SELECT is(status('2'), '{"read": "2024-12-10T10:31:00Z"}');
SELECT is(message('5') - 'status', '{"direction": "outbound", "content": "Hello", "message_type": "text", "media_url": "http://x"}');
SELECT is(message('6') - 'status', '{"direction": "inbound", "sender": "+491701234567"}');
SELECT is((SELECT created_at FROM msgstatus.message WHERE message_id = '6'), '2024-12-01Z'::timestamptz);
SELECT is(told('7'), ARRAY['failed 10:30:00 x y {"error_code": "E_GONE"}'], 'a code that is no number');
SELECT is((SELECT array_agg(error_code ORDER BY message_id::integer) FROM msgstatus.message WHERE message_id IN ('8', '9', '10')), '{5,NULL,0}');
SELECT is(message('11') -> 'metadata', '{"k": 1}');
SET LOCAL TimeZone = 'Europe/Berlin';
SELECT is(imported($$SELECT '12' AS message_id, timestamp '2024-07-10 10:30' AS read_at$$), '1 1 0 0 0');
SELECT is(status('12'), '{"read": "2024-07-10T08:30:00Z"}', 'a timestamp without time zone is of the session''s');
SET LOCAL TimeZone = 'UTC';

-- Rows that cannot be used, whatever else is in them.
SELECT forget();
SELECT is(imported($$SELECT CASE n WHEN 1 THEN repeat('x', 513) ELSE 'm' || n END AS message_id, timestamptz '2024-12-10 10:30Z' AS sent_at,
    CASE n WHEN 2 THEN 'sideways' END AS direction, CASE n WHEN 3 THEN repeat('x', 257) END AS provider, CASE n WHEN 4 THEN repeat('x', 10000) END AS error_title,
    CASE WHEN n IN (4, 5) THEN timestamptz '2024-12-10 10:30Z' END AS failed_at, CASE n WHEN 6 THEN jsonb '[]' END AS metadata,
    CASE n WHEN 7 THEN '{"a": "\u0000"}'::json END AS status, 'NaN'::numeric AS odd, '{"b": "\u0000"}'::json AS odd_json, '{1,2}'::integer[] AS many, true AS flag, 5::smallint AS small
    FROM generate_series(1, 8) AS n$$), '8 2 0 6 0');
SELECT is((SELECT array_agg(message_id ORDER BY message_id) FROM msgstatus.message), '{m5,m8}', 'a row is used whole or not at all');
SELECT is((SELECT array_agg(reason ORDER BY rejected_id) FROM msgstatus.rejected_status), '{the message id is longer than 512 bytes,
    the direction is neither inbound nor outbound,the provider is longer than 256 bytes,an error text is longer than 8 KiB,the metadata is not a JSON object,
    the timeline is not a JSON object of states and times}');
SELECT is((SELECT payload - 'direction' FROM msgstatus.rejected_status WHERE payload ? 'direction'), '{"message_id": "m2", "sent_at": "2024-12-10T10:30:00+00:00",
    "odd": "NaN", "odd_json": "{\"b\": \"\\u0000\"}", "many": "{1,2}", "flag": true, "small": 5}', 'the row is kept whole');
SELECT is(imported($$SELECT '' AS message_id, 'sent' AS status$$), '1 0 0 1 0', 'an empty id');
SELECT is(imported($$SELECT 'x' AS message_id, 'sent' AS status WHERE false$$), '0 0 0 0 0', 'no rows');

-- Queries that cannot be imported raise an error.
SELECT throws_ok(format('SELECT msgstatus.import_statuses(%L)', query), code, message, query) FROM (VALUES
    ('SELECT 1 AS id', '42703', 'the query has no column "message_id"'),
    ('SELECT 1 AS message_id, 2 AS delivred_at', '42703', 'the query has no column that holds a state'),
    ('SELECT 1 AS message_id, now() AS sent_at, now() AS dispatched_at', '42702', 'the query has two columns "dispatched_at"'),
    ('SELECT 1 AS message_id, 1 AS status', '42804', 'the query''s column "status" has unsupported type integer'),
    ('SELECT 1 AS message_id, current_date AS sent_at', '42804', 'the query''s column "sent_at" has unsupported type date'),
    ('SELECT 1 AS message_id, now() AS sent_at, ''x'' AS campaign_id', '42804', 'the query''s column "campaign_id" has unsupported type text'),
    ('SELECT 1 AS message_id, now() AS sent_at, ''x'' AS metadata', '42804', 'the query''s column "metadata" has unsupported type text'),
    ('SELECT 1 AS message_id, 1/0 AS sent_at', '22012', 'division by zero'),
    ('SELECT', '42703', 'the query has no column "message_id"'),
    ('CREATE TABLE x ()', '42P11', 'cannot open CREATE TABLE query as cursor'),
    ('SELECT 1; SELECT 2', '42P11', 'cannot open multi-query plan as cursor'),
    ('no query', '42601', 'syntax error at or near "no"')) AS t (query, code, message);
SELECT throws_ok('SELECT msgstatus.import_statuses(NULL)', '22004', 'query and search_path must not be null');
SELECT throws_ok($$SELECT msgstatus.import_statuses('SELECT 1', provider => repeat('x', 257))$$, '22001', 'provider is longer than 256 bytes');
SELECT throws_ok($$SELECT msgstatus.import_statuses('SELECT 1', source => repeat('x', 257))$$, '22001', 'source is longer than 256 bytes');

-- A table that is attached can be imported, too: what is made known of its messages is shown in its rows, while they are read.
CREATE TABLE attached (message_id text PRIMARY KEY, status text, delivered_at timestamptz, read_at timestamptz, refused boolean);
INSERT INTO attached VALUES ('at1', 'sent', NULL, '2024-12-10 10:31Z'), ('at2', NULL, '2024-12-10 10:30Z', NULL);
INSERT INTO attached VALUES ('at3', 'failed', NULL, NULL, true);
ALTER TABLE attached ADD CHECK (NOT refused OR delivered_at IS NULL);
SELECT lives_ok($$SELECT msgstatus.attach_table('attached', 'message_id')$$);
SELECT is(counts('{"id": "at3", "status": "delivered", "timestamp": 1733826600}', now() - interval '1 minute'), '1 1 0 0 0');
SELECT is(imported('SELECT * FROM attached', 'meta'), '3 3 0 0 0', 'an attached table');
SELECT results_eq('SELECT message_id, status, delivered_at, read_at FROM attached ORDER BY 1', $$VALUES
    ('at1', 'read', '2024-12-10 10:31Z'::timestamptz, '2024-12-10 10:31Z'::timestamptz), ('at2', 'delivered', '2024-12-10 10:30Z', NULL), ('at3', 'failed', NULL, NULL)$$);
SELECT is((SELECT msgstatus.state(status)::text FROM msgstatus.message WHERE message_id = 'at3'), 'delivered', 'what the table refuses is kept');
SELECT lives_ok($$SELECT msgstatus.detach_table('attached')$$);

-- The query is the caller's, the tables are their owner's.
CREATE ROLE t_operator;
CREATE ROLE t_ingest;
SELECT lives_ok($$SELECT msgstatus.grant_access('t_operator', 'operator')$$);
SELECT lives_ok($$SELECT msgstatus.grant_access('t_ingest', 'ingest')$$);
CREATE SCHEMA t_own AUTHORIZATION t_operator;
CREATE TABLE secret (message_id text, status text);
CREATE FUNCTION t_own.whoami() RETURNS text LANGUAGE sql AS 'SELECT current_user::text';
SET LOCAL ROLE t_operator;
SET LOCAL search_path = t_own, public;
CREATE TABLE logs (message_id text, status text, message_type text);
INSERT INTO logs VALUES ('mine', 'sent', 'text');
SELECT public.is(public.imported('SELECT message_id, status, whoami() AS message_type FROM logs'), '1 1 0 0 0', 'names mean what they mean to the caller');
SELECT public.is((public.message('mine') ->> 'message_type'), 't_operator', 'and functions run as the caller');
SELECT public.is(current_setting('search_path'), 't_own, public');
SELECT public.is(current_user::text, 't_operator');
SELECT public.throws_ok($$SELECT public.imported('SELECT * FROM public.secret')$$, '42501', 'permission denied for table secret');
RESET ROLE;
SET LOCAL search_path = public;
SET LOCAL ROLE t_ingest;
SELECT throws_ok($$SELECT msgstatus.import_statuses('SELECT 1')$$, '42501', NULL, 'ingest may not import');
RESET ROLE;

SELECT finish();
ROLLBACK;
