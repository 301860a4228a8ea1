"""Programs that install what npm would publish: one in TypeScript, others with Vite, webpack
and esbuild.

Each is built as its users would build it, and then captions: the pages in Chromium, its microphone.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Browser, expect

from lab.server_process import FAKE_DECODER, ServerProcess, start_server
from tests.browser.conftest import browser, chromium, microphone_wav, playwright, watched_page
from tests.browser.hosting import hosted
from tests.node.conftest import npm
from tests.packages.environments import run

pytestmark = [pytest.mark.packages, pytest.mark.timeout(300)]

__all__ = ["browser", "chromium", "microphone_wav", "playwright"]

CONSUMERS = Path(__file__).parent / "consumers"
TEXT = "heard"


@pytest.fixture(scope="module")
def server() -> Iterator[ServerProcess]:
    running = start_server(decoder=FAKE_DECODER, allowed_origins="*")
    try:
        yield running
        assert not running.errors
    finally:
        running.stop()


def build(name: str, packed: Path, cache: pytest.Cache) -> Path:
    """A consumer, with the library from its package, built; other packages are found again."""
    folder = cache.mkdir("consumers") / name
    for old in (folder / "dist", folder / "node_modules" / "surtitle-client"):
        shutil.rmtree(old, ignore_errors=True)
    for source in (CONSUMERS / "page", CONSUMERS / name):
        shutil.copytree(source, folder, dirs_exist_ok=True)
    installed = npm("install", "--no-package-lock", "--prefer-offline", str(packed), cwd=folder)
    if installed.returncode:
        pytest.skip(f"npm cannot install what {name} needs: {installed.stderr[-300:]}")
    assert not (folder / "node_modules" / "surtitle-client").is_symlink()
    built = npm("run", "build", cwd=folder)
    assert built.returncode == 0, built.stdout + built.stderr
    assert "warning" not in (built.stdout + built.stderr).lower()
    return folder


def test_a_program_in_typescript(
    node_20: str,
    packed: Path,
    pytestconfig: pytest.Config,
    server: ServerProcess,
    microphone_wav: Path,
) -> None:
    assert pytestconfig.cache is not None
    folder = build("typescript", packed, pytestconfig.cache)
    told = run(
        [node_20, "dist/main.js", server.websocket_url, f"say:{TEXT}", microphone_wav], cwd=folder
    )
    assert told.returncode == 0, told.stderr
    finals = json.loads(told.stdout)
    assert finals
    assert all(TEXT in text for text in finals)


POLICY = "default-src 'self'; connect-src {websocket} {http}"
"""What docs/javascript.md says of a Content-Security-Policy: no `data:`, no `blob:`."""


@pytest.mark.parametrize("bundler", ["vite", "vite-library", "webpack", "esbuild"])
def test_a_page_of_a_bundler(
    packed: Path,
    pytestconfig: pytest.Config,
    server: ServerProcess,
    browser: Browser,
    bundler: str,
) -> None:
    assert pytestconfig.cache is not None
    folder = build(bundler, packed, pytestconfig.cache)
    if bundler != "vite":  # which make no page
        shutil.copy(folder / "index.html", folder / "dist")
    policy = POLICY.format(
        websocket=server.url.replace("http", "ws", 1),
        http=server.url,
    )
    more = {"worklets": "worklets"} if bundler == "esbuild" else {}
    with hosted(folder / "dist", headers={"Content-Security-Policy": policy}) as url:
        caption_microphone(browser, url, server, more)
    assert not (folder / "dist" / "node_modules").exists()


def test_a_page_of_vites_development_server(
    packed: Path,
    pytestconfig: pytest.Config,
    server: ServerProcess,
    browser: Browser,
    node_20: str,
) -> None:
    assert pytestconfig.cache is not None
    folder = build("vite", packed, pytestconfig.cache)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [node_20, "node_modules/vite/bin/vite.js", "--host", "127.0.0.1", "--strictPort"]
    vite = subprocess.Popen(
        [*command, "--port", str(port)],
        cwd=folder,
        env=os.environ | {"NO_COLOR": "1"},  # CI=true colours the line that is waited for
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert vite.stdout is not None
        assert any("Local:" in line for line in vite.stdout)
        caption_microphone(browser, f"http://127.0.0.1:{port}", server, {})
    finally:
        vite.terminate()
        vite.communicate(timeout=10)


def caption_microphone(
    browser: Browser, url: str, server: ServerProcess, more: dict[str, str]
) -> None:
    """Press the button of the consumer's page, and wait for a caption."""
    asked = urlencode({"server": server.websocket_url, "prompt": f"say:{TEXT}"} | more)
    with watched_page(browser.new_context(), "127.0.0.1") as page:
        page.goto(f"{url}/?{asked}")
        page.get_by_role("button").click()
        expect(page.locator("output")).to_contain_text(TEXT)
