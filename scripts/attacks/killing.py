"""An attacker whose decoder dies again and again, as one does that a file has brought down."""

import asyncio
import contextlib
import os
import random
import signal
from functools import cache
from pathlib import Path

import numpy as np
import psutil

from attacks.files import live_speech
from attacks.sessions import SPEECH
from attacks.wire import BINARY, Line, Site, Told, again_and_again, connect, frame, text
from surtitle.jobs import SAMPLE_RATE

SPOKEN_S = 20
PIECE_S = 0.1
KILL_EVERY_S = 0.5
"""Each attacker kills one decoder in this time, on the average."""


async def dying_decoders(site: Site, told: Told, number: int) -> None:
    """Speak in a container, while the decoders of attackers are killed."""
    pieces = _pieces(site.folder)

    async def once() -> None:
        line = await connect(site, told)
        if line is not None:
            with line:
                await _speak(line, pieces)

    await asyncio.gather(again_and_again(once, told), _kill(site, told, number))


async def _speak(line: Line, pieces: list[bytes]) -> None:
    await line.send(text(type="start", encoding="webm", language="en"))
    for piece in pieces:
        if line.closed().done():
            return
        await line.send(frame(BINARY, piece))
        await asyncio.sleep(PIECE_S)


@cache
def _pieces(folder: str) -> list[bytes]:
    samples = np.frombuffer((Path(folder) / SPEECH).read_bytes(), np.int16)
    return live_speech(samples[: SPOKEN_S * SAMPLE_RATE], "webm")


async def _kill(site: Site, told: Told, number: int) -> None:
    chance = random.Random(f"{site.seed} {number}")
    server = psutil.Process(site.server_pid)
    while True:
        await asyncio.sleep(2 * KILL_EVERY_S * chance.random())
        with contextlib.suppress(psutil.Error, OSError):
            decoders = [
                each.pid
                for each in server.children(recursive=True)
                if each.pid not in site.bystanders
            ]
            if decoders:
                os.kill(chance.choice(decoders), signal.SIGKILL)
                told["decoder killed"] += 1
