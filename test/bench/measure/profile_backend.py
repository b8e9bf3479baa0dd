"""Where a backend spends its time: perf beside one client. Called by test/bench/profile."""

import os
import subprocess
import time

import database
from attached import SupplyWithLogs
from designs import DESIGNS, OURS
from settings import CLIENT, MESSAGES, REPORTS, SECONDS
from supply import Supply, send


def run(name, per_call):
    """Records the backend of one client and prints the costliest functions, callees included.

    `attached` is msgstatus with a table attached.
    """
    attached = name == "attached"
    design = OURS if attached else next(d for d in DESIGNS if d.name == name)
    supply = SupplyWithLogs((OURS,)) if attached else Supply()
    # Enough for perf to be there from the beginning to the end.
    trial = per_call * max(1, 10000 // per_call)
    rate = trial / send(design, supply.take(trial), trial, per_call, 1)["seconds"]
    count = min(int(rate * (SECONDS + 3)), MESSAGES // 2)
    client = subprocess.Popen([CLIENT, "--messages", str(MESSAGES), "--first", str(supply.take(count)), "--count", str(count),
                               "--per-call", str(per_call), "--clients", "1", *design.arguments],
                              env={**os.environ, "PGDATABASE": database.COPY})
    pid = None
    while pid is None and client.poll() is None:
        rows = database.sql("SELECT pid FROM pg_stat_activity WHERE application_name = 'msgstatus-bench' AND state = 'active'")
        pid = rows[0][0] if rows else None
        time.sleep(0.01)
    recording = REPORTS / f"perf.{name}"
    subprocess.run(["perf", "record", "-q", "-F", "997", "--call-graph", "dwarf,16384", "-p", pid, "-o", str(recording), "--",
                    "sleep", str(SECONDS)], check=True)
    client.wait()
    for title, order in (("callees included", "--children"), ("by itself", "--no-children")):
        print(f"\n{title}:", flush=True)
        subprocess.run(["perf", "report", "-i", str(recording), order, "-g", "none", "--percent-limit", "1", "--stdio"],
                       stderr=subprocess.DEVNULL, check=True)
