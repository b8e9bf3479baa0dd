"""What the database cannot take waits on disk: answered 200, and brought to the database when it is back."""

import json
import os
import re
import resource
import shutil
import signal
import sqlite3
import stat
import subprocess
import threading
import time

import pytest

from client import FORM, Connection, form, raw_post
from conftest import Database, check_log
from pgserver import PgServer
from receiver import PATIENCE, PROGRAM, ROOT, Receiver, clean_environment, run, wait_until
from webhooks import meta, meta_status, new_id, one, twilio_fields

needs_sqlite = pytest.mark.skipif(not shutil.which("sqlite3"), reason="sqlite3 is not installed")
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="mounts a file system")


@pytest.fixture(scope="module")
def server():
    """A server that tests may stop."""
    with PgServer() as running:
        yield running


@pytest.fixture
def database(server):
    """A database of its own for each test, on a server that runs when the test begins."""
    if not (server.data / "postmaster.pid").exists():
        server.start()
    return Database(server, server.create_database("spool"))


@pytest.fixture
def spooling(database, tmp_path):
    """spooling does start receivers with a spool, all in one directory."""
    started = []

    def begin(*flags, ready=True, directory=tmp_path / "spool", conninfo=database.conninfo):
        receiver = Receiver(conninfo, "--allow-unsigned", "--spool-dir", str(directory), *flags)
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


def assert_kept(answer):
    """assert_kept does fail unless the webhook went to the disk."""
    assert answer.status == 200 and answer.json == {"status": "success", "processed": 0, "spooled": True}


def post_kept(receiver, count=1):
    """post_kept does post webhooks that have to go to the disk, and returns the ids of their messages."""
    ids = [new_id() for _ in range(count)]
    with Connection(receiver.port) as connection:
        for message_id in ids:
            assert_kept(connection.post("/webhook", one(message_id)))
    return ids


def post_until_refused(receiver, size):
    """post_until_refused does post webhooks of about so many bytes until there is no room, and returns the ids of those kept."""
    ids = []
    with Connection(receiver.port) as connection:
        while True:
            message_id = new_id()
            answer = connection.post("/webhook", meta(meta_status(message_id, padding="x" * size)))
            if answer.status == 503:
                assert int(answer.headers["retry-after"]) > 0
                return ids
            assert_kept(answer)
            ids.append(message_id)


def wait_drained(receiver):
    wait_until(lambda: receiver.metric("msgstatus_spool_bodies") == 0, "the spool to be empty")


def bytes_in(directory):
    return sum(path.stat().st_size for path in directory.iterdir())


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


def test_sources_that_something_else_wrote_are_kept_and_bounded(database, spooling, tmp_path):
    database.server.stop()
    receiver = spooling(ready=False)
    receiver.wait_for_log("spool open", bodies=0)
    receiver.stop()
    ids = [new_id() for _ in range(100)]
    with sqlite3.connect(tmp_path / "spool" / "spool.db") as file:
        file.executemany("INSERT INTO webhook (received_at, source, body) VALUES (800000000000000, ?, ?)",
                         [(f"source-{number}", one(message_id)) for number, message_id in enumerate(ids)])
    file.close()
    database.server.start()
    receiver = spooling()
    wait_drained(receiver)
    assert database.states() == dict.fromkeys(ids, "sent")
    sources = {row["source"] for row in database.query("SELECT source FROM msgstatus.status_event")}
    assert "source-0" in sources and "other" in sources
    metrics = receiver.admin("/metrics").body.decode()
    assert metrics.count("\nmsgstatus_statuses_received_total{") < 50, "what a file says must not become metrics without end"


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


def test_bodies_that_jsonb_refuses(database, spooling):
    """They are dead letters, live as from disk, and hold up no other."""
    receiver = spooling()
    bodies = [json.dumps({"statuses": [{"id": new_id(), "status": "sent", "text": "\0"}]}), '{"number": 1e999999}']
    for body in bodies:
        assert receiver.post("/webhooks/meta", body.encode()).json == {"status": "partial_success", "processed": 0}
    stop_server(database, receiver)
    for body in bodies:
        assert_kept(receiver.post("/webhooks/meta", body.encode()))
    ids = post_kept(receiver, 5)
    database.server.start()
    wait_drained(receiver)
    assert database.states() == dict.fromkeys(ids, "sent")
    letters = database.query("SELECT body, payload, source, reason, received_at < now() AS earlier FROM msgstatus.rejected_status "
                             "ORDER BY rejected_id")
    assert [letter["body"] for letter in letters] == bodies * 2
    assert {letter["source"] for letter in letters} == {"meta"}
    assert all(letter["payload"] is None and letter["earlier"] for letter in letters)
    assert all(letter["reason"].startswith("jsonb refuses the body: ") for letter in letters)
    assert receiver.metric("msgstatus_bodies_kept_as_text_total") == 4


def test_one_that_fails_is_passed_over_and_tried_again(database, spooling):
    receiver = spooling()
    bad = new_id()
    database.execute(f"""
        CREATE FUNCTION public.refuse() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF new.message_id = '{bad}' THEN RAISE EXCEPTION 'not this one'; END IF;
            RETURN new;
        END $$;
        CREATE TRIGGER refuse BEFORE INSERT ON msgstatus.message FOR EACH ROW EXECUTE FUNCTION public.refuse();""")
    stop_server(database, receiver)
    first = post_kept(receiver, 20)
    assert_kept(receiver.post("/webhook", one(bad)))
    last = post_kept(receiver, 20)
    database.server.start()
    wait_until(lambda: receiver.metric("msgstatus_spool_bodies") == 1, "all but one to be drained")
    assert database.states() == dict.fromkeys(first + last, "sent")
    live = new_id()
    assert receiver.post("/webhook", one(live)).json["processed"] == 1
    database.execute("DROP TRIGGER refuse ON msgstatus.message")
    wait_drained(receiver)
    assert database.states() == dict.fromkeys([*first, bad, *last, live], "sent")


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


@pytest.mark.parametrize("damage", ["header", "table", "no database"])
def test_a_damaged_file_is_set_aside(database, spooling, tmp_path, damage):
    database.server.stop()
    receiver = spooling(ready=False)
    receiver.wait_for_log("spool open")
    post_kept(receiver, 100)
    receiver.stop()
    path = tmp_path / "spool" / "spool.db"
    content = bytearray(path.read_bytes())
    assert len(content) > 5 * 4096
    if damage == "header":
        content[:16] = b"x" * 16
    elif damage == "table":
        content[4096:] = b"\xff" * (len(content) - 4096)
    else:
        content = b"not a database, and not empty either" * 100
    path.write_bytes(content)
    receiver = spooling(ready=False)
    aside = receiver.wait_for_log("spool set aside")
    assert aside["level"] == "error" and aside["reason"]
    ids = post_kept(receiver, 5)
    database.server.start()
    wait_drained(receiver)
    assert database.states() == dict.fromkeys(ids, "sent")
    with open(aside["kept_as"], "rb") as kept:
        assert kept.read() == bytes(content)
    assert stat.S_IMODE(os.stat(aside["kept_as"]).st_mode) == 0o600


def sqlite(*arguments):
    return subprocess.run(["sqlite3", *map(str, arguments)], capture_output=True, text=True, check=True).stdout


@needs_sqlite
def test_what_can_be_saved_of_a_damaged_file(database, spooling, tmp_path):
    """As docs/operations/receiver.md says."""
    database.server.stop()
    receiver = spooling(ready=False)
    receiver.wait_for_log("spool open")
    ids = post_kept(receiver, 100)
    receiver.stop()
    path = tmp_path / "spool" / "spool.db"
    content = bytearray(path.read_bytes())
    middle = len(content) // 4096 // 2 * 4096
    content[middle:middle + 4096] = b"\xff" * 4096
    path.write_bytes(content)
    aside = spooling(ready=False).wait_for_log("spool set aside")["kept_as"]
    saved = tmp_path / "saved"
    saved.mkdir(mode=0o700)
    page = (ROOT / "docs/operations/receiver.md").read_text(encoding="utf-8")
    (commands,) = re.findall(r"^(sqlite3 spool\.db\.corrupt-TIME .*?)msgstatus-receiver drain", page, flags=re.MULTILINE | re.DOTALL)
    subprocess.run(["bash", "-ec", commands.replace("spool.db.corrupt-TIME", aside)], cwd=tmp_path, check=True,
                   stderr=subprocess.DEVNULL)
    database.server.start()
    done = run("drain", "--spool-dir", str(saved), "--database", database.conninfo)
    assert done.returncode == 0 and done.stdout.endswith("left 0\n"), done
    states = database.states()
    assert 80 < len(states) < 100 and set(states) < set(ids), "all but those of one page"


def test_damage_below_a_running_receiver(database, spooling, tmp_path):
    receiver = spooling()
    stop_server(database, receiver)
    post_kept(receiver, 100)
    for path in (tmp_path / "spool").glob("spool.db*"):
        with open(path, "r+b") as file:
            file.write(b"\xff" * path.stat().st_size)
    database.server.start()
    live = new_id()
    wait_until(lambda: receiver.metric("msgstatus_lanes_connected") > 0, "a lane")
    assert receiver.post("/webhook", one(live)).status == 200
    wait_drained(receiver)
    stop_server(database, receiver)
    wait_until(lambda: receiver.admin("/readyz").status == 200, "the spool to be usable")
    ids = post_kept(receiver, 5)
    database.server.start()
    wait_drained(receiver)
    assert ids == list(database.states(*ids))


def test_a_directory_taken_away_below_a_running_receiver(database, spooling, tmp_path):
    receiver = spooling()
    stop_server(database, receiver)
    for path in (tmp_path / "spool").iterdir():
        path.unlink()
    (tmp_path / "spool").rmdir()
    assert receiver.post("/webhook", one()).status == 503, "what is written to a file without a name is lost"
    assert "taken away" in receiver.wait_for_log("spool not usable")["reason"]
    wait_until(lambda: receiver.admin("/readyz").status == 200, "the spool to be made anew")
    ids = post_kept(receiver, 5)
    database.server.start()
    wait_drained(receiver)
    assert database.states() == dict.fromkeys(ids, "sent")


@pytest.mark.parametrize("fault", ["open to others", "parent missing", "no directory"])
def test_a_directory_that_cannot_be_used(database, spooling, tmp_path, fault):
    directory = tmp_path / "other" / "spool"
    if fault != "parent missing":
        directory.parent.mkdir()
    if fault == "open to others":
        directory.mkdir(mode=0o755)
    elif fault == "no directory":
        directory.touch()
    receiver = spooling(ready=False, directory=directory)
    assert receiver.wait_for_log("spool not usable")["level"] == "error"
    wait_until(lambda: receiver.metric("msgstatus_lanes_connected") > 0, "a lane")
    assert receiver.post("/webhook", one()).json["processed"] == 1, "all else goes on"
    stop_server(database, receiver)
    assert receiver.post("/webhook", one()).status == 503
    assert receiver.admin("/readyz").status == 503
    if fault == "open to others":
        directory.chmod(0o700)
    elif fault == "parent missing":
        directory.parent.mkdir()
    else:
        directory.unlink()
    receiver.wait_for_log("spool open")
    post_kept(receiver)
    database.server.start()
    wait_drained(receiver)


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


def test_a_limit_on_the_size_of_files(database, spooling):
    receiver = spooling()
    stop_server(database, receiver)
    ids = post_kept(receiver, 5)
    hard = resource.prlimit(receiver.process.pid, resource.RLIMIT_FSIZE)[1]
    resource.prlimit(receiver.process.pid, resource.RLIMIT_FSIZE, (100_000, hard))
    ids += post_until_refused(receiver, 10000)
    assert receiver.wait_for_log("spool full")
    resource.prlimit(receiver.process.pid, resource.RLIMIT_FSIZE, (hard, hard))
    ids += post_kept(receiver, 5)
    database.server.start()
    wait_drained(receiver)
    assert database.states() == dict.fromkeys(ids, "sent")


@pytest.fixture
def disk(tmp_path):
    """A file system of 2 MB."""
    point = tmp_path / "disk"
    point.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", point], check=True)
    yield point
    subprocess.run(["umount", "-l", point], check=True)


@needs_root
def test_a_full_disk(database, spooling, disk):
    receiver = spooling(directory=disk / "spool")
    stop_server(database, receiver)
    ids = post_until_refused(receiver, 10000)
    assert receiver.wait_for_log("spool full")
    (disk / "ballast").write_bytes(b"x" * (os.statvfs(disk).f_bavail * os.statvfs(disk).f_bsize))
    assert os.statvfs(disk).f_bavail == 0
    assert receiver.post("/webhook", one()).status == 503
    database.server.start()
    wait_drained(receiver)
    assert database.states() == dict.fromkeys(ids, "sent")
    (disk / "ballast").unlink()
    stop_server(database, receiver)
    post_kept(receiver, 5)
    database.server.start()
    wait_drained(receiver)


@needs_root
def test_a_disk_that_becomes_read_only(database, spooling, disk):
    receiver = spooling(directory=disk / "spool")
    stop_server(database, receiver)
    ids = post_kept(receiver, 5)
    receiver.signal(signal.SIGKILL)
    receiver.wait()
    subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
    receiver = spooling(ready=False, directory=disk / "spool")
    assert "Read-only file system" in receiver.wait_for_log("spool not usable")["reason"]
    assert receiver.post("/webhook", one()).status == 503
    subprocess.run(["mount", "-o", "remount,rw", disk], check=True)
    receiver.wait_for_log("spool open", bodies=5)
    ids += post_kept(receiver, 5)
    database.server.start()
    wait_drained(receiver)
    assert database.states() == dict.fromkeys(ids, "sent")


def test_live_webhooks_while_it_drains(database, spooling):
    receiver = spooling("--lanes", "1")
    stop_server(database, receiver)
    kept, threads, live, slowest = [], [], [], [0.0]

    def fill():
        kept.extend(post_kept(receiver, 750))

    def post_live():
        with Connection(receiver.port) as connection:
            while receiver.metric("msgstatus_spool_bodies") > 0:
                message_id = new_id()
                started = time.monotonic()
                answer = connection.post("/webhook", one(message_id))
                slowest[0] = max(slowest[0], time.monotonic() - started)
                assert answer.json == {"status": "success", "processed": 1}
                live.append(message_id)

    for job in (fill, post_live):
        threads = [threading.Thread(target=job) for _ in range(4)]
        if job is post_live:
            database.server.start()
            wait_until(lambda: receiver.metric("msgstatus_lanes_connected") > 0, "a lane")
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(kept) == 3000
    assert receiver.metric("msgstatus_bodies_drained_total") == 3000
    assert live and slowest[0] < 3, "a live webhook waits for one batch of the spool, not for all"
    assert len(database.states()) == 3000 + len(live)


def test_slow_commits(database, spooling):
    """Where a call takes long however little it brings, the spool does not end up with a call for each webhook."""
    receiver = spooling()
    database.execute("""
        CREATE FUNCTION public.wait() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(0.06); RETURN NULL; END';
        CREATE TRIGGER wait AFTER INSERT ON msgstatus.message FOR EACH STATEMENT EXECUTE FUNCTION public.wait();""")
    stop_server(database, receiver)
    kept = post_kept(receiver, 1000)
    database.server.start()
    wait_drained(receiver)
    assert receiver.metric("msgstatus_batch_size_count") < 50
    assert database.states() == dict.fromkeys(kept, "sent")


@needs_sqlite
def test_what_waits_can_be_looked_at(database, spooling, tmp_path):
    """As docs/operations/receiver.md says, also while a receiver runs."""
    page = (ROOT / "docs/operations/receiver.md").read_text(encoding="utf-8")
    (command,) = re.findall(r'^sqlite3 -readonly -header .*? "(SELECT.*?)"$', page, flags=re.MULTILINE | re.DOTALL)
    receiver = spooling()
    stop_server(database, receiver)
    assert receiver.post("/webhooks/twilio/status", form(twilio_fields(new_id("SM"))), FORM).status == 204
    post_kept(receiver, 3)
    header, *rows = sqlite("-readonly", "-header", tmp_path / "spool" / "spool.db", command).splitlines()
    assert header == "source|webhooks|bytes|oldest"
    assert [row.split("|")[:2] for row in rows] == [["twilio", "1"], ["webhook", "3"]]
    assert all(abs(time.mktime(time.strptime(row.split("|")[3], "%Y-%m-%d %H:%M:%S")) - time.timezone - time.time()) < 100
               for row in rows)
    database.server.start()


def test_drain(database, spooling, tmp_path):
    flags = ["drain", "--spool-dir", str(tmp_path / "spool"), "--database", database.conninfo]
    receiver = spooling()
    stop_server(database, receiver)
    ids = post_kept(receiver, 300)
    refused = run(*flags)
    assert refused.returncode == 1 and "in use by another process" in refused.stderr
    receiver.signal(signal.SIGKILL)
    receiver.wait()
    database.server.start()
    done = run(*flags)
    assert (done.returncode, done.stdout) == (0, "drained 300, left 0\n")
    assert database.states() == dict.fromkeys(ids, "sent")
    done = run(*flags)
    assert (done.returncode, done.stdout) == (0, "drained 0, left 0\n")


def test_drain_tells_what_is_left(database, spooling, tmp_path):
    flags = ["drain", "--spool-dir", str(tmp_path / "spool"), "--database", database.conninfo]
    receiver = spooling()
    stop_server(database, receiver)
    ids = post_kept(receiver, 10)
    receiver.stop()
    with subprocess.Popen([PROGRAM, *flags], env=clean_environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True) as interrupted:
        awaited = {"spool open", "cannot connect"}
        while awaited:  # in either order
            line = next(interrupted.stderr)
            awaited = {event for event in awaited if event not in line}
        interrupted.terminate()
        assert interrupted.communicate(timeout=PATIENCE)[0] == "drained 0, left 10: interrupted\n"
        assert interrupted.returncode == 1
    database.server.start()
    database.execute(f"ALTER TABLE msgstatus.message ADD CONSTRAINT not_this_one CHECK (message_id <> '{ids[4]}')")
    done = run(*flags)
    assert (done.returncode, done.stdout) == (1, "drained 9, left 1: the database refuses what is left\n")
    assert "not_this_one" in done.stderr
    database.execute("ALTER TABLE msgstatus.message DROP CONSTRAINT not_this_one")
    assert run(*flags).returncode == 0
    assert database.states() == dict.fromkeys(ids, "sent")


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
