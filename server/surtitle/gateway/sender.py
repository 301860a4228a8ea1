"""Sends what a connection has to say, and closes it in the end.

A client that reads slowly misses what may be skipped, and is cut off when it does not take a frame
within a time, or when too much waits for it.
"""

import asyncio
from collections.abc import Callable, Iterable
from typing import Generic, Protocol, TypeVar

import structlog
from websockets.exceptions import ConnectionClosed

from surtitle.gateway.unsent import Unsent

log = structlog.get_logger("surtitle.connection")

CLOSE_TIMEOUT_S = 2.0
"""How long a client may take to answer our close before the transport is cut."""

T = TypeVar("T")


class Socket(Protocol):
    """What a connection needs of a WebSocket."""

    async def recv(self) -> str | bytes:
        """The next frame. Raises ConnectionClosed. Cancelled, it takes none."""
        ...

    def send_now(self, message: str) -> bool:
        """Send a text frame where the client keeps up with reading; False where it does not."""
        ...

    async def send(self, message: str) -> None:
        """Send a text frame, and wait for a client that is behind. Raises ConnectionClosed.

        The frame has been written by then, whether somebody still waits or not (cancelled).
        """
        ...

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Close with the handshake. Cancelled, it has sent its part of that, and waits no longer."""
        ...

    @property
    def close_received(self) -> int | None:
        """The code with which the client has closed, or answered our close; None before that."""
        ...

    async def in_turn(self, calls: Iterable[Callable[[], object]], room: asyncio.Event) -> None:
        """Do what a message of the client asks for, each step of it once there is `room` for it and its
        turn comes.

        Cancelled, it leaves out the steps that are left; none is done by half.
        """
        ...

    @property
    def has_input(self) -> bool:
        """Whether something has come that was not worked on yet."""
        ...

    @property
    def is_lost(self) -> bool:
        """Whether the client has gone."""
        ...

    def abort(self) -> None:
        """Cut the transport."""
        ...


class Sender(Generic[T]):
    """The way out of a connection, for messages of one kind."""

    def __init__(
        self, socket: Socket, unsent: Unsent[T], form: Callable[[T], str], send_timeout_s: float
    ) -> None:
        """`form` makes a text frame of a message; each must be taken within `send_timeout_s`."""
        self.log = log
        """Bound to the session once there is one."""
        self._socket = socket
        self._unsent = unsent
        self._form = form
        self._send_timeout_s = send_timeout_s
        self._news = asyncio.Event()  # something is to be sent, or the end
        self._is_closing = False
        self._last_word = (1000, "")  # close code and reason
        self._close: Callable[[], object] | None = None

    def send(self, message: T) -> None:
        """Send a message, after those before it."""
        # To wake the task for each message costs more than the message.
        if not self._unsent and self._socket.send_now(self._form(message)):
            return
        if self._unsent.add(message):
            self._news.set()
        else:
            self.log.info("client reads too slowly; cut off")
            self._socket.abort()

    def close(self, code: int, reason: str) -> None:
        """Close once everything that waits has been sent."""
        self._is_closing = True
        self._last_word = (code, reason)
        self._news.set()

    def close_by(self, close: Callable[[], object]) -> None:
        """Close like this instead: the transport layer does so for a broken frame."""
        self._close = close

    def clear(self) -> None:
        """What waits need not be sent any more."""
        self._unsent.clear()

    @property
    def held_bytes(self) -> int:
        """Size of the messages that wait for a client to read them."""
        return self._unsent.held_bytes

    async def run(self) -> None:
        """Until the connection is closed, or has gone."""
        try:
            while self._unsent or not self._is_closing:
                self._news.clear()
                while self._unsent:
                    text = self._form(self._unsent.take())
                    async with asyncio.timeout(self._send_timeout_s):
                        await self._socket.send(text)
                if not self._is_closing:
                    await self._news.wait()
            if self._close is not None:
                self._close()
                return
            async with asyncio.timeout(CLOSE_TIMEOUT_S):
                await self._socket.close(*self._last_word)
        except TimeoutError:
            self.log.info("client does not read; cut off")
            self._socket.abort()
        except ConnectionClosed:
            pass
