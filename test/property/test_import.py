"""import_statuses makes of a table what apply_message_status makes of the webhooks that the table was kept by: whatever the
slices, their order, repetition and concurrency, alone or among the webhooks themselves."""

import contextlib
import os
import random
import re

import psycopg2
import pytest

from histories import HISTORY, Import, Webhooks, outcome, random_imports, random_row, random_webhooks, store, webhooks_of
from schedule import empty_tables, run_all, run_concurrently

ROUNDS = float(os.environ.get("MSGSTATUS_PROPERTY_ROUNDS", "1"))
FIRST_SEED = int(os.environ.get("MSGSTATUS_PROPERTY_SEED", "1"))
MOST_SESSIONS = 6
def seeds(number):
    chosen = range(FIRST_SEED, FIRST_SEED + max(1, int(number * ROUNDS)))
    return pytest.mark.parametrize("seed", chosen, ids=[f"seed{seed}" for seed in chosen])


@pytest.fixture(scope="module")
def connections(any_locale):
    any_locale.query(HISTORY)
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(contextlib.closing(any_locale.connect())) for _ in range(MOST_SESSIONS)]


@pytest.fixture
def cursor(connections):
    with connections[0].cursor() as cursor:
        yield cursor
        empty_tables(cursor)


@seeds(15)
def test_slices_in_any_order_equal_the_webhooks(cursor, seed):
    rng = random.Random(seed)
    rows = [random_row(rng, n) for n in range(rng.choice([1, 5, 40]))]
    store(cursor, rows)
    run_all(cursor, [Webhooks([webhook for row in rows for webhook in webhooks_of(row)])])
    reference = outcome(cursor)
    for _ in range(4):
        run_all(cursor, random_imports(rng, rows))
        assert outcome(cursor) == reference


@seeds(3)
def test_an_import_of_many_batches_equals_the_webhooks(cursor, seed):
    """Most messages of its first batches are new, and later ones know most of theirs."""
    rng = random.Random(seed)
    rows = [random_row(rng, n, ids=rng.choice([300, 700])) for n in range(1200)]
    store(cursor, rows)
    run_all(cursor, random_webhooks(rng, rows, sizes=[100]))
    reference = outcome(cursor)
    run_all(cursor, [Import(rows)])
    assert outcome(cursor) == reference
    run_all(cursor, [Import(rows[:400]), Import(rows, order="n DESC"), Import(rows)])
    assert outcome(cursor) == reference


def test_known_messages_among_many_new_ones_are_written_only_if_something_changes(cursor):
    """The new ones fill the first batch, after which the next is taken to be like it."""
    def rows(first, last, recipient):
        return (f"SELECT 'wamid.' || n AS message_id, timestamptz '2024-12-10Z' + n * interval '1 s' AS sent_at,"
                f" {recipient} AS recipient FROM generate_series({first}, {last}) AS n")

    def imported(query):
        cursor.execute("SELECT received, applied, unchanged FROM msgstatus.import_statuses(%s, 'meta')", (query,))
        return cursor.fetchone()

    changed = "SELECT count(*) FILTER (WHERE recipient = '+15550100'), count(*) FILTER (WHERE xmin <> %s::text::xid) FROM msgstatus.message"
    assert imported(rows(1, 200, "NULL")) == (200, 200, 0)
    cursor.execute("SELECT DISTINCT xmin::text FROM msgstatus.message")
    written_by = cursor.fetchone()[0]
    known = rows(1, 200, "CASE WHEN n > 120 THEN '+15550100' END")
    assert imported(f"{rows(1001, 1250, 'NULL')} UNION ALL {known}") == (450, 330, 120)
    cursor.execute(changed, (written_by,))
    assert cursor.fetchone() == (80, 330)


@seeds(6)
def test_imports_among_live_webhooks_equal_either(cursor, connections, seed):
    rng = random.Random(seed)
    rows = [random_row(rng, n) for n in range(60)]
    store(cursor, rows)
    run_all(cursor, [Import(rows)])
    reference = outcome(cursor)
    for _ in range(2):
        # A third comes by the import alone, a third by webhooks alone, the rest by both.
        calls = random_imports(rng, rows[:40]) + random_webhooks(rng, rows[20:])
        rng.shuffle(calls)
        run_concurrently(connections, [calls[n::MOST_SESSIONS] for n in range(MOST_SESSIONS)])
        assert outcome(cursor) == reference


def test_a_cancelled_import_leaves_nothing(cursor, connections):
    """It ends at once, although there would be work for hours."""
    cursor.execute("SET statement_timeout = '700ms'")
    with pytest.raises(psycopg2.errors.QueryCanceled):
        cursor.execute("SELECT msgstatus.import_statuses('SELECT n AS message_id, now() AS sent_at FROM generate_series(1, 1000000000) AS n')")
    cursor.execute("RESET statement_timeout")
    cursor.execute("SELECT count(*) FROM msgstatus.message")
    assert cursor.fetchone() == (0,)


def test_notices_tell_how_far_it_has_come(cursor, connections):
    del connections[0].notices[:]
    cursor.execute("SELECT msgstatus.import_statuses('SELECT CASE WHEN n > 100 THEN n END AS message_id, now() AS sent_at, 1 AS retry_count, 2 AS x"
                   " FROM generate_series(1, 23000) AS n', notice_every => 10000)")
    unused, *progress = connections[0].notices
    assert unused == "NOTICE:  ignoring unrecognized columns: retry_count, x\n"
    told = [re.fullmatch(r"NOTICE:  imported (\d+) rows \((\d+) rows/s\), (\d+) of them rejected\n", notice) for notice in progress]
    assert [(int(t[1]), int(t[3])) for t in told] == [(10000, 100), (20000, 100)]
    assert all(int(t[2]) > 0 for t in told)


def test_memory_does_not_grow_with_the_rows(cursor):
    def private_memory_after(rows):
        cursor.execute("SELECT msgstatus.import_statuses('SELECT n AS message_id, timestamptz ''2024-12-10Z'' AS sent_at"
                       f" FROM generate_series(1, {rows}) AS n', notice_every => 0)")
        cursor.execute("SELECT pg_backend_pid()")
        with open(f"/proc/{cursor.fetchone()[0]}/status", encoding="ascii") as file:
            return next(int(line.split()[1]) for line in file if line.startswith("RssAnon"))

    small = private_memory_after(20_000)
    # Kilobytes: what is let go of may stay with the allocator. 100,000 rows take 50 MB if they are kept.
    assert private_memory_after(120_000) < small + 10_000
