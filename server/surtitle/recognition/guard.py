"""Is this text speech? The reasons to decode once more, and to hold text back.

Whisper invents text where there is no speech, and loops where its window ends too soon. Both show in
figures: of the decode itself, and of what voice activity heard meanwhile. No figure is enough alone.
Whisper doubts short words that are really said, and voice activity opens for a drum; so what each
has to say of its own doubt lowers how much doubt the others may have. No phrase list: it would
silence the person who really says it. What the limits keep apart is in docs/speech-gate.md.
"""

import zlib
from collections import Counter
from dataclasses import dataclass

from surtitle.jobs import Voice

MAX_COMPRESSION_RATIO = 2.4
"""Text that deflates better than this repeats itself (OpenAI Whisper, transcribe.py)."""
MIN_COMPRESSIBLE_BYTES = 80
"""Shorter text deflates by chance: a ratio says nothing."""
_FIRST_OF_CJK = "\u2e80"
"""Beyond the alphabets: characters of which a text has so many different ones that each counts."""
MIN_LOG_PROBABILITY = -1.0
"""Mean log-probability of a token below which Whisper is guessing (OpenAI Whisper)."""
MAX_NO_SPEECH_PROBABILITY = 0.6
"""Probability of the no-speech token above which a guess is not speech (OpenAI Whisper)."""
CERTAIN_NO_SPEECH_PROBABILITY = 0.85
CERTAIN_LOG_PROBABILITY = -0.5
"""Where the no-speech token is as good as certain, text must be surer than this."""
BELIEVED_LOG_PROBABILITY = -0.3
"""Text that Whisper is so sure of was said, however doubtful the voice."""
WILD_LOG_PROBABILITY = -1.5
"""Below this the words have next to nothing to do with the sound."""
MIN_CLEAR_SHARE = 0.1
"""Part of what was taken for speech that must be so without doubt, or the voice is doubtful."""
SLOW_SPEECH_MS = 3000
MIN_BYTES_PER_SECOND = 3.0
DOUBTFUL_LOG_PROBABILITY = -0.8
"""So much speech has more text than this, in UTF-8 bytes (a Chinese character says more than a
letter and has three). A murmur of many voices has less; so may singing, which Whisper is surer of."""
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
    """What a decode says about itself, and voice activity about its audio.

    `seconds` is the length of the audio, `voice` what was heard in it, where somebody listened.
    """

    text: str
    seconds: float
    log_probability: float
    no_speech_probability: float
    voice: Voice | None = None


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
    if is_noise(evidence):
        return "no_speech"
    if repeats_itself(evidence.text):
        return "repetition"
    if too_slow(evidence):
        return "too_slow"
    return "too_fast" if too_fast(evidence, MAX_CHARACTERS_PER_SECOND) else None


def is_noise(evidence: Evidence) -> bool:
    """Whether enough says that nobody spoke: the no-speech token, the text and the voice."""
    no_speech, text = evidence.no_speech_probability, evidence.log_probability
    if no_speech > CERTAIN_NO_SPEECH_PROBABILITY and text < CERTAIN_LOG_PROBABILITY:
        return True
    doubtful = is_doubtful(evidence.voice)
    if doubtful and text < WILD_LOG_PROBABILITY:
        return True
    limit = BELIEVED_LOG_PROBABILITY if doubtful else MIN_LOG_PROBABILITY
    return no_speech > MAX_NO_SPEECH_PROBABILITY and text < limit


def is_doubtful(voice: Voice | None) -> bool:
    """Whether next to nothing of what was taken for speech is so without doubt."""
    return voice is not None and voice.clear_ms < MIN_CLEAR_SHARE * voice.speech_ms


def too_slow(evidence: Evidence) -> bool:
    """Whether there is far less text than the voice had time for, and the text is a doubtful one."""
    voice = evidence.voice
    if voice is None or voice.speech_ms < SLOW_SPEECH_MS:
        return False
    rate = len(evidence.text.encode()) / (voice.speech_ms / 1000)
    return rate < MIN_BYTES_PER_SECOND and evidence.log_probability < DOUBTFUL_LOG_PROBABILITY


def too_fast(evidence: Evidence, characters_per_second: float) -> bool:
    """Whether there is more text than can be said in that time."""
    limit = characters_per_second * evidence.seconds + SPARE_CHARACTERS
    return len(evidence.text) > limit


def echoes(text: str, context: str) -> bool:
    """Whether the text has no word that the model was not given to read before.

    Told of words, Whisper likes to write them where it hears nothing, and is sure of them.
    """
    said, given = _words(text), _words(context)
    return set(said) <= set(given) or "".join(said) in "".join(given)  # the latter without spaces


def says_twice(text: str) -> bool:
    """Whether some REPEATED_WORDS or more words are followed by the same words again.

    Fewer count where they are all there is: a short word alone is doubled most.
    """
    words = _words(text)
    if any(words == words[:size] * (len(words) // size) for size in range(1, len(words) // 2 + 1)):
        return True
    return any(
        words[start : start + size] == words[start + size : start + 2 * size]
        for size in range(REPEATED_WORDS, len(words) // 2 + 1)
        for start in range(len(words) - 2 * size + 1)
    )


def _words(text: str) -> list[str]:
    return "".join(c for c in text.casefold() if c.isalnum() or c.isspace()).split()


def repeats_itself(text: str) -> bool:
    """Whether the text is a loop: it deflates too well, or the same three words come too often."""
    if len(text.encode()) >= MIN_COMPRESSIBLE_BYTES:
        data = _letters(text)
        if len(data) / len(zlib.compress(data)) > MAX_COMPRESSION_RATIO:
            return True
    words = text.casefold().split()
    trigrams = Counter(zip(words, words[1:], words[2:], strict=False))
    return max(trigrams.values(), default=0) > MAX_TRIGRAM_REPEATS


def _letters(text: str) -> bytes:
    """UTF-8, but with one byte for each letter of an alphabet, as English has.

    In the three bytes of a letter of Hindi or Thai two are always the same: whoever speaks for 15
    seconds would seem to repeat himself.
    """
    if text.isascii():
        return text.encode()
    return b"".join(c.encode() if c >= _FIRST_OF_CJK else bytes([ord(c) & 0xFF]) for c in text)
