-- Code of an attached table runs with the rights of whoever attached it, whenever it runs, and leaves no trace in the caller.
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

-- What the caller's own statements have deferred stays deferred.
INSERT INTO child VALUES (1);

SELECT is(msgstatus.apply_message_status('{"id": "a", "status": "delivered"}') ->> 'applied', '1');
SELECT is((SELECT status FROM app.orders WHERE wamid = 'a'), 'delivered');
SELECT lives_ok('INSERT INTO parent VALUES (1)');
SELECT lives_ok('SET CONSTRAINTS ALL IMMEDIATE', 'nothing waits that would run as the caller');
SELECT is((SELECT array_agg(DISTINCT who) FROM app.seen), '{pgtap_shop}');
SELECT finish();
ROLLBACK;
