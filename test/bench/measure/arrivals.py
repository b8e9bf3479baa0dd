"""Webhooks at a constant rate (client/arrivals.hpp), and what came of them."""

import array
import contextlib
import dataclasses
import json
import subprocess
import threading
import time

import servers
from settings import CLIENT, MESSAGES, SCRATCH

SAMPLES_A_SECOND = 2


@dataclasses.dataclass(frozen=True)
class Arrivals:
    """Requests in the order in which they were due: when, in seconds from the start, how long until the answer, its code."""

    at: list
    seconds: list
    codes: list

    def between(self, begin, end):
        """Returns the webhooks that were due in a part of the time."""
        kept = [i for i, at in enumerate(self.at) if begin <= at < end]
        return Arrivals(*([values[i] for i in kept] for values in (self.at, self.seconds, self.codes)))

    @property
    def errors(self):
        """The number of webhooks that were not answered 200."""
        return sum(code != 200 for code in self.codes)

    def milliseconds(self, *quantiles):
        """Returns quantiles of the time to the answer, of the webhooks that were answered."""
        times = sorted(seconds for seconds, code in zip(self.seconds, self.codes, strict=True) if code)
        return [times[min(int(q * len(times)), len(times) - 1)] * 1e3 if times else float("nan") for q in quantiles]


def read(path):
    """Reads the load generator's output."""
    raw = path.read_bytes()
    floats, numbers = array.array("f", raw), array.array("I", raw)
    return Arrivals(floats[0::3].tolist(), floats[1::3].tolist(), numbers[2::3].tolist())


class Run:
    """Webhooks on their way to a receiver. When wait() has returned, `client_cpu` is what the load generator took, in seconds."""

    def __init__(self, server, rate, first, count):
        self.path = SCRATCH / "arrivals"
        self.started = time.monotonic()
        self.client_cpu = None
        self.process = subprocess.Popen([
            CLIENT, "--order", "updates", "--messages", str(MESSAGES), "--first", str(first), "--count", str(count), "--rate",
            str(rate), "--port", str(server.port), "--path", "/webhooks/meta", "--secret", servers.SECRET, "--results", self.path],
            stdout=subprocess.PIPE, text=True)

    def wait(self):
        """Waits for the end and returns the arrivals of all webhooks."""
        output, _ = self.process.communicate()
        if self.process.returncode != 0:
            raise RuntimeError("the load generator failed")
        self.client_cpu = json.loads(output)["client_cpu"]
        return read(self.path)

    def stop(self):
        """Ends the load early."""
        self.process.kill()
        self.process.wait()


@contextlib.contextmanager
def sampled(server):
    """Watches a server's memory and CPU time: yields a list that grows by (time, bytes, seconds)."""
    samples, ended = [], threading.Event()

    def watch():
        while not ended.wait(1 / SAMPLES_A_SECOND):
            samples.append((time.monotonic(), server.resident, server.cpu_seconds))
    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield samples
    finally:
        ended.set()
        thread.join()
