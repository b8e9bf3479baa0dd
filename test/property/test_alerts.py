"""A listener is notified once that an alert starts and once that it ends, whichever session checks."""

import contextlib
import json
import select
import threading

CHECK = "SELECT event, name FROM msgstatus.check_alerts()"


def notifications(connection):
    """Returns the payloads that have come, once there is at least one."""
    while not connection.notifies:
        assert select.select([connection], [], [], 30)[0], "nobody told"
        connection.poll()
    payloads = [(n.channel, json.loads(n.payload)) for n in connection.notifies]
    connection.notifies.clear()
    return payloads


def checked_by(connections):
    """Returns what check_alerts returns to sessions that call it at the same time."""
    start, results = threading.Barrier(len(connections)), []

    def check(connection):
        with connection.cursor() as cursor:
            start.wait()
            cursor.execute(CHECK)
            results.extend(cursor.fetchall())

    threads = [threading.Thread(target=check, args=(connection,)) for connection in connections]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def test_start_and_end_are_told_once(server):
    database = server.create_database()
    with contextlib.ExitStack() as stack:
        listener, writer, *checkers = (stack.enter_context(contextlib.closing(database.connect())) for _ in range(6))
        with listener.cursor() as cursor:
            cursor.execute("LISTEN msgstatus_alert")
        with writer.cursor() as cursor:
            cursor.execute("UPDATE msgstatus.alert_rule SET enabled = name = 'delivery_rate_low'")
            cursor.execute("""
                INSERT INTO msgstatus.message (message_id, provider, status, created_at)
                SELECT n, 'meta', msgstatus.message_status('failed', now() - interval '11 minutes'), now() - interval '11 minutes' FROM generate_series(1, 30) AS n""")
            cursor.execute("SELECT msgstatus.rebuild_rollups()")
            assert checked_by(checkers) == [("started", "delivery_rate_low")]
            ((channel, told),) = notifications(listener)
            assert channel == "msgstatus_alert"
            assert {key: told[key] for key in ("event", "severity", "name", "subject", "value", "threshold")} == {
                "event": "started", "severity": "critical", "name": "delivery_rate_low", "subject": "meta", "value": 0, "threshold": 90}
            assert told["message"].startswith("Only 0.0 % of the 30 messages of meta")
            assert checked_by(checkers) == []
            cursor.execute("DELETE FROM msgstatus.message")
            cursor.execute("SELECT msgstatus.rebuild_rollups()")
            assert checked_by(checkers) == [("ended", "delivery_rate_low")]
            ((_, ended),) = notifications(listener)
            assert (ended["event"], ended["name"], ended["since"]) == ("ended", "delivery_rate_low", told["since"])
            assert checked_by(checkers) == []
