"""Captions as WebVTT segments for HTTP Live Streaming: what is to be written, and when. Pure.

Time is cut at multiples of the length of a segment since 1970, so the numbers of segments go on rising
when a server is started again. A segment is written some time after its end, because a final comes
after its words. What comes later still begins with the first segment that is not written yet.
"""

from collections import deque
from dataclasses import dataclass

from msgspec import structs

from surtitle.messages import Final, Revised, revise
from surtitle.sinks.places import Segmenting
from surtitle.sinks.playlist import PLAYLIST, Slot, format_playlist, segment_name
from surtitle.sinks.shifting import shifted
from surtitle.subtitles.cues import Cue, Layout, LiveLayout
from surtitle.subtitles.formats import format_vtt_cue, vtt_time

RESYNC_MS = 5000
"""So much later than its session's others a final may come. Beyond that, its audio has stood still."""
MAX_AHEAD_MS = 60_000
"""Of captions that come faster than they can be shown, such as those of a file."""
MAX_SESSIONS = 100
"""Of which the beginning is remembered."""

_TICKS_PER_MS = 90
_TICKS = 1 << 33  # after which the clock of an MPEG transport stream begins again


@dataclass(frozen=True, slots=True)
class Step:
    """What to do next in the folder: write these files in this order, then remove the others."""

    written: tuple[tuple[str, str], ...]
    """Names and contents."""
    removed: tuple[str, ...]
    """Names of files that may be gone already."""


@dataclass(slots=True)
class _Block:
    """A final that is not written, or not all of it."""

    session: str
    final: Final
    """With its own times, and without those of its words."""
    shift_ms: int
    cues: list[Cue]
    free_ms: int  # when the screen was free for it
    until_ms: int  # when it is free again


class Segments:
    """The finals of a channel, cut into segments. Times of cues begin with the first segment."""

    def __init__(self, segmenting: Segmenting, layout: Layout, now_ms: int) -> None:
        """`now_ms` is Unix time, as in all that follows."""
        self._segmenting = segmenting
        self._length_ms = 1000 * segmenting.segment_seconds
        self._first = now_ms // self._length_ms
        self._zero_ms = self._first * self._length_ms
        self._next = self._first  # number of the segment that is written next
        self._live = LiveLayout(layout)
        self._blocks: deque[_Block] = deque()
        self._shifts: dict[str, int] = {}  # ms, by session

    @property
    def first(self) -> int:
        """The number of the first segment of all."""
        return self._first

    @property
    def kept(self) -> int:
        """Segments that stay in the folder: for so long as a player may know them by a playlist."""
        return 2 * self._segmenting.segments + 1  # RFC 8216, 6.2.2

    @property
    def due_ms(self) -> int:
        """When the next segment is to be written."""
        return self._zero_ms + self._written_ms + self._length_ms + self._delay_ms

    def has_lost_touch(self, now_ms: int) -> bool:
        """Whether the clock or a disk has jumped so far that it is better to begin anew."""
        lasts_ms = self._segmenting.segments * self._length_ms
        return abs(now_ms - self.due_ms) > lasts_ms + self._length_ms + self._delay_ms

    def take(self, session: str, message: Final | Revised, at_ms: int) -> bool:
        """A message has come. False where it is left out, because too much waits to be shown."""
        if isinstance(message, Revised):
            self._revise(session, message)
            return True
        if self._live.free_ms > at_ms - self._zero_ms + MAX_AHEAD_MS:
            return False
        shift_ms = self._shift(session, message, at_ms - self._zero_ms)
        free_ms = max(self._live.free_ms, self._written_ms)
        self._live.free_ms = free_ms
        cues = self._live.add(shifted(message, shift_ms))
        bare = structs.replace(message, words=None)
        self._blocks.append(_Block(session, bare, shift_ms, cues, free_ms, self._live.free_ms))
        return True

    def advance(self) -> Step:
        """The next segment is complete."""
        return self._step(self._length_ms, is_over=False)

    def end(self, now_ms: int) -> list[Step]:
        """No more comes. What is left is shown, up to the length of a playlist."""
        over_ms = now_ms - self._zero_ms
        most_ms = over_ms + self._segmenting.segments * self._length_ms
        over_ms = max(over_ms, min(self._live.free_ms, most_ms), self._written_ms + 1)
        steps = []
        while self._written_ms + self._length_ms < over_ms:
            steps.append(self.advance())
        return [*steps, self._step(over_ms - self._written_ms, is_over=True)]

    # -- inside ---------------------------------------------------------------------------------

    @property
    def _delay_ms(self) -> int:
        return 1000 * self._segmenting.delay_seconds

    @property
    def _written_ms(self) -> int:
        """Up to where segments are written, on the clock of cues."""
        return (self._next - self._first) * self._length_ms

    def _shift(self, session: str, final: Final, at_ms: int) -> int:
        """From the clock of a session to that of cues.

        Finals of a session keep their distances, but none ends after it has come, and one that comes
        much later than others before it is no longer on the clock that those were on.
        """
        came_ms = at_ms - final.end_ms
        shift_ms = self._shifts.pop(session, came_ms)
        if not 0 <= came_ms - shift_ms <= RESYNC_MS:
            shift_ms = came_ms
        self._shifts[session] = shift_ms
        if len(self._shifts) > MAX_SESSIONS:
            del self._shifts[next(iter(self._shifts))]
        return shift_ms

    def _revise(self, session: str, revised: Revised) -> None:
        """As long as no part of it is written: half of one text and half of another fit nowhere."""
        for block in self._blocks:
            is_open = not block.cues or block.cues[0].start_ms >= self._written_ms
            if is_open and (block.session, block.final.utterance) == (session, revised.utterance):
                final = revise(block.final, revised)
                later = shifted(final, block.shift_ms)
                block.cues = self._live.again(later, block.free_ms, block.until_ms)
                block.final = structs.replace(final, words=None)

    def _step(self, duration_ms: int, *, is_over: bool) -> Step:
        number, start_ms = self._next, self._written_ms
        self._next += 1
        text = self._segment(start_ms, start_ms + duration_ms)
        while self._blocks and self._blocks[0].until_ms <= self._written_ms:
            self._blocks.popleft()
        oldest = max(number - self._segmenting.segments + 1, self._first)
        slots = [
            Slot(each, each * self._length_ms, self._length_ms) for each in range(oldest, number)
        ]
        slots.append(Slot(number, number * self._length_ms, duration_ms))
        playlist = format_playlist(slots, self._segmenting.segment_seconds, is_over=is_over)
        written = ((segment_name(number), text), (PLAYLIST, playlist))
        return Step(written, (segment_name(number - self.kept),))

    def _segment(self, start_ms: int, end_ms: int) -> str:
        """Cues that are on screen in this time, with all of their own.

        An encoder whose transport stream has the time of day is in step with it.
        """
        ticks = (self._zero_ms + start_ms) * _TICKS_PER_MS % _TICKS
        head = f"WEBVTT\nX-TIMESTAMP-MAP=MPEGTS:{ticks},LOCAL:{vtt_time(start_ms)}\n\n"
        cues = (cue for block in self._blocks for cue in block.cues)
        shown = (cue for cue in cues if cue.start_ms < end_ms and cue.end_ms > start_ms)
        return head + "".join(map(format_vtt_cue, shown))
