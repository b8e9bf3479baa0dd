"""The commands of the receiver for a spool: inspect, drain and salvage."""

import re
import signal
import subprocess

from client import FORM, form
from receiver import PATIENCE, PROGRAM, clean_environment, run
from steps import post_kept, stop_server
from webhooks import new_id, twilio_fields


def test_inspect(database, spooling, tmp_path):
    directory = tmp_path / "spool"
    missing = run("inspect", "--spool-dir", str(directory))
    assert missing.returncode == 1 and "no spool" in missing.stderr
    receiver = spooling()
    shown = run("inspect", "--spool-dir", str(directory)).stdout
    assert re.search(r"^in use +yes$", shown, re.MULTILINE) and re.search(r"^webhooks +0$", shown, re.MULTILINE)
    stop_server(database, receiver)
    secret = "Dear Ms Example, your code is 4711"
    assert receiver.post("/webhooks/twilio/status", form(twilio_fields(new_id("SM"), Body=secret)), FORM).status == 204
    post_kept(receiver, 3)
    shown = run("inspect", "--spool-dir", str(directory)).stdout
    assert re.search(r"^webhooks +4$", shown, re.MULTILINE)
    assert re.search(r"^oldest +20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ, \d+ s ago$", shown, re.MULTILINE)
    assert re.search(r"^webhook +3 ", shown, re.MULTILINE) and re.search(r"^twilio +1 ", shown, re.MULTILINE)
    shown = run("inspect", "--list", "2", "--content", MSGSTATUS_SPOOL_DIR=str(directory)).stdout
    assert shown.count("\n    {") == 2
    assert '"MessageStatus":"delivered"' in shown and '"status":"sent"' in shown and '"Body":"*"' in shown
    for text in ["4155550", "wamid", "Example", "4711", "CONVERSATION"]:
        assert text not in shown
    assert "{" not in run("inspect", "--spool-dir", str(directory), "--list", "2").stdout
    receiver.signal(signal.SIGKILL)
    receiver.wait()
    shown = run("inspect", "--spool-dir", str(directory)).stdout
    assert re.search(r"^in use +no$", shown, re.MULTILINE) and re.search(r"^webhooks +4$", shown, re.MULTILINE)
    receiver = spooling(ready=False)
    receiver.wait_for_log("spool open", bodies=4)


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
    saved = str(tmp_path / "saved")
    done = run("salvage", "--spool-dir", saved, "--from", aside)
    assert done.returncode == 0, done.stderr
    count = int(done.stdout.removeprefix("saved "))
    assert 80 < count < 100, "all but those of one page"
    database.server.start()
    assert run("drain", "--spool-dir", saved, "--database", database.conninfo).stdout == f"drained {count}, left 0\n"
    states = database.states()
    assert len(states) == count and set(states) < set(ids)
    nothing = run("salvage", "--spool-dir", saved, "--from", "/etc/hostname")
    assert nothing.returncode == 1 and "not a database" in nothing.stderr
