"""The page of a corrector: captions are written over while others read them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from lab.server_process import FAKE_DECODER, ServerProcess, start_server
from tests.browser.channel import NAME, Channel, Viewer
from tests.browser.conftest import watched_page
from tests.browser.page_parts import choose_sample, final_captions, start
from tests.browser.scripted import ScriptedServer

SPOKEN_LIMIT_MS = 60_000


class Api:
    """What the page sends; answers as it is told."""

    def __init__(self, page: Page) -> None:
        self.sent: list[tuple[str, Any]] = []
        self.tokens: list[str] = []
        self.answer: tuple[int, dict[str, Any]] = (200, {})
        self.is_away = False
        page.route(re.compile(f"/v1/channels/{NAME}/(corrections|names)$"), self._take)

    def _take(self, route: Route) -> None:
        request = route.request
        self.sent.append((request.url.rpartition("/")[2], json.loads(request.post_data or "")))
        self.tokens.append(request.headers.get("authorization", ""))
        if self.is_away:
            route.abort()
        else:
            status, body = self.answer
            route.fulfill(status=status, json=body)

    def last(self) -> Any:
        return self.sent[-1]


@pytest.fixture
def api(page: Page) -> Api:
    return Api(page)


@pytest.fixture
def viewer(page: Page, channel: Channel, api: Api) -> Iterator[Viewer]:
    """The page is open, and two captions were said."""
    page.goto(f"{channel.url}/edit/{NAME}#token=secret")
    viewer = channel.next_viewer()
    viewer.channel("live", "s1")
    viewer.final(1, "He plays choppy.")
    viewer.final(2, "Every day.")
    expect(page.locator("#lines textarea")).to_have_count(2)
    yield viewer


def field(page: Page, at: int = 0) -> Any:
    return page.get_by_role("textbox", name="Caption").nth(at)


def state(page: Page, at: int = 0) -> Any:
    return page.locator("#lines .line").nth(at)


def test_what_is_written_over_goes_to_the_server(page: Page, viewer: Viewer, api: Api) -> None:
    assert "token.secret" in viewer.offered
    field(page).click()
    field(page).fill("He plays Chopin.")
    expect(state(page)).to_have_attribute("data-state", "changed")
    page.keyboard.press("Enter")
    expect(state(page)).to_have_attribute("data-state", "shown")
    expect(field(page, 1)).to_be_focused()
    body = {"session": "s1", "utterance": 1, "text": "He plays Chopin.", "seen": "He plays choppy."}
    assert api.sent == [("corrections", body)]
    assert api.tokens == ["Bearer secret"]
    viewer.revised(1, "He plays Chopin.", by="corrector")
    viewer.final(3, "And tomorrow.")
    expect(field(page, 2)).to_have_value("And tomorrow.")
    expect(field(page)).to_have_value("He plays Chopin.")
    expect(field(page, 1)).to_be_focused()


def test_without_a_mouse(page: Page, viewer: Viewer, api: Api) -> None:
    field(page).focus()
    page.keyboard.press("Home")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("End")
    page.keyboard.press("ArrowDown")
    expect(field(page, 1)).to_be_focused()
    page.keyboard.type("Not ")
    expect(field(page, 1)).to_have_value("Not Every day.")
    page.keyboard.press("Escape")
    expect(field(page, 1)).to_have_value("Every day.")
    assert api.sent == []
    page.keyboard.press("Control+Delete")
    expect(state(page, 1)).to_have_attribute("data-state", "deleted")
    assert api.last()[1]["text"] == ""
    page.get_by_role("button", name="Restore").click()
    expect(state(page, 1)).to_have_attribute("data-state", "shown")
    assert api.last()[1] == {"session": "s1", "utterance": 2, "text": "Every day.", "seen": ""}


def test_leaving_a_line_saves_it(page: Page, viewer: Viewer, api: Api) -> None:
    field(page).fill("He plays Chopin.")
    field(page, 1).click()
    expect(state(page)).to_have_attribute("data-state", "shown")
    assert api.last()[1]["text"] == "He plays Chopin."


def test_what_is_half_written_is_not_sent_when_the_window_is_left(
    page: Page, viewer: Viewer, api: Api
) -> None:
    field(page).fill("He plays Ch")
    field(page).evaluate("(field) => field.dispatchEvent(new FocusEvent('blur'))")  # it keeps focus
    field(page).evaluate(
        "(field) => field.dispatchEvent(new KeyboardEvent('keydown', { key: 'Enter', keyCode: 229 }))"
    )
    expect(field(page)).to_be_focused()
    expect(state(page)).to_have_attribute("data-state", "changed")
    field(page, 1).click()
    expect(state(page)).to_have_attribute("data-state", "shown")
    assert [body["text"] for _, body in api.sent] == ["He plays Ch"]


def test_nothing_that_was_written_is_lost(page: Page, viewer: Viewer, api: Api) -> None:
    api.is_away = True
    field(page).fill("He plays Chopin.")
    page.keyboard.press("Enter")
    expect(state(page)).to_contain_text("The server cannot be reached. Press Enter to try again.")
    expect(field(page)).to_have_value("He plays Chopin.")
    api.is_away = False
    api.answer = (409, {"error": "The caption has been corrected meanwhile.", "text": "Primo."})
    field(page).focus()
    page.keyboard.press("Enter")
    expect(state(page)).to_contain_text("Meanwhile it is: Primo.")
    expect(field(page)).to_have_value("He plays Chopin.")
    api.answer = (200, {})
    field(page).focus()
    page.keyboard.press("Enter")
    expect(state(page)).to_have_attribute("data-state", "shown")
    assert api.last()[1]["seen"] == "Primo."


def test_what_another_corrects_meanwhile_is_overwritten_by_enter_alone(
    page: Page, viewer: Viewer, api: Api
) -> None:
    field(page).fill("He plays Chopin.")
    viewer.revised(1, "He plays Liszt.", by="ben")
    expect(state(page)).to_contain_text("Meanwhile it is: He plays Liszt.")
    expect(field(page)).to_have_value("He plays Chopin.")
    field(page).press("ControlOrMeta+a")
    page.keyboard.type("He plays Chopin daily.")
    field(page, 1).click()
    expect(state(page)).to_have_attribute("data-state", "conflict")
    viewer.revised(1, "", by="ben")
    expect(state(page)).to_contain_text("Meanwhile it was deleted.")
    assert api.sent == []
    field(page).press("Enter")
    expect(state(page)).to_have_attribute("data-state", "shown")
    assert api.last()[1]["text"] == "He plays Chopin daily."
    assert api.last()[1]["seen"] == ""


@pytest.mark.parametrize("supports", ["CSS.supports", "() => false"], ids=["by style", "by script"])
def test_the_whole_line_is_seen(
    page: Page, viewer: Viewer, channel: Channel, supports: str
) -> None:
    """On a phone the button beside it takes room, and more of it in other languages."""
    page.set_viewport_size({"width": 390, "height": 844})
    page.add_init_script(f"CSS.supports = {supports}")
    page.reload()
    viewer = channel.next_viewer()
    viewer.channel("live", "s1")
    words = "Ten years ago there was nothing here but rails and rust. " * 3
    for number in range(1, 21):  # of all lengths, so that some just fit
        viewer.final(number, words[: 30 + 5 * number])
    expect(page.locator("#lines textarea")).to_have_count(20)
    assert hidden_px(page) == [0] * 20
    page.get_by_label("Language of this page").select_option(label="Français")
    expect(page.get_by_role("button", name="Supprimer").first).to_be_visible()
    assert hidden_px(page) == [0] * 20


def hidden_px(page: Page) -> Any:
    """How much of each line cannot be seen."""
    return page.locator("#lines textarea").evaluate_all(
        "(fields) => fields.map((field) => field.scrollHeight - field.clientHeight)"
    )


def test_what_grows_stands_below_the_lines(page: Page, viewer: Viewer) -> None:
    viewer.partial(3, "He plays")
    expect(page.locator("#open")).to_have_text("He plays")
    lefts = page.evaluate(
        """() => ["#lines textarea", "#open"].map((selector) => {
          const place = document.querySelector(selector);
          const { left } = place.getBoundingClientRect();
          return left + place.clientLeft + parseFloat(getComputedStyle(place).paddingLeft);
        })"""
    )
    assert lefts[0] == pytest.approx(lefts[1], abs=0.5)


def test_names_are_listened_for(page: Page, viewer: Viewer, api: Api) -> None:
    page.get_by_label("A name that will be said").fill("Chopin")
    page.keyboard.press("Enter")
    expect(page.locator("#state")).to_have_text("Listening for “Chopin” from the next sentence on.")
    assert api.last() == ("names", {"names": ["Chopin"]})
    field(page).fill("Ask Ada Lovelace.")
    field(page).evaluate("(field) => field.setSelectionRange(4, 16)")
    page.keyboard.press("Alt+n")
    expect(page.locator("#state")).to_contain_text("“Ada Lovelace”")
    assert api.last() == ("names", {"names": ["Ada Lovelace"]})


def test_on_a_mac_other_keys_listen_for_names(page: Page, channel: Channel, api: Api) -> None:
    """Option+N writes the tilde of "ñ"."""
    page.add_init_script("Object.defineProperty(navigator, 'platform', { get: () => 'MacIntel' })")
    page.goto(f"{channel.url}/edit/{NAME}#token=secret")
    keys = page.locator(".keys div", has_text="listen for what is selected").locator("dt")
    expect(keys).to_have_text("Ctrl Option N")
    viewer = channel.next_viewer()
    viewer.channel("live", "s1")
    viewer.final(1, "Chopin")
    field(page).press("ControlOrMeta+a")
    page.keyboard.press("Alt+n")
    page.keyboard.press("Control+Alt+n")
    expect(page.locator("#state")).to_contain_text("“Chopin”")
    assert api.sent == [("names", {"names": ["Chopin"]})]


def test_the_pages_that_show_captions_show_what_a_person_has_written(
    page: Page, channel: Channel
) -> None:
    """Though lines that were read stay as they are where only the engine knows better."""
    page.goto(channel.watch_url)
    viewer = channel.next_viewer()
    viewer.channel("live", "s1")
    viewer.final(1, "He plays choppy.")
    viewer.final(2, "Everyday.")
    viewer.revised(2, "Every day.")
    viewer.revised(1, "He plays Chopin.", by="corrector")
    expect(final_captions(page)).to_have_text(["He plays Chopin.", "Everyday."])
    viewer.revised(1, "", by="corrector")
    expect(final_captions(page).first).to_have_text("")
    page.goto(channel.overlay_url())
    viewer = channel.next_viewer()
    viewer.channel("live", "s1")
    viewer.channel("live", "s1")
    viewer.final(3, "He plays choppy.")
    expect(page.locator("#text")).to_have_text("He plays choppy.")
    viewer.revised(3, "He plays Chopin.", by="corrector")
    expect(page.locator("#text")).to_have_text("He plays Chopin.")


def test_the_speaker_sees_it_too(page: Page, scripted: ScriptedServer) -> None:
    stage = start(page, scripted)
    stage.final(1, "He plays choppy.")
    stage.revised(1, "He plays Liszt.")
    expect(final_captions(page)).to_have_text(["He plays choppy."])
    stage.revised(1, "He plays Chopin.", by="corrector")
    expect(final_captions(page)).to_have_text(["He plays Chopin."])


@pytest.fixture
def server() -> Iterator[ServerProcess]:
    running = start_server(decoder=FAKE_DECODER)
    yield running
    running.stop()


@pytest.mark.long
def test_from_the_speakers_link_to_all_who_read(
    browser: Browser, page: Page, server: ServerProcess
) -> None:
    page.goto(server.url)
    page.get_by_role("button", name="Share").click()
    panel = page.get_by_role("dialog", name="Share")
    panel.get_by_role("switch", name="Share these captions").check()
    panel.get_by_label("Channel name").fill(NAME)
    link = page.get_by_label("Link for somebody who corrects the captions")
    expect(link).to_be_hidden()
    page.keyboard.press("Escape")
    choose_sample(page)
    page.get_by_role("button", name="Start").click()
    page.get_by_role("button", name="0 watching").click()
    expect(link).to_have_value(re.compile(f"/edit/{NAME}#token="))
    with (
        watched_page(browser.new_context(), "127.0.0.1") as corrector,
        watched_page(browser.new_context(), "127.0.0.1") as reader,
    ):
        corrector.goto(link.input_value())
        reader.goto(f"{server.url}/watch/{NAME}")
        first = corrector.get_by_role("textbox", name="Caption").first
        first.wait_for(timeout=SPOKEN_LIMIT_MS)
        first.fill("This was written by a person.")
        corrector.keyboard.press("Enter")
        expect(final_captions(reader).first).to_have_text("This was written by a person.")
        with watched_page(browser.new_context(), "127.0.0.1") as late:
            late.goto(f"{server.url}/watch/{NAME}")
            expect(final_captions(late).first).to_have_text("This was written by a person.")
