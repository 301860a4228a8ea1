"""How long this speaker pauses inside sentences. Pure; lengths in samples.

Who stops for a second in the middle of a sentence, again and again, is not at its end when it happens
the next time. Only pauses count in which the text is no finished sentence, so quick turns stay quick.
"""

from collections import deque

from surtitle.captioning.maturing import TOGETHER_MS
from surtitle.jobs import ms_to_samples

REMEMBERED = 8
"""So many of the newest pauses are looked at, and the second longest of them is expected again: one
that was much longer than the others is no habit."""
MARGIN_MS = 100


class Pauses:
    """The newest pauses after which a sentence might have gone on."""

    def __init__(self) -> None:
        self._newest: deque[int] = deque(maxlen=REMEMBERED)

    def note(self, silence: int) -> None:
        """After so much silence the sentence went on, or after TOGETHER_MS it did not."""
        self._newest.append(silence if silence <= ms_to_samples(TOGETHER_MS) else 0)

    @property
    def expected(self) -> int:
        """How much silence is worth waiting for; 0 for a speaker who does not pause there."""
        longest = sorted(self._newest)[-2:]
        return longest[0] + ms_to_samples(MARGIN_MS) if len(longest) > 1 and longest[0] else 0
