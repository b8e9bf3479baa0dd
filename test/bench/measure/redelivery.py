"""Section redelivery: the same webhooks twice in a row."""

import db
from designs import JSONB, OURS
from report import ratios, spread, table, write
from settings import ROUNDS
from supply import Supply, send

CASES = ((100, 4), (1, 4))


def run():
    """Measures first deliveries and their repetition, and writes the report."""
    supply = Supply()
    rows = []
    for per_call, clients in CASES:
        count = db.calibrate(supply, per_call, clients)
        measured = {(design, time): [] for design in (OURS, JSONB) for time in ("first", "again")}
        for number in range(ROUNDS):
            first = supply.take(count)
            for design in (OURS, JSONB) if number % 2 == 0 else (JSONB, OURS):
                for time in ("first", "again"):
                    measured[design, time].append(send(design, first, count, per_call, clients))
        for design in (OURS, JSONB):
            once, again = measured[design, "first"], measured[design, "again"]
            rows.append((f"{design.name}, {per_call} a call, {clients} clients",
                         spread(db.per_second(once), 0), spread(db.per_second(again), 0),
                         spread(ratios(db.per_second(once), db.per_second(again))),
                         spread(ratios(db.cpu(again), db.cpu(once))), spread(db.wal(again), 0)))
    write("redelivery", "\n\n".join([
        "A first delivery and its redelivery, min / median / max of the rounds. What a redelivery costs of a first delivery, in "
        "time and in CPU time of the backends, and the WAL it writes:",
        table(("", "first, statuses/s", "again, statuses/s", "time", "CPU time", "WAL bytes a status"), rows),
    ]))
