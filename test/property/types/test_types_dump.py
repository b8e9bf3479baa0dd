"""Dump and restore: every row, and whatever users build on the types."""

import subprocess

import pytest
from status_model import STATES, random_status, to_text

SCHEMA = """
    CREATE TABLE log (n int PRIMARY KEY,
                      status message_status NOT NULL DEFAULT '{}',
                      state delivery_state DEFAULT 'dispatched',
                      history message_status[],
                      seen delivery_state[],
                      highest delivery_state GENERATED ALWAYS AS (state(status)) STORED,
                      CHECK (status <@ status AND NOT status ? 'no such state'), CHECK (state >= 'processing'));
    CREATE INDEX log_status ON log (status);
    CREATE INDEX log_state ON log USING hash (state);
    CREATE INDEX log_read ON log (reached_at(status, 'read')) WHERE status ?| array['read', 'played'];
    CREATE TYPE pair AS (status message_status, state delivery_state);
    CREATE DOMAIN known AS message_status CHECK (VALUE <> '{}');
    CREATE TABLE pairs (n int, pair pair, known known);
    CREATE TABLE parts (n int, state delivery_state, status message_status) PARTITION BY LIST (state);
    CREATE TABLE parts_failed PARTITION OF parts FOR VALUES IN ('failed', 'undelivered');
    CREATE TABLE parts_rest PARTITION OF parts DEFAULT;
    CREATE VIEW reached AS
        SELECT n, status -> 'sent' AS sent, status ->> 'read' AS read, status::jsonb AS timeline FROM log;
    CREATE MATERIALIZED VIEW merged AS
        SELECT n % 10 AS n, merge_agg(status) AS status, max(state) AS state FROM log GROUP BY 1;
    CREATE UNIQUE INDEX ON merged (n);
"""
CONTENT = """
    INSERT INTO pairs SELECT n, ROW(status, state)::pair, nullif(status, '{}') FROM log WHERE n % 7 = 0;
    INSERT INTO parts SELECT n, state, status FROM log;
    UPDATE log SET history = ARRAY[status, '{}', NULL], seen = ARRAY[state, NULL, 'read'] WHERE n % 5 = 0;
    REFRESH MATERIALIZED VIEW merged;
"""
# Text and bytes of every table and view; a partition is part of its table.
TABLES = ["log", "pairs", "parts", "parts_failed", "reached", "merged"]


def content(server, database):
    order = 'ORDER BY n, t::text COLLATE "C"'
    text = [server.execute(database, f"SELECT t::text FROM {table} AS t {order};") for table in TABLES]
    sent = "SELECT n, message_status_send(status), delivery_state_send(state) FROM log ORDER BY n;"
    return text, server.execute(database, sent)


def run(command, data=None):
    done = subprocess.run(command, input=data, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    assert not done.stderr, done.stderr.decode()
    return done.stdout


def dump(server, database, *options):
    return run([str(server.bindir / "pg_dump"), "-d", server.conninfo(database), *options])


def lines_of_dump(server, database):
    """Without the random key that newer versions of pg_dump put around each dump."""
    lines = dump(server, database).splitlines()
    return [line for line in lines if not line.startswith((b"\\restrict", b"\\unrestrict"))]


@pytest.fixture
def filled(types_server, database, rng):
    types_server.execute(database, SCHEMA)
    rows = "".join(f"{n}\t{to_text(random_status(rng))}\t{rng.choice(STATES)}\n" for n in range(3000))
    run(types_server.psql(database, "-c", "COPY log (n, status, state) FROM STDIN"), rows.encode())
    types_server.execute(database, CONTENT)
    return database


@pytest.fixture
def empty(types_server):
    name = types_server.create_database("restored", setup="")
    types_server.execute("postgres", f'ALTER DATABASE "{name}" SET search_path = public, msgstatus;')
    return name


@pytest.mark.parametrize("form", ["copy", "inserts", "custom"])
def test_dump_and_restore(types_server, filled, empty, form):
    before = content(types_server, filled)
    assert before[1].count("\n") == 3000
    if form == "custom":
        archive = dump(types_server, filled, "--format=custom")
        run([str(types_server.bindir / "pg_restore"), "--exit-on-error", "-d", types_server.conninfo(empty)], archive)
    else:
        options = ["--rows-per-insert=100"] if form == "inserts" else []
        run(types_server.psql(empty), dump(types_server, filled, *options))
    assert content(types_server, empty) == before
    # What was restored would be dumped the same: schema, constraints, indexes, views. Rows may have moved.
    assert sorted(lines_of_dump(types_server, empty)) == sorted(lines_of_dump(types_server, filled))


def test_restored_indexes_are_used_and_right(types_server, filled, empty):
    run(types_server.psql(empty), dump(types_server, filled))
    by_scan = "SET enable_indexscan = off; SET enable_indexonlyscan = off; SET enable_bitmapscan = off;"
    by_index = "SET enable_seqscan = off;"
    for condition, index in [
        ("status = (SELECT status FROM parts WHERE n = 17)", "log_status"),
        ("status >= '{\"read\": \"2024-12-10T10:30:00Z\"}'", "log_status"),
        ("state = 'failed'", "log_state"),
        ("status ?| array['read', 'played'] AND reached_at(status, 'read') < '2024-12-10'", "log_read"),
    ]:
        question = f"SELECT count(*), sum(n) FROM log WHERE {condition};"
        answer = types_server.execute(empty, by_scan + question)
        assert not answer.startswith("0|")
        assert types_server.execute(empty, by_index + question) == answer, condition
        assert index in types_server.execute(empty, by_index + "EXPLAIN (COSTS off) " + question), condition
