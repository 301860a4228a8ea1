"""How calm the shown text was: what a reader saw change, and whether stable text kept its word. Pure.

Shown is the text of all finals, then of the utterances without one `stable + unstable` of the newest
partial. A word is erased when it was shown and the next text has changed or removed it; words that are
added cost nothing. Words are compared without case and punctuation, in scripts without spaces character
by character. A word that goes from one utterance to the next at a cut has not moved on the screen.

A final is decoded in the pause before it is sent, and its text shown at once as a partial that reaches
to the final's end. What that partial changes is the final's doing.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from msgspec import Struct
from msgspec.structs import astuple

from load.words import erased, words
from quality.utterances import Received, Utterance, utterances
from surtitle.messages import Failed, Final, Partial, Suppressed

BLINK_S = 0.05
"""Text that stands for less than that, three frames of a usual screen, is not seen."""


class Calm(Struct, frozen=True):
    """Counts; they add up over sessions."""

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


@dataclass(frozen=True)
class _Screen:
    """All text, from a moment on."""

    at_s: float
    words: list[str]
    by_final: bool
    """A final has changed it."""


def calm(messages: Sequence[Received]) -> Calm:
    """Of one session."""
    found = utterances(each.message for each in messages)
    changes = [
        (erased(before.words, after.words), after.by_final)
        for before, after in pairwise(_seen(_screens(messages, found)))
    ]
    kept = Calm(
        words=sum(len(words(utterance.text)) for utterance in found.values()),
        erased_by_partials=sum(count for count, by_final in changes if not by_final),
        erased_by_finals=sum(count for count, by_final in changes if by_final),
    )
    return sum(map(_stable, found.values()), kept)


def _screens(messages: Iterable[Received], found: dict[int, Utterance]) -> Iterator[_Screen]:
    texts: dict[int, list[str]] = {}
    for at_s, message in messages:
        match message:
            case Partial():
                text = message.stable + message.unstable
                by_final = _is_finals(message, found[message.utterance])
            case Final():
                text, by_final = message.text, True
            case Suppressed() | Failed():
                text, by_final = "", True
            case _:
                continue
        texts[message.utterance] = words(text)
        shown = [word for number in sorted(texts) for word in texts[number]]
        yield _Screen(at_s, shown, by_final)


def _seen(screens: Iterable[_Screen]) -> Iterator[_Screen]:
    """Those that stand long enough; one that follows within a blink takes the place of the first."""
    standing: _Screen | None = None
    for screen in screens:
        if standing is None or screen.at_s - standing.at_s >= BLINK_S:
            if standing is not None:
                yield standing
            standing = screen
        else:
            by_final = standing.by_final or screen.by_final
            standing = _Screen(standing.at_s, screen.words, by_final)
    if standing is not None:
        yield standing


def _is_finals(partial: Partial, utterance: Utterance) -> bool:
    """Whether the partial shows what was decoded to be the final."""
    answer = utterance.answer
    return isinstance(answer, Final) and partial.end_ms >= answer.end_ms


def _stable(utterance: Utterance) -> Calm:
    """What became of the stable text of one utterance."""
    stable = [partial.stable for partial in utterance.partials]
    kept = stable[-1].strip() if stable else ""
    judged = bool(kept) and isinstance(utterance.answer, Final)
    said = words(utterance.text)
    return Calm(
        finals=int(judged),
        rewritten=int(judged and said[: len(words(kept))] != words(kept)),
        rewritten_letters=int(judged and not utterance.text.startswith(kept)),
        stable_broken=sum(not after.startswith(before) for before, after in pairwise(stable)),
    )
