"""The log: pages, filters, orders, statistics, and what comes while somebody looks."""

import csv
import datetime
import json
import re

import pytest

from seed import MESSAGES
from receiver import wait_until
from webhooks import meta, meta_status, new_id

REACHED = {"Queued": 0, "Sent": 1, "Delivered": 4, "Read": 5, "Failed": 2}


def first_line(text):
    return text.splitlines()[0]


def test_pages_forth_and_back(otto):
    pages = [[row["Recipient"] for row in otto.rows()]]
    assert not otto.one("#newer").is_enabled()
    while otto.one("#older").is_enabled():
        otto.click("#older").wait_text(".pager", f"Page {len(pages) + 1}").at_rest()
        pages.append([row["Recipient"] for row in otto.rows()])
    assert [len(page) for page in pages] == [50, 50, MESSAGES - 100]
    assert len(set(sum(pages, []))) == MESSAGES
    otto.click("#newer").wait_text(".pager", "Page 2").at_rest()
    assert [row["Recipient"] for row in otto.rows()] == pages[1]
    otto.driver.back()
    otto.wait_text(".pager", "Page 3").at_rest()
    assert [row["Recipient"] for row in otto.rows()] == pages[2]
    otto.driver.refresh()
    otto.wait_text(".pager", "Page 3").at_rest()
    assert [row["Recipient"] for row in otto.rows()] == pages[2]


@pytest.mark.parametrize(("field", "value", "column", "words", "condition"), [
    ("type", "template", "Type", "template", "message_type = 'template'"),
    ("provider", "twilio", "Provider", "twilio", "provider = 'twilio'"),
    ("direction", "inbound", "Provider", "inbound", "direction = 'inbound'"),
])
def test_a_list_filters(otto, database, field, value, column, words, condition):
    otto.choose(f"#f-{field}", value).click("#apply").until(lambda: f"{field}={value}" in otto.path, "the filter in the address")
    otto.at_rest()
    expected = database.query(f"SELECT count(*) FROM msgstatus.message WHERE {condition}")[0]["count"]
    assert [words in row[column] for row in otto.rows()] == [True] * min(expected, 50)
    assert otto.one(f"#f-{field}").get_attribute("value") == value
    assert otto.script("return document.activeElement.id") == "apply"
    otto.click("#clear").until(lambda: otto.path == "/messages", "no filter")


def test_several_states_and_the_bookmark(otto):
    otto.click("#f-states").click("#f-state-failed").click("#f-state-read").click("#apply")
    otto.until(lambda: otto.path == "/messages?state=failed&state=read" or otto.path == "/messages?state=read&state=failed", "the address")
    otto.at_rest()
    assert {first_line(row["State"]) for row in otto.rows()} == {"Failed", "Read"}
    kept = otto.rows()
    otto.open("/messages").open("/messages?state=failed&state=read")
    assert otto.rows() == kept
    assert all("131026" in row["Error"] for row in kept if first_line(row["State"]) == "Failed")


def test_times_are_those_of_the_viewer(otto, database):
    middle = database.query("SELECT now() - interval '30 minutes 30 seconds' AS at")[0]["at"]
    local = datetime.datetime.fromisoformat(middle) + datetime.timedelta(hours=0)
    otto.script("""const at = new Date(arguments[0]);
        document.getElementById('f-from').value = new Date(at - at.getTimezoneOffset() * 60e3).toISOString().slice(0, 16);""", local.isoformat())
    otto.click("#apply").until(lambda: "from=" in otto.path, "the filter in the address")
    otto.at_rest()
    assert 28 <= len(otto.rows()) <= 32
    shown = otto.script("""const time = document.querySelector('#log time'); return [time.getAttribute('datetime'), time.title, time.textContent,
        new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', second: '2-digit' }).format(new Date(time.getAttribute('datetime')))]""")
    assert shown[0] in shown[1] and ("Central European" in shown[1] or "CET" in shown[1] or "GMT+1" in shown[1])
    assert shown[3] in shown[2]
    otto.click("#clear").until(lambda: otto.path == "/messages", "no filter")


def test_a_person_stands_in_no_address(otto, console):
    otto.fill("#f-recipient", "+49 17000 00007").click("#apply")
    otto.until(lambda: len(otto.rows()) == 1, "one message")
    assert otto.rows()[0]["Recipient"] == "+491700000007"
    assert otto.path == "/messages"
    otto.driver.refresh()
    otto.at_rest()
    assert len(otto.rows()) == 1
    otto.click("#log tbody a").one("#message-id")
    assert "491700000007" in otto.text("main")
    otto.driver.back()
    otto.until(lambda: len(otto.rows()) == 1, "the filter after the way back")
    requests = otto.script("return performance.getEntriesByType('resource').map((entry) => entry.name)")
    assert not [one for one in requests if "00007" in one]
    assert "1700000007" not in console.log


def test_text_in_metadata(otto):
    otto.fill("#f-text", "order-77").click("#apply").until(lambda: len(otto.rows()) == 1, "one message")
    assert otto.path == "/messages"
    assert otto.rows()[0]["Recipient"] == "+491700000077"


def test_campaign(otto, database):
    key = database.query("SELECT campaign_id AS key FROM msgstatus.campaign")[0]["key"]
    otto.fill("#f-campaign", key).click("#apply").until(lambda: key in otto.path, "the campaign in the address")
    otto.at_rest()
    assert len(otto.rows()) == 50
    otto.fill("#f-campaign", "spring").click("#apply").wait_text("main", "campaign")
    otto.one("#again")
    assert all("status of 400" in line for line in otto.complaints())


def test_nothing_passes(otto):
    otto.fill("#f-recipient", "+999").click("#apply").wait_text("main", "No message passes this filter")


def test_order_by_state(otto):
    otto.click("#sort-state").until(lambda: "sort=state" in otto.path, "the order in the address")
    otto.at_rest()
    orders = otto.script("return [...document.querySelectorAll('#log thead th')].map((cell) => [cell.innerText.replace('↓', '').trim(), cell.ariaSort])")
    assert dict(orders)["State"] == "descending" and dict(orders)["Time"] == "none"
    shown = [REACHED[first_line(row["State"])] for row in otto.rows()]
    assert shown == sorted(shown, reverse=True)
    assert otto.script("return document.activeElement.id") == "sort-state"
    otto.click("#sort-time").until(lambda: otto.path == "/messages", "the newest first")


def test_statistics_and_charts(otto, database):
    otto.wait_text(".figures", "Success rate")
    counted = database.query("SELECT total, delivered, read, failed, success_rate FROM msgstatus.message_stats()")[0]
    figures = dict(re.findall(r"(Total|Delivered|Read|Failed|Success rate)\s+([\d.,]+)", otto.text(".figures")))
    assert [int(figures[name]) for name in ("Total", "Delivered", "Read", "Failed")] == [counted[name] for name in ("total", "delivered", "read", "failed")]
    assert float(figures["Success rate"]) == round(float(counted["success_rate"]), 1)
    otto.until(lambda: len(otto.all("#charts canvas")) == 2, "two charts")
    painted = otto.script("""return [...document.querySelectorAll('#charts canvas')].map((canvas) =>
        canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data.some((value) => value > 0))""")
    assert painted == [True, True]
    otto.click("#figures")
    assert "Delivery rate" in otto.text("#charts table").replace("DELIVERY", "Delivery")
    otto.click("#fold-charts")
    otto.open("/messages")
    assert not otto.script("return document.getElementById('charts').open")
    otto.click("#fold-charts").until(lambda: len(otto.all("#charts canvas")) == 2, "two charts again")


def test_what_comes_while_somebody_looks(otto, receiver, database):
    otto.click("#older").wait_text(".pager", "Page 2").at_rest()
    before = otto.rows()
    otto.script("scrollTo(0, 600)")
    place = otto.script("return scrollY")
    arrived = new_id()
    assert receiver.post("/webhook", meta(meta_status(arrived, "sent", recipient_id="4917099999999"))).status == 200
    otto.wait_text("#show-new", "1 new message")
    assert otto.rows() == before and otto.script("return scrollY") == place
    # A change of a message that is shown comes without any action, and leaves the focus where it is.
    number = before[0]["Recipient"]
    changed = database.query(f"SELECT message_id FROM msgstatus.message WHERE recipient = '{number}'")[0]["message_id"]
    otto.script("document.querySelector('#log tbody a').focus()")
    receiver.post("/webhook", meta(meta_status(changed, "played")))
    otto.until(lambda: first_line(otto.rows()[0]["State"]) == "Played", "the new state in its row")
    assert otto.script("return document.activeElement === document.querySelector('#log tbody a')")
    assert [row["Recipient"] for row in otto.rows()] == [row["Recipient"] for row in before]
    otto.click("#show-new").wait_text(".pager", "Page 1").at_rest()
    assert otto.rows()[0]["Recipient"] == "+4917099999999"


def downloaded(browser, before):
    """Returns the rows of the file that came."""
    def complete():
        files = [path for path in browser.downloads.iterdir() if path not in before and path.suffix == ".csv"]
        return files[0] if files else None
    path = wait_until(complete, "a file")
    return list(csv.DictReader(path.read_text(encoding="utf-8-sig").splitlines()))


def test_csv_read_back(otto, database):
    before = set(otto.downloads.iterdir())
    otto.open("/messages?state=failed").click("#csv")
    rows = downloaded(otto, before)
    expected = database.query("SELECT message_id FROM msgstatus.message WHERE msgstatus.state(status) = 'failed'")
    assert {row["message_id"] for row in rows} == {row["message_id"] for row in expected}
    assert {row["state"] for row in rows} == {"failed"}


def test_csv_of_a_person(otto, console):
    otto.fill("#f-recipient", "+491700000011").click("#apply").until(lambda: len(otto.rows()) == 1, "one message")
    before = set(otto.downloads.iterdir())
    otto.click("#csv").wait_text("#outcome", "complete")
    rows = downloaded(otto, before)
    # The plus of a number would begin a formula.
    assert [row["recipient"] for row in rows] == ["'+491700000011"]
    assert json.dumps("1700000011") not in console.log


def test_the_page_is_small(otto):
    otto.until(lambda: len(otto.all("#charts canvas")) == 2, "two charts")
    sizes = otto.script("""return [...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')]
        .filter((entry) => !new URL(entry.name).pathname.startsWith('/api/')).map((entry) => entry.encodedBodySize)""")
    assert sum(sizes) <= 250_000
