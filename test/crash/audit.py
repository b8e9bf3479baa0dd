"""What the database must hold at the end, worked out from the driver's notes alone, against what it holds.

What was acknowledged has to be there. What was posted and not acknowledged may be there. Nothing else is.
"""

import collections
import re

from others import SENDER

SLACK = 1000  # microseconds by which a clock may be read late
REFUSED_ID = re.compile(r"wamid\.refused\.[\w.]+")
MESSAGES = """
SELECT m.message_id, o.key, (extract(epoch FROM o.value::timestamptz) * 1000000)::bigint
FROM msgstatus.message m, json_each_text(m.status::text::json) o
"""
TRAIL = """
SELECT message_id, state::text, time_source, (extract(epoch FROM event_time) * 1000000)::bigint, error_code,
       (extract(epoch FROM received_at) * 1000000)::bigint
FROM msgstatus.status_event
"""
DEAD_LETTERS = "SELECT payload, body FROM msgstatus.rejected_status"


class Findings:
    """The faults by kind, with some examples of each; losses also by the round in which they were acknowledged."""

    def __init__(self):
        self.counts = collections.Counter()
        self.examples = collections.defaultdict(list)
        self.lost = set()  # notes

    def add(self, kind, example):
        self.counts[kind] += 1
        if len(self.examples[kind]) < 5:
            self.examples[kind].append(str(example))

    def lose(self, kind, note, example):
        self.add(kind, f"{example}, acknowledged at {note.first_acknowledged:.6f} in round {note.round}")
        self.lost.add(note)

    def lost_in(self, number):
        """Returns how many observations and dead letters acknowledged in a round are lost."""
        return sum(note.round == number for note in self.lost)

    def __bool__(self):
        return bool(self.counts)

    def __str__(self):
        return "\n".join(f"{count} {kind}, such as {'; '.join(self.examples[kind])}"
                         for kind, count in self.counts.items())


def audit(connection, workload, registered, findings):
    """Compares the tables with the workload's notes and the ids of registered messages."""
    with connection.cursor() as cursor:
        trail = _read_trail(cursor, findings)
        _compare_trail(trail, workload.observations, findings)
        _compare_messages(cursor, trail, workload.observations, findings)
        _compare_dead_letters(cursor, workload.dead_letters, findings)
        _compare_registrations(cursor, registered, findings)
        _verify_rollups(cursor, findings)


def _read_trail(cursor, findings):
    """Returns the distinguishing columns of each observation -> its event time and time of receipt."""
    trail = {}
    cursor.execute(TRAIL)
    for message_id, state, time_source, event_time, code, received_at in cursor:
        key = (message_id, state, event_time if time_source == "provider" else None, code)
        if key in trail:
            findings.add("observations more than once in the trail", key)
        trail[key] = (event_time, received_at)
    return trail


def _compare_trail(trail, observations, findings):
    posted = set()
    for note in observations:
        if note.posts:
            posted.add(note.key)
        row = trail.get(note.key)
        if row is None:
            if note.acknowledgements:
                findings.lose("acknowledged observations missing in the trail", note, note.key)
        elif note.posts:
            _compare_times(note, row, findings)
    for key in trail.keys() - posted:
        findings.add("observations in the trail that were never posted", key)


def _compare_times(note, row, findings):
    """The time of receipt is that of the first receipt that was kept: not before the first post, not after the first answer."""
    event_time, received_at = row
    if note.time is None and event_time != received_at:
        findings.add("observations without a provider's time whose time is not that of their receipt", note.key)
    if received_at < note.first_posted * 1e6 - SLACK:
        findings.add("observations received before they were posted", note.key)
    if note.acknowledgements and received_at > note.first_acknowledged * 1e6 + SLACK:
        findings.add("observations received after they were acknowledged", note.key)


def _compare_messages(cursor, trail, observations, findings):
    """Checks that each status is the merge of its trail, and that it holds what was acknowledged."""
    expected = {}
    for (message_id, state, _, _), (event_time, _) in trail.items():
        times = expected.setdefault(message_id, {})
        times[state] = min(event_time, times.get(state, event_time))
    found = collections.defaultdict(dict)
    cursor.execute(MESSAGES)
    for message_id, state, time in cursor:
        found[message_id][state] = time
    for message_id in expected.keys() | found.keys():
        if expected.get(message_id) != found.get(message_id):
            findings.add("messages whose status is not that of their trail",
                         f"{message_id}: {found.get(message_id)} instead of {expected.get(message_id)}")
    for note in observations:
        if note.acknowledgements:
            time = found[note.message_id].get(note.state)
            if time is None or (note.time is not None and time > note.time):
                findings.lose("acknowledged observations missing in the status", note, note.key)


def _compare_dead_letters(cursor, dead_letters, findings):
    """A dead letter is kept as often as its webhook was applied, which may be more often than it was posted."""
    found = collections.Counter()
    cursor.execute(DEAD_LETTERS)
    for payload, body in cursor:
        found[payload["id"] if body is None else REFUSED_ID.search(body)[0]] += 1
    for note in dead_letters:
        times = found.pop(note.message_id, 0)
        if times < note.acknowledgements:
            findings.lose("acknowledged dead letters missing", note, f"{note.message_id}: {times} of {note.acknowledgements}")
        if times and not note.posts:
            findings.add("dead letters that were never posted", note.message_id)
    for message_id in found:
        findings.add("dead letters that were never posted", message_id)


def _compare_registrations(cursor, registered, findings):
    cursor.execute("SELECT message_id FROM msgstatus.message WHERE created_by = %s", (SENDER,))
    for message_id in registered - {message_id for (message_id,) in cursor}:
        findings.add("acknowledged registrations missing", message_id)


def _verify_rollups(cursor, findings):
    cursor.execute("SELECT * FROM msgstatus.verify_rollups()")
    for row in cursor:
        findings.add("rollups that are wrong", row)
