"""Section growth: does ingestion keep its speed as the tables grow? The same statuses go into a small history and a large one."""

import analytics
import database
import db
from designs import OURS
from report import table, write
from settings import HISTORIES, MESSAGES, ROUNDS
from supply import send

DESIGNS = ()  # it fills tables of its own
SMALL, LARGE = 100_000, max(HISTORIES)
PER_CALL, CLIENTS = 100, 4
# Whatever the size, a commit waits for the disk as long: what the tables' size costs would hide behind it.
OPTIONS = "-c synchronous_commit=off"
STAGES = (("loaded", "sent of new messages", 1), ("updates", "their delivered and read", 2))


def ready(messages):
    """Returns the name of a database with such a history; makes it unless an earlier section did."""
    name = analytics.name_of(messages)
    if database.value(f"SELECT count(*) FROM pg_database WHERE datname = '{name}'", "postgres") == "0":
        analytics.fill(name, messages)
    database.sql("CREATE EXTENSION IF NOT EXISTS pg_walinspect; CREATE EXTENSION IF NOT EXISTS pg_prewarm;", name)
    database.sql("SELECT pg_prewarm(indexrelid) FROM pg_index WHERE indrelid = 'msgstatus.message'::regclass; CHECKPOINT;", name)
    return name


def run():
    """Sends the statuses of as many new messages to both, in turn, and writes the report."""
    names = {messages: ready(messages) for messages in (SMALL, LARGE)}
    rows = []
    for order, what, statuses in STAGES:
        count = MESSAGES * statuses // ROUNDS
        small, large = db.in_turn((SMALL, LARGE), lambda messages, number: send(
            OURS, number * count, count, PER_CALL, CLIENTS, OPTIONS, names[messages], order))
        at_large, at_small, *left = db.what_is_left(large, small)
        rows.append((what, at_small, at_large, *left))
    for name in names.values():
        analytics.check_rollups(name)
    write("growth", "\n\n".join([
        f"Statuses a second, {PER_CALL} a call, {CLIENTS} clients, into tables that hold so many messages of 30 days already, with rollups; "
        "min / median / max of the rounds. The ratios say what is left, by the clock and by CPU time of the backends:",
        table(("", f"{SMALL:,}", f"{LARGE:,}", "left", "left, by CPU time"), rows),
    ]))
