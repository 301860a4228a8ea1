"""What people read where there is nothing for them; programs get JSON, as ever."""

import asyncio
import urllib.error
import urllib.request
from collections.abc import Callable
from email.message import Message
from pathlib import Path

import pytest

from surtitle.gateway.access import KeyRing, add_key, read_keys
from surtitle.gateway.origins import OriginPolicy
from tests.gateway.site import Site, listening

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"


async def opened(
    site: Site, path: str, method: str = "GET", **headers: str
) -> tuple[int, Message, str]:
    """What a browser gets that goes to an address."""

    def fetch() -> tuple[int, Message, str]:
        url = f"http://127.0.0.1:{site.gateway.port}{path}"
        request = urllib.request.Request(url, headers={"Accept": BROWSER} | headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=5) as response:
                return response.status, response.headers, response.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.headers, error.read().decode()

    return await asyncio.to_thread(fetch)


@pytest.fixture
def keys(tmp_path: Path) -> Callable[[], KeyRing]:
    path = tmp_path / "keys.toml"
    add_key(path, "studio", ["speak", "watch"])
    ring = read_keys(path)
    return lambda: ring


@pytest.mark.parametrize(
    ("path", "status", "sentence"),
    [
        ("/watch/my%20hall", 404, "“my hall” is not the name of a channel"),
        ("/watch/my%20hall", 404, "Ask the speaker for the whole link."),
        ("/overlay/caf%C3%A9", 404, "“café” is not the name of a channel"),
        ("/watch/a/b", 404, "“a/b” is not the name of a channel"),
        ("/watch", 404, "This address names no channel. Ask the speaker"),
        ("/watch/", 404, "This address names no channel. Ask the speaker"),
        ("/nothing", 404, "There is nothing at /nothing."),
        ("/a/b/c", 404, "Go to the start page."),
        ("/v1/captions", 426, "This address is for programs"),
        ("/v1/captions/nobody.vtt", 404, "There is no such session, or it has ended."),
        ("/%3Cscript%3E", 404, "There is nothing at /%3Cscript%3E."),
        ("/watch/%3Cscript%3E", 404, "&lt;script&gt;"),
    ],
)
async def test_somebody_who_opens_an_address_reads_a_page(
    path: str, status: int, sentence: str
) -> None:
    async with listening() as site:
        found, headers, text = await opened(site, path)
        assert found == status
        assert headers["Content-Type"] == "text/html; charset=utf-8"
        assert int(headers["Content-Length"]) == len(text.encode())
        assert "default-src 'self'" in headers["Content-Security-Policy"]
        assert sentence in text
        assert "<script" not in text and '{"error"' not in text


async def test_its_parts_are_found_at_any_depth() -> None:
    """Relative: a proxy may have put the server under a path of its own."""
    async with listening() as site:
        for path, root in (("/a", "./"), ("/watch/a%20b", "../"), ("/a/b/c", "../../")):
            text = (await opened(site, path))[2]
            assert f'href="{root}problem.css"' in text


async def test_programs_get_json() -> None:
    async with listening() as site:
        for accept in ("*/*", "application/json", ""):
            status, headers, text = await opened(site, "/watch/my%20hall", Accept=accept)
            assert (status, headers["Content-Type"]) == (404, "application/json")
            assert "whole link" in text
        status, headers, _ = await opened(site, "/nothing", method="POST")
        assert (status, headers["Content-Type"]) == (405, "application/json")


async def test_answers_without_a_sentence_stay_what_they_are() -> None:
    async with listening() as site:
        site.gateway._admission.is_draining = True
        status, headers, text = await opened(site, "/readyz")
        assert (status, headers["Content-Type"]) == (503, "application/json")
        assert '"state": "draining"' in text


async def test_the_head_alone_says_what_the_page_is() -> None:
    async with listening() as site:
        status, headers, text = await opened(site, "/nothing", method="HEAD")
        assert (status, text) == (404, "")
        assert headers["Content-Type"] == "text/html; charset=utf-8"


async def test_who_may_not_come_in_reads_why(keys: Callable[[], KeyRing]) -> None:
    async with listening(keys) as site:
        status, headers, text = await opened(site, "/metrics")
        assert (status, headers["WWW-Authenticate"]) == (401, "Bearer")
        assert "This page needs a key" in text and "A valid key or token is required." in text
    origins = OriginPolicy(host="captions.example")
    async with listening(keys, origins=origins) as site:
        status, _, text = await opened(site, "/v1/channels/hall")
        assert status == 401
        assert "None was given. Ask the speaker for the whole link." in text


async def test_a_key_that_was_typed_becomes_a_token(tmp_path: Path) -> None:
    path = tmp_path / "keys.toml"
    key = add_key(path, "studio", ["speak"])
    ring = read_keys(path)
    async with listening(lambda: ring) as site:

        async def asked(secret: str, **headers: str) -> tuple[int, str]:
            headers |= {"Authorization": f"Bearer {secret}", "Accept": "*/*"}
            status, _, text = await opened(site, "/v1/token", method="POST", **headers)
            return status, text

        here = f"http://127.0.0.1:{site.gateway.port}"
        status, text = await asked(key, Origin=here)
        assert status == 200
        token = text.split('"')[3]
        caller = ring.by_token(token)
        assert caller is not None
        assert (caller.name, caller.scopes) == ("studio", frozenset({"speak"}))
        assert await asked(token) == (200, text)  # who has one already keeps it
        assert (await asked("wrong", Origin=here))[0] == 401
        assert (await asked(key, Origin="https://elsewhere.example"))[0] == 403
    async with listening() as site:
        status, _, text = await opened(site, "/v1/token", method="POST", Accept="*/*")
        assert (status, text) == (404, '{"error": "This server requires no key."}\n')
