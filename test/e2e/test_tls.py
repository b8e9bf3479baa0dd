"""HTTPS by the receiver itself."""

import contextlib
import json
import re
import select
import socket
import ssl
import subprocess

import pytest

import receiver as program
from certificates import Authority
from client import Connection, raw_post
from receiver import wait_until
from webhooks import new_id, one


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("certificates"))


@pytest.fixture
def files(authority, tmp_path):
    """files are the paths given to the receiver; what stands in them can be exchanged."""
    certificate, key = tmp_path / "certificate.pem", tmp_path / "key.pem"

    def put(name):
        chain, chain_key = authority.server(name)
        certificate.write_bytes(chain.read_bytes())
        key.write_bytes(chain_key.read_bytes())

    put("first")
    return certificate, key, put


@pytest.fixture
def start_tls(start, files):
    return lambda *flags, **variables: start("--allow-unsigned", "--tls-cert", str(files[0]), "--tls-key", str(files[1]),
                                             *flags, **variables)


def common_name(connection):
    return dict(field[0] for field in connection.socket.getpeercert()["subject"])["commonName"]


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=str)
def test_webhooks(start_tls, authority, database, version):
    receiver = start_tls()
    ids = [new_id() for _ in range(40)]
    with Connection(receiver.port, authority.client(version)) as connection:
        for message_id in ids[:20]:
            assert connection.post("/webhook", one(message_id)).status == 200
        large = json.dumps([json.loads(one(ids[20])), {"pad": "x" * 3_000_000}]).encode()
        answer = connection.post("/webhook", large)
        assert (answer.status, answer.json) == (200, {"status": "partial_success", "processed": 1})
        connection.send(b"".join(raw_post("/webhook", one(message_id)) for message_id in ids[21:]))
        assert [connection.read_response().status for _ in ids[21:]] == [200] * 19
        for byte in raw_post("/nowhere", b"{}"):
            connection.send(bytes([byte]))  # a record for each
        assert connection.read_response().status == 404
    assert set(database.states(*ids)) == set(ids)
    wait_until(lambda: receiver.metric("msgstatus_connections") == 0, "the connection to end")
    assert receiver.metric("msgstatus_tls_handshake_failures_total") == 0


def test_answers_that_the_client_is_slow_to_read(start_tls, authority):
    receiver = start_tls()
    request = raw_post("/nowhere", b"{}")
    count, size, received = 100_000, len(receiver_answer(receiver, authority, request)), bytearray()
    unsent = memoryview(request * count)
    with Connection(receiver.port, authority.client()) as connection:
        connection.socket.setblocking(False)
        while unsent:  # until the receiver reads no further, since nobody takes its answers
            try:
                unsent = unsent[connection.socket.send(unsent[:16384]):]
            except ssl.SSLWantWriteError:
                if not select.select([], [connection.socket], [], 0.5)[1]:
                    break
        assert unsent, "all were read, although no answer could be written"
        while len(received) < count * size:
            assert any(select.select([connection.socket], [connection.socket] if unsent else [], [], 30))
            try:
                unsent = unsent[connection.socket.send(unsent[:16384]):] if unsent else unsent
            except ssl.SSLWantWriteError:
                pass
            try:
                received += connection.socket.recv(65536)
            except ssl.SSLWantReadError:
                pass
    assert received.count(b"HTTP/1.1 404 ") == count and len(received) == count * size


def receiver_answer(receiver, authority, request):
    """Returns the bytes of an answer: all answers to the same request are of one length."""
    with Connection(receiver.port, authority.client()) as connection:
        connection.send(request)
        return connection.socket.recv(65536)


def test_a_client_that_closes_without_goodbye_is_answered(start_tls, authority):
    receiver = start_tls()
    with Connection(receiver.port, authority.client()) as connection:
        connection.send(raw_post("/webhook", one()))
        socket.socket.shutdown(connection.socket, socket.SHUT_WR)
        assert connection.read_response().status == 200
        # Newer versions of OpenSSL answer the receiver's goodbye, for which this side is closed.
        with contextlib.suppress(BrokenPipeError):
            assert connection.read_response() is None


def test_the_chain_is_sent_and_rsa_works(start_tls, authority, files):
    chain, key = authority.server("rsa", key=("rsa:2048",))
    files[0].write_bytes(chain.read_bytes())
    files[1].write_bytes(key.read_bytes())
    receiver = start_tls()
    with Connection(receiver.port, authority.client()) as connection:
        assert common_name(connection) == "rsa"
        assert connection.post("/webhook", one()).status == 200


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1], ids=str)
def test_old_versions_are_refused(start_tls, authority, version):
    receiver = start_tls()
    with pytest.raises(ssl.SSLError, match="(?i)version|unsupported protocol"):
        Connection(receiver.port, authority.client(version, ciphers="ALL:@SECLEVEL=0"))
    wait_until(lambda: receiver.metric("msgstatus_tls_handshake_failures_total") == 1, "the failure to be counted")


@pytest.mark.parametrize("ciphers", ["AES128-GCM-SHA256", "ECDHE-RSA-AES128-SHA", "ECDHE-ECDSA-AES256-SHA384",
                                     "DHE-RSA-AES128-GCM-SHA256"])
def test_weak_ciphers_are_refused(start_tls, authority, ciphers):
    receiver = start_tls()
    with pytest.raises(ssl.SSLError, match="(?i)handshake failure"):
        Connection(receiver.port, authority.client(ssl.TLSVersion.TLSv1_2, ciphers=ciphers))


def test_alpn(start_tls, authority):
    receiver = start_tls()
    for offered, chosen in ((["h2", "http/1.1"], "http/1.1"), (["http/1.1"], "http/1.1"), (None, None)):
        with Connection(receiver.port, authority.client(alpn=offered)) as connection:
            assert connection.socket.selected_alpn_protocol() == chosen
            assert connection.post("/webhook", one()).status == 200
    with pytest.raises(ssl.SSLError, match="(?i)no application protocol"):
        Connection(receiver.port, authority.client(alpn=["h2"]))


def test_a_client_may_resume(start_tls, authority):
    receiver = start_tls()
    context = authority.client()
    with Connection(receiver.port, context) as connection:
        assert connection.post("/webhook", one()).status == 200
        session = connection.socket.session
    with socket.create_connection(("127.0.0.1", receiver.port)) as plain:
        with context.wrap_socket(plain, server_hostname="hooks.example.org", session=session) as resumed:
            assert resumed.session_reused


def test_plain_http_is_no_tls(start_tls):
    receiver = start_tls()
    with Connection(receiver.port) as connection:
        connection.send(raw_post("/webhook", one()))
        received = b""
        try:
            while piece := connection.socket.recv(1000):
                received += piece
        except ConnectionResetError:
            pass
        assert b"HTTP" not in received
    assert receiver.metric("msgstatus_tls_handshake_failures_total") == 1


@pytest.mark.parametrize("beginning", [b"", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"])
def test_a_handshake_may_not_take_long(start_tls, authority, beginning):
    receiver = start_tls("--tls-handshake-timeout", "0.3", "--idle-timeout", "600", "--header-timeout", "600")
    with Connection(receiver.port, authority.client()) as patient:
        with Connection(receiver.port) as connection:
            connection.send(beginning)
            assert connection.socket.recv(1000) == b""
        wait_until(lambda: receiver.metric("msgstatus_tls_handshake_failures_total") == 1, "the failure to be counted")
        assert patient.post("/webhook", one()).status == 200


def test_idle_and_slow_clients(start_tls, authority):
    receiver = start_tls("--header-timeout", "0.3", "--body-timeout", "0.3", "--idle-timeout", "0.3")
    with Connection(receiver.port, authority.client()) as connection:
        assert connection.read_response() is None
    for beginning in (b"POST /webhook HTTP/1.1\r\n", raw_post("/webhook", one())[:-1]):
        with Connection(receiver.port, authority.client()) as connection:
            connection.send(beginning)
            assert connection.read_response().status == 408
            assert connection.read_response() is None, "with a goodbye"


def test_another_certificate_without_a_restart(start_tls, authority, files, database):
    receiver = start_tls()
    message_id = new_id()
    with Connection(receiver.port, authority.client()) as old:
        assert old.post("/webhook", one(message_id, "sent")).status == 200
        request = raw_post("/webhook", one(message_id, "delivered"))
        old.send(request[:50])
        files[2]("second")
        receiver.hang_up()
        receiver.wait_for_log("reloaded")
        with Connection(receiver.port, authority.client()) as new:
            assert (common_name(old), common_name(new)) == ("first", "second")
            old.send(request[50:])
            assert old.read_response().status == 200
            assert new.post("/webhook", one()).status == 200
            assert old.post("/webhook", one()).status == 200
    assert database.states(message_id) == {message_id: "delivered"}
    assert len(receiver.events("certificate")) == 2
    assert receiver.metric("msgstatus_reloads_total") == 1
    expiry = receiver.metric("msgstatus_tls_certificate_expiry_timestamp_seconds")
    now = float(subprocess.run(["date", "+%s"], capture_output=True, text=True, check=True).stdout)
    assert 29 * 86400 < expiry - now < 31 * 86400


@pytest.mark.parametrize("what", ["no certificate", "no key", "another key", "nonsense"])
def test_a_certificate_that_cannot_be_used_changes_nothing(start_tls, authority, files, what):
    receiver = start_tls()
    certificate, key, put = files
    if what == "no certificate":
        certificate.unlink()
    elif what == "no key":
        key.unlink()
    elif what == "another key":
        kept = certificate.read_bytes()
        put("third")
        certificate.write_bytes(kept)
    else:
        certificate.write_text("nonsense")
    receiver.hang_up()
    reason = receiver.wait_for_log("reload failed", level="error")["reason"]
    assert str(key if what in ("no key", "another key") else certificate) in reason
    with Connection(receiver.port, authority.client()) as connection:
        assert common_name(connection) == "first"
        assert connection.post("/webhook", one()).status == 200
    assert receiver.metric("msgstatus_reload_failures_total") == 1
    put("fourth")
    receiver.hang_up()
    receiver.wait_for_log("reloaded")
    with Connection(receiver.port, authority.client()) as connection:
        assert common_name(connection) == "fourth"


def test_drain(start_tls, authority, database):
    receiver = start_tls("--lock-timeout", "60", "--statement-timeout", "60")
    message_id = new_id()
    with database.hold("LOCK TABLE msgstatus.message;") as held:
        with Connection(receiver.port, authority.client()) as busy, Connection(receiver.port, authority.client()) as idle, \
                Connection(receiver.port) as shaking:
            busy.send(raw_post("/webhook", one(message_id)))
            wait_until(lambda: receiver.metric("msgstatus_batch_size_count") == 1, "the call to be in flight")
            receiver.signal()
            assert idle.read_response() is None
            assert shaking.socket.recv(1) == b""
            held.release()
            answer = busy.read_response()
            assert (answer.status, answer.headers["connection"]) == (200, "close")
    assert receiver.wait() == 0
    assert database.states(message_id) == {message_id: "sent"}


def test_settings_that_cannot_be_used(authority, tmp_path):
    chain, key = authority.server("settings")
    other = authority.server("other")[1]
    locked = tmp_path / "locked.key"
    subprocess.run(["openssl", "ec", "-in", key, "-aes128", "-passout", "pass:word", "-out", locked], check=True,
                   capture_output=True)
    for flags, names in ((["--tls-cert", chain], "tls-key"), (["--tls-key", key], "tls-cert"),
                         (["--tls-cert", tmp_path / "none", "--tls-key", key], "tls-cert.*none.*No such file"),
                         (["--tls-cert", chain, "--tls-key", tmp_path / "none"], "tls-key.*none.*No such file"),
                         (["--tls-cert", key, "--tls-key", key], "tls-cert"),
                         (["--tls-cert", chain, "--tls-key", other], "tls-key.*mismatch"),
                         (["--tls-cert", chain, "--tls-key", locked], "tls-key.*locked")):
        done = program.run("--check-config", *map(str, flags))
        assert done.returncode == 2 and re.search(names, done.stderr), (flags, done)
    done = program.run("--check-config", "--tls-cert", str(chain), "--tls-key", str(key))
    assert done.returncode == 0, done
