"""The console as a program under test, the people who sign in, and a database whose functions say what they were asked for."""

import json
import os
import pathlib
import subprocess
import threading

from client import request
from receiver import PROGRAM, ROOT, Receiver, clean_environment

BUILT = ROOT / "build/receiver/console/msgstatus-console"
CONSOLE = os.environ.get("MSGSTATUS_CONSOLE", str(pathlib.Path(PROGRAM).with_name("msgstatus-console") if "MSGSTATUS_RECEIVER" in os.environ else BUILT))
PASSWORD = "correct horse"
COOKIE = "msgstatus_session"
SECURE_COOKIE = f"__Host-{COOKIE}"  # behind HTTPS
# Passwords count for everybody but the superuser and the console's own role.
RULES = """local all all trust
host all postgres 127.0.0.1/32 trust
host all console 127.0.0.1/32 trust
host all trusting 127.0.0.1/32 trust
host all all 127.0.0.1/32 scram-sha-256
"""
PEOPLE = {"otto": "operator", "anna": "analyst", "nora": None}
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
CREATE FUNCTION msgstatus.weblog_attached(p jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_sleep(60);
EXCEPTION WHEN query_canceled THEN
    PERFORM pg_sleep(3);
    RETURN msgstatus.echo(p);
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


class Console(Receiver):
    """A running console. Its flags and its log are like those of the receiver."""

    def __init__(self, database, *flags, listen="127.0.0.1:0", **variables):
        command = [CONSOLE, "--listen", listen, "--admin-listen", "127.0.0.1:0", "--log-format", "json", "--log-level", "debug",
                   "--database", database, *flags]
        self.process = subprocess.Popen(command, env=clean_environment(**variables), stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        self.lines = []
        self._reader = threading.Thread(target=self._read_log, daemon=True)
        self._reader.start()
        self.port = self.wait_for_log("listening", listener="listen")["port"]
        self.admin_port = self.wait_for_log("listening", listener="admin-listen")["port"]

    @property
    def origin(self):
        return f"http://127.0.0.1:{self.port}"

    def get(self, target, token=None, headers=None):
        return request(self.port, "GET", target, headers={**cookie(token), **(headers or {})})

    def post(self, target, body, token=None, headers=None):
        """Sends what a page would send; a header that is None is left out."""
        own = {"Content-Type": "application/json", "Origin": self.origin, **cookie(token), **(headers or {})}
        body = body if isinstance(body, bytes) else json.dumps(body).encode()
        return request(self.port, "POST", target, body, {name: value for name, value in own.items() if value is not None})

    def sign_in(self, role, password=PASSWORD, token=None, client=None):
        """Signs in, from an address that a proxy tells."""
        return self.post("/api/login", {"role": role, "password": password}, token, {"X-Forwarded-For": client} if client else None)

    def token(self, role):
        """Signs in, and returns the token."""
        answer = self.sign_in(role)
        assert answer.status == 200, answer
        return token_of(answer)


def cookie(token, name=COOKIE):
    return {"Cookie": f"other=1; {name}={token}"} if token else {}


def token_of(answer, name=COOKIE):
    sent, _, value = answer.headers["set-cookie"].partition(";")[0].partition("=")
    assert sent == name
    return value


def make_people(server):
    """Lets passwords count, and makes the roles of people and of the console."""
    server.execute("postgres", "CREATE ROLE console LOGIN NOINHERIT; CREATE ROLE trusting LOGIN; CREATE ROLE paula; GRANT paula TO console;\n"
                   + "".join(f"CREATE ROLE {name} LOGIN PASSWORD '{PASSWORD}';\n" for name in PEOPLE))
    (server.data / "pg_hba.conf").write_text(RULES, encoding="utf-8")
    server.execute("postgres", "SELECT pg_reload_conf();")
