"""Whatever was answered 2xx is in the database, whichever plug was pulled meanwhile.

Environment:
    MSGSTATUS_CRASH_SEED  the seed (1)
"""

import os
import pathlib
import random

import psycopg2
import pytest

from audit import Findings, audit
from campaign import BRISK, CLIENTS, run
from load import Load
from others import Others
from plugs import kinds_of
from rig import DATABASE, PATIENCE, Rig, await_true
from workload import Workload

SEED = int(os.environ.get("MSGSTATUS_CRASH_SEED", "1"))
LOGS = pathlib.Path(__file__).resolve().parents[2] / "build/crash"


def pull(capsys, spool, kinds):
    """Runs a campaign and shows its report."""
    random.Random(SEED).shuffle(kinds)
    logs = LOGS / f"{SEED}-{spool}"
    with capsys.disabled():
        print(f"\nseed {SEED}, spool {spool}:", end=" ", flush=True)
        report = run(SEED, spool, kinds, BRISK, logs)
        print(f"{report.kills} plugs pulled, {total(report, 'acknowledged')} webhooks acknowledged,",
              f"{total(report, 'on_disk')} of them on disk, {total(report, 'lost')} lost")
    assert not report.findings, f"{report.findings}\nlogs: {logs}"
    assert total(report, "unknown") and total(report, "refused")
    return report


def total(report, column):
    return sum(getattr(one, column) for one in report.rounds)


def test_every_plug_with_a_spool(capsys):
    report = pull(capsys, "tmpfs", kinds_of("tmpfs"))
    assert total(report, "on_disk")


def test_plugs_without_a_spool(capsys):
    pull(capsys, "off", ["backend killed", "postmaster killed", "backends terminated", "connections refused", "answer cut",
                         "receiver killed"])


@pytest.fixture(scope="module")
def quiet():
    """A workload that was posted while nothing happened, the messages registered meanwhile, and the conninfo."""
    workload = Workload(SEED)
    with Rig(LOGS / "quiet") as rig:
        load, others = Load(workload, rig.port, CLIENTS), Others(workload, rig.server.conninfo(DATABASE))
        load.start()
        others.start()
        try:
            await_true(lambda: load.total() > 2000, "no webhook is acknowledged")
            load.finish()
            assert load.join(PATIENCE)
        finally:
            load.stop()
            others.stop()
        assert others.registered and not others.unexpected
        yield workload, others.registered, rig.server.conninfo(DATABASE)


def found(quiet, sql="SELECT"):
    """Returns the kinds of findings after statements that are undone afterwards, and the number of losses."""
    workload, registered, conninfo = quiet
    findings = Findings()
    connection = psycopg2.connect(conninfo)
    try:
        with connection.cursor() as cursor:
            cursor.execute(sql)
        audit(connection, workload, registered, findings)
    finally:
        connection.close()
    return set(findings.counts), len(findings.lost)


def test_the_audit_is_content(quiet):
    assert found(quiet) == (set(), 0)


ONE = "(SELECT min(message_id) FROM msgstatus.message WHERE message_id LIKE 'wamid.meta.%' AND created_by IS NULL)"
TAMPERING = {
    "an event is gone": (
        f"DELETE FROM msgstatus.status_event WHERE message_id = {ONE}",
        {"acknowledged observations missing in the trail", "messages whose status is not that of their trail"}),
    "a message is gone": (
        f"DELETE FROM msgstatus.message WHERE message_id = {ONE}",
        {"acknowledged observations missing in the status", "messages whose status is not that of their trail",
         "rollups that are wrong"}),
    "a message and its events are gone": (
        f"DELETE FROM msgstatus.status_event WHERE message_id = {ONE}; DELETE FROM msgstatus.message WHERE message_id = {ONE}",
        {"acknowledged observations missing in the trail", "acknowledged observations missing in the status",
         "rollups that are wrong"}),
    "a state nobody saw": (
        f"""UPDATE msgstatus.message SET status = msgstatus.message_status('queued', now()) OPERATOR(msgstatus.||) status
        WHERE message_id = {ONE}""",
        {"messages whose status is not that of their trail"}),
    "an event nobody saw": (
        f"""UPDATE msgstatus.status_event SET state = 'queued'
        WHERE ctid = (SELECT min(ctid) FROM msgstatus.status_event WHERE message_id = {ONE})""",
        {"acknowledged observations missing in the trail", "observations in the trail that were never posted",
         "messages whose status is not that of their trail"}),
    "an event twice": (
        f"""ALTER TABLE msgstatus.status_event DROP CONSTRAINT IF EXISTS status_event_pkey;
        INSERT INTO msgstatus.status_event SELECT * FROM msgstatus.status_event WHERE message_id = {ONE}""",
        {"observations more than once in the trail"}),
    "a receipt too late": (
        f"UPDATE msgstatus.status_event SET received_at = received_at + interval '1 minute' WHERE message_id = {ONE}",
        {"observations received after they were acknowledged"}),
    "a receipt too early": (
        f"UPDATE msgstatus.status_event SET received_at = received_at - interval '1 minute' WHERE message_id = {ONE}",
        {"observations received before they were posted"}),
    "a registration is gone": (
        "UPDATE msgstatus.message SET created_by = NULL WHERE created_by IS NOT NULL", {"acknowledged registrations missing"}),
    "a rollup is wrong": (
        "UPDATE msgstatus.message_rollup SET messages = messages + 1", {"rollups that are wrong"}),
    "a dead letter is gone": (
        """DELETE FROM msgstatus.rejected_status
        WHERE rejected_id = (SELECT min(rejected_id) FROM msgstatus.rejected_status)""",
        {"acknowledged dead letters missing"}),
}


@pytest.mark.parametrize("sql, kinds", TAMPERING.values(), ids=TAMPERING)
def test_the_audit_finds(quiet, sql, kinds):
    seen, lost = found(quiet, sql)
    assert seen == kinds
    assert bool(lost) == any("observations missing" in kind or "dead letters missing" in kind for kind in kinds)
