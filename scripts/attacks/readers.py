"""Attackers that ask for much and read nothing of it."""

import asyncio

from attacks.floods import BLOCK_BYTES, CHANNEL, KINDS
from attacks.sessions import speak
from attacks.wire import Site, Told, again_and_again, connect, dial, pour, text

FILES = 14
"""Asked for by one attacker at once: 64 of them ask for 896."""
BYTES_PER_S = 2e6
FILE = "/sample.flac"


async def unread_files(site: Site, told: Told, number: int) -> None:
    """Ask for a file of the pages, and read nothing of it."""
    asking = f"GET {FILE} HTTP/1.1\r\nHost: 127.0.0.1\r\n{site.headers}\r\n".encode()

    async def once() -> None:
        line = await dial(site, told, small_window=True)
        if line is not None:
            with line:
                await line.send(asking)
                await asyncio.sleep(site.seconds)

    await asyncio.gather(*(again_and_again(once, told) for _ in range(FILES)))


async def deaf_speakers(site: Site, told: Told, number: int) -> None:
    """Speak, ask for answers by pings, and read nothing."""
    block = KINDS["pings"][1] * (BLOCK_BYTES // len(KINDS["pings"][1]))

    async def once() -> None:
        line = await connect(site, told, deaf=True, small_window=True)
        if line is not None:
            with line:
                await line.send(text(type="start", language="en", words=True))
                await asyncio.gather(
                    speak(line, site, number, 0.1, b""), pour(line, block, BYTES_PER_S)
                )

    await again_and_again(once, told)


async def deaf_viewers(site: Site, told: Told, number: int) -> None:
    """Watch, and read nothing."""

    async def once() -> None:
        line = await connect(site, told, f"/v1/channels/{CHANNEL}", deaf=True, small_window=True)
        if line is not None:
            with line:
                await asyncio.sleep(site.seconds)

    await again_and_again(once, told)
