"""What the database cannot take waits on disk: answered 200, and brought to the database when it is back."""

import os
import signal
import stat
import time

import pytest

from client import FORM, Connection, form
from conftest import Database, check_log
from pgserver import PgServer
from receiver import Receiver, wait_until
from webhooks import meta, meta_status, new_id, one, twilio_fields


@pytest.fixture(scope="module")
def server():
    """A server that tests may stop."""
    with PgServer() as running:
        yield running


@pytest.fixture
def database(server, request):
    database = Database(server, server.create_database("spool"))
    yield database


@pytest.fixture
def spooling(database, tmp_path):
    """spooling does start receivers with a spool, all in one directory."""
    started = []

    def begin(*flags, ready=True, **variables):
        receiver = Receiver(database.conninfo, "--allow-unsigned", "--spool-dir", str(tmp_path / "spool"), *flags, **variables)
        started.append(receiver)
        if ready:
            wait_until(lambda: receiver.metric("msgstatus_lanes_connected") > 0, "a lane")
            receiver.wait_for_log("spool open")
        return receiver

    yield begin
    try:
        for receiver in started:
            if receiver.process.poll() is None:
                receiver.stop()
            check_log(receiver)
    finally:
        for receiver in started:
            receiver.kill()


def stop_server(database, *receivers):
    """stop_server does return when the server is down and the receivers know it."""
    database.server.stop("immediate")
    for receiver in receivers:
        wait_until(lambda receiver=receiver: receiver.metric("msgstatus_lanes_connected") == 0, "the loss to be noticed")


def post_kept(receiver, body, **more):
    """post_kept does post a webhook that has to go to the disk."""
    answer = receiver.post("/webhook", body, **more)
    assert answer.status == 200 and answer.json == {"status": "success", "processed": 0, "spooled": True}
    return answer


def wait_drained(receiver):
    wait_until(lambda: receiver.metric("msgstatus_spool_bodies") == 0, "the spool to be empty")


def test_an_outage(database, spooling, tmp_path):
    receiver = spooling()
    before, during, after = new_id(), [new_id() for _ in range(20)], new_id()
    assert receiver.post("/webhook", one(before)).json == {"status": "success", "processed": 1}
    stop_server(database, receiver)
    assert receiver.admin("/readyz").status == 200, "webhooks can be taken"
    with Connection(receiver.port) as connection:
        for message_id in during:
            answer = connection.post("/webhook", one(message_id))
            assert answer.status == 200 and answer.json["spooled"]
    assert receiver.metric("msgstatus_spool_bodies") == 20
    assert receiver.metric("msgstatus_bodies_spooled_total") == 20
    assert receiver.metric("msgstatus_spool_bytes") > 0
    assert receiver.metric("msgstatus_spool_oldest_age_seconds") > 0
    assert receiver.metric("msgstatus_bodies_unavailable_total") == 0
    database.server.start()
    wait_drained(receiver)
    assert receiver.metric("msgstatus_bodies_drained_total") == 20
    assert receiver.post("/webhook", one(after)).json == {"status": "success", "processed": 1}
    assert database.states(before, *during, after) == dict.fromkeys([before, *during, after], "sent")


def test_receipt_time_and_source_are_kept(database, spooling):
    receiver = spooling()
    message_id, other = new_id("SM"), new_id()
    stop_server(database, receiver)
    earliest = time.time()
    answer = receiver.post("/webhooks/twilio/status", form(twilio_fields(message_id)), FORM)
    assert (answer.status, answer.body) == (204, b"")
    assert receiver.post("/webhooks/meta", meta(meta_status(other))).status == 200
    latest = time.time()
    database.server.start()
    wait_drained(receiver)
    rows = {row["message_id"]: row for row in database.query(
        "SELECT message_id, source, time_source, extract(epoch FROM event_time) AS event, "
        "extract(epoch FROM received_at) AS received FROM msgstatus.status_event")}
    twilio = rows[message_id]
    assert (twilio["source"], twilio["time_source"]) == ("twilio", "receipt")
    assert earliest <= twilio["event"] <= latest and twilio["event"] == twilio["received"]
    assert rows[other]["source"] == "meta" and earliest <= rows[other]["received"] <= latest


def test_started_without_the_database_and_killed(database, spooling):
    database.server.stop()
    receiver = spooling(ready=False)
    receiver.wait_for_log("spool open", bodies=0)
    ids = [new_id() for _ in range(50)]
    for message_id in ids:
        post_kept(receiver, one(message_id))
    receiver.signal(signal.SIGKILL)
    receiver.wait()
    receiver = spooling(ready=False)
    receiver.wait_for_log("spool open", bodies=50)
    database.server.start()
    wait_drained(receiver)
    assert database.states(*ids) == dict.fromkeys(ids, "sent")


def test_only_its_owner_may_read_it(database, spooling, tmp_path):
    old = os.umask(0)
    try:
        receiver = spooling()
    finally:
        os.umask(old)
    stop_server(database, receiver)
    post_kept(receiver, one())
    spool = tmp_path / "spool"
    assert stat.S_IMODE(spool.stat().st_mode) == 0o700
    assert {path.name: stat.S_IMODE(path.stat().st_mode) for path in spool.iterdir()} == dict.fromkeys(
        ["lock", "spool.db", "spool.db-wal", "spool.db-shm"], 0o600)
    database.server.start()
