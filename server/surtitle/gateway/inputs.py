"""When input that has been read is worked on: a slice at a time, in the turn of who has sent it.

A quarter of a megabyte of the smallest frames takes the library as much time as a minute of somebody's
speech, so what has been read is not always worked on at once.
"""

import asyncio
import time
from collections.abc import Callable

from surtitle.gateway.budget import Holder, InputBudget
from surtitle.runtime.allowance import Allowance

MIN_WAIT_S = 0.001
"""A shorter one is none for uvloop."""


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
