"""Whatever answers at an engine's address: who is no engine is told in a sentence, and ends nothing."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from surtitle.engine import dialing, discovery
from surtitle.engine.dialing import LaneOptions, NotReached, dial, engine_tls
from surtitle.engine.remote import RemoteEngines
from tests.engine.serving import served, until
from tests.gateway.certificates import make_certificate
from tests.gateway.fakes import everything_logged

HERE = LaneOptions("here")


def page(status: int, *headers: str, body: bytes = b"") -> bytes:
    lines = [f"HTTP/1.1 {status} X", *headers, f"Content-Length: {len(body)}"]
    return "\r\n".join([*lines, "", ""]).encode("latin1") + body


UPGRADE = ("Upgrade: websocket", "Connection: Upgrade")
TLS_ALERT = b"\x15\x03\x01\x00\x02\x02\x28"
REDIRECT = page(301, "Location: https://elsewhere.example/")

ANSWERS = {
    "redirect to https": REDIRECT,
    "redirect to wss": page(302, "Location: wss://127.0.0.1:1/"),
    "redirect to ws": page(303, "Location: ws://127.0.0.1:1/"),
    "redirect on the same host": page(307, "Location: /elsewhere"),
    "redirect to nowhere": page(308, "Location: "),
    "redirect without a place": page(300),
    "redirect to no URL": page(301, "Location: http://[::1"),
    "redirect to no port": page(301, "Location: ws://127.0.0.1:999999/"),
    "redirect to two places": page(301, "Location: /a", "Location: /b"),
    "page": page(200, body=b"It works!"),
    "nothing on it": page(204),
    "more to come": page(100),
    "not found": page(404, body=b"\xff\xfe"),
    "away": page(503, "Retry-After: 1"),
    "bad length": page(500, "Content-Length: -3"),
    "bad chunks": b"HTTP/1.1 500 X\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    "endless page": b"HTTP/1.1 200 X\r\n\r\n" + b"x" * (3 << 20),
    "many headers": page(200, *["X: y"] * 1000),
    "long header": page(200, "X: " + "y" * (1 << 20)),
    "long line": b"x" * (1 << 20),
    "another status": page(999),
    "another version": b"HTTP/1.0 200 OK\r\n\r\n",
    "upgrade to nothing": page(101),
    "upgrade without proof": page(101, *UPGRADE),
    "upgrade with a wrong proof": page(101, *UPGRADE, "Sec-WebSocket-Accept: x"),
    "TLS alert": TLS_ALERT,
    "another protocol": b"SSH-2.0-OpenSSH_9.9\r\n",
    "garbage": b"\x00\xff\xfe\r\n\r\n",
    "nothing": b"",
}


@asynccontextmanager
async def answering(answer: bytes, scheme: str = "ws") -> AsyncIterator[str]:
    """The URL of something that answers each connection with this, and closes it."""

    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1 << 16)
        writer.write(answer)
        writer.close()

    server = await asyncio.start_server(behave, "127.0.0.1", 0)
    try:
        yield f"{scheme}://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()


async def why_not(url: str, options: LaneOptions = HERE) -> str:
    with pytest.raises(NotReached) as refusal:
        await dial(url, options)
    return str(refusal.value)


@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS)
async def test_who_is_no_engine_is_not_reached(answer: bytes) -> None:
    async with answering(answer) as url:
        assert (await why_not(url)).endswith(".")


async def test_redirects_are_not_followed() -> None:
    async with served(secret="") as there, answering(page(302, f"Location: {there.url}/")) as url:
        assert await why_not(url) == "It answers with HTTP 302."


@pytest.mark.parametrize("answer", [TLS_ALERT, REDIRECT, b""])
async def test_who_speaks_no_tls_is_not_reached(answer: bytes) -> None:
    options = LaneOptions("here", tls=ssl.create_default_context())
    async with answering(answer, "wss") as url:
        assert (await why_not(url, options)).endswith(".")


async def test_who_speaks_tls_alone_is_not_reached_without(tmp_path: Path) -> None:
    certificate, key = make_certificate(tmp_path, "localhost")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    async with served(secret="", tls=context) as there:
        assert (await why_not(there.url)).endswith(".")
        options = LaneOptions("here", tls=engine_tls(None, None, None))  # knows it not
        assert "certificate" in await why_not(f"wss://127.0.0.1:{there.port}", options)


async def test_who_says_nothing_is_not_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dialing, "OPEN_S", 0.05)
    ended = asyncio.Event()

    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await ended.wait()
        writer.close()

    async with await asyncio.start_server(behave, "127.0.0.1", 0) as server:
        url = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        assert await why_not(url) == "It is silent."
        ended.set()


@pytest.mark.parametrize(
    "url", ["ws://127.0.0.1:99999", "ws://engines..example:1", "ws://[::1:1", f"ws://{'a' * 70}:1"]
)
async def test_what_can_be_no_address_is_not_reached(url: str) -> None:
    assert (await why_not(url)).endswith(".")


@pytest.mark.parametrize("answer", ["redirect to https", "redirect to wss", "page", "garbage"])
@pytest.mark.parametrize("way", ["", "lb+", "dns+"])
async def test_no_answer_ends_the_pool(way: str, answer: str) -> None:
    with everything_logged() as log:
        async with answering(ANSWERS[answer]) as url:
            pool = RemoteEngines([way + url], HERE, lambda state: None, lambda overloaded: None)
            running = pool.start()
            await until(
                lambda: running.done() or any(e["event"] == "engine not reached" for e in log)
            )
            assert not running.done()
            await pool.stop()


async def test_a_name_that_can_be_none_ends_no_pool(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(discovery, "LOOK_EVERY_S", 0.01)
    with everything_logged() as log:
        url = "dns+ws://engines..example:1"
        pool = RemoteEngines([url], HERE, lambda state: None, lambda overloaded: None)
        running = pool.start()
        await until(lambda: running.done() or any(e["event"] == "name not found" for e in log))
        assert not running.done()
        await pool.stop()
