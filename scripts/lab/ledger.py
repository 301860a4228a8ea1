"""Counts what became of each utterance: the only place that says what is lost and what is doubled."""

import functools
import itertools
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from lab.places import SAMPLE
from surtitle.client import Event, connect
from surtitle.client.media import read_chunks
from surtitle.jobs import Pcm16
from surtitle.messages import (
    Ended,
    Failed,
    Final,
    Revised,
    ServerMessage,
    Speech,
    Start,
    Status,
    Suppressed,
    Update,
    parse_server_message,
)


@functools.lru_cache(maxsize=4)
def read_pcm16(path: Path) -> Pcm16:
    """A recording as 16 kHz mono samples, which are read-only."""
    return np.frombuffer(b"".join(read_chunks(path)), np.int16)


@functools.cache
def spoken_word() -> bytes:
    """Half a second of speech as 16 kHz PCM16, from the middle of a phrase."""
    return read_pcm16(SAMPLE)[16_000:24_000].tobytes()


SILENCE_1S = bytes(32_000)


@dataclass
class Ledger:
    """Counts what must never happen: an utterance lost, answered twice, or answered out of order.

    The same of better texts: each follows its final, once, in order and before the end.
    """

    opened: list[int] = field(default_factory=list)
    answers: list[Final | Suppressed | Failed] = field(default_factory=list)
    revised: list[Revised] = field(default_factory=list)
    strays: int = 0
    """Better texts of what had no final, or one with other times."""
    states: list[str] = field(default_factory=list)
    ended: Ended | None = None

    def take(self, message: Event) -> None:
        """Enter one message."""
        match message:
            case Speech():
                self.opened.append(message.utterance)
            case Final() | Suppressed() | Failed():
                self.answers.append(message)
            case Revised():
                self.revised.append(message)
                self.strays += self.ended is not None or not any(
                    isinstance(answer, Final) and _place(answer) == _place(message)
                    for answer in self.answers
                )
            case Status():
                self.states.append(message.state)
            case Ended():
                self.ended = message
            case _:
                pass

    @property
    def answered(self) -> list[int]:
        """The utterances answered, in the order of their answers."""
        return [answer.utterance for answer in self.answers]

    @property
    def faults(self) -> dict[str, int]:
        """How many utterances were lost, doubled, unexpected or out of order; all 0 is good."""
        answered = self.answered
        revised = [message.utterance for message in self.revised]
        return {
            "lost": len(set(self.opened) - set(answered)),
            "doubled": sum(len(each) - len(set(each)) for each in (answered, revised)),
            "unexpected": len(set(answered) - set(self.opened)) + self.strays,
            "disorder": sum(
                a > b for each in (answered, revised) for a, b in itertools.pairwise(each)
            ),
        }

    @property
    def outcomes(self) -> list[str]:
        """Each answer in a word: the text of a final, the reason or code of the others."""
        return [
            a.text if isinstance(a, Final) else a.reason if isinstance(a, Suppressed) else a.code
            for a in self.answers
        ]


def _place(message: Final | Revised) -> tuple[int, int, int]:
    return message.utterance, message.start_ms, message.end_ms


NO_FAULTS = {"lost": 0, "doubled": 0, "unexpected": 0, "disorder": 0}


def expect(frame: str | bytes) -> ServerMessage:
    """A frame of the server as the message it must be."""
    message = parse_server_message(frame)
    assert message is not None
    return message


async def converse(url: str, *prompts: str, partials: bool = False, **fields: Any) -> Ledger:
    """Speak one word for each prompt (see `fake_decoder`) and listen until the session has ended."""
    ledger = Ledger()
    start = Start(language="en", partials=partials, **fields)
    async with connect(url, start) as captions:
        for prompt in prompts:
            await captions.update(Update(prompt=prompt))
            await captions.send(spoken_word())
            await captions.flush()
            await captions.send(SILENCE_1S)
        await captions.stop()
        async for message in captions:
            ledger.take(message)
    return ledger
