"""Limits on clients: by address, by number of connections, by rate."""

import json
import socket
import time

import pytest

import receiver as program
from client import FORM, Connection, form, raw_post
from receiver import wait_until
from webhooks import aisensy_flat, new_id, one, twilio_fields


def has_ipv6():
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            return True
    except OSError:
        return False


needs_ipv6 = pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6")


def post(port, target="/webhook", headers=None, source="", host="127.0.0.1"):
    """Sends a webhook from an address of the test's choice, and returns the answer."""
    with Connection(port, source=source, host=host) as connection:
        return connection.post(target, one(), headers)


def status(port, *args, **kwargs):
    return post(port, *args, **kwargs).status


# Allowlists.


def test_each_route_has_its_own_list(start):
    receiver = start("--allow-unsigned", "--allow-meta", "127.0.0.2", "--allow-twilio", "127.0.0.3/32",
                     "--allow-aisensy", "127.0.0.4,127.0.0.5", "--allow-webhook", "127.0.0.6, 127.0.0.8/29")

    def answers(source):
        found = []
        for target, body, headers in (("/webhooks/meta", one(), {}),
                                      ("/webhooks/twilio/status", form(twilio_fields(new_id("SM"))), FORM),
                                      ("/webhooks/aisensy", json.dumps(aisensy_flat(new_id())).encode(), {}),
                                      ("/webhook", one(), {})):
            with Connection(receiver.port, source=source) as connection:
                content_type = headers.get("Content-Type", "application/json")
                connection.send(raw_post(target, body, content_type=content_type))
                answer = connection.read_response()
                if answer.status == 403:
                    assert answer.json["status"] == "error"
                found.append(answer.status)
        return found

    assert answers("127.0.0.1") == [403, 403, 403, 403]
    assert answers("127.0.0.2") == [200, 403, 403, 403]
    assert answers("127.0.0.3") == [403, 204, 403, 403]
    assert answers("127.0.0.5") == [403, 403, 200, 403]
    assert answers("127.0.0.6") == answers("127.0.0.15") == [403, 403, 403, 200]
    assert status(receiver.port, "/nowhere") == 404
    assert receiver.metric("msgstatus_addresses_refused_total") == 19
    receiver.wait_for_log("address refused", client="127.0.0.1", route="/webhooks/meta")


def test_the_handshake_is_behind_the_list_too(start):
    receiver = start("--allow-meta", "127.0.0.2", MSGSTATUS_META_VERIFY_TOKEN="a-token-of-some-length")
    target = "/webhooks/meta?hub.mode=subscribe&hub.challenge=1&hub.verify_token=a-token-of-some-length"
    for source, expected in (("127.0.0.1", 403), ("127.0.0.2", 200)):
        with Connection(receiver.port, source=source) as connection:
            connection.send(f"GET {target} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
            assert connection.read_response().status == expected


@needs_ipv6
@pytest.mark.parametrize("allowed", ["127.0.0.0/8", "::ffff:127.0.0.0/104"])
def test_ipv4_on_a_socket_for_both_kinds(start, allowed):
    receiver = start("--allow-unsigned", "--allow-webhook", allowed, listen="[::]:0")
    assert status(receiver.port) == 200, "the socket calls it ::ffff:127.0.0.1"
    assert status(receiver.port, host="::1") == 403
    receiver.wait_for_log("address refused", client="::1")


@needs_ipv6
def test_ipv6(start):
    receiver = start("--allow-unsigned", "--allow-webhook", "::1,2001:db8::/32", listen="[::]:0")
    assert status(receiver.port) == 403
    assert status(receiver.port, host="::1") == 200


def test_settings_that_cannot_be_used():
    for flags, name in ((["--allow-meta", "10.0.0.1/8"], "allow-meta.*10.0.0.1/8"), (["--allow-twilio", "x"], "allow-twilio"),
                        (["--allow-aisensy", "10.0.0.0/33"], "allow-aisensy"), (["--allow-webhook", ""], "allow-webhook"),
                        (["--trusted-proxy", "::1/129"], "trusted-proxy"), (["--rate-limit", "-1"], "rate-limit"),
                        (["--rate-limit-per-address", "nan"], "rate-limit-per-address"),
                        (["--rate-limit", "5", "--rate-limit-burst", "0.5"], "rate-limit-burst"),
                        (["--max-connections-per-address", "-1"], "max-connections-per-address"),
                        (["--request-timeout", "0"], "request-timeout")):
        done = program.run("--check-config", *flags)
        assert done.returncode == 2 and name.split(".*")[0] in done.stderr and name.split(".*")[-1] in done.stderr, done
    done = program.run("--check-config", "--allow-meta", "192.0.2.0/24", "--allow-meta", "2001:db8::/32")
    assert done.returncode == 0 and "allow-webhook" in done.stderr, "a warning: /webhook takes what Meta sends, too"


def test_lists_come_from_the_environment_and_from_a_file(start, tmp_path):
    conf = tmp_path / "receiver.conf"
    conf.write_text("allow-webhook = 127.0.0.2\nallow-webhook = 127.0.0.3, 127.0.0.4\nallow-meta = 127.0.0.9\n")
    receiver = start("--allow-unsigned", "--config", str(conf), MSGSTATUS_ALLOW_META="127.0.0.5,127.0.0.6")
    assert [status(receiver.port, source=f"127.0.0.{i}") for i in range(2, 6)] == [200, 200, 200, 403]
    meta = [status(receiver.port, "/webhooks/meta", source=f"127.0.0.{i}") for i in (5, 6, 9)]
    assert meta == [200, 200, 403], "the environment takes the place of the file"


# Behind a proxy.


def test_only_a_trusted_proxy_is_believed(start):
    receiver = start("--allow-unsigned", "--trusted-proxy", "127.0.0.2,127.0.0.3", "--allow-webhook", "192.0.2.0/24")
    forwarded = {"X-Forwarded-For": "192.0.2.1"}
    assert status(receiver.port, headers=forwarded) == 403
    assert status(receiver.port, headers=forwarded, source="127.0.0.2") == 200
    assert status(receiver.port, headers={"x-forwarded-for": "192.0.2.1, 127.0.0.3"}, source="127.0.0.2") == 200
    assert status(receiver.port, headers={"X-Forwarded-For": "192.0.2.1, 198.51.100.1"}, source="127.0.0.2") == 403
    assert status(receiver.port, headers={"X-Forwarded-For": "nonsense"}, source="127.0.0.2") == 403
    assert status(receiver.port, source="127.0.0.2") == 403
    receiver.wait_for_log("answered", client="192.0.2.1", status=200)
    receiver.wait_for_log("answered", client="198.51.100.1", status=403)
    receiver.wait_for_log("answered", client="127.0.0.1", status=403)


def test_several_headers_are_one_list(start):
    receiver = start("--allow-unsigned", "--trusted-proxy", "127.0.0.1", "--allow-webhook", "192.0.2.1")
    with Connection(receiver.port) as connection:
        body = one()
        for headers, expected in ((b"X-Forwarded-For: 198.51.100.1\r\nX-Forwarded-For: 192.0.2.1\r\n", 200),
                                  (b"X-Forwarded-For: 192.0.2.1\r\nX-Forwarded-For: 198.51.100.1\r\n", 403),
                                  (b"X-Forwarded-For: " + b"," * 15000 + b"192.0.2.1\r\n", 200), (b"", 403)):
            connection.send(b"POST /webhook HTTP/1.1\r\nHost: a\r\n" + headers +
                            b"Content-Length: %d\r\n\r\n%b" % (len(body), body))
            assert connection.read_response().status == expected, headers[:50]


# How often.


def test_too_many_of_one_address(start, database):
    receiver = start("--allow-unsigned", "--rate-limit-per-address", "0.1", "--rate-limit-per-address-burst", "5")
    refused = new_id()
    with Connection(receiver.port) as connection:
        assert [connection.post("/webhook", one()).status for _ in range(5)] == [200] * 5
        answer = connection.post("/webhook", one(refused))
        assert answer.status == 429 and answer.json["status"] == "error"
        assert 1 <= int(answer.headers["retry-after"]) <= 10
        assert connection.post("/nowhere", b"{}").status == 404, "the connection goes on"
    assert status(receiver.port) == 429, "a new connection is no way out"
    assert status(receiver.port, source="127.0.0.2") == 200
    assert database.states(refused) == {}
    assert receiver.metric('msgstatus_rate_limited_total{limit="address"}') == 2
    assert receiver.metric('msgstatus_rate_limited_total{limit="all"}') == 0
    receiver.wait_for_log("rate limited", client="127.0.0.1", limit="address")


def test_who_waits_as_told_passes(start):
    receiver = start("--allow-unsigned", "--rate-limit-per-address", "1", "--rate-limit-per-address-burst", "1")
    assert status(receiver.port) == 200
    answer = post(receiver.port)
    assert answer.status == 429
    time.sleep(int(answer.headers["retry-after"]))
    assert status(receiver.port) == 200


def test_too_many_of_all(start):
    receiver = start("--allow-unsigned", "--rate-limit", "0.1", "--rate-limit-burst", "3")
    assert [status(receiver.port, source=f"127.0.0.{i}") for i in range(1, 6)] == [200, 200, 200, 429, 429]
    assert receiver.metric('msgstatus_rate_limited_total{limit="all"}') == 2


def test_the_limit_is_that_of_the_client_behind_the_proxy(start):
    receiver = start("--allow-unsigned", "--trusted-proxy", "127.0.0.1", "--rate-limit-per-address", "0.1",
                     "--rate-limit-per-address-burst", "1")
    for client, expected in (("192.0.2.1", 200), ("192.0.2.2", 200), ("192.0.2.1", 429), ("2001:db8::1", 200),
                             ("2001:db8::2", 429), ("2001:db8:0:1::1", 200)):
        assert status(receiver.port, headers={"X-Forwarded-For": client}) == expected, client


def test_who_may_not_come_uses_up_nothing(start):
    receiver = start("--allow-unsigned", "--allow-webhook", "127.0.0.2", "--rate-limit", "0.1", "--rate-limit-burst", "1")
    assert [status(receiver.port) for _ in range(5)] == [403] * 5
    assert status(receiver.port, source="127.0.0.2") == 200


# How many connections.


def test_too_many_connections_of_one_address(start):
    receiver = start("--allow-unsigned", "--max-connections-per-address", "2", "--trusted-proxy", "127.0.0.9")
    with Connection(receiver.port) as first, Connection(receiver.port) as second:
        assert first.post("/webhook", one()).status == second.post("/webhook", one()).status == 200
        with Connection(receiver.port) as third:
            assert third.socket.recv(1) == b"", "closed at once"
        assert status(receiver.port, source="127.0.0.2") == 200
        assert receiver.metric("msgstatus_connections_refused_total") == 1
        receiver.wait_for_log("too many connections of an address", client="127.0.0.1")
        first.close()
        wait_until(lambda: receiver.metric("msgstatus_connections") == 1, "the first one to go")
        assert status(receiver.port) == 200
        proxied = [Connection(receiver.port, source="127.0.0.9") for _ in range(5)]
        assert [connection.post("/webhook", one()).status for connection in proxied] == [200] * 5
        for connection in proxied:
            connection.close()
        assert second.post("/webhook", one()).status == 200
