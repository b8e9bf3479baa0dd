"""What is asked, by whom the browser says, and what all answers have."""

import gzip
import http.client
import json
import os
import socket
import threading
import time

import pytest

from client import Connection, request
from console import SECURE_COOKIE, cookie, token_of
from receiver import wait_until

PAGES = ("/", "/sign-in", "/messages", "/messages/wamid.1%2B2%3D", "/campaigns", "/rejected", "/alerts", "/attached", "/health", "/whatsapp_logs")
SECURITY = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}


@pytest.fixture(scope="module")
def otto(console):
    return console.token("otto")


def is_secured(answer):
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; ") and "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy and "*" not in policy and "http" not in policy
    assert {name: answer.headers.get(name) for name in SECURITY} == SECURITY
    return True


def test_every_page_is_the_page(console):
    answers = [console.get(path) for path in PAGES]
    assert {(answer.status, answer.headers["content-type"]) for answer in answers} == {(200, "text/html; charset=utf-8")}
    assert len({answer.body for answer in answers}) == 1
    assert answers[0].body.lower().startswith(b"<!doctype html>")


def test_all_answers_have_the_headers(console, otto):
    targets = [*PAGES, "/assets/chart.js", "/assets/nothing.js", "/nothing", "/api/session", "/api/messages", "/api/messages/unknown",
               "/api/messages/wamid.1", "/api/stats", "/api/messages.csv", "/api/messages?recipient=1", "/api/refresh", "/%00", "/api/campaigns"]
    for target in targets:
        for token in (None, otto):
            assert is_secured(console.get(target, token)), target
    for answer in (console.post("/api/login", b"{"), console.post("/api/logout", {}), console.post("/api/refresh", {}, headers={"Origin": "https://evil.example"}),
                   request(console.port, "GET", "/", headers={"Host": "evil.example"}), request(console.port, "BREW", "/"),
                   console.post("/api/login", b"x" * 300000)):
        assert answer.status >= 200 and is_secured(answer)
    with Connection(console.port) as connection:
        connection.send(b"GET / HTTP/1.1\nHost: localhost\n\n")
        assert is_secured(connection.read_response())


def test_data_is_not_stored(console, otto):
    for target in ("/api/session", "/api/messages", "/api/messages/unknown", "/api/messages.csv", "/api/stats", "/nothing"):
        assert console.get(target, otto).headers["cache-control"] == "no-store", target


@pytest.mark.parametrize("path", ["/", "/assets/chart.js"])
def test_files_are_kept_until_they_change(console, path):
    plain = console.get(path)
    assert plain.headers["cache-control"] == "no-cache" and "content-encoding" not in plain.headers
    packed = console.get(path, headers={"Accept-Encoding": "gzip, deflate, br"})
    assert packed.headers["content-encoding"] == "gzip" and packed.headers["vary"] == "Accept-Encoding"
    assert gzip.decompress(packed.body) == plain.body
    assert packed.headers["etag"] != plain.headers["etag"]
    for answer, accepted in ((plain, ""), (packed, "gzip")):
        again = console.get(path, headers={"If-None-Match": 'W/"x", ' + answer.headers["etag"], "Accept-Encoding": accepted})
        assert (again.status, again.body) == (304, b"")
    assert console.get(path, headers={"If-None-Match": '"other"'}).status == 200
    head = request(console.port, "HEAD", path)
    assert (head.status, head.body, int(head.headers["content-length"])) == (200, b"", len(plain.body))


@pytest.mark.parametrize("path", ["/assets/", "/assets/../settings.cpp", "/assets/%2e%2e/settings.cpp", "/assets//etc/passwd", "/assets/chart.js/x",
                                  "/api", "/api/", "/messages/a/b", "/api/messages/a/b", "/API/messages", "//", "/sign-in/", "/.env"])
def test_there_is_nothing_else(console, otto, path):
    assert console.get(path, otto).status == 404


def test_methods(console, otto):
    answer = request(console.port, "DELETE", "/api/messages/wamid.1", headers=cookie(otto))
    assert (answer.status, answer.headers["allow"]) == (405, "GET")
    assert console.get("/api/refresh", otto).headers["allow"] == "POST"
    assert console.post("/messages", {}, otto).status == 405
    assert request(console.port, "HEAD", "/api/messages", headers=cookie(otto)).status == 405


@pytest.mark.parametrize("query, parameters", [
    ("", {}),
    ("?", {}),
    ("?state=sent", {"state": "sent"}),
    ("?state=sent&state=read&type=", {"state": ["sent", "read"], "type": ""}),
    ("?provider=a%20b+c%26%3D%22%5C&from=2024-12-10T10:30:00%2B01:00", {"provider": "a b c&=\"\\", "from": "2024-12-10T10:30:00+01:00"}),
    ("?campaign=%F0%9F%98%80%C3%A4%E2%80%AE", {"campaign": "\U0001f600ä\u202e"}),
    ("?sort=" + "x" * 10000, {"sort": "x" * 10000}),
])
def test_parameters_come_as_they_were_written(console, otto, query, parameters):
    answer = console.get("/api/messages" + query, otto)
    assert (answer.status, answer.json["parameters"]) == (200, parameters)


@pytest.mark.parametrize("query", ["?recipient=4915550100", "?text=x", "?state=sent&recipient=", "?unknown=1", "?STATE=sent", "?state=%FF", "?state=%00", "?state=%",
                                   "?state=%4", "?%FF=1", "?sort=a&drop%20table=1"])
def test_what_may_not_stand_in_an_address(console, otto, query):
    answer = console.get("/api/messages" + query, otto)
    assert answer.status == 400 and answer.json["status"] == "error"


@pytest.mark.parametrize("encoded, ident", [
    ("wamid.HBgLMTQ%3D", "wamid.HBgLMTQ="), ("a+b", "a+b"), ("a%2Bb%2Fc", "a+b/c"), ("%2e%2e", ".."), ("'%20OR%201=1--", "' OR 1=1--"),
    ("%22%7D%7B", '"}{'), ("%C3%A4", "ä"), ("$1", "$1"), ("x" * 2000, "x" * 2000), ("%3Cscript%3E", "<script>")])
def test_ids_come_as_they_were_written(console, otto, encoded, ident):
    answer = console.get("/api/messages/" + encoded, otto)
    assert (answer.status, answer.json.get("parameters")) == (200, {"id": ident})
    assert answer.headers["content-type"] == "application/json"


def test_ids_that_are_none(console, otto):
    assert console.get("/api/messages/%FF", otto).status == 400
    assert console.get("/api/messages/a%00", otto).status == 400
    answer = console.get("/api/messages/unknown", otto)
    assert (answer.status, answer.json) == (404, {"status": "error", "message": "There is no such message."})


@pytest.mark.parametrize("body, status", [
    ({"recipient": "+1415", "text": "x", "state": ["sent"]}, 200), ({}, 200), ({"unknown": 1}, 400), ([], 400), (b"", 400), (b"{", 400),
    (b'{"state": "\xff"}', 400), (b'{"state": "\\u0000"}', 400), (b'{"state":' * 20000, 400), (b'{"state": "\\ud800"}', 400), (b"{} {}", 400)],
    ids=lambda value: repr(value)[:40])
def test_bodies(console, otto, body, status):
    answer = console.post("/api/messages/search", body, otto)
    assert answer.status == status, answer
    if status == 200:
        assert answer.json["parameters"] == body


def test_what_the_function_refuses_is_said(console, otto):
    answer = console.get("/api/stats", otto)
    assert (answer.status, answer.json["message"]) == (400, "There is no such state. States: sent, read.")


def test_reading_cannot_write(console, otto, echoes):
    before = echoes.query("SELECT count(*) AS n FROM msgstatus.done")
    assert console.get("/api/rejected", otto).status == 503, "25006"
    assert echoes.query("SELECT count(*) AS n FROM msgstatus.done") == before
    answer = console.post("/api/refresh", {"message_ids": ["a"]}, otto)
    assert (answer.status, answer.json["read_only"]) == (200, "off")
    assert console.get("/api/session", otto).json["read_only"] == "on"


@pytest.mark.parametrize("headers, status", [
    ({}, 200),
    ({"Origin": None, "Sec-Fetch-Site": "same-origin"}, 200),
    ({"Origin": None}, 403),
    ({"Origin": "null"}, 403),
    ({"Origin": "https://evil.example"}, 403),
    ({"Origin": "http://localhost.evil.example"}, 403),
    ({"Origin": "http://127.0.0.1"}, 403),
    ({"Origin": "http://127.0.0.1:1"}, 403),
    ({"Origin": None, "Sec-Fetch-Site": "cross-site"}, 403),
    ({"Origin": None, "Sec-Fetch-Site": "same-site"}, 403),
    ({"Sec-Fetch-Site": "cross-site"}, 403),
    ({"Content-Type": "text/plain"}, 415),
    ({"Content-Type": "application/x-www-form-urlencoded"}, 415),
    ({"Content-Type": None}, 415),
    ({"Content-Type": "application/json; charset=utf-8"}, 200),
])
def test_a_post_is_the_pages_own(console, otto, echoes, headers, status):
    before = echoes.query("SELECT count(*) AS n FROM msgstatus.done")[0]["n"]
    assert console.post("/api/refresh", {"message_ids": ["a"]}, otto, headers).status == status
    assert echoes.query("SELECT count(*) AS n FROM msgstatus.done")[0]["n"] == before + (status == 200)
    assert console.post("/api/login", {"role": "anna", "password": "wrong"}, headers=headers).status == (401 if status == 200 else status)


def test_data_is_not_for_other_sites(console, otto):
    assert console.get("/api/messages", otto, {"Sec-Fetch-Site": "cross-site"}).status == 403
    assert console.get("/api/messages", otto, {"Sec-Fetch-Site": "none"}).status == 200
    assert console.get("/messages", headers={"Sec-Fetch-Site": "cross-site"}).status == 200, "a link"


def test_hosts(console, start):
    def status(port, host):
        return request(port, "GET", "/", headers={"Host": host}).status

    assert [status(console.port, host) for host in (f"127.0.0.1:{console.port}", f"localhost:{console.port}", f"LOCALHOST:{console.port}",
                                                    f"[::1]:{console.port}", f"192.0.2.1:{console.port}")] == [200] * 5
    assert [status(console.port, host) for host in ("evil.example", f"evil.example:{console.port}", "127.0.0.1", "localhost:1",
                                                    f"127.0.0.1.evil.example:{console.port}", f"localhost.:{console.port}")] == [421] * 6
    public = start("--public-url", "https://log.example.org/")
    assert [status(public.port, host) for host in ("log.example.org", "LOG.example.org", f"127.0.0.1:{public.port}")] == [200] * 3
    assert [status(public.port, host) for host in ("log.example.org.evil.example", "evil.example", "log.example.org:1")] == [421] * 3
    token = token_of(public.sign_in("otto"), SECURE_COOKIE)
    own = {"Host": "log.example.org", "Origin": "https://log.example.org", **cookie(token, SECURE_COOKIE)}
    assert public.post("/api/refresh", {"message_ids": []}, headers=own).status == 200
    assert public.post("/api/refresh", {"message_ids": []}, headers={**own, "Origin": "http://evil.example"}).status == 403


def running(echoes, function="weblog_volumes"):
    return echoes.query(f"""SELECT pid FROM pg_stat_activity WHERE datname = '{echoes.name}' AND application_name = 'msgstatus-console'
        AND state = 'active' AND query LIKE '%{function}%'""")


def test_who_leaves_takes_the_statement_along(console, echoes):
    token = console.token("otto")
    connection = http.client.HTTPConnection("127.0.0.1", console.port)
    connection.request("GET", "/api/volumes?zone=9", headers=cookie(token))
    wait_until(lambda: running(echoes), "the statement runs")
    started = time.monotonic()
    connection.close()
    assert console.get("/api/session", token).status == 200, "it waits for its turn"
    assert time.monotonic() - started < 5
    assert "msgstatus_console_queries_cancelled_total 1" in console.admin("/metrics").text


def begun(echoes):
    return echoes.query("SELECT count(*)::int AS n FROM msgstatus.done")[0]["n"]


def send(console, token, method, target, body=b""):
    """Sends a request whose answer is not waited for, and returns its connection."""
    connection = socket.create_connection(("127.0.0.1", console.port), timeout=30)
    head = "".join(f"{name}: {value}\r\n" for name, value in {**cookie(token), "Origin": console.origin}.items())
    connection.sendall(f"{method} {target} HTTP/1.1\r\nHost: 127.0.0.1:{console.port}\r\nContent-Type: application/json\r\n"
                       f"Content-Length: {len(body)}\r\n{head}\r\n".encode() + body)
    return connection


def test_what_was_given_up_while_it_waited_does_not_begin(start, echoes):
    console = start("--request-timeout", "2")
    token = console.token("otto")
    before = begun(echoes)
    slow = send(console, token, "GET", "/api/attached")
    wait_until(lambda: running(echoes, "weblog_attached"), "the statement runs")
    left = send(console, token, "POST", "/api/refresh", b'{"message_ids": ["a"]}')
    left.close()
    late = console.post("/api/refresh", {"message_ids": ["b"]}, token)
    assert (late.status, late.json["message"]) == (503, "the answer took too long; try again later")
    slow.close()
    wait_until(lambda: not running(echoes, "weblog_attached"), "the statement ends")
    wait_until(lambda: console.get("/api/session", token).status == 200, "the turns before have passed")
    assert begun(echoes) == before
    assert console.post("/api/refresh", {"message_ids": ["c"]}, token).status == 200
    assert begun(echoes) == before + 1


def test_a_statement_whose_answer_came_too_late_is_cancelled(start, echoes):
    console = start("--request-timeout", "2", "--statement-timeout", "600")
    token = console.token("otto")
    assert console.get("/api/volumes?zone=300", token).status == 503
    wait_until(lambda: not running(echoes), "the statement is cancelled")
    assert console.get("/api/session", token).status == 200


def test_what_takes_too_long(start):
    console = start("--statement-timeout", "0.5")
    token = console.token("otto")
    answer = console.get("/api/volumes?zone=5", token)
    assert answer.status == 504 and answer.json["message"].startswith("The database took too long")
    assert console.get("/api/session", token).status == 200


def test_a_session_executes_one_statement_at_a_time(console, echoes):
    token = console.token("otto")
    statuses = []

    def ask(seconds):
        statuses.append(console.get(f"/api/volumes?zone={seconds}", token).status)

    threads = [threading.Thread(target=ask, args=(3,)), *(threading.Thread(target=ask, args=(0,)) for _ in range(20))]
    threads[0].start()
    wait_until(lambda: running(echoes), "the statement runs")
    for thread in threads[1:]:
        thread.start()
    for thread in threads:
        thread.join()
    assert (statuses.count(200), statuses.count(503)) == (17, 4)
    assert console.get("/api/session", token).status == 200


def resident(console):
    with open(f"/proc/{console.process.pid}/status", encoding="ascii") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS:"))


def test_a_csv_of_any_size_needs_no_memory(start):
    console = start()
    token = console.token("otto")
    connection = http.client.HTTPConnection("127.0.0.1", console.port, timeout=60)
    connection.request("GET", "/api/messages.csv", headers=cookie(token))
    answer = connection.getresponse()
    assert (answer.status, answer.getheader("content-type"), answer.getheader("transfer-encoding")) == (200, "text/csv; charset=utf-8", "chunked")
    assert answer.getheader("content-disposition") == 'attachment; filename="messages.csv"'
    assert answer.readline() == b"message_id,state\r\n"
    before = resident(console)
    lines, most, asked = 0, 0, 0
    for line in answer:
        lines += 1
        assert line.startswith(b"wamid.%d," % lines)
        if lines % 20000 == 0:
            most = max(most, resident(console))
            assert console.get("/api/session", token).status == 200, "the page goes on meanwhile"
            asked += 1
    assert (lines, asked) == (200000, 10)
    assert most - before < 4096, "kB"
    connection.close()


def test_a_csv_waits_for_its_reader(start):
    console = start()
    token = console.token("otto")
    with Connection(console.port) as connection:
        connection.send(f"GET /api/messages.csv HTTP/1.1\r\nHost: 127.0.0.1:{console.port}\r\nCookie: msgstatus_session={token}\r\n\r\n".encode())
        before = resident(console)
        for _ in range(10):
            assert console.get("/api/session", token).status == 200
            time.sleep(0.05)
        assert resident(console) - before < 4096
        # Who signs out meanwhile gets no whole file.
        console.post("/api/logout", {}, token)
        received = b"".join(iter(lambda: connection.socket.recv(65536), b""))
    assert not received.endswith(b"0\r\n\r\n")


def test_a_csv_that_is_refused_has_a_status(console, otto):
    assert console.get("/api/messages.csv?unknown=1", otto).status == 400
    assert console.get("/api/messages.csv").status == 401
    assert console.get("/api/messages.csv?recipient=1", otto).status == 400
    whole = console.post("/api/messages.csv", {"recipient": "+1"}, otto)
    assert whole.status == 200 and whole.body.count(b"\r\n") == 200001


def test_the_metrics(console, otto):
    console.get("/api/messages", otto)
    text = console.admin("/metrics").text
    assert 'msgstatus_console_requests_total{route="/api/messages",code="200"}' in text
    assert 'msgstatus_console_query_seconds_count{function="weblog_messages"}' in text
    assert "msgstatus_console_sessions " in text
    assert console.admin("/nothing").status == 404
    assert console.get("/metrics").status == 404 and console.get("/healthz").status == 404
    assert os.fspath(otto) not in text and json.dumps(otto) not in text
