"""The page for people: by keyboard, at any size, in any colours, as they left it."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import watched_page
from tests.browser.page_parts import (
    final_captions,
    open_caption,
    open_transcript,
    set_setting,
    start,
)
from tests.browser.scripted import ScriptedServer

FOCUSED = """() => {
  const focused = document.activeElement;
  if (!focused || focused === document.body) return null;
  const label = focused.getAttribute('aria-label') ?? focused.labels?.[0]?.innerText
    ?? focused.innerText;
  const marked = focused.type === 'radio' ? focused.nextElementSibling : focused;
  const { outlineStyle, outlineWidth } = getComputedStyle(marked);
  return { label: label.trim(), visible: outlineStyle !== 'none' && parseFloat(outlineWidth) >= 2 };
}"""


def test_the_keyboard_reaches_everything_and_shows_where_it_is(
    page: Page, scripted: ScriptedServer
) -> None:
    page.goto(scripted.url)
    walked = []
    for _ in range(20):
        page.keyboard.press("Tab")
        focused = page.evaluate(FOCUSED)
        if focused is None:
            break
        assert focused["visible"], focused
        walked.append(focused["label"])
    assert walked == [
        "Smaller captions",
        "Larger captions",
        "Transcript",
        "Share",
        "Settings",
        "Full screen",
        "Language of this page",
        "Captions",
        "Start",
        "Microphone",
        "Microphone",
        "Spoken language",
    ]


def test_a_run_by_keyboard_alone(page: Page, scripted: ScriptedServer) -> None:
    page.goto(scripted.url)
    page.get_by_role("radio", name="Microphone").focus()
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    expect(page.get_by_role("radio", name="Sample")).to_be_checked()
    page.get_by_role("button", name="Start").focus()
    page.keyboard.press("Enter")
    stage = scripted.next_stage()
    stage.final(1, "Said.")
    expect(final_captions(page)).to_have_text(["Said."])
    expect(page.get_by_role("button", name="Stop")).to_be_focused()
    page.keyboard.press("Space")
    expect(page.get_by_role("button", name="Start")).to_be_focused()
    open_transcript(page)
    page.get_by_role("button", name="Clear").focus()
    page.keyboard.press("Enter")
    expect(final_captions(page)).to_have_count(0)
    expect(page.get_by_role("button", name="Start")).to_be_focused()


def test_presenting_leaves_captions_and_state(page: Page, scripted: ScriptedServer) -> None:
    page.goto(scripted.url)
    present = page.get_by_role("button", name="Full screen")
    present.click()
    expect(present).to_have_attribute("aria-pressed", "true")
    expect(page.get_by_role("button", name="Start")).to_be_hidden()
    expect(page.locator("#state")).to_be_visible()
    present.click()
    expect(page.get_by_role("button", name="Start")).to_be_visible()


def test_the_size_of_captions_is_kept(page: Page, scripted: ScriptedServer) -> None:
    page.goto(scripted.url)
    size = "parseFloat(getComputedStyle(document.querySelector('.column')).fontSize)"
    normal = page.evaluate(size)
    page.get_by_role("button", name="Larger captions").click()
    assert page.evaluate(size) == pytest.approx(normal * 1.2, rel=0.01)
    page.reload()
    assert page.evaluate(size) == pytest.approx(normal * 1.2, rel=0.01)


def test_captions_in_blocks(page: Page, scripted: ScriptedServer) -> None:
    stage = start(page, scripted)
    block = page.locator("#block")
    expect(block).to_be_hidden()
    set_setting(page, "Captions", "In blocks")
    stage.partial(1, "When the speaker pauses for a while, the", " server")
    expect(block).to_have_text("When the speaker pauses for a while, the server")
    expect(block.locator(".unstable")).to_have_text("server")
    stage.final(1, "When the speaker pauses for a while, the server finishes the sentence.")
    expect(block).to_have_text(
        "When the speaker pauses for a while, the server finishes the sentence."
    )
    expect(block).to_be_visible()
    expect(final_captions(page)).to_have_count(1)  # for screen readers, as ever
    page.reload()
    expect(block).to_be_visible()


def test_blocks_begin_with_what_is_said_now(page: Page, scripted: ScriptedServer) -> None:
    """Whoever turns to them in the middle of a talk is not shown all of it, block by block."""
    stage = start(page, scripted)
    for utterance in range(1, 31):
        stage.final(utterance, f"Number {utterance}. " + "And so on and on. " * (utterance % 9))
    expect(final_captions(page)).to_have_count(30)
    set_setting(page, "Captions", "In blocks")
    expect(page.locator("#block")).to_contain_text("Number 30.", timeout=3_000)


# WCAG 2.2 relative luminance and contrast ratio, of every element that has text of its own.
CONTRASTS = """() => {
  const rgba = (text) => text.match(/[\\d.]+/g).map(Number);
  const luminance = ([r, g, b]) => {
    const [R, G, B] = [r, g, b].map((v) => v / 255)
      .map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
    return 0.2126 * R + 0.7152 * G + 0.0722 * B;
  };
  const background = (element) => {
    for (let e = element; e; e = e.parentElement) {
      const colour = rgba(getComputedStyle(e).backgroundColor);
      if (colour.length === 3 || colour[3] === 1) return colour;
    }
  };
  const shown = [...document.body.querySelectorAll('*')].filter((e) => e.checkVisibility()
    && !e.matches(':disabled, :disabled *, option')
    && [...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim()));
  return shown.map((e) => {
    const [a, b] = [luminance(rgba(getComputedStyle(e).color)), luminance(background(e))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    return [e.className || e.id || e.tagName, e.innerText.slice(0, 30), ratio];
  });
}"""


def test_on_a_phone_held_sideways_a_run_is_captions_and_stop(
    page: Page, scripted: ScriptedServer
) -> None:
    page.set_viewport_size({"width": 844, "height": 390})
    stage = start(page, scripted)
    stage.final(1, "And so on and on. " * 20)
    expect(final_captions(page)).to_have_count(1)
    box = page.locator("#viewport").bounding_box()
    assert box is not None
    assert box["height"] > 0.65 * 390
    expect(page.get_by_role("button", name="Stop")).to_be_in_viewport(ratio=1)
    expect(page.locator("#viewport")).to_be_in_viewport(ratio=1)
    page.get_by_role("button", name="Stop").click()
    expect(page.get_by_role("button", name="Start")).to_be_visible()


SIZES = {"phone": (390, 844), "sideways": (844, 390), "laptop": (1366, 768), "narrow": (320, 640)}


def test_every_text_is_readable_and_nothing_overflows(
    browser: Browser, scripted: ScriptedServer, tmp_path: Path
) -> None:
    """In light and dark, at all sizes. Screenshots stay in pytest's folder, for people."""
    context = browser.new_context(reduced_motion="reduce")
    with watched_page(context, "127.0.0.1") as page:
        stage = start(page, scripted)
        stage.final(1, "Live captions turn speech into words while a person is still talking.")
        stage.failed(2, "Recognition failed twice.")
        stage.say("error", code="x", message="This model speaks English only.", fatal=False)
        stage.say("status", state="overloaded", message="")
        stage.partial(3, "When the speaker pauses", " for a mom")
        expect(open_caption(page)).to_have_count(1)
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
            contrasts = page.evaluate(CONTRASTS)
            assert len(contrasts) > 15
            assert [found for found in contrasts if found[2] < 4.5] == [], scheme
            for name, (width, height) in SIZES.items():
                page.set_viewport_size({"width": width, "height": height})
                page.screenshot(path=tmp_path / f"{name}-{scheme}.png")
                assert page.evaluate("document.documentElement.scrollWidth") <= width, name
