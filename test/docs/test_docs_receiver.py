"""The shell commands of the tutorial's last section start a receiver and send it a webhook it takes."""

import os
import subprocess
import time
import urllib.request

import pages
from pgserver import free_port

SECTION = "## 9. The receiver"


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


def test_the_receiver_section(docs_server, receiver_program):
    page = (pages.ROOT / "docs/tutorial.md").read_text(encoding="utf-8")
    section = pages.blocks_of(page[page.index(SECTION):])
    start, send = (block for block in section if block.language == "sh")
    (answer,) = (block for block in section if block.language == "json")

    docs_server.create_database("shop")
    docs_server.execute("shop", "CREATE ROLE receiver LOGIN; SELECT msgstatus.grant_access('receiver', 'ingest');")
    port, admin_port = free_port(), free_port()
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "MSGSTATUS"))}
    environment |= {"PATH": f"{receiver_program.parent}:{environment['PATH']}", "PGHOST": "127.0.0.1",
                    "PGPORT": str(docs_server.port), "MSGSTATUS_LISTEN": f"127.0.0.1:{port}",
                    "MSGSTATUS_ADMIN_LISTEN": f"127.0.0.1:{admin_port}"}
    # exec, so that the signal below reaches the receiver
    receiver = subprocess.Popen(["bash", "-ec", start.text.replace("\nmsgstatus-receiver", "\nexec msgstatus-receiver")],
                                env=environment, stderr=subprocess.PIPE, text=True)
    try:
        wait_until_ready(admin_port, receiver)
        assert ":8080/" in send.text
        sent = subprocess.run(["bash", "-ec", send.text.replace(":8080/", f":{port}/")], env=environment,
                              capture_output=True, text=True, check=True)
    finally:
        receiver.terminate()
        receiver.communicate()
    assert sent.stdout == answer.text
    assert docs_server.query("shop", "SELECT msgstatus.state(status) FROM msgstatus.message") == [{"state": "read"}]
    assert receiver.returncode == 0
