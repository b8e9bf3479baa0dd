"""Section attached: what it costs to keep a table of the user's own up to date."""

import database
import db
from designs import OURS
from report import spread, table, write
from supply import Supply, send

DESIGNS = (OURS,)
CASES = ((1, 4), (10, 4), (100, 4))
TUNED_CASES = ((100, 4),)

# A table as many teams have it, with columns of its own: a row for each message, found by a unique index.
LOGS = """
    CREATE TABLE whatsapp_logs (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        message_sid varchar(128) NOT NULL UNIQUE,
        recipient varchar(32) NOT NULL,
        body text NOT NULL,
        status varchar(20) NOT NULL DEFAULT 'queued',
        error_code integer,
        error_message text,
        created_at timestamptz NOT NULL DEFAULT now(),
        delivered_at timestamptz,
        read_at timestamptz,
        last_status_check timestamptz
    ){storage};
    INSERT INTO whatsapp_logs (message_sid, recipient, body)
    SELECT message_id, recipient, 'Your order has been shipped and will arrive in two days.' FROM msgstatus.message;
    {index}
    SELECT msgstatus.attach_table('whatsapp_logs', 'message_sid');
    -- Which autovacuum would do: every row was updated.
    VACUUM (FREEZE, ANALYZE) whatsapp_logs;
    CREATE TABLE aside AS TABLE msgstatus.attached_table;
    SELECT pg_prewarm(oid) FROM pg_class WHERE relname LIKE 'whatsapp_logs%' AND relkind IN ('r', 'i');
"""
AS_IT_WAS = LOGS.format(storage="", index="")
# As docs/existing-tables.md advises for large tables.
TUNED = LOGS.format(storage=" WITH (fillfactor = 70)", index="CREATE INDEX ON whatsapp_logs USING hash (message_sid);")


class SupplyWithLogs(Supply):
    """A supply whose copies of the database have the table."""

    def __init__(self, designs, logs=AS_IT_WAS):
        super().__init__(designs)
        self.logs = logs

    def take(self, count):
        """Does what Supply.take does."""
        first = super().take(count)
        if database.value("SELECT to_regclass('whatsapp_logs') IS NULL") == "t":
            database.sql(self.logs)
        return first


def attach(attached):
    """Lets later calls know the table, or not. (Detaching and attaching it again would bring all its rows up to date.)"""
    database.sql("DELETE FROM msgstatus.attached_table;")
    if attached:
        database.sql("INSERT INTO msgstatus.attached_table OVERRIDING SYSTEM VALUE TABLE aside;")


def measure(supply, per_call, clients):
    """Returns a row of the report: calls with the table attached and without, on statuses of their own, in turn."""
    count = db.calibrate(supply, per_call, clients, DESIGNS)

    def measure_one(attached, _):
        first = supply.take(count)
        attach(attached)
        return send(OURS, first, count, per_call, clients)

    with_it, without = db.in_turn((True, False), measure_one)
    return (f"{per_call} a call, {clients} clients", *db.what_is_left(with_it, without),
            f"{spread(db.wal(with_it), 0)} and {spread(db.wal(without), 0)}")


def run():
    """Measures every case and writes the report."""
    header = ("", "with, statuses/s", "without, statuses/s", "left", "left, by CPU time", "WAL bytes a status")
    supply = SupplyWithLogs(DESIGNS)
    rows = [measure(supply, *case) for case in CASES]
    supply = SupplyWithLogs(DESIGNS, TUNED)
    tuned = [measure(supply, *case) for case in TUNED_CASES]
    write("attached", "\n\n".join([
        "Ingestion with one attached table (`whatsapp_logs`: state, error code and text, two times, `last_status_check`) and without, "
        "min / median / max of the rounds. The ratios say what is left of the throughput, by the clock and by CPU time of the backends:",
        table(header, rows),
        "The same where the table has a hash index on the key beside the unique one, and a fillfactor of 70:",
        table(header, tuned),
    ]))
