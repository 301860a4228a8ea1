"""Is the engine behind? Pure: how long jobs waited and when in, overloaded or not out.

Partials are what gives way under load: a waiting one is replaced by a newer one, so they come less
often. How long they wait is therefore the measure of load that rises first, long before finals
suffer. (The share of time in which the model is busy is not: idle capacity goes into partials.)

What counts is how long one more session would wait. Jobs are decoded in turns, so that is how long a
session, or an owner, has waited for its next turn, and not how long the jobs have that one of them has
piled up. There is a gauge for each owner, of the turns of that one's sessions, and one of the turns
of all owners, for those who have none yet. Who gives way to others (see the scheduler) is not in the
last one.
"""

import math
from collections import defaultdict, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from surtitle.jobs import JobKind

UTILIZATION_S = 2.0
"""Over about so long the utilization is a mean."""
WINDOW_S = 5.0
"""How far back the gauge looks: a few partials of each speaker, so that one slow batch is no alarm."""
RECOVERY = 0.5
"""Part of the limit below which the load counts as normal again, so that it does not flicker."""


@dataclass(slots=True)
class Utilization:
    """How much of the worker's time is taken: an exponential mean. `now` as for LoadGauge."""

    _taken: float = 0.0
    _mean: float = 0.0
    _since: float = 0.0

    def change(self, taken: float, now: float) -> None:
        """From now on so much of what it does at once is taken, from 0 to 1."""
        self._taken, self._mean, self._since = taken, self.mean(now), now

    def mean(self, now: float) -> float:
        """The mean of the last seconds, from 0 to 1."""
        return self._taken + (self._mean - self._taken) * math.exp(
            (self._since - now) / UTILIZATION_S
        )


@dataclass(slots=True)
class _Waits:
    """The waits of the last seconds and their sum."""

    newest: deque[tuple[float, float]] = field(default_factory=deque)  # (when, wait), in seconds
    sum_s: float = 0.0

    def add(self, wait_s: float, now: float) -> None:
        self.newest.append((now, wait_s))
        self.sum_s += wait_s

    def mean_s(self, now: float, others: Sequence[float] = ()) -> float:
        while self.newest and self.newest[0][0] < now - WINDOW_S:
            self.sum_s -= self.newest.popleft()[1]
        if not self.newest:
            self.sum_s = 0.0  # what rounding has left
        count = len(self.newest) + len(others)
        return (self.sum_s + sum(others)) / count if count else 0.0


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

    def update(self, now: float, overdue: Iterable[tuple[JobKind, float]] = ()) -> bool:
        """Judge anew; returns whether `overloaded` has changed.

        `overdue` are jobs that wait now, with for how long: those that do so beyond the limit count
        already, or a queue that grows would be noticed as late as it is long.
        """
        late = [(kind, wait_s) for kind, wait_s in overdue if wait_s > self.limit_s]
        mean_s = max(
            waits.mean_s(now, [wait_s for other, wait_s in late if other == kind])
            for kind, waits in self._waits.items()
        )
        before = self.overloaded
        self.overloaded = mean_s > self.limit_s * (RECOVERY if before else 1.0)
        return self.overloaded is not before

    @property
    def empty(self) -> bool:
        """Whether nothing of the last seconds is known."""
        return not any(waits.newest for waits in self._waits.values())


Overdue = tuple[str, str, JobKind, float, bool]
"""A job that waits: of which owner and session, in which line, since when, and whether the owner gives
way to others."""


@dataclass(slots=True)
class _OwnersTurns:
    """What is known of one owner."""

    gauge: LoadGauge
    turn_at: float = -math.inf
    sessions: dict[str, float] = field(default_factory=dict)  # when each had its last turn


class OwnersLoad:
    """How far behind the engine is, for each owner and for all. Times as for LoadGauge."""

    def __init__(self, limit_s: float) -> None:
        self._limit_s = limit_s
        self._all = LoadGauge(limit_s)
        self._owners: dict[str, _OwnersTurns] = {}  # of whom something was observed lately
        self._observed: set[str] = set()  # since the last update
        self._overloaded: set[str] = set()
        self._swept_at = 0.0

    def observe(
        self,
        owner: str,
        session: str,
        kind: JobKind,
        since: float,
        now: float,
        *,
        gives_way: bool = False,
    ) -> None:
        """A job that was due `since` then was started, or was given up."""
        turns = self._owners.get(owner)
        if turns is None:
            turns = self._owners[owner] = _OwnersTurns(LoadGauge(self._limit_s))
        turns.gauge.observe(kind, now - max(since, turns.sessions.get(session, since)), now)
        if not gives_way:
            self._all.observe(kind, now - max(since, turns.turn_at), now)
        self._observed.add(owner)

    def on_turn(self, owner: str, session: str, now: float) -> None:
        """A job of the session, which was observed, was started."""
        turns = self._owners[owner]
        turns.turn_at = turns.sessions[session] = now

    def update(self, now: float, overdue: Iterable[Overdue] = ()) -> bool:
        """Judge anew those who may have changed; returns whether anything has.

        `overdue` are jobs that wait now, see LoadGauge.
        """
        of_all: list[tuple[JobKind, float]] = []
        of_owners: defaultdict[str, list[tuple[JobKind, float]]] = defaultdict(list)
        for owner, session, kind, since, gives_way in overdue:
            turns = self._owners.get(owner)
            if turns is None:
                turns = self._owners[owner] = _OwnersTurns(LoadGauge(self._limit_s))
            if not gives_way:
                of_all.append((kind, now - max(since, turns.turn_at)))
            of_owners[owner].append((kind, now - max(since, turns.sessions.get(session, since))))
            self._observed.add(owner)
        changed = self._all.update(now, of_all)
        sweeps = now - self._swept_at >= WINDOW_S
        if sweeps:
            self._swept_at = now
        for owner in list(self._owners) if sweeps else self._observed | self._overloaded:
            gauge = self._owners[owner].gauge
            if gauge.update(now, of_owners[owner]):
                changed = True
                (self._overloaded.add if gauge.overloaded else self._overloaded.discard)(owner)
            if sweeps:
                self._forget(owner, now)
        self._observed.clear()
        return changed

    def _forget(self, owner: str, now: float) -> None:
        """Forget what is long past."""
        turns = self._owners[owner]
        if turns.gauge.empty and not turns.gauge.overloaded:
            del self._owners[owner]
        elif len(turns.sessions) > 1:
            recent = {name: at for name, at in turns.sessions.items() if at >= now - WINDOW_S}
            turns.sessions = recent

    def overloaded_for(self, owner: str) -> bool:
        """Whether one more session of this owner would wait for too long."""
        return self._all.overloaded or owner in self._overloaded

    @property
    def anybody(self) -> bool:
        """Whether that holds for anybody."""
        return self._all.overloaded or bool(self._overloaded)
