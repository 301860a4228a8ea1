"""Who speaks at present: those whose jobs are waited for. Pure: the clock is an argument."""

from collections import Counter
from collections.abc import Collection

SPEAKING_S = 10.0
"""How long somebody counts as speaking after a job of theirs: longer than most utterances."""


class Speakers:
    """The sessions that speak, and whose they are. `now` is in seconds of one monotonic clock."""

    def __init__(self) -> None:
        self._spoke: dict[str, tuple[str, float]] = {}  # owner and time by session, the newest last
        self._owners: Counter[str] = Counter()

    def on_job(self, session: str, owner: str, now: float) -> None:
        """Something that a session has said is to be decoded."""
        self.forget(session)
        self._spoke[session] = owner, now
        self._owners[owner] += 1

    def forget(self, session: str) -> None:
        """A session has gone, or nobody waits for it any more."""
        if (spoke := self._spoke.pop(session, None)) is not None:
            owner, _ = spoke
            self._owners[owner] -= 1
            if not self._owners[owner]:
                del self._owners[owner]

    def count(self, now: float) -> int:
        """How many sessions speak."""
        self.owners(now)
        return len(self._spoke)

    @property
    def silent_at(self) -> float:
        """When nobody speaks any more, unless somebody does so until then. Somebody must speak now."""
        _, spoke_at = next(reversed(self._spoke.values()))
        return spoke_at + SPEAKING_S

    def owners(self, now: float) -> Collection[str]:
        """The names of the owners whose sessions speak."""
        while self._spoke:
            session, (_, spoke_at) = next(iter(self._spoke.items()))
            if spoke_at >= now - SPEAKING_S:
                break
            self.forget(session)
        return self._owners.keys()
