"""An update from an earlier release: everything becomes that of a new database, answers stay, and calls beside it lose nothing."""

import collections
import contextlib
import json
import threading
import time

import psycopg2
import pytest

import earlier_release
from catalog import CATALOG
from databases import Database, Server
from earlier_release import INSTALL, LEVELS, LIBRARY, UPDATE, VERSION
from pgserver import PgServer
from test_dump import custom

# Two statements, or one transaction, as programs send several statements in one string.
WAYS = {"one by one": [UPDATE, INSTALL], "in one transaction": [f"{UPDATE}; {INSTALL}"]}
with_library = pytest.mark.skipif(LIBRARY is None, reason="MSGSTATUS_EARLIER_LIBRARY names no library of the release")

# What users added, as the catalog tells it.
ADDED = {"column message.shop_id", "index msgstatus.message.msgstatus.message_by_state", "relation message"}

# Answers that an update must not change.
ANSWERS = [
    *(f"SELECT to_jsonb(t) - '{{{removed}}}'::text[] FROM {table} AS t" for table, removed in {
        "msgstatus.message": "", "msgstatus.status_event": "", "msgstatus.rejected_status": "", "msgstatus.message_rollup": "",
        "msgstatus.failure_rollup": "", "msgstatus.recipient_rollup": "", "msgstatus.recipient_day": "", "msgstatus.opt_out": "",
        "msgstatus.campaign": "first_send_date,starts_at,send_from,send_until,sends_per_second,sender",
        "msgstatus.campaign_recipient": "external_id,planned_send_date,claims,attempt_claim",
        "msgstatus.campaign_attempt": "claim", "msgstatus.campaign_day": "", "msgstatus.maintenance": "",
        "msgstatus.attached_table": "update_sql", "msgstatus.attached_table_failure": "",
        "shop.log": "", "shop.typed": "", "shop.parted": "", "shop.refusing": "", "shop.failed": "", "shop.summary": "", "shop.states": "",
        "shop.order_message": "", "shop.campaigns": ""}.items()),
    "SELECT sum(messages), sum(sent), sum(in_read), msgstatus.sum(delivery)::text FROM msgstatus.hour_rollup",
    "SELECT campaign_id, total_target, pending, sent, delivered, read, failed, skipped FROM msgstatus.campaign_stats",
    "SELECT provider, code, meaning, retryable, advice FROM msgstatus.error_code_catalog WHERE provider = 'carrier' OR provider = 'meta' AND advice = 'ask the boss'",
    "SELECT name, threshold FROM msgstatus.alert_rule WHERE name IN ('own_rule', 'delivery_rate_low')",
    "SELECT sid FROM shop.log WHERE status = 'READ' ORDER BY sid",
    "SELECT wamid FROM shop.typed WHERE state::text = 'read'",
    "SELECT message_id, state, sent_at, delivered_at, read_at, failed_at, error_code FROM msgstatus.message_timeline",
    # Of functions that look at the version of the tables.
    *([*(f"SELECT * FROM msgstatus.message_history('wamid.{n}')" for n in (1, 5, 7)), "SELECT * FROM msgstatus.active_alerts"] if LIBRARY else []),
]


@pytest.fixture(scope="module")
def releases():
    with PgServer(autovacuum="off", max_connections="60", wal_level="logical") as pg:
        earlier_release.stage(pg)
        earlier_release.restore(pg, "template_earlier")
        yield Server(pg)


@pytest.fixture
def earlier(releases):
    """A database of the earlier release."""
    return releases.create_database(installed=False, options="TEMPLATE template_earlier")


@pytest.fixture(scope="module")
def new(releases):
    database = releases.create_database()
    for level in LEVELS:
        database.query(f"SELECT msgstatus.grant_access('updated_{level}', '{level}')")
    return database


def catalog_of(database):
    return collections.Counter(database.query(CATALOG))


def others(found, expected):
    """Returns what only one of two catalogs has, without what users added."""
    return [row for row in ((found - expected) + (expected - found)).elements()
            if f"{row[0]} {row[1]}" not in ADDED and not (row[0] == "privilege" and row[1].startswith(("updated_report ", "updated_app ")))]


def answers(database):
    return {sql: sorted(map(repr, database.query(sql))) for sql in ANSWERS}


def update(database, way):
    for sql in WAYS[way]:
        database.query(sql)


def test_an_update_makes_what_a_new_database_has(earlier, new):
    before = answers(earlier)
    privileges = {row for row in earlier.query(CATALOG) if row[0] == "privilege" and row[1].startswith(("updated_report ", "updated_app "))}
    assert len(privileges) == 6
    files = "SELECT oid::regclass::text, relfilenode FROM pg_class WHERE relnamespace = 'msgstatus'::regnamespace AND relkind = 'r'"
    stored = set(earlier.query(files))
    update(earlier, "one by one")
    expected = catalog_of(new)
    for _ in range(2):
        updated = catalog_of(earlier)
        assert others(updated, expected) == []
        assert privileges <= set(updated)
        earlier.query(INSTALL)
    assert answers(earlier) == before
    # No table was rewritten.
    assert stored <= set(earlier.query(files))
    assert earlier.query("SELECT * FROM msgstatus.verify_rollups()") == []
    assert earlier.query("SELECT policyname, qual FROM pg_policies WHERE schemaname = 'msgstatus'") == [("only_own", "(shop_id = 1)")]
    assert earlier.query("SELECT prrelid::regclass::text FROM pg_publication_rel ORDER BY 1") == [("msgstatus.message",), ("msgstatus.status_event",)]
    # Nothing was written that names what is gone.
    assert earlier.query("""SELECT count(*), bool_and(update_sql = msgstatus.reflecting_update(target, key_column, columns, time_zone))
        FROM msgstatus.attached_table""") == [(4, True)]
    assert_works(earlier)


def assert_works(database):
    """Everything that was there goes on: attached tables, order of states, foreign keys, campaigns, roles."""
    failures = "SELECT target::text, failures FROM msgstatus.attached_tables ORDER BY 1"
    before = database.query(failures)
    apply(database, [{"id": "wamid.2", "status": "failed", "timestamp": "1799999999", "errors": [{"code": 1, "title": "x"}]},
                     {"id": "wamid.11", "status": "read", "timestamp": "1799999999"}])
    assert database.query("SELECT status, read_at FROM shop.log WHERE sid = 'wamid.11'")[0][0] == "READ"
    assert database.query("SELECT state::text, msgstatus.reached_at(status, 'read') IS NOT NULL FROM shop.typed WHERE wamid = 'wamid.11'") == [("read", True)]
    assert database.query("SELECT read_at::text FROM shop.parted WHERE sid = 'wamid.11'") == [("2026-11-20 13:00:00",)]
    assert database.query(failures) == before
    with pytest.raises(psycopg2.errors.ForeignKeyViolation):
        database.query("DELETE FROM msgstatus.message WHERE message_id = 'wamid.1'")
    with contextlib.closing(database.connect()) as connection, connection.cursor() as cursor:
        cursor.execute("SET ROLE updated_sender; SELECT msgstatus.register_message('wamid.later', recipient => '+15550101')")
        cursor.execute("SET ROLE updated_ingest; SELECT msgstatus.apply_message_status('{}')")
        cursor.execute("SET ROLE updated_analyst; SELECT count(*) FROM msgstatus.message_log(state => 'read')")
        assert cursor.fetchone()[0] > 0
        cursor.execute("SET ROLE updated_operator; SELECT msgstatus.maintain(); SELECT count(*) FROM msgstatus.check_alerts()")
        cursor.execute("SET ROLE updated_report; SELECT msgstatus.state(status) FROM msgstatus.message")
    assert database.query("SELECT * FROM msgstatus.verify_rollups()") == []


def apply(database, statuses):
    return database.query("SELECT msgstatus.apply_message_status(%s, '2026-11-20T12:00Z')", (json.dumps(statuses),))[0][0]


class Ingestion:
    """Sessions that apply a message after the other, each until it is applied, as the receiver does."""

    def __init__(self, database, sessions, reconnect):
        self.database, self.reconnect = database, reconnect
        self.applied, self.refused, self.unexpected = [], 0, []
        self.ending = threading.Event()
        self.threads = [threading.Thread(target=self.run, args=[n]) for n in range(sessions)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.ending.set()
        for thread in self.threads:
            thread.join()

    def run(self, session):
        connection, number = self.database.connect(), 0
        while not self.ending.is_set() and not self.unexpected:
            try:
                with connection.cursor() as cursor:
                    cursor.execute("SELECT msgstatus.apply_message_status(%s)", (json.dumps(
                        [{"id": f"beside.{session}.{number}", "status": status, "timestamp": str(1796000000 + number)} for status in ("sent", "read")]),))
                self.applied.append(f"beside.{session}.{number}")
                number += 1
            except (psycopg2.errors.FeatureNotSupported, psycopg2.errors.DeadlockDetected):
                self.refused += 1
                if self.reconnect:
                    connection.close()
                    connection = self.database.connect()
            except psycopg2.Error as error:
                self.unexpected.append(error)
        connection.close()


@pytest.mark.parametrize("way, reconnect", [("one by one", False), ("in one transaction", True)], ids=["sessions that stay", "sessions that come again"])
def test_nothing_is_lost_beside_an_update(earlier, way, reconnect):
    with Ingestion(earlier, 4, reconnect) as ingestion:
        wait_for(lambda: len(ingestion.applied) > 20 if LIBRARY else ingestion.refused > 20)
        update(earlier, way)
        done = len(ingestion.applied)
        wait_for(lambda: len(ingestion.applied) > done + 20 or ingestion.unexpected)
    assert ingestion.unexpected == []
    assert [row for row, in earlier.query("SELECT message_id FROM msgstatus.message WHERE message_id LIKE 'beside%%' ORDER BY 1", ())] == sorted(
        ingestion.applied)
    assert earlier.query("SELECT count(*) FROM msgstatus.message WHERE message_id LIKE 'beside%%' AND msgstatus.state(status) <> 'read'", ()) == [(0,)]
    assert earlier.query("SELECT * FROM msgstatus.verify_rollups()") == []
    assert earlier.query("SELECT count(*) FROM msgstatus.rejected_status") == [(2,)]


def wait_for(condition):
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.parametrize("locked", ["installation", "alert_rule"])
def test_an_install_that_is_killed_is_repeated(earlier, new, locked):
    """install() is one transaction: one that ends at whichever step leaves nothing behind."""
    earlier.query(UPDATE)
    before = catalog_of(earlier)
    with contextlib.closing(earlier.connect()) as connection, connection.cursor() as cursor:
        cursor.execute(f"BEGIN; LOCK TABLE msgstatus.{locked}")
        failed = []

        def install():
            try:
                earlier.query(INSTALL)
            except psycopg2.Error as error:
                failed.append(error)

        thread = threading.Thread(target=install)
        thread.start()
        waiting = "SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query = %s AND datname = current_database()"
        wait_for(lambda: earlier.query(waiting, (INSTALL,)))
        earlier.query(f"SELECT pg_terminate_backend(pid) FROM ({waiting}) AS w", (INSTALL,))
        thread.join()
        assert isinstance(failed[0], psycopg2.OperationalError)
    assert catalog_of(earlier) == before
    earlier.query(INSTALL)
    assert others(catalog_of(earlier), catalog_of(new)) == []


@pytest.mark.skipif(LIBRARY is not None, reason="the library of the release serves its own version")
def test_the_present_library_refuses_the_earlier_release(earlier):
    """Where the file of the earlier library is the present one, by a link or a copy."""
    with pytest.raises(psycopg2.errors.FeatureNotSupported, match=f"of version {VERSION}") as refused:
        apply(earlier, [{"id": "wamid.early", "status": "sent", "timestamp": "1796000000"}])
    assert "ALTER EXTENSION msgstatus UPDATE; SELECT msgstatus.install();" in refused.value.diag.message_hint


def test_calls_between_the_two_steps_are_refused(earlier):
    """The tables are of the earlier version then."""
    earlier.query(UPDATE)
    with pytest.raises(psycopg2.errors.FeatureNotSupported, match=f"tables of msgstatus are of version {VERSION}") as refused:
        apply(earlier, [{"id": "wamid.early", "status": "sent", "timestamp": "1796000000"}])
    assert "SELECT msgstatus.install();" in refused.value.diag.message_hint
    assert earlier.query("SELECT count(*) FROM shop.failed")[0][0] > 0
    earlier.query(INSTALL)
    assert apply(earlier, [{"id": "wamid.between", "status": "sent", "timestamp": "1796000000"}])["applied"] == 1


def test_a_session_goes_on_with_both_libraries(earlier):
    """The setting is that of the library which was loaded first."""
    with contextlib.closing(earlier.connect()) as connection, connection.cursor() as cursor:
        cursor.execute("PREPARE state AS SELECT msgstatus.state(status)::text FROM msgstatus.message WHERE message_id = 'wamid.9'")
        cursor.execute("EXECUTE state")
        state = cursor.fetchall()
        update(earlier, "one by one")
        cursor.execute("EXECUTE state")
        assert cursor.fetchall() == state
        call = "SELECT msgstatus.apply_message_status(%s)"
        cursor.execute("SET msgstatus.rollups = off")
        cursor.execute(call, (json.dumps([{"id": "wamid.uncounted", "status": "sent", "timestamp": "1796000000"}]),))
        assert earlier.query("SELECT count(*) > 0 FROM msgstatus.verify_rollups()") == [(True,)]
        cursor.execute("SET msgstatus.rollups = on")
        cursor.execute(call, (json.dumps([{"id": "wamid.counted", "status": "sent", "timestamp": "1796000000"}]),))
        cursor.execute("SELECT msgstatus.rebuild_rollups()")
    assert earlier.query("SELECT * FROM msgstatus.verify_rollups()") == []


@with_library
@pytest.mark.parametrize("way", WAYS)
def test_a_call_of_the_earlier_library_that_waits_is_right_or_fails(earlier, way):
    """It has found its function before the update, and its tables after it."""
    with contextlib.closing(earlier.connect()) as updating, contextlib.closing(earlier.connect()) as calling:
        with calling.cursor() as cursor:
            cursor.execute("SELECT msgstatus.apply_message_status('{}')")
        updating.autocommit = False
        with updating.cursor() as cursor:
            if way == "one by one":
                earlier.query(UPDATE)
                cursor.execute(INSTALL)
            else:
                cursor.execute(WAYS[way][0])
            outcome = []

            def call():
                try:
                    with calling.cursor() as later:
                        later.execute("SELECT msgstatus.apply_message_status(%s)", (json.dumps(
                            [{"id": f"waits.{n}", "status": "read", "timestamp": "1796000000"} for n in range(3)]),))
                        outcome.append(later.fetchone()[0]["applied"])
                except psycopg2.Error as error:
                    outcome.append(error)

            thread = threading.Thread(target=call)
            thread.start()
            wait_for(lambda: outcome or earlier.query("SELECT 1 FROM pg_locks WHERE NOT granted"))
            updating.commit()
            thread.join()
    found = earlier.query("SELECT count(*) FROM msgstatus.message WHERE message_id LIKE 'waits%%'", ())[0][0]
    assert found == (outcome[0] if isinstance(outcome[0], int) else 0), outcome
    assert earlier.query("SELECT * FROM msgstatus.verify_rollups()") == []


def test_an_object_of_another_role_is_not_taken_for_one_of_the_extension(earlier):
    earlier.query("CREATE TYPE msgstatus.alert_sender AS (provider text); ALTER TYPE msgstatus.alert_sender OWNER TO updated_app")
    with pytest.raises(psycopg2.errors.ObjectNotInPrerequisiteState, match="alert_sender is not of the extension msgstatus"):
        earlier.query(UPDATE)
    earlier.query("DROP TYPE msgstatus.alert_sender")
    earlier.query(UPDATE)


def test_two_objects_may_have_one_oid(earlier):
    """An oid is one of its catalog. After pg_upgrade the same number is often that of two objects."""
    earlier.query("""CREATE TEMPORARY TABLE moved AS SELECT d.objid, 'msgstatus.max(msgstatus.delivery_state)'::regprocedure AS number
        FROM pg_depend AS d WHERE d.classid = 'pg_cast'::regclass AND d.deptype = 'e' AND d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'msgstatus') LIMIT 1;
        UPDATE pg_cast AS c SET oid = m.number FROM moved AS m WHERE c.oid = m.objid;
        UPDATE pg_depend AS d SET objid = m.number FROM moved AS m WHERE d.classid = 'pg_cast'::regclass AND d.objid = m.objid""")
    update(earlier, "in one transaction")
    assert apply(earlier, [{"id": "wamid.after", "status": "sent", "timestamp": "1796000000"}])["applied"] == 1


def test_a_view_may_need_what_is_gone(earlier):
    """A function that is gone stays for it. One that changed cannot stay: nothing is updated then."""
    earlier.query("CREATE VIEW shop.gone AS SELECT value FROM msgstatus.alert_delivery_rate(1, 1, '1 hour', '0')")
    earlier.query("CREATE VIEW shop.changed AS SELECT recipient_id FROM msgstatus.claim_recipients()")
    version = "SELECT extversion FROM pg_extension WHERE extname = 'msgstatus'"
    with pytest.raises(psycopg2.errors.DependentObjectsStillExist) as refused:
        earlier.query(UPDATE)
    assert "view shop.changed" in refused.value.diag.message_detail
    assert earlier.query(version) == [(VERSION,)]
    earlier.query("DROP VIEW shop.changed")
    update(earlier, "one by one")
    assert earlier.query(version) != [(VERSION,)]
    assert earlier.query("""SELECT p.oid::regprocedure::text FROM pg_proc AS p WHERE obj_description(p.oid, 'pg_proc') LIKE 'Of an earlier version%%'
        """, ()) == [("msgstatus.alert_delivery_rate(numeric,integer,interval,interval)",)]


def test_an_owner_who_is_no_superuser_installs(earlier, new):
    """A superuser updates the extension and grants what is new; a notice says whose level has to be granted again."""
    earlier.query("""
        CREATE ROLE updated_owner;
        GRANT USAGE, CREATE ON SCHEMA msgstatus TO updated_owner;
        DO $$
        DECLARE name regclass;
        BEGIN
            FOR name IN SELECT oid FROM pg_class WHERE relnamespace = 'msgstatus'::regnamespace AND relkind IN ('r', 'p', 'v') LOOP
                EXECUTE format('ALTER TABLE %s OWNER TO updated_owner', name);
            END LOOP;
        END $$""")
    earlier.query(f"""{UPDATE}; GRANT EXECUTE ON ALL ROUTINES IN SCHEMA msgstatus TO updated_owner;
        GRANT EXECUTE ON FUNCTION max(msgstatus.delivery_state), min(msgstatus.delivery_state) TO updated_owner;
        GRANT USAGE ON TYPE msgstatus.delivery_state, msgstatus.message_status, msgstatus.delay_histogram TO updated_owner""")
    with contextlib.closing(earlier.connect()) as connection, connection.cursor() as cursor:
        cursor.execute(f"SET ROLE updated_owner; {INSTALL}")
        assert {level for level in LEVELS if any(f"of role updated_{level} are those of the earlier version" in notice for notice in connection.notices)} == set(LEVELS)
    for level in LEVELS:
        earlier.query(f"SELECT msgstatus.grant_access('updated_{level}', '{level}')")
    differing = {row for row in others(catalog_of(earlier), catalog_of(new)) if row[0] not in ("privilege", "initial privilege")}
    assert differing == set()
    assert apply(earlier, [{"id": "wamid.owned", "status": "sent", "timestamp": "1796000000"}])["applied"] == 1


def test_a_dump_of_an_updated_database_keeps_what_was_granted(earlier, releases):
    update(earlier, "in one transaction")
    restored = releases.create_database(installed=False)
    custom(releases, earlier, restored)
    assert others(catalog_of(restored), catalog_of(earlier)) == []
    assert answers(restored) == answers(earlier)
