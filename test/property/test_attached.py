"""An attached table ends as what is known of its messages says, whatever comes when: statuses from several sessions, rows inserted
before, meanwhile and after, rows that get their message's id later, the table attached in the middle. Rows that the table refuses cost
nothing but themselves.

Environment: see test_apply.py.
"""

import contextlib
import json
import random

import pytest

from schedule import run_concurrently
from test_apply import seeds

SESSIONS = 5
IDS = [f"wamid.{n}" for n in range(12)]
STATES = ["queued", "sent", "delivered", "read", "failed", "undelivered"]
NOON = 1_733_832_000

LOGS = """
    CREATE TABLE logs (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        sid text,
        refuses text,
        status text,
        timeline jsonb,
        sent_at timestamptz, delivered_at timestamptz, read_at timestamptz, failed_at timestamptz,
        error_code integer,
        failure_reason text,
        retry_count integer NOT NULL DEFAULT 0,
        CONSTRAINT refusal CHECK (status <> refuses)
    );
    CREATE INDEX ON logs (sid);
"""
ATTACH = "SELECT msgstatus.attach_table('logs', 'sid')"

# What the table shows otherwise than its messages make it: the message, the column, what it is, what it should be. Rows of messages
# that are known to have failed are left out.
WRONG = """
    SELECT r.sid, f.key, f.value, e.value
    FROM (
        SELECT l.sid, to_jsonb(l) AS found, jsonb_build_object('status', msgstatus.state(m.status)::text, 'timeline', m.status::jsonb,
            'sent_at', msgstatus.reached_at(m.status, 'sent'), 'delivered_at', msgstatus.reached_at(m.status, 'delivered'),
            'read_at', msgstatus.reached_at(m.status, 'read'), 'failed_at', LEAST(msgstatus.reached_at(m.status, 'failed'), msgstatus.reached_at(m.status, 'undelivered')),
            'error_code', m.error_code, 'failure_reason', m.error_title,
            'retry_count', (COALESCE(msgstatus.observed_at(m.status, 'failed'), msgstatus.observed_at(m.status, 'undelivered')) IS NOT NULL)::integer) AS expected
        FROM logs AS l LEFT JOIN msgstatus.message AS m ON m.message_id = l.sid
        WHERE NOT EXISTS (SELECT FROM msgstatus.attached_table_failure AS f WHERE f.message_id = l.sid)
    ) AS r, jsonb_each(r.found) AS f JOIN jsonb_each(r.expected) AS e USING (key)
    WHERE f.value IS DISTINCT FROM e.value"""


class Statement:
    """One statement of a session, in a transaction of its own."""

    def __init__(self, sql, *parameters):
        self.sql = sql
        self.parameters = parameters

    def run(self, cursor):
        cursor.execute(self.sql, self.parameters)


def statuses(rng):
    """Returns a call with statuses of several messages, in any order."""
    said = [{"id": rng.choice(IDS), "status": rng.choice(STATES), "timestamp": NOON + rng.randrange(100)} for _ in range(rng.choice([1, 1, 3, 8]))]
    for status in said:
        if status["status"] in ("failed", "undelivered") and rng.random() < 0.8:
            status["errors"] = [{"code": rng.choice([1, 131026, 131047]), "title": rng.choice(["late", "lost"])}]
    return Statement("SELECT msgstatus.apply_message_status(%s::jsonb)", json.dumps(said))


def inserts(rng):
    """Returns the insertion of rows, in any order, some of them without an id yet."""
    ids = [rng.choice([*IDS, None]) for _ in range(rng.choice([1, 1, 2, 6]))]
    return Statement("INSERT INTO logs (sid, refuses) SELECT * FROM unnest(%s::text[], %s::text[])", ids,
                     [rng.choice([None] * 6 + STATES) if refusing else None for refusing in [rng.random() < 0.3] * len(ids)])


def names(rng):
    """Returns an update that names the message of a row that had none."""
    return Statement("UPDATE logs SET sid = %s WHERE id = (SELECT min(id) FROM logs WHERE sid IS NULL) AND sid IS NULL", rng.choice(IDS))


def sessions(rng, kinds):
    return [[rng.choice(kinds)(rng) for _ in range(rng.randint(3, 12))] for _ in range(SESSIONS)]


@pytest.fixture(scope="module")
def database(server):
    return server.create_database()


@pytest.fixture(scope="module")
def connections(database):
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(contextlib.closing(database.connect())) for _ in range(SESSIONS + 1)]


@pytest.fixture
def cursor(connections):
    """A cursor beside an empty table that is not attached."""
    with connections[SESSIONS].cursor() as cursor:
        cursor.execute("TRUNCATE msgstatus.message, msgstatus.status_event, msgstatus.rejected_status;" + LOGS)
        yield cursor
        cursor.execute("DELETE FROM msgstatus.attached_table; DROP TABLE logs;")


def wrong(cursor):
    cursor.execute(WRONG)
    return cursor.fetchall()


def value(cursor, sql):
    cursor.execute(sql)
    return cursor.fetchone()[0]


@seeds(15)
def test_the_table_ends_as_its_messages_say(cursor, connections, seed):
    rng = random.Random(seed)
    cursor.execute("ALTER TABLE logs DROP CONSTRAINT refusal")
    if rng.random() < 0.5:
        cursor.execute(ATTACH)
        plans = sessions(rng, [statuses, statuses, inserts, names])
    else:
        run_concurrently(connections, sessions(rng, [statuses, inserts]))
        plans = sessions(rng, [statuses, statuses, inserts, names])
        plans[0].insert(rng.randrange(len(plans[0])), Statement(ATTACH))
    plans[1].insert(rng.randrange(len(plans[1])), Statement("SELECT msgstatus.resync_table(target) FROM msgstatus.attached_tables"))
    run_concurrently(connections, plans)
    assert wrong(cursor) == []
    assert value(cursor, "SELECT count(*) FROM msgstatus.attached_table_failure") == 0
    assert value(cursor, "SELECT count(*) FROM msgstatus.message WHERE status::text = '{}'") == 0
    # Nothing is left to do.
    before = value(cursor, "SELECT array_agg(ctid ORDER BY id) FROM logs")
    assert value(cursor, "SELECT msgstatus.resync_table('logs')") == 0
    assert value(cursor, "SELECT array_agg(ctid ORDER BY id) FROM logs") == before


@seeds(10)
def test_a_table_with_few_words_shows_the_highest_state_that_has_one(cursor, connections, seed):
    rng = random.Random(seed)
    cursor.execute("""
        DROP TABLE logs;
        CREATE TABLE logs (sid text PRIMARY KEY, status text NOT NULL DEFAULT 'new' CHECK (status IN ('new', 'sent', 'failed')))""")
    cursor.execute("INSERT INTO logs SELECT * FROM unnest(%s::text[])", (IDS,))
    cursor.execute("""SELECT msgstatus.attach_table('logs', 'sid', '{"state": {"column": "status", "replace": ["new"]}}')""")
    run_concurrently(connections, sessions(rng, [statuses]))
    cursor.execute("""
        SELECT l.sid, l.status, m.status FROM logs AS l LEFT JOIN msgstatus.message AS m ON m.message_id = l.sid
        WHERE l.status <> CASE WHEN m.status OPERATOR(msgstatus.?|) '{failed,undelivered}' THEN 'failed'
            WHEN m.status OPERATOR(msgstatus.?) 'sent' THEN 'sent' ELSE 'new' END""")
    assert cursor.fetchall() == []


@seeds(15)
def test_rows_that_are_refused_cost_only_themselves(cursor, connections, seed):
    rng = random.Random(seed)
    cursor.execute(ATTACH)
    run_concurrently(connections, sessions(rng, [statuses, statuses, inserts]))
    assert wrong(cursor) == []
    # Exactly the messages that have a row which refuses their state.
    cursor.execute("""
        SELECT DISTINCT m.message_id FROM msgstatus.message AS m JOIN logs AS l ON l.sid = m.message_id
        WHERE msgstatus.state(m.status)::text = l.refuses ORDER BY m.message_id""")
    refused = [row[0] for row in cursor.fetchall()]
    cursor.execute("SELECT message_id, error_code FROM msgstatus.attached_table_failure ORDER BY message_id")
    assert cursor.fetchall() == [(message_id, "23514") for message_id in refused]
    cursor.execute("ALTER TABLE logs DROP CONSTRAINT refusal")
    assert value(cursor, "SELECT msgstatus.resync_table('logs')") == 0
    assert value(cursor, "SELECT count(*) FROM msgstatus.attached_table_failure") == 0
    assert wrong(cursor) == []


HISTORY = """
    DROP TABLE logs;
    CREATE TABLE logs (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, sid text, status text, event_time timestamptz, error_code integer, written_by text DEFAULT 'msgstatus');
    CREATE INDEX ON logs (sid);
"""
ATTACH_HISTORY = """SELECT msgstatus.attach_table('logs', 'sid', '{"state": {"column": "status", "history": true}}')"""

# The states observed of messages that have no row or several rows of msgstatus; rows of states that were not observed, or not then.
WRONG_HISTORY = """
    SELECT o.sid, o.state, count(l.id), count(l.id) FILTER (WHERE l.written_by = 'msgstatus')
    FROM (SELECT m.message_id AS sid, jsonb_object_keys(m.status::text::jsonb) AS state FROM msgstatus.message AS m) AS o
    LEFT JOIN logs AS l ON l.sid = o.sid AND lower(l.status) = o.state
    GROUP BY o.sid, o.state HAVING count(l.id) = 0 OR count(l.id) FILTER (WHERE l.written_by = 'msgstatus') > 1
    UNION ALL
    SELECT l.sid, l.status, l.id, NULL FROM logs AS l
    WHERE l.written_by = 'msgstatus' AND NOT EXISTS (
        SELECT FROM msgstatus.status_event AS e WHERE e.message_id = l.sid AND e.state::text = lower(l.status) AND e.event_time = l.event_time)"""


def notes(rng):
    """Returns the insertion of rows of the application's own, in any order, for messages of which statuses come as well."""
    return Statement("INSERT INTO logs (sid, status, written_by) SELECT sid, 'template', 'application' FROM unnest(%s::text[]) AS sid",
                     [rng.choice([*IDS, None]) for _ in range(rng.choice([1, 1, 2, 6]))])


@seeds(15)
def test_a_history_has_a_row_for_each_state_whatever_the_order(cursor, connections, seed):
    rng = random.Random(seed)
    cursor.execute(HISTORY)
    # The application wrote some of the rows by itself.
    own = {(rng.choice(IDS), rng.choice(STATES)) for _ in range(10)}
    cursor.execute("INSERT INTO logs (sid, status, written_by) SELECT sid, upper(status), 'application' FROM unnest(%s::text[], %s::text[]) AS o (sid, status)",
                   ([sid for sid, _ in own], [state for _, state in own]))
    said = [statuses(rng) for _ in range(25)]
    plans = sessions(rng, [notes])
    for status in rng.choices(said, k=50):
        plans[rng.randrange(SESSIONS)].append(status)
    for plan in plans:
        rng.shuffle(plan)
    if rng.random() < 0.7:
        cursor.execute(ATTACH_HISTORY)
    else:
        plans[0].insert(rng.randrange(len(plans[0])), Statement(ATTACH_HISTORY))
        # A message that has no row gets its rows with its next status.
        cursor.execute("INSERT INTO logs (sid, status, written_by) SELECT sid, 'template', 'application' FROM unnest(%s::text[]) AS sid", (IDS,))
    plans[1].insert(rng.randrange(len(plans[1])), Statement("SELECT msgstatus.resync_table(target) FROM msgstatus.attached_tables"))
    run_concurrently(connections, plans)
    assert value(cursor, "SELECT count(*) FROM msgstatus.attached_table_failure") == 0
    cursor.execute(WRONG_HISTORY)
    assert cursor.fetchall() == []
    cursor.execute("SELECT sid, lower(status) FROM logs WHERE written_by = 'msgstatus'")
    assert own.isdisjoint(cursor.fetchall())
    # Nothing is left to do.
    before = value(cursor, "SELECT count(*) FROM logs WHERE written_by = 'msgstatus'")
    assert value(cursor, "SELECT msgstatus.resync_table('logs')") == 0
    run_concurrently(connections, plans)
    cursor.execute(WRONG_HISTORY)
    assert cursor.fetchall() == []
    assert value(cursor, "SELECT count(*) FROM logs WHERE written_by = 'msgstatus'") == before
