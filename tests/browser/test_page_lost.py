"""The page while its connection is away: the run goes on, and it says how things stand."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from surtitle.gateway.web import web_root
from tests.browser.page_parts import (
    final_captions,
    lose,
    open_caption,
    open_transcript,
    set_setting,
    start,
)
from tests.browser.scripted import ScriptedServer


def test_the_run_goes_on_while_a_connection_is_away(page: Page, scripted: ScriptedServer) -> None:
    state = page.locator("#state")
    stage = start(page, scripted, source="Microphone")
    stage.final(1, "The first sentence.")
    stage.partial(2, "The second", " sent")
    expect(open_caption(page)).to_have_text("The second sent")
    lose(stage, scripted)
    expect(state).to_have_text("Reconnecting to the server. Anything said in the meantime is kept.")
    expect(state).to_have_attribute("data-state", "trouble")
    expect(page.get_by_role("button", name="Stop")).to_be_visible()
    expect(open_caption(page)).to_have_text("The second sent")

    scripted.refusal = None
    stage.next_resume()
    expect(state).to_have_text("The connection to the server is back.")
    expect(state).to_have_text("Listening · model scripted")
    stage.final(2, "The second sentence.")
    expect(final_captions(page)).to_have_text(["The first sentence.", "The second sentence."])
    expect(page.get_by_role("alert")).to_be_empty()


def test_what_another_session_says_anew_does_not_come_twice(
    page: Page, scripted: ScriptedServer
) -> None:
    stage = start(page, scripted, source="Microphone")
    stage.final(1, "The first sentence.", start_ms=0, end_ms=0)  # the sound has only begun
    stage.partial(2, "The second", " sent")
    stage.partial(3, "", "A third")
    expect(open_caption(page)).to_have_count(2)
    scripted.forget()
    stage.die()
    second = scripted.next_stage()
    expect(open_caption(page)).to_have_count(0)
    second.partial(1, "The second", "")
    expect(open_caption(page)).to_have_text(["The second"])
    second.final(1, "The second sentence.")
    expect(final_captions(page)).to_have_text(["The first sentence.", "The second sentence."])
    expect(open_caption(page)).to_have_count(0)


def test_of_a_recording_everything_is_said_anew_and_nothing_comes_twice(
    page: Page, scripted: ScriptedServer
) -> None:
    """Its rest means nothing without its beginning, so it is sent from there."""
    stage = start(page, scripted)
    stage.final(1, "The first sentence.")
    stage.partial(2, "The second", " sent")
    expect(open_caption(page)).to_have_text("The second sent")
    stage.next_frame_bytes()
    before = bytes(stage.audio)
    scripted.forget()
    stage.die()
    second = scripted.next_stage()
    second.say("speech", utterance=1, start_ms=0)
    second.partial(1, "The first", "")
    second.final(1, "The first sentence.")
    second.partial(2, "The second", " sentence")
    expect(open_caption(page)).to_have_text(["The second sentence"])
    second.final(2, "The second sentence.")
    expect(final_captions(page)).to_have_text(["The first sentence.", "The second sentence."])
    page.get_by_role("button", name="Stop").click()
    expect(page.locator("#state-words")).to_contain_text("Finished: 2 captions")
    assert second.audio.startswith(before)
    assert before.startswith(b"fLaC")


def test_what_was_lost_is_noted_in_the_transcript(page: Page, scripted: ScriptedServer) -> None:
    client = (web_root() / "client" / "client.js").read_text(encoding="utf-8")
    keeps = "const KEEP_MS = 120_000;"
    assert keeps in client
    page.route(
        "**/client/client.js",
        lambda route: route.fulfill(
            body=client.replace(keeps, "const KEEP_MS = 100;"), content_type="text/javascript"
        ),
    )
    stage = start(page, scripted, source="Microphone")
    stage.next_frame_bytes()
    stage.partial(1, "Said", " bef")
    lose(stage, scripted)
    for _ in range(2):  # meanwhile more is said than is kept
        page.wait_for_event("response", lambda response: response.status == 503)
    scripted.refusal = None
    stage.next_resume()
    lost = re.compile(r"\[\d s lost while the connection was down\]")
    expect(final_captions(page)).to_have_text([lost])
    lines = open_transcript(page).locator("p")
    stage.final(1, "Said before.", start_ms=0, end_ms=90)
    expect(lines).to_have_text(["Said before.", lost])
    page.get_by_role("button", name="Transcript").click()
    expect(final_captions(page)).to_have_text(["Said before.", lost])
    set_setting(page, "Captions", "In blocks")
    expect(page.locator("#block")).to_contain_text("lost while the connection was down")
    page.get_by_label("Language of this page").select_option("de")
    expect(page.locator("#block")).to_contain_text(
        "verloren, während die Verbindung unterbrochen war"
    )


def test_stop_while_the_connection_is_away_waits_for_it(
    page: Page, scripted: ScriptedServer
) -> None:
    stage = start(page, scripted)
    lose(stage, scripted)
    expect(page.locator("#state")).to_contain_text("Reconnecting to the server.")
    page.get_by_role("button", name="Stop").click()
    expect(page.get_by_role("button", name="Stop now")).to_be_visible()
    scripted.refusal = None
    stage.next_resume()
    assert stage.next_command() == {"type": "stop"}
    expect(page.locator("#state-words")).to_contain_text("Finished: 2 captions")


def test_stop_now_while_the_connection_is_away(page: Page, scripted: ScriptedServer) -> None:
    stage = start(page, scripted)
    lose(stage, scripted)
    expect(page.locator("#state")).to_contain_text("Reconnecting to the server.")
    page.get_by_role("button", name="Stop").click()
    page.get_by_role("button", name="Stop now").click()
    expect(page.locator("#state")).to_have_text("Stopped")
    expect(page.get_by_role("alert")).to_be_empty()
    expect(page.get_by_role("button", name="Start")).to_be_visible()


def test_a_server_that_does_not_come_back(page: Page, scripted: ScriptedServer) -> None:
    page.clock.install()
    stage = start(page, scripted, source="Microphone")
    stage.final(1, "The first sentence.")
    stage.partial(2, "The second", " sent")
    expect(open_caption(page)).to_have_text("The second sent")
    lose(stage, scripted)
    expect(page.locator("#state")).to_contain_text("Reconnecting to the server.")
    page.clock.fast_forward(121_000)
    expect(page.get_by_role("alert")).to_have_text(
        "The server did not come back within 120 s. The server is full. Try again in 5 s."
    )
    expect(page.locator("#state")).to_have_text("Not connected")
    expect(final_captions(page)).to_have_text(
        [
            "The first sentence.",
            "The second sent Caption incomplete: "
            "The connection was lost before this caption was complete.",
        ]
    )
    scripted.refusal = None
    page.get_by_role("button", name="Start").click()
    scripted.next_stage().final(1, "The third sentence.")
    expect(final_captions(page).last).to_have_text("The third sentence.")
