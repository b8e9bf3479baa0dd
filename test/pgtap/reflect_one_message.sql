-- One message is reflected by a statement of its own, made of the stored text: it runs where the text reads messages as
-- reflecting_update() writes, and what a user spells the same stays as it is.
BEGIN;
\ir include/helpers.psql
SELECT no_plan();
CREATE SCHEMA app;
SET LOCAL search_path = app, public;

-- A trigger writes down the statement that fired it.
CREATE TABLE ran (statement text);
CREATE FUNCTION write_statement() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    context text;
BEGIN
    GET DIAGNOSTICS context = PG_CONTEXT;
    INSERT INTO app.ran VALUES (context);
    RETURN NULL;
END
$$;
-- statements returns how the statements read their messages, and forgets them.
CREATE FUNCTION statements() RETURNS SETOF text LANGUAGE sql AS $$
    WITH gone AS (DELETE FROM app.ran RETURNING statement)
    SELECT substring(g.statement FROM '\(SELECT \$1 AS message_id, \$2 AS status, .* AS c\n|pg_catalog\.unnest\(\$1\) AS c\n') FROM gone AS g
$$;
CREATE TABLE plain (id text PRIMARY KEY, status text, sent_at timestamptz);
CREATE TABLE odd (id text PRIMARY KEY, status text, "pg_catalog.unnest($1) AS c" timestamptz);
CREATE TRIGGER write_statement AFTER UPDATE ON plain EXECUTE FUNCTION write_statement();
CREATE TRIGGER write_statement AFTER UPDATE ON odd EXECUTE FUNCTION write_statement();
INSERT INTO plain SELECT 'm' || n FROM generate_series(1, 3) AS n;
INSERT INTO odd SELECT * FROM plain;
SELECT msgstatus.attach_table('plain', 'id');
CREATE FUNCTION apply(state text, VARIADIC ids text[]) RETURNS void LANGUAGE sql AS $$
    SELECT msgstatus.apply_message_status_batch(array_agg(jsonb_build_object('id', id, 'status', state, 'timestamp', 1733832000)),
        array_agg(timestamptz '2024-12-10 12:00Z'), array_agg(NULL::text)) FROM unnest(ids) AS id
$$;

SELECT apply('sent', 'm1');
SELECT results_eq('SELECT statements()', ARRAY[E'(SELECT $1 AS message_id, $2 AS status, $3 AS error_code, $4 AS error_title, $5 AS error_details, $6 AS failures, $7 AS changed_at) AS c\n'],
    'one message by its columns');
SELECT apply('sent', 'm2', 'm3');
SELECT results_eq('SELECT statements()', ARRAY[E'pg_catalog.unnest($1) AS c\n'], 'several from an array');
SELECT is((SELECT count(*) FROM plain WHERE sent_at = '2024-12-10 12:00Z'), 3::bigint);
SELECT msgstatus.detach_table('plain', 'id');

-- Labels and columns that are spelled like the place of the messages.
SELECT lives_ok($$SELECT msgstatus.attach_table('odd', 'id', '{"state": {"column": "status", "spelling":
    {"sent": "pg_catalog.unnest($1) AS c", "delivered": "DELIVERED"}}, "sent_at": "pg_catalog.unnest($1) AS c"}')$$);
UPDATE odd SET status = NULL, "pg_catalog.unnest($1) AS c" = NULL;
SELECT apply('sent', 'm4');
INSERT INTO odd VALUES ('m4');
DELETE FROM ran;
SELECT apply('delivered', 'm4');
SELECT is((SELECT count(*) FROM msgstatus.attached_table_failure), 0::bigint, 'no failure');
SELECT is((SELECT status FROM odd WHERE id = 'm4'), 'DELIVERED', 'are reflected, too');
SELECT is((SELECT "pg_catalog.unnest($1) AS c" FROM odd WHERE id = 'm4'), '2024-12-10 12:00Z');
INSERT INTO odd VALUES ('m5');
SELECT apply('sent', 'm5');
SELECT is((SELECT status FROM odd WHERE id = 'm5'), 'pg_catalog.unnest($1) AS c', 'word for word');

SELECT finish();
ROLLBACK;
