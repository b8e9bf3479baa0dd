"""Transactions that apply statuses and are prepared for a commit in two phases: nobody else waits for the second."""

import contextlib
import json

import pytest
from databases import Server
from pgserver import PgServer

APPLY = "SELECT msgstatus.apply_message_status(%s)"
# Who waits for a prepared transaction waits until somebody ends it.
PATIENCE = "-c statement_timeout=20s"


@pytest.fixture(scope="module")
def two_phase_server():
    with PgServer(autovacuum="off", max_connections="20", max_prepared_transactions="50") as pg:
        yield Server(pg)


def apply(session, message_id, status="failed"):
    """Sends a status of a message: a failed one is counted in both rollups."""
    session.execute(APPLY, (json.dumps({"id": message_id, "status": status, "timestamp": "1767225600"}),))


@contextlib.contextmanager
def new_session(database):
    with contextlib.closing(database.connect(options=PATIENCE)) as connection, connection.cursor() as cursor:
        yield cursor


def prepare(session, name, *message_ids):
    session.execute("BEGIN")
    for message_id in message_ids:
        apply(session, message_id)
    session.execute(f"PREPARE TRANSACTION '{name}'")


def assert_counted(database, messages):
    assert database.query("SELECT count(*) FROM msgstatus.verify_rollups()") == [(0,)]
    assert database.query("SELECT sum(messages), sum(in_failed) FROM msgstatus.message_rollup") == [(messages, messages)]
    assert database.query("SELECT sum(messages) FROM msgstatus.failure_rollup") == [(messages,)]


def test_later_calls_of_the_session_do_not_wait(two_phase_server):
    database = two_phase_server.create_database()
    with new_session(database) as session:
        apply(session, "first")
        for name in "abc":
            prepare(session, name, f"{name}.1", f"{name}.2")
        apply(session, "between")
        for name, end in ("b", "COMMIT"), ("a", "ROLLBACK"):
            session.execute(f"{end} PREPARED '{name}'")
            prepare(session, f"again.{name}", f"again.{name}")
        for name in "c", "again.a", "again.b":
            session.execute(f"COMMIT PREPARED '{name}'")
        apply(session, "last")
    assert_counted(database, 9)


def test_sessions_that_get_its_number_do_not_wait(two_phase_server):
    database = two_phase_server.create_database()
    with new_session(database) as session:
        apply(session, "first")
        prepare(session, "a", "a")
    with contextlib.ExitStack() as stack:
        # One of them has the number.
        sessions = [stack.enter_context(new_session(database)) for _ in range(5)]
        for number, session in enumerate(sessions):
            apply(session, f"later.{number}")
        sessions[0].execute("COMMIT PREPARED 'a'")
    assert_counted(database, 7)


def test_a_savepoint_that_is_rolled_back_frees_nothing_that_is_in_use(two_phase_server):
    database = two_phase_server.create_database()
    with new_session(database) as session:
        apply(session, "first")
        session.execute("BEGIN; SAVEPOINT s")
        apply(session, "undone")
        session.execute("ROLLBACK TO s")
        apply(session, "a")
        session.execute("PREPARE TRANSACTION 'a'")
        apply(session, "last")
        session.execute("COMMIT PREPARED 'a'")
    assert_counted(database, 3)


def test_what_was_prepared_before_a_crash_is_not_waited_for(two_phase_server):
    database = two_phase_server.create_database()
    with new_session(database) as session:
        apply(session, "first")
        prepare(session, "a", "a")
    two_phase_server.pg.stop("immediate")
    two_phase_server.pg.start()
    with contextlib.ExitStack() as stack:
        sessions = [stack.enter_context(new_session(database)) for _ in range(5)]
        for number, session in enumerate(sessions):
            apply(session, f"later.{number}")
        sessions[0].execute("COMMIT PREPARED 'a'")
    assert_counted(database, 7)


def test_many_calls_of_one_transaction_find_free_slots(two_phase_server):
    """A transaction goes on to further slots after so many calls, past those that a prepared one has come to."""
    database = two_phase_server.create_database()
    many = """
        BEGIN;
        SELECT count(msgstatus.apply_message_status(jsonb_build_object(
            'id', '{0}.' || n, 'status', 'failed', 'timestamp', '1767225600'))) FROM generate_series(1, {1}) AS n
        """
    with new_session(database) as session:
        session.execute(many.format("a", 9000))  # more than a block of slots
        session.execute("PREPARE TRANSACTION 'a'")
        session.execute(many.format("b", 1000))
        session.execute("PREPARE TRANSACTION 'b'")
        apply(session, "last")
        for name in "ab":
            session.execute(f"COMMIT PREPARED '{name}'")
    assert_counted(database, 10001)
