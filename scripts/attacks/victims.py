"""Those who speak while others mean harm: recorded speech at its own pace, and what came of it."""

import asyncio
import itertools
import json
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from attacks.files import live_speech
from load.raw_client import RawClient, masked
from load.score import Score, score
from load.speech import FRAME_S, FRAME_SAMPLES, SILENCE, Clip, rotated
from surtitle.jobs import SAMPLE_RATE, Pcm16

PAUSE_S = 1.5
STAGGER_S = 0.23
"""Between two victims, so that not all end a sentence at once."""
ENDED_WITHIN_S = 15.0
"""After `stop`: an account that takes longer counts as none."""
FORMS = ("pcm", "pcm", "pcm", "ogg", "pcm", "pcm", "pcm", "webm")
"""In which form each victim speaks, in turn."""


@dataclass(frozen=True)
class Script:
    """What one victim speaks, tenth of a second by tenth."""

    form: str
    frames: list[bytes]
    reference: str
    """All that is said in it."""

    @property
    def seconds(self) -> float:
        """How long it takes."""
        return len(self.frames) * FRAME_S


@dataclass
class Account:
    """What one victim was told."""

    opened: list[int] = field(default_factory=list)
    answers: list[tuple[int, str]] = field(default_factory=list)
    """Utterance and text; empty where it was suppressed or has failed."""
    delays_s: dict[int, float] = field(default_factory=dict)
    """By the time of its end in the audio, in ms: from when that audio was sent to the final."""
    ended: dict[str, int] | None = None
    problems: list[str] = field(default_factory=list)
    errors: Score = field(default_factory=Score)
    opened_channel: bool = True

    @property
    def faults(self) -> list[str]:
        """What does not add up, in words."""
        found = list(self.problems)
        numbers = [number for number, _ in self.answers]
        if lost := set(self.opened) - set(numbers):
            found.append(f"{len(lost)} utterances without an answer")
        if len(numbers) != len(set(numbers)) or set(numbers) - set(self.opened):
            found.append("an answer twice, or to nothing")
        if self.ended is None:
            found.append("no account")
            return found
        parts = sum(
            self.ended[f"{part}_ms"] for part in ("captioned", "silence", "suppressed", "failed")
        )
        if parts != self.ended["audio_ms"] or self.ended["utterances"] != len(self.opened):
            found.append("an account that does not add up")
        return found


def write_scripts(clips: Sequence[Clip], count: int, seconds: float) -> list[Script]:
    """What each of so many victims speaks: whole clips, about so long, each from its own on."""
    scripts = []
    for number in range(count):
        own = itertools.cycle(rotated(list(clips), number))
        samples: list[Pcm16] = []
        said: list[str] = []
        length = 0
        while length < seconds * SAMPLE_RATE:
            clip = next(own)
            pieces = b"".join(clip.frames()) + SILENCE * round(PAUSE_S / FRAME_S)
            samples.append(np.frombuffer(pieces, np.int16))
            said.append(clip.transcript)
            length += len(samples[-1])
        audio = np.concatenate(samples)
        form = FORMS[number % len(FORMS)]
        frames = _frames(audio) if form == "pcm" else live_speech(audio, form)
        scripts.append(Script(form, frames, " ".join(said)))
    return scripts


def _frames(audio: Pcm16) -> list[bytes]:
    step = FRAME_SAMPLES
    return [audio[start : start + step].tobytes() for start in range(0, len(audio), step)]


class Victim(RawClient):
    """Speaks its script; `account` has what came of it."""

    def __init__(self, script: Script, headers: str, channel: str = "") -> None:
        super().__init__("127.0.0.1", "/v1/captions", headers)
        self._script = script
        self._channel = channel
        self._sent_at: list[float] = []
        self._texts: list[str] = []
        self._over = asyncio.Event()
        self.account = Account()

    def take(self, data: bytes) -> None:
        """See RawClient."""
        message = json.loads(data)
        match message["type"]:
            case "speech":
                self.account.opened.append(message["utterance"])
            case "final" | "suppressed" | "failed" as kind:
                text = message.get("text", "")
                self.account.answers.append((message["utterance"], text))
                if kind == "failed":
                    self.account.problems.append(message["message"])
                self._note_delay(message["end_ms"])
                self._texts.append(text)
            case "error":
                self.account.problems.append(message["message"])
            case "ended":
                self.account.ended = message
                self._over.set()
            case _:
                pass

    def _note_delay(self, end_ms: int) -> None:
        frame = min(max(math.ceil(end_ms / 1000 / FRAME_S) - 1, 0), len(self._sent_at) - 1)
        self.account.delays_s[end_ms] = time.monotonic() - self._sent_at[frame]

    def connection_lost(self, exc: Exception | None) -> None:
        """See RawClient."""
        super().connection_lost(exc)
        self._over.set()

    async def speak(self, after_s: float) -> None:
        """Speak all of the script, say goodbye, and wait for the account."""
        await asyncio.sleep(after_s)
        encoding = {"pcm": "pcm_s16le"}.get(self._script.form, self._script.form)
        start = {"type": "start", "language": "en", "encoding": encoding}
        if self._channel:
            start["channel"] = self._channel
        self._say(start)
        began = time.monotonic()
        for number, frame in enumerate(self._script.frames, 1):
            await asyncio.sleep(max(began + number * FRAME_S - time.monotonic(), 0))
            if self.transport is None:
                break
            self.transport.write(masked(2, frame))
            self._sent_at.append(time.monotonic())
        self._say({"type": "stop"})
        try:
            async with asyncio.timeout(ENDED_WITHIN_S):
                await self._over.wait()
        except TimeoutError:
            self.account.problems.append(f"no end within {ENDED_WITHIN_S:g} s of the goodbye")
        if self.account.ended is None and self.problem:
            self.account.problems.append(self.problem)
        self.account.errors = score(self._script.reference, " ".join(self._texts), "en")
        self.close()

    def _say(self, message: dict[str, str]) -> None:
        if self.transport is not None:
            self.transport.write(masked(1, json.dumps(message).encode()))


async def speak_all(
    scripts: Sequence[Script], port: int, headers: str, channel: str
) -> list[Account]:
    """All victims at once; the first publishes in the channel."""
    loop = asyncio.get_running_loop()
    victims = [
        Victim(script, headers, "" if number else channel) for number, script in enumerate(scripts)
    ]
    for victim in victims:
        await loop.create_connection(lambda v=victim: v, "127.0.0.1", port)  # type: ignore[misc]
        await victim.opened
    await asyncio.gather(
        *(victim.speak(number * STAGGER_S) for number, victim in enumerate(victims))
    )
    return [victim.account for victim in victims]
