"""Each engine by its name."""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Playwright

from browsers.firefox import released_firefox
from browsers.tab import OpenTab, PlaywrightTab, Tab
from browsers.webkit import webkit

CHROMIUMS = ("chromium-headless-shell", "chromium", "google-chrome")
SOMETHING_TO_HEAR = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")
"""Arguments of Chromium."""


def tabs_of(browser: Browser, **options: Any) -> OpenTab:
    """Each in a context of its own, with these options."""

    @contextmanager
    def open_tab() -> Iterator[Tab]:
        with browser.new_context(**options) as context:
            yield PlaywrightTab(context.new_page())

    return open_tab


@contextmanager
def chromium(playwright: Playwright) -> Iterator[Browser]:
    """Start it; there is something to hear."""
    arguments = ["--no-sandbox", "--disable-gpu", *SOMETHING_TO_HEAR]
    program = next(filter(None, map(shutil.which, CHROMIUMS)), None)
    browser = playwright.chromium.launch(executable_path=program, args=arguments)
    yield browser
    browser.close()


@contextmanager
def _chromium(playwright: Playwright, _folder: Path) -> Iterator[OpenTab]:
    with chromium(playwright) as browser:
        yield tabs_of(browser, reduced_motion="reduce")


@contextmanager
def _firefox(playwright: Playwright, folder: Path) -> Iterator[OpenTab]:
    hears = {"media.navigator.streams.fake": True}
    with released_firefox(playwright, folder, os.environ, **hears) as browser:
        yield tabs_of(browser)


@contextmanager
def _webkit(_playwright: Playwright, folder: Path) -> Iterator[OpenTab]:
    with webkit(os.environ, folder, "--enable-mock-capture-devices=true") as open_tab:
        yield open_tab


ENGINES: dict[str, Callable[[Playwright, Path], AbstractContextManager[OpenTab]]] = {
    "chromium": _chromium,
    "firefox": _firefox,
    "webkit": _webkit,
}
"""Start one: there is something to hear, and nothing moves. The folder is to be empty."""
