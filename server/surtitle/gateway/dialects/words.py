"""Words as other services have them. Pure."""

from collections.abc import Iterable
from itertools import islice

from surtitle.captioning.replacing import share_time
from surtitle.messages import MAX_HOTWORDS, MAX_NAME_LETTERS, Final, WordTiming


def bare(word: str) -> str:
    """The word in lower case, without what stands around its letters; a mark alone stays."""
    begin, end = 0, len(word)
    while begin < end and not word[begin].isalnum():
        begin += 1
    while end > begin and not word[end - 1].isalnum():
        end -= 1
    return (word[begin:end] or word.strip()).lower()


def seconds(milliseconds: int) -> float:
    """As they count them."""
    return milliseconds / 1000


def spread(text: str, start_ms: int, end_ms: int, confidence: float) -> list[WordTiming]:
    """The words of a text whose times nobody knows: each by its length."""
    whole = WordTiming(text=text, start_ms=start_ms, end_ms=end_ms, confidence=confidence)
    return share_time(text.split(), [whole])


def words_of(final: Final) -> list[WordTiming]:
    """The words of a final; where the model gave no times, by their length."""
    if final.words:
        return final.words
    return spread(final.text, final.start_ms, final.end_ms, final.confidence)


def hotwords(terms: Iterable[str]) -> list[str]:
    """As many as a session takes, each as long as one may be; empty ones are left out."""
    kept = (term.strip()[:MAX_NAME_LETTERS] for term in terms)
    return list(islice((term for term in kept if term), MAX_HOTWORDS))
