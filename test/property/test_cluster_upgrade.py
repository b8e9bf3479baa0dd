"""pg_upgrade takes a database with the extension along: it makes every object of the extension anew, in pg_catalog, too."""

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


def test_pg_upgrade():
    with PgServer() as old, PgServer() as new:
        if old.version >= 18:
            # It loads '$libdir/msgstatus', which is looked for in the server's own directory alone, and the extension of the
            # tests lies where extension_control_path says.
            pytest.skip("pg_upgrade of PostgreSQL 18 finds libraries only in the server's own directory")
        old.create_database("shop")
        old.execute("shop", """
            SELECT msgstatus.apply_message_status('[{"id": "w1", "status": "sent"}, {"id": "w2", "status": "read"}]');
            CREATE ROLE reports;
            SELECT msgstatus.grant_access('reports', 'analyst');
            CREATE TABLE own (id integer, state msgstatus.delivery_state PRIMARY KEY, status msgstatus.message_status UNIQUE,
                CHECK (state >= 'sent'));
            INSERT INTO own VALUES (1, 'read', '{}');""")
        expected = old.execute("shop", QUESTIONS)
        assert "operator =(msgstatus.delivery_state,msgstatus.delivery_state)" in expected
        old.stop()
        new.stop()
        command = [str(old.bindir / "pg_upgrade"), "-U", "postgres", "-b", str(old.bindir), "-B", str(new.bindir), "-d", str(old.data),
                   "-D", str(new.data), "-p", str(old.port), "-P", str(new.port)]
        if old.as_postgres:
            command = ["runuser", "-u", "postgres", "--", *command]
        done = subprocess.run(command, cwd=new.directory, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        new.start()
        assert new.execute("shop", QUESTIONS) == expected
        new.execute("shop", "SELECT msgstatus.apply_message_status('[{\"id\": \"w1\", \"status\": \"read\"}]');")
        assert new.execute("shop", "SELECT count(*) FROM msgstatus.message_timeline WHERE state = 'read'") == "2\n"
