-- Users' triggers on the tables take part in the call: triggers that call back, and their errors.
BEGIN;
\ir include/helpers.psql
SELECT no_plan();

-- A trigger that applies a status itself, in the middle of the outer call.
CREATE FUNCTION echo() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.message_id LIKE 'outer%' THEN
        PERFORM msgstatus.apply_message_status(jsonb_build_array(
            jsonb_build_object('id', replace(NEW.message_id, 'outer', 'inner'), 'status', 'sent', 'timestamp', 1733832000),
            '{"id": "inner", "status": "gone"}'), '2024-12-10 12:00Z');
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER echo AFTER INSERT OR UPDATE ON msgstatus.message FOR EACH ROW EXECUTE FUNCTION echo();
CREATE TRIGGER echo AFTER INSERT ON msgstatus.status_event FOR EACH ROW EXECUTE FUNCTION echo();
SELECT is(counts((SELECT jsonb_agg(jsonb_build_object('id', 'outer' || n, 'status', 'read', 'timestamp', 1733832000 + n)) FROM generate_series(1, 50) AS n)),
    '50 50 0 0 0', 'calls within a call');
SELECT is((SELECT array_agg(DISTINCT status::text) FROM msgstatus.message WHERE message_id LIKE 'inner%'), ARRAY['{"sent": "2024-12-10T12:00:00Z"}']);
SELECT is((SELECT count(*) FROM msgstatus.message), 100::bigint);
SELECT is((SELECT count(*) FROM msgstatus.rejected_status), 100::bigint);
SELECT is(current_user, session_user);

-- A trigger that skips rows: a skipped status is a dead letter, alone or among other statuses, the first time or later.
CREATE FUNCTION skip() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.message_id = 'renamed' THEN
        NEW.message_id := 'another';
    END IF;
    RETURN CASE WHEN NEW.message_id = 'skipped' OR NEW.message_id = 'kept' AND NEW.status OPERATOR(msgstatus.?) 'read' THEN NULL ELSE NEW END;
END $$;
CREATE TRIGGER skip BEFORE INSERT OR UPDATE ON msgstatus.message FOR EACH ROW EXECUTE FUNCTION skip();
SELECT forget();
SELECT is(counts('[{"id": "skipped", "status": "sent"}, {"id": "taken", "status": "sent"}, {"id": "kept", "status": "sent"}]'), '3 2 0 1 0', 'among others');
SELECT is(counts('{"id": "skipped", "status": "read"}'), '1 0 0 1 0', 'alone');
SELECT is(counts('{"id": "kept", "status": "read"}'), '1 0 0 1 0', 'an update');
SELECT is(counts('[{"id": "kept", "status": "sent"}, {"id": "taken", "status": "sent"}, {"id": "kept", "status": "read"}]'), '3 0 1 2 0', 'what one call says of a message goes together');
SELECT is(counts('[{"id": "kept", "status": "sent"}, {"id": "taken", "status": "sent"}]'), '2 0 2 0 0', 'redeliveries are none');
SELECT is(counts('{"id": "renamed", "status": "sent"}'), '1 0 0 1 0', 'another id');
SELECT is((SELECT array_agg(message_id ORDER BY message_id) FROM msgstatus.message WHERE message_id IN ('skipped', 'taken', 'kept', 'renamed')), '{kept,taken}');
SELECT is((SELECT string_agg(message_id || ' ' || state::text, ', ' ORDER BY message_id) FROM msgstatus.status_event WHERE message_id IN ('skipped', 'taken', 'kept', 'renamed')), 'kept sent, taken sent');
SELECT is((SELECT string_agg(concat_ws(' ', payload ->> 'id', payload ->> 'status', reason), ', ' ORDER BY rejected_id) FROM msgstatus.rejected_status WHERE payload ->> 'id' <> 'inner'),
    (SELECT string_agg(s || ' a trigger keeps its message out of the table', ', ' ORDER BY n)
        FROM unnest('{skipped sent,skipped read,kept read,kept sent,kept read,renamed sent}'::text[]) WITH ORDINALITY AS w (s, n)));
DROP TRIGGER skip ON msgstatus.message;
SELECT is((SELECT (c ->> 'applied') FROM msgstatus.replay_rejected() AS c), '4', 'and can be replayed when the trigger is gone');
SELECT is(status('skipped') OPERATOR(pg_catalog.~) 'read', true);
CREATE TRIGGER skip BEFORE INSERT OR UPDATE ON msgstatus.message FOR EACH ROW EXECUTE FUNCTION skip();

-- How often triggers fire does not depend on how many statuses come in one call, but for BEFORE INSERT.
CREATE TABLE public.fired (message_id text, operation text);
CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO public.fired VALUES (NEW.message_id, TG_WHEN || ' ' || TG_OP); RETURN NEW; END $$;
CREATE TRIGGER note AFTER INSERT OR UPDATE ON msgstatus.message FOR EACH ROW WHEN (NEW.message_id LIKE 'noted%') EXECUTE FUNCTION note();
CREATE TRIGGER note_before BEFORE UPDATE ON msgstatus.message FOR EACH ROW WHEN (NEW.message_id LIKE 'noted%') EXECUTE FUNCTION note();
SELECT is(counts(calls), applied, calls::text) FROM (VALUES
    (1, '{"id": "noted 1", "status": "sent"}'::jsonb, '1 1 0 0 0'),
    (2, '{"id": "noted 1", "status": "read"}', '1 1 0 0 0'),
    (3, '[{"id": "noted 1", "status": "played"}, {"id": "noted 2", "status": "sent"}, {"id": "noted 2", "status": "read"}]', '3 3 0 0 0'),
    (4, '{"id": "noted 1", "status": "sent"}', '1 0 1 0 0'),
    (5, '[{"id": "noted 1", "status": "sent"}, {"id": "noted 2", "status": "sent"}]', '2 0 2 0 0')) AS c (n, calls, applied);
SELECT is((SELECT string_agg(concat_ws(' ', message_id, operation, count), ', ' ORDER BY message_id, operation)
        FROM (SELECT message_id, operation, count(*) FROM public.fired GROUP BY 1, 2) AS f),
    'noted 1 AFTER INSERT 1, noted 1 AFTER UPDATE 2, noted 1 BEFORE UPDATE 2, noted 2 AFTER INSERT 1');

-- A row of an attached table whose message is unknown: nothing that hangs onto message takes notice, as there is no message.
CREATE TABLE public.attached (sid text PRIMARY KEY, status text);
SELECT isnt(msgstatus.attach_table('public.attached', 'sid'), NULL);
SELECT counts('{"id": "known", "status": "read"}');
CREATE FUNCTION count_statement() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO public.fired VALUES (NULL, TG_WHEN || ' ' || TG_OP); RETURN NULL; END $$;
CREATE FUNCTION refuse_unknown() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no message'; END $$;
CREATE TRIGGER note_all AFTER INSERT OR DELETE OR UPDATE ON msgstatus.message FOR EACH ROW EXECUTE FUNCTION note();
CREATE TRIGGER note_statement AFTER INSERT OR DELETE OR UPDATE ON msgstatus.message FOR EACH STATEMENT EXECUTE FUNCTION count_statement();
CREATE TRIGGER note_statement_before BEFORE INSERT OR DELETE OR UPDATE ON msgstatus.message FOR EACH STATEMENT EXECUTE FUNCTION count_statement();
DELETE FROM public.fired;
INSERT INTO public.attached VALUES ('unknown 0');
SELECT is_empty('SELECT * FROM public.fired', 'no trigger fires');
CREATE TRIGGER refuse_unknown BEFORE INSERT ON msgstatus.message FOR EACH ROW WHEN (NEW.provider IS NULL) EXECUTE FUNCTION refuse_unknown();
ALTER TABLE msgstatus.message ADD COLUMN team text, ADD COLUMN number serial UNIQUE,
    ADD CONSTRAINT has_provider CHECK (provider IS NOT NULL) NOT VALID, ADD CONSTRAINT has_status CHECK (status <> '{}') NOT VALID;
CREATE INDEX ON msgstatus.message (lower(message_id)) WHERE provider IS NULL;
DELETE FROM public.fired;
INSERT INTO public.attached VALUES ('unknown 1'), ('known'), ('unknown 2');
INSERT INTO public.attached VALUES ('unknown 3');
UPDATE public.attached SET sid = 'unknown 4' WHERE sid = 'unknown 3';
SELECT is_empty('SELECT * FROM public.fired', 'nor those that would refuse it');
SELECT is_empty($$SELECT message_id FROM msgstatus.message WHERE message_id LIKE 'unknown%'$$, 'no message is there');
SELECT is_empty('SELECT message_id, error_message FROM msgstatus.attached_table_failure', 'and nothing was refused');
SELECT results_eq('SELECT sid, status FROM public.attached ORDER BY sid', $$VALUES ('known', 'read'), ('unknown 0', NULL), ('unknown 1', NULL), ('unknown 2', NULL), ('unknown 4', NULL)$$);
DROP TRIGGER refuse_unknown ON msgstatus.message;
ALTER TABLE msgstatus.message DROP CONSTRAINT has_provider;
SELECT is(counts('[{"id": "unknown 1", "status": "sent"}, {"id": "unknown 4", "status": "sent"}]'), '2 2 0 0 0', 'their first statuses');
SELECT is((SELECT string_agg(sid, ', ' ORDER BY sid) FROM public.attached WHERE status = 'sent'), 'unknown 1, unknown 4', 'are shown');
SELECT is((SELECT count(*) FROM public.fired WHERE message_id LIKE 'unknown%' AND operation = 'AFTER INSERT'), 2::bigint, 'and fire triggers then');

-- Where a column must be given, the executor writes the row, and so refuses it; the application's statement succeeds.
ALTER TABLE msgstatus.message ADD COLUMN must integer NOT NULL DEFAULT 1;
ALTER TABLE msgstatus.message ALTER COLUMN must DROP DEFAULT;
INSERT INTO public.attached VALUES ('unknown 5');
SELECT is((SELECT error_message FROM msgstatus.attached_table_failure WHERE message_id = 'unknown 5'),
    'null value in column "must" of relation "message" violates not-null constraint');
ALTER TABLE msgstatus.message ALTER COLUMN must SET DEFAULT nullif(1, 1);
INSERT INTO public.attached VALUES ('unknown 6');
SELECT is((SELECT error_message FROM msgstatus.attached_table_failure WHERE message_id = 'unknown 6'), 'the default of column "must" of table "message" is null');
ALTER TABLE msgstatus.message DROP COLUMN must;
INSERT INTO public.attached VALUES ('unknown 7');
SELECT is_empty($$SELECT error_message FROM msgstatus.attached_table_failure WHERE message_id = 'unknown 7'$$, 'a column that was dropped is passed over');

-- An error in one of a session's calls leaves nothing behind that would harm the next.
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'refused'; END $$;
CREATE TRIGGER refuse BEFORE INSERT OR UPDATE ON msgstatus.status_event FOR EACH ROW WHEN (NEW.message_id = 'refused') EXECUTE FUNCTION refuse();
SELECT throws_ok($$SELECT counts('[{"id": "with", "status": "sent"}, {"id": "refused", "status": "sent"}]')$$, 'refused') FROM generate_series(1, 20);
SELECT is(status('with'), NULL, 'the call is undone whole');
SELECT is(counts('{"id": "with", "status": "sent"}'), '1 1 0 0 0', 'the next one works');
SELECT is(current_setting('enable_seqscan'), 'on', 'and settings are as they were');

SELECT finish();
ROLLBACK;
