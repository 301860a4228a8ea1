"""When sockets are read: those of sessions all together, a turn at a time; floods a slice at a time.

A server that reads each socket as soon as something has come wakes up for every frame of every
speaker, which costs more than the frame. Here a socket that has been read rests until the next turn,
in which all are read one behind the other; what comes meanwhile waits in the kernel. So the windows of
voice activity of all sessions come together too, and are scored in one batch.

And what has been read is not always worked on at once: a quarter of a megabyte of the smallest frames
takes the library as much time as a minute of somebody's speech.
"""

import asyncio
import time
from collections.abc import Callable
from typing import Protocol

import structlog

from surtitle.gateway.budget import Holder, InputBudget
from surtitle.runtime.allowance import Allowance

log = structlog.get_logger("surtitle.gateway")

TURN_PER_SOCKET_S = 0.008
MAX_TURN_S = 0.128
"""From one turn to the next: the more speakers, the longer. One alone is read at once; seventeen and
more wait for each other, since a batch of few windows costs nearly what one of twenty does, and the
length of four windows is little beside an endpoint."""
MIN_WAIT_S = 0.001
"""A shorter one is none for uvloop."""
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


class InputTurns:
    """The budget for input of an event loop: what has to wait is worked on turn by turn."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._budget = InputBudget()
        self._planned = False  # the next turn is that of the loop
        self._timer: asyncio.TimerHandle | None = None  # for a turn, when somebody may go on

    def join(self) -> None:
        """See InputBudget."""
        self._budget.join()

    def leave(self) -> None:
        """See InputBudget."""
        self._budget.leave()

    def may_go_on(self, work: Allowance, now_s: float) -> bool:
        """See InputBudget. `now_s` is of time.perf_counter: uvloop's clock stands still in a turn."""
        return self._budget.may_go_on(work, now_s)

    def charge(self, work: Allowance, cost_s: float, now_s: float, most_s: float) -> None:
        """See InputBudget."""
        self._budget.charge(work, cost_s, now_s, most_s)
        self._plan_at_once()

    def wait(self, holder: Holder) -> None:
        """See InputBudget."""
        self._budget.wait(holder, time.perf_counter())
        self._plan_at_once()

    def reserve(self, cost_s: float) -> None:
        """See InputBudget.reserve."""
        self._budget.reserve(cost_s)

    async def in_turn(self, work: Allowance, call: Callable[[], object], most_s: float) -> None:
        """Do something for a client, which costs time: at once, or in the turn that comes to it.

        It counts for `most_s` at most, however long it takes on a machine that has much to do. Where
        this is cancelled while it waits, it is not done.
        """
        message = _Message(self, work, call, most_s)
        if self.may_go_on(work, time.perf_counter()):
            message.take_slice()
        else:
            message.done = self._loop.create_future()
            self.wait(message)
            try:
                await message.done
            finally:
                message.let_go()

    def _plan_at_once(self) -> None:
        if not self._planned:
            self._planned = True
            self._loop.call_soon(self._begin)

    def _begin(self) -> None:
        """The loop begins another turn."""
        self._planned = False
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._budget.begin_turn()
        now_s = time.perf_counter()
        try:
            while (holder := self._budget.next_holder(now_s)) is not None:
                more = holder.take_slice()
                now_s = time.perf_counter()
                if more:
                    self._budget.wait(holder, now_s)
        finally:  # whatever becomes of one, the others go on
            due_in_s = self._budget.due_in_s(now_s)
            if due_in_s is not None and not self._planned:
                self._timer = self._loop.call_later(max(due_in_s, MIN_WAIT_S), self._begin)


class _Message:
    """A message of a client, whose turn comes: a Holder."""

    def __init__(
        self, turns: InputTurns, work: Allowance, call: Callable[[], object], most_s: float
    ) -> None:
        self.work = work
        self.done: asyncio.Future[None] | None = None
        self._turns = turns
        self._call = call
        self._most_s = most_s

    def take_slice(self) -> bool:
        """See Holder: the whole message."""
        if self.done is not None and self.done.done():
            return False  # who has sent it does not wait any more
        began_s = time.perf_counter()
        try:
            self._call()
        except Exception as error:
            if self.done is None:
                raise
            self.done.set_exception(error)
        else:
            if self.done is not None:
                self.done.set_result(None)
        finally:
            now_s = time.perf_counter()
            self._turns.charge(self.work, now_s - began_s, now_s, self._most_s)
        return False

    def let_go(self) -> None:
        """Keep nothing of the message: it may stay in the line for a while."""
        self._call = _nothing


def _nothing() -> None:
    pass
