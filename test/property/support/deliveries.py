"""Random webhooks of every provider, and beside each one what it says in plain words.

A Delivery is one body as it reaches us: the JSON text, the time of receipt, the source, and the list of what it says was
seen. The pools are tiny on purpose: the same message, state, time, code and text come again and again, in different
shapes and beside different facts, so that almost everything conflicts with something.
"""

import copy
import dataclasses
import datetime
import email.utils
import json

SECOND = 1_000_000
NOON = 1_733_832_000 * SECOND  # 2024-12-10 12:00:00 UTC, in microseconds since 1970

IDS = ["wamid.HBgA", "SM" + "0" * 31 + "1", "wamid.with \"quotes\" \\ and\nmore \U0001f642"]
EVENT_TIMES = [NOON, NOON + 5 * SECOND, NOON + 5 * SECOND + 250_000, NOON - 86_400 * SECOND]
RECEIPTS = [NOON + 60 * SECOND, NOON + 61 * SECOND, NOON + 3_600 * SECOND]
SOURCES = [None, "receiver-1", "Receiver-2", "poll"]
PHONES = {
    "+491701234567": ["491701234567", "+491701234567", "whatsapp:+491701234567", "+49 170 123-4567"],
    "+15005550006": ["15005550006", "+15005550006", "(1) 500 555.0006"],
    "group-A": ["group-A"],
}
PARTICIPANTS = {"+4915112345678": ["4915112345678"], "+4915187654321": ["4915187654321"]}
LABELS = {
    "queued": ["queued", "enqueued", "submitted"], "sending": ["sending"], "sent": ["sent", "SENT", "dispatched"],
    "delivered": ["delivered", "Delivered"], "read": ["read", "READ"], "failed": ["failed", "FAILED"],
    "undelivered": ["undelivered"], "played": ["played"], "canceled": ["canceled", "cancelled"],
    "received": ["received"], "accepted": ["accepted"],
}
OUTGOING = [state for state in LABELS if state != "received"]
FAILURES = ("failed", "undelivered")
SENT_OR_MORE = ("sent", "partially_delivered", "undelivered", "delivered", "read", "played")
# In these, bytes and dictionaries disagree about which is smaller.
TEXTS = ["", "Beta", "alpha", "Alpha", "\u00e4rger", "zeta", "Zeta"]
CODES = [None, 0, 1, 131026, 131047]
PRICES = ["-0.00750", "-0.0075", "-0.1", "0", None, "about a cent"]
NOT_A_TIME = ["", "abc", "-1", 0, None, True, [], "99999-01-01T00:00:00Z", 1e30, "NaN", {"a": 1}]


OUT_OF_PLACE = [None, True, 0, -1, 1.0, 1e300, "", "x", "sent", "1733832000", [], [[]], {}, {"id": "wamid.HBgA", "status": "read"}]


@dataclasses.dataclass
class Seen:
    """One message, seen in one state; time is None where the provider gave none that can be true."""

    message_id: str
    state: str
    time: int | None = None
    participant: str | None = None
    code: int | None = None
    title: str = ""
    details: str = ""
    facts: dict = dataclasses.field(default_factory=dict)


@dataclasses.dataclass
class Delivery:
    body: str
    received_at: int
    source: str | None
    seen: list
    objects: int | None  # status objects that can be used; None where nobody knows
    rejected: int = 0
    ignored: int = 0


def timestamp(us):
    """Writes microseconds since 1970 as PostgreSQL reads them."""
    return (datetime.datetime(1970, 1, 1) + datetime.timedelta(microseconds=us)).isoformat() + "Z"


def spelled(rng, us):
    """Writes a time in one of the forms that providers use."""
    if us is None:
        return rng.choice(NOT_A_TIME)
    east = datetime.timezone(datetime.timedelta(hours=5, minutes=30))
    moment = datetime.datetime.fromtimestamp(us // SECOND, datetime.timezone.utc) + datetime.timedelta(
        microseconds=us % SECOND)
    forms = [us, str(us), us // 1000, timestamp(us), moment.astimezone(east).isoformat()]
    if us % SECOND == 0:
        forms += [us // SECOND, str(us // SECOND), email.utils.format_datetime(moment)]
    return rng.choice(forms)


def without_none(members):
    return {key: value for key, value in members.items() if value is not None}


def shuffled(rng, members):
    items = list(members.items())
    rng.shuffle(items)
    return dict(items)


def places_in(value):
    """Returns all members and elements of a document, at any depth, as (container, key)."""
    keys = value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    for key in keys:
        yield value, key
        yield from places_in(value[key])


class Generator:
    """Makes random deliveries; everything random comes from rng.

    Those that are `alike` have one time of receipt and one source, and most are statuses that differ in nothing but the
    state, the time and the detail. So an observation is often repeated with other content and the same receipt, beside
    another observation whose content is the same to the byte.
    """

    def __init__(self, rng, alike=False):
        self.rng = rng
        self.alike = alike
        self.receipts = [rng.choice(RECEIPTS)] if alike else RECEIPTS
        self.sources = [rng.choice(SOURCES)] if alike else SOURCES

    def maybe(self, value, share=0.5):
        return value if self.rng.random() < share else None

    def phone(self):
        normal = self.rng.choice(list(PHONES))
        return normal, self.rng.choice(PHONES[normal])

    def seen(self, states=OUTGOING, timed=True):
        rng = self.rng
        seen = Seen(rng.choice(IDS), rng.choice(states))
        if timed and rng.random() < 0.85:
            seen.time = rng.choice(EVENT_TIMES)
        return seen

    def add_error(self, seen, share=0.8):
        if self.rng.random() < share:
            seen.code, seen.title, seen.details = (self.rng.choice(p) for p in (CODES, TEXTS, TEXTS))
        return seen

    def extra(self):
        """Members that no column takes: they make the detail. 1.0 and 1.00 are equal, and yet not the same bytes."""
        rng = self.rng
        if self.alike and rng.random() < 0.8:
            return rng.choice([{}, {"biz_opaque_callback_data": "a"}])
        return rng.choice([{}, {}, {"biz_opaque_callback_data": rng.choice(["a", "B", "c"])}, {"x": "@1.0@"},
                           {"x": "@1.00@"}, {"conversation": {"id": "1", "origin": {"type": "utility"}}, "x": [1, [2]]}])

    # Meta

    def meta_status(self):
        rng = self.rng
        seen = self.seen()
        if rng.random() < 0.3:
            seen.participant = rng.choice(list(PARTICIPANTS))
        members = {"id": seen.message_id, "status": rng.choice(LABELS[seen.state]),
                   "timestamp": spelled(rng, seen.time), **self.extra()}
        if seen.participant:
            members["recipient_participant_id"] = rng.choice(PARTICIPANTS[seen.participant])
        if rng.random() < 0.5:
            seen.facts["recipient"], members["recipient_id"] = self.phone()
        if rng.random() < 0.3:
            pricing = without_none({"category": self.maybe(rng.choice(["utility", "Marketing"])),
                                    "billable": self.maybe(rng.choice([True, False])), "pricing_model": "CBP"})
            members["pricing"] = pricing
            seen.facts["pricing_category"], seen.facts["billable"] = pricing.get("category"), pricing.get("billable")
        if seen.state in FAILURES or rng.random() < 0.1:
            self.add_error(seen)
            # Where there is no title, the message is it.
            error = without_none({"code": seen.code, "title": seen.title or None, "href": self.maybe("https://x"),
                                  "error_data": {"details": seen.details} if seen.details else None})
            members["errors"] = rng.choice([[error], [error, {"code": 9, "title": "a later one"}], error])
        seen.facts["direction"] = "inbound" if seen.state == "received" else "outbound"
        return shuffled(rng, members), seen

    def meta_message(self):
        rng = self.rng
        seen = self.seen(["received"])
        sender, members = self.phone()
        kind = rng.choice(["text", "image"])
        members = {"id": seen.message_id, "from": members, "type": kind, "timestamp": spelled(rng, seen.time)}
        text = rng.choice(TEXTS)
        members[kind] = {"body" if kind == "text" else "caption": text}
        seen.facts.update(direction="inbound", sender=sender, message_type=kind, content=text)
        return shuffled(rng, members), seen

    def meta_value(self):
        rng = self.rng
        statuses = [self.meta_status() for _ in range(rng.choice([1, 1, 2, 3]))]
        messages = [self.meta_message()] if rng.random() < 0.2 else []
        value = {"statuses": [s for s, _ in statuses]}
        if messages:
            value["messages"] = [m for m, _ in messages]
        return value, [s for _, s in statuses], [s for _, s in messages]

    def business(self, value, outgoing, incoming):
        rng = self.rng
        value["messaging_product"] = "whatsapp"
        if rng.random() < 0.5:
            number, written = self.phone()
            value["metadata"] = {"display_phone_number": written, "phone_number_id": "1"}
            for seen in outgoing:
                seen.facts["sender"] = number
            for seen in incoming:
                seen.facts["recipient"] = number
        for seen in outgoing + incoming:
            seen.facts["provider"] = "meta"

    def envelope(self):
        rng = self.rng
        changes, all_seen, ignored = [], [], 0
        for _ in range(rng.choice([1, 1, 2])):
            value, outgoing, incoming = self.meta_value()
            self.business(value, outgoing, incoming)
            changes.append({"field": "messages", "value": value})
            all_seen += outgoing + incoming
        if rng.random() < 0.2:
            changes.append({"field": "message_template_status_update", "value": {"event": "APPROVED"}})
            ignored = 1
        rng.shuffle(changes)
        cut = rng.randrange(len(changes) + 1)
        entries = [{"id": "1", "changes": part} for part in (changes[:cut], changes[cut:])]
        return {"object": "whatsapp_business_account", "entry": entries}, all_seen, len(all_seen), 0, ignored

    def notification(self):
        """As AWS passes it on: a document in a string in a document."""
        envelope, *rest = self.envelope()
        message = [{"whatsAppWebhookEntry": self.written(entry)} for entry in envelope["entry"]]
        if self.rng.random() < 0.5:
            message = [{"Type": "Notification", "TopicArn": "arn:aws:sns:x", "Message": self.written(m)} for m in message]
        return message, *rest

    def flat(self):
        value, outgoing, incoming = self.meta_value()
        for seen in outgoing + incoming:
            seen.facts["provider"] = "aisensy"
        return value, outgoing + incoming, len(outgoing + incoming), 0, 0

    def single(self):
        status, seen = self.meta_status()
        seen.facts["provider"] = "twilio" if seen.message_id.startswith("SM") else "meta"
        return status, [seen], 1, 0, 0

    def bare(self):
        """Statuses of one message that say nothing else of it."""
        rng = self.rng
        message_id = rng.choice(IDS)
        times = EVENT_TIMES[:1] if self.alike else EVENT_TIMES
        statuses, all_seen = [], []
        for _ in range(rng.choice([1, 1, 2, 3])):
            seen = Seen(message_id, rng.choice(["sent", "delivered", "read"]), rng.choice([None, *times, *times]))
            seen.facts = {"direction": "outbound", "provider": "twilio" if message_id.startswith("SM") else "meta"}
            statuses.append({"id": message_id, "status": seen.state, "timestamp": spelled(rng, seen.time), **self.extra()})
            all_seen.append(seen)
        return statuses, all_seen, len(all_seen), 0, 0

    # AiSensy

    def project(self):
        rng = self.rng
        present = self.add_error(self.seen(["sent", "delivered", "read", "failed"]))
        recipient, written = self.phone()
        code, title, failed = present.code, present.title, present.state == "failed"
        if not failed:
            present.code, present.title = None, ""
        present.details = ""
        message = {"id": "as." + present.message_id, "messageId": present.message_id, "status": present.state.upper(),
                   "phone_number": written, "message_type": rng.choice(["template", "Text"]),
                   "failureResponse": without_none({"code": code, "reason": title or None}), **self.extra()}
        present.facts = {"provider": "aisensy", "direction": "outbound", "recipient": recipient,
                         "message_type": message["message_type"]}
        all_seen = [present]
        for state in ("sent", "delivered", "read", "failed"):
            time = present.time if state == present.state else self.maybe(rng.choice(EVENT_TIMES), 0.3)
            message[f"{state}_at"] = None if time is None else time // 1000
            if state != present.state and time is not None:
                other = dataclasses.replace(present, state=state, time=time, code=None, title="")
                if state == "failed":
                    other.code, other.title = code, title
                all_seen.append(other)
        return {"id": "1", "topic": "message.status.updated", "data": {"message": message}}, all_seen, 1, 0, 0

    # Twilio

    def callback(self):
        rng = self.rng
        seen = self.seen(["queued", "sending", "sent", "delivered", "undelivered", "failed", "read", "received"], False)
        if seen.state in FAILURES:
            self.add_error(seen)
        seen.code = seen.code or None  # "0" stands for none
        label = rng.choice([seen.state, seen.state.upper()])
        form = {"MessageSid": seen.message_id, "MessageStatus": label, "AccountSid": "AC1", **self.extra()}
        if rng.random() < 0.5:
            form = {**form, "SmsSid": seen.message_id, "SmsStatus": label}
        seen.facts["sender"], form["From"] = self.phone()
        seen.facts["recipient"], form["To"] = self.phone()
        if seen.code or rng.random() < 0.3:
            form["ErrorCode"] = str(seen.code or 0)
        if seen.title:
            form["ErrorMessage"] = seen.title
        if seen.details:
            form["ChannelStatusMessage"] = seen.details
        incoming = seen.state == "received"
        if incoming:
            form["Body"] = seen.facts["content"] = rng.choice(TEXTS)
        seen.facts.update(provider="twilio", direction="inbound" if incoming else "outbound")
        return shuffled(rng, form), [seen], 1, 0, 0

    def resource(self):
        rng = self.rng
        seen = self.seen(["queued", "sending", "sent", "delivered", "undelivered", "failed", "read"])
        if seen.state in FAILURES:
            self.add_error(seen)
        seen.code, seen.details = seen.code or None, ""
        price, segments = rng.choice(PRICES), rng.choice([None, 1, 2, 10])
        number, written = self.phone()
        resource = {"sid": seen.message_id, "status": seen.state, "direction": "outbound-api", "from": written,
                    "error_code": seen.code, "error_message": seen.title or None, "price": price, "price_unit": "USD",
                    "num_segments": None if segments is None else str(segments), **self.extra()}
        seen.facts = {"provider": "twilio", "direction": "outbound", "sender": number, "price_unit": "USD",
                      "num_segments": segments, "price": None if price == "about a cent" else price}
        all_seen = [seen]
        written_time = None if seen.time is None else spelled(rng, seen.time)
        if seen.state == "sent" and rng.random() < 0.5:
            resource.update(date_sent=written_time, date_updated=None if seen.time is None else spelled(rng, NOON))
            if written_time is None:
                resource["date_created"] = None
        else:
            resource["date_updated"] = written_time
            sent = None if seen.state == "sent" else self.maybe(rng.choice(EVENT_TIMES))
            resource["date_sent"] = None if sent is None else spelled(rng, sent)
            if sent is not None and seen.state in SENT_OR_MORE:
                all_seen.append(dataclasses.replace(seen, state="sent", time=sent, code=None, title=""))
        return shuffled(rng, resource), all_seen

    def rest(self):
        resource, all_seen = self.resource()
        return resource, all_seen, 1, 0, 0

    def page(self):
        resources = [self.resource() for _ in range(self.rng.choice([1, 2, 3]))]
        page = {"messages": [r for r, _ in resources], "next_page_uri": None, "page_size": 50}
        return page, [s for _, seen in resources for s in seen], len(resources), 0, 0

    def events(self):
        rng = self.rng
        events, all_seen = [], []
        for _ in range(rng.choice([1, 1, 2])):
            seen = self.seen(["queued", "sent", "delivered", "undelivered", "failed", "read"])
            if seen.state in FAILURES:
                seen.code = rng.choice([None, 30003, 63016])
            data = {"messageSid": seen.message_id, "messageStatus": seen.state.upper(), "errorCode": seen.code,
                    "timestamp": None if seen.time is None else timestamp(seen.time), **self.extra()}
            seen.facts = {"provider": "twilio", "direction": "outbound"}
            events.append({"id": "E1", "type": f"com.twilio.messaging.message.{seen.state}", "data": data})
            all_seen.append(seen)
        return events, all_seen, len(events), 0, 0

    # What is no status

    def junk(self):
        junk = [{"id": "wamid.j", "status": "levitating"}, {"status": "sent"}, {}, 7, "text", True, None,
                {"entry": {}}, {"statuses": 1}, {"id": "x" * 513, "status": "sent"}]
        ignored = [{"id": "wamid.p", "type": "payment", "status": "captured"}, {"field": "calls", "value": {}}]
        if self.rng.random() < 0.3:
            return self.rng.choice(ignored), [], 0, 0, 1
        return self.rng.choice(junk), [], 0, 1, 0

    def told_again(self, delivery):
        """Returns the delivery as a provider repeats it: at another time, or in another form."""
        rng = self.rng
        again = copy.deepcopy(delivery)
        if rng.random() < 0.5:
            again.received_at, again.source = rng.choice(self.receipts), rng.choice(self.sources)
        if rng.random() < 0.5:
            again.body = again.body.replace('"x": 1.0', '"x": 1.00')
        return again

    def spoiled(self, delivery, other):
        """Returns a delivery with parts replaced by alien ones, some of them from another delivery."""
        rng = self.rng
        document = json.loads(delivery.body)
        for _ in range(rng.choice([1, 1, 2, 4])):
            places = list(places_in(document))
            if places:
                container, key = rng.choice(places)
                foreign = [c[k] for c, k in places_in(json.loads(other.body))]
                container[key] = copy.deepcopy(rng.choice([*foreign, *OUT_OF_PLACE]))
        return dataclasses.replace(delivery, body=json.dumps(document), seen=None, objects=None)

    def written(self, document):
        return json.dumps(document, ensure_ascii=False).replace('"@1.0@"', "1.0").replace('"@1.00@"', "1.00")

    def delivery(self):
        """Returns a random delivery, of a random shape."""
        shapes = [self.envelope, self.notification, self.flat, self.single, self.single, self.project, self.callback,
                  self.rest, self.page, self.events, self.junk] + [self.bare] * (30 if self.alike else 1)
        document, seen, objects, rejected, ignored = self.rng.choice(shapes)()
        return Delivery(self.written(document), self.rng.choice(self.receipts), self.rng.choice(self.sources), seen, objects,
                        rejected, ignored)
