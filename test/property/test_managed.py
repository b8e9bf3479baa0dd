"""A database without the extension and, where PostgreSQL lets it, without a superuser subscribes (docs/managed.md): whatever
happens between the two, its own table ends where the statuses do, and never goes back on the way."""

import contextlib
import json
import os
import pathlib
import random
import statistics
import threading
import time

import psycopg2
import pytest

from pgserver import PgServer

ROOT = pathlib.Path(__file__).resolve().parents[2]
SUBSCRIBER = (ROOT / "docs/managed/subscriber.sql").read_text(encoding="utf-8")
FOREIGN_SERVER = (ROOT / "docs/managed/foreign-server.sql").read_text(encoding="utf-8")
SENT_MESSAGES = (ROOT / "docs/managed/sent-messages.sql").read_text(encoding="utf-8")
STATES = ["queued", "sent", "delivered", "read"]
COPIED = int(os.environ.get("MSGSTATUS_MANAGED_ROWS", "20000"))  # messages that are there before the subscription
MEASURED = float(os.environ.get("MSGSTATUS_MANAGED_SECONDS", "0"))  # how long test_figures sends; without it, it is skipped
PATIENCE = 1800  # seconds that test_figures waits for what is measured
RATE = int(os.environ.get("MSGSTATUS_MANAGED_RATE", "3000"))  # statuses a second

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
        hba.write_text("host all msgstatus_subscriber,shop_link 127.0.0.1/32 scram-sha-256\n" + hba.read_text())
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


def eventually(get, expected, seconds=90, pause=0.05):
    deadline = time.monotonic() + seconds
    while (found := get()) != expected and time.monotonic() < deadline:
        time.sleep(pause)
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


def test_states_have_the_extension_s_order(sides):
    ours, theirs, _ = sides
    [(states,)] = ours.run("SELECT msgstatus.delivery_states()::text[]")
    assert theirs.run("SELECT array_agg(s ORDER BY msgstatus.state_rank(s)) FROM unnest(%s) AS s", [states[::-1]]) == [(states,)]
    for n, state in enumerate(states):
        observed = json.dumps(dict.fromkeys(states[:n + 1], "2025-01-01T00:00:00Z"))
        assert theirs.run("SELECT msgstatus.highest_state(%s)", [observed]) == [(state,)]
    assert theirs.run("SELECT msgstatus.highest_state(s) FROM unnest(ARRAY['{}', '[\"read\"]', '\"read\"']::jsonb[]) AS s") == [(None,)] * 3


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


def test_what_is_changed_counts_at_once(sides):
    """Sessions keep the statement that carries a message, the subscription's own among them."""
    ours, theirs, _ = sides
    theirs.run("INSERT INTO public.notification (provider_id) VALUES ('wamid.a'), ('wamid.b'), ('wamid.c')")
    get = "SELECT status, sent_at FROM {} WHERE provider_id = %s"
    apply(ours, [status("wamid.a", "sent")])
    eventually(lambda: theirs.run(get.format("public.notification") + " AND sent_at IS NOT NULL", ["wamid.a"]) != [], True)
    theirs.run("""UPDATE msgstatus.carried_table SET time_columns = time_columns - 'sent'""")
    apply(ours, [status("wamid.b", "sent")])
    eventually(lambda: theirs.run(get.format("public.notification"), ["wamid.b"]), [("sent", None)])
    theirs.run("ALTER TABLE public.notification RENAME TO notice")
    try:
        apply(ours, [status("wamid.c", "sent")])
        eventually(lambda: theirs.run(get.format("public.notice"), ["wamid.c"]), [("sent", None)])
        assert theirs.run("SELECT count(*) FROM msgstatus.carry_failure") == [(0,)]
    finally:
        theirs.run("ALTER TABLE public.notice RENAME TO notification")
        theirs.run(CARRY)


def test_a_failure_keeps_back_nothing_else(sides):
    """catch_up() carries all but what fails again; a table that was dropped is no failure."""
    _, theirs, _ = sides
    theirs.run("""CREATE TABLE public.other (id text PRIMARY KEY, status text);
        CREATE TABLE public.gone (id text PRIMARY KEY, status text);
        SELECT msgstatus.carry_into('public.gone', 'id', 'status'), msgstatus.carry_into('public.other', 'id', 'status');
        DROP TABLE public.gone""")
    try:
        theirs.run("""INSERT INTO public.notification (provider_id) VALUES ('wamid.refused'), ('wamid.late'), ('wamid.taken');
            ALTER TABLE public.notification ADD CONSTRAINT odd CHECK (provider_id NOT IN ('wamid.refused', 'wamid.late') OR status = 'queued');
            INSERT INTO msgstatus.message (message_id, status) SELECT id, '{"read": "2026-01-01T00:00:00Z"}' FROM unnest('{wamid.refused,wamid.late,wamid.taken}'::text[]) AS id;
            DELETE FROM msgstatus.carry_failure WHERE message_id = 'wamid.late';
            UPDATE public.notification SET status = 'queued', read_at = NULL WHERE provider_id = 'wamid.taken';
            ALTER TABLE public.other DISABLE TRIGGER msgstatus_carry; INSERT INTO public.other VALUES ('wamid.taken');
            SELECT msgstatus.catch_up()""")
        assert theirs.run("SELECT status FROM public.notification WHERE provider_id = 'wamid.taken'") == [("read",)]
        assert theirs.run("SELECT status FROM public.other") == [("read",)]
        assert theirs.run("SELECT carried_table, message_id FROM msgstatus.carry_failure ORDER BY 2") == [
            ("public.notification", "wamid.late"), ("public.notification", "wamid.refused")]
    finally:
        theirs.run("""ALTER TABLE public.notification DROP CONSTRAINT IF EXISTS odd; DROP TABLE public.other;
            DELETE FROM msgstatus.carried_table WHERE carried_table <> 'public.notification'::regclass;
            SELECT msgstatus.catch_up(); DELETE FROM msgstatus.message WHERE message_id IN ('wamid.refused', 'wamid.late', 'wamid.taken');
            DELETE FROM public.seen WHERE provider_id = 'wamid.taken'""")
    assert theirs.run("SELECT count(*) FROM msgstatus.carry_failure") == [(0,)]


def test_a_later_row_of_a_partition_has_its_status(sides):
    _, theirs, _ = sides
    theirs.run("""CREATE TABLE public.parted (id text NOT NULL, status text, day date NOT NULL) PARTITION BY RANGE (day);
        CREATE TABLE public."one Part" PARTITION OF public.parted DEFAULT;
        SELECT msgstatus.carry_into('public.parted', 'id', 'status');
        INSERT INTO msgstatus.message (message_id, status) VALUES ('wamid.parted', '{"sent": "2026-01-01T00:00:00Z"}')""")
    try:
        theirs.run("INSERT INTO public.parted VALUES ('wamid.parted', NULL, '2026-01-01')")
        assert theirs.run("SELECT status FROM public.parted") == [("sent",)]
    finally:
        theirs.run("""DELETE FROM msgstatus.carried_table WHERE carried_table = 'public.parted'::regclass; DROP TABLE public.parted;
            DELETE FROM msgstatus.message WHERE message_id = 'wamid.parted'""")


def test_who_inserts_needs_no_right_and_gets_none(sides):
    """A role that may insert meets no error of ours, and cannot have its own statement run by a function of the owner."""
    _, theirs, admin = sides
    admin.run("CREATE ROLE web LOGIN")
    web = Side(theirs.server, "shop", "web")
    try:
        theirs.run("""INSERT INTO msgstatus.message (message_id, status)
                SELECT 'wamid.' || n, '{"sent": "2026-01-01T00:00:00Z"}' FROM unnest('{web,no,1st,2nd}'::text[]) AS n;
            CREATE TABLE public.secret (s text); INSERT INTO public.secret VALUES ('hidden');
            CREATE FUNCTION public.send(text) RETURNS void LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
                AS 'INSERT INTO public.notification (provider_id) VALUES ($1)';
            ALTER TABLE public.notification ADD CONSTRAINT odd CHECK (provider_id <> 'wamid.no' OR status = 'queued');
            GRANT INSERT (provider_id) ON public.notification TO web""")
        web.run("INSERT INTO public.notification (provider_id) VALUES ('wamid.web'), ('wamid.no'), ('wamid.unknown')")
        assert theirs.run("SELECT status FROM public.notification WHERE provider_id IN ('wamid.web', 'wamid.no', 'wamid.unknown') ORDER BY id") == [
            ("sent",), ("queued",), ("queued",)]
        assert theirs.run("SELECT message_id FROM msgstatus.carry_failure") == [("wamid.no",)]
        [(names,)] = theirs.run("""SET search_path = pg_catalog, pg_temp;
            SELECT array_agg('msgstatus_carry_' || md5(t::text)) FROM msgstatus.carried_table AS t""")
        theirs.run("RESET search_path")
        web.run("CREATE TEMP TABLE loot (s text); GRANT INSERT ON loot TO PUBLIC; SELECT public.send('wamid.1st')")
        names += [name for name, in web.run("SELECT name FROM pg_prepared_statements")]
        for name in set(names):
            web.run(f"PREPARE {name} (text) AS INSERT INTO loot SELECT s FROM public.secret")
        web.run("SELECT public.send('wamid.2nd')")
        assert web.run("SELECT s FROM loot") == []
        assert theirs.run("SELECT status FROM public.notification WHERE provider_id = 'wamid.2nd'") == [("sent",)]
    finally:
        web.close()
        theirs.run("""ALTER TABLE public.notification DROP CONSTRAINT IF EXISTS odd; DROP TABLE public.secret; DROP FUNCTION public.send(text);
            REVOKE ALL (provider_id) ON public.notification FROM web;
            SELECT msgstatus.catch_up(); DELETE FROM msgstatus.message WHERE provider IS NULL AND message_id IN ('wamid.web', 'wamid.no', 'wamid.1st', 'wamid.2nd')""")
        admin.run("DROP ROLE web")


def test_where_nothing_may_be_prepared(sides):
    """From PostgreSQL 16 on, a subscription of another owner than the tables' runs so restricted; in 15 what refreshes a view does."""
    _, theirs, admin = sides
    theirs.run("INSERT INTO public.notification (provider_id) VALUES ('wamid.restricted')")
    admin.run("""CREATE FUNCTION public.receive() RETURNS text LANGUAGE sql AS $$
            INSERT INTO msgstatus.message (message_id, status) VALUES ('wamid.restricted', '{"sent": "2026-01-01T00:00:00Z"}') RETURNING message_id $$;
        CREATE MATERIALIZED VIEW public.receiving AS SELECT public.receive() WITH NO DATA;
        SET session_replication_role = replica""")
    try:
        admin.run("DEALLOCATE ALL")
        admin.run("REFRESH MATERIALIZED VIEW public.receiving")
        assert theirs.run("SELECT status FROM public.notification WHERE provider_id = 'wamid.restricted'") == [("sent",)]
        assert theirs.run("SELECT count(*) FROM msgstatus.carry_failure") == [(0,)]
    finally:
        admin.run("RESET session_replication_role; DROP MATERIALIZED VIEW public.receiving; DROP FUNCTION public.receive()")
        theirs.run("DELETE FROM msgstatus.message WHERE message_id = 'wamid.restricted'; DELETE FROM msgstatus.carry_failure")


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
    # Incompressible, and so too long for the index of recipients.
    theirs.run("INSERT INTO msgstatus.sent_message (message_id, recipient) SELECT 'wamid.long', string_agg(md5(n::text), '') FROM generate_series(1, 1000) AS n")
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


def test_a_foreign_server_applies_and_answers(sides):
    """Without replication: the managed database calls the other one."""
    ours, theirs, admin = sides
    ours.run("""CREATE ROLE shop_link LOGIN PASSWORD 'a secret';
        SELECT msgstatus.grant_access('shop_link', 'ingest');
        GRANT SELECT (message_id, status, recipient, error_code, created_at, updated_at) ON msgstatus.message TO shop_link""")
    admin.run("CREATE EXTENSION postgres_fdw; CREATE EXTENSION dblink; GRANT USAGE ON FOREIGN DATA WRAPPER postgres_fdw TO app")
    theirs.run(f"""CREATE SERVER msgstatus_server FOREIGN DATA WRAPPER postgres_fdw
        OPTIONS (host '127.0.0.1', port '{ours.server.port}', dbname 'msgstatus', connect_timeout '5')""")
    theirs.run("CREATE USER MAPPING FOR CURRENT_USER SERVER msgstatus_server OPTIONS (user 'shop_link', password 'a secret')")
    with pytest.raises(psycopg2.errors.UndefinedObject):
        theirs.run("IMPORT FOREIGN SCHEMA msgstatus LIMIT TO (message) FROM SERVER msgstatus_server INTO public")
    theirs.run(FOREIGN_SERVER)
    theirs.run(FOREIGN_SERVER)
    call = "SELECT (msgstatus_server.apply_message_status(%s) ->> 'applied')::integer"
    assert theirs.run(call, [json.dumps([status("wamid.foreign", "read", 120), status("wamid.foreign", "sent")])]) == [(2,)]
    asked = "SELECT status::jsonb ->> 'sent' < status::jsonb ->> 'read' FROM msgstatus_server.message WHERE message_id = 'wamid.foreign'"
    assert theirs.run(asked) == [(True,)]
    plan = "".join(line for line, in theirs.run(f"EXPLAIN VERBOSE {asked}"))
    assert "msgstatus.message WHERE ((message_id = 'wamid.foreign'" in plan
    with pytest.raises(psycopg2.errors.InsufficientPrivilege):
        theirs.run("SELECT FROM msgstatus_server.message WHERE status = '{}'")
    # What the page says of it: the call is no part of the caller's transaction, and fails with the network.
    with contextlib.closing(psycopg2.connect(theirs.server.conninfo("shop", "app"))) as connection, connection.cursor() as cursor:
        cursor.execute(call, [json.dumps([status("wamid.rolled back", "sent")])])
        connection.rollback()
    assert ours.run("SELECT count(*) FROM msgstatus.message WHERE message_id = 'wamid.rolled back'") == [(1,)]
    ours.server.stop()
    try:
        with pytest.raises(psycopg2.OperationalError):
            theirs.run(call, [json.dumps([status("wamid.foreign", "delivered", 60)])])
    finally:
        ours.server.start()
    # A repetition, as of a job that tries again, changes nothing.
    assert theirs.run(call, [json.dumps([status("wamid.foreign", "delivered", 60)])]) == [(1,)]
    assert theirs.run(call, [json.dumps([status("wamid.foreign", "delivered", 60)])]) == [(0,)]


@pytest.mark.skipif(not MEASURED, reason="a measurement, of an idle machine: MSGSTATUS_MANAGED_SECONDS=60 MSGSTATUS_MANAGED_ROWS=1000000 pytest -s")
def test_figures():
    """Prints how long the initial copy takes, and how late statuses are in the team's own table while others arrive at a constant rate."""
    settings = {"wal_level": "logical", "fsync": "on", "shared_buffers": "1GB", "max_wal_size": "4GB"}
    with PgServer(**settings) as server, PgServer(**settings) as managed, contextlib.ExitStack() as stack:
        server.create_database("msgstatus")
        managed.create_database("shop", setup="CREATE ROLE app LOGIN; GRANT CREATE ON DATABASE shop TO app; GRANT ALL ON SCHEMA public TO app")
        ours, theirs, admin = Side(server, "msgstatus", "postgres"), Side(managed, "shop", "app"), Side(managed, "shop", "postgres")
        for side in (ours, theirs, admin):
            stack.callback(side.close)
        ours.run("SELECT msgstatus.publish(); ALTER ROLE msgstatus_subscriber PASSWORD 'a secret'")
        ours.run("""INSERT INTO msgstatus.message (message_id, status, recipient, created_at)
            SELECT 'old.' || n, '{"sent": "2025-01-01T00:00:00Z", "delivered": "2025-01-01T00:01:00Z"}', '+15550100001', '2025-01-01'
            FROM generate_series(1, %s) AS n""", [COPIED])
        theirs.run(SUBSCRIBER)
        theirs.run(NOTIFICATION.partition("CREATE TABLE public.seen")[0])
        theirs.run("INSERT INTO public.notification (provider_id) SELECT 'old.' || n FROM generate_series(1, %s) AS n", [COPIED])
        theirs.run(CARRY)
        began = time.monotonic()
        subscribe(ours, theirs, admin)
        eventually(lambda: admin.run("SELECT bool_and(srsubstate = 'r') FROM pg_subscription_rel"), [(True,)], PATIENCE)
        copied = time.monotonic() - began
        assert theirs.run("SELECT count(*) FROM public.notification WHERE status = 'delivered'") == [(COPIED,)]

        messages = [f"load.{n}" for n in range(int(MEASURED * RATE / 3))]
        theirs.run("INSERT INTO public.notification (provider_id) SELECT unnest(%s)", [[*messages, *(f"probe.{n}" for n in range(int(10 * MEASURED)))]])
        theirs.run("ANALYZE public.notification")
        lags, ending = [], threading.Event()

        def probe():
            one, other = Side(server, "msgstatus", "postgres"), Side(managed, "shop", "app")
            while not ending.is_set() and len(lags) < 10 * MEASURED:
                name = f"probe.{len(lags)}"
                apply(one, [status(name, "sent")])
                since = time.monotonic()
                eventually(lambda: other.run("SELECT status FROM public.notification WHERE provider_id = %s", [name]), [("sent",)], PATIENCE, 0.002)
                lags.append(time.monotonic() - since)
                time.sleep(0.2)
            one.close()
            other.close()

        prober = threading.Thread(target=probe)
        prober.start()
        calls, began = 0, time.monotonic()
        # A hundred statuses a call; each message is sent, then delivered, then read.
        for start in range(0, len(messages) - 99, 100):
            for place in (1, 2, 3):
                time.sleep(max(0, began + calls * 100 / RATE - time.monotonic()))
                apply(ours, [status(name, STATES[place], 60 * place) for name in messages[start:start + 100]])
                calls += 1
        lasted = time.monotonic() - began
        since = time.monotonic()
        eventually(lambda: theirs.run("SELECT status FROM public.notification WHERE provider_id = %s", [messages[len(messages) // 100 * 100 - 1]]),
                   [("read",)], PATIENCE, 0.002)
        caught_up = time.monotonic() - since
        ending.set()
        prober.join()
        lags.sort()
        print(f"\ninitial copy of {COPIED} messages into message and the team's table: {copied:.1f} s"
              f"\n{calls * 100 / lasted:.0f} statuses/s for {lasted:.0f} s; late in the team's table: median {statistics.median(lags) * 1000:.0f} ms,"
              f" 95 % {lags[int(len(lags) * 0.95)] * 1000:.0f} ms, most {lags[-1] * 1000:.0f} ms; after the last one {caught_up * 1000:.0f} ms")
