"""Fixtures of the property tests: one private server for the session, and databases on it."""

import pytest

from databases import Server
from pgserver import PgServer

# The smaller of two texts must be the same everywhere. "en" sorts otherwise than bytes do.
LOCALES = {"bytewise": "", "english": "TEMPLATE template0 ENCODING 'UTF8' LOCALE_PROVIDER icu ICU_LOCALE 'en-US'"}


@pytest.fixture(scope="session")
def server():
    with PgServer(autovacuum="off", max_connections="120") as pg:
        yield Server(pg)


@pytest.fixture(scope="module")
def database(server):
    return server.create_database()


@pytest.fixture(scope="module", params=LOCALES, ids=str)
def any_locale(server, request):
    """A database of each way to sort text."""
    return server.create_database(options=LOCALES[request.param])
