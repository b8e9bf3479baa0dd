"""People who have the web log open (receiver/console/page): what their browsers ask, and how often."""

import contextlib
import http.client
import json
import os
import threading
import time

import database

ROLE, PASSWORD = "bench_viewer", "correct horse"
ZONE = "Europe/Berlin"
# As page/live.js and page/alerts.js have them.
CHANGES_EVERY, ALERTS_EVERY = 5, 300
PATIENCE = 60


def admit(name):
    """Lets the viewers sign in, and read the database `name` as analysts."""
    database.sql(f"""
        DO $$ BEGIN
            IF to_regrole('{ROLE}') IS NULL THEN
                CREATE ROLE {ROLE} LOGIN PASSWORD '{PASSWORD}';
            END IF;
        END $$;
        SELECT msgstatus.grant_access('{ROLE}', 'analyst');
    """, name)


def backends_cpu():
    """Returns the CPU time of the viewers' backends so far, in seconds."""
    ticks = 0
    for pid, in database.sql(f"SELECT pid FROM pg_stat_activity WHERE usename = '{ROLE}'", "postgres"):
        with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
            fields = file.read().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


class Viewer:
    """A browser: a session, and a connection that stays open."""

    def __init__(self, server):
        self.origin = f"http://127.0.0.1:{server.port}"
        self.connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE)
        self.cookie = ""
        self.since, self.ids = None, []  # of the page that is open
        self.asked = None
        answer = self.send("/api/login", {"role": ROLE, "password": PASSWORD})
        answer.read()
        self.cookie = answer.headers["Set-Cookie"].partition(";")[0]

    def send(self, target, body=None):
        """Makes a request, with POST where it has a body; returns the answer, whose body is still to be read."""
        headers = {"Accept-Encoding": "gzip, deflate, br", "Cookie": self.cookie}
        if body is not None:
            headers |= {"Content-Type": "application/json", "Origin": self.origin}
        def exchange():
            self.connection.request("GET" if body is None else "POST", target, body and json.dumps(body), headers)
            return self.connection.getresponse()
        try:
            answer = exchange()
        except ConnectionError:  # the console closes connections that are idle; browsers ask again
            self.connection.close()
            answer = exchange()
        if answer.status != 200:
            raise RuntimeError(f"{target} is answered {answer.status}: {answer.read()!r}")
        return answer

    def ask(self, target, body=None):
        """Makes a request; returns the body of the answer, and the milliseconds until its last byte."""
        sent = time.perf_counter()
        text = self.send(target, body).read()
        return text, (time.perf_counter() - sent) * 1e3

    def open_log(self):
        """Asks what the page of the log asks when it is opened, but for the files that browsers keep."""
        for target in ("/messages", "/api/session", "/api/alerts"):
            self.ask(target)
        page = json.loads(self.ask("/api/messages")[0])
        for target in ("/api/stats", f"/api/volumes?zone={ZONE}"):
            self.ask(target)
        self.since = self.asked = page["read_at"]
        self.ids = [message["message_id"] for message in page["messages"]]

    def changes(self):
        """Asks what has changed since the last answer; returns what ask() returns."""
        text, milliseconds = self.ask("/api/messages/changes", {"since": self.since, "changed_since": self.asked, "ids": self.ids})
        self.asked = json.loads(text)["read_at"]
        return text, milliseconds

    def close(self):
        """Closes the connection. The session ends with the console."""
        self.connection.close()


class Watch:
    """Viewers who look at the log: each asks for changes and for alerts at its own times, evenly spread."""

    def __init__(self, viewers):
        self.viewers = viewers
        self.milliseconds = []  # of each request for changes
        self.failure = None
        self._ended = threading.Event()
        self._threads = [threading.Thread(target=self._look, args=(viewer, number / len(viewers)))
                         for number, viewer in enumerate(viewers)]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._ended.set()
        for thread in self._threads:
            thread.join()

    def check(self):
        """Raises what a viewer met."""
        if self.failure:
            raise RuntimeError("a viewer failed") from self.failure

    def _look(self, viewer, phase):
        now = time.monotonic()
        changes, alerts = now + phase * CHANGES_EVERY, now + phase * ALERTS_EVERY
        try:
            while not self._ended.wait(max(0, min(changes, alerts) - time.monotonic())):
                if alerts < changes:
                    viewer.ask("/api/alerts")
                    alerts += ALERTS_EVERY
                else:
                    self.milliseconds.append(viewer.changes()[1])
                    changes = time.monotonic() + CHANGES_EVERY  # the page waits after the answer
        except (OSError, http.client.HTTPException, RuntimeError) as error:
            self.failure = error


@contextlib.contextmanager
def looking(server, count):
    """Signs viewers in, who open the log."""
    with contextlib.ExitStack() as stack:
        viewers = [stack.enter_context(contextlib.closing(Viewer(server))) for _ in range(count)]
        for viewer in viewers:
            viewer.open_log()
        yield viewers
