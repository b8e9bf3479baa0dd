"""Signing in and out, and what those see who may not."""

from console import PASSWORD


def expect_refusals(browser, count=None):
    """Takes the browser's own line for each answer of 401 or 403, and nothing else, from its log."""
    complaints = browser.complaints()
    assert all("status of 401" in line or "status of 403" in line for line in complaints), complaints
    assert count is None or len(complaints) == count


def test_the_form_refuses_and_accepts(browser):
    browser.driver.get(browser.address + "/messages?state=failed")
    browser.fill("#role", "otto").fill("#password", "wrong horse").click("#sign-in")
    browser.until(lambda: browser.text("#sign-in-problem"), "a sentence about the password")
    assert browser.one("#password").get_attribute("value") == ""
    assert browser.script("return document.activeElement.id") == "password"
    browser.fill("#password", PASSWORD).click("#sign-in")
    browser.one("#log")
    assert browser.path == "/messages?state=failed"
    assert "otto" in browser.text("#who")
    expect_refusals(browser)


def test_signing_out_leaves_nothing(browser):
    browser.sign_in("otto").click("nav a[href='/rejected']").wait_text("h1", "Dead letters").click("#sign-out")
    browser.one("#password")
    assert browser.all("#log") == []
    browser.driver.back()
    browser.one("#password")
    assert browser.all("#log") == []
    expect_refusals(browser)


def test_a_session_that_ended_comes_back_to_its_address(browser):
    browser.sign_in("otto").click("#log tbody a")
    browser.one("#message-id")
    address, shown = browser.path, browser.text("#message-id")
    browser.cdp("Network.clearBrowserCookies")
    browser.driver.refresh()
    browser.fill("#role", "otto").fill("#password", PASSWORD).click("#sign-in")
    browser.wait_text("#message-id", shown)
    assert browser.path == address
    expect_refusals(browser)


def test_a_role_without_a_level_is_told_what_to_ask_for(browser):
    browser.driver.get(browser.address + "/messages")
    browser.fill("#role", "nora").fill("#password", PASSWORD).click("#sign-in")
    browser.wait_text("#sign-in-problem", "grant_access('nora', 'analyst')")
    assert browser.all("#log") == []
    expect_refusals(browser)


def test_an_analyst_reads_masked_and_does_nothing(browser):
    browser.sign_in("anna")
    assert "masked" in browser.text("#who")
    assert all("***" in row["Recipient"] or "•" in row["Recipient"] or "*" in row["Recipient"] for row in browser.rows())
    assert browser.all("#refresh-all") == [] and browser.all("#f-text") == []
    browser.click("#log tbody a")
    browser.one("#message-id")
    assert browser.all("#refresh") == []
    browser.click("nav a[href='/rejected']")
    browser.wait_text("h1", "Dead letters").at_rest()
    assert browser.all("#replay-all") == []
    expect_refusals(browser)
