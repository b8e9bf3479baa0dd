"""A server on which passwords count, with people; a database and a console for each module."""

import pytest

from console import PEOPLE, Console
from console_program import ECHOES, address_of, make_people
from database import Database
from pgserver import PgServer
from secrecy import check_log


@pytest.fixture(scope="session")
def server():
    with PgServer(max_connections=100) as running:
        make_people(running)
        yield running


@pytest.fixture(scope="module")
def echoes(server, request):
    """A database whose functions say what they were asked for."""
    return Database(server, server.create_database(request.module.__name__, ECHOES))


@pytest.fixture(scope="module")
def weblog(server, request):
    """A database with the extension, and the levels of the people."""
    made = Database(server, server.create_database(request.module.__name__))
    for name, level in PEOPLE.items():
        if level:
            made.execute(f"SELECT msgstatus.grant_access('{name}', '{level}');")
    return made


@pytest.fixture
def start(echoes):
    """Starts consoles, which have to end cleanly after the test and to have logged nothing that they should not."""
    started = []

    def begin(*flags, user="", **options):
        started.append(Console(address_of(echoes, user), *flags, **options))
        return started[-1]

    yield begin
    try:
        for console in started:
            if console.process.poll() is None:
                console.stop()
            check_log(console)
    finally:
        for console in started:
            console.kill()


@pytest.fixture(scope="module")
def console(echoes):
    with Console(address_of(echoes)) as running:
        yield running
        running.stop()
        check_log(running)
