"""Wyoming on a TCP port of its own, by the server of the `wyoming` package.

Each of its connections is a socket to `TranslatedConnection`, as a WebSocket is: events without payload
are its text frames, audio its binary ones. They are read here and not by the package, which makes
objects of all that is in them, in nobody's time.
"""

import asyncio
import contextlib
import json
import time
from collections.abc import Callable, Collection, Iterable
from functools import partial
from typing import Any, TypeVar

import msgspec
import structlog
from websockets.exceptions import ConnectionClosedOK
from wyoming.event import Event, async_write_event
from wyoming.server import AsyncEventHandler, AsyncTcpServer

from surtitle.errors import ConfigurationError, FrameTooLarge, WireError
from surtitle.gateway.budget import allowance
from surtitle.gateway.inputs import InputTurns
from surtitle.gateway.stream import LINGER_S, MAX_MESSAGE_S, UNSENT_BYTES

log = structlog.get_logger("surtitle.wyoming")

MAX_HEAD_BYTES = 1 << 14
"""Of an event's head, and of its data: all of it is read at once."""
MAX_WISHES_BYTES = 1 << 18
"""Of the data of `transcribe`, which has the names of a home: some thousands of them."""
MAX_PAYLOAD_BYTES = 1 << 20
"""Of its audio. Home Assistant sends a kilobyte or two."""
MAX_QUEUED = 4
"""Events that may wait to be worked on, before no more is read."""
EVENT_S = 0.0001
"""What an event costs its client beside what is done for it: two tasks wake up."""

T = TypeVar("T")

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
        return self._names[0][1]

    @property
    def addresses(self) -> list[str]:
        """Those at which it listens on `port`. (A name may have several; port 0 is another at each.)"""
        return [name[0] for name in self._names if name[1] == self.port]

    @property
    def _names(self) -> list[tuple[str, int]]:
        """Address and port of each listening socket."""
        assert self._server is not None
        server: Any = self._server._server  # of asyncio or uvloop
        return [socket.getsockname()[:2] for socket in server.sockets]

    def _begin(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> "_Handler":
        handler = _Handler(reader, writer, self._inputs)
        peer = writer.get_extra_info("peername")
        self._serve(handler.socket, peer[0] if peer else "")
        return handler

    async def close(self) -> None:
        """Listen no more, and end the connections that are left."""
        if self._server is not None:
            with contextlib.suppress(ConnectionError):
                await self._server.stop()


Data = dict[str, msgspec.Raw]
"""Of an event, by name: each as it came."""
_FORM: Collection[str] = ("rate", "width", "channels")
"""Of audio."""


class _Head(msgspec.Struct):
    """The line with which an event begins."""

    type: str
    data: Data | None = None
    data_length: int | None = None
    payload_length: int | None = None

    def check(self) -> None:
        """Where more is announced than may come: raises FrameTooLarge if that is of a client that means
        well, a home with too many names; else ValueError.
        """
        is_wish = self.type == "transcribe"
        most_bytes = MAX_WISHES_BYTES if is_wish else MAX_HEAD_BYTES
        if not 0 <= (self.data_length or 0) <= most_bytes:
            if is_wish:
                raise FrameTooLarge(
                    f"The data of `transcribe` may have {most_bytes} bytes at most."
                )
            raise ValueError("too much data is announced")
        if not 0 <= (self.payload_length or 0) <= MAX_PAYLOAD_BYTES:
            raise ValueError("too much audio is announced")


_head_decoder = msgspec.json.Decoder(_Head)
_data_decoder = msgspec.json.Decoder(Data)


class WyomingSocket:
    """A connection, see Socket."""

    def __init__(self, writer: asyncio.StreamWriter, inputs: InputTurns) -> None:
        self._inputs = inputs
        self._cost = allowance()
        self.close_received: int | None = None
        self.is_lost = False
        self.fail: Callable[[WireError], object] | None = None
        """Told what ends the connection."""
        self._writer = writer
        self._frames: asyncio.Queue[str | bytes | None] = asyncio.Queue(MAX_QUEUED)
        self._format: Data | None = None  # of the audio, as it was told last
        self._deaf = asyncio.Event()  # what comes is dropped
        self._gone = asyncio.Event()

    # -- what comes -----------------------------------------------------------------------------

    async def read_from(self, reader: asyncio.StreamReader) -> None:
        """Take events until one is none, announces too much, or the client goes.

        Raises OSError, EOFError and ValueError for such ends.
        """
        try:
            await self._read_events(reader)
        except FrameTooLarge as error:
            if self.fail is not None:
                self.fail(error)
                await self._drop_rest(reader)

    async def _read_events(self, reader: asyncio.StreamReader) -> None:
        while line := await reader.readline():
            if len(line) > MAX_HEAD_BYTES:
                raise FrameTooLarge(f"An event's head may have {MAX_HEAD_BYTES} bytes at most.")
            head = self._timed(partial(_head_decoder.decode, line), EVENT_S)
            head.check()
            more = await reader.readexactly(head.data_length or 0)
            payload = await reader.readexactly(head.payload_length or 0)
            await asyncio.sleep(0)  # what has come already is read without a pause
            if not self._deaf.is_set():
                await self._put(head, more, payload)

    async def _drop_rest(self, reader: asyncio.StreamReader) -> None:
        """Read nothing until what was said is answered; then what has come, see `close`."""
        await self._deaf.wait()
        while await reader.read(MAX_HEAD_BYTES):
            pass

    async def _put(self, head: _Head, more: bytes, payload: bytes) -> None:
        """An event has come; it waits for room."""
        data = head.data or {}
        if more:
            data |= self._timed(partial(_data_decoder.decode, more))
        form = {name: data[name] for name in _FORM if name in data}
        if head.type == "audio-chunk":
            if form != self._format:  # some clients send no `audio-start`
                await self._put_text("audio-start", form)
            await self._frames.put(payload)
        else:
            await self._put_text(head.type, data)
        if head.type in ("audio-start", "audio-chunk"):
            self._format = form

    async def _put_text(self, kind: str, data: Data) -> None:
        text = self._timed(lambda: msgspec.json.encode({"type": kind, "data": data}).decode())
        await self._frames.put(text)

    def _timed(self, call: Callable[[], T], more_s: float = 0.0) -> T:
        """Do at once what the client has asked for, which counts as its own, and so much more."""
        began_s = time.perf_counter()
        try:
            return call()
        finally:
            now_s = time.perf_counter()
            cost_s = now_s - began_s + more_s
            self._inputs.charge(self._cost, cost_s, now_s, MAX_MESSAGE_S)

    def lose(self) -> None:
        """The client has gone."""
        self.is_lost, self.fail = True, None
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

    async def in_turn(self, calls: Iterable[Callable[[], object]], room: asyncio.Event) -> None:
        """See Socket."""
        for call in calls:
            await room.wait()
            await self._inputs.in_turn(self._cost, call, MAX_MESSAGE_S)

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
        self._deaf.set()
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
            # Also asyncio's own limit for lines, and what is no JSON.
            with contextlib.suppress(OSError, EOFError, ValueError, RecursionError):
                await self.socket.read_from(self.reader)
        finally:
            self.socket.lose()
            self.writer.close()

    async def handle_event(self, event: Event) -> bool:
        """See AsyncEventHandler: events do not come this way."""
        return False
