"""The cost of a call: a redelivery writes nothing, and a call runs one statement per table whatever the number of statuses."""

import contextlib
import itertools
import json
import random
import re

import pytest

from schedule import BATCH, ApplyBatch, read_tables, run_all
from deliveries import RECEIPTS, SOURCES, Delivery, Generator, timestamp

NUMBERS = itertools.count()


@pytest.fixture
def cursor(database):
    with contextlib.closing(database.connect()) as connection, connection.cursor() as cursor:
        yield cursor


def statuses(number, prefix, states=("sent", "delivered")):
    return json.dumps([{"id": f"{prefix}{n}", "status": states[n % len(states)], "timestamp": 1733832000 + n}
                       for n in range(number)])


def apply(cursor, body, received_at=None):
    cursor.execute("SELECT msgstatus.apply_message_status(%s::jsonb, COALESCE(%s, now()))", (body, received_at))
    return cursor.fetchone()[0]


def prefix():
    return f"wamid.cost{next(NUMBERS)}."


def rows_and_versions(cursor):
    cursor.execute("SELECT message_id, ctid, xmin, xmax FROM msgstatus.message ORDER BY 1")
    messages = cursor.fetchall()
    cursor.execute("SELECT message_id, fingerprint, ctid, xmin, xmax FROM msgstatus.status_event ORDER BY 1, 2")
    return read_tables(cursor), messages, cursor.fetchall()


@pytest.mark.parametrize("seed", range(10))
def test_a_redelivery_writes_nothing(cursor, seed):
    rng = random.Random(seed)
    generator = Generator(rng)
    deliveries = [d for d in (generator.delivery() for _ in range(30)) if not d.rejected]
    for delivery in deliveries:
        delivery.received_at = RECEIPTS[0]  # and none reaches us earlier than the first time
    run_all(cursor, [ApplyBatch(deliveries)])
    before = rows_and_versions(cursor)

    again = [Delivery(d.body, rng.choice(RECEIPTS), rng.choice(SOURCES) if rng.random() < 0.5 else d.source, d.seen,
                      d.objects, d.rejected, d.ignored) for d in deliveries]
    again = [d for d in again if d.received_at > RECEIPTS[0]]
    cursor.execute("BEGIN")
    run_all(cursor, [ApplyBatch(again)] + [ApplyBatch([d]) for d in again])
    # A transaction that wrote or locked as much as one row has an id.
    cursor.execute("SELECT pg_current_xact_id_if_assigned()")
    assert cursor.fetchone() == (None,)
    cursor.execute("COMMIT")
    assert rows_and_versions(cursor) == before


def test_a_redelivery_is_counted_as_unchanged(cursor):
    body = statuses(50, prefix())
    assert apply(cursor, body) == {"received": 50, "applied": 50, "unchanged": 0, "rejected": 0, "ignored": 0}
    assert apply(cursor, body) == {"received": 50, "applied": 0, "unchanged": 50, "rejected": 0, "ignored": 0}


def test_a_repetition_within_a_call_is_counted_once(cursor):
    body = statuses(10, prefix())
    assert apply(cursor, f"[{body}, {body}]") == {
        "received": 20, "applied": 10, "unchanged": 10, "rejected": 0, "ignored": 0}


def nested_statements(cursor, call):
    """Returns the statements that the call ran inside the server."""
    notices = cursor.connection.notices
    cursor.execute("LOAD 'auto_explain'; SET auto_explain.log_min_duration = 0; SET auto_explain.log_level = notice;"
                   " SET auto_explain.log_nested_statements = on")
    del notices[:]
    call()
    found = [text.split("Query Text: ", 1)[1] for text in notices if "Query Text: " in text]
    cursor.execute("SET auto_explain.log_min_duration = -1")
    return [statement for statement in found if not statement.startswith("SELECT msgstatus.apply")]


def writes_to(table, statements):
    return len([s for s in statements if re.match(rf"\s*(INSERT INTO|UPDATE) msgstatus\.{table}\b", s)])


def test_one_statement_per_table(cursor):
    for number in (1, 10, 1000):
        body = statuses(number, prefix())
        first = nested_statements(cursor, lambda: apply(cursor, body))
        assert [writes_to(t, first) for t in ("status_event", "message", "rejected_status")] == [1, 1, 0]
        again = nested_statements(cursor, lambda: apply(cursor, body))
        # The one that merges what the tables do not hold yet, which is nothing. A single message is looked at before.
        assert [writes_to(t, again) for t in ("status_event", "message", "rejected_status")] == [0, int(number > 1), 0]
        assert len(again) < len(first)


def test_one_statement_for_many_rejections(cursor):
    for number in (1, 500):
        rejected = nested_statements(cursor, lambda: apply(cursor, json.dumps([{"id": "wamid.r", "status": "?"}] * number)))
        assert [writes_to(t, rejected) for t in ("status_event", "message", "rejected_status")] == [0, 0, 1]


def test_one_statement_per_table_for_a_batch_of_bodies(cursor):
    bodies = [statuses(3, prefix()) for _ in range(100)]
    statements = nested_statements(
        cursor, lambda: cursor.execute(BATCH, (bodies, [timestamp(RECEIPTS[0])] * 100, [None] * 100)))
    assert [writes_to(t, statements) for t in ("status_event", "message")] == [1, 1]


def rows_touched(cursor, call):
    """Returns how many rows and index entries of the tables the call read."""
    cursor.execute("BEGIN")
    call()
    cursor.execute("SELECT COALESCE(sum(seq_tup_read), 0)::int, COALESCE(sum(idx_tup_fetch), 0)::int"
                   " FROM pg_stat_xact_user_tables WHERE relname ~ '^(message$|status_event)'")
    touched = cursor.fetchone()
    cursor.execute("COMMIT")
    return touched


def test_plans_made_on_empty_tables_do_not_scan_full_ones(server):
    database = server.create_database()
    with contextlib.closing(database.connect()) as old, contextlib.closing(database.connect()) as other:
        with old.cursor() as cursor, other.cursor() as other_cursor:
            cursor.execute("VACUUM ANALYZE msgstatus.message, msgstatus.status_event")
            for _ in range(10):
                apply(cursor, statuses(2, "wamid.first"))
            apply(other_cursor, statuses(5000, "wamid.many"))
            body = statuses(10, "wamid.many")
            scanned, fetched = rows_touched(cursor, lambda: apply(cursor, body))
            assert scanned == 0
            assert fetched < 500
            scanned, fetched = rows_touched(cursor, lambda: apply(cursor, body, timestamp(RECEIPTS[0])))
            assert scanned == 0
            assert fetched < 500


def test_plans_of_when_tables_were_small_read_no_table(server):
    """A receiver's connection lives for weeks; nobody may have analyzed the tables since they were empty."""
    def two_ids(first, number):
        return json.dumps([{"data": {"message": {"id": f"own.{n}", "messageId": f"wamid.{n}", "phone_number": "15550100001", "status": "SENT",
                                                 "sent_at": "2026-11-20T10:00:01Z", "message_type": "TEMPLATE"}}, "topic": "message.status.updated"}
                           for n in range(first, first + number)])

    with contextlib.closing(server.create_database().connect()) as connection, connection.cursor() as cursor:
        for call in range(60):
            assert apply(cursor, two_ids(10 * call, 10), "2026-11-20T10:00:02Z")["applied"] == 10
        cursor.execute("BEGIN")
        apply(cursor, two_ids(600, 10), "2026-11-20T10:00:02Z")
        cursor.execute("""SELECT sum(seq_tup_read + COALESCE(idx_tup_fetch, 0)) FROM pg_stat_xact_user_tables
            WHERE schemaname = 'msgstatus' AND relname IN ('message', 'message_alias', 'campaign_recipient', 'campaign_attempt')""")
        # Each of the ten messages some times, and never all.
        read = cursor.fetchone()[0]
        assert read < 300
        cursor.execute("SELECT count(*) FROM msgstatus.message_alias")
        assert cursor.fetchone()[0] >= 600
