"""What the tables must hold after a set of deliveries, worked out in plain Python and without any order.

An independent account of the rules: per state the earliest event time; the error of the earliest failure, ties by value;
of each fact the smaller, unless it was registered; one event for each distinct observation, as its first receipt told it.
"""

import dataclasses
import decimal

from deliveries import FAILURES, timestamp

RANKS = ["processing", "received", "pending", "scheduled", "accepted", "queued", "sending", "sent",
         "partially_delivered", "skipped", "canceled", "failed", "undelivered", "delivered", "read", "played"]
SMALLEST = ("provider", "direction", "sender", "recipient", "message_type", "content", "price_unit", "pricing_category")
LARGEST = ("num_segments", "billable")
REGISTERED = ("provider", "direction", "sender", "recipient", "message_type", "content", "media_url")


@dataclasses.dataclass
class Registration:
    """A call of register_message: the columns it gives."""

    message_id: str
    columns: dict


def status_text(times):
    """Writes a status as its text form: ascending states, UTC, fraction only where there is one."""
    def written(us):
        text = timestamp(us)[:-1]
        return (text.rstrip("0") if "." in text else text) + "Z"
    return "{" + ", ".join(f'"{state}": "{written(times[state])}"' for state in RANKS if state in times) + "}"


def expected_messages(deliveries, registrations):
    """Returns message_id -> columns."""
    observations = [(s, d) for d in deliveries for s in d.seen]
    ids = {s.message_id for s, _ in observations} | {r.message_id for r in registrations}
    return {i: expected_message([o for o in observations if o[0].message_id == i],
                                [r for r in registrations if r.message_id == i]) for i in ids}


def expected_message(observations, registrations):
    times, errors = {}, []
    facts = {name: set() for name in (*SMALLEST, *LARGEST, "price")}
    for seen, delivery in observations:
        time = delivery.received_at if seen.time is None else seen.time
        times[seen.state] = min(time, times.get(seen.state, time))
        if seen.state in FAILURES and (seen.code is not None or seen.title or seen.details):
            # No code sorts before any.
            errors.append((time, -2**31 if seen.code is None else seen.code, seen.title.encode(), seen.details.encode(),
                           seen.code))
        for name, value in seen.facts.items():
            if value is not None and value != "":
                facts[name].add(value)
    message = {name: min(facts[name], key=str.encode, default=None) for name in SMALLEST}
    message |= {name: max(facts[name], default=None) for name in LARGEST}
    message["price"] = min(map(decimal.Decimal, facts["price"]), default=None)
    time, _, title, details, code = min(errors, default=(None, None, b"", b"", None))
    message |= {"error_at": time, "error_code": code, "error_title": title.decode() or None,
                "error_details": details.decode() or None, "status": status_text(times), "media_url": None,
                # Of a message that was registered alone, the time of the test.
                "created_at": min((delivery.received_at for _, delivery in observations), default=None),
                "metadata": None, "created_by": None, "campaign_id": None, "registered": None}
    for registration in registrations:
        message |= registration.columns
        message["registered"] = message["registered"] or 0
        message["registered"] |= sum(1 << n for n, name in enumerate(REGISTERED) if name in registration.columns)
    return message


def expected_events(deliveries):
    """Returns the distinguishing columns of each observation -> the other columns it may have.

    That is the event time and the time of receipt, and the ways in which the reports that came first told the rest: of
    those, one stays whole.
    """
    events = {}
    for delivery in deliveries:
        for s in delivery.seen:
            key = (s.message_id, s.state, s.participant, s.code, s.time, "receipt" if s.time is None else "provider")
            told = (s.title or None, s.details or None, delivery.source)
            first, ways = events.get(key, (delivery.received_at, set()))
            if delivery.received_at < first:
                first, ways = delivery.received_at, set()
            if delivery.received_at == first:
                ways.add(told)
            events[key] = (first, ways)
    return {key: (first if key[4] is None else key[4], first, ways) for key, (first, ways) in events.items()}
