"""A sink that is a folder, from which players take captions by HTTP Live Streaming."""

import time
from collections.abc import Callable
from pathlib import Path

import structlog

from surtitle.runtime.background import DaemonThread
from surtitle.sinks.forms import Delivery
from surtitle.sinks.places import Segmenting
from surtitle.sinks.playlist import PLAYLIST, segment_number
from surtitle.sinks.segments import Segments, Step
from surtitle.sinks.sink import NotNow, Outlet, Refused
from surtitle.subtitles.cues import Layout

log = structlog.get_logger("surtitle.sinks")

_PART = ".part"  # of a file that is not whole


class HlsOutlet(Outlet):
    """See Outlet. Each file is complete when it appears; a disk that hangs holds up one thread."""

    def __init__(
        self,
        folder: Path,
        segmenting: Segmenting,
        layout: Layout,
        clock_s: Callable[[], float] = time.time,
    ) -> None:
        self._folder = folder
        self._segmenting = segmenting
        self._layout = layout
        self._clock_s = clock_s
        self._segments = self._begin()
        self._is_tidy = False  # whether nothing of an earlier server is in the folder
        self._step: Step | None = None  # that failed
        self._id = ""  # of the last caption
        self._thread: DaemonThread | None = None

    async def deliver(self, delivery: Delivery) -> None:
        """See Outlet. It is written with its segment."""
        if delivery.id != self._id:  # else it is tried again
            self._id = delivery.id
            at_ms = int(delivery.at.timestamp() * 1000)
            if not self._segments.take(delivery.session, delivery.message, at_ms):
                raise Refused("captions come faster than they can be shown")
        if self._step is not None:  # those that wait are to be in the segments that come after it
            await self._write([self._step])

    def due_in_s(self) -> float:
        """See Outlet."""
        if self._step is not None or self._segments.has_lost_touch(self._now_ms):
            return 0.0
        return max(self._segments.due_ms - self._now_ms, 0) / 1000

    async def keep_up(self) -> None:
        """See Outlet."""
        if self._step is not None:
            await self._write([self._step])
        if self._segments.has_lost_touch(self._now_ms):
            log.warning("captions begin anew after a jump in time", folder=str(self._folder))
            self._segments = self._begin()
            self._is_tidy = False
        while self._segments.due_ms <= self._now_ms:
            await self._write([self._segments.advance()])

    async def close(self) -> None:
        """See Outlet. Players see that no more comes."""
        before = [] if self._step is None else [self._step]
        try:
            await self._write([*before, *self._segments.end(self._now_ms)])
        finally:
            if self._thread is not None:
                self._thread.stop()

    @property
    def _now_ms(self) -> int:
        return int(self._clock_s() * 1000)

    def _begin(self) -> Segments:
        return Segments(self._segmenting, self._layout, self._now_ms)

    async def _write(self, steps: list[Step]) -> None:
        if self._thread is None:
            self._thread = DaemonThread("sink")
        for step in steps:
            self._step = step
            try:
                await self._thread.run(self._do, step)
            except OSError as error:
                raise NotNow(f"the folder cannot be written: {error.strerror or error}") from error
            self._step = None

    def _do(self, step: Step) -> None:
        if not self._is_tidy:
            self._tidy()
            self._is_tidy = True
            log.info("captions are written", file=str(self._folder / PLAYLIST))
        for name, text in step.written:
            part = self._folder / (name + _PART)
            part.write_text(text, encoding="utf-8", newline="\n")
            part.replace(self._folder / name)
        for name in step.removed:
            (self._folder / name).unlink(missing_ok=True)

    def _tidy(self) -> None:
        """Remove segments of an earlier server, but for those that players may still know."""
        first, kept = self._segments.first, self._segments.kept
        for path in self._folder.iterdir():
            number = segment_number(path.name.removesuffix(_PART))
            may_be_known = number in range(first - kept, first) and path.suffix != _PART
            if number is not None and not may_be_known:
                path.unlink(missing_ok=True)
