"""The receiver under a service manager: it announces that it is ready or stops, and takes sockets that listen already."""

import fcntl
import os
import socket
import subprocess
import tempfile

import pytest

from client import Connection, request
from receiver import PATIENCE, PROGRAM, clean_environment, wait_until
from webhooks import one


@pytest.fixture(params=["path", "abstract"])
def manager(request):
    """The socket of a service manager, and the value of NOTIFY_SOCKET."""
    with tempfile.TemporaryDirectory() as directory, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        name = os.path.join(directory, "notify")
        listener.bind(name if request.param == "path" else "\0" + name)
        listener.settimeout(PATIENCE)
        yield listener, name if request.param == "path" else "@" + name


def test_it_says_when_it_is_ready_and_when_it_stops(start, manager):
    listener, name = manager
    receiver = start("--allow-unsigned", NOTIFY_SOCKET=name)
    assert listener.recv(1000) == b"READY=1"
    assert receiver.post("/webhook", one()).status == 200
    receiver.stop()
    assert listener.recv(1000) == b"STOPPING=1"


def test_a_service_manager_that_is_gone_does_no_harm(start):
    receiver = start("--allow-unsigned", NOTIFY_SOCKET="/nonexistent/notify")
    assert receiver.post("/webhook", one()).status == 200


class Activated:
    """A receiver that gets sockets as a service manager passes them: from descriptor 3 on, named, for its process."""

    def __init__(self, database, sockets, *flags, names, pid="$$"):
        # The shell becomes the program, so that its process id is known to it beforehand.
        moves = " ".join(f"{3 + i}<&{one_socket.fileno()}" for i, one_socket in enumerate(sockets))
        script = f'export LISTEN_PID={pid} LISTEN_FDS={len(sockets)} LISTEN_FDNAMES={names}; exec "$@" {moves}'
        command = ["bash", "-c", script, "bash", PROGRAM, "--allow-unsigned", "--database", database.conninfo,
                   "--log-format", "json", *flags]
        self.process = subprocess.Popen(command, env=clean_environment(), pass_fds=[s.fileno() for s in sockets],
                                        stderr=subprocess.PIPE, text=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.communicate()


@pytest.fixture
def sockets():
    """sockets are two that listen, on numbers beyond those they are to have in the program."""
    opened = [socket.create_server((host, 0), family=family) for host, family in
              (("127.0.0.1", socket.AF_INET), ("::1", socket.AF_INET6))]
    moved = [socket.socket(fileno=fcntl.fcntl(one_socket, fcntl.F_DUPFD_CLOEXEC, 100)) for one_socket in opened]
    yield moved
    for one_socket in opened + moved:
        one_socket.close()


def test_it_takes_sockets_that_listen_already(database, sockets):
    port, admin_port = sockets[1].getsockname()[1], sockets[0].getsockname()[1]
    with Activated(database, sockets, names="admin-listen:listen") as receiver:
        wait_until(lambda: request(admin_port, "GET", "/readyz").status == 200, "readyz")
        with socket.create_connection(("::1", port), timeout=PATIENCE) as connection:
            connection.sendall(b"GET /nowhere HTTP/1.0\r\n\r\n")
            assert connection.recv(1000).startswith(b"HTTP/1.1 404 ")
        receiver.process.terminate()
        assert receiver.process.wait(PATIENCE) == 0


def test_who_connects_between_two_of_them_waits(database, sockets):
    """The sockets outlive the program, so a restart refuses nobody."""
    port = sockets[0].getsockname()[1]
    with Activated(database, sockets[:1], "--admin-listen", "off", names="listen") as receiver:
        with Connection(port) as connection:
            assert connection.post("/nowhere", b"{}").status == 404
        receiver.process.terminate()
        assert receiver.process.wait(PATIENCE) == 0
    with Connection(port) as connection:
        connection.send(b"GET /nowhere HTTP/1.0\r\n\r\n")
        with Activated(database, sockets[:1], "--admin-listen", "off", names="listen"):
            assert connection.read_response().status == 404


@pytest.mark.parametrize("names, pid", [("something-else", "$$"), ("listen", "1")])
def test_sockets_for_others_are_left_alone(database, sockets, names, pid):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        with Activated(database, sockets[:1], "--admin-listen", "off", "--listen", address, names=names, pid=pid) as receiver:
            _, log = receiver.process.communicate(timeout=PATIENCE)
            assert receiver.process.returncode == 1
            assert f"listen: cannot listen on {address}" in log


def test_a_descriptor_that_is_no_socket_is_named(database):
    with tempfile.TemporaryFile() as file:
        with Activated(database, [file], "--admin-listen", "off", names="listen") as receiver:
            _, log = receiver.process.communicate(timeout=PATIENCE)
            assert receiver.process.returncode == 1
            assert "listen: cannot listen on" in log
