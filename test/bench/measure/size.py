"""Section size: the bytes a message takes after `sent`, `delivered` and `read` came in random order."""

import os
import subprocess

import database
from designs import JSONB, OURS
from report import table, write
from settings import CLIENT, MESSAGES

DESIGNS = ()  # it fills empty tables


def sizes(design):
    """Returns bytes of heap (with its maps) and of indexes, of the messages and of the trail with its partitions."""
    return {(name, part): int(database.value(
                f"SELECT sum({function}(c.oid)) FROM pg_class AS c WHERE c.oid = '{name}'::regclass"
                f" OR c.oid IN (SELECT relid FROM pg_partition_tree('{name}'))"))
            for name in (design.message, design.status_event)
            for part, function in (("table", "pg_table_size"), ("indexes", "pg_indexes_size"))}


def run():
    """Fills both designs and writes the report."""
    database.create_empty()
    empty = {design: sizes(design) for design in (OURS, JSONB)}
    third = MESSAGES
    for number in range(3):
        for design in (OURS, JSONB):
            subprocess.run([CLIENT, "--order", "lifecycle", "--messages", str(MESSAGES), "--first", str(number * third),
                            "--count", str(third), "--per-call", "100", "--clients", "2", *design.arguments],
                           env={**os.environ, "PGDATABASE": database.COPY}, stdout=subprocess.DEVNULL, check=True)
            # As autovacuum would, at about the same time for both.
            database.sql(f"VACUUM (ANALYZE) {design.message}, {design.status_event}")
    for design in (OURS, JSONB):
        messages = int(database.value(f"SELECT count(*) FROM {design.message}"))
        events = int(database.value(f"SELECT count(*) FROM {design.status_event}"))
        if (messages, events) != (MESSAGES, 3 * MESSAGES):
            raise RuntimeError(f"{design.name} holds {messages} messages and {events} events")

    full = {design: sizes(design) for design in (OURS, JSONB)}

    def bytes_of(design, *parts):
        return sum(full[design][part] - empty[design][part] for part in parts) / MESSAGES

    rows = []
    for name, parts in (
        ("message, table", lambda d: [(d.message, "table")]),
        ("message, indexes", lambda d: [(d.message, "indexes")]),
        ("message", lambda d: [(d.message, "table"), (d.message, "indexes")]),
        ("trail, table", lambda d: [(d.status_event, "table")]),
        ("trail, indexes", lambda d: [(d.status_event, "indexes")]),
        ("message and trail", lambda d: [(t, p) for t in (d.message, d.status_event) for p in ("table", "indexes")]),
    ):
        ours, jsonb = bytes_of(OURS, *parts(OURS)), bytes_of(JSONB, *parts(JSONB))
        rows.append((name, f"{ours:.0f}", f"{jsonb:.0f}", f"{ours / jsonb:.2f}"))
    status = [database.value(f"SELECT avg(pg_column_size(status))::numeric(10,1) FROM {d.message}") for d in (OURS, JSONB)]
    rows.append(("the column status", *status, f"{float(status[0]) / float(status[1]):.2f}"))
    write("size", "\n\n".join([
        f"Bytes a message after `sent`, `delivered` and `read` in random order ({MESSAGES:,} messages, 100 statuses a call, "
        "VACUUM after each third):",
        table(("", "msgstatus", "jsonb", "msgstatus : jsonb"), rows),
    ]))
