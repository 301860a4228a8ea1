"""Keys, tokens and origins at a real port: who is let in, and what is said to the others."""

import asyncio
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import jwt
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus
from websockets.typing import Origin, Subprotocol

from lab.ledger import expect
from surtitle.gateway.access import KeyFile, add_key, read_keys
from surtitle.gateway.origins import Names, OriginPolicy
from surtitle.messages import Error, Ready
from tests.gateway.site import START, listening

NO_KEY = (401, None, "A valid key or token is required. None was given.")
BAD_KEY = (
    401,
    None,
    "A valid key or token is required. The one that was given is wrong, or has expired.",
)
NOT_FOR_SPEAKING = (403, None, "This key or token does not permit speaking.")


@pytest.mark.parametrize("path", ["/v1/captions", "/v1/channels/hall"])
async def test_an_admitted_page_may_read_why_it_is_refused(path: str, tmp_path: Path) -> None:
    add_key(tmp_path / "keys.toml", "a", ["speak"])
    async with listening(KeyFile(tmp_path / "keys.toml").ring) as site:
        page, other = f"http://127.0.0.1:{site.gateway.port}", "https://other.example"
        refused, headers = await site.ask(path, Origin=page)
        assert (refused, headers["Access-Control-Allow-Origin"]) == (401, page)
        assert headers["Vary"] == "Origin"
        refused, headers = await site.ask(path, Origin=other)
        assert (refused, headers["Access-Control-Allow-Origin"]) == (403, "*")
        told, headers = await site.ask(path, method="OPTIONS", Origin=page)
        assert (told, headers["Access-Control-Allow-Headers"]) == (
            204,
            "Authorization, Content-Type",
        )


@pytest.mark.parametrize("path", ["/v1/captions", "/v1/channels/hall", "/v1/channels/%20"])
@pytest.mark.parametrize(
    ("method", "more", "expected"),
    [
        ("GET", {}, (426, 426, 404)),
        ("HEAD", {}, (405, 405, 405)),
        ("DELETE", {}, (405, 405, 405)),
        ("OPTIONS", {}, (204, 204, 404)),
        ("GET", {"Sec-WebSocket-Protocol": "a" * 3000}, (431, 431, 431)),
    ],
)
async def test_an_admitted_page_may_read_every_answer(
    path: str, method: str, more: dict[str, Any], expected: tuple[int, ...]
) -> None:
    which = ("captions" in path, "hall" in path, True).index(True)
    page, other = "https://page.example", "https://other.example"
    async with listening(origins=OriginPolicy(allowed=(page,))) as site:
        status, headers = await site.ask(path, method, Origin=page, **more)
        assert (status, headers["Access-Control-Allow-Origin"]) == (expected[which], page)
        assert (headers["Vary"], headers["Access-Control-Expose-Headers"]) == (
            "Origin",
            "Retry-After",
        )
        for origin in (dict[str, Any](Origin=other), dict[str, Any]()):
            status, headers = await site.ask(path, method, **more, **origin)
            # Others may read that they are refused, see test_foreign.py, and nothing else.
            assert ("Access-Control-Allow-Origin" in headers) == (status == 403)


@pytest.mark.parametrize("method", ["GET", "HEAD", "DELETE", "OPTIONS"])
async def test_any_page_may_read_what_a_session_answers_over_http(method: str) -> None:
    async with listening() as site:
        status, headers = await site.ask("/v1/captions/x.vtt", method, Origin="https://any.example")
        assert status == (404 if method in ("GET", "HEAD") else 405)
        assert headers.get_all("Access-Control-Allow-Origin") == ["*"]


async def test_what_cannot_be_told_apart_is_refused() -> None:
    """Two of a header that decides: a proxy before us may have looked at the other."""
    async with listening() as site:
        reader, writer = await asyncio.open_connection("127.0.0.1", site.gateway.port)
        writer.write(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nHost: other.example\r\n\r\n")
        assert (await reader.readline()).startswith(b"HTTP/1.1 400 ")
        writer.close()


@pytest.mark.parametrize("path", ["/v1/captions", "/v1/channels/hall", "/v1/qr", "/healthz"])
@pytest.mark.parametrize(
    "headers",
    [
        [b"Connection: " + b"a," * 4000 + b"a"],
        [b"Upgrade: " + b"a," * 4000 + b"a"],
        [b"Sec-WebSocket-Protocol: " + b"a," * 4000 + b"a"],
        [b"Sec-WebSocket-Extensions: " + b"a," * 4000 + b"a"],
        [b"Connection: " + b"," * 3000 + b"a"],
        [b"Sec-WebSocket-Protocol: a, b, c, d, e, f, g, h"] * 100,
        [name + b": " + b"a," * 300 + b"a" for name in (b"Connection", b"Sec-WebSocket-Protocol")]
        * 2,
    ],
)
async def test_lists_that_take_long_to_parse_are_refused(path: str, headers: list[bytes]) -> None:
    async with listening() as site:
        assert await _handshake(site.gateway.port, path, "localhost", *headers) == 431


@pytest.mark.parametrize("path", ["/", "/v1/captions", "/v1/qr", "/metrics", "/v1/captions/x.vtt"])
@pytest.mark.parametrize("name", [b"Host", b"Origin", b"Authorization", b"Surtitle-Text"])
async def test_what_is_to_be_said_once_is_not_said_twice(path: str, name: bytes) -> None:
    async with listening() as site:
        twice = [name + b": localhost"] * 2
        assert await _handshake(site.gateway.port, path, "localhost", *twice) == 400


@pytest.mark.parametrize("path", ["/v1/captions", "/v1/channels/hall"])
async def test_lists_as_browsers_have_them_are_not(path: str) -> None:
    headers = [
        b"Connection: keep-alive, Upgrade",
        b"Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits",
        b"Sec-WebSocket-Protocol: surtitle.v1, token." + b"a" * 1500,
    ]
    async with listening() as site:
        assert await _handshake(site.gateway.port, path, "localhost", *headers) == 101


@pytest.mark.parametrize("names", [Names.LOOPBACK, Names.ADDRESSES])
async def test_a_page_that_points_here_by_a_name_of_its_own_reads_nothing(names: Names) -> None:
    async with listening(origins=OriginPolicy(names=names)) as site:
        for host in ("rebound.example", f"rebound.example:{site.gateway.port}", "rebound.example."):
            for path in ("/healthz", "/metrics", "/v1/captions/x.vtt", "/", "/watch/hall"):
                assert (await site.ask(path, Host=host))[0] == 403
            for path in ("/v1/captions", "/v1/channels/hall"):
                assert await _handshake(site.gateway.port, path, host) == 403
        for host in ("localhost", "127.0.0.1:8765", "[::1]:8765", "localhost."):
            assert (await site.ask("/healthz", Host=host))[0] == 200
            assert await _handshake(site.gateway.port, "/v1/captions", host) == 101
        foreign = 200 if names is Names.ADDRESSES else 403
        assert (await site.ask("/healthz", Host="192.168.1.7:8765"))[0] == foreign


async def _handshake(port: int, path: str, host: str, *more: bytes) -> int:
    """The status with which a WebSocket's request under this name, with more headers, is answered."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    lines = [
        f"GET {path} HTTP/1.1",
        f"Host: {host}",
        f"Origin: http://{host}",
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    ]
    writer.write(b"\r\n".join([*map(str.encode, lines), *more, b"", b""]))
    status = (await reader.readline()).split()[1]
    writer.close()
    return int(status)


async def test_a_server_with_keys_asks_for_one(tmp_path: Path) -> None:
    path = tmp_path / "keys.toml"
    speaker, watcher = add_key(path, "a", ["speak"]), add_key(path, "b", ["watch"])
    async with listening(KeyFile(path).ring) as site:

        def bearer(key: str) -> dict[str, str]:
            return {"Authorization": f"Bearer {key}"}

        assert await site.refusal() == NO_KEY
        assert await site.refusal(additional_headers=bearer("wrong")) == BAD_KEY
        assert await site.refusal(additional_headers={"Authorization": speaker}) == NO_KEY
        assert await site.refusal(additional_headers=bearer(watcher)) == NOT_FOR_SPEAKING
        async with connect(site.websocket, additional_headers=bearer(speaker)) as client:
            await client.send(START)
            assert isinstance(expect(await client.recv()), Ready)
        assert (await site.get("/healthz"))[0] == 200


@pytest.mark.parametrize("path", ["/v1/captions", "/v1/channels/hall", "/v1/qr", "/metrics"])
@pytest.mark.parametrize(
    "header",
    [
        b"Authorization: Bearer \xff",
        b"Authorization: Bearer st_\xc3\xa9",
        b"Sec-WebSocket-Protocol: surtitle.v1, token.\xff",
        b"Sec-WebSocket-Protocol: token.a.\xff.b",
    ],
)
async def test_a_key_that_is_no_text_is_none(path: str, header: bytes, tmp_path: Path) -> None:
    add_key(tmp_path / "keys.toml", "a", ["speak"])
    async with listening(KeyFile(tmp_path / "keys.toml").ring) as site:
        assert await _handshake(site.gateway.port, path, "localhost", header) == 401


async def test_a_key_has_so_many_sessions_and_ends_when_it_is_taken_out(tmp_path: Path) -> None:
    path = tmp_path / "keys.toml"
    one, other = add_key(path, "a", ["speak"]), add_key(path, "b", ["speak"])
    async with listening(KeyFile(path).ring) as site:

        def bearer(key: str) -> dict[str, str]:
            return {"Authorization": f"Bearer {key}"}

        async with connect(site.websocket, additional_headers=bearer(one)):
            status, retry_after, text = await site.refusal(additional_headers=bearer(one))
            assert (status, retry_after) == (429, "5")
            assert text == "This key has reached its session limit."
            async with connect(site.websocket, additional_headers=bearer(other)):
                pass
        await site.until_empty()
        async with connect(site.websocket, additional_headers=bearer(one)):
            pass
        path.write_text("")  # half written, say: what was known still holds
        async with connect(site.websocket, additional_headers=bearer(other)):
            pass
        path.unlink()
        newest = add_key(path, "c", ["speak"])
        assert await site.refusal(additional_headers=bearer(other)) == BAD_KEY
        async with connect(site.websocket, additional_headers=bearer(newest)):
            pass


async def test_a_browser_brings_a_token_as_a_subprotocol(tmp_path: Path) -> None:
    path = tmp_path / "keys.toml"
    add_key(path, "a", ["speak"])
    keys = read_keys(path)
    async with listening(lambda: keys) as site:

        def offering(token: str) -> list[Subprotocol]:
            return [Subprotocol("surtitle.v1"), Subprotocol(f"token.{token}")]

        good = keys.make_token("guest", ["speak"], time.time() + 60)
        async with connect(site.websocket, subprotocols=offering(good)) as client:
            assert client.subprotocol == "surtitle.v1"
        for token, refused in [
            (keys.make_token("guest", ["watch"], time.time() + 60), NOT_FOR_SPEAKING),
            (keys.make_token("guest", ["speak"], time.time() - 60), BAD_KEY),
            ("x", BAD_KEY),
        ]:
            assert await site.refusal(subprotocols=offering(token)) == refused


async def test_figures_are_for_those_with_a_key(tmp_path: Path) -> None:
    path = tmp_path / "keys.toml"
    key = add_key(path, "prometheus", ["watch"])
    async with listening(KeyFile(path).ring) as site:
        assert (await site.get("/metrics"))[0] == 401
        url = f"http://127.0.0.1:{site.gateway.port}/metrics"
        request = urllib.request.Request(url, headers={"Authorization": f"Bearer {key}"})

        def fetch() -> int:
            with urllib.request.urlopen(request, timeout=5) as response:
                return int(response.status)

        assert await asyncio.to_thread(fetch) == 200


@pytest.mark.parametrize(
    ("claims", "captions", "hall", "figures", "codes"),
    [
        ({"scope": "speak watch"}, 101, 101, 200, 200),
        ({"scope": "speak"}, 101, 403, 200, 200),
        ({"scope": "watch"}, 403, 101, 200, 200),
        ({"scope": "watch", "channel": "hall"}, 403, 101, 403, 200),
        ({"scope": "watch", "channel": "stage"}, 403, 403, 403, 200),
        ({"scope": "speak", "speak": "hall"}, 101, 403, 403, 200),
        ({"scope": "speak", "channel": "hall"}, 403, 403, 403, 403),
        ({"scope": ""}, 403, 403, 403, 403),
        ({"scope": "dance"}, 403, 403, 403, 403),
        ({"scope": ["speak"]}, 403, 403, 403, 403),
        ({"scope": "speak watch", "exp": 1}, 401, 401, 401, 401),
        ({}, 401, 401, 401, 401),
    ],
)
async def test_each_scope_is_asked_for_everywhere(
    tmp_path: Path, claims: dict[str, object], captions: int, hall: int, figures: int, codes: int
) -> None:
    path = tmp_path / "keys.toml"
    add_key(path, "studio", ["speak"])
    ring = read_keys(path)
    given = {"sub": "x", "exp": int(time.time()) + 60} | claims
    bearer = {"Authorization": "Bearer " + jwt.encode(given, ring.token_secret, algorithm="HS256")}
    async with listening(lambda: ring) as site:

        async def handshake(path: str) -> int:
            try:
                url = f"ws://127.0.0.1:{site.gateway.port}{path}"
                async with connect(url, additional_headers=bearer):
                    return 101
            except InvalidStatus as refused:
                return refused.response.status_code

        assert await handshake("/v1/captions") == captions
        assert await handshake("/v1/channels/hall") == hall
        headers: dict[str, Any] = bearer | {"Surtitle-Text": "x"}
        assert (await site.ask("/metrics", **headers))[0] == figures
        assert (await site.ask("/v1/qr", **headers))[0] == codes


async def test_a_token_for_speaking_in_a_channel_is_for_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "keys.toml"
    add_key(path, "studio", ["speak"])
    ring = read_keys(path)
    token = ring.make_token("guest", ["speak"], time.time() + 60, speak="hall")
    bearer = {"Authorization": f"Bearer {token}"}
    async with listening(lambda: ring) as site:
        for start in ('{"type":"start"}', '{"type":"start","channel":"stage"}', b"audio"):
            async with connect(site.websocket, additional_headers=bearer) as client:
                await client.send(start)
                error = expect(await client.recv())
                assert isinstance(error, Error) and error.code == "bad_start"
                assert "channel hall only" in error.message
        async with connect(site.websocket + "?channel=hall", additional_headers=bearer) as client:
            assert isinstance(expect(await client.recv()), Ready)


async def test_pages_of_others_are_refused() -> None:
    async with listening() as site:
        own = Origin(f"http://127.0.0.1:{site.gateway.port}")
        async with connect(site.websocket, origin=own):
            pass
        status, _, sentence = await site.refusal(origin=Origin("https://attacker.example"))
        assert status == 403 and "allowed_origins" in sentence
