"""From speech to text on screen: the page, the real server and the real model."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import jiwer
import pytest
from playwright.sync_api import Page, expect

from tests.browser.page_parts import (
    choose_sample,
    final_captions,
    open_caption,
    open_transcript,
    saved,
)
from tests.subtitle_readers import READERS, read_with_ffmpeg
from tests.support import running_server

# The sample's length and what the server, two cores shared with a browser, may take beyond it.
SPOKEN_LIMIT_MS = 45_000

# Every text that the growing captions ever show, in order.
WATCH_OPEN = """() => {
  const open = document.querySelector('#open');
  window.grown = [];
  new MutationObserver(() => window.grown.push(open.textContent))
    .observe(open, { childList: true, subtree: true, characterData: true });
}"""


@pytest.fixture(scope="module")
def server_url() -> Iterator[str]:
    with running_server() as url:
        yield url


def words(text: str) -> str:
    """Text without what a reader aloud does not say: case and punctuation."""
    return " ".join(re.findall(r"[a-z']+", text.lower()))


def test_from_microphone_to_text_on_screen(
    page: Page, server_url: str, sentences: list[str]
) -> None:
    page.goto(server_url)
    page.evaluate(WATCH_OPEN)
    page.get_by_role("button", name="Start").click()
    expect(page.locator("#state-words")).to_have_text("Listening · model tiny.en")
    expect(final_captions(page)).to_have_count(2, timeout=SPOKEN_LIMIT_MS)
    expect(page.get_by_label("Microphone", exact=True).locator("option")).not_to_have_count(0)
    page.get_by_role("button", name="Stop").click()
    expect(page.locator("#state-words")).to_contain_text("Finished: 2 captions")

    captions = " ".join(final_captions(page).all_inner_texts())
    assert jiwer.wer(words(" ".join(sentences[:2])), words(captions)) < 0.1
    growing = [text for text in page.evaluate("grown") if words(text)]
    assert len(set(growing)) >= 4  # two sentences of about four seconds, a partial every half
    assert len(growing[0]) < len(captions) / 3


def test_the_sample_is_captioned_word_for_word_and_can_be_saved(
    page: Page, server_url: str, sentences: list[str], tmp_path: Path
) -> None:
    page.goto(server_url)
    page.get_by_role("radio", name="Sample").check()
    page.get_by_role("button", name="Start").click()
    expect(open_caption(page)).to_contain_text(re.compile(r"\w+ \w+"))
    expect(page.locator("#state-words")).to_contain_text("Finished", timeout=SPOKEN_LIMIT_MS)
    expect(open_caption(page)).to_have_count(0)
    assert [words(text) for text in final_captions(page).all_inner_texts()] == [
        words(sentence) for sentence in sentences
    ]

    open_transcript(page)
    files = {name: saved(page, name, tmp_path) for name in ("Text", "SRT", "WebVTT")}
    assert [path.suffix for path in files.values()] == [".txt", ".srt", ".vtt"]
    assert [words(line) for line in files["Text"].read_text().splitlines()] == [
        words(sentence) for sentence in sentences
    ]
    cues = read_with_ffmpeg(files["SRT"])
    for path in (files["SRT"], files["WebVTT"]):
        assert [read(path) for read in READERS] == [cues] * len(READERS), path.suffix
    text = " ".join(line for cue in cues for line in cue.lines)
    assert words(text) == words(" ".join(sentences))
    assert all(cue.start_ms < cue.end_ms for cue in cues)
    assert all(before.end_ms <= after.start_ms for before, after in pairwise(cues))
    assert cues[-1].end_ms < 21_000  # the sample takes about 20 s


def test_a_language_that_the_model_cannot_do_is_refused_in_words(
    page: Page, server_url: str
) -> None:
    page.goto(server_url)
    choose_sample(page)
    page.get_by_label("Spoken language").select_option("de")
    page.get_by_role("button", name="Start").click()
    expect(page.get_by_role("alert")).to_contain_text("tiny.en")
    expect(page.locator("#state")).to_have_text("Not connected")
    expect(page.get_by_role("button", name="Start")).to_be_visible()
