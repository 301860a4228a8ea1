import asyncio
import contextlib
import json
import os
import threading
import time
from collections.abc import AsyncIterator
from pathlib import Path
from xml.etree import ElementTree

import pytest

from lab.places import REPOSITORY
from surtitle.gateway import qr_codes, web
from surtitle.gateway.qr_codes import QrCodes, qr_page
from surtitle.gateway.web import Page, json_page, static_page, web_root


def test_the_page_itself() -> None:
    page = static_page("/")
    assert page.status == 200
    assert page.body == (REPOSITORY / "web_demo" / "index.html").read_bytes()
    assert page.headers["Content-Type"] == "text/html; charset=utf-8"
    assert static_page("/index.html") == page


def test_all_who_ask_for_a_file_get_the_same_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And those of now, where it has changed."""
    assert static_page("/sample.flac").body is static_page("/sample.flac").body
    monkeypatch.setattr(web, "web_root", lambda: tmp_path)
    for text in ("one", "three"):
        (tmp_path / "page.js").write_text(text)
        assert static_page("/page.js").body == text.encode()


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/index.html", "text/html; charset=utf-8"),
        ("/app.js", "text/javascript; charset=utf-8"),
        ("/client/capture-worklet.js", "text/javascript; charset=utf-8"),
        ("/style.css", "text/css; charset=utf-8"),
        ("/words/de.js", "text/javascript; charset=utf-8"),
        ("/service-worker.js", "text/javascript; charset=utf-8"),
        ("/surtitle.webmanifest", "application/manifest+json"),
        ("/icon.svg", "image/svg+xml"),
        ("/icon-512.png", "image/png"),
        ("/sample.flac", "audio/flac"),
        ("/sample.txt", "text/plain; charset=utf-8"),
    ],
)
def test_files_have_their_types(path: str, kind: str) -> None:
    page = static_page(path)
    assert (page.status, page.headers["Content-Type"]) == (200, kind)
    assert page.body == (web_root() / path[1:]).read_bytes()


def test_every_file_of_the_page_is_served_with_a_type() -> None:
    folders = ("[!.]*", "client/*", "words/*")
    public = [file for folder in folders for file in web_root().glob(folder)]
    for file in public:
        if file.is_file():
            page = static_page("/" + file.relative_to(web_root()).as_posix())
            assert page.status == 200
            assert page.headers["Content-Type"] != "application/octet-stream", file.name


def test_the_page_loads_nothing_from_elsewhere_and_is_not_framed() -> None:
    for path in ("/", "/app.js", "/sample.flac"):
        headers = static_page(path).headers
        assert "default-src 'self'" in headers["Content-Security-Policy"]
        assert "unsafe" not in headers["Content-Security-Policy"]
        assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "no-referrer"


def policy(path: str, *sites: str) -> dict[str, str]:
    """The directives of a page's policy."""
    text = static_page(path, sites).headers["Content-Security-Policy"]
    return dict(directive.split(" ", 1) for directive in text.split("; "))


def test_styles_may_be_added_to_the_overlay_and_nothing_else() -> None:
    assert policy("/overlay.html").pop("style-src") == "'self' 'unsafe-inline'"
    for path in ("/", "/watch.html", "/overlay.js"):
        assert "style-src" not in policy(path)
    assert "unsafe" not in policy("/overlay.html")["default-src"]


def test_sites_that_were_named_may_embed_what_an_audience_sees() -> None:
    sites = ("https://talks.example", "https://*.example.org:8443")
    for path in ("/watch.html", "/overlay.html"):
        assert policy(path)["frame-ancestors"] == "'none'"
        assert policy(path, *sites)["frame-ancestors"] == " ".join(sites)
    for path in ("/", "/index.html", "/app.js"):
        assert policy(path, *sites)["frame-ancestors"] == "'none'"


@pytest.mark.parametrize(
    "path", ["/app%2Ejs", "/./app.js", "/x/../app.js", "//app.js", "/app%2ejs"]
)
def test_other_spellings_of_a_file(path: str) -> None:
    assert static_page(path).body == static_page("/app.js").body


@pytest.mark.parametrize(
    "path",
    [
        "/nothing",
        "/app.js/x",
        "/APP.JS.map",
        "/%ff%fe",
        "/" + "a" * 300,
        "/" + "a/" * 4000,
        "/a b",
        "/?",
        "/*",
        "/~root",
        "/C:/Windows/win.ini",
    ],
)
def test_what_is_not_there(path: str) -> None:
    page = static_page(path)
    assert page.status == 404
    assert json.loads(page.body) == {"error": f"There is nothing at {path}."}


@pytest.mark.parametrize(
    "path",
    [
        "/" + "a/" * 4000,
        "/" + "../" * 2700,
        "/" + "./" * 4000 + "app.js",
        "/" + "%61%2f" * 1300,
        "/" + "a" * 8000,
        "/" + "a/" * 51,
    ],
)
def test_the_disk_is_not_asked_about_what_cannot_be_a_file(
    path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[object] = []
    with monkeypatch.context() as patch:
        patch.setattr(os, "lstat", asked.append)
        with contextlib.suppress(AttributeError):  # it gets no answer
            assert static_page(path).status == 404
    assert not asked


def test_every_file_of_the_page_has_a_path_that_is_short_enough() -> None:
    files = [file.relative_to(web_root()) for file in web_root().rglob("*.*")]
    public = [file.as_posix() for file in files if file.parts[0] != "electron"]
    assert 0 < max(map(len, public)) < web.LONGEST_PATH // 2


@pytest.mark.parametrize(
    "path",
    [
        "/../pyproject.toml",
        "/..%2fpyproject.toml",
        "/%2e%2e/pyproject.toml",
        "/%2e%2e%2fpyproject.toml",
        "/x/../../pyproject.toml",
        "/..\0/pyproject.toml",
        "/%00../pyproject.toml",
        "/../web_demo-other/x",
        "/../../../../../../etc/passwd",
        "/..%2f..%2f..%2f..%2f..%2f..%2fetc%2fpasswd",
        "//etc/passwd",
        "/%2fetc/passwd",
        "/etc/passwd",
        "/..",
        "/../",
        "/%2e%2e",
    ],
)
def test_nothing_outside_the_folder_is_served(path: str) -> None:
    assert static_page(path).status == 404


def test_small_answers_are_json_that_nobody_keeps() -> None:
    page = json_page(503, {"state": "loading"})
    assert (page.status, page.body) == (503, b'{"state": "loading"}\n')
    assert page.headers == {"Content-Type": "application/json", "Cache-Control": "no-store"}


@pytest.mark.parametrize("path", ["/electron/package.json", "/.gitignore", "/client/.npmrc"])
def test_what_is_not_for_browsers_is_not_served(
    path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / path[1:]
    file.parent.mkdir(exist_ok=True)
    file.write_text("{}")
    monkeypatch.setattr(web, "web_root", lambda: tmp_path)
    assert static_page(path).status == 404


def test_a_qr_code_says_what_was_asked_for() -> None:
    text = "https://captions.example/watch/hall#token=ey-J_0.x"
    page = qr_page(text)
    assert (page.status, page.headers["Content-Type"]) == (200, "image/svg+xml")
    assert page.headers["Cache-Control"] == "no-store"  # it may hold a token
    image = ElementTree.fromstring(page.body)
    assert (
        image.get("viewBox") == "0 0 37 37"
    )  # version 3 (29 modules), and 4 of margin on each side


@pytest.mark.parametrize("text", ["", "x" * 501, "é" * 251, "line\nfeed", "\udcff"])
def test_no_qr_code_of_nothing_or_too_much(text: str) -> None:
    page = qr_page(text)
    assert page.status == 400
    assert "printable text of 1 to 500 bytes" in json.loads(page.body)["error"]


@pytest.fixture
async def codes() -> AsyncIterator[QrCodes]:
    codes = QrCodes()
    yield codes
    codes.stop()


@pytest.mark.parametrize("most_asked", [5, 50])
async def test_who_asks_for_many_qr_codes_keeps_nobody_from_one(
    codes: QrCodes, most_asked: int
) -> None:
    greedy = [asyncio.create_task(codes.page(f"greedy {n}", "greedy")) for n in range(most_asked)]
    others = [asyncio.create_task(codes.page(f"other {n}", f"other {n}")) for n in range(5)]
    async with asyncio.timeout(20):
        assert all([await other for other in others])
        made = [page for page in await asyncio.gather(*greedy) if page is not None]
    assert len(made) == qr_codes.MAX_QR_CODES_EACH
    assert await codes.page("and later again", "greedy") is not None
    assert not codes._in_line


async def test_the_line_for_qr_codes_is_bounded(codes: QrCodes) -> None:
    asked = [codes.page(f"code {n}", f"one of many {n}") for n in range(qr_codes.MAX_QR_CODES + 7)]
    async with asyncio.timeout(20):
        pages = await asyncio.gather(*asked)
    assert pages.count(None) == 7


@pytest.mark.parametrize("takes_s", [0.02, 0.03])
async def test_qr_codes_have_a_part_of_a_core(
    codes: QrCodes, takes_s: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever asks, and however many; the first come at once."""
    took: list[float] = []

    def make(text: str) -> Page:
        began_s = time.monotonic()
        time.sleep(takes_s)
        took.append(time.monotonic() - began_s)
        return Page(200, text.encode())

    monkeypatch.setattr(qr_codes, "qr_page", make)
    began_s = time.monotonic()
    assert await codes.page("first", "anybody") is not None
    assert time.monotonic() - began_s < 1
    asked = [codes.page(f"code {n}", f"one of many {n}") for n in range(qr_codes.MAX_QR_CODES)]
    await asyncio.gather(*asked)
    lasted_s = time.monotonic() - began_s
    # What the last one has taken is paid for by who comes next.
    assert sum(took[:-1]) <= qr_codes.QR_AT_ONCE_S + qr_codes.QR_SHARE * lasted_s + 2 * takes_s


async def test_who_leaves_the_line_for_qr_codes_has_no_place_in_it(codes: QrCodes) -> None:
    asked = [asyncio.create_task(codes.page(f"code {n}", "one")) for n in range(2)]
    await asyncio.sleep(0)
    for task in asked:
        task.cancel()
    await asyncio.wait(asked)
    assert await codes.page("another", "one") is not None


async def test_a_qr_code_that_nobody_waits_for_any_more_is_paid_for_and_counts(
    codes: QrCodes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is made all the same. Others get theirs."""
    may_go_on, begun, made = threading.Event(), asyncio.Event(), list[str]()
    loop = asyncio.get_running_loop()

    def make(text: str) -> Page:
        loop.call_soon_threadsafe(begun.set)
        may_go_on.wait(5)
        made.append(text)
        return Page(200, text.encode())

    monkeypatch.setattr(qr_codes, "qr_page", make)
    given_up = asyncio.create_task(codes.page("given up", "greedy"))
    await begun.wait()
    given_up.cancel()
    await asyncio.wait([given_up])
    others = [("next", "greedy"), ("hers", "victim"), ("one too many", "greedy")]
    asked = [asyncio.create_task(codes.page(*each)) for each in others]
    await asyncio.sleep(0)
    paid_until_s = codes._work.paid_until_s
    may_go_on.set()
    async with asyncio.timeout(5):
        pages = await asyncio.gather(*asked)
    assert [page and page.body for page in pages] == [b"next", b"hers", None]
    assert made == ["given up", "next", "hers"]
    assert codes._work.paid_until_s > paid_until_s
    assert not codes._in_line
