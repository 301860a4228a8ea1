"""Is this text speech? The reasons to decode once more, and to hold text back.

Whisper invents text where there is no speech, and loops where its window ends too soon. Both show in
figures that every decode has. No phrase list: it would silence the person who really says it.
"""

import zlib
from collections import Counter
from dataclasses import dataclass

MAX_COMPRESSION_RATIO = 2.4
"""Text that deflates better than this repeats itself (OpenAI Whisper, transcribe.py)."""
MIN_COMPRESSIBLE_BYTES = 80
"""Shorter text deflates by chance: a ratio says nothing."""
MIN_LOG_PROBABILITY = -1.0
"""Mean log-probability of a token below which Whisper is guessing (OpenAI Whisper)."""
MAX_NO_SPEECH_PROBABILITY = 0.6
"""Probability of the no-speech token above which a guess is not speech (OpenAI Whisper)."""
SUSPICIOUS_CHARACTERS_PER_SECOND = 25.0
MAX_CHARACTERS_PER_SECOND = 30.0
"""Hardly anybody, and nobody, speaks faster than this; read-aloud English is about 15."""
SPARE_CHARACTERS = 10
"""A short "yes" in a short window is no reason for suspicion."""
REPEATED_WORDS = 4
"""So many words said twice in a row are looked at again: Whisper fills short windows like that."""
MAX_TRIGRAM_REPEATS = 3
"""So often may three words in a row come again before it counts as a loop."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a decode says about itself. `seconds` is the length of the audio."""

    text: str
    seconds: float
    log_probability: float
    no_speech_probability: float


def suspicion(evidence: Evidence) -> str | None:
    """Why this text should be decoded again with more care, or None."""
    if repeats_itself(evidence.text) or says_twice(evidence.text):
        return "repetition"
    if too_fast(evidence, SUSPICIOUS_CHARACTERS_PER_SECOND):
        return "too_fast"
    if evidence.log_probability < MIN_LOG_PROBABILITY:
        return "low_confidence"
    return None


def refusal(evidence: Evidence) -> str | None:
    """Why this text must not be shown, after the most careful decode, or None."""
    if not any(character.isalnum() for character in evidence.text):
        return "no_speech"
    guessed = evidence.log_probability < MIN_LOG_PROBABILITY
    if guessed and evidence.no_speech_probability > MAX_NO_SPEECH_PROBABILITY:
        return "no_speech"
    if repeats_itself(evidence.text):
        return "repetition"
    return "too_fast" if too_fast(evidence, MAX_CHARACTERS_PER_SECOND) else None


def too_fast(evidence: Evidence, characters_per_second: float) -> bool:
    """Whether there is more text than can be said in that time."""
    limit = characters_per_second * evidence.seconds + SPARE_CHARACTERS
    return len(evidence.text) > limit


def says_twice(text: str) -> bool:
    """Whether some REPEATED_WORDS or more words are followed by the same words again."""
    words = "".join(c for c in text.casefold() if c.isalnum() or c.isspace()).split()
    return any(
        words[start : start + size] == words[start + size : start + 2 * size]
        for size in range(REPEATED_WORDS, len(words) // 2 + 1)
        for start in range(len(words) - 2 * size + 1)
    )


def repeats_itself(text: str) -> bool:
    """Whether the text is a loop: it deflates too well, or the same three words come too often."""
    data = text.encode()
    ratio = len(data) / len(zlib.compress(data))
    if len(data) >= MIN_COMPRESSIBLE_BYTES and ratio > MAX_COMPRESSION_RATIO:
        return True
    words = text.casefold().split()
    trigrams = Counter(zip(words, words[1:], words[2:], strict=False))
    return max(trigrams.values(), default=0) > MAX_TRIGRAM_REPEATS
