"""The page, the real server and the real model, on a link that breaks: every word comes once."""

from __future__ import annotations

import re
import signal
from collections.abc import Iterator
from contextlib import contextmanager

import jiwer
import pytest
from playwright.sync_api import Page, expect

from lab.server_process import ServerProcess, start_server
from lab.waiting import wait_until
from tests.browser.cable import cable_to
from tests.browser.page_parts import final_captions, open_caption
from tests.browser.test_speech import SPOKEN_LIMIT_MS, words


@contextmanager
def server() -> Iterator[ServerProcess]:
    running = start_server()
    try:
        yield running
    finally:
        running.stop()


def begin(page: Page, url: str) -> None:
    page.goto(url)
    page.get_by_role("button", name="Start").click()
    expect(page.locator("#state-words")).to_have_text("Listening · model tiny.en")


def wait_for_words(page: Page, text: str) -> None:
    """Until these are among the growing caption."""
    expect(open_caption(page).last).to_contain_text(
        re.compile(rf"\b{text}\b", re.IGNORECASE), timeout=SPOKEN_LIMIT_MS
    )


def finish(page: Page, sentences: list[str]) -> None:
    """Wait for the end; every word must have come once."""
    expect(final_captions(page)).to_have_count(2, timeout=SPOKEN_LIMIT_MS)
    page.get_by_role("button", name="Stop").click()
    expect(page.locator("#state-words")).to_contain_text("Finished: 2 captions")
    captions = " ".join(final_captions(page).all_inner_texts())
    assert jiwer.wer(words(" ".join(sentences)), words(captions)) < 0.1
    expect(page.get_by_role("alert")).to_be_empty()
    expect(open_caption(page)).to_have_count(0)


@pytest.mark.long
def test_a_link_that_is_cut_in_the_middle_of_each_sentence(
    page: Page, sentences: list[str]
) -> None:
    with server() as running, cable_to(running.url) as cable:
        begin(page, cable.url)
        for number, sentence in enumerate(sentences[:2], 1):
            wait_for_words(page, words(sentence).split()[2])
            cable.cut()
            wait_until(lambda number=number: len(running.events("session resumed")) == number)
        finish(page, sentences[:2])
        assert len(running.events("session opened")) == 1


@pytest.mark.long
def test_a_server_that_is_killed_after_one_sentence_and_in_the_next(
    page: Page, sentences: list[str]
) -> None:
    with server() as first, server() as second, cable_to(first.url) as cable:
        begin(page, cable.url)
        expect(final_captions(page)).to_have_count(1, timeout=SPOKEN_LIMIT_MS)
        wait_for_words(page, words(sentences[1]).split()[2])
        cable.target_port = int(second.url.rpartition(":")[2])
        first.stop(signal.SIGKILL)
        finish(page, sentences[:2])
        assert len(second.events("session opened")) == 1
