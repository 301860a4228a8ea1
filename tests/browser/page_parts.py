"""What the tests of the pages have in common: how to start a run, and where things stand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib.image
import numpy as np
import zxingcpp
from playwright.sync_api import Locator, Page, expect

from tests.browser.scripted import ScriptedServer, Stage

QR_SVG = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9">'
    '<path fill="#fff" d="M0 0h9v9H0z"/><path d="M1 1h3v3H1zM5 5h1v1H5z"/></svg>'
)


def choose_sample(page: Page) -> None:
    """Muted."""
    page.get_by_role("radio", name="Sample").check()
    page.get_by_label("Play aloud").uncheck()


def start(page: Page, server: ScriptedServer, source: str = "Sample") -> Stage:
    """Open the page and start a run; the sample runs muted."""
    page.goto(server.url)
    if source == "Sample":
        choose_sample(page)
    else:
        page.get_by_role("radio", name=source).check()
    page.get_by_role("button", name="Start").click()
    return server.next_stage()


def lose(stage: Stage, server: ScriptedServer) -> None:
    """Break the connection, and let nobody in again."""
    server.refusal = ("The server is full.", 5)
    stage.die()


def open_caption(page: Page) -> Locator:
    return page.locator("#open .caption")


def final_captions(page: Page) -> Locator:
    return page.get_by_role("log").locator(".caption")


def set_setting(page: Page, group: str, choice: str) -> None:
    """Open the settings, choose one thing, close them."""
    page.get_by_role("button", name="Settings").click()
    field = page.get_by_role("dialog").get_by_role("group", name=group)
    field.get_by_role("radio", name=choice, exact=True).check()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()


def switch(page: Page, label: str, on: bool) -> None:
    """Open the settings, turn one switch, close them."""
    page.get_by_role("button", name="Settings").click()
    page.get_by_role("switch", name=label).set_checked(on)
    page.keyboard.press("Escape")


def open_transcript(page: Page) -> Locator:
    """Turn to the transcript; its lines."""
    page.get_by_role("button", name="Transcript").click()
    return page.locator("#transcript-lines li")


def saved(page: Page, button: str, folder: Path) -> Path:
    """Press a button of the transcript that saves; return the file."""
    with page.expect_download() as download:
        page.get_by_role("button", name=button, exact=True).click()
    path = folder / download.value.suggested_filename
    download.value.save_as(path)
    return path


def greet_channel(token: str | None = None) -> Any:
    """An `on_start` that publishes under the name the page asks for."""

    def greet(stage: Stage) -> None:
        said: dict[str, Any] = (
            {"channel": stage.start["channel"]} if "channel" in stage.start else {}
        )
        if token is not None:
            said["watch_token"] = token
        rate = stage.start.get("sample_rate", 16_000)
        names = {"session": stage.session, "token": stage.token, "model": "scripted"}
        stage.say("ready", sample_rate=rate, protocol=1, resume_window_s=30, **names, **said)

    return greet


def serve_qr(page: Page, asked: list[str]) -> None:
    """Answer `v1/qr` for a server that does not; collects what was asked for."""

    def answer(route: Any) -> None:
        asked.append(route.request.headers["surtitle-text"])
        route.fulfill(body=QR_SVG, content_type="image/svg+xml")

    page.route("**/v1/qr", answer)


def share(page: Page, name: str | None = None) -> Locator:
    """Open the panel and turn sharing on; the panel stays open."""
    page.get_by_role("button", name="Share").click()
    panel = page.get_by_role("dialog", name="Share")
    panel.get_by_role("switch", name="Share these captions").check()
    if name is not None:
        panel.get_by_label("Channel name").fill(name)
    return panel


def scanned(page: Page, folder: Path) -> str:
    """What a phone reads off the screen."""
    picture = folder / "screen.png"
    page.screenshot(path=picture)
    pixels = (matplotlib.image.imread(picture)[..., :3] * 255).astype(np.uint8)
    (code,) = zxingcpp.read_barcodes(np.ascontiguousarray(pixels))
    return str(code.text)
