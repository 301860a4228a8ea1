"""Watching the memory of the server, whose limit sessions may not exceed."""

import asyncio
import sys
import time

import structlog

from surtitle.gateway.registry import Sessions
from surtitle.gateway.shedding import MemoryGuard, Pressure
from surtitle.runtime import memory
from surtitle.runtime.background import DaemonThread

log = structlog.get_logger("surtitle.gateway")

MEMORY_CHECK_S = 0.25
"""How often the memory is looked at: a fast client sends tens of megabytes in that time."""
TRIM_EVERY_S = 10.0
"""How often what is free is given back to the system at most, after sessions have ended. It holds up
whoever wants memory meanwhile, for some milliseconds."""
TRIM_FROM_BYTES = 32 << 20
"""The server must have grown by so much, or there is not enough to give back."""


class MemoryWatch:
    """See MemoryGuard: it is told how much is used, and what it says is done."""

    def __init__(self, limit_bytes: int, sessions: Sessions) -> None:
        self._guard = MemoryGuard(limit_bytes)
        self._sessions = sessions

    @property
    def limit_bytes(self) -> int:
        """What this process may take."""
        return self._guard.limit_bytes

    @property
    def pressure(self) -> Pressure:
        """How short it is."""
        return self._guard.pressure

    async def run(self) -> None:
        """Refuse sessions, and end some, as memory runs short; ends only where it cannot be told, or
        cancelled.
        """
        own, grown = memory.used_bytes(), 0
        if own is None:
            log.warning("the server's memory cannot be measured, so it has no limit")
            self._guard = MemoryGuard(sys.maxsize)
            return
        used = own + self._sessions.used_bytes
        if self._guard.has_little_room(used):
            log.warning(
                "the server alone uses nearly all of its memory limit; see `max_memory_mb`",
                used_mb=used // memory.MIB,
                limit_mb=self._guard.limit_bytes // memory.MIB,
            )
        trimming, trimmed_at, ended = DaemonThread("trim memory"), time.monotonic(), 0
        try:
            while True:
                if (now_own := memory.used_bytes()) is not None:  # else it is as it was
                    # And those that decode for its sessions; the worker's is another matter.
                    used, grown = now_own + self._sessions.used_bytes, now_own - own
                if self._guard.judge(used):
                    pressure = self._guard.pressure
                    say = log.info if pressure is Pressure.NONE else log.warning
                    say("memory", state=pressure.name.lower(), used_mb=used // memory.MIB)
                if self._guard.pressure is not Pressure.NONE:
                    held = {hosted.id: hosted.held_bytes for hosted in self._sessions}
                    for session in self._guard.offenders(used, held, time.monotonic()):
                        self._sessions.shed(session)
                now = time.monotonic()
                is_time = now - trimmed_at >= TRIM_EVERY_S and ended != self._sessions.ended
                if self._guard.pressure is not Pressure.NONE or (
                    is_time and grown > TRIM_FROM_BYTES
                ):
                    ended, trimmed_at = self._sessions.ended, now
                    await trimming.run(memory.give_back_free)
                await asyncio.sleep(MEMORY_CHECK_S)
        finally:
            trimming.stop()
