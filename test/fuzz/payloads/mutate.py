"""Webhooks gone wrong: the shapes that providers send, with some of their parts replaced, moved, repeated or stretched.

A document is made of Python's dictionaries, lists and scalars; JSON that Python could not hold is a Raw.
"""

import copy
import dataclasses
import json

from shapes import SHAPES, SID, WAMID

SECOND = 1_000_000
RECEIVED_AT = 1_733_832_000 * SECOND  # 2024-12-10 12:00:00 UTC, in microseconds since 1970
RECEIPTS = ["2024-12-10T12:00:00Z", "2024-12-10T12:00:00.000001Z", "2024-12-10T13:00:00Z"]
SOURCES = [None, "", "receiver-1", "Receiver-2"]

IDS = [WAMID, SID, "wamid.A", "wamid.B", "\u00e4\U0001f642", "a\"b\\c\n"]
STATES = ["processing", "received", "pending", "scheduled", "accepted", "queued", "sending", "sent",
          "partially_delivered", "skipped", "canceled", "failed", "undelivered", "delivered", "read", "played",
          "enqueued", "submitted", "dispatched", "cancelled", "receiving", "deleted", "warning"]
# Around every limit there is.
LENGTHS = [255, 256, 257, 511, 512, 513, 8191, 8192, 8193, 262_143, 262_144, 262_145]
SHORT_LENGTHS = LENGTHS[:6]
LETTERS = ["x", "7", "\u00e4", "\u20ac", "\U0001f642", "\"", "\\", "\u0001", "\u00a0", "\u202e", " "]
DEPTHS = [1, 2, 3, 198, 199, 200, 201, 202, 1000]


@dataclasses.dataclass(frozen=True)
class Raw:
    """JSON as it stands."""

    text: str


@dataclasses.dataclass
class Delivery:
    """One webhook as it reaches the database."""

    body: str
    received_at: str
    source: str | None

    def nests_deeply(self):
        return "[" * 20 in self.body or "{\"a\":" * 20 in self.body


NUMBERS = [0, -1, 1, 1.0, 1.5, -0.00750, 2**31 - 1, 2**31, -(2**31), -(2**31) - 1, 2**63, 1e300, 131_047, 63_016,
           Raw("1e400"), Raw("-1e-400"), Raw("9" * 400), Raw("0." + "0" * 400 + "1"), Raw("1E+131000"), Raw("-0"),
           Raw("131047.0"), Raw("1.31047e5"), Raw("0.000")]
EDGES_OF_TIME = [0, -1, 946_684_800, 946_684_799, RECEIVED_AT // SECOND + 86_400, RECEIVED_AT // SECOND + 86_401,
                 1_733_826_605, 99_999_999_999, 100_000_000_000, 99_999_999_999_999, 10**14, 10**17 - 1, 10**17]
WRITTEN_TIMES = [
    "2024-12-10T10:30:05.25Z", "2024-12-10 12:30+02", "2024-12-10t10:30:05,123456789-0330", "2024-02-30T00:00:00Z",
    "2024-12-31T23:59:60Z", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z", "0000-01-01T00:00:00Z",
    "1999-12-31T23:59:59.999999Z", "2000-01-01T00:00:00Z", "2024-12-11T12:00:00Z", "2024-12-11T12:00:00.000001Z",
    "Tue, 10 Dec 2024 10:30:05 +0000", "10 Dec 2024 10:30 GMT", "Tue, 31 Feb 2024 10:30:05 +0000", "2412101030",
    "infinity", "now", "epoch", "1733826605.999999999", "1733826605.", ".5", " 1733826605\n", "+1733826605", "1e9", "0x67581dad",
]
ADDRESSES = ["14155550100", "+14155550100", "whatsapp:+14155550100", "whatsapp:", "whatsapp:whatsapp:1",
             "+1 (415) 555-01.00", "123456789012345", "1234567890123456", "123456", "MyShop", "", " ", "+", 14155550100,
             Raw("1.4155550100e10")]
NOT_FITTING = [None, True, False, "", "x", "sent", 0, 1.0, [], {}, [[]], [{}], {"id": WAMID, "status": "read"},
               [None, 1, "x"]]


def members_in(value):
    """Yields (container, key) for everything within a document, at any depth."""
    keys = value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    for key in keys:
        yield value, key
        yield from members_in(value[key])


VOCABULARY = sorted({key for shape in SHAPES.values() for container, key in members_in(shape) if isinstance(key, str)}
                    | {"message_id", "field", "value", "changes", "whatsAppWebhookEntry", "smsSid", "numSegments", ""})


def written(value):
    """Returns the JSON of a document."""
    if isinstance(value, Raw):
        return value.text
    if isinstance(value, dict):
        return "{" + ", ".join(json.dumps(key) + ": " + written(member) for key, member in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(written, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


class Mutator:
    """Everything random comes from rng."""

    def __init__(self, rng):
        self.rng = rng

    def shape(self):
        return copy.deepcopy(self.rng.choice(list(SHAPES.values())))

    def time(self):
        rng = self.rng
        if rng.random() < 0.4:
            return rng.choice(WRITTEN_TIMES)
        seconds = rng.choice(EDGES_OF_TIME)
        time = seconds * rng.choice([1, 1, 1000, SECOND])
        return rng.choice([time, str(time), f"{time}.{rng.randrange(10**9)}", Raw(f"{time}.{rng.randrange(10**9):09}"),
                           Raw(f"{time}e0"), f" {time} "])

    def text(self):
        rng = self.rng
        length = rng.choice(LENGTHS if rng.random() < 0.1 else SHORT_LENGTHS)
        letter = rng.choice(LETTERS)
        return letter * (length // len(letter.encode())) + "x" * (length % len(letter.encode()))

    def nested(self, value):
        """A value so many levels deep, in arrays or in objects."""
        depth = self.rng.choice(DEPTHS)
        if self.rng.random() < 0.5:
            return Raw("[" * depth + written(value) + "]" * depth)
        return Raw('{"a":' * depth + written(value) + "}" * depth)

    def value(self):
        """Something to put where something else was expected."""
        rng = self.rng
        kind = rng.randrange(9)
        if kind == 0:
            return rng.choice(NUMBERS)
        if kind == 1:
            return self.time()
        if kind == 2:
            return self.text()
        if kind == 3:
            return rng.choice([str.lower, str.upper, str.title, lambda s: s + " "])(rng.choice(STATES))
        if kind == 4:
            return rng.choice(IDS)
        if kind == 5:
            return rng.choice(ADDRESSES)
        if kind == 6:
            return written(rng.choice([self.shape(), rng.choice(NUMBERS)]))  # JSON in a string
        if kind == 7:
            return self.nested(rng.choice(NOT_FITTING))
        return copy.deepcopy(rng.choice(NOT_FITTING))

    def mutated(self, document):
        rng = self.rng
        places = list(members_in(document))
        if not places:
            return self.value()
        container, key = rng.choice(places)
        kind = rng.randrange(11)
        if kind <= 2:
            container[key] = self.value()
        elif kind == 3:
            del container[key]
        elif kind == 4 and isinstance(container, dict):
            container[rng.choice(VOCABULARY)] = container.pop(key)
        elif kind == 5 and isinstance(container, dict):
            container[rng.choice(VOCABULARY)] = self.value()
        elif kind == 6:
            other, at = rng.choice(places)
            if at in other if isinstance(other, dict) else at < len(other):
                container[key] = copy.deepcopy(other[at])
        elif kind == 7:
            container[key] = self.nested(container[key])
        elif kind == 8 and isinstance(container, list):
            container[key:key] = [copy.deepcopy(container[key]) for _ in range(rng.choice([1, 1, 2, 30]))]
        elif kind == 9 and isinstance(container[key], dict) and container[key]:
            # The same member twice: the last one counts.
            again = rng.choice(list(container[key]))
            container[key] = Raw(written(container[key])[:-1] + f", {json.dumps(again)}: {written(self.value())}}}")
        else:
            container[key] = self.shape()
        return document

    def unusable(self):
        """More parts that cannot be used than are kept one by one, and perhaps one that can."""
        rng = self.rng
        parts = [rng.choice([{}, 1, {"id": "x", "status": "levitating"}])] * rng.choice([999, 1000, 1001, 1500])
        if rng.random() < 0.5:
            parts.insert(rng.randrange(len(parts)), {"id": rng.choice(IDS), "status": rng.choice(STATES)})
        return parts

    def document(self):
        rng = self.rng
        if rng.random() < 0.01:
            return self.unusable()
        document = self.shape()
        # Few ids, so that webhooks are about the same messages.
        for container, key in list(members_in(document)):
            if container[key] in (WAMID, SID) and rng.random() < 0.5:
                container[key] = rng.choice(IDS)
        for _ in range(rng.choice([0, 1, 1, 2, 3, 5, 8])):
            document = self.mutated(document)
        return self.nested(document) if rng.random() < 0.05 else document

    def delivery(self):
        rng = self.rng
        return Delivery(written(self.document()), rng.choice(RECEIPTS), rng.choice(SOURCES))
