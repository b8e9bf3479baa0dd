"""A fake Twilio for each test, and workers on the module's database, whose role has the level refresh and no more."""

import pytest

from refresh import Refresh
from refresh import run as run_refresh
from refresh_steps import Messages
from twilio import SECRET, FakeTwilio

NEVER_LOGGED = [SECRET, "14155550100", "15005550006", "hello", "Authorization"]


@pytest.fixture
def twilio(tmp_path):
    with FakeTwilio(tmp_path) as fake:
        yield fake
        assert not fake.errors, "an answer that Twilio would not give"


@pytest.fixture(scope="module")
def worker_role(database):
    database.execute("""DO $$ BEGIN CREATE ROLE refresh_worker LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$;
                        SELECT msgstatus.grant_access('refresh_worker', 'refresh');""")
    return database.server.conninfo(database.name, "refresh_worker")


@pytest.fixture
def messages(database, worker_role):
    database.execute("""TRUNCATE msgstatus.message, msgstatus.status_event, msgstatus.rejected_status, msgstatus.refresh_queue,
                            msgstatus.message_check, msgstatus.refresh_worker, msgstatus.reconciliation, msgstatus.message_rollup;
                        UPDATE msgstatus.refresh_rate SET next_at = '-infinity'""")
    return Messages(database)


@pytest.fixture
def start(messages, worker_role, twilio):
    """Starts workers, which have to end cleanly after the test, unless it killed them."""
    started = []

    def begin(*flags, twilio=twilio, ready=True, **options):
        worker = Refresh(worker_role, twilio, *flags, **options)
        started.append(worker)
        return worker.wait_ready() if ready else worker

    yield begin
    try:
        for worker in started:
            if worker.process.poll() is None:
                worker.stop()
            for text in NEVER_LOGGED:
                assert text not in worker.log, f"{text} in the log:\n{worker.log}"
    finally:
        for worker in started:
            worker.kill()


@pytest.fixture
def run(messages, worker_role, twilio):
    """Runs the program where it ends by itself."""
    def begin(*flags, **options):
        done = run_refresh(worker_role, twilio, *flags, **options)
        for text in NEVER_LOGGED:
            assert text not in done.stderr + done.stdout, done.stderr
        return done
    return begin
