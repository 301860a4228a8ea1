"""The boundary between two utterances where running speech was cut at its length.

Whisper hears each side as something whole: it ends the first with a full stop, begins the second with
a capital, and a word that the cut has touched may come twice or not at all. But the cut is made
looking back, and by then a hypothesis of the speech across it has been decoded. It knows how the
sentence goes on there; so it decides how the two texts meet.
"""

import re
from dataclasses import dataclass

from surtitle.captioning.stability import normalize_unit, split_units

_ALIGNED = 3
"""Words before the cut that must be the same in both texts (or all, where there are fewer)."""
_PRONOUN = re.compile(r"I\b")
"""English has one word that is written with a capital in the middle of a sentence."""


@dataclass(frozen=True, slots=True)
class CutBoundary:
    """What is known of a cut."""

    before: str
    """The text before it, as it stands."""
    after: tuple[str, ...] = ()
    """The units that followed in the hypothesis across it; nothing where that does not tell."""


def boundary_after(text: str, across: str) -> CutBoundary:
    """The boundary after `text`, the final before the cut; `across` is the hypothesis over both sides.

    The mark after the last word becomes what the hypothesis has there.
    """
    units, heard = split_units(text), split_units(across)
    names, heard_names = ([normalize_unit(unit) for unit in each] for each in (units, heard))
    end = _end_of(names, heard_names)
    if end is None:
        return CutBoundary(text)
    mark = _marks(heard[end - 1]) if end < len(heard) else _marks(units[-1])
    return CutBoundary("".join(units)[: -len(_marks(units[-1])) or None] + mark, tuple(heard[end:]))


def stitch(boundary: CutBoundary, text: str) -> str:
    """The text after the cut, so that the two read as one: no capital, no word twice or missing."""
    units = split_units(text)
    if not units or not boundary.before or not boundary.after:
        return text
    names = [normalize_unit(unit) for unit in units]
    after = [normalize_unit(unit) for unit in boundary.after]
    last = normalize_unit(split_units(boundary.before)[-1])
    if after[:1] != [last] and names[0] == last and names[1:2] == after[:1]:
        units, names = units[1:], names[1:]
    elif len(after) > 1 and names[0] == after[1] and after[0] not in names[:2]:
        units, names = [*boundary.after[:2], *units[1:]], [after[0], *names]
    if not units:
        return ""
    first = units[0].strip()
    if after[:1] == names[:1]:
        first = boundary.after[0].strip()[:1] + first[1:]
    elif boundary.after and boundary.after[0].strip()[:1].islower() and not _PRONOUN.match(first):
        first = first[:1].lower() + first[1:]
    return first + "".join(units[1:])


def _end_of(names: list[str], heard: list[str]) -> int | None:
    """Where in `heard` the last words of `names` end (the last such place), or None."""
    tail = names[-_ALIGNED:]
    if not tail:
        return None
    for end in range(len(heard), len(tail) - 1, -1):
        if heard[end - len(tail) : end] == tail:
            return end
    return None


def _marks(unit: str) -> str:
    """The punctuation at the end of a unit."""
    bare = unit
    while bare and not bare[-1].isalnum():
        bare = bare[:-1]
    return unit[len(bare) :] if bare else ""
