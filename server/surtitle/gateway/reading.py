"""When sockets are read: those of sessions all together, a turn at a time.

A server that reads each socket as soon as something has come wakes up for every frame of every
speaker, which costs more than the frame. Here a socket that has been read rests until the next turn,
in which all are read one behind the other; what comes meanwhile waits in the kernel. So the windows of
voice activity of all sessions come together too, and are scored in one batch.
"""

import asyncio
from typing import Protocol

import structlog

log = structlog.get_logger("surtitle.gateway")

TURN_PER_SOCKET_S = 0.008
MAX_TURN_S = 0.128
"""From one turn to the next: the more speakers, the longer. One alone is read at once; seventeen and
more wait for each other, since a batch of few windows costs nearly what one of twenty does, and the
length of four windows is little beside an endpoint."""
SOCKETS_AT_ONCE = 50
"""Sockets that are read before the event loop gets its turn."""


class Resting(Protocol):
    """A socket that can leave what comes to the kernel for a while."""

    def stop_reading(self) -> None:
        """Read nothing any more."""
        ...

    def read_on(self) -> None:
        """Read again."""
        ...


class ReadingTurns:
    """The sockets that are read in turns. Belongs to the event loop on which it is made."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._members: set[Resting] = set()
        self._resting: dict[Resting, None] = {}  # an ordered set
        self._planned = False  # the next turn, or one goes on
        self._begun = self._loop.time()  # when the last turn did

    def join(self, socket: Resting) -> None:
        """A socket takes part from now on."""
        self._members.add(socket)

    def leave(self, socket: Resting) -> None:
        """A socket takes part no longer, and is left as it is."""
        self._members.discard(socket)
        self._resting.pop(socket, None)

    def rest(self, socket: Resting) -> None:
        """A socket has been read: where it takes part, it rests until the next turn."""
        if len(self._members) > 1 and socket in self._members and socket not in self._resting:
            socket.stop_reading()
            self._resting[socket] = None
            if not self._planned:
                self._plan()

    def _plan(self) -> None:
        """Plan the next turn, if there is somebody to be read in it."""
        self._planned = bool(self._resting)
        if self._planned:
            turn_s = min(TURN_PER_SOCKET_S * (len(self._members) - 1), MAX_TURN_S)
            self._loop.call_at(self._begun + turn_s, self._begin)

    def _begin(self) -> None:
        self._begun = self._loop.time()
        due, self._resting = list(self._resting), {}
        self._read(due)

    def _read(self, due: list[Resting]) -> None:
        """Let the first ones be read, then the others."""
        for socket in due[:SOCKETS_AT_ONCE]:
            if socket in self._members:
                try:
                    socket.read_on()
                except Exception:
                    self._give_up(socket)
        # What has come is there after the loop has looked for it, or, with asyncio's own, after one
        # more turn of it.
        self._loop.call_soon(self._loop.call_soon, self._end, due)

    def _end(self, due: list[Resting]) -> None:
        """Let those rest that had nothing to be read, and go on."""
        for socket in due[:SOCKETS_AT_ONCE]:
            try:
                self.rest(socket)
            except Exception:
                self._give_up(socket)
        if later := due[SOCKETS_AT_ONCE:]:
            self._read(later)
        else:
            self._plan()

    def _give_up(self, socket: Resting) -> None:
        """A mistake of ours at one socket: the others are read all the same."""
        log.exception("a socket cannot be read in turns")
        self.leave(socket)
