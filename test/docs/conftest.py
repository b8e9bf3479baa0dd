"""What the tests of the documentation share: a private server, and the receiver's program."""

import os
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from pages import ROOT, PgServer  # noqa: E402
from receiver import Receiver, wait_until  # noqa: E402
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
    """What /metrics tells, by family, of a receiver that has answered a request and asked for the alerts of its database."""
    with PgServer() as server, Receiver(server.conninfo(server.create_database("metrics"))) as receiver:
        assert receiver.request("GET", "/nowhere").status == 404
        wait_until(lambda: "msgstatus_alerts_active{" in receiver.admin("/metrics").text, "the alerts")
        families = exposition.parse(receiver.admin("/metrics").text)
        receiver.stop()
    return families
