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
class LoadGauge:
    """The mean wait of the jobs of the last seconds. `now` is in seconds of one monotonic clock."""

    limit_s: float
    """Mean wait of partials, or of finals, beyond which the engine is overloaded."""
    overloaded: bool = False
    _waits: dict[JobKind, deque[tuple[float, float]]] = field(
        default_factory=lambda: {"partial": deque(), "final": deque()}
    )  # (when, wait in seconds), oldest first

    def observe(self, kind: JobKind, wait_s: float, now: float) -> None:
        """A job of this kind was due for `wait_s` when it was started, or was given up."""
        self._waits[kind].append((now, wait_s))

    def update(self, now: float) -> bool:
        """Judge anew; returns whether `overloaded` has changed."""
        mean_s = max(self._mean(waits, now) for waits in self._waits.values())
        before = self.overloaded
        self.overloaded = mean_s > self.limit_s * (RECOVERY if before else 1.0)
        return self.overloaded is not before

    @staticmethod
    def _mean(waits: deque[tuple[float, float]], now: float) -> float:
        while waits and waits[0][0] < now - WINDOW_S:
            waits.popleft()
        return sum(wait_s for _, wait_s in waits) / len(waits) if waits else 0.0
