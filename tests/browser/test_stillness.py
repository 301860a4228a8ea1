"""Words stand still while they are read, in every view, measured as by the script."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page

from browsers.engines import tabs_of
from stillness.motion import Figures
from stillness.replay import Replay, replaying
from stillness.stream import made
from stillness.views import View, measure, views
from tests.browser.scripted import ScriptedServer

SECONDS = 60
SEED = 7
QUICK = ("viewer, phone", "overlay")
VIEWS = [
    pytest.param(
        view,
        id=f"{view.name}, {view.style}",
        marks=[] if view.name in QUICK and view.style == "roll-up" else [pytest.mark.long],
    )
    for view in views()
    if view.name in (*QUICK, "viewer, laptop", "Electron")
]


def assert_still(found: Figures) -> None:
    assert found.words > 100
    assert found.moved_share <= 0.03, found.moves
    assert found.jumps_a_minute <= 1, found.moves
    assert found.short == 0


@pytest.fixture(scope="module")
def replay() -> Iterator[Replay]:
    with replaying() as running:
        yield running


@pytest.mark.parametrize("view", VIEWS)
def test_words_stand_still_while_they_are_read(
    browser: Browser, replay: Replay, view: View
) -> None:
    open_tab = tabs_of(browser, reduced_motion="reduce")
    assert_still(measure(open_tab, replay, view, made(SEED, SECONDS)))


CORRECTED_TWICE = """async () => {
  const { StillText } = await import(new URL("still-text.js", location).href);
  const line = document.createElement("p");
  line.style.width = "12em";
  document.body.append(line);
  const text = new StillText(line);
  const word = (text) => ({ text, spaced: true, settled: true, confidence: null });
  const show = (said) => text.show(said.split(" ").map(word));
  show("a bbbbbb c d");
  show("a b c d");
  const held = line.children[1].style.cssText;
  show(`${"a".repeat(40)} b c d`);
  return [held, line.children[1].style.cssText];
}"""


def test_what_holds_a_word_is_put_back_where_it_cannot_be_held(
    page: Page, scripted: ScriptedServer
) -> None:
    """As the policy of the page allows."""
    page.goto(scripted.url)
    held, still_held = page.evaluate(CORRECTED_TWICE)
    assert held.startswith("margin-inline-end:")
    assert still_held == held
