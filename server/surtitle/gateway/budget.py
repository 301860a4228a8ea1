"""How much of what all share one connection may take. Pure: the clock is an argument."""

import heapq
from itertools import count
from typing import Protocol

WORK_SHARE = 0.01
"""Of the event loop's time, for the input of one connection that is worked on at once. Somebody who
speaks takes a tenth of that."""
WORK_AT_ONCE_S = 0.002
DEBTORS_SHARE = 0.2
"""Of the event loop's time, for the input of all together who have taken more than theirs."""
DEBTORS_AT_ONCE_S = 0.002
TURN_S = 0.005
"""For input in one turn of the event loop, but for the slice with which that is passed."""


class Allowance:
    """So much a second, after so much at once: the generic cell rate algorithm (ITU-T I.371).

    It keeps the moment up to which all that was taken is paid for.
    """

    __slots__ = ("_ahead_s", "_per_s", "paid_until_s")

    def __init__(self, per_s: float, at_once: float) -> None:
        """Both in the unit of what is taken: bytes, or seconds of work."""
        self._per_s = per_s
        self._ahead_s = at_once / per_s
        self.paid_until_s = 0.0

    def take(self, amount: float, now_s: float) -> None:
        """Something was taken, whether it is allowed or not."""
        self.paid_until_s = max(self.paid_until_s, now_s) + amount / self._per_s

    def is_overdrawn(self, now_s: float) -> bool:
        """Whether more was taken than is allowed."""
        return self.paid_until_s > now_s + self._ahead_s

    @property
    def good_at_s(self) -> float:
        """When it is overdrawn no longer, if nothing else is taken."""
        return self.paid_until_s - self._ahead_s


class Holder(Protocol):
    """A connection with input that waits."""

    @property
    def work(self) -> Allowance:
        """What its input has cost."""
        ...

    def take_slice(self) -> bool:
        """Work on some of the input; whether there is more that can be worked on."""
        ...


class InputBudget:
    """Who may have input worked on now, in turns of the event loop.

    The input of a connection that keeps within its allowance is worked on at once, as far as the turn
    has time. What is left waits for later turns and is worked on slice by slice, first that of who has
    taken least; all who have taken too much get one share of the time together.
    """

    def __init__(self) -> None:
        self._left_s = TURN_S
        self._debtors = Allowance(DEBTORS_SHARE, DEBTORS_AT_ONCE_S)
        self._waiting: list[tuple[float, int, Holder]] = []  # a heap
        self._numbers = count()

    def may_go_on(self, work: Allowance, now_s: float) -> bool:
        """Whether somebody's input may be worked on in this turn."""
        return self._left_s > 0 and not work.is_overdrawn(now_s)

    def charge(self, work: Allowance, cost_s: float, now_s: float) -> None:
        """Somebody's input took so long."""
        if work.is_overdrawn(now_s):
            self._debtors.take(cost_s, now_s)
        work.take(cost_s, now_s)
        self._left_s -= cost_s

    def wait(self, holder: Holder) -> None:
        """Somebody's input has to wait. One that waits must not come a second time."""
        heapq.heappush(self._waiting, (holder.work.paid_until_s, next(self._numbers), holder))

    def begin_turn(self) -> None:
        """There is time again."""
        self._left_s = TURN_S

    def next_holder(self, now_s: float) -> Holder | None:
        """Whose slice comes next, if anybody's in this turn. It does not wait any more."""
        if self._left_s <= 0 or self.due_in_s(now_s) != 0:
            return None
        return heapq.heappop(self._waiting)[2]

    def due_in_s(self, now_s: float) -> float | None:
        """How long until one of those who wait may go on; None where nobody waits."""
        if not self._waiting:
            return None
        first = self._waiting[0][2].work
        return max(0.0, min(first.good_at_s, self._debtors.good_at_s) - now_s)
