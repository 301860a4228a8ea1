"""What to do as memory runs short. Pure: how much is used and held in, what to do out.

Two thresholds, parts of a limit, as in Envoy's overload manager. From the first one on no session is
taken, until much less is used, so that it does not flicker. From the second one on the sessions that
hold most are ended, the largest first, as many as should do. What they held is given back a moment
later: until then no other one is ended for it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

REFUSE_FROM = 0.85
REFUSE_UNTIL = 0.75
SHED_FROM = 0.95
SETTLE_S = 2.0
"""How long what was ended may take to be gone: a client may take so long to answer a close."""
OFFENCE_BYTES = 1 << 20
"""What a session must hold to be ended: ten seconds of audio that are being decoded. To end smaller
ones would not help much, whatever takes the memory."""


class Pressure(Enum):
    """How short of memory the server is. The values are those of the metric."""

    NONE = 0
    REFUSING = 1
    """No new sessions."""
    SHEDDING = 2
    """The largest ones are ended."""


@dataclass(slots=True)
class MemoryGuard:
    """The state of shedding. `now` is in seconds of one monotonic clock."""

    limit_bytes: int
    pressure: Pressure = Pressure.NONE
    _settled_at: float = 0.0  # when what was ended last should be gone

    def has_little_room(self, used_bytes: int) -> bool:
        """Whether one that uses so much before there are any sessions will soon refuse them."""
        return used_bytes >= REFUSE_UNTIL * self.limit_bytes

    def judge(self, used_bytes: int) -> bool:
        """Look at what the process uses; returns whether `pressure` has changed."""
        share, before = used_bytes / self.limit_bytes, self.pressure
        lowest = REFUSE_FROM if before is Pressure.NONE else REFUSE_UNTIL
        if share >= SHED_FROM:
            self.pressure = Pressure.SHEDDING
        elif share >= lowest:
            self.pressure = Pressure.REFUSING
        else:
            self.pressure = Pressure.NONE
        return self.pressure is not before

    def offenders(self, used_bytes: int, held_bytes: Mapping[str, int], now: float) -> list[str]:
        """Whom to end now: of the sessions, by name with what each holds, the largest."""
        if self.pressure is not Pressure.SHEDDING or now < self._settled_at:
            return []
        too_much = used_bytes - REFUSE_FROM * self.limit_bytes
        ended: list[str] = []
        for name, held in sorted(held_bytes.items(), key=lambda item: item[1], reverse=True):
            if too_much <= 0 or held < OFFENCE_BYTES:
                break
            ended.append(name)
            too_much -= held
        if ended:
            self._settled_at = now + SETTLE_S
        return ended
