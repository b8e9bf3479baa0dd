"""What Twilio answers about a message, and what becomes of it."""

import pathlib
import tempfile
import time

import pytest

from receiver import wait_until
from twilio import ACCOUNT, FakeTwilio, sid

OTHER_ACCOUNT = "AC" + "0c" * 16


def test_status_price_and_segments(start, messages, twilio):
    messages.called_back(sid(1), account=OTHER_ACCOUNT)
    messages.registered(sid(2))
    twilio.add(sid(1), account=OTHER_ACCOUNT, price="-0.02250", num_segments="3")
    twilio.add(sid(2), "undelivered", error_code=30008, error_message="Unknown error")
    assert messages.request(sid(1), sid(2)) == 2
    worker = start()
    messages.wait_for("changed", sid(1), sid(2))
    assert messages.row(sid(1)) == {"state": "delivered", "price": -0.0225, "price_unit": "USD", "num_segments": 3, "error_code": None}
    assert messages.row(sid(2)) == {"state": "undelivered", "price": None, "price_unit": "USD", "num_segments": 1, "error_code": 30008}
    assert messages.query("SELECT DISTINCT source FROM msgstatus.status_event WHERE time_source = 'provider'") == [{"source": "twilio-api"}]
    assert sorted(twilio.asked()) == sorted([f"/2010-04-01/Accounts/{OTHER_ACCOUNT}/Messages/{sid(1)}.json",
                                             f"/2010-04-01/Accounts/{ACCOUNT}/Messages/{sid(2)}.json"]), "the account of the callbacks"
    assert messages.check(sid(1))["attempts"] == 1 and messages.check(sid(1))["asked_by"] == "postgres"
    assert worker.metric('msgstatus_refresh_messages_total{outcome="changed"}') == 2
    assert worker.metric('msgstatus_refresh_requests_total{result="ok"}') == 2


@pytest.mark.parametrize("status, state", [
    ("queued", "queued"), ("sending", "sending"), ("sent", "sent"), ("failed", "failed"), ("delivered", "delivered"),
    ("undelivered", "undelivered"), ("accepted", "accepted"), ("scheduled", "scheduled"), ("read", "read"),
    ("partially_delivered", "partially_delivered"), ("canceled", "canceled"), ("receiving", "processing"), ("received", "received")])
def test_every_status(run, messages, twilio, status, state):
    messages.registered(sid(1))
    twilio.add(sid(1), status, direction="inbound" if status.startswith("receiv") else "outbound-api")
    messages.request(sid(1))
    assert run("--once").returncode == 0
    assert messages.row(sid(1))["state"] == state
    assert messages.check(sid(1))["outcome"] == "changed"


def test_nothing_new(start, messages, twilio):
    messages.called_back(sid(1))
    twilio.add(sid(1), "queued")
    messages.request(sid(1))
    start()
    messages.wait_for("changed", sid(1))
    messages.execute("UPDATE msgstatus.message_check SET checked_at = checked_at - interval '2 minutes'")
    assert messages.request(sid(1)) == 1, "a notification wakes the worker"
    messages.wait_for("unchanged", sid(1))
    assert messages.row(sid(1))["state"] == "sent"
    assert messages.request(sid(1)) == 0, "not within a minute"


def test_404_is_final(start, messages, twilio):
    messages.called_back(sid(1))
    messages.request(sid(1))
    start()
    messages.wait_for("unknown", sid(1))
    assert messages.check(sid(1))["last_error"] == "the provider does not know it"
    messages.execute("UPDATE msgstatus.message_check SET checked_at = checked_at - interval '2 minutes'")
    assert messages.request(sid(1)) == 0
    assert len(twilio.asked()) == 1


@pytest.mark.parametrize("status", [401, 403])
def test_refused_credentials_stop_everything(start, messages, twilio, status):
    secret = pathlib.Path(tempfile.mkdtemp()) / "secret"
    secret.write_text("an-old-secret-of-the-key\n")
    messages.called_back(*map(sid, range(1, 31)))
    for n in range(1, 31):
        twilio.add(sid(n))
    messages.request(*map(sid, range(1, 31)))
    if status == 403:
        twilio.everywhere += [403, 403]
        secret.write_text(twilio.secret)
    worker = start(f"--twilio-api-secret-file={secret}", "--list-from=100", secret=None, ready=False)
    worker.wait_for_log("Twilio refused the credentials", status=status)
    wait_until(lambda: messages.query("SELECT state, detail FROM msgstatus.refresh_workers") == [
        {"state": "refused", "detail": f"Twilio refused the credentials (HTTP {status})"}], "the database knows")
    wait_until(lambda: messages.query("SELECT count(*) AS n FROM msgstatus.refresh_queue WHERE worker IS NULL AND attempts = 0") == [{"n": 30}],
               "the messages are given back")
    assert len(twilio.asked()) <= 2, "one for each that was under way"
    assert worker.admin("/readyz").status == 503 and "refused" in worker.admin("/readyz").text
    assert worker.admin("/healthz").status == 200
    assert worker.metric("msgstatus_refresh_refused") == 1
    assert len(worker.events("Twilio refused the credentials")) == 1
    twilio.everywhere.clear()
    secret.write_text(twilio.secret)
    worker.hang_up()
    messages.wait_for("changed", *map(sid, range(1, 31)))
    assert worker.metric("msgstatus_refresh_refused") == 0
    assert "an-old-secret" not in worker.log


@pytest.mark.parametrize("status", [401, 403])
@pytest.mark.parametrize("list_from", [2, 100])
def test_an_account_that_is_refused_stops_nothing_else(start, messages, twilio, status, list_from):
    foreign, own = [sid(n) for n in range(1, 6)], [sid(n) for n in range(11, 16)]
    messages.called_back(*foreign, account=OTHER_ACCOUNT)
    messages.called_back(*own)
    for message in own:
        twilio.add(message)
    twilio.refused[OTHER_ACCOUNT] = status
    messages.request(*foreign, *own)
    worker = start("--concurrency=1", f"--list-from={list_from}")
    messages.wait_for("failed", *foreign)
    messages.wait_for("changed", *own)
    assert messages.check(foreign[0])["last_error"] == f"Twilio refused the account that callbacks named (HTTP {status})"
    assert len(twilio.asked(OTHER_ACCOUNT)) == 1
    assert len(worker.events("Twilio refused an account", account=OTHER_ACCOUNT, status=status)) == 1
    assert worker.admin("/readyz").status == 200 and worker.metric("msgstatus_refresh_refused") == 0
    twilio.refused.clear()
    for message in foreign:
        twilio.add(message, account=OTHER_ACCOUNT)
    worker.hang_up()
    worker.wait_for_log("reloaded")
    messages.execute("UPDATE msgstatus.message_check SET checked_at = checked_at - interval '2 minutes'")
    assert messages.request(*foreign) == 5
    messages.wait_for("changed", *foreign)


def test_the_exit_status_tells_of_a_refused_account(run, messages, twilio):
    messages.called_back(sid(1), account=OTHER_ACCOUNT)
    twilio.refused[OTHER_ACCOUNT] = 403
    messages.request(sid(1))
    done = run("--once")
    assert done.returncode == 1 and "Twilio refused an account" in done.stderr


def test_429_without_retry_after(start, messages, twilio):
    messages.called_back(sid(1))
    twilio.add(sid(1))
    twilio.misbehave(sid(1), 429, 429)
    messages.request(sid(1))
    worker = start("--backoff=0.4")
    messages.wait_for("changed", sid(1))
    assert messages.check(sid(1))["attempts"] == 3
    first, second, third = twilio.times()
    assert second - first >= 0.2 and third - second >= 0.4, "doubled, less up to a half"
    assert worker.metric('msgstatus_refresh_requests_total{result="throttled"}') == 2


def test_429_with_retry_after_holds_for_all(start, messages, twilio):
    twilio.everywhere.append((429, {"Retry-After": "2"}))
    messages.called_back(sid(1), sid(2))
    for n in (1, 2):
        twilio.add(sid(n))
    messages.request(sid(1), sid(2))
    start("--concurrency=1", "--lease=20")
    messages.wait_for("changed", sid(1), sid(2))
    first, *others = twilio.times()
    assert len(others) == 2 and min(others) - first >= 1.9


def test_500_until_it_is_given_up(start, messages, twilio):
    for n in (1, 2):
        messages.called_back(sid(n))
        twilio.add(sid(n))
    twilio.misbehave(sid(1), 500, 503, 500)
    twilio.misbehave(sid(2), 500, (503, {"Retry-After": "1"}))
    messages.request(sid(1), sid(2))
    start("--attempts=3")
    messages.wait_for("failed", sid(1))
    messages.wait_for("changed", sid(2))
    check = messages.check(sid(1))
    assert (check["attempts"], check["last_error"]) == (3, "HTTP 500")
    assert messages.row(sid(1))["state"] == "sent"
    messages.execute("UPDATE msgstatus.message_check SET checked_at = checked_at - interval '2 minutes'")
    assert messages.request(sid(1)) == 1, "it can be asked for again"
    messages.wait_for("changed", sid(1))


@pytest.mark.parametrize("misbehaviour, words, result", [
    ("hang", "Timeout was reached", "timeout"), ("oversize", "the answer is too large", "unusable"), ("redirect", "HTTP 302", "unusable"),
    ("broken", "the answer cannot be used", "unusable"), ("another", "the answer cannot be used", "unusable"),
    ("html", "HTTP 404", "unusable"), (400, "HTTP 400", "unusable")])
def test_what_cannot_be_used_is_tried_again(start, messages, twilio, misbehaviour, words, result):
    messages.called_back(sid(1))
    twilio.add(sid(1))
    twilio.misbehave(sid(1), misbehaviour)
    messages.request(sid(1))
    worker = start("--timeout=1", "--backoff=60")
    messages.wait_for_error(sid(1), words)
    messages.end_pauses()
    messages.wait_for("changed", sid(1))
    assert messages.row(sid(1))["state"] == "delivered"
    assert messages.check(sid(1))["attempts"] == 2
    assert twilio.asked("elsewhere") == [], "no redirect is followed"
    assert worker.metric(f'msgstatus_refresh_requests_total{{result="{result}"}}') >= 1


def test_an_answer_that_cannot_be_stored(start, messages, twilio):
    messages.called_back(sid(1))
    twilio.add(sid(1))
    twilio.misbehave(sid(1), "null")
    messages.request(sid(1))
    start()
    messages.wait_for("failed", sid(1))
    assert messages.check(sid(1))["last_error"] == "the answer cannot be stored"


@pytest.mark.parametrize("fault", ["authority", "name"])
def test_bad_certificate(start, messages, twilio, tmp_path, fault):
    messages.called_back(sid(1))
    twilio.add(sid(1))
    messages.request(sid(1))
    directory = tmp_path / "other"
    directory.mkdir()
    with FakeTwilio(directory, subject="api.twilio.example" if fault == "name" else "localhost") as other:
        if fault == "authority":
            other.ca = twilio.ca
        start("--backoff=60", twilio=other)
        messages.wait_for_error(sid(1), "SSL peer certificate")
        assert other.asked() == []
    assert messages.row(sid(1))["state"] == "sent"


def test_no_https_no_request(run, twilio):
    twilio.url = twilio.url.replace("https", "http")
    done = run("--once")
    assert done.returncode == 2 and "twilio-api-url: must begin with https://" in done.stderr
    assert twilio.asked() == []


@pytest.mark.parametrize("flag, words", [
    ("--twilio-account-sid=AC1", "twilio-account-sid: must be AC"), (f"--twilio-account-sid={ACCOUNT}/x", "twilio-account-sid"),
    (f"--twilio-api-key={ACCOUNT}", "twilio-api-key: must be SK"), ("--lease=1", "lease: must be at least twice the timeout"),
    ("--rate=0", "rate"), ("--twilio-api-secret=x", "unrecognised option")])
def test_bad_settings(run, flag, words):
    done = run("--once", flag)
    assert done.returncode == 2 and words in done.stderr


def test_without_credentials(start, run, messages, twilio):
    messages.called_back(*map(sid, range(1, 4)))
    messages.request(*map(sid, range(1, 4)))
    worker = start(secret=None, ready=False)
    wait_until(lambda: messages.query("SELECT state, detail FROM msgstatus.refresh_workers") == [
        {"state": "not configured", "detail": "Twilio client not configured"}], "the database knows")
    assert len(worker.events("Twilio client not configured")) == 1
    assert worker.events("Twilio client not configured")[0]["level"] == "warning"
    assert worker.admin("/readyz").status == 503
    assert twilio.asked() == [] and messages.queued() == 3
    assert messages.query("SELECT max(attempts) AS n FROM msgstatus.refresh_queue") == [{"n": 0}]
    assert messages.query("SELECT msgstatus.refresh_configured() AS is") == [{"is": False}]
    worker.stop()
    assert messages.query("SELECT state FROM msgstatus.refresh_workers") == [{"state": "stopped"}]
    assert run("--once", secret=None).returncode == 1


def test_the_message_is_fetched_at_once(start, messages, twilio):
    worker = start()
    wait_until(lambda: worker.metric("msgstatus_refresh_database_connections") == 3, "two that fetch, one that reports")
    messages.called_back(sid(1))
    twilio.add(sid(1))
    asked = time.monotonic()
    messages.request(sid(1))
    messages.wait_for("changed", sid(1))
    assert time.monotonic() - asked < 9, "by the notification: without it, after ten seconds"
