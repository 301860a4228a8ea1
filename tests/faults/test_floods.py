"""Floods from a process of their own, beside somebody who speaks: what counts is when words come."""

import asyncio
import json
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import psutil
import pytest

from lab.ledger import SILENCE_1S, spoken_word
from lab.places import PYTHON_PATH
from lab.server_process import FAKE_DECODER, ServerProcess, start_server
from lab.waiting import wait_until
from surtitle.client import connect
from surtitle.messages import Final, Start, Update
from tests.marks import long

FRAME_BYTES, FRAME_S = 3200, 0.1
LATE_S = 2.0
"""Much for a machine with nothing else to do, and a quarter of what one flood used to take."""
LAG_MS = 50.0
SPEAKER, VIEWER = "/v1/captions", "/v1/channels/hall"
STARTED = SPEAKER + "?language=en"


@pytest.fixture(scope="module")
def server() -> Iterator[ServerProcess]:
    """One server that must outlive all of it, with a log without errors and tracebacks."""
    server = start_server(decoder=FAKE_DECODER)
    yield server
    assert server.stop() == 0
    assert server.errors == []


@contextmanager
def flood(server: ServerProcess, kind: str, number: int, path: str) -> Iterator[None]:
    """So many that flood while the block runs."""
    command = [sys.executable, str(Path(__file__).with_name("flood.py"))]
    process = subprocess.Popen(
        [*command, str(server.port), kind, str(number), path],
        stdout=subprocess.PIPE,
        env={"PYTHONPATH": PYTHON_PATH},
    )
    assert process.stdout is not None
    with process.stdout:
        try:
            assert process.stdout.readline() == b"flooding\n"
            yield
        finally:
            process.kill()
            process.wait()


async def speak(url: str, times: int) -> list[float]:
    """Say a word so many times at the pace of speech; how late each came, in seconds."""
    late_s: list[float] = []
    word = spoken_word() + SILENCE_1S[: 16 * 1000]
    async with connect(url, Start(language="en", partials=False)) as captions:
        await captions.update(Update(prompt="say:word"))
        for _ in range(times):
            for begin in range(0, len(word), FRAME_BYTES):
                await captions.send(word[begin : begin + FRAME_BYTES])
                await asyncio.sleep(FRAME_S)
            said_at = time.monotonic()
            await captions.flush()
            async for message in captions:
                if isinstance(message, Final):
                    assert message.text == "word"
                    break
            late_s.append(time.monotonic() - said_at)
    return late_s


def lag_ms(server: ServerProcess) -> float:
    """How late the loop was at the median of the last half minute: its worst is the machine's, too."""
    with urllib.request.urlopen(server.url + "/healthz", timeout=10) as response:
        return float(json.load(response)["loop_lag_ms"]["p50"])


@pytest.mark.parametrize(
    ("kind", "number", "path"),
    [
        long("one letter", 1, VIEWER),
        ("one letter", 8, VIEWER),
        long("empty text", 8, SPEAKER),
        ("one byte of audio", 8, STARTED),
        long("empty audio", 1, STARTED),
        ("pings", 8, SPEAKER),
        long("pings", 8, VIEWER),
        long("empty pings", 64, STARTED),
        long("pongs", 8, VIEWER),
        long("pongs", 64, STARTED),
        ("fragments", 8, VIEWER),
        long("empty fragments", 8, SPEAKER),
        long("messages in fragments", 8, STARTED),
        ("large messages", 8, STARTED),
        long("deep messages", 8, SPEAKER),
        ("updates", 8, STARTED),
        long("rubbish", 8, STARTED),
        ("half handshakes", 64, ""),
        long("long headers", 8, ""),
        ("requests", 8, ""),
        long("no requests", 8, ""),
        long("connects", 8, ""),
        long("pages", 8, ""),
        ("handshakes", 8, SPEAKER),
    ],
)
async def test_somebody_speaks_beside_a_flood(
    server: ServerProcess, kind: str, number: int, path: str
) -> None:
    process = psutil.Process(server.process.pid)
    before = process.memory_info().rss
    with flood(server, kind, number, path):
        late_s = await speak(server.url, 2)
        assert max(late_s) < LATE_S
        assert lag_ms(server) < LAG_MS
        assert process.memory_info().rss - before < (16 + 4 * number) << 20


async def test_pages_that_nobody_reads(server: ServerProcess) -> None:
    """They cost little, and not for long, and somebody who does read gets them."""
    process = psutil.Process(server.process.pid)
    request = b"GET /sample.flac HTTP/1.1\r\nHost: localhost\r\n\r\n"
    before = process.memory_info().rss
    with ExitStack() as stack:
        for _ in range(400):
            client = stack.enter_context(socket.socket())
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.connect(("127.0.0.1", server.port))
            client.sendall(request)
        assert max(await speak(server.url, 2)) < LATE_S
        assert process.memory_info().rss - before < 30 << 20

        def fetch() -> int:
            with urllib.request.urlopen(server.url + "/sample.flac", timeout=10) as response:
                return len(response.read())

        assert await asyncio.to_thread(fetch) > 300_000


async def test_many_who_say_nothing_leave_places_for_those_who_do() -> None:
    """Also while somebody may come back to his."""
    server = start_server(decoder=FAKE_DECODER, max_sessions=2)
    hello = b"GET /v1/captions HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
    hello += b"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    hello += b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
    try:
        async with connect(server.url, Start(language="en")) as captions:
            assert captions._socket is not None
            captions._socket.transport.abort()
            with ExitStack() as stack:
                for _ in range(300):
                    client = stack.enter_context(
                        socket.create_connection(("127.0.0.1", server.port))
                    )
                    with suppress(ConnectionError):
                        client.sendall(hello)
                assert max(await speak(server.url, 1)) < LATE_S
                process = psutil.Process(server.process.pid)
                wait_until(lambda: len(process.net_connections()) < 40)
    finally:
        assert server.stop() == 0
