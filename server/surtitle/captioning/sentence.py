"""Where sentences end, as far as their text tells, and how they begin."""

import re

from surtitle.captioning.abbreviations import may_end_sentence
from surtitle.captioning.writing import CLOSING_MARKS, OPENING_MARKS, SENTENCE_ENDS

_ENDS = tuple(SENTENCE_ENDS)
_TRAILING_OFF = ("..", "…", "-", "–", "—")
# A word of letters alone, with what joins two words, and the marks after it: no address, no number.
_FIRST_WORD = re.compile(
    rf"[{re.escape(OPENING_MARKS)}]*([^\W\d_](?:[^\W\d_]|['’-])*)[,;:?!.…]*(?:\s|$)"
)


def is_finished(text: str, language: str = "") -> bool:
    """Whether the text ends like a sentence: with a full stop, a question or an exclamation mark.

    Dots or a dash at the end are how Whisper writes that somebody breaks off. Whisper also puts full
    stops where a speaker only takes a breath, so this shortens a silence and never replaces it.

    `language` is a code such as `en`: it tells which abbreviations have a full stop of their own.
    """
    bare = text.rstrip(
        CLOSING_MARKS + " \u00a0\u202f"
    )  # French has a space before its closing marks
    if not bare.endswith(_ENDS) or bare.endswith(_TRAILING_OFF):
        return False
    return not bare.endswith(".") or may_end_sentence(bare.split()[-1], "", language)


def begun(text: str, language: str = "") -> str:
    """The text as the beginning of a sentence: with a capital, where its script has any.

    A word that has one elsewhere keeps to itself (iPhone), as do addresses, numbers and what goes on
    after dots. `language` is a code such as `tr`, whose i has a capital of its own.
    """
    first = _FIRST_WORD.match(text)
    if first is None or first[1] != first[1].lower():
        return text
    start, letters = first.start(1), 2 if language == "nl" and first[1].startswith("ij") else 1
    small = text[start : start + letters]
    if language in ("tr", "az") and small == "i":
        capital = "İ"
    else:  # not all have capitals that stand before small letters: Georgian has none
        capital = small.upper() if letters > 1 else small.title()
    if len(capital) != letters:
        return text
    return text[:start] + capital + text[start + letters :]
