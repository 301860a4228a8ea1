"""From the speaker's page to a phone that reads the QR code: the real server, model and pages."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, ViewportSize, expect

from lab.server_process import running_server
from surtitle.gateway.access import add_key, read_keys
from tests.browser.conftest import watched_page
from tests.browser.page_parts import choose_sample, final_captions, scanned, switch

PHONE: ViewportSize = {"width": 390, "height": 844}
SPOKEN_LIMIT_MS = 45_000
CORRECT = "Correct lines already shown"


@pytest.fixture(scope="module")
def token(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A file of keys, and a token for a speaker."""
    path = tmp_path_factory.mktemp("keys") / "keys.toml"
    add_key(path, "studio", ["speak"])
    return path, read_keys(path).make_token("page", ["speak"], time.time() + 600)


@pytest.fixture(scope="module")
def server_url(token: tuple[Path, str]) -> Iterator[str]:
    with running_server(keys_file=token[0], language="en") as url:
        yield url


@pytest.mark.long
def test_an_audience_reads_along(
    browser: Browser, page: Page, server_url: str, token: tuple[Path, str], tmp_path: Path
) -> None:
    page.goto(f"{server_url}/#token={token[1]}")
    page.get_by_role("button", name="Share").click()
    panel = page.get_by_role("dialog", name="Share")
    panel.get_by_role("switch", name="Share these captions").check()
    panel.get_by_label("Channel name").fill("main-hall")
    page.keyboard.press("Escape")
    choose_sample(page)
    page.get_by_role("button", name="Start").click()

    page.get_by_role("button", name="0 watching").click()
    link = page.get_by_label("Link for the audience", exact=True)
    expect(link).to_have_value(re.compile("#token="))
    expect(page.get_by_role("img", name="QR code")).to_be_visible()
    address = scanned(page, tmp_path)
    assert address == link.input_value()
    assert token[1] not in address  # theirs is for watching alone

    with watched_page(browser.new_context(viewport=PHONE), "127.0.0.1") as phone:
        phone.goto(address)
        expect(page.get_by_role("dialog", name="Share")).to_contain_text("1 watching now.")
        expect(page.locator("#state-words")).to_contain_text(
            "Finished: 4 captions", timeout=SPOKEN_LIMIT_MS
        )
        expect(final_captions(page)).to_have_count(4)
        expect(final_captions(phone)).to_have_count(4)

        # Who reads a line late reads the better one at once, so all turn to those that are kept.
        page.keyboard.press("Escape")
        switch(page, CORRECT, on=True)
        kept = final_captions(page).all_inner_texts()
        switch(phone, CORRECT, on=True)
        expect(final_captions(phone)).to_have_text(kept)
        with watched_page(browser.new_context(viewport=PHONE), "127.0.0.1") as late:
            late.goto(address)
            expect(final_captions(late)).to_have_text(kept)


def test_without_a_token_nobody_reads_along(page: Page, server_url: str) -> None:
    page.goto(f"{server_url}/watch/main-hall")
    expect(page.get_by_text("A valid key or token is required")).to_be_visible()
