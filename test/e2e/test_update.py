"""The extension changes beside a running receiver, as ALTER EXTENSION UPDATE changes it: no webhook is lost or set aside."""

import threading

import earlier_release
from database import Database
from receiver import wait_until
from webhooks import new_id, one

ALTERED = "ALTER TYPE msgstatus.message_change ADD ATTRIBUTE x integer"
MENDED = "ALTER TYPE msgstatus.message_change DROP ATTRIBUTE x"


def post_all(receiver, ids):
    """Posts a webhook for each id, all at once, and returns the answers' statuses by id."""
    answers = {}

    def post(message_id):
        answers[message_id] = receiver.post("/webhook", one(message_id)).status

    threads = [threading.Thread(target=post, args=[message_id]) for message_id in ids]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def assert_kept_until_mended(receiver, database):
    before = [new_id() for _ in range(20)]
    assert set(post_all(receiver, before).values()) == {200}
    # The lane's backend has filled the type before it changes.
    database.execute(ALTERED)
    during = [new_id() for _ in range(20)]
    assert set(post_all(receiver, during).values()) == {200}
    receiver.wait_for_log("database connection lost")
    assert database.states(*during) == {}
    database.execute(MENDED)
    wait_until(lambda: set(database.states(*during)) == set(during), "the spool to be drained")
    after = [new_id() for _ in range(20)]
    assert set(post_all(receiver, after).values()) == {200}
    assert set(database.states(*after)) == set(after)
    assert database.query("SELECT 1 FROM msgstatus.rejected_status") == []


def test_webhooks_wait_in_the_spool_until_the_type_is_mended(start, database, tmp_path):
    receiver = start("--allow-unsigned", "--lanes", "1", "--spool-dir", str(tmp_path / "spool"))
    assert_kept_until_mended(receiver, database)
    # No backend crashed: the server would have ended all of them.
    assert "terminated by signal" not in database.server.log.read_text()


def test_without_a_spool_the_provider_is_asked_to_come_again(start, database):
    receiver = start("--allow-unsigned")
    assert receiver.post("/webhook", one()).status == 200
    database.execute(ALTERED)
    message_id = new_id()
    answer = receiver.post("/webhook", one(message_id))
    assert answer.status == 503 and int(answer.headers["retry-after"]) > 0
    database.execute(MENDED)
    wait_until(lambda: receiver.post("/webhook", one(message_id)).status == 200, "a lane that connects again")
    assert set(database.states(message_id)) == {message_id}


def test_webhooks_wait_while_the_tables_are_of_a_version_that_is_not_served(start, database, tmp_path):
    """The tables get to a later series first, and then the library: the lane connects again until it finds it."""
    receiver = start("--allow-unsigned", "--lanes", "1", "--spool-dir", str(tmp_path / "spool"))
    [row] = database.query("SELECT version FROM msgstatus.installation")
    assert receiver.post("/webhook", one()).status == 200
    database.execute("UPDATE msgstatus.installation SET version = '99.0.0'")
    during = [new_id() for _ in range(20)]
    assert set(post_all(receiver, during).values()) == {200}
    receiver.wait_for_log("database connection lost")
    assert database.states(*during) == {}
    database.execute(f"UPDATE msgstatus.installation SET version = '{row['version']}'")
    wait_until(lambda: set(database.states(*during)) == set(during), "the spool to be drained")
    assert database.query("SELECT 1 FROM msgstatus.rejected_status") == []


def test_no_webhook_is_lost_by_an_update_from_an_earlier_release(start, server, tmp_path):
    """Before, between and after its steps; with the earlier library, if there is one, calls succeed before the update."""
    earlier_release.stage(server)
    database = Database(server, earlier_release.restore(server, "earlier"))
    before = len(database.states())
    receiver = start("--allow-unsigned", "--lanes", "2", "--spool-dir", str(tmp_path / "spool"), database=database)
    posted = []

    def post(number):
        ids = [new_id() for _ in range(number)]
        assert set(post_all(receiver, ids).values()) == {200}
        posted.extend(ids)

    post(20)
    database.execute(f"{earlier_release.UPDATE};")
    post(20)
    database.execute(f"{earlier_release.INSTALL};")
    post(20)
    wait_until(lambda: set(database.states(*posted)) == set(posted), "the spool to be drained")
    assert len(database.states()) == before + len(posted)
    assert database.query("SELECT * FROM msgstatus.verify_rollups()") == []
    assert len(database.query("SELECT 1 FROM msgstatus.rejected_status")) == 2  # of the dump
    assert "terminated by signal" not in server.log.read_text()
