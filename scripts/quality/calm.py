"""How calm the shown text was: what a reader saw change, and whether stable text kept its word. Pure.

Shown is `stable + unstable` of the newest partial, then the final. A word is erased when it was shown
and the next text has changed or removed it; words that are added cost nothing. Words are compared
without case and punctuation, in scripts without spaces character by character.

A final is decoded in the pause before it is sent, and its text shown at once as a partial that reaches
to the final's end. What that partial changes is the final's doing.
"""

from collections.abc import Iterable
from itertools import pairwise

from msgspec import Struct
from msgspec.structs import astuple

from load.words import erased, words
from quality.utterances import Utterance
from surtitle.messages import Final, Partial


class Calm(Struct, frozen=True):
    """Counts; they add up over utterances."""

    words: int = 0
    """In the finals."""
    erased_by_partials: int = 0
    erased_by_finals: int = 0
    """Also what had been shown of an utterance that was suppressed or failed."""
    finals: int = 0
    """Of utterances that had stable text."""
    rewritten: int = 0
    """Of these finals: the words do not begin with the stable ones."""
    rewritten_letters: int = 0
    """Of these finals: the text does not begin with the stable one, letter for letter."""
    stable_broken: int = 0
    """Partials whose stable text does not begin with that of the partial before."""

    def __add__(self, other: "Calm") -> "Calm":
        return Calm(*(one + two for one, two in zip(astuple(self), astuple(other), strict=True)))

    @property
    def erasure(self) -> float:
        """Words erased by words of the text in the end."""
        return (self.erased_by_partials + self.erased_by_finals) / max(self.words, 1)


def calm(utterances: Iterable[Utterance]) -> Calm:
    """Of all of them."""
    return sum(map(_calm, utterances), Calm())


def _calm(utterance: Utterance) -> Calm:
    said = words(utterance.text)
    shown = [words(partial.stable + partial.unstable) for partial in utterance.partials]
    changes = [erased(before, after) for before, after in pairwise([*shown, said])]
    own = sum(not _is_finals(partial, utterance) for partial in utterance.partials)
    by_partials = changes[: max(own - 1, 0)]
    stable = [partial.stable for partial in utterance.partials]
    kept = stable[-1].strip() if stable else ""
    judged = bool(kept) and isinstance(utterance.answer, Final)
    return Calm(
        words=len(said),
        erased_by_partials=sum(by_partials),
        erased_by_finals=sum(changes[len(by_partials) :]),
        finals=int(judged),
        rewritten=int(judged and said[: len(words(kept))] != words(kept)),
        rewritten_letters=int(judged and not utterance.text.startswith(kept)),
        stable_broken=sum(not after.startswith(before) for before, after in pairwise(stable)),
    )


def _is_finals(partial: Partial, utterance: Utterance) -> bool:
    """Whether the partial shows what was decoded to be the final."""
    answer = utterance.answer
    return isinstance(answer, Final) and partial.end_ms >= answer.end_ms
