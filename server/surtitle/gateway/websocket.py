"""The server's end of a WebSocket: `websockets` says what the frames mean, this moves them.

Audio goes from the socket straight to its session where no other message waits before it: to wake a
task for each frame costs more than the frame. And before a connection is closed for a broken frame, its
client is told why, and gets what it has asked for.
"""

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Callable, Iterable
from functools import partial
from typing import Protocol

import structlog
from websockets.frames import BINARY, CLOSE, CONT, PING, TEXT, Close, CloseCode, Frame, Opcode
from websockets.protocol import OPEN, SEND_EOF
from websockets.server import ServerProtocol

from surtitle.gateway.reading import ReadingTurns
from surtitle.gateway.shares import Share
from surtitle.gateway.stream import MAX_MESSAGE_S, UNSENT_BYTES, ClientStream, Pause
from surtitle.runtime.allowance import Allowance

log = structlog.get_logger("surtitle.gateway")

MAX_QUEUED = 4
"""Messages that may wait to be received, before no more is read."""
PING_INTERVAL_S = 20.0
"""Whoever only watches a quiet channel hears nothing else. Nobody waits for the pong: a client whose
audio is read slowly has its pongs read late too, and a dead one is told by its silence."""
VIEWER_BYTES = 4096
VIEWER_BYTES_PER_S = 64.0
"""What may come of a viewer, who has nothing to say: pings, pongs and a close."""

LARGE_BYTES = 1 << 20
LARGE_MESSAGE_S = 30.0
"""How long a message may take to come that is larger than that: until it is whole, it is nobody's."""
LARGE_TOGETHER_BYTES = 1 << 28
"""Of such messages, until they are worked on: those of one owner have half of it at most. Without that,
they are memory that no session has, and others' sessions would end for it."""

_BROKEN = CLOSE, b""
"""The end of what is received, where a frame has broken the rules."""

LIBRARY_LOG = logging.getLogger("surtitle.websockets")
"""What the library has to say: it logs each broken connection with a traceback, which is a client's
affair."""
LIBRARY_LOG.setLevel(logging.CRITICAL)


class Receiver(Protocol):
    """Who gets what comes, see Connection."""

    def take_audio(self, data: bytes) -> bool:
        """Take a frame of audio; False where it has to wait for `recv`."""
        ...

    def on_ping(self) -> None:
        """A ping has come, which is answered here."""
        ...

    def explain(self, code: int, close: Callable[[], object]) -> bool:
        """Say why the connection is closed with this code, then `close`; False where none need wait."""
        ...


class WebSocket:
    """A layer of a stream, after the handshake."""

    def __init__(self, stream: ClientStream, protocol: ServerProtocol) -> None:
        """`protocol` has accepted the handshake."""
        self.stream = stream
        self.receiver: Receiver | None = None
        self.turns: ReadingTurns | None = None
        """With whom it is read."""
        self.room: Share | None = None
        """For a large message, until it is worked on; without it there is as much as wanted."""
        self._protocol = protocol
        self._message = bytearray()  # of which the end has not come
        self._kind = BINARY  # of that
        self._messages: deque[tuple[Opcode, bytes]] = deque()
        self._came = asyncio.Event()  # a message, or the end
        self._waiting = 0  # messages that have begun to come and are not worked on yet
        self._in_turn = False  # one of them waits for its turn
        self._has_large = False  # a large message is whole, and not worked on
        self._deadline: asyncio.TimerHandle | None = None  # for the rest of a large one
        self._is_deaf = False
        self._last_frame: bytes | None = None
        """The close of a broken connection, which waits until its client has been answered."""
        self._loop = asyncio.get_running_loop()
        self._pinging = self._loop.call_later(PING_INTERVAL_S, self._ping)

    # -- see Layer ------------------------------------------------------------------------------

    def receive(self, data: bytes) -> int:
        """See Layer."""
        was_open = self._protocol.state is OPEN
        self._protocol.receive_data(data)
        frames = [event for event in self._protocol.events_received() if isinstance(event, Frame)]
        if not self._is_deaf:
            for frame in frames:
                self._take(frame)
        if was_open and self._protocol.state is not OPEN and self._protocol.close_rcvd is None:
            self._on_broken()
        else:
            self._flush()
            self._watch_large()
        return len(frames) + sum(len(frame.data) >> 10 for frame in frames)

    def _watch_large(self) -> None:
        """Cut off who begins a large message and does not end it, or for which there is no room."""
        begun_bytes = len(self._message) + len(self._protocol.reader.buffer)
        if begun_bytes <= LARGE_BYTES:
            if self._deadline is not None:
                self._deadline.cancel()
                self._deadline = None
                if not self._has_large:
                    self._forget_large()
            return
        if self._deadline is None:
            self._deadline = self._loop.call_later(LARGE_MESSAGE_S, self.abort)
        if self.room is not None and not self.room.grow(begun_bytes - self.room.held):
            log.info("no room for a large message; cut off")
            self.cut_off(CloseCode.TRY_AGAIN_LATER, "no room for a message of this size")

    def receive_eof(self) -> None:
        """See Layer."""
        self._protocol.receive_eof()
        self.stream.close()

    def on_settled(self) -> None:
        """See Layer."""
        if self.turns is not None and not self._is_deaf and self._protocol.state is OPEN:
            self.turns.rest(self.stream)

    def go_away(self) -> None:
        """See Layer."""
        if self._protocol.state is OPEN:
            self._protocol.send_close(CloseCode.GOING_AWAY)
            self._flush()

    def lose(self) -> None:
        """See Layer."""
        self._pinging.cancel()
        if self._deadline is not None:
            self._deadline.cancel()
        self._protocol.receive_eof()
        self._protocol.parser_exc = None
        self._protocol.parser.close()
        self._came.set()
        self._forget_large()
        self.receiver = None

    # -- receiving ------------------------------------------------------------------------------

    def _take(self, frame: Frame) -> None:
        """A frame has come: audio is handed over, all other messages are queued."""
        if frame.opcode is CONT:
            self._message += frame.data
        elif frame.opcode is TEXT or frame.opcode is BINARY:
            if (
                frame.opcode is BINARY
                and frame.fin
                and not self._waiting
                and self.receiver is not None
                and self.receiver.take_audio(bytes(frame.data))
            ):
                return
            self._waiting += 1
            if frame.fin:
                self._queue(frame.opcode, bytes(frame.data))
                return
            self._kind = frame.opcode
            self._message += frame.data
        else:
            if frame.opcode is PING and self.receiver is not None:
                self.receiver.on_ping()
            return
        if frame.fin:
            self._queue(self._kind, bytes(self._message))
            self._message.clear()

    def _queue(self, kind: Opcode, data: bytes) -> None:
        """A message is whole. One that is large is worked on before more is read."""
        self._messages.append((kind, data))
        self._came.set()
        self._has_large |= len(data) > LARGE_BYTES
        if len(self._messages) >= MAX_QUEUED or self._has_large:
            self.stream.pause(Pause.FULL)

    async def recv(self) -> str | bytes:
        """See Socket. Whoever takes a message must not wait before `in_turn`."""
        while not self._messages or self._messages[0] is _BROKEN:
            if self._messages:
                self._end()
            elif self.is_lost:
                raise self._protocol.close_exc
            else:
                self._came.clear()
                await self._came.wait()
        kind, data = self._messages.popleft()
        self._waiting -= 1
        self._read_on()
        if kind is BINARY:
            return data
        try:
            return data.decode()
        except UnicodeDecodeError:
            self.stop_listening()
            if self._protocol.state is OPEN:
                self._protocol.fail(CloseCode.INVALID_DATA, "not UTF-8")
                self._on_broken()
            elif self._last_frame is not None:  # a frame behind it is broken
                self._end()
            return await self.recv()

    def _read_on(self) -> None:
        """Read again, where little waits."""
        if len(self._messages) <= MAX_QUEUED // 4 and not self._has_large:
            self.stream.resume(Pause.FULL)

    def _forget_large(self) -> None:
        """No large message is left."""
        self._has_large = False
        if self.room is not None:
            self.room.give_back()

    def stop_listening(self) -> None:
        """Drop what still comes: the end of the stream lies behind it, and would not be seen."""
        self._is_deaf = True
        self._messages.clear()
        self.stream.resume(Pause.BATCH)
        self.stream.resume(Pause.FULL)

    async def in_turn(self, calls: Iterable[Callable[[], object]], room: asyncio.Event) -> None:
        """See Socket."""
        self._waiting += 1  # audio must not overtake it
        self._in_turn = True
        try:
            for call in calls:
                await room.wait()
                await self.stream.in_turn(call, MAX_MESSAGE_S)
        finally:
            self._waiting -= 1
            self._in_turn = False
            if self._has_large and not self._messages:
                self._forget_large()
                self._read_on()

    @property
    def has_input(self) -> bool:
        """See Socket."""
        return self.stream.has_input or self._in_turn

    @property
    def is_lost(self) -> bool:
        """See Socket."""
        return self.stream.is_lost

    # -- sending --------------------------------------------------------------------------------

    @property
    def _can_send(self) -> bool:
        """Whether a message can be sent: also where only the close is left, which waits."""
        is_open = self._protocol.state is OPEN or self._last_frame is not None
        return is_open and not self.stream.is_closing

    def send_now(self, message: str) -> bool:
        """Send at once what the transport can take without waiting; False where it is behind."""
        if not self._can_send or self.stream.unsent_bytes > UNSENT_BYTES:
            return False
        self.stream.write(Frame(TEXT, message.encode()).serialize(mask=False))
        return True

    async def send(self, message: str) -> None:
        """See Socket."""
        if self._can_send:
            self.stream.write(Frame(TEXT, message.encode()).serialize(mask=False))
            with contextlib.suppress(ConnectionResetError):
                await self.stream.drain()
                return
        await self.wait_closed()
        raise self._protocol.close_exc

    def write_frame(self, frame: bytes) -> None:
        """See ViewerSocket."""
        if self._can_send:
            self.stream.write(frame)

    @property
    def unsent_bytes(self) -> int:
        """See ViewerSocket."""
        return self.stream.unsent_bytes

    def _ping(self) -> None:
        self._pinging = self._loop.call_later(PING_INTERVAL_S, self._ping)
        if self._protocol.state is OPEN:
            self._protocol.send_ping(b"")
            self._flush()

    def _flush(self) -> None:
        """Send what the protocol has to say."""
        data = self._protocol.data_to_send()
        self.stream.write(b"".join(data))
        if SEND_EOF in data:
            self.stream.close()

    # -- the end --------------------------------------------------------------------------------

    def _on_broken(self) -> None:
        """A frame breaks the rules: the protocol wants to close, once its client knows why.

        That comes behind what was said before, if somebody listens.
        """
        *answers, close, _ = self._protocol.data_to_send()
        self.stream.write(b"".join(answers))
        self._last_frame = close
        if self._is_deaf:
            self._end()
        else:
            self._messages.append(_BROKEN)
            self._came.set()

    def _end(self) -> None:
        """Have the client told why, and close."""
        self.stop_listening()
        code = self._protocol.close_sent
        assert code is not None
        if self.receiver is None or not self.receiver.explain(code.code, self._send_last):
            self._send_last()

    def _send_last(self) -> None:
        last, self._last_frame = self._last_frame, None
        self.stream.write(last or b"")
        self.stream.close()

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """See Socket."""
        self.stop_listening()
        if self._last_frame is not None:
            self._send_last()
        elif self._protocol.state is OPEN:
            self._protocol.send_close(code, reason)
            self._flush()
        await self.wait_closed()

    def cut_off(self, code: CloseCode, reason: str) -> None:
        """Say why, and end the connection, whether that is read or not."""
        self._protocol.fail(code, reason)
        self._flush()

    async def wait_closed(self) -> None:
        """Until the connection has gone. It may be cancelled."""
        await self.stream.gone.wait()

    @property
    def close_received(self) -> int | None:
        """See Socket."""
        close: Close | None = self._protocol.close_rcvd
        return None if close is None else close.code

    def abort(self) -> None:
        """Cut the transport without a closing handshake."""
        self.stream.abort()

    # -- what it is for -------------------------------------------------------------------------

    def only_watch(self) -> None:
        """Whatever comes now is dropped, and little of it borne."""
        self.stream.expect_little(
            Allowance(VIEWER_BYTES_PER_S, VIEWER_BYTES),
            partial(self.cut_off, CloseCode.POLICY_VIOLATION, "no messages are expected here"),
        )
        self.stop_listening()
        self.stream.settle()
