"""Is the engine behind? Pure: how long jobs waited and when in, overloaded or not out.

Partials are what gives way under load: a waiting one is replaced by a newer one, so they come less
often. How long they wait is therefore the measure of load that rises first, long before finals
suffer. (The share of time in which the model is busy is not: idle capacity goes into partials.)
"""

from collections import deque
from dataclasses import dataclass, field

from surtitle.jobs import JobKind

WINDOW_S = 5.0
"""How far back the gauge looks: a few partials of each speaker, so that one slow batch is no alarm."""
RECOVERY = 0.5
"""Part of the limit below which the load counts as normal again, so that it does not flicker."""


@dataclass(slots=True)
class _Waits:
    """The waits of the last seconds and their sum."""

    newest: deque[tuple[float, float]] = field(default_factory=deque)  # (when, wait), in seconds
    sum_s: float = 0.0

    def add(self, wait_s: float, now: float) -> None:
        self.newest.append((now, wait_s))
        self.sum_s += wait_s

    def mean_s(self, now: float) -> float:
        while self.newest and self.newest[0][0] < now - WINDOW_S:
            self.sum_s -= self.newest.popleft()[1]
        if not self.newest:
            self.sum_s = 0.0  # what rounding has left
            return 0.0
        return self.sum_s / len(self.newest)


@dataclass(slots=True)
class LoadGauge:
    """The mean wait of the jobs of the last seconds. `now` is in seconds of one monotonic clock."""

    limit_s: float
    """Mean wait of partials, or of finals, beyond which the engine is overloaded."""
    overloaded: bool = False
    _waits: dict[JobKind, _Waits] = field(
        default_factory=lambda: {"partial": _Waits(), "final": _Waits()}
    )

    def observe(self, kind: JobKind, wait_s: float, now: float) -> None:
        """A job of this kind was due for `wait_s` when it was started, or was given up."""
        self._waits[kind].add(wait_s, now)

    def update(self, now: float) -> bool:
        """Judge anew; returns whether `overloaded` has changed."""
        mean_s = max(waits.mean_s(now) for waits in self._waits.values())
        before = self.overloaded
        self.overloaded = mean_s > self.limit_s * (RECOVERY if before else 1.0)
        return self.overloaded is not before
