"""Each request has an id, which its answer and its log lines carry."""

import re

import pytest

from client import Connection, raw_post
from receiver import Receiver, wait_until
from webhooks import one

MADE = re.compile(r"[0-9a-f]{16}")


@pytest.fixture(scope="module")
def proxied(database):
    """A receiver that trusts every peer on this machine."""
    with Receiver(database.conninfo, "--allow-unsigned", "--trusted-proxy", "127.0.0.1") as receiver:
        yield receiver.wait_ready()
        receiver.stop()


def test_every_answer_has_one_of_its_own(open_receiver):
    answers = [open_receiver.post("/webhook", one()), open_receiver.post("/webhook", b"{"),
               open_receiver.request("GET", "/nowhere"), open_receiver.request("PUT", "/webhook"),
               open_receiver.admin("/healthz")]
    with Connection(open_receiver.port) as connection:
        connection.send(raw_post("/webhook", one()) + raw_post("/webhook", one()) + b"nonsense\r\n\r\n")
        answers += [connection.read_response() for _ in range(3)]
    assert [answer.status for answer in answers] == [200, 400, 404, 405, 200, 200, 200, 400]
    ids = [answer.headers["x-request-id"] for answer in answers]
    assert all(MADE.fullmatch(request_id) for request_id in ids), ids
    assert len(set(ids)) == len(ids)


def test_the_log_has_it_with_what_was_answered(open_receiver):
    answer = open_receiver.post("/webhooks/meta", b"{")
    (entry,) = wait_until(lambda: open_receiver.events("answered", request_id=answer.headers["x-request-id"]), "the log")
    assert (entry["route"], entry["status"], entry["level"]) == ("/webhooks/meta", 400, "debug")
    assert 0 <= entry["ms"] < 30000


def test_a_refused_signature_is_logged_with_it(signed_receiver):
    def refused():
        # A flood of the same event is cut to one a second, so the first try may not be logged.
        request_id = signed_receiver.post("/webhooks/meta", one(), {"X-Hub-Signature-256": "sha256=00"}).headers["x-request-id"]
        return signed_receiver.events("signature refused", request_id=request_id, provider="meta")
    wait_until(refused, "an entry with the id of a refused request")


def test_a_failed_call_is_logged_with_it(database, start):
    receiver = start("--allow-unsigned", "--lock-timeout", "0.1")
    message_id = "held"
    assert receiver.post("/webhook", one(message_id)).status == 200
    with database.hold("SELECT FROM msgstatus.message WHERE message_id = 'held' FOR UPDATE;"):
        answer = receiver.post("/webhook", one(message_id, "read"))
        assert answer.status == 503
        assert receiver.wait_for_log("a call failed", request_id=answer.headers["x-request-id"])["bodies"] == 1


@pytest.mark.parametrize("request_id", ["3f2a9c", "8a1c7e9e-6f0b-4f0e-9d6c-2f6f5d1f7a11", "A_b.c-9", "x" * 64])
def test_the_id_of_a_trusted_proxy_is_taken(proxied, request_id):
    answer = proxied.post("/webhooks/meta", b"{", {"X-Request-Id": request_id})
    assert (answer.status, answer.headers["x-request-id"]) == (400, request_id)
    assert wait_until(lambda: proxied.events("answered", request_id=request_id), "the log")


@pytest.mark.parametrize("request_id", ["", "x" * 65, "two words", 'a"b', "a=b", "\u00fc", "a;b"])
def test_an_id_that_is_not_fit_for_the_log_is_not_taken(proxied, request_id):
    answer = proxied.post("/webhook", one(), {"X-Request-Id": request_id.encode("latin-1")})
    assert answer.status == 200
    assert MADE.fullmatch(answer.headers["x-request-id"])


def test_the_next_request_of_a_connection_has_an_id_of_its_own(proxied):
    with Connection(proxied.port) as connection:
        assert connection.post("/webhook", one(), {"X-Request-Id": "first"}).headers["x-request-id"] == "first"
        assert MADE.fullmatch(connection.post("/webhook", one()).headers["x-request-id"])


@pytest.mark.parametrize("request_id", ["from-anyone", "a b", "x" * 200])
def test_an_id_from_anyone_is_not_taken(open_receiver, request_id):
    answer = open_receiver.post("/webhook", one(), {"X-Request-Id": request_id})
    assert answer.status == 200
    assert MADE.fullmatch(answer.headers["x-request-id"])
