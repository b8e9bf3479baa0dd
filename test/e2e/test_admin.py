"""The admin listener."""

import subprocess

from client import request
from receiver import PROGRAM, clean_environment


def test_routes(open_receiver):
    for target, text in (("/healthz", "ok"), ("/readyz", "ready")):
        answer = open_receiver.admin(target)
        assert (answer.status, answer.json) == (200, {"status": text})
        assert open_receiver.admin(target, "HEAD").status == 200
        assert open_receiver.admin(target, "POST").status == 405
    assert open_receiver.admin("/webhook").status == 404
    assert open_receiver.admin("/").status == 404


def test_admin_listener_can_be_off(database):
    process = subprocess.Popen([PROGRAM, "--listen", "127.0.0.1:0", "--admin-listen", "off", "--allow-unsigned", "--database",
                                database.conninfo], env=clean_environment(), stderr=subprocess.PIPE, text=True)
    try:
        lines = []
        for line in process.stderr:
            lines.append(line)
            if "database connected" in line:
                break
        log = "".join(lines)
        assert "listener=listen" in log and "admin" not in log
        port = int(log.split(" port=")[1].split()[0])
        assert request(port, "GET", "/healthz").status == 404
        process.terminate()
        assert process.wait(30) == 0
    finally:
        process.kill()
        process.stderr.close()
