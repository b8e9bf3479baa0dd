"""Connections that do nothing cost little, so that many may be open (see test/bench for 10,000)."""

import resource

import pytest

from certificates import Authority
from client import Connection
from receiver import wait_until
from webhooks import one

COUNT = 1000
# Asio's TLS stream keeps 70 kB of buffers for each; 1,000 of them are to stay below 150 MB.
KILOBYTES_EACH = {"plain": 12, "tls": 110}


@pytest.fixture
def descriptors():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < COUNT + 500:
        pytest.skip(f"only {hard} open files are allowed")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, COUNT + 500), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.parametrize("kind", ["plain", "tls"])
def test_memory_of_idle_connections(start, descriptors, tmp_path, kind):
    flags, context = ["--max-connections", str(COUNT + 100), "--idle-timeout", "3600"], None
    if kind == "tls":
        authority = Authority(tmp_path)
        certificate, key = authority.server("idle")
        flags += ["--tls-cert", str(certificate), "--tls-key", str(key)]
        context = authority.client()
    receiver = start("--allow-unsigned", *flags, log_level="info")

    def connect(count):
        connections = [Connection(receiver.port, context) for _ in range(count)]
        assert all(connection.post("/webhook", one()).status == 200 for connection in connections)
        return connections

    for connection in connect(50):  # what is taken only once
        connection.close()
    wait_until(lambda: receiver.metric("msgstatus_connections") == 0, "connections to end")
    before = receiver.metric("process_resident_memory_bytes")
    connections = connect(COUNT)
    assert receiver.metric("msgstatus_connections") == COUNT
    each = (receiver.metric("process_resident_memory_bytes") - before) / COUNT / 1024
    assert each < KILOBYTES_EACH[kind], f"{each:.1f} kB each"
    assert connections[0].post("/webhook", one()).status == 200
    for connection in connections:
        connection.close()
