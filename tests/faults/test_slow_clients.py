"""Clients that trickle, flood or never finish: each is ended in time, and others do not notice."""

import asyncio
import struct
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from urllib.parse import urlsplit

import psutil
import pytest
from websockets.asyncio.client import connect
from websockets.frames import Opcode

from lab.ledger import NO_FAULTS, converse
from lab.nonsense import HANDSHAKE
from lab.server_process import FAKE_DECODER, ServerProcess, start_server

IDLE_S = 2.0
HANDSHAKE_S = 10.0


@pytest.fixture(scope="module")
def server() -> Iterator[ServerProcess]:
    """One server that must outlive all of it, with a log without errors and tracebacks."""
    server = start_server(decoder=FAKE_DECODER, idle_timeout_s=IDLE_S)
    yield server
    assert server.stop() == 0
    assert server.errors == []


@pytest.fixture(autouse=True)
async def bystander(server: ServerProcess) -> AsyncIterator[None]:
    """A session that is open all through each test and must come out whole."""
    beside = asyncio.create_task(converse(server.url, "say:one", "say:two"))
    yield
    ledger = await beside
    assert ledger.faults == NO_FAULTS
    assert ledger.outcomes == ["one", "two"]


async def raw(server: ServerProcess) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A TCP connection."""
    address = urlsplit(server.url)
    return await asyncio.open_connection(address.hostname, address.port)


async def shaken(server: ServerProcess) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A WebSocket without a library behind it."""
    reader, writer = await raw(server)
    writer.write(HANDSHAKE)
    await reader.readuntil(b"\r\n\r\n")
    return reader, writer


def masked(first: int, payload: bytes = b"") -> bytes:
    """A frame of up to 64 kB, masked with zeros."""
    length = bytes([0x80 | 126]) + struct.pack(">H", len(payload))
    return bytes([first]) + (length if payload else b"\x80") + bytes(4) + payload


@pytest.mark.parametrize("trickle", [b"", b"x"], ids=["silent", "a letter a second"])
async def test_a_handshake_that_does_not_end_is_ended(
    server: ServerProcess, trickle: bytes
) -> None:
    loop = asyncio.get_running_loop()
    began = loop.time()
    reader, writer = await raw(server)
    writer.write(b"GET /v1/captions HTTP/1.1\r\nHost: localhost\r\nX-Slow: ")
    ended = asyncio.create_task(reader.read())
    while not ended.done():
        assert loop.time() - began < HANDSHAKE_S + 5
        with suppress(OSError):
            writer.write(trickle)
            await writer.drain()
        await asyncio.wait({ended}, timeout=1.0)
    assert loop.time() - began > HANDSHAKE_S / 2
    writer.close()


async def test_one_who_says_nothing_after_the_handshake_is_sent_away(
    server: ServerProcess,
) -> None:
    async with connect(server.websocket_url) as client:
        async with asyncio.timeout(IDLE_S + 5):
            await client.wait_closed()
        assert client.close_code == 4408


async def test_a_compressed_frame_that_nobody_agreed_on_is_refused(server: ServerProcess) -> None:
    """So there is nothing that a small frame could be blown up to."""
    async with connect(server.websocket_url, compression="deflate") as client:
        assert client.protocol.extensions == []
    reader, writer = await shaken(server)
    writer.write(masked(0xC0 | Opcode.TEXT, b"x" * 100))
    async with asyncio.timeout(5):
        answer = await reader.read()
    assert struct.pack(">H", 1002) in answer
    writer.close()


@pytest.mark.parametrize("reads", [True, False])
async def test_a_flood_of_pings(server: ServerProcess, reads: bool) -> None:
    """One who does not read the answers is cut off; they are not kept for it."""
    process = psutil.Process(server.process.pid)
    before = process.memory_info().rss
    reader, writer = await shaken(server)
    flood = masked(0x80 | Opcode.PING, b"x" * 120) * 500
    pongs = asyncio.create_task(_drain(reader)) if reads else None
    cut_off = False
    for _ in range(20 if reads else 1000):  # several times what the system keeps for both
        try:
            async with asyncio.timeout(10):
                writer.write(flood)
                await writer.drain()
        except ConnectionError:
            cut_off = True
            break
    assert cut_off is not reads
    assert process.memory_info().rss - before < 20 << 20
    writer.close()
    if pongs is not None:
        await pongs


async def _drain(reader: asyncio.StreamReader) -> None:
    with suppress(ConnectionError):
        while await reader.read(1 << 16):
            pass


async def test_a_flood_of_empty_fragments(server: ServerProcess) -> None:
    """A message that never ends, whose parts weigh nothing on the wire."""
    process = psutil.Process(server.process.pid)
    before = process.memory_info().rss
    _, writer = await shaken(server)
    writer.write(masked(Opcode.TEXT))
    empty = masked(Opcode.CONT) * 10_000
    for _ in range(50):
        try:
            async with asyncio.timeout(2):
                writer.write(empty)
                await writer.drain()
        except (ConnectionError, TimeoutError):
            break  # it is read no more, or was cut off
    assert process.memory_info().rss - before < 40 << 20
    writer.transport.abort()
