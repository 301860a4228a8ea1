"""How late an event loop was, from the notes of a timer in it. Pure.

A timer that is late by ten seconds has missed all its turns in them: who counts it once finds a loop
that was stuck for ten seconds in good order. So the turns that it missed count too, each as late as it
was (Gil Tene's correction for coordinated omission).
"""

import struct
from collections.abc import Iterable
from dataclasses import dataclass

EVERY_S = 0.02
"""Between two turns of the timer."""
NOTE = struct.Struct("<dd")
"""A note: when it was due, on the clock of `time.monotonic`, and how late it was, in seconds."""


@dataclass(frozen=True)
class Lag:
    """In milliseconds."""

    p50_ms: float
    p99_ms: float
    max_ms: float


def read_notes(data: bytes) -> list[tuple[float, float]]:
    """The notes; half of one at the end is left out."""
    return list(NOTE.iter_unpack(data[: len(data) // NOTE.size * NOTE.size]))


def lag_between(notes: Iterable[tuple[float, float]], begin_s: float, end_s: float) -> Lag:
    """Of all turns that were due in a time. What was due before its end and never came is as late as
    the end is.
    """
    lags = []
    due, late = begin_s, 0.0
    for due, late in notes:
        lags += _missed(due, late, begin_s, end_s)
    lags += _missed(due + EVERY_S + late, end_s - due - EVERY_S - late, begin_s, end_s)
    lags.sort()
    if not lags:
        return Lag(0.0, 0.0, 0.0)
    p50, p99, most = (lags[int(share * (len(lags) - 1))] * 1000 for share in (0.5, 0.99, 1.0))
    return Lag(p50, p99, most)


def _missed(due: float, late: float, begin_s: float, end_s: float) -> list[float]:
    """How late this turn was, and those that it held up."""
    turns = max(1, int(late / EVERY_S)) if late >= 0 else 0
    return [
        late - turn * EVERY_S for turn in range(turns) if begin_s <= due + turn * EVERY_S < end_s
    ]
