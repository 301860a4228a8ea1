"""The server's end of the decoder processes: bytes out, samples in, on the event loop.

Nothing here waits. A decoder that is slow has its socket full, and one that is given much waits for
its turn (see `pacing`); then no more is taken from the client, see `Decoding.behind`. A session that
is full does not read its decoder's socket, so that stands still.
"""

import asyncio
import contextlib
import mmap
import os
import socket
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass
from enum import Enum, auto
from pathlib import Path
from typing import Protocol
from weakref import WeakKeyDictionary

import msgspec
import numpy as np
import structlog

from surtitle.decoding.pacing import Pacing, for_audio, for_head
from surtitle.decoding.wire import BrokenStream, Kind, Unpacker, pack, unpack_place
from surtitle.errors import BadStart, Busy
from surtitle.jobs import SAMPLE_BYTES, Pcm16
from surtitle.messages import ContainerEncoding
from surtitle.runtime.launch import launch

log = structlog.get_logger("surtitle.decoding")

PIECE_BYTES = 16_384
"""Of a DATA frame."""
SLICE_BYTES = 65_536
"""What is given to a decoder at once."""
BEHIND_BYTES = 65_536
"""What may wait for a decoder before no more is taken from the client."""
RECEIVE_BYTES = 65_536
"""What is taken from a decoder at once: 2 s of audio."""

PAGE_BYTES = mmap.PAGESIZE
BETWEEN_FORKS_S = 0.05
"""Sixty that come at once come one after the other: before it is known how much each computes, it
takes as much as the start of a file may (see `forkserver`)."""
MEASURE_EVERY_S = 1.0
"""How often their memory is looked at: 20 µs for each."""

DIED = (
    "The decoder of this audio died, or exceeded its memory or time limit: the audio is damaged "
    "or malicious. Other sessions are not affected."
)


class Listener(Protocol):
    """Who is told what a decoder makes of the bytes. Not called from within `Decoding`'s
    methods."""

    def on_samples(self, samples: Pcm16) -> None:
        """The next samples, shape (n,)."""
        ...

    def on_missing(self, start_sample: int, samples: int) -> None:
        """Audio that could not be decoded; silence stands for it, or it lies behind the end."""
        ...

    def on_mark(self) -> None:
        """All that was sent before the oldest mark is decoded."""
        ...

    def on_room(self) -> None:
        """It is no longer `behind`."""
        ...

    def on_end(self) -> None:
        """All is decoded."""
        ...

    def on_failure(self, why: str) -> None:
        """Nothing more comes, for a reason that a person can be told."""
        ...


class _Waits(Enum):
    """What the bytes that wait for a decoder wait for."""

    NOT = auto()
    FOR_ROOM = auto()  # in its socket
    FOR_A_TURN = auto()  # among those that are given much, see Pacing


class Decoding:
    """One container that is being decoded."""

    def __init__(self, connection: socket.socket, listener: Listener, pacing: Pacing) -> None:
        connection.setblocking(False)
        self._loop = asyncio.get_running_loop()
        self._connection = connection
        self._listener: Listener | None = listener
        self._unpacker = Unpacker()
        self._outgoing = bytearray()
        self._waits = _Waits.NOT
        self._pacing = pacing
        self._given = for_head()
        self._is_heard = False
        self._reading = False
        self._closed = False
        self._pid: int | None = None
        self.memory_bytes = 0
        """What its process has of its own, when it was looked at last."""
        self.resume()

    def feed(self, data: bytes) -> None:
        """The next bytes."""
        for start in range(0, len(data), PIECE_BYTES):
            self._send(pack(Kind.DATA, data[start : start + PIECE_BYTES]))

    def mark(self) -> None:
        """Ask for an `on_mark` once what was fed by now is decoded."""
        self._send(pack(Kind.MARK))

    def finish(self) -> None:
        """There are no more bytes."""
        self._send(pack(Kind.END))

    @property
    def behind(self) -> bool:
        """Whether so much waits for the decoder that no more should come."""
        return len(self._outgoing) > BEHIND_BYTES

    @property
    def is_closed(self) -> bool:
        """Whether nothing more comes of it."""
        return self._closed

    @property
    def held_bytes(self) -> int:
        """What is kept here, and what its process takes."""
        return len(self._outgoing) + self.memory_bytes

    def measure(self, shared_bytes: int) -> None:
        """Look at its process, of whose memory so much is not its own."""
        if self._pid is not None:
            self.memory_bytes = max(private_bytes(self._pid) - shared_bytes, 0)

    def pause(self) -> None:
        """Take nothing from the decoder for now."""
        if self._reading:
            self._loop.remove_reader(self._connection)
            self._reading = False

    def resume(self) -> None:
        """Take from it again."""
        if not self._reading and not self._closed:
            self._loop.add_reader(self._connection, self._receive)
            self._reading = True

    def close(self) -> None:
        """Let go; the process ends by itself."""
        if self._closed:
            return
        self.pause()
        if self._waits is _Waits.FOR_ROOM:
            self._loop.remove_writer(self._connection)
        self._closed, self._listener, self._pid, self.memory_bytes = True, None, None, 0
        self._outgoing.clear()
        self._connection.close()

    # -- inside ---------------------------------------------------------------------------------

    def _send(self, frame: bytes) -> None:
        if self._closed:
            return
        self._outgoing += frame
        if self._waits is _Waits.NOT:
            self._write()

    def _on_turn(self) -> None:
        if not self._closed:
            self._waits = _Waits.NOT
            self._go_on(its_turn=True)

    def _go_on(self, *, its_turn: bool = False) -> None:
        was_behind = self.behind
        self._write(its_turn=its_turn)
        if was_behind and not self.behind and self._listener is not None:
            self._listener.on_room()

    def _write(self, *, its_turn: bool = False) -> None:
        """Send as much as may go now: a slice in its turn, and whatever is within its allowance."""
        now_s, waits = self._loop.time(), _Waits.NOT
        while self._outgoing and waits is _Waits.NOT:
            if self._given.is_overdrawn(now_s) and not its_turn:
                waits = _Waits.FOR_A_TURN
            elif sent := self._send_slice():
                self._pacing.charge(self._given, sent, now_s)
            else:
                waits = _Waits.FOR_ROOM
            its_turn = False
        self._wait(waits)

    def _send_slice(self) -> int:
        """How many bytes the socket has taken."""
        try:
            with memoryview(self._outgoing)[:SLICE_BYTES] as piece:
                sent = self._connection.send(piece)
        except (BlockingIOError, InterruptedError):
            return 0
        except OSError:  # it has died: that is told when its socket is read
            sent = len(self._outgoing)
        del self._outgoing[:sent]
        return sent

    def _wait(self, waits: _Waits) -> None:
        before, self._waits = self._waits, waits
        if before is waits:
            return
        if before is _Waits.FOR_ROOM:
            self._loop.remove_writer(self._connection)
        if waits is _Waits.FOR_ROOM:
            self._loop.add_writer(self._connection, self._go_on)
        elif waits is _Waits.FOR_A_TURN:
            self._pacing.wait(self._given, self._on_turn)

    def _receive(self) -> None:
        try:
            data = self._connection.recv(RECEIVE_BYTES)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            data = b""
        if not data:
            self._fail(DIED)
            return
        try:
            for kind, payload in self._unpacker.feed(data):
                self._take(kind, payload)
        except BrokenStream:
            self._fail(DIED)

    def _take(self, kind: Kind, payload: bytes) -> None:
        listener = self._listener
        if listener is None:
            return
        match kind:
            case Kind.PCM:
                if len(payload) % SAMPLE_BYTES:
                    raise BrokenStream
                if not self._is_heard:
                    self._is_heard, self._given = True, for_audio()
                listener.on_samples(np.frombuffer(payload, np.int16))
            case Kind.MISSING:
                listener.on_missing(*unpack_place(payload))
            case Kind.MARK:
                listener.on_mark()
            case Kind.PID:
                self._pid = int(payload) if payload.isdigit() else None
            case Kind.ENDED:
                self.close()
                listener.on_end()
            case Kind.FAILED:
                self._fail(payload.decode(errors="replace"))

    def _fail(self, why: str) -> None:
        listener = self._listener
        self.close()
        if listener is not None:
            listener.on_failure(why)


@dataclass(frozen=True, slots=True)
class _Waiting:
    """One that has no process yet."""

    decoding: Decoding
    connection: socket.socket
    """The end of the process."""
    owner: str


class Decoders:
    """All decoders of a server. The process that forks them is started with the first one."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._open: WeakKeyDictionary[Decoding, str] = WeakKeyDictionary()  # and their owners
        self._waiting: list[_Waiting] = []
        self._next_fork: asyncio.TimerHandle | None = None
        self._pacing = Pacing()
        self._measured_at = -MEASURE_EVERY_S
        self._memory_bytes = 0

    def open(self, encoding: ContainerEncoding, listener: Listener, owner: str = "") -> Decoding:
        """Decode what will be fed. Those of an owner who has fewer open get their process first.

        Raises BadStart where that cannot be done on this system, and Busy where no descriptor is free.
        """
        if sys.platform == "win32":  # it has no fork
            raise BadStart("A server on Windows accepts only raw audio: send pcm_s16le.")
        try:
            ours, theirs = socket.socketpair()
        except OSError as error:
            raise Busy("The server has too many files open to decode another recording.") from error
        decoding = Decoding(ours, listener, self._pacing)
        decoding._send(pack(Kind.OPEN, msgspec.json.encode({"encoding": encoding})))
        self._open[decoding] = owner
        self._waiting.append(_Waiting(decoding, theirs, owner))
        if self._next_fork is None:
            self._fork_next()
        return decoding

    def memory_bytes(self) -> int:
        """What all of them take beside what they share; looked at now and then."""
        now = time.monotonic()
        if self._process is not None and now - self._measured_at >= MEASURE_EVERY_S:
            self._measured_at = now
            base = private_bytes(self._process.pid)
            for decoding in self._open:
                decoding.measure(base)
            self._memory_bytes = base + sum(decoding.memory_bytes for decoding in self._open)
        return self._memory_bytes

    def close(self) -> None:
        """The server ends: so do they all."""
        if self._next_fork is not None:
            self._next_fork.cancel()
        for waiting in self._waiting:
            waiting.connection.close()
        self._waiting.clear()
        if self._control is not None:
            self._control.close()
        if self._process is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(0.5)
            self._process.kill()
            self._process.wait()
        self._process = self._control = None

    @property
    def pid(self) -> int | None:
        """Of the process that forks them, for tests."""
        return None if self._process is None else self._process.pid

    def _fork_next(self) -> None:
        """Have a process forked for one of those that wait."""
        self._next_fork = None
        for waiting in self._waiting:
            if waiting.decoding.is_closed:
                waiting.connection.close()
        self._waiting = [each for each in self._waiting if not each.decoding.is_closed]
        if not self._waiting:
            return
        forked = Counter(owner for each, owner in self._open.items() if not each.is_closed)
        forked.subtract(each.owner for each in self._waiting)
        waiting = min(self._waiting, key=lambda each: forked[each.owner])  # the first of equals
        try:
            self._hand_over(waiting.connection)
        except BlockingIOError:
            pass  # the one that forks is behind
        else:
            self._waiting.remove(waiting)
            waiting.connection.close()
        self._next_fork = asyncio.get_running_loop().call_later(BETWEEN_FORKS_S, self._fork_next)

    def _hand_over(self, connection: socket.socket) -> None:
        """Give a socket to the one that forks. Raises BlockingIOError where that takes none now.

        Where it cannot be started nobody has the socket, so its session is told that the decoder has
        died.
        """
        if self._process is not None and self._process.poll() is not None:
            log.warning("the process that forks decoders has died; a new one is started")
            self._forget()
        for _ in range(2):
            try:
                if self._control is None:
                    self._start()
                assert self._control is not None
                socket.send_fds(self._control, [b"d"], [connection.fileno()])
                return
            except BlockingIOError:
                if self._control is None:  # no process can be started
                    break
                raise
            except OSError:  # it has died just now
                self._forget()
        log.warning("the process that forks decoders cannot be started")

    def _forget(self) -> None:
        if self._control is not None:
            self._control.close()
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        self._process = self._control = None

    def _start(self) -> None:
        """Start it. On the main thread: it dies with the thread that starts it. Raises OSError."""
        ours, theirs = socket.socketpair()
        with theirs:
            try:
                self._process = launch(
                    "surtitle.decoding.forkserver",
                    *(str(theirs.fileno()), str(os.getpid())),
                    pass_fds=[theirs.fileno()],
                    stdin=subprocess.DEVNULL,
                )
            except BaseException:
                ours.close()
                raise
        ours.setblocking(False)
        self._control = ours


def private_bytes(pid: int) -> int:
    """Resident memory of a process that is no file's; 0 where the system does not tell."""
    try:
        _, resident, shared, *_ = Path(f"/proc/{pid}/statm").read_text().split()
    except (OSError, ValueError):
        return 0
    return (int(resident) - int(shared)) * PAGE_BYTES
