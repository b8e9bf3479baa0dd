"""message_status once more, in Python: what the text and the binary form mean. Shares nothing with the extension."""

import datetime
import struct

STATES = (
    "processing received pending scheduled accepted queued sending sent partially_delivered skipped canceled failed "
    "undelivered delivered read played"
).split()
EPOCH = datetime.datetime(2000, 1, 1)
MICROSECOND = datetime.timedelta(microseconds=1)
MIN_TIME = (datetime.datetime.min - EPOCH) // MICROSECOND
MAX_TIME = (datetime.datetime.max - EPOCH) // MICROSECOND


def random_time(rng):
    """Of the whole range, of its ends, or of a few that collide often; in microseconds since 2000."""
    kind = rng.randrange(4)
    if kind == 0:
        return rng.randint(MIN_TIME, MAX_TIME)
    if kind == 1:
        return rng.choice([MIN_TIME, MIN_TIME + 1, MAX_TIME, MAX_TIME - 1, 0, -1])
    return 787_141_800_000_000 + rng.randrange(4) * 250_000


def random_status(rng):
    """A dictionary from the number of a state to a time."""
    count = rng.choice([0, 1, 2, 3, 3, 3, 4, 8, 16])
    return {state: random_time(rng) for state in rng.sample(range(len(STATES)), count)}


def to_text(status):
    members = []
    for state, time in sorted(status.items()):
        moment = EPOCH + time * MICROSECOND
        fraction = f".{moment.microsecond:06d}".rstrip("0") if moment.microsecond else ""
        seconds = f"{moment.year:04d}-{moment.month:02d}-{moment.day:02d}T{moment:%H:%M:%S}"
        members.append(f'"{STATES[state]}": "{seconds}{fraction}Z"')
    return "{" + ", ".join(members) + "}"


def to_binary(status):
    """Version, set of states, times in ascending order of state, in network byte order."""
    states = sorted(status)
    return struct.pack(f"!BH{len(states)}q", 1, sum(1 << s for s in states), *(status[s] for s in states))


def from_binary(data):
    """The status, or None where the bytes are not one."""
    if len(data) < 3 or data[0] != 1:
        return None
    (present,) = struct.unpack_from("!H", data, 1)
    states = [s for s in range(16) if present >> s & 1]
    if len(data) != 3 + 8 * len(states):
        return None
    times = struct.unpack_from(f"!{len(states)}q", data, 3)
    if any(not MIN_TIME <= time <= MAX_TIME for time in times):
        return None
    return dict(zip(states, times))


COPY_HEADER = b"PGCOPY\n\xff\r\n\0" + struct.pack("!ii", 0, 0)
COPY_TRAILER = struct.pack("!h", -1)


def copy_rows(rows):
    """The stream of COPY (FORMAT binary): rows are sequences of bytes or None."""
    stream = COPY_HEADER
    for row in rows:
        stream += struct.pack("!h", len(row))
        for field in row:
            stream += struct.pack("!i", -1) if field is None else struct.pack("!i", len(field)) + field
    return stream + COPY_TRAILER


def rows_of_copy(stream):
    """The rows in a stream of COPY (FORMAT binary)."""
    assert stream.startswith(COPY_HEADER)
    rows, at = [], len(COPY_HEADER)
    while True:
        (count,) = struct.unpack_from("!h", stream, at)
        at += 2
        if count == -1:
            assert at == len(stream)
            return rows
        row = []
        for _ in range(count):
            (size,) = struct.unpack_from("!i", stream, at)
            at += 4
            row.append(None if size == -1 else stream[at : at + size])
            at += max(size, 0)
        rows.append(row)
