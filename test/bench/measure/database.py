"""The databases of the private server: one loaded once, copies of it to measure on."""

import contextlib
import os
import subprocess
import time

from designs import CHECKED, JSONB, OURS, TYPED
from settings import BENCH, CLIENT, MESSAGES, ROLLUPS

LOADED = "bench_loaded"
COPY = "bench"


def sql(statements, database=COPY):
    """Runs statements and returns the rows as lists of strings."""
    done = subprocess.run(["psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-F", "\t", "-d", database], input=statements,
                          capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{statements}\n{done.stderr}")
    return [line.split("\t") for line in done.stdout.splitlines()]


def value(statement, database=COPY):
    """Returns the only column of the only row."""
    return sql(statement, database)[0][0]


def wal_position(database=COPY):
    """Returns the end of the WAL."""
    # A commit of its own, so that it is flushed to the end of a record; the WAL writer flushes to the end of a page.
    return sql("SELECT pg_current_xact_id();\nSELECT pg_current_wal_flush_lsn();", database)[-1][0]


def wal_since(position, database=COPY):
    """Returns the bytes of the records written since a position, and those of the full-page images in them."""
    rows = sql("SELECT COALESCE(sum(record_size), 0)::bigint, COALESCE(sum(fpi_size), 0)::bigint "
               f"FROM pg_get_wal_stats('{position}', '{wal_position(database)}')", database)
    return tuple(map(int, rows[0]))


def create_empty(database=COPY, tablespace="pg_default"):
    """Makes a database with the tables of every design, all empty."""
    sql(f"DROP DATABASE IF EXISTS {database} WITH (FORCE);\nCREATE DATABASE {database} TABLESPACE {tablespace};", "postgres")
    sql("CREATE EXTENSION msgstatus; SELECT msgstatus.install();", database)
    for name in ("jsonb.sql", "jsonb_checked.sql", "typed.sql"):
        sql((BENCH / "designs" / name).read_text(encoding="utf-8"), database)


def load(designs):
    """Makes the database that the others are copies of: `sent` of every message, in each design."""
    started = time.monotonic()
    sql(f"CREATE TABLESPACE loaded LOCATION '{os.environ['MSGSTATUS_BENCH_LOADED']}';", "postgres")
    create_empty(LOADED, "loaded")
    environment = {**os.environ, "PGDATABASE": LOADED}
    for design in (OURS, JSONB, CHECKED):
        # The typed design is filled from the jsonb one.
        if design in designs or (design is JSONB and TYPED in designs):
            subprocess.run([CLIENT, "--order", "loaded", "--messages", str(MESSAGES), "--per-call", "1000", "--clients", "2",
                            *design.arguments], env=environment, stdout=subprocess.DEVNULL, check=True)
    if TYPED in designs:
        load_typed(environment)
    sql("CREATE EXTENSION pg_prewarm; CREATE EXTENSION pg_walinspect;", LOADED)
    sql("VACUUM (FREEZE, ANALYZE)", LOADED)
    sql("CHECKPOINT", LOADED)
    for design in designs:
        for table in (design.message, design.status_event):
            rows = int(value(f"SELECT count(*) FROM {table}", LOADED))
            if rows != MESSAGES:
                raise RuntimeError(f"{table} holds {rows} rows instead of {MESSAGES}")
    print(f"{MESSAGES} messages loaded in {time.monotonic() - started:.0f} s", flush=True)


def load_typed(environment):
    """Fills the typed design from the jsonb one, and stages the rows it is to apply."""
    rows = subprocess.Popen([CLIENT, "--order", "updates", "--messages", str(MESSAGES)], stdout=subprocess.PIPE)
    subprocess.run(["psql", "-Xq", "-v", "ON_ERROR_STOP=1", "-c",
                    "COPY typed_design.staged (n, message_id, provider, direction, sender, recipient, state, event_time, "
                    "pricing_category, billable, detail, fingerprint) FROM STDIN"],
                   env=environment, stdin=rows.stdout, check=True)
    if rows.wait() != 0:
        raise RuntimeError("the load generator failed")
    sql("""
        INSERT INTO typed_design.message (message_id, provider, direction, sender, recipient, sent_at, pricing_category,
            billable, created_at, updated_at)
        SELECT message_id, provider, direction, sender, recipient, (status ->> 'sent')::timestamptz, pricing_category,
            billable, created_at, updated_at
        FROM jsonb_design.message;
        INSERT INTO typed_design.status_event SELECT * FROM jsonb_design.status_event;
    """, LOADED)


def copy_loaded():
    """Makes a fresh copy of the loaded database and loads it into PostgreSQL's cache."""
    sql(f"DROP DATABASE IF EXISTS {COPY} WITH (FORCE);\n"
        f"CREATE DATABASE {COPY} TEMPLATE {LOADED} TABLESPACE pg_default STRATEGY file_copy;", "postgres")
    sql("""
        SELECT pg_prewarm(c.oid) FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
        WHERE n.nspname IN ('msgstatus', 'jsonb_design', 'jsonb_checked', 'typed_design') AND c.relkind IN ('r', 'i');
        CHECKPOINT;
    """)
    sql(f"ALTER DATABASE {COPY} SET msgstatus.rollups = {ROLLUPS}", "postgres")


@contextlib.contextmanager
def in_earnest():
    """Lets the server vacuum by itself and make checkpoints at its default interval."""
    sql("ALTER SYSTEM SET autovacuum = on; ALTER SYSTEM SET checkpoint_timeout = '5min'; SELECT pg_reload_conf();", "postgres")
    try:
        yield
    finally:
        sql("ALTER SYSTEM RESET autovacuum; ALTER SYSTEM RESET checkpoint_timeout; SELECT pg_reload_conf();", "postgres")
