"""Every page in every state against axe-core: WCAG 2.2 A and AA, and its best practices."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.resources import files
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.channel import Channel
from tests.browser.conftest import watched_page
from tests.browser.page_parts import (
    choose_sample,
    final_captions,
    greet_channel,
    open_caption,
    open_transcript,
    serve_qr,
    start,
    switch,
)
from tests.browser.scripted import ScriptedServer
from tests.marks import long

pytest.importorskip("axe_playwright_python", reason="axe-core comes with axe-playwright-python")

RUN = """async () => {
  const { violations, passes } = await axe.run();
  return {
    passed: passes.length,
    violations: violations.map(({ id, nodes }) => `${id}: ${nodes.map((n) => n.html).join(' ')}`),
  };
}"""
RULES_THAT_MUST_HAVE_RUN = 15  # axe says nothing of a page that it did not see


def check(page: Page, least: int = RULES_THAT_MUST_HAVE_RUN) -> None:
    """Nothing is wrong with the page as it is now, in light and dark."""
    page.evaluate(files("axe_playwright_python").joinpath("axe.min.js").read_text("utf-8"))
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
        found = page.evaluate(RUN)
        assert found["violations"] == [], scheme
        assert found["passed"] >= least


@contextmanager
def still_page(browser: Browser) -> Iterator[Page]:
    """A page without movement: contrast is measured on what stands."""
    with watched_page(browser.new_context(reduced_motion="reduce"), "127.0.0.1") as page:
        yield page


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    with still_page(browser) as page:
        yield page


def talk(page: Page, server: ScriptedServer) -> None:
    """A run with all that captions can be."""
    page.goto(server.url)
    switch(page, "Mark uncertain words", on=True)
    stage = start(page, server)
    words = [{"text": "Said.", "start_ms": 0, "end_ms": 500, "confidence": 0.2}]
    scores: dict[str, Any] = {"language": "en", "language_probability": 1, "confidence": 0.2}
    stage.say("final", utterance=1, start_ms=0, end_ms=500, text="Said.", words=words, **scores)
    stage.failed(2, "Recognition failed twice.")
    stage.partial(3, "When the speaker", " pauses")
    expect(open_caption(page)).to_have_count(1)


def test_first_use(page: Page, scripted: ScriptedServer) -> None:
    page.goto(scripted.url)
    check(page)


def test_a_run(page: Page, scripted: ScriptedServer) -> None:
    talk(page, scripted)
    check(page)


def test_an_error(page: Page, scripted: ScriptedServer) -> None:
    scripted.refusal = ("The server has reached its session limit.", 5)
    page.goto(scripted.url)
    choose_sample(page)
    page.get_by_role("button", name="Start").click()
    expect(page.get_by_role("alert")).to_contain_text("session limit")
    check(page)


@pytest.mark.parametrize("language", ["ar", long("ja")])
def test_other_languages(page: Page, scripted: ScriptedServer, language: str) -> None:
    talk(page, scripted)
    page.get_by_label("Language of this page").select_option(language)
    expect(page.locator("html")).to_have_attribute("lang", language)
    check(page)
    page.locator("#open-settings").click()
    check(page)


@pytest.mark.parametrize(
    "colours", ["Calm", *map(long, ("Black on white", "White on black", "Yellow on black"))]
)
def test_the_settings(page: Page, scripted: ScriptedServer, colours: str) -> None:
    talk(page, scripted)
    page.get_by_role("button", name="Settings").click()
    page.get_by_role("radio", name=colours).check()
    check(page)
    page.keyboard.press("Escape")
    check(page)


def test_captions_in_blocks(page: Page, scripted: ScriptedServer) -> None:
    talk(page, scripted)
    page.get_by_role("button", name="Settings").click()
    page.get_by_role("radio", name="In blocks").check()
    page.keyboard.press("Escape")
    check(page)


def test_sharing(page: Page, scripted: ScriptedServer) -> None:
    serve_qr(page, [])
    scripted.on_start = greet_channel("a.b.c")
    page.goto(scripted.url)
    page.get_by_role("button", name="Share").click()
    check(page)
    page.get_by_role("switch", name="Share these captions").check()
    expect(page.get_by_role("img", name="QR code")).to_be_visible()
    check(page)
    page.get_by_label("Channel name").fill("no name")
    check(page)
    page.get_by_label("Channel name").fill("main-hall")
    page.keyboard.press("Escape")
    choose_sample(page)
    page.get_by_role("button", name="Start").click()
    page.get_by_role("button", name="0 watching").click()
    check(page)


def test_the_transcript(page: Page, scripted: ScriptedServer) -> None:
    page.goto(scripted.url)
    open_transcript(page)
    check(page)
    talk(page, scripted)
    open_transcript(page)
    check(page)


def test_old_captions(page: Page, scripted: ScriptedServer) -> None:
    stage = start(page, scripted)
    for utterance in range(1, 131):
        stage.final(utterance, f"Line number {utterance}.")
    expect(final_captions(page).last).to_have_text("Line number 130.")
    page.get_by_role("region", name="Captions").focus()
    page.keyboard.press("Home")
    expect(page.get_by_role("button", name="Newest caption")).to_be_visible()
    check(page)


def test_the_audiences_page(page: Page, channel: Channel) -> None:
    page.goto(channel.watch_url)
    viewer = channel.next_viewer()
    viewer.channel("waiting", "")
    expect(page.locator("#state")).to_contain_text("Nobody")
    check(page)
    viewer.channel("live")
    viewer.final(1, "Said.")
    viewer.partial(2, "And", " more")
    expect(open_caption(page)).to_have_count(1)
    check(page)
    viewer.channel("away")
    page.get_by_role("button", name="Settings").click()
    check(page)
    page.keyboard.press("Escape")
    open_transcript(page)
    check(page)


def test_the_overlay(page: Page, channel: Channel) -> None:
    page.goto(channel.overlay_url("?background=000000"))  # else the picture behind is unknown
    viewer = channel.next_viewer()
    viewer.channel("live")
    viewer.partial(1, "And", " more")
    expect(page.locator("#text")).to_have_text("And more")
    check(page, least=8)


# -- what axe does not look at ---------------------------------------------------------------------

TARGETS = """() => [...document.querySelectorAll('button, select, input, [tabindex="0"]')]
  .filter((e) => e.checkVisibility())
  .map((e) => e.closest('.choices label') ?? (e.type === 'checkbox' ? e.closest('label') : e))
  .map((e) => [e.id || e.className || e.textContent, e.getBoundingClientRect()])
  .filter(([, { width, height }]) => width < 24 || height < 24)
  .map(([name]) => name)"""


@pytest.mark.parametrize("width", [390, 1366])
def test_targets_are_large_enough(page: Page, scripted: ScriptedServer, width: int) -> None:
    """WCAG 2.2, 2.5.8: 24 by 24 CSS pixels."""
    page.set_viewport_size({"width": width, "height": 844})
    talk(page, scripted)
    states: list[Callable[[], object]] = [
        lambda: None,
        lambda: page.get_by_role("button", name="Settings").click(),
        lambda: page.keyboard.press("Escape"),
        lambda: page.get_by_role("button", name="Share").click(),
        lambda: page.keyboard.press("Escape"),
        lambda: open_transcript(page),
    ]
    for enter in states:
        enter()
        assert page.evaluate(TARGETS) == []


def test_nothing_moves_for_who_wants_no_movement(page: Page, scripted: ScriptedServer) -> None:
    talk(page, scripted)
    moving = page.evaluate("""() => [...document.querySelectorAll('*')].filter((e) => {
      const styles = [null, '::before'].map((part) => getComputedStyle(e, part));
      return styles.some(({ transitionDuration, animationName, scrollBehavior }) =>
        transitionDuration !== '0s' || animationName !== 'none' || scrollBehavior === 'smooth');
    }).map((e) => e.id || e.className)""")
    assert moving == []


def test_forced_colours_keep_what_is_chosen_visible(page: Page, scripted: ScriptedServer) -> None:
    page.emulate_media(forced_colors="active")
    talk(page, scripted)
    page.get_by_role("button", name="Settings").click()
    for chosen in ("Rolling up", "Calm", "Bottom"):
        face = page.get_by_role("radio", name=chosen).locator("+ span")
        expect(face).to_have_css("outline-style", "solid")
    expect(page.get_by_role("switch").first).to_have_css("appearance", "auto")


def test_the_page_of_a_corrector(page: Page, channel: Channel) -> None:
    page.goto(channel.watch_url.replace("/watch/", "/edit/"))
    check(page)
    viewer = channel.next_viewer()
    viewer.channel("live")
    viewer.final(1, "He plays choppy.")
    viewer.partial(2, "And then")
    page.get_by_role("textbox", name="Caption").fill("He plays Chopin.")
    check(page)
    page.route("**/corrections", lambda route: route.abort())
    page.keyboard.press("Enter")
    expect(page.locator("#lines")).to_contain_text("The server cannot be reached.")
    check(page)
