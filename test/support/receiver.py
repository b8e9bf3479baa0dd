"""The receiver as a program under test: started on free ports, its log read as JSON, stopped by signals."""

import json
import os
import pathlib
import signal
import subprocess
import threading
import time

from client import request

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = os.environ.get("MSGSTATUS_RECEIVER", str(ROOT / "build/receiver/msgstatus-receiver"))
PATIENCE = 30  # seconds after which something that should happen counts as not happening


def clean_environment(**variables):
    """Returns the environment with no settings of the receiver but the given ones."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("MSGSTATUS_", "PG"))}
    return {**inherited, **variables}


def run(*flags, **variables):
    """Starts the receiver where it is expected to end by itself."""
    return subprocess.run([PROGRAM, *flags], env=clean_environment(**variables), capture_output=True, text=True,
                          timeout=PATIENCE, check=False)


def wait_until(condition, what):
    """Polls a condition and returns its first true value."""
    deadline = time.monotonic() + PATIENCE
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < deadline, f"waited in vain: {what}"
        time.sleep(0.005)


class Receiver:
    """A running receiver. `port` and `admin_port` are the free ports of its listeners."""

    program = PROGRAM

    def __init__(self, database, *flags, log_level="debug", listen="127.0.0.1:0", **variables):
        command = [self.program, "--listen", listen, "--admin-listen", "127.0.0.1:0", "--log-format", "json",
                   "--log-level", log_level, "--database", database, *flags]
        self.process = subprocess.Popen(command, env=clean_environment(**variables), stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        self.lines = []
        self._reader = threading.Thread(target=self._read_log, daemon=True)
        self._reader.start()
        self.port = self.wait_for_log("listening", listener="listen")["port"]
        self.admin_port = self.wait_for_log("listening", listener="admin-listen")["port"]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.kill()

    def _read_log(self):
        for line in self.process.stderr:
            self.lines.append(line)

    @property
    def log(self):
        """All log entries so far, as text."""
        return "".join(self.lines)

    def events(self, event, **fields):
        """Returns the log entries of an event with the given fields."""
        found = []
        for line in list(self.lines):
            try:
                entry = json.loads(line)
            except ValueError:
                continue
            if entry["event"] == event and all(entry.get(key) == value for key, value in fields.items()):
                found.append(entry)
        return found

    def wait_for_log(self, event, count=1, **fields):
        """Waits for the count-th entry of an event and returns it."""
        def found():
            entries = self.events(event, **fields)
            assert self.process.poll() is None or len(entries) >= count, f"the receiver ended:\n{self.log}"
            return entries[count - 1] if len(entries) >= count else None
        return wait_until(found, f"log entry {event} {fields}")

    def wait_ready(self):
        """Waits until the receiver says it can reach the database."""
        wait_until(lambda: self.admin("/readyz").status == 200, "readyz")
        return self

    def admin(self, target, method="GET"):
        return request(self.admin_port, method, target)

    def metric(self, name):
        """Returns one sample of /metrics, 0 if it is not there."""
        for line in self.admin("/metrics").text.splitlines():
            if line.startswith(name + " "):
                return float(line.rsplit(" ", 1)[1])
        return 0.0

    def request(self, method, target, body=b"", headers=None):
        return request(self.port, method, target, body, headers)

    def post(self, target, body, headers=None):
        """Sends a webhook; bodies that are no bytes go as JSON."""
        headers = dict(headers or {})
        if not isinstance(body, bytes):
            body = json.dumps(body).encode()
        headers.setdefault("Content-Type", "application/json")
        return self.request("POST", target, body, headers)

    def signal(self, number=signal.SIGTERM):
        self.process.send_signal(number)

    def hang_up(self):
        """Asks the receiver to read its secrets and its certificate again."""
        self.signal(signal.SIGHUP)

    def wait(self):
        """Returns the exit status."""
        status = self.process.wait(timeout=PATIENCE)
        self._reader.join(timeout=PATIENCE)
        return status

    def stop(self):
        """Ends the receiver as an operator would; anything but a clean end is a failure."""
        self.signal()
        status = self.wait()
        assert status == 0, f"exit status {status}\n{self.log}"

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self._reader.join(timeout=PATIENCE)
        self.process.stderr.close()
