-- Columns whose names and types could be read in two ways.
BEGIN;
SELECT plan(7);

CREATE ROLE odd_attacher;
CREATE SCHEMA odd;
GRANT USAGE, CREATE ON SCHEMA odd TO odd_attacher;
SELECT msgstatus.grant_access('odd_attacher', 'operator');
SELECT format('GRANT EXECUTE ON FUNCTION %s TO odd_attacher', p.oid::regprocedure) FROM pg_proc AS p
WHERE p.oid::regproc = 'msgstatus.attach_table'::regproc \gexec

-- A type of somebody else that has the name of a built-in one.
CREATE TABLE code_that_ran (who text);
GRANT INSERT ON code_that_ran TO PUBLIC;
CREATE FUNCTION odd.note(pg_catalog.date) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO public.code_that_ran VALUES (current_user);
    RETURN true;
END $$;
CREATE DOMAIN odd.date AS pg_catalog.date CHECK (odd.note(VALUE));

SET LOCAL ROLE odd_attacher;
SET LOCAL search_path = odd, pg_catalog, public;
CREATE TABLE odd.by_day (id text PRIMARY KEY, sent_day pg_catalog.date);
INSERT INTO odd.by_day VALUES ('wamid.odd');
SELECT lives_ok($$SELECT msgstatus.attach_table('odd.by_day', 'id', '{"sent_at": "sent_day"}')$$, 'a column of type date is attached');
RESET search_path;
RESET ROLE;
SELECT msgstatus.apply_message_status('[{"id": "wamid.odd", "status": "sent", "timestamp": "1700000000"}]');
SELECT isnt((SELECT sent_day FROM odd.by_day), NULL, 'the day is written');
SELECT is_empty('SELECT who FROM code_that_ran', 'no other type of the name date is used');

-- The whole range of bigint.
CREATE TABLE by_number (id bigint PRIMARY KEY, status text);
INSERT INTO by_number VALUES (123456789012345678, 'sent'), (9223372036854775807, 'sent');
SELECT msgstatus.attach_table('by_number', 'id');
SELECT msgstatus.apply_message_status('[{"id": "123456789012345678", "status": "read"}, {"id": "9223372036854775807", "status": "read"},
    {"id": "9223372036854775808", "status": "read"}, {"id": "9999999999999999999", "status": "read"}]');
SELECT is((SELECT array_agg(status) FROM by_number), ARRAY['read', 'read'], 'ids of 18 and of 19 digits are found');
SELECT is_empty($$SELECT * FROM msgstatus.attached_table_failure$$, 'larger numbers are no failure');

-- A name that format() could take for its own.
CREATE TABLE by_percent (id text PRIMARY KEY, "status%s" text CHECK ("status%s" IN ('sent', 'weird')));
SELECT lives_ok($$SELECT msgstatus.attach_table('by_percent', 'id', '{"state": {"column": "status%s", "spelling": {"sent": "sent"}}}')$$,
    'a column may have a per cent sign in its name');

SELECT is(msgstatus.rate_is_below(-12, 20, 95), true, 'a count below 0, as by wrong rollups, raises no error');
SELECT * FROM finish();
ROLLBACK;
