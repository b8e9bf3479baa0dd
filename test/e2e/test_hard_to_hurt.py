"""What an attacker, a careless operator or a server that is none can do, and what the receiver makes of it."""

import contextlib
import os
import resource
import signal
import socket
import struct
import subprocess
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import exposition
import pytest

from client import FORM, Connection, aisensy_signature, raw_post, request
from database import Database
from pgserver import free_port
from receiver import PATIENCE, PROGRAM, Receiver, clean_environment, wait_until
from secrecy import SECRETS
from webhooks import new_id, one

MEGABYTE = 1 << 20


def samples(receiver, name, **labels):
    return exposition.value(exposition.parse(receiver.admin("/metrics").text), name, **labels) or 0


def resident(receiver):
    return receiver.metric("process_resident_memory_bytes")


# Memory.


def test_large_bodies_that_never_end_keep_out_no_small_one(start):
    receiver = start("--body-limit", str(MEGABYTE), "--buffer-max-bytes", str(8 * MEGABYTE), **SECRETS)
    beginning = raw_post("/webhooks/meta", b" " * MEGABYTE, {"X-Hub-Signature-256": "sha256=00"})[:-1]
    stalled = [Connection(receiver.port) for _ in range(12)]
    for connection in stalled:
        connection.socket.settimeout(2)
        try:
            connection.send(beginning)
        except OSError:
            pass  # refused while it sends
    wait_until(lambda: receiver.metric("msgstatus_buffer_bytes") >= 5 * MEGABYTE, "the budget of large bodies to be used up")
    body = one()
    assert receiver.post("/webhooks/aisensy", body, aisensy_signature(SECRETS["MSGSTATUS_AISENSY_SECRET"], body)).status == 200
    wait_until(lambda: samples(receiver, "msgstatus_unavailable_total", reason="memory") > 0, "the refusals to be counted")
    assert receiver.wait_for_log("webhook not taken", reason="memory")
    for connection in stalled:
        connection.close()
    wait_until(lambda: receiver.metric("msgstatus_buffer_bytes") == 0, "the room to be given back")


def wait_for_answers(threads):
    for thread in threads:
        thread.join()


@pytest.mark.parametrize("kind", ["json", "form"])
def test_memory_stays_near_its_bound(start, database, kind):
    budget = 16 * MEGABYTE
    receiver = start("--allow-unsigned", "--buffer-max-bytes", str(budget), "--lanes", "1", "--lock-timeout", "60",
                     "--statement-timeout", "60", log_level="info")
    # Of the form, each byte becomes six in JSON.
    body, headers = (b'{"a": "' + b"x" * (2 * MEGABYTE + 2000) + b'"}', {}) if kind == "json" else (
        b"MessageSid=SM1&a=" + b"\x01" * (2 * MEGABYTE), FORM)
    before = resident(receiver)
    answers = []
    with database.hold("LOCK TABLE msgstatus.message;"):
        first = threading.Thread(target=lambda: receiver.post("/webhook", one()))
        first.start()
        wait_until(lambda: receiver.metric("msgstatus_batch_size_count") == 1, "the lane to be busy")
        threads = [threading.Thread(target=lambda: answers.append(receiver.post("/webhook", body, headers).status))
                   for _ in range(30)]
        for thread in threads:
            thread.start()
        wait_until(lambda: samples(receiver, "msgstatus_unavailable_total", reason="memory") >= 20, "refusals")
        assert receiver.metric("msgstatus_buffer_bytes") <= budget
        grown = resident(receiver) - before
    wait_for_answers([first, *threads])
    assert grown < budget + 24 * MEGABYTE, f"{grown / MEGABYTE:.0f} MB"
    assert set(answers) <= {200, 204, 503}


def test_a_limit_on_memory_costs_the_webhook_and_not_the_receiver(start):
    receiver = start("--allow-unsigned", log_level="info")
    assert receiver.post("/webhook", one()).status == 200
    with open(f"/proc/{receiver.process.pid}/statm", encoding="ascii") as statm:
        size = int(statm.read().split()[0]) * resource.getpagesize()
    resource.prlimit(receiver.process.pid, resource.RLIMIT_AS, (size + 16 * MEGABYTE, resource.RLIM_INFINITY))
    answer = receiver.post("/webhook", b"[" * (4 * MEGABYTE))
    assert answer.status == 503 and answer.headers["retry-after"]
    resource.prlimit(receiver.process.pid, resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    assert receiver.post("/webhook", one()).status == 200


def test_connections_for_which_memory_lacked_leave_nothing_behind(signed_receiver):
    """Memory may lack anywhere: for a socket, a coroutine, a buffer."""
    receiver = signed_receiver
    with open(f"/proc/{receiver.process.pid}/statm", encoding="ascii") as statm:
        size = int(statm.read().split()[0]) * resource.getpagesize()
    resource.prlimit(receiver.process.pid, resource.RLIMIT_AS, (size + 48 * MEGABYTE, resource.RLIM_INFINITY))
    signature = {"X-Hub-Signature-256": "sha256=00"}
    stalled = []
    for number in range(900):
        with contextlib.suppress(OSError):
            stalled.append(socket.create_connection(("127.0.0.1", receiver.port), timeout=1))
            stalled[-1].sendall(raw_post("/webhooks/meta", b"x" * (2000000 if number < 40 else 60000), signature)[:-1])
    for connection in stalled:
        connection.close()
    resource.prlimit(receiver.process.pid, resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    with contextlib.suppress(OSError):
        request(receiver.port, "GET", "/nothing")  # which an accept that failed may cost
    assert request(receiver.port, "GET", "/nothing").status == 404
    wait_until(lambda: receiver.metric("msgstatus_connections") <= 1, "the connections to be forgotten")


# Time.


def test_a_made_up_signature_costs_no_parsing(signed_receiver):
    def cost(target, headers):
        before = signed_receiver.metric("process_cpu_seconds_total")
        for _ in range(5):
            assert signed_receiver.post(target, b"[" * 4_000_000, headers).status == 401
        return signed_receiver.metric("process_cpu_seconds_total") - before
    # Meta's has one form: to read it and to sign it is all that can be asked for.
    once = cost("/webhooks/meta", {"X-Hub-Signature-256": "sha256=" + "00" * 32})
    assert cost("/webhooks/aisensy", {"X-AiSensy-Signature": "00" * 32}) < 2 * once + 0.05


def test_a_full_pipe_of_the_log_holds_up_nothing(database):
    port, admin_port = free_port(), free_port()
    reading, writing = os.pipe()
    with subprocess.Popen([PROGRAM, "--listen", f"127.0.0.1:{port}", "--admin-listen", f"127.0.0.1:{admin_port}", "--log-level",
                           "debug", "--allow-unsigned", "--database", database.conninfo], env=clean_environment(),
                          stderr=writing) as process:
        try:
            os.close(writing)

            def ready():
                try:
                    return request(admin_port, "GET", "/readyz").status == 200
                except OSError:
                    return False
            wait_until(ready, "readyz")
            with Connection(port) as connection:
                connection.socket.settimeout(5)
                for _ in range(1500):  # each with a line in the log, more than a pipe takes
                    assert connection.post("/nowhere", b"{}").status == 404
                assert connection.post("/webhook", one()).status == 200
            assert "msgstatus_log_lines_dropped_total 0\n" not in request(admin_port, "GET", "/metrics").text
            process.terminate()
            assert process.wait(PATIENCE) == 0
        finally:
            process.kill()
            os.close(reading)


def test_the_watchdog_of_the_service_manager_is_fed(start):
    with tempfile.TemporaryDirectory() as directory, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(os.path.join(directory, "notify"))
        manager.settimeout(PATIENCE)
        start("--allow-unsigned", NOTIFY_SOCKET=os.path.join(directory, "notify"), WATCHDOG_USEC="200000")
        told = [manager.recv(1000) for _ in range(4)]
        assert told.count(b"WATCHDOG=1") == 3 and told.count(b"READY=1") == 1


SLOW_RESOLVER = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <netdb.h>
#include <string.h>
#include <unistd.h>
int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **found) {
    int (*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **) = dlsym(RTLD_NEXT, "getaddrinfo");
    if (node == NULL || strcmp(node, "slow.example") != 0)
        return real(node, service, hints, found);
    sleep(2);
    return real("127.0.0.1", service, hints, found);
}
"""


def test_a_slow_resolver_holds_up_nothing(database, tmp_path):
    library = tmp_path / "resolver.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-o", library, "-x", "c", "-", "-ldl"], input=SLOW_RESOLVER, text=True, check=True)
    conninfo = database.conninfo.replace("127.0.0.1", "slow.example")
    assert conninfo != database.conninfo
    with Receiver(conninfo, "--allow-unsigned", "--spool-dir", str(tmp_path / "spool"), LD_PRELOAD=str(library)) as receiver:
        receiver.wait_for_log("spool open")
        began = time.monotonic()
        while receiver.metric("msgstatus_lanes_connected") == 0:
            asked = time.monotonic()
            assert receiver.admin("/healthz").status == 200
            assert receiver.post("/webhook", one()).status == 200
            assert time.monotonic() - asked < 1
            time.sleep(0.05)
        assert 1 < time.monotonic() - began < PATIENCE
        receiver.stop()


# Connections.


def test_silent_connections_keep_nobody_out(start):
    receiver = start("--allow-unsigned", "--max-connections", "50")
    silent = [Connection(receiver.port) for _ in range(80)]
    wait_until(lambda: receiver.metric("msgstatus_connections") == 50, "all places to be taken")
    for _ in range(3):
        with Connection(receiver.port, source="127.0.0.2") as connection:
            connection.socket.settimeout(5)
            assert connection.post("/webhook", one()).status == 200
    assert receiver.metric("msgstatus_connections_evicted_total") >= 30
    assert receiver.events("too many connections")
    for connection in silent:
        connection.close()


def test_clients_that_read_no_answers_keep_nobody_out(start):
    receiver = start("--allow-unsigned", "--max-connections", "16")
    requests = b"GET /nothing HTTP/1.1\r\nHost: a\r\n\r\n" * 400
    deaf = []
    for _ in range(16):
        connection = socket.socket()
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        connection.connect(("127.0.0.1", receiver.port))
        connection.settimeout(0.3)
        deaf.append(connection)
    for connection in deaf:
        with contextlib.suppress(OSError):
            while True:  # until nobody takes more
                connection.sendall(requests)
    with Connection(receiver.port, source="127.0.0.2") as connection:
        connection.socket.settimeout(10)
        assert connection.post("/webhook", one()).status == 200
    assert receiver.metric("msgstatus_connections_evicted_total") > 0
    for connection in deaf:
        connection.close()


def test_descriptors_are_left_for_the_lanes(database):
    command = ["bash", "-c", 'ulimit -n 200; exec "$@"', "bash", PROGRAM]
    port, admin_port = free_port(), free_port()
    with subprocess.Popen([*command, "--listen", f"127.0.0.1:{port}", "--admin-listen", f"127.0.0.1:{admin_port}",
                           "--allow-unsigned", "--database", database.conninfo], env=clean_environment(),
                          stderr=subprocess.PIPE, text=True) as process:
        lines = []
        threading.Thread(target=lambda: lines.extend(process.stderr), daemon=True).start()
        try:
            wait_until(lambda: any("database connected" in line for line in lines), "a lane")
            silent = [Connection(port) for _ in range(260)]
            database.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'msgstatus-receiver' "
                             "AND datname = current_database()")
            wait_until(lambda: request(admin_port, "GET", "/readyz").status == 200 and
                       sum("database connected" in line for line in lines) >= 4, "the lanes to be back")
            with Connection(port) as connection:
                assert connection.post("/webhook", one()).status == 200
            assert not any("accept failed" in line for line in lines)
            for connection in silent:
                connection.close()
            process.terminate()
            assert process.wait(PATIENCE) == 0
        finally:
            process.kill()


def test_a_webhook_is_answered_though_nonsense_follows(start, database):
    receiver = start("--allow-unsigned", "--lock-timeout", "60", "--statement-timeout", "60", "--header-timeout", "0.3")
    message_id = new_id()
    with database.hold("LOCK TABLE msgstatus.message;") as held, Connection(receiver.port) as connection:
        connection.send(raw_post("/webhook", one(message_id)) + b"nonsense\r\n\r\n")
        wait_until(lambda: receiver.metric("msgstatus_batch_size_count") == 1, "the call to be in flight")
        time.sleep(1)  # longer than a head may take
        held.release()
        assert [connection.read_response().status for _ in range(2)] == [200, 400]
        assert connection.read_response() is None
    assert database.states(message_id) == {message_id: "sent"}


# Durability.


def waiting_locks(database):
    return database.query("SELECT count(*)::int AS n FROM pg_locks WHERE NOT granted AND relation = 'msgstatus.message'::regclass")[0]["n"]


def test_what_is_overdue_stays_with_its_lane_when_the_spool_is_full(start, database, tmp_path):
    receiver = start("--allow-unsigned", "--lanes", "1", "--spool-dir", str(tmp_path / "spool"), "--spool-after", "0.3",
                     "--lock-timeout", "60", "--statement-timeout", "60")
    receiver.wait_for_log("spool open")
    hard = resource.prlimit(receiver.process.pid, resource.RLIMIT_FSIZE)[1]
    resource.prlimit(receiver.process.pid, resource.RLIMIT_FSIZE, (1000, hard))
    ids = [new_id() for _ in range(3)]
    with database.hold("LOCK TABLE msgstatus.message;") as held:
        connections = [Connection(receiver.port) for _ in ids]
        for connection, message_id in zip(connections, ids):
            connection.send(raw_post("/webhook", one(message_id)))
        assert receiver.wait_for_log("spool full")
        wait_until(lambda: receiver.metric("msgstatus_spool_failures_total") == 3, "the disk to refuse all")
        held.release()
        assert [connection.read_response().json for connection in connections] == [{"status": "success", "processed": 1}] * 3
    assert receiver.metric("msgstatus_bodies_unavailable_total") == 0
    assert set(database.states(*ids)) == set(ids)
    resource.prlimit(receiver.process.pid, resource.RLIMIT_FSIZE, (hard, hard))


def test_a_webhook_behind_one_that_the_disk_refused_goes_to_the_spool(start, database, tmp_path):
    receiver = start("--allow-unsigned", "--lanes", "1", "--spool-dir", str(tmp_path / "spool"), "--spool-after", "0.5",
                     "--lock-timeout", "60", "--statement-timeout", "60")
    receiver.wait_for_log("spool open")
    hard = resource.prlimit(receiver.process.pid, resource.RLIMIT_FSIZE)[1]
    resource.prlimit(receiver.process.pid, resource.RLIMIT_FSIZE, (1000, hard))
    refused_id, kept_id = new_id(), new_id()
    lock = "LOCK TABLE msgstatus.message;"
    with Connection(receiver.port) as refused, Connection(receiver.port) as kept, database.hold(lock) as first:
        refused.send(raw_post("/webhook", one(refused_id)))
        wait_until(lambda: receiver.metric("msgstatus_spool_failures_total") == 1, "the disk to refuse it")
        resource.prlimit(receiver.process.pid, resource.RLIMIT_FSIZE, (hard, hard))
        wait_until(lambda: receiver.metric("msgstatus_spool_ready") == 1, "the spool to take webhooks again")
        with ThreadPoolExecutor(1) as pool:
            second = pool.submit(database.hold, lock)
            wait_until(lambda: waiting_locks(database) == 2, "the second lock to wait behind the call")
            kept.send(raw_post("/webhook", one(kept_id)))  # it joins the refused one in the next call
            first.release()
            with second.result():
                assert kept.read_response().json == {"status": "success", "processed": 0, "spooled": True}
        assert refused.read_response().json == {"status": "success", "processed": 1}
    wait_until(lambda: set(database.states(refused_id, kept_id)) == {refused_id, kept_id}, "both to be there")


def test_commits_are_durable_whatever_the_role_is_set_to(start, database):
    database.execute("""
        CREATE TABLE public.seen (setting text);
        CREATE FUNCTION public.look() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN INSERT INTO public.seen SELECT current_setting('synchronous_commit'); RETURN NULL; END $$;
        CREATE TRIGGER look AFTER INSERT ON msgstatus.message FOR EACH STATEMENT EXECUTE FUNCTION public.look();""")
    database.execute(f"ALTER DATABASE {database.name} SET synchronous_commit = off")
    try:
        receiver = start("--allow-unsigned")
        assert receiver.wait_for_log("commits are not durable", level="warning")
        assert receiver.post("/webhook", one()).status == 200
    finally:
        database.execute(f"ALTER DATABASE {database.name} RESET synchronous_commit; DROP FUNCTION public.look CASCADE")
    assert database.query("SELECT DISTINCT setting FROM public.seen") == [{"setting": "on"}]


def test_a_spool_in_memory_is_warned_of(database):
    with tempfile.TemporaryDirectory(dir="/dev/shm") as directory:
        with Receiver(database.conninfo, "--allow-unsigned", "--spool-dir", directory + "/spool") as receiver:
            assert receiver.wait_for_log("spool is in memory", level="warning")
            receiver.stop()


# Servers and databases.


def test_a_database_of_another_encoding_is_refused(database):
    database.execute("CREATE DATABASE latin ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0")
    latin = Database(database.server, "latin")
    latin.execute("CREATE EXTENSION msgstatus; SELECT msgstatus.install()")
    with Receiver(latin.conninfo, "--allow-unsigned") as receiver:
        problem = receiver.wait_for_log("the database is not set up")
        assert "LATIN1" in problem["reason"] and "UTF8" in problem["hint"]
        assert receiver.admin("/readyz").status == 503
        assert receiver.post("/webhook", one()).status == 503
        receiver.stop()


class Impostor:
    """A server that speaks the protocol, and answers the call of the lanes with what it was told to."""

    def __init__(self, call):
        self.call = call
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.conninfo = f"host=127.0.0.1 port={self.listener.getsockname()[1]} sslmode=disable gssencmode=disable user=a dbname=a"
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.listener.close()

    def _accept(self):
        try:
            while True:
                threading.Thread(target=self._serve, args=(self.listener.accept()[0],), daemon=True).start()
        except OSError:
            pass

    def _serve(self, connection):
        with connection, connection.makefile("rb") as stream:
            stream.read(struct.unpack("!i", stream.read(4))[0] - 4)
            greeting = message(b"R", struct.pack("!i", 0))
            for name, value in (("server_version", "15.0"), ("server_encoding", "UTF8"), ("client_encoding", "UTF8"),
                                ("standard_conforming_strings", "on"), ("in_hot_standby", "off"),
                                ("default_transaction_read_only", "off")):
                greeting += message(b"S", f"{name}\0{value}\0".encode())
            connection.sendall(greeting + READY)
            bound = False
            while kind := stream.read(1):
                stream.read(struct.unpack("!i", stream.read(4))[0] - 4)
                if kind == b"Q":
                    connection.sendall(rows(3, [b"on"] * 3) + READY)
                bound = bound or kind == b"B"
                if kind == b"S":
                    connection.sendall(message(b"2", b"") + self.call if bound else message(b"1", b"") + READY)
                    bound = False


def message(kind, content):
    return kind + struct.pack("!i", len(content) + 4) + content


def rows(columns, *contents):
    """rows returns a description of columns and rows of them; None is NULL."""
    out = message(b"T", struct.pack("!h", columns) + b"".join(b"a\0" + struct.pack("!ihihih", 0, 0, 23, 4, -1, 1)
                                                              for _ in range(columns)))
    for content in contents:
        fields = b"".join(struct.pack("!i", -1) if field is None else struct.pack("!i", len(field)) + field for field in content)
        out += message(b"D", struct.pack("!h", columns) + fields)
    return out + message(b"C", b"SELECT 1\0")


READY = message(b"Z", b"I")
ONE = struct.pack("!i", 1)
LEAST = struct.pack("!i", -(1 << 31))


@pytest.mark.parametrize("call, good", [
    (rows(5, [ONE] * 5) + READY, True),
    (rows(5, [None] * 5) + READY, False),
    (rows(4, [ONE] * 4) + READY, False),
    (rows(5, [ONE] * 5, [ONE] * 5) + READY, False),
    (rows(5) + READY, False),
    (rows(5, [LEAST, ONE, ONE, LEAST, ONE]) + READY, False),
    (rows(5, [b"1"] * 5) + READY, False),
    (rows(5, [ONE] * 5) + message(b"Z", b"T"), False),
    (message(b"G", b"\0\0\0") + READY, False),
    (READY, False),
    (b"what is this", False),
], ids=["right", "NULL", "a column missing", "two rows", "no row", "the least number", "text", "in a transaction", "copy",
        "nothing", "nonsense"])
def test_a_server_that_answers_something_else_commits_nothing(call, good):
    with Impostor(call) as server, Receiver(server.conninfo, "--allow-unsigned", "--lanes", "1", "--statement-timeout",
                                            "0.5") as receiver:
        receiver.wait_ready()
        answer = receiver.post("/webhook", one())
        assert (answer.status == 200) == good, answer
        if not good:
            assert answer.status == 503
            assert receiver.wait_for_log("database connection lost")
        before = receiver.metric("process_cpu_seconds_total")
        time.sleep(0.5)
        assert receiver.metric("process_cpu_seconds_total") - before < 0.25
        receiver.stop()


# More than one process.


def test_two_processes_on_one_port_of_which_one_stops_under_load(database):
    port = free_port()
    answered, wrong, broken, stop = set(), [], [], threading.Event()

    def client():
        while not stop.is_set():
            try:
                with Connection(port) as connection:
                    while not stop.is_set():
                        message_id = new_id()
                        answer = connection.post("/webhook", one(message_id))
                        if answer is None:
                            break  # closed before this request was read
                        (answered.add(message_id) if answer.status == 200 else wrong.append(answer))
                        if answer.headers.get("connection") == "close":
                            break
            except ConnectionError as error:
                broken.append(error)

    listen = f"127.0.0.1:{port}"
    with Receiver(database.conninfo, "--allow-unsigned", "--reuse-port", listen=listen) as first, \
            Receiver(database.conninfo, "--allow-unsigned", "--reuse-port", listen=listen) as second:
        first.wait_ready()
        second.wait_ready()
        threads = [threading.Thread(target=client) for _ in range(16)]
        for thread in threads:
            thread.start()
        wait_until(lambda: min(receiver.metric("msgstatus_bodies_committed_total") for receiver in (first, second)) > 50,
                   "both to be at work")
        first.signal(signal.SIGTERM)
        assert first.wait() == 0
        enough = len(answered) + 200
        wait_until(lambda: len(answered) >= enough, "the other one to go on")
        stop.set()
        for thread in threads:
            thread.join()
        assert wrong == []
        assert answered <= set(database.states())
        second.stop()
