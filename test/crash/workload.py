"""The driver's webhooks: of every provider, made from a seed, with the fate of each status in them.

A message is observed in several states, some of them at two times. Its observations go out in random order, mixed with
those of other messages, some twice: in the same body or in another one. A few statuses cannot be used, and a few bodies
are such that jsonb refuses them.
"""

import collections
import json
import random

from client import FORM, aisensy_signature, form, meta_signature, twilio_signature
from webhooks import aisensy_flat, meta, meta_status, twilio_fields

PUBLIC_URL = "https://hooks.example.org"
SECRETS = {"MSGSTATUS_META_APP_SECRET": "crash-meta-app-secret", "MSGSTATUS_TWILIO_AUTH_TOKEN": "crash-twilio-auth-token",
           "MSGSTATUS_AISENSY_SECRET": "crash-aisensy-secret"}
EPOCH = 1733826600  # 2024-12-10 10:30:00 UTC
WAYS = {
    "meta": [("sent",), ("sent", "delivered"), ("sent", "delivered", "read"), ("delivered", "read"), ("sent", "failed"),
             ("sent", "failed", "delivered"), ("sent", "delivered", "read", "played")],
    "twilio": [("queued", "sent", "delivered"), ("queued", "sending", "sent", "undelivered"), ("queued", "failed"),
               ("accepted", "queued", "sent", "delivered", "read")],
    "aisensy": [("sent", "delivered", "read"), ("sent", "delivered"), ("sent", "failed")],
}
PROJECT_TIMES = {"sent": "sent_at", "delivered": "delivered_at", "read": "read_at", "failed": "failed_at"}
FAILURE_CODES = {"meta": 131026, "twilio": 30003}

TWO_TIMES = 0.1  # how often a state is observed at a second time
REPEATED = 0.05  # how often an observation goes into a second body
POSTED_AGAIN = 0.03  # how often a body is posted a second time, though it was answered
UNUSABLE = 0.01  # how often a body holds a status that cannot be used
REFUSED_BY_JSONB = 0.002  # how often a body holds what jsonb refuses
POOL = 400  # observations of a provider that wait for their body


class Note:
    """The fate of one observation or dead letter that was posted. Times are those of the driver's clock, in seconds."""

    __slots__ = ("first_posted", "posts", "first_acknowledged", "acknowledgements", "round")

    def __init__(self):
        self.first_posted = None
        self.posts = 0
        self.first_acknowledged = None
        self.acknowledgements = 0
        self.round = None  # in which it was first acknowledged

    def posted(self, now):
        self.posts += 1
        if self.first_posted is None:
            self.first_posted = now

    def acknowledged(self, now, number):
        self.acknowledgements += 1
        if self.first_acknowledged is None:
            self.first_acknowledged = now
            self.round = number


class Observation(Note):
    """Message M in state S at time T; the time in microseconds, None where the provider sends none (Twilio)."""

    __slots__ = ("message_id", "state", "time", "code")

    def __init__(self, message_id, state, time, code):
        super().__init__()
        self.message_id = message_id
        self.state = state
        self.time = time
        self.code = code

    @property
    def key(self):
        return self.message_id, self.state, self.time, self.code


class DeadLetter(Note):
    """A status that cannot be used; it has an id of its own."""

    __slots__ = ("message_id",)

    def __init__(self, message_id):
        super().__init__()
        self.message_id = message_id


class Webhook:
    """The bytes of a request, and the notes of what it holds."""

    __slots__ = ("request", "notes")

    def __init__(self, target, body, headers, notes):
        headers = {"Content-Type": "application/json", **headers}
        lines = [f"POST {target} HTTP/1.1", "Host: hooks.example.org", f"Content-Length: {len(body)}",
                 *(f"{name}: {value}" for name, value in headers.items())]
        self.request = "\r\n".join(lines).encode() + b"\r\n\r\n" + body
        self.notes = notes

    @property
    def body(self):
        return self.request.partition(b"\r\n\r\n")[2]


class Workload:
    """The webhooks of a seed, one after another."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.seed = seed
        self.messages = 0
        self.observations = []
        self.dead_letters = []
        self._pools = {"meta": [], "twilio": [], "aisensy": []}
        self._recent = collections.deque(maxlen=500)

    def next(self):
        """Returns a webhook: mostly a new one, sometimes one that was returned before."""
        chance = self.random.random
        if self._recent and chance() < POSTED_AGAIN:
            return self.random.choice(self._recent)
        if chance() < REFUSED_BY_JSONB:
            webhook = self._refused_by_jsonb()
        else:
            provider = self.random.choices(("meta", "twilio", "aisensy"), (6, 2, 2))[0]
            webhook = getattr(self, "_" + provider)()
        self._recent.append(webhook)
        return webhook

    def _meta(self):
        number = self.random.choices((1, 2, 5, 30), (70, 20, 9, 1))[0]
        notes = [self._take("meta") for _ in range(number)]
        statuses = [self._meta_status(observation) for observation in notes]
        if self.random.random() < UNUSABLE:
            dead = self._dead_letter("unusable")
            notes.append(dead)
            statuses.insert(self.random.randrange(number + 1), meta_status(dead.message_id, "deleted"))
        return self._signed_by_meta(meta(*statuses), notes)

    @staticmethod
    def _meta_status(observation):
        more = {}
        if observation.code is not None:
            more["errors"] = [{"code": observation.code, "title": "Message undeliverable"}]
        return meta_status(observation.message_id, observation.state, observation.time // 1_000_000, **more)

    def _refused_by_jsonb(self):
        dead = self._dead_letter("refused")
        status = meta_status(dead.message_id, biz_opaque_callback_data="\0")
        return self._signed_by_meta(meta(status), [dead])

    @staticmethod
    def _signed_by_meta(payload, notes):
        body = json.dumps(payload).encode()
        return Webhook("/webhooks/meta", body, meta_signature(SECRETS["MSGSTATUS_META_APP_SECRET"], body), notes)

    def _twilio(self):
        observation = self._take("twilio")
        more = {} if observation.code is None else {"ErrorCode": str(observation.code)}
        fields = twilio_fields(observation.message_id, observation.state, **more)
        target = "/webhooks/twilio/status"
        signature = twilio_signature(SECRETS["MSGSTATUS_TWILIO_AUTH_TOKEN"], PUBLIC_URL + target, fields)
        return Webhook(target, form(fields), {**FORM, **signature}, [observation])

    def _aisensy(self):
        if self.random.random() < 0.5:
            observation = self._take("aisensy")
            notes = [observation]
            payload = aisensy_flat(observation.message_id, observation.state, observation.time // 1_000_000)
        else:
            notes = self._new_message("aisensy", two_times=False)
            payload = self._project_webhook(notes)
        body = json.dumps(payload).encode()
        return Webhook("/webhooks/aisensy", body, aisensy_signature(SECRETS["MSGSTATUS_AISENSY_SECRET"], body), notes)

    def _project_webhook(self, observations):
        """Returns all observations of a message in one body, with times in milliseconds."""
        message = {"id": f"internal-{observations[0].message_id}", "messageId": observations[0].message_id, "phone_number": "14155550100",
                   "status": observations[-1].state.upper(), "message_type": "TEMPLATE", "failureResponse": {}}
        for observation in observations:
            message[PROJECT_TIMES[observation.state]] = observation.time // 1000
        return {"id": "notification", "topic": "message.status.updated", "data": {"message": message}}

    def _take(self, provider):
        """Returns an observation to post, mostly one that has not been posted yet."""
        pool = self._pools[provider]
        if not pool:
            while len(pool) < POOL:
                pool += self._new_message(provider)
            self.random.shuffle(pool)
        observation = pool.pop()
        if self.random.random() < REPEATED:
            pool.insert(self.random.randrange(len(pool) + 1), observation)
        return observation

    def _new_message(self, provider, two_times=True):
        self.messages += 1
        message_id = f"wamid.{provider}.{self.seed}.{self.messages:08d}"
        seconds = self.random.randrange(86400)
        observations = []
        for state in self.random.choice(WAYS[provider]):
            code = FAILURE_CODES.get(provider) if state in ("failed", "undelivered") else None
            for _ in range(2 if two_times and provider != "twilio" and self.random.random() < TWO_TIMES else 1):
                seconds += self.random.randrange(1, 60)
                time = None if provider == "twilio" else (EPOCH + seconds) * 1_000_000
                observations.append(Observation(message_id, state, time, code))
        self.observations += observations
        return observations

    def _dead_letter(self, kind):
        dead = DeadLetter(f"wamid.{kind}.{self.seed}.{len(self.dead_letters):08d}")
        self.dead_letters.append(dead)
        return dead
