"""Tables in Markdown, for the terminal and for docs/performance.md alike."""

import datetime
import os
import platform
import re
import statistics
import subprocess

import database
from settings import MESSAGES, REPORTS, ROUNDS, SECONDS


def spread(values, digits=2):
    """Writes min, median and max."""
    def number(x):
        return f"{x:,.0f}" if digits == 0 else f"{x:.{digits}f}"
    return " / ".join(number(f(values)) for f in (min, statistics.median, max))


def ratios(above, below):
    """Divides round by round, so that a disturbance of a whole round cancels."""
    return [a / b for a, b in zip(above, below, strict=True)]


def table(head, rows):
    """Returns a Markdown table; every column but the first is aligned to the right."""
    widths = [max(len(str(row[i])) for row in (head, *rows)) for i in range(len(head))]

    def line(row):
        cells = (str(x).ljust(w) if i == 0 else str(x).rjust(w) for i, (x, w) in enumerate(zip(row, widths, strict=True)))
        return "| " + " | ".join(cells) + " |"
    ruler = "|" + "|".join("-" * (w + 2) if i == 0 else "-" * (w + 1) + ":" for i, w in enumerate(widths)) + "|"
    return "\n".join([line(head), ruler, *map(line, rows)])


def write(section, text):
    """Prints the report of a section and keeps it in build/bench/SECTION.md."""
    REPORTS.mkdir(parents=True, exist_ok=True)
    (REPORTS / f"{section}.md").write_text(text + "\n", encoding="utf-8")
    print(f"\n{text}\n", flush=True)


def _flush_time():
    bindir = subprocess.run([os.environ["PG_CONFIG"], "--bindir"], check=True, capture_output=True, text=True).stdout.strip()
    directory = os.path.dirname(os.environ["MSGSTATUS_STAGE"])
    file = os.path.join(directory, f"msgstatus-bench-fsync.{os.getpid()}")
    try:
        done = subprocess.run([f"{bindir}/pg_test_fsync", "-s", "1", "-f", file], capture_output=True, text=True, check=False)
    except OSError:
        return "not measured"
    found = re.search(r"^\s+fdatasync\s+([\d.]+) ops/sec\s+(\d+) usecs/op", done.stdout, re.MULTILINE)
    return f"{int(found[2]) / 1000:.2f} ms" if found else "not measured"


def environment():
    """Describes the machine and the server."""
    shown = ("server_version", "synchronous_commit", "fsync", "full_page_writes", "shared_buffers", "max_wal_size",
             "checkpoint_timeout", "autovacuum")
    values = {name: database.value(f"SHOW {name}", "postgres") for name in shown}
    if values["fsync"] != "on" or values["synchronous_commit"] != "on":
        raise RuntimeError("the server does not flush what it commits")
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        cpu = re.search(r"^model name\s*: (.*)", file.read(), re.MULTILINE)
    rows = [
        ("date", datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC")),
        ("machine", f"{os.cpu_count()} x {cpu[1] if cpu else platform.machine()}, "
                    f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GB"),
        ("load before", " ".join(f"{x:.1f}" for x in os.getloadavg())),
        ("PostgreSQL", values.pop("server_version")),
        ("settings", ", ".join(f"{name} = {x}" for name, x in values.items())),
        ("flush of a commit to the disk (pg_test_fsync, fdatasync)", _flush_time()),
        ("messages loaded", f"{MESSAGES:,}"),
        ("rounds", f"{ROUNDS} of about {SECONDS:g} s"),
    ]
    return table(("", ""), rows)
