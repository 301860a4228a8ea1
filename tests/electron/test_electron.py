"""The example in Electron itself, where `npm install` has put one."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
from playwright.sync_api import Page, Playwright, expect

from lab.waiting import left_over, wait_until
from tests.electron.conftest import EXAMPLE

SPOKEN_LIMIT_MS = 60_000


@contextmanager
def application(folder: Path, microphone: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The running application, and where its pages can be debugged."""
    package = EXAMPLE / "node_modules" / "electron"
    if not (package / "path.txt").exists():
        pytest.skip("no Electron: run `npm install` in web_demo/electron")
    display = [] if os.environ.get("DISPLAY") or sys.platform != "linux" else ["xvfb-run", "-a"]
    if display and shutil.which("xvfb-run") is None:
        pytest.skip("no display: install Debian's `xvfb` package")
    command = [
        *display,
        str(package / "dist" / (package / "path.txt").read_text()),
        str(EXAMPLE),
        "--remote-debugging-port=0",
        f"--user-data-dir={folder}",
        "--use-fake-device-for-media-stream",
        f"--use-file-for-fake-audio-capture={microphone}%noloop",
        *(["--no-sandbox"] if os.name == "posix" and os.geteuid() == 0 else []),
    ]
    environment = os.environ | {"SURTITLE_PYTHON": sys.executable, "SURTITLE_MODEL": "tiny.en"}
    with subprocess.Popen(
        command, env=environment, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
    ) as process:
        try:
            assert process.stderr is not None
            address = next(
                found[1]
                for line in process.stderr
                if (found := re.match(r"DevTools listening on (ws://\S+)", line))
            )
            yield process, address
        finally:
            left_over(tree(process), 0)


def tree(process: subprocess.Popen[str]) -> list[psutil.Process]:
    try:
        return [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def test_speech_becomes_subtitles_and_quitting_leaves_nothing(
    playwright: Playwright, microphone_wav: Path, sentences: list[str], tmp_path: Path
) -> None:
    with application(tmp_path, microphone_wav) as (process, address):
        context = playwright.chromium.connect_over_cdp(address).contexts[0]
        pages: dict[str, Page] = {}

        def both_open() -> bool:
            pages.update({page.url.rpartition("/")[2]: page for page in context.pages})
            return {"control.html", "subtitles.html"} <= pages.keys()

        wait_until(both_open, 30)
        control, subtitles = pages["control.html"], pages["subtitles.html"]
        assert control.evaluate("[isSecureContext, typeof require, location.origin]") == [
            True,
            "undefined",
            "surtitle://app",
        ]
        start = control.get_by_role("button", name="Start")
        expect(start).to_be_enabled(timeout=SPOKEN_LIMIT_MS)
        start.click()
        word = sentences[0].split()[0]
        expect(subtitles.locator("#lines")).to_contain_text(word, timeout=SPOKEN_LIMIT_MS)
        processes = tree(process)
        control.get_by_role("button", name="Quit").click(no_wait_after=True)
        assert left_over(processes, 10) == []
