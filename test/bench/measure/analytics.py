"""Section analytics: what analysts ask, of tables with a history of 30 days, small and large."""

import re
import statistics
import subprocess
import time

import database
from designs import JSONB, OURS
from questions import QUESTIONS, STAGES
from report import table, write
from settings import BENCH, HISTORIES, ROUNDS

DESIGNS = ()  # it fills tables of its own
ANALYTICS = BENCH / "analytics"
SESSIONS = 2  # that fill the tables
PIECE = 100_000  # messages filled in at once


def name_of(messages):
    """Returns the name of the database that holds a history of so many messages."""
    return f"history_{messages}"


def fill(name, messages):
    """Makes a database in which both designs hold the same history of so many messages."""
    started = time.monotonic()
    database.create_empty(name)
    for script in ("history.sql", "msgstatus.sql", "jsonb.sql"):
        database.sql((ANALYTICS / script).read_text(encoding="utf-8"), name)
    database.sql(f"SELECT history.begin({messages}, date_trunc('second', now()))", name)
    pieces = [(first, min(first + PIECE - 1, messages)) for first in range(1, messages + 1, PIECE)]
    for function in ("fill_msgstatus", "fill_jsonb"):
        # In turns, so that rows come nearly in the order of their creation. Expressions are so many and so large that
        # compiling them would take longer than most pieces.
        sessions = [["SET jit = off", *(f"SELECT history.{function}({first}, {last})" for first, last in pieces[number::SESSIONS])]
                    for number in range(SESSIONS)]
        running = [subprocess.Popen(["psql", "-Xq", "-v", "ON_ERROR_STOP=1", "-d", name, *(x for sql in session for x in ("-c", sql))],
                                    stdout=subprocess.DEVNULL) for session in sessions]
        if any([process.wait() for process in running]):
            raise RuntimeError(f"history.{function} failed")
    make_rollups(name)
    print(f"{messages:,} messages of 30 days in both designs in {time.monotonic() - started:.0f} s", flush=True)


def make_rollups(name):
    """Makes the rollups of the messages anew, as maintain() leaves them."""
    database.sql("VACUUM (FREEZE, ANALYZE)", name)
    database.sql("SELECT msgstatus.rebuild_rollups()", name)
    while database.value("SELECT msgstatus.count_recipients() + msgstatus.count_windows() + msgstatus.count_prefixes()", name) != "0":
        pass
    database.sql("VACUUM (FREEZE, ANALYZE)", name)
    database.sql("CHECKPOINT", name)


def begin_stage(name, stage):
    """Changes the history to that of the questions of a stage; only that of msgstatus, so the designs are compared before."""
    database.sql(f"SELECT history.{stage}()", name)
    if stage == "unfold":
        database.sql("VACUUM (ANALYZE) msgstatus.message_rollup, msgstatus.folded_hour", name)
    else:
        make_rollups(name)


def check(name):
    """Compares what the two designs count, and the rollups with the messages."""
    ours = database.sql("SELECT sum(messages), sum(sent), sum(in_delivered + in_read), sum(in_read), sum(in_failed + in_undelivered) "
                        "FROM msgstatus.hour_rollup", name)
    jsonb = database.sql("SELECT count(*), count(*) FILTER (WHERE status ?| '{sent,delivered,read,undelivered}'), "
                         "count(*) FILTER (WHERE status ?| '{delivered,read}'), count(*) FILTER (WHERE status ? 'read'), "
                         "count(*) FILTER (WHERE status ?| '{failed,undelivered}') FROM jsonb_design.message", name)
    if ours != jsonb:
        raise RuntimeError(f"the designs hold different histories: {ours}, {jsonb}")
    check_rollups(name)


def check_rollups(name):
    """Compares the rollups with the messages."""
    differences = database.value("SELECT count(*) FROM msgstatus.verify_rollups()", name)
    if differences != "0":
        raise RuntimeError(f"verify_rollups() returns {differences} rows")


def times(name, query, runs):
    """Returns the milliseconds of each run of a query, after a first run, in one session that fetches all rows."""
    script = "\n".join(["\\timing on", "\\o /dev/null", *[f"{query};" for _ in range(runs + 1)]])
    done = subprocess.run(["psql", "-Xq", "-v", "ON_ERROR_STOP=1", "-d", name], input=script, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{query}\n{done.stderr}")
    measured = [float(ms) for ms in re.findall(r"^Time: ([\d.]+) ms", done.stdout, re.MULTILINE)]
    if len(measured) != runs + 1:
        raise RuntimeError(f"{query}\n{done.stdout}")
    return measured[1:]


def queries(name, question):
    """Returns the query of each design, with the values filled in."""
    found = {OURS: question.msgstatus, JSONB: question.jsonb}
    if question.given:
        rows = database.sql(question.given, name)
        given = "'" + rows[0][0].replace("'", "''") + "'" if rows else "NULL"
        found = {design: query and query.replace("{given}", given) for design, query in found.items()}
    return found


def milliseconds(value):
    """Writes a time with at least two significant digits."""
    return "" if value is None else f"{value:,.0f}" if value >= 10 else f"{value:.1f}"


def run():
    """Fills a database of each size, asks every question of both designs, and writes the report."""
    medians = {}
    for messages in HISTORIES:
        name = name_of(messages)
        fill(name, messages)
        check(name)
        stage = ""
        for question in sorted(QUESTIONS, key=lambda q: STAGES.index(q.stage)):
            if stage != question.stage:
                stage = question.stage
                begin_stage(name, stage)
            for design, query in queries(name, question).items():
                medians[messages, design, question] = query and statistics.median(times(name, query, ROUNDS))
            print(f"{question.name}, {messages:,} messages: msgstatus {milliseconds(medians[messages, OURS, question])} ms, "
                  f"jsonb {milliseconds(medians[messages, JSONB, question])} ms", flush=True)
        check_rollups(name)
        if messages != HISTORIES[-1]:
            database.sql(f"DROP DATABASE {name}", "postgres")
    rows = []
    for question in QUESTIONS:
        cells = [milliseconds(medians[messages, design, question]) for design in (JSONB, OURS) for messages in HISTORIES]
        rows.append((question.name, *cells, question.hoped))
    heads = [f"{design.name}, {messages:,}" for design in (JSONB, OURS) for messages in HISTORIES]
    write("analytics", "\n\n".join([
        f"Milliseconds until the last row is there, median of {ROUNDS} runs after one that warms up, by the number of messages, which "
        "are those of 30 days:",
        table(("", *heads, "we hoped for"), rows),
    ]))
