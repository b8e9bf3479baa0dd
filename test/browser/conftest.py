"""One server, one browser; a database, a receiver and a console for each module."""

import os

import pytest

from browser import Browser, missing_programs
from console import PEOPLE, Console, let_passwords_count
from database import Database
from pgserver import PgServer
from receiver import Receiver
from seed import SEED

# Passwords count here; the other suites' servers trust everybody.
RULES = "local all all trust\nhost all postgres 127.0.0.1/32 trust\nhost all all 127.0.0.1/32 scram-sha-256\n"


def pytest_collection_modifyitems(items):
    missing = missing_programs()
    if missing and os.environ.get("MSGSTATUS_WITHOUT_BROWSER"):
        for item in items:
            item.add_marker(pytest.mark.skip(reason=f"{' and '.join(missing)} missing, and MSGSTATUS_WITHOUT_BROWSER is set"))


@pytest.fixture(scope="session")
def server():
    with PgServer(max_connections=100) as running:
        let_passwords_count(running, RULES)
        yield running


@pytest.fixture(scope="module")
def database(server, request):
    made = Database(server, server.create_database(request.module.__name__))
    for name, level in PEOPLE.items():
        if level:
            made.execute(f"SELECT msgstatus.grant_access('{name}', '{level}');")
    made.execute(SEED)
    return made


@pytest.fixture(scope="module")
def receiver(database):
    with Receiver(database.conninfo, "--allow-unsigned") as running:
        yield running.wait_ready()


@pytest.fixture(scope="module")
def console(database):
    server = database.server
    # Tests leave sessions behind, as people do who close the browser.
    with Console(f"host=127.0.0.1 port={server.port} dbname={database.name}", "--sessions-per-role", "40") as running:
        yield running


@pytest.fixture(scope="session")
def chromium(tmp_path_factory):
    assert not missing_programs(), f"install chromium, chromium-driver and python3-selenium, or set MSGSTATUS_WITHOUT_BROWSER: {missing_programs()} missing"
    window = Browser(tmp_path_factory.mktemp("downloads"))
    yield window
    window.close()


@pytest.fixture
def browser(chromium, console):
    """The browser in front of the console, nobody signed in. A test that leaves an error in its console fails."""
    chromium.address = console.origin
    chromium.size(1280)
    chromium.dark(False)
    chromium.complaints()
    yield chromium
    complaints = chromium.complaints()
    chromium.forget()
    assert complaints == []


@pytest.fixture(scope="module")
def session(console):
    return console.token("otto")


@pytest.fixture
def otto(browser, session):
    """The browser with an operator signed in, at the log."""
    return browser.enter(session)
