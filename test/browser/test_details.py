"""The details of a message, and asking its provider again."""

import json
import re

import pytest

from browser import Keys

TWILIO_WAITS = "provider = 'twilio' AND direction = 'outbound' AND NOT msgstatus.is_final(msgstatus.state(status))"


@pytest.fixture
def worker(database):
    """A refresh worker has been seen, so that the page offers to ask."""
    database.execute("SELECT msgstatus.refresh_worker_seen('test', 'running');")


def open_message(browser, condition):
    """Opens the newest message for which a condition holds, by the log and its filters, and returns its id."""
    browser.open("/messages")
    row = browser.query(f"SELECT message_id, recipient FROM msgstatus.message WHERE {condition} ORDER BY created_at DESC LIMIT 1")[0]
    browser.fill("#f-recipient", row["recipient"]).click("#apply").until(lambda: len(browser.rows()) == 1, "one message")
    browser.click("#log tbody a").one("#message-id")
    browser.at_rest()
    return row["message_id"]


@pytest.fixture
def operator(otto, database):
    otto.query = database.query
    return otto


def test_everything_about_a_message(operator, database):
    key = open_message(operator, "msgstatus.state(status) = 'failed' AND campaign_id IS NOT NULL")
    assert operator.text("#message-id") == key
    assert key not in operator.path
    words = operator.text("main")
    for expected in ("Failed", "131026", "Message undeliverable", "Can be retried", "Spring greeting", "+15550100000", "order-", "seed"):
        assert expected in words
    assert operator.script("return [...document.querySelectorAll('.timeline li')].length") >= 1
    operator.click("#fold-raw")
    raw = json.loads(operator.text("pre[aria-label^='Raw']"))
    assert raw["message_id"] == key
    operator.cdp("Browser.grantPermissions", permissions=["clipboardReadWrite", "clipboardSanitizedWrite"], origin=operator.address)
    operator.click("#copy").wait_text("#notices", "clipboard")
    copied = operator.driver.execute_async_script("navigator.clipboard.readText().then(arguments[0])")
    assert json.loads(copied) == raw
    # The address is one's own: it can be opened by itself, and leads back to the list.
    operator.driver.refresh()
    operator.wait_text("#message-id", key)
    operator.driver.back()
    operator.until(lambda: len(operator.rows()) == 1, "the list with its filter")


def test_time_between_states(operator, database):
    database.execute("""SELECT msgstatus.apply_message_status('[{"id": "wamid.BETWEEN", "status": "sent", "timestamp": "1733826600"},
        {"id": "wamid.BETWEEN", "status": "read", "timestamp": "1733826990"}]', source => 'between');
        SELECT msgstatus.register_message('wamid.BETWEEN', recipient => '+4915550001');""")
    open_message(operator, "message_id = 'wamid.BETWEEN'")
    steps = [re.sub(r"\s+", " ", step) for step in operator.script("return [...document.querySelectorAll('.timeline li')].map((step) => step.innerText)")]
    assert steps[0].startswith("Sent") and steps[-1].startswith("Read") and any("6 min 30 s later" in step for step in steps), steps
    assert len(operator.all("#main table tbody tr")) == 2


def test_there_is_no_such_message(operator):
    operator.open("/messages/m_nobody").wait_text("main", "Not found")
    assert all("status of 404" in line for line in operator.complaints())


def test_without_a_worker_nothing_is_offered(operator, database):
    operator.open("/messages").wait_text("#not-configured", "Twilio client not configured")
    assert operator.all("#refresh-all") == []
    open_message(operator, TWILIO_WAITS)
    operator.wait_text("#not-configured", "Twilio client not configured")


def test_one_is_asked_for(operator, database, worker):
    key = open_message(operator, TWILIO_WAITS)
    operator.click("#refresh").wait_text("#outcome", "1 message asked for.")
    assert [row["message_id"] for row in database.query("SELECT message_id FROM msgstatus.refresh_queue")] == [key]
    operator.click("#refresh").wait_text("#outcome", "already waiting")
    # Somebody does what the worker does.
    database.execute("""SELECT msgstatus.apply_message_status(jsonb_build_object('sid', c.message_id, 'status', 'delivered', 'api_version', '2010-04-01',
            'account_sid', 'AC' || md5('a'), 'date_updated', 'Tue, 10 Dec 2024 10:30:00 +0000', 'to', '+491', 'from', '+492'), source => 'twilio-api'),
        msgstatus.finish_refreshes(array[c.message_id], array[c.claim], array['changed'], array[NULL], array[NULL::interval])
        FROM msgstatus.claim_refreshes('test', 10) AS c;""")
    operator.wait_text(".lead", "Delivered")
    assert database.query("SELECT role_name, action, affected FROM msgstatus.action_log ORDER BY action_id LIMIT 1") == [
        {"role_name": "otto", "action": "refresh", "affected": 1}]


def test_a_provider_that_cannot_be_asked(operator, worker):
    open_message(operator, "provider = 'aisensy' AND NOT msgstatus.is_final(msgstatus.state(status))")
    assert operator.all("#refresh") == []
    operator.wait_text(".heading", "asked")


def test_all_are_asked_for_after_a_question(operator, database, worker):
    database.execute("DELETE FROM msgstatus.refresh_queue;")
    waiting = database.query(f"SELECT count(*) FROM msgstatus.message WHERE {TWILIO_WAITS}")[0]["count"]
    operator.open("/messages?provider=twilio").click("#refresh-all").one("dialog[open]")
    for _ in range(5):  # the focus does not leave the dialog for the page
        operator.keys(Keys.TAB)
        assert operator.script("return document.activeElement === document.body || document.activeElement.closest('dialog') !== null")
    operator.keys(Keys.ESCAPE).until(lambda: not operator.all("dialog"), "no dialog")
    assert database.query("SELECT count(*) FROM msgstatus.refresh_queue") == [{"count": 0}]
    assert operator.script("return document.activeElement.id") == "refresh-all"
    operator.click("#refresh-all").click("dialog .primary").wait_text("#outcome", f"{waiting} messages asked for.")
    assert database.query("SELECT count(*) FROM msgstatus.refresh_queue") == [{"count": waiting}]
    operator.wait_text("#outcome", f"{waiting} answers still to come")
