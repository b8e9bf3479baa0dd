"""The shell commands of the tutorial and of "Try a webhook" start a receiver and send it webhooks it takes."""

import contextlib
import os
import re
import subprocess
import time
import urllib.request

import pages
import pytest
from pgserver import free_port

SECTION = "## 9. The receiver"
START = "msgstatus-receiver"


def wait_until_ready(port, process):
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        assert process.poll() is None, process.stderr.read()
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=2) as answer:
                if answer.status == 200:
                    return
        except OSError:
            time.sleep(0.05)
    raise AssertionError("the receiver is not ready after 30 seconds")


@pytest.fixture(scope="module", name="shop")
def make_shop(docs_server):
    """The server with the database and the role that the pages name."""
    docs_server.create_database("shop")
    docs_server.execute("shop", "CREATE ROLE receiver LOGIN; SELECT msgstatus.grant_access('receiver', 'ingest');")
    return docs_server


@contextlib.contextmanager
def started(server, program, commands):
    """Starts the receiver with a page's commands, and gives a function that runs further commands of the page."""
    port, admin_port = free_port(), free_port()
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "MSGSTATUS"))}
    environment |= {"PATH": f"{program.parent}:{server.bindir}:{environment['PATH']}", "PGHOST": "127.0.0.1",
                    "PGPORT": str(server.port), "LC_ALL": "C.UTF-8"}
    listeners = {"MSGSTATUS_LISTEN": f"127.0.0.1:{port}", "MSGSTATUS_ADMIN_LISTEN": f"127.0.0.1:{admin_port}"}

    def run(text):
        done = subprocess.run(["bash", "-euo", "pipefail", "-c", re.sub(r":8080\b", f":{port}", text)], env=environment,
                              capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    # exec, so that the signal below reaches the receiver
    assert commands.endswith(f"\n{START}")
    receiver = subprocess.Popen(["bash", "-ec", commands.removesuffix(START) + "exec " + START],
                                env=environment | listeners, stderr=subprocess.PIPE, text=True)
    try:
        wait_until_ready(admin_port, receiver)
        yield run
    finally:
        receiver.terminate()
        receiver.communicate()
    assert receiver.returncode == 0


def test_the_receiver_section(shop, receiver_program):
    page = (pages.ROOT / "docs/tutorial.md").read_text(encoding="utf-8")
    section = pages.blocks_of(page[page.index(SECTION):])
    start, send = (block for block in section if block.language == "sh")
    (answer,) = (block for block in section if block.language == "json")
    with started(shop, receiver_program, start.text) as run:
        assert ":8080/" in send.text
        assert run(send.text) == answer.text
    assert shop.query("shop", "SELECT msgstatus.state(status) FROM msgstatus.message WHERE message_id = 'wamid.ORDER1003'") == [
        {"state": "read"}]


def test_try_a_webhook(shop, receiver_program):
    blocks = pages.blocks_of((pages.ROOT / "docs/try-a-webhook.md").read_text(encoding="utf-8"))
    settings, start, *rest = blocks
    commands, shown = rest[::2], rest[1::2]
    assert {block.language for block in commands} == {"sh", "sql"} and {block.language for block in shown} == {"json", "text"}
    script = settings.text
    for block in commands:
        script += f"\necho; echo '{pages.MARK.format(0)}'\n"
        if block.language == "sql":
            script += f"psql -X -q -v ON_ERROR_STOP=1 -U postgres shop <<'END'\n{block.text}\nEND"
        else:
            script += block.text
    with started(shop, receiver_program, f"{settings.text}\n{start.text}") as run:
        _, *outputs = run(script).split(pages.MARK.format(0) + "\n")
    for output, block in zip(outputs, shown, strict=True):
        assert pages.normal(output) == pages.normal(block.text), f"line {block.line}"
