"""How fast containers go to their decoders, all together.

What a decoder is given it reads, copies and may keep: at the lowest priority, but with the memory that
recognition waits for too. Live audio and a file or two are always passed on at once; what one sends
beyond that shares what is there for all who do.
"""

import asyncio
from collections.abc import Callable

from surtitle.allowance import Allowance, SharedAllowance

OWN_BYTES_PER_S = 512 << 10
OWN_AT_ONCE_BYTES = 512 << 10
"""For one decoder: 4 Mbit/s, more than stereo at 48 kHz in 32 bits takes."""
SHARED_BYTES_PER_S = 8 << 20
SHARED_AT_ONCE_BYTES = 512 << 10
"""For all together who send more: an hour of Opus goes in four seconds, if it is alone."""


class Pacing:
    """Who may be given bytes now. Belongs to the event loop on which it is used first."""

    def __init__(self) -> None:
        self._shared = SharedAllowance[Callable[[], None]](SHARED_BYTES_PER_S, SHARED_AT_ONCE_BYTES)
        self._planned: asyncio.TimerHandle | None = None

    def charge(self, own: Allowance, size: int, now_s: float) -> None:
        """A decoder was given so many bytes, on the clock of the loop."""
        self._shared.charge(own, size, now_s)

    def wait(self, own: Allowance, go_on: Callable[[], None]) -> None:
        """Call when this decoder may be given more. One that waits must not come a second time."""
        self._shared.wait(own, go_on)
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
