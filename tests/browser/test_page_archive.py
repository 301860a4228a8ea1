"""A speaker reads whether the server keeps what is said, and can say no."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.browser.page_parts import open_transcript, start, switch
from tests.browser.scripted import ScriptedServer


@pytest.mark.parametrize(
    ("days", "sentence"),
    [
        (30, "The server keeps this transcript for 30 days."),
        (1, "The server keeps this transcript for 1 day."),
        (0, "The server keeps this transcript."),
    ],
)
def test_it_is_said_how_long_the_transcript_stays(
    page: Page, scripted: ScriptedServer, days: int, sentence: str
) -> None:
    scripted.on_start = lambda stage: stage.greet(archive_days=days)
    stage = start(page, scripted)
    stage.final(1, "Said.")
    open_transcript(page)
    expect(page.locator("#kept")).to_have_text(sentence)
    expect(page.locator("#kept")).to_be_visible()
    assert "archive" not in stage.start


def test_nothing_is_said_where_nothing_is_kept(page: Page, scripted: ScriptedServer) -> None:
    stage = start(page, scripted)
    stage.final(1, "Said.")
    expect(open_transcript(page)).to_have_count(1)
    expect(page.locator("#kept")).to_be_hidden()


def test_who_does_not_want_it_is_not_kept(page: Page, scripted: ScriptedServer) -> None:
    page.goto(scripted.url)
    switch(page, "Let the server keep what I say", on=False)
    assert start(page, scripted).start["archive"] is False
