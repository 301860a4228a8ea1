"""Successive hypotheses of one utterance -> stable text, which only grows, and unstable text.

Local agreement (Liu et al. 2020, "Low-Latency Sequence-to-Sequence Speech Recognition"): a word is
stable once two successive hypotheses have it at the same place. Words are compared without case and
punctuation, since those are what a longer context changes most. Text without spaces (Chinese,
Japanese, Thai) is compared character by character.
"""

import re
from difflib import SequenceMatcher
from unicodedata import category, normalize

# One unit to agree on: a character of a script written without spaces, with any punctuation after
# it, or else a run of other characters up to the next space. Each unit keeps its leading space.
_NO_SPACES = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"
_SPACED_MARKS = ".,;:?!"
"""Marks that a space follows; full-width ones bring their own."""
_UNIT = re.compile(
    rf"\s*(?:[{_NO_SPACES}](?:[^\w\s])*|[^\s{_NO_SPACES}]+)",
)


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


class Stabilizer:
    """The shown text of one utterance."""

    def __init__(self) -> None:
        self.stable = ""
        self._stable_units: list[str] = []  # normalized
        self._previous: list[str] = []  # units of the last hypothesis after the stable ones

    def update(self, hypothesis: str) -> tuple[str, str]:
        """Take the next hypothesis of the whole utterance; returns (stable, unstable)."""
        rest = self._after_stable(split_units(hypothesis))
        if self.stable and rest and len(split_units(self.stable[-1] + rest[0])) == 1:
            rest[0] = " " + rest[0]  # it followed a script without spaces, now it follows a word
        agreed = 0
        for old, new in zip(self._previous, rest, strict=False):
            if normalize_unit(old) != normalize_unit(new):
                break
            agreed += 1
        # The last word of a hypothesis is often cut in half by the end of the audio.
        agreed = min(agreed, len(rest) - 1) if rest else 0
        self.stable += "".join(rest[:agreed])
        self._stable_units += [normalize_unit(unit) for unit in rest[:agreed]]
        self._previous = rest[agreed:]
        return self.stable, "".join(self._previous)

    def _after_stable(self, units: list[str]) -> list[str]:
        """The units that follow what is stable, even where the hypothesis now words that otherwise.

        Stable text has been read and stays. Where the hypothesis differs inside it, the two are
        aligned, and what follows the last stable unit that both have, less what the stable text
        still has after that unit, counts as new.
        """
        done = self._stable_units
        names = [normalize_unit(unit) for unit in units]
        if names[: len(done)] == done:
            return units[len(done) :]
        blocks = SequenceMatcher(None, done, names, autojunk=False).get_matching_blocks()
        last = max((b for b in blocks if b.size), key=lambda b: b.a, default=None)
        if last is None:
            return units[len(done) :]
        left_over = len(done) - (last.a + last.size)
        return units[last.b + last.size + left_over :]
