"""A campaign: one plug after another is pulled under full load, and at the end the books are balanced."""

import contextlib
import dataclasses
import random
import re
import time

import psycopg2

from audit import Findings, audit
from load import Load
from others import Others
from plugs import KINDS, RELAPSES, WITH_A_KILLED_RECEIVER, await_kept, no_database
from rig import DATABASE, PATIENCE, ROLE, Rig, Stuck, await_true
from workload import Workload

CLIENTS = 64
SIGNAL_THAT_ENDED_A_PROCESS = re.compile(r"was terminated by signal (\d+)")


@dataclasses.dataclass(frozen=True)
class Pace:
    """How plugs follow one another, and how much is then under way."""

    between: tuple  # webhooks acknowledged before the next plug is pulled
    outage: tuple  # seconds until it is put back
    long_outage: tuple  # likewise; beyond what timeouts bear
    long_share: float  # of all outages
    receiver_killed_meanwhile: float  # share of the outages of something else
    relapses: float  # share of the outages that are followed by another plug, once a lane is back and the spool drains
    spool_max_bytes: int


BRISK = Pace(between=(50, 300), outage=(0.05, 0.8), long_outage=(0, 0), long_share=0, receiver_killed_meanwhile=0.1,
             relapses=0.25, spool_max_bytes=4 * 2**20)
THOROUGH = Pace(between=(50, 2000), outage=(0.05, 2), long_outage=(4, 9), long_share=0.05, receiver_killed_meanwhile=0.2,
                relapses=0.4, spool_max_bytes=12 * 2**20)


@dataclasses.dataclass
class Round:
    """The plugs that were pulled at a time, and what was counted from then until the next ones."""

    kinds: list
    recovery: float = 0.0  # seconds from putting the plug back until every lane has worked, and
    drained: float = 0.0  # until the spool is empty, at full load
    acknowledged: int = 0  # webhooks, likewise the next three
    on_disk: int = 0  # of the acknowledged ones; the answer to Twilio does not say
    refused: int = 0
    unknown: int = 0
    lost: int = 0  # observations and dead letters


@dataclasses.dataclass
class Report:
    """The first round is that before the first plug, the last one that after the last plug."""

    rounds: list
    findings: Findings

    @property
    def kills(self):
        return sum(len(one.kinds) for one in self.rounds)


def run(seed, spool, kinds, pace, log_directory, progress=lambda one: None):
    """Pulls plugs of the given kinds in turn and returns a report.

    seed decides what is posted, which plug of a kind is pulled, when and for how long; the rest is up to the machine.
    progress is called with each round.
    """
    rng = random.Random(seed)
    workload = Workload(seed)
    findings = Findings()
    rounds = [Round([])]
    with Rig(log_directory, spool, pace.spool_max_bytes) as rig:
        load = Load(workload, rig.port, CLIENTS)
        others = Others(workload, rig.server.conninfo(DATABASE))
        load.start()
        others.start()
        try:
            rig.await_recovery()
            rig.await_empty_spool()
            rig.await_clients(CLIENTS)
            descriptors = rig.receiver_descriptors()
            for kind in kinds:
                load.round = len(rounds)
                rounds.append(_pull(rig, load, rng, kind, pace))
                rig.await_descriptors(descriptors)
                progress(rounds[-1])
            load.round = len(rounds)
            rounds.append(Round([]))
            _end(rig, load)
        except Stuck as stuck:
            findings.add("stuck, so that the books cannot be balanced", stuck)
        finally:
            load.stop()
            load.join(PATIENCE)
            others.stop()
        if not findings:
            with contextlib.closing(psycopg2.connect(rig.server.conninfo(DATABASE))) as connection:
                audit(connection, workload, others.registered, findings)
        _check_server(rig, findings)
    for error in others.unexpected:
        findings.add("statements of others that failed", error)
    for status in load.unexpected:
        findings.add("unexpected answers", status)
    for number, one in enumerate(rounds):
        one.acknowledged, one.refused = load.acknowledged[number], load.refused[number]
        one.on_disk = load.on_disk[number]
        one.unknown, one.lost = load.unknown[number], findings.lost_in(number)
    return Report(rounds, findings)


def _pull(rig, load, rng, kind, pace):
    """Pulls a plug, perhaps a second one meanwhile and a third one afterwards, and waits for the recovery."""
    enough = load.total() + rng.randrange(*pace.between)
    await_true(lambda: load.total() >= enough, "no webhook is acknowledged")
    done = Round([])
    _pull_one(rig, load, rng, kind, pace, done)
    if rng.random() < pace.relapses:
        rig.await_first_lane()
        _pull_one(rig, load, rng, rng.choice(RELAPSES), pace, done)
    put_back = time.monotonic()
    rig.await_recovery()
    done.recovery = time.monotonic() - put_back
    rig.await_empty_spool()
    done.drained = time.monotonic() - put_back
    return done


def _pull_one(rig, load, rng, kind, pace, done):
    done.kinds.append(kind)
    with KINDS[kind](rig, load, rng):
        time.sleep(rng.uniform(*(pace.long_outage if rng.random() < pace.long_share else pace.outage)))
        if kind in WITH_A_KILLED_RECEIVER and rng.random() < pace.receiver_killed_meanwhile:
            done.kinds.append("receiver killed")
            with KINDS["receiver killed"](rig, load, rng):
                time.sleep(rng.uniform(*pace.outage))


def _end(rig, load):
    """Ends all that is under way; then no connection of the receiver may be left.

    With a spool the last webhooks go to the disk, the receiver is killed, and another one finds them there.
    """
    with contextlib.ExitStack() as outage:
        if rig.spool_disk is not None:
            outage.enter_context(no_database(rig))
            await_kept(rig)
        load.finish()
        if not load.join(PATIENCE):
            raise Stuck("webhooks that are never acknowledged")
        if rig.spool_disk is not None:
            rig.receiver.kill()
            rig.start_receiver()
    rig.await_empty_spool()
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
