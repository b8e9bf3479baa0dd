"""The payload fuzzer: mutated webhooks, and values of the types, against a real server with a sanitized extension.

    test/fuzz/payloads [--calls N] [--seconds N] [--seed N] [--round N] [FILE...]

Runs rounds until so many calls are made, or so much time has passed. A round is made of the seed and its number alone,
so `--seed S --round N` runs one again. FILEs are deliveries that once failed: they are run alone; without any, those of
test/fuzz/regressions/payloads are run first. Deliveries that fail are cut down and kept in build/fuzz/findings. Exit
status 1 then.
"""

import argparse
import json
import pathlib
import random
import signal
import sys
import time

import psycopg2

sys.path.append(str(pathlib.Path(__file__).resolve().parents[2] / "support"))

import type_rounds  # noqa: E402
from finding import Finding  # noqa: E402
from mutate import Delivery  # noqa: E402
from server import ROOT, SanitizedServer  # noqa: E402
from webhook_rounds import WebhookRound, cut_down, random_deliveries  # noqa: E402

FINDINGS = ROOT / "build" / "fuzz" / "findings"
REGRESSIONS = ROOT / "test" / "fuzz" / "regressions" / "payloads"
TYPE_ROUND_EVERY = 4


class Session:
    """A connection, made anew after a crash, and what runs on it."""

    def __init__(self, server, database):
        self.server = server
        self.database = database
        self.cursor = None
        self.calls = 0

    def run(self, round_of):
        """Runs the round that round_of(cursor) returns; a crash is a Finding, too."""
        if self.cursor is None or self.cursor.connection.closed:
            self.cursor = self.server.connect(self.database).cursor()
            type_rounds.prepare(self.cursor)
        this = round_of(self.cursor)
        try:
            this.check()
        except (Finding, psycopg2.Error) as error:
            raise Finding(f"{error}\n{self.server.new_report()}") from error
        finally:
            self.calls += this.calls
        written = self.server.new_report()
        if written:
            raise Finding(written)

    def fails(self, deliveries):
        try:
            self.run(lambda cursor: WebhookRound(cursor, deliveries, random.Random(0)))
        except Finding:
            return True
        return False


def report(session, finding, name, deliveries=None):
    """Prints a finding and keeps its deliveries."""
    print(f"FINDING in {name}: {finding}", flush=True)
    if deliveries is not None:
        deliveries = cut_down(deliveries, session.fails)
        FINDINGS.mkdir(parents=True, exist_ok=True)
        path = FINDINGS / f"payloads-{name.replace(' ', '-')}.json"
        kept = json.dumps([vars(delivery) for delivery in deliveries], indent=1, ensure_ascii=False)
        path.write_text(kept + "\n", encoding="utf-8")
        print(f"kept in {path}", flush=True)


def replay(session, path):
    deliveries = [Delivery(**kept) for kept in json.loads(path.read_text(encoding="utf-8"))]
    for seed in range(4):
        session.run(lambda cursor: WebhookRound(cursor, deliveries, random.Random(seed)))


def fuzz(session, seed, number):
    rng = random.Random(f"{seed} {number}")
    name = f"seed {seed} round {number}"
    if number % TYPE_ROUND_EVERY == 0:
        try:
            session.run(lambda cursor: type_rounds.TypeRound(cursor, rng))
        except Finding as finding:
            report(session, finding, name)
            return False
        return True
    deliveries = random_deliveries(rng)
    try:
        session.run(lambda cursor: WebhookRound(cursor, deliveries, rng))
    except Finding as finding:
        report(session, finding, name, deliveries)
        return False
    return True


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=2000)
    parser.add_argument("--seconds", type=float)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--round", type=int)
    parser.add_argument("files", nargs="*", type=pathlib.Path)
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # the server must not stay behind
    passed = True
    started = time.monotonic()
    with SanitizedServer() as server:
        session = Session(server, server.create_database("fuzz"))
        check_sanitizer(session)
        print(f"seed {arguments.seed}", flush=True)
        for path in arguments.files or sorted(REGRESSIONS.glob("*.json")):
            try:
                replay(session, path)
            except Finding as finding:
                report(session, finding, path.name)
                passed = False
        number = arguments.round if arguments.round is not None else 1
        while passed and not arguments.files:
            passed = fuzz(session, arguments.seed, number)
            number += 1
            enough = (time.monotonic() - started > arguments.seconds if arguments.seconds is not None
                      else session.calls >= arguments.calls)
            if enough or arguments.round is not None:
                break
        print(f"stat::number_of_executed_units: {session.calls}", flush=True)
    return 0 if passed else 1


def check_sanitizer(session):
    """Fails where no sanitizer is at work, since the run would then mean little."""
    cursor = session.server.connect(session.database).cursor()
    cursor.execute("SELECT msgstatus.state('{}'), pg_backend_pid()")
    maps = pathlib.Path(f"/proc/{cursor.fetchone()[1]}/maps").read_text(encoding="utf-8")
    if str(session.server.runtime) not in maps:
        raise RuntimeError("the server runs without the sanitizer's runtime")


if __name__ == "__main__":
    sys.exit(main())
