"""The types through SQL: text and bytes are a value or a proper error, and values keep the laws of the reference."""

import io
import struct

import psycopg2

from finding import Finding, hold
from status_model import STATES, copy_rows, random_status, to_binary, to_text

# Conditions that bad content may raise: data exceptions, a message that is too short, a limit exceeded.
EXPECTED_ERRORS = ("22", "08P01", "54")
MESSAGE_STATUS_LAWS = """
WITH v AS (SELECT %(a)s::msgstatus.message_status AS a, %(b)s::msgstatus.message_status AS b)
SELECT a::text::message_status = a, message_status_send(a::text::message_status) = message_status_send(a),
    a || b = b || a, a || a = a, a <@ (a || b), (a <@ b) = ((a || b) = b), NOT a <@ b OR a <= b,
    (a < b)::int + (a = b)::int + (a > b)::int = 1, (a = b) = (message_status_send(a) = message_status_send(b)),
    a <> b OR message_status_hash(a) = message_status_hash(b), message_status_cmp(a, b) = -message_status_cmp(b, a),
    a::jsonb::message_status @> a, (a::jsonb::message_status)::jsonb = a::jsonb,
    COALESCE(state(a || b) = GREATEST(state(a), state(b)), state(a || b) IS NULL),
    a ? 'sent' = (a::jsonb ? 'sent'), (a -> 'read') IS NOT DISTINCT FROM reached_at(a, 'read'),
    (a ->> 'delivered') IS NOT DISTINCT FROM (a::jsonb ->> 'delivered'),
    NOT (a ? 'sent' AND a ? 'delivered') OR (a -> 'sent') <= (a -> 'delivered'),
    (SELECT merge_agg(x) FROM (VALUES (a), (b), (NULL), (a)) AS t (x)) = (a || b)
FROM v"""
HISTOGRAM_LAWS = """
WITH v AS (SELECT %(a)s::msgstatus.delay_histogram AS a, %(b)s::msgstatus.delay_histogram AS b)
SELECT a::text::delay_histogram = a, delay_histogram_send(a::text::delay_histogram) = delay_histogram_send(a),
    a + b = b + a, (a + b) - b = a, -(-a) = a, a - a = '{}', count(a + b) = count(a) + count(b),
    a <> b OR delay_histogram_hash(a) = delay_histogram_hash(b), (percentile(a, 0.5) IS NULL) = (count(a) <= 0)
FROM v"""
SPACES = ["", "", "", " ", "\n", "\t "]


class TypeRound:
    """A few values of each type, some of them no values at all."""

    def __init__(self, cursor, rng):
        self.cursor = cursor
        self.rng = rng
        self.calls = 0

    def check(self):
        """Raises a Finding where a law does not hold."""
        self._check_text(MESSAGE_STATUS_LAWS, self._status_text)
        self._check_text(HISTOGRAM_LAWS, self._histogram_text)
        self._run("SELECT %s::jsonb::message_status", (self._maybe_spoiled(self._status_text()),))
        self._run("SELECT %s::delivery_state, %s::delivery_state < 'read'", (self._label(), self._label()))
        self._run("SELECT %s::message_status ?| %s, %s::message_status -> %s",
                  (self._status_text(), [self._label(), self._label()], self._status_text(), self._label()))
        self._check_binary("message_status", to_binary(random_status(self.rng)))
        self._check_binary("delay_histogram", self._histogram_bytes())
        self._check_binary("delivery_state", self._label().encode())

    def _run(self, query, parameters):
        """Returns the first row; nothing after one of the errors that may be."""
        self.calls += 1
        try:
            self.cursor.execute(query, parameters)
        except (psycopg2.Error, ValueError) as error:
            code = getattr(error, "pgcode", "22021")  # psycopg2 itself refuses NUL in a text
            if code is None or not code.startswith(EXPECTED_ERRORS):
                raise Finding(f"{code}: {error}", query, parameters) from error
            return None
        return self.cursor.fetchone()

    def _check_text(self, laws, text):
        values = {"a": text(), "b": text()}
        if self.rng.random() < 0.5:
            values["a"] = self._maybe_spoiled(values["a"])
        row = self._run(laws, values)
        if row is not None:
            broken = [n for n, kept in enumerate(row) if kept is not True]
            hold(not broken, f"laws {broken} of", laws, "do not hold for", values)

    def _check_binary(self, type_name, data):
        if self.rng.random() < 0.7:
            data = self._spoiled(data)
        self.calls += 1
        self.cursor.execute("TRUNCATE binary_input")
        stream = io.BytesIO(copy_rows([[data]]))
        try:
            self.cursor.copy_expert(f"COPY binary_input ({type_name}) FROM STDIN (FORMAT binary)", stream)
        except psycopg2.Error as error:
            if error.pgcode is None or not error.pgcode.startswith(EXPECTED_ERRORS):
                raise Finding(f"{error.pgcode}: {error}", type_name, data.hex()) from error
            return
        self.cursor.execute(f"SELECT {type_name}_send({type_name}), {type_name}::text::{type_name} = {type_name}"
                            " FROM binary_input")
        sent, same = self.cursor.fetchone()
        hold(same, "the text form is not the same value", type_name, data.hex())
        hold(bytes(sent) == data or type_name == "delivery_state", "binary input is not canonical", type_name,
             data.hex(), bytes(sent).hex())

    def _label(self):
        return self._maybe_spoiled(self.rng.choice(STATES).upper())

    def _status_text(self):
        text = to_text(random_status(self.rng))
        return "".join(self.rng.choice(SPACES) + c if c in "{}:,\"" and text[n - 1] in "{, " else c
                       for n, c in enumerate(text)) if self.rng.random() < 0.2 else text

    def _histogram_text(self):
        rng = self.rng
        parts = [f"delay_histogram(interval '{rng.choice([0, 1, 999, 1000, 10**6, 10**12, rng.randrange(10**15)])} us')"
                 for _ in range(rng.randrange(6))]
        self.cursor.execute("SELECT (" + " + ".join(["'{}'::delay_histogram", *parts]) + ")::text")
        text = self.cursor.fetchone()[0]
        return text.replace(": 1", f": {rng.choice([-1, 2, 2**53, 2**53 + 1, 0])}", 1) if rng.random() < 0.3 else text

    def _histogram_bytes(self):
        self.cursor.execute("SELECT delay_histogram_send(%s::delay_histogram)", (self._small_histogram(),))
        return bytes(self.cursor.fetchone()[0])

    def _small_histogram(self):
        return self.rng.choice(["{}", '{"sum": 3500000, "buckets": {"921600": 2, "1638400": 1}}'])

    def _maybe_spoiled(self, text):
        if self.rng.random() < 0.6:
            return text
        return self._spoiled(text.encode()).decode(errors="replace").replace("\0", "\u0001")

    def _spoiled(self, data):
        rng, data = self.rng, bytearray(data)
        for _ in range(rng.choice([1, 1, 2, 4])):
            at = rng.randrange(len(data) + 1)
            kind = rng.randrange(5)
            if kind == 0 and at < len(data):
                data[at] ^= 1 << rng.randrange(8)
            elif kind == 1:
                del data[at:at + rng.choice([1, 2, 8])]
            elif kind == 2:
                data[at:at] = rng.randbytes(rng.choice([1, 2, 8]))
            elif kind == 3:
                data[at:at] = data[at:at + 20]
            else:
                data[at:at + 8] = struct.pack("!q", rng.choice([0, -1, 2**63 - 1, -(2**63), 1, 2**53]))
        return bytes(data)


def prepare(cursor):
    """Makes the tables and functions of the rounds in the session."""
    cursor.execute("SET search_path = msgstatus, public;"
                   "CREATE TEMPORARY TABLE IF NOT EXISTS binary_input"
                   " (message_status message_status, delay_histogram delay_histogram, delivery_state delivery_state)")
