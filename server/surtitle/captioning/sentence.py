"""Is a sentence finished, as far as its text tells?"""

SENTENCE_ENDS = frozenset(".?!。？！؟।۔։።፧။។")
"""Also of Arabic, Hindi, Urdu, Armenian, Amharic, Burmese and Khmer."""
_CLOSERS = "\"'”’»)\uff09」』"
_TRAILING_OFF = ("..", "…", "-", "–", "—")


def is_finished(text: str) -> bool:
    """Whether the text ends like a sentence: with a full stop, a question or an exclamation mark.

    Dots or a dash at the end are how Whisper writes that somebody breaks off. Whisper also puts full
    stops where a speaker only takes a breath, so this shortens a silence and never replaces it.
    """
    bare = text.rstrip(_CLOSERS + " \u00a0\u202f")  # French has a space before its closing marks
    return bare[-1:] in SENTENCE_ENDS and not bare.endswith(_TRAILING_OFF)
