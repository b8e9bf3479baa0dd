"""/metrics: the counts and their format."""

import pathlib
import shutil
import subprocess
import time

import pytest

import exposition
from client import Connection
from receiver import wait_until
from webhooks import meta, meta_status, new_id, one


def scrape(receiver):
    """Returns the receiver's metrics by family."""
    answer = receiver.admin("/metrics")
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    return exposition.parse(answer.text)


def value(receiver, name, **labels):
    return exposition.value(scrape(receiver), name, **labels)


def increase(receiver, action, *samples):
    """Returns the growth of each sample, a name and labels, during the action."""
    before = scrape(receiver)
    action()
    after = scrape(receiver)
    return [exposition.value(after, name, **labels) - (exposition.value(before, name, **labels) or 0)
            for name, labels in samples]


def test_the_exposition_is_well_formed(open_receiver):
    open_receiver.post("/webhook", one())
    open_receiver.request("GET", "/nowhere")
    names = scrape(open_receiver).keys()
    assert len(names) > 25
    assert all(name.startswith(("msgstatus_", "process_")) for name in names)


@pytest.mark.parametrize("spoil", [
    lambda text: text.replace("# HELP msgstatus_lanes ", "# HELP msgstatus_lines "),
    lambda text: text.replace('le="+Inf"', 'le="1001"'),
    lambda text: text.replace("msgstatus_batch_size_count ", "msgstatus_batch_size_count 1"),
    lambda text: text.replace('msgstatus_batch_size_bucket{le="1"} ', 'msgstatus_batch_size_bucket{le="1"} 9'),
    lambda text: text + text.splitlines()[-1] + "\n",
    lambda text: text.replace("msgstatus_batches_failed_total", "msgstatus_batches_failed"),
    lambda text: text.replace("_seconds", "_ms"),
])
def test_a_malformed_exposition_is_noticed(open_receiver, spoil):
    text = open_receiver.admin("/metrics").text
    assert spoil(text) != text
    with pytest.raises(AssertionError):
        exposition.parse(spoil(text))


@pytest.mark.skipif(not shutil.which("promtool"), reason="promtool (Debian: prometheus) is not installed")
def test_promtool_has_no_complaint(open_receiver):
    checked = subprocess.run(["promtool", "check", "metrics"], input=open_receiver.admin("/metrics").text, text=True,
                             capture_output=True, check=False)
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, "", "")


def test_counters_are_there_before_the_first_event(start):
    families = scrape(start())
    for provider in ("meta", "twilio", "aisensy", "webhook"):
        assert exposition.value(families, "msgstatus_signature_failures_total", provider=provider) == 0
        assert exposition.value(families, "msgstatus_statuses_received_total", provider=provider) == 0
        for outcome in ("applied", "unchanged", "rejected", "ignored"):
            assert exposition.value(families, "msgstatus_statuses_total", provider=provider, outcome=outcome) == 0


def test_requests_by_route_and_code(open_receiver):
    def requests():
        for _ in range(3):
            open_receiver.post("/webhook", one())
        open_receiver.post("/webhooks/meta", b"{")
        open_receiver.request("GET", "/some/path")

    assert increase(open_receiver, requests,
                    ("msgstatus_requests_total", {"route": "/webhook", "code": "200"}),
                    ("msgstatus_requests_total", {"route": "/webhooks/meta", "code": "400"}),
                    ("msgstatus_requests_total", {"route": "other", "code": "404"}),
                    ("msgstatus_request_duration_seconds_count", {"route": "/webhook"})) == [3, 1, 1, 3]


def test_the_duration_of_a_request_begins_with_its_first_byte(open_receiver):
    def slowly():
        body = one()
        with Connection(open_receiver.port) as connection:
            connection.send(b"POST /webhook HTTP/1.1\r\n")
            time.sleep(0.5)
            connection.send(b"Host: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
            assert connection.read_response().status == 200

    count, seconds = increase(open_receiver, slowly, ("msgstatus_request_duration_seconds_count", {"route": "/webhook"}),
                              ("msgstatus_request_duration_seconds_sum", {"route": "/webhook"}))
    assert count == 1 and seconds >= 0.1


def test_statuses_by_outcome(open_receiver):
    known = new_id()
    open_receiver.post("/webhooks/meta", one(known))

    def webhooks():
        open_receiver.post("/webhooks/meta", meta(meta_status(known), meta_status(new_id(), "read"), meta_status(new_id()),
                                                  meta_status(new_id(), "no such status")))
        open_receiver.post("/webhooks/meta", {"object": "whatsapp_business_account", "entry": [
            {"id": "1", "changes": [{"field": "message_template_status_update", "value": {"event": "APPROVED"}}]}]})

    statuses = "msgstatus_statuses_total"
    assert increase(open_receiver, webhooks, ("msgstatus_statuses_received_total", {"provider": "meta"}),
                    *((statuses, {"provider": "meta", "outcome": outcome})
                      for outcome in ("applied", "unchanged", "rejected", "ignored")),
                    ("msgstatus_statuses_received_total", {"provider": "twilio"})) == [4, 2, 1, 1, 1, 0]


def test_batches(open_receiver):
    assert increase(open_receiver, lambda: open_receiver.post("/webhook", one()),
                    ("msgstatus_batch_size_count", {}), ("msgstatus_batch_size_sum", {}),
                    ("msgstatus_batch_duration_seconds_count", {}), ("msgstatus_bodies_committed_total", {})) == [1, 1, 1, 1]


def test_limits_stand_beside_what_they_limit(start):
    receiver = start("--queue-max", "7", "--buffer-max-bytes", "5000000", "--max-connections", "9", "--lanes", "3")
    families = scrape(receiver)
    assert [exposition.value(families, name) for name in
            ("msgstatus_queue_limit", "msgstatus_buffer_limit_bytes", "msgstatus_connections_limit", "msgstatus_lanes")] \
        == [7, 5000000, 9, 3]
    wait_until(lambda: value(receiver, "msgstatus_lanes_connected") == 3, "all lanes to connect")
    assert value(receiver, "msgstatus_database_connects_total") == 3
    assert value(receiver, "msgstatus_database_reconnects_total") == 0


def test_reconnects(start, database):
    receiver = start("--lanes", "1")
    database.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'msgstatus-receiver' "
                     "AND datname = current_database()")
    wait_until(lambda: value(receiver, "msgstatus_database_reconnects_total") == 1, "the lane to come back")
    assert value(receiver, "msgstatus_database_connects_total") == 2


def test_the_process(open_receiver):
    families = scrape(open_receiver)
    with open(f"/proc/{open_receiver.process.pid}/statm", encoding="ascii") as statm:
        resident = int(statm.read().split()[1]) * 4096
    assert 0.5 < exposition.value(families, "process_resident_memory_bytes") / resident < 2
    open_now = len(list(pathlib.Path(f"/proc/{open_receiver.process.pid}/fd").iterdir()))
    assert abs(exposition.value(families, "process_open_fds") - open_now) <= 2  # the connection of the scrape
    assert exposition.value(families, "process_max_fds") > open_now
    assert exposition.value(families, "process_cpu_seconds_total") > 0


def test_the_alerts_of_the_database_are_shown(start, database):
    database.execute("""
        INSERT INTO msgstatus.message (message_id, status, created_at)
        SELECT n, msgstatus.message_status('failed', now() - interval '11 minutes'), now() - interval '11 minutes' FROM generate_series(1, 30) AS n;
        SELECT msgstatus.rebuild_rollups()""")
    receiver = start("--allow-unsigned")
    wait_until(lambda: value(receiver, "msgstatus_alerts_active", alert="delivery_rate_low", severity="critical") == 1, "the alert")
    assert value(receiver, "msgstatus_alerts_active", alert="webhooks_silent", severity="critical") == 0
    assert receiver.post("/webhook", one()).status == 200
