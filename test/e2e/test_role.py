"""An intruder in the receiver has its role in the database: this role may bring statuses and read nothing."""

import psycopg2
import psycopg2.errors
import pytest

from receiver import Receiver
from webhooks import meta, meta_status, new_id, one

MAY_CALL = {"apply_message_status", "apply_message_status_batch", "reject_webhook",
            "alert_counts"}  # the last one returns the number of active alerts, for the metrics
TRIGGER = ("CREATE TRIGGER t BEFORE INSERT ON {} FOR EACH ROW "
           "EXECUTE FUNCTION pg_catalog.suppress_redundant_updates_trigger()")
NOT_WITH_VIEWS = ("42809", "55000")
SECRET = "491701234567"


@pytest.fixture(scope="module")
def role(database):
    """A login of level `ingest`, in a database that has something to hide."""
    database.execute("CREATE ROLE hooks LOGIN; SELECT msgstatus.grant_access('hooks', 'ingest');")
    database.execute(f"""
        SELECT msgstatus.register_message('hidden', recipient => '{SECRET}', content => 'a secret of {SECRET}');
        SELECT msgstatus.apply_message_status('[{{"id": "hidden", "status": "sent", "recipient_id": "{SECRET}"}}, {{"id": "{SECRET}"}}]');
        """)
    return database.server.conninfo(database.name, user="hooks")


@pytest.fixture
def ask(role):
    """Runs one statement as the role, and returns its rows or the SQLSTATE it ends in."""
    connection = psycopg2.connect(role)
    connection.autocommit = True

    def run(sql):
        with connection.cursor() as cursor:
            try:
                cursor.execute(sql)
                return cursor.fetchall() if cursor.description else []
            except psycopg2.Error as error:
                assert SECRET not in str(error), f"{sql}: {error}"
                return error.pgcode

    yield run
    connection.close()


def test_the_receiver_needs_no_more(database, role):
    with Receiver(role, "--allow-unsigned") as running:
        running.wait_ready()
        message_id = new_id()
        assert running.post("/webhook", one(message_id)).status == 200
        assert running.post("/webhook", meta(meta_status(new_id(), "delivered"))).status == 200
        assert running.post("/webhook", b'{"text": "\\u0000"}').status == 200, "kept as text"
        running.stop()
    assert database.states(message_id) == {message_id: "sent"}


def test_no_relation_is_readable_or_writable(database, ask):
    relations = [row["name"] for row in database.query("""
        SELECT relname AS name FROM pg_class
        WHERE relnamespace = 'msgstatus'::regnamespace AND relkind IN ('r', 'v', 'm', 'p', 'f')""")]
    assert {"message", "status_event", "rejected_status", "message_timeline"} <= set(relations)
    for name in relations:
        for sql in ("SELECT * FROM {}", "SELECT count(*) FROM {}", "SELECT 1 FROM {} LIMIT 0", "COPY (SELECT * FROM {}) TO STDOUT"):
            assert ask(sql.format("msgstatus." + name)) == "42501", (name, sql)
        for sql in ("INSERT INTO {} DEFAULT VALUES", "DELETE FROM {}", "TRUNCATE {}", TRIGGER):
            assert ask(sql.format("msgstatus." + name)) in ("42501", *NOT_WITH_VIEWS), (name, sql)
    columns = database.query("""
        SELECT c.relname, a.attname FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid
        WHERE c.relnamespace = 'msgstatus'::regnamespace AND c.relkind IN ('r', 'v', 'm', 'p', 'f') AND a.attnum > 0
            AND NOT a.attisdropped
            AND has_column_privilege('hooks', c.oid, a.attnum, 'SELECT, INSERT, UPDATE, REFERENCES')""")
    assert columns == []
    sequences = database.query("""
        SELECT relname FROM pg_class WHERE relnamespace = 'msgstatus'::regnamespace AND CASE relkind WHEN 'S' THEN
            has_sequence_privilege('hooks', oid, 'USAGE, SELECT, UPDATE') END""")
    assert sequences == []


def test_no_other_function_is_callable(database, ask):
    functions = database.query("""
        SELECT p.oid::regprocedure::text AS signature, p.proname AS name, p.prokind AS kind,
            has_function_privilege('hooks', p.oid, 'EXECUTE') AS granted,
            (SELECT coalesce(string_agg(CASE WHEN p.provariadic <> 0 AND position = p.pronargs THEN 'VARIADIC ' ELSE '' END
                || 'NULL::' || format_type(t, NULL), ', ' ORDER BY position), '')
             FROM unnest(p.proargtypes) WITH ORDINALITY AS a (t, position)) AS arguments,
            p.proisstrict OR p.prorettype = 'trigger'::regtype OR p.prorettype = 'event_trigger'::regtype OR EXISTS (
                SELECT FROM unnest(p.proargtypes || p.prorettype) AS a (t) JOIN pg_type AS y ON y.oid = a.t
                WHERE y.typtype = 'p' AND y.typname <> 'void' AND y.typname <> 'record') AS cannot_be_called_with_nulls
        FROM pg_proc AS p WHERE p.pronamespace = 'msgstatus'::regnamespace""")
    assert {function["name"] for function in functions if function["granted"]} == MAY_CALL
    called = 0
    for function in functions:
        if function["name"] in MAY_CALL or function["cannot_be_called_with_nulls"] or function["kind"] != "f":
            continue
        assert ask(f"SELECT msgstatus.{function['name']}({function['arguments']})") == "42501", function["signature"]
        called += 1
    assert called > 20


def test_what_it_may_call_tells_counts_and_nothing_else(ask):
    ((counts,),) = ask(f"SELECT msgstatus.apply_message_status('{{\"id\": \"hidden\", \"status\": \"read\"}}')")
    assert counts == {"received": 1, "applied": 1, "unchanged": 0, "rejected": 0, "ignored": 0}
    (row,) = ask("SELECT received, applied, unchanged, rejected, ignored FROM msgstatus.apply_message_status_batch("
                 """ARRAY['{"id": "hidden", "status": "gone"}']::jsonb[], ARRAY[NULL::timestamptz], ARRAY[NULL::text])""")
    assert row == (1, 0, 0, 1, 0)


@pytest.mark.parametrize("sql", [
    "SET ROLE postgres", "CREATE TABLE msgstatus.x ()", "DROP TABLE msgstatus.message", "ALTER TABLE msgstatus.message ADD x int",
    "GRANT ALL ON msgstatus.message TO hooks", "ALTER ROLE hooks SUPERUSER", "COPY (SELECT 1) TO '/tmp/msgstatus'",
    "SELECT pg_read_file('PG_VERSION')", "CREATE VIEW pg_temp.v AS SELECT * FROM msgstatus.message",
    "ALTER FUNCTION msgstatus.alert_counts SECURITY INVOKER", "ALTER EXTENSION msgstatus UPDATE"])
def test_it_cannot_make_itself_more(ask, sql):
    assert ask(sql) == "42501"


def test_objects_of_its_own_are_no_trap(database, ask):
    """The functions act as the owner of the tables: they must not be led to anything that the role made."""
    message_id = new_id()
    ask("CREATE TABLE pg_temp.message (message_id text, status text)")
    ask("CREATE TABLE pg_temp.status_event (message_id text)")
    ask("""CREATE FUNCTION pg_temp.trap() RETURNS trigger LANGUAGE plpgsql AS
           $$ BEGIN RAISE 'caught %', current_user; END $$""")
    ask("CREATE TRIGGER trap BEFORE INSERT ON pg_temp.message FOR EACH ROW EXECUTE FUNCTION pg_temp.trap()")
    ask("CREATE FUNCTION pg_temp.now() RETURNS timestamptz LANGUAGE plpgsql AS $$ BEGIN RAISE 'caught %', current_user; END $$")
    ask("CREATE FUNCTION pg_temp.text_eq(text, text) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RAISE 'caught'; END $$")
    ask("CREATE OPERATOR pg_temp.= (FUNCTION = pg_temp.text_eq, LEFTARG = text, RIGHTARG = text)")
    ask("SET search_path = pg_temp, pg_catalog")
    ((counts,),) = ask(f"SELECT msgstatus.apply_message_status('{{\"id\": \"{message_id}\", \"status\": \"sent\"}}')")
    assert counts["applied"] == 1
    assert ask("SELECT count(*) FROM pg_temp.message") == [(0,)]
    assert database.states(message_id) == {message_id: "sent"}
