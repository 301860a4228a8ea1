"""A transcript outlives the page: reload, close, crash, Clear."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, Dialog, Page, expect

from tests.browser.conftest import watched_page
from tests.browser.page_parts import final_captions, open_transcript, start
from tests.browser.scripted import ScriptedServer

OFFER = "Your last transcript is still on this device: 2 lines"
NOT_KEPT = "This browser cannot keep the transcript. Save it before you leave this page."


def talk(page: Page, scripted: ScriptedServer, *texts: str, stops: bool = True) -> None:
    """Say these captions, and a word that is still open."""
    stage = start(page, scripted)
    for number, text in enumerate(texts, 1):
        stage.final(number, text, start_ms=number * 1000, end_ms=number * 1000 + 900)
    expect(final_captions(page)).to_have_count(len(texts))
    if stops:
        page.get_by_role("button", name="Stop").click()
        expect(page.get_by_role("button", name="Start")).to_be_visible()


def leave_and_return(page: Page) -> None:
    """Reload; who is asked whether to leave does so."""
    page.once("dialog", lambda dialog: dialog.accept())
    page.reload()


def test_after_a_reload_in_mid_sentence_it_is_restored_and_goes_on(
    page: Page, scripted: ScriptedServer
) -> None:
    talk(page, scripted, "The first.", "The second.", stops=False)
    leave_and_return(page)
    expect(page.locator("#restore")).to_contain_text(OFFER)
    page.get_by_role("button", name="Restore").click()
    expect(page.locator("#restore")).to_be_hidden()
    expect(final_captions(page)).to_have_text(["The first.", "The second."])
    page.get_by_role("radio", name="Sample").check()
    page.get_by_role("button", name="Start").click()
    scripted.next_stage().final(1, "The third.", start_ms=100, end_ms=900)
    expect(final_captions(page)).to_have_text(["The first.", "The second.", "The third."])
    lines = open_transcript(page)
    expect(lines.locator(".time")).to_have_text(["0:01", "0:02", "0:03"])
    # And all of it once more, as one.
    leave_and_return(page)
    expect(page.locator("#restore")).to_contain_text("3 lines")


def test_a_new_talk_leaves_the_one_before_where_it_is(page: Page, scripted: ScriptedServer) -> None:
    talk(page, scripted, "The first.", "The second.", stops=False)
    leave_and_return(page)
    talk(page, scripted, "The third.")  # who speaks does not read what is offered
    page.reload()
    offers = page.locator("#restore li")
    expect(offers).to_contain_text(
        ["Your last transcript is still on this device: 1 line", "2 lines"]
    )
    offers.nth(1).get_by_role("button", name="Restore").click()
    expect(final_captions(page)).to_have_text(["The first.", "The second."])
    page.reload()
    expect(offers).to_contain_text(["2 lines", "1 line"])


CLOSED_BY_THE_BROWSER = """
const open = IDBFactory.prototype.open;
IDBFactory.prototype.open = function (...named) {
  const request = open.apply(this, named);
  request.addEventListener("success", () => (window.closeIt = () => request.result.close()));
  return request;
};
"""


def test_what_comes_after_the_browser_has_closed_the_store_is_kept(
    page: Page, scripted: ScriptedServer
) -> None:
    """As one does with pages in the background."""
    page.add_init_script(CLOSED_BY_THE_BROWSER)
    stage = start(page, scripted)
    stage.final(1, "The first.", start_ms=1000, end_ms=1900)
    expect(final_captions(page)).to_have_count(1)
    page.evaluate("closeIt()")
    for number in (2, 3):
        stage.final(number, "Another one.", start_ms=number * 1000, end_ms=number * 1000 + 900)
    expect(final_captions(page)).to_have_count(3)
    page.get_by_role("button", name="Stop").click()
    expect(page.get_by_role("button", name="Start")).to_be_visible()
    page.reload()
    expect(page.locator("#restore")).to_contain_text("3 lines")


FULL_DISK = """
const put = IDBObjectStore.prototype.put;
IDBObjectStore.prototype.put = function (...line) {
  const { transaction } = this;
  const abort = () => transaction.abort();
  if (window.isFull && !transaction.isDoomed) queueMicrotask(abort);
  transaction.isDoomed = window.isFull;
  return put.apply(this, line);
};
"""


def test_what_cannot_be_kept_anew_stays_where_it_is(page: Page, scripted: ScriptedServer) -> None:
    page.add_init_script(FULL_DISK)
    talk(page, scripted, "The first.", "The second.")
    page.reload()
    page.evaluate("isFull = true")
    page.get_by_role("button", name="Restore").click()
    expect(final_captions(page)).to_have_text(["The first.", "The second."])
    expect(page.get_by_role("alert")).to_contain_text(NOT_KEPT)
    leave_and_return(page)
    expect(page.locator("#restore")).to_contain_text(OFFER)


def test_it_is_deleted_for_good(page: Page, scripted: ScriptedServer) -> None:
    talk(page, scripted, "The first.", "The second.")
    page.reload()
    page.get_by_role("button", name="Delete for good").click()
    expect(page.locator("#restore")).to_be_hidden()
    page.reload()
    expect(page.get_by_text("Press Start and speak.")).to_be_visible()
    page.wait_for_function("() => indexedDB.databases().then((found) => found.length === 1)")
    expect(page.locator("#restore")).to_be_hidden()


def test_clear_can_be_undone_and_leaves_nothing_else(page: Page, scripted: ScriptedServer) -> None:
    talk(page, scripted, "The first.", "The second.")
    open_transcript(page)
    page.get_by_role("button", name="Clear").click()
    expect(page.get_by_text("Nothing has been said yet.")).to_be_visible()
    page.get_by_role("button", name="Undo").click()
    expect(page.locator("#transcript-lines p")).to_have_text(["The first.", "The second."])
    page.get_by_role("button", name="Clear").click()
    page.reload()
    expect(page.get_by_text("Press Start and speak.")).to_be_visible()
    expect(page.locator("#restore")).to_be_hidden()


def test_lines_that_were_revised_come_back_as_they_were_read(
    page: Page, scripted: ScriptedServer
) -> None:
    stage = start(page, scripted)
    stage.final(1, "A kernel agrees.")
    stage.final(2, "He plays choppy.")
    stage.revised(1, "A colonel agrees.")
    stage.revised(2, "He plays Chopin.", by="corrector")
    expect(final_captions(page)).to_have_text(["A kernel agrees.", "He plays Chopin."])
    page.get_by_role("button", name="Stop").click()
    expect(page.get_by_role("button", name="Start")).to_be_visible()
    lines = open_transcript(page).locator("p")
    page.get_by_role("button", name="Clear").click()
    page.get_by_role("button", name="Undo").click()
    expect(lines).to_have_text(["A kernel agrees.", "He plays Chopin."])
    page.get_by_role("button", name="Transcript").click()
    expect(final_captions(page)).to_have_text(["A kernel agrees.", "He plays Chopin."])
    page.reload()
    page.get_by_role("button", name="Restore").click()
    expect(final_captions(page)).to_have_text(["A kernel agrees.", "He plays Chopin."])


def test_what_another_page_is_writing_is_not_offered(page: Page, scripted: ScriptedServer) -> None:
    talk(page, scripted, "The first.", "The second.")
    other = page.context.new_page()
    other.goto(scripted.url)
    expect(other.get_by_text("Press Start and speak.")).to_be_visible()
    other.wait_for_function("() => navigator.locks.query().then(({ held }) => held.length === 2)")
    expect(other.locator("#restore")).to_be_hidden()
    page.close()
    other.reload()
    expect(other.locator("#restore")).to_contain_text(OFFER)


@pytest.mark.parametrize("captioning", [True, False])
def test_who_leaves_while_captions_come_is_asked(
    page: Page, scripted: ScriptedServer, captioning: bool
) -> None:
    talk(page, scripted, "The first.", stops=not captioning)
    assert asked_on_leaving(page) == ["beforeunload"] * captioning


def asked_on_leaving(page: Page) -> list[str]:
    """Reload; what the browser asks meanwhile."""
    asked: list[str] = []

    def note(dialog: Dialog) -> None:
        asked.append(dialog.type)
        dialog.accept()

    page.on("dialog", note)
    page.reload()
    page.remove_listener("dialog", note)
    return asked


def test_without_storage_the_page_works_all_the_same_and_says_once_that_nothing_is_kept(
    browser: Browser, scripted: ScriptedServer
) -> None:
    with watched_page(browser.new_context(), "127.0.0.1") as page:
        page.add_init_script(
            "IDBFactory.prototype.open = () => { throw new DOMException('no', 'SecurityError'); }"
        )
        talk(page, scripted, "The first.", "The second.")
        expect(page.get_by_role("alert")).to_contain_text(NOT_KEPT)
        open_transcript(page)
        page.get_by_role("button", name="Clear").click()
        page.get_by_role("button", name="Undo").click()
        expect(page.locator("#transcript-lines p")).to_have_count(2)
        expect(page.get_by_role("alert")).to_be_empty()
        assert asked_on_leaving(page) == ["beforeunload"]
        assert asked_on_leaving(page) == []  # there is nothing to lose
