"""What the programs of this folder share. They run in `.venv-agents`, so this needs Python alone.

A program is told recipes: expressions that make a recognizer, as docs/compatibility.md prints them.
It lets each of them hear a recording, all side by side, and says what they heard.
"""

import asyncio
import json
import sys
import wave
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path

RATE = 16_000
FRAME_S = 0.02
FRAME_BYTES = int(RATE * FRAME_S) * 2
LIMIT_S = 30.0
"""How long after the end of the recording its last word may come."""


@dataclass
class Utterance:
    """One final, and what came before it."""

    interims: list[str]
    final: str


@dataclass
class Heard:
    """What a recognizer has said so far."""

    last_word: str
    utterances: list[Utterance] = field(default_factory=list)
    interims: list[str] = field(default_factory=list)  # since the last final
    errors: list[str] = field(default_factory=list)
    complete: asyncio.Event = field(default_factory=asyncio.Event)
    """Set once a final has the last word, or after an error."""

    def interim(self, text: str) -> None:
        """Text that may still change."""
        self.interims.append(text)

    def final(self, text: str) -> None:
        """Text that will not."""
        self.utterances.append(Utterance(self.interims, text))
        self.interims = []
        if self.last_word in text:
            self.complete.set()

    def error(self, message: str) -> None:
        """What nobody wants to hear."""
        self.errors.append(message)
        self.complete.set()

    async def completed(self) -> None:
        """Wait for the last word; whoever reads the texts sees that it did not come."""
        try:
            await asyncio.wait_for(self.complete.wait(), LIMIT_S)
        except TimeoutError:
            self.error("The last word has not come.")


def samples_of(recording: Path) -> bytes:
    """16-bit samples of a WAV with one channel and 16 kHz."""
    with wave.open(str(recording), "rb") as wav:
        assert (wav.getframerate(), wav.getnchannels(), wav.getsampwidth()) == (RATE, 1, 2)
        return wav.readframes(wav.getnframes())


async def spoken(samples: bytes) -> AsyncIterator[bytes]:
    """Frame by frame, at the pace of speech."""
    clock = asyncio.get_running_loop().time
    begin = clock()
    for number, at in enumerate(range(0, len(samples), FRAME_BYTES)):
        await asyncio.sleep(begin + (number + 1) * FRAME_S - clock())
        yield samples[at : at + FRAME_BYTES]


Hear = Callable[[str, bytes, Heard], Awaitable[None]]
"""Lets the recognizer of a recipe hear samples."""


async def hear_all(hear: Hear) -> None:
    """The program: RECORDING LAST_WORD, with a JSON list of recipes on standard input."""
    samples, last_word = samples_of(Path(sys.argv[1])), sys.argv[2]

    async def told(recipe: str) -> dict[str, object]:
        heard = Heard(last_word)
        try:
            await hear(recipe, samples, heard)
        except Exception as error:
            heard.error(repr(error))
        return {
            "utterances": [asdict(utterance) for utterance in heard.utterances],
            "unfinished": heard.interims,
            "errors": heard.errors,
        }

    recipes = json.load(sys.stdin)
    print(json.dumps(await asyncio.gather(*map(told, recipes))))
