"""Limits and opt-out words that change beside claims, calls and readers: nobody waits for long, deadlocks or exceeds a limit."""

import concurrent.futures
import contextlib
import json
import time

import pytest
from campaigns import ADD, Campaign, connections

WAITING = "SELECT count(*) FROM pg_stat_activity WHERE pid = %s AND wait_event_type = 'Lock'"
PATIENCE = 20
CLAIM = "SELECT count(*) FROM msgstatus.claim_recipients(%s, %s)"


@pytest.fixture(scope="module")
def database(server):
    return server.create_database()


@contextlib.contextmanager
def beside(database, connection, sql, parameters=()):
    """Runs a statement in a thread, and enters when it waits for a lock or has ended; gives its future."""
    def run():
        with connection.cursor() as cursor:
            cursor.execute(sql, parameters)
            return cursor.fetchall() if cursor.description else None

    pid = connection.info.backend_pid
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        future = pool.submit(run)
        deadline = time.monotonic() + PATIENCE
        while not future.done() and database.query(WAITING, (pid,)) == [(0,)]:
            assert time.monotonic() < deadline
        yield future


def stop_replies(*replies):
    """Returns a batch of incoming messages that say STOP, as (id, sender)."""
    return [json.dumps({"SmsSid": sid, "MessageSid": sid, "AccountSid": "AC0123456789abcdef0123456789abcdef", "From": sender,
                        "To": "+15550009999", "Body": "STOP", "SmsStatus": "received", "NumMedia": "0"}) for sid, sender in replies]


BATCH = """
SELECT count(*)
FROM (SELECT array_agg(b::jsonb), array_agg(now()), array_agg('twilio'::text) FROM unnest(%s) AS b) AS a (bodies, times, sources),
    msgstatus.apply_message_status_batch(a.bodies, a.times, a.sources)"""


def test_a_limit_that_begins_counts_the_claim_under_way(database):
    campaign = Campaign(database, "begins", 60)
    with connections(database, 2) as (claiming, changing), claiming.cursor() as claim:
        claim.execute("BEGIN")
        claim.execute(CLAIM, (60, campaign.id))
        assert claim.fetchone() == (60,)
        with beside(database, changing, "UPDATE msgstatus.campaign SET daily_send_limit = 50 WHERE campaign_id = %s",
                    (campaign.id,)) as change:
            claim.execute("COMMIT")
            change.result(PATIENCE)
    database.query(ADD, (campaign.id, 140))
    assert database.query(CLAIM, (100, campaign.id)) == [(0,)]


def test_a_claim_beside_the_end_of_a_limit_of_its_sender(database):
    number = "+15550001111"
    database.query("SELECT msgstatus.limit_sender(%s, 100)", (number,))
    campaign = Campaign(database, "ends", 10)
    database.query("UPDATE msgstatus.campaign SET sender = %s WHERE campaign_id = %s RETURNING 1", (number, campaign.id))
    with connections(database, 2) as (claiming, changing), changing.cursor() as change:
        change.execute("BEGIN")
        change.execute("SELECT msgstatus.limit_sender(%s, NULL)", (number,))
        with beside(database, claiming, CLAIM, (10, campaign.id)) as claim:
            change.execute("COMMIT")
            claim.result(PATIENCE)
    assert campaign.value("SELECT count(*) FROM msgstatus.campaign_recipient WHERE campaign_id = %s") == 10


def test_other_words_wait_for_no_reader(database):
    database.query("SELECT msgstatus.set_opt_out_words('{stop}')")
    with connections(database, 2) as (reading, changing), reading.cursor() as reader, changing.cursor() as change:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM msgstatus.message")
        change.execute("SET statement_timeout = '10s'")
        change.execute("SELECT msgstatus.set_opt_out_words('{stop, ende}')")


def test_replies_of_the_same_senders_do_not_deadlock(database):
    database.query("SELECT msgstatus.set_opt_out_words('{stop}')")
    one, other = "+15550300001", "+15550300002"
    with connections(database, 2) as (first, second), first.cursor() as call:
        call.execute("BEGIN")
        call.execute(BATCH, (stop_replies(("SM" + "a" * 31 + "1", one)),))
        replies = stop_replies(("SM" + "b" * 31 + "1", other), ("SM" + "b" * 31 + "2", one))
        with beside(database, second, BATCH, (replies,)) as beside_it:
            call.execute(BATCH, (stop_replies(("SM" + "a" * 31 + "2", other)),))
            call.execute("COMMIT")
            beside_it.result(PATIENCE)
    assert database.query("SELECT count(*) FROM msgstatus.opt_out WHERE phone_number IN (%s, %s)", (one, other)) == [(2,)]
