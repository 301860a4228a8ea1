"""One TCP connection: what comes is worked on as its budget allows, and what leaves is bounded.

A layer makes sense of the bytes: HTTP first (`http`), a WebSocket after its handshake (`websocket`).
"""

import asyncio
import contextlib
import socket
import time
from collections.abc import Callable
from enum import Enum, auto
from typing import Protocol

import structlog

from surtitle.gateway import budget
from surtitle.gateway.inputs import InputTurns
from surtitle.gateway.limits import network_of
from surtitle.gateway.places import Places
from surtitle.runtime.allowance import Allowance

log = structlog.get_logger("surtitle.gateway")

TCP_TIMEOUT_MS = 20_000
"""How long what was sent may stay unconfirmed before the connection is taken for broken. Something is
sent every second, so a client whose network is gone is noticed by then, and its session waits."""
UNSENT_BYTES = 16_384
"""What may lie unsent in a transport before a client counts as behind, and misses partials."""
MAX_UNSENT_BYTES = 1 << 20
"""What may lie unsent at all: pongs and finals are sent to a client that is behind too."""
SLICE_BYTES = 2048
"""Of input, before it is asked whether there is time for more: 340 of the smallest frames, or 2 ms."""
LARGE_SLICE_BYTES = 8192
"""The same where little came in as many bytes before: a quarter of a second of speech, which costs half
as much in one slice as in four. Should the smallest frames follow, it is 8 ms, once."""
LARGE_EVENT_BYTES = 256
"""As little is one thing in so many bytes: 8 ms of speech."""
MAX_EVENT_S = 0.0001
"""What a kilobyte of a frame may cost by the clock: more is the time of others, on a machine that has
much to do."""
MAX_MESSAGE_S = 0.001
"""What a message may cost by the clock, as above."""
LINGER_S = 1.0
"""How long a client may take to read the last thing that it is told, before the transport is cut."""

MAX_DROPPED_BYTES = 1 << 20
"""How much may come meanwhile before reading stops: even to drop it costs everybody's time."""


_TCP_CLOSE, _TCP_CLOSE_WAIT = 7, 8
"""Of <netinet/tcp.h>: the client has reset the connection, or has closed it."""


class Pause(Enum):
    """Why a connection is not read at the moment."""

    BUDGET = auto()
    """What has come waits for time to work on it."""
    BATCH = auto()
    """It is read together with others, see ReadingTurns."""
    FULL = auto()
    """The layer takes no more."""


class State(Enum):
    """Which side has finished sending."""

    OPEN = auto()
    """Neither."""
    PEER_CLOSED = auto()
    """The client, who may still hear something."""
    WE_CLOSED = auto()
    """We, who drop what still comes."""
    CUT = auto()
    """Both, or nothing can be said any more."""


_OPEN = State.OPEN
"""To look up a member of an enum takes a tenth of a microsecond, which counts for each read."""


class Layer(Protocol):
    """What makes sense of the bytes."""

    def receive(self, data: bytes) -> int:
        """Take a slice of what came; returns what it may cost, in things of MAX_EVENT_S: frames,
        requests and parts of them, a large one for each kilobyte.
        """
        ...

    def receive_eof(self) -> None:
        """Nothing more comes."""
        ...

    def on_settled(self) -> None:
        """All that had come has been worked on."""
        ...

    def go_away(self) -> None:
        """The server stops: end the connection soon."""
        ...

    def lose(self) -> None:
        """The connection has gone. Let go of what refers back to it."""
        ...


class _Nothing:
    """The layer of a connection that has gone, or has not come yet."""

    def receive(self, data: bytes) -> int:
        return 0

    def receive_eof(self) -> None: ...

    def on_settled(self) -> None: ...

    def go_away(self) -> None: ...

    def lose(self) -> None: ...


_NOTHING = _Nothing()


class ClientStream(asyncio.Protocol):
    """The server's end of a TCP connection, for one layer after the other."""

    transport: asyncio.Transport

    def __init__(
        self,
        make_layer: "Callable[[ClientStream], Layer]",
        *,
        inputs: InputTurns,
        places: "Places[ClientStream]",
    ) -> None:
        """It shares the time for `inputs`, and takes one of the `places`."""
        self.work = budget.allowance()
        """See Holder."""
        self.gone = asyncio.Event()
        """Set when the connection has gone."""
        self.layer: Layer = _NOTHING
        self.inputs = inputs
        self._make_layer = make_layer
        self._places = places
        self._loop = asyncio.get_running_loop()
        self._pauses: set[Pause] = set()
        self._held = b""  # what came, of which some was not worked on yet
        self._held_from = 0  # where that begins: to cut off each slice would copy all of the rest
        self._slice_bytes = SLICE_BYTES  # of the next slice
        self._waits = False  # for a turn to work on that
        self._spare: Allowance | None = None  # bytes of one who has nothing to say
        self._cut_off: Callable[[], object] | None = None
        self._speaks = False  # it has a session
        self._state = State.OPEN
        self._dropped_bytes = 0  # since we closed
        self._room_to_write = asyncio.Event()
        self._room_to_write.set()

    # -- what the event loop calls --------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Have the system give up a client that acknowledges nothing, also while nobody sends much."""
        self.transport = transport  # type: ignore[assignment]  # uvloop's are not asyncio's
        self.transport.set_write_buffer_limits(high=UNSENT_BYTES)
        self.layer = self._make_layer(self)
        too_many = self._places.enter(self, network_of(self.peer))
        if too_many is not None:
            log.info("too many connections; cut off")
            too_many.abort()
        if hasattr(socket, "TCP_USER_TIMEOUT"):  # Linux
            with contextlib.suppress(OSError):
                transport.get_extra_info("socket").setsockopt(
                    socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, TCP_TIMEOUT_MS
                )

    def data_received(self, data: bytes) -> None:
        """Work on what came as far as there is time for it; the rest waits."""
        if self._state is not _OPEN and self._says_no_more:
            self._dropped_bytes += len(data)
            if self._dropped_bytes > MAX_DROPPED_BYTES:
                self.transport.pause_reading()
            return
        if self._held:
            # The transport had it already when we paused it.
            self._hold(self._held[self._held_from :] + data)
        elif self._may_come(len(data)):
            now_s = time.perf_counter()
            at_once = self.inputs.may_go_on(self.work, now_s)
            if self._work_on(data, at_once=at_once, now_s=now_s):
                self.pause(Pause.BUDGET)
                self._wait_for_turn()

    def eof_received(self) -> bool:
        """The client has gone, and does not wait for an answer to what was not worked on yet."""
        self._hold(b"")
        if self._says_no_more:
            self._state = State.CUT
            return False
        self._state = State.PEER_CLOSED
        self.layer.receive_eof()
        return True  # the layer closes

    def connection_lost(self, exc: Exception | None) -> None:
        """Let go of all that refers back to this stream.

        A cycle would keep a session with its audio until the garbage collector comes, which is rare:
        a hundred ended sessions are not yet worth its while.
        """
        self.gone.set()
        self._state = State.CUT
        self._hold(b"")
        self._cut_off = None
        if self._speaks:
            self.inputs.leave()
        self._places.leave(self)
        self._room_to_write.set()
        layer, self.layer = self.layer, _NOTHING
        layer.lose()

    def pause_writing(self) -> None:
        """The client is behind."""
        self._room_to_write.clear()

    def resume_writing(self) -> None:
        """It has caught up."""
        self._room_to_write.set()

    # -- reading --------------------------------------------------------------------------------

    def pause(self, why: Pause) -> None:
        """Read nothing, until all that speaks against it is over."""
        self._pauses.add(why)
        if not self.is_closing:
            self.transport.pause_reading()

    def resume(self, why: Pause) -> None:
        """This does not speak against reading any more."""
        self._pauses.discard(why)
        if why is Pause.FULL and self._held:
            self._wait_for_turn()
        if not self._pauses and not self.is_closing:
            self.transport.resume_reading()

    def stop_reading(self) -> None:
        """See Resting."""
        self.pause(Pause.BATCH)

    def read_on(self) -> None:
        """See Resting."""
        self.resume(Pause.BATCH)

    def take_slice(self) -> bool:
        """See Holder."""
        self._waits = False
        if not self._held:
            self.resume(Pause.BUDGET)
            return False
        if Pause.FULL in self._pauses:
            return False
        try:
            is_more = self._work_on(
                self._held, begin=self._held_from, most=1, now_s=time.perf_counter()
            )
        except Exception:
            self.abort()  # as the loop does; the layer must not have the same again
            raise
        if is_more:
            self._waits = Pause.FULL not in self._pauses
            return self._waits
        self.resume(Pause.BUDGET)
        return False

    def _wait_for_turn(self) -> None:
        if not self._waits:
            self._waits = True
            self.inputs.wait(self)

    def _hold(self, data: bytes, begin: int = 0) -> None:
        """From `begin` on it was not worked on."""
        self._held, self._held_from = data, begin

    def _work_on(
        self,
        data: bytes,
        *,
        begin: int = 0,
        now_s: float,
        at_once: bool = True,
        most: int = 1 << 30,
    ) -> bool:
        """Have the layer take the data from `begin` on, slice after slice; whether there was no time
        for all of it.

        What is left is held.
        """
        while at_once:
            end = begin + self._slice_bytes
            piece = data[begin:end] if begin or end < len(data) else data
            events = self.layer.receive(piece)
            is_little = events * LARGE_EVENT_BYTES <= len(piece)
            self._slice_bytes = LARGE_SLICE_BYTES if is_little else SLICE_BYTES
            began_s, now_s = now_s, time.perf_counter()
            most_s = (events + 1) * MAX_EVENT_S
            self.inputs.charge(self.work, now_s - began_s, now_s, most_s)
            begin, most = end, most - 1
            if self.unsent_bytes > MAX_UNSENT_BYTES:
                log.info("client does not read its pongs; cut off")
                self.abort()
            if begin >= len(data) or self.is_closing:
                self._hold(b"")
                self.layer.on_settled()
                return False
            full = Pause.FULL in self._pauses
            at_once = most > 0 and not full and self.inputs.may_go_on(self.work, now_s)
        self._hold(data, begin)
        return True

    def become(self, layer: Layer, data: bytes) -> None:
        """Have another layer from now on, to which `data` has come already."""
        self.layer = layer
        self.resume(Pause.FULL)
        if self._held:
            self._hold(data + self._held[self._held_from :])
        elif data:
            self.data_received(data)
        if self.peer_has_closed:
            layer.receive_eof()

    def charge(self, cost_s: float) -> None:
        """Something that came costs so much, beside the time that it took."""
        self.inputs.charge(self.work, cost_s, time.perf_counter(), cost_s)

    def charge_transport(self, cost_s: float) -> None:
        """The transport took so long for what came, also where that means nothing to the layer."""
        now_s = time.perf_counter()
        self.inputs.charge(self.work, cost_s, now_s, cost_s)
        if self.work.is_overdrawn(now_s) and not self.is_closing:
            self.pause(Pause.BUDGET)
            self._wait_for_turn()

    def expect_little(self, spare: Allowance, cut_off: Callable[[], object]) -> None:
        """Whoever has nothing to say may still send so much, and is cut off beyond that."""
        self._spare, self._cut_off = spare, cut_off

    def _may_come(self, size: int) -> bool:
        if self._spare is None:
            return True
        now_s = time.perf_counter()
        self._spare.take(size, now_s)
        if not self._spare.is_overdrawn(now_s):
            return True
        log.info("client sends data where none is expected; cut off")
        if self._cut_off is not None:
            self._cut_off()
        return False

    @property
    def is_lost(self) -> bool:
        """Whether the connection has gone."""
        return self.gone.is_set()

    @property
    def has_input(self) -> bool:
        """Whether something has come that was not worked on yet."""
        return bool(self._held)

    async def in_turn(self, call: Callable[[], object], most_s: float) -> None:
        """Do what the client asks for when its turn comes; see InputTurns."""
        await self.inputs.in_turn(self.work, call, most_s)

    @property
    def peer_has_left(self) -> bool:
        """Whether the client has closed, also where it is not read, so that the loop does not see it.
        That Linux alone tells, and only once all that was sent has come.
        """
        if self.is_lost or self.peer_has_closed:
            return True
        if hasattr(socket, "TCP_INFO"):
            with contextlib.suppress(OSError):  # it has gone just now
                tcp = self.transport.get_extra_info("socket")
                state: int = tcp.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0]
                return state in (_TCP_CLOSE, _TCP_CLOSE_WAIT)
        return False

    # -- writing --------------------------------------------------------------------------------

    def write(self, data: bytes) -> None:
        """Send, however far the client is behind; nothing where the connection is closing."""
        if data and not self.is_closing:
            self.transport.write(data)

    async def drain(self) -> None:
        """Wait for a client that is behind. Raises ConnectionResetError where it has gone.

        It may be cancelled: what was written is sent all the same.
        """
        await self._room_to_write.wait()
        if self.is_lost:
            raise ConnectionResetError

    @property
    def unsent_bytes(self) -> int:
        """What was written and is still in this process."""
        return self.transport.get_write_buffer_size()

    def go_away(self) -> None:
        """The server stops."""
        self.layer.go_away()

    def close(self, within_s: float = LINGER_S) -> None:
        """End the connection once what was written has been read, for which there is so much time.

        What still comes is dropped. A socket that is closed with something unread in it sends a reset,
        which may overtake the last that was written.
        """
        if self.is_closing or self.is_lost:
            return
        self._hold(b"")
        self._loop.call_later(within_s, self.transport.abort)
        if self.peer_has_closed or not self.transport.can_write_eof():
            self._state = State.CUT
            self.transport.close()
            return
        self._state = State.WE_CLOSED
        with contextlib.suppress(OSError):  # a reset that asyncio has not noticed yet
            self.transport.write_eof()
        self.transport.resume_reading()

    def hang_up(self) -> None:
        """The same for a connection on which nothing is under way."""
        self._state = State.CUT
        self._loop.call_later(LINGER_S, self.transport.abort)
        self.transport.close()

    @property
    def is_closing(self) -> bool:
        """Whether nothing more can be sent."""
        return (self._state is not _OPEN and self._says_no_more) or self.transport.is_closing()

    @property
    def _says_no_more(self) -> bool:
        return self._state is State.WE_CLOSED or self._state is State.CUT

    @property
    def peer_has_closed(self) -> bool:
        """Whether the client has finished sending, and may still hear something."""
        return self._state is State.PEER_CLOSED

    def abort(self) -> None:
        """Cut the transport."""
        self._state = State.CUT
        self.transport.abort()

    # -- who it is ------------------------------------------------------------------------------

    @property
    def peer(self) -> str:
        """The address at the other end; "" for a socket that has no such thing."""
        remote = self.transport.get_extra_info("peername")
        return str(remote[0]) if isinstance(remote, tuple) and remote else ""

    @property
    def is_secure(self) -> bool:
        """Whether it goes over TLS."""
        return self.transport.get_extra_info("sslcontext") is not None

    def settle(self) -> None:
        """It is one that stays."""
        self._places.settle(self)

    def speak(self) -> None:
        """It has a session, and is one that stays."""
        self.settle()
        if not self._speaks and not self.is_lost:
            self._speaks = True
            self.inputs.join()
