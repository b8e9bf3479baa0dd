"""The database goes away and comes back; the receiver is never restarted."""

import os
import signal
import threading
import time

import pytest

from client import Connection, raw_post
from database import Database
from pgserver import PgServer
from receiver import Receiver, wait_until
from secrecy import check_log
from webhooks import new_id, one


@pytest.fixture
def own():
    """A database on a server that the test may stop, and a receiver on it."""
    with PgServer() as server:
        database = Database(server, server.create_database("outage"))
        with Receiver(database.conninfo, "--allow-unsigned") as receiver:
            receiver.wait_ready()
            yield database, receiver
            if receiver.process.poll() is None:
                receiver.stop()
            check_log(receiver)


def assert_unavailable(answer):
    assert answer.status == 503 and answer.json["status"] == "error"
    assert int(answer.headers["retry-after"]) > 0


@pytest.mark.parametrize("mode", ["fast", "immediate"])
def test_stopped_and_started(own, mode):
    database, receiver = own
    before, during, after = new_id(), new_id(), new_id()
    with Connection(receiver.port) as connection:
        assert connection.post("/webhook", one(before)).status == 200
        database.server.stop(mode)
        wait_until(lambda: receiver.admin("/readyz").status == 503, "readyz to notice")
        started = time.monotonic()
        assert_unavailable(connection.post("/webhook", one(during)))
        assert time.monotonic() - started < 1, "a refusal needs no waiting"
        assert receiver.admin("/healthz").status == 200
        database.server.start()
        receiver.wait_ready()
        assert connection.post("/webhook", one(after)).status == 200
    assert database.states(before, during, after) == {before: "sent", after: "sent"}
    wait_until(lambda: receiver.metric("msgstatus_database_connects_total") >= 3, "the other lanes to connect")


def test_started_before_the_database(own):
    database, _ = own
    database.server.stop()
    with Receiver(database.conninfo, "--allow-unsigned") as receiver:
        assert receiver.admin("/readyz").status == 503
        assert_unavailable(receiver.post("/webhook", one()))
        receiver.wait_for_log("cannot connect to the database")
        database.server.start()
        receiver.wait_ready()
        assert receiver.post("/webhook", one()).status == 200
        receiver.stop()


def test_nothing_answered_200_is_lost_while_it_restarts(own):
    database, receiver = own
    committed, refused, stop = set(), [], threading.Event()

    def client():
        with Connection(receiver.port) as connection:
            while not stop.is_set():
                message_id = new_id()
                answer = connection.post("/webhook", one(message_id))
                if answer.status == 200:
                    committed.add(message_id)
                else:
                    assert_unavailable(answer)
                    refused.append(message_id)
                    time.sleep(0.01)

    threads = [threading.Thread(target=client) for _ in range(8)]
    for thread in threads:
        thread.start()
    for mode in ("immediate", "fast", "immediate"):
        enough = len(committed) + 200
        wait_until(lambda: len(committed) >= enough, "webhooks to be committed")
        refusals = len(refused)
        database.server.stop(mode)
        wait_until(lambda: len(refused) > refusals, "a refusal")
        database.server.start()
        receiver.wait_ready()
    stop.set()
    for thread in threads:
        thread.join()
    stored = set(database.states())
    assert committed <= stored


def test_backends_terminated_in_flight(own):
    database, receiver = own
    with database.hold("LOCK TABLE msgstatus.message;"):
        with Connection(receiver.port) as connection:
            connection.send(raw_post("/webhook", one()))
            wait_until(lambda: receiver.metric("msgstatus_batch_size_count") == 1, "the call to be in flight")
            database.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'msgstatus-receiver'")
            assert_unavailable(connection.read_response())
    # Not before the receiver knows of both, since until then it takes the other lane for connected.
    wait_until(lambda: len(receiver.events("database connection lost")) == 2, "both losses to be noticed")
    receiver.wait_ready()
    assert receiver.post("/webhook", one()).status == 200


def test_what_a_lost_lane_had_goes_to_another(own):
    database, receiver = own
    ids = [new_id() for _ in range(3)]
    with database.hold("LOCK TABLE msgstatus.message;") as held:
        with Connection(receiver.port) as first, Connection(receiver.port) as second, Connection(receiver.port) as third:
            first.send(raw_post("/webhook", one(ids[0])))
            backend = wait_until(lambda: database.query("SELECT pid FROM pg_stat_activity WHERE application_name = "
                                                        "'msgstatus-receiver' AND wait_event_type = 'Lock'"), "the lock")
            for connection, message_id in ((second, ids[1]), (third, ids[2])):
                connection.send(raw_post("/webhook", one(message_id)))
            wait_until(lambda: receiver.metric("msgstatus_batch_size_count") == 2, "both calls to be in flight")
            database.execute(f"SELECT pg_terminate_backend({backend[0]['pid']})")
            receiver.wait_for_log("database connection lost")
            held.release()
            assert [connection.read_response().status for connection in (first, second, third)] == [200] * 3
    assert receiver.metric("msgstatus_bodies_unavailable_total") == 0
    assert len(database.states(*ids)) == 3


def test_backend_killed(own):
    database, receiver = own
    backend = database.query("SELECT pid FROM pg_stat_activity WHERE application_name = 'msgstatus-receiver'")[0]["pid"]
    with database.hold("LOCK TABLE msgstatus.message;"):
        with Connection(receiver.port) as connection:
            connection.send(raw_post("/webhook", one()))
            wait_until(lambda: receiver.metric("msgstatus_batch_size_count") == 1, "the call to be in flight")
            os.kill(backend, signal.SIGKILL)  # the server ends all others, and starts anew
            assert_unavailable(connection.read_response())
    for lost in (receiver.wait_for_log("database connection lost", count) for count in (1, 2)):
        assert "connection" in lost["reason"]
    wait_until(lambda: receiver.post("/webhook", one()).status == 200, "webhooks to be taken again")


def test_read_only(own):
    database, receiver = own
    database.execute("ALTER SYSTEM SET default_transaction_read_only = on; SELECT pg_reload_conf();")
    wait_until(lambda: receiver.post("/webhook", one()).status == 503, "a refusal")
    assert_unavailable(receiver.post("/webhook", one()))
    database.execute("SET default_transaction_read_only = off; ALTER SYSTEM RESET default_transaction_read_only; "
                     "SELECT pg_reload_conf();")
    receiver.wait_ready()
    wait_until(lambda: receiver.post("/webhook", one()).status == 200, "webhooks to be taken again")


def test_without_the_extension(own):
    database, _ = own
    database.execute("CREATE DATABASE bare")
    bare = Database(database.server, "bare")
    with Receiver(bare.conninfo, "--allow-unsigned") as receiver:
        problem = receiver.wait_for_log("the database is not set up")
        assert (problem["level"], problem["database"]) == ("error", "bare") and "msgstatus" in problem["reason"]
        assert problem["hint"] == "Run: CREATE EXTENSION msgstatus; SELECT msgstatus.install();"
        assert receiver.admin("/readyz").status == 503
        assert_unavailable(receiver.post("/webhook", one()))
        bare.execute("CREATE EXTENSION msgstatus")
        problem = receiver.wait_for_log("the database is not set up", 2)
        assert problem["hint"] == "Run: SELECT msgstatus.install();"
        failures = receiver.metric("msgstatus_database_connect_failures_total")
        wait_until(lambda: receiver.metric("msgstatus_database_connect_failures_total") > failures + 3, "more attempts")
        assert receiver.admin("/readyz").status == 503
        assert_unavailable(receiver.post("/webhook", one()))
        bare.execute("SELECT msgstatus.install()")
        receiver.wait_ready()
        assert receiver.post("/webhook", one()).status == 200
        assert len(receiver.events("the database is not set up")) == 2, "each problem once, not at each attempt"
        assert receiver.events("cannot connect to the database") == []
        receiver.stop()


def test_without_rights(own):
    """Rights that are missing at the start, and rights that go while the receiver runs."""
    database, _ = own
    database.execute('CREATE ROLE "own-hooks" LOGIN')
    grant = """SELECT msgstatus.grant_access('"own-hooks"', 'ingest');"""
    with Receiver(database.server.conninfo(database.name, "own-hooks"), "--allow-unsigned") as receiver:
        assert receiver.wait_for_log("the database is not set up")["hint"] == "Run: " + grant
        assert receiver.admin("/readyz").status == 503
        database.execute(grant)
        receiver.wait_ready()
        assert receiver.post("/webhook", one()).status == 200
        database.execute('REVOKE ALL ON ALL FUNCTIONS IN SCHEMA msgstatus FROM "own-hooks"')
        wait_until(lambda: receiver.post("/webhook", one()).status == 503 and receiver.admin("/readyz").status == 503,
                   "readyz to notice")
        assert receiver.wait_for_log("the database is not set up", 2)["hint"] == "Run: " + grant
        database.execute(grant)
        receiver.wait_ready()
        assert receiver.post("/webhook", one()).status == 200
        receiver.stop()


def test_a_trigger_that_lacks_rights_stops_nothing(own):
    """Only single webhooks fail as they would if the database were not set up, so the lanes stay."""
    database, receiver = own
    database.execute("CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS "
                     "$$ BEGIN RAISE insufficient_privilege USING MESSAGE = 'not this one'; END $$; "
                     "CREATE TRIGGER refuse BEFORE INSERT ON msgstatus.message FOR EACH ROW WHEN (NEW.message_id = 'refused') "
                     "EXECUTE FUNCTION refuse();")
    wait_until(lambda: receiver.metric("msgstatus_lanes_connected") == receiver.metric("msgstatus_lanes"), "all lanes to connect")
    connects = receiver.metric("msgstatus_database_connects_total")
    for _ in range(3):
        assert_unavailable(receiver.post("/webhook", one("refused")))
        assert receiver.admin("/readyz").status == 200
        assert receiver.post("/webhook", one()).status == 200
    assert receiver.metric("msgstatus_database_connects_total") == connects
    assert receiver.events("the database is not set up") == []


def test_the_extension_made_anew(own):
    """The extension is made anew beneath the lanes' prepared statements."""
    database, receiver = own
    assert receiver.post("/webhook", one()).status == 200
    database.execute("DROP EXTENSION msgstatus CASCADE; DROP SCHEMA IF EXISTS msgstatus CASCADE; "
                     "CREATE EXTENSION msgstatus; SELECT msgstatus.install();")
    wait_until(lambda: receiver.post("/webhook", one()).status == 200, "webhooks to be taken again")


def test_a_server_that_does_not_answer(own):
    database, _ = own
    # By a name of its own, since the other receiver may be connecting again at the same time.
    conninfo = f"{database.conninfo} application_name=unanswered"
    with Receiver(conninfo, "--allow-unsigned", "--lanes", "1", "--statement-timeout", "0.5") as receiver:
        receiver.wait_ready()
        backend = database.query("SELECT pid FROM pg_stat_activity WHERE application_name = 'unanswered'")[0]["pid"]
        os.kill(backend, signal.SIGSTOP)
        try:
            assert_unavailable(receiver.post("/webhook", one()))
            receiver.wait_ready()
            assert receiver.post("/webhook", one()).status == 200
        finally:
            os.kill(backend, signal.SIGCONT)
        receiver.stop()


def test_the_next_host_is_tried(own):
    database, _ = own
    server = database.server
    conninfo = f"postgresql://postgres@127.0.0.1:1,127.0.0.1:{server.port}/outage?target_session_attrs=read-write"
    with Receiver(conninfo, "--allow-unsigned") as receiver:
        receiver.wait_ready()
        assert receiver.post("/webhook", one()).status == 200
        receiver.stop()
