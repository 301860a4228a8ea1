"""Pages of other origins: what they may read, and what the log says."""

import asyncio
import json
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from surtitle.gateway.access import KeyFile, add_key
from surtitle.gateway.foreign import MAX_CHARACTERS, MAX_TOLD, ForeignPages
from surtitle.gateway.origins import Names, OriginPolicy
from tests.gateway.fakes import everything_logged
from tests.gateway.site import Site, listening

VITE = "http://localhost:5173"
REFUSED = "a page from another origin was refused"


async def told(site: Site, path: str, **headers: str) -> tuple[int, str | None, bytes]:
    """The status, who may read the answer, and the answer."""

    def fetch() -> tuple[int, str | None, bytes]:
        url = f"http://127.0.0.1:{site.gateway.port}{path}"
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=5)
        with refused.value as error:
            return error.code, error.headers["Access-Control-Allow-Origin"], error.read()

    return await asyncio.to_thread(fetch)


@pytest.mark.parametrize("path", ["/v1/captions", "/v1/channels/hall"])
async def test_a_page_of_another_origin_reads_the_same_sentence_whatever_the_server(
    path: str, tmp_path: Path
) -> None:
    """It learns nothing of keys, of the model or of who else is here."""
    add_key(tmp_path / "keys.toml", "a", ["speak"])
    answers = set()
    for keys in (None, KeyFile(tmp_path / "keys.toml").ring):
        for model in (True, False):
            async with listening(keys, origins=OriginPolicy(("https://a.example",))) as site:
                site.engine.model = site.engine.model if model else None
                answers.add(await told(site, path, Origin=VITE))
                answers.add(await told(site, path, Origin=VITE, Authorization="Bearer no"))
    ((status, reader, body),) = answers
    assert (status, reader) == (403, "*")
    assert json.loads(body)["code"] == "foreign_page"


async def test_nothing_but_that_sentence_is_for_pages_of_other_origins(tmp_path: Path) -> None:
    add_key(tmp_path / "keys.toml", "a", ["speak"])
    async with listening(KeyFile(tmp_path / "keys.toml").ring) as site:
        for path in ("/", "/healthz", "/readyz", "/v1/models"):
            _, headers = await site.ask(path, Origin=VITE)
            assert headers["Access-Control-Allow-Origin"] is None
        told, headers = await site.ask("/v1/captions", "OPTIONS", Origin=VITE)
        assert (told, headers["Access-Control-Allow-Origin"]) == (204, None)


async def test_who_asks_under_another_name_may_read_that() -> None:
    async with listening(origins=OriginPolicy(names=Names.ADDRESSES)) as site:
        with everything_logged() as logged:
            for _ in range(2):
                host = "box.lan:8765"
                status, reader, body = await told(site, "/v1/captions", Origin=VITE, Host=host)
                assert (status, reader) == (403, "*")
                assert json.loads(body)["code"] == "other_name"
    (line,) = [line for line in logged if "host" in line]
    assert line["fix"] == "--allowed-origins http://box.lan:8765"


async def test_each_origin_is_logged_once_with_what_would_let_it_in() -> None:
    async with listening(origins=OriginPolicy(("https://a.example",))) as site:
        with everything_logged() as logged:
            for path in ("/v1/captions", "/v1/channels/hall", "/v1/models", "/v1/captions"):
                await told(site, path, Origin=VITE)
            await told(site, "/v1/captions", Origin="null")
    lines = [(line["origin"], line.get("fix")) for line in logged if "origin" in line]
    assert lines == [
        (VITE, f"--allowed-origins https://a.example,{VITE}"),
        ("null", None),
    ]


def test_many_origins_fill_neither_the_log_nor_the_memory() -> None:
    pages = ForeignPages()
    with everything_logged() as logged:
        for number in range(3 * MAX_TOLD):
            pages.on_origin(f"https://{number}.example")
            pages.on_name(f"{'x' * 30_000}{number}")
    assert len(logged) <= MAX_TOLD + 1
    assert logged[-2]["event"] == "no more origins and names are told"
    assert sum(map(len, pages._told)) <= MAX_TOLD * MAX_CHARACTERS
