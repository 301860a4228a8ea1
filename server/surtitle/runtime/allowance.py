"""How much of what all share one may take, and all who take more. Pure: the clock is an argument."""

import heapq
import math
from itertools import count
from typing import Generic, TypeVar

T = TypeVar("T")


class Allowance:
    """So much a second, after so much at once: the generic cell rate algorithm (ITU-T I.371).

    It keeps the moment up to which all that was taken is paid for.
    """

    __slots__ = ("_ahead_s", "_most_debt_s", "_per_s", "paid_until_s")

    def __init__(self, per_s: float, at_once: float, most_debt_s: float = math.inf) -> None:
        """Both in the unit of what is taken: bytes, or seconds of work.

        Who takes too much may take more after `most_debt_s` at the latest: what was free is not held
        against anybody for long.
        """
        self._per_s = per_s
        self._ahead_s = at_once / per_s
        self._most_debt_s = most_debt_s
        self.paid_until_s = 0.0

    def take(self, amount: float, now_s: float) -> None:
        """Something was taken, whether it is allowed or not."""
        paid_until_s = max(self.paid_until_s, now_s) + amount / self._per_s
        self.paid_until_s = min(paid_until_s, now_s + self._ahead_s + self._most_debt_s)

    def is_overdrawn(self, now_s: float) -> bool:
        """Whether more was taken than is allowed."""
        return self.paid_until_s > now_s + self._ahead_s

    @property
    def good_at_s(self) -> float:
        """When it is overdrawn no longer, if nothing else is taken."""
        return self.paid_until_s - self._ahead_s


class SharedAllowance(Generic[T]):
    """What those have together who have taken more than is theirs.

    First comes who has taken least, and who takes nothing does not come before those that have come
    before.
    """

    def __init__(self, per_s: float, at_once: float) -> None:
        """See Allowance."""
        self._shared = Allowance(per_s, at_once)
        self._waiting: list[tuple[float, int, Allowance, T]] = []  # a heap
        self._numbers = count()

    def charge(
        self, own: Allowance, amount: float, now_s: float, of_own: float | None = None
    ) -> None:
        """Somebody has taken something; `of_own`, where it counts for another amount of his own."""
        if own.is_overdrawn(now_s):
            self._shared.take(amount, now_s)
        own.take(amount if of_own is None else of_own, now_s)

    def wait(self, own: Allowance, holder: T, now_s: float) -> None:
        """Somebody has to wait. One that waits must not come a second time."""
        rank = max(own.paid_until_s, now_s)
        heapq.heappush(self._waiting, (rank, next(self._numbers), own, holder))

    def next_holder(self, now_s: float) -> T | None:
        """Who comes next, if it is anybody's turn. It does not wait any more."""
        if self.due_in_s(now_s) != 0:
            return None
        return heapq.heappop(self._waiting)[-1]

    def due_in_s(self, now_s: float) -> float | None:
        """How long until one of those who wait may go on; None where nobody waits."""
        if not self._waiting:
            return None
        rank, number, own, holder = self._waiting[0]
        while own.paid_until_s > rank:  # it has taken something else since
            heapq.heapreplace(self._waiting, (own.paid_until_s, number, own, holder))
            rank, number, own, holder = self._waiting[0]
        return max(0.0, min(own.good_at_s, self._shared.good_at_s) - now_s)
