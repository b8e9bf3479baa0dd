"""A TCP proxy between the receiver and the server that fails on demand."""

import asyncio
import contextlib
import socket
import struct
import threading

CHUNK = 65536


class Proxy:
    """A proxy on a free port of 127.0.0.1, in a thread of its own; it leads to a Unix socket."""

    def __init__(self, target):
        self.target = target
        self._pairs = set()
        self._trap = None
        self._marks = ()
        self._refusing = False
        self._loop = asyncio.new_event_loop()
        self._open = asyncio.Event()
        self._open.set()
        self._listener = self._loop.run_until_complete(asyncio.start_server(self._serve, "127.0.0.1", 0))
        self.port = self._listener.sockets[0].getsockname()[1]
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy")
        self._thread.start()

    def close(self):
        async def end():
            self._listener.close()
            self._cut()
            await asyncio.sleep(0)
            self._loop.stop()
        asyncio.run_coroutine_threadsafe(end(), self._loop)
        self._thread.join()
        self._loop.close()

    def cut(self):
        """Resets every connection."""
        self._loop.call_soon_threadsafe(self._cut)

    def refuse(self, refusing):
        """Resets new connections until told otherwise."""
        self._refusing = refusing

    def silence(self, silent):
        """Holds back all bytes until told otherwise; neither side is told."""
        self._loop.call_soon_threadsafe(self._open.clear if silent else self._open.set)

    def cut_next_request(self):
        """Resets the connection of the next request when half of it has passed."""
        self._trap = "request"

    def cut_request_with(self, marks):
        """Resets the connection of the next request that holds one of some strings of bytes, when half of it has passed."""
        self._marks = tuple(marks)
        self._trap = "marked request"

    def cut_next_answer(self):
        """Resets the connection of the next answer: the server is done, and the client gets no answer."""
        self._trap = "answer"

    def is_trapping(self):
        return self._trap is not None

    def spring(self):
        """Takes the trap away."""
        self._trap = None

    def _cut(self):
        for pair in list(self._pairs):
            for writer in pair:
                _reset(writer)

    async def _serve(self, reader, writer):
        if self._refusing:
            _reset(writer)
            return
        try:
            far_reader, far_writer = await asyncio.open_unix_connection(self.target)
        except OSError:
            _reset(writer)
            return
        pair = (writer, far_writer)
        self._pairs.add(pair)
        try:
            await asyncio.gather(self._pump(reader, far_writer, pair, "request"),
                                 self._pump(far_reader, writer, pair, "answer"))
        finally:
            self._pairs.discard(pair)

    async def _pump(self, reader, writer, pair, direction):
        with contextlib.suppress(OSError):
            while data := await reader.read(CHUNK):
                await self._open.wait()
                if self._is_trapped(data, direction):
                    self._trap = None
                    if direction == "request":
                        writer.write(data[: len(data) // 2])
                        await writer.drain()
                    break
                writer.write(data)
                await writer.drain()
        for end in pair:
            _reset(end)

    def _is_trapped(self, data, direction):
        if self._trap == "marked request":
            return direction == "request" and any(mark in data for mark in self._marks)
        # Small packets belong to the connection's start; webhooks and their answers are larger.
        return self._trap == direction and len(data) > (400 if direction == "request" else 60)


def _reset(writer):
    """Closes a connection with a reset."""
    sock = writer.get_extra_info("socket")
    if sock is not None and sock.fileno() >= 0:
        with contextlib.suppress(OSError):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
