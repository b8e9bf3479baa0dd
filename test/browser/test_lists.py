"""Dead letters, campaigns, alerts, attached tables and health."""


def test_dead_letters_are_shown_and_replayed(otto, database):
    otto.click("nav a[href='/rejected']").wait_text("h1", "Dead letters").at_rest()
    letter = database.query("SELECT rejected_id AS id, reason FROM msgstatus.rejected_status")[0]
    otto.wait_text("main", letter["reason"])
    otto.click(".cards summary").wait_text("pre", "dreamt")
    otto.click(f"#replay-{letter['id']}").wait_text("#notices", "1 dead letter replayed: 0 applied, 1 still rejected.")
    # It came back as another one; mended, it is applied.
    otto.until(lambda: not otto.all(f"#replay-{letter['id']}"), "the list anew")
    database.execute("""UPDATE msgstatus.rejected_status SET payload = jsonb_set(payload, '{status}', '"sent"');""")
    otto.click("#replay-all").click("dialog .primary").wait_text("#notices", "1 dead letter replayed: 1 applied, 0 still rejected.")
    otto.wait_text("main", "No dead letters")
    assert database.query("SELECT role_name, action, affected FROM msgstatus.action_log ORDER BY action_id") == [
        {"role_name": "otto", "action": "replay", "affected": 1}] * 2


def test_campaigns_and_their_recipients(otto):
    otto.click("nav a[href='/campaigns']").wait_text(".card h2", "Spring greeting").at_rest()
    assert "12 recipients" in otto.text(".card")
    assert otto.one(".card progress").get_attribute("max") == "100"
    otto.click(".card h2 a").wait_text("h1", "Spring greeting").at_rest()
    assert len(otto.all("#main tbody tr")) == 12
    otto.click(".heading .button").until(lambda: otto.path.startswith("/messages?campaign="), "its messages")


def test_alerts_on_every_page(otto, database):
    database.execute("""UPDATE msgstatus.alert_rule SET minimum_count = 1, age = '0', threshold = 99.9 WHERE name = 'delivery_rate_low';
        SELECT msgstatus.check_alerts();""")
    sentence = database.query("SELECT message FROM msgstatus.active_alerts WHERE name = 'delivery_rate_low'")[0]["message"]
    for path in ("/messages", "/campaigns", "/health"):
        otto.open(path).until(lambda: otto.one("#alerts").is_displayed(), "the banner")
    otto.click("#alerts a").wait_text("main", sentence)
    assert otto.path == "/alerts"
    database.execute("UPDATE msgstatus.alert_rule SET enabled = false;")
    otto.open("/alerts").wait_text("main", "No active alerts")
    assert not otto.one("#alerts").is_displayed()


def test_attached_tables(otto, database):
    otto.open("/attached").wait_text("main", "No attached tables")
    database.execute("""CREATE TABLE shipment (message_id text PRIMARY KEY, status text);
        SELECT msgstatus.attach_table('shipment', 'message_id');""")
    otto.open("/attached").wait_text("table", "shipment")


def test_health(otto, receiver):
    otto.click("nav a[href='/health']").wait_text("h1", "Health").at_rest()
    otto.until(lambda: len(otto.all("canvas")) == 1, "events by the minute")
    otto.wait_text("main", "Last message at").wait_text("main", "seed")


def test_an_address_that_is_none(otto):
    otto.script("history.pushState(null, '', '/nowhere'); dispatchEvent(new PopStateEvent('popstate'))")
    otto.wait_text("main", "There is no such page.")
