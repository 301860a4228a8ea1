"""Better texts that come after the finals: kept always, and shown to readers who wish it."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser.conftest import watched_page
from tests.browser.page_parts import (
    final_captions,
    open_caption,
    open_transcript,
    saved,
    set_setting,
    start,
    switch,
)
from tests.browser.scripted import ScriptedServer, Stage

CLIPBOARD = "navigator.clipboard.readText()"
SWITCH = "Correct lines already shown"
FIRST = ["A kernel", "a grease.", "L.", "So do I."]
LONG = " and so on" * 30
PIXEL = 1  # browsers scroll by whole ones


def correct(page: Page, on: bool = True) -> None:
    switch(page, SWITCH, on)


def say_all(stage: Stage) -> None:
    """What is said, and revised: an utterance is part of a word of another."""
    for utterance, text in enumerate(FIRST, 1):
        stage.final(utterance, text)
    stage.revised(1, "A colonel")
    stage.revised(2, "agrees.")
    stage.revised(3, "")
    stage.partial(5, "The next")


def files(page: Page, folder: Path) -> str:
    """The open transcript as a text file; SRT and WebVTT have the same words."""
    text = saved(page, "Text", folder).read_text(encoding="utf-8")
    for button in ("SRT", "WebVTT"):
        file = saved(page, button, folder).read_text(encoding="utf-8")
        assert "A colonel\n" in file
        assert "agrees." in file
        assert "L." not in file
    return text


def test_lines_that_were_read_stay_and_what_is_kept_is_better(
    page: Page, scripted: ScriptedServer, tmp_path: Path
) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    stage = start(page, scripted)
    assert stage.start["revisions"] is True
    say_all(stage)
    expect(open_caption(page)).to_have_text("The next")
    expect(final_captions(page)).to_have_text(FIRST)
    lines = open_transcript(page)
    expect(lines.locator("p")).to_have_text(FIRST)
    kept = "A colonel\nagrees.\nSo do I.\n"
    assert files(page, tmp_path) == kept
    page.get_by_role("button", name="Copy", exact=True).click()
    expect(page.locator("#announcement")).to_have_text("Copied.")
    assert page.evaluate(CLIPBOARD) == kept

    for line, text in ((0, "A colonel"), (2, "L.")):  # one that is kept nowhere: as it is read
        page.locator("#announcement").evaluate("element => element.textContent = ''")
        lines.nth(line).get_by_role("button").click()
        expect(page.locator("#announcement")).to_have_text("Copied.")
        assert page.evaluate(CLIPBOARD) == text


def test_who_wishes_it_sees_lines_corrected(
    page: Page, scripted: ScriptedServer, tmp_path: Path
) -> None:
    page.goto(scripted.url)
    correct(page)
    stage = start(page, scripted)
    say_all(stage)
    expect(open_caption(page)).to_have_text("The next")
    better = ["A colonel", "agrees.", "", "So do I."]
    expect(final_captions(page)).to_have_text(better)
    taken_back = final_captions(page).nth(2)
    expect(taken_back).to_have_css("height", "0px")
    expect(taken_back).to_have_css("margin-bottom", "0px")
    lines = open_transcript(page).locator("p")
    expect(lines).to_have_text(["A colonel", "agrees.", "So do I."])
    assert files(page, tmp_path) == "A colonel\nagrees.\nSo do I.\n"

    stage.revised(4, "So do eye.")
    expect(lines).to_have_text(["A colonel", "agrees.", "So do eye."])


def test_the_setting_holds_at_once_and_is_kept(page: Page, scripted: ScriptedServer) -> None:
    stage = start(page, scripted)
    say_all(stage)
    expect(open_caption(page)).to_have_text("The next")
    correct(page)
    expect(final_captions(page)).to_have_text(["A colonel", "agrees.", "", "So do I."])
    lines = open_transcript(page).locator("p")
    expect(lines).to_have_text(["A colonel", "agrees.", "So do I."])
    correct(page, on=False)
    expect(lines).to_have_text(FIRST)
    page.get_by_role("button", name="Transcript").click()
    expect(final_captions(page)).to_have_text(FIRST)
    correct(page)
    page.reload()
    page.get_by_role("button", name="Settings").click()
    expect(page.get_by_role("switch", name=SWITCH)).to_be_checked()
    expect(page.get_by_role("switch", name=SWITCH)).to_have_accessible_description(
        "Lines may change a few seconds after they appear. "
        "Saved and copied text always has the corrections."
    )


def top(line: Locator) -> float:
    box = line.bounding_box()
    assert box is not None
    return box["y"]


@pytest.mark.parametrize("revision", ["Longer by far" + LONG + LONG, "Shorter.", ""])
def test_what_is_being_read_does_not_move(
    browser: Browser, scripted: ScriptedServer, revision: str
) -> None:
    """A line above becomes longer or shorter: those before it make room, or take it."""
    context = browser.new_context(viewport={"width": 900, "height": 700}, reduced_motion="reduce")
    with watched_page(context, "127.0.0.1") as page:
        page.goto(scripted.url)
        correct(page)
        stage = start(page, scripted)
        for utterance in range(1, 6):
            stage.final(utterance, f"Line {utterance}" + LONG)
        stage.partial(6, "", "Here a caption grows" + LONG)
        stage.partial(6, "", "Here a caption")  # the space that it took is kept
        expect(open_caption(page)).to_have_text("Here a caption")
        growing, last = top(open_caption(page)), top(final_captions(page).last)
        stage.revised(4, revision)
        expect(final_captions(page).nth(3)).to_have_text(revision)
        assert top(open_caption(page)) == pytest.approx(growing, abs=PIXEL)
        assert top(final_captions(page).last) == pytest.approx(last, abs=PIXEL)


def test_a_reader_who_scrolled_up_is_left_in_peace(
    browser: Browser, scripted: ScriptedServer
) -> None:
    """What is out of sight above is corrected without moving what is in sight."""
    context = browser.new_context(viewport={"width": 900, "height": 700}, reduced_motion="reduce")
    with watched_page(context, "127.0.0.1") as page:
        page.goto(scripted.url)
        correct(page)
        stage = start(page, scripted)
        for utterance in range(1, 31):
            stage.final(utterance, f"Line {utterance}.")
        expect(final_captions(page)).to_have_count(30)
        page.get_by_role("region", name="Captions").focus()
        page.keyboard.press("Home")
        expect(page.get_by_role("button", name="Newest caption")).to_be_visible()
        # Browsers scroll there smoothly, and a place set on the way would not be kept.
        viewport = page.locator("#viewport")
        expect(viewport).to_have_js_property("scrollTop", 0)
        viewport.evaluate("viewport => viewport.scrollTo(0, 200)")
        seen = final_captions(page).nth(9)
        before = top(seen)
        stage.revised(1, "Longer by far" + LONG)
        stage.revised(30, "Longer by far" + LONG)
        expect(final_captions(page).nth(29)).to_have_text("Longer by far" + LONG)
        assert top(seen) == pytest.approx(before, abs=PIXEL)
        expect(page.get_by_role("button", name="Newest caption")).to_be_visible()


def test_a_line_that_has_gone_does_not_come_back(page: Page, scripted: ScriptedServer) -> None:
    page.goto(scripted.url)
    correct(page)
    stage = start(page, scripted)
    for utterance in range(1, 131):
        stage.final(utterance, f"Line number {utterance}.")
    stage.revised(1, "The first line.")
    stage.revised(130, "The last line.")
    expect(final_captions(page).last).to_have_text("The last line.")
    assert "The first line." not in final_captions(page).all_inner_texts()


def test_corrections_are_not_announced(page: Page, scripted: ScriptedServer) -> None:
    """A screen reader has read the line out; the log would say all of it again."""
    page.goto(scripted.url)
    correct(page)
    stage = start(page, scripted)
    stage.final(1, "A kernel")
    expect(final_captions(page)).not_to_have_attribute("aria-live", "off")
    stage.revised(1, "A colonel")
    expect(final_captions(page)).to_have_text("A colonel")
    expect(final_captions(page)).to_have_attribute("aria-live", "off")


def test_the_keyboard_stays_where_it_is(page: Page, scripted: ScriptedServer) -> None:
    page.goto(scripted.url)
    correct(page)
    stage = start(page, scripted)
    for utterance, text in enumerate(FIRST, 1):
        stage.final(utterance, text)
    lines = open_transcript(page)
    expect(lines).to_have_count(4)
    page.locator("#transcript-scroller").focus()
    page.keyboard.press("Tab")
    page.keyboard.press("Home")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    third = lines.nth(2).get_by_role("button")
    expect(third).to_be_focused()
    stage.revised(3, "Elle.")
    expect(lines.nth(2).locator("p")).to_have_text("Elle.")
    expect(third).to_be_focused()
    stage.revised(3, "")  # as no server would say twice
    expect(lines).to_have_count(3)
    expect(lines.nth(2).get_by_role("button")).to_be_focused()


def test_blocks_are_corrected_too(page: Page, scripted: ScriptedServer) -> None:
    stage = start(page, scripted)
    set_setting(page, "Captions", "In blocks")
    block = page.locator("#block")
    stage.final(1, "A kernel agrees.")
    expect(block).to_have_text("A kernel agrees.")
    stage.revised(1, "A colonel agrees.")
    stage.say("speech", utterance=2, start_ms=3100)
    expect(page.locator("#state")).to_have_attribute("data-hearing", "")
    expect(block).to_have_text("A kernel agrees.")
    correct(page)
    expect(block).to_have_text("A colonel agrees.")
    expect(final_captions(page)).to_have_text("A colonel agrees.")  # for screen readers


def test_uncertain_words_are_those_of_the_better_text(page: Page, scripted: ScriptedServer) -> None:
    page.goto(scripted.url)
    switch(page, "Mark uncertain words", on=True)
    correct(page)
    stage = start(page, scripted)
    stage.final(1, "A kernel")
    words = [
        {"text": "A", "start_ms": 2000, "end_ms": 2200, "confidence": 0.9},
        {"text": "colonel", "start_ms": 2200, "end_ms": 3000, "confidence": 0.3},
    ]
    times = {"start_ms": 2000, "end_ms": 3000}
    stage.say("revised", utterance=1, text="A colonel", confidence=0.6, words=words, **times)
    expect(final_captions(page).locator("mark")).to_have_text(["colonel"])
