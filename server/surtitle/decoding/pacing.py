"""How fast containers go to their decoders, all together.

What a decoder is given it reads, copies and may keep: at the lowest priority, but with the processors
and the memory that recognition waits for too. The start of a file and live audio are always passed on
at once; what one sends beyond that shares what is there for all who do.
"""

import asyncio
from collections.abc import Callable

from surtitle.runtime.allowance import Allowance, SharedAllowance

HEAD_BYTES = 256 << 10
HEAD_BYTES_PER_S = 4096
"""For one decoder that has made no sample yet: the index of twenty minutes of AAC
goes at once."""
AUDIO_BYTES = 512 << 10
AUDIO_BYTES_PER_S = 256 << 10
"""For one that has: 2 Mbit/s, more than stereo at 48 kHz in 16 bits takes."""
SHARED_BYTES = 512 << 10
SHARED_BYTES_PER_S = 4 << 20
"""For all together who send more: an hour of Opus goes in eight seconds, if it is alone. To decode it
takes longer."""


def for_head() -> Allowance:
    """What one decoder is given at any rate, before its first sample."""
    return Allowance(HEAD_BYTES_PER_S, HEAD_BYTES)


def for_audio() -> Allowance:
    """The same from then on."""
    return Allowance(AUDIO_BYTES_PER_S, AUDIO_BYTES)


class Pacing:
    """Who may be given bytes now. Belongs to the event loop on which it is used first."""

    def __init__(self) -> None:
        self._shared = SharedAllowance[Callable[[], None]](SHARED_BYTES_PER_S, SHARED_BYTES)
        self._planned: asyncio.TimerHandle | None = None

    def charge(self, own: Allowance, size: int, now_s: float) -> None:
        """A decoder was given so many bytes, on the clock of the loop."""
        self._shared.charge(own, size, now_s)

    def wait(self, own: Allowance, go_on: Callable[[], None]) -> None:
        """Call when this decoder may be given more. One that waits must not come a second time."""
        self._shared.wait(own, go_on, asyncio.get_running_loop().time())
        self._plan()

    def _plan(self) -> None:
        if self._planned is not None:
            self._planned.cancel()
            self._planned = None
        loop = asyncio.get_running_loop()
        due_in_s = self._shared.due_in_s(loop.time())
        if due_in_s is not None:
            self._planned = loop.call_later(due_in_s, self._go_on)

    def _go_on(self) -> None:
        self._planned = None
        now_s = asyncio.get_running_loop().time()
        try:
            while (go_on := self._shared.next_holder(now_s)) is not None:
                go_on()
        finally:  # whatever becomes of one, the others go on
            self._plan()
