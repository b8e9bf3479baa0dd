"""Many messages, lists, several workers, and what nobody asked for."""

import signal
import time

from receiver import wait_until
from twilio import ACCOUNT, sid

SUBACCOUNTS = ["AC" + digit * 32 for digit in "cdef"]

RECONCILE = ("--reconcile-every=3600", "--reconcile-days=3")


def test_the_list_for_many(start, messages, twilio):
    many = [sid(n) for n in range(1, 41)]
    messages.called_back(*many)
    for message in many:
        twilio.add(message, price="-0.00750")
    twilio.add(sid(100), "read")  # nobody asked for it, but it is on the page
    missing = many[5]
    del twilio.messages[missing]
    messages.request(*many)
    start("--list-from=20", "--concurrency=1")
    messages.wait_for("changed", *(message for message in many if message != missing))
    messages.wait_for("unknown", missing)
    assert messages.states() == {sid(100): "read", missing: "sent", **{message: "delivered" for message in many if message != missing}}
    asked = twilio.asked()
    assert len(asked) == 2 and "/Messages.json?PageSize=1000&DateSent%3E=" in asked[0] and missing in asked[1]


def test_the_list_only_if_it_takes_fewer_requests(start, messages, twilio):
    many = [sid(n) for n in range(1000, 1020)]
    for n in range(1, 200):
        twilio.add(sid(n))
    messages.called_back(*many)
    for message in many:
        twilio.add(message)
    twilio.page_size = 10
    messages.request(*many)
    start("--list-from=20", "--concurrency=1")
    messages.wait_for("changed", *many)
    assert len(twilio.asked("/Messages.json")) == 5, "a quarter of the messages"
    assert len(twilio.asked()) == 25


def test_reconciliation_finds_what_callbacks_never_told(start, messages, twilio):
    messages.called_back(sid(1))  # and no more: an outage
    messages.called_back(sid(2), status="delivered")
    for n in (1, 2, 3):
        twilio.add(sid(n), price="-0.00750" if n < 3 else None, body="hello")
    twilio.add(sid(4), age=5 * 86400)  # before the time that is compared
    for n in range(10, 31):
        twilio.add(sid(n), "read")
    messages.execute(f"""SELECT msgstatus.apply_message_status(jsonb_build_object('MessageSid', 'SM' || lpad(to_hex(n), 32, '0'), 'MessageStatus', 'read'))
                         FROM generate_series(10, 30) AS n""")
    twilio.page_size = 5
    worker = start(*RECONCILE)
    worker.wait_for_log("reconciliation ended")
    assert messages.row(sid(1)) == {"state": "delivered", "price": -0.0075, "price_unit": "USD", "num_segments": 1, "error_code": None}
    assert messages.row(sid(3))["state"] == "delivered", "a message that nobody had told of"
    assert messages.row(sid(4)) is None
    row = messages.query("SELECT pages, messages, changed, discovered, error, ended_at IS NOT NULL AS ended FROM msgstatus.reconciliations")
    assert row == [{"pages": 5, "messages": 24, "changed": row[0]["changed"], "discovered": 1, "error": None, "ended": True}]
    assert row[0]["changed"] >= 3, "the one that was stuck, the price of another, and the new one"
    assert worker.metric("msgstatus_refresh_listed_messages_total") == 24
    assert worker.metric("msgstatus_refresh_listed_discovered_total") == 1
    assert worker.metric("msgstatus_refresh_reconciliations_total") == 1
    assert len(twilio.asked()) == 5 and all(f"Accounts/{ACCOUNT}/Messages.json?" in path for path in twilio.asked())
    assert messages.check(sid(1))["outcome"] == "changed"


def test_reconciliation_covers_the_accounts_that_callbacks_named(start, messages, twilio):
    """A subaccount whose later callbacks were lost; one that lets nobody in, and one that is gone, stop themselves alone."""
    lost, refused, gone, long_ago = SUBACCOUNTS
    for number, account in ((1, lost), (2, refused), (3, gone), (4, long_ago)):
        messages.called_back(sid(number), account=account)
    messages.execute(f"UPDATE msgstatus.status_event SET received_at = now() - interval '4 days' WHERE message_id = '{sid(4)}'")
    twilio.add(sid(1), account=lost)
    twilio.add(sid(5), account=lost)
    twilio.add(sid(2), account=refused)
    twilio.add(sid(4), account=long_ago)
    twilio.add(sid(6))
    twilio.refused[refused] = 403
    twilio.page_size = 1
    worker = start(*RECONCILE, "--rate=5")
    ended = worker.wait_for_log("reconciliation ended", level="info")
    assert (ended["pages"], ended["messages"], ended["discovered"]) == (3, 3, 2)
    assert messages.states() == {sid(1): "delivered", sid(2): "sent", sid(3): "sent", sid(4): "sent", sid(5): "delivered", sid(6): "delivered"}
    accounts = [path.split("/")[3] for path in twilio.asked()]
    assert accounts == [ACCOUNT, lost, lost, refused, gone], "each list in turn, the configured account first"
    times = twilio.times()
    assert times[-1] - times[0] > (len(times) - 1 - 5) / 5, "within the one rate"
    assert [event["account"] for event in worker.events("Twilio refused an account")] == [refused]
    assert worker.admin("/readyz").status == 200, "the others go on"
    # The next one remembers what the end of the trail may no longer tell.
    worker.stop()
    messages.execute("""UPDATE msgstatus.status_event SET detail = NULL;
                        UPDATE msgstatus.reconciliation SET began_at = began_at - interval '1 hour', ended_at = ended_at - interval '1 hour'""")
    second = start(*RECONCILE)
    second.wait_for_log("reconciliation ended", level="info")
    assert [path.split("/")[3] for path in twilio.asked()[5:]] == accounts


def test_a_list_that_fails_keeps_no_other_from_being_compared(start, messages, twilio):
    messages.called_back(sid(1), account=SUBACCOUNTS[0])
    twilio.add(sid(1), account=SUBACCOUNTS[0])
    twilio.misbehave("list", 500, 500)
    worker = start(*RECONCILE, "--attempts=2")
    worker.wait_for_log("reconciliation ended", level="error")
    assert messages.query("SELECT pages, messages, error FROM msgstatus.reconciliations") == [{"pages": 1, "messages": 1, "error": "HTTP 500"}]
    assert messages.row(sid(1))["state"] == "delivered"


def test_a_failed_page_is_asked_again(start, messages, twilio):
    twilio.add(sid(1))
    twilio.add(sid(2))
    twilio.page_size = 1
    twilio.misbehave("list", 500, "hang", 429)
    worker = start(*RECONCILE, "--timeout=1")
    worker.wait_for_log("reconciliation ended")
    assert messages.query("SELECT pages, messages, discovered, error FROM msgstatus.reconciliations") == [
        {"pages": 2, "messages": 2, "discovered": 2, "error": None}]
    assert messages.row(sid(2))["state"] == "delivered"


def test_a_reconciliation_that_fails(start, messages, twilio):
    twilio.misbehave("list", 500, 500)
    worker = start(*RECONCILE, "--attempts=2")
    worker.wait_for_log("reconciliation ended", level="error")
    assert messages.query("SELECT pages, error FROM msgstatus.reconciliations") == [{"pages": 0, "error": "HTTP 500"}]
    assert worker.metric("msgstatus_refresh_reconciliations_failed_total") == 1


def test_stuck_messages_are_asked_for_by_themselves(start, messages, twilio):
    messages.registered(sid(1), "1 hour")
    messages.registered(sid(2), "1 minute")
    messages.registered(sid(3), "8 days")
    for n in (1, 2, 3):
        twilio.add(sid(n))
    worker = start("--stuck-after=900")
    messages.wait_for("changed", sid(1))
    assert messages.check(sid(1))["asked_by"] == "refresh_worker"
    assert worker.metric("msgstatus_refresh_stuck_total") == 1
    assert len(twilio.asked()) == 1


def test_a_killed_worker_is_replaced(start, messages, twilio):
    many = [sid(n) for n in range(1, 6)]
    messages.called_back(*many)
    for message in many:
        twilio.add(message)
        twilio.misbehave(message, "hang")
    messages.request(*many)
    first = start("--concurrency=1", "--list-from=100")
    wait_until(lambda: len(twilio.asked()) == 1, "the first request is under way")
    held = messages.query("SELECT DISTINCT worker FROM msgstatus.refresh_queue")
    assert len(held) == 1 and held[0]["worker"]
    twilio.misbehaviour.clear()
    first.signal(signal.SIGKILL)
    first.wait()
    start("--list-from=100")
    messages.wait_for("changed", *many)
    assert messages.query("SELECT DISTINCT attempts FROM msgstatus.refresh_status") == [{"attempts": 2}]
    assert set(messages.states().values()) == {"delivered"}


def test_a_stopped_worker_gives_back_what_it_holds(start, messages, twilio):
    many = [sid(n) for n in range(1, 6)]
    messages.called_back(*many)
    for message in many:
        twilio.add(message)
        twilio.misbehave(message, "hang")
    messages.request(*many)
    worker = start("--concurrency=1", "--timeout=20", "--lease=60")
    wait_until(lambda: len(twilio.asked()) == 1, "the first request is under way")
    began = time.monotonic()
    worker.stop()
    assert time.monotonic() - began < 15, "it does not wait for the answer"
    assert messages.query("SELECT worker, max(attempts) AS attempts, count(*) AS n FROM msgstatus.refresh_queue GROUP BY 1") == [
        {"worker": None, "attempts": 0, "n": 5}]


def test_two_workers_within_one_rate(start, messages, twilio):
    many = [sid(n) for n in range(1, 31)]
    messages.called_back(*many)
    for message in many:
        twilio.add(message)
    messages.request(*many)
    for _ in range(2):
        start("--rate=5", "--list-from=100", "--lease=60")
    messages.wait_for("changed", *many)
    times = sorted(twilio.times())
    assert len(times) == 30, "each message once"
    # A bucket of five, filled by five a second; a request may be late, but then the next ones are not early.
    for i, begin in enumerate(times):
        for k in range(i, len(times)):
            assert k - i + 1 <= 5 + 5 * (times[k] - begin) + 5, "within any time"
    assert times[-1] - times[0] >= (30 - 5) / 5 - 1


def test_once(run, messages, twilio):
    messages.called_back(sid(1))
    messages.registered(sid(2), "1 hour")
    for n in (1, 2, 3):
        twilio.add(sid(n))
    messages.request(sid(1))
    done = run("--once", "--stuck-after=900", *RECONCILE)
    assert done.returncode == 0, done.stderr
    assert messages.states() == {sid(n): "delivered" for n in (1, 2, 3)}
    assert messages.queued() == 0


def test_dry_run(run, messages, twilio):
    messages.called_back(sid(1))
    messages.called_back(sid(3), status="read", account=SUBACCOUNTS[0])
    messages.registered(sid(2), "1 hour")
    messages.request(sid(1))
    done = run("--dry-run", "--stuck-after=900", *RECONCILE)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[:2] == [f"GET {twilio.url}/2010-04-01/Accounts/{ACCOUNT}/Messages/{sid(n)}.json" for n in (1, 2)]
    assert [line.partition("&DateSent%3E=")[0] for line in lines[2:]] == [
        f"GET {twilio.url}/2010-04-01/Accounts/{account}/Messages.json?PageSize=1000" for account in (ACCOUNT, SUBACCOUNTS[0])]
    assert twilio.asked() == [] and messages.queued() == 1


def test_the_database_goes_away_and_comes_back(start, messages, twilio):
    worker = start()
    messages.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'msgstatus-refresh'")
    worker.wait_for_log("database")
    messages.called_back(sid(1))
    twilio.add(sid(1))
    messages.request(sid(1))
    messages.wait_for("changed", sid(1))
