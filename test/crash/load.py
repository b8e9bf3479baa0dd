"""The driver: clients that post webhooks as fast as they are answered, and note every answer.

A webhook that was answered 2xx is acknowledged. One that was refused, or whose connection broke before the answer, may or
may not have been kept; most of these are posted again after a while, as a provider would, and some never.
"""

import asyncio
import collections
import heapq
import itertools
import random
import threading
import time

ANSWER_TIME = 20  # seconds after which a client gives up on an answer
RETRIED = 0.8  # how many of the webhooks that were not acknowledged are posted again
RETRY_AFTER = (0.1, 2.0)  # seconds
PAUSE = 0.02  # seconds that a client waits after a refusal, or where nothing listens
REFUSALS = (408, 503)


class Load:
    """Clients in a thread of their own; `port` is asked at each connection, since a restarted receiver has another."""

    def __init__(self, workload, port, clients):
        self.workload = workload
        self.port = port
        self.clients = clients
        self.round = 0
        self.acknowledged = collections.Counter()  # webhooks, by round; likewise below
        self.on_disk = collections.Counter()
        self.refused = collections.Counter()
        self.unknown = collections.Counter()
        self.unexpected = []
        self._on_disk = collections.deque(maxlen=20)
        self._random = random.Random(workload.seed)
        self._retries = []
        self._numbers = itertools.count()
        self._connections = set()
        self._finishing = False
        self._stopping = False
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="load")

    def start(self):
        self._thread.start()

    def cut(self):
        """Breaks every client's connection, whatever is on its way."""
        self._loop.call_soon_threadsafe(self._cut)

    def _cut(self):
        for writer in list(self._connections):
            writer.transport.abort()

    def finish(self):
        """Begins nothing new; the clients end when all webhooks to be posted again are acknowledged."""
        self._finishing = True

    def stop(self):
        """Ends the clients at once."""
        self._stopping = True

    def is_running(self):
        return self._thread.is_alive()

    def join(self, patience):
        self._thread.join(patience)
        return not self._thread.is_alive()

    def total(self):
        """Returns how many webhooks were acknowledged so far."""
        return sum(self.acknowledged.values())

    def bodies_on_disk(self):
        """Returns the bodies of the webhooks that went to the disk last, in the form in which the database is to get them."""
        return list(self._on_disk)

    def total_refused(self):
        return sum(self.refused.values())

    def _run(self):
        async def all_clients():
            await asyncio.gather(*(self._client() for _ in range(self.clients)))
        try:
            self._loop.run_until_complete(all_clients())
        finally:
            self._loop.close()

    async def _client(self):
        reader = writer = None
        try:
            while not self._stopping:
                webhook = self._next()
                if webhook is None:
                    if self._finishing and not self._retries:
                        return
                    await asyncio.sleep(PAUSE)
                    continue
                now = time.time()
                try:
                    if writer is None:
                        reader, writer = await self._connect()
                        now = time.time()
                except OSError:
                    self._post_later(webhook)
                    await asyncio.sleep(PAUSE)
                    continue
                for note in webhook.notes:
                    note.posted(now)
                try:
                    status, last, body = await self._exchange(reader, writer, webhook.request)
                except (OSError, EOFError):
                    self.unknown[self.round] += 1
                    self._post_perhaps(webhook)
                    writer = self._close(writer)
                    continue
                if last:
                    writer = self._close(writer)
                if 200 <= status < 300:
                    self._note(webhook, body)
                    continue
                self.refused[self.round] += 1
                if status not in REFUSALS:
                    self.unexpected.append(status)
                self._post_perhaps(webhook)
                await asyncio.sleep(PAUSE)
        finally:
            if writer is not None:
                self._close(writer)

    def _next(self):
        if self._retries and self._retries[0][0] <= time.monotonic():
            return heapq.heappop(self._retries)[2]
        return None if self._finishing else self.workload.next()

    def _note(self, webhook, body):
        now = time.time()
        self.acknowledged[self.round] += 1
        if b'"spooled"' in body:
            self.on_disk[self.round] += 1
            self._on_disk.append(webhook.body)
        for note in webhook.notes:
            note.acknowledged(now, self.round)

    def _post_perhaps(self, webhook):
        if self._random.random() < RETRIED:
            self._post_later(webhook)

    def _post_later(self, webhook):
        due = time.monotonic() + self._random.uniform(*RETRY_AFTER)
        heapq.heappush(self._retries, (due, next(self._numbers), webhook))

    async def _connect(self):
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port())
        self._connections.add(writer)
        return reader, writer

    def _close(self, writer):
        self._connections.discard(writer)
        writer.transport.abort()

    async def _exchange(self, reader, writer, request):
        """Returns the status of the answer, whether the connection ends with it, and its body."""
        timeout = self._loop.call_later(ANSWER_TIME, writer.transport.abort)
        try:
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            status_line, *lines = head.lower().split(b"\r\n")
            fields = dict(line.split(b": ", 1) for line in lines if line)
            body = await reader.readexactly(int(fields.get(b"content-length", 0)))
            return int(status_line.split()[1]), fields.get(b"connection") == b"close", body
        finally:
            timeout.cancel()
