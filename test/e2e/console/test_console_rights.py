"""What a role may not read or do in psql, it may not here: every route, as every kind of person, both ways."""

import json
import os
import subprocess

import pytest

from console import PASSWORD, PEOPLE, Console
from console_program import address_of

# Method, route, its function, parameters.
ROUTES = [
    ("GET", "/api/session", "weblog_session", {}),
    ("GET", "/api/messages", "weblog_messages", {}),
    ("POST", "/api/messages/search", "weblog_messages", {"recipient": "+14155550100"}),
    ("POST", "/api/messages/search", "weblog_messages", {"text": "order-7"}),
    ("POST", "/api/messages/changes", "weblog_changes", {"since": "2024-12-10T10:30:00Z", "ids": []}),
    ("GET", "/api/messages/wamid.SEEN", "weblog_message", {"id": "wamid.SEEN"}),
    ("GET", "/api/messages.csv", "weblog_csv_page", {}),
    ("POST", "/api/messages.csv", "weblog_csv_page", {"recipient": "+1415"}),
    ("GET", "/api/stats", "weblog_stats", {}),
    ("POST", "/api/stats/search", "weblog_stats", {"recipient": "+1415"}),
    ("GET", "/api/volumes", "weblog_volumes", {}),
    ("POST", "/api/volumes/search", "weblog_volumes", {"recipient": "+1415"}),
    ("GET", "/api/alerts", "weblog_alerts", {}),
    ("GET", "/api/campaigns", "weblog_campaigns", {}),
    ("GET", "/api/rejected", "weblog_rejected", {}),
    ("GET", "/api/attached", "weblog_attached", {}),
    ("GET", "/api/health", "weblog_health", {}),
    ("POST", "/api/refresh", "weblog_refresh", {"message_ids": ["SMSEEN"]}),
    ("POST", "/api/refresh-pending", "weblog_refresh_pending", {}),
    ("POST", "/api/refresh/progress", "weblog_refresh_progress", {"message_ids": ["SMSEEN"]}),
    ("POST", "/api/rejected/replay", "weblog_replay", {}),
    ("GET", "/api/whatsapp/stats", "weblog_stats", {}),
    ("GET", "/api/whatsapp/message_details/wamid.SEEN", "weblog_message", {"id": "wamid.SEEN"}),
    ("POST", "/api/whatsapp/refresh_status", "weblog_refresh", {"message_sid": "SMSEEN"}),
    ("POST", "/api/whatsapp/refresh_all_statuses", "weblog_refresh_pending", {}),
]
SEED = """
SELECT msgstatus.apply_message_status('[{"id": "wamid.SEEN", "status": "read", "recipient_id": "14155550100", "timestamp": "1733826600"},
    {"id": "SMSEEN", "status": "dreamt", "timestamp": "1733826600"}]');
SELECT msgstatus.register_message('SMSEEN', provider => 'twilio', recipient => '+14155550100');
"""


@pytest.fixture(scope="module", name="weblog")
def make_weblog(weblog):
    weblog.execute(SEED)
    return weblog


@pytest.fixture(scope="module", name="console")
def start_console(weblog):
    with Console(address_of(weblog)) as running:
        yield running
        running.stop()


@pytest.fixture(scope="module", name="tokens")
def sign_everybody_in(weblog, console):
    """Who has no level had one at sign-in, as one without any is not signed in."""
    without = [name for name, level in PEOPLE.items() if level is None]
    for name in without:
        weblog.execute(f"SELECT msgstatus.grant_access('{name}', 'analyst');")
    tokens = {name: console.token(name) for name in PEOPLE}
    for name in without:
        weblog.execute(f"DROP OWNED BY {name};")
    return tokens


def sqlstate(weblog, role, function, parameters):
    """Returns the SQLSTATE of a call in psql, empty if it succeeds; nothing of it stays."""
    return sqlstate_of(weblog, role, f"SELECT msgstatus.{function}('{json.dumps(parameters)}')")


def sqlstate_of(weblog, role, statement):
    script = f"\\set VERBOSITY sqlstate\nBEGIN; {statement};"
    command = weblog.server.psql(weblog.name)
    command[command.index("-d") + 1] = weblog.server.conninfo(weblog.name, role)
    done = subprocess.run(command, input=script, env={**os.environ, "PGPASSWORD": PASSWORD}, capture_output=True, text=True, check=False)
    return done.stderr.split("ERROR:")[1].strip() if "ERROR:" in done.stderr else ""


def ask(console, token, method, route, parameters):
    return console.get(route, token) if method == "GET" else console.post(route, parameters, token)


@pytest.mark.parametrize("role", PEOPLE)
@pytest.mark.parametrize("method, route, function, parameters", ROUTES, ids=lambda value: str(value) if isinstance(value, str) else "")
def test_the_same_here_as_in_psql(weblog, console, tokens, role, method, route, function, parameters):
    state = sqlstate(weblog, role, function, parameters)
    answer = ask(console, tokens[role], method, route, parameters)
    expected = {"": {200, 404}, "42501": {403}}.get(state, {400})
    assert answer.status in expected, (state, answer)
    if answer.status == 403:
        assert answer.json["status"] == "error" and len(answer.json["message"]) > 20
    if PEOPLE[role] is None:
        assert answer.status == 403 and "msgstatus.grant_access('nora', " in answer.json["message"]
    if PEOPLE[role] == "operator":
        assert answer.status == 200


def test_levels_that_have_no_page_are_not_signed_in(weblog, console):
    weblog.execute(f"CREATE ROLE tess LOGIN PASSWORD '{PASSWORD}';")
    try:
        for level in ("ingest", "sender", "refresh"):
            weblog.execute(f"SELECT msgstatus.grant_access('tess', '{level}');")
            answer = console.sign_in("tess")
            assert answer.status == 403 and "grant_access('tess', 'analyst')" in answer.json["message"], level
    finally:
        weblog.execute("DROP OWNED BY tess; DROP ROLE tess;")


def test_nobody_sees_anything_without_signing_in(console):
    for method, route, _, parameters in ROUTES:
        assert ask(console, None, method, route, parameters).status == 401, route


def test_an_analyst_sees_no_number(weblog, console, tokens):
    digits = "14155550100"
    for method, route, _, parameters in ROUTES:
        answer = ask(console, tokens["anna"], method, route, parameters)
        assert digits not in answer.text and "wamid.SEEN" not in answer.text, (route, answer)
    assert digits in console.get("/api/messages", tokens["otto"]).text


def test_an_analyst_does_nothing(weblog, console, tokens):
    for method, route, function, parameters in ROUTES:
        if function in ("weblog_refresh", "weblog_refresh_pending", "weblog_replay"):
            answer = ask(console, tokens["anna"], method, route, parameters)
            assert answer.status == 403, route
            assert "operator" in answer.json["message"]


def test_what_was_done_is_recorded(weblog, console, tokens):
    assert console.post("/api/rejected/replay", {}, tokens["otto"]).status == 200
    rows = weblog.query("SELECT * FROM msgstatus.action_log")
    assert any("otto" in json.dumps(row) for row in rows)
    assert console.events("action", route="/api/rejected/replay", role="otto")


@pytest.mark.parametrize("role", PEOPLE)
def test_nobody_writes_the_record_by_hand(weblog, role):
    """Neither what was not done, nor what a function of another name did."""
    for statement in ("INSERT INTO msgstatus.action_log (action, detail, affected) VALUES ('replay', '{}', 7)",
                      "INSERT INTO msgstatus.action_log (action) VALUES ('replay')", "COPY msgstatus.action_log (action) FROM '/dev/null'",
                      "UPDATE msgstatus.action_log SET action = 'x'", "DELETE FROM msgstatus.action_log", "TRUNCATE msgstatus.action_log",
                      "SELECT nextval(pg_get_serial_sequence('msgstatus.action_log', 'action_id'))"):
        assert sqlstate_of(weblog, role, statement) == "42501", statement


def test_rights_that_are_taken_away_are_gone_at_once(weblog, console):
    weblog.execute(f"CREATE ROLE tess LOGIN PASSWORD '{PASSWORD}'; SELECT msgstatus.grant_access('tess', 'analyst');")
    try:
        token = console.token("tess")
        assert console.get("/api/messages", token).status == 200
        weblog.execute("DROP OWNED BY tess;")
        assert console.get("/api/messages", token).status == 403
    finally:
        weblog.execute("DROP OWNED BY tess; DROP ROLE tess;")
