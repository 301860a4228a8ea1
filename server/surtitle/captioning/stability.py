"""Successive hypotheses of one utterance -> stable text, which only grows, and unstable text.

Local agreement (Liu et al. 2020, "Low-Latency Sequence-to-Sequence Speech Recognition"): a word is
agreed on once two successive hypotheses have it at the same place. From then on it is shown. It is
stable, and binds the final, once hypotheses have had it for a while. Words are compared without case
and punctuation, since those are what a longer context changes most. Text without spaces (Chinese,
Japanese, Thai) is compared character by character.

Before that a word is shown as soon as the model is sure of it, which it must be the more the fewer
words follow: what it has heard nothing after changes most often. The words after one that has to
wait wait with it.
"""

import re
from collections.abc import Sequence
from difflib import SequenceMatcher
from itertools import accumulate, pairwise, takewhile
from typing import NamedTuple
from unicodedata import category, normalize

from surtitle.captioning.sentence import is_finished
from surtitle.captioning.writing import NO_SPACES
from surtitle.jobs import Piece

# One unit to agree on: a character of a script written without spaces, with any punctuation after
# it, or else a run of other characters up to the next space. Each unit keeps its leading space.
_UNIT = re.compile(
    rf"\s*(?:[{NO_SPACES}](?:[^\w\s])*|[^\s{NO_SPACES}]+)",
)
_SPACED_MARKS = ".,;:?!"
"""Marks that a space follows; full-width ones bring their own."""


def split_units(text: str) -> list[str]:
    """Cut text into the units of agreement; joined they give the text again, stripped."""
    return _UNIT.findall(text.strip())


def normalize_unit(unit: str) -> str:
    """A unit as it is compared: no case, no punctuation; itself where nothing else remains."""
    folded = normalize("NFKC", unit).casefold().strip()
    # Marks stay: in Hindi or Tamil a vowel is one, and may be all that tells two words apart.
    return "".join(c for c in folded if c.isalnum() or category(c).startswith("M")) or folded


def join(first: str, second: str) -> str:
    """Two texts that follow each other, with a space between them where the script has spaces."""
    if not first or not second:
        return first or second
    one_unit = len(split_units(first[-1] + second[0])) == 1
    return first + (" " if one_unit or first[-1] in _SPACED_MARKS else "") + second


class _Asked(NamedTuple):
    """Confidence from which on a word is shown."""

    last: float  # of a hypothesis
    new: float  # the two before it
    older: float


USUAL_S = 0.608
"""From one hypothesis to the next, where many people speak."""
ASKED = (
    (0.16, _Asked(0.97, 0.85, 0.6)),
    (0.32, _Asked(0.95, 0.8, 0.5)),
    (USUAL_S, _Asked(0.9, 0.7, 0.3)),
)
"""What is asked where hypotheses come every so many seconds of audio; between two of these what lies
between them. Where the next hypothesis is near, a word that is not sure can wait for it. Chosen on
English recordings, see docs/quality.md."""
NEW_WORDS = 3
"""The last one and those that `new` is asked of."""
PATIENCE_S = 1.0
"""Where hypotheses come more rarely than that, less is asked, in proportion: the reader has waited long
enough, and fewer hypotheses change fewer words."""


def confidences(newest: Sequence[Piece]) -> list[float]:
    """Of each word that ends a text, oldest first: the least probability of its pieces.

    Marks do not count: whether a comma stands there is seldom sure.
    """
    text = "".join(piece.text for piece in newest)
    of_each_character = [
        piece.probability if any(c.isalnum() for c in piece.text) else 1.0
        for piece in newest
        for _ in piece.text
    ]
    first = len(text) - len(text.lstrip())
    ends = accumulate(map(len, split_units(text)), initial=first)
    return [min(of_each_character[start:end]) for start, end in pairwise(ends)]


def _sure(confidences: Sequence[float], spacing_s: float) -> int:
    """How many words of the end of a hypothesis may be shown."""
    least = _asked(spacing_s)
    asked = [
        least.last if not following else least.new if following < NEW_WORDS else least.older
        for following in reversed(range(len(confidences)))
    ]
    pairs = zip(confidences, asked, strict=True)
    return sum(1 for _ in takewhile(lambda pair: pair[0] >= pair[1], pairs))


def _asked(spacing_s: float) -> _Asked:
    """What is asked where the hypothesis before is so old."""
    usual = ASKED[-1][1]
    if spacing_s > PATIENCE_S:
        return _Asked(*(PATIENCE_S / spacing_s * asked for asked in usual))
    for (short_s, quick), (long_s, slow) in pairwise(ASKED):
        if spacing_s < long_s:
            share = max((spacing_s - short_s) / (long_s - short_s), 0.0)
            return _Asked(*(q + share * (s - q) for q, s in zip(quick, slow, strict=True)))
    return usual


CONTRARY_S = 0.45
"""What is shown is taken back once hypotheses have said something else over so much audio: of two that
follow each other more closely, the newer one may as well be the wrong one."""
SETTLED_S = 0.5
"""What hypotheses have agreed on over so much audio is stable. Two that follow each other more closely
hear nearly the same: they agree on mistakes, too, and write what they have just heard in lower case,
or with a full stop."""


class Stabilizer:
    """The shown text of one utterance: stable units, agreed ones, and the tail of the last hypothesis.

    Agreed words stay, in the newest spelling. They become stable, and keep their spelling, once
    hypotheses have had them for SETTLED_S without a break.
    """

    def __init__(self) -> None:
        self.stable = ""
        self._stable_units: list[str] = []  # normalized
        self._agreed: list[str] = []  # units after the stable ones
        self._agreed_s: list[float] = []  # over how much audio hypotheses have had each of them
        self._tail: list[str] = []  # units of the last hypothesis after the agreed ones
        self._shown = 0  # how many of them are shown
        self._contrary: list[str] = []  # what the newest says instead, while not believed
        self._contrary_s = 0.0  # over how much audio hypotheses have said something else

    @property
    def hypothesis(self) -> str:
        """The last hypothesis with the stable text in it, shown or not."""
        return self.stable + "".join(self._agreed + self._tail)

    def update(
        self, hypothesis: str, confidences: Sequence[float] = (), spacing_s: float = USUAL_S
    ) -> tuple[str, str]:
        """Take the next hypothesis of the whole utterance; returns (stable, unstable) to be shown.

        `confidences`, from 0 to 1, are those of its last words; of those before them the model is
        sure. `spacing_s` is the audio since the hypothesis before. What was shown stays shown while it
        is agreed on, and one contrary hypothesis that comes soon changes nothing.
        """
        rest = self._confirm(split_units(hypothesis), spacing_s)
        agreed = _common(self._tail, rest)
        self._contrary_s = self._contrary_s + spacing_s if agreed < self._shown else 0.0
        if 0.0 < self._contrary_s < CONTRARY_S:
            self._contrary = rest
            return self._text()
        self._contrary, self._contrary_s = [], 0.0
        still_shown = min(agreed, self._shown)
        # The last word of a hypothesis is often cut in half by the end of the audio.
        agreed = max(min(agreed, len(rest) - 1), 0)
        self._agreed += rest[:agreed]
        self._agreed_s += [spacing_s] * agreed
        self._tail = rest[agreed:]
        sure = _sure([*[1.0] * len(self._tail), *confidences][len(confidences) :], spacing_s)
        self._shown = max(sure, still_shown - agreed)
        self._settle()
        return self._text()

    def show_all(self) -> tuple[str, str]:
        """Show all of the last hypothesis: nothing that follows will change it."""
        self._tail = self._contrary or self._tail
        self._shown = len(self._tail)
        return self._text()

    def finalize(self, final: str, *, cut: bool = False) -> tuple[str, bool]:
        """The text to end with, given the final decode; and whether it begins with the stable text.

        `cut`: the final ends before the hypotheses did, so only that part of the stable text counts.

        What has been read stays as it is unless words are wrong. Commas are no reason to touch it,
        and neither is a single word that the final decode puts in or leaves out: it is right about
        those no more often than not, while of the words that it replaces three of four become right.
        Where a sentence ends it does know better, having heard how it goes on.
        """
        units = split_units(final)
        names = [normalize_unit(unit) for unit in units]
        stable = split_units(self.stable)[: len(units) if cut else None]
        reached = _reached(self._stable_units[: len(stable)], names)
        if reached is None:
            return final, False
        if not stable or not reached:
            return final, True
        if names[: len(stable)] == self._stable_units[: len(stable)]:
            stable = _with_sentences(stable, units)
        last = stable[-1]
        same = units[reached - 1].strip()
        marks = same[len(last.strip()) :] if same.startswith(last.strip()) else ""
        text = "".join(stable) + marks
        return text + "".join(follow(text, units[reached:])), True

    def _text(self) -> tuple[str, str]:
        """Stable and unstable text."""
        return self.stable, "".join(self._agreed + self._tail[: self._shown])

    def _settle(self) -> None:
        """Agreed units become stable."""
        count = sum(1 for _ in takewhile(lambda agreed_s: agreed_s >= SETTLED_S, self._agreed_s))
        self.stable += "".join(self._agreed[:count])
        self._stable_units += [normalize_unit(unit) for unit in self._agreed[:count]]
        del self._agreed[:count], self._agreed_s[:count]

    def _confirm(self, units: list[str], spacing_s: float) -> list[str]:
        """Note which agreed units a hypothesis has; the units that follow them.

        What was agreed on has been read and stays. Where the hypothesis differs inside it, the two are
        aligned, and what follows the last such unit that both have, less what was agreed on after that
        unit, counts as new.
        """
        stable = len(self._stable_units)
        done = self._stable_units + [normalize_unit(unit) for unit in self._agreed]
        names = [normalize_unit(unit) for unit in units]
        said, end = _places(done, names)
        text = self.stable
        for at, index in enumerate(said[stable:]):
            if index is None:
                self._agreed_s[at] = 0.0
            else:
                (self._agreed[at],) = follow(text, [units[index]])
                self._agreed_s[at] += spacing_s
            text = self._agreed[at]
        return follow(text, units[end:])


def _places(done: list[str], names: list[str]) -> tuple[list[int | None], int]:
    """Where a hypothesis has each normalized unit of another, and where what follows them begins."""
    end = len(done)
    if names[:end] == done:
        return list(range(end)), end
    places: list[int | None] = [None] * end
    matcher = SequenceMatcher(None, done, names, autojunk=False)
    for a, b, size in matcher.get_matching_blocks():
        if size:
            places[a : a + size] = range(b, b + size)
            end = b + size + len(done) - (a + size)
    return places, end


def what_follows(said: str, text: str) -> str:
    """The end of a text, after what another has already said of it in these or in other words."""
    units = split_units(text)
    _, end = _places(
        [normalize_unit(unit) for unit in split_units(said)],
        [normalize_unit(unit) for unit in units],
    )
    return "".join(follow(said, units[end:]))


def _with_sentences(shown: list[str], said: list[str]) -> list[str]:
    """The shown units, but where only one of the two begins or ends a sentence, as they were said."""
    ends = [is_finished(one) != is_finished(other) for one, other in zip(shown, said, strict=False)]
    begins = [True, *ends]
    return [said[i] if begins[i] or ends[i] else unit for i, unit in enumerate(shown)]


def follow(text: str, units: list[str]) -> list[str]:
    """The units as they stand after the text: with a space where their script has one."""
    if not text and units:
        return [units[0].lstrip(), *units[1:]]
    if text and units and len(split_units(text[-1] + units[0])) == 1:
        return [" " + units[0], *units[1:]]  # it followed a script without spaces, now a word
    return units


def _common(one: list[str], other: list[str]) -> int:
    """How many units both begin with."""
    pairs = zip(one, other, strict=False)
    return sum(1 for _ in takewhile(lambda p: normalize_unit(p[0]) == normalize_unit(p[1]), pairs))


FEW_WORDS = 4
"""In a text of fewer words a single one is a large part."""


def _reached(stable: list[str], final: list[str]) -> int | None:
    """How many words of the final say what is stable, but for one word more or less; or None."""
    length = len(stable)
    if final[:length] == stable:
        return length
    if length < FEW_WORDS:
        return None
    first = sum(1 for _ in takewhile(lambda p: p[0] == p[1], zip(stable, final, strict=False)))
    if final[first + 1 : length + 1] == stable[first:]:
        return length + 1
    # Where only the last word differs, it may as well have been replaced.
    if first < length - 1 and final[first : length - 1] == stable[first + 1 :]:
        return length - 1
    return None
