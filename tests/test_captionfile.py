"""The figures of a recording that is streamed at real-time pace, and what is kept for them."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import cast

import numpy as np
import pytest

from surtitle.cli.streaming import Figures, FileStream
from surtitle.client import Captions, Event
from surtitle.messages import Ack, Ended, Final

LOUD = np.full(160, 8000, np.int16).tobytes()  # 10 ms
QUIET = bytes(len(LOUD))


class Answering:
    """A session that answers each 100 ms as an utterance, and acknowledges that."""

    def __init__(self) -> None:
        self.received = 0
        self._events: asyncio.Queue[Event] = asyncio.Queue()

    async def send(self, audio: bytes) -> None:
        self.received += len(audio)
        if self.received % 3200 == 0:
            self._events.put_nowait(_final(self.received // 3200))
            self._events.put_nowait(Ack(received=self.received, safe=self.received))

    async def stop(self) -> None:
        parts = {"silence_ms": 0, "suppressed_ms": 0, "failed_ms": 0}
        length = self.received // 32
        ended = Ended(seq=99, audio_ms=length, captioned_ms=length, utterances=0, **parts)
        self._events.put_nowait(ended)

    async def __aiter__(self) -> AsyncIterator[Event]:
        event: Event | None = None
        while not isinstance(event, Ended):
            event = await self._events.get()
            yield event


def _final(utterance: int) -> Final:
    return Final(
        seq=utterance,
        utterance=utterance,
        start_ms=100 * (utterance - 1),
        end_ms=100 * utterance,
        text="so",
        language="en",
        language_probability=1.0,
        confidence=1.0,
    )


def _word() -> Iterator[bytes]:
    """100 ms, of which 60 are loud."""
    yield from [LOUD] * 6 + [QUIET] * 4


async def test_only_what_is_not_answered_is_kept_and_the_end_of_speech_is_found_in_it() -> None:
    session = Answering()
    chunks = (chunk for _ in range(5) for chunk in _word())
    stream = FileStream(cast(Captions, session), chunks, real_time=True)
    kept: list[int] = []
    ends: list[int] = []

    def look(event: Event) -> None:
        kept.append(len(stream._audio))
        if isinstance(event, Final):
            ends.append(stream._end_of_speech_ms(event) % 100)

    figures = await stream.run(look)
    assert session.received == 5 * 3200
    assert max(kept) <= 2 * 3200
    assert ends == [60] * 5
    assert len(figures.final_s) == 5 and min(figures.final_s) > 0.03


@pytest.mark.parametrize(
    ("count", "words"), [(0, "0 utterances"), (1, "1 utterance"), (2, "2 utterances")]
)
def test_the_summary_counts_in_words(count: int, words: str) -> None:
    parts = {"silence_ms": 0, "suppressed_ms": 0, "failed_ms": 0, "captioned_ms": 3000}
    figures = Figures(ended=Ended(seq=9, audio_ms=3000, utterances=count, **parts))
    assert figures.summary() == f"3.0 s of audio in {words}"
