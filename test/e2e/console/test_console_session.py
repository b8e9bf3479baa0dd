"""Who is signed in, for how long, and who only says so."""

import http.client
import json
import socket
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from console import COOKIE, PASSWORD, SECURE_COOKIE, Console, cookie, token_of
from receiver import wait_until


def backends(echoes):
    return {row["pid"] for row in echoes.query(
        f"SELECT pid FROM pg_stat_activity WHERE application_name = 'msgstatus-console' AND datname = '{echoes.name}'")}


def test_a_session_is_the_persons_connection(console, echoes):
    token = console.token("anna")
    answer = console.get("/api/session", token).json
    assert (answer["role"], answer["session_role"], answer["application"]) == ("anna", "anna", "msgstatus-console")
    assert (answer["read_only"], answer["search_path"], answer["timeout"]) == ("on", "pg_catalog, pg_temp", "10s")
    assert answer["pid"] in backends(echoes)
    assert console.get("/api/session", token).json["pid"] == answer["pid"]


@pytest.mark.parametrize("role, password", [("anna", "wrong"), ("nobody", PASSWORD), ("anna ", PASSWORD), ("paula", PASSWORD)])
def test_wrong_names_and_passwords_look_alike(console, role, password):
    answer = console.sign_in(role, password)
    assert (answer.status, answer.json["message"]) == (401, "The name or the password is wrong.")
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"role": "anna"}', b'{"role": "anna", "password": ""}', b'{"role": 1, "password": "x"}',
                                  b'{"role": "an\\u0000na", "password": "x"}', b"[" * 100000, json.dumps({"role": "a" * 64, "password": "x"}).encode()], ids=lambda body: repr(body)[:40])
def test_what_is_no_sign_in(console, body):
    assert console.post("/api/login", body).status == 400


def test_without_a_password_asked_for_nobody_signs_in(console):
    answer = console.sign_in("trusting", "anything")
    assert answer.status == 503
    assert "pg_hba.conf" in answer.json["message"]


@pytest.mark.parametrize("token", [None, "", "0" * 64, "'", "a; b"])
def test_who_is_not_signed_in(console, token):
    answer = console.get("/api/messages", headers={"Cookie": f"{COOKIE}={token}"} if token is not None else {})
    assert (answer.status, answer.json) == (401, {"status": "error", "message": "Sign in first."})


def test_the_cookie(console, start):
    line = console.sign_in("anna").headers["set-cookie"]
    assert line.split("; ")[1:] == ["Path=/", "HttpOnly", "SameSite=Strict"]
    assert len(token_of(console.sign_in("anna"))) == 64


def test_behind_https_cookie_and_page_are_for_https_alone(console, start):
    behind_https = start("--public-url", "https://log.example.org")
    answer = behind_https.sign_in("anna")
    assert answer.headers["set-cookie"].endswith("; Secure")
    token = token_of(answer, SECURE_COOKIE)
    assert behind_https.get("/api/session", headers=cookie(token, SECURE_COOKIE)).status == 200
    assert behind_https.get("/api/session", headers=cookie(token)).status == 401, "another host may have set that"
    for target in ("/", "/api/session", "/nothing"):
        assert behind_https.get(target).headers["strict-transport-security"] == "max-age=31536000"
        assert "strict-transport-security" not in console.get(target).headers


def test_a_token_is_never_the_clients(console):
    for role in ("anna", "otto"):
        fixed = "f" * 64
        token = token_of(console.sign_in(role, token=fixed))
        assert token != fixed
        assert console.get("/api/session", fixed).status == 401


def test_each_sign_in_has_a_new_token_and_ends_the_old_session(console, echoes):
    old = console.token("anna")
    pid = console.get("/api/session", old).json["pid"]
    new = token_of(console.sign_in("otto", token=old))
    assert console.get("/api/session", old).status == 401
    assert console.get("/api/session", new).json["role"] == "otto"
    wait_until(lambda: pid not in backends(echoes), "the connection of the old session closes")


def test_two_browsers_have_two_sessions(console):
    one, other = console.token("anna"), console.token("anna")
    assert one != other
    assert console.post("/api/logout", {}, one).status == 200
    assert console.get("/api/session", one).status == 401
    assert console.get("/api/session", other).json["role"] == "anna"


def test_a_token_is_worthless_after_sign_out(console, echoes):
    token = console.token("otto")
    pid = console.get("/api/session", token).json["pid"]
    answer = console.post("/api/logout", {}, token)
    assert answer.headers["set-cookie"].startswith(f"{COOKIE}=; ") and "Max-Age=0" in answer.headers["set-cookie"]
    assert console.get("/api/session", token).status == 401
    assert console.post("/api/logout", {}, token).status == 200
    wait_until(lambda: pid not in backends(echoes), "the connection closes")


def test_two_cookies_of_the_name_are_none(console):
    token = console.token("anna")
    assert console.get("/api/session", headers={"Cookie": f"{COOKIE}={token}; {COOKIE}={token}"}).status == 401


def test_the_idle_are_signed_out_and_looking_for_news_is_idle(start, echoes):
    console = start("--session-idle", "2")
    idle, busy = console.token("anna"), console.token("otto")
    pid = console.get("/api/messages", idle).json["pid"]
    end = time.monotonic() + 3
    while time.monotonic() < end:
        console.get("/api/session", idle)
        assert console.get("/api/messages", busy).status == 200
        time.sleep(0.2)
    assert console.get("/api/session", idle).status == 401
    wait_until(lambda: pid not in backends(echoes), "the connection closes")


def test_no_session_lasts_for_ever(start):
    console = start("--session-length", "2")
    token = console.token("anna")
    end = time.monotonic() + 30
    while console.get("/api/messages", token).status == 200:
        assert time.monotonic() < end
        time.sleep(0.1)
    assert console.get("/api/messages", token).status == 401


def test_there_is_room_for_so_many(start):
    console = start("--max-sessions", "2")
    token = console.token("anna")
    console.token("otto")
    answer = console.sign_in("otto")
    assert (answer.status, answer.headers["retry-after"]) == (503, "5")
    assert console.post("/api/logout", {}, token).status == 200
    assert console.sign_in("otto").status == 200


def test_a_role_has_so_many_sessions(start, echoes):
    console = start("--max-sessions", "6")
    tokens = [console.token("anna") for _ in range(5)]
    assert console.get("/api/messages", tokens[0]).status == 200
    pid = console.get("/api/session", tokens[1]).json["pid"]
    tokens.append(console.token("anna"))
    assert [console.get("/api/messages", token).status for token in tokens] == [200, 401, 200, 200, 200, 200], "the least recently used"
    wait_until(lambda: pid not in backends(echoes), "its connection closes")
    assert console.token("otto"), "nobody takes all places"
    assert console.sign_in("anna").status == 200, "in the place of another one of hers"
    assert console.events("session gave way", role="anna")


def test_several_people_may_share_a_role(start):
    console = start("--sessions-per-role", "8")
    tokens = [console.token("anna") for _ in range(8)]
    assert {console.get("/api/messages", token).status for token in tokens} == {200}
    console.token("anna")
    assert [console.get("/api/messages", token).status for token in tokens] == [401] + [200] * 7


def test_a_browser_replaces_its_session_where_there_is_no_room(start):
    console = start("--max-sessions", "2")
    token = console.token("anna")
    console.token("otto")
    assert console.sign_in("otto").status == 503
    again = console.sign_in("otto", token=token)
    assert again.status == 200
    assert console.get("/api/session", token).status == 401
    assert console.sign_in("otto", "a wrong password", token=token_of(again)).status == 401
    assert console.get("/api/session", token_of(again)).status == 200, "only the right password ends it"


def test_who_has_no_right_takes_no_place(start, echoes):
    console = start("--max-sessions", "2")
    before = backends(echoes)
    for _ in range(3):
        answer = console.sign_in("nora")
        assert (answer.status, "set-cookie" in answer.headers) == (403, False)
        assert "SELECT msgstatus.grant_access('nora', 'analyst')" in answer.json["message"]
    assert console.token("anna") and console.token("otto")
    wait_until(lambda: len(backends(echoes) - before) == 2, "the connections close")
    assert 'sign_ins_refused_total{reason="rights"} 3' in console.admin("/metrics").text


def test_a_role_that_signs_in_again_and_again_keeps_nobody_else_from_it():
    with socket.create_server(("127.0.0.1", 0)) as silent:  # a database that does not answer
        with Console(f"host=127.0.0.1 port={silent.getsockname()[1]} dbname=x") as console, ThreadPoolExecutor() as waiting:
            for _ in range(4):
                waiting.submit(console.sign_in, "anna")
            connections = [silent.accept() for _ in range(4)]
            answer = console.sign_in("anna")
            assert (answer.status, answer.json["message"]) == (503, "Too many people are signing in; try again in a moment.")
            waiting.submit(console.sign_in, "otto")
            connections.append(silent.accept())
            for connection, _ in connections:
                connection.close()
            wait_until(lambda: 'sign_ins_refused_total{reason="database"} 5' in console.admin("/metrics").text, "the others are answered")


def test_names_in_the_advice_can_be_copied(start, server):
    server.execute("postgres", f"""CREATE ROLE "o'Neil" LOGIN PASSWORD '{PASSWORD}';""")
    try:
        message = start().sign_in("o'Neil").json["message"]
        assert """msgstatus.grant_access('"o''Neil"', 'analyst')""" in message
    finally:
        server.execute("postgres", """DROP ROLE "o'Neil";""")


def test_guesses_are_slowed_down_by_name_and_address(start):
    console = start("--trusted-proxy", "127.0.0.1")
    answers = [console.sign_in("anna", f"guess {n}", client="192.0.2.6").status for n in range(5)]
    assert answers == [401] * 5
    slowed = console.sign_in("anna", client="192.0.2.6")
    assert slowed.status == 429, "though it is the right one"
    assert 1 <= int(slowed.headers["retry-after"]) <= 20
    assert console.sign_in("otto", client="192.0.2.6").status == 200, "another name"
    assert console.sign_in("anna", client="192.0.2.7").status == 200, "another address"
    assert 'sign_ins_refused_total{reason="guessing"} 1' in console.admin("/metrics").text


def test_nobody_is_kept_out_by_guesses_from_elsewhere(start):
    console = start("--trusted-proxy", "127.0.0.1")
    home = "192.0.2.200"
    assert console.sign_in("otto", client=home).status == 200
    answers = [console.sign_in("otto", "a guess", client=f"192.0.2.{n}").status for n in range(1, 31)]
    assert answers[:20] == [401] * 20 and answers[-1] == 429, "the name is slowed down, wherever the guesses come from"
    assert console.sign_in("otto", client=home).status == 200
    assert console.sign_in("anna", client="192.0.2.1").status == 200


def test_guesses_are_slowed_down_by_address(start):
    console = start("--trusted-proxy", "127.0.0.1")
    mine, others = {"X-Forwarded-For": "192.0.2.1"}, {"X-Forwarded-For": "192.0.2.2"}

    def guess(name, headers):
        return console.post("/api/login", {"role": name, "password": "wrong"}, headers=headers).status

    answers = [guess(f"name{n}", mine) for n in range(30)]
    assert answers[:20] == [401] * 20 and answers[-1] == 429
    assert guess("name99", others) == 401


def test_right_passwords_are_no_guesses(start):
    console = start()
    for _ in range(12):
        assert console.post("/api/logout", {}, console.token("anna")).status == 200


def test_a_database_that_restarts(start, echoes, server):
    console = start()
    token = console.token("anna")
    assert console.get("/api/messages", token).status == 200
    server.stop("immediate")
    wait_until(lambda: console.get("/api/messages", token).status == 401, "the session is over")
    assert console.sign_in("anna").status == 503
    assert console.get("/messages").status == 200
    server.start()
    assert console.get("/api/messages", token).status == 401
    assert console.get("/api/messages", console.token("anna")).status == 200


def test_a_proxy_signs_people_in(start):
    console = start("--user-header", "X-Remote-User", "--trusted-proxy", "127.0.0.1", user="console")
    as_paula = {"X-Remote-User": "paula"}
    answer = console.get("/api/session", headers=as_paula)
    assert answer.status == 403, "she may read nothing"
    assert "'paula', 'analyst'" in answer.json["message"]
    for nobody in ("", None):
        assert console.get("/api/session", headers={"X-Remote-User": nobody} if nobody is not None else {}).status == 401
    for wrong in ("none", "console", "anna", "unknown", "paula' --", '"paula"', "x" * 64, "postgres"):
        assert console.get("/api/session", headers={"X-Remote-User": wrong}).status == 403, wrong


def test_a_person_of_a_proxy_has_the_rights_of_the_role(start, echoes):
    echoes.execute("GRANT USAGE ON SCHEMA msgstatus TO paula; GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA msgstatus TO paula;")
    console = start("--user-header", "X-Remote-User", "--trusted-proxy", "127.0.0.1", user="console")
    as_paula = {"X-Remote-User": "paula"}
    answer = console.get("/api/session", headers=as_paula).json
    assert (answer["role"], answer["session_role"]) == ("paula", "console")
    assert console.get("/api/session", headers=as_paula).json["pid"] == answer["pid"], "one connection"
    assert console.post("/api/logout", {}, headers=as_paula).status == 200
    assert console.get("/api/session", headers=as_paula).json["pid"] != answer["pid"]


def test_the_header_of_an_untrusted_address_is_not_read(start):
    console = start("--user-header", "X-Remote-User", "--trusted-proxy", "192.0.2.1", user="console")
    assert console.get("/api/session", headers={"X-Remote-User": "paula"}).status == 401
    plain = start(user="console")
    assert plain.get("/api/session", headers={"X-Remote-User": "paula"}).status == 401


def test_a_header_that_comes_twice(start):
    console = start("--user-header", "X-Remote-User", "--trusted-proxy", "127.0.0.1", user="console")
    connection = http.client.HTTPConnection("127.0.0.1", console.port, timeout=30)
    connection.putrequest("GET", "/api/session")
    connection.putheader("X-Remote-User", "paula")
    connection.putheader("x-remote-user", "otto")
    connection.endheaders()
    assert connection.getresponse().status == 400
    connection.close()


def test_a_unix_socket_is_a_trusted_proxy(start, echoes, tmp_path):
    path = tmp_path / "console.sock"
    console = start("--user-header", "X-Remote-User", user="console", listen=f"unix:{path}")
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(path))
        client.sendall(b"GET /api/session HTTP/1.1\r\nHost: localhost\r\nX-Remote-User: unknown\r\nConnection: close\r\n\r\n")
        answer = b"".join(iter(lambda: client.recv(65536), b""))
    assert answer.startswith(b"HTTP/1.1 403 "), answer
    assert path.stat().st_mode & 0o777 == 0o660
    assert console.admin("/healthz").status == 200


def test_signed_in_people_are_told_from_others_by_the_log(start):
    console = start()
    token = console.token("anna")
    console.post("/api/messages/search", {"recipient": "+14155550100", "text": "a secret word"}, token)
    console.get("/api/messages/wamid.14155550100", token)
    console.sign_in("anna", "a wrong word")
    console.stop()
    for hidden in (PASSWORD, token, "a secret word", "14155550100", "a wrong word"):
        assert hidden not in console.log
    assert console.events("signed in", role="anna") and console.events("sign-in refused", reason="password")


def test_a_drain_ends_the_sessions(start, echoes):
    console = start()
    pid = console.get("/api/session", console.token("anna")).json["pid"]
    console.stop()
    wait_until(lambda: pid not in backends(echoes), "the connection closes")


def test_people_sign_out_while_their_statements_are_cancelled(start, echoes):
    # Each leaves a statement that runs, and signs out at the moment at which it is cancelled.
    console = start("--sessions-per-role", "40")
    executing = f"""SELECT count(*)::int AS n FROM pg_stat_activity
        WHERE application_name = 'msgstatus-console' AND datname = '{echoes.name}' AND state = 'active'"""
    for _ in range(4):
        tokens = [console.token("anna") for _ in range(36)]
        slow = [socket.create_connection(("127.0.0.1", console.port)) for _ in tokens]
        for connection, token in zip(slow, tokens):
            head = "".join(f"{name}: {value}\r\n" for name, value in cookie(token).items())
            connection.sendall(f"GET /api/volumes?zone=9 HTTP/1.1\r\nHost: 127.0.0.1:{console.port}\r\n{head}\r\n".encode())
        wait_until(lambda: echoes.query(executing)[0]["n"] == len(tokens), "all statements to run")
        for connection in slow:
            connection.close()
        for token in tokens:  # spread over the time within which the console sees that clients have left
            assert console.post("/api/logout", {}, token).status in (200, 204)
            time.sleep(0.006)
    assert console.get("/api/session", console.token("otto")).status == 200
