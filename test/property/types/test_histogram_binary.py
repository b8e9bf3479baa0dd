"""The binary form of delay_histogram: round trips of good values; every kind of bad one is an error and never more."""

import struct

from status_model import copy_rows, rows_of_copy
from test_types_binary import copy_in_one_session, run_psql

BUCKETS = 483
MOST = 2**53
MOST_SUM = 2**122


def to_binary(total, buckets):
    """Version, sum in 16 bytes, number of buckets, index and count of each, in network byte order."""
    stored = struct.pack("!B", 1) + total.to_bytes(16, "big", signed=True) + struct.pack("!H", len(buckets))
    return stored + b"".join(struct.pack("!Hq", index, count) for index, count in buckets)


def is_histogram(data):
    if len(data) < 19 or data[0] != 1 or abs(int.from_bytes(data[1:17], "big", signed=True)) > MOST_SUM:
        return False
    (number,) = struct.unpack_from("!H", data, 17)
    if len(data) != 19 + 10 * number:
        return False
    buckets = [struct.unpack_from("!Hq", data, 19 + 10 * n) for n in range(number)]
    indexes = [index for index, _ in buckets]
    return indexes == sorted(set(indexes)) and all(
        index < BUCKETS and count != 0 and abs(count) <= MOST for index, count in buckets)


def random_histogram(rng):
    indexes = sorted(rng.sample(range(BUCKETS), rng.choice([0, 1, 2, 5, 30])))
    return to_binary(rng.choice([0, -1, rng.randint(-10**12, 10**12), rng.randint(-MOST_SUM, MOST_SUM)]),
                     [(index, rng.choice([1, -1, 7, -300, MOST, -MOST])) for index in indexes])


def check(server, database, directory, cases):
    """Accepted is exactly what the model accepts, and it comes back as it went in."""
    server.execute(database, "CREATE TABLE t (n int, h delay_histogram);")
    codes = copy_in_one_session(server, database, directory, "t", cases.values())
    for (name, value), code in zip(cases.items(), codes):
        # 22P03 invalid_binary_representation; 08P01 protocol_violation is what too few bytes are to PostgreSQL
        expected = {"00000"} if is_histogram(value) else {"22P03", "08P01"}
        assert code in expected, name
    stored = rows_of_copy(run_psql(server, database, "-c", "COPY (SELECT h FROM t ORDER BY n) TO STDOUT (FORMAT binary)"))
    assert stored == [[value] for value in cases.values() if is_histogram(value)]
    return len(stored)


def test_malformed_histogram_is_refused(types_server, database, tmp_path):
    good = to_binary(3_700_000, [(0, -2), (97, 1), (482, 3)])
    cases = {"no bytes": b"", "good": good, "empty": to_binary(0, [])}
    cases["all"] = to_binary(-1, [(index, MOST) for index in range(BUCKETS)])
    cases |= {f"cut at {size}": good[:size] for size in range(len(good))}
    cases |= {f"{extra} bytes more": good + bytes(extra) for extra in (1, 2, 10)}
    cases |= {f"version {version}": bytes([version]) + good[1:] for version in (0, 2, 255)}
    cases |= {f"sum {total}": to_binary(total, []) for total in
              (MOST_SUM, MOST_SUM + 1, -MOST_SUM, -MOST_SUM - 1, 2**127 - 1, -(2**127))}
    cases |= {f"number {number}": good[:17] + struct.pack("!H", number) + good[19:] for number in (0, 1, 2, 4, 65535)}
    cases |= {f"count {count}": to_binary(0, [(5, count)]) for count in
              (0, MOST, MOST + 1, -MOST, -MOST - 1, 2**63 - 1, -(2**63))}
    cases |= {f"bucket {index}": to_binary(0, [(index, 1)]) for index in (0, 482, 483, 65535)}
    cases["twice"] = to_binary(0, [(5, 1), (5, 1)])
    cases["descending"] = to_binary(0, [(6, 1), (5, 1)])
    cases["a megabyte"] = b"\1" * 1_000_000
    cases["text"] = b'{"sum": 0, "buckets": {}}'
    check(types_server, database, tmp_path, cases)


def test_damaged_histogram_is_refused_or_another_one(types_server, database, tmp_path, rng):
    cases = {}
    for number in range(1500):
        data = bytearray(random_histogram(rng))
        for _ in range(rng.randint(0, 3)):
            at = rng.randrange(len(data)) if data else 0
            damage = rng.randrange(4)
            if damage == 0 and data:
                data[at] ^= 1 << rng.randrange(8)
            elif damage == 1 and data:
                data[at] = rng.randrange(256)
            elif damage == 2:
                del data[at : at + rng.randint(1, 10)]
            else:
                data[at:at] = rng.randbytes(rng.randint(1, 10))
        cases[f"number {number}: {data.hex()}"] = bytes(data)
    accepted = check(types_server, database, tmp_path, cases)
    assert 200 < accepted < 1400, "too few of one kind for this test to mean anything"


def test_histogram_round_trip_in_text(types_server, database, rng):
    types_server.execute(database, "CREATE TABLE t (n int, h delay_histogram); CREATE TABLE u (n int, h delay_histogram);")
    stream = copy_rows([[struct.pack("!i", n), random_histogram(rng)] for n in range(2000)])
    run_psql(types_server, database, "-c", "COPY t FROM STDIN (FORMAT binary)", data=stream)
    text = run_psql(types_server, database, "-c", "COPY (SELECT * FROM t ORDER BY n) TO STDOUT")
    run_psql(types_server, database, "-c", "COPY u FROM STDIN", data=text)
    assert run_psql(types_server, database, "-c", "COPY (SELECT * FROM u ORDER BY n) TO STDOUT (FORMAT binary)") == stream
