"""Files that are damaged, directories that cannot be used, and disks that are full or read-only."""

import os
import resource
import signal
import stat
import subprocess

import pytest

from receiver import wait_until
from steps import post_kept, post_until_refused, stop_server, wait_drained
from webhooks import new_id, one

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="mounts a file system")


@pytest.mark.parametrize("damage", ["header", "table", "no database"])
def test_a_damaged_file_is_set_aside(database, spooling, tmp_path, damage):
    database.server.stop()
    receiver = spooling(ready=False)
    receiver.wait_for_log("spool open")
    post_kept(receiver, 100)
    receiver.stop()
    path = tmp_path / "spool" / "spool.db"
    content = bytearray(path.read_bytes())
    assert len(content) > 5 * 4096
    if damage == "header":
        content[:16] = b"x" * 16
    elif damage == "table":
        content[4096:] = b"\xff" * (len(content) - 4096)
    else:
        content = b"not a database, and not empty either" * 100
    path.write_bytes(content)
    receiver = spooling(ready=False)
    aside = receiver.wait_for_log("spool set aside")
    assert aside["level"] == "error" and aside["reason"]
    ids = post_kept(receiver, 5)
    database.server.start()
    wait_drained(receiver)
    assert database.states() == dict.fromkeys(ids, "sent")
    with open(aside["kept_as"], "rb") as kept:
        assert kept.read() == bytes(content)
    assert stat.S_IMODE(os.stat(aside["kept_as"]).st_mode) == 0o600


def test_damage_below_a_running_receiver(database, spooling, tmp_path):
    receiver = spooling()
    stop_server(database, receiver)
    post_kept(receiver, 100)
    for path in (tmp_path / "spool").glob("spool.db*"):
        with open(path, "r+b") as file:
            file.write(b"\xff" * path.stat().st_size)
    database.server.start()
    live = new_id()
    wait_until(lambda: receiver.metric("msgstatus_lanes_connected") > 0, "a lane")
    assert receiver.post("/webhook", one(live)).status == 200
    wait_drained(receiver)
    stop_server(database, receiver)
    wait_until(lambda: receiver.admin("/readyz").status == 200, "the spool to be usable")
    ids = post_kept(receiver, 5)
    database.server.start()
    wait_drained(receiver)
    assert ids == list(database.states(*ids))


def test_a_directory_taken_away_below_a_running_receiver(database, spooling, tmp_path):
    receiver = spooling()
    stop_server(database, receiver)
    for path in (tmp_path / "spool").iterdir():
        path.unlink()
    (tmp_path / "spool").rmdir()
    assert receiver.post("/webhook", one()).status == 503, "what is written to a file without a name is lost"
    assert "taken away" in receiver.wait_for_log("spool not usable")["reason"]
    wait_until(lambda: receiver.admin("/readyz").status == 200, "the spool to be made anew")
    ids = post_kept(receiver, 5)
    database.server.start()
    wait_drained(receiver)
    assert database.states() == dict.fromkeys(ids, "sent")


@pytest.mark.parametrize("fault", ["open to others", "parent missing", "no directory"])
def test_a_directory_that_cannot_be_used(database, spooling, tmp_path, fault):
    directory = tmp_path / "other" / "spool"
    if fault != "parent missing":
        directory.parent.mkdir()
    if fault == "open to others":
        directory.mkdir(mode=0o755)
    elif fault == "no directory":
        directory.touch()
    receiver = spooling(ready=False, directory=directory)
    assert receiver.wait_for_log("spool not usable")["level"] == "error"
    wait_until(lambda: receiver.metric("msgstatus_lanes_connected") > 0, "a lane")
    assert receiver.post("/webhook", one()).json["processed"] == 1, "all else goes on"
    stop_server(database, receiver)
    assert receiver.post("/webhook", one()).status == 503
    assert receiver.admin("/readyz").status == 503
    if fault == "open to others":
        directory.chmod(0o700)
    elif fault == "parent missing":
        directory.parent.mkdir()
    else:
        directory.unlink()
    receiver.wait_for_log("spool open")
    post_kept(receiver)
    database.server.start()
    wait_drained(receiver)


def test_a_limit_on_the_size_of_files(database, spooling):
    receiver = spooling()
    stop_server(database, receiver)
    ids = post_kept(receiver, 5)
    hard = resource.prlimit(receiver.process.pid, resource.RLIMIT_FSIZE)[1]
    resource.prlimit(receiver.process.pid, resource.RLIMIT_FSIZE, (100_000, hard))
    ids += post_until_refused(receiver, 10000)
    assert receiver.wait_for_log("spool full")
    resource.prlimit(receiver.process.pid, resource.RLIMIT_FSIZE, (hard, hard))
    ids += post_kept(receiver, 5)
    database.server.start()
    wait_drained(receiver)
    assert database.states() == dict.fromkeys(ids, "sent")


@pytest.fixture
def disk(tmp_path):
    """A file system of 2 MB."""
    point = tmp_path / "disk"
    point.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", point], check=True)
    yield point
    subprocess.run(["umount", "-l", point], check=True)


@needs_root
def test_a_full_disk(database, spooling, disk):
    receiver = spooling(directory=disk / "spool")
    stop_server(database, receiver)
    ids = post_until_refused(receiver, 10000)
    assert receiver.wait_for_log("spool full")
    (disk / "ballast").write_bytes(b"x" * (os.statvfs(disk).f_bavail * os.statvfs(disk).f_bsize))
    assert os.statvfs(disk).f_bavail == 0
    assert receiver.post("/webhook", one()).status == 503
    database.server.start()
    wait_drained(receiver)
    assert database.states() == dict.fromkeys(ids, "sent")
    (disk / "ballast").unlink()
    stop_server(database, receiver)
    post_kept(receiver, 5)
    database.server.start()
    wait_drained(receiver)


@needs_root
def test_a_disk_that_becomes_read_only(database, spooling, disk):
    receiver = spooling(directory=disk / "spool")
    stop_server(database, receiver)
    ids = post_kept(receiver, 5)
    receiver.signal(signal.SIGKILL)
    receiver.wait()
    subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
    receiver = spooling(ready=False, directory=disk / "spool")
    assert "Read-only file system" in receiver.wait_for_log("spool not usable")["reason"]
    assert receiver.post("/webhook", one()).status == 503
    subprocess.run(["mount", "-o", "remount,rw", disk], check=True)
    receiver.wait_for_log("spool open", bodies=5)
    ids += post_kept(receiver, 5)
    database.server.start()
    wait_drained(receiver)
    assert database.states() == dict.fromkeys(ids, "sent")
