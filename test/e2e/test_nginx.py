"""Behind a real nginx, configured as docs/operations.md says."""

import json
import re

import pytest

import receiver as program
from certificates import Authority
from client import FORM, Connection, form, meta_signature, raw_post, twilio_signature
from secrecy import SECRETS
from nginx import PROGRAM, Nginx, documented
from webhooks import new_id, one, twilio_fields

pytestmark = pytest.mark.skipif(PROGRAM is None, reason="nginx (Debian: nginx-light) is not installed")
PUBLIC = "https://hooks.example.org"


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("certificates"))


@pytest.fixture
def behind_nginx(start, authority):
    """Starts a receiver and nginx in front, and returns the receiver and a function that connects to nginx."""
    running = []

    def begin(*flags, **variables):
        receiver = start("--trusted-proxy", "127.0.0.1", "--public-url", PUBLIC, *flags, **variables)
        proxy = Nginx(receiver.port, *authority.server("nginx")).__enter__()
        running.append(proxy)
        return receiver, lambda source="": Connection(proxy.port, authority.client(), source=source)

    yield begin
    for proxy in running:
        proxy.__exit__()


def test_webhooks_of_each_kind(behind_nginx, database):
    receiver, connect = behind_nginx(**SECRETS)
    ids = [new_id() for _ in range(30)]
    with connect() as client:
        for message_id in ids:
            body = one(message_id)
            signature = meta_signature(SECRETS["MSGSTATUS_META_APP_SECRET"], body)
            assert client.post("/webhooks/meta", body, signature).status == 200
        # nginx passes the URL on as it came, so the signature fits.
        target = "/webhooks/twilio/status?a=%7Eb+c&d=%2f"
        fields = twilio_fields(sid := new_id("SM"))
        signature = twilio_signature(SECRETS["MSGSTATUS_TWILIO_AUTH_TOKEN"], PUBLIC + target, fields)
        client.send(raw_post(target, form(fields), signature, content_type=FORM["Content-Type"]))
        assert client.read_response().status == 204
        client.send(b"GET /webhooks/meta?hub.mode=subscribe&hub.challenge=17&hub.verify_token=%b HTTP/1.1\r\nHost: a\r\n\r\n"
                    % SECRETS["MSGSTATUS_META_VERIFY_TOKEN"].encode())
        assert client.read_response().body == b"17"
        assert client.post("/webhooks/meta", one()).status == 401
    assert set(database.states(*ids, sid)) == {*ids, sid}
    assert receiver.metric("msgstatus_connections") <= 2, "nginx keeps its connections"


def test_the_client_is_who_connected_to_nginx(behind_nginx):
    receiver, connect = behind_nginx("--allow-unsigned", "--allow-webhook", "127.0.0.7", "--rate-limit-per-address", "0.1",
                                     "--rate-limit-per-address-burst", "2")
    for source, forwarded, expected in (("127.0.0.7", None, 200), ("127.0.0.8", None, 403), ("127.0.0.8", "127.0.0.7", 403),
                                        ("127.0.0.7", "192.0.2.1", 200), ("127.0.0.7", None, 429)):
        with connect(source) as client:
            headers = {"X-Forwarded-For": forwarded} if forwarded else {}
            answer = client.post("/webhook", one(), headers)
            assert answer.status == expected, (source, forwarded)
            assert ("retry-after" in answer.headers) == (expected == 429)
    receiver.wait_for_log("answered", client="127.0.0.7", status=200)
    receiver.wait_for_log("answered", client="127.0.0.8", status=403)


def test_what_the_receiver_takes_nginx_takes(behind_nginx):
    receiver, connect = behind_nginx("--allow-unsigned")
    body = json.dumps({"pad": ""}).encode()
    body = body.replace(b'""', b'"%b"' % (b"x" * (4194304 - len(body))))
    assert len(body) == 4194304
    with connect() as client:
        assert client.post("/webhook", body).status == 200
    with connect() as client:
        client.send(raw_post("/webhook", body + b" ")[:5000])
        assert client.read_response().status == 413
    assert receiver.metric('msgstatus_requests_total{route="/webhook",code="413"}') == 0, "that was nginx"


def test_a_slow_client_costs_the_receiver_nothing(behind_nginx):
    receiver, connect = behind_nginx("--allow-unsigned")
    request = raw_post("/webhook", one())
    with connect() as client:
        client.send(request[:-10])
        with connect() as other:
            assert other.post("/webhook", one()).status == 200
        assert receiver.metric("msgstatus_buffer_bytes") == 0 and receiver.metric("msgstatus_connections") == 1
        client.send(request[-10:])
        assert client.read_response().status == 200


def test_sizes_and_times_fit_those_of_the_receiver():
    help_text = program.run("--help").stdout
    default = {name: int(value) for name, value in re.findall(r"--([\w-]+) \w+ \(=(\d+)\)", help_text)}
    upstream, server = documented("nginx").split("server {", 1)[0], documented("nginx")
    assert f"client_max_body_size  {default['body-limit'] // 2 ** 20}m;" in server
    assert f"client_header_timeout {default['header-timeout']}s;" in server
    assert f"client_body_timeout   {default['body-timeout']}s;" in server
    (keep,) = re.findall(r"keepalive_timeout (\d+)s;", upstream)
    (wait,) = re.findall(r"proxy_read_timeout (\d+)s;", server)
    assert int(keep) < default["idle-timeout"], "nginx closes first"
    assert int(wait) > default["request-timeout"], "the receiver answers first"
