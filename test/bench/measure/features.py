"""Section features: throughput with spool, TLS and metrics that are read every second, beside the plain receiver."""

import contextlib
import threading

import servers
from designs import OURS
from http_rounds import CONNECTIONS, Contestant, measure
from report import ratios, spread, table, write
from supply import Supply

DESIGNS = (OURS,)


@contextlib.contextmanager
def scraped(server):
    """Reads a receiver's metrics every second."""
    ended = threading.Event()

    def scrape():
        while not ended.wait(1):
            server.metrics()
    thread = threading.Thread(target=scrape)
    thread.start()
    try:
        yield server
    finally:
        ended.set()
        thread.join()


@contextlib.contextmanager
def start(spool=False, tls=False, metrics=False):
    """Runs a receiver with some of its features."""
    with contextlib.ExitStack() as stack:
        flags = ("--spool-dir", stack.enter_context(servers.spool_directory())) if spool else ()
        server = stack.enter_context(servers.receiver(False, *flags, tls=tls))
        yield stack.enter_context(scraped(server)) if metrics else server


PLAIN = Contestant("plain", start, OURS, "a")
ALL = Contestant("spool, TLS and metrics", lambda: start(spool=True, tls=True, metrics=True), OURS, "b")
CONTESTANTS = (PLAIN, ALL)


def run():
    """Measures both and writes the report."""
    measured = measure(CONTESTANTS, Supply(DESIGNS), 1)
    speed = {c: [m["requests"] / m["seconds"] for m in measured[c]] for c in CONTESTANTS}
    write("features", "\n\n".join([
        f"msgstatus-receiver, 1 status a webhook, {CONNECTIONS} connections, min / median / max of the rounds:",
        table(("", "webhooks/s", "to plain", "p50, ms", "p99, ms", "its own CPU time, us a webhook"),
              [(c.name, spread(speed[c], 0), spread(ratios(speed[c], speed[PLAIN])), spread([m["p50_ms"] for m in measured[c]]),
                spread([m["p99_ms"] for m in measured[c]]),
                spread([m["server_cpu"] / m["requests"] * 1e6 for m in measured[c]], 1)) for c in CONTESTANTS])]))
