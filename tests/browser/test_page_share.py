"""Sharing from the speaker's page: a name, links, a code, and who watches."""

from __future__ import annotations

import re
from urllib.parse import unquote

import pytest
from playwright.sync_api import Page, expect

from tests.browser.page_parts import choose_sample, greet_channel, serve_qr, share, start
from tests.browser.scripted import ScriptedServer, Stage


def begin(page: Page, server: ScriptedServer) -> Stage:
    choose_sample(page)
    page.get_by_role("button", name="Start").click()
    return server.next_stage()


def test_nothing_is_shared_by_default(page: Page, scripted: ScriptedServer) -> None:
    assert "channel" not in start(page, scripted).start
    expect(page.get_by_role("button", name="Share")).to_be_visible()


def test_a_channel_from_its_name_to_its_audience(page: Page, scripted: ScriptedServer) -> None:
    asked: list[str] = []
    serve_qr(page, asked)
    scripted.on_start = greet_channel()
    page.goto(scripted.url)
    panel = share(page, "main-hall")
    expect(panel).to_contain_text("Sharing begins when you press Start.")
    link = f"{scripted.url}/watch/main-hall"
    expect(panel.get_by_label("Link for the audience", exact=True)).to_have_value(link)
    overlay = panel.get_by_label("Overlay for OBS")
    expect(overlay).to_have_value(f"{scripted.url}/overlay/main-hall")
    expect(panel.get_by_role("img", name="QR code")).to_be_visible()
    assert unquote(asked[-1]) == link
    page.keyboard.press("Escape")

    stage = begin(page, scripted)
    assert stage.start["channel"] == "main-hall"
    expect(page.get_by_role("button", name="0 watching")).to_be_visible()
    stage.say("ack", received=0, safe=0, viewers=312)
    page.get_by_role("button", name="312 watching").click()
    expect(panel).to_contain_text("312 watching now.")
    stage.say("ack", received=0, safe=0)  # it was away, and somebody took the name
    expect(panel).to_contain_text("Someone else is using this name now.")
    stage.say("ack", received=0, safe=0, viewers=2)
    expect(panel).to_contain_text("2 watching now.")
    expect(panel.get_by_label("Channel name")).not_to_be_editable()
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Stop").click()
    expect(page.get_by_role("button", name="Share")).to_be_visible()


def test_the_code_fills_the_screen_for_a_hall(page: Page, scripted: ScriptedServer) -> None:
    serve_qr(page, [])
    page.goto(scripted.url)
    panel = share(page, "main-hall")
    panel.get_by_role("img", name="QR code").click()
    page.wait_for_function("() => document.fullscreenElement?.id === 'code'")
    host = scripted.url.partition("//")[2]
    expect(page.get_by_text(f"{host}/watch/main-hall")).to_be_visible()
    panel.get_by_role("img", name="QR code").click()
    page.wait_for_function("() => !document.fullscreenElement")
    expect(page.get_by_text(f"{host}/watch/main-hall")).to_be_hidden()
    panel.get_by_role("button", name="Full screen").click()
    page.wait_for_function("() => document.fullscreenElement?.id === 'code'")


def test_the_audience_gets_its_own_token(page: Page, scripted: ScriptedServer) -> None:
    """Not the speaker's; and it stands where no server and no log sees it."""
    asked: list[str] = []
    serve_qr(page, asked)
    scripted.on_start = greet_channel("for.the.audience")
    page.goto(scripted.url)
    share(page, "main-hall")
    page.keyboard.press("Escape")
    begin(page, scripted)
    page.evaluate("location.hash = 'token=of.the.speaker'")
    page.get_by_role("button", name="0 watching").click()
    link = page.get_by_label("Link for the audience", exact=True)
    expect(link).to_have_value(f"{scripted.url}/watch/main-hall#token=for.the.audience")
    expect(page.get_by_role("img", name="QR code")).to_be_visible()
    expect(page.get_by_label("Overlay for OBS")).to_have_value(
        re.compile("#token=for.the.audience$")
    )
    assert "of.the.speaker" not in link.input_value()
    page.wait_for_function("() => document.querySelector('#qr').complete")
    assert unquote(asked[-1]).endswith("#token=for.the.audience")


def test_the_link_is_copied(page: Page, scripted: ScriptedServer) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto(scripted.url)
    share(page, "main-hall").get_by_role("button", name="Copy the link for the audience").click()
    expect(page.locator("#announcement")).to_have_text("Copied.")
    assert page.evaluate("navigator.clipboard.readText()") == f"{scripted.url}/watch/main-hall"


def test_a_name_is_proposed_and_kept(page: Page, scripted: ScriptedServer) -> None:
    page.goto(scripted.url)
    field = share(page).get_by_label("Channel name")
    expect(field).to_have_value(re.compile(r"^[a-z]+-[a-z]+-[2-9a-z]{5}$"))
    first = field.input_value()
    page.get_by_role("button", name="Another").click()
    expect(field).not_to_have_value(first)
    second = field.input_value()
    page.reload()
    page.get_by_role("button", name="Share").click()
    expect(page.get_by_role("switch", name="Share these captions")).to_be_checked()
    expect(field).to_have_value(second)


@pytest.mark.parametrize("name", ["", "two words", "straße", "a/b", "../up", "?x=1"])
def test_a_name_that_no_address_can_have(page: Page, scripted: ScriptedServer, name: str) -> None:
    page.goto(scripted.url)
    panel = share(page, name)
    expect(panel.get_by_text("Use only letters, digits")).to_be_visible()
    expect(panel.get_by_label("Link for the audience", exact=True)).to_be_hidden()
    page.keyboard.press("Escape")
    assert "channel" not in begin(page, scripted).start


def test_sharing_that_comes_too_late_says_when_it_begins(
    page: Page, scripted: ScriptedServer
) -> None:
    start(page, scripted)
    panel = share(page, "main-hall")
    expect(panel).to_contain_text("Sharing begins with the next Start.")


def test_links_hold_behind_a_proxy_with_a_path(page: Page, scripted: ScriptedServer) -> None:
    prefix = f"{scripted.url}/captions/"
    page.route(
        f"{prefix}**",
        lambda route: route.fulfill(
            response=route.fetch(url=route.request.url.replace("/captions/", "/", 1))
        ),
    )
    asked: list[str] = []
    serve_qr(page, asked)
    page.goto(prefix)
    panel = share(page, "main-hall")
    expect(panel.get_by_role("img", name="QR code")).to_be_visible()
    assert unquote(asked[-1]) == f"{prefix}watch/main-hall"
    expect(panel.get_by_label("Link for the audience", exact=True)).to_have_value(
        f"{prefix}watch/main-hall"
    )
