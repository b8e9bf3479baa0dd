"""A message with several ids is one message, in whatever order, in whatever calls and sessions its statuses, its registrations and its ids
become known: the same row, trail, rollups and rows of attached tables as if everybody had named it by one id from the start.

Environment: see test_apply.py.
"""

import contextlib
import dataclasses
import itertools
import json
import random

import pytest

from schedule import run_all, run_concurrently
from test_apply import MOST_SESSIONS, rolled_back, seeds

NOON = 1_733_832_000
STATES = ["sent", "delivered", "read", "failed"]
LOGS = """
    CREATE TABLE logs (n bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, sid text, status text, sent_at timestamptz, delivered_at timestamptz,
        read_at timestamptz, failed_at timestamptz, error_code integer, retry_count integer NOT NULL DEFAULT 0);
    CREATE INDEX ON logs (sid);
    SELECT msgstatus.attach_table('logs', 'sid')"""
MESSAGES = """
    SELECT message_id, status::text, encode(msgstatus.message_status_send(status), 'hex'), provider, direction, sender, recipient, message_type,
        content, metadata::text, created_by, registered, error_at, error_code, error_title, encode(known_events, 'hex')
    FROM msgstatus.message ORDER BY message_id"""
EVENTS = 'SELECT e::text FROM msgstatus.status_event AS e ORDER BY e::text COLLATE "C"'
# As seen without aliases: what names the other id is left out.
EVENTS_SEEN = """
    SELECT message_id, state::text, event_time, received_at, fingerprint, time_source, source, participant, error_code, error_title
    FROM msgstatus.status_event ORDER BY message_id, fingerprint"""
SHOWN = """
    SELECT sid, status, sent_at, delivered_at, read_at, failed_at, error_code, retry_count FROM logs ORDER BY 1, 2, 3, 4, 5, 6, 7, 8"""
ALIASES = "SELECT alias, message_id, is_alias FROM msgstatus.message_alias WHERE alias <> 'the first' ORDER BY alias"


@dataclasses.dataclass(frozen=True)
class Status:
    """A status under an id, which may name another one, too."""

    id: str
    state: str
    minute: int
    received: int
    alias: str = None
    code: int = None
    provider_time: bool = True

    def body(self):
        body = {"id": self.id, "status": self.state, "recipient_id": "15550100009"}
        if self.provider_time:
            body["timestamp"] = str(NOON + 60 * self.minute)
        if self.alias:
            body["gs_id"] = self.alias
        if self.code:
            body["errors"] = [{"code": self.code, "title": f"error {self.code}"}]
        return {"messaging_product": "whatsapp", "statuses": [body]}

    def pairs(self):
        return [(self.alias, self.id)] if self.alias and self.alias != self.id else []

    def named(self, ids):
        return dataclasses.replace(self, id=ids(self.id), alias=self.alias and ids(self.id))


@dataclasses.dataclass(frozen=True)
class Registered:
    id: str
    alias: str = None
    columns: tuple = ()

    def run(self, cursor):
        columns = dict(self.columns) | ({"alias": self.alias} if self.alias else {})
        cursor.execute("SELECT msgstatus.register_message(%s" + "".join(f", {name} => %s" for name in columns) + ")",
                       (self.id, *columns.values()))

    def pairs(self):
        return [(self.alias, self.id)] if self.alias and self.alias != self.id else []

    def named(self, ids):
        return dataclasses.replace(self, id=ids(self.id), alias=None)


@dataclasses.dataclass(frozen=True)
class Named:
    alias: str
    id: str

    def run(self, cursor):
        cursor.execute("SELECT msgstatus.add_message_alias(%s, %s)", (self.alias, self.id))

    def pairs(self):
        return [(self.alias, self.id)]

    def named(self, ids):
        return None


@dataclasses.dataclass(frozen=True)
class Logged:
    id: str

    def run(self, cursor):
        cursor.execute("INSERT INTO logs (sid) VALUES (%s)", (self.id,))

    def pairs(self):
        return []

    def named(self, ids):
        return self


class Batch:
    """One call with several statuses."""

    def __init__(self, statuses):
        self.statuses = statuses

    def run(self, cursor):
        cursor.execute("SELECT * FROM msgstatus.apply_message_status_batch(%s::jsonb[],"
                       " ARRAY(SELECT to_timestamp(t) FROM unnest(%s::float8[]) WITH ORDINALITY AS u (t, n) ORDER BY n), %s::text[])",
                       ([json.dumps(s.body()) for s in self.statuses], [NOON + 60 * s.received for s in self.statuses], ["test"] * len(self.statuses)))
        for received, applied, unchanged, rejected, ignored in cursor.fetchall():
            assert (received, applied + unchanged, rejected, ignored) == (1, 1, 0, 0)


def kept_ids(operations):
    """Returns the function from an id to the one under which the message is kept, worked out from all pairs at once."""
    pairs = [pair for o in operations for pair in o.pairs()]
    families = []
    for pair in pairs:
        joined = [f for f in families if f & set(pair)]
        families = [f for f in families if f not in joined] + [set(pair).union(*joined)]
    called = {alias for alias, _ in pairs}
    kept = {i: min(f - called or f) for f in families for i in f}
    return lambda i: kept.get(i, i)


def random_operations(rng, number):
    """Statuses and registrations of a few messages with up to four ids each; some pairs contradict each other."""
    messages = [[f"{prefix}{n}" for prefix in rng.sample(["gs-", "wamid.", "0-", "z-"], rng.randint(1, 4))] for n in range(rng.randint(1, 3))]
    operations = []
    while len(operations) < number:
        ids = rng.choice(messages)
        one, other = rng.choice(ids), rng.choice(ids)
        if rng.random() < 0.02:
            other = rng.choice(rng.choice(messages))
        kind = rng.random()
        if kind < 0.6:
            state = rng.choice(STATES)
            operations.append(Status(one, state, rng.randrange(3), rng.randrange(10, 13), other if rng.random() < 0.4 else None,
                                     rng.choice([131026, 130472]) if state == "failed" else None, rng.random() < 0.8))
        elif kind < 0.75:
            columns = {"sender": "+15550100001", "message_type": "template", "content": "Hello", "created_by": "app"}
            chosen = tuple((name, columns[name]) for name in rng.sample(list(columns), rng.randrange(len(columns) + 1)))
            operations.append(Registered(one, other if rng.random() < 0.5 else None, chosen))
        elif kind < 0.85 and one != other:
            operations.append(Named(one, other))
        elif kind >= 0.85:
            operations.append(Logged(one))
    return operations


def calls_of(rng, operations, one_by_one=False):
    """Cuts the operations, in their order, into calls."""
    calls, rest = [], list(operations)
    while rest:
        size = 1
        wanted = 1 if one_by_one else rng.choice([1, 1, 2, 3, 8])
        if isinstance(rest[0], Status):
            while size < min(wanted, len(rest)) and isinstance(rest[size], Status):
                size += 1
            calls.append(Batch(rest[:size]))
        else:
            calls.append(rest[0])
        rest = rest[size:]
    return calls


def disordered(rng, operations):
    """Shuffled, and all but the rows of the attached table partly repeated."""
    again = [o for o in operations if not isinstance(o, Logged) and rng.random() < 0.3]
    operations = operations + again
    rng.shuffle(operations)
    return operations


def rows(cursor, sql):
    cursor.execute(sql)
    return cursor.fetchall()


@dataclasses.dataclass
class Outcome:
    messages: list
    events: list
    seen: list
    shown: list
    aliases: list


def outcome(cursor):
    assert rows(cursor, "SELECT * FROM msgstatus.verify_rollups()") == []
    assert rows(cursor, "SELECT * FROM msgstatus.rejected_status") == []
    assert rows(cursor, "SELECT * FROM msgstatus.attached_table_failure") == []
    return Outcome(*(rows(cursor, sql) for sql in (MESSAGES, EVENTS, EVENTS_SEEN, SHOWN, ALIASES)))


def outcome_of(cursor, calls):
    with rolled_back(cursor):
        run_all(cursor, calls)
        return outcome(cursor)


@pytest.fixture(scope="module")
def here(any_locale):
    any_locale.query(LOGS)
    return any_locale


@pytest.fixture(scope="module")
def cursor(here):
    with contextlib.closing(here.connect()) as connection, connection.cursor() as cursor:
        yield cursor


@pytest.fixture(scope="module")
def connections(here):
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(contextlib.closing(here.connect())) for _ in range(MOST_SESSIONS)]


def assert_as_if_one_id(cursor, rng, operations, found):
    """Compares with what there is when everybody names the message by one id, and nobody knows of another."""
    ids = kept_ids(operations)
    renamed = [o.named(ids) for o in operations]
    with rolled_back(cursor):
        run_all(cursor, calls_of(rng, [o for o in renamed if o is not None and not isinstance(o, Logged)], one_by_one=True))
        for o in renamed:
            if isinstance(o, Logged):
                cursor.execute("INSERT INTO logs (sid) VALUES (%s)", (ids(o.id),))
        assert rows(cursor, ALIASES) == []
        assert rows(cursor, MESSAGES) == found.messages
        assert rows(cursor, EVENTS_SEEN) == found.seen
        assert sorted(rows(cursor, SHOWN), key=repr) == sorted([(ids(sid), *shown) for sid, *shown in found.shown], key=repr)


@seeds(3)
def test_every_permutation(cursor, seed):
    rng = random.Random(seed)
    operations = random_operations(rng, rng.choice([3, 4, 4, 5]))
    reference = outcome_of(cursor, calls_of(rng, operations, one_by_one=True))
    assert_as_if_one_id(cursor, rng, operations, reference)
    for permutation in itertools.permutations(operations):
        assert outcome_of(cursor, calls_of(rng, permutation, one_by_one=True)) == reference


@seeds(12)
def test_random_order_partition_and_repetition(cursor, seed):
    rng = random.Random(seed)
    operations = random_operations(rng, rng.choice([5, 12, 30]))
    reference = outcome_of(cursor, calls_of(rng, operations, one_by_one=True))
    assert_as_if_one_id(cursor, rng, operations, reference)
    for _ in range(6):
        assert outcome_of(cursor, calls_of(rng, disordered(rng, operations))) == reference


@seeds(10)
def test_concurrent_sessions(cursor, connections, seed):
    rng = random.Random(seed)
    operations = random_operations(rng, rng.choice([12, 30]))
    reference = outcome_of(cursor, calls_of(rng, operations, one_by_one=True))
    for _ in range(3):
        number = rng.randint(2, MOST_SESSIONS)
        calls = calls_of(rng, disordered(rng, operations))
        # Sessions that begin while there is no alias at all may lose by deadlock: see decision 0022.
        cursor.execute("SELECT msgstatus.add_message_alias('the first', 'of all')")
        try:
            run_concurrently(connections, [calls[n::number] for n in range(number)])
            assert outcome(cursor) == reference
        finally:
            cursor.execute("TRUNCATE msgstatus.message, msgstatus.status_event, msgstatus.rejected_status, msgstatus.message_rollup,"
                           " msgstatus.folded_hour, msgstatus.failure_rollup, msgstatus.message_alias, msgstatus.attached_table_failure, logs")


@seeds(3)
def test_sessions_that_name_the_same_ids(cursor, connections, seed):
    """Each learner moves the message, while others wait for it: nobody is to wait for it where it went, with locks in hand."""
    rng = random.Random(seed)
    ids = ["0-0", "gs-0", "wamid.0", "z-0"]
    for _ in range(15):
        # Sessions that begin while there is no alias at all may lose by deadlock: see decision 0023.
        cursor.execute("SELECT msgstatus.add_message_alias('the first', 'of all')")
        for i in ids:
            Registered(i).run(cursor)
        try:
            run_concurrently(connections, [[Named(*rng.sample(ids, 2)) for _ in range(3)] for _ in connections])
            assert len(rows(cursor, "SELECT message_id FROM msgstatus.message")) == 1
        finally:
            cursor.execute("TRUNCATE msgstatus.message, msgstatus.message_rollup, msgstatus.folded_hour, msgstatus.message_alias")


def repeated_ids(rng, number):
    """Statuses to a few people, each of whose ids is its own, with second ids that mostly repeat; and to whom each went."""
    statuses, people = [], {}
    for n in range(number):
        person = rng.randrange(3)
        people[f"wamid.{n}"] = person
        for state in rng.sample(STATES, rng.randint(1, 3)):
            statuses.append({"id": f"wamid.{n}", "gs_id": rng.choice(["0", "test", f"gs-{n}"]), "status": state,
                             "timestamp": str(NOON + 60 * rng.randrange(3)), "recipient_id": f"1555010000{person}"})
    return statuses, people


@seeds(8)
def test_no_message_of_two_people(cursor, seed):
    rng = random.Random(seed)
    statuses, people = repeated_ids(rng, rng.choice([3, 10, 40]))
    for _ in range(4):
        rng.shuffle(statuses)
        with rolled_back(cursor):
            rest = list(statuses)
            while rest:
                size = rng.choice([1, 2, 8])
                batch, rest = rest[:size], rest[size:]
                cursor.execute("SELECT sum(received)::int, sum(rejected)::int FROM msgstatus.apply_message_status_batch(%s::jsonb[],"
                               " array_fill(NULL::timestamptz, %s), array_fill(NULL::text, %s))",
                               ([json.dumps({"messaging_product": "whatsapp", "statuses": [s]}) for s in batch], [len(batch)], [len(batch)]))
                assert cursor.fetchone() == (len(batch), 0)
            assert rows(cursor, "SELECT * FROM msgstatus.verify_rollups()") == []
            kept = dict(rows(cursor, "SELECT alias, message_id FROM msgstatus.message_alias"))
            found = dict(rows(cursor, "SELECT message_id, recipient FROM msgstatus.message"))
            for message, person in people.items():
                assert found[kept.get(message, message)] == f"+1555010000{person}"
            states = dict(rows(cursor, "SELECT message_id, status::text FROM msgstatus.message"))
            for status in statuses:
                assert status["status"] in json.loads(states[kept.get(status["id"], status["id"])]), "no status is lost"
            families = list(kept.values())
            assert all(families.count(i) < 16 for i in families)
