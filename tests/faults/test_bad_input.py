"""What clients get wrong: the documented `error` and close code, no traceback, nobody else harmed."""

import asyncio
import os
import socket
import struct
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.frames import Frame, Opcode

from lab.ledger import NO_FAULTS, SILENCE_1S, converse, expect, spoken_word
from lab.server_process import FAKE_DECODER, ServerProcess, start_server
from lab.waiting import wait_until
from surtitle.client import connect as open_captions
from surtitle.jobs import SAMPLE_RATE
from surtitle.messages import (
    Ended,
    Error,
    Final,
    Ready,
    ServerMessage,
    Speech,
    Start,
    format_message,
)
from tests.containers import in_flac

IDLE_S = 3.0
MAX_SESSIONS = 6
SILENCE_S = int(os.environ.get("SURTITLE_TEST_SILENCE_S", "400"))
"""An hour takes a minute: 3600 is for a test by hand."""


@pytest.fixture(scope="module")
def server() -> Iterator[ServerProcess]:
    """One server that must outlive all of it, with a log without errors and tracebacks."""
    server = start_server(
        decoder=FAKE_DECODER, idle_timeout_s=IDLE_S, max_sessions=MAX_SESSIONS, send_timeout_s=1
    )
    yield server
    assert server.stop() == 0
    assert server.stray == []
    assert [line for line in server.log if line["level"] == "error"] == []


@pytest.fixture(autouse=True)
async def bystander(server: ServerProcess) -> AsyncIterator[None]:
    """A session that is open all through each test and must come out whole."""
    beside = asyncio.create_task(converse(server.url, "say:one", "say:two"))
    yield
    ledger = await beside
    assert ledger.faults == NO_FAULTS
    assert ledger.outcomes == ["one", "two"]


@asynccontextmanager
async def opened(
    server: ServerProcess, start: str | None = None, query: str = ""
) -> AsyncIterator[ClientConnection]:
    """A raw connection, with a `start` already answered unless it is None."""
    async with connect(server.websocket_url + query, max_size=None) as client:
        if start is not None:
            await client.send(start)
            assert isinstance(expect(await client.recv()), Ready)
        yield client


async def fatal_error(client: ClientConnection) -> tuple[str, int]:
    """Read to the end: the code of the fatal error just before the close, and the close code."""
    messages: list[ServerMessage] = []
    with pytest.raises(ConnectionClosed) as closed:
        while True:
            messages.append(expect(await client.recv()))
    last = messages[-1]
    assert isinstance(last, Error)
    assert last.fatal
    assert last.message.endswith(".")
    assert closed.value.rcvd is not None
    return last.code, closed.value.rcvd.code


HANDSHAKE = (
    b"GET /v1/captions?language=en HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
    b"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
)
START = format_message(Start(language="en"))
CASES: dict[str, tuple[str | None, str | bytes, str, int]] = {
    # name: (a start that is answered first, what is wrong, code, close code)
    "not JSON": (START, "hello", "bad_text", 1007),
    "not an object": (None, "[1, 2]", "bad_text", 1007),
    "no type": (START, "{}", "bad_text", 1007),
    "deep JSON": (START, "[" * 100_000, "bad_text", 1007),
    "sample rate 7": (None, '{"type":"start","sample_rate":7}', "bad_start", 4400),
    "unknown encoding": (None, '{"type":"start","encoding":"mp2"}', "bad_start", 4400),
    "unknown language": (None, '{"type":"start","language":"tlh"}', "bad_start", 4400),
    "JSON NaN": (None, '{"type":"start","sample_rate":NaN}', "bad_text", 1007),
    "NaN floats": (
        format_message(Start(language="en", encoding="pcm_f32le")),
        struct.pack("<4f", 0.0, float("nan"), 0.5, float("inf")),
        "bad_audio",
        1003,
    ),
    "broken WebM": (
        format_message(Start(language="en", encoding="webm")),
        b"\x1a\x45\xdf\xa3" + bytes(range(256)) * 40,
        "bad_audio",
        1003,
    ),
    "PCM sent as WebM": (
        format_message(Start(language="en", encoding="webm")),
        spoken_word(),
        "bad_audio",
        1003,
    ),
    "unknown session": (
        None,
        '{"type":"resume","session":"x","token":"y","last_seq":3}',
        "unknown_session",
        4404,
    ),
}


@pytest.mark.parametrize("name", CASES)
async def test_a_fatal_mistake_is_explained_before_the_close(
    server: ServerProcess, name: str
) -> None:
    start, mistake, code, close_code = CASES[name]
    async with opened(server, start) as client:
        await client.send(mistake)
        assert await fatal_error(client) == (code, close_code)


async def test_a_frame_of_20_mb_is_refused_at_its_header(server: ServerProcess) -> None:
    address = urlsplit(server.url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    writer.write(HANDSHAKE)
    await reader.readuntil(b"\r\n\r\n")
    writer.write(bytes([0x82, 0x80 | 127]) + struct.pack(">Q", 20_000_000) + bytes(4))
    async with asyncio.timeout(10):
        answer = await reader.read()
    writer.close()
    explanation, close = answer.index(b'"code":"frame_too_large"'), answer.rindex(b"\x88")
    assert explanation < close
    assert answer[close + 2 : close + 4] == struct.pack(">H", 1009)


async def test_a_text_frame_that_is_not_utf8(server: ServerProcess) -> None:
    async with opened(server, START) as client:
        async with client.send_context():
            client.protocol.send_frame(Frame(Opcode.TEXT, b"\xff\xfe{}"))
        assert await fatal_error(client) == ("bad_text", 1007)


async def test_a_bad_query_string(server: ServerProcess) -> None:
    async with opened(server, query="?sample_rate=7") as client:
        assert await fatal_error(client) == ("bad_start", 4400)


async def test_silence_of_the_client_is_idleness(server: ServerProcess) -> None:
    async with opened(server, START) as client:
        assert await fatal_error(client) == ("idle", 4408)


MISTAKES = {
    "unknown type": ('{"type":"dance"}', "unknown_message"),
    "second start": (START, "bad_message"),
    "late resume": ('{"type":"resume","session":"x","token":"y","last_seq":3}', "bad_message"),
    "wrong field": ('{"type":"update","partials":"yes"}', "bad_message"),
    "unknown language": ('{"type":"update","language":"tlh"}', "bad_message"),
}


@pytest.mark.parametrize("name", MISTAKES)
async def test_a_small_mistake_leaves_the_session_as_it_was(
    server: ServerProcess, name: str
) -> None:
    mistake, code = MISTAKES[name]
    async with opened(server, START) as client:
        await client.send(mistake)
        error = expect(await client.recv())
        assert isinstance(error, Error)
        assert (error.code, error.fatal) == (code, False)
        await client.send(spoken_word() + SILENCE_1S)
        await client.send('{"type":"stop"}')
        messages = [expect(frame) async for frame in client]
        assert len([m for m in messages if isinstance(m, Final)]) == 1
        assert isinstance(messages[-1], Ended)
        assert client.close_code == 1000


async def test_a_client_that_only_makes_mistakes_is_sent_away(server: ServerProcess) -> None:
    async with opened(server, START) as client:
        with suppress(ConnectionClosed):
            for _ in range(5000):
                await client.send('{"type":"dance"}')
        assert await fatal_error(client) == ("too_many_mistakes", 1008)


async def test_errors_before_the_start_take_their_place_in_the_numbering(
    server: ServerProcess,
) -> None:
    async with opened(server) as client:
        await client.send('{"type":"dance"}')
        await client.send(START)
        error, ready = expect(await client.recv()), expect(await client.recv())
        assert isinstance(error, Error) and error.seq == 1
        assert isinstance(ready, Ready) and ready.seq == 2


async def test_half_a_sample_at_the_end_is_dropped(server: ServerProcess) -> None:
    async with opened(server, START) as client:
        await client.send(spoken_word() + b"\x01")
        await client.send('{"type":"stop"}')
        ended = [expect(frame) async for frame in client][-1]
        assert isinstance(ended, Ended)
        assert ended.audio_ms == 500


async def test_audio_after_stop_is_refused_and_the_end_still_comes(server: ServerProcess) -> None:
    async with opened(server, format_message(Start(language="en", prompt="sleep:0.5"))) as client:
        await client.send(spoken_word())
        await client.send('{"type":"stop"}')
        await client.send(spoken_word())
        messages = [expect(frame) async for frame in client]
        assert [m.code for m in messages if isinstance(m, Error)] == ["bad_message"]
        assert isinstance(messages[-1], Ended)
        assert messages[-1].audio_ms == 500


async def test_a_client_that_vanishes_in_mid_utterance(server: ServerProcess) -> None:
    async with opened(server, START) as client:
        await client.send(spoken_word())
        while not isinstance(expect(await client.recv()), Speech):
            pass
        waited = len(server.events("session waits for its client"))
        client.transport.abort()
    await asyncio.to_thread(
        wait_until, lambda: len(server.events("session waits for its client")) > waited
    )


async def test_a_client_that_never_reads_is_cut_off(server: ServerProcess) -> None:
    address = urlsplit(server.url)
    with socket.socket() as raw:
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        raw.settimeout(20)
        raw.connect((address.hostname, address.port))
        raw.sendall(HANDSHAKE)
        said = _masked(Opcode.TEXT, f'{{"type":"update","prompt":"say:{"x" * 900}"}}'.encode())
        said += _masked(Opcode.BINARY, spoken_word())
        said += _masked(Opcode.TEXT, b'{"type":"flush"}')
        said += _masked(Opcode.BINARY, SILENCE_1S)
        # Each word is answered with a thousand letters, which nobody reads, until the server has
        # no place to put them.
        with suppress(OSError):
            for _ in range(400):
                await asyncio.to_thread(raw.sendall, said)
        await asyncio.to_thread(
            wait_until, lambda: server.events("client does not read; cut off"), 20
        )


async def test_too_many_sessions_are_refused() -> None:
    small = start_server(decoder=FAKE_DECODER, max_sessions=3)
    async with AsyncExitStack() as stack:
        stack.callback(small.stop)
        for _ in range(3):
            await stack.enter_async_context(opened(small, START))
        with pytest.raises(InvalidStatus) as refused:
            await stack.enter_async_context(opened(small, START))
    assert refused.value.response.status_code == 503
    assert int(refused.value.response.headers["Retry-After"]) > 0


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/nothing", 404),
        ("/../../../../etc/passwd", 404),
        ("/%2e%2e/%2e%2e/etc/passwd", 404),
        ("/%00", 200),
        ("/", 200),
        ("/healthz", 200),
        ("/v1/captions", 426),
    ],
)
async def test_plain_http(server: ServerProcess, path: str, status: int) -> None:
    def fetch() -> int:
        try:
            with urllib.request.urlopen(server.url + path, timeout=10) as response:
                return int(response.status)
        except urllib.error.HTTPError as error:
            error.close()
            return error.code

    assert await asyncio.to_thread(fetch) == status


@pytest.mark.parametrize(
    "garbage", [b"\x16\x03\x01\x02\x00\x01", b"POST / HTTP/1.1\r\n\r\n", b"\n"]
)
async def test_what_is_not_http_is_dropped(server: ServerProcess, garbage: bytes) -> None:
    address = urlsplit(server.url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    writer.write(garbage)
    writer.write_eof()
    async with asyncio.timeout(10):
        await reader.read()
    writer.close()
    await writer.wait_closed()


async def test_long_silence_is_all_accounted_for(server: ServerProcess) -> None:
    second = b"\xff" * 8000  # mu-law silence
    memory: list[int] = []
    async with open_captions(
        server.url, Start(language="en", encoding="mulaw", sample_rate=8000)
    ) as c:
        for number in range(SILENCE_S):
            await c.send(second)
            if number in (SILENCE_S // 4, SILENCE_S - 1):
                memory.append(server.tree()[0].memory_info().rss)
        await c.stop()
        messages = [message async for message in c]
    ended = messages[-1]
    assert isinstance(ended, Ended)
    whole_ms = SILENCE_S * 1000
    assert (ended.audio_ms, ended.silence_ms, ended.utterances) == (whole_ms, whole_ms, 0)
    assert memory[1] - memory[0] < 20_000_000


async def test_much_in_one_frame_is_decoded_bit_by_bit(server: ServerProcess) -> None:
    """A container may hold hours in a megabyte. At once, these 20 minutes are 38 MB."""
    frame = await asyncio.to_thread(in_flac, np.zeros(1200 * SAMPLE_RATE, np.int16))
    before = peak_memory(server)
    async with open_captions(server.url, Start(language="en", encoding="flac")) as captions:
        await captions.send(frame)
        await captions.stop()
        messages = [message async for message in captions]
    ended = messages[-1]
    assert isinstance(ended, Ended)
    assert (ended.audio_ms, ended.silence_ms) == (1_200_000, 1_200_000)
    assert peak_memory(server) - before < 20_000_000


def peak_memory(server: ServerProcess) -> int:
    """Bytes."""
    status = Path("/proc", str(server.process.pid), "status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) * 1024


def _masked(opcode: Opcode, payload: bytes) -> bytes:
    """A whole frame of a client, masked with zeros."""
    return bytes([0x80 | opcode, 0x80 | 126]) + struct.pack(">H", len(payload)) + bytes(4) + payload
