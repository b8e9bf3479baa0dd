"""The views say the same of the same messages: each word has one meaning, whichever view says it, before a purge and after."""

import contextlib
import datetime
import json
import random

import pytest

from messages import approximate, insert, percentage, random_messages, rows
from model import RANKS

NOW = datetime.datetime.now(datetime.timezone.utc)
OUTCOMES = ("sent", "attempted", "delivered", "read", "failed")
COUNTING = ("message_status_dashboard", "hourly_message_volume", "daily_summary", "weekly_summary", "monthly_summary")
APPLY = "SELECT msgstatus.apply_message_status(%s, %s)"


@pytest.fixture(scope="module", params=range(3))
def connection(server, request):
    """Messages that were counted long ago, and changes by calls, which the rollups hold in other rows."""
    rng = random.Random(request.param)
    database = server.create_database()
    with contextlib.closing(database.connect()) as connection:
        with connection.cursor() as cursor:
            messages = random_messages(rng, 500, NOW)
            insert(cursor, messages)
            for message in rng.sample(messages, 100):
                status = {"id": message.message_id, "status": rng.choice(RANKS), "timestamp": str(int(NOW.timestamp()) - rng.randrange(9000))}
                cursor.execute(APPLY, (json.dumps(status), NOW))
            for number in range(50):
                cursor.execute("SELECT msgstatus.register_message(%s, direction => %s, recipient => '+15550001')",
                               (f"new{number}", rng.choice(["inbound", "outbound", None])))
            cursor.execute("SELECT * FROM msgstatus.verify_rollups()")
            assert cursor.fetchall() == []
        yield connection


def query(connection, sql, *arguments):
    with rows(connection) as cursor:
        cursor.execute(sql, arguments)
        return cursor.fetchall()


def value(connection, sql, *arguments):
    return query(connection, sql, *arguments)[0][0]


def sums(connection, view, condition="true"):
    columns = ", ".join(f"COALESCE(sum({name}), 0)::bigint AS {name}" for name in ("total_messages", *OUTCOMES))
    return query(connection, f"SELECT {columns} FROM msgstatus.{view} WHERE {condition}")[0]


def is_percentage(rate, part, whole):
    return approximate(rate) == pytest.approx(percentage(part, whole), abs=0.0051)


def test_all_counts_add_up_to_the_same(connection):
    expected = sums(connection, "message_status_dashboard")
    assert all(count > 0 for count in expected)
    for view in COUNTING:
        assert sums(connection, view) == expected, view
    (stats,) = query(connection, "SELECT * FROM msgstatus.message_stats()")
    assert (stats.total, stats.attempted, stats.delivered, stats.read, stats.failed) == (expected[0], *expected[2:])
    (timeline,) = query(connection, """
        SELECT count(sent_at) AS sent, count(delivered_at) AS delivered, count(read_at) AS read,
            count(*) FILTER (WHERE state IN ('failed', 'undelivered')) AS failed
        FROM msgstatus.message_timeline WHERE direction IS DISTINCT FROM 'inbound'""")
    assert timeline == (expected.sent, expected.delivered, expected.read, expected.failed)


def test_a_rate_is_that_of_the_counts_beside_it(connection):
    for view in (*COUNTING, "delivery_rates"):
        for row in query(connection, f"SELECT * FROM msgstatus.{view}"):
            if hasattr(row, "delivery_rate"):
                assert is_percentage(row.delivery_rate, row.delivered, row.attempted), view
                assert is_percentage(row.read_rate, row.read, row.delivered), view
    for view in ("best_send_hours", "recipient_engagement"):
        for row in query(connection, f"SELECT * FROM msgstatus.{view}"):
            assert is_percentage(row.read_rate, row.read, row.delivered), view
    for state in ("", *RANKS):
        (stats,) = query(connection, "SELECT * FROM msgstatus.message_stats(state => %s)", state)
        assert is_percentage(stats.success_rate, stats.delivered, stats.total)
        assert is_percentage(stats.delivery_rate, stats.delivered, stats.attempted)
        assert is_percentage(stats.read_rate, stats.read, stats.delivered)


def test_the_last_month_is_the_same_in_all_views(connection):
    (month,) = query(connection, "SELECT * FROM msgstatus.delivery_rates WHERE period = 'last 30 days'")
    funnel = dict(query(connection, "SELECT stage, messages FROM msgstatus.delivery_funnel"))
    inbound = value(connection, "SELECT sum(inbound) FROM msgstatus.hourly_message_volume WHERE hour >= %s", month.since)
    assert inbound > 0
    assert funnel == {"created": month.total_messages - inbound, "sent": month.sent, "delivered": month.delivered, "read": month.read}
    assert value(connection, "SELECT sum(failed) FROM msgstatus.failure_breakdown") == month.failed
    assert value(connection, "SELECT sum(messages) FROM msgstatus.status_distribution") == month.total_messages
    (stats,) = query(connection, "SELECT * FROM msgstatus.message_stats(created_from => %s)", month.since)
    assert stats == (month.total_messages, month.delivered, month.read, month.failed, stats.success_rate, month.attempted,
                     month.delivery_rate, month.read_rate)


def test_inbound_messages_are_those_of_that_direction(connection):
    inbound = value(connection, "SELECT count(*) FROM msgstatus.message WHERE direction = 'inbound'")
    assert value(connection, "SELECT sum(inbound) FROM msgstatus.hourly_message_volume") == inbound
    (stats,) = query(connection, "SELECT * FROM msgstatus.message_stats(direction => 'inbound')")
    assert stats == (inbound, 0, 0, 0, 0, 0, None, None)
    everything = sums(connection, "message_status_dashboard")
    (hours,) = query(connection, "SELECT sum(messages) AS messages, sum(delivered) AS delivered, sum(read) AS read FROM msgstatus.best_send_hours")
    assert hours == (everything.total_messages - inbound, everything.delivered, everything.read)
    assert value(connection, """
        SELECT count(*) FROM msgstatus.message_timeline AS t WHERE t.direction = 'inbound' AND t.message_id IN (
            SELECT message_id FROM msgstatus.undelivered_messages UNION ALL SELECT message_id FROM msgstatus.unread_messages
            UNION ALL SELECT message_id FROM msgstatus.stuck_messages)""") == 0


def counts_are_those_of_the_lists(connection):
    for age in ("5 minutes", "1 hour", "1 day", "40 days"):
        assert value(connection, "SELECT msgstatus.undelivered_count(%s)", age) == value(
            connection, "SELECT count(*) FROM msgstatus.undelivered_messages(%s, NULL)", age)
    for filters in ({}, {"state": "sent"}, {"provider": "meta"}, {"direction": "inbound"}, {"recipient_prefix": "+4915"},
                    {"created_from": NOW - datetime.timedelta(days=9, minutes=7)}, {"created_before": NOW - datetime.timedelta(days=3)},
                    {"created_from": NOW - datetime.timedelta(days=40), "created_before": NOW - datetime.timedelta(days=20)}):
        arguments = ", ".join(f"{name} => %s" for name in filters)
        listed = value(connection, f"SELECT count(*) FROM msgstatus.message_log(page_size => NULL{', ' * bool(filters)}{arguments})", *filters.values())
        assert value(connection, f"SELECT total FROM msgstatus.message_stats({arguments})", *filters.values()) == listed, filters


def test_counts_are_those_of_the_lists(connection):
    """Runs last, because it purges: in part, so that messages of purged hours remain."""
    counts_are_those_of_the_lists(connection)
    before = sums(connection, "message_status_dashboard")
    for days, most in ((30, 10), (30, 10000), (1, 50)):
        assert value(connection, "SELECT msgstatus.purge_messages(now() - make_interval(days => %s), %s)", days, most) > 0
        counts_are_those_of_the_lists(connection)
    # Dashboards are the history: they keep counting what was purged.
    assert sums(connection, "message_status_dashboard") == before
