"""Webhooks through apply_message_status: content never raises, counts add up, repetition and order do not matter."""

import json

import psycopg2

from finding import Finding, hold
from mutate import Mutator

COUNTS = ("received", "applied", "unchanged", "rejected", "ignored")
APPLY = "SELECT msgstatus.apply_message_status(%s::jsonb, %s, %s)"
BATCH = """
SELECT array_agg(to_jsonb(c))
FROM msgstatus.apply_message_status_batch(%s::jsonb[], %s::timestamptz[], %s::text[]) AS c"""
# All columns but those of when and how the database received something.
TABLES = {
    "message": "SELECT (to_jsonb(m) - ARRAY['created_at', 'updated_at', 'last_change', 'replaced'])::text"
               " || encode(msgstatus.message_status_send(status), 'hex') FROM msgstatus.message AS m",
    "status_event": "SELECT e::text FROM msgstatus.status_event AS e",
    "rejected_status": "SELECT DISTINCT (to_jsonb(r) - ARRAY['rejected_id', 'rejected_at'])::text"
                       " FROM msgstatus.rejected_status AS r",
}
VIEWS = ["SELECT * FROM msgstatus.message_timeline", "SELECT * FROM msgstatus.rejected_summary",
         "SELECT h.* FROM msgstatus.message AS m, msgstatus.message_history(m.message_id) AS h"]


def refused_by_jsonb(cursor, body):
    """Returns whether PostgreSQL cannot hold the body as jsonb: then it never arrives."""
    try:
        cursor.execute("SELECT %s::jsonb", (body,))
    except (psycopg2.DataError, psycopg2.OperationalError) as error:
        if error.pgcode is None:
            raise
        return True
    return False


class WebhookRound:
    """Some deliveries, brought into empty tables in several ways. Everything is rolled back."""

    def __init__(self, cursor, deliveries, rng):
        self.cursor = cursor
        self.deliveries = [d for d in deliveries if not refused_by_jsonb(cursor, d.body)]
        self.rng = rng
        self.calls = 0

    def check(self):
        """Raises a Finding where a rule does not hold."""
        try:
            self._in_transaction(self._one_by_one)
            self._in_transaction(self._in_disorder)
        except psycopg2.Error as error:
            raise Finding(f"{error.pgcode}: {error}") from error

    def _in_transaction(self, work):
        self.cursor.execute("BEGIN")
        try:
            work()
        finally:
            if not self.cursor.connection.closed:
                self.cursor.execute("ROLLBACK")

    def _one_by_one(self):
        self.counts = [self._apply(d) for d in self.deliveries]
        self.tables = self._read_tables()
        self._check_rollups()
        for view in VIEWS:
            self.cursor.execute(view)
        again = [self._apply(d) for d in self.deliveries]
        for delivery, first, second in zip(self.deliveries, self.counts, again):
            hold(second["applied"] == 0, "a second application adds something", delivery, second)
            hold(second == {**first, "applied": 0, "unchanged": first["applied"] + first["unchanged"]},
                 "a second application finds something else", delivery, first, second)
        self._expect_tables("after a second application")
        self._check_rollups()
        # Out of its surroundings a part may be read as something else; what is expected is that nothing is raised.
        self.cursor.execute("SELECT msgstatus.replay_rejected(max_count => 10000)")
        self._check_rollups()

    def _in_disorder(self):
        rng, order = self.rng, list(range(len(self.deliveries)))
        order += rng.choices(order, k=rng.randrange(len(order) + 1)) if order else []
        rng.shuffle(order)
        while order:
            size = rng.choice([1, 2, 3, 5, 8])
            group, order = order[:size], order[size:]
            self._apply_together(group)
        self._expect_tables("in another order and other batches")
        self._check_rollups()

    def _apply(self, delivery):
        self.cursor.execute(APPLY, (delivery.body, delivery.received_at, delivery.source))
        self.calls += 1
        return self._checked(self.cursor.fetchone()[0], [delivery])

    def _apply_together(self, group):
        deliveries = [self.deliveries[n] for n in group]
        alike = len({(d.received_at, d.source) for d in deliveries}) == 1
        shallow = not any(d.nests_deeply() for d in deliveries)
        # Of a webhook with very many unusable parts only the whole is kept, so it has to stay the same webhook.
        few = sum(self.counts[n]["rejected"] for n in group) <= 1000
        if alike and shallow and few and self.rng.random() < 0.5:
            whole = self._apply(type(deliveries[0])("[" + ", ".join(d.body for d in deliveries) + "]",
                                                    deliveries[0].received_at, deliveries[0].source))
            for name in ("received", "rejected", "ignored"):
                hold(whole[name] == sum(self.counts[n][name] for n in group),
                     f"{name} is another number in one array", deliveries, whole)
            return
        self.cursor.execute(BATCH, ([d.body for d in deliveries], [d.received_at for d in deliveries],
                                    [d.source for d in deliveries]))
        self.calls += 1
        rows = self.cursor.fetchone()[0]
        hold(len(rows) == len(deliveries), "a batch returns another number of rows", deliveries, rows)
        for n, counts in zip(group, rows):
            self._checked(counts, deliveries)
            for name in ("received", "rejected", "ignored"):
                hold(counts[name] == self.counts[n][name], f"{name} is another number in a batch", deliveries, counts)

    def _checked(self, counts, deliveries):
        hold(set(counts) == set(COUNTS), "other counts than these five", counts)
        hold(all(isinstance(n, int) and n >= 0 for n in counts.values()), "counts that are none", counts)
        hold(counts["received"] == counts["applied"] + counts["unchanged"] + counts["rejected"],
             "received is not applied + unchanged + rejected", deliveries, counts)
        return counts

    def _read_tables(self):
        tables = {}
        for name, query in TABLES.items():
            self.cursor.execute(query)
            tables[name] = sorted(row[0] for row in self.cursor.fetchall())
        return tables

    def _expect_tables(self, when):
        for name, rows in self._read_tables().items():
            missing = [row for row in self.tables[name] if row not in rows]
            unexpected = [row for row in rows if row not in self.tables[name]]
            hold(rows == self.tables[name], f"{name} differs {when}", "missing:", *missing, "unexpected:", *unexpected)

    def _check_rollups(self):
        self.cursor.execute("SELECT rollup, key::text, expected::text, found::text FROM msgstatus.verify_rollups()")
        wrong = self.cursor.fetchall()
        hold(not wrong, "rollups do not agree with the messages", *wrong)


def random_deliveries(rng):
    mutator = Mutator(rng)
    return [mutator.delivery() for _ in range(rng.choice([1, 1, 2, 3, 5, 8]))]


def smaller(deliveries):
    """Yields deliveries with something left out, the largest parts first."""
    for n in range(len(deliveries)):
        if len(deliveries) > 1:
            yield deliveries[:n] + deliveries[n + 1:]
    for n, delivery in enumerate(deliveries):
        try:
            document = json.loads(delivery.body)
        except (ValueError, RecursionError):
            continue
        for document in without_one_part(document):
            yield [*deliveries[:n], type(delivery)(json.dumps(document, ensure_ascii=False), delivery.received_at,
                                                   delivery.source), *deliveries[n + 1:]]


def without_one_part(value):
    """Yields the document without one of its members, at any depth, or with one of them alone."""
    if isinstance(value, (dict, list)):
        keys = list(value) if isinstance(value, dict) else range(len(value))
        for key in keys:
            yield value[key]
            if isinstance(value, dict):
                yield {other: member for other, member in value.items() if other != key}
            else:
                yield value[:key] + value[key + 1:]
        for key in keys:
            for changed in without_one_part(value[key]):
                copied = value.copy()
                copied[key] = changed
                yield copied


def cut_down(deliveries, fails, attempts=400):
    """Returns deliveries that still fail, with less in them."""
    shrinking = True
    while shrinking and attempts > 0:
        shrinking = False
        for candidate in smaller(deliveries):
            attempts -= 1
            if fails(candidate):
                deliveries, shrinking = candidate, True
                break
            if attempts == 0:
                break
    return deliveries
