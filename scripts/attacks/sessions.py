"""Attackers that use sessions as nobody would: too many, too fast, too silent, or somebody else's."""

import asyncio
import contextlib
import random
from functools import cache
from pathlib import Path

from attacks.floods import CHANNEL
from attacks.wire import (
    BINARY,
    Line,
    Site,
    Told,
    again_and_again,
    audio_frames,
    connect,
    dial,
    frame,
    text,
)

SPEECH = "speech.pcm"
"""In the folder of the files: 16 kHz PCM16, a minute of it."""
BYTES_PER_S = 32_000
FRAME_S = 0.1
FRAME_BYTES = 3200
LEFT_BEHIND_S = 59
FLUSH_EVERY_FRAMES = 2.5
WIDE = "\N{GRINNING FACE}"
UPDATE = text(type="update", hotwords=[WIDE * 100] * 100, prompt=WIDE * 1000)
"""44 kB, as large as one may be."""
UPDATES_AT_ONCE = 8
LARGE_FRAME_BYTES = 1 << 20
"""As large as a frame may be."""
PLACES = 10
"""Connections of one attacker that wants to take places."""
LETTER_EVERY_S = 1.0
TRY_EVERY_S = 0.2


@cache
def _speech(folder: str) -> bytes:
    return (Path(folder) / SPEECH).read_bytes()


def _start(**fields: object) -> bytes:
    return text(type="start", language="en", **fields)


async def updates(site: Site, told: Told, number: int) -> None:
    """Changes of what is wanted, behind speech that is not answered yet.

    Every other attacker speaks on between them.
    """
    speech = _speech(site.folder)
    opening = _start() + audio_frames(speech[: LEFT_BEHIND_S * BYTES_PER_S])
    block = UPDATE * UPDATES_AT_ONCE
    if number % 2:
        block += frame(BINARY, speech[:FRAME_BYTES])

    async def once() -> None:
        line = await connect(site, told)
        if line is not None:
            with line:
                await line.send(opening)
                while True:
                    await line.send(block)
                    await asyncio.sleep(0)

    await again_and_again(once, told)


async def replacements(site: Site, told: Told, number: int) -> None:
    """Speak, with as many and as long replacements as may be, which are nearly what is said."""
    keys = {f"{letter}{'e ' * 40}{at:02}": "x" * 100 for letter in "tais" for at in range(25)}
    opening = _start(replacements=keys)
    speech = _speech(site.folder)

    async def once() -> None:
        line = await connect(site, told)
        if line is not None:
            with line:
                await line.send(opening)
                for start in range(0, len(speech), FRAME_BYTES):
                    await line.send(frame(BINARY, speech[start : start + FRAME_BYTES]))
                    await asyncio.sleep(FRAME_S)

    await again_and_again(once, told)


async def flushes(site: Site, told: Told, number: int) -> None:
    """Speak at the pace of speech, and end an utterance every quarter of a second."""
    flush = text(type="flush")

    async def once() -> None:
        line = await connect(site, told)
        if line is not None:
            with line:
                await line.send(_start())
                await speak(line, site, number, FRAME_S * FLUSH_EVERY_FRAMES, flush)

    await again_and_again(once, told)


async def speak(line: Line, site: Site, number: int, step_s: float, also: bytes) -> None:
    """Speak without end in steps, and say something else after each."""
    speech, loop = _speech(site.folder), asyncio.get_running_loop()
    size = round(step_s * BYTES_PER_S) & ~1
    place, due = number * BYTES_PER_S, loop.time()
    while True:
        place %= len(speech) - size
        await line.send(frame(BINARY, speech[place : place + size]) + also)
        place, due = place + size, due + step_s
        await asyncio.sleep(max(due - loop.time(), 0))


async def large_frames(site: Site, told: Told, number: int) -> None:
    """Send noise, of which no format check makes anything, in frames of a megabyte; and come again."""
    noise = frame(BINARY, random.Random(f"{site.seed} {number}").randbytes(LARGE_FRAME_BYTES))
    opening = text(type="start", encoding="mulaw", sample_rate=8000, language="en")

    async def once() -> None:
        line = await connect(site, told)
        if line is not None:
            with line:
                await line.send(opening + noise)
                await line.send(noise)

    await again_and_again(once, told)


async def fast_files(site: Site, told: Told, number: int) -> None:
    """Send speech as fast as it is taken."""
    whole = audio_frames(_speech(site.folder))

    async def once() -> None:
        line = await connect(site, told)
        if line is not None:
            with line:
                await line.send(_start())
                while True:
                    await line.send(whole)

    await again_and_again(once, told)


async def left_behind(site: Site, told: Told, number: int) -> None:
    """Send almost a minute of speech at once, and leave without a word."""
    speech = _start() + audio_frames(_speech(site.folder)[: LEFT_BEHIND_S * BYTES_PER_S])

    async def once() -> None:
        line = await connect(site, told)
        if line is not None:
            with line:
                await line.send(speech)
                await line.ready_or_closed()
                told["left behind"] += 1

    await again_and_again(once, told)


async def silent(site: Site, told: Told, number: int) -> None:
    """Take places and say nothing, not even `start`."""

    async def once() -> None:
        line = await connect(site, told)
        if line is not None:
            with line:
                await line.closed()

    await asyncio.gather(*(again_and_again(once, told) for _ in range(PLACES)))


async def half_open(site: Site, told: Told, number: int) -> None:
    """Handshakes of which a letter comes every second."""

    async def once() -> None:
        line = await dial(site, told)
        if line is not None:
            with line:
                line.listen()
                for letter in f"GET /v1/captions HTTP/1.1\r\n{site.headers}X: " + "x" * 1000:
                    if line.closed().done():
                        return
                    await line.send(letter.encode())
                    await asyncio.sleep(LETTER_EVERY_S)

    await asyncio.gather(*(again_and_again(once, told) for _ in range(PLACES)))


async def past_the_limit(site: Site, told: Told, number: int) -> None:
    """Leave a session waiting, so that all are let in who may be coming back; then take places."""

    async def leave() -> None:
        line = await connect(site, told)
        if line is not None:
            with line:
                await line.send(_start())
                await line.ready_or_closed()

    async def come() -> None:
        line = await connect(site, told)
        if line is not None:
            with line:
                await line.send(_start())
                await line.closed()

    if number == 0:
        with contextlib.suppress(ConnectionError):
            await leave()
    await asyncio.gather(*(again_and_again(come, told) for _ in range(PLACES)))


async def take_over(site: Site, told: Told, number: int) -> None:
    """Try to publish in the channel of somebody else, again and again."""
    while True:
        line = await connect(site, told)
        if line is not None:
            with line, contextlib.suppress(ConnectionError, TimeoutError):
                await line.send(_start(channel=CHANNEL))
                async with asyncio.timeout(1):
                    await line.ready_or_closed()
                if line.is_ready.is_set():
                    told["took the channel"] += 1
                    await speak(line, site, number, FRAME_S, b"")
        await asyncio.sleep(TRY_EVERY_S)
