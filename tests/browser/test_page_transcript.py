"""The transcript on the page: everything that was said, to read, copy and save."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import watched_page
from tests.browser.page_parts import (
    final_captions,
    open_transcript,
    saved,
    set_setting,
    start,
)
from tests.browser.scripted import ScriptedServer, Stage
from tests.subtitle_readers import READERS

CLIPBOARD = "navigator.clipboard.readText()"


@pytest.fixture
def stage(page: Page, scripted: ScriptedServer) -> Stage:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    begun = start(page, scripted)
    begun.final(1, "The first sentence.", start_ms=0, end_ms=2000)
    begun.suppressed(2)
    begun.failed(3, "Recognition failed twice.")
    begun.final(4, "A <later> one & more.", start_ms=3_605_000, end_ms=3_607_000)
    expect(final_captions(page)).to_have_count(3)
    return begun


def test_it_has_what_was_said_with_its_times(page: Page, stage: Stage) -> None:
    lines = open_transcript(page)
    expect(lines.locator(".time")).to_have_text(["0:00", "0:06", "1:00:05"])
    expect(lines.locator("p")).to_have_text(
        ["The first sentence.", "[caption missing]", "A <later> one & more."]
    )
    expect(page.locator("#viewport")).to_be_hidden()
    stage.final(5, "It goes on.", start_ms=3_610_000, end_ms=3_611_000)
    expect(lines).to_have_count(4)
    page.get_by_role("button", name="Transcript").click()
    expect(page.locator("#viewport")).to_be_visible()
    expect(lines).to_have_count(0)  # they exist only while they are seen
    expect(final_captions(page).last).to_have_text("It goes on.")


def test_the_browser_finds_words_in_it(page: Page, stage: Stage) -> None:
    open_transcript(page)
    expect(page.locator("#transcript-lines li")).to_have_count(3)
    assert page.evaluate("window.find('later')")
    assert page.evaluate("getSelection().anchorNode.data") == "A <later> one & more."


def test_all_of_it_is_copied(page: Page, stage: Stage) -> None:
    open_transcript(page)
    page.get_by_role("button", name="Copy", exact=True).click()
    expect(page.locator("#announcement")).to_have_text("Copied.")
    assert page.evaluate(CLIPBOARD) == (
        "The first sentence.\n[caption missing]\nA <later> one & more.\n"
    )


def test_one_line_is_copied_by_keyboard(page: Page, stage: Stage) -> None:
    """Tab reaches the list once; the arrow keys go from line to line."""
    open_transcript(page)
    page.locator("#transcript-scroller").focus()
    page.keyboard.press("Tab")
    page.keyboard.press("End")
    expect(page.get_by_role("button", name="Copy the line at 1:00:05")).to_be_focused()
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowUp")
    expect(page.get_by_role("button", name="Copy the line at 0:00")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#announcement")).to_have_text("Copied.")
    assert page.evaluate(CLIPBOARD) == "The first sentence."
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Stop")).to_be_focused()


def test_a_page_without_a_clipboard_copies_all_the_same(
    page: Page, scripted: ScriptedServer
) -> None:
    """As on a page without a secure origin."""
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.add_init_script(
        "navigator.clipboard.writeText = () => Promise.reject(new Error('not here'))"
    )
    start(page, scripted).final(1, "Copied by hand.")
    expect(final_captions(page)).to_have_count(1)
    open_transcript(page)
    copy = page.get_by_role("button", name="Copy", exact=True)
    copy.click()
    expect(page.locator("#announcement")).to_have_text("Copied.")
    expect(copy).to_be_focused()
    assert page.evaluate(CLIPBOARD) == "Copied by hand.\n"


def test_files_are_what_players_and_editors_understand(
    page: Page, stage: Stage, tmp_path: Path
) -> None:
    open_transcript(page)
    assert saved(page, "Text", tmp_path).read_text(encoding="utf-8").splitlines()[0] == (
        "The first sentence."
    )
    times = [(0, 2000), (6000, 7000), (3_605_000, 3_607_000)]
    for button in ("SRT", "WebVTT"):
        path = saved(page, button, tmp_path)
        for read in READERS:
            cues = read(path)
            assert [(cue.start_ms, cue.end_ms) for cue in cues] == times, (button, read)
            assert cues[0].lines == ("The first sentence.",)


def test_a_new_run_goes_on_after_the_old_one(
    page: Page, stage: Stage, scripted: ScriptedServer
) -> None:
    page.get_by_role("button", name="Stop").click()
    expect(page.locator("#state-words")).to_contain_text("Finished")
    page.get_by_role("button", name="Start").click()
    scripted.next_stage().final(1, "Another talk.", start_ms=0, end_ms=500)
    expect(final_captions(page).last).to_have_text("Another talk.")
    lines = open_transcript(page)
    expect(lines).to_have_count(4)
    expect(lines.last).to_contain_text("Another talk.")


def test_there_is_nothing_to_save_at_first(page: Page, scripted: ScriptedServer) -> None:
    page.goto(scripted.url)
    open_transcript(page)
    expect(page.get_by_text("Nothing has been said yet.")).to_be_visible()
    for name in ("Copy", "Text", "SRT", "WebVTT", "Clear"):
        expect(page.get_by_role("button", name=name, exact=True)).to_be_disabled()


def test_old_captions_are_found_in_the_transcript(
    browser: Browser, scripted: ScriptedServer
) -> None:
    """The live view keeps the newest ones; a reader who scrolls to its top is led on."""
    with watched_page(browser.new_context(reduced_motion="reduce"), "127.0.0.1") as page:
        stage = start(page, scripted)
        for utterance in range(1, 131):
            stage.final(utterance, f"Line number {utterance}.")
        expect(final_captions(page).last).to_have_text("Line number 130.")
        assert final_captions(page).count() <= 100
        expect(final_captions(page).last).to_be_in_viewport()
        page.get_by_role("region", name="Captions").focus()
        page.keyboard.press("Home")
        page.get_by_role("button", name="Earlier captions").click()
        expect(page.locator("#transcript-lines li")).to_have_count(130)
        expect(page.locator("#transcript-scroller")).to_be_focused()
        page.get_by_role("button", name="Transcript").click()
        earlier = page.get_by_role("button", name="Earlier captions")
        expect(earlier).to_be_visible()
        set_setting(page, "Captions", "In blocks")
        expect(earlier).to_have_count(0)  # nobody would see what has the keyboard's focus
