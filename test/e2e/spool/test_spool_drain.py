"""Webhooks on disk are brought to the database when it is back: each once, in bounded calls, beside live ones."""

import json
import sqlite3
import threading
import time

from client import Connection
from receiver import wait_until
from steps import assert_kept, post_kept, stop_server, wait_drained
from webhooks import new_id, one


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
    """If every call is slow, whatever its size, the spool must still not make a call for each webhook."""
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
