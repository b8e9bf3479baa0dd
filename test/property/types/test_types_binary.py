"""The binary form of the types: round trips of good values; every kind of bad one is an error and never more."""

import struct
import subprocess

from status_model import (
    MAX_TIME,
    MIN_TIME,
    STATES,
    copy_rows,
    from_binary,
    random_status,
    rows_of_copy,
    to_binary,
    to_text,
)

INFINITY, MINUS_INFINITY = 2**63 - 1, -(2**63)


def run_psql(server, database, *arguments, data=b""):
    done = subprocess.run(server.psql(database, *arguments), input=data, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


def copy_in_one_session(server, database, directory, table, values):
    """Copies each value alone into the table, all in one session, and returns the SQLSTATE of each."""
    script = ["\\unset ON_ERROR_STOP", "\\set VERBOSITY sqlstate", "SELECT pg_backend_pid();"]
    for number, value in enumerate(values):
        path = directory / str(number)
        path.write_bytes(copy_rows([[struct.pack("!i", number), value]]))
        script += [f"\\copy {table} FROM '{path}' (FORMAT binary)", "\\warn ="]
    script.append("SELECT pg_backend_pid();")
    done = subprocess.run(server.psql(database), input="\n".join(script).encode(), capture_output=True, check=False)
    first, last = done.stdout.split()
    assert first == last, "the session did not survive"
    *answers, rest = done.stderr.decode().split("=\n")
    assert rest == "" and len(answers) == len(values)
    return [answer.split("ERROR:")[1].strip() if answer else "00000" for answer in answers]


def test_binary_out_is_what_the_model_says(types_server, database, rng):
    statuses = [random_status(rng) for _ in range(5000)]
    types_server.execute(database, "CREATE TABLE t (n int, s message_status, d delivery_state);")
    text = "".join(f"{n}\t{to_text(s)}\t{STATES[n % 16]}\n" for n, s in enumerate(statuses))
    run_psql(types_server, database, "-c", "COPY t FROM STDIN", data=text.encode())
    # The text is canonical, and so is the binary form.
    assert run_psql(types_server, database, "-c", "COPY (SELECT * FROM t ORDER BY n) TO STDOUT").decode() == text
    stream = run_psql(types_server, database, "-c", "COPY (SELECT s, d FROM t ORDER BY n) TO STDOUT (FORMAT binary)")
    assert rows_of_copy(stream) == [[to_binary(s), STATES[n % 16].encode()] for n, s in enumerate(statuses)]


def test_binary_round_trip(types_server, database, rng):
    statuses = [random_status(rng) for _ in range(5000)]
    columns = "n int, s message_status, d delivery_state, a message_status[], e delivery_state[]"
    types_server.execute(database, f"CREATE TABLE t ({columns}); CREATE TABLE u ({columns});")
    stream = copy_rows([[struct.pack("!i", n), to_binary(s), STATES[n % 16].upper().encode(), None, None]
                        for n, s in enumerate(statuses)])
    run_psql(types_server, database, "-c", "COPY t FROM STDIN (FORMAT binary)", data=stream)
    arrays = "UPDATE t SET a = ARRAY[s, NULL, '{}', s], e = ARRAY[NULL, d] WHERE n % 2 = 0;"
    types_server.execute(database, f"INSERT INTO t (n) VALUES (-1); {arrays}")
    out = run_psql(types_server, database, "-c", "COPY (SELECT * FROM t ORDER BY n) TO STDOUT (FORMAT binary)")
    run_psql(types_server, database, "-c", "COPY u FROM STDIN (FORMAT binary)", data=out)
    assert run_psql(types_server, database, "-c", "COPY (SELECT * FROM u ORDER BY n) TO STDOUT (FORMAT binary)") == out
    same = "SELECT count(*) FROM t JOIN u USING (n) WHERE t IS NOT DISTINCT FROM u;"
    assert types_server.execute(database, same) == "5001\n"
    texts = types_server.execute(database, "SELECT s FROM u WHERE n >= 0 ORDER BY n;").splitlines()
    assert texts == [to_text(s) for s in statuses]


def test_malformed_status_is_refused(types_server, database, tmp_path):
    good = to_binary({7: 1, 13: 2, 14: 3})
    cases = {"no bytes": b"", "good": good, "empty": to_binary({}), "all": to_binary(dict.fromkeys(range(16), 0))}
    cases |= {f"cut at {size}": good[:size] for size in range(len(good))}
    cases |= {f"{extra} bytes more": good + bytes(extra) for extra in range(1, 18)}
    cases |= {f"version {version}": bytes([version]) + good[1:] for version in range(256) if version != 1}
    cases |= {f"states {present:#06x}": good[:1] + struct.pack("!H", present) + good[3:]
              for present in [0, 1, 3, 15, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x6081]}
    times = [INFINITY, MINUS_INFINITY, INFINITY - 1, MINUS_INFINITY + 1, MAX_TIME + 1, MIN_TIME - 1, MAX_TIME, MIN_TIME]
    cases |= {f"time {time} at {place}": good[: 3 + 8 * place] + struct.pack("!q", time) + good[11 + 8 * place :]
              for time in times for place in range(3)}
    cases["a megabyte"] = b"\1" * 1_000_000
    cases["text"] = to_text({7: 1}).encode()
    check(types_server, database, tmp_path, cases)


def test_damaged_status_is_refused_or_another_one(types_server, database, tmp_path, rng):
    cases = {}
    for number in range(3000):
        data = bytearray(to_binary(random_status(rng)))
        for _ in range(rng.randint(1, 3)):
            damage = rng.randrange(4)
            at = rng.randrange(len(data)) if data else 0
            if damage == 0 and data:
                data[at] ^= 1 << rng.randrange(8)
            elif damage == 1 and data:
                data[at] = rng.randrange(256)
            elif damage == 2:
                del data[at : at + rng.randint(1, 9)]
            else:
                data[at:at] = rng.randbytes(rng.randint(1, 9))
        cases[f"number {number}: {data.hex()}"] = bytes(data)
    accepted = check(types_server, database, tmp_path, cases)
    assert 200 < accepted < 2800, "too few of one kind for this test to mean anything"


def check(server, database, directory, cases):
    """Accepted is exactly what the model accepts, and it comes back as it went in."""
    server.execute(database, "CREATE TABLE t (n int, s message_status);")
    codes = copy_in_one_session(server, database, directory, "t", cases.values())
    for (name, value), code in zip(cases.items(), codes):
        # 22P03 invalid_binary_representation; 08P01 protocol_violation is what too few bytes are to PostgreSQL
        expected = {"00000"} if from_binary(value) is not None else {"22P03", "08P01"}
        assert code in expected, name
    stream = run_psql(server, database, "-c", "COPY (SELECT s FROM t ORDER BY n) TO STDOUT (FORMAT binary)")
    stored = rows_of_copy(stream)
    assert stored == [[value] for value in cases.values() if from_binary(value) is not None]
    return len(stored)


def test_malformed_state_is_refused(types_server, database, tmp_path):
    types_server.execute(database, "CREATE TABLE t (n int, d delivery_state);")
    good = [b"read", b"READ", b"dispatched"]
    bad = [b"", b"\0", b"\7", b"rea", b"reads", b"read\0", b"\0read", b" read", b"\xff", b"\xc3", b"sunk", b"r" * 10**6]
    codes = copy_in_one_session(types_server, database, tmp_path, "t", good + bad)
    assert codes[: len(good)] == ["00000"] * len(good)
    assert set(codes[len(good) :]) <= {"22P02", "22021"}, codes  # 22021: bytes that are no text
    assert types_server.execute(database, "SELECT d FROM t ORDER BY n;").split() == ["read", "read", "sent"]
