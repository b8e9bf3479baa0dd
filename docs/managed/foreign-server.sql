-- For a database without msgstatus that asks one with it, by a foreign server and without replication (docs/managed.md). Before it, with
-- the extensions postgres_fdw and dblink:
--
--   CREATE SERVER msgstatus_server FOREIGN DATA WRAPPER postgres_fdw
--       OPTIONS (host 'status.example.org', dbname 'msgstatus', sslmode 'verify-full', sslrootcert 'system');
--   CREATE USER MAPPING FOR CURRENT_USER SERVER msgstatus_server OPTIONS (user 'shop', password '...');
--
-- The role shop there, made by
--
--   CREATE ROLE shop LOGIN PASSWORD '...';
--   SELECT msgstatus.grant_access('shop', 'ingest');
--   GRANT SELECT (message_id, status, recipient, error_code, created_at, updated_at) ON msgstatus.message TO shop;
--
-- applies and reads. This file can be run again.

CREATE SCHEMA IF NOT EXISTS msgstatus_server;

-- The types of msgstatus are not here, so IMPORT FOREIGN SCHEMA fails, and status arrives as text: status::jsonb ->> 'read'. Compare
-- message_id, recipient and created_at, which the other server looks up by index; a comparison of status fails there.
CREATE FOREIGN TABLE IF NOT EXISTS msgstatus_server.message (
    message_id text NOT NULL,
    status text NOT NULL,
    recipient text,
    error_code integer,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL
) SERVER msgstatus_server OPTIONS (schema_name 'msgstatus', table_name 'message');

-- Applies a webhook there, in a transaction of its own: it stays applied when the caller's is rolled back.
CREATE OR REPLACE FUNCTION msgstatus_server.apply_message_status(payload jsonb) RETURNS jsonb
    LANGUAGE plpgsql AS $$
DECLARE
    schema text := (SELECT n.nspname FROM pg_catalog.pg_extension AS e JOIN pg_catalog.pg_namespace AS n ON n.oid = e.extnamespace
        WHERE e.extname = 'dblink');
    answer jsonb;
BEGIN
    EXECUTE format('SELECT r.answer FROM %I.dblink($1, $2) AS r (answer jsonb)', schema) INTO answer
        USING 'msgstatus_server', format('SELECT msgstatus.apply_message_status(%L::jsonb)', $1);
    RETURN answer;
END
$$;
