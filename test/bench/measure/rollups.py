"""Section rollups: what it costs to keep the rollups exact at every commit."""

import db
from designs import OURS
from report import spread, table, write
from supply import Supply, send

DESIGNS = (OURS,)
CASES = ((100, 4), (10, 4), (1, 16))
OFF = "-c msgstatus.rollups=off"


def run():
    """Measures calls with and without rollups, on statuses of their own, in turn, and writes the report."""
    supply = Supply(DESIGNS)
    rows = []
    for per_call, clients in CASES:
        count = db.calibrate(supply, per_call, clients, DESIGNS)
        with_them, without = db.in_turn(
            ("", OFF), lambda options, _: send(OURS, supply.take(count), count, per_call, clients, options))
        rows.append((f"{per_call} a call, {clients} clients", *db.what_is_left(with_them, without),
                     f"{spread(db.wal(with_them), 0)} and {spread(db.wal(without), 0)}"))
    write("rollups", "\n\n".join([
        "Ingestion with rollups and without (`msgstatus.rollups`), min / median / max of the rounds. The ratios say what is left of "
        "the throughput, by the clock and by CPU time of the backends:",
        table(("", "with, statuses/s", "without, statuses/s", "left", "left, by CPU time", "WAL bytes a status"), rows),
    ]))
