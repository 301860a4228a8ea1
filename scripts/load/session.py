"""One speaker at real-time pace: frames leave when their last sample would have been recorded."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from load.adapter import Adapter, Refused
from load.metrics import Change, Spoken
from load.speech import FRAME_S, SILENCE, Clip

DRAIN_S = 30.0
"""After the last utterance a session listens until its text rests, but not longer than this."""


@dataclass(frozen=True)
class Part:
    """One clip with its frames cut beforehand, and the times of its words."""

    clip: Clip
    frames: list[bytes]
    word_ends_s: tuple[float, ...]


@dataclass
class Heard:
    """All that one session has to tell; times on the clock of `time.monotonic`."""

    number: int
    spoken: list[Spoken] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    goodbye_s: float = 0.0
    audio_s: float = 0.0
    """Audio sent."""
    late_s: float = 0.0
    """How far sending fell behind at worst."""
    refused: str = ""
    problems: list[str] = field(default_factory=list)


class Session:
    """Speaks the parts, one after the other, with a pause after each."""

    def __init__(self, number: int, adapter: Adapter, pause_s: float, quiet_s: float) -> None:
        self._adapter = adapter
        self._pause = [SILENCE] * round(pause_s / FRAME_S)
        self._quiet_s = quiet_s
        self._began = 0.0
        self._frames = 0
        self.heard = Heard(number)

    async def run(self, parts: Sequence[Part], start_after_s: float) -> None:
        """Speak, listen until the text rests, say goodbye. What goes wrong is in `heard`."""
        await asyncio.sleep(start_after_s)
        try:
            await self._adapter.open()
            self._began = time.monotonic()
            for part in parts:
                await self._speak(part)
            await self._listen()
            await self._adapter.finish()
        except Refused as refused:
            self.heard.refused = str(refused)
        except Exception as error:  # of any protocol: the run goes on without this session
            self.heard.problems.append(f"{type(error).__name__}: {error}")
        finally:
            self.heard.goodbye_s = self.heard.goodbye_s or time.monotonic()
            await self._adapter.close()
        self.heard.audio_s = self._frames * FRAME_S
        self.heard.changes = self._adapter.changes
        if not self.heard.refused:
            self.heard.problems += self._adapter.problems

    async def _speak(self, part: Part) -> None:
        start_s = self._began + self._frames * FRAME_S
        self.heard.spoken.append(
            Spoken(
                part.clip.path.name,
                part.clip.transcript,
                start_s,
                start_s + part.clip.seconds,
                part.word_ends_s,
            )
        )
        await self._adapter.speech_begins()
        await self._send(part.frames)
        await self._adapter.speech_ended()
        await self._send(self._pause)

    async def _listen(self) -> None:
        changes = self._adapter.changes
        silent_since = time.monotonic()
        while not self._adapter.ended.is_set():
            now = time.monotonic()
            changed = max(silent_since, changes[-1].at_s if changes else 0.0)
            if now - changed >= self._quiet_s or now - silent_since >= DRAIN_S:
                break
            await self._send([SILENCE])
        self.heard.goodbye_s = time.monotonic()

    async def _send(self, frames: Sequence[bytes]) -> None:
        for frame in frames:
            self._frames += 1
            wait_s = self._began + self._frames * FRAME_S - time.monotonic()
            if wait_s > 0:
                await asyncio.sleep(wait_s)
            else:
                self.heard.late_s = max(self.heard.late_s, -wait_s)
            await self._adapter.send(frame)
