"""Section growth: does ingestion keep its speed as the tables grow? The same statuses go into a small history and a large one."""

import analytics
import database
import db
from designs import OURS
from report import ratios, spread, table, write
from settings import HISTORIES, MESSAGES, ROUNDS
from supply import send

DESIGNS = ()  # it fills tables of its own
SMALL, LARGE = 100_000, max(HISTORIES)
PER_CALL, CLIENTS = 100, 4
# Whatever the size, a commit waits for the disk as long: what the tables' size costs would hide behind it.
OPTIONS = "-c synchronous_commit=off"
STAGES = (("loaded", "sent of new messages", 1), ("updates", "their delivered and read", 2))


def ready(messages):
    """ready does return the name of a database with such a history, and makes it unless an earlier section did."""
    name = analytics.name_of(messages)
    if database.value(f"SELECT count(*) FROM pg_database WHERE datname = '{name}'", "postgres") == "0":
        analytics.fill(name, messages)
    database.sql("CREATE EXTENSION IF NOT EXISTS pg_walinspect; CREATE EXTENSION IF NOT EXISTS pg_prewarm;", name)
    database.sql("SELECT pg_prewarm(indexrelid) FROM pg_index WHERE indrelid = 'msgstatus.message'::regclass; CHECKPOINT;", name)
    return name


def run():
    """run does send the statuses of as many new messages to both, in turn, and write the report."""
    names = {messages: ready(messages) for messages in (SMALL, LARGE)}
    rows = []
    for order, what, statuses in STAGES:
        measured = {messages: [] for messages in names}
        count = MESSAGES * statuses // ROUNDS
        for number in range(ROUNDS):
            for messages in names if number % 2 == 0 else reversed(names):
                measured[messages].append(send(OURS, number * count, count, PER_CALL, CLIENTS, OPTIONS, names[messages], order))
        small, large = measured[SMALL], measured[LARGE]
        rows.append((what, spread(db.per_second(small), 0), spread(db.per_second(large), 0),
                     spread(ratios(db.per_second(large), db.per_second(small))), spread(ratios(db.cpu(small), db.cpu(large)))))
    for name in names.values():
        analytics.check_rollups(name)
    write("growth", "\n\n".join([
        f"Statuses a second, {PER_CALL} a call, {CLIENTS} clients, into tables that hold so many messages of 30 days already, with rollups; "
        "min / median / max of the rounds. The ratios say what is left, by the clock and by CPU time of the backends:",
        table(("", f"{SMALL:,}", f"{LARGE:,}", "left", "left, by CPU time"), rows),
    ]))
