"""Names and terms that a speaker writes are listened for, and stay."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.browser.page_parts import start
from tests.browser.scripted import ScriptedServer


def write_names(page: Page, text: str) -> None:
    page.get_by_role("button", name="Settings").click()
    page.get_by_label("Names and terms").fill(text)
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()


def test_names_are_sent_and_stay(page: Page, scripted: ScriptedServer) -> None:
    page.goto(scripted.url)
    write_names(page, "Surtitle\nPadgett Brown\n")
    stage = start(page, scripted)  # which loads the page anew
    assert stage.start["hotwords"] == ["Surtitle", "Padgett Brown"]


def test_without_names_the_server_has_its_own(page: Page, scripted: ScriptedServer) -> None:
    assert "hotwords" not in start(page, scripted).start


def test_names_hold_while_somebody_speaks(page: Page, scripted: ScriptedServer) -> None:
    stage = start(page, scripted)
    write_names(page, "Surtitle")
    assert stage.next_command() == {"type": "update", "hotwords": ["Surtitle"]}


def test_what_cannot_be_sent_is_said(page: Page, scripted: ScriptedServer) -> None:
    page.goto(scripted.url)
    page.get_by_role("button", name="Settings").click()
    field = page.get_by_label("Names and terms")
    field.fill("x" * 101)
    expect(page.locator("#names-problem")).to_have_text("A name may have 100 letters at most.")
    field.fill("x" * 100)
    expect(page.locator("#names-problem")).to_have_text("")
