"""Section load: webhooks of one status at a constant rate for minutes, with checkpoints and vacuum as in earnest."""

import database
from arrivals import Run, sampled
from designs import OURS
from http_rounds import events
from report import table, write
from servers import receiver
from settings import LOAD_RATE, LOAD_SECONDS, MESSAGES
from supply import Supply

DESIGNS = (OURS,)
MINUTE = 60


def row(name, part, seconds, samples):
    """Returns a line of the report on a part of the time."""
    p50, p99, worst = part.milliseconds(0.5, 0.99, 1)
    memory = [resident for _, resident, _ in samples]
    cpu = (samples[-1][2] - samples[0][2]) / (samples[-1][0] - samples[0][0])
    return (name, f"{len(part.at) / seconds:,.0f}", f"{part.errors:,}", f"{p50:.2f}", f"{p99:.2f}", f"{worst:.1f}",
            f"{memory[-1] / 1e6:.1f}", f"{cpu * 100:.0f} %")


def run():
    """Holds the load and writes the report."""
    count = int(LOAD_RATE * LOAD_SECONDS)
    supply = Supply(DESIGNS)
    if count > supply.largest:
        raise RuntimeError(f"{LOAD_SECONDS} s take {count:,} new statuses; {MESSAGES:,} messages give {supply.largest:,}; set "
                           "MSGSTATUS_BENCH_MESSAGES higher")
    first = supply.take(count)
    with database.in_earnest(), receiver(signed=True) as server, sampled(server) as samples:
        before = events(OURS)
        arrivals = Run(server, LOAD_RATE, first, count)
        results = arrivals.wait()
    written = events(OURS) - before
    if written != count - results.errors:
        raise RuntimeError(f"{count - results.errors} statuses answered 200, {written} written")
    rows = []
    for begin in range(0, LOAD_SECONDS, MINUTE):
        end = min(begin + MINUTE, LOAD_SECONDS)
        within = [sample for sample in samples if begin <= sample[0] - arrivals.started < end]
        rows.append(row(f"{begin} to {end} s", results.between(begin, end), end - begin, within))
    rows.append(row("all", results, LOAD_SECONDS, samples))
    write("load", "\n\n".join([
        f"{LOAD_RATE:,.0f} webhooks/s of 1 status, signed, for {LOAD_SECONDS} s, the time counted from when each was due; the load "
        f"generator took {arrivals.client_cpu / LOAD_SECONDS:.0%} of a processor:",
        table(("", "webhooks/s", "errors", "p50, ms", "p99, ms", "longest, ms", "memory at the end, MB", "CPU of the receiver"),
              rows)]))
