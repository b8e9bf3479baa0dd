"""Dump and restore keep every row, the state of every sequence, and what a user added to the tables."""

import collections
import contextlib
import random
import subprocess

import psycopg2
import pytest

from campaigns import Campaign
from schedule import ApplyBatch, read_tables, run_all
from deliveries import Generator

# Changes that users make to the tables. Their functions qualify every name by its schema.
ADDITIONS = """
SET search_path = public, msgstatus;
CREATE ROLE {role};
CREATE SCHEMA shop;
CREATE TABLE shop.campaign (shop_campaign integer PRIMARY KEY, name text);
INSERT INTO shop.campaign VALUES (1, 'spring'), (2, 'autumn');
ALTER TABLE msgstatus.message ADD COLUMN shop_campaign integer DEFAULT 1 REFERENCES shop.campaign;
CREATE INDEX message_by_campaign ON msgstatus.message (shop_campaign);
CREATE INDEX message_by_state ON msgstatus.message (msgstatus.state(status));
CREATE TABLE shop.order_message (
    order_id integer PRIMARY KEY,
    message_id text COLLATE "C" REFERENCES msgstatus.message,
    seen msgstatus.message_status,
    state msgstatus.delivery_state);
CREATE INDEX ON shop.order_message (state, seen);
INSERT INTO shop.order_message
SELECT row_number() OVER (ORDER BY message_id), message_id, status, msgstatus.state(status) FROM msgstatus.message;
CREATE VIEW shop.failed AS
SELECT message_id, status ->> 'sent' AS sent_at FROM msgstatus.message
WHERE msgstatus.is_failure(msgstatus.state(status));
CREATE TABLE shop.log (entry text);
CREATE FUNCTION shop.log_message() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN INSERT INTO shop.log VALUES (NEW.message_id); RETURN NEW; END $$;
CREATE TRIGGER log_message AFTER INSERT OR UPDATE ON msgstatus.message
FOR EACH ROW EXECUTE FUNCTION shop.log_message();
ALTER TABLE msgstatus.message ENABLE ROW LEVEL SECURITY;
CREATE POLICY only_spring ON msgstatus.message FOR SELECT TO {role} USING (shop_campaign = 1);
SELECT msgstatus.grant_access('{role}', 'ingest');
CREATE ROLE {role}_analyst;
SELECT msgstatus.grant_access('{role}_analyst', 'analyst');
GRANT SELECT ON msgstatus.message TO {role};
ALTER TABLE msgstatus.status_event ADD CONSTRAINT not_too_old CHECK (event_time > '1990-01-01');
UPDATE msgstatus.error_code_catalog SET advice = 'ask the boss' WHERE provider = 'meta' AND code = 131026;
INSERT INTO msgstatus.error_code_catalog VALUES ('carrier', 1, 'lost', true, 'again');
SELECT msgstatus.define_provider('carrier', '{{"shapes": [{{"when": {{"carrier": true}}, "id": "ref", "state": {{"path": "st"}}}}]}}');
"""

# Everything that a restore must bring back, in the words of the catalog.
CATALOG = """
SELECT 'index', indexrelid::regclass::text, pg_get_indexdef(indexrelid) FROM pg_index
WHERE indrelid IN (SELECT oid FROM pg_class WHERE relnamespace IN ('msgstatus'::regnamespace, 'shop'::regnamespace))
UNION ALL
SELECT 'constraint', conrelid::regclass || '.' || conname, pg_get_constraintdef(oid) FROM pg_constraint
WHERE connamespace IN ('msgstatus'::regnamespace, 'shop'::regnamespace)
UNION ALL
SELECT 'column', attrelid::regclass || '.' || attname,
    concat_ws(' ', format_type(atttypid, atttypmod), attcollation::regcollation, attnotnull, col_description(attrelid, attnum))
FROM pg_attribute WHERE attnum > 0 AND NOT attisdropped AND attrelid IN (
    SELECT oid FROM pg_class WHERE relnamespace IN ('msgstatus'::regnamespace, 'shop'::regnamespace))
UNION ALL
SELECT 'relation', oid::regclass::text,
    concat_ws(' ', relkind, relrowsecurity, reloptions, obj_description(oid, 'pg_class'))
FROM pg_class WHERE relnamespace IN ('msgstatus'::regnamespace, 'shop'::regnamespace)
UNION ALL
SELECT 'view', oid::regclass::text, pg_get_viewdef(oid) FROM pg_class
WHERE relkind = 'v' AND relnamespace IN ('msgstatus'::regnamespace, 'shop'::regnamespace)
UNION ALL
SELECT 'trigger', tgrelid::regclass || '.' || tgname, pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal
UNION ALL
SELECT 'policy', schemaname || '.' || tablename || '.' || policyname, concat_ws(' ', cmd, roles, qual) FROM pg_policies
UNION ALL
SELECT 'right', a.grantee::regrole::text, concat_ws(' ', a.privilege_type, 'on', c.oid::regclass)
FROM pg_class AS c, aclexplode(COALESCE(relacl, acldefault(CASE relkind WHEN 'S' THEN 's' ELSE 'r' END::"char", relowner))) AS a
WHERE relnamespace = 'msgstatus'::regnamespace
UNION ALL
SELECT 'right', a.grantee::regrole::text, concat_ws(' ', a.privilege_type, 'on', p.oid::regprocedure)
FROM pg_proc AS p, aclexplode(COALESCE(proacl, acldefault('f', proowner))) AS a
WHERE pronamespace = 'msgstatus'::regnamespace OR proargtypes[0] = 'msgstatus.delivery_state'::regtype
UNION ALL
SELECT 'sequence', schemaname || '.' || sequencename, last_value::text FROM pg_sequences
UNION ALL
SELECT 'extension', extname, extversion FROM pg_extension
ORDER BY 1, 2, 3
"""
TABLES = ("msgstatus.message", "msgstatus.status_event", "msgstatus.rejected_status", "msgstatus.error_code_catalog",
          "msgstatus.installation", "msgstatus.message_rollup", "msgstatus.folded_hour", "msgstatus.failure_rollup",
          "msgstatus.recipient_rollup", "msgstatus.recipient_day", "msgstatus.recipient_total", "msgstatus.recipient_window", "msgstatus.prefix_rollup", "msgstatus.prefix_period", "msgstatus.maintenance", "msgstatus.campaign",
          "msgstatus.campaign_recipient", "msgstatus.campaign_attempt", "msgstatus.campaign_day", "msgstatus.campaign_pace", "msgstatus.sender_limit", "msgstatus.sender_day", "msgstatus.opt_out",
          "msgstatus.opt_out_word", "msgstatus.provider_description",
          "msgstatus.attached_table", "msgstatus.attached_table_failure", "public.attached", "public.refusing",
          "shop.campaign", "shop.order_message", "shop.log",
          "msgstatus.refresh_queue", "msgstatus.message_check", "msgstatus.refresh_worker", "msgstatus.refresh_rate",
          "msgstatus.reconciliation")


def deliveries(seed, number):
    generator = Generator(random.Random(seed))
    return [generator.delivery() for _ in range(number)]


def contents(database):
    """Returns every row of the tables and every line of the catalog, each with where it is from."""
    rows = [(t, *row) for t in TABLES for row in database.query(f"SELECT t::text FROM {t} AS t")]
    return collections.Counter(rows + database.query(CATALOG))


def assert_same(found, expected):
    assert (found - expected, expected - found) == (collections.Counter(), collections.Counter())


def apply_all(database, batch):
    with contextlib.closing(database.connect()) as connection, connection.cursor() as cursor:
        run_all(cursor, [ApplyBatch(batch)])
        return read_tables(cursor)


@pytest.fixture(scope="module")
def filled(server):
    database = server.create_database()
    apply_all(database, deliveries(1, 60))
    database.query("SELECT msgstatus.register_message('wamid.HBgA', content => E'a\\tb\\n\\\\.\\nc', metadata => '{\"a\": 1.00}')")
    database.query(r"SELECT msgstatus.reject_webhook(E'{\"a\": \"\\\\u0000\"}\n', 'jsonb refuses it', '2024-12-10')")
    fill_campaign(database)
    attach_tables(database)
    database.query(ADDITIONS.format(role="dump_reader"))
    database.query("SELECT msgstatus.rebuild_rollups()")
    database.query("UPDATE msgstatus.maintenance SET messages_kept = '100 years', recipients_kept = '20 years'")
    database.query("SELECT msgstatus.count_recipients(), msgstatus.count_windows(), msgstatus.count_prefixes()")
    return database


def fill_campaign(database):
    """Makes recipients of every kind, and one that is due."""
    campaign = Campaign(database, "dumped", 6, daily=5)
    database.query("SELECT msgstatus.opt_out('+15550000001', 'STOP')")
    with contextlib.closing(database.connect()) as connection, connection.cursor() as cursor:
        sent, failed, _ = (claimed.recipient for claimed in campaign.claim(cursor, 3))
        cursor.execute("SELECT msgstatus.record_send(%s, 'wamid.dumped')", (sent,))
        cursor.execute("SELECT msgstatus.record_send_failure(%s, 'too fast', 130429)", (failed,))
        campaign.age("5 minutes")
        campaign.claim(cursor, 1)


def attach_tables(database):
    """Attaches tables, one of which refuses every status."""
    with contextlib.closing(database.connect()) as connection, connection.cursor() as cursor:
        cursor.execute("""
            CREATE TABLE public.attached (sid text PRIMARY KEY, status jsonb, delivered_at timestamptz);
            CREATE TABLE public.refusing (sid text PRIMARY KEY, status text DEFAULT 'NEW' CHECK (status = 'NEW' OR sid = ''));
            CREATE TABLE public.parted (sid text, read_at timestamptz) PARTITION BY HASH (sid);
            CREATE TABLE public.parted_part PARTITION OF public.parted FOR VALUES WITH (MODULUS 1, REMAINDER 0);
            INSERT INTO public.attached SELECT message_id FROM msgstatus.message;
            INSERT INTO public.refusing SELECT message_id FROM msgstatus.message LIMIT 5;
            SELECT msgstatus.attach_table('public.attached', 'sid');
            SELECT msgstatus.attach_table('public.refusing', 'sid', '{"state": {"column": "status", "replace": ["NEW"]}}');
            SELECT msgstatus.attach_table('public.parted', 'sid')""")
        cursor.execute("SELECT sum(failures) FROM msgstatus.attached_tables")
        assert cursor.fetchone()[0] > 0


def filled_claims(database):
    """Returns the recipients whom the next claim would hand out; they stay to be claimed."""
    with contextlib.closing(database.connect()) as connection, connection.cursor() as cursor:
        cursor.execute("BEGIN")
        cursor.execute("SELECT phone_number FROM msgstatus.claim_recipients() ORDER BY 1")
        claimed = cursor.fetchall()
        cursor.execute("ROLLBACK")
    assert claimed
    return claimed


def plain(server, source, target):
    with subprocess.Popen(program(server, "pg_dump", source), stdout=subprocess.PIPE) as dump:
        subprocess.run([*program(server, "psql", target), "-X", "-q", "-v", "ON_ERROR_STOP=1"], stdin=dump.stdout,
                       stdout=subprocess.DEVNULL, check=True)
    assert dump.returncode == 0


def custom(server, source, target):
    with subprocess.Popen([*program(server, "pg_dump", source), "-Fc"], stdout=subprocess.PIPE) as dump:
        subprocess.run([*program(server, "pg_restore", target), "--exit-on-error"], stdin=dump.stdout, check=True)
    assert dump.returncode == 0


def program(server, name, database):
    return [str(server.pg.bindir / name), "-d", server.conninfo(database.name)]


def parallel(server, source, target, directory):
    subprocess.run([*program(server, "pg_dump", source), "-Fd", "-j2", "-f", str(directory)], check=True)
    subprocess.run([*program(server, "pg_restore", target), "--exit-on-error", "-j2", str(directory)], check=True)


@pytest.mark.parametrize("way", [plain, custom, parallel], ids=lambda way: way.__name__)
def test_restored_database_is_the_same_and_works(server, filled, way, tmp_path):
    restored = server.create_database(installed=False)
    way(server, filled, restored, *([tmp_path / "dump"] if way is parallel else []))
    assert_same(contents(restored), contents(filled))
    assert not restored.query("SELECT * FROM msgstatus.verify_rollups()")

    restored.query("SELECT msgstatus.install()")
    assert_same(contents(restored), contents(filled))
    more = deliveries(2, 60)
    with contextlib.closing(filled.connect()) as connection, connection.cursor() as cursor:
        cursor.execute("BEGIN")
        run_all(cursor, [ApplyBatch(more)])
        expected = read_tables(cursor)
        cursor.execute("ROLLBACK")
    assert apply_all(restored, more) == expected
    assert restored.query("SELECT count(*) FROM shop.log")[0][0] > 0
    ids = restored.query("SELECT count(*), count(DISTINCT rejected_id) FROM msgstatus.rejected_status")[0]
    assert ids[0] == ids[1] > filled.query("SELECT count(*) FROM msgstatus.rejected_status")[0][0]
    assert restored.query("SELECT count(*) FROM shop.failed JOIN msgstatus.message_timeline USING (message_id)")

    assert restored.query("SELECT phone_number FROM msgstatus.claim_recipients() ORDER BY 1") == filled_claims(filled)
    assert restored.query("SELECT msgstatus.add_recipients(campaign_id, '{+15550000007}') ->> 'added' FROM msgstatus.campaign") == [("1",)]

    # Attached tables are what they were: attached.
    restored.query("SELECT msgstatus.apply_message_status('[{\"id\": \"late\", \"status\": \"read\", \"timestamp\": 1733826600}, "
                   "{\"id\": \"early\", \"status\": \"read\", \"timestamp\": 1733826600}]')")
    restored.query("INSERT INTO public.attached VALUES ('late')")
    restored.query("INSERT INTO public.parted_part VALUES ('late'), ('early')")
    restored.query("SELECT msgstatus.apply_message_status('{\"id\": \"late\", \"status\": \"sent\", \"timestamp\": 1733826000}')")
    assert restored.query("SELECT status ->> 'sent', status ->> 'delivered' FROM public.attached WHERE sid = 'late'") == [
        ("2024-12-10T10:20:00Z", "2024-12-10T10:30:00Z")]
    assert restored.query("SELECT count(read_at) FROM public.parted") == [(2,)]
    assert restored.query("SELECT msgstatus.resync_table('public.attached'), msgstatus.detach_table('public.parted')") == [(0, 1)]

    # The policy holds for the reader and not for what apply_message_status does.
    restored.query("UPDATE msgstatus.message SET shop_campaign = 2")
    assert restored.query("SET ROLE dump_reader; SELECT count(*) FROM msgstatus.message") == [(0,)]


def test_an_owner_who_is_no_superuser_restores(server, filled, tmp_path):
    """The extension is there already, made by a superuser; everything else becomes the owner's."""
    restored = server.create_database(installed=False)
    restored.query(f"""
        CREATE ROLE restoring LOGIN;
        ALTER DATABASE {restored.name} OWNER TO restoring;
        GRANT ALL ON SCHEMA public TO restoring;
        CREATE EXTENSION msgstatus;
        GRANT USAGE, CREATE ON SCHEMA msgstatus TO restoring;
        GRANT EXECUTE ON ALL ROUTINES IN SCHEMA msgstatus TO restoring;
        GRANT USAGE ON TYPE msgstatus.delivery_state, msgstatus.message_status, msgstatus.delay_histogram TO restoring""")
    dump = tmp_path / "dump"
    subprocess.run([*program(server, "pg_dump", filled), "-Fc", "-f", str(dump)], check=True)
    subprocess.run([str(server.pg.bindir / "pg_restore"), "-d", server.pg.conninfo(restored.name, "restoring"), "--exit-on-error", "--no-owner",
                    "--no-privileges", "--no-comments", str(dump)], check=True)
    with contextlib.closing(psycopg2.connect(server.pg.conninfo(restored.name, "restoring"))) as connection, connection.cursor() as cursor:
        connection.autocommit = True
        # Makes the comments, too.
        cursor.execute("SELECT msgstatus.install()")
        cursor.execute("SELECT msgstatus.apply_message_status('[{\"id\": \"w\", \"status\": \"read\", \"timestamp\": 1733826600}]')")
        assert cursor.fetchone()[0]["applied"] == 1
        cursor.execute("SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'msgstatus'")
        assert cursor.fetchall() == [("restoring",)]

    # Privileges and comments, which the catalog tells with columns and relations, are not restored; and there is one message more.
    missing = contents(filled) - contents(restored)
    assert {row[0] for row in missing} <= {"right", "column", "relation", "sequence", "msgstatus.message_rollup"}


def test_a_restored_database_refuses_what_the_original_does(server, filled):
    restored = server.create_database(installed=False)
    custom(server, filled, restored)
    with pytest.raises(psycopg2.errors.DependentObjectsStillExist):
        restored.query("DROP EXTENSION msgstatus")
    with pytest.raises(psycopg2.errors.ForeignKeyViolation):
        restored.query("DELETE FROM msgstatus.message")
    with pytest.raises(psycopg2.errors.CheckViolation):
        restored.query("UPDATE msgstatus.status_event SET event_time = '1980-01-01'")


def test_a_second_database_is_independent(server, filled):
    before = contents(filled)
    second = server.create_database()
    apply_all(second, deliveries(3, 30))
    assert second.query("SELECT count(*) > 0 FROM msgstatus.message") == [(True,)]
    assert_same(contents(filled), before)
    second.query("DROP EXTENSION msgstatus CASCADE")
    assert_same(contents(filled), before)
    third = server.create_database(installed=False)
    third.query("CREATE EXTENSION msgstatus")
    with pytest.raises(psycopg2.errors.ObjectNotInPrerequisiteState) as refused:
        third.query("SELECT msgstatus.apply_message_status('{}')")
    assert "msgstatus.install()" in refused.value.diag.message_hint


def test_one_session_survives_a_new_installation(server):
    """The plans and type numbers a session remembers must not outlive the extension they are of."""
    database = server.create_database()
    with contextlib.closing(database.connect()) as connection, connection.cursor() as cursor:
        for _ in range(2):
            run_all(cursor, [ApplyBatch(deliveries(4, 20))])
            first = read_tables(cursor)
            cursor.execute("DROP EXTENSION msgstatus CASCADE")
            cursor.execute("DROP SCHEMA IF EXISTS msgstatus CASCADE")
            cursor.execute("CREATE EXTENSION msgstatus; SELECT msgstatus.install()")
        run_all(cursor, [ApplyBatch(deliveries(4, 20))])
        assert read_tables(cursor) == first
