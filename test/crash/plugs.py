"""The plugs: one context manager for each kind of mishap, which is under way while the context is open.

Each finds the rig in order, and puts back what does not come back by itself. `rng` decides what is left to chance.
"""

import contextlib
import signal

import psycopg2

from rig import ROLE, await_true, send

KINDS = {}  # name -> plug
WITH_A_KILLED_RECEIVER = []  # the kinds during which the receiver may be killed as well


def plug(name, restarts_receiver=False):
    """plug does enter a mishap into the list under a name."""
    def enter(function):
        KINDS[name] = contextlib.contextmanager(function)
        if not restarts_receiver:
            WITH_A_KILLED_RECEIVER.append(name)
        return function
    return enter


@contextlib.contextmanager
def frozen(pids):
    """frozen does stop processes for as long as the context is open."""
    send(pids, signal.SIGSTOP)
    try:
        yield
    finally:
        send(pids, signal.SIGCONT)


# The server's processes. A backend that is killed takes all others with it, and the postmaster starts anew.

@plug("backend killed")
def backend_killed(rig, load, rng):
    send([rng.choice(rig.lane_backends())])
    yield


@plug("helper process killed")
def helper_process_killed(rig, load, rng):
    send([rng.choice([pid for pid in rig.server_processes() if pid not in rig.lane_backends()])])
    yield


@plug("postmaster killed")
def postmaster_killed(rig, load, rng):
    """Its children are left to notice; a call that is under way may still commit."""
    send([rig.postmaster()])
    yield
    rig.start_server()


@plug("server killed")
def server_killed(rig, load, rng):
    send([rig.postmaster(), *rig.server_processes()])
    yield
    rig.start_server()


@plug("immediate shutdown")
def immediate_shutdown(rig, load, rng):
    rig.server.stop("immediate")
    yield
    rig.start_server()


@plug("fast restart")
def fast_restart(rig, load, rng):
    rig.server.stop("fast")
    yield
    rig.start_server()


@plug("backend frozen")
def backend_frozen(rig, load, rng):
    with frozen([rng.choice(rig.lane_backends())]):
        yield


@plug("server frozen")
def server_frozen(rig, load, rng):
    with frozen([rig.postmaster(), *rig.server_processes()]):
        yield


# The server refuses.

@plug("backends terminated")
def backends_terminated(rig, load, rng):
    rig.ask(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{ROLE}'")
    yield


@plug("database read-only")
def database_read_only(rig, load, rng):
    rig.ask("ALTER SYSTEM SET default_transaction_read_only = on")
    rig.ask("SELECT pg_reload_conf()")
    yield
    rig.ask("SET default_transaction_read_only = off")
    rig.ask("ALTER SYSTEM RESET default_transaction_read_only")
    rig.ask("SELECT pg_reload_conf()")


@plug("no connections left")
def no_connections_left(rig, load, rng):
    with contextlib.ExitStack() as held:
        def all_taken():
            """Lanes that have lost theirs compete for what becomes free."""
            rig.ask(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                    f"WHERE usename = '{ROLE}' AND application_name = 'msgstatus-receiver'")
            with contextlib.suppress(psycopg2.OperationalError):
                while True:
                    connection = psycopg2.connect(rig.server.conninfo(user=ROLE))
                    held.callback(connection.close)
            return rig.receiver.admin("/readyz").status == 503
        await_true(all_taken, "the connections cannot be used up")
        yield


# The network between the receiver and the server.

@plug("connections cut")
def connections_cut(rig, load, rng):
    rig.proxy.cut()
    yield


@plug("connections refused")
def connections_refused(rig, load, rng):
    rig.proxy.refuse(True)
    rig.proxy.cut()
    yield
    rig.proxy.refuse(False)


@plug("request cut")
def request_cut(rig, load, rng):
    rig.proxy.cut_next_request()
    await_true(lambda: not rig.proxy.is_trapping(), "no request came by")
    yield


@plug("answer cut")
def answer_cut(rig, load, rng):
    rig.proxy.cut_next_answer()
    await_true(lambda: not rig.proxy.is_trapping(), "no answer came by")
    yield


@plug("network silent")
def network_silent(rig, load, rng):
    """What was held back arrives late, or never."""
    rig.proxy.silence(True)
    yield
    if rng.random() < 0.5:
        rig.proxy.cut()
    rig.proxy.silence(False)


# The receiver and its clients.

@plug("receiver killed", restarts_receiver=True)
def receiver_killed(rig, load, rng):
    rig.receiver.kill()
    yield
    rig.start_receiver()


@plug("receiver restarted", restarts_receiver=True)
def receiver_restarted(rig, load, rng):
    rig.receiver.stop()
    yield
    rig.start_receiver()


@plug("receiver frozen", restarts_receiver=True)
def receiver_frozen(rig, load, rng):
    with frozen([rig.receiver.process.pid]):
        yield


@plug("clients cut")
def clients_cut(rig, load, rng):
    load.cut()
    yield
