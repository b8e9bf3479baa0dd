"""Usable by keyboard, by screen reader, on a phone, in dark and in light."""

import pytest

from browser import Keys

PATHS = ["/messages", "/campaigns", "/rejected", "/alerts", "/attached", "/health"]


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390, 320])
def test_nothing_stands_in_the_way(otto, dark, width):
    otto.dark(dark)
    otto.size(width)
    for path in PATHS:
        otto.open(path)
        if path == "/messages" and width == 390:
            otto.click("#fold-filters").click("#f-states")
        assert otto.accessibility() == [], path
    otto.open("/messages").click("#log tbody a").one("#message-id")
    otto.click("#fold-raw")
    assert otto.accessibility() == []


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_the_form_to_sign_in(browser, dark):
    browser.dark(dark)
    browser.driver.get(browser.address + "/messages")
    browser.one("#password")
    assert browser.accessibility() == []
    assert browser.script("return document.activeElement.id") == "role"
    assert all("status of 401" in line for line in browser.complaints())


def test_by_keyboard_alone(browser):
    browser.driver.get(browser.address + "/messages")
    browser.one("#password")
    browser.complaints()
    browser.keys("otto", Keys.TAB, "correct horse", Keys.ENTER).one("#log")
    browser.at_rest()
    browser.open("/messages").tab_to("#skip").keys(Keys.ENTER)
    assert browser.script("return document.activeElement.id") == "main"
    browser.tab_to("#f-states").keys(Keys.ENTER).tab_to("#f-state-failed").keys(Keys.SPACE)
    browser.tab_to("#apply").keys(Keys.ENTER).until(lambda: "state=failed" in browser.path, "the filter")
    browser.at_rest()
    assert browser.script("return document.activeElement.id") == "apply"
    browser.tab_to("#sort-state").keys(Keys.ENTER).until(lambda: "sort=state" in browser.path, "the order")
    browser.at_rest().tab_to("#log tbody a").keys(Keys.ENTER).one("#message-id")
    assert browser.script("return document.activeElement.tagName") == "H1"
    browser.tab_to("#fold-raw").keys(Keys.ENTER)
    assert browser.script("return document.querySelector('details.fold').open")
    browser.tab_to("pre")
    browser.driver.back()
    browser.one("#log")
    browser.at_rest()
    browser.tab_to("nav a[href='/rejected']").keys(Keys.ENTER).wait_text("h1", "Dead letters")


def test_landmarks_and_what_is_read_out(otto):
    controls = otto.controls()
    assert ("navigation", "Pages") in controls and ("table", otto.text("#log caption")) in controls
    assert ("main", "") in controls and ("heading", "Messages") in controls
    assert ("link", "Skip to the content") in controls
    assert ("form", "Filters") in controls
    assert otto.script("return [...document.querySelectorAll('[role=status]')].length") >= 3
    # A state is a word beside its icon.
    assert all(row["State"] for row in otto.rows())


def test_a_phone_shows_cards(otto):
    otto.size(390)
    otto.open("/messages")
    shown = otto.script("""const row = document.querySelector('#log tbody tr'); const cells = [...row.cells].map((cell) => cell.getBoundingClientRect());
        return [getComputedStyle(row).display, cells.every((cell, at) => !at || cell.top >= cells[at - 1].bottom - 1), getComputedStyle(row.cells[1], '::before').content]""")
    assert shown == ["block", True, '"Recipient"']
    assert ("row" in [role for role, _ in otto.controls()]) and ("cell" in [role for role, _ in otto.controls()])
    otto.click("#log tbody a").one("#message-id")
