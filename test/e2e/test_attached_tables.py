"""Tables as teams have them, attached, and right whenever they were attached: fed by genuine webhooks, out of order, twice and
concurrently, and asked by their owners' SQL."""

import collections
import json
import random
import threading

import pytest

from client import FORM, aisensy_signature, form, meta_signature, twilio_signature
from test_providers import AISENSY, META, STATUS_URL, TWILIO
from webhooks import aisensy_flat, meta, meta_status, new_id, twilio_fields

TABLES = """
CREATE ROLE app_owner;
CREATE ROLE delivery_operator;
SELECT msgstatus.grant_access('delivery_operator', 'operator');
CREATE SCHEMA app AUTHORIZATION app_owner;
GRANT USAGE ON SCHEMA app TO delivery_operator;
SET ROLE app_owner;
SET search_path = app;
CREATE TABLE contact_logs (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    contact_id bigint NOT NULL DEFAULT 1,
    twilio_message_sid varchar(34) UNIQUE,
    delivered_at timestamptz,
    read_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now());
CREATE TABLE whatsapp_messages (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    message_id varchar(255) UNIQUE NOT NULL,
    status varchar(20) NOT NULL DEFAULT 'sent');
CREATE TABLE broadcasts_messages (
    broadcast_id integer NOT NULL DEFAULT 7,
    message_id text NOT NULL,
    status jsonb NOT NULL DEFAULT '{}');
CREATE UNIQUE INDEX ON broadcasts_messages (message_id);
CREATE TYPE log_status AS ENUM ('QUEUED', 'SENT', 'DELIVERED', 'READ', 'FAILED', 'UNDELIVERED');
CREATE TABLE whatsapp_logs (
    message_sid text PRIMARY KEY,
    status log_status NOT NULL DEFAULT 'QUEUED',
    error_code varchar(10),
    error_message text,
    delivered_at timestamp,
    read_at timestamp,
    last_status_check timestamptz);
CREATE TABLE campaign_recipients (
    id serial PRIMARY KEY,
    whatsapp_message_id text UNIQUE,
    status text NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'sent', 'delivered', 'read', 'failed')),
    sent_at timestamptz,
    delivered_at timestamptz,
    read_at timestamptz,
    failed_at timestamptz,
    failure_reason text,
    retry_count integer NOT NULL DEFAULT 0,
    updated_at timestamptz);
GRANT SELECT, UPDATE, TRIGGER ON ALL TABLES IN SCHEMA app TO delivery_operator;
"""
KEYS = {"contact_logs": "twilio_message_sid", "whatsapp_messages": "message_id", "broadcasts_messages": "message_id",
        "whatsapp_logs": "message_sid", "campaign_recipients": "whatsapp_message_id"}

START = 1733826600  # 2024-12-10T10:30:00Z
# The life of a message: the provider's statuses, each so many seconds after the start.
LIVES = [
    [("sent", 0)],
    [("sent", 0), ("delivered", 5)],
    [("sent", 0), ("delivered", 5), ("read", 60)],
    [("read", 60)],
    [("delivered", 5)],
    [("failed", 2)],
    [("sent", 0), ("failed", 3)],
    [("sent", 0), ("failed", 3), ("delivered", 5)],
]
IMPLIED = {"sent": {"sent"}, "delivered": {"sent", "delivered"}, "read": {"sent", "delivered", "read"}, "failed": {"failed"}}
ORDER = ["sent", "failed", "delivered", "read"]


def reached(life):
    """Returns the time, in seconds, at which a message of that life reached its states."""
    times = {}
    for status, seconds in life:
        for state in IMPLIED[status]:
            times[state] = min(seconds, times.get(state, seconds))
    return times


def state(life):
    return max((status for status, _ in life), key=ORDER.index)


def clock(seconds):
    return None if seconds is None else f"2024-12-10T10:{30 + seconds // 60:02}:{seconds % 60:02}+00:00"


def post_meta(receiver, message_id, status, seconds):
    errors = {"errors": [{"code": 131026, "title": "Message undeliverable", "error_data": {"details": "Not on WhatsApp"}}]}
    body = json.dumps(meta(meta_status(message_id, status, START + seconds, **(errors if status == "failed" else {})))).encode()
    return receiver.post("/webhooks/meta", body, meta_signature(META, body))


def post_aisensy(receiver, message_id, status, seconds):
    body = json.dumps(aisensy_flat(message_id, status, START + seconds)).encode()
    return receiver.post("/webhooks/aisensy", body, aisensy_signature(AISENSY, body))


def post_twilio(receiver, message_id, status, _):
    errors = {"ErrorCode": "63024", "ErrorMessage": "Invalid message recipient"} if status == "failed" else {}
    fields = twilio_fields(message_id, status, **errors)
    return receiver.request("POST", "/webhooks/twilio/status", form(fields),
                            {**FORM, **twilio_signature(TWILIO, STATUS_URL, fields)})


SENDERS = {"contact_logs": post_twilio, "whatsapp_messages": post_aisensy, "broadcasts_messages": post_meta,
           "whatsapp_logs": post_twilio, "campaign_recipients": post_meta}


class Application:
    """Messages of every life in each of the tables."""

    def __init__(self, database, seed):
        self.database = database
        self.random = random.Random(seed)
        self.lives = {table: {} for table in KEYS}
        for table, lives in self.lives.items():
            prefix = "SM" if SENDERS[table] is post_twilio else "wamid.HBgLMTQxNTU1NTAxMDAVAgARGBI"
            for life in LIVES * 3:
                lives[new_id(prefix)] = life

    def insert(self, message_ids):
        """Makes the rows of messages as the application does, one by one."""
        statements = [f"INSERT INTO app.{table} ({KEYS[table]}) VALUES ('{message_id}');"
                      for table, lives in self.lives.items() for message_id in lives if message_id in message_ids]
        self.database.execute("SET ROLE app_owner;\n" + "\n".join(statements))

    def attach(self):
        """Inserts the rows of messages one by one, as the application does."""
        for table, key in KEYS.items():
            self.database.execute(f"SET ROLE delivery_operator; SELECT msgstatus.attach_table('app.{table}', '{key}')")

    def detach(self):
        for table in KEYS:
            self.database.execute(f"SELECT msgstatus.detach_table('app.{table}')")

    def webhooks(self):
        """Returns every webhook twice, in random order."""
        posts = [(SENDERS[table], message_id, *seen)
                 for table, lives in self.lives.items() for message_id, life in lives.items() for seen in life] * 2
        self.random.shuffle(posts)
        return posts

    def ids(self):
        ids = [message_id for lives in self.lives.values() for message_id in lives]
        self.random.shuffle(ids)
        return ids

    def rows(self, table):
        """Returns the rows of this application's messages by message id."""
        listed = ", ".join(f"'{message_id}'" for message_id in self.lives[table])
        found = self.database.query(f"SELECT * FROM app.{table} WHERE {KEYS[table]} IN ({listed})")
        return {row[KEYS[table]]: row for row in found}


def post_all(receiver, posts, threads=8):
    """Posts webhooks on several connections at once; all must be taken."""
    refused = []

    def client(share):
        for sender, *arguments in share:
            answer = sender(receiver, *arguments)
            if answer.status not in (200, 204):
                refused.append((arguments, answer))

    clients = [threading.Thread(target=client, args=(posts[i::threads],)) for i in range(threads)]
    for thread in clients:
        thread.start()
    return clients, refused


@pytest.fixture(scope="module")
def tables(database):
    database.execute(TABLES)


@pytest.fixture(params=["before", "meanwhile", "after"])
def application(request, database, tables, signed_receiver):
    """An application whose tables are attached before its webhooks come, while they do, or after they did; and whose
    rows are inserted before or after their webhooks."""
    made = Application(database, request.param)
    ids, posts = made.ids(), made.webhooks()
    third = len(ids) // 3
    made.insert(ids[:third])
    if request.param == "before":
        made.attach()
    half = len(posts) // 2
    clients, refused = post_all(signed_receiver, posts[:half])
    made.insert(ids[third:2 * third])
    if request.param == "meanwhile":
        made.attach()
    more, refused_later = post_all(signed_receiver, posts[half:])
    made.insert(ids[2 * third:])
    for thread in clients + more:
        thread.join()
    assert (refused, refused_later) == ([], [])
    if request.param == "after":
        made.attach()
    assert database.query("SELECT target, last_error FROM msgstatus.attached_tables WHERE failures > 0") == []
    yield made
    made.detach()


def test_every_row_is_right(application):
    for table, lives in application.lives.items():
        rows = application.rows(table)
        assert len(rows) == len(lives)
        for message_id, life in lives.items():
            assert_shows(table, rows[message_id], life, application.database)
    ask_as_owners_do(application)


def assert_shows(table, row, life, database):
    times, failed = reached(life), "failed" in reached(life)
    if table == "contact_logs":
        # Twilio's callbacks carry no time, so it is that of receipt.
        observed = database.query(f"""SELECT msgstatus.reached_at(status, 'delivered') AS delivered_at, msgstatus.reached_at(status, 'read') AS read_at
            FROM msgstatus.message WHERE message_id = '{row["twilio_message_sid"]}'""")
        assert [{"delivered_at": row["delivered_at"], "read_at": row["read_at"]}] == observed
        assert [row[f"{name}_at"] is not None for name in ("delivered", "read")] == [name in times for name in ("delivered", "read")]
    elif table == "whatsapp_messages":
        assert row["status"] == state(life)
    elif table == "broadcasts_messages":
        assert row["status"] == {name: clock(seconds).replace("+00:00", "Z") for name, seconds in times.items()}
    elif table == "whatsapp_logs":
        assert row["status"] == state(life).upper()
        assert (row["error_code"], row["error_message"]) == (("63024", "Invalid message recipient") if failed else (None, None))
        assert [row[f"{name}_at"] is not None for name in ("delivered", "read")] == [name in times for name in ("delivered", "read")]
        assert row["last_status_check"] is not None
    else:
        assert row["status"] == state(life)
        assert {name: row[f"{name}_at"] for name in ORDER} == {name: clock(times.get(name)) for name in ORDER}
        assert row["failure_reason"] == ("Message undeliverable: Not on WhatsApp" if failed else None)
        assert row["retry_count"] == (1 if failed else 0)
        assert row["updated_at"] is not None


def ask_as_owners_do(application):
    def lives(table):
        return [reached(life) for life in application.lives[table].values()]

    def mine(table):
        return f"{KEYS[table]} IN ({', '.join(repr(message_id) for message_id in application.lives[table])})"

    query = application.database.query
    assert query(f"""
        SELECT count(*) FILTER (WHERE delivered_at IS NOT NULL) AS delivered, count(*) FILTER (WHERE read_at IS NOT NULL) AS read,
            bool_and(read_at >= delivered_at) AS in_order
        FROM app.contact_logs WHERE {mine("contact_logs")}""") == [
            {"delivered": sum("delivered" in times for times in lives("contact_logs")),
             "read": sum("read" in times for times in lives("contact_logs")), "in_order": True}]
    by_status = query(f"SELECT status, count(*) AS n FROM app.whatsapp_messages WHERE {mine('whatsapp_messages')} GROUP BY status")
    assert {row["status"]: row["n"] for row in by_status} == collections.Counter(
        state(life) for life in application.lives["whatsapp_messages"].values())
    assert query(f"""
        SELECT count(*) FILTER (WHERE status ? 'sent') AS sent, count(*) FILTER (WHERE status ? 'delivered') AS delivered,
            count(*) FILTER (WHERE status ? 'read') AS read,
            extract(epoch FROM max((status->>'read')::timestamptz - (status->>'sent')::timestamptz))::integer AS slowest
        FROM app.broadcasts_messages WHERE {mine("broadcasts_messages")}""") == [
            {**{name: sum(name in times for times in lives("broadcasts_messages")) for name in ("sent", "delivered", "read")},
             "slowest": max(times["read"] - times["sent"] for times in lives("broadcasts_messages") if "read" in times)}]
    assert query(f"""
        SELECT error_code, error_message, count(*) AS n FROM app.whatsapp_logs
        WHERE status = 'FAILED' AND {mine("whatsapp_logs")} GROUP BY error_code, error_message""") == [
            {"error_code": "63024", "error_message": "Invalid message recipient",
             "n": sum(state(life) == "failed" for life in application.lives["whatsapp_logs"].values())}]
    assert query(f"""
        SELECT COUNT(*) AS total, COUNT(*) FILTER (WHERE status IN ('sent', 'delivered', 'read')) AS sent,
            COUNT(*) FILTER (WHERE read_at IS NOT NULL) AS read, COUNT(*) FILTER (WHERE status = 'failed') AS failed,
            SUM(retry_count) AS retries
        FROM app.campaign_recipients WHERE {mine("campaign_recipients")}""") == [
            {"total": 24, "sent": 18, "read": 6, "failed": 6, "retries": 9}]


def test_a_table_that_refuses_loses_no_status(database, tables, signed_receiver):
    message_id, good = new_id(), new_id()
    database.execute(f"""
        INSERT INTO app.whatsapp_messages (message_id) VALUES ('{message_id}'), ('{good}');
        ALTER TABLE app.whatsapp_messages ADD CONSTRAINT no_reading CHECK (status <> 'read' OR message_id <> '{message_id}') NOT VALID;
        SET ROLE delivery_operator; SELECT msgstatus.attach_table('app.whatsapp_messages', 'message_id')""")
    for i in (message_id, good):
        assert post_meta(signed_receiver, i, "read", 9).status == 200
    assert set(database.states(message_id, good).values()) == {"read"}
    assert database.query("SELECT failures, last_error_code FROM msgstatus.attached_tables") == [{"failures": 1, "last_error_code": "23514"}]
    rows = f"SELECT status FROM app.whatsapp_messages WHERE message_id IN ('{message_id}', '{good}') ORDER BY message_id"
    assert [row["status"] for row in database.query(rows)] == ["sent", "read"]
    database.execute("ALTER TABLE app.whatsapp_messages DROP CONSTRAINT no_reading")
    assert database.execute("SELECT msgstatus.resync_table('app.whatsapp_messages')") == "0\n"
    assert [row["status"] for row in database.query(rows)] == ["read", "read"]
    assert database.query("SELECT failures FROM msgstatus.attached_tables") == [{"failures": 0}]
    database.execute("SELECT msgstatus.detach_table('app.whatsapp_messages')")


def test_a_table_that_is_locked_holds_up_a_status_no_longer_than_the_lock_timeout(database, tables, start):
    receiver = start("--allow-unsigned", "--lock-timeout", "0.5")
    message_id = new_id()
    database.execute(f"INSERT INTO app.whatsapp_messages (message_id) VALUES ('{message_id}');"
                     "SELECT msgstatus.attach_table('app.whatsapp_messages', 'message_id')")
    with database.hold("LOCK TABLE app.whatsapp_messages;"):
        assert receiver.post("/webhook", json.dumps(meta(meta_status(message_id, "read"))).encode()).status == 200
    assert database.states(message_id) == {message_id: "read"}
    assert database.query("SELECT failures, last_error_code FROM msgstatus.attached_tables") == [{"failures": 1, "last_error_code": "55P03"}]
    # maintain() may have partitions to make first, and then nothing else is done.
    database.execute("SELECT msgstatus.maintain(); SELECT msgstatus.maintain();")
    assert database.query("SELECT failures FROM msgstatus.attached_tables") == [{"failures": 0}]
    assert database.query(f"SELECT status FROM app.whatsapp_messages WHERE message_id = '{message_id}'") == [{"status": "read"}]
    database.execute("SELECT msgstatus.detach_table('app.whatsapp_messages')")
