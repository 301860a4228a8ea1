"""A whole stream through the socket, checked for its account; and error rates."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

import jiwer
import numpy as np
from whisper_normalizer.basic import BasicTextNormalizer
from whisper_normalizer.english import EnglishTextNormalizer

from surtitle.client import Disconnected, Event, Gap, connect
from surtitle.jobs import Pcm16
from surtitle.messages import (
    Ack,
    Ended,
    Failed,
    Final,
    Partial,
    Resumed,
    ServerMessage,
    Speech,
    Start,
    Suppressed,
)

CHUNK = 1600
Kind = TypeVar("Kind", bound=ServerMessage)


@dataclass
class Stream:
    """What came back of one stream."""

    messages: list[Event] = field(default_factory=list)

    def of(self, kind: type[Kind]) -> list[Kind]:
        """The messages of one type."""
        return [message for message in self.messages if isinstance(message, kind)]

    @property
    def ended(self) -> Ended:
        """The account."""
        (ended,) = self.of(Ended)
        return ended

    def text(self, separator: str = " ") -> str:
        """All finals."""
        return separator.join(final.text for final in self.of(Final))

    def check(self) -> None:
        """Every utterance answered once and in order, the account adds up, `stable` only grows."""
        opened = [message.utterance for message in self.of(Speech)]
        answers = [m for m in self.messages if isinstance(m, Final | Suppressed | Failed)]
        assert opened == list(range(1, len(opened) + 1))
        assert [answer.utterance for answer in answers] == opened
        assert not [m for m in self.messages if isinstance(m, Disconnected)]
        numbers = [
            m.seq for m in self.messages if not isinstance(m, Ack | Resumed | Disconnected | Gap)
        ]
        assert numbers == sorted(set(numbers))
        ended = self.ended
        parts = ended.captioned_ms + ended.silence_ms + ended.suppressed_ms + ended.failed_ms
        assert parts == ended.audio_ms
        assert ended.utterances == len(opened)
        stable: dict[int, str] = {}
        for partial in self.of(Partial):
            assert partial.stable.startswith(stable.get(partial.utterance, ""))
            stable[partial.utterance] = partial.stable


async def stream(
    url: str,
    audio: Pcm16,
    start: Start,
    on_message: Callable[[Event], None] = lambda message: None,
) -> Stream:
    """Send audio as fast as it goes and collect everything up to `ended`."""
    result = Stream()
    async with connect(url, start) as captions:
        for position in range(0, len(audio), CHUNK):
            await captions.send(np.ascontiguousarray(audio[position : position + CHUNK]).tobytes())
        await captions.stop()
        async for message in captions:
            result.messages.append(message)
            on_message(message)
    result.check()
    return result


def word_error_rate(reference: str, text: str) -> float:
    """Errors over the words of the reference, after Whisper's English normalization."""
    normalize = EnglishTextNormalizer()
    return float(jiwer.wer(normalize(reference), normalize(text)))


def character_error_rate(reference: str, text: str) -> float:
    """Errors over the characters of the reference, without spaces and punctuation."""
    normalize = BasicTextNormalizer()
    pair = [normalize(side).replace(" ", "") for side in (reference, text)]
    return float(jiwer.cer(*pair))


def words_of(text: str) -> list[str]:
    """Words as they are compared."""
    words: list[str] = EnglishTextNormalizer()(text).split()
    return words


def missing_words(reference: str, text: str) -> int:
    """How many words of the reference the text has nothing for."""
    return int(_aligned(reference, text).deletions)


def wrong_words(reference: str, text: str) -> int:
    """How many words are missing, added or others."""
    result = _aligned(reference, text)
    return int(result.deletions + result.insertions + result.substitutions)


def _aligned(reference: str, text: str) -> jiwer.WordOutput:
    return jiwer.process_words(" ".join(words_of(reference)), " ".join(words_of(text)))
