"""Rounds of webhooks over HTTP from keep-alive connections, as fast as they are answered, in which servers take turns."""

import dataclasses
import json
import subprocess

import servers
import database
from settings import BENCH, CLIENT, MESSAGES, ROUNDS, SCRATCH, SECONDS

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


def write_bodies(first, count, per_body, name, signed):
    """Writes webhooks for wrk and returns their directory."""
    path = SCRATCH / f"{name}{'-signed' if signed else ''}"
    subprocess.run([CLIENT, "--messages", str(MESSAGES), "--first", str(first), "--count", str(count), "--per-call",
                    str(per_body), "--bodies", str(path), "--parts", str(THREADS),
                    *(["--secret", servers.SECRET] if signed else [])], check=True)
    return path


def wrk(url, bodies, seconds, signed):
    """Sends webhooks for some seconds and returns what webhooks.lua prints."""
    done = subprocess.run(["wrk", "-t", str(THREADS), "-c", str(CONNECTIONS), "-d", f"{max(1, round(seconds))}s", "--latency",
                           "-s", str(BENCH / "webhooks.lua"), url, "--", str(bodies), "signed" if signed else "plain"],
                          capture_output=True, text=True, check=True)
    measured = json.loads(done.stdout.splitlines()[-1])
    if measured["failed"]:
        raise RuntimeError(f"{url}: not every answer was 200:\n{done.stdout}")
    return measured


def events(design):
    """Returns the number of rows in the trail."""
    return int(database.value(f"SELECT count(*) FROM {design.status_event}"))


def turn(contestant, written_bodies, per_body, seconds):
    """Measures one server once."""
    warm_up, bodies = (written_bodies[name, contestant.share, contestant.signed] for name in ("warm-up", "bodies"))
    with contestant.start() as server:
        wrk(server.url, warm_up, 1, contestant.signed)
        before, cpu_before = events(contestant.design), server.cpu_seconds
        measured = wrk(server.url, bodies, seconds, contestant.signed)
        measured["server_cpu"] = server.cpu_seconds - cpu_before
    # Every 200 stands for rows. What was under way when wrk hung up, before and after, may come on top.
    written = events(contestant.design) - before
    answered = measured["requests"] * per_body
    if not measured["exhausted"] and not answered <= written <= answered + 2 * CONNECTIONS * per_body:
        raise RuntimeError(f"{contestant.name}: {answered} statuses answered, {written} written")
    return measured


def write_all_bodies(contestants, supply, rate, seconds, per_body):
    """Writes enough webhooks for a round: warming up and measuring."""
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
            for signed in {c.signed for c in contestants if c.share == share}:
                written[name, share, signed] = write_bodies(first, count, per_body, f"{name}-{share}", signed)
            first += count
    return written


def measure(contestants, supply, per_body):
    """Returns the measurements of each server, one a round."""
    measured = {contestant: [] for contestant in contestants}
    # Round -1 only finds out how many webhooks a round takes.
    rate, seconds, number = min(20000 / per_body ** 0.5, supply.largest / (4 * per_body * SPARE)), 1, -1
    while number < ROUNDS:
        bodies = write_all_bodies(contestants, supply, rate, seconds, per_body)
        turns = {}
        for i in range(len(contestants)):
            contestant = contestants[(number + i) % len(contestants)]
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
