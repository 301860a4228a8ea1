"""Wyoming on a TCP port of its own, by the server side of the `wyoming` package.

Each of its connections is a socket to `TranslatedConnection`, as a WebSocket is: events without payload
are its text frames, audio its binary ones.
"""

import asyncio
import contextlib
import json
from collections.abc import Callable, Iterable
from typing import Any

import msgspec
import structlog
from websockets.exceptions import ConnectionClosedOK
from wyoming.event import Event, async_write_event
from wyoming.server import AsyncEventHandler, AsyncTcpServer

from surtitle.errors import ConfigurationError
from surtitle.gateway.budget import allowance
from surtitle.gateway.reading import InputTurns
from surtitle.gateway.stream import LINGER_S, MOST_OF_A_MESSAGE_S, UNSENT_BYTES

log = structlog.get_logger("surtitle.wyoming")

MAX_HEAD_BYTES = 1 << 14
"""Of an event's head, and of its data: all of it is read at once, several times."""
MAX_PAYLOAD_BYTES = 1 << 20
"""Of its audio. Home Assistant sends a kilobyte or two."""
MOST_QUEUED = 4
"""Events that may wait to be worked on, before no more is read."""

Serve = Callable[["WyomingSocket", str], None]
"""Serves a connection that has come from an address, in a task of its own."""


class WyomingServer:
    """Listens, and hands its connections over."""

    def __init__(self, serve: Serve, inputs: InputTurns) -> None:
        """What its clients ask for is done in turns with all others."""
        self._serve = serve
        self._inputs = inputs
        self._server: AsyncTcpServer | None = None

    async def start(self, host: str, port: int) -> None:
        """Listen. Raises ConfigurationError."""
        self._server = AsyncTcpServer(host, port)
        try:
            await self._server.start(self._begin)
        except OSError as error:
            raise ConfigurationError(
                f"Cannot listen on {host} port {port}: {error.strerror or error}. Choose another with "
                "--wyoming."
            ) from error

    @property
    def port(self) -> int:
        """Where it listens."""
        assert self._server is not None
        server: Any = self._server._server  # of asyncio or uvloop
        return int(server.sockets[0].getsockname()[1])

    def _begin(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> "_Handler":
        handler = _Handler(_Bounded(reader), writer, self._inputs)
        peer = writer.get_extra_info("peername")
        self._serve(handler.socket, peer[0] if peer else "")
        return handler

    async def close(self) -> None:
        """Listen no more, and end the connections that are left."""
        if self._server is not None:
            with contextlib.suppress(ConnectionError):
                await self._server.stop()


class _Head(msgspec.Struct):
    """What is announced of an event."""

    data_length: int | None = None
    payload_length: int | None = None

    @property
    def is_bearable(self) -> bool:
        """Whether so much may come."""
        return (
            0 <= (self.data_length or 0) <= MAX_HEAD_BYTES
            and 0 <= (self.payload_length or 0) <= MAX_PAYLOAD_BYTES
        )


_head_decoder = msgspec.json.Decoder(_Head)


class _Bounded(asyncio.StreamReader):
    """A reader that announces the end where a client announces too much."""

    def __init__(self, reader: asyncio.StreamReader) -> None:
        super().__init__()
        self._reader = reader

    async def readline(self) -> bytes:
        """The head of an event; nothing, which ends the connection, where it is none, or announces too
        much.
        """
        try:
            line = await self._reader.readline()
            if len(line) <= MAX_HEAD_BYTES and _head_decoder.decode(line).is_bearable:
                return line
        except (ValueError, msgspec.MsgspecError):  # asyncio's own limit for lines, or no JSON
            pass
        return b""

    async def readexactly(self, n: int) -> bytes:
        """So many bytes, as the head has announced."""
        return await self._reader.readexactly(n)

    def feed_eof(self) -> None:
        """The connection ends."""
        self._reader.feed_eof()


class WyomingSocket:
    """A connection, see Socket."""

    def __init__(self, writer: asyncio.StreamWriter, inputs: InputTurns) -> None:
        self._inputs = inputs
        self._cost = allowance()
        self.close_received: int | None = None
        self.is_lost = False
        self._writer = writer
        self._frames: asyncio.Queue[str | bytes | None] = asyncio.Queue(MOST_QUEUED)
        self._format: Any = None  # of the audio, as it was told last
        self._is_deaf = False
        self._gone = asyncio.Event()

    # -- what comes -----------------------------------------------------------------------------

    async def put(self, event: Event) -> None:
        """An event has come; it waits for room."""
        await asyncio.sleep(0)  # what has come already is read without a pause
        if self._is_deaf:
            return
        if event.type == "audio-chunk":
            form = {name: event.data.get(name) for name in ("rate", "width", "channels")}
            if form != self._format:  # some clients send no `audio-start`
                await self._put_text("audio-start", form)
            await self._frames.put(event.payload or b"")
        else:
            await self._put_text(event.type, event.data)

    async def _put_text(self, kind: str, data: Any) -> None:
        if kind == "audio-start":
            self._format = {name: data.get(name) for name in ("rate", "width", "channels")}
        await self._frames.put(json.dumps({"type": kind, "data": data}))

    def lose(self) -> None:
        """The client has gone."""
        self.is_lost = True
        self._gone.set()
        if self._frames.full():
            self._frames.get_nowait()
        self._frames.put_nowait(None)

    async def recv(self) -> str | bytes:
        """See Socket."""
        frame = await self._frames.get()
        if frame is None:
            raise ConnectionClosedOK(None, None)
        return frame

    async def in_turn(self, calls: Iterable[Callable[[], object]]) -> None:
        """See Socket."""
        for call in calls:
            await self._inputs.in_turn(self._cost, call, MOST_OF_A_MESSAGE_S)

    @property
    def has_input(self) -> bool:
        """See Socket."""
        return not self._frames.empty()

    # -- what goes ------------------------------------------------------------------------------

    def send_now(self, message: str) -> bool:
        """See Socket: its event is written in a task."""
        return False

    async def send(self, message: str) -> None:
        """See Socket."""
        if self.is_lost or self._writer.is_closing():
            raise ConnectionClosedOK(None, None)
        event = json.loads(message)
        try:
            await async_write_event(Event(event["type"], event["data"]), self._writer)
        except ConnectionError as error:
            raise ConnectionClosedOK(None, None) from error

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """See Socket. A socket that is closed with something unread in it sends a reset, which may
        overtake the last that was written: so all is read that still comes.
        """
        self._stop_listening()
        with contextlib.suppress(OSError, TimeoutError):
            self._writer.write_eof()
            async with asyncio.timeout(LINGER_S):
                await self._gone.wait()
        self.abort()

    def abort(self) -> None:
        """See Socket."""
        self._stop_listening()
        self._writer.transport.abort()

    def _stop_listening(self) -> None:
        """Drop what has come: whoever waits for room goes on, to the end of the stream."""
        self._is_deaf = True
        while not self._frames.empty():
            self._frames.get_nowait()


class _Handler(AsyncEventHandler):
    """The package's end of a connection."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, inputs: InputTurns
    ) -> None:
        super().__init__(reader, writer)
        writer.transport.set_write_buffer_limits(UNSENT_BYTES)
        self.socket = WyomingSocket(writer, inputs)

    async def run(self) -> None:
        """See AsyncEventHandler. What is no event ends the connection."""
        try:
            with contextlib.suppress(
                OSError, EOFError, KeyError, TypeError, AttributeError, RecursionError
            ):
                await super().run()
        finally:
            self.socket.lose()

    async def handle_event(self, event: Event) -> bool:
        """See AsyncEventHandler."""
        data: Any = event.data  # whatever the client has sent
        if not isinstance(data, dict):
            return False
        await self.socket.put(event)
        return True
