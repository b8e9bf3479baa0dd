"""SIGTERM: every accepted request is answered, then the program ends with 0."""

import signal
import threading

import pytest

from client import Connection, raw_post
from receiver import wait_until
from webhooks import new_id, one


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_under_load(start, database, number):
    receiver = start("--allow-unsigned")
    answered, unanswered, wrong = set(), set(), []

    def client():
        try:
            with Connection(receiver.port) as connection:
                while True:
                    message_id = new_id()
                    unanswered.add(message_id)
                    answer = connection.post("/webhook", one(message_id))
                    if answer is None:
                        return  # closed before this request was read
                    if answer.status != 200:
                        wrong.append(answer)
                    unanswered.discard(message_id)
                    answered.add(message_id)
                    if answer.headers.get("connection") == "close":
                        assert connection.read_response() is None
                        return
        except ConnectionError:
            return

    threads = [threading.Thread(target=client) for _ in range(8)]
    for thread in threads:
        thread.start()
    wait_until(lambda: len(answered) > 300, "load")
    receiver.signal(number)
    assert receiver.wait() == 0
    for thread in threads:
        thread.join()
    assert not wrong
    stored = set(database.states())
    assert answered <= stored, "answered and not stored"
    assert not unanswered & stored, "stored and not answered"
    assert receiver.events("draining") and receiver.events("stopped")


def test_requests_in_flight_are_waited_for(start, database):
    receiver = start("--allow-unsigned", "--lock-timeout", "60", "--statement-timeout", "60")
    ids = [new_id() for _ in range(6)]
    with database.hold("LOCK TABLE msgstatus.message;") as held:
        with Connection(receiver.port) as one_request, Connection(receiver.port) as pipelined, \
                Connection(receiver.port) as half, Connection(receiver.port) as idle:
            one_request.send(raw_post("/webhook", one(ids[0])))
            # One at a time is under way; the others, which came before the signal, are served after it.
            pipelined.send(b"".join(raw_post("/webhook", one(message_id)) for message_id in ids[1:5]))
            rest = raw_post("/webhook", one(ids[5]))
            half.send(rest[:100])
            wait_until(lambda: receiver.metric("msgstatus_connections") == 4, "connections")
            wait_until(lambda: receiver.metric("msgstatus_queue_depth") +
                       receiver.metric("msgstatus_batch_size_sum") == 2, "requests")
            receiver.signal()
            receiver.wait_for_log("draining")
            assert receiver.admin("/readyz").status == 503
            assert idle.read_response() is None, "an idle connection is closed"
            with pytest.raises(ConnectionError):
                Connection(receiver.port)
            half.send(rest[100:])
            held.release()
            answer = one_request.read_response()
            assert (answer.status, answer.headers["connection"]) == (200, "close")
            answers = [pipelined.read_response() for _ in range(4)]
            assert [answer.status for answer in answers] == [200] * 4
            assert [answer.headers.get("connection") for answer in answers] == [None, None, None, "close"]
            assert half.read_response().status == 200
    assert receiver.wait() == 0
    assert len(database.states(*ids)) == 6


@pytest.mark.parametrize("how", ["timeout", "second signal"])
def test_the_wait_is_bounded(start, database, how):
    receiver = start("--allow-unsigned", "--lock-timeout", "60", "--statement-timeout", "60",
                     "--drain-timeout", "0.5" if how == "timeout" else "600")
    with database.hold("LOCK TABLE msgstatus.message;"):
        with Connection(receiver.port) as connection:
            connection.send(raw_post("/webhook", one()))
            wait_until(lambda: receiver.metric("msgstatus_batch_size_count") == 1, "the call to be in flight")
            receiver.signal()
            receiver.wait_for_log("draining")
            if how == "second signal":
                receiver.signal()
            answer = connection.read_response()
            assert answer.status == 503 and answer.headers["retry-after"]
            assert receiver.wait() == 0
    assert receiver.events("drain cut short")
