"""Section receiver: webhooks over HTTP from 64 keep-alive connections, answered 200 when they are committed."""

import dataclasses
import json
import os
import subprocess

import servers
import database
from designs import JSONB, OURS
from report import ratios, spread, table, write
from settings import BENCH, CLIENT, MESSAGES, ROUNDS, SCRATCH, SECONDS
from supply import Supply

CONNECTIONS = 64
THREADS = 2
SPARE = 1.5  # so many times as many webhooks are written as the fastest server took last time


@dataclasses.dataclass(frozen=True)
class Contestant:
    """A server: how to start it, and the design that it writes to. Two that write to one design get different statuses."""

    name: str
    start: object
    design: object
    share: str
    signed: bool = False


CONTESTANTS = (
    Contestant("msgstatus-receiver", lambda: servers.receiver(signed=False), OURS, "a"),
    Contestant("Node, a call each", lambda: servers.node("each"), JSONB, "a"),
    Contestant("Node, coalescing", lambda: servers.node("coalesce"), JSONB, "b"),
    Contestant("msgstatus-receiver, signed", lambda: servers.receiver(signed=True), OURS, "b", True),
)
MAIN, EACH, COALESCE, SIGNED = CONTESTANTS


def write_bodies(first, count, per_body, name, signed):
    """write_bodies does write webhooks for wrk and returns where."""
    path = SCRATCH / f"{name}{'-signed' if signed else ''}"
    subprocess.run([CLIENT, "--messages", str(MESSAGES), "--first", str(first), "--count", str(count), "--per-call",
                    str(per_body), "--bodies", str(path), "--parts", str(THREADS),
                    *(["--secret", servers.SECRET] if signed else [])], check=True)
    return path


def wrk(url, bodies, seconds, signed):
    """wrk does send webhooks for some seconds and returns what webhooks.lua prints."""
    done = subprocess.run(["wrk", "-t", str(THREADS), "-c", str(CONNECTIONS), "-d", f"{max(1, round(seconds))}s", "--latency",
                           "-s", str(BENCH / "webhooks.lua"), url, "--", str(bodies), "signed" if signed else "plain"],
                          capture_output=True, text=True, check=True)
    measured = json.loads(done.stdout.splitlines()[-1])
    if measured["failed"]:
        raise RuntimeError(f"{url}: not every answer was 200:\n{done.stdout}")
    return measured


def cpu_seconds(process):
    """cpu_seconds does return the CPU time of a server, all its threads."""
    with open(f"/proc/{process.pid}/stat", encoding="utf-8") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def events(design):
    """events does return the number of rows in the trail."""
    return int(database.value(f"SELECT count(*) FROM {design.status_event}"))


def turn(contestant, written_bodies, per_body, seconds):
    """turn does measure one server once."""
    warm_up, bodies = (written_bodies[name, contestant.share, contestant.signed] for name in ("warm-up", "bodies"))
    with contestant.start() as (url, process):
        wrk(url, warm_up, 1, contestant.signed)
        before, cpu_before = events(contestant.design), cpu_seconds(process)
        measured = wrk(url, bodies, seconds, contestant.signed)
        measured["server_cpu"] = cpu_seconds(process) - cpu_before
    # Every 200 stands for rows. What was under way when wrk hung up, before and after, may come on top.
    written = events(contestant.design) - before
    answered = measured["requests"] * per_body
    if not measured["exhausted"] and not answered <= written <= answered + 2 * CONNECTIONS * per_body:
        raise RuntimeError(f"{contestant.name}: {answered} statuses answered, {written} written")
    return measured


def write_all_bodies(supply, rate, seconds, per_body):
    """write_all_bodies does write enough webhooks for a round, for a while of warming up and for measuring."""
    counts = {"warm-up": int(rate * SPARE), "bodies": int(rate * seconds * SPARE)}
    needed = 2 * per_body * sum(counts.values())
    if needed > supply.largest:
        raise RuntimeError(f"{MESSAGES} messages give {supply.largest} new statuses, and a round of {seconds} s needs {needed}; "
                           "set MSGSTATUS_BENCH_MESSAGES higher")
    counts = {name: count * per_body for name, count in counts.items()}
    first = supply.take(needed)
    written = {}
    for name, count in counts.items():
        for share in ("a", "b"):
            for signed in {c.signed for c in CONTESTANTS if c.share == share}:
                written[name, share, signed] = write_bodies(first, count, per_body, f"{name}-{share}", signed)
            first += count
    return written


def measure(supply, per_body):
    """measure does return the measurements of each server, one a round."""
    measured = {contestant: [] for contestant in CONTESTANTS}
    # Round -1 only finds out how many webhooks a round takes.
    rate, seconds, number = min(20000 / per_body ** 0.5, supply.largest / (4 * per_body * SPARE)), 1, -1
    while number < ROUNDS:
        bodies = write_all_bodies(supply, rate, seconds, per_body)
        turns = {}
        for i in range(len(CONTESTANTS)):
            contestant = CONTESTANTS[(number + i) % len(CONTESTANTS)]
            turns[contestant] = turn(contestant, bodies, per_body, seconds)
        exhausted = any(one["exhausted"] for one in turns.values())
        if not exhausted:  # else all of it again, with more
            if number >= 0:
                for contestant, one in turns.items():
                    measured[contestant].append(one)
            number += 1
        rate = max(one["requests"] / one["seconds"] for one in turns.values()) * (1.3 if exhausted else 1)
        seconds = max(1, min(round(SECONDS), int(supply.largest / (rate * SPARE * per_body * 2) - 1)))
    return measured


def run():
    """run does measure webhooks of 1 and of 10 statuses and write the report."""
    servers.install_node_modules()
    supply = Supply((OURS, JSONB))
    parts = []
    for per_body in (1, 10):
        measured = measure(supply, per_body)
        speed = {c: [m["requests"] / m["seconds"] for m in measured[c]] for c in CONTESTANTS}
        late = {c: [m["p99_ms"] for m in measured[c]] for c in CONTESTANTS}
        parts.append(f"{per_body} {'status' if per_body == 1 else 'statuses'} a webhook, {CONNECTIONS} connections, min / median / "
                     "max of the rounds:")
        parts.append(table(
            ("", "webhooks/s", "p50, ms", "p99, ms", "its own CPU time, us a webhook"),
            [(c.name, spread(speed[c], 0), spread([m["p50_ms"] for m in measured[c]]), spread(late[c]),
              spread([m["server_cpu"] / m["requests"] * 1e6 for m in measured[c]], 1)) for c in CONTESTANTS]))
        parts.append(table(
            ("msgstatus-receiver to", "webhooks/s", "p99"),
            [(c.name, spread(ratios(speed[MAIN], speed[c])), spread(ratios(late[MAIN], late[c])))
             for c in (EACH, COALESCE, SIGNED)]))
        print("\n".join(parts[-2:]), flush=True)
    write("receiver", "\n\n".join(parts))
