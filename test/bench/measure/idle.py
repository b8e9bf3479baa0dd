"""Section idle: the memory that open connections take which do nothing."""

import contextlib
import resource
import socket
import ssl

import database
import servers
from report import table, write
from settings import IDLE_CONNECTIONS, OTHER_RECEIVER, RECEIVER

DESIGNS = ()
SPARE_DESCRIPTORS = 200
REQUEST = b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"  # no route of this listener: a 404 is cheap


def allow_descriptors():
    """Raises the limit of this process and of those it starts."""
    wanted = IDLE_CONNECTIONS + SPARE_DESCRIPTORS
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < wanted:
        raise RuntimeError(f"{IDLE_CONNECTIONS} connections need {wanted} file descriptors; ulimit -Hn says {hard}")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))


def ask(connection):
    """Makes one request on a connection."""
    connection.sendall(REQUEST)
    answer = b""
    while b"\r\n\r\n" not in answer or not answer.endswith(b"}"):
        received = connection.recv(4096)
        if not received:
            raise RuntimeError("a connection was closed")
        answer += received
    if not answer.startswith(b"HTTP/1.1 404 "):
        raise RuntimeError(f"another answer than expected: {answer!r}")


def measure(tls, program):
    """Returns the memory of a receiver in MB: at first, with open connections, and after each connection was used once more."""
    context = ssl.create_default_context(cafile=servers.certificate()[0]) if tls else None
    flags = ("--max-connections", str(IDLE_CONNECTIONS + 100), "--idle-timeout", "3600")
    with servers.receiver(True, *flags, tls=tls, program=program) as server, contextlib.ExitStack() as stack:
        measured = [server.resident]
        connections = []
        for _ in range(IDLE_CONNECTIONS):
            connection = socket.create_connection(("127.0.0.1", server.port), timeout=60)
            if context:
                connection = context.wrap_socket(connection, server_hostname="127.0.0.1")
            connections.append(stack.enter_context(connection))
            ask(connection)
        open_connections = server.metric("msgstatus_connections")
        if open_connections != IDLE_CONNECTIONS:
            raise RuntimeError(f"{open_connections:.0f} connections are open, not {IDLE_CONNECTIONS}")
        measured.append(server.resident)
        for connection in connections:
            ask(connection)
        measured.append(server.resident)
    return [value / 1e6 for value in measured]


def run():
    """Measures connections in the clear and with TLS, and writes the report."""
    allow_descriptors()
    database.create_empty()
    builds = [("", RECEIVER)] + ([(", other build", OTHER_RECEIVER)] if OTHER_RECEIVER else [])
    rows = [(name, *(f"{value:.1f}" for value in measured), f"{(measured[2] - measured[0]) / IDLE_CONNECTIONS * 1e3:.1f}")
            for name, measured in ((f"{scheme}{build}", measure(scheme == "HTTPS", program))
                                   for build, program in builds for scheme in ("HTTP", "HTTPS"))]
    write("idle", "\n\n".join([
        f"Memory of the receiver in MB (resident) with {IDLE_CONNECTIONS:,} idle connections, each of which has made a request:",
        table(("", "without any", "with them", "after another request on each", "kB a connection"), rows)]))
