"""Is this text speech? The reasons to decode once more, and to hold text back.

Whisper invents text where there is no speech, and loops where its window ends too soon. Both show in
figures: of the decode itself, and of what voice activity heard meanwhile. No figure is enough alone.
Whisper doubts short words that are really said, and voice activity opens for a drum; so what each
has to say of its own doubt lowers how much doubt the others may have. No phrase list: it would
silence the person who really says it. What the limits keep apart is in docs/speech-gate.md.
"""

from dataclasses import dataclass
from typing import Literal

from surtitle.jobs import Voice
from surtitle.recognition.repetition import (
    FIRST_OF_CJK,
    bare_words,
    loops_in_a_word,
    repeats_itself,
    says_again,
    says_twice,
    times_said,
)

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
"""Share of what was taken for speech that must be so without doubt, or the voice is doubtful."""
CLEAR_SHARE = 0.6
"""With so large a part, voice activity has no doubt of its own."""
SLOW_SPEECH_MS = 3000
MIN_BYTES_PER_SECOND = 3.0
DOUBTFUL_LOG_PROBABILITY = -0.8
"""So much speech has more text than this, in UTF-8 bytes (a Chinese character says more than a
letter and has three). A murmur of many voices has less; so may singing, which Whisper is surer of."""
LETTERS_OF_A_CJK_CHARACTER = 2.5
"""A character of Chinese, Japanese or Korean takes as long to say as so many letters."""
DOUBTFUL_LETTERS_PER_SECOND = 30.0
SUSPICIOUS_LETTERS_PER_SECOND = 45.0
MAX_LETTERS_PER_SECOND = 60.0
"""Read-aloud speech has about 15, in some languages 20; quick readings at twice their pace have 25 to
42. Doubtful text may have no more than hardly anybody says. With more than anybody is likely to say,
sure text is decoded again: a phrase that is written twice has as many. Nobody says more than the last,
however sure Whisper is: of a loop it is very sure."""
SPARE_LETTERS = 10
"""A short "yes" in a short window is no reason for suspicion."""
LETTERS_PER_SECOND_OF_VOICE = 50.0
SPARE_LETTERS_OF_VOICE = 3
BLIP_MS = 128
"""Voice activity opens for no less than 96 ms: time for a "seven", and not for a "thank you"."""


Reason = Literal["repetition", "too_fast", "too_slow", "low_confidence", "no_speech"]


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a decode says about itself, and voice activity about its audio."""

    text: str
    seconds: float
    """Length of the audio."""
    log_probability: float
    """Mean of the tokens, end mark included; natural logarithm."""
    no_speech_probability: float
    """Of the no-speech token in the place of the first one."""
    voice: Voice | None = None
    """What was heard in the audio; None where nobody listened."""
    repeated: bool = False
    """What the text repeats has its own time in the audio: see `repetition`."""


def suspicion(evidence: Evidence) -> Reason | None:
    """Why this text should be decoded again with more care, or None."""
    repeats = is_loop(evidence.text) or says_twice(evidence.text)
    if repeats and not is_real(evidence):
        return "repetition"
    if too_fast(evidence, SUSPICIOUS_LETTERS_PER_SECOND):
        return "too_fast"
    if evidence.log_probability < MIN_LOG_PROBABILITY:
        return "low_confidence"
    return None


def refusal(evidence: Evidence) -> Reason | None:
    """Why this text must not be shown, after the most careful decode, or None."""
    if not any(character.isalnum() for character in evidence.text):
        return "no_speech"
    if is_noise(evidence):
        return "no_speech"
    if is_loop(evidence.text) and not is_real(evidence):
        return "repetition"
    if too_slow(evidence):
        return "too_slow"
    return "too_fast" if too_fast(evidence, MAX_LETTERS_PER_SECOND) else None


def is_loop(text: str) -> bool:
    """Whether a text looks like a loop, of words or of what they are made of."""
    return repeats_itself(text) or loops_in_a_word(text)


def is_real(evidence: Evidence) -> bool:
    """Whether what the text repeats was said so often.

    The audio has time for it, or there are as many stretches of speech.
    """
    if evidence.repeated:
        return True
    voice = evidence.voice
    return voice is not None and 1 < times_said(evidence.text) == voice.stretches


def is_hurried_copy(evidence: Evidence) -> bool:
    """Whether a text says something again, and is too quick for that to be likely.

    Where a sentence comes back to its first words, "may be considered the invention of", Whisper now
    and then goes on with what followed them before, to the end of a short window.
    """
    return says_again(evidence.text) and too_fast(evidence, DOUBTFUL_LETTERS_PER_SECOND)


def is_noise(evidence: Evidence) -> bool:
    """Whether enough says that nobody spoke: the no-speech token, the text and the voice."""
    no_speech, sureness = evidence.no_speech_probability, evidence.log_probability
    if no_speech > CERTAIN_NO_SPEECH_PROBABILITY and sureness < CERTAIN_LOG_PROBABILITY:
        return True
    if is_doubtful(evidence.voice) and sureness < WILD_LOG_PROBABILITY:
        return True
    return no_speech > MAX_NO_SPEECH_PROBABILITY and (
        sureness < least_log_probability(evidence.voice) or has_no_room(evidence)
    )


def least_log_probability(voice: Voice | None) -> float:
    """How sure a text must be where the no-speech token is likely: the surer, the less is clear."""
    if voice is None or not voice.speech_ms:
        return MIN_LOG_PROBABILITY
    share = voice.clear_ms / voice.speech_ms
    doubt = (CLEAR_SHARE - share) / (CLEAR_SHARE - MIN_CLEAR_SHARE)
    span = BELIEVED_LOG_PROBABILITY - MIN_LOG_PROBABILITY
    return MIN_LOG_PROBABILITY + span * min(max(doubt, 0.0), 1.0)


def is_doubtful(voice: Voice | None) -> bool:
    """Whether next to nothing of what was taken for speech is so without doubt."""
    return voice is not None and voice.clear_ms < MIN_CLEAR_SHARE * voice.speech_ms


def has_no_room(evidence: Evidence) -> bool:
    """Whether there is more text than could be said while anything sounded like speech.

    Text that is believed has it, unless the voice was a mere blip.
    """
    voice = evidence.voice
    if voice is None:
        return False
    if evidence.log_probability >= BELIEVED_LOG_PROBABILITY and voice.speech_ms > BLIP_MS:
        return False
    room = LETTERS_PER_SECOND_OF_VOICE * voice.speech_ms / 1000 + SPARE_LETTERS_OF_VOICE
    return letters(evidence.text) > room


def too_slow(evidence: Evidence) -> bool:
    """Whether there is far less text than the voice had time for, and the text is a doubtful one."""
    voice = evidence.voice
    if voice is None or voice.speech_ms < SLOW_SPEECH_MS:
        return False
    rate = len(evidence.text.encode()) / (voice.speech_ms / 1000)
    return rate < MIN_BYTES_PER_SECOND and evidence.log_probability < DOUBTFUL_LOG_PROBABILITY


def too_fast(evidence: Evidence, letters_per_second: float) -> bool:
    """Whether there is more text than can be said in that time, or than a doubtful one may have."""
    if evidence.log_probability < DOUBTFUL_LOG_PROBABILITY:
        letters_per_second = DOUBTFUL_LETTERS_PER_SECOND
    return letters(evidence.text) > letters_per_second * evidence.seconds + SPARE_LETTERS


def letters(text: str) -> float:
    """How long it takes to say the text, in letters of an alphabet; spaces and marks count too."""
    dense = sum(character >= FIRST_OF_CJK for character in text)
    return len(text) + (LETTERS_OF_A_CJK_CHARACTER - 1) * dense


def echoes(text: str, context: str) -> bool:
    """Whether the text has no word that the model was not given to read before.

    Told of words, Whisper likes to write them where it hears nothing, and is sure of them.
    """
    said, given = bare_words(text), bare_words(context)
    return set(said) <= set(given) or "".join(said) in "".join(given)  # the latter without spaces
