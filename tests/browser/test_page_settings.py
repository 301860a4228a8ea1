"""How captions look is the reader's to say, and stays as said."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.browser.page_parts import (
    final_captions,
    open_caption,
    open_transcript,
    set_setting,
    start,
    switch,
)
from tests.browser.scripted import ScriptedServer

COLOURS = {
    "Black on white": ("rgb(255, 255, 255)", "rgb(0, 0, 0)"),
    "White on black": ("rgb(0, 0, 0)", "rgb(255, 255, 255)"),
    "Yellow on black": ("rgb(0, 0, 0)", "rgb(255, 230, 0)"),
}


@pytest.mark.parametrize("name", COLOURS)
def test_colours_are_as_chosen_and_kept(page: Page, scripted: ScriptedServer, name: str) -> None:
    background, ink = COLOURS[name]
    stage = start(page, scripted)
    stage.final(1, "Said.")
    set_setting(page, "Colours", name)
    for _ in range(2):
        expect(page.locator("body")).to_have_css("background-color", background)
        expect(page.locator(".column")).to_have_css("color", ink)
        page.reload()


def test_the_position_of_few_captions(page: Page, scripted: ScriptedServer) -> None:
    page.set_viewport_size({"width": 1000, "height": 900})
    stage = start(page, scripted)
    stage.final(1, "One line.")
    expect(final_captions(page)).to_have_count(1)
    room = page.locator("#captions").bounding_box()
    assert room is not None
    places = {}
    for choice in ("Top", "Centre", "Bottom"):
        set_setting(page, "Position", choice)
        line = final_captions(page).bounding_box()
        assert line is not None
        places[choice] = (line["y"] + line["height"] / 2 - room["y"]) / room["height"]
    assert places["Top"] < 0.2
    assert places["Centre"] == pytest.approx(0.5, abs=0.05)
    assert places["Bottom"] > 0.8


@pytest.mark.parametrize("lines", [2, 3, 4])
def test_so_many_lines_are_seen_at_once(page: Page, scripted: ScriptedServer, lines: int) -> None:
    stage = start(page, scripted)
    set_setting(page, "Visible lines", str(lines))
    for utterance in range(1, 8):
        stage.final(utterance, f"Line {utterance}.")
    expect(final_captions(page)).to_have_count(7)
    expect(final_captions(page).last).to_be_in_viewport(ratio=0.9)
    for utterance in range(1, 8):
        line = final_captions(page).nth(utterance - 1)
        if utterance > 7 - lines:
            expect(line).to_be_in_viewport(ratio=0.9)
        else:
            expect(line).not_to_be_in_viewport(ratio=0.1)


def test_settings_are_a_panel_for_the_keyboard_too(page: Page, scripted: ScriptedServer) -> None:
    page.goto(scripted.url)
    button = page.get_by_role("button", name="Settings")
    button.focus()
    page.keyboard.press("Enter")
    panel = page.get_by_role("dialog", name="Settings")
    expect(panel.get_by_role("button", name="Close")).to_be_focused()
    page.keyboard.press("Tab")
    expect(panel.get_by_role("slider", name="Size")).to_be_focused()
    page.keyboard.press("ArrowRight")
    expect(page.locator("html")).to_have_attribute("style", "--caption-scale: 1.2;")
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowRight")
    expect(panel.get_by_role("radio", name="In blocks")).to_be_checked()
    page.keyboard.press("Escape")
    expect(panel).to_be_hidden()
    expect(button).to_be_focused()


def test_a_click_beside_the_panel_closes_it(page: Page, scripted: ScriptedServer) -> None:
    page.goto(scripted.url)
    page.get_by_role("button", name="Settings").click()
    panel = page.get_by_role("dialog", name="Settings")
    panel.get_by_text("Visible lines").click()
    expect(panel).to_be_visible()
    page.mouse.click(100, 300)
    expect(panel).to_be_hidden()


def test_what_storage_holds_may_be_anything(page: Page, scripted: ScriptedServer) -> None:
    page.goto(scripted.url)
    page.evaluate("""() => {
      for (const name of ['style', 'colours', 'position', 'lines', 'words', 'revisions', 'delay',
        'scale'])
        localStorage.setItem('surtitle.' + name, 'constructor');
      localStorage.setItem('surtitle.channel', 'no/../name');
    }""")
    page.reload()
    expect(page.locator("html")).to_have_attribute("data-style", "roll-up")
    expect(page.locator("html")).to_have_attribute("style", "--caption-scale: 1;")
    expect(page.locator("html")).to_have_attribute("data-revisions", "off")


WORDS = [
    {"text": "Captions", "start_ms": 0, "end_ms": 400, "confidence": 0.98},
    {"text": "on", "start_ms": 400, "end_ms": 500, "confidence": 0.2},
    {"text": "on", "start_ms": 500, "end_ms": 600, "confidence": 0.97},
    {"text": "demand.", "start_ms": 600, "end_ms": 900, "confidence": 0.314},
]


def test_uncertain_words_are_marked_on_demand(page: Page, scripted: ScriptedServer) -> None:
    page.goto(scripted.url)
    switch(page, "Mark uncertain words", on=True)
    stage = start(page, scripted)
    assert stage.start["words"] is True
    times = {"start_ms": 0, "end_ms": 900}
    said = {"text": "Captions on on demand.", "language": "en", "confidence": 0.6, **times}
    stage.say("final", utterance=1, language_probability=1, words=WORDS, **said)
    marks = final_captions(page).locator("mark")
    expect(marks).to_have_text(["on", "demand."])
    expect(marks.last).to_have_css("text-decoration-style", "wavy")  # not by colour alone
    expect(marks.last).to_have_accessible_description("31 % sure")
    expect(final_captions(page)).to_have_text("Captions on on demand.")
    line = open_transcript(page)
    assert "31" in line.locator("mark").last.evaluate("m => getComputedStyle(m, '::after').content")

    switch(page, "Mark uncertain words", on=False)
    expect(line.locator("mark").last).to_have_css("text-decoration-line", "none")


def test_words_are_not_asked_for_by_default(page: Page, scripted: ScriptedServer) -> None:
    assert "words" not in start(page, scripted).start


def test_the_delay_is_shown_and_can_be_hidden(page: Page, scripted: ScriptedServer) -> None:
    delay = page.locator("#delay")
    stage = start(page, scripted)
    for _ in range(20):
        stage.next_frame_bytes()
    expect(delay).to_be_hidden()
    said = {"stable": "Two", "unstable": ""}
    stage.say("partial", utterance=1, start_ms=0, end_ms=500, **said)
    expect(open_caption(page)).to_have_text("Two")
    shown = delay.inner_text()
    seconds = float(shown.removesuffix(" s behind"))
    assert 1.5 <= seconds < 15  # two seconds were sent; the word ended after half of one
    switch(page, "Show the delay", on=False)
    expect(delay).to_be_hidden()
    page.get_by_role("button", name="Stop").click()


def test_no_dialog_is_in_the_way_of_the_captions(page: Page, scripted: ScriptedServer) -> None:
    """Beside the open settings the captions are in sight, as they are set."""
    page.set_viewport_size({"width": 1366, "height": 768})
    stage = start(page, scripted)
    stage.final(1, "Seen.")
    page.get_by_role("button", name="Settings").click()
    panel = page.get_by_role("dialog").bounding_box()
    line = final_captions(page).bounding_box()
    assert panel is not None
    assert line is not None
    assert panel["width"] < 1366 / 3
    assert line["x"] < panel["x"] / 2
