"""Whole campaigns, with senders that die, providers that refuse, and webhooks that come late, early, twice, in any order or not
at all, end with exactly the numbers that a model in Python counts.

Environment: as in test_apply.py.
"""

import contextlib
import dataclasses
import json
import random

import pytest

from campaigns import Campaign
from test_apply import seeds

RETRYABLE = (130429, 131000, 131056)
FINAL = (131026, 131047, 999999, None)
DAILY = 40
RETRIES = 2
# The statuses of a message, as lists of states; a number stands for a failure with that code.
FATES = [["sent", "delivered", "read"], ["sent", "delivered", "read"], ["sent", "delivered"], ["read"], ["sent"], [], ["accepted"],
         [131000], [130429], ["sent", 131000], [131026], ["sent", 131047], [131000, "delivered"], [131000, "sent", "read"]]
COUNTS = ("sent", "attempted", "sent_by_provider", "delivered", "read", "failed", "skipped")
IMPLY_SENT = {"sent", "delivered", "read"}


@dataclasses.dataclass
class Attempt:
    """One attempt in the model: refused by the provider with a code, or a message with its known states."""

    message: str | None = None
    refused: bool = False
    code: int | None = None
    known: set = dataclasses.field(default_factory=set)
    too_late: bool = False  # did its failure come after the campaign stopped waiting for it?

    def delivered(self):
        return bool(self.known & {"delivered", "read"})

    def failed(self):
        return self.refused or "failed" in self.known and not self.delivered()

    def retryable(self):
        return self.failed() and self.code in RETRYABLE and not self.too_late


@dataclasses.dataclass
class Recipient:
    attempts: list = dataclasses.field(default_factory=list)
    opted_out: bool = False

    def delivered(self):
        return any(a.delivered() for a in self.attempts)

    def is_to_be_tried(self):
        """Returns whether there is an attempt to come, if nothing else happens."""
        return not self.attempts or self.attempts[-1].retryable() and len(self.attempts) <= RETRIES and not self.delivered()

    def state(self):
        if self.delivered():
            return "read" if any("read" in a.known for a in self.attempts) else "delivered"
        if self.attempts and not self.attempts[-1].failed():
            return "sent"
        return "skipped" if self.is_to_be_tried() and self.opted_out else "failed"

    def counts(self):
        """Returns what the recipient adds to COUNTS."""
        state = self.state()
        recorded = any(a.message for a in self.attempts)
        attempted = any(a.known & (IMPLY_SENT | {"failed"}) for a in self.attempts)
        by_provider = state == "sent" or any(a.known & IMPLY_SENT for a in self.attempts)
        return [recorded, attempted, by_provider, self.delivered(), state == "read", state == "failed", state == "skipped"]


class Run:
    """One campaign, and everything around it that happens at random."""

    def __init__(self, database, cursor, rng, name, recipients):
        self.cursor = cursor
        self.rng = rng
        self.campaign = Campaign(database, name, recipients, DAILY, RETRIES)
        self.recipients = {f"+1555{n:07}": Recipient() for n in range(1, recipients + 1)}
        self.on_the_way = []  # statuses that were not applied yet
        self.overdue = []  # failures that will come when nobody looks after the message any more
        self.messages = {}

    def sql(self, statement, *parameters):
        self.cursor.execute(statement, parameters)
        return self.cursor.fetchall()

    def opt_out(self):
        number = self.rng.choice(list(self.recipients))
        self.sql("SELECT msgstatus.opt_out(%s)", number)
        self.recipients[number].opted_out = True

    def work(self):
        """Sends until nothing is handed out, and returns how many recipients were."""
        handed = 0
        while claimed := self.campaign.claim(self.cursor, self.rng.choice([1, 7, 20])):
            handed += len(claimed)
            for one in claimed:
                self.check_that_it_is_due(one)
            for one in claimed:
                if self.rng.random() < 0.9:  # else the sender dies before it sends
                    self.send(one)
            if self.rng.random() < 0.5:
                self.deliver()
        return handed

    def check_that_it_is_due(self, claimed):
        recipient = self.recipients[claimed.number]
        assert not recipient.opted_out
        assert not recipient.delivered(), "too late for a retry"
        assert recipient.is_to_be_tried(), "sent, or failed for good"
        assert claimed.retries == len(recipient.attempts)

    def send(self, claimed):
        recipient = self.recipients[claimed.number]
        if self.rng.random() < 0.25:
            attempt = Attempt(refused=True, code=self.rng.choice(RETRYABLE + FINAL))
            self.repeat("SELECT msgstatus.record_send_failure(%s, 'refused', %s)", claimed.recipient, attempt.code)
        else:
            attempt = Attempt(message=f"wamid.{claimed.number}.{len(recipient.attempts)}.{self.campaign.id}")
            self.messages[attempt.message] = (recipient, attempt)
            fate = self.rng.choice(FATES)
            self.on_the_way += [(attempt.message, said) for said in fate if self.rng.random() < 0.85]
            if self.rng.random() < 0.3:  # statuses overtake the answer to the sender
                recipient.attempts.append(attempt)
                self.deliver()
                recipient.attempts.pop()
            self.repeat("SELECT msgstatus.record_send(%s, %s)", claimed.recipient, attempt.message)
        recipient.attempts.append(attempt)

    def repeat(self, statement, *parameters):
        for _ in range(self.rng.choice([1, 1, 2])):
            self.sql(statement, *parameters)

    def deliver(self, share=0.5):
        """Applies some of the statuses that are on the way, in any order, some of them again and again."""
        self.rng.shuffle(self.on_the_way)
        cut = round(len(self.on_the_way) * share)
        now, self.on_the_way = self.on_the_way[:cut], self.on_the_way[cut:]
        self.on_the_way += [status for status in now if self.rng.random() < 0.1]
        payload = []
        for message, said in now:
            attempt = self.messages[message][1]
            code = said if isinstance(said, int) else None
            payload.append({"id": message, "status": "failed" if code else said, "timestamp": self.sql(
                "SELECT extract(epoch FROM now())::bigint")[0][0], "errors": [{"code": code}] if code else None})
            attempt.known.add(payload[-1]["status"])
            attempt.code = code or attempt.code
        if payload:
            self.sql("SELECT msgstatus.apply_message_status(%s::jsonb)", json.dumps(payload))

    def day(self):
        """Lets the hours of a day pass, and returns how many recipients were handed out in it."""
        handed = 0
        for _ in range(self.rng.randint(2, 5)):
            if self.rng.random() < 0.3:
                self.opt_out()
            handed += self.work()
            self.deliver()
            self.campaign.age(f"{self.rng.choice([3, 10, 40, 120])} minutes")
        return handed

    def finish(self):
        """Runs the campaign until it is completed, then lets the last statuses come."""
        for _ in range(30):
            assert self.day() <= DAILY, "more than the limit of a day"
            if self.campaign.status() == "completed":
                break
            self.campaign.next_day()
            # By then a message is no more looked after: its failure comes at the very end.
            self.overdue += [status for status in self.on_the_way if isinstance(status[1], int)]
            self.on_the_way = [status for status in self.on_the_way if not isinstance(status[1], int)]
        assert self.campaign.status() == "completed"
        self.on_the_way += self.overdue
        for message, said in self.on_the_way:
            attempt = self.messages[message][1]
            attempt.too_late |= isinstance(said, int) and "failed" not in attempt.known
        while self.on_the_way:
            self.deliver(1)


@pytest.fixture(scope="module")
def database(server):
    return server.create_database()


@seeds(6)
def test_a_whole_campaign(database, seed):
    rng = random.Random(seed)
    with contextlib.closing(database.connect()) as connection, connection.cursor() as cursor:
        cursor.execute("DELETE FROM msgstatus.opt_out")
        run = Run(database, cursor, rng, f"campaign of seed {seed}", 120)
        run.finish()
    left = [number for number, r in run.recipients.items() if r.is_to_be_tried() and not r.opted_out]
    assert left == [], "nobody is forgotten"
    model = run.recipients
    assert run.campaign.states() == {number: recipient.state() for number, recipient in model.items()}
    stats = run.campaign.stats()
    counted = [sum(column) for column in zip(*(recipient.counts() for recipient in model.values()))]
    assert [stats[name] for name in COUNTS] == counted
    assert (stats["total_target"], stats["pending"], stats["progress_percentage"]) == (len(model), 0, 100)
    sent, attempted, by_provider, delivered, read, _, _ = counted
    for name, part, whole in (("delivery_rate", delivered, sent), ("read_rate", read, sent), ("delivery_rate_of_attempted", delivered, attempted),
                              ("read_rate_of_delivered", read, delivered), ("success_rate", delivered, len(model)),
                              ("delivery_rate_of_sent_by_provider", delivered, by_provider)):
        assert stats[name] == pytest.approx(100 * part / whole, abs=0.00501), name
