"""A real subscriber of everything: what calls, corrections, maintenance and purging write arrives, in partitions made later, too."""

import contextlib
import json
import time

import psycopg2
import pytest

from pgserver import PgServer

APPLY = "SELECT msgstatus.apply_message_status(%s, %s)"
TABLES = ["message", "status_event", "rejected_status", "message_rollup", "failure_rollup", "folded_hour", "recipient_rollup", "recipient_day",
          "recipient_total", "recipient_window", "prefix_rollup", "prefix_period",
          "maintenance", "installation"]


@pytest.fixture(scope="module")
def databases():
    """databases are a publisher and its subscriber, in one cluster."""
    with PgServer(wal_level="logical", max_prepared_transactions="4") as pg, contextlib.ExitStack() as stack:
        def connect(name):
            connection = stack.enter_context(contextlib.closing(psycopg2.connect(pg.conninfo(name))))
            connection.autocommit = True
            return stack.enter_context(connection.cursor())

        publisher, subscriber = (connect(pg.create_database(name)) for name in ("publisher", "subscriber"))
        # The subscriber takes over the rows that install() made, too.
        tables = rows(subscriber, """SELECT string_agg(c.oid::regclass::text, ', ') FROM pg_class AS c
            WHERE c.relnamespace = 'msgstatus'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition""")[0][0]
        subscriber.execute(f"TRUNCATE {tables}")
        publisher.execute("CREATE PUBLICATION everything FOR ALL TABLES WITH (publish_via_partition_root)")
        # Within one cluster, CREATE SUBSCRIPTION would wait for itself to make the slot.
        publisher.execute("SELECT pg_create_logical_replication_slot('subscriber', 'pgoutput')")
        subscriber.execute(f"CREATE SUBSCRIPTION everything CONNECTION '{pg.conninfo('publisher')}' PUBLICATION everything "
                           "WITH (create_slot = false, slot_name = 'subscriber')")
        yield publisher, subscriber


def rows(cursor, sql, parameters=None):
    cursor.execute(sql, parameters)
    return cursor.fetchall()


def contents(cursor):
    """Returns the rows of the tables, as texts, in an order of their own."""
    return {table: rows(cursor, f"SELECT t::text FROM msgstatus.{table} AS t ORDER BY t::text COLLATE \"C\"") for table in TABLES}


def assert_equal_soon(publisher, subscriber):
    expected = contents(publisher)
    deadline = time.monotonic() + 60
    while (found := contents(subscriber)) != expected and time.monotonic() < deadline:
        time.sleep(0.05)
    assert found == expected


def test_everything_arrives(databases):
    publisher, subscriber = databases
    assert_equal_soon(publisher, subscriber)

    def apply(statuses, months=0):
        now = rows(publisher, "SELECT date_trunc('month', now()) + %s * interval '1 month' + interval '2 days'", [months])[0][0]
        publisher.execute(APPLY, (json.dumps(statuses), now))

    def statuses(status, **more):
        return [{"id": f"wamid.{n}", "status": status, "timestamp": 1733832000, "recipient_id": f"1555010000{n}", **more} for n in range(8)]

    apply(statuses("sent"))
    apply(statuses("delivered"))
    apply(statuses("failed", errors=[{"code": 131026, "title": "Message undeliverable"}])[:4])
    apply([{"id": "wamid.0", "status": "no such status"}])
    assert_equal_soon(publisher, subscriber)

    # Partitions made later. An earlier receipt corrects the trail, and moves a row from one partition to another.
    assert rows(publisher, "SELECT msgstatus.make_trail_partitions(4)")[0][0] == 3
    apply(statuses("read"), months=3)
    apply(statuses("read", biz_opaque_callback_data="x"), months=2)
    assert {month for month, in rows(publisher, "SELECT date_trunc('month', received_at) FROM msgstatus.status_event")} \
        != {month for month, in rows(publisher, "SELECT date_trunc('month', now())")}
    assert_equal_soon(publisher, subscriber)

    publisher.execute("UPDATE msgstatus.maintenance SET messages_kept = '1 year', rejected_kept = '1 day'")
    publisher.execute("UPDATE msgstatus.message SET created_at = created_at - interval '3 hours'")
    publisher.execute("SELECT msgstatus.rebuild_rollups()")
    publisher.execute("SELECT msgstatus.maintain()")
    assert_equal_soon(publisher, subscriber)
    assert rows(publisher, "SELECT msgstatus.purge_messages(now() + interval '1 year', 5)")[0][0] == 5
    publisher.execute("SELECT msgstatus.maintain()")
    assert_equal_soon(publisher, subscriber)
    publisher.execute("SELECT msgstatus.purge_messages(now() + interval '1 year')")
    publisher.execute("DELETE FROM msgstatus.rejected_status")
    publisher.execute("UPDATE msgstatus.installation SET installed_at = now()")
    assert_equal_soon(publisher, subscriber)
    assert contents(subscriber)["status_event"] == contents(subscriber)["message"] == []


# What a database without the extension stores instead of its types: their text. Of a status that is what was observed, without what that implies.
PLAIN = {"msgstatus.message_status": "jsonb", "msgstatus.delivery_state": "text"}


def test_a_plain_postgresql_subscribes():
    """Messages and their trail arrive in a database that has no extension, first those that are there."""
    with PgServer(wal_level="logical") as pg, contextlib.ExitStack() as stack:
        def connect(name):
            connection = stack.enter_context(contextlib.closing(psycopg2.connect(pg.conninfo(name))))
            connection.autocommit = True
            return stack.enter_context(connection.cursor())

        publisher = connect(pg.create_database("publisher"))
        subscriber = connect(pg.create_database("subscriber", "CREATE SCHEMA msgstatus;"))
        for table in "message", "status_event":
            columns = rows(publisher, """SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute
                WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum""", [f"msgstatus.{table}"])
            subscriber.execute(f"CREATE TABLE msgstatus.{table} (" + ", ".join(f"{name} {PLAIN.get(kind, kind)}" for name, kind in columns) + ")")
        subscriber.execute("ALTER TABLE msgstatus.message ADD PRIMARY KEY (message_id); ALTER TABLE msgstatus.status_event REPLICA IDENTITY FULL")

        def apply(status, number):
            publisher.execute(APPLY, (json.dumps([{"id": f"wamid.{n}", "status": status, "timestamp": 1733832000, "errors": [{"code": 131026, "title": "x"}]}
                                                  for n in range(number)]), "2026-11-20T12:00Z"))

        apply("sent", 50)
        publisher.execute("CREATE PUBLICATION plain FOR TABLE msgstatus.message, msgstatus.status_event WITH (publish_via_partition_root)")
        publisher.execute("SELECT pg_create_logical_replication_slot('plain', 'pgoutput')")
        subscriber.execute(f"CREATE SUBSCRIPTION plain CONNECTION '{pg.conninfo('publisher')}' PUBLICATION plain "
                           "WITH (create_slot = false, slot_name = 'plain')")
        apply("delivered", 60)
        apply("failed", 10)
        publisher.execute("DELETE FROM msgstatus.message WHERE message_id = 'wamid.3'")
        questions = {publisher: "SELECT message_id, status::text::jsonb, error_code, updated_at FROM msgstatus.message ORDER BY 1",
                     subscriber: "SELECT message_id, status, error_code, updated_at FROM msgstatus.message ORDER BY 1"}
        trail = "SELECT message_id, state::text, event_time, detail FROM msgstatus.status_event ORDER BY 1, 2, 3"
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and (
                rows(publisher, trail) != rows(subscriber, trail) or rows(publisher, questions[publisher]) != rows(subscriber, questions[subscriber])):
            time.sleep(0.05)
        assert rows(subscriber, questions[subscriber]) == rows(publisher, questions[publisher])
        assert rows(subscriber, trail) == rows(publisher, trail)
        assert rows(subscriber, "SELECT count(*), count(status ->> 'delivered') FROM msgstatus.message") == [(59, 59)]
        subscriber.execute("DROP SUBSCRIPTION plain")
