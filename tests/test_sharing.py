"""The address that `surtitle mic` gives to an audience, from real servers."""

import pytest
from msgspec.structs import replace

from surtitle.cli.sharing import shared_address, watch_page
from surtitle.gateway.access import Key, KeyRing, digest_of
from tests.client.scenes import READY
from tests.gateway.site import listening

PUBLIC = "https://captions.example/live"
RING = KeyRing((Key("mic", frozenset({"speak"}), digest_of("secret")),), "x" * 32)


async def test_a_server_says_where_others_find_it() -> None:
    async with listening(public_url=PUBLIC + "/") as site:
        assert await shared_address(f"ws://localhost:{site.gateway.port}", None) == PUBLIC
        assert await shared_address(site.websocket, None) == PUBLIC


async def test_a_server_that_only_this_machine_reaches_has_its_address() -> None:
    async with listening() as site:
        address = f"127.0.0.1:{site.gateway.port}"
        assert await shared_address(f"ws://{address}", None) == f"http://{address}"


async def test_a_server_with_keys_is_asked_with_one() -> None:
    async with listening(lambda: RING, public_url=PUBLIC) as site:
        url = f"ws://127.0.0.1:{site.gateway.port}"
        assert await shared_address(url, "secret") == PUBLIC
        assert await shared_address(url, "wrong") == url.replace("ws", "http", 1)


@pytest.mark.parametrize(
    ("server", "address"),
    [
        ("ws://127.0.0.1:1", "http://127.0.0.1:1"),  # nobody is asked in vain
        ("wss://captions.example", "https://captions.example"),
        ("https://captions.example/live/", "https://captions.example/live"),
        ("192.0.2.7:8765", "http://192.0.2.7:8765"),
    ],
)
async def test_another_address_is_the_one_that_was_dialled(server: str, address: str) -> None:
    assert await shared_address(server, None) == address


def test_the_page_has_the_channel_and_what_lets_the_audience_in() -> None:
    assert watch_page(PUBLIC, replace(READY, channel="hall")) == f"{PUBLIC}/watch/hall"
    ready = replace(READY, channel="hall", watch_token="t0ken")
    assert watch_page(PUBLIC, ready) == f"{PUBLIC}/watch/hall#token=t0ken"
