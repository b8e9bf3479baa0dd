"""Days of senders, by the minute, on which alerts are tried: what was sent when, what became of it, and when it was heard of."""

import dataclasses
import datetime
import random

MIDNIGHT = datetime.datetime(2026, 3, 4, tzinfo=datetime.timezone.utc)
MINUTE = datetime.timedelta(minutes=1)
HOUR = 60
DAY = 24 * HOUR


@dataclasses.dataclass
class Message:
    """Times are minutes since midnight; None: never. Nothing is heard of a message before `heard_from`, nor from `deaf_from` on."""

    provider: str
    sender: str
    created: float
    sent: float = None
    delivered: float = None
    read: float = None
    failed: float = None
    error_code: int = None
    heard_from: float = float("-inf")
    deaf_from: float = float("inf")


@dataclasses.dataclass
class Channel:
    """Of 1,000 messages: how many fail, whose phones are off, how many are read; and how long delivery takes, in seconds."""

    provider: str
    sender: str
    failing: int = 20
    switched_off: int = 5
    read: int = 600
    seconds: float = 3
    error_code: int = 131026

    def send(self, chance, at, registered=None, **changes):
        """Returns a message that is sent at a time."""
        message = Message(self.provider, self.sender, at if registered is None else registered, sent=at + 0.02)
        lot = chance.randrange(1000)
        if lot < self.failing:
            message.failed, message.error_code = at + 0.03, self.error_code
        elif lot >= self.failing + self.switched_off:
            message.delivered = at + 0.02 + chance.expovariate(60 / self.seconds)
            if chance.randrange(1000) < self.read:
                message.read = message.delivered + chance.expovariate(1 / 90)
        return dataclasses.replace(message, **changes)


WHATSAPP = Channel("meta", "+14155550100")
SMS = Channel("twilio", "+14155550101", failing=40, switched_off=20, read=0, seconds=6, error_code=30003)


def office(chance, channel, number, first_day=-4, last_day=0, opens=8, closes=20):
    """Returns so many messages a day, between opening and closing."""
    return [channel.send(chance, day * DAY + chance.uniform(opens * HOUR, closes * HOUR))
            for day in range(first_day, last_day + 1) for _ in range(number)]


def quiet_night(chance):
    return office(chance, WHATSAPP, 300, last_day=-1) + [WHATSAPP.send(chance, at * HOUR) for at in (1, 2.5, 4)]


def bulk_start(chance):
    bulk = [WHATSAPP.send(chance, 10 * HOUR + n / 200) for n in range(4000)]
    return office(chance, WHATSAPP, 60) + bulk


def provider_down(chance):
    """From 12:00 to 14:00 Meta accepts messages and delivers none; afterwards it delivers them."""
    messages = office(chance, WHATSAPP, 1200, first_day=-1) + office(chance, SMS, 600, first_day=-1)
    for m in messages:
        if m.provider == "meta" and m.delivered and 12 * HOUR <= m.sent < 14 * HOUR:
            m.delivered = 14 * HOUR + chance.uniform(0, 5)
            m.read = m.read and max(m.read, m.delivered + 1)
    return messages


def provider_refuses(chance):
    """From 12:00 to 13:00 Meta fails everything, without an error code."""
    messages = office(chance, WHATSAPP, 1200, first_day=-1)
    for m in messages:
        if 12 * HOUR <= m.sent < 13 * HOUR:
            m.delivered, m.read, m.failed, m.error_code = None, None, m.sent + 0.01, None
    return messages


def webhooks_stop(chance):
    """From 12:00 on, no webhook of Meta comes, and at 20:00 the last message is sent; those of Twilio come."""
    messages = office(chance, WHATSAPP, 300, first_day=-2) + office(chance, SMS, 300, first_day=-2)
    return [dataclasses.replace(m, deaf_from=12 * HOUR) if m.provider == "meta" else m for m in messages]


def small_sender(chance):
    messages = office(chance, WHATSAPP, 30)
    for m in [m for m in messages if m.created > 0][:3]:
        m.delivered, m.read, m.failed, m.error_code = None, None, m.sent + 0.01, 131026
    return messages


def an_import(chance):
    """At 10:00, history of five days, today's included: half of it never heard of again after sent, and nothing read."""
    history = [Message("meta", "+14155550100", at, sent=at, delivered=at + 1 if n % 2 else None, heard_from=10 * HOUR)
               for n, at in enumerate(chance.uniform(-5 * DAY, 10 * HOUR) for _ in range(2000))]
    return office(chance, WHATSAPP, 300, first_day=-2) + history


def sms_only(chance):
    return office(chance, SMS, 400)


def whatsapp_only(chance):
    """Marketing, which four of ten read."""
    return office(chance, dataclasses.replace(WHATSAPP, read=400), 400)


def new_installation(chance):
    """A first try fails twice; then thirty messages, and in the afternoon three hundred."""
    first = [Message("meta", "+14155550100", 9 * HOUR + n, sent=9 * HOUR + n, failed=9 * HOUR + n + 0.1, error_code=131030) for n in (0, 5)]
    return first + [WHATSAPP.send(chance, 10 * HOUR + 2 * n) for n in range(30)] + [WHATSAPP.send(chance, 15 * HOUR + n / 2) for n in range(300)]


def registered_ahead(chance):
    """At 8:00 three hundred messages are registered, which are sent at 18:00."""
    return [WHATSAPP.send(chance, day * DAY + 18 * HOUR + n / 100, registered=day * DAY + 8 * HOUR) for day in range(-3, 1) for n in range(300)]


# What happens on the day, how it is made, and the alerts that it should have.
DAYS = {
    "quiet night: an office by day, three messages in the night": (quiet_night, set()),
    "bulk start: 4,000 messages from 10:00 to 10:20": (bulk_start, set()),
    "a provider accepts and does not deliver, 12:00 to 14:00; beside it another works": (
        provider_down, {"delivery_rate_low", "messages_undelivered", "delivery_slow"}),
    "a provider fails everything without a code, 12:00 to 13:00": (provider_refuses, {"delivery_rate_low", "error_code_frequent"}),
    "no webhook of one provider from 12:00 on, the last message at 20:00": (webhooks_stop, {"webhooks_silent"}),
    "small sender: 30 messages a day, three fail": (small_sender, set()),
    "import at 10:00 of five days, half never delivered": (an_import, set()),
    "SMS only: 400 a day, 4 % fail": (sms_only, set()),
    "WhatsApp only: marketing that 40 % read": (whatsapp_only, set()),
    "new installation: two failures at 9:00, 30 messages at 10:00, 300 from 15:00": (new_installation, set()),
    "300 messages registered at 8:00 and sent at 18:00, as on the days before": (registered_ahead, set()),
}


def messages_of(day):
    return DAYS[day][0](random.Random(day))
