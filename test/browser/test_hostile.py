"""Texts of providers and senders stay texts, and pages of other origins do nothing."""

import http.server
import json
import threading

import pytest

TEXTS = {
    "script": "<script>window.caught = 1</script><img src=x onerror='window.caught = 1'>",
    "address": "javascript:window.caught=1",
    "rtl": "\u202eright to left\u202c \u05e9\u05dc\u05d5\u05dd \u0627\u0644\u0633\u0644\u0627\u0645",
    "long": "W" * 10_000,
    "formula": "=HYPERLINK(\"http://example.org\")",
}


def literal(text):
    return "'" + text.replace("'", "''") + "'"


@pytest.fixture(scope="module")
def hostile(database):
    """Every text that somebody else gives is one of these."""
    database.execute("SET search_path = msgstatus; ALTER TABLE message DISABLE TRIGGER USER;")
    for number, (name, text) in enumerate(TEXTS.items()):
        short = text[:120]
        key = f"hostile.{name}.{short[:40]}"
        status = {"id": key, "status": "failed", "timestamp": "1733826600", "errors": [
            {"code": 1, "title": text[:8000], "error_data": {"details": text[:8000]}}]}
        database.execute(f"""SET search_path = msgstatus;
            SELECT apply_message_status({literal(json.dumps(status))}, now(), {literal(short)});
            SELECT register_message({literal(key)}, provider => {literal(short)}, sender => {literal(short)}, recipient => {literal(short)},
                message_type => {literal(short)}, content => {literal(text)}, media_url => {literal(text)}, created_by => {literal(short)},
                metadata => jsonb_build_object({literal(short)}, {literal(text)}),
                campaign_id => create_campaign({literal(short)}));
            SELECT apply_message_status(jsonb_build_object('id', {literal(key)}, 'status', {literal(text)}), now(), {literal(short)});
            CREATE TABLE public.{'"' + short.replace('"', '""')[:50] + str(number) + '"'} (message_id text PRIMARY KEY, status text);
            SELECT attach_table({literal('public."' + short.replace('"', '""')[:50] + str(number) + '"')}, 'message_id');""")
    return TEXTS


def check(browser):
    assert browser.script("return window.caught") is None
    assert browser.script("return window.violations") == []
    assert browser.script("""return [...document.querySelectorAll('script')].filter((script) => !script.src.startsWith(location.origin + '/assets/')).length""") == 0
    assert browser.script("""return [...document.querySelectorAll('[href], [src]')].map((element) => element.getAttribute('href') ?? element.getAttribute('src'))
        .filter((address) => !/^[/#]/.test(address))""") == []
    assert browser.script("return document.scrollingElement.scrollWidth - innerWidth") <= 0


@pytest.mark.parametrize("path", ["/messages", "/campaigns", "/rejected", "/alerts", "/attached", "/health"])
@pytest.mark.parametrize("width", [1280, 390])
def test_lists(otto, hostile, path, width):
    otto.size(width)
    otto.open(path)
    check(otto)
    if path != "/alerts":
        words = otto.script("return document.body.textContent")
        assert hostile["script"][:40] in words and hostile["rtl"][:12] in words


@pytest.mark.parametrize("name", TEXTS)
def test_details(otto, hostile, database, name):
    otto.open("/messages")
    for link in otto.script("return [...document.querySelectorAll('#log tbody a')].slice(0, 8).map((link) => [link.getAttribute('href'), link.getAttribute('aria-label')])"):
        if f"hostile.{name}." in link[1]:
            break
    otto.open(link[0])
    words = otto.script("return document.querySelector('main').textContent")
    assert hostile[name] in words
    check(otto)
    otto.size(390)
    check(otto)


def test_hostile_addresses(otto):
    for path in ("/messages?state=%3Cscript%3E", "/messages?type=%22%3E%3Cscript%3Ewindow.caught%3D1%3C/script%3E", "/messages/%3Cscript%3E", "/campaigns?campaign=javascript:1"):
        otto.open(path)
        check(otto)
    assert all("status of 40" in line for line in otto.complaints())


class Elsewhere(http.server.BaseHTTPRequestHandler):
    """A page of another origin that tries what the person who is signed in may do. For cookies, another port is the same site."""

    target = ""

    def do_GET(self):
        page = f"""<!doctype html><title>elsewhere</title><body><iframe name="frame" src="{self.target}/messages"></iframe>
<form id="form" method="post" target="frame" enctype="text/plain" action="{self.target}/api/rejected/replay"><input name='{{"ids":[], "x":"' value='"}}'></form>
<script>
const results = [];
const attempt = (headers, mode) => fetch('{self.target}/api/rejected/replay', {{ method: 'POST', body: '{{}}', headers, mode, credentials: 'include' }})
  .then((answer) => results.push(answer.type === 'opaque' ? 'opaque' : answer.status), () => results.push('refused'));
Promise.all([attempt({{ 'Content-Type': 'application/json' }}, 'cors'), attempt({{ 'Content-Type': 'text/plain' }}, 'no-cors'),
  fetch('{self.target}/api/messages', {{ credentials: 'include' }}).then(() => results.push('read'), () => results.push('refused'))])
  .then(() => {{ document.getElementById('form').submit(); setTimeout(() => {{ document.title = JSON.stringify(results); }}, 500); }});
</script>""".encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(page)

    def log_message(self, *_):
        pass


def test_a_page_of_another_origin_does_nothing(otto, database):
    before = database.query("SELECT rejected_id FROM msgstatus.rejected_status ORDER BY 1")
    Elsewhere.target = otto.address
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Elsewhere) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        otto.driver.get(f"http://127.0.0.1:{server.server_address[1]}/")
        otto.until(lambda: otto.driver.title.startswith("["), "the attempts")
        assert set(json.loads(otto.driver.title)) <= {"refused", "opaque"}
        server.shutdown()
    assert database.query("SELECT rejected_id FROM msgstatus.rejected_status ORDER BY 1") == before
    assert database.query("SELECT * FROM msgstatus.action_log") == []
    otto.complaints()  # the browser tells at length what it refused
