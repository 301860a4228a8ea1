"""A real Chromium with a microphone made of a file, and the servers that the page talks to."""

from __future__ import annotations

import shutil
import wave
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import av
import numpy as np
import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    Page,
    Playwright,
    expect,
    sync_playwright,
)

from tests.browser.channel import Channel, scripted_channel
from tests.browser.scripted import ScriptedServer, scripted_server

WEB_DEMO = Path(__file__).resolve().parents[2] / "web_demo"
PAUSE_SAMPLES = 8_000  # at least half a second of digital silence stands between sentences
INSECURE_HOST = "captions.test"  # resolves to this machine, but is no secure origin
CHROMIUM_ARGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--no-first-run",
    f"--host-resolver-rules=MAP {INSECURE_HOST} 127.0.0.1",
]

Launch = Callable[..., Browser]


# One a module, not one a session: while Playwright's loop runs, asyncio tests cannot have theirs.
@pytest.fixture(scope="module")
def playwright() -> Iterator[Playwright]:
    expect.set_options(timeout=15_000)
    with sync_playwright() as running:
        yield running


@pytest.fixture(scope="module")
def chromium(playwright: Playwright) -> Iterator[Launch]:
    """Start Chromium with further arguments; every one is closed at the end of the module.

    Its headless shell has the same engine without a browser around it: two fifths less work.
    """
    names = ("chromium-headless-shell", "chromium", "google-chrome")
    executable = next(filter(None, map(shutil.which, names)), None)
    if executable is None:
        pytest.skip("no Chromium: install Debian's `chromium-headless-shell` package")
    launched: list[Browser] = []

    def launch(*further: str) -> Browser:
        args = [*CHROMIUM_ARGS, *further]
        browser = playwright.chromium.launch(executable_path=executable, args=args)
        launched.append(browser)
        return browser

    yield launch
    for browser in launched:
        browser.close()


@pytest.fixture(scope="module")
def browser(chromium: Launch, microphone_wav: Path) -> Browser:
    """A Chromium whose microphone is allowed, and plays the start of the sample once."""
    return chromium(
        "--use-fake-device-for-media-stream",
        "--use-fake-ui-for-media-stream",
        f"--use-file-for-fake-audio-capture={microphone_wav}%noloop",
    )


@pytest.fixture(scope="session")
def microphone_wav(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first two sentences of the sample, as the WAV file that Chromium wants."""
    with av.open(str(WEB_DEMO / "sample.flac")) as container:
        frames = [frame.to_ndarray() for frame in container.decode(audio=0)]
    samples = np.concatenate(frames, axis=1)[0]
    sounding = np.flatnonzero(samples)
    starts = sounding[1:][np.diff(sounding) > PAUSE_SAMPLES]  # of the second sentence, the third …
    samples = samples[: starts[1]]
    path = tmp_path_factory.mktemp("microphone") / "microphone.wav"
    with wave.open(str(path), "wb") as wav:
        wav.setnchannels(1)
        wav.setsampwidth(2)
        wav.setframerate(16_000)
        wav.writeframes(samples.astype("<i2").tobytes())
    return path


@pytest.fixture(scope="session")
def sentences() -> list[str]:
    """What is said in the sample."""
    return (WEB_DEMO / "sample.txt").read_text(encoding="utf-8").splitlines()


@contextmanager
def watched_page(context: BrowserContext, *hosts: str) -> Iterator[Page]:
    """A page that may talk to these hosts only, must throw nothing and obey its own policy."""
    page = context.new_page()
    asked: set[str] = set()
    faults: list[str] = []
    page.on("request", lambda request: asked.add(request.url))
    page.on("websocket", lambda socket: asked.add(socket.url))
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on(
        "console",
        lambda said: faults.append(said.text) if "Security Policy" in said.text else None,
    )
    yield page
    context.close()
    strangers = {url for url in asked if not url.startswith("blob:")}
    assert {urlsplit(url).hostname for url in strangers} <= set(hosts)
    assert faults == []


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    with watched_page(browser.new_context(), "127.0.0.1") as watched:
        yield watched


@pytest.fixture
def scripted() -> Iterator[ScriptedServer]:
    with scripted_server() as server:
        yield server


@pytest.fixture
def channel() -> Iterator[Channel]:
    with scripted_channel() as running:
        yield running


@pytest.fixture
def short_wav(tmp_path: Path) -> Path:
    """1.25 s of a quiet tone in stereo, 44.1 kHz."""
    tone = 0.1 * np.sin(np.arange(int(44_100 * 1.25)) * 2 * np.pi * 440 / 44_100)
    path = tmp_path / "tone.wav"
    with wave.open(str(path), "wb") as wav:
        wav.setnchannels(2)
        wav.setsampwidth(2)
        wav.setframerate(44_100)
        wav.writeframes(np.repeat((tone * 32767).astype("<i2"), 2).tobytes())
    return path
