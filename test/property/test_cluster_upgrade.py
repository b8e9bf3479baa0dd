"""pg_upgrade takes a database with the extension along: it makes every object of the extension anew, in pg_catalog, too.

Without more, from one cluster to another of the same version. MSGSTATUS_CLUSTERS names clusters of several versions, from the oldest
to the newest, by the pg_config of installations that hold the extension: test/upgrade/check makes these.
"""

import contextlib
import itertools
import json
import os
import pathlib
import subprocess

import pytest

import earlier_release
from catalog import catalog_of
from databases import Database
from pgserver import PgServer
from test_releases import answers, apply, assert_works, others

# What the earlier release, of which the database is, had not.
FEATURES = """
SELECT msgstatus.publish();
SELECT msgstatus.define_provider('carrier', '{"shapes": [{"when": {"carrier": true}, "id": "ref", "state": {"path": "st"}}]}');
SELECT msgstatus.keep_content('meta', false);
SELECT msgstatus.set_opt_out_words('{STOP}');
SELECT msgstatus.limit_sender('+15550001111', 1000);
SELECT msgstatus.create_campaign('winter', 'greeting', 'en', sender => '+15550001111', sends_per_second => 5) AS winter \\gset
SELECT msgstatus.add_recipients(:'winter', '{+15550500001,+15550500002,+15550500003}');
SELECT msgstatus.activate_campaign(:'winter');
CREATE TEMPORARY TABLE claimed AS SELECT row_number() OVER () AS n, * FROM msgstatus.claim_recipients(2, :'winter');
SELECT msgstatus.record_send_failure(recipient_id, 'busy', 130429, retryable => true) FROM claimed WHERE n = 1;
SELECT msgstatus.record_send(recipient_id, 'wamid.winter') FROM claimed WHERE n = 2;
UPDATE msgstatus.campaign_recipient SET due_at = now() - interval '1 minute' WHERE recipient_id = (SELECT recipient_id FROM claimed WHERE n = 1);
SELECT msgstatus.claim_recipients(1, :'winter');
SELECT msgstatus.register_message('order-17', provider => 'twilio', direction => 'outbound', alias => 'SM' || md5('17'));
SELECT msgstatus.apply_message_status(jsonb_build_object('MessageSid', 'SM' || md5(n::text), 'MessageStatus', 'sent', 'To', '+15550600001',
    'AccountSid', 'AC00000000000000000000000000000001')) FROM unnest('{17,71,72}'::integer[]) AS n;
SELECT msgstatus.refresh_worker_seen('w', 'running');
SELECT msgstatus.request_refresh(ARRAY['SM' || md5('71'), 'SM' || md5('72')]);
SELECT msgstatus.finish_refreshes(ARRAY[c.message_id], ARRAY[c.claim], '{unchanged}', '{NULL}', '{NULL}') FROM msgstatus.claim_refreshes('w', 1) AS c;
SELECT msgstatus.begin_reconciliation('w', '1 hour', '1 day');
SELECT msgstatus.weblog_refresh(jsonb_build_object('message_ids', ARRAY['SM' || md5('71')]));
SELECT msgstatus.check_alerts();
SELECT msgstatus.maintain();
CREATE TABLE shop.own (id integer, state msgstatus.delivery_state PRIMARY KEY, status msgstatus.message_status UNIQUE, CHECK (state >= 'sent'));
INSERT INTO shop.own VALUES (1, 'read', '{}');
CREATE EXTENSION amcheck;
"""

TABLES = """SELECT c.oid::regclass::text FROM pg_class AS c
    WHERE c.relnamespace = 'msgstatus'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition ORDER BY 1"""

# Questions about each kind of object of the extension.
QUESTIONS = [
    "SELECT message_id, state FROM msgstatus.message_timeline WHERE state >= 'sent' ORDER BY state, message_id",
    "SELECT max(state), min(state) FROM msgstatus.message_timeline",
    "SELECT id FROM shop.own WHERE state = 'read'",
    "SELECT message_id FROM msgstatus.message WHERE status OPERATOR(msgstatus.?) 'read' AND status OPERATOR(msgstatus.->>) 'sent' > '2026-10'",
    "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = 'shop.own'::regclass AND contype <> 'n'",
    "SELECT * FROM msgstatus.message_log(created_from => '2026-01-01', created_before => '2026-12-01')",
    "SELECT to_jsonb(s) FROM msgstatus.message_stats(created_from => '2026-01-01', created_before => '2026-12-01') AS s",
    "SELECT * FROM msgstatus.message_history('wamid.7')",
    "SELECT * FROM msgstatus.messages_named(ARRAY['order-17', 'SM' || md5('17'), 'wamid.1'])",
    """SELECT n, to_jsonb(e) - 'event_time' FROM generate_series(1, 3) AS n, msgstatus.explain_webhook(('[{"carrier": true, "ref": "1", "st": "sent"},
        {"MessageSid": "SM1", "MessageStatus": "read"}, {"id": "wamid.1", "status": "read", "timestamp": "1796000000"}]'::jsonb) -> (n - 1)) AS e""",
    "SELECT * FROM pg_publication_tables",
    "SELECT target, key_column, columns, update_sql FROM msgstatus.attached_table",
]


class Installation(PgServer):
    """A server of an installation that holds the extension among its own files."""

    def __init__(self, pg_config, **options):
        with pytest.MonkeyPatch.context() as environment:
            environment.setenv("PG_CONFIG", pg_config)
            super().__init__(**options)
        self.stage = pathlib.Path("/")

    def _stage_extension(self):
        pass

    def _extension_settings(self):
        return {}


def clusters():
    """Returns a server for each cluster, from the first to the last."""
    installations = os.environ.get("MSGSTATUS_CLUSTERS", "").split()
    servers = [Installation(pg_config, autovacuum="off") for pg_config in installations] or [PgServer(autovacuum="off"), PgServer(autovacuum="off")]
    for server in servers:
        # The default of PostgreSQL 18. Both clusters of an upgrade need the same.
        server.initdb_options = ["--data-checksums"]
    return servers


def skip_unless_libraries_are_found(server):
    # pg_upgrade of 18 loads '$libdir/msgstatus-...', which is looked for in the server's own directory alone, and the extension of
    # the tests lies where extension_control_path says.
    if server.version >= 18 and not list(pathlib.Path(server._ask_pg_config("--pkglibdir")).glob("msgstatus-*.so")):
        pytest.skip("pg_upgrade of PostgreSQL 18 finds libraries only in the server's own directory")


def test_pg_upgrade():
    with contextlib.ExitStack() as stack:
        servers = clusters()
        for server in servers:
            skip_unless_libraries_are_found(server)
            stack.enter_context(server)
        first = servers[0]
        earlier_release.stage(first)
        earlier_release.restore(first, "shop")
        first.execute("shop", f"{earlier_release.UPDATE}; {earlier_release.INSTALL}; {FEATURES}")
        shop = Database(first, "shop")
        empty = [name for name, in shop.query(TABLES) if shop.query(f"SELECT count(*) FROM {name}") == [(0,)]]
        assert empty == [], "a table of a feature whose data is not tested"
        for number, (old, new) in enumerate(itertools.pairwise(servers)):
            before = all_answers(Database(old, "shop"))
            upgrade(old, new)
            shop = Database(new, "shop")
            assert_new(shop)
            assert all_answers(shop) == before
            assert_indexes_are_right(shop)
            new.execute("shop", "ANALYZE")
            assert all_answers(shop) == before
            assert_works(shop)
            assert_campaigns_go_on(shop, number)


def upgrade(old, new):
    """Takes the databases of a cluster over to another, and starts that."""
    old.stop()
    new.stop()
    command = [str(new.bindir / "pg_upgrade"), "-U", "postgres", "-b", str(old.bindir), "-B", str(new.bindir), "-d", str(old.data),
               "-D", str(new.data), "-p", str(old.port), "-P", str(new.port)]
    if old.as_postgres:
        command = ["runuser", "-u", "postgres", "--", *command]
    done = subprocess.run(command, cwd=new.directory, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    new.start()


def all_answers(database):
    tables = {name: sorted(database.query(f"SELECT to_jsonb(t)::text FROM {name} AS t")) for name, in database.query(TABLES)}
    questions = {sql: sorted(map(repr, database.query(sql))) for sql in QUESTIONS}
    return {**answers(database), **tables, **questions}


def assert_new(database):
    """The catalog is that of a new database beside it."""
    server = database.server
    fresh = Database(server, server.create_database("fresh"))
    for level in earlier_release.LEVELS:
        fresh.query(f"SELECT msgstatus.grant_access('updated_{level}', '{level}')")
    fresh.query("SELECT msgstatus.publish(), msgstatus.set_opt_out_words('{STOP}')")
    assert others(catalog_of(database), catalog_of(fresh)) == []
    server.execute("postgres", "DROP DATABASE fresh")


def assert_indexes_are_right(database):
    checked = database.query("""SELECT i.indexrelid::regclass::text, bt_index_check(i.indexrelid, true)
        FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indexrelid JOIN pg_am AS a ON a.oid = c.relam
        WHERE a.amname = 'btree' AND c.relkind = 'i' AND c.relnamespace IN ('msgstatus'::regnamespace, 'shop'::regnamespace)""")
    assert len(checked) > 50


def assert_campaigns_go_on(database, number):
    campaign = "SELECT campaign_id FROM msgstatus.campaign WHERE name = 'winter'"
    database.query(f"SELECT msgstatus.add_recipients(({campaign}), %s)", ([f"+1555050010{number}"],))
    [(claimed, message_id)] = database.query(f"""UPDATE msgstatus.campaign_pace SET sends = 5;
        SELECT recipient_id, 'wamid.winter.{number}' FROM msgstatus.claim_recipients(10, ({campaign})) WHERE phone_number = '+1555050010{number}'""")
    database.query("SELECT msgstatus.record_send(%s, %s)", (claimed, message_id))
    assert apply(database, [{"id": message_id, "status": "read", "timestamp": "1796000000"}])["applied"] == 1
    assert database.query("SELECT state FROM msgstatus.campaign_recipient_status WHERE recipient_id = %s", (claimed,)) == [("read",)]
    assert json.loads(database.query("SELECT msgstatus.apply_message_status('{\"carrier\": true, \"ref\": \"carried.%s\", \"st\": \"sent\"}')::text",
                                     (number,))[0][0])["applied"] == 1
