"""Why a Python client cannot connect, on real sockets: one sentence a reason, which says what to do."""

import asyncio
import re
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from surtitle.client import ClientError, connect
from surtitle.client.reasons import unreachable
from surtitle.gateway.access import KeyFile, add_key
from tests.gateway.certificates import make_certificate
from tests.gateway.site import listening


async def why(url: str, key: str | None = None) -> str:
    """What is said of a session that cannot begin."""
    with pytest.raises(ClientError) as raised:
        async with connect(url, key=key, patience_s=0):
            pass
    return str(raised.value)


@asynccontextmanager
async def answering(answer: bytes, tls: ssl.SSLContext | None = None) -> AsyncIterator[str]:
    """The host and port of what answers every request so."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(answer)
        finally:
            writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls) as server:
        host, port = server.sockets[0].getsockname()
        yield f"{host}:{port}"


@pytest.fixture
def tls(tmp_path: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*make_certificate(tmp_path, "here"))
    return context


async def test_a_key_is_missing_or_wrong(tmp_path: Path) -> None:
    add_key(tmp_path / "keys.toml", "a", ["speak"])
    async with listening(KeyFile(tmp_path / "keys.toml").ring) as site:
        assert (await why(site.websocket)).endswith(
            "A valid key or token is required. None was given."
        )
        assert (await why(site.websocket, "wrong")).endswith(
            "A valid key or token is required. The one that was given is wrong, or has expired."
        )


async def test_nobody_listens() -> None:
    async with answering(b"") as place:
        pass
    assert (await why(f"ws://{place}")).endswith(
        "nobody listens there. Check that the server is running, and its port."
    )


async def test_there_is_no_such_host() -> None:
    assert (await why("ws://nowhere.invalid:1")).endswith("there is no host named nowhere.invalid.")


async def test_the_server_has_no_tls() -> None:
    async with listening() as site:
        said = await why(site.websocket.replace("ws://", "wss://"))
    assert said.endswith("it has no TLS. Use ws:// instead of wss:// in its address.")


def test_an_alert_is_no_reason_to_give_up_tls() -> None:
    alert = ssl.SSLError(1, "[SSL] handshake failure")
    alert.reason = "SSLV3_ALERT_HANDSHAKE_FAILURE"
    said = unreachable("wss://h", alert)
    assert said.endswith("TLS cannot be set up with it (sslv3 alert handshake failure).")


async def test_the_server_expects_tls(tls: ssl.SSLContext) -> None:
    async with answering(b"", tls) as place:
        said = await why(f"ws://{place}")
    assert said.endswith("If the server has TLS, use wss:// instead of ws:// in its address.")


async def test_a_certificate_is_not_trusted(tls: ssl.SSLContext) -> None:
    async with answering(b"", tls) as place:
        said = await why(f"wss://{place}")
    assert re.search(r"its certificate is not trusted \(self.signed certificate\)\. If it is", said)
    assert "SSL_CERT_FILE" in said


@pytest.mark.parametrize("status", [b"200 OK", b"404 Not Found"])
async def test_something_else_listens(status: bytes) -> None:
    answer = b"HTTP/1.1 " + status + b"\r\nContent-Length: 4\r\n\r\n<h1>"
    async with answering(answer) as place:
        said = await why(f"ws://{place}")
    assert said.endswith(
        "What answers there is no Surtitle server. Check the address and its port."
    )


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 426 Upgrade Required\r\nContent-Length: 0\r\n\r\n",
        b'HTTP/1.1 400 Bad Request\r\nContent-Length: 38\r\n\r\n{"error":"No.", "code":"no_handshake"}',
    ],
)
async def test_a_proxy_lets_no_websocket_through(answer: bytes) -> None:
    """It asks the server as if this were any request: see test_refusals.py for a real one."""
    async with answering(answer) as place:
        said = await why(f"ws://{place}")
    assert said.endswith("a reverse proxy must pass on the headers Upgrade and Connection.")
