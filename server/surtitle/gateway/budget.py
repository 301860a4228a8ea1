"""How much of the event loop's time one connection may take. Pure: the clock is an argument."""

from typing import Protocol

from surtitle.runtime.allowance import Allowance, SharedAllowance

WORK_SHARE = 0.01
"""Of the event loop's time, for the input of one connection that is worked on at once. Somebody who
speaks takes 0.1 to 0.4 % of it, the more the smaller the frames and the higher the rate."""
ALL_SHARE = 0.16
"""The same of all sessions together: where there are more than sixteen, each has less."""
MIN_SHARE = 0.003
"""But so much each. Whoever needs slightly more gets it from the share of the debtors."""
WORK_AT_ONCE_S = 0.004
"""What one connection may use at once: less where there are many, but at least three tenths of it."""
MAX_DEBT_S = 1.0
"""How long one who has taken too much waits at most, where all have: it took what others left."""
DEBTORS_SHARE = 0.2
"""Of the event loop's time, for the input of all together who have taken more than theirs."""
DEBTORS_AT_ONCE_S = 0.002
TURN_S = 0.005
"""For input in one turn of the event loop, but for the slice with which that is passed."""


class Holder(Protocol):
    """A connection with input that waits."""

    @property
    def work(self) -> Allowance:
        """What its input has cost."""
        ...

    def take_slice(self) -> bool:
        """Work on some of the input; whether there is more that can be worked on."""
        ...


def allowance() -> Allowance:
    """What is a connection's own."""
    return Allowance(WORK_SHARE, WORK_AT_ONCE_S, MAX_DEBT_S)


class InputBudget:
    """Who may have input worked on now, in turns of the event loop.

    The input of a connection that keeps within its allowance is worked on at once, as far as the turn
    has time. What is left waits for later turns and is worked on slice by slice, first that of who has
    taken least; all who have taken too much get one share of the time together.
    """

    def __init__(self) -> None:
        self._members = 0
        self._left_s = TURN_S
        self._debtors = SharedAllowance[Holder](DEBTORS_SHARE, DEBTORS_AT_ONCE_S)

    def join(self) -> None:
        """A session has a connection."""
        self._members += 1

    def leave(self) -> None:
        """It has gone."""
        self._members -= 1

    def may_go_on(self, work: Allowance, now_s: float) -> bool:
        """Whether somebody's input may be worked on in this turn."""
        return self._left_s > 0 and not work.is_overdrawn(now_s)

    def charge(
        self, work: Allowance, cost_s: float, now_s: float, most_s: float | None = None
    ) -> None:
        """Somebody's input took so long; of his own it counts for `most_s` at most."""
        self._left_s -= cost_s
        share = max(ALL_SHARE / max(self._members, 1), MIN_SHARE)
        counted_s = cost_s if most_s is None else min(cost_s, most_s)
        self._debtors.charge(work, cost_s, now_s, counted_s * max(WORK_SHARE / share, 1.0))

    def reserve(self, cost_s: float) -> None:
        """What was worked on in this turn will take so much more of the loop's time, outside of it."""
        self._left_s -= cost_s

    def wait(self, holder: Holder, now_s: float) -> None:
        """Somebody's input has to wait. One that waits must not come a second time."""
        self._debtors.wait(holder.work, holder, now_s)

    def begin_turn(self) -> None:
        """There is time again."""
        self._left_s = TURN_S

    def next_holder(self, now_s: float) -> Holder | None:
        """Whose slice comes next, if anybody's in this turn. It does not wait any more."""
        return self._debtors.next_holder(now_s) if self._left_s > 0 else None

    def due_in_s(self, now_s: float) -> float | None:
        """How long until one of those who wait may go on; None where nobody waits."""
        return self._debtors.due_in_s(now_s)
