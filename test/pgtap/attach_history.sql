-- A history: each state of a message inserts a row, once, whatever the order of calls, repetitions, and rows of the application.
BEGIN;
\ir include/helpers.psql
SELECT no_plan();
SET LOCAL client_min_messages = error;
CREATE SCHEMA app;
SET LOCAL search_path = app, public;

CREATE FUNCTION problems(target regclass, columns jsonb DEFAULT NULL, key_column text DEFAULT 'message_id') RETURNS text[] LANGUAGE sql AS $$
    SELECT array_agg(p.remark) FROM msgstatus.preview_attach(target, key_column, columns) AS p WHERE p.column_name IS NULL
$$;
CREATE FUNCTION attach(target regclass, columns jsonb DEFAULT '{"state": {"column": "status", "history": true}}', key_column text DEFAULT 'message_id')
RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    PERFORM msgstatus.attach_table(target, key_column, columns);
    RETURN 'attached';
EXCEPTION WHEN OTHERS THEN
    RETURN SQLSTATE || ' ' || SQLERRM;
END
$$;
-- Applies one status, so many seconds after 10:30.
CREATE FUNCTION observe(id text, status text, seconds integer DEFAULT 0, code integer DEFAULT NULL) RETURNS text LANGUAGE sql AS $$
    SELECT msgstatus.apply_message_status(jsonb_strip_nulls(jsonb_build_object('id', id, 'status', status, 'timestamp', 1733826600 + seconds,
        'errors', CASE WHEN code IS NOT NULL THEN jsonb_build_array(jsonb_build_object('code', code, 'title', 'Lost')) END)), '2024-12-10 12:00Z') ->> 'applied'
$$;

CREATE TABLE history (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    message_id text NOT NULL,
    status varchar(20) NOT NULL CHECK (status IN ('QUEUED', 'SENT', 'DELIVERED', 'READ', 'FAILED')),
    occurred_at timestamptz NOT NULL,
    error_code integer,
    error_message text,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX ON history (message_id);
-- The rows of a message, without the seconds before 10:30.
CREATE FUNCTION rows_of(id text) RETURNS text[] LANGUAGE sql AS $$
    SELECT array_agg(concat_ws(' ', h.status, extract(epoch FROM h.occurred_at)::integer - 1733826600, h.error_code, h.error_message) ORDER BY h.occurred_at, h.status)
    FROM history AS h WHERE h.message_id = rows_of.id
$$;

-- Recognised by its rows, and proposed.
INSERT INTO history (message_id, status, occurred_at) VALUES ('h', 'QUEUED', '2024-12-10 10:29Z'), ('h', 'SENT', '2024-12-10 10:30:09Z');
SELECT observe('h', 'sent', 1), observe('h', 'delivered', 2);
SELECT is(attach('history', NULL), '22023 app.history has rows of the same message with different states, for 1 message');
SELECT is(problems('history'), ARRAY['WARNING: key column "message_id" of app.history is not unique. Every row of a message is updated.'
    ' If the table has a row for each status, attach it as a history: {"state": {"column": ..., "history": true}}.',
    'ERROR 22023: app.history has rows of the same message with different states, for 1 message. Every row of a message would show its last state, and the history would be lost.'
    ' To have each status insert a row instead: {"state": {"column": "status", "history": true}}. If every row is to show the last state: {"state": {"column": "status", "every_row": true}}.'],
    'preview_attach recognises a history and proposes this form');
SELECT is((SELECT array_agg(concat_ws(' ', p.column_name, p.fact, p.remark)) FROM msgstatus.preview_attach('history', 'message_id', '{"state": {"column": "status", "history": true}}') AS p),
    '{id,"message_id the key: 2 rows have the id of a known message","status state each status inserts a row; no word for processing, received, skipped, canceled","occurred_at event_time",'
    '"error_code error_code","error_message error_text",created_at}', 'and shows it');
SELECT is(attach('history'), 'attached');
SELECT is((SELECT (form, columns #> '{state,history}', columns #>> '{event_time,column}', failures, remedy)::text FROM msgstatus.attached_tables), '(history,true,occurred_at,0,)');
SELECT is(rows_of('h'), '{"QUEUED -60","DELIVERED 2","SENT 9"}', 'states without a row get one; the application''s row stays as it is');

-- Each state once.
SELECT observe('h', 'read', 5);
SELECT is(rows_of('h'), '{"QUEUED -60","DELIVERED 2","READ 5","SENT 9"}');
SELECT observe('h', 'read', 5), observe('h', 'read', 7), observe('h', 'played', 8), observe('h', 'delivered', 1);
SELECT is(rows_of('h'), '{"QUEUED -60","DELIVERED 2","READ 5","SENT 9"}', 'a repetition inserts none, nor a state that shares its word');
SELECT observe('new', 'failed', 3, 131026);
SELECT is(rows_of('new'), '{"FAILED 3 131026 Lost"}', 'a message without rows');
SELECT observe('new', 'undelivered', 4), observe('new', 'sent', 2), observe('new', 'accepted', 1), observe('new', 'queued', 1);
SELECT is(rows_of('new'), '{"QUEUED 1","SENT 2","FAILED 3 131026 Lost"}', 'only failures have a code');
SELECT is(msgstatus.apply_message_status((SELECT jsonb_agg(jsonb_build_object('id', id, 'status', status, 'timestamp', 1733826600 + at)) FROM (VALUES
    ('m', 'read', 9), ('n', 'sent', 1), ('m', 'sent', 3), ('m', 'sent', 2), ('n', 'sent', 1)) AS s (id, status, at))) ->> 'applied', '4');
SELECT is(rows_of('m') || rows_of('n'), '{"SENT 2","READ 9","SENT 1"}', 'several in a call, the earliest time');
SELECT is((SELECT array_agg(status ORDER BY id) FROM history WHERE message_id = 'm'), '{SENT,READ}', 'in the order of time');
SELECT is(msgstatus.resync_table('history'), 0::bigint);
SELECT is((SELECT count(*) FROM history), 10::bigint, 'resync_table adds nothing');
SELECT msgstatus.attach_table('history', 'message_id', '{"state": {"column": "status", "history": true}}');
SELECT is((SELECT count(*) FROM history), 10::bigint, 'nor does attaching it again');
DELETE FROM history WHERE status = 'SENT';
SELECT is(msgstatus.resync_table('history'), 0::bigint);
SELECT is(rows_of('m'), '{"SENT 2","READ 9"}', 'but it brings back what is missing');

-- Rows of the application: its other spelling, and a row that comes before the first status.
ALTER TABLE history DROP CONSTRAINT history_status_check;
INSERT INTO history (message_id, status, occurred_at) VALUES ('own', 'Enqueued', '2024-12-10 10:30Z'), ('own', 'note', '2024-12-10 10:30Z'), ('own', 'sent', '2024-12-10 10:30:09Z');
SELECT observe('own', 'queued', 1), observe('own', 'sent', 2), observe('own', 'delivered', 3);
SELECT is(rows_of('own'), '{"Enqueued 0","note 0","DELIVERED 3","sent 9"}');
INSERT INTO history (message_id, status, occurred_at) SELECT 'new', 'READ', '2024-12-10 10:31Z';
SELECT observe('new', 'read', 70);
SELECT is(rows_of('new'), '{"QUEUED 1","SENT 2","FAILED 3 131026 Lost","READ 60"}');

-- A failure leaves the status applied, and is repaired.
ALTER TABLE history ADD CONSTRAINT no_reading CHECK (status <> 'READ' OR message_id <> 'x');
SELECT is(observe('x', 'sent', 1), '1');
SELECT is(observe('x', 'read', 2), '1');
SELECT is(rows_of('x'), '{"SENT 1"}');
SELECT is((SELECT (f.message_id, f.error_code)::text FROM msgstatus.attached_table_failure AS f), '(x,23514)');
SELECT is(observe('y', 'read', 2), '1');
SELECT is(rows_of('y'), '{"READ 2"}');
ALTER TABLE history DROP CONSTRAINT no_reading;
SELECT is(msgstatus.resync_table('history'), 0::bigint);
SELECT is(rows_of('x'), '{"SENT 1","READ 2"}');
SELECT is((SELECT count(*) FROM msgstatus.attached_table_failure), 0::bigint);

-- Renamed: the remedy attaches it as what it is.
ALTER TABLE history RENAME TO log;
SELECT is((SELECT remedy FROM msgstatus.attached_tables),
    'The table was renamed. Attach it again: SELECT msgstatus.attach_table(''log'', ''message_id'', ''{"state": {"column": "status", "history": true}}'');');
ALTER TABLE log RENAME TO history;

-- Detached.
SELECT is(msgstatus.detach_table('history'), 1);
SELECT observe('m', 'failed', 20);
SELECT is(rows_of('m'), '{"SENT 2","READ 9"}');
SELECT is((SELECT count(*) FROM pg_trigger WHERE tgrelid = 'history'::regclass AND NOT tgisinternal), 0::bigint);

-- Words, numbers and other keys.
CREATE TABLE numbers (message_id uuid, status smallint, "at" bigint);
SELECT is(attach('numbers', '{"state": {"column": "status", "history": true, "spelling": {"sent": 1, "read": 2}}, "event_time": {"column": "at", "unit": "milliseconds"}}'), 'attached');
SELECT observe('6f9619ff-8b86-d011-b42d-00cf4fc964ff', 'read', 3), observe('6f9619ff-8b86-d011-b42d-00cf4fc964ff', 'delivered', 2), observe('6f9619ff-8b86-d011-b42d-00cf4fc964ff', 'sent', 1),
    observe('6f9619ff-8b86-d011-b42d-00cf4fc964f', 'sent', 1);
SELECT is((SELECT array_agg(n::text ORDER BY "at") FROM numbers AS n), '{"(6f9619ff-8b86-d011-b42d-00cf4fc964ff,1,1733826601000)","(6f9619ff-8b86-d011-b42d-00cf4fc964ff,2,1733826603000)"}', 'an id that is no key has no row');
CREATE TABLE bounces (message_id text, status text);
CREATE INDEX ON bounces (message_id);
INSERT INTO bounces VALUES ('b', 'bounced'), ('b', 'open');
SELECT is(attach('bounces', '{"state": {"column": "status", "history": true, "means": {"bounced": "failed"}}}'), 'attached', 'unknown words stay');
SELECT observe('b', 'failed'), observe('b', 'sent');
SELECT is((SELECT array_agg(status ORDER BY status) FROM bounces WHERE message_id = 'b'), '{bounced,open,sent}', 'a word that means a state is its row');
CREATE TABLE parts (message_id text, status text, event_time timestamp) PARTITION BY LIST (status);
CREATE TABLE sent_part PARTITION OF parts FOR VALUES IN ('sent');
CREATE TABLE other_part PARTITION OF parts DEFAULT;
SELECT is(attach('parts'), 'attached');
SELECT observe('p', 'read', 2), observe('p', 'sent', 1), observe('p', 'sent', 1);
SELECT is((SELECT array_agg(p::text ORDER BY event_time) FROM parts AS p WHERE message_id = 'p'), '{"(p,sent,\"2024-12-10 10:30:01\")","(p,read,\"2024-12-10 10:30:02\")"}', 'a partitioned history');
INSERT INTO sent_part VALUES ('q', 'sent', '2024-12-10 10:30');
SELECT observe('q', 'sent', 2);
SELECT is((SELECT count(*) FROM parts WHERE message_id = 'q'), 1::bigint);

-- The application's table of messages comes later: maintain() tries again.
CREATE TABLE sms (message_id text PRIMARY KEY);
CREATE TABLE sms_history (message_id text NOT NULL REFERENCES sms, status text NOT NULL);
CREATE INDEX ON sms_history (message_id);
SELECT is(attach('sms_history'), 'attached');
SELECT is(observe('late', 'sent'), '1');
SELECT is((SELECT (f.message_id, f.error_code)::text FROM msgstatus.attached_table_failure AS f), '(late,23503)');
INSERT INTO sms VALUES ('late');
SELECT is(msgstatus.retry_locked_rows(), 1::bigint);
SELECT is((SELECT array_agg(h::text) FROM sms_history AS h), '{"(late,sent)"}');
SELECT is((SELECT count(*) FROM msgstatus.attached_table_failure), 0::bigint);
SELECT msgstatus.detach_table('sms_history');

-- A trigger of the table that inserts into it, and one that leaves rows out.
CREATE TABLE chatty (message_id text, status text, note text);
CREATE INDEX ON chatty (message_id);
CREATE FUNCTION chat() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.note IS NULL THEN
        INSERT INTO app.chatty VALUES (NEW.message_id || '!', 'sent', 'more'), (NEW.message_id, 'note', 'more');
    END IF;
    RETURN CASE WHEN NEW.message_id <> 'skip' THEN NEW END;
END
$$;
CREATE TRIGGER chat BEFORE INSERT ON chatty FOR EACH ROW EXECUTE FUNCTION chat();
SELECT is(attach('chatty'), 'attached');
SELECT observe('c', 'sent'), observe('skip', 'sent');
SELECT is((SELECT array_agg(c::text ORDER BY c::text COLLATE "C") FROM chatty AS c), '{"(c!,sent,more)","(c,note,more)","(c,sent,)","(skip!,sent,more)"}');

-- What cannot be a history.
CREATE TABLE one_row (message_id text PRIMARY KEY, status text);
SELECT is(attach('one_row'), '22023 key column "message_id" of app.one_row is unique');
CREATE TABLE strict (message_id text, status text, tenant text NOT NULL, "Kind" text NOT NULL, note text NOT NULL DEFAULT '');
SELECT is(attach('strict'), '23502 columns of app.strict must not be null and have no default: tenant, "Kind"');
SELECT is((problems('strict', '{"state": {"column": "status", "history": true}}')), ARRAY['WARNING: key column "message_id" of app.strict has no index. Every status reads the whole table, which is slow: CREATE INDEX ON app.strict (message_id).',
    'ERROR 23502: columns of app.strict must not be null and have no default: tenant, "Kind". A status inserts rows without them. Give them a default, or name the fact that they show.']);
SELECT is(attach('bounces', '{"state": {"column": "status", "history": true}, "retry_count": "status"}'), '22023 unknown fact "retry_count"');
SELECT is(attach('bounces', '{"state": {"column": "status"}, "event_time": "status"}'), '22023 unknown fact "event_time"');
SELECT is(attach('bounces', '{"state": {"column": "status", "history": true, "every_row": true}}'),
    '22023 invalid options given for "state": in a history no row is replaced, so it takes no "keep", "replace" or "every_row"');
SELECT is(attach('bounces', '{"state": {"column": "status", "history": "yes"}}'), '22023 invalid options given for "state": wrong type of an option');

-- Rights: INSERT, and no UPDATE. The insert runs with the rights of the role that attached the table.
CREATE ROLE t_owner;
CREATE ROLE t_attacher;
CREATE ROLE t_sender;
SELECT msgstatus.grant_access('t_attacher', 'operator');
SELECT msgstatus.grant_access('t_sender', 'ingest');
GRANT USAGE, CREATE ON SCHEMA app TO t_owner, t_attacher;
GRANT USAGE ON SCHEMA app TO t_sender;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA app TO t_attacher, t_sender;
SET LOCAL ROLE t_owner;
CREATE TABLE guarded (id bigserial, message_id text, status text, written_by text DEFAULT CURRENT_USER);
CREATE INDEX ON guarded (message_id);
GRANT SELECT, TRIGGER ON guarded TO t_attacher;
SET LOCAL ROLE t_attacher;
SELECT is(attach('guarded'), '42501 permission denied for column "status" of app.guarded');
SET LOCAL ROLE t_owner;
GRANT INSERT (status) ON guarded TO t_attacher;
SET LOCAL ROLE t_attacher;
SELECT is(attach('guarded'), '42501 permission denied for column "message_id" of app.guarded');
SET LOCAL ROLE t_owner;
GRANT INSERT ON guarded TO t_attacher;
SET LOCAL ROLE t_attacher;
SELECT is(attach('guarded'), '42501 permission denied for sequence app.guarded_id_seq');
SET LOCAL ROLE t_owner;
GRANT USAGE ON SEQUENCE guarded_id_seq TO t_attacher;
SET LOCAL ROLE t_attacher;
SELECT is(attach('guarded'), 'attached');
SET LOCAL ROLE t_sender;
SELECT is(observe('g', 'sent'), '1');
RESET ROLE;
SELECT is((SELECT array_agg(g::text) FROM guarded AS g), '{"(1,g,sent,t_attacher)"}');
-- A restricted operation: a trigger cannot leave anything in the session.
SET LOCAL ROLE t_owner;
CREATE FUNCTION grab() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN CREATE TEMP TABLE grabbed (); RETURN NEW; END $$;
CREATE TRIGGER grab BEFORE INSERT ON guarded FOR EACH ROW EXECUTE FUNCTION grab();
SET LOCAL ROLE t_sender;
SELECT is(observe('g', 'read'), '1');
RESET ROLE;
SELECT is((SELECT (f.message_id, f.error_code, f.error_message)::text FROM msgstatus.attached_table_failure AS f),
    '(g,42501,"cannot create temporary table within security-restricted operation")');
-- Row-level security.
SET LOCAL ROLE t_owner;
DROP TRIGGER grab ON guarded;
ALTER TABLE guarded ENABLE ROW LEVEL SECURITY;
CREATE POLICY readers ON guarded FOR SELECT USING (true);
SET LOCAL ROLE t_attacher;
SELECT is(attach('guarded'), '42501 no policy of app.guarded lets role t_attacher insert rows');
SET LOCAL ROLE t_owner;
CREATE POLICY writers ON guarded FOR INSERT WITH CHECK (true);
SET LOCAL ROLE t_attacher;
SELECT is(attach('guarded'), 'attached');
RESET ROLE;
SELECT is((SELECT array_agg(status ORDER BY id) FROM guarded), '{sent,read}');

SELECT finish();
ROLLBACK;
