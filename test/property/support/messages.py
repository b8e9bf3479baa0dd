"""Random messages, put into the table as they are, and what is to be said of them, worked out in plain Python."""

import contextlib
import dataclasses
import datetime
import json
import math
import uuid

import psycopg2.extras

from model import RANKS, status_text

psycopg2.extras.register_uuid()

IMPLIED = {"played": {"read", "delivered", "sent"}, "read": {"delivered", "sent"}, "delivered": {"sent"}, "undelivered": {"sent"},
           "partially_delivered": {"sent"}}
FAILURES = {"failed", "undelivered"}
# States in which a provider has tried to deliver, with whatever outcome so far.
ATTEMPTED = {"sent", "partially_delivered", "failed", "undelivered", "delivered", "read", "played"}
CAMPAIGNS = [uuid.UUID(int=1), uuid.UUID(int=2)]
EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
SECOND = datetime.timedelta(seconds=1)


@dataclasses.dataclass
class Message:
    message_id: str
    provider: str | None
    direction: str | None
    sender: str | None
    recipient: str | None
    message_type: str | None
    campaign_id: uuid.UUID | None
    metadata: dict | None
    error_code: int | None
    created_at: datetime.datetime
    observed: dict  # state -> time

    @property
    def state(self):
        return max(self.observed, key=RANKS.index, default=None)

    def reached_at(self, state):
        return min((time for s, time in self.observed.items() if s == state or state in IMPLIED.get(s, ())), default=None)

    def reached(self, state):
        return self.reached_at(state) is not None

    @property
    def outgoing(self):
        return self.direction != "inbound"

    # Only outgoing messages have an outcome.

    @property
    def sent(self):
        return self.outgoing and self.reached("sent")

    @property
    def attempted(self):
        return self.outgoing and self.state in ATTEMPTED

    @property
    def delivered(self):
        return self.outgoing and self.reached("delivered")

    @property
    def read(self):
        return self.outgoing and self.reached("read")

    @property
    def failed(self):
        return self.outgoing and self.state in FAILURES

    def delay(self, first, second):
        """The time from a state that was observed itself to another that was reached, in seconds."""
        if not self.outgoing or first not in self.observed or not self.reached(second):
            return None
        return (self.reached_at(second) - self.reached_at(first)) / SECOND

    @property
    def hour(self):
        return self.created_at.replace(minute=0, second=0, microsecond=0)


def random_status(rng, start):
    """Returns a part of a message's life that may have been observed, not always in the right order."""
    states = ["queued", "accepted", "sent", "delivered", "read"][:rng.choice([0, 1, 2, 3, 3, 4, 4, 4, 5, 5])]
    states = [s for s in states if rng.random() < 0.8]
    if rng.random() < 0.2:
        states.append(rng.choice(RANKS))
    times = {}
    for state in states:
        start += rng.random() ** 3 * datetime.timedelta(hours=5)
        times[state] = (start - rng.choice([0, 0, 0, 1]) * SECOND).replace(microsecond=rng.choice([0, 250000]))
    return times


def random_messages(rng, number, now, days=70):
    """Returns messages created in the days before `now`, more of them lately, some at the same time."""
    messages = []
    for n in range(number):
        created_at = now - datetime.timedelta(days=days) * rng.random() ** 4
        if messages and rng.random() < 0.4:
            created_at = rng.choice(messages).created_at
        if rng.random() < 0.1:
            created_at = created_at.replace(minute=0, second=0, microsecond=0)
        some = lambda *values: rng.choice([*values, None])  # noqa: E731
        observed = random_status(rng, created_at - rng.random() * datetime.timedelta(hours=1))
        messages.append(Message(
            f"m{n:04}", some("meta", "meta", "twilio", "aisensy"), some("outbound", "outbound", "inbound"),
            some("+4930111111", "+15550100000"), some("+4915%06d" % (rng.random() ** 3 * 200), "+1555%06d" % (rng.random() * 50)),
            some("text", "template", "image"), some(*CAMPAIGNS),
            some({"order": n, "note": rng.choice(["Winter sale", "summer_sale", "100% off", "back\\slash"])}),
            some(131026, 30003, 7) if FAILURES & observed.keys() else None, created_at, observed))
    return messages


def microseconds(time):
    return (time - EPOCH) // datetime.timedelta(microseconds=1)


def insert(cursor, messages):
    """Puts the messages into the table and brings the rollups up to date."""
    psycopg2.extras.execute_values(
        cursor, """
        INSERT INTO msgstatus.message (message_id, provider, direction, sender, recipient, message_type, campaign_id, metadata,
            error_code, created_at, status) VALUES %s""",
        [(m.message_id, m.provider, m.direction, m.sender, m.recipient, m.message_type, m.campaign_id,
          None if m.metadata is None else json.dumps(m.metadata), m.error_code, m.created_at,
          status_text({s: microseconds(t) for s, t in m.observed.items()})) for m in messages], page_size=1000)
    cursor.execute("SELECT msgstatus.rebuild_rollups()")


@contextlib.contextmanager
def rows(connection):
    """A cursor whose rows have their columns by name."""
    with connection.cursor(cursor_factory=psycopg2.extras.NamedTupleCursor) as cursor:
        yield cursor


def percentage(part, whole):
    return None if not whole else 100 * part / whole


def percentile(values, fraction):
    """Returns the same as percentile_disc."""
    return sorted(values)[max(math.ceil(fraction * len(values)), 1) - 1] if values else None


def approximate(value):
    """Returns a numeric of PostgreSQL's as a float."""
    return None if value is None else float(value)
