"""Stream a recording to a server, at real-time pace or as fast as it goes, and keep the figures."""

import asyncio
import statistics
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field

import numpy as np

from surtitle.client import Captions, Event
from surtitle.jobs import SAMPLE_BYTES, SAMPLE_RATE, ms_to_samples
from surtitle.messages import Ack, Ended, Final, Partial
from surtitle.runtime.background import in_daemon_thread
from surtitle.subtitles.cues import ReadingSpeed

_SPEECH_FLOOR = 0.03
"""Level of the end of speech, over that of the loudest block of the utterance (-30 dB)."""


@dataclass(slots=True)
class Figures:
    """Delays of one stream at real-time pace, in seconds, from the microphone's point of view."""

    first_partial_s: list[float] = field(default_factory=list)
    """Start of an utterance -> its first partial."""
    final_s: list[float] = field(default_factory=list)
    """End of speech -> final."""
    ended: Ended | None = None
    reading_speed: ReadingSpeed | None = None
    """Of the cues, where some were made."""

    def summary(self) -> str:
        """One line for people."""
        parts = []
        for label, values in (
            ("start of speech → first partial", self.first_partial_s),
            ("end of speech → final", self.final_s),
        ):
            if values:
                worst = f"worst {max(values):.2f} s" if len(values) > 1 else "one utterance"
                parts.append(f"{label} {statistics.median(values):.2f} s (median, {worst})")
        if self.ended is not None:
            count = self.ended.utterances
            utterances = "1 utterance" if count == 1 else f"{count} utterances"
            parts.append(f"{self.ended.audio_ms / 1000:.1f} s of audio in {utterances}")
        if (speed := self.reading_speed) is not None:
            parts.append(
                f"reading speed {speed.characters_per_second:.0f} characters per second "
                f"({speed.words_per_minute:.0f} words per minute, fastest cue "
                f"{speed.fastest:.0f}/s)"
            )
        return " · ".join(parts)


class FileStream:
    """One recording on its way to a server."""

    def __init__(self, captions: Captions, chunks: Iterator[bytes], *, real_time: bool) -> None:
        self._captions = captions
        self._chunks = chunks
        self._real_time = real_time
        self._began = 0.0  # when sample 0 was "recorded"; only meaningful at real-time pace
        # What was sent and is not answered, to find the true end of speech.
        self._audio = bytearray()
        self._audio_start = 0  # byte of the stream
        self._partial_seen: set[int] = set()
        self.figures = Figures()
        self.sent_s = 0.0
        """Seconds of audio sent so far."""
        self.answered_s = 0.0
        """Seconds of audio whose captions are there."""

    async def run(self, on_message: Callable[[Event], None]) -> Figures:
        """Send everything, hand each message on, return after `ended`.

        Raises ClientError; of a recording that cannot be read to its end, after the last caption.
        """
        async for message in self._captions.caption(self._paced()):
            self._measure(message)
            on_message(message)
        return self.figures

    async def _paced(self) -> AsyncIterator[bytes]:
        self._began = time.monotonic()
        # The reader may block (a pipe, a slow disk): not on the event loop.
        while (chunk := await in_daemon_thread(next, self._chunks, None)) is not None:
            self.sent_s += len(chunk) / 2 / SAMPLE_RATE
            if self._real_time:
                # A chunk can be sent when its last sample has been spoken.
                await asyncio.sleep(self._began + self.sent_s - time.monotonic())
                self._audio += chunk
            yield chunk

    def _measure(self, message: Event) -> None:
        if isinstance(message, Ended):
            self.figures.ended = message
        if isinstance(message, Ack):
            self.answered_s = message.safe / SAMPLE_BYTES / SAMPLE_RATE
        if not self._real_time:
            return
        now_ms = (time.monotonic() - self._began) * 1000
        if isinstance(message, Partial) and message.utterance not in self._partial_seen:
            self._partial_seen.add(message.utterance)
            self.figures.first_partial_s.append((now_ms - message.start_ms) / 1000)
        elif isinstance(message, Final):
            end_ms = self._end_of_speech_ms(message)
            self.figures.final_s.append((now_ms - end_ms) / 1000)
        elif isinstance(message, Ack) and message.safe > self._audio_start:
            del self._audio[: message.safe - self._audio_start]
            self._audio_start = message.safe

    def _end_of_speech_ms(self, final: Final) -> int:
        """The end of the last block of the utterance that is loud enough to be speech."""
        start, end = (
            max(SAMPLE_BYTES * ms_to_samples(ms) - self._audio_start, 0)
            for ms in (final.start_ms, final.end_ms)
        )
        samples = np.frombuffer(self._audio[start:end], np.int16)
        block = SAMPLE_RATE // 100
        blocks = samples[: len(samples) // block * block].reshape(-1, block)
        levels = np.sqrt(np.mean(np.square(blocks, dtype=np.float64), axis=1))
        loud = np.flatnonzero(levels > _SPEECH_FLOOR * levels.max(initial=0))
        last = int(loud[-1]) + 1 if len(loud) else len(levels)
        return final.start_ms + last * 10
