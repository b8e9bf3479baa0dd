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
