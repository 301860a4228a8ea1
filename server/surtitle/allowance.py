"""How much of what all share one may take, and all who take more. Pure: the clock is an argument."""

import heapq
from itertools import count
from typing import Generic, TypeVar

T = TypeVar("T")


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


class SharedAllowance(Generic[T]):
    """What those have together who have taken more than is theirs: first comes who has taken least."""

    def __init__(self, per_s: float, at_once: float) -> None:
        """See Allowance."""
        self._shared = Allowance(per_s, at_once)
        self._waiting: list[tuple[float, int, Allowance, T]] = []  # a heap
        self._numbers = count()

    def charge(self, own: Allowance, amount: float, now_s: float, dearer: float = 1.0) -> None:
        """Somebody has taken something. Of his own it counts for so much more."""
        if own.is_overdrawn(now_s):
            self._shared.take(amount, now_s)
        own.take(dearer * amount, now_s)

    def wait(self, own: Allowance, holder: T) -> None:
        """Somebody has to wait. One that waits must not come a second time."""
        heapq.heappush(self._waiting, (own.paid_until_s, next(self._numbers), own, holder))

    def next_holder(self, now_s: float) -> T | None:
        """Who comes next, if it is anybody's turn. It does not wait any more."""
        if self.due_in_s(now_s) != 0:
            return None
        return heapq.heappop(self._waiting)[-1]

    def due_in_s(self, now_s: float) -> float | None:
        """How long until one of those who wait may go on; None where nobody waits."""
        if not self._waiting:
            return None
        first = self._waiting[0][2]
        return max(0.0, min(first.good_at_s, self._shared.good_at_s) - now_s)
