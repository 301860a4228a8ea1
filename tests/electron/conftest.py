"""The pages of the Electron example in a real Chromium."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from lab.places import REPOSITORY
from tests.browser.conftest import browser, chromium, microphone_wav, playwright, sentences

__all__ = ["browser", "chromium", "microphone_wav", "playwright", "sentences"]

HERE = Path(__file__).parent
EXAMPLE = REPOSITORY / "web_demo" / "electron"


@pytest.fixture(scope="session")
def node() -> str:
    """Node.js, of which Electron's main process is made."""
    found = shutil.which("node")
    if found is None:
        pytest.skip("no Node.js: install Debian's `nodejs` package")
    return found


@contextmanager
def serving(node: str, folder: Path) -> Iterator[str]:
    """Where the example's pages are served, by the code that serves them in Electron."""
    with subprocess.Popen(
        [node, str(HERE / "serve_pages.mjs"), str(folder)], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


@pytest.fixture(scope="module")
def pages(node: str) -> Iterator[str]:
    with serving(node, EXAMPLE.parent) as url:
        yield url
