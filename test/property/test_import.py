"""import_statuses makes of a table what apply_message_status makes of the webhooks that the table was kept by: whatever the
slices, their order, repetition and concurrency, alone or among the webhooks themselves."""

import contextlib
import datetime
import json
import os
import random
import re

import psycopg2
import psycopg2.extras
import pytest

from schedule import APPLY, empty_tables, read_tables, run_all, run_concurrently

ROUNDS = float(os.environ.get("MSGSTATUS_PROPERTY_ROUNDS", "1"))
FIRST_SEED = int(os.environ.get("MSGSTATUS_PROPERTY_SEED", "1"))
MOST_SESSIONS = 6
STATES = ["queued", "sent", "delivered", "read", "failed", "undelivered", "played"]
FAILURES = ["failed", "undelivered"]
START = datetime.datetime(2024, 12, 10, tzinfo=datetime.timezone.utc)
HISTORY = """
CREATE TABLE history (n integer PRIMARY KEY, message_id text, status jsonb, queued_at timestamptz, sent_at timestamptz, delivered_at timestamptz,
    read_at timestamptz, failed_at timestamptz, undelivered_at timestamptz, played_at timestamptz, error_code integer,
    error_title text, error_details text, recipient text)"""


def seeds(number):
    chosen = range(FIRST_SEED, FIRST_SEED + max(1, int(number * ROUNDS)))
    return pytest.mark.parametrize("seed", chosen, ids=[f"seed{seed}" for seed in chosen])


def random_row(rng, n):
    row = {"n": n, "message_id": f"wamid.{rng.randrange(8)}", "recipient": rng.choice([None, "+4917000000", "+1555010000"])}
    timeline = {}
    for state in rng.sample(STATES, rng.choice([1, 1, 2, 3, 4])):
        time = START + datetime.timedelta(seconds=rng.randrange(8000))
        if rng.random() < 0.3:
            timeline[state] = time.isoformat()
        else:
            row[f"{state}_at"] = time
    if timeline:
        row["status"] = psycopg2.extras.Json(timeline)
    if rng.random() < 0.5:
        row |= {"error_code": rng.choice([None, 0, 131026, 30003]), "error_title": rng.choice([None, "gone", "Unreachable"]),
                "error_details": rng.choice([None, "Why", "why"])}
    return row


def webhooks_of(row):
    """webhooks_of does return what a provider said of which the row is the record, a webhook for each state."""
    times = {state: time.timestamp() for state, time in
             ((state, row[f"{state}_at"]) for state in STATES if f"{state}_at" in row)}
    if "status" in row:
        times |= {state: datetime.datetime.fromisoformat(time).timestamp() for state, time in row["status"].adapted.items()}
    for state, time in times.items():
        webhook = {"id": row["message_id"], "status": state, "timestamp": str(int(time))}
        if row["recipient"]:
            webhook["recipient_id"] = row["recipient"]
        error = {"code": row.get("error_code"), "title": row.get("error_title"), "error_data": {"details": row.get("error_details")}}
        if state in FAILURES:
            webhook["errors"] = [error]
        yield webhook


class Webhooks:
    def __init__(self, webhooks):
        self.webhooks = webhooks

    def run(self, cursor):
        cursor.execute(APPLY, (json.dumps(self.webhooks), None, "live"))


class Import:
    def __init__(self, rows):
        self.rows = rows

    def run(self, cursor):
        numbers = ", ".join(str(row["n"]) for row in self.rows)
        cursor.execute("SELECT * FROM msgstatus.import_statuses(%s, 'meta', notice_every => 0)",
                       (f"SELECT * FROM history WHERE n IN ({numbers}) ORDER BY random()",))
        received, applied, unchanged, rejected, ignored = cursor.fetchone()
        assert (received, rejected, ignored) == (len(self.rows), 0, 0)
        assert applied + unchanged == received


def random_imports(rng, rows):
    """random_imports does return imports of random slices, some of them again, which together import every row."""
    rows = rows + rng.choices(rows, k=rng.randrange(len(rows)))
    rng.shuffle(rows)
    imports = []
    while rows:
        size = rng.choice([1, 2, 5, 20])
        unique = {row["n"]: row for row in rows[:size]}
        imports.append(Import(list(unique.values())))
        rows = rows[size:]
    return imports


def random_webhooks(rng, rows):
    webhooks = [webhook for row in rows for webhook in webhooks_of(row)]
    rng.shuffle(webhooks)
    calls = []
    while webhooks:
        size = rng.choice([1, 3, 10])
        calls.append(Webhooks(webhooks[:size]))
        webhooks = webhooks[size:]
    return calls


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


def store(cursor, rows):
    cursor.execute("TRUNCATE history")
    for row in rows:
        cursor.execute(f"INSERT INTO history ({', '.join(row)}) VALUES ({', '.join(['%s'] * len(row))})", list(row.values()))


def trail(cursor):
    """trail does return what was observed, without from whom and when it was heard, which is whoever came first."""
    cursor.execute("SELECT message_id, fingerprint, state::text, event_time, time_source, error_code FROM msgstatus.status_event"
                   ' ORDER BY message_id, fingerprint')
    return cursor.fetchall()


def outcome(cursor):
    """outcome does return the messages and the trail, and hold that the rollups are exact."""
    found = read_tables(cursor).messages, trail(cursor)
    empty_tables(cursor)
    return found


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


@seeds(6)
def test_imports_among_live_webhooks_equal_either(cursor, connections, seed):
    rng = random.Random(seed)
    rows = [random_row(rng, n) for n in range(60)]
    store(cursor, rows)
    run_all(cursor, [Import(rows)])
    reference = outcome(cursor)
    for _ in range(2):
        # A third is told by the import alone, a third by webhooks alone, the rest by both.
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
    assert unused == "NOTICE:  columns that say nothing to an import: retry_count, x\n"
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
