-- Attached tables, from below: how an applied status gets into them, with statements written by hand.
BEGIN;
\ir include/helpers.psql
SELECT no_plan();

-- What is attached is written down in the name of who attaches it.
CREATE ROLE t_attacher;
CREATE ROLE t_other;
SELECT msgstatus.grant_access('t_attacher', 'operator');
SELECT msgstatus.grant_access('t_other', 'operator');
CREATE SCHEMA app;
GRANT USAGE ON SCHEMA app TO t_attacher;
CREATE TABLE app.logs (id integer GENERATED ALWAYS AS IDENTITY, sid text UNIQUE, status text, error_message text, failures integer NOT NULL DEFAULT 0);
CREATE TEMP TABLE attached (name text PRIMARY KEY, id integer);
GRANT ALL ON attached TO PUBLIC;

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

SELECT finish();
ROLLBACK;
