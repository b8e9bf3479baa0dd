"""One PostgreSQL server for all tests that leave it running; a database of its own for each module."""

import pytest

from database import Database
from pgserver import PgServer
from receiver import Receiver
from secrecy import SECRETS, check_log


@pytest.fixture(scope="session")
def server():
    with PgServer() as running:
        yield running


@pytest.fixture(scope="module")
def database(server, request):
    return Database(server, server.create_database(request.module.__name__))


@pytest.fixture
def start(database):
    """Starts receivers on the module's database, which have to end cleanly after the test."""
    started = []

    def begin(*flags, database=database, **variables):
        receiver = Receiver(database.conninfo, *flags, **variables)
        started.append(receiver)
        return receiver.wait_ready()

    yield begin
    try:
        for receiver in started:
            if receiver.process.poll() is None:
                receiver.stop()
            check_log(receiver)
    finally:
        for receiver in started:
            receiver.kill()


@pytest.fixture(scope="module")
def open_receiver(database):
    """A receiver that takes everything without signatures."""
    with Receiver(database.conninfo, "--allow-unsigned", "--public-url", "https://hooks.example.org",
                  MSGSTATUS_META_VERIFY_TOKEN=SECRETS["MSGSTATUS_META_VERIFY_TOKEN"]) as receiver:
        yield receiver.wait_ready()
        receiver.stop()
        check_log(receiver)


@pytest.fixture(scope="module")
def signed_receiver(database):
    """A receiver that knows every provider's secret."""
    with Receiver(database.conninfo, "--public-url", "https://hooks.example.org", **SECRETS) as receiver:
        yield receiver.wait_ready()
        receiver.stop()
        check_log(receiver)
