-- Code of an attached table runs with the rights of the role that attached it, whenever it runs, and leaves no trace in the caller.
BEGIN;
\ir include/helpers.psql
SELECT no_plan();
CREATE ROLE pgtap_shop;
CREATE SCHEMA app AUTHORIZATION pgtap_shop;
SELECT msgstatus.grant_access('pgtap_shop', 'operator');
SET ROLE pgtap_shop;
CREATE TABLE app.orders (wamid text PRIMARY KEY, status text);
CREATE TABLE app.trap (wamid text);
CREATE TABLE app.seen (who name);
CREATE FUNCTION app.spring() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.wamid LIKE 'raise%' THEN
        RAISE EXCEPTION 'sprung';
    END IF;
    INSERT INTO app.seen VALUES (current_user);
    RETURN NULL;
END
$$;
CREATE CONSTRAINT TRIGGER spring AFTER INSERT ON app.trap DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION app.spring();
CREATE FUNCTION app.touch() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('default_transaction_read_only', 'on', false);
    IF NEW.wamid LIKE 'deallocate%' THEN
        DEALLOCATE ALL;
    END IF;
    INSERT INTO app.trap VALUES (NEW.wamid);
    RETURN NEW;
END
$$;
INSERT INTO app.orders VALUES ('a'), ('raise'), ('deallocate');
SELECT msgstatus.attach_table('app.orders', 'wamid');
CREATE TRIGGER touch BEFORE UPDATE ON app.orders FOR EACH ROW EXECUTE FUNCTION app.touch();
RESET ROLE;
CREATE TABLE parent (id integer PRIMARY KEY);
CREATE TABLE child (id integer REFERENCES parent DEFERRABLE INITIALLY DEFERRED);

SELECT is(msgstatus.apply_message_status('{"id": "a", "status": "sent"}') ->> 'applied', '1');
SELECT is((SELECT status FROM app.orders WHERE wamid = 'a'), 'sent');
SELECT is(current_setting('default_transaction_read_only'), 'off', 'a setting of a trigger ends with the call');
SELECT is((SELECT array_agg(who) FROM app.seen), '{pgtap_shop}', 'a deferred trigger has run before the call ends, as who attached the table');

SELECT is(msgstatus.apply_message_status('{"id": "raise", "status": "sent"}') ->> 'applied', '1',
    'statuses stay whatever the code of the table does');
SELECT is((SELECT array_agg(f.message_id ORDER BY f.message_id) FROM msgstatus.attached_table_failure AS f), '{raise}',
    'a deferred trigger that raises is a failure of the row');

PREPARE of_the_caller AS SELECT 1;
SELECT is(msgstatus.apply_message_status('{"id": "deallocate", "status": "sent", "timestamp": "1733826600"}') ->> 'applied', '1');
SELECT is((SELECT count(*)::integer FROM pg_prepared_statements WHERE name = 'of_the_caller'), 1,
    'a trigger cannot drop the statements of the caller');
SELECT is((SELECT count(*)::integer FROM msgstatus.attached_table_failure AS f WHERE f.message_id = 'deallocate' AND f.error_code = '42501'), 1);

-- Constraints that the caller's own statements have deferred stay deferred.
INSERT INTO child VALUES (1);

SELECT is(msgstatus.apply_message_status('{"id": "a", "status": "delivered"}') ->> 'applied', '1');
SELECT is((SELECT status FROM app.orders WHERE wamid = 'a'), 'delivered');
SELECT lives_ok('INSERT INTO parent VALUES (1)');
SELECT lives_ok('SET CONSTRAINTS ALL IMMEDIATE', 'nothing waits that would run as the caller');
SELECT is((SELECT array_agg(DISTINCT who) FROM app.seen), '{pgtap_shop}');
-- Previewing or trying a table runs none of its owner's code with the caller's rights.
SET ROLE pgtap_shop;
CREATE FUNCTION app.note(value text) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    INSERT INTO app.seen VALUES (current_user);
    RETURN true;
EXCEPTION
    -- Where nothing may be written, in a STABLE function.
    WHEN OTHERS THEN
        IF current_user <> 'pgtap_shop' THEN
            RAISE EXCEPTION 'run as %', current_user;
        END IF;
        RETURN true;
END
$$;
CREATE DOMAIN app.inner_word AS text CHECK (app.note(VALUE));
CREATE TYPE app.word AS ENUM ('sent', 'read', 'failed');
CREATE FUNCTION app.word_of(value text) RETURNS app.word LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    PERFORM app.note(value);
    RETURN 'sent';
END
$$;
CREATE FUNCTION app.text_of(value app.word) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    PERFORM app.note('');
    RETURN 'sent';
END
$$;
CREATE CAST (text AS app.word) WITH FUNCTION app.word_of(text);
CREATE TABLE app.by_domain (id text PRIMARY KEY, status text CHECK (status::app.inner_word <> 'never'));
CREATE TABLE app.by_enum (id text PRIMARY KEY, status app.word CHECK (status::text <> 'never'));
CREATE CAST (app.word AS text) WITH FUNCTION app.text_of(app.word);
CREATE TABLE app.by_index (id text PRIMARY KEY, status text, created_at timestamptz);
CREATE INDEX ON app.by_index (id) WHERE app.note('');
CREATE TABLE app.by_policy (id text PRIMARY KEY, status text);
CREATE POLICY note ON app.by_policy USING (app.note(status));
ALTER TABLE app.by_policy ENABLE ROW LEVEL SECURITY;
TRUNCATE app.seen;
RESET ROLE;
CREATE ROLE pgtap_looking;
GRANT USAGE ON SCHEMA app TO pgtap_looking;
GRANT SELECT, UPDATE, TRIGGER ON ALL TABLES IN SCHEMA app TO pgtap_looking;
SELECT msgstatus.grant_access('pgtap_looking', 'operator');
SELECT lives_ok(format('SELECT * FROM msgstatus.preview_attach(%L, ''id'')', t), format('%s is previewed without its owner''s code', t))
FROM unnest('{app.by_domain,app.by_enum,app.by_index,app.by_policy}'::text[]) AS t;
SET ROLE pgtap_looking;
SELECT lives_ok(format('SELECT * FROM msgstatus.preview_attach(%L, ''id'')', t), format('%s, by a role that may read it', t))
FROM unnest('{app.by_domain,app.by_enum,app.by_index,app.by_policy}'::text[]) AS t;
RESET ROLE;
SELECT is_empty($$SELECT * FROM app.seen WHERE who <> 'pgtap_shop'$$);
SELECT is((SELECT p.spelling ->> 'failed' FROM msgstatus.preview_attach('app.by_enum', 'id') AS p WHERE p.fact = 'state'), 'failed');

-- An attached table is brought up to date and read as the role that attached it, whoever calls.
SET ROLE pgtap_shop;
SELECT msgstatus.attach_table('app.by_index', 'id');
RESET ROLE;
SELECT lives_ok($$SELECT msgstatus.resync_table('app.by_index')$$);

-- Triggers on message run as its owner, deferred ones, too.
CREATE ROLE pgtap_teller;
SELECT msgstatus.grant_access('pgtap_teller', 'ingest');
CREATE TABLE app.told (who name);
CREATE FUNCTION tell() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO app.told VALUES (current_user);
    RETURN NULL;
END
$$;
CREATE CONSTRAINT TRIGGER tell AFTER INSERT ON msgstatus.message DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION tell();
SET ROLE pgtap_teller;
SELECT is(msgstatus.apply_message_status('{"id": "told", "status": "sent", "timestamp": "1733826600"}') ->> 'applied', '1');
RESET ROLE;
SELECT is((SELECT array_agg(who) FROM app.told), (SELECT array_agg(tableowner) FROM pg_tables WHERE schemaname = 'msgstatus' AND tablename = 'message'));
SELECT finish();
ROLLBACK;
