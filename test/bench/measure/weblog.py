"""Section weblog: how fast msgstatus-console answers, what a download takes, and what viewers of the log cost ingestion."""

import contextlib
import json
import statistics
import time
import urllib.parse

import analytics
import database
import growth
import servers
import viewers
from designs import OURS
from http_rounds import CONNECTIONS, Contestant, measure
from report import ratios, spread, table, write
from settings import HISTORIES, ROUNDS, VIEWERS
from supply import Supply

DESIGNS = (OURS,)
ASKED = 20  # so many times as many requests as rounds
FAR = 1000
PIECE = 1 << 16
SHOWN, CHANGED, NEW = 50, 10, 150  # messages of a page, those that change, and more than the API counts

LOOK_BACK = 6  # seconds; what is younger when a page is read counts as changed since


def quantile(values, q):
    """Returns a value that a share of the others does not exceed."""
    ordered = sorted(values)
    return ordered[min(int(q * len(ordered)), len(ordered) - 1)]


def ready(messages):
    """Returns the name of a database with a history of so many messages, its rollups as maintain() leaves them."""
    name = growth.ready(messages)
    analytics.make_rollups(name)  # an earlier section may have left them otherwise
    viewers.admit(name)
    return name


def turn_pages(viewer, number):
    """Turns the pages of the log; returns the address of the page of that number, and the page before it."""
    target = "/api/messages"
    for _ in range(number - 1):
        page = json.loads(viewer.ask(target)[0])
        if not page["next"]:
            raise RuntimeError(f"the history has fewer than {number} pages; set MSGSTATUS_BENCH_HISTORIES higher")
        target = "/api/messages?" + urllib.parse.urlencode({"cursor": page["next"]})
    return target, page


def answer_times(name):
    """Returns the milliseconds of each answer, by what was asked."""
    def ask(targets):
        for target in targets[:3]:
            viewer.ask(target)
        return [viewer.ask(targets[number % len(targets)])[1] for number in range(ROUNDS * ASKED)]

    with servers.console(name, 1) as server, contextlib.closing(viewers.Viewer(server)) as viewer:
        far, shown = turn_pages(viewer, FAR)
        return {
            "log, page 1": ask(["/api/messages"]),
            f"log, page {FAR:,}": ask([far]),
            "details": ask([f"/api/messages/{urllib.parse.quote(message['link'], safe='')}" for message in shown["messages"]]),
            "statistics": ask(["/api/stats"]),
            "volumes": ask([f"/api/volumes?zone={viewers.ZONE}"]),
        }


def download(name, since=""):
    """Takes the CSV of the log from a time on; returns the rows, the seconds, and the console's memory before and at most."""
    with servers.console(name, 1) as server, contextlib.closing(viewers.Viewer(server)) as viewer:
        viewer.ask("/api/messages")
        before, lines, started = server.resident, 0, time.monotonic()
        answer = viewer.send(f"/api/messages.csv{since and '?' + urllib.parse.urlencode({'from': since})}")
        while piece := answer.read(PIECE):
            lines += piece.count(b"\n")
        return lines - 1, time.monotonic() - started, before, server.largest_resident


def downloads(name):
    """Returns lines of the report: the CSV of about a tenth of a history, and of all of it."""
    late = database.value("SELECT to_char(percentile_disc(0.9) WITHIN GROUP (ORDER BY created_at) AT TIME ZONE 'UTC', "
                          "'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"') FROM msgstatus.message", name)
    rows = []
    for since in (late, ""):
        count, seconds, before, most = download(name, since)
        rows.append((f"{count:,} rows", f"{count / seconds:,.0f}", f"{before / 1e6:.1f}", f"{most / 1e6:.1f}"))
    expected = int(database.value("SELECT count(*) FROM msgstatus.message", name))
    if count != expected:
        raise RuntimeError(f"the CSV has {count} rows of {expected} messages")
    return rows


class News:
    """Messages that come beside those of the workload, so that they are the newest."""

    def __init__(self):
        self.sent = 0

    def come(self, count, state="sent", first=None):
        """Applies a state to new messages, or to those from a number on; returns the first one's number."""
        if first is None:
            first, self.sent = self.sent, self.sent + count
        database.sql(f"""
            SELECT msgstatus.apply_message_status(jsonb_build_object('object', 'whatsapp_business_account', 'entry', jsonb_build_array(
                jsonb_build_object('id', '1', 'changes', jsonb_build_array(jsonb_build_object('field', 'messages', 'value', jsonb_build_object(
                    'messaging_product', 'whatsapp', 'metadata', jsonb_build_object('display_phone_number', '15550001234', 'phone_number_id', '1'),
                    'statuses', (SELECT jsonb_agg(jsonb_build_object('id', 'wamid.news.' || n, 'status', '{state}', 'recipient_id', '4915112345678',
                        'timestamp', extract(epoch FROM now())::bigint::text)) FROM generate_series({first}, {first + count - 1}) AS n))))))));
        """)
        return first


class Watched:
    """Receivers beside which the log is watched, and what the watching took, a turn each."""

    def __init__(self):
        self.news = News()
        self.turns = []

    @contextlib.contextmanager
    def start(self):
        """Runs a receiver, and viewers to whom messages of their page have changed, and more are new than they count."""
        viewers.admit(database.COPY)
        first = self.news.come(SHOWN)
        time.sleep(LOOK_BACK)
        database.sql("SELECT FROM msgstatus.check_alerts()")  # as cron does every minute; else each page measures the last hour
        with (servers.receiver(signed=True) as server, servers.console(database.COPY, VIEWERS) as console,
              viewers.looking(console, VIEWERS) as people):
            self.news.come(CHANGED, "delivered", first)
            self.news.come(NEW)
            for person in people:
                self.check(person)  # and what a session's first call costs is no longer to be paid
            with viewers.Watch(people) as watch:
                began, own, console_cpu, theirs = time.monotonic(), time.process_time(), console.cpu_seconds, viewers.backends_cpu()
                yield server
                seconds = time.monotonic() - began
                self.turns.append({
                    "a_second": len(watch.milliseconds) / seconds, "milliseconds": list(watch.milliseconds),
                    "console": (console.cpu_seconds - console_cpu) / seconds, "backends": (viewers.backends_cpu() - theirs) / seconds,
                    "own": (time.process_time() - own) / seconds, "resident": console.resident})
            watch.check()

    @staticmethod
    def check(person):
        """Raises unless a viewer sees what there is to be seen."""
        seen = json.loads(person.changes()[0])
        if seen["new"] != 100 or len(seen["changed"]) != CHANGED:
            raise RuntimeError(f"a viewer sees {seen['new']} new and {len(seen['changed'])} changed messages")


def beside_ingestion():
    """Measures a receiver with viewers and without; returns the parts of the report."""
    watched = Watched()
    without = Contestant("without viewers", lambda: servers.receiver(signed=True), OURS, "a", True)
    with_them = Contestant(f"with {VIEWERS} viewers", watched.start, OURS, "b", True)
    contestants = (without, with_them)
    measured = measure(contestants, Supply(DESIGNS), 1)
    speed = {c: [m["requests"] / m["seconds"] for m in measured[c]] for c in contestants}
    turns = watched.turns[-ROUNDS:]  # those before found out how many webhooks a round takes
    asked = [ms for turn in turns for ms in turn["milliseconds"]]
    return [
        f"{VIEWERS} people with the log open beside msgstatus-receiver, 1 status a webhook, signed, {CONNECTIONS} connections; min / median / "
        f"max of the rounds. Each page asks for changes every {viewers.CHANGES_EVERY} s and for alerts every {viewers.ALERTS_EVERY} s; {CHANGED} "
        f"of its {SHOWN} messages have just changed, and more are new than it counts. At least 0.97 should be left:",
        table(("", "webhooks/s", "left", "p50, ms", "p99, ms", "CPU time of the receiver, us a webhook"),
              [(c.name, spread(speed[c], 0), spread(ratios(speed[c], speed[without])), spread([m["p50_ms"] for m in measured[c]]),
                spread([m["p99_ms"] for m in measured[c]]), spread([m["server_cpu"] / m["requests"] * 1e6 for m in measured[c]], 1))
               for c in contestants]),
        "What the viewers take meanwhile; CPU time in percent of a processor:",
        table(("", "min / median / max"), [
            ("requests for changes a second", spread([turn["a_second"] for turn in turns], 1)),
            ("answered within, ms: median, p95", f"{statistics.median(asked):.1f}, {quantile(asked, 0.95):.1f}"),
            *((f"CPU time of {what}, %", spread([turn[key] * 100 for turn in turns], 1))
              for key, what in (("console", "the console"), ("backends", "the viewers' backends"), ("own", "the viewers themselves"))),
            ("memory of the console, MB", spread([turn["resident"] / 1e6 for turn in turns], 1)),
        ]),
    ]


def run():
    """Measures answers, downloads and ingestion, and writes the report."""
    parts = beside_ingestion()
    answers, rows = {}, []
    for messages in HISTORIES:
        name = ready(messages)
        answers[messages] = answer_times(name)
        rows += downloads(name)
        if messages != HISTORIES[-1]:
            database.sql(f"DROP DATABASE {name}", "postgres")
    write("weblog", "\n\n".join([
        f"Milliseconds until the last byte of an answer of msgstatus-console, over HTTP, to an analyst who is signed in; median / p95 of "
        f"{ROUNDS * ASKED} answers, by the number of messages, which are those of 30 days:",
        table(("", *(f"{messages:,}" for messages in HISTORIES), "at most"),
              [(what, *(f"{statistics.median(times[what]):.1f} / {quantile(times[what], 0.95):.1f}" for times in answers.values()), 100)
               for what in answers[HISTORIES[0]]]),
        "The log as CSV, and the memory of the console in MB (resident), which must not grow with the rows:",
        table(("", "rows/s", "before", "at most"), rows),
        *parts,
    ]))
