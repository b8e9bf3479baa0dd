"""What the tests of the documentation share: a private server, and the receiver's program."""

import os
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from pages import ROOT, PgServer  # noqa: E402
from pgserver import free_port  # noqa: E402
from receiver import Receiver  # noqa: E402
import exposition  # noqa: E402


@pytest.fixture(scope="module")
def docs_server():
    """A server for each module: the pages make roles, which databases share."""
    with PgServer() as server:
        yield server


@pytest.fixture(scope="session")
def receiver_program():
    return pathlib.Path(os.environ.get("MSGSTATUS_RECEIVER", ROOT / "build/receiver/msgstatus-receiver"))


@pytest.fixture(scope="session")
def exposition_families():
    """What /metrics tells, by family, of a receiver that has answered a request and has no database."""
    with Receiver(f"host=127.0.0.1 port={free_port()}") as receiver:
        assert receiver.request("GET", "/nowhere").status == 404
        families = exposition.parse(receiver.admin("/metrics").text)
        receiver.stop()
    return families
