"""Is a sentence finished, as far as its text tells?"""

from surtitle.captioning.abbreviations import may_end_sentence
from surtitle.captioning.writing import CLOSING_MARKS, SENTENCE_ENDS

_ENDS = tuple(SENTENCE_ENDS)
_TRAILING_OFF = ("..", "…", "-", "–", "—")


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
