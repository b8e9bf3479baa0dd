"""A campaign as its senders see it, and the passing of time in it."""

import contextlib
import dataclasses

# The zone of the campaigns, in which it is about noon: no test is to run into midnight unless it means to.
NOON = """
SELECT format('<noon>%s', CASE WHEN hours < 0 THEN hours::text ELSE '+' || hours END)
FROM (SELECT extract(hour FROM now() AT TIME ZONE 'UTC')::integer - 12 AS hours) AS h"""
CREATE = "SELECT msgstatus.create_campaign(%s, 'hello', 'en', daily_send_limit => %s, max_retries => %s, time_zone => %s)"
ADD = """
SELECT msgstatus.add_recipients(%s, ARRAY(SELECT '+1555' || lpad(n::text, 7, '0') FROM generate_series(1, %s) AS n))"""
CLAIM = "SELECT recipient_id, phone_number, retry_count, leased_until FROM msgstatus.claim_recipients(%s, %s, %s)"
# The database's clock cannot be moved, so all times that are compared with it are taken back.
AGE = """
UPDATE msgstatus.campaign_recipient
SET due_at = due_at - %(passed)s::interval, check_at = check_at - %(passed)s::interval,
    claimed_at = claimed_at - %(passed)s::interval, sent_at = sent_at - %(passed)s::interval,
    failed_at = failed_at - %(passed)s::interval
WHERE campaign_id = %(campaign)s;
UPDATE msgstatus.campaign_attempt
SET sent_at = sent_at - %(passed)s::interval, failed_at = failed_at - %(passed)s::interval WHERE campaign_id = %(campaign)s"""
NEXT_DAY = """
UPDATE msgstatus.campaign_recipient SET scheduled_send_date = scheduled_send_date - 1 WHERE campaign_id = %(campaign)s;
DELETE FROM msgstatus.campaign_day WHERE campaign_id = %(campaign)s;"""


@dataclasses.dataclass(frozen=True)
class Claimed:
    """One recipient, as a claim returned it."""

    recipient: str
    number: str
    retries: int
    leased_until: object


class Campaign:
    """A campaign in a database, with recipients +15550000001 and so on."""

    def __init__(self, database, name, recipients, daily=None, retries=3, active=True):
        self.database = database
        zone = database.query(NOON)[0][0]
        self.id = database.query(CREATE, (name, daily, retries, zone))[0][0]
        database.query(ADD, (self.id, recipients))
        if active:
            database.query("SELECT msgstatus.activate_campaign(%s)", (self.id,))

    def claim(self, cursor, most=100, lease="5 minutes"):
        """Returns the recipients of one claim."""
        cursor.execute(CLAIM, (most, self.id, lease))
        return [Claimed(*row) for row in cursor.fetchall()]

    def claim_all(self, connection, most=100, lease="5 minutes"):
        """Claims until there is nothing to claim, and returns all recipients."""
        claimed = []
        with connection.cursor() as cursor:
            while batch := self.claim(cursor, most, lease):
                claimed += batch
        return claimed

    def age(self, passed):
        """Lets time pass, within the same day."""
        self.database.query(AGE, {"campaign": self.id, "passed": passed})

    def next_day(self):
        """Lets a whole day pass."""
        self.age("1 day")
        self.database.query(NEXT_DAY, {"campaign": self.id})

    def value(self, sql):
        """Returns the single value of a query, in which %s stands for the campaign."""
        return self.database.query(sql, (self.id,))[0][0]

    def status(self):
        return self.value("SELECT status FROM msgstatus.campaign WHERE campaign_id = %s")

    def stats(self):
        return self.value("SELECT msgstatus.campaign_stats(%s)")

    def states(self):
        """Returns the state of each phone number."""
        return dict(self.database.query("""
            SELECT r.phone_number, s.state FROM msgstatus.campaign_recipient AS r
            JOIN msgstatus.campaign_recipient_status AS s ON s.recipient_id = r.recipient_id
            WHERE r.campaign_id = %s""", (self.id,)))


@contextlib.contextmanager
def connections(database, number):
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(contextlib.closing(database.connect())) for _ in range(number)]
