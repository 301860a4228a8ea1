"""The captions on the page, against a scripted server: what is shown, and that it stands still."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import WEB_DEMO
from tests.browser.page_parts import final_captions, open_caption, open_transcript, start
from tests.browser.scripted import ScriptedServer


def test_an_opened_utterance_shows_at_the_top_until_its_first_words(
    page: Page, scripted: ScriptedServer
) -> None:
    """A line of its own would push up what is being read, and then perhaps go again."""
    stage = start(page, scripted)
    state = page.locator("#state")
    said = "getComputedStyle(document.querySelector('#state-words'), '::after').content"
    expect(state).not_to_have_attribute("data-hearing", "")
    stage.say("speech", utterance=1, start_ms=400)
    expect(state).to_have_attribute("data-hearing", "")
    assert "…" in page.evaluate(said)
    expect(open_caption(page)).to_have_count(0)
    stage.partial(1, "", "Live")
    expect(open_caption(page)).to_have_text("Live")
    expect(state).not_to_have_attribute("data-hearing", "")
    stage.say("speech", utterance=2, start_ms=4400)
    expect(state).to_have_attribute("data-hearing", "")
    stage.suppressed(2)
    expect(state).not_to_have_attribute("data-hearing", "")


def test_a_full_stop_is_seen_once_it_is_sure(page: Page, scripted: ScriptedServer) -> None:
    stage = start(page, scripted)
    stage.partial(1, "Live captions", " turn speech.")
    expect(open_caption(page)).to_have_text("Live captions turn speech")
    stage.partial(1, "Live captions turn speech", " into words.")
    expect(open_caption(page)).to_have_text("Live captions turn speech into words")
    stage.final(1, "Live captions turn speech into words.")
    expect(final_captions(page)).to_have_text(["Live captions turn speech into words."])


def test_lines_under_words_are_written_as_safari_reads_them() -> None:
    """It does not know their width in the shorthand, and ignores all of it."""
    sheets = list(WEB_DEMO.rglob("*.css"))
    assert len(sheets) > 5
    for sheet in sheets:
        assert not re.search(r"text-decoration:[^;]*\d", sheet.read_text(encoding="utf-8")), sheet


PLACES = """() => [...document.querySelectorAll('.caption')].flatMap((line) => {
  const texts = document.createTreeWalker(line, NodeFilter.SHOW_TEXT);
  const places = [];
  for (let text = texts.nextNode(); text; text = texts.nextNode()) {
    for (const { 0: word, index } of text.data.matchAll(/\\S+/g)) {
      const range = document.createRange();
      range.setStart(text, index);
      range.setEnd(text, index + word.length);
      const { left, right, top } = range.getClientRects()[0];
      places.push({ word, left, right, top });
    }
  }
  return places;
})"""


@pytest.mark.parametrize(
    ("read", "better"),
    [
        ("the vote was wrong on the day", "the vote, was wrong on the day"),
        ("the colonel said so and went home", "the kernel said so and went home"),
        ("the kernel said so and went home", "the colonel said so and went home"),
        ("the young democracy from here to there", "the young democracies from here to there"),
        ("in the the morning we went to the polls", "in the morning we went to the polls"),
        ("well this question is one for us", "Well, this question is one for us"),
        ("الناس في هذا البلد يعرفون ذلك", "الناس في هذا بلد يعرفون ذلك"),
    ],
)
@pytest.mark.parametrize("as_final", [False, True])
def test_what_is_corrected_leaves_the_words_around_it_where_they_are(
    page: Page, scripted: ScriptedServer, read: str, better: str, as_final: bool
) -> None:
    stage = start(page, scripted)
    more = " and this goes on, so that there are a few lines of it, as in any talk" * 2
    stage.partial(1, read + more)
    expect(open_caption(page)).to_have_text(read + more)
    before = page.evaluate(PLACES)
    if as_final:
        stage.final(1, better + more)
        expect(final_captions(page)).to_have_text([better + more])
    else:
        stage.partial(1, better + more)
        expect(open_caption(page)).to_have_text(better + more)
    after = page.evaluate(PLACES)
    gone = len(before) - len(after)
    for old, new in list(zip(before[::-1], after[::-1], strict=False))[: len(before) - 3 - gone]:
        assert new["top"] == pytest.approx(old["top"], abs=1), new
        start_of = "right" if read > "z" else "left"
        assert new[start_of] == pytest.approx(old[start_of], abs=1.5), new
    for one, next_one in pairwise(after):
        if one["top"] == next_one["top"]:  # nor do they run into each other
            assert next_one["left"] >= one["right"] + 2 or next_one["right"] <= one["left"] - 2


def test_a_growing_caption_sets_its_unstable_part_apart(
    page: Page, scripted: ScriptedServer
) -> None:
    stage = start(page, scripted)
    stage.partial(1, "Live captions", " turn speed")
    unstable = open_caption(page).locator(".unstable")
    expect(open_caption(page)).to_have_text("Live captions turn speed")
    expect(unstable).to_have_text(["turn", "speed"])
    expect(unstable.first).to_have_css("text-decoration-style", "dotted")  # not by colour alone

    stage.partial(1, "Live captions turn speech", "")
    expect(open_caption(page)).to_have_text("Live captions turn speech")
    expect(unstable).to_have_count(0)


def test_only_final_text_is_announced(page: Page, scripted: ScriptedServer) -> None:
    stage = start(page, scripted)
    stage.partial(1, "Guten", " Tag")
    expect(open_caption(page)).to_have_text("Guten Tag")
    expect(page.get_by_role("log")).to_have_text("")

    stage.partial(2, "", "Und")  # the next one may open before this one is final
    stage.final(1, "Guten Tag.", language="de")
    expect(final_captions(page)).to_have_text(["Guten Tag."])
    expect(final_captions(page)).to_have_attribute("lang", "de")
    expect(open_caption(page)).to_have_text(["Und"])


def test_a_suppressed_utterance_leaves_nothing(page: Page, scripted: ScriptedServer) -> None:
    stage = start(page, scripted)
    stage.partial(1, "", "Thank you.")
    expect(open_caption(page)).to_have_count(1)
    stage.suppressed(1)
    expect(open_caption(page)).to_have_count(0)
    expect(final_captions(page)).to_have_count(0)
    open_transcript(page)
    expect(page.get_by_role("button", name="SRT")).to_be_disabled()


def test_a_failed_utterance_leaves_a_gap_mark_with_the_reason(
    page: Page, scripted: ScriptedServer
) -> None:
    stage = start(page, scripted)
    stage.failed(1, "Recognition failed twice.")
    stage.partial(2, "Half a", " sentence")
    stage.failed(2, "Recognition failed twice.")
    expect(final_captions(page)).to_have_text(
        [
            "Caption missing: Recognition failed twice.",
            "Half a sentence Caption incomplete: Recognition failed twice.",
        ]
    )


def test_lines_that_were_read_do_not_move(page: Page, scripted: ScriptedServer) -> None:
    """Neither by text that grows and shrinks below them, nor by a caption that goes away."""
    page.set_viewport_size({"width": 900, "height": 700})
    stage = start(page, scripted)
    words = " and so on" * 30
    stage.final(1, "This is the first line." + words)
    first = final_captions(page).first
    stage.partial(2, "", "Here a caption grows" + words)
    expect(open_caption(page)).to_have_text("Here a caption grows" + words)
    expect(page.locator("#viewport")).to_have_js_property("scrollTop", at_end(page))

    before = first.bounding_box()
    stage.partial(2, "", "Here")  # many lines less
    expect(open_caption(page)).to_have_text("Here")
    assert first.bounding_box() == before
    stage.suppressed(2)
    expect(open_caption(page)).to_have_count(0)
    assert first.bounding_box() == before

    stage.partial(3, "", "A caption becomes final")
    expect(open_caption(page)).to_have_text("A caption becomes final")
    growing = open_caption(page).bounding_box()
    stage.final(3, "A caption becomes final.")
    expect(final_captions(page)).to_have_count(2)
    assert final_captions(page).last.bounding_box() == growing
    assert first.bounding_box() == before


def at_end(page: Page) -> float:
    """The scroll position of the captions' end, once a smooth scroll has arrived there."""
    page.wait_for_function(
        "v => Math.abs(v.scrollHeight - v.clientHeight - v.scrollTop) < 1",
        arg=page.locator("#viewport").element_handle(),
    )
    return float(page.locator("#viewport").evaluate("v => v.scrollTop"))


def test_a_reader_who_scrolled_up_is_left_in_peace(page: Page, scripted: ScriptedServer) -> None:
    stage = start(page, scripted)
    for utterance in range(1, 21):
        stage.final(utterance, f"Line number {utterance}.")
    expect(final_captions(page)).to_have_count(20)
    at_end(page)
    newest = page.get_by_role("button", name="Newest caption")
    expect(newest).to_be_hidden()

    page.get_by_role("region", name="Captions").focus()
    page.keyboard.press("Home")
    expect(newest).to_be_visible()
    expect(page.locator("#viewport")).to_have_js_property("scrollTop", 0)
    stage.final(21, "Line number 21.")
    expect(final_captions(page)).to_have_count(21)
    expect(page.locator("#viewport")).to_have_js_property("scrollTop", 0)

    newest.click()
    at_end(page)
    expect(newest).to_be_hidden()
    expect(page.get_by_role("region", name="Captions")).to_be_focused()

    page.set_viewport_size({"width": 600, "height": 500})  # such as by turning a phone
    at_end(page)
    stage.say("error", code="x", message="A notice takes some room.", fatal=False)
    expect(page.get_by_role("alert")).to_have_text("A notice takes some room.")
    at_end(page)
    expect(newest).to_be_hidden()
