"""Random tables in which users keep their messages, the webhooks that these tables come from, and imports of the tables."""

import datetime
import json

import psycopg2.extras

from schedule import APPLY, empty_tables, read_tables

STATES = ["queued", "sent", "delivered", "read", "failed", "undelivered", "played"]
FAILURES = ["failed", "undelivered"]
START = datetime.datetime(2024, 12, 10, tzinfo=datetime.timezone.utc)
HISTORY = """
CREATE TABLE history (n integer PRIMARY KEY, message_id text, status jsonb, queued_at timestamptz, sent_at timestamptz, delivered_at timestamptz,
    read_at timestamptz, failed_at timestamptz, undelivered_at timestamptz, played_at timestamptz, error_code integer,
    error_title text, error_details text, recipient text)"""


def random_row(rng, n, ids=8):
    row = {"n": n, "message_id": f"wamid.{rng.randrange(ids)}", "recipient": rng.choice([None, "+4917000000", "+1555010000"])}
    timeline = {}
    for state in rng.sample(STATES, rng.choice([1, 1, 2, 3, 4])):
        time = START + datetime.timedelta(seconds=rng.randrange(8000))
        if rng.random() < 0.3:
            timeline[state] = time.isoformat()
        else:
            row[f"{state}_at"] = time
    if timeline:
        row["status"] = psycopg2.extras.Json(timeline)
    if rng.random() < 0.5:
        row |= {"error_code": rng.choice([None, 0, 131026, 30003]), "error_title": rng.choice([None, "gone", "Unreachable"]),
                "error_details": rng.choice([None, "Why", "why"])}
    return row


def webhooks_of(row):
    """Returns the webhooks of which the row is the record, one for each state."""
    times = {state: time.timestamp() for state, time in
             ((state, row[f"{state}_at"]) for state in STATES if f"{state}_at" in row)}
    if "status" in row:
        times |= {state: datetime.datetime.fromisoformat(time).timestamp() for state, time in row["status"].adapted.items()}
    for state, time in times.items():
        webhook = {"id": row["message_id"], "status": state, "timestamp": str(int(time))}
        if row["recipient"]:
            webhook["recipient_id"] = row["recipient"]
        error = {"code": row.get("error_code"), "title": row.get("error_title"), "error_data": {"details": row.get("error_details")}}
        if state in FAILURES:
            webhook["errors"] = [error]
        yield webhook


class Webhooks:
    def __init__(self, webhooks):
        self.webhooks = webhooks

    def run(self, cursor):
        cursor.execute(APPLY, (json.dumps(self.webhooks), None, "live"))


class Import:
    def __init__(self, rows, order="random()"):
        self.rows = rows
        self.order = order

    def query(self):
        numbers = ", ".join(str(row["n"]) for row in self.rows)
        return f"SELECT * FROM history WHERE n IN ({numbers}) ORDER BY {self.order}"

    def run(self, cursor):
        cursor.execute("SELECT * FROM msgstatus.import_statuses(%s, 'meta', notice_every => 0)", (self.query(),))
        received, applied, unchanged, rejected, ignored = cursor.fetchone()
        assert (received, rejected, ignored) == (len(self.rows), 0, 0)
        assert applied + unchanged == received


def random_imports(rng, rows):
    """Returns imports of random slices, some of them again, which together import every row."""
    rows = rows + rng.choices(rows, k=rng.randrange(len(rows)))
    rng.shuffle(rows)
    imports = []
    while rows:
        size = rng.choice([1, 2, 5, 20])
        unique = {row["n"]: row for row in rows[:size]}
        imports.append(Import(list(unique.values())))
        rows = rows[size:]
    return imports


def random_webhooks(rng, rows, sizes=(1, 3, 10)):
    webhooks = [webhook for row in rows for webhook in webhooks_of(row)]
    rng.shuffle(webhooks)
    calls = []
    while webhooks:
        size = rng.choice(sizes)
        calls.append(Webhooks(webhooks[:size]))
        webhooks = webhooks[size:]
    return calls


def store(cursor, rows):
    cursor.execute("TRUNCATE history")
    for row in rows:
        cursor.execute(f"INSERT INTO history ({', '.join(row)}) VALUES ({', '.join(['%s'] * len(row))})", list(row.values()))


def trail(cursor):
    """Returns the observations without their source and time of receipt, which are those of whoever came first."""
    cursor.execute("SELECT message_id, fingerprint, state::text, event_time, time_source, error_code FROM msgstatus.status_event"
                   ' ORDER BY message_id, fingerprint')
    return cursor.fetchall()


def outcome(cursor):
    """Returns the messages and the trail, and checks that the rollups are exact."""
    found = read_tables(cursor).messages, trail(cursor)
    empty_tables(cursor)
    return found
