"""The command `drain`, and the commands of SQLite's program that docs/operations/receiver.md has for a spool."""

import re
import shutil
import signal
import subprocess
from datetime import datetime, timezone

import pytest

from client import FORM, form
from receiver import PATIENCE, PROGRAM, ROOT, clean_environment, run
from steps import post_kept, stop_server
from webhooks import new_id, twilio_fields

needs_sqlite = pytest.mark.skipif(not shutil.which("sqlite3"), reason="sqlite3 is not installed")


@needs_sqlite
def test_what_waits_can_be_looked_at(database, spooling, tmp_path):
    """As docs/operations/receiver.md says, also while a receiver runs."""
    page = (ROOT / "docs/operations/receiver.md").read_text(encoding="utf-8")
    (command,) = re.findall(r'^sqlite3 -readonly -header .*? "(SELECT.*?)"$', page, flags=re.MULTILINE | re.DOTALL)
    receiver = spooling()
    stop_server(database, receiver)
    assert receiver.post("/webhooks/twilio/status", form(twilio_fields(new_id("SM"))), FORM).status == 204
    post_kept(receiver, 3)
    header, *rows = subprocess.run(["sqlite3", "-readonly", "-header", str(tmp_path / "spool" / "spool.db"), command],
                                   capture_output=True, text=True, check=True).stdout.splitlines()
    assert header == "source|webhooks|bytes|oldest"
    assert [row.split("|")[:2] for row in rows] == [["twilio", "1"], ["webhook", "3"]]
    for row in rows:
        oldest = datetime.strptime(row.split("|")[3], "%Y-%m-%d %H:%M:%S").replace(tzinfo=timezone.utc)
        assert abs((datetime.now(timezone.utc) - oldest).total_seconds()) < 100
    database.server.start()


def test_drain(database, spooling, tmp_path):
    flags = ["drain", "--spool-dir", str(tmp_path / "spool"), "--database", database.conninfo]
    receiver = spooling()
    stop_server(database, receiver)
    ids = post_kept(receiver, 300)
    refused = run(*flags)
    assert refused.returncode == 1 and "in use by another process" in refused.stderr
    receiver.signal(signal.SIGKILL)
    receiver.wait()
    database.server.start()
    done = run(*flags)
    assert (done.returncode, done.stdout) == (0, "drained 300, left 0\n")
    assert database.states() == dict.fromkeys(ids, "sent")
    done = run(*flags)
    assert (done.returncode, done.stdout) == (0, "drained 0, left 0\n")


def test_drain_tells_what_is_left(database, spooling, tmp_path):
    flags = ["drain", "--spool-dir", str(tmp_path / "spool"), "--database", database.conninfo]
    receiver = spooling()
    stop_server(database, receiver)
    ids = post_kept(receiver, 10)
    receiver.stop()
    with subprocess.Popen([PROGRAM, *flags], env=clean_environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True) as interrupted:
        awaited = {"spool open", "cannot connect"}
        while awaited:  # in either order
            line = next(interrupted.stderr)
            awaited = {event for event in awaited if event not in line}
        interrupted.terminate()
        assert interrupted.communicate(timeout=PATIENCE)[0] == "drained 0, left 10: interrupted\n"
        assert interrupted.returncode == 1
    database.server.start()
    database.execute(f"ALTER TABLE msgstatus.message ADD CONSTRAINT not_this_one CHECK (message_id <> '{ids[4]}')")
    done = run(*flags)
    assert (done.returncode, done.stdout) == (1, "drained 9, left 1: the database refuses what is left\n")
    assert "not_this_one" in done.stderr
    database.execute("ALTER TABLE msgstatus.message DROP CONSTRAINT not_this_one")
    assert run(*flags).returncode == 0
    assert database.states() == dict.fromkeys(ids, "sent")


@needs_sqlite
def test_what_can_be_saved_of_a_damaged_file(database, spooling, tmp_path):
    """As docs/operations/receiver.md says."""
    database.server.stop()
    receiver = spooling(ready=False)
    receiver.wait_for_log("spool open")
    ids = post_kept(receiver, 100)
    receiver.stop()
    path = tmp_path / "spool" / "spool.db"
    content = bytearray(path.read_bytes())
    middle = len(content) // 4096 // 2 * 4096
    content[middle:middle + 4096] = b"\xff" * 4096
    path.write_bytes(content)
    aside = spooling(ready=False).wait_for_log("spool set aside")["kept_as"]
    saved = tmp_path / "saved"
    page = (ROOT / "docs/operations/receiver.md").read_text(encoding="utf-8")
    (commands,) = re.findall(r"^(install -d .*?)msgstatus-receiver drain", page, flags=re.MULTILINE | re.DOTALL)
    subprocess.run(["bash", "-ec", commands.replace("spool.db.corrupt-1", aside)], cwd=tmp_path, check=True,
                   stderr=subprocess.DEVNULL)
    database.server.start()
    done = run("drain", "--spool-dir", str(saved), "--database", database.conninfo)
    assert done.returncode == 0 and done.stdout.endswith("left 0\n"), done
    states = database.states()
    assert 80 < len(states) < 100 and set(states) < set(ids), "all but those of one page"
