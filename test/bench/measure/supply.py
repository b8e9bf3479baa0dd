"""Statuses that no design has seen yet: 'delivered' and 'read' of every loaded message, in random order."""

import json
import os
import subprocess

import database
from designs import DESIGNS, TYPED
from settings import CLIENT, MESSAGES

# After a checkpoint the first change of a page writes the whole page to the WAL. So many statuses are applied, unmeasured,
# to every design after each copy that nearly every page has had its turn.
SETTLING = MESSAGES // 4


def send(design, first, count, per_call, clients, options="", name=database.COPY, order="updates"):
    """Applies statuses of an order to a design in the database `name`, with settings as in PGOPTIONS.

    Returns the load generator's measurements, and the bytes of WAL: of records without full-page images, and of these images.
    """
    before = database.wal_position(name)
    done = subprocess.run([CLIENT, "--order", order, "--messages", str(MESSAGES), "--first", str(first), "--count",
                           str(count), "--per-call", str(per_call), "--clients", str(clients), *design.arguments],
                          env={**os.environ, "PGDATABASE": name, "PGOPTIONS": options}, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(done.stderr)
    measured = json.loads(done.stdout)
    measured["wal"], measured["page_images"] = database.wal_since(before, name)
    return measured


class Supply:
    """Hands out ranges of new statuses; when they run out, it starts anew on a fresh copy of the database."""

    def __init__(self, designs=DESIGNS):
        self.designs = designs
        self.next = None

    @property
    def largest(self):
        """The most statuses that can be taken at once."""
        return (MESSAGES if TYPED in self.designs else 2 * MESSAGES) - SETTLING

    def take(self, count):
        """Returns the number of the first of `count` statuses that no design has seen."""
        if count > self.largest:
            raise ValueError(f"{count} statuses at once; there are {self.largest}")
        if not self._has(count):
            database.copy_loaded()
            for design in self.designs:
                send(design, 0, SETTLING, 1000, 2)
            self.next = SETTLING
            self._has(count)
        first = self.next
        self.next += count
        return first

    def _has(self, count):
        if self.next is None:
            return False
        # A range that spans the two passes may hold a message twice, which the typed design does not take.
        if TYPED in self.designs and self.next < MESSAGES < self.next + count:
            self.next = MESSAGES
        return self.next + count <= 2 * MESSAGES
