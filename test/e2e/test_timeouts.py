"""Clients that are slow on purpose, or gone, and a database that is."""

import time

import pytest

from client import Connection, raw_post
from receiver import wait_until
from webhooks import new_id, one


def trickle(connection, data, pause=0.05):
    """Sends byte by byte until the receiver answers or closes, and returns whether it did."""
    connection.socket.settimeout(pause)
    try:
        for byte in data:
            connection.send(bytes([byte]))
            try:
                connection.buffer += connection.socket.recv(65536)
                return True
            except TimeoutError:
                pass
    finally:
        connection.socket.settimeout(30)
    return False


@pytest.mark.parametrize("part", ["header", "body"])
def test_a_byte_now_and_then_is_not_enough(start, part):
    receiver = start("--allow-unsigned", "--header-timeout", "0.6" if part == "header" else "600",
                     "--body-timeout", "0.6" if part == "body" else "600", "--idle-timeout", "600")
    data = raw_post("/webhook", b" " * 1000)
    with Connection(receiver.port) as connection:
        if part == "body":
            connection.send(data[:-1000])
            data = data[-1000:]
        assert trickle(connection, data)
        answer = connection.read_response()
        assert answer.status == 408 and answer.headers["connection"] == "close"
        assert connection.read_response() is None
    wait_until(lambda: receiver.metric("msgstatus_connections") == 0, "the connection to end")
    assert receiver.metric("msgstatus_buffer_bytes") == 0


def test_empty_lines_keep_no_connection_open(start):
    receiver = start("--allow-unsigned", "--idle-timeout", "0.6")
    with Connection(receiver.port) as connection:
        assert trickle(connection, b"\r\n" * 5000)
        assert connection.read_response() is None


def test_slow_clients_do_not_hold_up_others(start):
    receiver = start("--allow-unsigned")
    slow = [Connection(receiver.port) for _ in range(200)]
    for number, connection in enumerate(slow):
        connection.send(raw_post("/webhook", one())[:number])
    wait_until(lambda: receiver.metric("msgstatus_connections") == 200, "connections")
    started = time.monotonic()
    with Connection(receiver.port) as connection:
        assert [connection.post("/webhook", one()).status for _ in range(50)] == [200] * 50
    assert time.monotonic() - started < 10
    for connection in slow:
        connection.close()
    wait_until(lambda: receiver.metric("msgstatus_connections") == 0, "connections to end")


def test_a_client_that_is_gone_without_a_word(start):
    # As a client behind a broken line: it neither reads, nor sends, nor closes.
    receiver = start("--allow-unsigned", "--idle-timeout", "0.5", "--body-timeout", "0.5", "--header-timeout", "0.5")
    with Connection(receiver.port) as silent, Connection(receiver.port) as answered, Connection(receiver.port) as half:
        answered.send(raw_post("/webhook", one()))
        half.send(raw_post("/webhook", one())[:100])
        wait_until(lambda: receiver.metric("msgstatus_bodies_committed_total") == 1, "the webhook")
        wait_until(lambda: receiver.metric("msgstatus_connections") == 0, "connections to end")
        assert silent.read_response() is None


def test_an_answer_is_not_waited_for_forever(start, database):
    receiver = start("--allow-unsigned", "--request-timeout", "0.5", "--lock-timeout", "60", "--statement-timeout", "60")
    ids = [new_id() for _ in range(3)]
    with Connection(receiver.port) as connection:
        with database.hold("LOCK TABLE msgstatus.message;") as held:
            connection.send(b"".join(raw_post("/webhook", one(message_id)) for message_id in ids[:2]))
            for _ in range(2):
                answer = connection.read_response()
                assert answer.status == 503 and answer.headers["retry-after"] == "5"
            held.release()
        wait_until(lambda: len(database.states(*ids)) == 2, "what was accepted is committed, although it took too long")
        assert connection.post("/webhook", one(ids[2])).status == 200, "the connection goes on, answer for answer"
        assert connection.post("/nowhere", b"{}").status == 404
    assert len(database.states(*ids)) == 3
