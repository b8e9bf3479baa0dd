"""The server that all tests of this folder share, and random values that are the same in every run."""

import os
import random

import pytest

from pgserver import PgServer


@pytest.fixture(scope="session")
def types_server():
    with PgServer() as server:
        yield server


@pytest.fixture
def database(types_server, request):
    """A database of the test's own, with the extension and without its tables."""
    name = types_server.create_database(request.node.name.lower()[:60], setup="CREATE EXTENSION msgstatus;")
    types_server.execute("postgres", f'ALTER DATABASE "{name}" SET search_path = public, msgstatus;')
    return name


@pytest.fixture
def rng():
    """Always the same values, unless MSGSTATUS_TEST_SEED says otherwise; pytest shows the seed of a test that fails."""
    seed = int(os.environ.get("MSGSTATUS_TEST_SEED", "20241210"))
    print(f"MSGSTATUS_TEST_SEED={seed}")
    return random.Random(seed)
