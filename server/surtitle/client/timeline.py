"""The sessions of one stream, one after the other, seen as one session. Pure.

A server that has lost the session (it was restarted) gets a new one, which begins at the first byte
that was not answered. Its times and utterances go on where those of the one before ended. A container
cannot go on in the middle: its next session begins at the first byte, and says again what was answered
before.
"""

from dataclasses import dataclass
from typing import TypeVar

from msgspec import structs

from surtitle.messages import (
    CONTAINERS,
    RAW_SAMPLE_BYTES,
    Ack,
    Ended,
    Failed,
    Final,
    Flushed,
    Partial,
    Pause,
    PauseOver,
    Revised,
    ServerMessage,
    Speech,
    Start,
    Suppressed,
)

_SILENCE = {"pcm_s16le": b"\0", "pcm_f32le": b"\0", "mulaw": b"\xff", "alaw": b"\xd5"}

Numbered = TypeVar("Numbered", Speech, Partial, Pause, Final, Revised, Suppressed, Failed)
Timed = TypeVar("Timed", Pause, Final, Revised)


def bytes_per_second(start: Start) -> int | None:
    """Of the audio; None for a container, which only its decoder knows."""
    if start.encoding in CONTAINERS:
        return None
    return RAW_SAMPLE_BYTES[start.encoding] * start.channels * start.sample_rate


def bytes_before(session_ms: int, per_second: int, frame_bytes: int) -> int:
    """How many bytes an answer covers that ends at `session_ms`.

    A time is that of a sample, rounded down: no sample before this byte lies behind it.
    """
    return -(-session_ms * (per_second // frame_bytes) // 1000) * frame_bytes


def silence(start: Start, length: int) -> bytes:
    """So many bytes of silence."""
    return _SILENCE[start.encoding] * length


@dataclass(slots=True)
class Timeline:
    """Where the current session begins in the stream, and what the ones before it answered."""

    begin_byte: int = 0
    begin_ms: int = 0
    utterances: int = 0
    """Answered by the sessions before."""
    _answered: int = 0  # in all
    _said: int = 0  # up to this one, what the session of now says was answered before
    _captioned_ms: int = 0
    _suppressed_ms: int = 0
    _failed_ms: int = 0
    _before: tuple[int, int, int] = (0, 0, 0)  # these three when the session of now began

    def go_on(self, byte: int, rate: int) -> None:
        """A new session begins at a byte of the stream, which has `rate` bytes a second."""
        self.begin_byte, self.begin_ms = byte, byte * 1000 // rate
        self.utterances = self._answered
        self._before = (self._captioned_ms, self._suppressed_ms, self._failed_ms)

    def start_over(self) -> None:
        """A new session begins at the first byte; the same bytes make the same utterances."""
        self._said = self._answered

    def is_repeated(self, message: ServerMessage) -> bool:
        """Whether this was answered before."""
        spoken = Speech | Partial | Pause | PauseOver | Final | Revised | Suppressed | Failed
        return isinstance(message, spoken) and message.utterance <= self._said

    def place(self, message: ServerMessage) -> ServerMessage:
        """The message with the times and numbers of the stream."""
        match message:
            case Speech():
                return structs.replace(
                    message,
                    utterance=message.utterance + self.utterances,
                    start_ms=message.start_ms + self.begin_ms,
                )
            case Partial():
                return self._moved(message)
            case Pause():
                return self._moved(self._with_moved_words(message))
            case PauseOver():
                return structs.replace(message, utterance=message.utterance + self.utterances)
            case Final():
                self._captioned_ms += message.end_ms - message.start_ms
                return self._answer(self._with_moved_words(message))
            case Revised():  # its final is in the account already
                return self._moved(self._with_moved_words(message))
            case Suppressed():
                self._suppressed_ms += message.end_ms - message.start_ms
                return self._answer(message)
            case Failed():
                self._failed_ms += message.end_ms - message.start_ms
                return self._answer(message)
            case Flushed():
                return structs.replace(message, audio_ms=message.audio_ms + self.begin_ms)
            case Ended():
                return self._sum(message)
            case Ack():
                return structs.replace(
                    message,
                    received=message.received + self.begin_byte,
                    safe=message.safe + self.begin_byte,
                )
        return message

    def _moved(self, message: Numbered) -> Numbered:
        assert not isinstance(message, Speech)
        return structs.replace(
            message,
            utterance=message.utterance + self.utterances,
            start_ms=message.start_ms + self.begin_ms,
            end_ms=message.end_ms + self.begin_ms,
        )

    def _with_moved_words(self, message: Timed) -> Timed:
        if message.words is None:
            return message
        words = [
            structs.replace(
                word, start_ms=word.start_ms + self.begin_ms, end_ms=word.end_ms + self.begin_ms
            )
            for word in message.words
        ]
        return structs.replace(message, words=words)

    def _answer(self, message: Numbered) -> Numbered:
        moved = self._moved(message)
        self._answered = max(self._answered, moved.utterance)
        return moved

    def _sum(self, ended: Ended) -> Ended:
        captioned, suppressed, failed = self._before
        return structs.replace(
            ended,
            audio_ms=ended.audio_ms + self.begin_ms,
            captioned_ms=ended.captioned_ms + captioned,
            suppressed_ms=ended.suppressed_ms + suppressed,
            failed_ms=ended.failed_ms + failed,
            silence_ms=ended.silence_ms + self.begin_ms - captioned - suppressed - failed,
            utterances=ended.utterances + self.utterances,
        )
