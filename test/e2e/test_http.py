"""HTTP itself: routes, methods, types, limits, keep-alive, pipelining."""

import json
import threading
import time

import pytest

from client import FORM, Connection, form, raw_post
from receiver import wait_until
from webhooks import meta, meta_status, new_id, one, twilio_fields


def assert_error(answer, status):
    assert answer is not None and answer.status == status, answer
    assert answer.headers["content-type"] == "application/json"
    assert answer.json["status"] == "error" and answer.json["message"]


@pytest.mark.parametrize("target", ["/", "/webhook/", "/webhooks", "/webhooks/", "/webhooks/twilio", "/healthz", "/readyz",
                                    "/metrics", "/webhooks/meta/../meta", "*"])
def test_404(open_receiver, target):
    assert_error(open_receiver.post(target, {}), 404)
    with Connection(open_receiver.port) as connection:
        connection.send(f"GET {target} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
        assert_error(connection.read_response(), 404)


@pytest.mark.parametrize("target, allow", [("/webhook", "GET, HEAD, POST"), ("/webhooks/meta", "GET, HEAD, POST"),
                                           ("/webhooks/aisensy", "POST"), ("/webhooks/twilio/status", "GET, POST")])
def test_405(open_receiver, target, allow):
    for method in ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"] + ([] if "GET" in allow else ["GET"]):
        answer = open_receiver.request(method, target)
        assert_error(answer, 405)
        assert answer.headers["allow"] == allow


def test_415(open_receiver):
    for content_type in ("text/plain", "application/xml", "multipart/form-data; boundary=x", "application/json; charset=latin1"):
        for target in ("/webhook", "/webhooks/meta", "/webhooks/aisensy", "/webhooks/twilio/status"):
            assert_error(open_receiver.post(target, b"{}", {"Content-Type": content_type}), 415)
    for target in ("/webhooks/meta", "/webhooks/aisensy"):
        assert_error(open_receiver.request("POST", target, b"MessageSid=SM1", FORM), 415)
    assert_error(open_receiver.post("/webhook", b"{}", {"Content-Encoding": "gzip"}), 415)


@pytest.mark.parametrize("method, target, headers, status, reason", [
    ("POST", "/webhooks/metta", {}, 404, "no such route"),
    ("PUT", "/webhooks/meta", {}, 405, "method not allowed"),
    ("POST", "/webhooks/meta", {"Content-Type": "text/plain"}, 415, "Content-Type"),
    ("POST", "/webhooks/meta", {"Content-Type": "application/json", "Content-Encoding": "gzip"}, 415, "Content-Encoding"),
])
def test_refusals_are_logged(open_receiver, method, target, headers, status, reason):
    """At `info`, with what was answered, and at most one a second, so a request may have to be repeated."""
    def logged():
        answer = open_receiver.request(method, target, b"{}", headers)
        assert answer.status == status and reason in answer.json["message"]
        return [entry for entry in open_receiver.events("request refused", level="info", status=status) if reason in entry["answer"]]
    known, began = len(open_receiver.events("request refused")), time.monotonic()
    entry = wait_until(logged, "the refusal in the log")[0]
    assert entry["route"] == ("other" if status == 404 else target)
    # One more each: an entry that was not read yet, and one at the beginning.
    assert len(open_receiver.events("request refused")) - known <= 2 + time.monotonic() - began


def test_json_of_any_name_and_none(open_receiver):
    for content_type in ("application/json", "APPLICATION/JSON;charset=UTF-8", "application/vnd.x+json"):
        assert open_receiver.post("/webhook", one(), {"Content-Type": content_type}).status == 200
    with Connection(open_receiver.port) as connection:
        body = one()
        connection.send(b"POST /webhook HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
        assert connection.read_response().status == 200


def test_400_bodies(open_receiver):
    for body in (b"", b" ", b"{", b"{]", b"nothing", b"{} {}", b"{}\x00", b'"\xff"', b'{"a": tru}', b"[1,]", b"\xef\xbb\xbf{}"):
        assert_error(open_receiver.post("/webhook", body), 400)
    for body in (b"", b"&", b"a=%", b"a=%zz", b"a=%ff", b"a=\xff", b"&".join([b"a=1"] * 501)):
        assert_error(open_receiver.request("POST", "/webhook", body, FORM), 400)


@pytest.mark.parametrize("head", [
    b"POST /webhook\r\n\r\n",
    b"NONSENSE\r\n\r\n",
    b"POST /webhook HTTP/1.1\r\n\r\n",
    b"POST /webhook HTTP/1.1\r\nHost: a\r\nHost: b\r\nContent-Length: 2\r\n\r\n{}",
    b"POST /webhook HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n{}",
    b"POST /webhook HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n{}",
    b"POST /webhook HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
    b"POST /webhook HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{}",
    b"POST /webhook HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nz\r\n{}\r\n0\r\n\r\n",
    b"POST /webhook HTTP/1.1\r\nHost: a\r\nBad Name: x\r\n\r\n",
    b"POST /webhook HTTP/1.1\nHost: a\n\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",  # a TLS hello
])
def test_400_requests_end_the_connection(open_receiver, head):
    with Connection(open_receiver.port) as connection:
        connection.send(head)
        connection.socket.shutdown(1)
        answer = connection.read_response()
        if answer is not None:  # some of these are only the beginning of a request
            assert answer.status in (400, 505), answer
            assert answer.headers.get("connection") == "close" or answer.status == 400
        assert connection.read_response() is None


def test_http_versions(open_receiver):
    with Connection(open_receiver.port) as connection:
        connection.send(b"GET /webhook HTTP/2.0\r\nHost: a\r\n\r\n")
        assert_error(connection.read_response(), 505)
    body = one()
    with Connection(open_receiver.port) as connection:
        connection.send(b"POST /webhook HTTP/1.0\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
        answer = connection.read_response()
        assert (answer.status, answer.headers["connection"]) == (200, "close")
        assert connection.read_response() is None
    with Connection(open_receiver.port) as connection:
        for _ in range(2):
            connection.send(b"POST /webhook HTTP/1.0\r\nConnection: keep-alive\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
            answer = connection.read_response()
            assert (answer.status, answer.headers["connection"]) == (200, "keep-alive")


def test_absolute_target_and_empty_lines_before_a_request(open_receiver):
    with Connection(open_receiver.port) as connection:
        connection.send(b"\r\n\r\n" + raw_post("http://hooks.example.org/webhook?x", one()))
        assert connection.read_response().status == 200
        connection.send(raw_post("http://hooks.example.org", one()))
        assert_error(connection.read_response(), 404)


def test_headers_of_an_answer(open_receiver):
    answer = open_receiver.post("/webhook", one())
    assert answer.headers["date"].endswith(" GMT")
    assert "server" not in answer.headers
    assert "connection" not in answer.headers


def test_413(start):
    receiver = start("--allow-unsigned", "--body-limit", "1000")
    inside = json.dumps({"pad": "x" * 989}).encode()
    assert len(inside) == 1000
    assert receiver.post("/webhook", inside).status == 200
    assert_error(receiver.post("/webhook", inside + b" "), 413)
    with Connection(receiver.port) as connection:
        connection.send(b"POST /webhook HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999\r\nExpect: 100-continue\r\n\r\n")
        assert_error(connection.read_response(), 413)
        assert connection.read_response() is None
    with Connection(receiver.port) as connection:
        connection.send(b"POST /webhook HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1f4\r\n" + b" " * 500 + b"\r\n")
        connection.send(b"1f5\r\n" + b" " * 501 + b"\r\n0\r\n\r\n")
        assert_error(connection.read_response(), 413)
        assert connection.read_response() is None
    assert_error(receiver.post("/nowhere", inside + b" "), 404)


def test_413_reaches_a_client_that_is_still_sending(start):
    receiver = start("--allow-unsigned", "--body-limit", "1000")
    with Connection(receiver.port) as connection:
        connection.send(b"POST /webhook HTTP/1.1\r\nHost: a\r\nContent-Length: 3000000\r\n\r\n")
        connection.send(b" " * 3_000_000)
        assert_error(connection.read_response(), 413)


def test_431(open_receiver):
    with Connection(open_receiver.port) as connection:
        connection.send(b"POST /webhook HTTP/1.1\r\nHost: a\r\nX-Long: " + b"x" * 20000 + b"\r\n\r\n")
        assert_error(connection.read_response(), 431)


def test_431_for_a_head_of_many_short_lines(open_receiver):
    lines = b"".join(b"X-Line-%d: %s\r\n" % (number, b"x" * 80) for number in range(200))  # more than one read takes
    with Connection(open_receiver.port) as connection:
        connection.send(b"POST /webhook HTTP/1.1\r\nHost: a\r\n" + lines + b"Content-Length: 2\r\n\r\n{}")
        assert_error(connection.read_response(), 431)


def test_408(start):
    receiver = start("--allow-unsigned", "--header-timeout", "0.3", "--body-timeout", "0.3", "--idle-timeout", "0.3")
    for beginning in (b"POST /webh", b"POST /webhook HTTP/1.1\r\nHost: a\r\n",
                      b"POST /webhook HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n{"):
        with Connection(receiver.port) as connection:
            connection.send(beginning)
            answer = connection.read_response()
            assert_error(answer, 408)
            assert answer.headers["connection"] == "close"
            assert connection.read_response() is None
    with Connection(receiver.port) as connection:
        assert connection.read_response() is None, "an idle connection is closed without a word"
    with Connection(receiver.port) as connection:
        assert connection.post("/webhook", one()).status == 200
        assert connection.read_response() is None


def test_expect_100_continue(open_receiver):
    body = one()
    with Connection(open_receiver.port) as connection:
        for _ in range(2):
            connection.send(b"POST /webhook HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: %d\r\n\r\n" % len(body))
            assert connection.read_response().status == 100
            connection.send(body)
            assert connection.read_response().status == 200
        connection.send(b"POST /nowhere HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n")
        assert_error(connection.read_response(), 404)
        assert connection.read_response() is None
    with Connection(open_receiver.port) as connection:
        connection.send(b"POST /webhook HTTP/1.1\r\nHost: a\r\nExpect: the-impossible\r\nContent-Length: 2\r\n\r\n{}")
        assert_error(connection.read_response(), 417)


def test_keep_alive(open_receiver, database):
    ids = [new_id() for _ in range(50)]
    with Connection(open_receiver.port) as connection:
        for message_id in ids:
            assert connection.post("/webhook", one(message_id)).json == {"status": "success", "processed": 1}
        assert_error(connection.post("/nowhere", {"refused": "yet its body is read over"}), 404)
        assert_error(connection.post("/webhook", b"{"), 400)
        assert connection.post("/webhook", one(), {"Connection": "close"}).headers["connection"] == "close"
        assert connection.read_response() is None
    assert len(database.states(*ids)) == 50


def test_pipelined_requests_are_answered_in_order(open_receiver, database):
    # The number of statuses distinguishes the answers; refusals, which need no database, must wait their turn.
    ids, data, expected = [], b"", []
    for i in range(100):
        if i % 10 == 3:
            data += raw_post("/nowhere", {})
            expected.append(404)
        elif i % 10 == 7:
            data += raw_post("/webhook", form(twilio_fields(new_id("SM"))), content_type=FORM["Content-Type"])
            expected.append(204)
        else:
            more = [new_id() for _ in range(i % 5)]
            ids += more
            data += raw_post("/webhook", meta(*map(meta_status, more)))
            expected.append(i % 5)
    with Connection(open_receiver.port) as connection:
        sender = threading.Thread(target=connection.send, args=(data,))
        sender.start()
        answers = [connection.read_response() for _ in expected]
        sender.join()
    assert [answer.json["processed"] if answer.status == 200 else answer.status for answer in answers] == expected
    assert len(database.states(*ids)) == len(ids)


def test_pipelined_refusals(open_receiver):
    # More of them than the receiver takes at a time, and nothing from outside to wake it up again.
    with Connection(open_receiver.port) as connection:
        connection.send(raw_post("/webhook", b"{") * 300)
        assert [connection.read_response().status for _ in range(300)] == [400] * 300


def test_requests_in_pieces(open_receiver, database):
    message_id = new_id()
    data = raw_post("/webhook", one(message_id))
    with Connection(open_receiver.port) as connection:
        for byte in data:
            connection.send(bytes([byte]))
        assert connection.read_response().status == 200
    assert database.states(message_id) == {message_id: "sent"}


def test_chunked_bodies(open_receiver, database):
    message_id = new_id()
    body = one(message_id)
    chunks = b"".join(b"%x;extension=1\r\n%b\r\n" % (len(body[i:i + 50]), body[i:i + 50]) for i in range(0, len(body), 50))
    with Connection(open_receiver.port) as connection:
        for _ in range(2):
            connection.send(b"POST /webhook HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks +
                            b"0\r\nX-Hub-Signature-256: a trailer counts for nothing\r\n\r\n")
            assert connection.read_response().status == 200
    assert database.states(message_id) == {message_id: "sent"}


def test_a_client_that_closes_its_half_is_answered(open_receiver):
    with Connection(open_receiver.port) as connection:
        connection.send(raw_post("/webhook", one()) + raw_post("/webhook", one()))
        connection.socket.shutdown(1)
        assert [connection.read_response().status for _ in range(2)] == [200, 200]
        assert connection.read_response() is None


def test_clients_that_go_away(open_receiver, database):
    message_id = new_id()
    for _ in range(20):
        with Connection(open_receiver.port) as connection:
            connection.send(raw_post("/webhook", one(message_id)))
        with Connection(open_receiver.port) as connection:
            connection.send(raw_post("/webhook", one(message_id))[:-5])
    wait_until(lambda: database.states(message_id), "the webhook of a client that did not wait")
    wait_until(lambda: open_receiver.metric("msgstatus_connections") == 0, "connections to end")
    assert open_receiver.metric("msgstatus_buffer_bytes") == 0


def test_eight_parallel_clients(open_receiver, database):
    states = ["sent", "delivered", "read"]
    shared = [new_id() for _ in range(30)]
    failures = []

    def client(number):
        with Connection(open_receiver.port) as connection:
            for i in range(90):
                message_id = shared[(i * 7 + number) % len(shared)]
                answer = connection.post("/webhook", one(message_id, states[(i // 30 + number) % 3]))
                if answer.status != 200 or answer.json["processed"] != 1:
                    failures.append(answer)

    threads = [threading.Thread(target=client, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert database.states(*shared) == dict.fromkeys(shared, "read")
    listed = ", ".join(f"'{message_id}'" for message_id in shared)
    events = database.query(f"SELECT count(*) AS n FROM msgstatus.status_event WHERE message_id IN ({listed})")
    assert events == [{"n": 90}], "8 x 90 webhooks tell 90 facts"


def test_connection_limit(start):
    """Beyond it the connection that has waited longest without a request is closed."""
    receiver = start("--allow-unsigned", "--max-connections", "2")
    with Connection(receiver.port) as first, Connection(receiver.port) as second:
        assert first.post("/webhook", one()).status == 200
        assert second.post("/webhook", one()).status == 200
        assert first.post("/webhook", one()).status == 200
        with Connection(receiver.port) as third:
            assert third.post("/webhook", one()).status == 200
            assert second.read_response() is None
            assert first.post("/webhook", one()).status == 200
    assert receiver.metric("msgstatus_connections_evicted_total") == 1


def test_who_is_being_served_is_not_closed_for_others(start, database):
    receiver = start("--allow-unsigned", "--max-connections", "1", "--lock-timeout", "60", "--statement-timeout", "60")
    with database.hold("LOCK TABLE msgstatus.message;") as held, Connection(receiver.port) as first:
        first.send(raw_post("/webhook", one()))
        wait_until(lambda: receiver.metric("msgstatus_batch_size_count") == 1, "the call to be in flight")
        with Connection(receiver.port) as second:
            second.send(raw_post("/webhook", one()))
            second.socket.settimeout(0.3)
            with pytest.raises(TimeoutError):
                second.read_response()
            held.release()
            assert first.read_response().status == 200
            second.socket.settimeout(30)
            assert second.read_response().status == 200


def test_a_client_that_does_not_read_its_answers(start):
    receiver = start("--allow-unsigned", "--body-timeout", "1")
    request = raw_post("/nowhere", {})
    with Connection(receiver.port) as connection:
        connection.socket.settimeout(20)
        with pytest.raises(OSError):  # the receiver stops reading, then gives up on the client
            while True:
                connection.send(request * 1000)
    assert receiver.post("/webhook", one()).status == 200
