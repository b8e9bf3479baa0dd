"""The people who sign in at the console, and a database whose functions say what they were asked for."""

from console import let_passwords_count

# Passwords count for everybody but the superuser and the console's own role.
RULES = """local all all trust
host all postgres 127.0.0.1/32 trust
host all console 127.0.0.1/32 trust
host all trusting 127.0.0.1/32 trust
host all all 127.0.0.1/32 scram-sha-256
"""
# Stand in for the functions of the web log where only the way to them is tested.
ECHOES = """
CREATE SCHEMA msgstatus;
GRANT USAGE ON SCHEMA msgstatus TO otto, anna;
CREATE TABLE msgstatus.done (at timestamptz DEFAULT now(), who text DEFAULT current_user, what jsonb);
GRANT INSERT, SELECT ON msgstatus.done TO otto;
CREATE FUNCTION msgstatus.echo(p jsonb) RETURNS jsonb LANGUAGE sql STABLE AS $$
    SELECT jsonb_build_object('role', current_user, 'session_role', session_user, 'parameters', p, 'pid', pg_backend_pid(),
        'read_only', current_setting('transaction_read_only'), 'search_path', current_setting('search_path'),
        'application', current_setting('application_name'), 'timeout', current_setting('statement_timeout'))
$$;
CREATE FUNCTION msgstatus.weblog_session(p jsonb) RETURNS jsonb LANGUAGE sql STABLE AS 'SELECT msgstatus.echo(p)';
CREATE FUNCTION msgstatus.weblog_messages(p jsonb) RETURNS jsonb LANGUAGE sql STABLE AS 'SELECT msgstatus.echo(p)';
CREATE FUNCTION msgstatus.weblog_campaigns(p jsonb) RETURNS jsonb LANGUAGE sql STABLE AS 'SELECT msgstatus.echo(p)';
CREATE FUNCTION msgstatus.weblog_message(p jsonb) RETURNS jsonb LANGUAGE sql STABLE AS
    $$SELECT CASE WHEN p ->> 'id' <> 'unknown' THEN msgstatus.echo(p) END$$;
CREATE FUNCTION msgstatus.weblog_stats(p jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
BEGIN
    RAISE invalid_parameter_value USING MESSAGE = 'there is no such state', HINT = 'States: sent, read.';
END $$;
CREATE FUNCTION msgstatus.weblog_volumes(p jsonb) RETURNS jsonb LANGUAGE sql AS
    $$SELECT msgstatus.echo(p) FROM pg_sleep((p ->> 'zone')::float)$$;
-- Goes on after it was cancelled.
-- Ends 6 seconds after it is cancelled, however often.
CREATE FUNCTION msgstatus.weblog_attached(p jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
    cancelled_at timestamptz;
BEGIN
    LOOP
        BEGIN
            PERFORM pg_sleep(COALESCE(extract(epoch FROM cancelled_at + '6 seconds' - clock_timestamp()), 60));
            RETURN msgstatus.echo(p);
        EXCEPTION WHEN query_canceled THEN
            cancelled_at := COALESCE(cancelled_at, clock_timestamp());
        END;
    END LOOP;
END $$;
CREATE FUNCTION msgstatus.weblog_rejected(p jsonb) RETURNS jsonb LANGUAGE sql AS
    $$INSERT INTO msgstatus.done (what) VALUES (p) RETURNING what$$;
CREATE FUNCTION msgstatus.weblog_refresh(p jsonb) RETURNS jsonb LANGUAGE sql AS
    $$INSERT INTO msgstatus.done (what) VALUES (p) RETURNING msgstatus.echo(p)$$;
CREATE FUNCTION msgstatus.weblog_csv_header() RETURNS text LANGUAGE sql AS $$SELECT E'message_id,state\\r\\n'$$;
CREATE FUNCTION msgstatus.weblog_csv_page(p jsonb) RETURNS jsonb LANGUAGE sql AS $$
    SELECT jsonb_build_object('lines', jsonb_agg(format(E'wamid.%s,delivered %s\\r\\n', n, repeat('x', 60)) ORDER BY n),
        'next', CASE WHEN max(n) < 200000 THEN max(n)::text END)
    FROM generate_series(COALESCE(NULLIF(p ->> 'cursor', '')::bigint, 0) + 1,
        LEAST(COALESCE(NULLIF(p ->> 'cursor', '')::bigint, 0) + (p ->> 'limit')::bigint, 200000)) AS n
$$;
REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA msgstatus FROM PUBLIC;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA msgstatus TO otto;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA msgstatus TO anna;
REVOKE EXECUTE ON FUNCTION msgstatus.weblog_refresh FROM anna;
"""


def address_of(database, user=""):
    """Where people sign in, or where the console signs in as a role of its own."""
    return f"host=127.0.0.1 port={database.server.port} dbname={database.name}" + (f" user={user}" if user else "")


def make_people(server):
    """Makes the roles of people and of the console."""
    let_passwords_count(server, RULES)
    server.execute("postgres", "CREATE ROLE console LOGIN NOINHERIT; CREATE ROLE trusting LOGIN; CREATE ROLE paula; GRANT paula TO console;")
