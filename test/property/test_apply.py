"""The outcome of apply_message_status is the same whatever the order, the batching, the repetition and the concurrency.

Environment:
    MSGSTATUS_PROPERTY_ROUNDS  how many times as many random cases as by default (1)
    MSGSTATUS_PROPERTY_SEED    the first seed (1); a failure names its own in the test's id: [seed7] is seed 7
"""

import contextlib
import decimal
import itertools
import os
import random

import psycopg2.extras
import pytest

from model import REGISTERED, Registration, expected_events, expected_messages
from schedule import (Tables, disordered, empty_tables, one_by_one, partitioned, read_tables, run_all,
                      run_concurrently)
from deliveries import IDS, Generator

ROUNDS = float(os.environ.get("MSGSTATUS_PROPERTY_ROUNDS", "1"))
FIRST_SEED = int(os.environ.get("MSGSTATUS_PROPERTY_SEED", "1"))
MOST_SESSIONS = 8


def seeds(number):
    """Returns the parameters of a test that is to run for so many seeds, times the rounds."""
    chosen = range(FIRST_SEED, FIRST_SEED + max(1, int(number * ROUNDS)))
    return pytest.mark.parametrize("seed", chosen, ids=[f"seed{seed}" for seed in chosen])


def random_registration(rng):
    columns = {"provider": "meta", "direction": "outbound", "sender": "+4930123456", "recipient": "+491709999999",
               "message_type": "template", "content": "Hello", "media_url": "https://example.org/a.png",
               "metadata": {"campaign": 1}, "created_by": "app", "campaign_id": "6f1c2b1e-0c5e-4b7e-9a4a-3f0f6f6c1d10"}
    chosen = rng.sample(list(columns), rng.randrange(len(columns) + 1))
    return Registration(rng.choice(IDS), {name: columns[name] for name in chosen})


def random_operations(rng, number):
    generator = Generator(rng, alike=rng.random() < 0.5)
    deliveries = []
    while len(deliveries) < number:
        again = deliveries and rng.random() < 0.25
        deliveries.append(generator.told_again(rng.choice(deliveries)) if again else generator.delivery())
    registrations = [random_registration(rng) for _ in range(rng.choice([0, 0, 1, 2]))]
    return deliveries, registrations


@pytest.fixture(scope="module")
def cursor(any_locale):
    with contextlib.closing(any_locale.connect()) as connection, connection.cursor() as cursor:
        yield cursor


@pytest.fixture(scope="module")
def connections(any_locale):
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(contextlib.closing(any_locale.connect())) for _ in range(MOST_SESSIONS)]


@contextlib.contextmanager
def rolled_back(cursor):
    cursor.execute("BEGIN")
    try:
        yield
    finally:
        cursor.execute("ROLLBACK")


def outcome(cursor, calls):
    """Returns the tables' contents after the calls on empty tables, and empties them again."""
    with rolled_back(cursor):
        run_all(cursor, calls)
        return read_tables(cursor)


def assert_same(tables, reference):
    assert tables.messages == reference.messages
    assert tables.events == reference.events


@seeds(5)
def test_every_permutation(cursor, seed):
    rng = random.Random(seed)
    deliveries, registrations = random_operations(rng, rng.choice([3, 4, 4, 5]))
    operations = deliveries + registrations[:5 - len(deliveries)]
    reference = outcome(cursor, one_by_one(rng, operations))
    for permutation in itertools.permutations(operations):
        assert_same(outcome(cursor, one_by_one(rng, permutation)), reference)


@seeds(30)
def test_random_order_partition_and_repetition(cursor, seed):
    rng = random.Random(seed)
    deliveries, registrations = random_operations(rng, rng.choice([2, 5, 12, 30]))
    operations = deliveries + registrations
    reference = outcome(cursor, one_by_one(rng, operations))
    for _ in range(8):
        assert_same(outcome(cursor, partitioned(rng, disordered(rng, operations))), reference)


@seeds(30)
def test_content_out_of_place(cursor, seed):
    """However wrong a webhook is, it does not raise, and what can be used of it makes the same rows in every order."""
    rng = random.Random(seed)
    generator = Generator(rng)
    deliveries = [generator.spoiled(generator.delivery(), generator.delivery()) for _ in range(20)]
    reference = outcome(cursor, one_by_one(rng, deliveries))
    for _ in range(5):
        assert_same(outcome(cursor, partitioned(rng, disordered(rng, deliveries))), reference)


@seeds(12)
def test_concurrent_sessions(cursor, connections, seed):
    rng = random.Random(seed)
    deliveries, registrations = random_operations(rng, rng.choice([12, 30]))
    operations = deliveries + registrations
    reference = outcome(cursor, one_by_one(rng, operations))
    for _ in range(3):
        number = rng.randint(2, MOST_SESSIONS)
        shares = [partitioned(rng, disordered(rng, operations)) for _ in range(rng.randint(1, 3))]
        calls = [call for share in shares for call in share]
        try:
            run_concurrently(connections, [calls[n::number] for n in range(number)])
            assert_same(read_tables(cursor), reference)
        finally:
            empty_tables(cursor)


@seeds(60)
def test_agrees_with_the_model(cursor, seed):
    rng = random.Random(seed)
    deliveries, registrations = random_operations(rng, rng.choice([1, 2, 5, 12]))
    with rolled_back(cursor):
        run_all(cursor, partitioned(rng, disordered(rng, deliveries + registrations)))
        assert_messages(cursor, expected_messages(deliveries, registrations))
        assert_events(cursor, expected_events(deliveries))


MICROSECONDS = "(extract(epoch FROM {0}) * 1000000)::bigint AS {0}"


def assert_messages(cursor, expected):
    cursor.execute("SELECT message_id, status::text, CASE WHEN status <> '{}' THEN " + MICROSECONDS.format("created_at").split(" AS ")[0]
                   + " END AS created_at, " + MICROSECONDS.format("error_at") + ", error_code, error_title,"
                   " error_details, price, price_unit, num_segments, pricing_category, billable, metadata, created_by, campaign_id::text,"
                   " registered, " + ", ".join(REGISTERED) + " FROM msgstatus.message")
    names = [column.name for column in cursor.description]
    found = {row[0]: dict(zip(names[1:], row[1:])) for row in cursor.fetchall()}
    assert found == expected


def assert_events(cursor, expected):
    cursor.execute("SELECT message_id, state::text, participant, error_code, time_source, "
                   + MICROSECONDS.format("event_time") + ", " + MICROSECONDS.format("received_at")
                   + ", error_title, error_details, source FROM msgstatus.status_event")
    found = {}
    for message_id, state, participant, code, time_source, event_time, received_at, *told in cursor.fetchall():
        provider_time = event_time if time_source == "provider" else None
        key = (message_id, state, participant, code, provider_time, time_source)
        assert key not in found
        found[key] = (event_time, received_at, tuple(told))
    assert set(found) == set(expected)
    for key, (event_time, received_at, told) in found.items():
        expected_time, expected_receipt, ways = expected[key]
        assert (event_time, received_at) == (expected_time, expected_receipt)
        assert told in ways
