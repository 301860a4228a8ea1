"""What was lost at the edges of recordings, where an endpoint or a gate may cut too much. Pure."""

from msgspec import Struct
from msgspec.structs import astuple

from load.words import matches, words


class Lost(Struct, frozen=True):
    """Counts of recordings; they add up."""

    recordings: int = 0
    empty: int = 0
    """Without any text."""
    first: int = 0
    """Whose first word did not come out right."""
    last: int = 0
    """Whose last word did not come out right."""

    def __add__(self, other: "Lost") -> "Lost":
        return Lost(*(one + two for one, two in zip(astuple(self), astuple(other), strict=True)))


def lost(transcript: str, text: str) -> Lost:
    """Of one recording. A word misheard counts, too: hence the same figures of the offline decode."""
    said = words(transcript)
    right = matches(said, words(text))
    return Lost(
        recordings=1,
        empty=int(not words(text)),
        first=int(0 not in right),
        last=int(len(said) - 1 not in right),
    )
