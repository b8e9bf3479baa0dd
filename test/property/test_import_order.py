"""An import is one transaction, which keeps every message it comes to locked: in which order it comes to them decides whether
it can be in a deadlock with others. Whatever happens, nothing is lost."""

import contextlib
import random
import threading
import time

import psycopg2.errors
import pytest

from histories import HISTORY, Import, Webhooks, outcome, random_row, random_webhooks, store, webhooks_of
from schedule import empty_tables, run_all, run_concurrently

BATCH = 250
IN_ORDER = 'message_id COLLATE "C", n'
AGAINST_IT = 'message_id COLLATE "C" DESC, n'
PATIENCE = 60
SESSIONS = 5
WAITING = "SELECT count(*) FROM pg_stat_activity WHERE pid = %s AND wait_event_type = 'Lock'"


@pytest.fixture(scope="module")
def connections(database):
    database.query(HISTORY)
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(contextlib.closing(database.connect())) for _ in range(SESSIONS)]


@pytest.fixture
def cursor(connections):
    with connections[0].cursor() as cursor:
        yield cursor
        empty_tables(cursor)


class GatedImport(Import):
    """An import that waits after its first batch, until the gate is open."""

    def query(self):
        # OFFSET 0 keeps the condition above the sort.
        return (f"SELECT h.* FROM ({super().query()} OFFSET 0) AS h"
                f" WHERE h.message_id <> '{self.first_behind_gate()}' OR (SELECT true FROM pg_advisory_xact_lock_shared(1))")

    def first_behind_gate(self):
        ids = sorted((row["message_id"] for row in self.rows), reverse=self.order == AGAINST_IT)
        return ids[BATCH]


@contextlib.contextmanager
def closed_gate(cursor):
    cursor.execute("SELECT pg_advisory_lock(1)")
    try:
        yield
    finally:
        cursor.execute("SELECT pg_advisory_unlock(1)")


def await_waiting(cursor, connection):
    deadline = time.monotonic() + PATIENCE
    while True:
        cursor.execute(WAITING, (connection.info.backend_pid,))
        if cursor.fetchone() == (1,):
            return
        assert time.monotonic() < deadline, "it does not come to wait"
        time.sleep(0.01)


def meet(cursor, connections, first, second):
    """Runs two calls such that each has done all it can when the gate opens, and returns those that a deadlock ended."""
    ended = []

    def session(connection, call):
        try:
            with connection.cursor() as own:
                call.run(own)
        except psycopg2.errors.DeadlockDetected:
            ended.append(call)

    threads = []
    with closed_gate(cursor):
        for connection, call in zip(connections[1:], (first, second)):
            threads.append(threading.Thread(target=session, args=(connection, call)))
            threads[-1].start()
            await_waiting(cursor, connection)
    for thread in threads:
        thread.join()
    return ended


def two_batches(cursor):
    """Stores rows of as many messages as two batches take, in their order."""
    rng = random.Random(1)
    rows = [random_row(rng, n) | {"message_id": f"wamid.{n:03}"} for n in range(2 * BATCH)]
    store(cursor, rows)
    return rows


def reference_of(cursor, *calls):
    run_all(cursor, calls)
    return outcome(cursor)


def webhooks_at_both_ends(rows):
    return Webhooks([webhook for row in (rows[0], rows[-1]) for webhook in webhooks_of(row)])


def test_of_two_imports_in_opposite_orders_one_is_ended_and_can_be_repeated(cursor, connections):
    rows = two_batches(cursor)
    reference = reference_of(cursor, Import(rows))
    ended = meet(cursor, connections, GatedImport(rows, IN_ORDER), GatedImport(rows, AGAINST_IT))
    assert len(ended) == 1
    run_all(cursor, ended)
    assert outcome(cursor) == reference


def test_an_import_against_the_order_of_ids_can_end_a_call_or_be_ended_by_one(cursor, connections):
    rows = two_batches(cursor)
    reference = reference_of(cursor, Import(rows), webhooks_at_both_ends(rows))
    ended = meet(cursor, connections, GatedImport(rows, AGAINST_IT), webhooks_at_both_ends(rows))
    assert len(ended) == 1
    run_all(cursor, ended)
    assert outcome(cursor) == reference


def test_a_call_waits_for_an_import_in_order_of_ids(cursor, connections):
    rows = two_batches(cursor)
    reference = reference_of(cursor, Import(rows), webhooks_at_both_ends(rows))
    assert meet(cursor, connections, GatedImport(rows, IN_ORDER), webhooks_at_both_ends(rows)) == []
    assert outcome(cursor) == reference


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_overlapping_imports_in_order_of_ids_and_webhooks_neither_deadlock_nor_lose(cursor, connections, seed):
    rng = random.Random(seed)
    rows = [random_row(rng, n, ids=900) for n in range(1500)]
    store(cursor, rows)
    reference = reference_of(cursor, Import(rows))
    told_live = random_webhooks(rng, rows[300:1200], sizes=[10, 100])
    run_concurrently(connections, [
        [Import(rows[:1000], IN_ORDER)], [Import(rows[500:], IN_ORDER)], [Import(rng.sample(rows, 700), IN_ORDER)],
        told_live[::2], told_live[1::2]])
    assert outcome(cursor) == reference


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_overlapping_imports_of_a_batch_each_in_opposite_orders_neither_deadlock_nor_lose(cursor, connections, seed):
    rng = random.Random(seed)
    rows = [random_row(rng, n, ids=700) for n in range(1500)]
    store(cursor, rows)
    reference = reference_of(cursor, Import(rows))
    by_id = sorted(rows, key=lambda row: row["message_id"])

    def slices(of_these):
        return [Import(of_these[at : at + BATCH]) for at in range(0, len(of_these), BATCH)]

    told_live = random_webhooks(rng, rows[300:1200], sizes=[10, 100])
    run_concurrently(connections, [slices(by_id), slices(by_id[::-1]), slices(rng.sample(rows, 1000)), told_live[::2], told_live[1::2]])
    assert outcome(cursor) == reference
