"""How long a sender may send no audio before it counts as silent. Pure.

Some have a frame every two seconds, or many small ones at once, as pages in the background do: their
waits are no silence. One that was muted has waited too. What follows tells them apart: as much audio
as the wait was long, or a frame of what is spoken now.
"""

import math
from collections import deque
from dataclasses import dataclass

from surtitle.messages import ContainerEncoding

AT_ONCE_S = 0.1
"""Frames that come within this belong together."""
MEMORY_S = 10.0
"""How long it counts that a sender has sent much at once."""
PROMPT: frozenset[ContainerEncoding | None] = frozenset((None, "webm", "mp4", "wav"))
DECODER_STEP_S = 1.0
"""How much audio decoders of other containers than these give at once, however evenly it comes: a page
of Ogg, or the kilobyte that FFmpeg reads of an MP3."""


@dataclass(slots=True)
class _Burst:
    """Frames that came together."""

    began_s: float
    waited_s: float
    audio_s: float = 0.0

    @property
    def counted_s(self) -> float:
        return min(self.waited_s, self.audio_s)


class Rhythm:
    """What a sender sends at once, and how long it waits in between. Times are those of any one
    clock."""

    def __init__(self, container: ContainerEncoding | None = None) -> None:
        self._step_s = 0.0 if container in PROMPT else DECODER_STEP_S
        self._bursts: deque[_Burst] = deque()  # oldest first, of the last MEMORY_S
        self._frame_at_s: float | None = None  # when the newest frame of the connection came

    def begin(self) -> None:
        """A connection begins: the time before its first frame says nothing."""
        self._frame_at_s = None

    def on_frame(self, now_s: float) -> None:
        """A frame has come."""
        before_s, self._frame_at_s = self._frame_at_s, now_s
        if before_s is None:
            # How long it took to record, its length tells.
            self._add(_Burst(now_s, waited_s=math.inf))
        elif now_s - self._bursts[-1].began_s > AT_ONCE_S:
            self._add(_Burst(now_s, waited_s=now_s - before_s))
        elif self._bursts[-1].waited_s == math.inf:
            self._bursts[-1].waited_s = 0.0  # several have waited for the connection

    def on_audio(self, length_s: float) -> None:
        """Audio of the frames so far is decoded."""
        self._bursts[-1].audio_s += length_s

    @property
    def usual_wait_s(self) -> float:
        """How long it usually is from one audio to the next."""
        usual_s = max((burst.counted_s for burst in self._bursts), default=0.0)
        return self._step_s + usual_s

    def _add(self, burst: _Burst) -> None:
        self._bursts.append(burst)
        while self._bursts[0].began_s < burst.began_s - MEMORY_S:
            self._bursts.popleft()
