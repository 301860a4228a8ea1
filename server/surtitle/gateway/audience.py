"""Who watches a channel: each message goes to all of them, and nobody who is slow holds up others.

A message is written to viewer after viewer, some of them in a turn of the event loop, so that thousands
of viewers do not hold up those who speak. A viewer that reads slowly misses partials; one that takes
nothing for a while is cut off, and may come again.
"""

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Protocol

import structlog

from surtitle.gateway.stream import MAX_UNSENT_BYTES, UNSENT_BYTES

log = structlog.get_logger("surtitle.channels")

HEARTBEAT_S = 5.0
"""How often viewers hear of the channel though nothing happens: it tells them that somebody is there,
and how many they are."""
AT_ONCE = 50
"""Viewers in a turn of the event loop: 1 to 2 ms."""


class ViewerSocket(Protocol):
    """What is needed of a viewer's WebSocket."""

    def write_frame(self, frame: bytes) -> None:
        """Send a frame as it goes over the wire, or nothing where the connection is closing."""
        ...

    @property
    def unsent_bytes(self) -> int:
        """What was written and is still in this process."""
        ...

    def abort(self) -> None:
        """Cut the transport."""
        ...


@dataclass(slots=True, eq=False)
class _Viewer:
    socket: ViewerSocket
    next: int
    """Number of the first message that it has not got with the history."""
    taken_at: float
    """When it was last seen to have taken something, or to have nothing left to take."""
    written_bytes: int = 0
    taken_bytes: int = 0


@dataclass(slots=True)
class _Item:
    number: int
    frame: bytes
    is_partial: bool


class Audience:
    """The viewers of one channel here. Frames are as they go over the wire."""

    def __init__(
        self,
        channel: str,
        patience_s: float,
        heartbeat: Callable[[], bytes],
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        """A viewer that takes nothing for `patience_s` is cut off. `heartbeat` makes the frame that all
        get from time to time.
        """
        self._channel = channel
        self._patience_s = patience_s
        self._heartbeat_frame = heartbeat
        self._clock_s = clock_s
        self._viewers: set[_Viewer] = set()
        self._count = 0  # of all messages there ever were
        self._pending: deque[_Item] = deque()
        self._sender: asyncio.Task[None] | None = None
        self._heartbeat: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        return len(self._viewers)

    @contextlib.contextmanager
    def joined_by(self, socket: ViewerSocket, welcome: Callable[[], bytes]) -> Iterator[None]:
        """A viewer watches while the block runs; `welcome` makes what it gets at once."""
        viewer = _Viewer(socket, self._count + 1, self._clock_s())
        self._viewers.add(viewer)
        self._write(viewer, welcome())
        if self._heartbeat is None:
            self._beat_later()
        try:
            yield
        finally:
            self._viewers.discard(viewer)
            if not self._viewers and self._heartbeat is not None:
                self._heartbeat.cancel()
                self._heartbeat = None

    def post(self, frame: bytes, *, is_partial: bool = False) -> None:
        """Send a message to all who watch now. A partial may be replaced by the next one."""
        if not self._viewers:
            return
        self._count += 1
        if is_partial and self._pending and self._pending[-1].is_partial:
            self._pending.pop()  # nobody has got it yet, and the new one replaces it
        self._pending.append(_Item(self._count, frame, is_partial))
        if self._sender is None:
            self._sender = asyncio.create_task(self._send_pending(), name="channel")

    def close(self) -> None:
        """The server ends."""
        if self._sender is not None:
            self._sender.cancel()
        if self._heartbeat is not None:
            self._heartbeat.cancel()

    async def _send_pending(self) -> None:
        try:
            while self._pending:
                item = self._pending.popleft()
                viewers = iter(list(self._viewers))
                while some := list(islice(viewers, AT_ONCE)):
                    for viewer in some:
                        if viewer.next <= item.number:
                            self._send(viewer, item)
                    await asyncio.sleep(0)
        finally:
            self._sender = None

    def _send(self, viewer: _Viewer, item: _Item) -> None:
        unsent = viewer.socket.unsent_bytes
        taken, now = viewer.written_bytes - unsent, self._clock_s()
        if taken > viewer.taken_bytes or not unsent:
            viewer.taken_bytes, viewer.taken_at = taken, now
        if now - viewer.taken_at > self._patience_s or unsent > MAX_UNSENT_BYTES:
            log.info("viewer does not read; cut off", channel=self._channel)
            viewer.socket.abort()
            return
        if unsent <= UNSENT_BYTES or not item.is_partial:
            self._write(viewer, item.frame)

    def _write(self, viewer: _Viewer, frame: bytes) -> None:
        viewer.socket.write_frame(frame)
        viewer.written_bytes += len(frame)

    def _beat_later(self) -> None:
        self._heartbeat = asyncio.get_running_loop().call_later(HEARTBEAT_S, self._beat)

    def _beat(self) -> None:
        self.post(self._heartbeat_frame())
        self._beat_later()
