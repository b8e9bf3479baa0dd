"""docs/tools.md does with psql, CSV, a BI tool, pg_cron and PgBouncer what it says, with the real programs."""

import contextlib
import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import threading

import psycopg2
import pytest

import pages
import webhooks
from client import meta_signature
from pages import PgServer, section
from pgserver import free_port
from receiver import Receiver, wait_until

PAGE = (pages.ROOT / "docs/tools.md").read_text(encoding="utf-8")
SECRET = "a-secret-of-some-length"


def blocks(language, flag=None):
    return [block.text for block in pages.blocks_of(PAGE) if block.language == language and (flag is None or flag in block.flags)]


def make_shop(server):
    """Makes the database of the page's beginning, and the roles of the README."""
    server.create_database("shop", setup="")
    server.execute("shop", pages.examples_of(PAGE)[0].sql.text)
    server.execute("shop", "CREATE ROLE receiver LOGIN PASSWORD 'r'; CREATE ROLE sender LOGIN PASSWORD 's';"
                   "SELECT msgstatus.grant_access('receiver', 'ingest'); SELECT msgstatus.grant_access('sender', 'sender')")


@pytest.fixture(scope="module", name="shop")
def shop_server():
    with PgServer() as server:
        make_shop(server)
        yield server


def test_the_commands(shop, tmp_path):
    environment = {**os.environ, "PATH": f"{shop.bindir}:{os.environ['PATH']}", "PGHOST": "127.0.0.1", "PGPORT": str(shop.port), "PGUSER": "postgres"}
    printed = []
    for script in blocks("sh"):
        done = subprocess.run(["bash", "-euo", "pipefail", "-c", script], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, ""), script
        printed.append(done.stdout)
    assert "last hour" in printed[0] and "SM1" in printed[0] and "delivered" in printed[0]
    lines = (tmp_path / "messages.csv").read_text(encoding="utf-8").splitlines()
    assert lines[0] == "message_id,recipient,state,sent_at,delivered_at,read_at" and len(lines) == 4
    assert any(line.startswith("SM2,+15550100002,undelivered,") for line in lines)
    days = subprocess.run(["gzip", "-dc", tmp_path / "days.csv.gz"], capture_output=True, text=True, check=True).stdout.splitlines()
    assert days[0].startswith("day,total_messages,") and len(days) == 2
    assert "1 |         0 |        0" in printed[2]
    (state,) = shop.query("shop", "SELECT state FROM msgstatus.message_timeline WHERE message_id = 'SM3'")
    assert state == {"state": "read"}


def test_the_queries_of_a_bi_tool(shop):
    """As an analyst, with no search_path, alone and inside another query, and without types that only msgstatus has."""
    shop.execute("shop", next(block.text for block in pages.blocks_of(section(PAGE, "## A BI tool")) if block.flags == []))
    queries = [query.rstrip(";") for query in blocks("sql", "bi")]
    assert len(queries) > 3
    with contextlib.closing(psycopg2.connect(shop.conninfo("shop", user="bi"), options="-c search_path=")) as connection:
        for query in queries:
            for form in (query, f"SELECT * FROM ({query}) AS q LIMIT 1000", f"SELECT count(*) FROM ({query}) AS q"):
                with connection, connection.cursor() as cursor:
                    cursor.execute(form)
                    assert cursor.fetchall(), form
                    assert all(column.type_code < 16384 for column in cursor.description), form


def test_pg_cron_runs_the_jobs():
    if not (pathlib.Path(subprocess.run([os.environ.get("PG_CONFIG", "pg_config"), "--sharedir"], capture_output=True, text=True,
                                        check=True).stdout.strip()) / "extension/pg_cron.control").exists():
        pytest.skip("pg_cron is not installed")
    (conf,) = blocks("conf")
    settings = dict(line.split("#")[0].strip().replace("'", "").split(" = ") for line in conf.splitlines())
    with PgServer(**settings) as server:
        make_shop(server)
        first, failed = [block.text for block in pages.blocks_of(section(PAGE, "## pg_cron")) if block.language == "sql"]
        server.execute("shop", first)
        # Not to wait for five minutes.
        server.execute("shop", "SELECT cron.alter_job(jobid, schedule => '* * * * *') FROM cron.job;"
                       "UPDATE msgstatus.alert_rule SET threshold = 99, minimum_count = 1, age = '0' WHERE name = 'delivery_rate_low'")
        runs = "SELECT j.jobname, d.status, d.return_message FROM cron.job_run_details AS d JOIN cron.job AS j USING (jobid)"

        def ended():
            rows = server.query("shop", f"SELECT DISTINCT ON (jobname) * FROM ({runs}) AS r WHERE status IN ('succeeded', 'failed')")
            return rows if len(rows) == 3 else None
        found = eventually(ended, 150)
        assert {row["jobname"]: row["status"] for row in found} == dict.fromkeys(
            ("msgstatus-maintain", "msgstatus-alerts", "cron-log"), "succeeded"), found
        assert server.query("shop", "SELECT name FROM msgstatus.alert_state WHERE name = 'delivery_rate_low'")
        assert server.execute("shop", failed) == ""


def eventually(condition, seconds):
    """Polls for longer than wait_until, for what goes by minutes."""
    for _ in range(seconds // 25):
        with contextlib.suppress(AssertionError):
            return wait_until(condition, "a job")
    return wait_until(condition, "a job")


class PgBouncer:
    """PgBouncer with the page's configuration, changed by `change`."""

    def __init__(self, server, change=lambda text: text):
        self.server = server
        self.port = free_port()
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="msgstatus-pgbouncer-"))
        (ini,) = blocks("ini")
        for line, value in (("port=5432", f"port={server.port}"), ("listen_port = 6432", f"listen_port = {self.port}"),
                            ("/etc/pgbouncer", str(self.directory))):
            assert line in ini
            ini = ini.replace(line, value)
        (self.directory / "pgbouncer.ini").write_text(change(ini) + "\nadmin_users = admin\nunix_socket_dir =\n", encoding="utf-8")
        (self.directory / "userlist.txt").write_text('"receiver" "r"\n"sender" "s"\n"admin" "a"\n', encoding="utf-8")
        self.log = open(self.directory / "log", "wb")
        command = [shutil.which("pgbouncer", path=f"{os.environ['PATH']}:/usr/sbin"), str(self.directory / "pgbouncer.ini")]
        if os.geteuid() == 0:  # it refuses to run as root
            shutil.chown(self.directory, "postgres")
            command = ["runuser", "-u", "postgres", "--", *command]
        self.process = subprocess.Popen(command, cwd="/", stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)

    def conninfo(self, user, database="shop"):
        return f"host=127.0.0.1 port={self.port} dbname={database} user={user} password={user[0]}"

    def __enter__(self):
        def answers():
            assert self.process.poll() is None, (self.directory / "log").read_text(encoding="utf-8")
            try:
                psycopg2.connect(self.conninfo("sender")).close()
            except psycopg2.OperationalError:
                return False
            return True
        wait_until(answers, "pgbouncer")
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()
        self.log.close()
        shutil.rmtree(self.directory, ignore_errors=True)

    def pools(self):
        """Returns the pool mode of each user, and how many connections to the server the user has."""
        connection = psycopg2.connect(self.conninfo("admin", "pgbouncer"))
        connection.autocommit = True
        with contextlib.closing(connection), connection.cursor() as cursor:
            cursor.execute("SHOW POOLS")
            names = [column.name for column in cursor.description]
            rows = [dict(zip(names, row)) for row in cursor.fetchall()]
        return {row["user"]: (row["pool_mode"], sum(row[name] for name in ("sv_active", "sv_idle", "sv_used", "sv_tested", "sv_login")))
                for row in rows if row["database"] == "shop"}


needs_pgbouncer = pytest.mark.skipif(not shutil.which("pgbouncer", path=f"{os.environ['PATH']}:/usr/sbin"), reason="pgbouncer is not installed")
SIGNED = {"MSGSTATUS_META_APP_SECRET": SECRET}


@needs_pgbouncer
def test_senders_and_the_receiver_share_a_pgbouncer(shop):
    """Eight senders take turns on four connections in transaction mode, while the receiver's lanes have theirs."""
    shop.execute("shop", "SET search_path = msgstatus, public; SELECT create_campaign('spring') AS id \\gset\n"
                 "SELECT add_recipients(:'id', array_agg('+1555020' || 1000 + n)) FROM generate_series(1, 200) AS n; SELECT activate_campaign(:'id')")
    failures = []

    def send(conninfo):
        try:
            with contextlib.closing(psycopg2.connect(conninfo)) as connection, connection.cursor() as cursor:
                connection.autocommit = True
                while True:
                    cursor.execute("SELECT recipient_id, claim FROM msgstatus.claim_recipients(5)")
                    claimed = cursor.fetchall()
                    if not claimed:
                        return
                    for recipient, claim in claimed:
                        cursor.execute("SELECT msgstatus.record_send(%s, %s, %s)", (recipient, f"wamid.{recipient}", claim))
        except Exception as error:  # pylint: disable=broad-exception-caught
            failures.append(error)

    with PgBouncer(shop) as bouncer, Receiver(bouncer.conninfo("receiver"), "--lanes", "2", **SIGNED) as receiver:
        receiver.wait_ready()
        threads = [threading.Thread(target=send, args=(bouncer.conninfo("sender"),)) for _ in range(8)]
        for thread in threads:
            thread.start()
        for number in range(50):
            body = json.dumps(webhooks.meta(webhooks.meta_status(f"wamid.bouncer{number}"))).encode()
            assert receiver.post("/webhooks/meta", body, meta_signature(SECRET, body)).status == 200
        for thread in threads:
            thread.join()
        pools = bouncer.pools()
        receiver.stop()
    assert failures == []
    assert pools["receiver"][0] == "session" and pools["sender"] == ("transaction", pools["sender"][1]) and pools["sender"][1] <= 4
    counted = shop.query("shop", """SELECT (SELECT count(*) FROM msgstatus.message WHERE campaign_id IS NOT NULL) AS messages,
        (SELECT sent FROM msgstatus.campaign_stats) AS recipients,
        (SELECT count(*) FROM msgstatus.message WHERE message_id LIKE 'wamid.bouncer%') AS statuses,
        (SELECT count(*) FROM msgstatus.verify_rollups()) AS wrong""")
    assert counted == [{"messages": 200, "recipients": 200, "statuses": 50, "wrong": 0}]


@needs_pgbouncer
def test_a_receiver_in_transaction_mode_says_so(shop):
    def without_users(ini):
        return ini.replace("receiver = pool_mode=session\n", "").replace("default_pool_size = 4", "default_pool_size = 1")
    with PgBouncer(shop, without_users) as bouncer, Receiver(bouncer.conninfo("receiver"), "--lanes", "2", **SIGNED) as receiver:
        entry = receiver.wait_for_log("the database is not set up")
        assert "already exists" in entry["reason"] and "session mode" in entry["hint"]
