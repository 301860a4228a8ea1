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
MAX_CHARACTERS_PER_SECOND = 30.0
"""Nobody speaks faster; read-aloud English is about 15."""
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
    if repeats_itself(evidence.text):
        return "repetition"
    # Half a second of grace: a short "yes" in a short window is no reason for suspicion.
    if len(evidence.text) > MAX_CHARACTERS_PER_SECOND * (evidence.seconds + 0.5):
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
    reason = suspicion(evidence)
    return None if reason == "low_confidence" else reason


def repeats_itself(text: str) -> bool:
    """Whether the text is a loop: it deflates too well, or the same three words come too often."""
    data = text.encode()
    ratio = len(data) / len(zlib.compress(data))
    if len(data) >= MIN_COMPRESSIBLE_BYTES and ratio > MAX_COMPRESSION_RATIO:
        return True
    words = text.casefold().split()
    trigrams = Counter(zip(words, words[1:], words[2:], strict=False))
    return max(trigrams.values(), default=0) > MAX_TRIGRAM_REPEATS
