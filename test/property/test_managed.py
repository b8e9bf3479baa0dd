"""A database without the extension and, where PostgreSQL lets it, without a superuser subscribes (docs/managed.md): whatever
happens between the two, its own table ends where the statuses do, and never goes back on the way."""

import contextlib
import json
import os
import pathlib
import random
import time

import psycopg2
import pytest

from pgserver import PgServer

ROOT = pathlib.Path(__file__).resolve().parents[2]
SUBSCRIBER = (ROOT / "docs/managed/subscriber.sql").read_text(encoding="utf-8")
SENT_MESSAGES = (ROOT / "docs/managed/sent-messages.sql").read_text(encoding="utf-8")
STATES = ["queued", "sent", "delivered", "read"]
COPIED = int(os.environ.get("MSGSTATUS_MANAGED_ROWS", "20000"))  # messages that are there before the subscription

NOTIFICATION = """
    CREATE TABLE public.notification (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, provider_id text UNIQUE, status text NOT NULL DEFAULT 'queued',
        sent_at timestamptz, delivered_at timestamptz, read_at timestamptz, error_code integer);
    CREATE TABLE public.seen (provider_id text, old_status text, new_status text, old_delivered_at timestamptz, delivered_at timestamptz);
    CREATE FUNCTION public.look() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        INSERT INTO public.seen VALUES (NEW.provider_id, OLD.status, NEW.status, OLD.delivered_at, NEW.delivered_at); RETURN NULL; END $$;
    CREATE TRIGGER look AFTER UPDATE ON public.notification FOR EACH ROW EXECUTE FUNCTION public.look();
    ALTER TABLE public.notification ENABLE ALWAYS TRIGGER look"""
CARRY = """SELECT msgstatus.carry_into('public.notification', 'provider_id', 'status',
    '{"sent": "sent_at", "delivered": "delivered_at", "read": "read_at"}', 'error_code')"""


class Side:
    """One of the two databases, as one role. A connection that broke is made anew."""

    def __init__(self, server, database, user):
        self.server, self.database, self.user, self.connection = server, database, user, None

    def run(self, sql, parameters=None):
        for last in (False, True):
            try:
                if self.connection is None or self.connection.closed:
                    self.connection = psycopg2.connect(self.server.conninfo(self.database, self.user))
                    self.connection.autocommit = True
                with self.connection.cursor() as cursor:
                    cursor.execute(sql, parameters)
                    return cursor.fetchall() if cursor.description else None
            except (psycopg2.OperationalError, psycopg2.InterfaceError):
                self.connection = None
                if last:
                    raise

    def close(self):
        if self.connection is not None:
            self.connection.close()


@pytest.fixture(scope="module")
def sides():
    """sides are the database with the extension, the one that stands for a managed one, and the latter's administrator."""
    with PgServer(wal_level="logical") as server, PgServer(wal_level="logical") as managed, contextlib.ExitStack() as stack:
        hba = server.data / "pg_hba.conf"
        hba.write_text("host all msgstatus_subscriber 127.0.0.1/32 scram-sha-256\n" + hba.read_text())
        server.create_database("msgstatus")
        managed.create_database("shop", setup="CREATE ROLE app LOGIN; GRANT CREATE ON DATABASE shop TO app; GRANT ALL ON SCHEMA public TO app")
        ours, theirs, admin = Side(server, "msgstatus", "postgres"), Side(managed, "shop", "app"), Side(managed, "shop", "postgres")
        for side in (ours, theirs, admin):
            stack.callback(side.close)
        ours.run("SELECT pg_reload_conf()")
        ours.run("SELECT msgstatus.publish()")
        ours.run("SELECT msgstatus.publish()")  # can be repeated
        ours.run("ALTER ROLE msgstatus_subscriber PASSWORD 'a secret'")
        ours.run("""INSERT INTO msgstatus.message (message_id, status, recipient, created_at)
            SELECT 'old.' || n, '{"sent": "2025-01-01T00:00:00Z", "delivered": "2025-01-01T00:01:00Z"}', '+15550100001', '2025-01-01'
            FROM generate_series(1, %s) AS n""", [COPIED])
        theirs.run(SUBSCRIBER)
        theirs.run(SUBSCRIBER)
        theirs.run(NOTIFICATION)
        theirs.run("INSERT INTO public.notification (provider_id) VALUES ('old.1'), ('old.2')")
        theirs.run(CARRY)
        subscribe(ours, theirs, admin)
        yield ours, theirs, admin


def subscribe(ours, theirs, admin):
    """Subscribes as a role that is no superuser, which PostgreSQL allows from version 16 on."""
    if theirs.server.version >= 16:
        admin.run("GRANT pg_create_subscription TO app")
        subscriber = theirs
    else:
        subscriber = admin
    secret = ours.server.conninfo("msgstatus", "msgstatus_subscriber") + " password='a secret'"
    subscriber.run(f"CREATE SUBSCRIPTION msgstatus CONNECTION $${secret}$$ PUBLICATION msgstatus")


def apply(ours, statuses):
    return ours.run("SELECT msgstatus.apply_message_status(%s)", [json.dumps(statuses)])


def status(message_id, state, at=0, **more):
    return {"id": message_id, "status": state, "timestamp": 1767225600 + at, "recipient_id": "15550100001", **more}


def eventually(get, expected):
    deadline = time.monotonic() + 90
    while (found := get()) != expected and time.monotonic() < deadline:
        time.sleep(0.05)
    assert found == expected


def messages(side, state):
    return side.run(f"SELECT message_id, {state} FROM msgstatus.message ORDER BY message_id COLLATE \"C\"")


def assert_same_soon(ours, theirs):
    expected = messages(ours, "msgstatus.state(status)::text")
    eventually(lambda: messages(theirs, "state"), expected)
    trail = "SELECT message_id, state::text, event_time, received_at, error_code FROM msgstatus.status_event ORDER BY 1, 2, 3, 4, 5"
    eventually(lambda: theirs.run(trail), ours.run(trail))


def assert_never_back(theirs):
    assert theirs.run("""SELECT * FROM public.seen
        WHERE msgstatus.state_rank(new_status) < msgstatus.state_rank(old_status) OR delivered_at > old_delivered_at
            OR (delivered_at IS NULL AND old_delivered_at IS NOT NULL)""") == []


def test_what_was_there_is_copied(sides):
    ours, theirs, _ = sides
    eventually(lambda: theirs.run("SELECT count(*) FROM msgstatus.message WHERE state = 'delivered'"), [(COPIED,)])
    eventually(lambda: theirs.run("SELECT DISTINCT status FROM public.notification WHERE provider_id LIKE 'old.%'"), [("delivered",)])
    assert_same_soon(ours, theirs)


def test_any_order_any_interruption(sides):
    ours, theirs, admin = sides
    chance = random.Random(1)
    ids = [f"wamid.{n}" for n in range(60)]
    reached = {message_id: chance.randint(1, 3) for message_id in ids}
    reports = [(message_id, place) for message_id in ids for place in range(reached[message_id] + 1)] * 2
    chance.shuffle(reports)
    # Half of the rows are there before their statuses, and half come after.
    theirs.run("INSERT INTO public.notification (provider_id) SELECT unnest(%s)", [ids[::2]])
    breaks = {20: lambda: ours.run("SELECT pg_terminate_backend(pid) FROM pg_stat_replication"),
              60: lambda: theirs.server.stop("immediate") or theirs.server.start(),
              100: lambda: ours.server.stop() or ours.server.start(),
              140: lambda: admin.run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type LIKE 'logical replication%%worker'")}
    for number, (message_id, place) in enumerate(reports):
        if number in breaks:
            breaks[number]()
        apply(ours, [status(message_id, STATES[place], 60 * place)])
    theirs.run("INSERT INTO public.notification (provider_id) SELECT unnest(%s)", [ids[1::2]])
    assert_same_soon(ours, theirs)
    theirs.run("SELECT msgstatus.catch_up()")
    found = dict(theirs.run("SELECT provider_id, status FROM public.notification WHERE provider_id LIKE 'wamid.%'"))
    assert found == {message_id: STATES[place] for message_id, place in reached.items()}
    assert theirs.run("""SELECT count(*) FROM public.notification AS n JOIN msgstatus.message AS m ON m.message_id = n.provider_id
        WHERE n.delivered_at IS DISTINCT FROM (m.status ->> 'delivered')::timestamptz""") == [(0,)]
    assert_never_back(theirs)


def test_a_failing_table_stops_nothing(sides):
    ours, theirs, _ = sides
    theirs.run("INSERT INTO public.notification (provider_id) VALUES ('wamid.bad'), ('wamid.good')")
    theirs.run("ALTER TABLE public.notification ADD CONSTRAINT odd CHECK (provider_id <> 'wamid.bad' OR status = 'queued')")
    apply(ours, [status("wamid.bad", "delivered"), status("wamid.good", "delivered")])
    get = "SELECT status FROM public.notification WHERE provider_id = %s"
    eventually(lambda: theirs.run(get, ["wamid.good"]), [("delivered",)])
    eventually(lambda: theirs.run("SELECT message_id FROM msgstatus.carry_failure"), [("wamid.bad",)])
    theirs.run("ALTER TABLE public.notification DROP CONSTRAINT odd")
    theirs.run("SELECT msgstatus.catch_up()")
    assert theirs.run(get, ["wamid.bad"]) == [("delivered",)]
    assert theirs.run("SELECT count(*) FROM msgstatus.carry_failure") == [(0,)]


def test_a_new_copy_takes_nothing_back(sides):
    ours, theirs, admin = sides
    admin.run("DROP SUBSCRIPTION msgstatus")
    before = theirs.run("SELECT provider_id, status, delivered_at FROM public.notification ORDER BY 1")
    theirs.run("TRUNCATE msgstatus.message, msgstatus.status_event")
    subscribe(ours, theirs, admin)
    assert_same_soon(ours, theirs)
    assert theirs.run("SELECT provider_id, status, delivered_at FROM public.notification ORDER BY 1") == before
    assert_never_back(theirs)


def test_what_the_application_sends_arrives_and_is_joined(sides):
    ours, theirs, admin = sides
    ours.run(SENT_MESSAGES)
    admin.run("CREATE PUBLICATION sent_messages FOR TABLE msgstatus.sent_message")
    apply(ours, [status("wamid.first", "delivered")])  # before anybody says what it is
    ours.run(f"CREATE SUBSCRIPTION sent_messages CONNECTION '{theirs.server.conninfo('shop')}' PUBLICATION sent_messages")
    theirs.run("INSERT INTO msgstatus.sent_message (message_id, provider, message_type) VALUES ('wamid.first', 'meta', 'template'), ('', 'meta', 'text')")
    theirs.run("INSERT INTO msgstatus.sent_message (message_id, provider, message_type) VALUES ('wamid.second', 'meta', 'template')")
    apply(ours, [status("wamid.second", "sent")])
    eventually(lambda: theirs.run("SELECT message_id, message_type, state FROM msgstatus.message WHERE message_id IN ('wamid.first', 'wamid.second') ORDER BY 1"),
               [("wamid.first", "template", "delivered"), ("wamid.second", "template", "sent")])
    ours.run("DROP SUBSCRIPTION sent_messages")


def test_the_lag_is_told(sides):
    ours, _, _ = sides
    eventually(lambda: [(active, lag < 1 << 20) for _, active, lag, _, _ in ours.run("SELECT * FROM msgstatus.publication_lag()")], [(True, True)])


def test_the_role_reads_what_is_published_and_no_more(sides):
    ours, _, _ = sides
    readable = ours.run("""SELECT c.relname::text FROM pg_class AS c WHERE c.relnamespace = 'msgstatus'::regnamespace AND c.relkind IN ('r', 'p', 'v')
        AND NOT c.relispartition AND has_any_column_privilege('msgstatus_subscriber', c.oid, 'SELECT') ORDER BY 1""")
    assert readable == [("message",), ("status_event",)]
    assert ours.run("SELECT has_column_privilege('msgstatus_subscriber', 'msgstatus.message', 'content', 'SELECT')") == [(False,)]
    assert ours.run("SELECT count(*) FROM pg_proc AS p WHERE p.pronamespace = 'msgstatus'::regnamespace AND has_function_privilege('msgstatus_subscriber', p.oid, 'EXECUTE')"
                    ) == [(0,)]
