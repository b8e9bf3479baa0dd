"""Section rollups: what it costs to keep the rollups exact at every commit."""

import db
from designs import OURS
from report import ratios, spread, table, write
from settings import ROUNDS
from supply import Supply, send

DESIGNS = (OURS,)
CASES = ((100, 4), (10, 4), (1, 16))
OFF = "-c msgstatus.rollups=off"


def run():
    """run does measure calls with and without rollups, on statuses of their own, in turn, and write the report."""
    supply = Supply(DESIGNS)
    rows = []
    for per_call, clients in CASES:
        count = db.calibrate(supply, per_call, clients, DESIGNS)
        measured = {options: [] for options in ("", OFF)}
        for number in range(ROUNDS):
            for options in ("", OFF) if number % 2 == 0 else (OFF, ""):
                measured[options].append(send(OURS, supply.take(count), count, per_call, clients, options))
        with_them, without = measured[""], measured[OFF]
        rows.append((f"{per_call} a call, {clients} clients",
                     spread(db.per_second(with_them), 0), spread(db.per_second(without), 0),
                     spread(ratios(db.per_second(with_them), db.per_second(without))),
                     spread(ratios(db.cpu(without), db.cpu(with_them))),
                     f"{spread(db.wal(with_them), 0)} and {spread(db.wal(without), 0)}"))
    write("rollups", "\n\n".join([
        "Ingestion with rollups and without (`msgstatus.rollups`), min / median / max of the rounds. The ratios say what is left of "
        "the throughput, by the clock and by CPU time of the backends:",
        table(("", "with, statuses/s", "without, statuses/s", "left", "left, by CPU time", "WAL bytes a status"), rows),
    ]))
