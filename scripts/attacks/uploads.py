"""Attackers that send files over HTTP, in forms as OpenAI's clients do, or what looks like it."""

import asyncio
import struct
from collections.abc import Coroutine
from functools import cache
from pathlib import Path

from attacks.sessions import SPEECH
from attacks.wire import Attack, Line, Site, Told, again_and_again, dial, pour

BYTES_PER_S = 2e6
"""Of each attacker at most."""
BLOCK_BYTES = 65_536
PATH = "/v1/audio/transcriptions"
BOUNDARY = "X"
SLOW = 5
"""Uploads of one attacker at once, of which a byte comes in a second."""
SPOOL_MB = 64
"""That files may have that wait for their fields."""
ANSWERED_WITHIN_S = 60.0


def field(name: str, value: str) -> bytes:
    """A part of a form."""
    return (
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
    ).encode()


FILE = (
    f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
).encode()
"""What stands before the file."""
END = f"\r\n--{BOUNDARY}--\r\n".encode()


def head(site: Site, length: int | None = None) -> bytes:
    """Of a request with a form of so many bytes; in chunks without a number."""
    size = "Transfer-Encoding: chunked" if length is None else f"Content-Length: {length}"
    return (
        f"POST {PATH} HTTP/1.1\r\nHost: 127.0.0.1\r\n{site.headers}{size}\r\n"
        f"Content-Type: multipart/form-data; boundary={BOUNDARY}\r\n\r\n"
    ).encode()


def in_wav(pcm: bytes) -> bytes:
    """16 kHz PCM16 as a file."""
    form = struct.pack("<HHIIHH", 1, 1, 16_000, 32_000, 2, 16)
    return (
        b"RIFF"
        + struct.pack("<I", 36 + len(pcm))
        + b"WAVEfmt "
        + struct.pack("<I", len(form))
        + form
        + b"data"
        + struct.pack("<I", len(pcm))
        + pcm
    )


@cache
def _spoken(folder: str) -> bytes:
    return in_wav((Path(folder) / SPEECH).read_bytes())


async def _send(line: Line, data: bytes, step_bytes: int = BLOCK_BYTES) -> None:
    for begin in range(0, len(data), step_bytes):
        await line.send(data[begin : begin + step_bytes])


async def _until_told(line: Line, sending: Coroutine[None, None, None]) -> None:
    """Send until there is an answer or the connection ends."""
    tasks = [asyncio.create_task(each) for each in (line.status(), sending)]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _pour(line: Line, begin: bytes, block: bytes) -> None:
    await line.send(begin)
    await pour(line, block, BYTES_PER_S)


async def _drip(line: Line, data: bytes) -> None:
    """A byte in a second."""
    for place in range(len(data)):
        await line.send(data[place : place + 1])
        await asyncio.sleep(1.0)


async def forms(site: Site, told: Told, number: int) -> None:
    """Bodies that are long to read: fields by the thousand, headers without an end, what is almost a
    boundary, and chunks of a byte.
    """
    length = 1 << 30
    near = f"\r\n--{BOUNDARY}x".encode()
    begin, block = (
        (head(site, length), field("a", "") * (BLOCK_BYTES // len(field("a", "")))),
        (head(site, length) + FILE[:-2] + b"X: ", b"x" * BLOCK_BYTES),
        (head(site, length) + FILE, near * (BLOCK_BYTES // len(near))),
        (head(site) + b"%x\r\n%s\r\n" % (len(FILE), FILE), b"1\r\nx\r\n" * (BLOCK_BYTES // 6)),
    )[number % 4]

    async def once() -> None:
        line = await dial(site, told)
        if line is not None:
            with line:
                await _until_told(line, _pour(line, begin, block))

    await again_and_again(once, told)


async def spool(site: Site, told: Told, number: int) -> None:
    """Files before their fields, which never come: they take all the room on disk that there is."""
    begin = head(site, SPOOL_MB << 20) + FILE

    async def once() -> None:
        line = await dial(site, told)
        if line is not None:
            with line:
                await _until_told(line, _pour(line, begin, bytes(BLOCK_BYTES)))

    await again_and_again(once, told)


async def broken(site: Site, told: Told, number: int) -> None:
    """Files of which a byte comes in a second, or which break off in the middle, again and again."""
    whole = head(site, 10 << 20) + field("language", "en") + FILE + _spoken(site.folder)

    async def slow() -> None:
        line = await dial(site, told)
        if line is not None:
            with line:
                begun = len(whole) - len(_spoken(site.folder)) + 100
                await line.send(whole[:begun])
                await _until_told(line, _drip(line, whole[begun:]))

    async def cut() -> None:
        line = await dial(site, told)
        if line is not None:
            with line:
                await _send(line, whole[: len(whole) // 2])
                told["broken off"] += 1

    if number % 2:
        await again_and_again(cut, told)
    else:
        await asyncio.gather(*(again_and_again(slow, told) for _ in range(SLOW)))


def sends(name: str) -> Attack:
    """Upload a file of `files.MADE`, wait for its answer, and come again."""

    async def attack(site: Site, told: Told, number: int) -> None:
        body = field("response_format", "json") + FILE + _read(site.folder, name) + END

        async def once() -> None:
            line = await dial(site, told)
            if line is not None:
                with line:
                    await _send(line, head(site, len(body)) + body)
                    await line.status()

        await again_and_again(once, told)

    return attack


@cache
def _read(folder: str, name: str) -> bytes:
    return (Path(folder) / name).read_bytes()


async def unread(site: Site, told: Told, number: int) -> None:
    """Speech whose answer has all words and is not read."""
    wishes = field("response_format", "verbose_json") + field("timestamp_granularities[]", "word")
    body = wishes + FILE + _spoken(site.folder) + END

    async def once() -> None:
        line = await dial(site, told, small_window=True)
        if line is not None:
            with line:
                await _send(line, head(site, len(body)) + body)
                await asyncio.sleep(ANSWERED_WITHIN_S)

    await again_and_again(once, told)


async def models(site: Site, told: Told, number: int) -> None:
    """Ask which models there are, one request right behind the other, and read the answers."""
    asking = f"GET /v1/models HTTP/1.1\r\nHost: 127.0.0.1\r\n{site.headers}\r\n".encode()
    block = asking * (BLOCK_BYTES // len(asking))

    async def once() -> None:
        line = await dial(site, told)
        if line is not None:
            with line:
                line.drop_answers()
                await pour(line, block, BYTES_PER_S)

    await again_and_again(once, told)
