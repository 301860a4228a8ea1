"""Making a connection: through which proxy, and what is said of one that cannot be made."""

import asyncio
import re
import sys
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest
from websockets.asyncio.server import ServerConnection

from surtitle.client import ClientError, Error, connect, watch
from surtitle.client.dialing import Broken, dial
from surtitle.messages import Start
from tests.client.scenes import ENDED, greet, playing, say

ELSEWHERE = "ws://192.0.2.1:8765/"  # TEST-NET-1: nobody is there


def path_of(server: ServerConnection) -> str:
    assert server.request is not None
    return server.request.path


@asynccontextmanager
async def a_proxy(answer: bytes) -> AsyncIterator[str]:
    """The address of a proxy that answers every request so."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        host, port = server.sockets[0].getsockname()
        yield f"{host}:{port}"


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_no_proxy_stands_before_the_own_machine(
    host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def end(server: ServerConnection) -> None:
        await greet(server)
        await say(server, ENDED)

    for name in ("http_proxy", "all_proxy", "ws_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")  # where nobody listens
    async with playing(end) as url, connect(url.replace("127.0.0.1", host)) as captions:
        assert captions.ready.session == "s"


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (b"HTTP/1.1 503 Service Unavailable\r\n\r\n", Broken),
        (b"SSH-2.0-x\r\n", Broken),
        (b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", ClientError),
    ],
)
async def test_a_proxy_that_refuses_is_told(
    answer: bytes, kind: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    async with a_proxy(answer) as proxy:
        monkeypatch.setenv("ws_proxy", f"http://{proxy}")
        with pytest.raises(kind, match=r"The proxy could not connect to ws://192\.0\.2\.1:8765/: "):
            await dial(ELSEWHERE, None)


async def test_a_socks_proxy_takes_a_package_and_that_is_said(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ws_proxy", "socks5://127.0.0.1:1")
    monkeypatch.setitem(sys.modules, "python_socks", None)
    with pytest.raises(ClientError, match=r"pip install 'python-socks\[asyncio\]'"):
        await dial(ELSEWHERE, None)


async def test_a_proxy_whose_address_is_none_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ws_proxy", "gopher://127.0.0.1:1")
    with pytest.raises(ClientError, match="gopher"):
        await dial(ELSEWHERE, None)


async def code_of(opening: AbstractAsyncContextManager[object]) -> str:
    with pytest.raises(ClientError) as raised:
        async with opening:
            pass
    return raised.value.code


async def test_what_went_wrong_has_a_code_for_programs() -> None:
    async def refuse(server: ServerConnection) -> None:
        await server.recv()
        await say(server, Error(seq=0, code="bad_start", message="No such language.", fatal=True))
        await server.close(4400)

    async def close(server: ServerConnection) -> None:
        await server.recv()
        await server.close(1008)

    async with playing(refuse, close) as url:
        assert await code_of(connect(url)) == "bad_start"
        assert await code_of(connect(url)) == "closed_1008"
    assert await code_of(connect(url)) == "unreachable"
    assert await code_of(watch(url, "hall")) == "unreachable"
    assert await code_of(a_session_with(b"HTTP/1.1 404 Not Found\r\n\r\n")) == "refused"
    with pytest.raises(ClientError) as raised:
        connect("ftp://host")
    assert raised.value.code == "bad_address"


@asynccontextmanager
async def a_session_with(answer: bytes) -> AsyncIterator[None]:
    """A session with what answers every request so."""
    async with a_proxy(answer) as address, connect(f"ws://{address}"):
        yield


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b'{"error": "The server is full."}', "The server is full."),
        (b"<h1>Bad Gateway</h1>\n", "<h1>Bad Gateway</h1>"),
        (b'{"detail": 3}', '{"detail": 3}'),
    ],
)
async def test_a_refusal_is_told_in_the_words_of_the_server(body: bytes, said: str) -> None:
    answer = b"HTTP/1.1 503 Full\r\nContent-Length: %d\r\n\r\n" % len(body) + body
    async with a_proxy(answer) as address:
        for opening in (connect(f"ws://{address}"), watch(f"ws://{address}", "hall")):
            with pytest.raises(ClientError, match="refused the connection") as raised:
                async with opening:
                    pass
            assert str(raised.value).endswith(f"(HTTP 503): {said}")


async def test_a_client_names_the_same_affinity_whenever_it_connects() -> None:
    asked: list[str] = []

    async def break_off(server: ServerConnection) -> None:
        asked.append(path_of(server))
        await greet(server)
        server.transport.abort()

    async def end(server: ServerConnection) -> None:
        asked.append(path_of(server))
        await greet(server)
        await say(server, ENDED)

    async with playing(break_off, end) as url, connect(url) as captions:
        assert [event async for event in captions][-1] == ENDED
    first, second = asked
    assert first == second
    assert re.fullmatch(r"/v1/captions\?affinity=[\w-]{12}", first)


@pytest.mark.parametrize(
    ("query", "channel", "asked"),
    [
        ("", "main-hall", "affinity=main-hall"),
        ("?a=1", "main-hall", "a=1&affinity=main-hall"),
        ("?affinity=x&a=1", "main-hall", "affinity=x&a=1"),
        ("?affinity=", None, "affinity="),
    ],
)
async def test_an_affinity_is_the_channel_unless_the_address_has_one(
    query: str, channel: str | None, asked: str
) -> None:
    paths: list[str] = []

    async def end(server: ServerConnection) -> None:
        paths.append(path_of(server))
        await greet(server)
        await say(server, ENDED)

    async with playing(end) as url, connect(url + query, Start(channel=channel)):
        pass
    assert paths == [f"/v1/captions?{asked}"]
