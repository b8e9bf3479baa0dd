"""One webhook that fails must not harm those that share its call."""

import json
import threading

import pytest

from client import FORM, Connection
from receiver import wait_until
from webhooks import new_id, one


class Posts:
    """Webhooks sent at the same time, each on a connection of its own."""

    def __init__(self, receiver, bodies, content_type="application/json"):
        self.answers = [None] * len(bodies)
        self.threads = [threading.Thread(target=self._post, args=(receiver, i, body, content_type))
                        for i, body in enumerate(bodies)]
        for thread in self.threads:
            thread.start()

    def _post(self, receiver, i, body, content_type):
        self.answers[i] = receiver.post("/webhook", body, {"Content-Type": content_type})

    def wait(self):
        for thread in self.threads:
            thread.join()
        return self.answers


@pytest.fixture
def one_lane(start):
    return start("--allow-unsigned", "--lanes", "1", "--lock-timeout", "60", "--statement-timeout", "60")


def in_one_batch(receiver, database, bodies):
    """Sends all bodies in one call: they collect while the only lane waits for a lock."""
    before = receiver.metric("msgstatus_batch_size_count"), receiver.metric("msgstatus_batch_size_sum")
    with database.hold("LOCK TABLE msgstatus.message;"):
        first = Posts(receiver, [one()])
        wait_until(lambda: receiver.metric("msgstatus_batch_size_count") == before[0] + 1, "the lane to be busy")
        posts = Posts(receiver, bodies)
        wait_until(lambda: receiver.metric("msgstatus_queue_depth") == len(bodies), "the bodies to collect")
    answers = posts.wait()
    assert first.wait()[0].status == 200
    after = receiver.metric("msgstatus_batch_size_count"), receiver.metric("msgstatus_batch_size_sum")
    assert (after[0] - before[0], after[1] - before[1]) == (2, 1 + len(bodies)), "they did not go in one call"
    return answers


POISON = {
    "nul": b'{"statuses": [{"id": "x\\u0000y", "status": "sent"}]}',
    "lone surrogate": b'{"statuses": [{"id": "x\\ud83d", "status": "sent"}]}',
    "huge number": b'{"statuses": [{"id": 1e200000, "status": "sent"}]}',
    "deep nesting": b"[" * 100_000 + b"]" * 100_000,
}


@pytest.mark.parametrize("name", POISON)
@pytest.mark.parametrize("position", [0, 6, 12])
def test_a_poison_body_among_good_ones(one_lane, database, name, position):
    database.execute("DELETE FROM msgstatus.rejected_status")
    ids = [new_id() for _ in range(12)]
    bodies = [one(message_id) for message_id in ids]
    bodies.insert(position, POISON[name])
    answers = in_one_batch(one_lane, database, bodies)
    for i, answer in enumerate(answers):
        assert answer.status == 200
        assert answer.json == ({"status": "partial_success", "processed": 0} if i == position
                               else {"status": "success", "processed": 1})
    assert database.states(*ids) == dict.fromkeys(ids, "sent")
    rows = database.query("SELECT body, payload, reason, source, received_at > now() - interval '1 minute' AS recent "
                          "FROM msgstatus.rejected_status")
    assert len(rows) == 1
    assert rows[0]["body"].encode() == POISON[name]
    assert rows[0]["payload"] is None and rows[0]["source"] == "webhook" and rows[0]["recent"]
    assert "SQLSTATE" in rows[0]["reason"]


def test_looking_for_alerts_holds_up_no_webhook(one_lane, database):
    """The lane looks for them by itself some seconds after its start; a lock that somebody holds must not stop it there."""
    with database.hold("LOCK TABLE msgstatus.message;"):
        wait_until(lambda: database.query("SELECT FROM pg_stat_activity WHERE application_name = 'msgstatus-receiver' "
                                          "AND query LIKE '%alert_counts%'"), "the lane to look for alerts")
        posts = Posts(one_lane, [one()])
        wait_until(lambda: one_lane.metric("msgstatus_batch_size_count") == 1, "the call to be in flight")
    assert posts.wait()[0].status == 200


def test_many_poison_bodies(one_lane, database):
    database.execute("DELETE FROM msgstatus.rejected_status")
    ids = [new_id() for _ in range(10)]
    bodies = [body for message_id in ids for body in (one(message_id), POISON["nul"])]
    answers = in_one_batch(one_lane, database, bodies)
    assert [answer.json["processed"] for answer in answers] == [1, 0] * 10
    assert len(database.states(*ids)) == 10
    assert database.query("SELECT count(*) AS n FROM msgstatus.rejected_status") == [{"n": 10}]


def test_numbers_and_depths_that_jsonb_takes(one_lane, database):
    message_id = new_id()
    body = json.loads(one(message_id))
    text = json.dumps({"large": 0, "deep": 0, **body})
    text = text.replace('"large": 0', '"large": 1e400').replace('"deep": 0', '"deep": ' + "[" * 500 + "]" * 500)
    assert one_lane.post("/webhook", text.encode()).json == {"status": "success", "processed": 1}
    assert database.states(message_id) == {message_id: "sent"}


def test_a_nul_in_a_form_is_kept_as_text(one_lane, database):
    database.execute("DELETE FROM msgstatus.rejected_status")
    answer = one_lane.request("POST", "/webhook", b"MessageSid=SM%00&MessageStatus=sent", FORM)
    assert (answer.status, answer.body) == (204, b"")
    rows = database.query("SELECT body FROM msgstatus.rejected_status")
    assert [json.loads(row["body"]) for row in rows] == [{"MessageSid": "SM\0", "MessageStatus": "sent"}]


def test_a_trigger_that_raises_for_one_message(one_lane, database):
    ids = [new_id() for _ in range(9)]
    database.execute(f"""
        CREATE FUNCTION public.refuse() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN RAISE EXCEPTION 'not this one: % to +14155550100', NEW.message_id; END $$;
        CREATE TRIGGER refuse BEFORE INSERT OR UPDATE ON msgstatus.message FOR EACH ROW
        WHEN (NEW.message_id = '{ids[4]}') EXECUTE FUNCTION public.refuse();""")
    try:
        answers = in_one_batch(one_lane, database, [one(message_id) for message_id in ids])
    finally:
        database.execute("DROP FUNCTION public.refuse CASCADE")
    assert [answer.status for answer in answers] == [200] * 4 + [503] + [200] * 4
    assert answers[4].headers["retry-after"]
    assert answers[4].json["status"] == "error"
    assert database.states(*ids) == {message_id: "sent" for message_id in ids if message_id != ids[4]}
    entry = one_lane.wait_for_log("a call failed", sqlstate="P0001")
    assert "wamid.*" in entry["reason"] and "+14*******00" in entry["reason"]
    assert one_lane.post("/webhook", one(ids[4])).status == 200


def test_a_fault_of_every_webhook_does_not_cost_a_call_for_each(one_lane, database):
    database.execute("""
        CREATE FUNCTION public.refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'none'; END $$;
        CREATE TRIGGER refuse BEFORE INSERT OR UPDATE ON msgstatus.message FOR EACH ROW EXECUTE FUNCTION public.refuse();""")
    try:
        failed = one_lane.metric("msgstatus_batches_failed_total")
        posts = in_one_batch_all_refused(one_lane, database, [one() for _ in range(64)])
        assert {answer.status for answer in posts} == {503}
        assert one_lane.metric("msgstatus_batches_failed_total") - failed < 30
    finally:
        database.execute("DROP FUNCTION public.refuse CASCADE")
    assert one_lane.post("/webhook", one()).status == 200


def in_one_batch_all_refused(receiver, database, bodies):
    with database.hold("LOCK TABLE msgstatus.message;"):
        before = receiver.metric("msgstatus_batch_size_count")
        first = Posts(receiver, [one()])
        wait_until(lambda: receiver.metric("msgstatus_batch_size_count") == before + 1, "the lane to be busy")
        posts = Posts(receiver, bodies)
        wait_until(lambda: receiver.metric("msgstatus_queue_depth") == len(bodies), "the bodies to collect")
    first.wait()
    return posts.wait()


def test_a_message_that_someone_else_has_locked(start, database):
    receiver = start("--allow-unsigned", "--lanes", "1", "--lock-timeout", "0.5")
    ids = [new_id() for _ in range(5)]
    for message_id in ids:
        assert receiver.post("/webhook", one(message_id)).status == 200
    with database.hold(f"SELECT FROM msgstatus.message WHERE message_id = '{ids[2]}' FOR UPDATE;"):
        answers = Posts(receiver, [one(message_id, "read") for message_id in ids]).wait()
    assert [answer.status for answer in answers] == [200, 200, 503, 200, 200]
    assert receiver.post("/webhook", one(ids[2], "read")).status == 200
    assert set(database.states(*ids).values()) == {"read"}


def test_200_means_committed(one_lane, database):
    message_id = new_id()
    with database.hold("LOCK TABLE msgstatus.message;") as held:
        with Connection(one_lane.port) as connection:
            connection.socket.settimeout(0.3)
            with pytest.raises(TimeoutError):
                connection.post("/webhook", one(message_id))
            held.release()
            connection.socket.settimeout(30)
            assert connection.read_response().status == 200
            assert database.states(message_id) == {message_id: "sent"}


def test_the_queue_is_bounded(start, database):
    receiver = start("--allow-unsigned", "--lanes", "1", "--queue-max", "3", "--lock-timeout", "60", "--statement-timeout", "60")
    with database.hold("LOCK TABLE msgstatus.message;"):
        first = Posts(receiver, [one()])
        wait_until(lambda: receiver.metric("msgstatus_batch_size_count") == 1, "the lane to be busy")
        waiting = Posts(receiver, [one() for _ in range(3)])
        wait_until(lambda: receiver.metric("msgstatus_queue_depth") == 3, "the queue to fill")
        answer = receiver.post("/webhook", one())
        assert answer.status == 503 and answer.headers["retry-after"]
    assert [answer.status for answer in first.wait() + waiting.wait()] == [200] * 4


def test_the_bytes_in_memory_are_bounded(start, database):
    receiver = start("--allow-unsigned", "--lanes", "1", "--body-limit", "5000", "--buffer-max-bytes", "5000",
                     "--lock-timeout", "60", "--statement-timeout", "60")
    body = b'{"statuses": []' + b" " * 3000 + b"}"
    with database.hold("LOCK TABLE msgstatus.message;"):
        first = Posts(receiver, [one()])
        wait_until(lambda: receiver.metric("msgstatus_batch_size_count") == 1, "the lane to be busy")
        waiting = Posts(receiver, [body])
        wait_until(lambda: receiver.metric("msgstatus_queue_depth") == 1, "a body to wait")
        answer = receiver.post("/webhook", body)
        assert answer.status == 503 and answer.headers["retry-after"]
    assert [answer.status for answer in first.wait() + waiting.wait()] == [200] * 2
    assert receiver.post("/webhook", body).status == 200
    assert receiver.metric("msgstatus_buffer_bytes") == 0


def test_batches_are_bounded_by_count_and_bytes(start, database):
    receiver = start("--allow-unsigned", "--lanes", "1", "--batch-max", "4", "--lock-timeout", "60", "--statement-timeout", "60")
    with database.hold("LOCK TABLE msgstatus.message;"):
        first = Posts(receiver, [one()])
        wait_until(lambda: receiver.metric("msgstatus_batch_size_count") == 1, "the lane to be busy")
        waiting = Posts(receiver, [one() for _ in range(10)])
        wait_until(lambda: receiver.metric("msgstatus_queue_depth") == 10, "the bodies to collect")
    assert [answer.status for answer in first.wait() + waiting.wait()] == [200] * 11
    assert receiver.metric("msgstatus_batch_size_count") == 1 + 3
