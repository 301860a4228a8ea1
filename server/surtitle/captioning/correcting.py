"""What a person writes instead of a final. Pure."""

from collections.abc import Sequence
from difflib import SequenceMatcher
from typing import Annotated

from msgspec import Meta, Struct, structs

from surtitle.captioning.replacing import share_time
from surtitle.captioning.stability import split_units
from surtitle.messages import Final, Name, Revised, WordTiming

MAX_CHARACTERS = 2000
"""Of a text. An utterance of 28 seconds has a quarter of that."""


class Correction(Struct, frozen=True, forbid_unknown_fields=True):
    """What a person sends."""

    session: Name
    """As viewers know it."""
    utterance: Annotated[int, Meta(ge=1)]
    text: Annotated[str, Meta(max_length=MAX_CHARACTERS)]
    """Empty to delete the caption."""
    seen: Annotated[str, Meta(max_length=MAX_CHARACTERS)] | None = None
    """The text that the caption had. Where it has another one meanwhile, nothing is corrected."""


MAX_COMPARED = 5_000
"""Words of the old text times those of the new one: 3 ms at the worst, in which much is the same and
nothing in the same order. That time grows with the third power."""


def correct(final: Final, text: str, by: str) -> Revised:
    """The correction of a final, with the number of that. What a person has written is certain.

    Words that stay keep their times; those that are new share the time of those that they replace.
    """
    text = " ".join(text.split())
    words = None if final.words is None else _words(text, final)
    return Revised(
        seq=final.seq,
        utterance=final.utterance,
        start_ms=final.start_ms,
        end_ms=final.end_ms,
        text=text,
        confidence=1.0,
        words=words,
        by=by,
    )


def _words(text: str, final: Final) -> list[WordTiming]:
    units = [unit.strip() for unit in split_units(text)]
    old: Sequence[WordTiming] = final.words or [
        WordTiming(text="", start_ms=final.start_ms, end_ms=final.end_ms, confidence=1.0)
    ]
    if len(old) * len(units) > MAX_COMPARED:
        return _certain(share_time(units, old))
    words: list[WordTiming] = []
    matcher = SequenceMatcher(None, [word.text for word in old], units, autojunk=False)
    for kind, old_from, old_to, new_from, new_to in matcher.get_opcodes():
        new = units[new_from:new_to]
        match kind:
            case "equal":
                words += old[old_from:old_to]
            case "replace":
                words += _certain(share_time(new, old[old_from:old_to]))
            case "insert" if words:  # they share the time of the word before
                before = words.pop()
                words += _certain(share_time([before.text, *new], [before]))
            case "insert":  # or, at the beginning, none: there is no word before
                first = structs.replace(old[0], end_ms=old[0].start_ms)
                words += _certain(share_time(new, [first]))
    return words


def _certain(words: Sequence[WordTiming]) -> list[WordTiming]:
    return [structs.replace(word, confidence=1.0) for word in words]
