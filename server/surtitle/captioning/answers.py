"""The message that answers an utterance, and the account of a session: where its audio went. Pure."""

from dataclasses import dataclass
from typing import TypedDict

from surtitle.captioning.utterance import Utterance, with_words
from surtitle.jobs import Result, samples_to_ms
from surtitle.messages import Ended, Failed, Final, Suppressed

Answer = Final | Suppressed | Failed


class _Place(TypedDict):
    """What all of them have."""

    seq: int
    utterance: int
    start_ms: int
    end_ms: int


def answer(utterance: Utterance, result: Result, seq: int) -> Answer:
    """The answer to an utterance that has ended; its caption is finished by it."""
    assert utterance.end is not None
    start_ms, end_ms = samples_to_ms(utterance.start), samples_to_ms(utterance.end)
    place: _Place = {
        "seq": seq,
        "utterance": utterance.number,
        "start_ms": start_ms,
        "end_ms": end_ms,
    }
    ended_by = utterance.ended_by
    if result.error_code is not None:
        return Failed(**place, code=result.error_code, message=result.error, ended_by=ended_by)
    if result.suppressed is not None:
        return Suppressed(**place, reason=result.suppressed, ended_by=ended_by)
    text, words = utterance.caption.finish(result.text, cut=utterance.is_cut), None
    if utterance.decode_options.words:
        text, words = with_words(text, result, start_ms)
    detected = utterance.probability  # where the language was found by an earlier result
    return Final(
        **place,
        text=text,
        language=result.language,
        language_probability=round(
            result.language_probability if detected is None else detected, 3
        ),
        confidence=round(result.confidence, 3),
        ended_by=ended_by,
        words=words,
    )


@dataclass(slots=True)
class Account:
    """How much of the audio was answered, and how."""

    captioned_ms: int = 0
    suppressed_ms: int = 0
    failed_ms: int = 0

    def add(self, answered: Answer) -> None:
        """Count one more answer."""
        length_ms = answered.end_ms - answered.start_ms
        match answered:
            case Final():
                self.captioned_ms += length_ms
            case Suppressed():
                self.suppressed_ms += length_ms
            case Failed():
                self.failed_ms += length_ms

    def close(self, *, seq: int, audio_ms: int, missing_ms: int, utterances: int) -> Ended:
        """The last message of a session with `audio_ms` of audio: what is not answered was silence."""
        return Ended(
            seq=seq,
            audio_ms=audio_ms,
            captioned_ms=self.captioned_ms,
            silence_ms=audio_ms - self.captioned_ms - self.suppressed_ms - self.failed_ms,
            suppressed_ms=self.suppressed_ms,
            failed_ms=self.failed_ms,
            utterances=utterances,
            missing_ms=missing_ms,
        )
