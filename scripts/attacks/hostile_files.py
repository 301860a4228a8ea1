"""Attackers that send a container which is made to hurt, and those whose container never begins."""

import asyncio
import contextlib
import struct
from functools import cache
from pathlib import Path

from attacks.files import MADE
from attacks.matroska import head, void
from attacks.wire import Attack, Site, Told, again_and_again, audio_frames, connect, pour, text

PIECE_BYTES = 1 << 18
STAY_S = 4.0
"""After the file was sent. Then the attacker leaves without a word, and its session waits for it."""
HEADER_BYTES_PER_S = 2e6
BLOCK_BYTES = 60_000
COME_AGAIN_S = 0.5


def sends(name: str) -> Attack:
    """Send the file, stay a while, leave, and come again."""

    async def attack(site: Site, told: Told, number: int) -> None:
        blob = memoryview(_frames_of(site.folder, name))

        async def once() -> None:
            line = await connect(site, told)
            if line is None:
                return
            with line:
                for start in range(0, len(blob), PIECE_BYTES):
                    await line.send(blob[start : start + PIECE_BYTES])
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(STAY_S):
                        await line.closed()

        await again_and_again(once, told)

    return attack


@cache
def _frames_of(folder: str, name: str) -> bytes:
    start = text(type="start", encoding=MADE[name][0], language="en")
    return start + audio_frames((Path(folder) / name).read_bytes())


async def endless_header(site: Site, told: Told, number: int) -> None:
    """Send the head of a file, and then nothing but what stands before the first sample."""
    encoding, begin, more = _ENDLESS[number % len(_ENDLESS)]
    opening = text(type="start", encoding=encoding, language="en") + audio_frames(begin)
    block = audio_frames(more)

    async def once() -> None:
        line = await connect(site, told)
        if line is not None:
            with line:
                await line.send(opening)
                await pour(line, block, HEADER_BYTES_PER_S)

    await again_and_again(once, told)


async def come_and_go(site: Site, told: Told, number: int) -> None:
    """Begin a container, and leave before a byte of it, twice a second."""
    start = text(type="start", encoding="webm", language="en")
    while True:
        with contextlib.suppress(ConnectionError):
            line = await connect(site, told)
            if line is not None:
                with line:
                    await line.send(start)
        await asyncio.sleep(COME_AGAIN_S)


def _flac_info() -> bytes:
    """STREAMINFO of 16 kHz, one channel, 16 bits."""
    rate, channels, bits, samples = 16_000, 1, 16, 0
    packed = rate << 44 | (channels - 1) << 41 | (bits - 1) << 36 | samples
    return b"\x00\x00\x00\x22" + struct.pack(">HH6xQ16x", 4096, 4096, packed)


_ENDLESS: tuple[tuple[str, bytes, bytes], ...] = (
    ("webm", head(), void(BLOCK_BYTES)),
    ("wav", b"RIFF\xff\xff\xff\xffWAVEJUNK\xff\xff\xff\xff", bytes(BLOCK_BYTES)),
    (
        "flac",
        b"fLaC" + _flac_info(),
        b"\x01" + BLOCK_BYTES.to_bytes(3, "big") + bytes(BLOCK_BYTES),
    ),
    (
        "mp4",
        b"\x00\x00\x00\x10ftypM4A \x00\x00\x00\x00",
        struct.pack(">I4s", BLOCK_BYTES + 8, b"free") + bytes(BLOCK_BYTES),
    ),
)
"""Declared encoding, how it begins, and what follows again and again."""
