"""Section import: history from tables of the user's, by one session and by two that share it by the id."""

import os
import subprocess
import time

import database
from report import spread, table, write
from settings import IMPORTED, ROUNDS

DESIGNS = ()
SESSIONS = (1, 2)
CASES = {
    "1 observation a row": """
        CREATE TABLE history AS SELECT 'wamid.' || md5(n::text) AS message_id, (ARRAY['sent', 'delivered', 'read'])[n % 3 + 1] AS status,
            timestamptz '2024-01-01Z' + n * interval '2 seconds' AS status_at, '+4917' || n % 50000 AS recipient
        FROM generate_series(1, {0}) AS n""",
    "3 observations a row": """
        CREATE TABLE history AS SELECT 'SM' || md5(n::text) AS message_id, sent_at, sent_at + interval '3 seconds' AS delivered_at,
            sent_at + interval '1 minute' AS read_at
        FROM generate_series(1, {0}) AS n, LATERAL (SELECT timestamptz '2024-01-01Z' + n * interval '2 seconds' AS sent_at) AS s""",
}
# At its end the session prints the CPU time of its backend, in hundredths of a second.
SESSION = r"""
SELECT pg_backend_pid() \gset
\setenv BACKEND :pg_backend_pid
SELECT received, applied FROM msgstatus.import_statuses($$SELECT * FROM history WHERE abs(hashtext(message_id)) % {0} = {1}$$,
    notice_every => 0);
\! cut -d ' ' -f 14,15 /proc/$BACKEND/stat | tr ' ' '\t'
"""
EMPTY = """
TRUNCATE msgstatus.message, msgstatus.status_event, msgstatus.message_rollup, msgstatus.folded_hour, msgstatus.failure_rollup;
CHECKPOINT"""


def import_history(sessions):
    """Imports the table in so many sessions, and returns the seconds, the rows applied and the CPU time."""
    started = time.monotonic()
    processes = []
    for number in range(sessions):
        process = subprocess.Popen(["psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-F", "\t", "-d", database.COPY], text=True,
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        process.stdin.write(SESSION.format(sessions, number))
        process.stdin.close()
        processes.append(process)
    outputs = [process.stdout.read().splitlines() for process in processes]
    seconds = time.monotonic() - started
    if any(process.wait() != 0 for process in processes):
        raise RuntimeError("an import failed")
    received, applied, cpu = 0, 0, 0
    for counts, ticks in outputs:
        received, applied = (total + int(x) for total, x in zip((received, applied), counts.split("\t"), strict=True))
        cpu += sum(map(int, ticks.split("\t"))) / os.sysconf("SC_CLK_TCK")
    if received != IMPORTED:
        raise RuntimeError(f"{received} rows of {IMPORTED} imported")
    return seconds, applied, cpu


def measured(sessions):
    """Returns the rounds of first imports, and those of repeated ones."""
    first, again = [], []
    for _ in range(ROUNDS):
        database.sql(EMPTY)
        for times, expected in ((first, IMPORTED), (again, 0)):
            seconds, applied, cpu = import_history(sessions)
            if applied != expected:
                raise RuntimeError(f"{applied} rows applied instead of {expected}")
            times.append((seconds, cpu))
    if database.sql("SELECT * FROM msgstatus.verify_rollups()"):
        raise RuntimeError("the rollups are not exact")
    return first, again


def run():
    """Measures every case and writes the report."""
    rows = []
    for name, statement in CASES.items():
        database.create_empty()
        database.sql(statement.format(IMPORTED) + "; VACUUM (ANALYZE) history")
        for sessions in SESSIONS:
            first, again = measured(sessions)
            rows.append((f"{name}, {sessions} session{'s' if sessions > 1 else ''}",
                         *(spread([IMPORTED / seconds for seconds, _ in times], 0) for times in (first, again)),
                         *(spread([cpu / IMPORTED * 1e6 for _, cpu in times], 1) for times in (first, again))))
            print(rows[-1], flush=True)
    write("import", "\n\n".join([
        f"`import_statuses` of {IMPORTED:,} rows of as many messages, min / median / max of the rounds: rows a second, and CPU time of the "
        "backends in microseconds a row; into empty tables, and the same once more:",
        table(("", "rows/s", "again, rows/s", "CPU, µs a row", "again, µs a row"), rows),
    ]))
