"""The plugs: one context manager for each kind of mishap, which is under way while the context is open.

Each finds the rig in order, and puts back what does not come back by itself. `rng` decides what is left to chance.
"""

import contextlib
import signal

import psycopg2

from rig import ROLE, await_true, send

KINDS = {}  # name -> plug
OF_THE_SPOOL = []  # the kinds that there are with a spool only
WITH_A_KILLED_RECEIVER = []  # the kinds during which the receiver may be killed as well
# What may happen when the last mishap is hardly over, and a call with what was in the spool is in flight.
RELAPSES = ["backend killed", "server killed", "immediate shutdown", "backends terminated", "request cut", "answer cut",
            "receiver killed"]


def plug(name, of_the_spool=False, with_a_killed_receiver=True):
    """Enters a mishap into the list under a name."""
    def enter(function):
        KINDS[name] = contextlib.contextmanager(function)
        if of_the_spool:
            OF_THE_SPOOL.append(name)
        if with_a_killed_receiver:
            WITH_A_KILLED_RECEIVER.append(name)
        return function
    return enter


def kinds_of(spool):
    """Returns the kinds of plugs with a spool, or without one ("off")."""
    return [name for name in KINDS if spool != "off" or name not in OF_THE_SPOOL]


@contextlib.contextmanager
def frozen(pids):
    """Stops processes for as long as the context is open."""
    send(pids, signal.SIGSTOP)
    try:
        yield
    finally:
        send(pids, signal.SIGCONT)


def a_lane_backend(rig, rng):
    return rng.choice(await_true(rig.lane_backends, "no lane is connected"))


# The server's processes. A backend that is killed takes all others with it, and the postmaster starts anew.

@plug("backend killed")
def backend_killed(rig, load, rng):
    send([a_lane_backend(rig, rng)])
    yield


@plug("helper process killed")
def helper_process_killed(rig, load, rng):
    lanes = rig.lane_backends()
    send([rng.choice([pid for pid in rig.server_processes() if pid not in lanes])])
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
    with frozen([a_lane_backend(rig, rng)]):
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
            """Lanes that have lost their connections compete for free ones."""
            rig.ask(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                    f"WHERE usename = '{ROLE}' AND application_name = 'msgstatus-receiver'")
            with contextlib.suppress(psycopg2.OperationalError):
                while True:
                    connection = psycopg2.connect(rig.server.conninfo(user=ROLE))
                    held.callback(connection.close)
            return rig.receiver.metric("msgstatus_lanes_connected") == 0
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
    """Bytes that were held back arrive late, or never."""
    rig.proxy.silence(True)
    yield
    if rng.random() < 0.5:
        rig.proxy.cut()
    rig.proxy.silence(False)


# The spool, which is not used but during an outage.

@contextlib.contextmanager
def no_database(rig):
    """Keeps the receiver from the database."""
    rig.proxy.refuse(True)
    rig.proxy.cut()
    try:
        yield
    finally:
        rig.proxy.refuse(False)


def await_refusals(load):
    """Returns when webhooks are refused because neither the database nor the spool takes them."""
    enough = load.total_refused() + 100
    await_true(lambda: load.total_refused() >= enough, "no webhook is refused")


def await_kept(rig):
    """Returns when the spool has taken webhooks; it may be full by then."""
    await_true(lambda: rig.receiver.metric("msgstatus_spool_bodies") >= 100, "no webhook is kept on disk")


@plug("disk full", of_the_spool=True, with_a_killed_receiver=False)
def disk_full(rig, load, rng):
    """It fills up before the database goes away or after, and there is room again before that is back or after."""
    kept_before, back_before = rng.random() < 0.5, rng.random() < 0.5
    rig.renew_spool()  # one that has grown before needs no room for a while
    with contextlib.ExitStack() as outage:
        if kept_before:
            outage.enter_context(no_database(rig))
            await_kept(rig)
        with rig.spool_disk.full(rig.receiver.process.pid):
            if not kept_before:
                outage.enter_context(no_database(rig))
            await_refusals(load)
            yield
            if back_before:
                outage.close()
                rig.await_recovery()
        if not (kept_before or back_before):
            await_kept(rig)


@plug("drain cut", of_the_spool=True)
def drain_cut(rig, load, rng):
    """The call that brings webhooks from the disk is cut: none of them is committed, and all have to come again."""
    with no_database(rig):
        await_kept(rig)
        yield
        rig.proxy.cut_request_with(load.bodies_on_disk())
    await_true(lambda: not rig.proxy.is_trapping(), "nothing comes from the disk")


@plug("spool full", of_the_spool=True)
def spool_full(rig, load, rng):
    with no_database(rig):
        await_refusals(load)
        yield


# The receiver and its clients.

@plug("receiver killed", with_a_killed_receiver=False)
def receiver_killed(rig, load, rng):
    rig.receiver.kill()
    yield
    rig.start_receiver()


@plug("receiver restarted", with_a_killed_receiver=False)
def receiver_restarted(rig, load, rng):
    rig.receiver.stop()
    yield
    rig.start_receiver()


@plug("receiver frozen", with_a_killed_receiver=False)
def receiver_frozen(rig, load, rng):
    with frozen([rig.receiver.process.pid]):
        yield


@plug("clients cut")
def clients_cut(rig, load, rng):
    load.cut()
    yield
