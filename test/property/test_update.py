"""An update of the extension beside running backends: the next call raises or works, and no backend crashes."""

import collections
import contextlib
import json
import pathlib

import psycopg2
import pytest

from test_dump import CATALOG, assert_same

APPLY = "SELECT msgstatus.apply_message_status(%s)"

# For each type in which rows travel into statements: its last column, and one whose type changes.
TYPES = {
    "message_change": ("created_at timestamptz", "error_code integer"),
    "observation": ("detail jsonb", "digest integer"),
    "rejection": ("body text", "received_at timestamptz"),
    "reflection": ("changed_at timestamptz", "error_code integer"),
    "rollup_row": ("recipients bigint", "recipients bigint"),
}


def changes_of(type_name):
    """Returns how a type may change, and how it comes back."""
    last, other = TYPES[type_name]
    name, column_type = other.split()
    # A function depends on rollup_row, whose columns can only be replaced.
    retype = "DROP ATTRIBUTE {0}, ADD ATTRIBUTE {0} {1}" if type_name == "rollup_row" else "ALTER ATTRIBUTE {0} TYPE {1}"
    return {
        "added": ("ADD ATTRIBUTE x integer", "DROP ATTRIBUTE x"),
        "dropped": (f"DROP ATTRIBUTE {last.split()[0]}", f"ADD ATTRIBUTE {last}"),
        "retyped": (retype.format(name, "text"), retype.format(name, column_type)),
        "renamed": (f"RENAME ATTRIBUTE {name} TO x", f"RENAME ATTRIBUTE x TO {name}"),
    }


class Caller:
    """A session whose every call brings new failed messages, one that is known, and something that cannot be used."""

    def __init__(self, database, connection):
        self.connection = connection
        self.messages = 0
        database.query("CREATE TABLE public.logs (sid text PRIMARY KEY, status text, error_code integer)")
        database.query("SELECT msgstatus.attach_table('public.logs', 'sid')")

    def call(self, new):
        statuses = [{"id": "wamid.0", "status": "sent", "timestamp": str(1767225600 + self.messages)}] if new > 1 else []
        for _ in range(new):
            self.messages += 1
            statuses.append({"id": f"wamid.{self.messages}", "status": "failed", "timestamp": "1767225600",
                             "errors": [{"code": 131026, "title": "Message undeliverable"}]})
        with self.connection.cursor() as cursor:
            cursor.execute(APPLY, (json.dumps([*statuses, {"id": "wamid.none", "status": "no such status"}]),))
            return cursor.fetchone()[0]


@pytest.mark.parametrize("new", [1, 3], ids=["one message", "several messages"])
@pytest.mark.parametrize("change", ["added", "dropped", "retyped", "renamed"])
@pytest.mark.parametrize("type_name", TYPES)
def test_a_type_that_changes_raises_until_it_is_mended(server, type_name, change, new):
    database = server.create_database()
    altered, mended = changes_of(type_name)[change]
    with contextlib.closing(database.connect()) as connection:
        caller = Caller(database, connection)
        for _ in range(2):
            assert caller.call(new)["rejected"] == 1
        before = database.query("SELECT count(*) FROM msgstatus.status_event")

        database.query(f"ALTER TYPE msgstatus.{type_name} {altered}")
        for _ in range(2):
            # The SQLSTATE on which the receiver keeps its webhooks.
            with pytest.raises(psycopg2.errors.FeatureNotSupported, match=f"type msgstatus.{type_name} does not match"):
                caller.call(new)
        assert database.query("SELECT count(*) FROM msgstatus.status_event") == before
        assert database.query("SELECT count(*) FROM msgstatus.attached_table_failure") == [(0,)]

        # What was dropped and added again has another number than before.
        database.query(f"ALTER TYPE msgstatus.{type_name} {mended}")
        for _ in range(2):
            assert caller.call(new) == {"received": new + (2 if new > 1 else 1), "applied": new + (1 if new > 1 else 0),
                                        "unchanged": 0, "rejected": 1, "ignored": 0}
    assert database.query("SELECT count(*) FROM msgstatus.verify_rollups()") == [(0,)]
    assert database.query("SELECT count(*) FROM msgstatus.attached_table_failure") == [(0,)]
    assert database.query("SELECT count(*) FROM msgstatus.rejected_status") == [(4,)]


@pytest.mark.parametrize("new", [1, 3], ids=["one message", "several messages"])
def test_a_column_that_comes_back_as_another_type_raises(server, new):
    """A column's value is read by its type: a number read as a pointer, or a pointer as a number, would be read beyond its end."""
    database = server.create_database()
    with contextlib.closing(database.connect()) as connection:
        caller = Caller(database, connection)
        caller.call(new)
        database.query("ALTER TABLE msgstatus.message ALTER last_change TYPE numeric")
        with pytest.raises(psycopg2.errors.FeatureNotSupported, match='column "last_change" is of type numeric'):
            caller.call(new)
        database.query("ALTER TABLE msgstatus.message ALTER last_change TYPE integer")
        assert caller.call(new)["rejected"] == 1


@pytest.mark.parametrize("new", [1, 3], ids=["one message", "several messages"])
@pytest.mark.parametrize("column", ["message.sender", "status_event.detail", "rejected_status.body", "message_rollup.in_failed"])
def test_a_session_recovers_from_calls_that_failed_without_the_extension(server, column, new):
    """A statement that could not be prepared is prepared again: what it is for may be of an extension that is gone."""
    database = server.create_database()
    table, name = column.split(".")
    with contextlib.closing(database.connect()) as connection, connection.cursor() as cursor:
        caller = Caller(database, connection)
        caller.call(new)
        cursor.execute("DROP EXTENSION msgstatus CASCADE")
        with pytest.raises((psycopg2.errors.UndefinedFunction, psycopg2.errors.InvalidSchemaName)):
            caller.call(new)
        cursor.execute("CREATE EXTENSION msgstatus")
        with pytest.raises(psycopg2.errors.ObjectNotInPrerequisiteState):
            caller.call(new)
        cursor.execute(f"SELECT msgstatus.install(); ALTER TABLE msgstatus.{table} RENAME {name} TO away")
        for _ in range(2):
            with pytest.raises((psycopg2.errors.UndefinedColumn, psycopg2.errors.FeatureNotSupported)):
                caller.call(new)
        cursor.execute(f"ALTER TABLE msgstatus.{table} RENAME away TO {name}")
        # The message that is repeated is unknown to the new tables.
        assert caller.call(new)["applied"] == new + (1 if new > 1 else 0)
    assert database.query("SELECT count(*) FROM msgstatus.verify_rollups()") == [(0,)]


class Calls:
    """A session that applied a status before what is to change."""

    def __init__(self, connection):
        self.connection = connection
        self.number = 0
        self.apply()

    def apply(self):
        self.number += 1
        with self.connection.cursor() as cursor:
            cursor.execute(APPLY, (json.dumps({"id": f"{id(self)}.{self.number}", "status": "sent", "timestamp": "1767225600"}),))


# Made by hand, since ALTER EXTENSION UPDATE takes a later release.
RECORDS = {"the tables of msgstatus are": "UPDATE msgstatus.installation SET version = %s",
           "the extension msgstatus is": "UPDATE pg_extension SET extversion = %s WHERE extname = 'msgstatus'"}
REFUSED = {"0.0.9": "ALTER EXTENSION msgstatus UPDATE; SELECT msgstatus.install()", "99.0.0": "Reconnect"}


@pytest.mark.parametrize("isolation", ["READ COMMITTED", "REPEATABLE READ"])
@pytest.mark.parametrize("subject", RECORDS)
def test_sessions_look_again_at_the_versions(server, subject, isolation):
    """A library serves the series it knows, and no other: sessions that have called before learn of each change."""
    database = server.create_database()
    [(version,)] = database.query("SELECT version FROM msgstatus.installation")
    with contextlib.closing(database.connect()) as connection:
        connection.set_session(isolation_level=isolation)
        before = Calls(connection)
        for refused, hint in REFUSED.items():
            database.query(RECORDS[subject], (refused,))
            with contextlib.closing(database.connect()) as later:
                for call in before.apply, lambda: Calls(later):
                    for _ in range(2):
                        with pytest.raises(psycopg2.errors.FeatureNotSupported, match=f"{subject} of version {refused}") as raised:
                            call()
                        assert hint in raised.value.diag.message_hint
            database.query(RECORDS[subject], (version.rsplit(".", 1)[0] + ".999",))
            before.apply()
            with contextlib.closing(database.connect()) as later:
                Calls(later).apply()
            database.query(RECORDS[subject], (version,))
            before.apply()


def test_a_transaction_that_is_open_looks_again(server):
    database = server.create_database()
    with contextlib.closing(database.connect()) as connection, connection.cursor() as cursor:
        cursor.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
        calls = Calls(connection)
        database.query("UPDATE msgstatus.installation SET version = '99.0.0'")
        with pytest.raises(psycopg2.errors.FeatureNotSupported):
            calls.apply()


# An object that a later release could add, and that its library could need before install() is called.
LACKING = ["TABLE msgstatus.message DROP COLUMN sender", "TABLE msgstatus.status_event DROP COLUMN detail",
           "TABLE msgstatus.rejected_status DROP COLUMN body", "TABLE msgstatus.message_rollup DROP COLUMN in_failed",
           "TABLE msgstatus.failure_rollup RENAME TO away"]


@pytest.mark.parametrize("looked_before", [False, True], ids=["new session", "session that called before"])
@pytest.mark.parametrize("lacking", LACKING)
def test_what_the_library_needs_and_does_not_find_is_told_as_one_of_versions(server, lacking, looked_before):
    database = server.create_database()
    with contextlib.closing(database.connect()) as connection:
        caller = Caller(database, connection)
        if looked_before:
            caller.call(3)
        database.query(f"ALTER {lacking}" + (" CASCADE" if "DROP" in lacking else ""))
        for _ in range(2):
            with pytest.raises(psycopg2.errors.FeatureNotSupported) as raised:
                caller.call(3)
            assert "ALTER EXTENSION msgstatus UPDATE; SELECT msgstatus.install();" in raised.value.diag.message_hint


def test_errors_of_a_users_code_stay_what_they_are(server):
    """A trigger that misses a table of its own has nothing to do with versions; the receiver would try it again for ever."""
    database = server.create_database()
    database.query("""
        CREATE FUNCTION public.broken() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM 1 FROM public.missing; RETURN NEW; END';
        CREATE TRIGGER broken BEFORE INSERT ON msgstatus.message FOR EACH ROW EXECUTE FUNCTION public.broken()
        """)
    with contextlib.closing(database.connect()) as connection:
        for _ in range(2):
            with pytest.raises(psycopg2.errors.UndefinedTable):
                Calls(connection)


def test_calls_that_cannot_read_the_attached_tables_leave_no_memory_behind(server):
    database = server.create_database()
    with contextlib.closing(database.connect()) as connection, connection.cursor() as cursor:
        caller = Caller(database, connection)
        caller.call(1)
        contexts = "SELECT count(*) FROM pg_backend_memory_contexts WHERE name = 'msgstatus attached tables'"
        cursor.execute(f"ALTER TABLE msgstatus.attached_table RENAME update_sql TO away; {contexts}")
        before = cursor.fetchall()
        for _ in range(3):
            with pytest.raises(psycopg2.errors.FeatureNotSupported):
                caller.call(1)
        cursor.execute(contexts)
        assert cursor.fetchall() == before
        cursor.execute("ALTER TABLE msgstatus.attached_table RENAME away TO update_sql")
        assert caller.call(1)["applied"] == 1
        cursor.execute(contexts)
        assert cursor.fetchall() == before


EARLIER = pathlib.Path(__file__).parent / "support/earlier_tables.sql"
# Beside the tables, what the steps of install() read: rules, one of them changed; recipients with dates; folded hours.
EARLIER_ROWS = """
INSERT INTO msgstatus.alert_rule (name, metric, severity, threshold, minimum_count, period, age) VALUES
    ('read_rate_low', 'read_rate', 'warning', 50, 20, '24 hours', '0'),
    ('delivery_rate_low', 'delivery_rate', 'critical', 75, 20, '1 hour', '0');
INSERT INTO msgstatus.campaign (name, owner, status, daily_send_limit) VALUES ('earlier', 'shop', 'active', 2);
INSERT INTO msgstatus.campaign_recipient (campaign_id, phone_number, scheduled_send_date)
SELECT c.campaign_id, '+1555000000' || n, current_date + n / 2 FROM msgstatus.campaign AS c, generate_series(0, 9) AS n;
INSERT INTO msgstatus.message_rollup (hour, direction, slot, messages, in_received, in_delivered) VALUES
    ('2026-01-01T00:00Z', 'inbound', 0, 3, 3, 0), ('2026-01-01T00:00Z', NULL, 0, 4, 0, 4), ('2026-01-01T00:00Z', 'outbound', 7, 5, 0, 5);
INSERT INTO msgstatus.folded_hour (hour, messages, in_received, in_delivered) VALUES ('2026-01-01T00:00Z', 7, 3, 4);
"""


def test_install_brings_earlier_tables_up_to_date(server):
    """Tables that are there keep their rows, and become those of a new database."""
    earlier, new = server.create_database(installed=False), server.create_database()
    new.query("CREATE SCHEMA shop")
    earlier.query(f"CREATE SCHEMA shop; CREATE EXTENSION msgstatus; {EARLIER.read_text()}; {EARLIER_ROWS}")
    for _ in range(2):
        earlier.query("SELECT msgstatus.install()")
        assert_same(*(collections.Counter(row for row in d.query(CATALOG) if row[0] != "sequence") for d in (earlier, new)))
    assert earlier.query("SELECT name, threshold, age::text, per FROM msgstatus.alert_rule WHERE name LIKE '%%rate_low' ORDER BY 1", ()) == [
        ("delivery_rate_low", 75, "00:00:00", "all"), ("read_rate_low", 50, "24:00:00", "channel")]
    assert earlier.query("SELECT inbound, sum(messages), sum(delivered) FROM msgstatus.hour_rollup GROUP BY 1 ORDER BY 1") == [
        (False, 9, 9), (True, 3, 0)]
    assert earlier.query("SELECT sum(messages) FROM msgstatus.folded_hour") == [(7,)]

    # The recipients move with the limit, as those of a new campaign do.
    earlier.query("UPDATE msgstatus.campaign SET daily_send_limit = 5")
    assert earlier.query("SELECT count(*) FROM msgstatus.campaign_recipient GROUP BY scheduled_send_date") == [(5,), (5,)]
    with contextlib.closing(earlier.connect()) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT count(*), min(claim) FROM msgstatus.claim_recipients()")
        assert cursor.fetchone() == (5, 1)
