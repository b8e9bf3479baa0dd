"""Webhooks that the database cannot take go to the disk, and are answered 200."""

import concurrent.futures
import os
import signal
import stat
import time

import pytest

from client import FORM, Connection, form, raw_post
from receiver import PATIENCE, wait_until
from steps import assert_kept, post_kept, post_until_refused, stop_server, wait_drained
from webhooks import meta, meta_status, new_id, one, twilio_fields


def test_an_outage(database, spooling):
    receiver = spooling()
    before, after = new_id(), new_id()
    assert receiver.post("/webhook", one(before)).json == {"status": "success", "processed": 1}
    stop_server(database, receiver)
    ready = receiver.admin("/readyz")
    assert (ready.status, ready.json) == (200, {"status": "spooling"}), "webhooks can be taken"
    during = post_kept(receiver, 20)
    assert receiver.metric("msgstatus_spool_bodies") == 20
    assert receiver.metric("msgstatus_bodies_spooled_total") == 20
    assert receiver.metric("msgstatus_spool_bytes") > 0
    assert receiver.metric("msgstatus_spool_oldest_age_seconds") > 0
    assert receiver.metric("msgstatus_bodies_unavailable_total") == 0
    database.server.start()
    wait_drained(receiver)
    assert receiver.metric("msgstatus_bodies_drained_total") == 20
    assert receiver.metric("msgstatus_spool_oldest_age_seconds") == 0
    receiver.wait_for_log("spool drained", bodies=20)
    assert receiver.post("/webhook", one(after)).json == {"status": "success", "processed": 1}
    assert receiver.admin("/readyz").json == {"status": "ready"}
    assert database.states() == dict.fromkeys([before, *during, after], "sent")


def test_receipt_time_and_source_are_kept(database, spooling):
    receiver = spooling()
    message_id, other = new_id("SM"), new_id()
    stop_server(database, receiver)
    earliest = time.time()
    answer = receiver.post("/webhooks/twilio/status", form(twilio_fields(message_id)), FORM)
    assert (answer.status, answer.body) == (204, b"")
    assert_kept(receiver.post("/webhooks/meta", one(other)))
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
    ids = post_kept(receiver, 50)
    receiver.signal(signal.SIGKILL)
    receiver.wait()
    receiver = spooling(ready=False)
    receiver.wait_for_log("spool open", bodies=50)
    database.server.start()
    wait_drained(receiver)
    assert database.states() == dict.fromkeys(ids, "sent")


def test_what_cannot_be_committed_in_time_goes_to_disk_at_the_end(database, spooling):
    flags = ["--lock-timeout", "60", "--statement-timeout", "60", "--spool-after", "60", "--lanes", "1"]
    receiver = spooling(*flags, "--drain-timeout", "0.5")
    ids = [new_id() for _ in range(3)]
    with database.hold("LOCK TABLE msgstatus.message;"):
        with Connection(receiver.port) as flying, Connection(receiver.port) as waiting, Connection(receiver.port) as last:
            flying.send(raw_post("/webhook", one(ids[0])))
            wait_until(lambda: receiver.metric("msgstatus_batch_size_count") == 1, "the call to be in flight")
            waiting.send(raw_post("/webhook", one(ids[1])))
            last.send(raw_post("/webhook", one(ids[2])))
            wait_until(lambda: receiver.metric("msgstatus_queue_depth") == 2, "the queue")
            receiver.signal()
            for connection in (flying, waiting, last):
                assert_kept(connection.read_response())
            assert receiver.wait() == 0
    assert receiver.events("drain cut short")
    receiver = spooling()
    wait_drained(receiver)
    assert database.states() == dict.fromkeys(ids, "sent")


def test_a_full_queue(database, spooling):
    receiver = spooling("--lanes", "1", "--queue-max", "1", "--lock-timeout", "60", "--statement-timeout", "60",
                        "--spool-after", "60")
    ids = [new_id() for _ in range(3)]
    with database.hold("LOCK TABLE msgstatus.message;") as held:
        with Connection(receiver.port) as flying, Connection(receiver.port) as waiting:
            flying.send(raw_post("/webhook", one(ids[0])))
            wait_until(lambda: receiver.metric("msgstatus_batch_size_count") == 1, "the call to be in flight")
            waiting.send(raw_post("/webhook", one(ids[1])))
            wait_until(lambda: receiver.metric("msgstatus_queue_depth") == 1, "the queue")
            assert_kept(receiver.post("/webhook", one(ids[2])))
            held.release()
            assert flying.read_response().json["processed"] == 1
            assert waiting.read_response().json["processed"] == 1
    wait_drained(receiver)
    assert database.states() == dict.fromkeys(ids, "sent")


def test_nobody_waits_for_a_database_that_hangs(database, spooling):
    receiver = spooling("--lanes", "1", "--lock-timeout", "60", "--statement-timeout", "60", "--spool-after", "0.5")
    ids = [new_id() for _ in range(3)]
    with database.hold("LOCK TABLE msgstatus.message;") as held:
        with Connection(receiver.port) as flying, Connection(receiver.port) as waiting:
            flying.send(raw_post("/webhook", one(ids[0])))
            wait_until(lambda: receiver.metric("msgstatus_batch_size_count") == 1, "the call to be in flight")
            waiting.send(b"".join(raw_post("/webhook", one(message_id)) for message_id in ids[1:]))
            for connection in (flying, waiting, waiting):
                assert_kept(connection.read_response())
            held.release()
    wait_drained(receiver)
    assert database.states() == dict.fromkeys(ids, "sent")
    assert receiver.post("/webhook", one()).json["processed"] == 1


def test_a_read_only_database(database, spooling):
    receiver = spooling()
    database.execute("ALTER DATABASE spool SET default_transaction_read_only = on")
    database.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'msgstatus-receiver'")
    wait_until(lambda: receiver.metric("msgstatus_lanes_connected") == 0, "the loss to be noticed")
    ids = post_kept(receiver, 5)
    database.execute("SET default_transaction_read_only = off; ALTER DATABASE spool RESET default_transaction_read_only")
    wait_drained(receiver)
    assert database.states() == dict.fromkeys(ids, "sent")


def test_a_transaction_that_becomes_read_only(database, spooling):
    """The connection stands, and the calls fail with 25006."""
    receiver = spooling()
    database.execute("ALTER SYSTEM SET default_transaction_read_only = on; SELECT pg_reload_conf();")
    try:
        message_id = wait_until(lambda: (lambda answer, sent: sent if answer.json.get("spooled") else None)(
            receiver.post("/webhook", one(sent := new_id())), sent), "a webhook to go to disk")
    finally:
        database.execute("SET default_transaction_read_only = off; ALTER SYSTEM RESET default_transaction_read_only; "
                         "SELECT pg_reload_conf();")
    wait_drained(receiver)
    assert database.states(message_id) == {message_id: "sent"}


def test_out_of_connections(database, spooling):
    database.execute("CREATE ROLE hooks LOGIN; SELECT msgstatus.grant_access('hooks', 'ingest');")
    try:
        receiver = spooling(conninfo=database.server.conninfo("spool", "hooks"))
        database.execute("ALTER ROLE hooks CONNECTION LIMIT 0; SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                         "WHERE usename = 'hooks'")
        receiver.wait_for_log("cannot connect to the database")
        wait_until(lambda: receiver.metric("msgstatus_lanes_connected") == 0, "the loss to be noticed")
        assert "too many connections" in receiver.events("cannot connect to the database")[0]["reason"]
        ids = post_kept(receiver, 5)
        database.execute("ALTER ROLE hooks CONNECTION LIMIT -1")
        wait_drained(receiver)
        assert database.states() == dict.fromkeys(ids, "sent")
        receiver.stop()
    finally:
        database.execute("DROP OWNED BY hooks; DROP ROLE hooks")


def test_a_live_one_that_fails_goes_to_disk(database, spooling):
    receiver = spooling()
    database.execute("ALTER TABLE msgstatus.message ADD CONSTRAINT nothing CHECK (false) NOT VALID")
    ids = post_kept(receiver, 30)
    database.execute("ALTER TABLE msgstatus.message DROP CONSTRAINT nothing")
    wait_drained(receiver)
    assert database.states() == dict.fromkeys(ids, "sent")


def test_two_receivers_on_one_directory(database, spooling):
    first = spooling()
    second = spooling(ready=False)
    wait_until(lambda: second.metric("msgstatus_lanes_connected") > 0, "a lane")
    assert "in use by another process" in second.wait_for_log("spool not usable")["reason"]
    assert second.post("/webhook", one()).json["processed"] == 1, "all else goes on"
    stop_server(database, first, second)
    ids = post_kept(first)
    assert second.post("/webhook", one()).status == 503
    assert second.admin("/readyz").status == 503
    first.stop()
    second.wait_for_log("spool open", bodies=1)
    ids += post_kept(second)
    database.server.start()
    wait_drained(second)
    assert database.states(*ids) == dict.fromkeys(ids, "sent")


def bytes_in(directory):
    return sum(path.stat().st_size for path in directory.iterdir())


def test_the_limit(database, spooling, tmp_path):
    limit = 2 * 1024 * 1024
    receiver = spooling("--spool-max-bytes", str(limit))
    stop_server(database, receiver)
    ids = post_until_refused(receiver, 10000)
    assert 50 < len(ids) < 200
    assert bytes_in(tmp_path / "spool") <= limit
    assert receiver.metric("msgstatus_spool_bytes") <= receiver.metric("msgstatus_spool_limit_bytes") == limit
    assert receiver.wait_for_log("spool full")["level"] == "error"
    assert receiver.admin("/readyz").status == 503, "nothing more can be taken"
    assert receiver.metric("msgstatus_spool_failures_total") == receiver.metric("msgstatus_bodies_unavailable_total") > 0
    database.server.start()
    wait_drained(receiver)
    assert database.states() == dict.fromkeys(ids, "sent")
    stop_server(database, receiver)
    wait_until(lambda: receiver.admin("/readyz").status == 200, "the spool to be usable")
    assert len(post_until_refused(receiver, 10000)) == pytest.approx(len(ids), rel=0.1), "the room is there again"
    assert bytes_in(tmp_path / "spool") <= limit
    database.server.start()


def test_only_its_owner_may_read_it(database, spooling, tmp_path):
    old = os.umask(0)
    try:
        receiver = spooling()
    finally:
        os.umask(old)
    stop_server(database, receiver)
    post_kept(receiver)
    spool = tmp_path / "spool"
    assert stat.S_IMODE(spool.stat().st_mode) == 0o700
    assert {path.name: stat.S_IMODE(path.stat().st_mode) for path in spool.iterdir()} == dict.fromkeys(
        ["lock", "spool.db", "spool.db-wal", "spool.db-shm"], 0o600)
    database.server.start()


def test_what_the_disk_refuses_keeps_nothing_else_from_it(database, spooling):
    receiver = spooling("--lanes", "1", "--lock-timeout", "60", "--statement-timeout", "60", "--spool-after", "1",
                        "--spool-max-bytes", str(1 << 20), "--request-timeout", "15")
    with database.hold("LOCK TABLE msgstatus.message;"), concurrent.futures.ThreadPoolExecutor(3) as pool:
        first = pool.submit(receiver.post, "/webhook", one())
        wait_until(lambda: receiver.metric("msgstatus_batch_size_count") == 1, "the call to be in flight")
        large = pool.submit(receiver.post, "/webhook", meta(meta_status(new_id(), padding="x" * 300000)))
        wait_until(lambda: receiver.events("spool full"), "the disk to refuse the large one")
        assert_kept(first.result(PATIENCE))
        # A full disk is looked at again after two seconds. The webhook behind the large one goes there all the same.
        assert_kept(receiver.post("/webhook", one()))
    assert large.result(PATIENCE).status in (200, 503)
