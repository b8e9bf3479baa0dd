"""What the tests of the documentation share: a private server, and the receiver's program."""

import os
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from pages import ROOT, PgServer  # noqa: E402


@pytest.fixture(scope="module")
def docs_server():
    """A server for each module: the pages make roles, which databases share."""
    with PgServer() as server:
        yield server


@pytest.fixture(scope="session")
def receiver_program():
    return pathlib.Path(os.environ.get("MSGSTATUS_RECEIVER", ROOT / "build/receiver/msgstatus-receiver"))
