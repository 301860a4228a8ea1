"""Which member of a pool decodes what. Pure: what happened in, where jobs go out.

1. Jobs go to members that are ready, as long as there is one; else to one that will be ready soonest,
   where they wait.
2. A session keeps to a member, which remembers the features of its audio. At the start of an utterance
   nothing is remembered of it yet: then the session goes to the member with the fewest speakers for
   what it can do.
3. What a member owes that is not ready goes to the others as soon as one of these is.
"""

from dataclasses import dataclass, field

from surtitle.engine.speakers import Speakers
from surtitle.engine.states import EngineState
from surtitle.jobs import Job

_HOPE = (
    EngineState.READY,
    EngineState.RECOVERING,
    EngineState.LOADING,
    EngineState.BROKEN,
    EngineState.FAILED,
)
"""The states in the order in which a member is likely to decode soon."""


@dataclass(slots=True)
class _Place:
    """What is known of a member."""

    state: EngineState = EngineState.LOADING
    capacity: int = 1  # jobs that it decodes at once
    speakers: Speakers = field(default_factory=Speakers)


@dataclass(frozen=True, slots=True)
class _Home:
    """Where a session is."""

    member: int
    utterance: int  # the newest that a job was of


class Placement:
    """The members of a pool, by their numbers, and the sessions. `now` as for Speakers."""

    def __init__(self) -> None:
        self._places: dict[int, _Place] = {}
        self._homes: dict[str, _Home] = {}
        self._was_ready = False

    @property
    def state(self) -> EngineState:
        """How the pool is: ready where any member is."""
        states = {place.state for place in self._places.values()}
        if EngineState.READY in states:
            return EngineState.READY
        if states == {EngineState.FAILED}:
            return EngineState.FAILED
        if not self._was_ready:
            return EngineState.LOADING
        is_broken = states and states <= {EngineState.BROKEN, EngineState.FAILED}
        return EngineState.BROKEN if is_broken else EngineState.RECOVERING

    @property
    def ready(self) -> list[int]:
        """The members that decode now."""
        return [m for m, place in self._places.items() if place.state is EngineState.READY]

    def add(self, member: int) -> None:
        """There is one more, which is loading."""
        self._places[member] = _Place()

    def remove(self, member: int) -> None:
        """It is there no more."""
        del self._places[member]
        self._homes = {name: home for name, home in self._homes.items() if home.member != member}

    def on_state(self, member: int, state: EngineState, capacity: int) -> None:
        """A member is in this state, and decodes so many jobs at once."""
        place = self._places[member]
        place.state, place.capacity = state, capacity
        self._was_ready |= state is EngineState.READY

    @property
    def to_relieve(self) -> list[int]:
        """The members whose jobs others can take: those that are not ready, where any is."""
        ready = self.ready
        return [m for m in self._places if m not in ready] if ready else []

    def member_for(self, job: Job, now: float) -> int:
        """Where a job goes."""
        home, usable = self._homes.get(job.session), self._usable
        if home is None or home.member not in usable or job.utterance > home.utterance:
            self.forget_session(job.session)
            home = _Home(self._choose(usable, home, now), job.utterance)
            self._homes[job.session] = home
        self._places[home.member].speakers.on_job(job.session, "", now)
        return home.member

    def forget_session(self, session: str) -> None:
        """A session has gone."""
        if (home := self._homes.pop(session, None)) is not None:
            self._places[home.member].speakers.forget(session)

    @property
    def _usable(self) -> list[int]:
        """The members that are likely to decode soonest."""
        soonest = min(_HOPE.index(place.state) for place in self._places.values())
        return [m for m, place in self._places.items() if place.state is _HOPE[soonest]]

    def _choose(self, usable: list[int], home: _Home | None, now: float) -> int:
        """The member with the fewest speakers for what it can do; at a tie `home`."""

        def load(member: int) -> tuple[float, bool]:
            place = self._places[member]
            is_elsewhere = home is None or member != home.member
            return (place.speakers.count(now) + 1) / place.capacity, is_elsewhere

        return min(usable, key=load)
