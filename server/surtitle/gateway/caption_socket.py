"""The server's end of a WebSocket: the library's, with a short way for audio and a few more bounds."""

import asyncio
import contextlib
import logging
import socket
import ssl
from collections.abc import Awaitable, Callable, Generator
from functools import partial
from typing import Any

import structlog
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.frames import BINARY, TEXT, CloseCode, Frame
from websockets.protocol import OPEN, Event
from websockets.server import ServerProtocol
from websockets.typing import Data

from surtitle.gateway.access import ANYBODY, Caller
from surtitle.gateway.connection import Connection
from surtitle.gateway.reading import ReadingTurns
from surtitle.messages import SUBPROTOCOL

log = structlog.get_logger("surtitle.gateway")

HANDSHAKE_TIMEOUT_S = 10.0
TCP_TIMEOUT_MS = 20_000
"""How long what was sent may stay unconfirmed before the connection is taken for broken. Something is
sent every second, so a client whose network is gone is noticed by then, and its session waits."""
UNREAD_BYTES = 16_384
"""What may lie unsent in a transport before a client counts as behind."""
MOST_UNREAD_BYTES = 1 << 20
"""What may lie unsent at all: pongs are sent to a client that is behind too."""

# The library logs each refused or broken handshake with a traceback; here that is a client's affair.
logging.getLogger("websockets").setLevel(logging.CRITICAL)

StreamServer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
"""Answers one HTTP request; the transport is its own."""


async def listen(
    handler: Callable[[ServerConnection], Awaitable[None]],
    host: str,
    port: int,
    *,
    ssl: ssl.SSLContext | None = None,
    **options: Any,
) -> Server:
    """A server of the library's whose connections are CaptionSockets, with what it needs for them."""
    return await serve(
        handler,
        host,
        port,
        subprotocols=[SUBPROTOCOL],  # type: ignore[list-item]
        select_subprotocol=_select_subprotocol,
        compression=None,
        max_queue=4,
        open_timeout=None,  # see CaptionSocket.handshake
        # A client whose audio is read slowly has its pongs read late too. Dead clients are told by
        # their silence (idle_timeout_s).
        ping_timeout=None,
        server_header=None,
        create_connection=CaptionSocket,
        ssl=ssl,
        ssl_handshake_timeout=None if ssl is None else HANDSHAKE_TIMEOUT_S,
        **options,
    )


class CaptionSocket(ServerConnection):
    """A server's WebSocket with a short way for audio, which says why it is closed.

    Audio goes from the socket straight to its session where no other message waits before it. And
    before the library closes for a broken frame, the client gets an `error`. An HTTP request whose
    answer has no length, which the library cannot give, can be left to somebody else.
    """

    def __init__(self, protocol: ServerProtocol, *args: Any, **kwargs: Any) -> None:
        super().__init__(protocol, *args, **kwargs)
        self.connection: Connection | None = None
        self.turns: ReadingTurns | None = None
        """With whom it is read."""
        self.caller: Caller = ANYBODY
        """Whose key or token let it in."""
        self.channel: str | None = None
        """What it watches."""
        self._waiting = 0  # messages that have begun to come and are not received yet
        self._deaf = False
        self._left_to: Awaitable[None] | None = None  # who answers in our place
        self._fail = protocol.fail
        protocol.fail = self._explain_and_fail  # type: ignore[method-assign]

    def connection_made(self, transport: Any) -> None:
        """Have the system give up a client that acknowledges nothing, also while nobody sends much."""
        super().connection_made(transport)
        if hasattr(socket, "TCP_USER_TIMEOUT"):  # Linux
            with contextlib.suppress(OSError):
                transport.get_extra_info("socket").setsockopt(
                    socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, TCP_TIMEOUT_MS
                )

    def connection_lost(self, exc: Exception | None) -> None:
        """Let go of what refers back to this socket.

        A cycle would keep a session with its audio until the garbage collector comes, which is rare:
        a hundred ended sessions are not yet worth its while.
        """
        super().connection_lost(exc)
        for callback in ("fail", "select_subprotocol"):
            vars(self.protocol).pop(callback, None)
        self.protocol.parser.close()
        if self.protocol.parser_exc is not None:
            self.protocol.parser_exc.__traceback__ = None
        self.connection = None

    def stop_reading(self) -> None:
        """See Resting."""
        if not self.transport.is_closing():
            self.transport.pause_reading()

    def read_on(self) -> None:
        """See Resting. Where the library has stopped reading, it goes on by itself."""
        if not self.recv_messages.paused and not self.transport.is_closing():
            self.transport.resume_reading()

    def data_received(self, data: bytes) -> None:
        """Take what came; a client that asks for answers and reads none of them is cut off."""
        super().data_received(data)
        if self.transport.get_write_buffer_size() > MOST_UNREAD_BYTES:
            log.info("client does not read its pongs; cut off")
            self.abort()
        elif self.turns is not None and not self._deaf and self.protocol.state is OPEN:
            self.turns.rest(self)

    async def handshake(self, *args: Any, **kwargs: Any) -> None:
        """As the library does it, within a time that does not hold for one who answers in its place."""
        async with asyncio.timeout(HANDSHAKE_TIMEOUT_S):
            await super().handshake(*args, **kwargs)
        if self._left_to is not None:
            try:
                await self._left_to
            except Exception:  # as in Gateway._serve
                log.exception("an answer over HTTP failed")

    def leave_to(self, serve: StreamServer) -> None:
        """Leave the transport to `serve`, before anything was answered."""
        reader = asyncio.StreamReader(loop=self.loop)
        protocol = asyncio.StreamReaderProtocol(reader, loop=self.loop)
        self.transport.set_protocol(protocol)
        protocol.connection_made(self.transport)
        self._left_to = serve(
            reader, asyncio.StreamWriter(self.transport, protocol, reader, self.loop)
        )
        self.connection_lost(None)  # so it is for the library, which has nothing to send any more

    def stop_listening(self) -> None:
        """Drop what still comes: the end of the stream lies behind it, and would not be seen.

        The library stops reading where messages are queued, and waits for the client's end for as long
        as it may take; somebody who sends much and goes would have a place until then.
        """
        self._deaf = True
        if not self.transport.is_closing():
            self.transport.resume_reading()

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """See Socket."""
        self.stop_listening()
        await super().close(code, reason)

    def process_event(self, event: Event) -> None:
        """Hand audio over; queue everything else as the library does."""
        if self._deaf:
            return
        if isinstance(event, Frame) and (event.opcode is BINARY or event.opcode is TEXT):
            if (
                event.opcode is BINARY
                and event.fin
                and not self._waiting
                and self.connection is not None
                and self.connection.take_audio(bytes(event.data))
            ):
                return
            self._waiting += 1
        super().process_event(event)

    async def recv(self, decode: bool | None = None) -> Data:  # type: ignore[override]
        """The next message that was queued. Its taker must not wait before it takes it."""
        message: Data = await super().recv(decode)
        self._waiting -= 1
        return message

    def send_now(self, message: str) -> bool:
        """Send at once what the transport can take without waiting; False where it is behind."""
        behind = self.transport.get_write_buffer_size() > UNREAD_BYTES
        if behind or self.protocol.state is not OPEN or self.transport.is_closing():
            return False
        self.protocol.send_text(message.encode())
        self.send_data()
        return True

    def write_frame(self, frame: bytes) -> None:
        """See ViewerSocket."""
        if self.protocol.state is OPEN and not self.transport.is_closing():
            self.transport.write(frame)

    @property
    def unsent_bytes(self) -> int:
        """See ViewerSocket."""
        return self.transport.get_write_buffer_size()

    def _explain_and_fail(self, code: CloseCode | int, reason: str = "") -> None:
        connection = self.connection
        if (
            connection is not None
            and self.protocol.state is OPEN
            and connection.explain(code, partial(self._fail_now, code, reason))
        ):
            # Meanwhile nothing that follows the broken frame is looked at.
            self.protocol.parser = self._discard()
            next(self.protocol.parser)
        else:
            self._fail(code, reason)
        self.loop.call_soon(self.stop_listening)  # behind the frames that came with the broken one

    def _discard(self) -> Generator[None, None, None]:
        """What the parser is until the connection is closed."""
        reader = self.protocol.reader
        while not (yield from reader.at_eof()):
            reader.discard()
        self._fail(CloseCode.ABNORMAL_CLOSURE)
        yield

    def _fail_now(self, code: CloseCode | int, reason: str) -> None:
        self._fail(code, reason)
        self.send_data()

    @property
    def close_received(self) -> int | None:
        """See Socket."""
        close = self.protocol.close_rcvd
        return None if close is None else close.code

    def abort(self) -> None:
        """Cut the transport without a closing handshake."""
        self.transport.abort()


def _select_subprotocol(socket: ServerConnection, offered: Any) -> Any:
    """Ours where it is offered; a client that offers none gets none."""
    return SUBPROTOCOL if SUBPROTOCOL in offered else None
