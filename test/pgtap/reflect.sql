-- Attached tables, from below: how applied statuses get into them, with statements written by hand.
BEGIN;
\ir include/helpers.psql
SELECT no_plan();

CREATE ROLE t_attacher;
CREATE ROLE t_other;
CREATE ROLE t_app;
CREATE ROLE t_ingest;
SELECT msgstatus.grant_access('t_attacher', 'operator');
SELECT msgstatus.grant_access('t_other', 'operator');
SELECT msgstatus.grant_access('t_ingest', 'ingest');
CREATE SCHEMA app;
GRANT USAGE ON SCHEMA app TO t_attacher, t_other, t_app;
CREATE TABLE app.logs (
    id integer GENERATED ALWAYS AS IDENTITY, sid text UNIQUE, status text CHECK (status <> 'canceled'), error text, failures integer NOT NULL DEFAULT 0
);
GRANT SELECT, UPDATE ON app.logs TO t_attacher;
GRANT SELECT, INSERT, UPDATE ON app.logs TO t_app;
CREATE TEMP TABLE attached (name text PRIMARY KEY, id integer);
GRANT ALL ON attached TO PUBLIC;

-- Attaches a table of the shape of app.logs, by a statement that names every column.
CREATE FUNCTION attach(target regclass, columns jsonb DEFAULT '{"error_text": "error"}', search_path text DEFAULT 'app, public') RETURNS integer LANGUAGE sql AS $$
    SELECT msgstatus.store_attached_table(target, 'sid', columns, format('UPDATE %s AS t SET status = msgstatus.state(c.status), error = c.error_title,
        failures = t.failures + COALESCE(c.failures, (c.error_title IS NOT NULL AND t.failures = 0)::integer) FROM pg_catalog.unnest($1) AS c WHERE t.sid = c.message_id', target), search_path, 'UTC')
$$;
-- Applies a status and returns how many statuses were applied.
CREATE FUNCTION applied(VARIADIC statuses text[]) RETURNS text LANGUAGE sql AS $$
    SELECT msgstatus.apply_message_status(jsonb_agg(jsonb_strip_nulls(jsonb_build_object('id', split_part(s, ' ', 1), 'status', split_part(s, ' ', 2),
        'errors', CASE WHEN s LIKE '%failed' THEN '[{"code": 131026, "title": "undeliverable"}]'::jsonb END)))) ->> 'applied'
    FROM unnest(statuses) AS s
$$;
-- Returns the rows in the order of keys.
CREATE FUNCTION logs() RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(concat_ws(' ', sid, COALESCE(status, '-'), error, NULLIF(failures, 0)), ', ' ORDER BY sid, id) FROM app.logs
$$;
CREATE FUNCTION failures() RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(concat_ws(' ', message_id, error_code, attempts), ', ' ORDER BY message_id) FROM msgstatus.attached_table_failure
$$;

-- An attached table is recorded with the role that attached it.
SET LOCAL ROLE t_attacher;
INSERT INTO attached SELECT 'logs', msgstatus.store_attached_table('app.logs', 'sid', '{}', 'SELECT $1', 'app, public', 'UTC');
SELECT is((SELECT attached_by::text FROM msgstatus.attached_table), 't_attacher', 'by whom');
SELECT is((SELECT search_path FROM msgstatus.attached_table), 'app, public, pg_temp', 'temporary tables of whoever applies come last');
SELECT is(msgstatus.store_attached_table('app.logs', 'sid', '{"state": "status"}', 'SELECT $1', '', 'UTC'), id, 'the same key keeps its id') FROM attached;
SELECT is((SELECT array_agg(search_path || ' ' || columns) FROM msgstatus.attached_table), '{"pg_temp {\"state\": \"status\"}"}', 'and has other values');
SELECT throws_ok($$SELECT msgstatus.store_attached_table('app.logs', 'id', '{}', 'SELECT $1', 'a b', 'UTC')$$, '22023');
SELECT throws_ok($$INSERT INTO msgstatus.attached_table (target) VALUES ('app.logs')$$, '42501', NULL, 'no operator writes it himself');
SELECT throws_ok($$UPDATE msgstatus.attached_table SET attached_by = 'postgres'$$, '42501');
SET LOCAL ROLE t_other;
SELECT throws_ok($$SELECT msgstatus.store_attached_table('app.logs', 'sid', '{}', 'SELECT $1', 'public', 'UTC')$$, '42501', NULL, 'not in place of another one''s');
SELECT throws_ok(format('SELECT msgstatus.remove_attached_table(%s)', id), '42501') FROM attached;
RESET ROLE;
ALTER TABLE app.logs OWNER TO t_other;
SET LOCAL ROLE t_other;
SELECT is(msgstatus.remove_attached_table(id), true, 'the table''s owner ends it') FROM attached;
SELECT is(msgstatus.remove_attached_table(id), false) FROM attached;
RESET ROLE;
SELECT is_empty('SELECT * FROM msgstatus.attached_table');
SELECT throws_ok('SELECT msgstatus.reflect_messages(0, NULL::text[])', NULL) WHERE false;
SELECT throws_ok($$SELECT msgstatus.reflect_messages(0, '{a}')$$, '42704');

-- From then on every status is in the rows of its message.
INSERT INTO app.logs (sid) VALUES ('A'), ('B'), ('C');
SELECT applied('A sent');
SELECT is(logs(), 'A -, B -, C -', 'not attached');
SET LOCAL ROLE t_attacher;
UPDATE attached SET id = attach('app.logs');
RESET ROLE;
SET LOCAL ROLE t_ingest;
SELECT is(applied('C read', 'B sent', 'A delivered', 'X sent'), '4', 'a role that may only apply');
SELECT is(current_user::text, 't_ingest', 'is who it was');
SELECT is(current_setting('search_path'), '"$user", public', 'with its search_path');
RESET ROLE;
SELECT is(logs(), 'A delivered, B sent, C read');
SELECT applied('B failed', 'B failed', 'B undelivered');
SELECT applied('B failed');
SELECT is(logs(), 'A delivered, B undelivered undeliverable 1, C read', 'a failure counts once, with its reason');
SELECT is(failures(), NULL);

-- Redeliveries write nothing.
CREATE TEMP TABLE before AS SELECT ctid AS place, sid FROM app.logs;
SELECT is(applied('A delivered', 'B failed', 'C read'), '0');
SELECT is_empty('SELECT * FROM app.logs AS l JOIN before AS b USING (sid) WHERE b.place <> l.ctid');

-- A row that the table refuses: the status is applied, the neighbours are right, the failure is written down.
INSERT INTO app.logs (sid) SELECT 'M' || n FROM generate_series(1, 9) AS n;
SELECT is(applied('M1 sent', 'M2 sent', 'M3 canceled', 'M4 sent', 'M5 sent', 'M6 canceled', 'M7 canceled', 'M8 sent', 'M9 sent'), '9');
SELECT is(logs(), 'A delivered, B undelivered undeliverable 1, C read, M1 sent, M2 sent, M3 -, M4 sent, M5 sent, M6 -, M7 -, M8 sent, M9 sent');
SELECT is(failures(), 'M3 23514 1, M6 23514 1, M7 23514 1');
SELECT is((SELECT string_agg(message_id, ' ' ORDER BY message_id) FROM msgstatus.message WHERE msgstatus.state(status)::text = 'canceled'), 'M3 M6 M7');
SELECT is((SELECT DISTINCT error_message FROM msgstatus.attached_table_failure), 'new row for relation "logs" violates check constraint "logs_status_check"');
SELECT is(msgstatus.reflect_messages(id, '{M7,M3,M7,M1,nowhere,NULL}'), 2, 'they fail again') FROM attached;
SELECT is(failures(), 'M3 23514 2, M6 23514 1, M7 23514 2');
SELECT is(applied('M3 delivered'), '1');
SELECT is(failures(), 'M6 23514 1, M7 23514 2', 'until a later status can be shown');
ALTER TABLE app.logs DROP CONSTRAINT logs_status_check;
SELECT is(msgstatus.reflect_messages(id, '{M6,M7}'), 0, 'or the table takes them') FROM attached;
SELECT is(failures(), NULL);
SELECT is((SELECT string_agg(sid || ' ' || status, ', ' ORDER BY sid) FROM app.logs WHERE sid IN ('M3', 'M6', 'M7')), 'M3 delivered, M6 canceled, M7 canceled');

-- A failure counts once even where the call that brought it could not show it.
ALTER TABLE app.logs ADD CONSTRAINT no_failure CHECK (status <> 'failed');
SELECT is(applied('M9 failed'), '1');
SELECT is(failures(), 'M9 23514 1');
SELECT is(applied('M9 delivered'), '1');
SELECT is(failures(), NULL);
SELECT is((SELECT format('%s %s %s', status, error, failures) FROM app.logs WHERE sid = 'M9'), 'delivered undeliverable 1');
ALTER TABLE app.logs DROP CONSTRAINT no_failure;

-- A statement that fails by itself fails for all.
ALTER TABLE app.logs RENAME COLUMN error TO reason;
SELECT is(applied('M1 delivered', 'M2 delivered'), '2');
SELECT is(failures(), 'M1 42703 1, M2 42703 1');
ALTER TABLE app.logs RENAME COLUMN reason TO error;
SELECT is(applied('M1 read', 'M2 read'), '2');
SELECT is(failures(), NULL, 'and works again');
REVOKE UPDATE ON app.logs FROM t_attacher;
SELECT is(applied('M1 played'), '1');
SELECT is(failures(), 'M1 42501 1', 'rights are those of who attached it');
GRANT UPDATE ON app.logs TO t_attacher;
SELECT is(msgstatus.reflect_messages(id, '{M1}'), 0) FROM attached;

-- Triggers of the table run as the role that attached it and find the objects they name; their errors are ordinary failures.
CREATE TABLE app.seen (sid text, by text, path text);
GRANT INSERT ON app.seen TO t_attacher;
CREATE FUNCTION app.note() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.sid = 'T2' THEN
        RAISE EXCEPTION 'not this one';
    END IF;
    INSERT INTO seen VALUES (NEW.sid, current_user, current_setting('search_path'));
    PERFORM msgstatus.apply_message_status(jsonb_build_object('id', 'of ' || NEW.sid, 'status', 'sent'));
    RETURN NEW;
END $$;
CREATE TRIGGER note BEFORE UPDATE ON app.logs FOR EACH ROW EXECUTE FUNCTION app.note();
INSERT INTO app.logs (sid) VALUES ('T1'), ('T2'), ('T3');
CREATE TEMP TABLE seen (sid text);
SELECT is(applied('T1 sent', 'T2 sent', 'T3 sent'), '3');
SELECT is((SELECT string_agg(concat_ws(' ', sid, by, path), ', ' ORDER BY sid) FROM app.seen), 'T1 t_attacher app, public, pg_temp, T3 t_attacher app, public, pg_temp');
SELECT is(failures(), 'T2 P0001 1');
SELECT is((SELECT count(*) FROM msgstatus.message WHERE message_id LIKE 'of %'), 2::bigint, 'a trigger may apply statuses itself');
DROP TRIGGER note ON app.logs;
DROP TABLE seen;

-- Deferred constraints are checked while it is known who violates them.
ALTER TABLE app.logs ADD COLUMN shown text GENERATED ALWAYS AS (status) STORED, ADD CONSTRAINT one_scheduled EXCLUDE (shown WITH =) WHERE (shown = 'scheduled') DEFERRABLE INITIALLY DEFERRED;
SELECT is(applied('T1 played', 'T3 played', 'M8 played'), '3');
INSERT INTO app.logs (sid) VALUES ('S1'), ('S2');
SELECT is(applied('S1 scheduled', 'S2 scheduled'), '2');
SELECT is(failures(), 'S2 23P01 1, T2 P0001 1');
SELECT lives_ok('SET CONSTRAINTS ALL IMMEDIATE');
SET CONSTRAINTS ALL DEFERRED;
ALTER TABLE app.logs DROP CONSTRAINT one_scheduled, DROP COLUMN shown;

-- Row-level security: rows that who attached the table may not see stay as they are, whatever the caller set.
INSERT INTO app.logs (sid) VALUES ('R1'), ('R2');
ALTER TABLE app.logs ENABLE ROW LEVEL SECURITY;
CREATE POLICY mine ON app.logs TO t_attacher USING (sid <> 'R2');
CREATE POLICY every ON app.logs TO t_app USING (true);
SET LOCAL row_security = off;
SELECT is(applied('R1 sent', 'R2 sent'), '2');
SELECT is(current_setting('row_security'), 'off');
RESET row_security;
SELECT is((SELECT string_agg(concat_ws(' ', sid, status), ', ' ORDER BY sid) FROM app.logs WHERE sid LIKE 'R_'), 'R1 sent, R2');
SELECT is(failures(), 'S2 23P01 1, T2 P0001 1');
ALTER TABLE app.logs DISABLE ROW LEVEL SECURITY;

-- Rows that come later than their status, inserted by a role that knows nothing of msgstatus.
SELECT is(applied('L1 sent', 'L2 failed', 'L3 read'), '3');
DO $$ BEGIN
    EXECUTE format('CREATE TRIGGER inserted AFTER INSERT ON app.logs REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION msgstatus.reflect_inserted_rows(%s)', (SELECT id FROM attached));
    EXECUTE format('CREATE TRIGGER changed AFTER UPDATE OF sid ON app.logs FOR EACH ROW WHEN (NEW.sid IS NOT NULL AND NEW.sid IS DISTINCT FROM OLD.sid)
        EXECUTE FUNCTION msgstatus.reflect_changed_key(%s)', (SELECT id FROM attached));
END $$;
SET LOCAL ROLE t_app;
INSERT INTO app.logs (sid) VALUES ('L3'), ('L0'), ('L2'), (NULL), ('');
SELECT is((SELECT string_agg(concat_ws(' ', sid, COALESCE(status, '-'), error), ', ' ORDER BY sid) FROM app.logs WHERE sid LIKE 'L_'), 'L0 -, L2 failed undeliverable, L3 read', 'inserted');
UPDATE app.logs SET sid = 'L1' WHERE sid IS NULL;
SELECT is((SELECT status FROM app.logs WHERE sid = 'L1'), 'sent', 'given its id by an UPDATE');
INSERT INTO app.logs (sid) SELECT 'none' WHERE false;
SELECT throws_ok('SELECT * FROM msgstatus.message', '42501');
RESET ROLE;
SELECT is_empty($$SELECT * FROM msgstatus.message WHERE status::text = '{}'$$, 'no message is left behind that nobody heard of');
SELECT is(applied('L0 sent'), '1');
SELECT is((SELECT status FROM app.logs WHERE sid = 'L0'), 'sent');

-- Many unknown ids, after which one is taken to be unknown, too, and is known.
SELECT is(applied('N20 sent', 'N21 read', 'N35 sent'), '3');
SET LOCAL ROLE t_app;
INSERT INTO app.logs (sid) SELECT 'N' || n FROM generate_series(10, 50) AS n;
RESET ROLE;
SELECT is((SELECT string_agg(concat_ws(' ', sid, status), ', ' ORDER BY sid) FROM app.logs WHERE sid LIKE 'N%' AND status IS NOT NULL), 'N20 sent, N21 read, N35 sent');
SELECT is((SELECT count(*) FROM msgstatus.message WHERE message_id LIKE 'N%'), 3::bigint);
SELECT is(applied('N11 sent', 'N34 read', 'N50 sent'), '3');
SELECT is((SELECT string_agg(sid, ', ' ORDER BY sid) FROM app.logs WHERE sid LIKE 'N%' AND status IS NOT NULL), 'N11, N20, N21, N34, N35, N50');

-- An error there does not fail the application's statement.
ALTER TABLE app.logs ADD CHECK (status <> 'played' OR sid <> 'L7');
SELECT is(applied('L7 played', 'L8 sent'), '2');
SET LOCAL ROLE t_app;
SELECT lives_ok($$INSERT INTO app.logs (sid) VALUES ('L7'), ('L8')$$);
RESET ROLE;
SELECT is((SELECT string_agg(concat_ws(' ', sid, COALESCE(status, '-')), ', ' ORDER BY sid) FROM app.logs WHERE sid IN ('L7', 'L8')), 'L7 -, L8 sent');
SELECT is(failures(), 'L7 23514 1, S2 23P01 1, T2 P0001 1');

SELECT finish();
ROLLBACK;
