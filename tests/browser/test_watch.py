"""The audience's page: it shows a channel, whenever one comes and whatever happens to it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from lab.server_process import FAKE_DECODER, ServerProcess, start_server
from tests.browser.channel import Channel
from tests.browser.conftest import watched_page
from tests.browser.page_parts import (
    choose_sample,
    final_captions,
    open_caption,
    open_transcript,
    saved,
    set_setting,
    switch,
)
from tests.subtitle_readers import READERS


def test_captions_grow_and_become_final(page: Page, channel: Channel) -> None:
    page.goto(channel.watch_url)
    expect(page).to_have_title("main-hall – live captions")
    viewer = channel.next_viewer()
    viewer.channel("live")
    expect(page.locator("#state")).to_have_text("Live")
    viewer.partial(1, "Good", " even")
    expect(open_caption(page)).to_have_text("Good even")
    expect(open_caption(page).locator(".unstable")).to_have_text("even")
    viewer.final(1, "Good evening.")
    expect(final_captions(page)).to_have_text(["Good evening."])
    expect(open_caption(page)).to_have_count(0)


def test_who_comes_late_sees_what_was_said(page: Page, channel: Channel) -> None:
    page.goto(channel.watch_url)
    viewer = channel.next_viewer()
    viewer.channel("live", "s2")
    viewer.channel("live", "s1")
    viewer.final(7, "The end of the first talk.")
    viewer.channel("live", "s2")
    viewer.final(1, "The second talk.")
    viewer.channel("live", "s2")
    viewer.partial(2, "It goes on")
    expect(final_captions(page)).to_have_text(["The end of the first talk.", "The second talk."])
    expect(open_caption(page)).to_have_text(["It goes on"])


def test_it_says_how_things_stand(page: Page, channel: Channel) -> None:
    state = page.locator("#state")
    page.goto(channel.watch_url)
    viewer = channel.next_viewer()
    viewer.channel("waiting", "")
    expect(state).to_have_text("Nobody is speaking here yet. Captions appear when somebody starts.")
    expect(page.get_by_text("Captions appear here as people speak.")).to_be_visible()
    viewer.channel("live")
    viewer.final(1, "Said.")
    expect(state).to_have_text("Live")
    viewer.channel("away")
    expect(state).to_contain_text("connection is lost")
    expect(state).to_have_attribute("data-state", "trouble")
    viewer.channel("live")
    expect(state).to_have_text("Live")
    viewer.channel("waiting", "")
    expect(state).to_have_text("Nobody is speaking at the moment.")
    expect(final_captions(page)).to_have_text(["Said."])


def test_a_correction_of_the_talk_before_is_not_one_of_this_talk(
    page: Page, channel: Channel
) -> None:
    """Utterances of both have the same numbers."""
    page.goto(channel.watch_url)
    viewer = channel.next_viewer()
    viewer.channel("live", "s1")
    viewer.final(1, "A kernel.")
    viewer.channel("live", "s2")
    viewer.final(1, "The second talk.")
    viewer.partial(2, "It goes on")
    expect(open_caption(page)).to_have_text(["It goes on"])
    viewer.channel("waiting", "s1")
    viewer.revised(1, "A colonel.", by="corrector")
    viewer.channel("live", "s2")
    viewer.partial(2, "It goes on")
    expect(final_captions(page)).to_have_text(["A colonel.", "The second talk."])
    expect(open_caption(page)).to_have_text(["It goes on"])


def test_who_comes_after_the_talk_is_not_told_to_wait_for_it(page: Page, channel: Channel) -> None:
    page.goto(channel.watch_url)
    viewer = channel.next_viewer()
    viewer.channel("waiting", "")
    viewer.channel("waiting", "s1")
    viewer.final(1, "All of it.")
    viewer.channel("waiting", "")
    expect(final_captions(page)).to_have_text(["All of it."])
    expect(page.locator("#state")).to_have_text("Nobody is speaking at the moment.")


@pytest.mark.parametrize(("state", "session"), [("live", "s2"), ("waiting", "s1")])
def test_a_session_that_ends_takes_its_open_caption_with_it(
    page: Page, channel: Channel, state: str, session: str
) -> None:
    page.goto(channel.watch_url)
    viewer = channel.next_viewer()
    viewer.channel("live", "s1")
    viewer.final(1, "Of the first session.")
    viewer.partial(2, "Never to be")
    expect(open_caption(page)).to_have_text(["Never to be"])
    viewer.channel(state, session)
    expect(open_caption(page)).to_have_count(0)
    viewer.channel("live", "s2")
    viewer.final(1, "Of the second.")
    expect(final_captions(page)).to_have_text(["Of the first session.", "Of the second."])


def test_a_connection_that_breaks_comes_back_and_nothing_comes_twice(
    page: Page, channel: Channel
) -> None:
    page.goto(channel.watch_url)
    viewer = channel.next_viewer()
    viewer.channel("live", "s1")
    viewer.final(1, "First.")
    viewer.partial(2, "Sec")
    expect(open_caption(page)).to_have_text(["Sec"])
    viewer.die()
    expect(page.locator("#state")).to_contain_text("Reconnecting to the server.")
    again = channel.next_viewer()
    again.channel("live", "s1")
    again.final(1, "First.")
    again.final(2, "Second.")
    again.channel("live", "s1")
    again.partial(3, "Third")
    expect(open_caption(page)).to_have_text(["Third"])
    expect(final_captions(page)).to_have_text(["First.", "Second."])
    expect(page.locator("#state")).to_have_text("Live")


def test_a_link_that_does_not_hold_is_told(page: Page, channel: Channel) -> None:
    channel.refusal = (401, "This link does not hold any more.")
    page.goto(f"{channel.watch_url}#token=old")
    expect(page.locator("#state")).to_contain_text("This link does not hold any more.")
    expect(page.locator("#state")).to_have_attribute("data-state", "trouble")


def test_the_token_comes_from_the_fragment(page: Page, channel: Channel) -> None:
    page.goto(f"{channel.watch_url}#token=abc.def")
    viewer = channel.next_viewer()
    viewer.channel()
    expect(page.locator("#state")).to_have_text("Live")
    assert viewer.offered == ["surtitle.v1", "token.abc.def"]


@pytest.mark.parametrize("path", ["/watch/", "/watch/two%20words", "/watch/.hidden"])
def test_an_address_without_a_name(page: Page, channel: Channel, path: str) -> None:
    page.goto(channel.url + path)
    expect(page.locator("#state")).to_contain_text("This address does not name a channel.")


def test_a_reader_who_scrolled_up_is_left_in_peace(page: Page, channel: Channel) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(channel.watch_url)
    viewer = channel.next_viewer()
    viewer.channel()
    for utterance in range(1, 31):
        viewer.final(utterance, f"Line number {utterance}.")
    expect(final_captions(page).last).to_be_in_viewport()
    page.get_by_role("region", name="Captions").focus()
    page.keyboard.press("Home")
    newest = page.get_by_role("button", name="Newest caption")
    expect(newest).to_be_visible()
    expect(final_captions(page).first).to_be_in_viewport()
    viewer.final(31, "Line number 31.")
    expect(final_captions(page)).to_have_count(31)
    expect(final_captions(page).first).to_be_in_viewport()
    newest.click()
    expect(final_captions(page).last).to_be_in_viewport()


def test_how_it_looks_is_kept(page: Page, channel: Channel) -> None:
    page.goto(channel.watch_url)
    channel.next_viewer()
    page.get_by_role("button", name="Larger captions").click()
    set_setting(page, "Colours", "Yellow on black")
    page.reload()
    expect(page.locator("html")).to_have_attribute("style", "--caption-scale: 1.2;")
    expect(page.locator("body")).to_have_css("color", "rgb(255, 230, 0)")


def test_the_transcript_can_be_taken_home(page: Page, channel: Channel, tmp_path: Path) -> None:
    page.goto(channel.watch_url)
    viewer = channel.next_viewer()
    viewer.channel("live", "s1")
    viewer.final(1, "Of the first session.")
    viewer.channel("live", "s2")
    viewer.final(1, "Of the second.")
    expect(open_transcript(page)).to_have_count(2)
    assert saved(page, "Text", tmp_path).read_text(encoding="utf-8") == (
        "Of the first session.\nOf the second.\n"
    )
    for button in ("SRT", "WebVTT"):
        path = saved(page, button, tmp_path)
        for read in READERS:  # the second session begins where the first one ends: at three seconds
            assert [cue.start_ms for cue in read(path)] == [2000, 5000]


def test_what_is_taken_home_has_the_better_text(
    page: Page, channel: Channel, tmp_path: Path
) -> None:
    """Also what was revised while this page was away; lines change if the reader wishes it."""
    page.goto(channel.watch_url)
    viewer = channel.next_viewer()
    viewer.channel("live", "s1")
    viewer.final(1, "A kernel")
    viewer.final(2, "a grease.")
    viewer.revised(1, "A colonel")
    expect(final_captions(page)).to_have_text(["A kernel", "a grease."])
    viewer.die()
    again = channel.next_viewer()
    again.channel("live", "s1")
    again.final(1, "A colonel")
    again.final(2, "agrees.")
    again.channel("live", "s1")
    again.final(3, "So do I.")
    expect(final_captions(page)).to_have_text(["A kernel", "a grease.", "So do I."])
    lines = open_transcript(page).locator("p")
    expect(lines).to_have_text(["A kernel", "a grease.", "So do I."])
    assert saved(page, "Text", tmp_path).read_text(encoding="utf-8") == (
        "A colonel\nagrees.\nSo do I.\n"
    )
    switch(page, "Correct lines already shown", on=True)
    expect(lines).to_have_text(["A colonel", "agrees.", "So do I."])


def test_on_a_phone_held_sideways_the_captions_have_the_height(
    page: Page, channel: Channel
) -> None:
    page.set_viewport_size({"width": 844, "height": 390})
    page.goto(channel.watch_url)
    viewer = channel.next_viewer()
    viewer.channel()
    viewer.final(1, "And so on and on. " * 20)
    expect(final_captions(page)).to_have_count(1)
    box = page.locator("#viewport").bounding_box()
    assert box is not None
    assert box["height"] > 0.8 * 390
    assert page.evaluate("document.documentElement.scrollHeight") <= 390


SIZES = {
    "phone": (390, 844),
    "sideways": (844, 390),
    "narrow": (320, 640),
    "projector": (1920, 1080),
}


@pytest.mark.parametrize("size", SIZES)
def test_nothing_is_cut_off(page: Page, channel: Channel, size: str) -> None:
    width, height = SIZES[size]
    page.set_viewport_size({"width": width, "height": height})
    page.goto(channel.watch_url)
    viewer = channel.next_viewer()
    viewer.channel("away")
    viewer.final(1, "A word that is long: " + "Donaudampfschifffahrt" * 4)
    expect(final_captions(page)).to_have_count(1)
    for _ in range(2):
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        for button in page.get_by_role("button").all():
            expect(button).to_be_in_viewport(ratio=1)
        page.get_by_role("button", name="Transcript").click()


# -- with a real server --------------------------------------------------------------------------


@pytest.fixture(scope="module")
def server() -> Iterator[ServerProcess]:
    running = start_server(decoder=FAKE_DECODER)
    yield running
    running.stop()


def test_from_the_speakers_page_to_the_audiences(
    browser: Browser, page: Page, server: ServerProcess
) -> None:
    """With the server's own routes, codes and counts."""
    page.goto(server.url)
    page.get_by_role("button", name="Share").click()
    page.get_by_role("switch", name="Share these captions").check()
    expect(page.get_by_role("img", name="QR code")).to_be_visible()
    link = page.get_by_label("Link for the audience", exact=True).input_value()
    overlay_link = page.get_by_label("Overlay for OBS").input_value()
    page.keyboard.press("Escape")
    with (
        watched_page(browser.new_context(), "127.0.0.1") as audience,
        watched_page(browser.new_context(), "127.0.0.1") as overlay,
    ):
        audience.goto(link)
        overlay.goto(f"{overlay_link}?fade=0")
        expect(audience.locator("#state")).to_contain_text("Nobody is speaking here yet.")
        choose_sample(page)
        page.get_by_role("button", name="Start").click()
        expect(audience.locator("#state")).to_have_text("Live")
        expect(open_caption(audience).first).to_contain_text("ms")
        expect(overlay.locator("#text")).to_contain_text("ms")
        expect(page.get_by_role("button", name="2 watching")).to_be_visible()
        page.get_by_role("button", name="Stop").click()
        expect(audience.locator("#state")).to_have_text("Nobody is speaking at the moment.")
        said = final_captions(page).all_inner_texts()
        expect(final_captions(audience)).to_have_text(said)
        audience.reload()
        expect(final_captions(audience)).to_have_text(said)
