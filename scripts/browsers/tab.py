"""A page in a browser of any engine: what measurements and tests of several need, and no more.

Playwright drives Chromium and, by WebDriver BiDi, a Firefox as it is released. Of WebKit it drives only
builds of its own; the one that distributions have, WebKitGTK, is driven by its WebDriver.
"""

import json
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

from playwright.sync_api import Page

from browsers.webdriver import Session
from lab.waiting import NotInTime, wait_until

LIMIT_S = 15.0


class Tab(ABC):
    """One page, in a browser that knows nothing of earlier ones."""

    @abstractmethod
    def open(self, url: str) -> None:
        """Go there."""

    @abstractmethod
    def press(self, selector: str) -> None:
        """Click, as a person does."""

    @abstractmethod
    def resize(self, width: int, height: int) -> None:
        """So large is what is seen of the page, in CSS pixels."""

    @abstractmethod
    def look(self, expression: str) -> Any:
        """What a JavaScript expression says; of a promise, what comes of it."""

    def until(self, expression: str, limit_s: float = LIMIT_S) -> None:
        """Wait until an expression holds."""
        try:
            wait_until(lambda: self.look(f"Boolean({expression})"), limit_s, every_s=0.05)
        except NotInTime:
            seen = self.look("document.body.innerText")
            raise AssertionError(
                f"after {limit_s:g} s not: {expression}; it says: {seen}"
            ) from None

    def texts(self, selector: str) -> list[str]:
        """What all such elements say."""
        found = self.look(
            f"[...document.querySelectorAll({json.dumps(selector)})].map((e) => e.textContent)"
        )
        return [str(text) for text in found]


OpenTab = Callable[[], AbstractContextManager[Tab]]
"""Of one engine."""


class PlaywrightTab(Tab):
    """In Chromium or Firefox."""

    def __init__(self, page: Page) -> None:
        self._page = page

    def open(self, url: str) -> None:
        """Go there."""
        self._page.goto(url)

    def press(self, selector: str) -> None:
        """Click, as a person does."""
        self._page.locator(selector).click()

    def resize(self, width: int, height: int) -> None:
        """So large is what is seen of the page, in CSS pixels."""
        self._page.set_viewport_size({"width": width, "height": height})

    def look(self, expression: str) -> Any:
        """What a JavaScript expression says."""
        return self._page.evaluate(expression)


class WebDriverTab(Tab):
    """In WebKitGTK."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def open(self, url: str) -> None:
        """Go there."""
        self._session.post("url", url=url)
        self.until(
            "document.readyState === 'complete'"
        )  # WebKitGTK returns before modules have run

    def press(self, selector: str) -> None:
        """Click, as a person does."""
        found = self._session.post("element", using="css selector", value=selector)
        (element,) = found.values()
        self._session.post(f"element/{element}/click")

    def resize(self, width: int, height: int) -> None:
        """So large is what is seen of the page, in CSS pixels."""
        frame = self.look("[outerWidth - innerWidth, outerHeight - innerHeight]")
        self._session.post("window/rect", width=width + frame[0], height=height + frame[1])
        self.until(f"innerWidth === {width} && innerHeight === {height}")

    def look(self, expression: str) -> Any:
        """What a JavaScript expression says."""
        return self._session.post("execute/sync", script=f"return {expression}", args=[])
