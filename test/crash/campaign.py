"""A campaign: one plug after another is pulled under full load, and at the end the books are balanced."""

import contextlib
import dataclasses
import random
import re
import time

import psycopg2

from audit import Findings, audit
from load import Load
from plugs import KINDS, WITH_A_KILLED_RECEIVER
from rig import DATABASE, PATIENCE, ROLE, Rig, Stuck, await_true
from workload import Workload

CLIENTS = 64
SIGNAL_THAT_ENDED_A_PROCESS = re.compile(r"was terminated by signal (\d+)")


@dataclasses.dataclass(frozen=True)
class Pace:
    """How plugs follow one another: webhooks acknowledged before the next one, seconds until it is put back."""

    between: tuple
    outage: tuple
    long_outage: tuple  # beyond what timeouts bear
    long_share: float  # of all outages
    receiver_killed_meanwhile: float  # share of the outages of something else


BRISK = Pace(between=(50, 300), outage=(0.05, 0.8), long_outage=(0, 0), long_share=0, receiver_killed_meanwhile=0.1)
THOROUGH = Pace(between=(50, 5000), outage=(0.05, 3), long_outage=(5, 10), long_share=0.1, receiver_killed_meanwhile=0.15)


@dataclasses.dataclass
class Round:
    """The plugs that were pulled at a time, and what was counted from then until the next ones."""

    kinds: list
    recovery: float = 0.0  # seconds from putting the plug back until every lane has worked
    acknowledged: int = 0  # webhooks, likewise the next two
    refused: int = 0
    unknown: int = 0
    lost: int = 0  # observations and dead letters


@dataclasses.dataclass
class Report:
    """The first round is that before the first plug."""

    rounds: list
    findings: Findings

    @property
    def kills(self):
        return sum(len(one.kinds) for one in self.rounds)


def run(seed, kinds, pace, log_directory, progress=lambda one: None):
    """run does pull plugs of the given kinds in turn, and reports what came of it.

    seed decides what is posted, which plug of a kind is pulled, when and for how long; the rest is up to the machine.
    progress is called with each round.
    """
    rng = random.Random(seed)
    workload = Workload(seed)
    findings = Findings()
    rounds = [Round([])]
    with Rig(log_directory) as rig:
        load = Load(workload, rig.port, CLIENTS)
        load.start()
        try:
            rig.await_recovery()
            descriptors = rig.receiver_descriptors()
            for kind in kinds:
                load.round = len(rounds)
                rounds.append(_pull(rig, load, rng, kind, pace))
                rig.await_descriptors(descriptors)
                progress(rounds[-1])
            load.finish()
            if not load.join(PATIENCE):
                raise Stuck("webhooks that are never acknowledged")
            _end_receiver(rig)
        except Stuck as stuck:
            findings.add("stuck", stuck)
        finally:
            load.stop()
            load.join(PATIENCE)
        with contextlib.closing(psycopg2.connect(rig.server.conninfo(DATABASE))) as connection:
            audit(connection, workload, findings)
        _check_server(rig, findings)
    for status in load.unexpected:
        findings.add("unexpected answers", status)
    for number, one in enumerate(rounds):
        one.acknowledged, one.refused = load.acknowledged[number], load.refused[number]
        one.unknown, one.lost = load.unknown[number], findings.lost_in(number)
    return Report(rounds, findings)


def _pull(rig, load, rng, kind, pace):
    enough = load.total() + rng.randrange(*pace.between)
    await_true(lambda: load.total() >= enough, "no webhook is acknowledged")
    done = Round([kind])
    with KINDS[kind](rig, load, rng):
        time.sleep(rng.uniform(*(pace.long_outage if rng.random() < pace.long_share else pace.outage)))
        if kind in WITH_A_KILLED_RECEIVER and rng.random() < pace.receiver_killed_meanwhile:
            done.kinds.append("receiver killed")
            with KINDS["receiver killed"](rig, load, rng):
                time.sleep(rng.uniform(*pace.outage))
    put_back = time.monotonic()
    rig.await_recovery()
    done.recovery = time.monotonic() - put_back
    return done


def _end_receiver(rig):
    """_end_receiver does end the receiver as an operator would; then none of its connections may be left."""
    rig.receiver.stop()
    left = f"SELECT count(*) FROM pg_stat_activity WHERE usename = '{ROLE}'"
    await_true(lambda: rig.ask(left)[0][0] == 0, lambda: f"{rig.ask(left)[0][0]} connections are left in the database")


def _check_server(rig, findings):
    log = rig.server.log.read_text(encoding="utf-8")
    counted = rig.ask("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")[0][0]
    for _ in range(max(counted, log.count("deadlock detected"))):  # a crash resets the server's count
        findings.add("deadlocks", "see the server's log")
    for number in SIGNAL_THAT_ENDED_A_PROCESS.findall(log):
        if number != "9":
            findings.add("crashes of the server's own", f"signal {number}")
    for line in log.splitlines():
        if "PANIC:" in line:
            findings.add("panics of the server", line)
