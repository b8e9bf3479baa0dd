"""pg_upgrade takes a database with the extension along: it makes every object of the extension anew, in pg_catalog, too.

MSGSTATUS_CLUSTERS names further versions to upgrade to, one after the other, each with a staged installation that was built for it:
"/usr/lib/postgresql/17/bin/pg_config=/tmp/stage17 /usr/lib/postgresql/18/bin/pg_config=/tmp/stage18".
"""

import contextlib
import os
import pathlib
import subprocess

import pytest
from pgserver import PgServer

# Questions about each kind of object in a database; sorted, so that both clusters answer alike.
QUESTIONS = """
SELECT message_id, state FROM msgstatus.message_timeline WHERE state >= 'sent' ORDER BY state, message_id;
SELECT max(state), min(state) FROM msgstatus.message_timeline;
SELECT id FROM own WHERE state = 'read';
SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = 'own'::regclass ORDER BY 1;
SELECT pg_describe_object(classid, objid, 0) COLLATE "C" FROM pg_depend
WHERE refclassid = 'pg_extension'::regclass AND deptype = 'e' AND refobjid = (SELECT oid FROM pg_extension WHERE extname = 'msgstatus')
ORDER BY 1;
SELECT p.oid::regprocedure, a.grantee::regrole FROM pg_proc AS p, aclexplode(p.proacl) AS a
WHERE p.proname IN ('max', 'min', 'is_final') AND a.grantee <> p.proowner ORDER BY p.oid::regprocedure::text COLLATE "C", a.grantee::regrole;
"""


def clusters():
    """Returns the pg_config and the stage of each cluster, from the first to the last; None stands for those of all tests."""
    named = [tuple(part.split("=", 1)) for part in os.environ.get("MSGSTATUS_CLUSTERS", "").split()]
    return [(None, None), *(named or [(None, None)])]


@contextlib.contextmanager
def running(pg_config, stage):
    """A server of another version."""
    with pytest.MonkeyPatch.context() as environment:
        if pg_config is not None:
            environment.setenv("PG_CONFIG", pg_config)
            environment.setenv("MSGSTATUS_STAGE", stage)
        server = PgServer().__enter__()
    try:
        yield server
    finally:
        server.__exit__(None, None, None)


def skip_unless_libraries_are_found(server):
    # pg_upgrade of 18 loads '$libdir/msgstatus-...', which is looked for in the server's own directory alone, and the extension of
    # the tests lies where extension_control_path says.
    if server.version >= 18 and not list(pathlib.Path(server._ask_pg_config("--pkglibdir")).glob("msgstatus-*.so")):
        pytest.skip("pg_upgrade of PostgreSQL 18 finds libraries only in the server's own directory")


def test_pg_upgrade():
    with contextlib.ExitStack() as stack:
        first, *others = (stack.enter_context(running(*cluster)) for cluster in clusters())
        for server in first, *others:
            skip_unless_libraries_are_found(server)
        first.create_database("shop")
        first.execute("shop", """
            SELECT msgstatus.apply_message_status('[{"id": "w1", "status": "sent"}, {"id": "w2", "status": "read"}]');
            CREATE ROLE reports;
            SELECT msgstatus.grant_access('reports', 'analyst');
            CREATE TABLE own (id integer, state msgstatus.delivery_state PRIMARY KEY, status msgstatus.message_status UNIQUE,
                CHECK (state >= 'sent'));
            INSERT INTO own VALUES (1, 'read', '{}');""")
        expected = first.execute("shop", QUESTIONS)
        assert "operator =(msgstatus.delivery_state,msgstatus.delivery_state)" in expected
        old = first
        for new in others:
            upgrade(old, new)
            assert new.execute("shop", QUESTIONS) == expected
            assert new.execute("shop", "SELECT count(*) FROM msgstatus.verify_rollups()") == "0\n"
            old = new
        old.execute("shop", "SELECT msgstatus.apply_message_status('[{\"id\": \"w1\", \"status\": \"read\"}]');")
        assert old.execute("shop", "SELECT count(*) FROM msgstatus.message_timeline WHERE state = 'read'") == "2\n"


def upgrade(old, new):
    """Takes the databases of a cluster over to another, and starts that."""
    old.stop()
    new.stop()
    command = [str(new.bindir / "pg_upgrade"), "-U", "postgres", "-b", str(old.bindir), "-B", str(new.bindir), "-d", str(old.data),
               "-D", str(new.data), "-p", str(old.port), "-P", str(new.port)]
    if old.as_postgres:
        command = ["runuser", "-u", "postgres", "--", *command]
    done = subprocess.run(command, cwd=new.directory, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    new.start()
