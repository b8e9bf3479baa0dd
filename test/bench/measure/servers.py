"""The HTTP servers that are compared: started for a measurement, stopped after it."""

import contextlib
import dataclasses
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request

import database
from settings import BENCH, CONSOLE, NODE, RECEIVER, REPORTS, SCRATCH

SECRET = "bench_app_secret"


@dataclasses.dataclass(frozen=True)
class Server:
    """A server that runs: where webhooks go, its process, and the port of its admin listener if it has one."""

    url: str
    process: subprocess.Popen
    port: int
    admin_port: int | None = None

    @property
    def resident(self):
        """Bytes of memory it takes."""
        with open(f"/proc/{self.process.pid}/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    @property
    def largest_resident(self):
        """Bytes of memory it took at most so far."""
        with open(f"/proc/{self.process.pid}/status", encoding="utf-8") as file:
            return next(int(line.split()[1]) * 1024 for line in file if line.startswith("VmHWM:"))

    @property
    def cpu_seconds(self):
        """CPU time it has used, all its threads."""
        with open(f"/proc/{self.process.pid}/stat", encoding="utf-8") as file:
            fields = file.read().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def metrics(self):
        """The text of /metrics."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.admin_port}/metrics", timeout=10) as answer:
            return answer.read().decode()

    def metric(self, name):
        """A metric without labels."""
        return next(float(line.split()[1]) for line in self.metrics().splitlines() if line.startswith(f"{name} "))


def install_node_modules():
    """Fetches the packages of the Node handler, once, into build/bench/node."""
    NODE.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "package-lock.json", "server.js"):
        shutil.copy(BENCH / "node" / name, NODE / name)
    if not (NODE / "node_modules" / ".package-lock.json").exists():
        subprocess.run(["npm", "ci", "--no-audit", "--no-fund", "--loglevel=error"], cwd=NODE, check=True)


def free_port():
    """Returns a TCP port of 127.0.0.1 that nobody listens on."""
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
def _running(command, environment, ready_port, ready_path, cwd=None):
    with open(REPORTS / "server.log", "ab") as log:
        process = subprocess.Popen(command, env={**os.environ, "PGDATABASE": database.COPY, **environment}, stdout=log,
                                   stderr=log, cwd=cwd)
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


def certificate():
    """Makes a certificate for 127.0.0.1, once, and returns its file and its key's."""
    certificate_file, key_file = SCRATCH / "tls.crt", SCRATCH / "tls.key"
    if not certificate_file.exists():
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days",
                        "2", "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key_file, "-out",
                        certificate_file], check=True, capture_output=True)
    return certificate_file, key_file


@contextlib.contextmanager
def spool_directory():
    """Makes a directory for a spool, which is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="spool.", dir=SCRATCH) as directory:
        yield directory


@contextlib.contextmanager
def receiver(signed, *flags, tls=False, program=RECEIVER):
    """Runs msgstatus-receiver, or another build of it, with its defaults except for the flags."""
    port, admin = free_port(), free_port()
    command = [program, "--listen", f"127.0.0.1:{port}", "--admin-listen", f"127.0.0.1:{admin}", "--database", "",
               "--log-level", "warning", *([] if signed else ["--allow-unsigned"]), *flags]
    if tls:
        command += ["--tls-cert", certificate()[0], "--tls-key", certificate()[1]]
    with _running(command, {"MSGSTATUS_META_APP_SECRET": SECRET} if signed else {}, admin, "/readyz") as process:
        yield Server(f"http{'s' if tls else ''}://127.0.0.1:{port}/webhook{'s/meta' if signed else ''}", process, port, admin)


@contextlib.contextmanager
def console(name, viewers):
    """Runs msgstatus-console on the database `name`, with its defaults except that one role may have so many sessions."""
    port, admin = free_port(), free_port()
    command = [CONSOLE, "--listen", f"127.0.0.1:{port}", "--admin-listen", f"127.0.0.1:{admin}", "--database", f"dbname={name}",
               "--max-sessions", str(viewers), "--sessions-per-role", str(viewers), "--log-level", "warning"]
    with _running(command, {}, admin, "/healthz") as process:
        yield Server(f"http://127.0.0.1:{port}", process, port, admin)


@contextlib.contextmanager
def node(mode, checked=False):
    """Runs the Node handler in mode each or coalesce; checked: it demands signatures and calls the checked function."""
    port = free_port()
    environment = {"NODE_ENV": "production", **({"META_APP_SECRET": SECRET} if checked else {})}
    with _running(["node", "server.js", mode, str(port)], environment, port, "/", NODE) as process:
        yield Server(f"http://127.0.0.1:{port}/webhook", process, port)
