"""One who speaks at the pace of speech beside an attack, and how late the answers come."""

import asyncio
import json
import time
from dataclasses import dataclass, field

from websockets.asyncio.client import ClientConnection, connect

from lab.ledger import NO_FAULTS, Ledger, expect, spoken_word
from lab.server_process import ServerProcess

FRAME_S = 0.1
FRAME_BYTES = 3200
WORD_S = 0.5
PAUSE_S = 1.2
"""Longer than the silence that ends an utterance."""


@dataclass
class Speaker:
    """A session of words with pauses between them."""

    server: ServerProcess
    prompt: str = "pace:0.1"
    ledger: Ledger = field(default_factory=Ledger)
    delays_s: list[float] = field(default_factory=list)
    """From the end of each word to its answer."""

    async def speak(self, words: int) -> list[float]:
        """Say so many words; returns the delays. Nothing of them is lost or comes twice."""
        start = {"type": "start", "language": "en", "prompt": self.prompt}
        async with connect(self.server.websocket_url) as socket:
            await socket.send(json.dumps(start))
            spoken_at: list[float] = []
            hearing = asyncio.create_task(self._hear(socket, spoken_at))
            due = time.monotonic()
            for _ in range(words):
                sound = spoken_word() + bytes(round(PAUSE_S * 32_000))
                for at in range(0, len(sound), FRAME_BYTES):
                    await socket.send(sound[at : at + FRAME_BYTES])
                    if at <= WORD_S * 32_000 - FRAME_BYTES < at + FRAME_BYTES:
                        spoken_at.append(time.monotonic())
                    due += FRAME_S
                    await asyncio.sleep(due - time.monotonic())
            await socket.send('{"type":"stop"}')
            await hearing
        assert self.ledger.faults == NO_FAULTS
        assert self.ledger.ended is not None
        assert self.ledger.ended.failed_ms == 0
        assert len(self.ledger.answers) == words
        return self.delays_s

    async def _hear(self, socket: ClientConnection, spoken_at: list[float]) -> None:
        async for frame in socket:
            message = expect(frame)
            answered = len(self.ledger.answers)
            self.ledger.take(message)
            if len(self.ledger.answers) > answered:
                self.delays_s.append(time.monotonic() - spoken_at[answered])
