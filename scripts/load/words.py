"""Texts as words, and where the words of one text stand in another. Pure."""

import re
from collections.abc import Sequence
from itertools import takewhile

from rapidfuzz.distance import Levenshtein

from surtitle.captioning.stability import split_units

_WORD = re.compile(r"\w+")
_APOSTROPHES = str.maketrans("", "", "'’")


def words(text: str) -> list[str]:
    """The words without case and punctuation; an apostrophe joins, a hyphen parts.

    In a script without spaces each character counts as a word.

    Word by word, unlike the normalizer of the error rate: that one turns "twenty" into "20" and then
    "twenty five" into "25", which would look like a correction of what had been shown.
    """
    units = split_units(text.casefold().translate(_APOSTROPHES))
    return [word for unit in units for word in _WORD.findall(unit)]


def common_prefix(one: Sequence[str], other: Sequence[str]) -> int:
    """How many words both begin with."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))


def matches(reference: Sequence[str], text: Sequence[str]) -> dict[int, int]:
    """Index in the reference -> index in the text, of each word that is right (Levenshtein)."""
    found: dict[int, int] = {}
    for op in Levenshtein.opcodes(reference, text):
        if op.tag == "equal":
            found.update(
                zip(
                    range(op.src_start, op.src_end),
                    range(op.dest_start, op.dest_end),
                    strict=True,
                )
            )
    return found


def cut(reference: Sequence[str], text: Sequence[str], ends: Sequence[int]) -> list[int]:
    """Cut the text where the reference is cut: for each end in the reference, that in the text.

    Words that the reference does not have belong to what follows; at the very end, to the last part.
    """
    operations = Levenshtein.opcodes(reference, text)
    cuts = []
    for end in ends:
        place = 0
        for op in operations:
            if op.src_start < end <= op.src_end:
                place = min(op.dest_start + end - op.src_start, op.dest_end)
        cuts.append(len(text) if end == len(reference) else place)
    return cuts


def erased(before: Sequence[str], after: Sequence[str]) -> int:
    """How many words of `before` were changed or removed to get `after`; additions cost nothing."""
    same = common_prefix(before, after)
    operations = Levenshtein.editops(before[same:], after[same:])
    return sum(1 for op in operations if op.tag != "insert")
