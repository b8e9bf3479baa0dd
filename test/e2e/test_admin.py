"""The admin listener."""

import subprocess

from client import request
from receiver import PROGRAM, clean_environment, wait_until
from webhooks import one


def test_routes(open_receiver):
    for target, text in (("/healthz", "ok"), ("/readyz", "ready")):
        answer = open_receiver.admin(target)
        assert (answer.status, answer.json) == (200, {"status": text})
        assert open_receiver.admin(target, "HEAD").status == 200
        assert open_receiver.admin(target, "POST").status == 405
    assert open_receiver.admin("/webhook").status == 404
    assert open_receiver.admin("/").status == 404


def test_metrics(open_receiver):
    def counted():
        return {name: open_receiver.metric(name) for name in
                ('msgstatus_requests_total{route="/webhook",code="200"}', 'msgstatus_requests_total{route="other",code="404"}',
                 "msgstatus_bodies_committed_total", 'msgstatus_statuses_total{outcome="applied"}',
                 'msgstatus_statuses_total{outcome="unchanged"}', "msgstatus_batch_size_count", "msgstatus_batch_size_sum",
                 "msgstatus_batch_seconds_count")}

    before = counted()
    body = one()
    for _ in range(3):
        assert open_receiver.post("/webhook", body).status == 200
    assert open_receiver.request("GET", "/nowhere").status == 404
    after = counted()
    assert [after[name] - before[name] for name in before] == [3, 1, 3, 1, 2, 3, 3, 3]
    text = open_receiver.admin("/metrics").text
    assert open_receiver.admin("/metrics").headers["content-type"].startswith("text/plain; version=0.0.4")
    assert open_receiver.metric("msgstatus_lanes") == 2
    wait_until(lambda: open_receiver.metric("msgstatus_lanes_connected") == 2, "both lanes to connect")
    families = [line.split()[2] for line in text.splitlines() if line.startswith("# TYPE")]
    assert len(families) == len(set(families))
    for line in text.splitlines():
        name = line.split()[2] if line.startswith("#") else line.split("{")[0].split(" ")[0]
        assert name.startswith("msgstatus_"), line


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
