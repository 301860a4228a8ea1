"""A client that speaks words one after the other, and what it must hear of them."""

import asyncio
import time
from itertools import groupby

from lab.ledger import NO_FAULTS, SILENCE_1S, Ledger, spoken_word
from surtitle.client import Captions, Disconnected, Event, Gap, connect
from surtitle.messages import Ended, Final, Start, Update

WORDS = 25


class Story:
    """What a client hears of WORDS words that it speaks, each told to be another text."""

    def __init__(self) -> None:
        self.ledger = Ledger()
        self.events: list[Event] = []
        self.sessions: set[str] = set()
        self.away_s: list[float] = []
        """How long each time without a connection."""

    async def tell(
        self, port: int, words: int = WORDS, *, step_s: float = 0.002, channel: str | None = None
    ) -> None:
        """Each tenth of a second of it takes `step_s`."""
        start = Start(language="en", channel=channel)
        async with connect(f"ws://127.0.0.1:{port}", start) as captions:
            speaking = asyncio.create_task(self._speak(captions, words, step_s))
            left_at = None
            async for event in captions:
                self.events.append(event)
                if isinstance(event, Disconnected):
                    left_at = time.monotonic()
                elif left_at is not None:
                    self.away_s.append(time.monotonic() - left_at)
                    left_at = None
                self.sessions.add(captions.ready.session)
                if not isinstance(event, Disconnected | Gap):
                    self.ledger.take(event)
            await speaking

    async def _speak(self, captions: Captions, words: int, step_s: float) -> None:
        for number in range(words):
            await captions.update(Update(prompt=f"say:{number}"))
            word = spoken_word() + SILENCE_1S
            for position in range(0, len(word), 3200):
                await captions.send(word[position : position + 3200])
                await asyncio.sleep(step_s)
        await captions.stop()

    @property
    def texts(self) -> list[str]:
        return [event.text for event in self.events if isinstance(event, Final)]

    def check(self, words: int = WORDS, *, halved: int = 0) -> None:
        """`halved` words at most are in two utterances: the sender was silent in their middle."""
        texts = [text for text, _ in groupby(self.texts)]
        assert texts == [str(number) for number in range(words)]
        assert words <= len(self.texts) <= words + halved
        assert self.ledger.answered == list(range(1, len(self.texts) + 1))
        faults = self.ledger.faults
        assert {**faults, "lost": 0} == NO_FAULTS
        assert not [event for event in self.events if isinstance(event, Gap)]
        ended = self.events[-1]
        assert isinstance(ended, Ended)
        assert ended.audio_ms == words * 1500
        assert ended.utterances == len(self.texts)
