"""What one session's captions were worth, from the arrival times of its texts. Pure.

The text shown is what the server has committed, followed by its changeable tail. Every figure looks
back from the last text shown: a word counts from the moment on which it stood there as it stands in
the end. Infinity means never, or only when the client had said goodbye.
"""

import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, chain, pairwise

from load.words import common_prefix, cut, erased, matches, words

SLACK_WORDS = 3
"""How much longer than shown the final wording may be, when a changing tail is compared to it."""


@dataclass(frozen=True, slots=True)
class Change:
    """The text from the moment `at_s` on."""

    at_s: float
    committed: str
    tail: str


@dataclass(frozen=True, slots=True)
class Spoken:
    """One utterance as it was spoken; times in seconds on the clock of the changes."""

    clip: str
    transcript: str
    start_s: float
    end_s: float
    word_ends_s: tuple[float, ...]
    """End of each word of the transcript, from the start of the utterance; or nothing."""


@dataclass(frozen=True, slots=True)
class UtteranceFigures:
    """Delays of one utterance in seconds."""

    clip: str
    first_partial_s: float
    """Start of speech -> its first text, with all before it as it stays."""
    settled_s: float
    """End of speech -> the last change of any word shown up to its last."""
    final_s: float
    """End of speech -> its words, and all before, are committed for good."""
    answered: bool
    """Any of its words came out right."""
    tail_lost: bool
    """Neither of its last two words came out right."""
    word_shown_s: list[float]
    """Of each right word: end of the word -> first shown."""
    word_kept_s: list[float]
    """Of each right word: end of the word -> shown for good."""


@dataclass(frozen=True, slots=True)
class SessionFigures:
    """All utterances of one session."""

    utterances: list[UtteranceFigures]
    text: str
    """The last text shown."""
    erasure: float
    """Words shown and later changed or removed, over the words of the last text."""


def measure(
    spoken: Sequence[Spoken], changes: Sequence[Change], goodbye_s: float = math.inf
) -> SessionFigures:
    """Compare what was shown when with what was said when."""
    reference = [words(utterance.transcript) for utterance in spoken]
    said = list(chain.from_iterable(reference))
    ends = list(accumulate(map(len, reference)))
    shown = [words(f"{change.committed} {change.tail}") for change in changes]
    final = shown[-1] if shown else []
    right = matches(said, final)
    cuts = cut(said, final, ends)
    standing = [common_prefix(text, final) for text in shown]
    settled = _Since(changes, standing, goodbye_s)
    committed = _Since(
        changes, [common_prefix(words(c.committed), final) for c in changes], goodbye_s
    )
    places = _Places(changes, shown, standing, final)
    figures = []
    for k, utterance in enumerate(spoken):
        begin, text_begin = (ends[k - 1], cuts[k - 1]) if k else (0, 0)
        own = range(begin, ends[k])
        found = [index for index in own if index in right]
        first = next(
            (
                change.at_s
                for change, text, stands in zip(changes, shown, standing, strict=True)
                if change.at_s > utterance.start_s and len(text) > text_begin <= stands
            ),
            math.inf,
        )
        timed = found if utterance.word_ends_s else []
        spoken_s = [utterance.start_s + utterance.word_ends_s[index - begin] for index in timed]
        seen = [places.since(right[index], utterance.start_s) for index in timed]
        figures.append(
            UtteranceFigures(
                clip=utterance.clip,
                first_partial_s=first - utterance.start_s if found else math.inf,
                settled_s=settled.at(cuts[k]) - utterance.end_s if found else math.inf,
                final_s=committed.at(cuts[k]) - utterance.end_s if found else math.inf,
                answered=bool(found),
                tail_lost=not any(index in right for index in own[-2:]),
                word_shown_s=[at[0] - end for at, end in zip(seen, spoken_s, strict=True)],
                word_kept_s=[at[1] - end for at, end in zip(seen, spoken_s, strict=True)],
            )
        )
    lost = sum(erased(before, after) for before, after in pairwise(shown))
    last = f"{changes[-1].committed} {changes[-1].tail}" if changes else ""
    return SessionFigures(figures, last, lost / max(len(final), 1))


class _Since:
    """From when on the first n words of the last text stood for good."""

    def __init__(
        self, changes: Sequence[Change], standing: Sequence[int], goodbye_s: float
    ) -> None:
        self._changes = changes
        self._goodbye_s = goodbye_s
        # The least that stands from each change on: it never falls.
        self._kept = list(accumulate(reversed(standing), min))[::-1]

    def at(self, count: int) -> float:
        index = bisect_left(self._kept, count)
        if index == len(self._kept) or self._changes[index].at_s >= self._goodbye_s:
            return math.inf
        return self._changes[index].at_s


class _Places:
    """When each word of the last text was shown at its place."""

    def __init__(
        self,
        changes: Sequence[Change],
        shown: Sequence[list[str]],
        standing: Sequence[int],
        final: list[str],
    ) -> None:
        self._runs: list[list[tuple[float, float]]] = [[] for _ in final]  # (from, to) of each word
        visible: dict[int, float] = {}
        for change, text, stands in zip(changes, shown, standing, strict=True):
            window = final[stands : len(text) + SLACK_WORDS]
            there = {*range(stands)} | {stands + i for i in matches(window, text[stands:])}
            for place in visible.keys() - there:
                self._runs[place].append((visible.pop(place), change.at_s))
            for place in there - visible.keys():
                visible[place] = change.at_s
        for place, since in visible.items():
            self._runs[place].append((since, math.inf))

    def since(self, place: int, after_s: float) -> tuple[float, float]:
        """First shown and shown for good; what was shown before the speech began is a mistake."""
        runs = [run for run in self._runs[place] if run[1] > after_s]
        return (runs[0][0], runs[-1][0])
