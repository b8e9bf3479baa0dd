"""One PostgreSQL server for all tests that leave it running; a database of its own for each module."""

import subprocess

import pytest

from pgserver import PgServer
from receiver import Receiver

SECRETS = {"MSGSTATUS_META_APP_SECRET": "meta-app-secret-0123", "MSGSTATUS_META_VERIFY_TOKEN": "verify-token-0123",
           "MSGSTATUS_TWILIO_AUTH_TOKEN": "twilio-auth-token-0123", "MSGSTATUS_AISENSY_SECRET": "aisensy-secret-0123"}
NEVER_LOGGED = [*SECRETS.values(), "14155550100", "MTQxNTU1NTAxMDA", "whatsapp_business_account", "recipient_id"]


class Database:
    """A database on the server, and what tests ask it."""

    def __init__(self, server, name):
        self.server = server
        self.name = name
        self.conninfo = server.conninfo(name)

    def query(self, sql):
        return self.server.query(self.name, sql)

    def execute(self, sql):
        return self.server.execute(self.name, sql)

    def states(self, *message_ids):
        """states does return the states of messages by id, of all without arguments."""
        listed = ", ".join("'" + message_id + "'" for message_id in message_ids)
        condition = f"WHERE message_id IN ({listed})" if message_ids else ""
        rows = self.query(f"SELECT message_id, msgstatus.state(status)::text AS state FROM msgstatus.message {condition}")
        return {row["message_id"]: row["state"] for row in rows}

    def hold(self, sql):
        """hold does run statements in a transaction that stays open until the context ends."""
        return Held(self, sql)


class Held:
    """An open transaction."""

    def __init__(self, database, sql):
        self.process = subprocess.Popen(database.server.psql(database.name), stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)
        self.process.stdin.write(f"BEGIN; {sql}\n\\echo held\n")
        self.process.stdin.flush()
        for line in self.process.stdout:
            if line == "held\n":
                return
        raise RuntimeError(f"cannot hold: {sql}")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.release()

    def release(self):
        """release does roll the transaction back."""
        if self.process.poll() is None:
            self.process.communicate("ROLLBACK;\n")


@pytest.fixture(scope="session")
def server():
    with PgServer() as running:
        yield running


@pytest.fixture(scope="module")
def database(server, request):
    return Database(server, server.create_database(request.module.__name__))


def check_log(receiver):
    """check_log does fail if the log holds what it must not."""
    for text in NEVER_LOGGED:
        assert text not in receiver.log, f"{text} in the log:\n{receiver.log}"
    assert "runtime error" not in receiver.log and "AddressSanitizer" not in receiver.log, receiver.log


@pytest.fixture
def start(database):
    """start does start receivers on the module's database, which have to end cleanly after the test."""
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
    """open_receiver is a receiver that takes everything without signatures."""
    with Receiver(database.conninfo, "--allow-unsigned", "--public-url", "https://hooks.example.org",
                  MSGSTATUS_META_VERIFY_TOKEN=SECRETS["MSGSTATUS_META_VERIFY_TOKEN"]) as receiver:
        yield receiver.wait_ready()
        receiver.stop()
        check_log(receiver)


@pytest.fixture(scope="module")
def signed_receiver(database):
    """signed_receiver is a receiver that knows every provider's secret."""
    with Receiver(database.conninfo, "--public-url", "https://hooks.example.org", **SECRETS) as receiver:
        yield receiver.wait_ready()
        receiver.stop()
        check_log(receiver)
