"""A server that the tests may stop, a database for each test, and receivers with a spool."""

import pytest

from database import Database
from pgserver import PgServer
from receiver import Receiver, wait_until
from secrecy import check_log


@pytest.fixture(scope="module")
def server():
    """A server that tests may stop."""
    with PgServer() as running:
        yield running


@pytest.fixture
def database(server):
    """A database of its own for each test, on a server that runs when the test begins."""
    if not (server.data / "postmaster.pid").exists():
        server.start()
    return Database(server, server.create_database("spool"))


@pytest.fixture
def spooling(database, tmp_path):
    """Starts receivers with a spool, all in one directory."""
    started = []

    def begin(*flags, ready=True, directory=tmp_path / "spool", conninfo=database.conninfo):
        receiver = Receiver(conninfo, "--allow-unsigned", "--spool-dir", str(directory), *flags)
        started.append(receiver)
        if ready:
            wait_until(lambda: receiver.metric("msgstatus_lanes_connected") > 0, "a lane")
            receiver.wait_for_log("spool open")
        return receiver

    yield begin
    try:
        for receiver in started:
            if receiver.process.poll() is None:
                receiver.stop()
            check_log(receiver)
    finally:
        for receiver in started:
            receiver.kill()
