"""Statuses that no design has seen yet: 'delivered' and 'read' of every loaded message, in random order."""

import json
import os
import subprocess

import database
from designs import DESIGNS
from settings import CLIENT, MESSAGES

# After a checkpoint the first change of a page writes the whole page to the WAL. So many statuses are applied, unmeasured,
# to every design after each copy that nearly every page has had its turn.
SETTLING = MESSAGES // 4


def send(design, first, count, per_call, clients):
    """send does apply statuses of the order `updates` to a design and returns what the load generator measured, and the WAL."""
    before = database.wal_position()
    done = subprocess.run([CLIENT, "--order", "updates", "--messages", str(MESSAGES), "--first", str(first), "--count",
                           str(count), "--per-call", str(per_call), "--clients", str(clients), *design.arguments],
                          env={**os.environ, "PGDATABASE": database.COPY}, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(done.stderr)
    measured = json.loads(done.stdout)
    measured["wal"] = database.wal_position() - before
    return measured


class Supply:
    """Hands out ranges of new statuses; when they run out, it starts anew on a fresh copy of the database."""

    def __init__(self, designs=DESIGNS):
        self.designs = designs
        self.next = None

    def take(self, count):
        """take does return the number of the first of `count` statuses that no design has seen."""
        count = min(count, self.largest)
        if self.next is not None and self.next < MESSAGES < self.next + count:
            self.next = MESSAGES  # a message may occur twice in a call that spans the two passes
        if self.next is None or self.next + count > 2 * MESSAGES:
            self.renew()
            if self.next + count > MESSAGES:
                self.next = MESSAGES
        first = self.next
        self.next += count
        return first

    @property
    def largest(self):
        """The most statuses that can be taken at once."""
        return MESSAGES // 2

    def renew(self):
        """renew does start anew."""
        database.copy_loaded()
        for design in self.designs:
            send(design, 0, SETTLING, 1000, 2)
        self.next = SETTLING
