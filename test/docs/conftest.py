"""Fixtures of the documentation's tests: a private server, and the receiver's program."""

import os
import pathlib

import pytest

from pages import ROOT, PgServer
from receiver import Receiver, wait_until
import exposition


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
    """The metrics, by family, of a receiver that has answered a request and read the alerts of its database."""
    with PgServer() as server, Receiver(server.conninfo(server.create_database("metrics"))) as receiver:
        assert receiver.request("GET", "/nowhere").status == 404
        wait_until(lambda: "msgstatus_alerts_active{" in receiver.admin("/metrics").text, "the alerts")
        families = exposition.parse(receiver.admin("/metrics").text)
        receiver.stop()
    return families
