"""What every captioning server has in common for a client: audio in, committed text and a tail out."""

import asyncio
import contextlib
import time
from abc import ABC, abstractmethod
from typing import Any, ClassVar

import msgspec
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from load.metrics import Change

OPEN_LIMIT_S = 120.0
"""Time a server may take for its greeting: some load their model then."""
GOODBYE_LIMIT_S = 30.0
"""Time a server may take for what is left after the goodbye."""


class Refused(Exception):
    """The server does not take the session now (full, or loading)."""


class Adapter(ABC):
    """One session with a server. Audio is 16 kHz mono PCM16."""

    note: ClassVar[str] = ""
    """What the reader of the figures must know about this protocol."""
    revisions = False
    """Whether to ask for better texts of finals, where the protocol has that. They are not shown: the
    figures stay those of finals."""

    def __init__(self, url: str, language: str) -> None:
        self.url = url
        self.language = language
        self.changes: list[Change] = []
        """Every change of the text, with its arrival time (`time.monotonic`)."""
        self.problems: list[str] = []
        self.ended = asyncio.Event()
        """The server has said all that it will."""

    def show(self, committed: str, tail: str = "") -> None:
        """The text is now this; kept where it has changed."""
        last = self.changes[-1] if self.changes else None
        if last is None or (last.committed, last.tail) != (committed, tail):
            self.changes.append(Change(time.monotonic(), committed, tail))

    @abstractmethod
    async def open(self) -> None:
        """Connect and wait until the server wants audio. Raises Refused."""

    @abstractmethod
    async def send(self, frame: bytes) -> None:
        """Send audio."""

    async def speech_begins(self) -> None:  # noqa: B027 - most protocols leave this to the server
        """The next frame has the first sample of an utterance."""

    async def speech_ended(self) -> None:  # noqa: B027
        """The last frame had the last sample of an utterance."""

    @abstractmethod
    async def say_goodbye(self) -> None:
        """Say that no more audio comes."""

    async def finish(self) -> None:
        """Say goodbye, and wait for what is left."""
        await self.say_goodbye()
        try:
            await asyncio.wait_for(self.ended.wait(), GOODBYE_LIMIT_S)
        except TimeoutError:
            self.problems.append(f"no end within {GOODBYE_LIMIT_S:g} s of the goodbye")

    @abstractmethod
    async def close(self) -> None:
        """Close whatever is open."""


class WebSocketAdapter(Adapter):
    """A session over one WebSocket with JSON in its text frames."""

    path: ClassVar[str] = ""

    def __init__(self, url: str, language: str) -> None:
        super().__init__(url, language)
        self.ready = asyncio.Event()
        self._socket: ClientConnection | None = None
        self._reading: asyncio.Task[None] | None = None

    @property
    def socket(self) -> ClientConnection:
        """The open connection."""
        assert self._socket is not None
        return self._socket

    async def open(self) -> None:
        """Connect, greet, and wait for the greeting."""
        address = self.url.rstrip("/") + self.path.format(language=self.language)
        try:
            self._socket = await connect(
                address, max_size=None, compression=None, ping_interval=None
            )
        except InvalidStatus as error:
            if error.response.status_code in (429, 503):
                raise Refused(f"HTTP {error.response.status_code}") from error
            raise
        self._reading = asyncio.create_task(self._read())
        await self.greet()
        await asyncio.wait_for(self.ready.wait(), OPEN_LIMIT_S)
        if self.ended.is_set():
            raise Refused(self.problems[-1] if self.problems else "closed before it was ready")

    async def greet(self) -> None:
        """Say what is wanted. A protocol without a greeting of the server is ready from here on."""
        self.ready.set()

    @abstractmethod
    def receive(self, message: dict[str, Any]) -> None:
        """Take one JSON message."""

    async def send_json(self, **message: Any) -> None:
        """Send one text frame."""
        await self.socket.send(msgspec.json.encode(message).decode())

    async def send(self, frame: bytes) -> None:
        """Send audio as it is."""
        await self.socket.send(frame)

    async def _read(self) -> None:
        try:
            async for message in self.socket:
                self.receive(msgspec.json.decode(message))
        except ConnectionClosed as closed:
            self.problems.append(str(closed))
        except Exception as error:
            self.problems.append(f"not understood: {error!r}")
        finally:
            self.ended.set()
            self.ready.set()

    async def close(self) -> None:
        """Close the socket and end the reader."""
        if self._socket is not None and self._reading is not None:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._socket.close(), 5)
            self._reading.cancel()
