"""The server's end of a WebSocket: the library's, with a short way for audio and a few more bounds."""

import asyncio
import contextlib
import logging
import socket
import ssl
import time
from collections.abc import Awaitable, Callable, Generator, Iterable
from functools import partial
from typing import Any

import structlog
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.frames import BINARY, TEXT, CloseCode, Frame
from websockets.http11 import Request, Response
from websockets.protocol import OPEN, Event
from websockets.server import ServerProtocol
from websockets.typing import Data

from surtitle.allowance import Allowance
from surtitle.gateway import budget
from surtitle.gateway.access import ANYBODY, Caller
from surtitle.gateway.connection import Connection
from surtitle.gateway.limits import network_of
from surtitle.gateway.places import Places
from surtitle.gateway.proxies import ClientAddress
from surtitle.gateway.reading import InputTurns, ReadingTurns
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
SLICE_BYTES = 2048
"""Of input, before it is asked whether there is time for more: 340 of the smallest frames, or 2 ms."""
MOST_OF_AN_EVENT_S = 0.0001
"""What a kilobyte of a frame may cost by the clock: more is the time of others, on a machine that has
much to do."""
REQUEST_S = 0.001
"""What a request costs its client, and the turn in which it comes, beside reading it."""
MOST_OF_A_MESSAGE_S = 0.001
"""What a message may cost by the clock, as above."""
VIEWER_BYTES = 4096
VIEWER_BYTES_PER_S = 64.0
"""What may come of a viewer, who has nothing to say: pings, pongs and a close."""
MOST_REQUEST_BYTES = 1 << 15
"""Of a request with its headers. The library would take and keep a megabyte."""
BEHIND_REQUEST_BYTES = 1 << 16
"""What may come behind a request that has been answered."""
MANY_PLACES = 1 << 16
CUT_OFF_S = 1.0
"""How long one who is cut off may take to read why."""

# The library logs each refused or broken handshake with a traceback; here that is a client's affair.
logging.getLogger("websockets").setLevel(logging.CRITICAL)

StreamServer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
"""Answers one HTTP request; the transport is its own."""


async def listen(
    handler: Callable[[ServerConnection], Awaitable[None]],
    host: str,
    port: int,
    *,
    inputs: InputTurns | None = None,
    places: "Places[CaptionSocket] | None" = None,
    ssl: ssl.SSLContext | None = None,
    **options: Any,
) -> Server:
    """A server of the library's whose connections are CaptionSockets, with what it needs for them.

    They share the time for `inputs`, and have `places`: those of other servers, or their own.
    """
    create = partial(
        CaptionSocket,
        inputs=InputTurns() if inputs is None else inputs,
        places=Places(MANY_PLACES) if places is None else places,
    )
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
        create_connection=create,  # type: ignore[arg-type]
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

    def __init__(
        self,
        protocol: ServerProtocol,
        *args: Any,
        inputs: InputTurns,
        places: "Places[CaptionSocket]",
        **kwargs: Any,
    ) -> None:
        super().__init__(protocol, *args, **kwargs)
        self.work = budget.allowance()
        """See Holder."""
        self.client = ClientAddress("")
        """Where it comes from, once its request is known."""
        self.connection: Connection | None = None
        self.turns: ReadingTurns | None = None
        """With whom it is read."""
        self.caller: Caller = ANYBODY
        """Whose key or token let it in."""
        self.channel: str | None = None
        """What it watches."""
        self._events = 0  # frames and requests that came, a large one for each kilobyte
        self._asked_bytes = 0  # of a request, as long as it is not whole
        self._inputs = inputs
        self._places = places
        self._held = b""  # what came and was not worked on yet
        self._waits = False  # for a turn to work on that
        self._resting = False  # see Resting
        self._is_lost = False
        self._speaks = False  # it has a session
        self._in_turn = False  # a message waits for its turn
        self._waiting = 0  # messages that have begun to come and are not worked on yet
        self._deaf = False
        self._spare: Allowance | None = None  # bytes that one may send who has nothing to say
        self._left_to: Awaitable[None] | None = None  # who answers in our place
        self._fail = protocol.fail
        protocol.fail = self._explain_and_fail  # type: ignore[method-assign]

    def connection_made(self, transport: Any) -> None:
        """Have the system give up a client that acknowledges nothing, also while nobody sends much."""
        super().connection_made(transport)
        self.recv_messages.resume = self._on_room
        too_many = self._places.enter(self, network_of(_peer(transport)))
        if too_many is not None:
            log.info("too many connections; cut off")
            too_many.abort()
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
        self._is_lost = True
        if self._speaks:
            self._inputs.leave()
        self._held = b""
        self.recv_messages.resume = _nothing
        if self._left_to is None:
            self._places.leave(self)
        for callback in ("fail", "select_subprotocol"):
            vars(self.protocol).pop(callback, None)
        self.protocol.parser.close()
        if self.protocol.parser_exc is not None:
            self.protocol.parser_exc.__traceback__ = None
        self.connection = None

    # -- reading --------------------------------------------------------------------------------

    def stop_reading(self) -> None:
        """See Resting."""
        self._resting = True
        if not self.transport.is_closing():
            self.transport.pause_reading()

    def read_on(self) -> None:
        """See Resting."""
        self._resting = False
        self._read_if_free()

    def _read_if_free(self) -> None:
        """Read on, unless something speaks against it."""
        if not (self._has_no_room or self._held or self._resting or self.transport.is_closing()):
            self.transport.resume_reading()

    @property
    def _has_no_room(self) -> bool:
        """Whether messages wait to be received, and no more of them are wanted."""
        return self.recv_messages.paused and not self._deaf

    def _on_room(self) -> None:
        """There is room for messages again."""
        if self._held:
            self._wait_for_turn()
        else:
            self._read_if_free()

    def data_received(self, data: bytes) -> None:
        """Work on what came as far as there is time for it; the rest waits."""
        if self._held:
            self._held += data  # the transport had it already when we paused it
        elif self._may_come(len(data)):
            now_s = time.perf_counter()
            at_once = self._inputs.may_go_on(self.work, now_s)
            if self._work_on(data, at_once=at_once, now_s=now_s):
                if not self.transport.is_closing():
                    self.transport.pause_reading()
                self._wait_for_turn()

    def eof_received(self) -> None:
        """The client has gone, and does not wait for an answer to what was not worked on yet."""
        self._held = b""
        super().eof_received()

    def take_slice(self) -> bool:
        """See Holder."""
        self._waits = False
        if not self._held or self._has_no_room:
            return False
        try:
            is_more = self._work_on(self._held, most=1, now_s=time.perf_counter())
        except Exception:
            self.abort()  # as the loop does; the library must not have the same again
            raise
        if is_more:
            self._waits = not self._has_no_room
            return self._waits
        self._read_if_free()
        return False

    def _wait_for_turn(self) -> None:
        if not self._waits:
            self._waits = True
            self._inputs.wait(self)

    def _work_on(
        self, data: bytes, *, now_s: float, at_once: bool = True, most: int = 1 << 30
    ) -> bool:
        """Have the library take the data, slice after slice; whether there was no time for all of it.

        What is left is held.
        """
        begin = 0
        while at_once:
            end, events = begin + SLICE_BYTES, self._events
            piece = data[begin:end] if begin or end < len(data) else data
            super().data_received(piece)
            self._asked_bytes += len(piece) if self.request is None else 0
            began_s, now_s = now_s, time.perf_counter()
            most_s = (self._events - events + 1) * MOST_OF_AN_EVENT_S
            self._inputs.charge(self.work, now_s - began_s, now_s, most_s)
            begin, most = end, most - 1
            if self._asked_bytes > MOST_REQUEST_BYTES:
                log.info("a request that does not end; cut off")
                self.abort()
            if self.transport.get_write_buffer_size() > MOST_UNREAD_BYTES:
                log.info("client does not read its pongs; cut off")
                self.abort()
            if begin >= len(data) or self.transport.is_closing():
                self._held = b""
                if self.turns is not None and not self._deaf and self.protocol.state is OPEN:
                    self.turns.rest(self)
                return False
            at_once = (
                most > 0 and not self._has_no_room and self._inputs.may_go_on(self.work, now_s)
            )
        self._held = data[begin:]
        return True

    async def in_turn(self, calls: Iterable[Callable[[], object]]) -> None:
        """See Socket."""
        self._waiting += 1  # audio must not overtake it
        self._in_turn = True
        try:
            for call in calls:
                await self._inputs.in_turn(self.work, call, MOST_OF_A_MESSAGE_S)
        finally:
            self._waiting -= 1
            self._in_turn = False

    def _may_come(self, size: int) -> bool:
        """Whether so much may come; one who has nothing to say and talks is cut off."""
        if self._spare is None:
            return True
        now_s = time.perf_counter()
        self._spare.take(size, now_s)
        if not self._spare.is_overdrawn(now_s):
            return True
        log.info("talks where there is nothing to say; cut off")
        self.cut_off(CloseCode.POLICY_VIOLATION, "there is nothing to say here")
        return False

    def cut_off(self, code: CloseCode, reason: str) -> None:
        """Say why, and cut the transport whether that is read or not."""
        self._fail(code, reason)
        self.send_data()
        self.transport.close()
        self.loop.call_later(CUT_OFF_S, self.transport.abort)

    def only_watch(self) -> None:
        """Whatever comes now is dropped, and little of it borne."""
        self._spare = Allowance(VIEWER_BYTES_PER_S, VIEWER_BYTES)
        self.stop_listening()

    def only_answer(self) -> None:
        """The request is answered, and nothing is to follow it."""
        self._spare = Allowance(VIEWER_BYTES_PER_S, BEHIND_REQUEST_BYTES)
        self.stop_listening()

    def settle(self) -> None:
        """It is one that stays."""
        self._places.settle(self)

    def speak(self) -> None:
        """It has a session, and is one that stays."""
        self.settle()
        if not self._speaks and not self.is_lost:
            self._speaks = True
            self._inputs.join()

    @property
    def is_behind(self) -> bool:
        """See Socket."""
        return bool(self._held) or self._in_turn

    @property
    def is_lost(self) -> bool:
        """See Socket."""
        return self._is_lost

    async def handshake(self, process_request: Any = None, *args: Any, **kwargs: Any) -> None:
        """As the library does it, within a time that does not hold for one who answers in its place.

        A request that takes long to answer takes its time from the turn, and the next one waits.
        """

        async def in_turn(_: ServerConnection, request: Request) -> Response | None:
            answers: list[Response | Awaitable[Response | None] | None] = []
            call = partial(process_request, self, request)
            await self._inputs.in_turn(self.work, lambda: answers.append(call()), most_s=0)
            (answer,) = answers
            return await answer if isinstance(answer, Awaitable) else answer

        async with asyncio.timeout(HANDSHAKE_TIMEOUT_S):
            await super().handshake(process_request and in_turn, *args, **kwargs)
        if self._left_to is not None:
            try:
                await self._left_to
            except Exception:  # as in Gateway._serve
                log.exception("an answer over HTTP failed")
            finally:
                self._places.leave(self)

    def leave_to(self, serve: StreamServer) -> None:
        """Leave the transport to `serve` before anything is answered, if the client is still there."""
        if self.protocol.eof_sent or self.transport.is_closing():
            self.transport.abort()
            return
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
        self._resting = False
        if self._held:
            self._wait_for_turn()
        self._read_if_free()

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """See Socket."""
        self.stop_listening()
        await super().close(code, reason)

    def process_event(self, event: Event) -> None:
        """Hand audio over; queue everything else as the library does."""
        self._events += 1
        if isinstance(event, Frame):
            self._events += len(event.data) >> 10
        if self._deaf:
            return
        if self.request is None:
            self._inputs.charge(self.work, REQUEST_S, time.perf_counter(), REQUEST_S)
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
        """The next message that was queued. Its taker must not wait before it goes to `in_turn`."""
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


def _peer(transport: Any) -> str:
    """The address at the other end; "" where there is none."""
    peer = transport.get_extra_info("peername")
    return str(peer[0]) if isinstance(peer, tuple) and peer else ""


def _nothing() -> None:
    """Instead of what refers back to a socket that is gone."""
