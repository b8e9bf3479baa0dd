"""The views of the rollups say what a plain count over the messages says."""

import contextlib
import datetime
import math
import random
import zoneinfo

import pytest

from messages import approximate, insert, percentage, percentile, random_messages, rows
from model import RANKS

NOW = datetime.datetime.now(datetime.timezone.utc)
HOUR = datetime.timedelta(hours=1)
MONTH = 720 * HOUR
ZONES = ["UTC", "America/New_York", "Asia/Kolkata"]
COUNTS = ["total_messages", "sent", "attempted", "delivered", "read", "failed"]


@pytest.fixture(scope="module")
def messages():
    return random_messages(random.Random(11), 1500, NOW)


@pytest.fixture(scope="module")
def connection(server, messages):
    database = server.create_database()
    with contextlib.closing(database.connect()) as connection:
        with connection.cursor() as cursor:
            insert(cursor, messages)
        yield connection


def select(connection, view, zone="UTC"):
    """Returns the rows of a view with the columns of `now` and `row_number` beside its own."""
    with rows(connection) as cursor:
        cursor.execute("SELECT set_config('timezone', %s, false)", (zone,))
        cursor.execute(f"SELECT now(), row_number() OVER (), v.* FROM msgstatus.{view} AS v")
        return cursor.fetchall()


def hour_of(time):
    return time.astimezone(datetime.timezone.utc).replace(minute=0, second=0, microsecond=0)


def grouped(messages, key):
    groups = {}
    for message in messages:
        groups.setdefault(key(message), []).append(message)
    return groups


def counts(messages):
    return (len(messages), *(sum(getattr(m, outcome) for m in messages) for outcome in COUNTS[1:]))


def rates(messages):
    """Returns delivery rate and read rate."""
    _, _, attempted, delivered, read, _ = counts(messages)
    return percentage(delivered, attempted), percentage(read, delivered)


def delays(messages, first, second):
    return [d for d in (m.delay(first, second) for m in messages) if d is not None]


def average(values):
    return sum(values) / len(values) if values else None


def counts_of(row):
    return tuple(getattr(row, name) for name in COUNTS)


def same(numeric, expected):
    """Compares a rate, or a time in seconds, as rounded in the view."""
    return approximate(numeric) == pytest.approx(expected, abs=0.0051)


def difference(a, b):
    return None if a is None or b is None else a - b


@pytest.mark.parametrize("zone", ZONES)
def test_dashboard(connection, messages, zone):
    # A rollup's hour is one of UTC; it belongs to the day in which it begins.
    expected = grouped(messages, lambda m: m.hour.astimezone(zoneinfo.ZoneInfo(zone)).date())
    shown = select(connection, "message_status_dashboard", zone)
    assert [row.date for row in shown] == sorted(expected, reverse=True)
    for row in shown:
        of_day = expected[row.date]
        assert counts_of(row) == counts(of_day)
        assert same(row.delivery_rate, rates(of_day)[0]) and same(row.read_rate, rates(of_day)[1])
        delivery, reading = delays(of_day, "sent", "delivered"), delays(of_day, "delivered", "read")
        assert same(row.avg_delivery_seconds, average(delivery)) and same(row.avg_read_seconds, average(reading))
        for fraction, found in ((0.5, row.p50_delivery_seconds), (0.95, row.p95_delivery_seconds), (0.99, row.p99_delivery_seconds)):
            exact = percentile(delivery, fraction)
            assert (found is None) == (exact is None)
            if found is not None:
                # Two digits, from buckets up to a tenth wide; and below the average only if it is.
                assert len(str(found).replace(".", "").strip("0")) <= 2 or found < 0.1
                last_digit = max(10 ** (math.floor(math.log10(found)) - 1), 0.001) if found else 0.001
                assert exact / 1.1 - last_digit <= approximate(found) <= exact * 1.1 + last_digit
                assert found >= row.avg_delivery_seconds or exact < average(delivery)


def test_hourly_volume(connection, messages):
    expected = grouped(messages, lambda m: m.hour)
    shown = select(connection, "hourly_message_volume")
    assert [row.hour for row in shown] == sorted(expected, reverse=True)
    for row in shown:
        assert counts_of(row) == counts(expected[row.hour])
        assert row.inbound == sum(not m.outgoing for m in expected[row.hour])


def test_delivery_rates(connection, messages):
    shown = select(connection, "delivery_rates")
    assert [row.period for row in shown] == ["last hour", "last 24 hours", "last 7 days", "last 30 days"]
    for row, length in zip(shown, (HOUR, 24 * HOUR, 168 * HOUR, MONTH)):
        assert row.since == hour_of(row.now) - length
        now = [m for m in messages if m.created_at >= row.since]
        before = [m for m in messages if row.since - length <= m.created_at < row.since]
        assert counts_of(row) == counts(now)
        for n, name in enumerate(("delivery_rate", "read_rate")):
            assert same(getattr(row, name), rates(now)[n])
            assert same(getattr(row, f"previous_{name}"), rates(before)[n])
            change = difference(rates(now)[n], rates(before)[n])
            assert approximate(getattr(row, f"{name}_change")) == pytest.approx(change, abs=0.0101)


def test_funnel(connection, messages):
    shown = select(connection, "delivery_funnel")
    recent = [m for m in messages if m.created_at >= hour_of(shown[0].now) - MONTH]
    outgoing = sum(m.outgoing for m in recent)
    _, sent, _, delivered, read, _ = counts(recent)
    assert [(row.step, row.stage, row.messages) for row in shown] == [
        (1, "created", outgoing), (2, "sent", sent), (3, "delivered", delivered), (4, "read", read)]
    previous = None
    for row in shown:
        assert same(row.percent_of_created, percentage(row.messages, outgoing))
        assert same(row.percent_of_previous, previous and percentage(row.messages, previous))
        previous = row.messages


def start_of(day, unit):
    if unit == "week":
        return day - datetime.timedelta(days=day.weekday())
    return day.replace(day=1) if unit == "month" else day


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("view, unit", [("daily_summary", "day"), ("weekly_summary", "week"), ("monthly_summary", "month")])
def test_summaries(connection, messages, view, unit, zone):
    expected = grouped(messages, lambda m: start_of(m.hour.astimezone(zoneinfo.ZoneInfo(zone)).date(), unit))
    shown = select(connection, view, zone)
    assert [getattr(row, unit) for row in shown] == sorted(expected, reverse=True)
    for row in shown:
        start = getattr(row, unit)
        now, before = expected[start], expected.get(start_of(start - datetime.timedelta(days=1), unit))
        assert counts_of(row) == counts(now)
        assert same(row.delivery_rate, rates(now)[0]) and same(row.read_rate, rates(now)[1])
        assert same(row.avg_delivery_seconds, average(delays(now, "sent", "delivered")))
        assert same(row.total_messages_change, before and percentage(len(now) - len(before), len(before)))
        for n, name in enumerate(("delivery_rate_change", "read_rate_change")):
            change = difference(rates(now)[n], rates(before)[n]) if before else None
            assert approximate(getattr(row, name)) == pytest.approx(change, abs=0.0101)


def test_status_distribution(connection, messages):
    shown = select(connection, "status_distribution")
    recent = [m for m in messages if m.created_at >= hour_of(shown[0].now) - MONTH]
    expected = {key: len(group) for key, group in grouped(recent, lambda m: (m.state, m.message_type, m.provider)).items()}
    assert {(row.state, row.message_type, row.provider): row.messages for row in shown} == expected
    assert all(same(row.percent, percentage(row.messages, len(recent))) for row in shown)
    assert {row.state for row in shown} <= {*RANKS, None}


def test_failure_breakdown(connection, messages):
    shown = select(connection, "failure_breakdown")
    now = hour_of(shown[0].now)
    failed = [m for m in messages if m.failed and m.created_at >= now - MONTH]
    groups = grouped(failed, lambda m: (m.provider, m.error_code))
    assert {(row.provider, row.error_code): (row.failed, row.failed_last_day, row.failed_day_before) for row in shown} == {
        key: (len(group), sum(m.created_at >= now - 24 * HOUR for m in group),
              sum(now - 48 * HOUR <= m.created_at < now - 24 * HOUR for m in group)) for key, group in groups.items()}
    assert all(same(row.percent, percentage(row.failed, len(failed))) for row in shown)
    for row in shown:
        known = {("meta", 131026): False, ("aisensy", 131026): False, ("twilio", 30003): True, (None, 131026): False,
                 ("twilio", 131026): False}  # one of Meta's numbers explains itself, whoever passes it on
        assert row.retryable == known.get((row.provider, row.error_code))
        assert (row.meaning is None) == (row.retryable is None)


VIEWS = ["message_status_dashboard", "hourly_message_volume", "delivery_rates", "delivery_funnel", "daily_summary", "weekly_summary",
         "monthly_summary", "status_distribution", "failure_breakdown"]


@pytest.mark.parametrize("view", VIEWS)
def test_an_empty_database_divides_by_nothing(database, view):
    with contextlib.closing(database.connect()) as connection:
        for row in select(connection, view):
            assert view in ("delivery_rates", "delivery_funnel")
            assert {value for name, value in row._asdict().items() if "rate" in name or "percent" in name} == {None}
            assert {value for name, value in row._asdict().items() if name in ("messages", *COUNTS)} == {0}


def test_rates_are_null_where_nothing_was_attempted(server):
    database = server.create_database()
    with contextlib.closing(database.connect()) as connection:
        with connection.cursor() as cursor:
            cursor.execute("INSERT INTO msgstatus.message (message_id) VALUES ('a')")
            cursor.execute("SELECT msgstatus.rebuild_rollups()")
        (row,) = select(connection, "message_status_dashboard")
        assert counts_of(row) == (1, 0, 0, 0, 0, 0)
        assert {value for name, value in row._asdict().items() if "rate" in name or "seconds" in name} == {None}
