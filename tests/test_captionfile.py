"""The figures of a recording that is streamed at real-time pace, and what is kept for them."""

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Iterator
from typing import cast

import numpy as np
import pytest

from surtitle.cli.streaming import Figures, FileStream
from surtitle.client import Captions, ClientError, Event, connect
from surtitle.messages import Ack, Ended, Final, Speech, Start
from tests.client.test_client import listening
from tests.gateway import fakes

LOUD = np.full(160, 8000, np.int16).tobytes()  # 10 ms
QUIET = bytes(len(LOUD))


class Answering:
    """A session that answers each 100 ms as an utterance, and acknowledges that."""

    def __init__(self) -> None:
        self.received = 0
        self._events: asyncio.Queue[Event] = asyncio.Queue()

    def caption(self, audio: AsyncIterable[bytes]) -> AsyncIterator[Event]:
        self._feeding = asyncio.create_task(self._feed(audio))
        return self._said()

    async def _feed(self, audio: AsyncIterable[bytes]) -> None:
        async for chunk in audio:
            self.received += len(chunk)
            if self.received % 3200 == 0:
                self._events.put_nowait(_final(self.received // 3200))
                self._events.put_nowait(Ack(received=self.received, safe=self.received))
        parts = {"silence_ms": 0, "suppressed_ms": 0, "failed_ms": 0}
        length = self.received // 32
        ended = Ended(seq=99, audio_ms=length, captioned_ms=length, utterances=0, **parts)
        self._events.put_nowait(ended)

    async def _said(self) -> AsyncIterator[Event]:
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


async def test_what_was_heard_is_captioned_before_it_is_told_that_no_more_can_be_read() -> None:
    def broken() -> Iterator[bytes]:
        yield fakes.LOUD * 60
        raise ClientError("talk.mp3 cannot be read as audio.", "not_readable")

    seen: list[type] = []
    async with (
        asyncio.timeout(10),
        listening() as (url, _),
        connect(url, Start(partials=False)) as captions,
    ):
        stream = FileStream(captions, broken(), real_time=False)
        with pytest.raises(ClientError, match="cannot be read"):
            await stream.run(lambda event: seen.append(type(event)))
    assert [each for each in seen if each is not Ack] == [Speech, Final, Ended]


@pytest.mark.parametrize(
    ("count", "words"), [(0, "0 utterances"), (1, "1 utterance"), (2, "2 utterances")]
)
def test_the_summary_counts_in_words(count: int, words: str) -> None:
    parts = {"silence_ms": 0, "suppressed_ms": 0, "failed_ms": 0, "captioned_ms": 3000}
    figures = Figures(ended=Ended(seq=9, audio_ms=3000, utterances=count, **parts))
    assert figures.summary() == f"3.0 s of audio in {words}"
