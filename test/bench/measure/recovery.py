"""Section recovery: the database is stopped under load and started again; how long until the spool is empty?"""

import contextlib
import os
import subprocess
import time

import database
import servers
from arrivals import Run
from designs import OURS
from http_rounds import events
from report import table, write
from settings import MESSAGES, OUTAGE_RATE, OUTAGE_SECONDS
from supply import Supply

DESIGNS = (OURS,)
BEFORE = 10  # seconds of load before the outage
AFTER = 60  # and after it, in which the spool has to drain
PATIENCE = 600  # seconds until it counts as not draining
PAUSE = 0.1  # between two looks at the spool


def stop_cluster():
    """Stops the private server, as an operator would."""
    subprocess.run(["pg_ctlcluster", os.environ["PGVERSION"], "regress", "stop", "--mode", "fast"], check=True,
                   capture_output=True)


@contextlib.contextmanager
def started_cluster():
    """Starts the private server and yields when it takes connections, which pg_ctlcluster itself looks for
    only now and then."""
    with subprocess.Popen(["pg_ctlcluster", os.environ["PGVERSION"], "regress", "start"]) as command:
        while subprocess.run(["pg_isready", "-q"], check=False).returncode != 0:
            if command.poll():
                raise RuntimeError("the server does not start")
            time.sleep(PAUSE)
        yield


def wait_until_empty(server):
    """Returns when the spool is empty."""
    deadline = time.monotonic() + PATIENCE
    while server.metric("msgstatus_spool_bodies") > 0:
        if time.monotonic() > deadline:
            raise RuntimeError(f"the spool is not empty after {PATIENCE} s")
        time.sleep(PAUSE)


def row(name, part):
    """Returns a line of the report on a part of the time."""
    return (name, f"{len(part.at):,}", f"{part.errors:,}", *(f"{value:.2f}" for value in part.milliseconds(0.5, 0.99, 1)))


def run():
    """Measures one outage and writes the report."""
    count = int(OUTAGE_RATE * (BEFORE + OUTAGE_SECONDS + AFTER))
    supply = Supply(DESIGNS)
    if count > supply.largest:
        raise RuntimeError(f"an outage takes {count:,} new statuses; {MESSAGES:,} messages give {supply.largest:,}; set "
                           "MSGSTATUS_BENCH_MESSAGES higher")
    first = supply.take(count)
    with servers.spool_directory() as spool, servers.receiver(True, "--spool-dir", spool) as server:
        before = events(OURS)
        arrivals = Run(server, OUTAGE_RATE, first, count)
        try:
            time.sleep(BEFORE)
            gone = time.monotonic()
            stop_cluster()
            time.sleep(OUTAGE_SECONDS)
            on_disk = int(server.metric("msgstatus_spool_bodies"))
            with started_cluster():
                back = time.monotonic()
                wait_until_empty(server)
                empty = time.monotonic()
            results = arrivals.wait()
            wait_until_empty(server)
        except BaseException:
            arrivals.stop()
            raise
        written = events(OURS) - before
    if written != count - results.errors:
        raise RuntimeError(f"{count - results.errors} statuses answered 200, {written} written")
    gone, back, empty = (moment - arrivals.started for moment in (gone, back, empty))
    write("recovery", "\n\n".join([
        f"{OUTAGE_RATE:,.0f} webhooks/s of 1 status, signed; the database stopped for {OUTAGE_SECONDS} s. {on_disk:,} bodies were on "
        f"disk when it came back. The spool was empty {empty - back:.1f} s later.",
        table(("", "webhooks", "errors", "p50, ms", "p99, ms", "longest, ms"), [
            row("before", results.between(0, gone)), row("database away", results.between(gone, back)),
            row("draining", results.between(back, empty)), row("after", results.between(empty, float("inf")))])]))
