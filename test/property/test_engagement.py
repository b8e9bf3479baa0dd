"""Engagement of recipients (messages, rates, hours) as plain Python computes it, whatever lists of recipients there are."""

import collections
import contextlib
import datetime
import random
import zoneinfo

import psycopg2
import pytest

from messages import approximate, insert, percentage, random_messages, rows

NOW = datetime.datetime.now(datetime.timezone.utc)
ZONES = ["UTC", "America/New_York", "Asia/Kolkata"]
DAY = datetime.timedelta(days=1)


def outgoing(messages, since):
    return [m for m in messages if m.direction != "inbound" and m.created_at >= since]


def engagement(messages, now, days):
    """Returns recipient -> messages, delivered, read, rate, seconds until read, last read."""
    since = now.replace(hour=0, minute=0, second=0, microsecond=0) - (days - 1) * DAY
    found = {}
    for m in outgoing(messages, since):
        if m.recipient is not None:
            found.setdefault(m.recipient, []).append(m)
    return {recipient: summary(group) for recipient, group in found.items()}


def summary(group):
    delays = [d for d in (m.delay("delivered", "read") for m in group) if d is not None]
    delivered, read = sum(m.reached("delivered") for m in group), sum(m.reached("read") for m in group)
    return (len(group), delivered, read, percentage(read, delivered), sum(delays) / len(delays) if delays else None,
            max((m.reached_at("read") for m in group if m.reached("read")), default=None))


def check_engagement(cursor, messages, days, number):
    cursor.execute("SELECT now(), e.* FROM msgstatus.recipient_engagement(%s, %s) AS e", (days, number))
    shown = cursor.fetchall()
    if not shown:
        cursor.execute("SELECT now()")
        assert not engagement(messages, cursor.fetchone()[0], days)
        return
    expected = engagement(messages, shown[0].now, days)
    # Of those with as many messages as the last one, the first by their numbers are shown.
    most = sorted(expected, key=lambda recipient: (-expected[recipient][0], recipient))[:number]
    assert sorted(row.recipient for row in shown) == sorted(most)
    for row in shown:
        counts = expected[row.recipient]
        assert (row.messages, row.delivered, row.read, row.last_read_at) == (*counts[:3], counts[5])
        assert approximate(row.read_rate) == pytest.approx(counts[3], abs=0.0051)
        assert approximate(row.avg_read_seconds) == pytest.approx(counts[4], abs=0.0011)
    rates = [-1 if row.read_rate is None else row.read_rate for row in shown]
    assert rates == sorted(rates, reverse=True)


def check_all(cursor, messages):
    for days, number in ((1, 3), (7, 1), (7, 10), (30, 4), (30, 1000)):
        check_engagement(cursor, messages, days, number)


def random_outgoing(rng, number, recipients, name):
    """Returns messages to recipients of which some get more than others."""
    messages = random_messages(rng, number, NOW, days=25)
    for n, m in enumerate(messages):
        m.message_id = f"{name}{n}"
        m.recipient = rng.choice([None] + [f"+49151{int(recipients * rng.random() ** 2):06}"] * 30)
        m.created_at = NOW - 25 * DAY * rng.random()
    return messages


@pytest.mark.parametrize("recipients", [5, 60, 5000])
def test_recipients_with_most_messages(server, recipients):
    rng = random.Random(recipients)
    database = server.create_database()
    with contextlib.closing(database.connect()) as connection, rows(connection) as cursor:
        messages = random_outgoing(rng, 1500, recipients, "a")
        check_all(cursor, [])
        insert(cursor, messages)
        check_all(cursor, messages)  # no list
        cursor.execute("SELECT msgstatus.count_recipients()")
        cursor.execute("SELECT count(*) AS days, count(*) FILTER (WHERE least = 2) AS shortened FROM msgstatus.recipient_day")
        assert cursor.fetchone() > (20, 20)
        check_all(cursor, messages)  # a list for each day, those of long ago shortened
        cursor.execute("SELECT msgstatus.count_windows()")
        check_windows(cursor, messages)
        check_all(cursor, messages)  # the windows of 7 and 30 days
        messages += random_outgoing(rng, 20, recipients, "b")
        insert(cursor, messages[-20:])
        check_all(cursor, messages)  # some of them no longer right, nor the windows
        cursor.execute("DELETE FROM msgstatus.recipient_day WHERE day IN (SELECT day FROM msgstatus.recipient_day ORDER BY random() LIMIT 5)")
        check_all(cursor, messages)  # some of them missing
        cursor.execute("SELECT msgstatus.count_recipients()")
        check_all(cursor, messages)  # right again
        cursor.execute("SELECT msgstatus.count_windows()")
        check_windows(cursor, messages)
        check_all(cursor, messages)


def check_windows(cursor, messages):
    """Compares recipient_total with the messages of whole hours that are over."""
    cursor.execute("SELECT days, first_day::timestamp AT TIME ZONE 'UTC' AS since, counted_before FROM msgstatus.recipient_window")
    windows = cursor.fetchall()
    assert sorted(window.days for window in windows) == [7, 30]
    for window in windows:
        counts = collections.Counter(m.recipient for m in outgoing(messages, window.since) if m.created_at < window.counted_before and m.recipient)
        cursor.execute("SELECT recipient, messages FROM msgstatus.recipient_total WHERE days = %s", (window.days,))
        assert dict(cursor.fetchall()) == {recipient: number for recipient, number in counts.items() if number > 1}
    cursor.execute("SELECT * FROM msgstatus.verify_rollups()")
    assert not cursor.fetchall()


@pytest.mark.parametrize("recipients", [5, 60, 5000])
def test_windows_move_with_the_days(server, recipients):
    """What a window left three days behind, and counted up to yesterday, takes away and adds is what the messages say."""
    rng = random.Random(recipients)
    database = server.create_database()
    with contextlib.closing(database.connect()) as connection, rows(connection) as cursor:
        messages = random_outgoing(rng, 1500, recipients, "a")
        insert(cursor, messages)
        cursor.execute("""
            INSERT INTO msgstatus.recipient_window
            SELECT d, day, day::timestamp AT TIME ZONE 'UTC', 0, 0
            FROM unnest('{7,30}'::integer[]) AS d, LATERAL (SELECT (now() AT TIME ZONE 'UTC')::date - (d + 2) AS day) AS b""")
        for hours in (60, 24):
            cursor.execute("SELECT msgstatus.move_window(days, 1, counted_before, date_trunc('hour', now() - interval '%s hours', 'UTC'))"
                           " FROM msgstatus.recipient_window", (hours,))
        cursor.execute("SELECT msgstatus.count_windows() AS first, msgstatus.count_windows() AS second")
        first, second = cursor.fetchone()
        # The 7 and the 30 days would be so many if they were counted anew.
        assert 0 < first < len(messages) // 2 and second == 0
        check_windows(cursor, messages)
        check_all(cursor, messages)


def test_windows_are_counted_bit_by_bit_and_purged(server):
    database = server.create_database()
    with contextlib.closing(database.connect()) as connection, rows(connection) as cursor:
        messages = random_outgoing(random.Random(4), 1500, 60, "a")
        insert(cursor, messages)
        for _ in range(200):
            cursor.execute("SELECT msgstatus.count_windows(100)")
            if cursor.fetchone()[0] == 0:
                break
            check_engagement(cursor, messages, 30, 10)
        check_windows(cursor, messages)
        cursor.execute("SELECT msgstatus.purge_messages(now() - interval '20 days')")
        cursor.execute("SELECT days, count(*) > 0 FROM msgstatus.recipient_total JOIN msgstatus.recipient_window USING (days) GROUP BY 1")
        assert cursor.fetchall() == [(7, True)]
        cursor.execute("SELECT count(*), msgstatus.count_windows() FROM msgstatus.recipient_total WHERE days = 30")
        assert cursor.fetchone() == (0, 0)


def test_even_recipients_are_not_looked_up_one_by_one(server):
    """Where no recipient stands out, the lists of the days say little; what is read must not grow with recipients and days."""
    database = server.create_database()
    with contextlib.closing(database.connect()) as connection, rows(connection) as cursor:
        cursor.execute("""
            INSERT INTO msgstatus.message (message_id, recipient, direction, created_at)
            SELECT 'm' || n, '+4915' || (hashint4(n)::bigint & 16383), 'outbound',
                date_trunc('day', now(), 'UTC') - interval '6 days' + n * interval '8 seconds'
            FROM generate_series(1, 60000) AS n;
            SELECT msgstatus.rebuild_rollups();
            SELECT msgstatus.count_recipients(), msgstatus.count_windows();
            ANALYZE msgstatus.message, msgstatus.recipient_rollup, msgstatus.recipient_total""")
        cursor.execute("SELECT recipient, count(*) AS messages FROM msgstatus.message GROUP BY 1 ORDER BY 2 DESC LIMIT 10")
        most = [row.messages for row in cursor.fetchall()]

        def blocks():
            cursor.execute("SELECT messages FROM msgstatus.recipient_engagement(7, 10) ORDER BY 1 DESC")
            assert [row.messages for row in cursor.fetchall()] == most
            cursor.execute("EXPLAIN (ANALYZE, BUFFERS, FORMAT json) SELECT * FROM msgstatus.recipient_engagement(7, 10)")
            plan = cursor.fetchone()[0][0]["Plan"]
            return plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]

        # A few hundred: the top of the window, what came since, and the messages of ten recipients.
        assert blocks() < 5_000
        # Without a window twenty thousand; two hundred thousand if each recipient is looked up for each day.
        cursor.execute("DELETE FROM msgstatus.recipient_window")
        assert blocks() < 60_000


def local_hour(zone):
    zone = zoneinfo.ZoneInfo(zone)
    return lambda time: time.astimezone(zone)


def hours_of(messages, hour_of):
    """Returns the counts of hour_of for a message: messages, delivered, read."""
    found = {}
    for m in messages:
        counts = found.setdefault(hour_of(m), [0, 0, 0])
        counts[0] += m.outgoing
        counts[1] += m.delivered
        counts[2] += m.read
    return found


@pytest.fixture(scope="module")
def messages():
    return random_messages(random.Random(3), 1500, NOW)


@pytest.fixture(scope="module")
def connection(server, messages):
    database = server.create_database()
    with contextlib.closing(database.connect()) as connection:
        with connection.cursor() as cursor:
            insert(cursor, messages)
        yield connection


@pytest.mark.parametrize("zone", ZONES)
def test_best_send_hours(connection, messages, zone):
    local = local_hour(zone)
    expected = hours_of(messages, lambda m: (local(m.hour).isoweekday(), local(m.hour).hour))
    with rows(connection) as cursor:
        cursor.execute("SELECT set_config('timezone', %s, false)", (zone,))
        for query, parameters in (("best_send_hours(%s)", (zone,)), ("best_send_hours", ())):
            cursor.execute(f"SELECT * FROM msgstatus.{query}", parameters)
            shown = cursor.fetchall()
            assert {(row.weekday, row.hour): [row.messages, row.delivered, row.read] for row in shown} == {
                key: counts for key, counts in expected.items() if counts[0]}
            for row in shown:
                assert approximate(row.read_rate) == pytest.approx(percentage(row.read, row.delivered), abs=0.0051)
            rates = [-1 if row.read_rate is None else row.read_rate for row in shown]
            assert rates == sorted(rates, reverse=True)


@pytest.mark.parametrize("zone", ZONES)
def test_best_send_hour(connection, messages, zone):
    local = local_hour(zone)
    everybody = hours_of(messages, lambda m: local(m.hour).hour)
    recipients = sorted({m.recipient for m in messages if m.recipient})[:40] + ["+15550000000"]
    with rows(connection) as cursor:
        for recipient in recipients:
            own = hours_of([m for m in outgoing(messages, NOW - 90 * DAY) if m.recipient == recipient], lambda m: local(m.created_at).hour)

            def score(hour):
                _, delivered, read = own.get(hour, (0, 0, 0))
                return (read + 5 * everybody[hour][2] / everybody[hour][1]) / (delivered + 5)

            cursor.execute("SELECT msgstatus.best_send_hour(%s, %s)", (recipient.replace("+", "whatsapp:+"), zone))
            (hour,) = cursor.fetchone()
            assert score(hour) == pytest.approx(max(score(h) for h in everybody if everybody[h][1]))


def test_a_recipient_who_reads_in_the_morning(server):
    database = server.create_database()
    with contextlib.closing(database.connect()) as connection, rows(connection) as cursor:
        cursor.execute("SELECT msgstatus.best_send_hour('+4915')")
        assert cursor.fetchone()[0] is None
        cursor.execute("""
            INSERT INTO msgstatus.message (message_id, recipient, created_at, status)
            SELECT n || h.state || h.hour, '+49151000' || n, date_trunc('day', now(), 'UTC') - n * interval '1 day' + h.hour * interval '1 hour',
                msgstatus.message_status(h.state::msgstatus.delivery_state, now())
            FROM generate_series(1, 20) AS n, (VALUES (9, 'delivered'), (17, 'delivered'), (18, 'delivered'), (18, 'read')) AS h (hour, state)
            WHERE h.hour <> 18 OR (h.state = 'read') = (n > 5)
            UNION ALL
            SELECT n || 'early', '+491519999999', date_trunc('day', now(), 'UTC') - n * interval '1 day' + interval '9 hours',
                '{"read": "2024-12-10T10:00:00Z"}'
            FROM generate_series(1, 30) AS n""")
        cursor.execute("SELECT msgstatus.rebuild_rollups()")
        for recipient, zone, hour in (("+491519999999", "UTC", 9), ("+491510001", "UTC", 18), ("+4915", "UTC", 18), ("+4915", "Asia/Tokyo", 3)):
            cursor.execute("SELECT msgstatus.best_send_hour(%s, %s)", (recipient, zone))
            assert cursor.fetchone()[0] == hour, recipient


def test_what_makes_no_sense_is_refused(connection):
    for call in ("best_send_hours('Mars/Phobos')", "best_send_hour('+49', 'Mars/Phobos')", "recipient_engagement(0, 5)", "recipient_engagement(7, 0)"):
        with connection.cursor() as cursor, pytest.raises(psycopg2.errors.InvalidParameterValue):
            cursor.execute(f"SELECT * FROM msgstatus.{call}")
