"""The HTTP servers that are compared: started for a measurement, stopped after it."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request

import database
from settings import BENCH, NODE, RECEIVER, REPORTS

SECRET = "bench_app_secret"


def install_node_modules():
    """install_node_modules does fetch what the Node handler needs, once, into build/bench/node."""
    NODE.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "package-lock.json", "server.js"):
        shutil.copy(BENCH / "node" / name, NODE / name)
    if not (NODE / "node_modules" / ".package-lock.json").exists():
        subprocess.run(["npm", "ci", "--no-audit", "--no-fund", "--loglevel=error"], cwd=NODE, check=True)


def free_port():
    """free_port does return a TCP port of 127.0.0.1 that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _answers(port, path):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=1) as answer:
            return answer.status == 200
    except urllib.error.HTTPError as error:
        return path == "/" and error.code == 404
    except OSError:
        return False


@contextlib.contextmanager
def _running(command, environment, ready_port, ready_path):
    with open(REPORTS / "server.log", "ab") as log:
        process = subprocess.Popen(command, env={**os.environ, "PGDATABASE": database.COPY, **environment}, stdout=log,
                                   stderr=log, cwd=NODE)
    try:
        deadline = time.monotonic() + 20
        while not _answers(ready_port, ready_path):
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{command[0]} does not start; see {REPORTS / 'server.log'}")
            time.sleep(0.02)
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextlib.contextmanager
def receiver(signed):
    """receiver does run msgstatus-receiver with its defaults and yields the URL for webhooks and the process."""
    port, admin = free_port(), free_port()
    command = [RECEIVER, "--listen", f"127.0.0.1:{port}", "--admin-listen", f"127.0.0.1:{admin}", "--database", "",
               "--log-level", "warning", *([] if signed else ["--allow-unsigned"])]
    with _running(command, {"MSGSTATUS_META_APP_SECRET": SECRET} if signed else {}, admin, "/readyz") as process:
        yield f"http://127.0.0.1:{port}/webhook{'s/meta' if signed else ''}", process


@contextlib.contextmanager
def node(mode):
    """node does run the Node handler in mode each or coalesce and yields the same."""
    port = free_port()
    with _running(["node", "server.js", mode, str(port)], {"NODE_ENV": "production"}, port, "/") as process:
        yield f"http://127.0.0.1:{port}/webhook", process
