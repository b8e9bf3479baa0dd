"""Whatever a description and a body are, no call raises; a body is read alike in any order and twice; explain_webhook says what
apply does; and a definition is in effect at once in every session, and saved by pg_dump."""

import json
import os
import random

import psycopg2
import pytest

from histories import outcome
from schedule import empty_tables

ROUNDS = float(os.environ.get("MSGSTATUS_PROPERTY_ROUNDS", "1"))
FIRST_SEED = int(os.environ.get("MSGSTATUS_PROPERTY_SEED", "1"))
SEEDS = range(FIRST_SEED, FIRST_SEED + max(1, int(12 * ROUNDS)))
RECEIVED = "2024-12-10 12:00:00Z"
APPLY = "SELECT msgstatus.apply_message_status(%s::jsonb, %s, %s)"
STATES = "processing received pending scheduled accepted queued sending sent partially_delivered skipped canceled failed undelivered delivered read played".split()
KEYS = ["a", "b", "c", "id", "st", "t", "to", "list", "x y", "é", "0", "status", "entry", "MessageSid", "type", "data", "statuses"]
FACTS = ["recipient", "sender", "participant", "message_type", "content", "media_url", "price", "price_unit", "num_segments",
         "pricing_category", "billable", "error_code", "error_title", "error_details"]
LISTS = ["list.*.list", "list.*.data", "data.*.list.*.a", "entry", "a.*", "b", "c.0", "c.1"]
WORDS = ["OK", "no", "dlr", "Gone", "7"]


def path(rng, roots=("", "", "", "$.", "^.")):
    if rng.random() < 0.05:
        return rng.choice([".", "$", "^"] if "^." in roots else [".", "$"])
    return rng.choice(roots) + ".".join(key.replace(".", "\\.") for key in rng.choices(KEYS, k=rng.choice([1, 1, 1, 2, 3])))


def either(rng, make):
    """Returns one, or an array of some."""
    return make() if rng.random() < 0.7 else [make() for _ in range(rng.randint(1, 3))]


def source(rng):
    kind = rng.random()
    if kind < 0.7:
        return path(rng)
    if kind < 0.8:
        return {"is": rng.choice(["USD", "12", "é", "x" * 300])}
    if kind < 0.9:
        return {"path": path(rng), "after": rng.choice(["#", "/", "é"])}
    return {"join": [path(rng) for _ in range(rng.randint(1, 3))], "with": rng.choice([":", "-"])}


def condition(rng):
    return rng.choice([True, True, True, False, "OK", 7, ["OK", "no", 7], {"begins": "O"}])


def conditions(rng, required=False):
    found = {path(rng, ("", "$.")): condition(rng) for _ in range(rng.randint(1, 2))}
    if required:
        found[rng.choice(KEYS)] = True
    return found


def time(rng):
    given = {"path": path(rng)}
    if rng.random() < 0.5:
        given["format"] = rng.choice(["any", "unix_s", "unix_ms", "unix_us", "iso8601", "rfc2822", "yymmddhhmm"])
    if rng.random() < 0.3:
        given["offset"] = rng.choice(["+05:30", "-11:00"])
    if rng.random() < 0.3:
        given["for"] = either(rng, lambda: rng.choice(STATES))
    return rng.choice([given, given["path"]])


def state(rng):
    if rng.random() < 0.2:
        return {"is": rng.choice(STATES)}
    rule = {"path": either(rng, lambda: path(rng))}
    if rng.random() < 0.8:
        rule["words"] = {word: rng.choice([*STATES, None]) for word in rng.sample(WORDS, rng.randint(1, 4))}
    if rng.random() < 0.3:
        rule["others"] = "ignore"
    return rule


def overlap(one, other):
    """Returns whether an element of one list would be read by the other, too."""
    for step, across in zip(steps_of(one), steps_of(other)):
        if "*" in (step, across) and step != across:
            return (step + across).replace("*", "").isdigit()
        if step != across:
            return False
    return True


def steps_of(where):
    return [] if where in (".", "$", "^") else where.removeprefix("$.").split(".")


def lists(rng):
    """Returns one list, or some of which none holds another."""
    found = []
    for _ in range(rng.choice([1, 1, 2, 3])):
        chosen = rng.choice([path(rng, ("",)), rng.choice(LISTS), rng.choice(LISTS)])
        if not any(overlap(chosen, other) for other in found):
            found.append(chosen)
    return found if len(found) > 1 or rng.random() < 0.2 else found[0]


def shape(rng):
    found = {"when": conditions(rng, required=True), "id": either(rng, lambda: source(rng)), "state": either(rng, lambda: state(rng))}
    if rng.random() < 0.1:
        found["ignore"] = True
    elif rng.random() < 0.2:
        found["ignore"] = either(rng, lambda: conditions(rng))
    if rng.random() < 0.5:
        found["list"] = lists(rng)
    elif rng.random() < 0.3:
        found["at"] = path(rng, ("",))
    if rng.random() < 0.7:
        found["time"] = either(rng, lambda: time(rng))
    if rng.random() < 0.4:
        found["times"] = {rng.choice(STATES): either(rng, lambda: time(rng)) for _ in range(2)}
    for fact in rng.sample(FACTS, rng.randint(0, 6)):
        found[fact] = either(rng, lambda: source(rng))
    if rng.random() < 0.2:
        found["alias"] = either(rng, lambda: source(rng))
    if rng.random() < 0.3:
        found["error_states"] = either(rng, lambda: rng.choice(STATES))
    if rng.random() < 0.3:
        found["detail"] = rng.choice([False, "$", ".", path(rng), {"without": ["a"]}, {"path": "$", "without": ["a", "b"]}])
    return found


def description(rng):
    return {"shapes": [shape(rng) for _ in range(rng.randint(1, 4))]}


def anything(rng, depth=0):
    kind = rng.random()
    if depth < 4 and kind < 0.45:
        return {rng.choice(KEYS): anything(rng, depth + 1) for _ in range(rng.randint(0, 6))}
    if depth < 4 and kind < 0.65:
        return [anything(rng, depth + 1) for _ in range(rng.randint(0, 4))]
    return rng.choice([None, True, False, 0, 7, 1733828400, 1733828400123, -1e300, 1.5, "", " ", "OK", "no", "delivered", "15550100001", "2412101100",
                       "2024-12-10 11:00:00", "https://e.example/#42", "x" * 600, "é", "[{\"id\": \"in\", \"st\": \"OK\"}]", "[", "true"])


def put(body, steps, value):
    """Puts a value where a path leads, as far as the body lets it."""
    for step in steps[:-1]:
        inner = body.get(step)
        if not isinstance(inner, dict):
            inner = body[step] = {}
        body = inner
    body[steps[-1]] = value


def put_items(rng, body, steps):
    """Puts a list of items where a path leads, and returns the items. Some lists within a list are JSON in a text."""
    if "*" in steps:
        at = steps.index("*")
        outer = value_at(body, steps[:at])
        if not isinstance(outer, list):
            outer = [{} for _ in range(rng.randint(1, 3))]
            if at:
                put(body, steps[:at], outer)
        if not steps[at + 1:]:
            outer[:] = [[{} for _ in range(rng.randint(0, 3))] for _ in outer]
            return [item for element in outer for item in element]
        return [item for element in outer if isinstance(element, dict) for item in put_items(rng, element, steps[at + 1:])]
    items = [{key: anything(rng, 3) for key in rng.sample(KEYS, 6)} for _ in range(rng.randint(0, 3))]
    if steps:
        put(body, steps, items)
    return items


def value_at(body, steps):
    for step in steps:
        body = body.get(step) if isinstance(body, dict) else None
    return body


def body_for(rng, described):
    """Returns a body that most likely fits a shape: what its conditions want is there."""
    found = anything(rng)
    if not isinstance(found, dict):
        found = {}
    chosen = rng.choice(described["shapes"])
    for where, wanted in chosen["when"].items():
        steps = [step for step in where.removeprefix("$.").split(".") if step not in ("", "$", "^")]
        if not steps or wanted is False:
            continue
        wanted = wanted[0] if isinstance(wanted, list) else wanted
        put(found, steps, anything(rng, 2) or 1 if wanted is True else "Over" if isinstance(wanted, dict) else wanted)
    if "list" in chosen:
        items = []
        for where in [chosen["list"]] if isinstance(chosen["list"], str) else chosen["list"]:
            items += put_items(rng, found, steps_of(where))
    elif isinstance(chosen.get("at"), str) and chosen["at"].strip(".$^"):
        items = [{}]
        put(found, chosen["at"].split("."), items[0])
    else:
        items = [found]
    for item in items:
        make_readable(rng, found, item, chosen)
    return found


def make_readable(rng, body, item, chosen):
    """Gives an item an id and a word for its state, as a rule."""
    rule = chosen["state"][0] if isinstance(chosen["state"], list) else chosen["state"]
    id_source = chosen["id"][0] if isinstance(chosen["id"], list) else chosen["id"]
    wanted = [(id_source.get("path") if isinstance(id_source, dict) else id_source, rng.choice("pqrs") + str(rng.randint(1, 9)))]
    if "path" in rule:
        wanted.append((rule["path"][0] if isinstance(rule["path"], list) else rule["path"], rng.choice([*rule.get("words", STATES), "OK"])))
    for where, value in wanted:
        steps = [step for step in (where or "").removeprefix("$.").split(".") if step not in ("", "$", "^")]
        if steps and rng.random() < 0.9:
            put(body if where.startswith("$") else item, steps, value)


def mutated(rng, document):
    """Returns a document with some value in it replaced, removed, or moved."""
    text = json.dumps(document)
    if rng.random() < 0.5:
        for _ in range(rng.randint(1, 2)):
            old = rng.choice(["true", "\"is\"", "\"path\"", "\"words\"", "\"when\"", "\"id\"", "\"for\"", "\"sent\"", "[", "\"shapes\""])
            new = {"true": "null", "[": "[5, "}.get(old, rng.choice(["\"x\"", "\"\"", "\"is\"", "\"name\""]))
            text = text.replace(old, new, 1)
    else:
        start = rng.randrange(len(text))
        text = text[:start] + rng.choice(["", "1", "{", "\"", ".", "..", "*", "$."]) + text[start + rng.randint(0, 3):]
    return text


@pytest.fixture(scope="module")
def connection(database):
    connection = database.connect()
    yield connection
    connection.close()


@pytest.fixture
def cursor(connection):
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE msgstatus.provider_description")
        empty_tables(cursor)
        yield cursor
        cursor.execute("TRUNCATE msgstatus.provider_description")


def counts(cursor, body, provider):
    cursor.execute(APPLY, (json.dumps(body), RECEIVED, provider))
    found = cursor.fetchone()[0]
    assert found["received"] == found["applied"] + found["unchanged"] + found["rejected"]
    return found


@pytest.mark.parametrize("seed", SEEDS)
def test_no_body_raises(cursor, seed):
    rng = random.Random(seed)
    read = 0
    for _ in range(6):
        empty_tables(cursor)
        cursor.execute("TRUNCATE msgstatus.provider_description")
        defined = {name: description(rng) for name in rng.sample(["one", "two", "vonage"], rng.randint(1, 2))}
        for name, described in defined.items():
            cursor.execute("SELECT msgstatus.define_provider(%s, %s)", (name, json.dumps(described)))
        deliveries = [(body_for(rng, defined[name]), rng.choice([name, name, None])) for name in rng.choices(list(defined), k=25)]
        for body, provider in deliveries:
            cursor.execute("SELECT outcome, count(*) FROM msgstatus.explain_webhook(%s, %s) GROUP BY 1", (json.dumps(body), provider))
            explained = dict(cursor.fetchall())
            found = counts(cursor, body, provider)
            assert explained.get("dead letter", 0) == found["rejected"] and explained.get("ignored", 0) == found["ignored"]
            assert (explained.get("status", 0) + explained.get("incoming message", 0) > 0) == (found["received"] > found["rejected"])
            read += found["received"] - found["rejected"]
            again = counts(cursor, body, provider)
            assert again["applied"] == 0 and all(again[key] == found[key] for key in ("received", "rejected", "ignored"))
        # Dead letters are rejected again, and tell nothing new.
        cursor.execute("SELECT msgstatus.replay_rejected(NULL, 100000)")
        replayed = cursor.fetchone()[0]
        assert replayed["applied"] == 0, replayed
        # One that a description made never becomes several.
        for _ in range(3):
            cursor.execute("SELECT array_agg(rejected_id) FROM msgstatus.rejected_status WHERE provider = ANY(%s)", (list(defined),))
            letters = cursor.fetchone()[0] or []
            cursor.execute("SELECT msgstatus.replay_rejected(%s, 100000)", (letters,))
            assert cursor.fetchone()[0]["rejected"] <= len(letters)
        reference = outcome(cursor)
        rng.shuffle(deliveries)
        for body, provider in deliveries:
            counts(cursor, body, provider)
        assert outcome(cursor) == reference
    assert read > 0


@pytest.mark.parametrize("seed", SEEDS)
def test_no_document_but_a_description_is_defined(cursor, seed):
    rng = random.Random(seed)
    refused = 0
    for _ in range(150):
        document = mutated(rng, description(rng))
        try:
            cursor.execute("SELECT %s::jsonb", (document,))
        except psycopg2.DataError:
            continue
        try:
            cursor.execute("SELECT msgstatus.define_provider('one', %s)", (document,))
        except psycopg2.Error as error:
            assert error.pgcode == "22023", error
            assert error.diag.message_primary.startswith('"'), error
            refused += 1
            continue
        counts(cursor, body_for(rng, {"shapes": [{"when": {"a": True}, "id": "id", "state": {"path": "st"}}]}), "one")
    assert refused > 10


def test_a_definition_is_in_effect_at_once_in_every_session(database, cursor):
    """Also within a transaction that is open already, as soon as it is committed."""
    body = json.dumps({"mine": 1, "ref": "at-once"})
    document = json.dumps({"shapes": [{"when": {"mine": True}, "id": "ref", "state": {"is": "sent"}}]})
    look = "SELECT string_agg(outcome, ',') FROM msgstatus.explain_webhook(%s)"
    with database.connect() as other, other.cursor() as session, database.connect() as writer, writer.cursor() as definer:
        for connection in (other, writer):
            connection.autocommit = False
        session.execute(look, (body,))
        assert session.fetchone()[0] == "dead letter"
        definer.execute("SELECT msgstatus.define_provider('mine', %s)", (document,))
        session.execute(look, (body,))
        assert session.fetchone()[0] == "dead letter"
        writer.commit()
        session.execute(look, (body,))
        assert session.fetchone()[0] == "status"
        definer.execute("SELECT msgstatus.drop_provider('mine')")
        writer.rollback()
        session.execute(look, (body,))
        assert session.fetchone()[0] == "status"
        definer.execute("SELECT msgstatus.drop_provider('mine')")
        writer.commit()
        session.execute(look, (body,))
        assert session.fetchone()[0] == "dead letter"


def test_deep_and_long_bodies(cursor):
    cursor.execute("SELECT msgstatus.define_provider('one', %s)", (json.dumps({"shapes": [
        {"when": {"list": True}, "list": "list.*.list", "id": "id", "state": {"path": "st"}, "recipient": "^.to"}]}),))
    nest = json.loads("[" * 150 + "]" * 150)
    deep = {"list": [{"list": [{"id": "a", "st": "sent", "x": nest}, {"id": "b", "st": "sent"}]}]}
    assert counts(cursor, deep, None)["applied"] == 2
    deep["more"] = json.loads("[" * 250 + "]" * 250)
    assert counts(cursor, deep, None)["rejected"] == 1
    many = {"list": [{"to": str(n), "list": [{"id": f"m{n}-{k}", "st": "sent" if k else "lost"} for k in range(3)]} for n in range(900)]}
    assert counts(cursor, many, None) == {"received": 2700, "applied": 1800, "unchanged": 0, "rejected": 900, "ignored": 0}
    cursor.execute("SELECT count(*), max(length(payload::text)) FROM msgstatus.rejected_status WHERE payload -> 'more' IS NULL")
    assert cursor.fetchone() == (900, len('{"list": [{"to": "899", "list": [{"id": "m899-0", "st": "lost"}]}]}'))
    # Bodies around many items take no more memory than there is.
    wide = {"more": "x" * 1_000_000, "list": [{"list": [{"id": f"w{n}", "st": "sent" if n % 100 else "lost"}]} for n in range(1000)]}
    assert counts(cursor, wide, None) == {"received": 1000, "applied": 990, "unchanged": 0, "rejected": 10, "ignored": 0}
    cursor.execute("SELECT count(*) FROM msgstatus.rejected_status WHERE provider = 'one' AND payload - 'list' = '{}'")
    assert cursor.fetchone() == (909,)
    worse = {"list": [{"list": [{"st": "lost"} for _ in range(40)]} for n in range(50)]}
    assert counts(cursor, worse, None)["rejected"] == 2000
    cursor.execute("SELECT count(*) FROM msgstatus.rejected_status WHERE reason = 'more than 1000 parts cannot be used'")
    assert cursor.fetchone() == (1,)
