"""Ways to bring the same deliveries into the database: cut into calls, shuffled, repeated, spread over sessions."""

import dataclasses
import threading

import psycopg2.extras

from model import Registration
from deliveries import timestamp

APPLY = "SELECT msgstatus.apply_message_status(%s::jsonb, %s, %s)"
BATCH = "SELECT * FROM msgstatus.apply_message_status_batch(%s::jsonb[], %s::timestamptz[], %s::text[])"
# Every column but the two with the time at which the database learned of it.
MESSAGE_COLUMNS = """
SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) FROM pg_attribute
WHERE attrelid = 'msgstatus.message'::regclass AND attnum > 0 AND NOT attisdropped
    AND attname NOT IN ('created_at', 'updated_at', 'last_change', 'replaced')"""


class Apply:
    """One call of apply_message_status with one delivery, or several in arrays nested at random."""

    def __init__(self, rng, deliveries):
        first = deliveries[0]
        self.deliveries = deliveries
        self.parameters = (nested(rng, [d.body for d in deliveries]), timestamp(first.received_at), first.source)

    def run(self, cursor):
        cursor.execute(APPLY, self.parameters)
        check_counts(self.deliveries, cursor.fetchone()[0])


class ApplyBatch:
    """One call of apply_message_status_batch."""

    def __init__(self, deliveries):
        self.deliveries = deliveries

    def run(self, cursor):
        ds = self.deliveries
        cursor.execute(BATCH, ([d.body for d in ds], [timestamp(d.received_at) for d in ds], [d.source for d in ds]))
        names = [column.name for column in cursor.description]
        rows = cursor.fetchall()
        assert len(rows) == len(ds)
        for delivery, row in zip(ds, rows):
            check_counts([delivery], dict(zip(names, row)))


class Register:
    def __init__(self, registration):
        self.registration = registration

    def run(self, cursor):
        columns = self.registration.columns
        named = "".join(f", {name} => %s" for name in columns)
        cursor.execute(f"SELECT msgstatus.register_message(%s{named})",
                       (self.registration.message_id, *map(adapted, columns.values())))


def adapted(value):
    return psycopg2.extras.Json(value) if isinstance(value, dict) else value


def check_counts(deliveries, counts):
    """Checks the counts of a call against the known outcome of the deliveries."""
    assert counts["received"] == counts["applied"] + counts["unchanged"] + counts["rejected"], counts
    if any(d.objects is None for d in deliveries):
        return
    assert counts["rejected"] == sum(d.rejected for d in deliveries), (counts, deliveries)
    assert counts["applied"] + counts["unchanged"] == sum(d.objects for d in deliveries), (counts, deliveries)
    assert counts["ignored"] == sum(d.ignored for d in deliveries), (counts, deliveries)


def nested(rng, bodies):
    """Puts the bodies into arrays within arrays, in their order."""
    if len(bodies) == 1 and rng.random() < 0.7:
        return bodies[0]
    if len(bodies) <= 1 or rng.random() < 0.5:
        return "[" + ", ".join(bodies) + "]"
    cut = rng.randrange(1, len(bodies))
    return "[" + nested(rng, bodies[:cut]) + ", [" + nested(rng, bodies[cut:]) + "]]"


def one_by_one(rng, operations):
    """Returns a call for each operation."""
    return [Register(o) if isinstance(o, Registration) else Apply(rng, [o]) for o in operations]


def partitioned(rng, operations):
    """Cuts the operations, in their order, into calls of random sizes and kinds."""
    calls, rest = [], list(operations)
    while rest:
        if isinstance(rest[0], Registration):
            calls.append(Register(rest.pop(0)))
            continue
        size = 1
        wanted = rng.choice([1, 1, 2, 3, 5, 8])
        while size < min(wanted, len(rest)) and not isinstance(rest[size], Registration):
            size += 1
        group, rest = rest[:size], rest[size:]
        alike = len({(d.received_at, d.source) for d in group}) == 1
        calls.append(Apply(rng, group) if alike and rng.random() < 0.7 else ApplyBatch(group))
    return calls


def disordered(rng, operations):
    """Returns the operations shuffled, some of them several times."""
    operations = list(operations)
    operations += rng.choices(operations, k=rng.randrange(len(operations) + 1)) if rng.random() < 0.6 else []
    rng.shuffle(operations)
    return operations


def run_all(cursor, calls):
    for call in calls:
        call.run(cursor)


def run_concurrently(connections, calls_of_each):
    """Runs each list of calls in a session of its own, all at the same time."""
    start = threading.Barrier(len(calls_of_each))
    failures = []

    def session(connection, calls):
        try:
            start.wait()
            with connection.cursor() as cursor:
                run_all(cursor, calls)
        except Exception as failure:  # a deadlock among them; reported below, in the thread of the test
            failures.append(failure)

    threads = [threading.Thread(target=session, args=pair) for pair in zip(connections, calls_of_each)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]


@dataclasses.dataclass
class Tables:
    """The contents of the tables, as text and as the bytes of the statuses."""

    messages: list
    events: list


def read_tables(cursor):
    cursor.execute("SELECT * FROM msgstatus.verify_rollups()")
    assert cursor.fetchall() == []
    cursor.execute(MESSAGE_COLUMNS)
    columns = cursor.fetchone()[0]
    cursor.execute(f"SELECT ROW({columns})::text, encode(msgstatus.message_status_send(status), 'hex')"
                   ' FROM msgstatus.message ORDER BY message_id')
    messages = cursor.fetchall()
    cursor.execute('SELECT e::text FROM msgstatus.status_event AS e ORDER BY e::text COLLATE "C"')
    return Tables(messages, cursor.fetchall())


def empty_tables(cursor):
    cursor.execute("TRUNCATE msgstatus.message, msgstatus.status_event, msgstatus.rejected_status, msgstatus.message_rollup,"
                   " msgstatus.folded_hour, msgstatus.failure_rollup")
