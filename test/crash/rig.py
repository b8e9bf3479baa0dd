"""A server, a proxy and a receiver behind one another, each of which can be killed and brought back."""

import contextlib
import os
import pathlib
import shutil
import signal
import time

import psycopg2

from pgserver import UnixSocketServer
from proxy import Proxy
from receiver import Receiver
from spool_disk import SpoolDisk
from workload import PUBLIC_URL, SECRETS

DATABASE = "crash"
ROLE = "receiver"
LANES = 2
MAX_CONNECTIONS = 20
PATIENCE = 60  # seconds after which something that should happen counts as not happening
SETUP = f"""
CREATE EXTENSION msgstatus;
SELECT msgstatus.install();
CREATE ROLE {ROLE} LOGIN;
SELECT msgstatus.grant_access('{ROLE}', 'ingest');
"""


class Stuck(Exception):
    """Something that should happen does not."""


def await_true(condition, what, patience=PATIENCE):
    """Polls a condition until it holds and returns its value; what() describes the last state."""
    deadline = time.monotonic() + patience
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise Stuck(what() if callable(what) else what)
        time.sleep(0.02)


class Rig:
    """Everything a campaign runs on; a context manager, which leaves nothing behind but the logs in `log_directory`.

    spool is "off", "disk", or "tmpfs" for one on a small file system of its own.
    """

    def __init__(self, log_directory, spool="off", spool_max_bytes=2**22):
        self.log_directory = pathlib.Path(log_directory)
        self.spool = spool
        self.spool_max_bytes = spool_max_bytes
        self.spool_disk = None
        self.server = self.proxy = self.receiver = None
        self.receivers = []
        self._session = None
        self._cleanup = contextlib.ExitStack()

    def __enter__(self):
        with contextlib.ExitStack() as stack:
            # Frequent checkpoints, so that some are under way at a kill, and a recovery is short.
            self.server = stack.enter_context(UnixSocketServer(
                fsync="on", synchronous_commit="on", max_connections=MAX_CONNECTIONS, superuser_reserved_connections=5,
                checkpoint_timeout="30s", max_wal_size="256MB", recovery_init_sync_method="syncfs", log_lock_waits="on", log_line_prefix="%m [%p] %u "))
            stack.callback(self._keep_logs)
            self.server.create_database(DATABASE, SETUP)
            self.proxy = stack.enter_context(contextlib.closing(Proxy(self.server.socket)))
            if self.spool != "off":
                self.spool_disk = stack.enter_context(contextlib.closing(SpoolDisk(self.spool == "tmpfs")))
            stack.callback(self._kill_receiver)
            stack.callback(self._close_session)
            self.start_receiver()
            self._cleanup = stack.pop_all()
        return self

    def __exit__(self, *_):
        self._cleanup.close()

    def _keep_logs(self):
        self.log_directory.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(self.server.log, self.log_directory / "server.log")
        (self.log_directory / "receiver.log").write_text("".join(r.log for r in self.receivers), encoding="utf-8")

    # The receiver.

    def start_receiver(self):
        """Returns when the receiver listens, with or without a database."""
        conninfo = f"host=127.0.0.1 port={self.proxy.port} dbname={DATABASE} user={ROLE}"
        flags = ["--lanes", str(LANES), "--public-url", PUBLIC_URL, "--statement-timeout", "3", "--lock-timeout", "1"]
        if self.spool_disk is not None:
            flags += ["--spool-dir", str(self.spool_disk.directory), "--spool-max-bytes", str(self.spool_max_bytes)]
        self.receiver = Receiver(conninfo, *flags, log_level="info", **SECRETS)
        self.receivers.append(self.receiver)

    def port(self):
        """Returns the receiver's address; the port of one that ended may be in use by another program."""
        if self.receiver.process.poll() is not None:
            raise ConnectionRefusedError
        return self.receiver.port

    def renew_spool(self):
        """Replaces the spool, which must hold no webhook, by a new one."""
        self.receiver.stop()
        self.spool_disk.clear()
        self.start_receiver()
        self.await_recovery()
        self.await_empty_spool()

    def _kill_receiver(self):
        self.receiver.kill()

    def receiver_descriptors(self):
        """Returns how many files the receiver has open."""
        return len(os.listdir(f"/proc/{self.receiver.process.pid}/fd"))

    # The server.

    def ask(self, sql):
        """Runs a statement as superuser, past the proxy, as soon as the server takes it, and returns its rows."""
        def answer():
            try:
                return [self._ask(sql)]
            except psycopg2.DatabaseError as error:
                if error.pgcode is not None and not error.pgcode.startswith("57P"):
                    raise
                self._close_session()
                return None
        return await_true(answer, lambda: f"the server does not answer: {sql}")[0]

    def _ask(self, sql):
        if self._session is None:
            self._session = psycopg2.connect(self.server.conninfo(DATABASE), connect_timeout=5)
            self._session.autocommit = True
        with self._session.cursor() as cursor:
            cursor.execute(sql)
            return cursor.fetchall() if cursor.description else None

    def _close_session(self):
        if self._session is not None:
            self._session.close()
            self._session = None

    def start_server(self):
        """Returns when the server accepts connections; processes of the last one may linger."""
        def started():
            try:
                self.server.start()
                return True
            except RuntimeError as error:
                if "still in use" in str(error) or "lock file" in str(error):
                    return False
                raise
        await_true(started, "the server does not start")

    def postmaster(self):
        return int((self.server.data / "postmaster.pid").read_text(encoding="utf-8").splitlines()[0])

    def server_processes(self):
        """Returns the pids of the postmaster's children."""
        return sorted(children_of(self.postmaster()))

    def lane_backends(self):
        """Returns the pids of the lanes' backends, the oldest first."""
        return [pid for (pid,) in self.ask(
            f"SELECT pid FROM pg_stat_activity WHERE usename = '{ROLE}' ORDER BY backend_start")]

    # What has to come back after each outage.

    def await_recovery(self):
        """Returns when every lane has taken a webhook since the call, and nothing has leaked."""
        self._await(lambda: self.receiver.admin("/readyz").status == 200, "the receiver is not ready")
        self._await(lambda: len(self.lane_backends()) == LANES,
                    lambda: f"the receiver has {len(self.lane_backends())} connections to the database, and not {LANES}")
        ((now,),) = self.ask("SELECT clock_timestamp()")
        self._await(lambda: self._lanes_that_worked_since(now) == LANES,
                    lambda: f"{self._lanes_that_worked_since(now)} of {LANES} lanes take webhooks")

    def await_first_lane(self):
        """Returns when a lane is back, and the spool, if anything is in it, has begun to drain."""
        self._await(self.lane_backends, "no lane comes back")
        if self.spool_disk is not None:
            most = 0

            def falls():
                nonlocal most
                bodies = self.receiver.metric("msgstatus_spool_bodies")
                most = max(most, bodies)
                return bodies < most or bodies == 0
            self._await(falls, "the spool does not drain")

    def await_empty_spool(self):
        """Returns when all webhooks on disk are in the database."""
        if self.spool_disk is not None:
            self._await(lambda: self.receiver.events("spool open"), "the spool is not open")
            self._await(lambda: self.receiver.metric("msgstatus_spool_bodies") == 0,
                        lambda: f"{self.receiver.metric('msgstatus_spool_bodies'):.0f} webhooks stay in the spool")

    def _await(self, condition, what):
        def holds():
            if self.receiver.process.poll() is not None:
                raise Stuck(f"the receiver ended with status {self.receiver.process.returncode}")
            return condition()
        await_true(holds, what)

    def _lanes_that_worked_since(self, time_of_server):
        return self.ask(f"SELECT count(*) FROM pg_stat_activity WHERE usename = '{ROLE}' AND query_start > "
                        f"'{time_of_server}' AND query LIKE '%apply_message_status_batch%'")[0][0]

    def await_clients(self, expected):
        """Returns when so many clients are connected."""
        self._await(lambda: self.receiver.metric("msgstatus_connections") == expected,
                    lambda: f"{self.receiver.metric('msgstatus_connections'):.0f} of {expected} clients are connected")

    def await_descriptors(self, expected):
        """Returns when the receiver has no more files open than it should."""
        self._await(lambda: self.receiver_descriptors() <= expected,
                    lambda: f"the receiver has {self.receiver_descriptors()} files open, and not {expected}")


def children_of(parent):
    """Returns the pids of the processes whose parent is the given one."""
    found = set()
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                if int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1]) == parent:
                    found.add(int(entry.name))
    return found


def send(pids, number=signal.SIGKILL):
    """Sends a signal to those of the processes that still run."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
