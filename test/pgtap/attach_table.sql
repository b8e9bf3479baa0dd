-- Tables that are attached: brought up to date at once, by every status, and by what happens to their rows; attached again,
-- detached, dropped; with whose rights; and what becomes of a status that a table refuses.
BEGIN;
\ir include/helpers.psql
SELECT no_plan();
SET LOCAL client_min_messages = error;
CREATE SCHEMA app;
SET LOCAL search_path = app, public;

CREATE TABLE logs (n integer GENERATED ALWAYS AS IDENTITY, sid varchar(64) UNIQUE, status text NOT NULL DEFAULT 'PENDING', delivered_at timestamptz,
    failed_at timestamptz, failure_reason text, retry_count integer NOT NULL DEFAULT 0, updated_at timestamptz);
-- Returns a row of logs without what is null and its number and time of change.
CREATE FUNCTION shown(key text) RETURNS text LANGUAGE sql AS $$
    SELECT concat_ws(' ', l.status, to_char(l.delivered_at, 'MI:SS'), to_char(l.failed_at, 'MI:SS'), l.failure_reason, NULLIF(l.retry_count, 0)) FROM app.logs AS l WHERE l.sid = key
$$;
-- Applies one status, so many seconds after 10:30.
CREATE FUNCTION observe(id text, status text, seconds integer, code integer DEFAULT NULL) RETURNS text LANGUAGE sql AS $$
    SELECT msgstatus.apply_message_status(jsonb_strip_nulls(jsonb_build_object('id', id, 'status', status, 'timestamp', 1733826600 + seconds,
        'errors', CASE WHEN code IS NOT NULL THEN jsonb_build_array(jsonb_build_object('code', code, 'title', 'Refused')) END)), '2024-12-10 12:00Z') ->> 'applied'
$$;

-- Rows that are there are brought up to date when the table is attached.
SELECT observe('before', 'read', 9), observe('failed', 'failed', 3, 131000), observe('other', 'sent', 0), msgstatus.register_message('registered');
INSERT INTO logs (sid) VALUES ('before'), ('failed'), ('unknown'), ('registered'), (NULL);
SELECT is(msgstatus.attach_table('logs', 'sid') - '{state}'::text[], '{"delivered_at": {"column": "delivered_at"}, "failed_at": {"column": "failed_at"},
    "error_text": {"column": "failure_reason"}, "retry_count": {"column": "retry_count"}, "updated_at": {"column": "updated_at"}}', 'attach_table says what shows what');
SELECT is(shown('before'), 'READ 30:09');
SELECT is(shown('failed'), 'FAILED 30:03 Refused 1');
SELECT is(shown('unknown'), 'PENDING');
SELECT is(shown('registered'), 'PENDING');
SELECT is((SELECT (target, is_there, key_column, columns ->> 'delivered_at', time_zone, attached_by = CURRENT_USER::regrole, attached_at = now(), failures, last_error)::text
    FROM msgstatus.attached_tables), '(logs,t,sid,"{""column"": ""delivered_at""}",UTC,t,t,0,)');

-- Every applied status.
SELECT is(observe('unknown', 'delivered', 5), '1');
SELECT is(shown('unknown'), 'DELIVERED 30:05', 'a status is shown at once');
SELECT is(observe('unknown', 'sent', 0), '1');
SELECT is(shown('unknown'), 'DELIVERED 30:05', 'late, it changes nothing');
SELECT is(observe('unknown', 'failed', 2, 5), '1');
SELECT is(shown('unknown'), 'DELIVERED 30:05 30:02 Refused 1', 'but what it adds');
UPDATE logs SET updated_at = '2000-01-01Z', n = DEFAULT;
SELECT observe('unknown', 'failed', 2, 5), observe('before', 'read', 9);
SELECT is((SELECT array_agg(DISTINCT updated_at) FROM logs), '{2000-01-01Z}'::timestamptz[], 'a redelivery writes nothing');

-- Rows that come later than their status.
SELECT observe('early', 'read', 1);
INSERT INTO logs (sid) VALUES ('early'), ('nobody');
SELECT is(shown('early'), 'READ 30:01', 'an inserted row');
SELECT is(shown('nobody'), 'PENDING');
SELECT is((SELECT count(*) FROM msgstatus.message WHERE message_id = 'nobody'), 0::bigint, 'leaves no message that nobody heard of');
UPDATE logs SET sid = 'other' WHERE sid = 'nobody';
SELECT is(shown('other'), 'SENT', 'a changed key');
INSERT INTO logs (sid, status) VALUES ('early', 'x') ON CONFLICT (sid) DO UPDATE SET status = excluded.status;
SELECT is(shown('early'), 'x 30:01', 'what the application writes is its own business');
SELECT is(msgstatus.resync_table('logs'), 0::bigint);
SELECT is(shown('early'), 'READ 30:01', 'resync_table mends it');

-- Attached again.
SELECT is(msgstatus.attach_table('logs', 'sid', '{"updated_at": null, "error_text": null}') ? 'error_text', false);
SELECT is((SELECT count(*) FROM msgstatus.attached_tables), 1::bigint, 'in place of what was');
SELECT is((SELECT count(*) FROM pg_trigger WHERE tgrelid = 'logs'::regclass AND NOT tgisinternal), 2::bigint);
SELECT observe('other', 'failed', 3, 5);
SELECT is(shown('other'), 'FAILED 30:03 1');
UPDATE logs SET status = 'PENDING' WHERE sid = 'other';
SELECT msgstatus.attach_table('logs', 'sid');
SELECT is(shown('other'), 'FAILED 30:03 Refused 1', 'brought up to date again, and no failure is counted twice');
-- By another key, too.
ALTER TABLE logs ADD COLUMN retry_sid text;
CREATE INDEX ON logs (retry_sid);
SELECT observe('retried', 'delivered', 8);
UPDATE logs SET retry_sid = 'retried' WHERE sid = 'failed';
SELECT msgstatus.attach_table('logs', 'retry_sid', '{"retry_count": null}');
SELECT is(shown('failed'), 'DELIVERED 30:08 30:03 Refused 1');
SELECT is(msgstatus.resync_table('logs', 'retry_sid'), 0::bigint);
SELECT throws_ok($$SELECT msgstatus.resync_table('logs', 'n')$$, '42704', 'app.logs is not attached by column "n"');

-- Detached.
SELECT throws_ok($$SELECT msgstatus.detach_table('logs', 'status')$$, '42704', 'app.logs is not attached by column "status"');
SELECT is(msgstatus.detach_table('logs', 'retry_sid'), 1);
SELECT is((SELECT array_agg(key_column) FROM msgstatus.attached_tables), '{sid}'::name[]);
SELECT is(msgstatus.detach_table('logs'), 1);
SELECT is_empty('SELECT * FROM msgstatus.attached_tables');
SELECT is((SELECT count(*) FROM pg_trigger WHERE tgrelid = 'logs'::regclass), 0::bigint, 'no trigger is left');
SELECT is(observe('other', 'read', 9), '1');
INSERT INTO logs (sid) VALUES ('retried');
SELECT is(shown('other') || ' ' || shown('retried'), 'FAILED 30:03 Refused 1 PENDING', 'it is left alone');
SELECT throws_ok($$SELECT msgstatus.detach_table('logs')$$, '42704', 'app.logs is not attached');
SELECT throws_ok($$SELECT msgstatus.resync_table('logs')$$, '42704', 'app.logs is not attached');

-- Keys of every type, rows of one message, partitions, names that need quotes.
CREATE TABLE fixed (sid char(20), status varchar(20));
INSERT INTO fixed VALUES ('before', NULL), ('before', 'sent');
SELECT msgstatus.attach_table('fixed', 'sid');
SELECT is((SELECT array_agg(status) FROM fixed), '{read,read}');
SELECT observe('fixed', 'sent', 0);
INSERT INTO fixed VALUES ('fixed', NULL);
SELECT observe('fixed', 'read', 1);
SELECT is((SELECT status FROM fixed WHERE sid = 'fixed'), 'read');
CREATE TABLE "Odd ""table" ("The Key" text PRIMARY KEY, "deliveredAt" timestamp) PARTITION BY HASH ("The Key");
CREATE TABLE odd_part PARTITION OF "Odd ""table" FOR VALUES WITH (MODULUS 1, REMAINDER 0);
SELECT msgstatus.attach_table('"Odd ""table"', 'The Key', time_zone => 'Asia/Kolkata');
INSERT INTO "Odd ""table" VALUES ('before');
INSERT INTO odd_part VALUES ('unknown');
SELECT is((SELECT array_agg("deliveredAt" ORDER BY "deliveredAt") FROM "Odd ""table"), '{2024-12-10 16:00:05,2024-12-10 16:00:09}'::timestamp[], 'partitions, too');
SELECT observe('odd', 'delivered', 0);
UPDATE "Odd ""table" SET "The Key" = 'odd' WHERE "The Key" = 'before';
SELECT is((SELECT "deliveredAt" FROM "Odd ""table" WHERE "The Key" = 'odd'), '2024-12-10 16:00:00', 'and their keys');
SELECT msgstatus.detach_table('fixed'), msgstatus.detach_table('"Odd ""table"');

-- A table that refuses does not lose the status.
CREATE TABLE strict (sid text PRIMARY KEY, status text CHECK (status <> 'read' OR sid <> 'bad'), attempts integer NOT NULL DEFAULT 0);
INSERT INTO strict VALUES ('good'), ('bad'), ('worse');
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.sid = 'worse' AND NEW.status = 'delivered' THEN RAISE EXCEPTION 'too good for %', NEW.sid; END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER refuse BEFORE UPDATE ON strict FOR EACH ROW EXECUTE FUNCTION refuse();
SELECT msgstatus.attach_table('strict', 'sid');
SELECT is(msgstatus.apply_message_status('[{"id": "good", "status": "read", "timestamp": 1733826600}, {"id": "bad", "status": "read", "timestamp": 1733826600},
    {"id": "worse", "status": "delivered", "timestamp": 1733826600}]') ->> 'applied', '3', 'applied all the same');
SELECT is((SELECT array_agg(COALESCE(status, '-') ORDER BY sid) FROM strict), '{-,read,-}', 'and shown where it is taken');
SELECT is((SELECT count(*) FROM msgstatus.message WHERE message_id IN ('good', 'bad', 'worse')), 3::bigint);
SELECT is((SELECT (failures, last_failed_at = now(), last_error_code, last_error)::text FROM msgstatus.attached_tables),
    '(2,t,23514,"new row for relation ""strict"" violates check constraint ""strict_check""")', 'attached_tables tells');
SELECT is((SELECT array_agg(message_id || ' ' || error_code ORDER BY message_id) FROM msgstatus.attached_table_failure), '{bad 23514,worse P0001}');
SELECT is(msgstatus.resync_table('strict'), 2::bigint, 'tried again in vain');
DROP TRIGGER refuse ON strict;
SELECT is(msgstatus.resync_table('strict'), 1::bigint);
ALTER TABLE strict DROP CONSTRAINT strict_check;
SELECT is(msgstatus.resync_table('strict', 'sid'), 0::bigint, 'and with success');
SELECT is((SELECT array_agg(status ORDER BY sid) FROM strict), '{read,read,delivered}');
SELECT is((SELECT failures FROM msgstatus.attached_tables), 0::bigint);
SELECT msgstatus.detach_table('strict');
-- Rows that refuse when the table is attached.
UPDATE strict SET status = NULL;
ALTER TABLE strict ADD CHECK (status <> 'read' OR sid <> 'bad');
SELECT msgstatus.attach_table('strict', 'sid');
SELECT is((SELECT array_agg(COALESCE(status, '-') ORDER BY sid) FROM strict), '{-,read,delivered}', 'the others are brought up to date');
SELECT is((SELECT failures FROM msgstatus.attached_tables), 1::bigint);
-- A column that is dropped.
ALTER TABLE strict DROP COLUMN status;
SELECT is(observe('good', 'played', 60), '1');
SELECT is((SELECT failures FROM msgstatus.attached_tables), 2::bigint);
SELECT is((SELECT error_code FROM msgstatus.attached_table_failure WHERE message_id = 'good'), '42703');
SELECT is((SELECT error_message FROM msgstatus.attached_table_failure WHERE message_id = 'good'), 'column t.status does not exist (if the table has changed, attach it again)');
SELECT is((SELECT remedy FROM msgstatus.attached_tables), 'Columns that do not exist any more: status. Attach the table again, giving columns that are not found by their names: SELECT msgstatus.attach_table(''strict'', ''sid'');');
ALTER TABLE strict RENAME TO strictest;
SELECT alike((SELECT remedy FROM msgstatus.attached_tables), 'Columns that do not exist%attach_table(''strictest'', ''sid'');');
ALTER TABLE strictest ADD COLUMN status text;
SELECT is((SELECT remedy FROM msgstatus.attached_tables), 'The table was renamed. Attach it again: SELECT msgstatus.attach_table(''strictest'', ''sid'');');
ALTER TABLE strictest RENAME TO strict;
SELECT alike((SELECT remedy FROM msgstatus.attached_tables), 'Remove the cause%msgstatus.resync_table(''strict'');', 'what to do is said');
ALTER TABLE strict RENAME COLUMN sid TO id;
SELECT alike((SELECT remedy FROM msgstatus.attached_tables), 'Column "sid" does not exist any more. Attach the table again, by what the key is called now%');
ALTER TABLE strict RENAME COLUMN id TO sid;
ALTER TABLE strict DROP COLUMN status;
SELECT throws_ok($$SELECT msgstatus.attach_table('strict', 'sid')$$, '22023', 'app.strict has no column that can show a status');
-- A table that is dropped.
DROP TABLE strict;
SELECT is(observe('good', 'delivered', 50), '1');
SELECT is((SELECT is_there FROM msgstatus.attached_tables), false);
SELECT is(msgstatus.forget_dropped_tables(), 1);
SELECT is_empty('SELECT * FROM msgstatus.attached_tables');

-- Rights: those of the role that attached the table, and its row-level security.
CREATE ROLE t_app;
CREATE ROLE t_operator;
CREATE ROLE t_other;
SELECT msgstatus.grant_access('t_operator', 'operator'), msgstatus.grant_access('t_other', 'operator');
GRANT USAGE ON SCHEMA app TO t_app, t_operator, t_other;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA app TO t_operator, t_other;
CREATE TABLE shared (sid text PRIMARY KEY, tenant text DEFAULT 'a', status text, writer text, path text);
ALTER TABLE shared OWNER TO t_app;
CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.writer := current_user; NEW.path := current_setting('search_path'); RETURN NEW; END $$;
CREATE TRIGGER note BEFORE UPDATE ON shared FOR EACH ROW EXECUTE FUNCTION note();
ALTER TABLE shared ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenants ON shared TO t_operator USING (tenant = 'a');
GRANT SELECT, UPDATE, TRIGGER ON shared TO t_operator;
INSERT INTO shared VALUES ('before', 'a'), ('early', 'b');
SET LOCAL ROLE t_operator;
SELECT is(msgstatus.attach_table('shared', 'sid', search_path => 'app') -> 'state' ->> 'column', 'status', 'an operator with the rights attaches');
RESET ROLE;
SELECT is((SELECT array_agg(concat_ws(' ', sid, status, writer, path) ORDER BY sid) FROM shared), '{"before read t_operator app",early}', 'with his rights, and under his policies');
INSERT INTO shared VALUES ('shared 1', 'a'), ('shared 2', 'b');
SELECT observe('shared 1', 'sent', 0), observe('shared 2', 'sent', 0);
SELECT is((SELECT array_agg(concat_ws(' ', sid, status, writer, path) ORDER BY sid) FROM shared WHERE sid LIKE 'shared%'), '{"shared 1 sent t_operator app, pg_temp","shared 2"}', 'for every status');
-- The application needs no right in msgstatus.
SELECT observe('shared 3', 'sent', 0);
SET LOCAL ROLE t_app;
SELECT lives_ok($$INSERT INTO app.shared VALUES ('shared 3', 'a')$$);
SELECT is((SELECT concat_ws(' ', status, writer) FROM app.shared WHERE sid = 'shared 3'), 'sent t_operator');
SELECT throws_ok($$SELECT msgstatus.detach_table('app.shared')$$, '42501');
SET LOCAL ROLE t_other;
SELECT throws_ok($$SELECT msgstatus.detach_table('shared')$$, '42501', NULL, 'not for another operator');
SELECT throws_ok($$SELECT msgstatus.attach_table('shared', 'sid')$$, '42501');
SELECT throws_ok($$UPDATE msgstatus.attached_table SET attached_by = 'postgres'$$, '42501');
SET LOCAL ROLE t_operator;
SELECT is(msgstatus.resync_table('shared'), 0::bigint);
RESET ROLE;
-- A right that is taken away.
REVOKE UPDATE ON shared FROM t_operator;
SELECT is(observe('shared 3', 'read', 5), '1');
SELECT is((SELECT (failures, last_error_code)::text FROM msgstatus.attached_tables), '(1,42501)');
GRANT UPDATE (status) ON shared TO t_operator;
SELECT is(msgstatus.resync_table('shared'), 0::bigint, 'the column''s right is enough');
SELECT is((SELECT status FROM shared WHERE sid = 'shared 3'), 'read');
-- A failed message may have no row: it never had one, or the row was deleted.
REVOKE UPDATE ON shared FROM t_operator;
REVOKE UPDATE (status) ON shared FROM t_operator;
SELECT is(observe('of another table', 'read', 5) || observe('shared 3', 'played', 6), '11');
DELETE FROM shared WHERE sid = 'shared 3';
SELECT msgstatus.resync_table('shared') AS failed \gset
SELECT is((SELECT failures FROM msgstatus.attached_tables), :failed::bigint, 'nothing can be shown');
GRANT UPDATE (status) ON shared TO t_operator;
SELECT is(msgstatus.resync_table('shared'), 0::bigint);
SELECT is((SELECT failures FROM msgstatus.attached_tables), 0::bigint, 'what has no row is no failure any more');
-- Triggers are dropped by the owner of the table; without them the rest is ended.
SET LOCAL ROLE t_operator;
SELECT is(msgstatus.detach_table('shared'), 1);
RESET ROLE;
SELECT lives_ok($$INSERT INTO shared VALUES ('unknown', 'a')$$, 'a trigger that is left does nothing');
SELECT is((SELECT status FROM shared WHERE sid = 'unknown'), NULL);

-- A key that is renamed: nothing is shown by the old name, and attaching by the new one ends that.
CREATE TABLE renamed (sid text PRIMARY KEY, status text, retry_sid text UNIQUE);
SELECT msgstatus.attach_table('renamed', 'sid'), msgstatus.attach_table('renamed', 'retry_sid');
INSERT INTO renamed VALUES ('renamed');
ALTER TABLE renamed RENAME sid TO message_sid;
SELECT is(observe('renamed', 'sent', 0), '1');
SELECT is((SELECT string_agg(concat_ws(' ', key_column, failures, last_error_code), ', ' ORDER BY key_column) FROM msgstatus.attached_tables WHERE target = 'renamed'::regclass),
    'retry_sid 0, sid 1 42703');
SELECT throws_ok($$SELECT msgstatus.resync_table('renamed')$$, '42703', 'app.renamed is attached by column "sid", which does not exist any more');
SELECT is(msgstatus.resync_table('renamed', 'retry_sid'), 0::bigint);
SELECT msgstatus.attach_table('renamed', 'message_sid');
SELECT is((SELECT array_agg(key_column ORDER BY key_column) FROM msgstatus.attached_tables WHERE target = 'renamed'::regclass), '{message_sid,retry_sid}'::name[]);
SELECT is((SELECT count(*) FROM pg_trigger WHERE tgrelid = 'renamed'::regclass AND NOT tgisinternal), 4::bigint, 'with its triggers');
SELECT is((SELECT status FROM renamed), 'sent');
SELECT is(msgstatus.resync_table('renamed'), 0::bigint);
SELECT is(msgstatus.detach_table('renamed'), 2);

-- Failures are kept no longer than their messages, and not for a table that is detached.
CREATE TABLE refusing (sid text PRIMARY KEY, status text, CHECK (status IS NULL OR sid = ''));
SELECT observe('purged', 'sent', 0), observe('kept', 'sent', 0);
INSERT INTO refusing VALUES ('purged'), ('kept');
SELECT msgstatus.attach_table('refusing', 'sid');
SELECT is((SELECT array_agg(message_id ORDER BY message_id) FROM msgstatus.attached_table_failure), '{kept,purged}');
UPDATE msgstatus.message SET created_at = '2001-01-01' WHERE message_id = 'purged';
SELECT is(msgstatus.purge_messages('2001-02-01'), 1::bigint);
SELECT is((SELECT array_agg(message_id) FROM msgstatus.attached_table_failure), '{kept}');
SELECT msgstatus.detach_table('refusing');
SELECT is_empty('SELECT * FROM msgstatus.attached_table_failure');

-- Before install().
ALTER TABLE msgstatus.installation RENAME TO gone;
SELECT throws_ok($$SELECT msgstatus.attach_table('logs', 'sid')$$, '55000');
SELECT throws_ok($$SELECT msgstatus.detach_table('logs')$$, '55000');
SELECT throws_ok($$SELECT msgstatus.resync_table('logs')$$, '55000');
SELECT throws_ok($$SELECT * FROM msgstatus.preview_attach('logs', 'sid')$$, '55000');
SELECT finish();
ROLLBACK;
