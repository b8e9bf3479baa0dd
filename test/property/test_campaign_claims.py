"""Any number of senders at once: nobody is claimed twice or forgotten, limits hold, and what a dead sender held comes back."""

import contextlib
import datetime
import math
import random
import threading
import time

import psycopg2
import pytest

from campaigns import Campaign, connections

SENDERS = 8


@pytest.fixture(scope="module")
def database(server):
    return server.create_database()


def at_once(number, run):
    """Runs a function of the number in so many threads, and returns what each returned."""
    results, failures, start = [None] * number, [], threading.Barrier(number)

    def thread(n):
        try:
            start.wait()
            results[n] = run(n)
        except Exception as failure:  # reported below, in the thread of the test
            failures.append(failure)

    threads = [threading.Thread(target=thread, args=(n,)) for n in range(number)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    if failures:
        raise failures[0]
    return results


def test_eight_senders_share_100000_recipients(database):
    """One day with a limit, and the next one without."""
    # Activated without a limit, all of them are due, and nothing but the limit set later holds senders back.
    campaign = Campaign(database, "large", 100_000)
    days = []
    with connections(database, SENDERS) as senders:
        for limit in (60_000, None):
            database.query("UPDATE msgstatus.campaign SET daily_send_limit = %s WHERE campaign_id = %s", (limit, campaign.id))
            # Some ask for much, some for little.
            shares = at_once(SENDERS, lambda n: campaign.claim_all(senders[n], (50, 200, 1000, 3000)[n % 4], "1 hour"))
            assert len([share for share in shares if share]) > 1
            # A sender may have found the day locked for longer than it was ready to wait.
            days.append(sum(shares, []) + campaign.claim_all(senders[0], 1000, "1 hour"))
            database.query("UPDATE msgstatus.campaign_recipient SET claimed_at = NULL, due_at = NULL WHERE due_at IS NOT NULL")
            campaign.next_day()
    assert [len(day) for day in days] == [60_000, 40_000], "the limit is kept, and used"
    assert len({claimed.recipient for day in days for claimed in day}) == 100_000, "none twice, none forgotten"
    numbers = [sorted(claimed.number for claimed in day) for day in days]
    assert numbers[0][-1] < numbers[1][0], "in the order of the list"


def test_without_a_limit_nobody_waits(database):
    campaign = Campaign(database, "unlimited", 1000)
    with connections(database, 2) as (slow, other), slow.cursor() as cursor:
        cursor.execute("BEGIN")
        held = campaign.claim(cursor, 100)
        rest = campaign.claim_all(other)
        cursor.execute("ROLLBACK")
        back = campaign.claim_all(other)
    assert len(rest) == 900
    assert {c.recipient for c in back} == {c.recipient for c in held}


def test_with_a_limit_nobody_waits_long(database):
    campaign = Campaign(database, "limited", 100, daily=50)
    with connections(database, 2) as (slow, other), slow.cursor() as cursor:
        cursor.execute("BEGIN")
        assert len(campaign.claim(cursor, 10)) == 10
        with other.cursor() as impatient:
            impatient.execute("SET statement_timeout = '30s'")  # it is to give up long before
            assert campaign.claim(impatient, 10) == []
        cursor.execute("COMMIT")
        assert len(campaign.claim_all(other)) == 40


def test_a_claim_without_a_limit_waits_for_no_day(database):
    """Also not for the days that were counted while the campaign had a limit."""
    campaign = Campaign(database, "limit dropped", 100, daily=50)
    with connections(database, 2) as (slow, other), slow.cursor() as cursor, other.cursor() as claiming:
        campaign.claim(claiming, 10)
        database.query("UPDATE msgstatus.campaign SET daily_send_limit = NULL WHERE campaign_id = %s", (campaign.id,))
        cursor.execute("BEGIN")
        cursor.execute("SELECT FROM msgstatus.campaign_day WHERE campaign_id = %s FOR UPDATE", (campaign.id,))
        claiming.execute("SET statement_timeout = '30s'")
        assert len(campaign.claim(claiming, 10)) == 10
        cursor.execute("ROLLBACK")


def test_a_claim_that_waits_for_a_day_holds_no_recipient(database):
    """A message that failed is due to be looked after, which writes its recipient, while the day is held by a report."""
    campaign = Campaign(database, "looked after", 2, daily=2)
    database.query("ALTER FUNCTION msgstatus.sends_left(uuid, date[], boolean) SET lock_timeout = '1min'")
    try:
        with connections(database, 3) as (slow, other, third), slow.cursor() as cursor, other.cursor() as claiming, third.cursor() as looking:
            sent = campaign.claim(claiming, 1)[0].recipient
            claiming.execute("SELECT msgstatus.record_send(%s, 'looked after')", (sent,))
            database.query("""SELECT msgstatus.apply_message_status('{"id": "looked after", "status": "failed",
                "errors": [{"code": 131000, "title": "Something went wrong"}]}')""")
            campaign.age("1 hour")
            cursor.execute("BEGIN")
            cursor.execute("SELECT FROM msgstatus.campaign_day WHERE campaign_id = %s FOR UPDATE", (campaign.id,))
            claiming.execute("SELECT pg_backend_pid()")
            pid = claiming.fetchone()[0]
            claim = threading.Thread(target=campaign.claim, args=(claiming, 1))
            claim.start()
            deadline = time.monotonic() + 60
            while not database.query("SELECT 1 FROM pg_locks WHERE pid = %s AND NOT granted", (pid,)) and time.monotonic() < deadline:
                time.sleep(0.01)
            # Raises 55P03 if the claim holds it.
            looking.execute("SELECT FROM msgstatus.campaign_recipient WHERE recipient_id = %s FOR NO KEY UPDATE NOWAIT", (sent,))
            cursor.execute("ROLLBACK")
            claim.join()
    finally:
        database.query("ALTER FUNCTION msgstatus.sends_left(uuid, date[], boolean) SET lock_timeout = '1s'")


def test_claims_of_several_campaigns_do_not_deadlock(database):
    """Claims that go through all campaigns in random order, each with a limit, so that each holds locks that others want."""
    database.query("UPDATE msgstatus.campaign SET status = 'paused' WHERE status = 'active'")
    campaigns = [Campaign(database, f"campaign {n}", 400, daily=300) for n in range(6)]

    def claim(connection):
        claimed = []
        with connection.cursor() as cursor:
            for _ in range(15):
                cursor.execute("SELECT recipient_id FROM msgstatus.claim_recipients(100)")
                claimed += cursor.fetchall()
        return claimed

    with connections(database, 6) as open_connections:
        claimed = sum(at_once(6, lambda n: claim(open_connections[n])), [])
    assert len(set(claimed)) == len(claimed) == 6 * 300
    assert all(c.value("SELECT sum(claimed) FROM msgstatus.campaign_day WHERE campaign_id = %s") == 300 for c in campaigns)


def test_reports_that_name_their_claim_are_exact(database):
    """Reports come in any order, late and twice; whatever they say, the day counts each claim once."""
    rng = random.Random(5)
    campaign = Campaign(database, "tokens", 8, daily=100_000, retries=5)
    reports, claims = [], 0
    with contextlib.closing(database.connect()) as connection, connection.cursor() as cursor:
        for _ in range(150):
            if rng.random() < 0.5:
                cursor.execute("SELECT recipient_id, claim FROM msgstatus.claim_recipients(%s, %s)", (rng.randint(1, 5), campaign.id))
                for recipient, claim in cursor.fetchall():
                    claims += 1
                    if rng.random() < 0.15:
                        reports.append(("record_send(%s, %s, claim => %s)", (recipient, f"message of claim {claim} of {recipient}", claim)))
                    else:
                        reports.append(("record_send_failure(%s, %s, 130429, claim => %s)", (recipient, f"failure {claims}", claim)))
            elif reports:
                call, arguments = rng.choice(reports)
                try:
                    cursor.execute("SELECT msgstatus." + call, arguments)
                except psycopg2.errors.ObjectNotInPrerequisiteState:
                    raise AssertionError("a claim that was reported as failed did not send") from None
            if rng.random() < 0.3:
                campaign.age("5 minutes")
            assert campaign.value("SELECT COALESCE(sum(claimed), 0) FROM msgstatus.campaign_day WHERE campaign_id = %s") == claims
        held = campaign.value("SELECT count(*) FROM msgstatus.campaign_recipient WHERE campaign_id = %s AND claims > 1")
    assert claims > 20 and held > 3


def test_campaigns_share_the_limit_of_their_number(database):
    database.query("UPDATE msgstatus.campaign SET status = 'paused' WHERE status = 'active'")
    campaigns = [Campaign(database, f"shared {n}", 200, daily=(150 if n % 2 else None)) for n in range(4)]
    database.query("UPDATE msgstatus.campaign SET sender = '+15550990000' WHERE campaign_id = ANY (%s::uuid[])", ([c.id for c in campaigns],))
    database.query("SELECT msgstatus.limit_sender('+15550990000', 300, (SELECT time_zone FROM msgstatus.campaign WHERE campaign_id = %s))",
                   (campaigns[0].id,))

    def claim(connection):
        claimed = []
        with connection.cursor() as cursor:
            for _ in range(20):
                cursor.execute("SELECT recipient_id FROM msgstatus.claim_recipients(40)")
                claimed += cursor.fetchall()
        return claimed

    with connections(database, 4) as senders:
        claimed = sum(at_once(4, lambda n: claim(senders[n])), []) + claim(senders[0])
    assert len(set(claimed)) == len(claimed) == 300, "the limit is kept, and used"


class Provider:
    """Takes messages, and remembers for whom."""

    def __init__(self, allowed=math.inf):
        self.lock = threading.Lock()
        self.more_allowed = threading.Condition(self.lock)
        self.allowed = allowed
        self.messages = {}
        self.claims = []
        self.last_words = 0

    def send(self, claimed):
        """Waits until another message is allowed, and returns it and whether its sender is to die of it."""
        with self.lock:
            self.more_allowed.wait_for(lambda: len(self.messages) < self.allowed)
            message = f"wamid.{len(self.messages)}"
            self.messages[message] = claimed.number
            dies = len(self.messages) % 100 == 0
            self.last_words += dies
            return message, dies

    def allow(self, more):
        with self.lock:
            self.allowed += more
            self.more_allowed.notify_all()


def work(campaign, provider, pids, n, until):
    """Sends as a sender does, with a new connection each time its own is cut, until everybody was sent to."""
    while not until.is_set():
        with contextlib.suppress(psycopg2.Error), contextlib.closing(campaign.database.connect()) as connection:
            pids[n] = connection.get_backend_pid()
            with connection.cursor() as cursor:
                while not until.is_set():
                    claimed = campaign.claim(cursor, 20, "1 second")
                    with provider.lock:
                        provider.claims += claimed
                    for recipient in claimed:
                        message, dies = provider.send(recipient)
                        if dies:
                            cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")
                        cursor.execute("SELECT msgstatus.record_send(%s, %s)", (recipient.recipient, message))
                    if not claimed:
                        time.sleep(0.02)  # as senders do that find nothing
    return True


def test_what_killed_senders_held_comes_back(database):
    recipients, limit, kills = 2500, 4000, 60
    campaign = Campaign(database, "killed", recipients, daily=limit, retries=0)
    each = recipients // kills  # the senders wait for those who kill them, however slow the machine is
    provider, pids, done = Provider(each), [None] * SENDERS, threading.Event()
    rng = random.Random(1)

    def kill(_):
        killed = 0
        deadline = time.monotonic() + 300
        with contextlib.closing(database.connect()) as connection, connection.cursor() as cursor:
            while campaign.status() != "completed" and time.monotonic() < deadline:
                if killed < kills and None not in pids:
                    cursor.execute("SELECT pg_terminate_backend(%s)", (rng.choice(pids),))
                    if cursor.fetchone()[0]:
                        killed += 1
                        provider.allow(each if killed < kills else math.inf)
                time.sleep(rng.random() * 0.05)
        provider.allow(math.inf)
        done.set()
        return killed

    *_, killed = at_once(SENDERS + 1, lambda n: kill(n) if n == SENDERS else work(campaign, provider, pids, n, done))
    assert killed == kills
    assert campaign.status() == "completed"
    assert set(campaign.states().values()) == {"sent"}
    assert campaign.stats()["sent"] == recipients
    recorded = campaign.database.query("""
        SELECT r.phone_number, m FROM msgstatus.campaign_recipient AS r, LATERAL (
            SELECT r.message_id UNION ALL SELECT message_id FROM msgstatus.campaign_attempt AS a WHERE a.recipient_id = r.recipient_id
        ) AS a (m) WHERE r.campaign_id = %s""", (campaign.id,))
    assert {number for number, _ in recorded} == set(provider.messages.values()), "nobody is forgotten"
    assert all(provider.messages[message] == number for number, message in recorded), "each has the message that he was sent"
    assert len(provider.messages) - len(recorded) <= killed + provider.last_words, "at most the message in hands is unknown of who is killed"
    used = campaign.value("SELECT sum(claimed) FROM msgstatus.campaign_day WHERE campaign_id = %s")
    assert len(provider.claims) <= used <= limit, "what is handed out again counts again"
    again = handed_out_twice(provider.claims)
    assert again
    lease = datetime.timedelta(seconds=1)
    assert all(later.leased_until - lease >= earlier.leased_until for earlier, later in again), "not before the lease expired"


def handed_out_twice(claims):
    """Returns pairs of claims of the same recipient, one after the other."""
    last, pairs = {}, []
    for claimed in sorted(claims, key=lambda c: c.leased_until):
        if claimed.recipient in last:
            pairs.append((last[claimed.recipient], claimed))
        last[claimed.recipient] = claimed
    return pairs


READ = """
SELECT sum(COALESCE(seq_tup_read, 0))::integer, sum(COALESCE(idx_tup_fetch, 0))::integer FROM pg_stat_xact_user_tables
WHERE schemaname = 'msgstatus'"""


def rows_read(cursor, call):
    """Returns how many rows a call read by sequential scans, and by index."""
    cursor.execute("SELECT pg_stat_force_next_flush()")  # what is not flushed counts as of this transaction
    cursor.execute("BEGIN")
    call()
    cursor.execute(READ)
    read = cursor.fetchone()
    cursor.execute("COMMIT")
    return read


def test_a_claim_reads_little_more_than_it_hands_out(server):
    """Also by plans made while the tables were empty, and before anybody analyzes them (there is no autovacuum here)."""
    database = server.create_database()
    with contextlib.closing(database.connect()) as connection, connection.cursor() as cursor:
        small = Campaign(database, "small", 30)
        for _ in range(10):
            for claimed in small.claim(cursor, 3):
                cursor.execute("SELECT msgstatus.record_send(%s, %s)", (claimed.recipient, claimed.number))
        large = Campaign(database, "large", 20_000, daily=15_000)
        large.claim(cursor, 100)  # the first one of a day counts what was sent before
        for _ in range(3):
            scanned, fetched = rows_read(cursor, lambda: large.claim(cursor, 100))
            assert scanned < 20, "campaigns, and nothing else"
            assert fetched < 1500
        # With retries and messages to look after, too, among many that are neither.
        database.query("SELECT msgstatus.record_send_failure(recipient_id, 'too fast', 130429)"
                       " FROM msgstatus.claim_recipients(2000, %s)", (large.id,))
        database.query("SELECT msgstatus.record_send(recipient_id, phone_number || ' of the large one')"
                       " FROM msgstatus.claim_recipients(2000, %s)", (large.id,))
        large.age("5 minutes")
        scanned, fetched = rows_read(cursor, lambda: large.claim(cursor, 100))
        assert scanned < 200, "campaigns and the catalog of codes"
        assert fetched < 5000
        one = large.claim(cursor, 1)[0]
        scanned, fetched = rows_read(cursor, lambda: cursor.execute("SELECT msgstatus.record_send(%s, 'one')", (one.recipient,)))
        assert scanned < 20
        assert fetched < 20
