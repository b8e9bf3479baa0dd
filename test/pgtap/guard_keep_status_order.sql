-- keep_status_order: the state in a guarded column never goes back, whichever role updates it.
BEGIN;
\ir include/helpers.psql
SELECT no_plan();

CREATE TYPE delivery AS ENUM ('READ', 'SENT', 'DELIVERED', 'FAILED', 'custom'); -- an order of its own
CREATE DOMAIN label AS text CHECK (VALUE <> 'forbidden');
CREATE DOMAIN small_status AS msgstatus.message_status CHECK (NOT VALUE OPERATOR(msgstatus.?&) '{queued,read}');
CREATE TABLE sends (
    id integer PRIMARY KEY, message_id text, as_text text, as_varchar varchar(20), as_char char(12), as_enum delivery, as_domain label,
    as_state msgstatus.delivery_state, as_status msgstatus.message_status, as_small small_status, note text
);
CREATE TRIGGER guard BEFORE UPDATE ON sends FOR EACH ROW EXECUTE FUNCTION
    msgstatus.keep_status_order('as_text', 'as_varchar', 'as_char', 'as_enum', 'as_domain', 'as_state', 'as_status', 'as_small');

-- Returns the value of a column that held one value and was updated to another, or '-' where it is null.
CREATE FUNCTION became(guarded text, before text, after text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    result text;
BEGIN
    DELETE FROM sends;
    EXECUTE format('INSERT INTO sends (id, %I) VALUES (1, %L)', guarded, before);
    EXECUTE format('UPDATE sends SET %I = %L, note = ''written''', guarded, after);
    EXECUTE format('SELECT trim(%I::text) FROM sends WHERE note = ''written''', guarded) INTO STRICT result;
    RETURN COALESCE(result, '-');
END
$$;

SELECT is(became(guarded, before, after), CASE guarded WHEN 'as_state' THEN lower(expected) ELSE expected END, guarded || ' ' || description)
FROM unnest('{as_text,as_varchar,as_char,as_enum,as_domain,as_state}'::text[]) AS guarded, (VALUES
    ('SENT', 'READ', 'READ', 'goes forward'),
    ('READ', 'SENT', 'READ', 'does not go back'),
    ('FAILED', 'DELIVERED', 'DELIVERED', 'learns that it arrived after all'),
    ('DELIVERED', 'FAILED', 'DELIVERED', 'did not fail'),
    ('READ', NULL, 'READ', 'does not go back to NULL'),
    (NULL, 'SENT', 'SENT', 'begins with NULL'),
    (NULL, NULL, '-', 'may stay NULL')) AS t (before, after, expected, description);

SELECT is(became('as_text', 'Delivered', 'sent'), 'Delivered', 'the value stays as it was spelled');
SELECT is(became('as_text', 'READ', 'read'), 'read', 'the same state may be spelled otherwise');
SELECT is(became('as_text', 'queued', 'dispatched'), 'dispatched', 'synonyms of the providers are states');
SELECT is(became('as_text', 'sent', 'SUBMITTED'), 'sent', 'and have their place');
SELECT is(became('as_text', 'sent', ' read '), 'read', 'white space around a state');
SELECT is(became('as_text', 'draft', 'sent'), 'sent', 'what was no state may become one');
SELECT is(became('as_text', 'draft', 'ready'), 'ready', 'or anything');
SELECT is(became('as_text', 'draft', NULL), '-');
SELECT is(became('as_text', '', 'sent'), 'sent');
SELECT is(became('as_text', 'sent', 'draft'), 'sent', 'a state does not become what is none');
SELECT is(became('as_text', 'sent', ''), 'sent');
SELECT is(became('as_enum', 'SENT', 'custom'), 'SENT');
SELECT is(became('as_enum', 'custom', 'SENT'), 'SENT');
SELECT is(became('as_text', 'sent', repeat('x', 100000)), 'sent', 'a long value');
SELECT is(length(became('as_text', repeat('x', 100000), repeat('y', 50000))), 50000);

SELECT is(became('as_status', '{"read": "2024-12-10T10:31:00Z"}', '{"sent": "2024-12-10T10:30:00Z"}'),
    '{"sent": "2024-12-10T10:30:00Z", "read": "2024-12-10T10:31:00Z"}', 'a message_status is merged');
SELECT is(became('as_status', '{"sent": "2024-12-10T10:30:00Z"}', '{"sent": "2024-12-10T10:29:00Z", "read": "2024-12-10T10:31:00Z"}'),
    '{"sent": "2024-12-10T10:29:00Z", "read": "2024-12-10T10:31:00Z"}', 'the earlier time of a state');
SELECT is(became('as_status', '{"sent": "2024-12-10T10:30:00Z"}', NULL), '{"sent": "2024-12-10T10:30:00Z"}', 'a message_status is not forgotten');
SELECT is(became('as_status', '{"sent": "2024-12-10T10:30:00Z"}', '{}'), '{"sent": "2024-12-10T10:30:00Z"}');
SELECT is(became('as_status', NULL, '{"sent": "2024-12-10T10:30:00Z"}'), '{"sent": "2024-12-10T10:30:00Z"}');
SELECT is(became('as_small', '{"sent": "2024-12-10T10:30:00Z"}', '{"read": "2024-12-10T10:29:00Z"}'),
    '{"sent": "2024-12-10T10:30:00Z", "read": "2024-12-10T10:29:00Z"}', 'a domain over message_status');
SELECT throws_ok($$SELECT became('as_small', '{"queued": "2024-12-10T10:30:00Z"}', '{"read": "2024-12-10T10:29:00Z"}')$$, '23514', NULL,
    'what is merged must be of the domain, too');

-- Every writer, and nothing but the columns.
DELETE FROM sends;
INSERT INTO sends (id, as_text, as_varchar, note) VALUES (1, 'read', 'sent', 'a');
UPDATE sends SET as_text = 'sent', as_varchar = 'delivered', note = 'b';
SELECT results_eq('SELECT as_text, as_varchar::text, note FROM sends', $$VALUES ('read', 'delivered', 'b')$$, 'each column by itself, the others as written');
INSERT INTO sends (id, as_text) VALUES (1, 'sent') ON CONFLICT (id) DO UPDATE SET as_text = excluded.as_text, note = 'c';
SELECT results_eq('SELECT as_text, note FROM sends', $$VALUES ('read', 'c')$$, 'ON CONFLICT DO UPDATE');
MERGE INTO sends AS s USING (VALUES (1, 'sent')) AS v (id, state) ON s.id = v.id WHEN MATCHED THEN UPDATE SET as_text = v.state, note = 'd';
SELECT results_eq('SELECT as_text, note FROM sends', $$VALUES ('read', 'd')$$, 'MERGE');

-- Updates stay heap-only.
CREATE TABLE hot (id integer PRIMARY KEY, status text) WITH (fillfactor = 50);
CREATE INDEX ON hot (status);
CREATE TRIGGER guard BEFORE UPDATE ON hot FOR EACH ROW EXECUTE FUNCTION msgstatus.keep_status_order('status');
INSERT INTO hot SELECT n, 'read' FROM generate_series(1, 10) AS n;
UPDATE hot SET status = 'sent';
SELECT is((SELECT n_tup_hot_upd FROM pg_stat_xact_user_tables WHERE relname = 'hot'), 10::bigint, 'an update that would go back changes no indexed column');

-- Partitions and columns that were dropped or added later.
CREATE TABLE parted (gone integer, id integer, status text) PARTITION BY LIST (id);
ALTER TABLE parted DROP COLUMN gone;
CREATE TABLE parted_1 (status text, id integer);
ALTER TABLE parted ATTACH PARTITION parted_1 FOR VALUES IN (1);
ALTER TABLE parted ADD COLUMN later text DEFAULT 'delivered';
CREATE TRIGGER guard BEFORE UPDATE OF status, later ON parted FOR EACH ROW EXECUTE FUNCTION msgstatus.keep_status_order('status', 'later');
INSERT INTO parted (id, status) VALUES (1, 'read');
UPDATE parted SET status = 'sent', later = 'sent';
SELECT results_eq('SELECT status, later FROM parted', $$VALUES ('read', 'delivered')$$, 'a partition with another order of columns');

-- Labels of a table's own.
CREATE TABLE orders (status text, phase delivery, "odd=name" text);
CREATE TRIGGER guard BEFORE UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION
    msgstatus.keep_status_order('status=queued:WAITING, sent: GONE ,sent:away,delivered:SENT', 'phase=played:custom', 'odd=name');
INSERT INTO orders VALUES ('gone', 'custom', 'read');
UPDATE orders SET status = 'waiting', phase = 'READ', "odd=name" = 'sent';
SELECT results_eq('SELECT status, phase::text, "odd=name" FROM orders', $$VALUES ('gone', 'custom', 'read')$$, 'labels of one''s own, in any case');
UPDATE orders SET status = 'Away';
SELECT is(status, 'Away', 'two labels of one state') FROM orders;
UPDATE orders SET status = 'sent';
SELECT is(status, 'sent', 'a label that names another state') FROM orders;
UPDATE orders SET status = 'GONE';
SELECT is(status, 'sent', 'has the place it was given') FROM orders;
UPDATE orders SET status = 'read';
SELECT is(status, 'read', 'states without a label of their own keep their names') FROM orders;

-- citext is stored as text is.
CREATE EXTENSION citext;
CREATE TABLE foreign_type (status citext);
CREATE TRIGGER guard BEFORE UPDATE ON foreign_type FOR EACH ROW EXECUTE FUNCTION msgstatus.keep_status_order('status');
INSERT INTO foreign_type VALUES ('read');
UPDATE foreign_type SET status = 'Sent';
SELECT is(status::text, 'read', 'citext') FROM foreign_type;

-- A row begins anew with another message.
CREATE TABLE retried (id integer, message_id text, status text);
CREATE TRIGGER guard BEFORE UPDATE ON retried FOR EACH ROW WHEN (OLD.message_id IS NOT DISTINCT FROM NEW.message_id)
    EXECUTE FUNCTION msgstatus.keep_status_order('status');
INSERT INTO retried VALUES (1, 'SM1', 'failed');
UPDATE retried SET status = 'queued';
SELECT is(status, 'failed') FROM retried;
UPDATE retried SET message_id = 'SM2', status = 'queued';
SELECT is(status, 'queued', 'a retry with another message') FROM retried;

-- Who updates needs no right on the schema msgstatus.
CREATE ROLE t_app;
GRANT SELECT, UPDATE ON orders TO t_app;
GRANT USAGE ON SCHEMA public TO t_app;
SET LOCAL ROLE t_app;
SELECT lives_ok($$UPDATE public.orders SET status = 'sent'$$, 'a role without any right on msgstatus');
RESET ROLE;
SELECT is(status, 'read') FROM orders;

-- A trigger that cannot work raises an error when it is created or, without the event trigger, when it first fires.
CREATE TABLE wrong (id integer, status text, doubled text GENERATED ALWAYS AS (status || status) STORED, st msgstatus.message_status, tags text[]);
INSERT INTO wrong VALUES (1, 'sent');
-- Tests both errors of a trigger: when it is created and when it fires.
CREATE FUNCTION fails(code text, message text, timing text, arguments text, statement text DEFAULT 'UPDATE wrong SET id = 2') RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    result text;
    hint text;
    creation text := format('CREATE TRIGGER failing %s EXECUTE FUNCTION msgstatus.keep_status_order(%s)', timing, arguments);
BEGIN
    result := throws_ok(creation, code, message, concat_ws(': ', arguments, 'at once', message));
    ALTER EVENT TRIGGER msgstatus_check_status_order DISABLE;
    EXECUTE creation;
    ALTER EVENT TRIGGER msgstatus_check_status_order ENABLE;
    result := concat_ws(E'\n', result, throws_ok(statement, code, message, concat_ws(': ', arguments, message)));
    BEGIN
        EXECUTE statement;
    EXCEPTION WHEN OTHERS THEN
        GET STACKED DIAGNOSTICS hint = PG_EXCEPTION_HINT;
        result := concat_ws(E'\n', result, ok(hint <> '', 'with a hint'));
    END;
    DROP TRIGGER failing ON wrong;
    RETURN result;
END
$$;
SELECT fails('39P01', 'keep_status_order() must be fired BEFORE UPDATE FOR EACH ROW', timing, '''status''', statement)
FROM (VALUES ('AFTER UPDATE ON wrong FOR EACH ROW', 'UPDATE wrong SET id = 2'), ('BEFORE UPDATE ON wrong FOR EACH STATEMENT', 'UPDATE wrong SET id = 2'),
    ('BEFORE INSERT ON wrong FOR EACH ROW', 'INSERT INTO wrong DEFAULT VALUES'), ('BEFORE DELETE ON wrong FOR EACH ROW', 'DELETE FROM wrong')) AS t (timing, statement);
SELECT fails(code, message, 'BEFORE UPDATE ON wrong FOR EACH ROW', arguments) FROM (VALUES
    ('22023', 'keep_status_order() requires the names of the columns to guard', ''),
    ('42703', 'column "state" of table "wrong" does not exist', '''state'''),
    ('42703', 'column "Status" of table "wrong" does not exist', '''Status'''),
    ('42703', 'column "state=sent:x" of table "wrong" does not exist', '''state=sent:x'''),
    ('42703', 'column "" of table "wrong" does not exist', ''''''),
    ('428C9', 'column "doubled" of table "wrong" is generated', '''status'', ''doubled'''),
    ('42804', 'column "id" of table "wrong" is of type integer, which cannot hold a state', '''id'''),
    ('42804', 'column "tags" of table "wrong" is of type text[], which cannot hold a state', '''tags'''),
    ('22023', 'invalid label mapping: "GONE"', '''status=GONE'''),
    ('22023', 'invalid label mapping: "sent:"', '''status=read:SEEN,sent:'''),
    ('22023', 'invalid label mapping: "vanished:x"', '''status=vanished:x'''),
    ('22023', 'column "st" is of type message_status and takes no labels', '''st=sent:GONE''')
) AS t (code, message, arguments);

-- The check does not stop right triggers, other triggers, or roles without the right to run it.
SELECT lives_ok($$CREATE TRIGGER b BEFORE UPDATE OF status ON wrong FOR EACH ROW WHEN (NEW.id > 0) EXECUTE FUNCTION msgstatus.keep_status_order('status', 'st')$$);
SELECT throws_ok($$CREATE OR REPLACE TRIGGER b BEFORE UPDATE ON wrong FOR EACH ROW EXECUTE FUNCTION msgstatus.keep_status_order('no')$$, '42703');
SELECT lives_ok($$CREATE TRIGGER c BEFORE UPDATE ON wrong FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()$$);
CREATE SCHEMA other;
CREATE FUNCTION other.keep_status_order() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
SELECT lives_ok($$CREATE TRIGGER d BEFORE UPDATE ON wrong FOR EACH ROW EXECUTE FUNCTION other.keep_status_order('no')$$, 'another function of this name');
CREATE ROLE t_operator;
SELECT msgstatus.grant_access('t_operator', 'operator');
CREATE ROLE t_guarding;
GRANT USAGE ON SCHEMA msgstatus TO t_guarding;
GRANT EXECUTE ON FUNCTION msgstatus.keep_status_order() TO t_guarding;
GRANT CREATE ON SCHEMA public TO t_guarding;
SET LOCAL ROLE t_guarding;
CREATE TABLE public.theirs (id integer, status text);
SELECT lives_ok($$CREATE TRIGGER a BEFORE UPDATE ON public.theirs FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()$$);
SELECT lives_ok($$CREATE TRIGGER b BEFORE UPDATE ON public.theirs FOR EACH ROW EXECUTE FUNCTION msgstatus.keep_status_order('no')$$, 'not checked');
RESET ROLE;
REVOKE ALL ON SCHEMA msgstatus FROM t_guarding;
SET LOCAL ROLE t_guarding;
SELECT lives_ok($$CREATE TRIGGER c BEFORE UPDATE ON public.theirs FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()$$, 'without any right');
RESET ROLE;
GRANT CREATE ON SCHEMA public TO t_operator;
SET LOCAL ROLE t_operator;
CREATE TABLE public.operators (id integer, status text);
SELECT throws_ok($$CREATE TRIGGER b BEFORE UPDATE ON public.operators FOR EACH ROW EXECUTE FUNCTION msgstatus.keep_status_order('no')$$, '42703', NULL,
    'with the level operator');
RESET ROLE;
SELECT throws_ok($$CREATE SCHEMA t_made CREATE TABLE made (status text)
    CREATE TRIGGER made BEFORE UPDATE ON made FOR EACH ROW EXECUTE FUNCTION msgstatus.keep_status_order('no')$$, '42703', NULL, 'with a schema');

SELECT throws_ok('SELECT msgstatus.keep_status_order()', '39P01', NULL, 'called as if it were no trigger');

-- Times, flags and numbers: an application that writes whole rows does not take back what it had not read.
CREATE TABLE times (id integer PRIMARY KEY, at timestamptz, local timestamp, day date, is_read boolean, code smallint);
CREATE TRIGGER guard BEFORE UPDATE ON times FOR EACH ROW EXECUTE FUNCTION
    msgstatus.keep_status_order('at', 'local', 'day', 'is_read', 'code=sent:1,delivered:2,read:3,failed:9');
INSERT INTO times VALUES (1);
UPDATE times SET at = '2024-12-10 10:30Z', local = '2024-12-10 10:30', day = '2024-12-10', is_read = false, code = 2;
SELECT is((SELECT times::text FROM times), (1, '2024-12-10 10:30Z'::timestamptz, '2024-12-10 10:30:00'::timestamp, '2024-12-10'::date, false, 2)::text, 'what was empty is written');
UPDATE times SET at = NULL, local = NULL, day = NULL, is_read = NULL, code = NULL;
SELECT is((SELECT (at = '2024-12-10 10:30Z', local = '2024-12-10 10:30', day = '2024-12-10', is_read, code)::text FROM times), '(t,t,t,,2)', 'no time is taken away');
UPDATE times SET at = '2024-12-10 10:31Z', local = '2024-12-10 10:31', day = '2024-12-11', is_read = true, code = 1;
SELECT is((SELECT (at = '2024-12-10 10:30Z', local = '2024-12-10 10:30', day = '2024-12-10', is_read, code)::text FROM times), '(t,t,t,t,2)', 'the earliest stays');
UPDATE times SET at = '2024-12-10 10:29Z', local = '2024-12-10 10:29', day = '2024-12-09', is_read = false, code = 9;
SELECT is((SELECT (at = '2024-12-10 10:29Z', local = '2024-12-10 10:29', day = '2024-12-09', is_read, code)::text FROM times), '(t,t,t,t,2)', 'an earlier one is written; what was read stays so');
UPDATE times SET code = 3;
SELECT is((SELECT code FROM times), 3::smallint);
SELECT throws_ok($$CREATE TRIGGER wrong BEFORE UPDATE ON times FOR EACH ROW EXECUTE FUNCTION msgstatus.keep_status_order('at=sent:1')$$, '22023');

SELECT finish();
ROLLBACK;
