"""Maintenance beside calls that apply statuses: nobody fails, nobody waits for long, nothing is lost."""

import contextlib
import threading
import time

APPLY = "SELECT (msgstatus.apply_message_status(jsonb_build_object('id', %s, 'status', %s)) ->> 'applied')::int"


def test_partitions_wait_for_nobody_and_nobody_waits_for_them_for_long(server):
    database = server.create_database()
    with contextlib.ExitStack() as stack:
        holder, maker, caller = (stack.enter_context(contextlib.closing(database.connect())) for _ in range(3))
        with holder.cursor() as held, maker.cursor() as making, caller.cursor() as calling:
            held.execute("BEGIN")
            # A reader of the whole trail, as an export is: it holds every partition until its transaction ends.
            held.execute("SELECT count(*) FROM msgstatus.status_event")
            made = []

            def make():
                making.execute("SELECT msgstatus.make_trail_partitions(12)")
                made.append(making.fetchone()[0])

            thread = threading.Thread(target=make)
            thread.start()
            began = time.monotonic()
            calls = 0
            while thread.is_alive():
                calling.execute(APPLY, (f"wamid.{calls}", "sent"))
                assert calling.fetchone() == (1,)
                calls += 1
            thread.join()
            assert made == [0], "somebody holds the trail"
            assert calls > 0
            assert time.monotonic() - began < 60, "it gave up, once for each partition"
            held.execute("COMMIT")
            making.execute("SELECT msgstatus.make_trail_partitions(12)")
            assert making.fetchone() == (11,)
            calling.execute("SELECT count(*) FROM msgstatus.status_event")
            assert calling.fetchone() == (calls,)


def test_dropping_a_partition_waits_for_nobody(server):
    database = server.create_database()
    with contextlib.closing(database.connect()) as holder, holder.cursor() as held:
        held.execute(APPLY, ("wamid.A", "sent"))
        held.execute("BEGIN")
        held.execute(APPLY, ("wamid.A", "delivered"))
        assert database.query("SELECT msgstatus.drop_trail_partitions('infinity')") == [(0,)]
        held.execute("COMMIT")
        assert database.query("SELECT msgstatus.drop_trail_partitions('infinity')") == [(2,)]
        # Nothing but the default partition is left, and that does.
        held.execute(APPLY, ("wamid.A", "read"))
        assert held.fetchone() == (1,)
        held.execute("SELECT tableoid::regclass::text FROM msgstatus.status_event")
        assert held.fetchall() == [("msgstatus.status_event_default",)]


def test_however_many_write_none_waits_for_another(server):
    """Transactions with several calls each, open at the same time, add to the same hour and combination: a wait would not end."""
    database = server.create_database()
    with contextlib.ExitStack() as stack:
        writers = [stack.enter_context(contextlib.closing(database.connect())).cursor() for _ in range(80)]
        for number, writer in enumerate(writers):
            writer.execute("SET lock_timeout = '10s'")
            writer.execute("BEGIN")
            writer.execute(APPLY, (f"wamid.{number}", "sent"))
        for number, writer in reversed(list(enumerate(writers))):
            writer.execute(APPLY, (f"wamid.{number}", "delivered"))
        for writer in writers:
            writer.execute("COMMIT")
    assert database.query("SELECT sum(messages), sum(in_delivered) FROM msgstatus.hour_rollup") == [(80, 80)]
    assert not database.query("SELECT * FROM msgstatus.verify_rollups()")


def test_folding_counting_and_purging_beside_calls(server):
    """Four sessions apply statuses, of messages old and new, while a fifth folds, counts and purges: the rollups stay right."""
    database = server.create_database()
    states = ("sent", "delivered", "read", "failed")
    # Some messages are old enough to be purged, most hours are over, and every session writes to all of them.
    received = ["now() - interval '40 days'", "now() - interval '5 hours'", "now() - interval '26 hours'", "now()"]
    failures = []
    done = threading.Event()

    def apply(number):
        try:
            with contextlib.closing(database.connect()) as connection, connection.cursor() as cursor:
                for turn in range(60):
                    for at in range(len(received)):
                        cursor.execute(
                            "SELECT msgstatus.apply_message_status(jsonb_agg(jsonb_build_object('id', 'wamid.' || n %% 40 || %s, 'status', %s,"
                            f" 'recipient_id', '49170' || n %% 7)), {received[at]}) FROM generate_series(%s, %s) AS n",
                            (at, states[(turn + number) % 4], turn * 5, turn * 5 + 4))
        except Exception as error:  # pylint: disable=broad-except
            failures.append(error)

    def maintain():
        try:
            with contextlib.closing(database.connect()) as connection, connection.cursor() as cursor:
                while not done.is_set():
                    cursor.execute("SELECT msgstatus.fold_rollups('0', 3), msgstatus.count_recipients()")
                    cursor.execute("SELECT msgstatus.purge_messages(now() - interval '30 days', 3)")
        except Exception as error:  # pylint: disable=broad-except
            failures.append(error)

    threads = [threading.Thread(target=apply, args=(number,)) for number in range(4)]
    keeper = threading.Thread(target=maintain)
    for thread in [*threads, keeper]:
        thread.start()
    for thread in threads:
        thread.join()
    done.set()
    keeper.join()
    assert not failures
    assert database.query("SELECT count(*) FROM msgstatus.message")[0][0] >= 3 * 40
    assert not database.query("SELECT * FROM msgstatus.verify_rollups()")
    database.query("SELECT msgstatus.fold_rollups('0', 1000000)")
    assert database.query("SELECT count(*) FROM msgstatus.message_rollup WHERE slot > 0") == [(0,)]
    database.query("SELECT msgstatus.count_recipients()")
    assert not database.query("SELECT * FROM msgstatus.verify_rollups()")
