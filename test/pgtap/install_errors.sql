-- Errors say what is wrong with which value, and what to do.
BEGIN;
\ir include/helpers.psql
SELECT no_plan();

-- Returns the error of a statement: code, message, detail, hint.
CREATE FUNCTION told(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    detail text;
    hint text;
BEGIN
    EXECUTE statement;
    RETURN NULL;
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
    RETURN concat_ws(' | ', SQLSTATE, SQLERRM, NULLIF(detail, ''), NULLIF(hint, ''));
END
$$;
CREATE TABLE told AS SELECT 'The states are processing, received, pending, scheduled, accepted, queued, sending, sent, partially_delivered, skipped, canceled, failed, undelivered, delivered, read, played.' AS states;

-- A misspelt state, wherever a text becomes one.
SELECT is(told($$SELECT 'raed'::msgstatus.delivery_state$$), '22P02 | invalid input value for type delivery_state: "raed" | ' || states) FROM told;
SELECT is(told($$SELECT * FROM msgstatus.message_timeline WHERE state = 'raed'$$), '22P02 | invalid input value for type delivery_state: "raed" | ' || states) FROM told;
SELECT is(told($$SELECT * FROM msgstatus.message_log(state => 'raed')$$), '22P02 | invalid input value for type delivery_state: "raed" | ' || states) FROM told;
SELECT is(told($$SELECT '{"raed": "2024-12-10T10:30:00Z"}'::msgstatus.message_status$$), '22P02 | invalid input value for type delivery_state: "raed" | ' || states) FROM told;
SELECT is(told($$SELECT '{"raed": "2024-12-10T10:30:00Z"}'::jsonb::msgstatus.message_status$$), '22P02 | invalid input value for type delivery_state: "raed" | ' || states) FROM told;
SELECT is(told($$SELECT msgstatus.grant_access('pg_monitor', 'admin')$$), '22023 | unknown level "admin" | The levels are ingest, sender, refresh, analyst and operator.');

SELECT is(told($$SELECT msgstatus.keep_content('Meta', false)$$), '22023 | unknown provider "Meta" | The view providers lists them; the empty text stands for messages whose provider is unknown.');

-- Phone numbers.
SELECT is(told($$SELECT msgstatus.opt_out('foo')$$), '22023 | invalid phone number: "foo" | Not a phone number. | Write it with its country code, such as +1 555 010 0001.');
SELECT is(told($$SELECT msgstatus.opt_out('+0049301234567')$$), '22023 | invalid phone number: "+0049301234567" | Begins with 00 in place of +. | Write it with its country code, such as +1 555 010 0001.');
SELECT is(told($$SELECT msgstatus.opt_out(NULL)$$), '22023 | invalid phone number: "" | There is none. | Write it with its country code, such as +1 555 010 0001.');

-- Arguments that are left out.
SELECT is(told($$SELECT msgstatus.purge_messages(NULL)$$), '22004 | argument "before" must not be null');
SELECT is(told($$SELECT msgstatus.create_campaign('c', time_zone => NULL)$$), '22004 | max_retries, retry_delay, max_retry_delay, retry_window and time_zone must not be null');
CREATE TABLE logs (sid text PRIMARY KEY, status text);
SELECT is(told($$SELECT msgstatus.attach_table('logs', 'sid', time_zone => NULL)$$), '22004 | time_zone and search_path must not be null');

-- Functions that only some levels may call.
CREATE ROLE t_analyst;
SELECT msgstatus.grant_access('t_analyst', 'analyst');
GRANT USAGE ON SCHEMA public TO t_analyst;
SET LOCAL ROLE t_analyst;
SELECT ok(told(statement) ~ '^42501 .*grant_access\(\)', statement) FROM (VALUES ($$SELECT * FROM msgstatus.message_log(recipient_prefix => '+1555010')$$),
    ($$SELECT * FROM msgstatus.message_log(metadata_text => 'x')$$), ($$SELECT msgstatus.best_send_hour('+15550100001', 'UTC')$$)) AS t (statement);
-- PostgreSQL's own refusals have its words and no hint, as docs/operations/database.md says.
SELECT is(told($$SELECT msgstatus.opt_out('+15550100001')$$), '42501 | permission denied for function opt_out');
SELECT is(told($$SELECT recipient FROM msgstatus.message$$), '42501 | permission denied for table message');
RESET ROLE;
CREATE ROLE t_nobody;
GRANT USAGE ON SCHEMA public TO t_nobody;
SET LOCAL ROLE t_nobody;
SELECT is(told(statement), '42501 | permission denied for schema msgstatus', statement) FROM (VALUES ($$SELECT msgstatus.apply_message_status('{}')$$),
    ($$SELECT * FROM msgstatus.message_timeline$$), ($$SELECT 'read'::msgstatus.delivery_state$$)) AS t (statement);
RESET ROLE;

-- Tables that another role attached.
CREATE ROLE t_operator;
SELECT msgstatus.grant_access('t_operator', 'operator');
GRANT USAGE ON SCHEMA public TO t_operator;
SELECT msgstatus.attach_table('logs', 'sid');
SET LOCAL ROLE t_operator;
SELECT ok(told($$SELECT msgstatus.detach_table('public.logs')$$) ~ '^42501 \| permission denied .*by the table''s owner', 'detach_table');
RESET ROLE;

SELECT finish();
ROLLBACK;
