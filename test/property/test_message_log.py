"""The pages of message_log hold what the filters let through, once each, in order; message_stats counts the same; and the
lists of waiting messages hold those that wait."""

import contextlib
import dataclasses
import datetime
import json
import random
import re
import uuid

import pytest

from messages import CAMPAIGNS, approximate, insert, percentage, random_messages, rows
from model import RANKS

MESSAGES = 900
NOW = datetime.datetime.now(datetime.timezone.utc)


@pytest.fixture(scope="module")
def messages():
    return random_messages(random.Random(7), MESSAGES, NOW)


@pytest.fixture(scope="module")
def connection(server, messages):
    database = server.create_database()
    with contextlib.closing(database.connect()) as connection:
        with connection.cursor() as cursor:
            insert(cursor, messages)
        yield connection


def random_filters(rng, share_of_times=0.25):
    """Returns arguments of message_log and message_stats."""
    filters = {}
    start = NOW - datetime.timedelta(days=70) * rng.random() ** 3

    def maybe(share, name, *values):
        if rng.random() < share:
            filters[name] = rng.choice(values)

    maybe(0.4, "state", *RANKS, "")
    maybe(0.25, "message_type", "text", "image", "none such", "")
    maybe(0.25, "provider", "meta", "twilio", "")
    maybe(0.2, "direction", "outbound", "inbound", "")
    maybe(0.15, "campaign_id", *CAMPAIGNS, uuid.UUID(int=3))
    maybe(0.25, "recipient_prefix", "+49", "+491500001", "+1555000010", "+4915%", "7", "")
    maybe(0.25, "metadata_text", "sale WINTER", "0%", "r_s", "back\\\\slash", "\"order\": 12", "none such", " ")
    maybe(share_of_times, "created_from", start, start.replace(minute=0, second=0, microsecond=0))
    maybe(share_of_times, "created_before", start + rng.random() * datetime.timedelta(days=20), start + datetime.timedelta(minutes=20))
    return filters


def lets_through(filters, message):
    """Returns whether the filters let a message through."""
    metadata = None if message.metadata is None else json.dumps(message.metadata, ensure_ascii=False).lower()
    tests = {
        "state": lambda v: message.state == v,
        "recipient_prefix": lambda v: message.recipient is not None and message.recipient.startswith(v),
        "metadata_text": lambda v: metadata is not None and all(word.lower() in metadata for word in v.split()),
        "created_from": lambda v: message.created_at >= v,
        "created_before": lambda v: message.created_at < v,
    }
    return all(tests.get(name, lambda v, name=name: getattr(message, name) == v)(value)
               for name, value in filters.items() if not isinstance(value, str) or value.strip())


def newest_first(messages):
    return sorted(messages, key=lambda m: (m.created_at, m.message_id), reverse=True)


def highest_state_first(messages):
    return sorted(newest_first(messages), key=lambda m: -1 if m.state is None else RANKS.index(m.state), reverse=True)


def call(function, arguments):
    return f"SELECT * FROM msgstatus.{function}(" + ", ".join(f"{name} => %({name})s" for name in arguments) + ")"


def pages(cursor, function, arguments, page_size, meanwhile=lambda: None):
    """Returns the rows of all pages, and calls `meanwhile` after each."""
    found, after = [], None
    while True:
        page_arguments = {**arguments, "page_size": page_size, "after": after}
        cursor.execute(call(function, page_arguments), page_arguments)
        page = cursor.fetchall()
        assert len(page) <= page_size
        found += page
        if len(page) < page_size:
            return found
        after = page[-1].page_cursor
        meanwhile()


ORDERS = {"time": newest_first, "state": highest_state_first}


@pytest.mark.parametrize("sort_by", ORDERS)
@pytest.mark.parametrize("seed", range(50))
def test_pages_hold_what_the_filters_let_through(connection, messages, sort_by, seed):
    rng = random.Random(seed)
    filters = random_filters(rng)
    expected = ORDERS[sort_by](m for m in messages if lets_through(filters, m))
    with rows(connection) as cursor:
        found = pages(cursor, "message_log", {**filters, "sort_by": sort_by}, max(1, len(expected) // rng.choice([1, 2, 3, 9])))
    assert [row.message_id for row in found] == [m.message_id for m in expected], filters


@pytest.fixture(scope="module")
def analyst(connection):
    """Returns the name of a role of level `analyst`."""
    with connection.cursor() as cursor:
        cursor.execute("CREATE ROLE log_analyst")
        cursor.execute("SELECT msgstatus.grant_access('log_analyst', 'analyst')")
    yield "log_analyst"
    with connection.cursor() as cursor:
        cursor.execute("DROP OWNED BY log_analyst")
        cursor.execute("DROP ROLE log_analyst")


@pytest.mark.parametrize("sort_by", ORDERS)
@pytest.mark.parametrize("seed", range(20))
def test_pages_of_analysts_hold_stand_ins_of_the_same(connection, messages, analyst, sort_by, seed):
    """Those created at the same time come in the order of their stand-ins."""
    rng = random.Random(seed)
    filters = {name: value for name, value in random_filters(rng).items() if name != "metadata_text"}
    if "recipient_prefix" in filters:
        filters["recipient_prefix"] = filters["recipient_prefix"][:6]
    expected = [m for m in messages if lets_through(filters, m)]
    with rows(connection) as cursor:
        cursor.execute("SELECT m.message_id, msgstatus.stand_in(k.key, m.message_id) FROM msgstatus.message AS m, msgstatus.id_key AS k")
        stand_ins = dict(cursor.fetchall())
        cursor.execute(f"SET ROLE {analyst}")
        try:
            found = pages(cursor, "message_log", {**filters, "sort_by": sort_by}, max(1, len(expected) // rng.choice([1, 2, 3, 9])))
        finally:
            cursor.execute("RESET ROLE")
    assert len(set(stand_ins.values())) == len(messages)
    ordered = ORDERS[sort_by](dataclasses.replace(m, message_id=stand_ins[m.message_id]) for m in expected)
    assert [row.message_id for row in found] == [m.message_id for m in ordered], filters


@pytest.mark.parametrize("seed", range(50))
def test_stats_count_what_the_filters_let_through(connection, messages, seed):
    filters = random_filters(random.Random(1000 + seed), share_of_times=0.6)
    meant = [m for m in messages if lets_through(filters, m)]
    attempted, delivered, read, failed = (sum(getattr(m, outcome) for m in meant) for outcome in ("attempted", "delivered", "read", "failed"))
    with rows(connection) as cursor:
        cursor.execute(call("message_stats", filters), filters)
        (stats,) = cursor.fetchall()
    assert stats[:4] == (len(meant), delivered, read, failed), filters
    assert stats.attempted == attempted
    for rate, expected in (("success_rate", percentage(delivered, len(meant))), ("delivery_rate", percentage(delivered, attempted)),
                           ("read_rate", percentage(read, delivered))):
        assert approximate(getattr(stats, rate)) == pytest.approx(expected, abs=0.005)


def test_rows_tell_what_is_known(connection, messages):
    by_id = {m.message_id: m for m in messages}
    with rows(connection) as cursor:
        cursor.execute("SELECT * FROM msgstatus.message_log(page_size => NULL)")
        found = cursor.fetchall()
    assert len(found) == len(messages)
    for row in found:
        m = by_id[row.message_id]
        for name in ("provider", "direction", "sender", "recipient", "message_type", "campaign_id", "state", "error_code", "created_at"):
            assert getattr(row, name) == getattr(m, name)
        failed_at = min((t for t in (m.reached_at("failed"), m.reached_at("undelivered")) if t), default=None)
        assert (row.sent_at, row.delivered_at, row.read_at, row.failed_at) == (
            m.reached_at("sent"), m.reached_at("delivered"), m.reached_at("read"), failed_at)


def test_pages_cover_everything_once_while_messages_are_added(server, messages):
    database = server.create_database()
    with contextlib.closing(database.connect()) as writer, contextlib.closing(database.connect()) as reader:
        with writer.cursor() as cursor, rows(reader) as log:
            insert(cursor, messages[:200])

            def add():
                cursor.execute("SELECT msgstatus.register_message(gen_random_uuid()::text, message_type => 'text')")

            for filters in ({}, {"message_type": "text"}):
                expected = newest_first(m for m in messages[:200] if lets_through(filters, m))
                found = [row.message_id for row in pages(log, "message_log", filters, 7, add)]
                assert [i for i in found if re.match(r"m\d", i)] == [m.message_id for m in expected]
                cursor.execute("SELECT msgstatus.rebuild_rollups()")


WAITING = {
    "undelivered_messages": (datetime.timedelta(minutes=5), lambda m: m.outgoing and m.state in ("accepted", "queued", "sending", "sent"),
                             lambda m: min(filter(None, (m.created_at, m.reached_at("sent"))))),
    "unread_messages": (datetime.timedelta(days=1), lambda m: m.outgoing and m.state == "delivered", lambda m: m.reached_at("delivered")),
    "stuck_messages": (datetime.timedelta(minutes=15), lambda m: m.outgoing and m.state is None,
                       lambda m: m.created_at),
}


@pytest.mark.parametrize("name", WAITING)
def test_lists_hold_the_messages_that_wait(connection, messages, name):
    default_age, waits, since = WAITING[name]
    for age in (default_age, datetime.timedelta(minutes=50), datetime.timedelta(days=10)):
        with rows(connection) as cursor:
            cursor.execute("SELECT now()")
            (now,) = cursor.fetchone()
            expected = [m.message_id for m in newest_first(m for m in messages if waits(m) and since(m) <= now - age)]
            assert expected
            found = pages(cursor, name, {"older_than": age}, 11)
            assert [row.message_id for row in found] == expected
            if age == default_age:
                cursor.execute(f"SELECT message_id, age FROM msgstatus.{name}")
                listed = {row.message_id: row.age for row in cursor.fetchall()}
                assert sorted(listed) == sorted(expected)
                for m in messages:
                    if m.message_id in listed:
                        assert abs(listed[m.message_id] - (now - since(m))) < datetime.timedelta(minutes=10)
            if name == "undelivered_messages":
                cursor.execute("SELECT msgstatus.undelivered_count(%s)", (age,))
                assert cursor.fetchone()[0] == len(expected)


def test_a_prefix_that_many_share_and_a_text_found_by_an_index(server):
    """Searches by other plans than in the tests above: with too many messages for one plan, and by an index."""
    database = server.create_database()
    with contextlib.closing(database.connect()) as connection, rows(connection) as cursor:
        cursor.execute("CREATE EXTENSION pg_trgm")
        cursor.execute("CREATE INDEX ON msgstatus.message USING gin ((metadata::text) gin_trgm_ops) WHERE metadata IS NOT NULL")
        cursor.execute("""
            INSERT INTO msgstatus.message (message_id, recipient, metadata, created_at)
            SELECT 'm' || n, '+4915' || n % 30000, jsonb_build_object('order', n, 'kind', CASE WHEN n % 9000 = 0 THEN 'rare' ELSE 'usual' END),
                now() - n * interval '1 minute'
            FROM generate_series(1, 30000) AS n""")
        cursor.execute("ANALYZE msgstatus.message")
        for arguments, expected in (({"recipient_prefix": "+4915"}, range(1, 30001)),
                                    ({"metadata_text": "RARE"}, (9000, 18000, 27000)),
                                    ({"metadata_text": "usual"}, [n for n in range(1, 30001) if n % 9000])):
            found = pages(cursor, "message_log", arguments, 1000)
            assert [row.message_id for row in found] == [f"m{n}" for n in expected]
        cursor.execute("SELECT count(*) FROM msgstatus.message_log(metadata_text => 'usual', page_size => NULL)")
        assert cursor.fetchone()[0] == 30000 - 3


@pytest.mark.parametrize("reltuples", [0, 400_000], ids=["most of the table", "a part of the table"])
def test_by_state_a_prefix_that_many_share(server, reltuples):
    """The messages of a prefix are those of low states, so that the highest state fills no page, and of two states, on either side of
    the edge of a page."""
    database = server.create_database()
    with contextlib.closing(database.connect()) as connection, rows(connection) as cursor:
        cursor.execute("""
            INSERT INTO msgstatus.message (message_id, recipient, status, created_at)
            SELECT 'm' || n, CASE WHEN n % 2 = 0 THEN '+4930' ELSE '+4915' END || n % 30000, CASE
                WHEN n % 2 = 1 AND n % 3 = 0 OR n = 40000 THEN msgstatus.message_status('read', now())
                WHEN n % 4 = 0 THEN msgstatus.message_status('failed', now())
                WHEN n % 50 = 2 THEN '{}' ELSE msgstatus.message_status('sent', now()) END,
                now() - n / 3 * interval '1 minute'
            FROM generate_series(1, 60000) AS n;
            SELECT msgstatus.rebuild_rollups();
            ANALYZE msgstatus.message""")
        # What the planner knows of the size decides whether the messages are found by their recipients or by their hours.
        cursor.execute("UPDATE pg_class SET reltuples = %s WHERE oid = 'msgstatus.message'::regclass", (reltuples,))
        cursor.execute("""SELECT message_id FROM msgstatus.message WHERE recipient LIKE '+4930%'
            ORDER BY msgstatus.state(status) DESC NULLS LAST, created_at DESC, message_id DESC""")
        expected = [row.message_id for row in cursor.fetchall()]
        assert len(expected) == 30000
        for size in (7000, 100_000):
            found = pages(cursor, "message_log", {"recipient_prefix": "+4930", "sort_by": "state"}, size)
            assert [row.message_id for row in found] == expected
        cursor.execute("SELECT total, read, failed FROM msgstatus.message_stats(recipient_prefix => '+4930')")
        assert cursor.fetchone() == (30000, 1, 15000 - 1)
