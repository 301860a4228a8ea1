"""The page against a scripted server: everything that it shows, says and sends."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from surtitle.gateway.web import web_root
from tests.browser.conftest import INSECURE_HOST, Launch, watched_page
from tests.browser.scripted import ScriptedServer, Stage, scripted_server


def start(page: Page, server: ScriptedServer, source: str = "Sample") -> Stage:
    """Open the page and start a run; the sample runs muted."""
    page.goto(server.url)
    page.get_by_role("radio", name=source).check()
    if source == "Sample":
        page.get_by_label("Play aloud").uncheck()
    page.get_by_role("button", name="Start").click()
    return server.next_stage()


def open_caption(page: Page) -> Locator:
    return page.locator("#open .caption")


def final_captions(page: Page) -> Locator:
    return page.get_by_role("log").locator(".caption")


# -- captions ----------------------------------------------------------------------------------


def test_an_opened_utterance_shows_before_its_first_words(
    page: Page, scripted: ScriptedServer
) -> None:
    stage = start(page, scripted)
    stage.say("speech", utterance=1, start_ms=400)
    expect(open_caption(page)).to_have_text("…")


def test_a_growing_caption_sets_its_unstable_part_apart(
    page: Page, scripted: ScriptedServer
) -> None:
    stage = start(page, scripted)
    stage.partial(1, "Live captions", " turn speed")
    unstable = open_caption(page).locator(".unstable")
    expect(open_caption(page)).to_have_text("Live captions turn speed")
    expect(unstable).to_have_text("turn speed")
    expect(unstable).to_have_css("text-decoration-style", "dotted")  # not by colour alone

    stage.partial(1, "Live captions turn speech", "")
    expect(open_caption(page)).to_have_text("Live captions turn speech")
    expect(unstable).to_have_text("")


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

    stage.partial(3, "", "A caption becomes final.")
    expect(open_caption(page)).to_have_text("A caption becomes final.")
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


# -- what goes to the server -------------------------------------------------------------------


def test_the_microphone_is_sent_at_its_own_rate_in_frames_of_100_ms(
    page: Page, scripted: ScriptedServer
) -> None:
    stage = start(page, scripted, source="Microphone")
    device_rate = page.evaluate("new AudioContext().sampleRate")
    assert stage.start["sample_rate"] == device_rate
    assert stage.start["encoding"] == "pcm_s16le"
    assert [stage.next_frame_bytes() for _ in range(5)] == [device_rate // 10 * 2] * 5
    expect(page.locator("#state-words")).to_have_text("Listening · model scripted")
    expect(page.get_by_role("meter")).not_to_have_attribute("aria-valuetext", "silent")
    page.get_by_role("button", name="Stop").click()
    assert stage.next_command() == {"type": "stop"}
    expect(page.locator("#state-words")).to_contain_text("Finished: 2 captions")


def test_a_change_of_language_is_sent_at_once(page: Page, scripted: ScriptedServer) -> None:
    stage = start(page, scripted)
    assert stage.start["language"] == "auto"
    page.get_by_label("Spoken language").select_option("de")
    assert stage.next_command() == {"type": "update", "language": "de"}


def test_a_file_is_sent_whole(page: Page, scripted: ScriptedServer, short_wav: Path) -> None:
    page.goto(scripted.url)
    page.get_by_role("radio", name="File").check()
    page.get_by_role("button", name="Start").click()
    expect(page.get_by_role("alert")).to_have_text("Choose a sound or video file first.")
    page.get_by_label("Sound or video file").set_input_files(short_wav)
    page.get_by_role("button", name="Start").click()
    stage = scripted.next_stage()
    assert stage.next_command() == {"type": "stop"}  # by itself, at the end of the file
    assert stage.audio_bytes == 2 * 16_000 * 1.25
    expect(page.get_by_role("alert")).to_be_empty()
    expect(page.get_by_role("button", name="Start")).to_be_visible()


def test_a_file_that_is_no_sound_is_refused_in_words(
    page: Page, scripted: ScriptedServer, tmp_path: Path
) -> None:
    wrong = tmp_path / "letter.txt"
    wrong.write_text("Dear reader")
    page.goto(scripted.url)
    page.get_by_role("radio", name="File").check()
    page.get_by_label("Sound or video file").set_input_files(wrong)
    page.get_by_role("button", name="Start").click()
    expect(page.get_by_role("alert")).to_contain_text("cannot decode “letter.txt”")


# -- state and errors in words -----------------------------------------------------------------


def test_the_state_of_the_server_is_shown_in_words(page: Page, scripted: ScriptedServer) -> None:
    state = page.locator("#state")
    stage = start(page, scripted)
    expect(state).to_have_text("Captioning “Sample” · model scripted")
    stage.say("status", state="recovering", message="The recogniser restarts; go on speaking.")
    expect(state).to_have_text("The recogniser restarts; go on speaking.")
    stage.say("status", state="overloaded", message="")
    expect(state).to_have_text("The server is busy. Captions come later than usual.")
    stage.say("status", state="normal", message="All is well again.")
    expect(state).to_have_text("Captioning “Sample” · model scripted")


def test_an_error_that_is_not_fatal_is_shown_and_the_run_goes_on(
    page: Page, scripted: ScriptedServer
) -> None:
    stage = start(page, scripted)
    stage.say("error", code="bad_message", message="This model speaks English only.", fatal=False)
    expect(page.get_by_role("alert")).to_have_text("This model speaks English only.")
    stage.final(1, "Still here.")
    expect(final_captions(page)).to_have_text(["Still here."])


def test_a_refused_start_shows_the_servers_sentence(page: Page, scripted: ScriptedServer) -> None:
    scripted.on_start = lambda stage: stage.refuse("bad_start", "This model does English only.")
    page.goto(scripted.url)
    page.get_by_role("radio", name="Sample").check()
    page.get_by_role("button", name="Start").click()
    expect(page.get_by_role("alert")).to_have_text("This model does English only.")
    expect(page.locator("#state")).to_have_text("Not connected")
    expect(page.get_by_role("button", name="Start")).to_be_visible()


def test_a_full_server_says_when_to_try_again(page: Page, scripted: ScriptedServer) -> None:
    scripted.refusal = ("All sessions of this server are taken.", 5)
    page.goto(scripted.url)
    page.get_by_role("radio", name="Sample").check()
    page.get_by_role("button", name="Start").click()
    expect(page.get_by_role("alert")).to_have_text(
        "All sessions of this server are taken. Try again in 5 s."
    )
    scripted.refusal = None
    page.get_by_role("button", name="Start").click()
    stage = scripted.next_stage()
    expect(page.get_by_role("alert")).to_be_empty()
    stage.final(1, "There is room now.")
    expect(final_captions(page)).to_have_text(["There is room now."])


def test_a_server_that_is_gone(page: Page) -> None:
    with scripted_server() as server:
        page.goto(server.url)
        expect(page.get_by_role("button", name="Start")).to_be_enabled()
    page.get_by_role("button", name="Start").click()
    expect(page.get_by_role("alert")).to_contain_text("Check that the server is running")
    page.get_by_role("radio", name="Sample").check()
    page.get_by_role("button", name="Start").click()
    expect(page.get_by_role("alert")).to_have_text(
        "The sample could not be fetched. Check that the server is running."
    )


def lose(stage: Stage, server: ScriptedServer) -> None:
    """Break the connection, and let nobody in again."""
    server.refusal = ("The server is full.", 5)
    stage.die()


def test_the_run_goes_on_while_a_connection_is_away(page: Page, scripted: ScriptedServer) -> None:
    state = page.locator("#state")
    stage = start(page, scripted, source="Microphone")
    stage.final(1, "The first sentence.")
    stage.partial(2, "The second", " sent")
    expect(open_caption(page)).to_have_text("The second sent")
    lose(stage, scripted)
    expect(state).to_have_text(
        "The connection to the server is being set up again. What is said meanwhile is kept."
    )
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
    stage = start(page, scripted)
    stage.final(1, "The first sentence.", start_ms=0, end_ms=0)  # the sample has only begun
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


def test_what_was_lost_is_noted_in_the_transcript(page: Page, scripted: ScriptedServer) -> None:
    client = (web_root() / "client" / "client.js").read_text(encoding="utf-8")
    keeps = "const KEEP_MS = 120_000;"
    assert keeps in client
    page.route(
        "**/client/client.js",
        lambda route: route.fulfill(
            body=client.replace(keeps, "const KEEP_MS = 1000;"), content_type="text/javascript"
        ),
    )
    page.clock.install()
    stage = start(page, scripted)
    stage.next_frame_bytes()
    stage.partial(1, "Said", " bef")
    lose(stage, scripted)
    expect(page.locator("#state")).to_contain_text("is being set up again")
    page.clock.fast_forward(6000)  # that much of the sample is due at once
    scripted.refusal = None
    stage.next_resume()
    lost = re.compile(r"\[\d s lost while the connection was away\]")
    expect(final_captions(page)).to_have_text([lost])
    stage.final(1, "Said before.", start_ms=0, end_ms=90)
    expect(final_captions(page)).to_have_text(["Said before.", lost])


def test_stop_while_the_connection_is_away_waits_for_it(
    page: Page, scripted: ScriptedServer
) -> None:
    stage = start(page, scripted)
    lose(stage, scripted)
    expect(page.locator("#state")).to_contain_text("is being set up again")
    page.get_by_role("button", name="Stop").click()
    expect(page.get_by_role("button", name="Stop now")).to_be_visible()
    scripted.refusal = None
    stage.next_resume()
    assert stage.next_command() == {"type": "stop"}
    expect(page.locator("#state-words")).to_contain_text("Finished: 2 captions")


def test_stop_now_while_the_connection_is_away(page: Page, scripted: ScriptedServer) -> None:
    stage = start(page, scripted)
    lose(stage, scripted)
    expect(page.locator("#state")).to_contain_text("is being set up again")
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
    expect(page.locator("#state")).to_contain_text("is being set up again")
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


def test_a_denied_microphone(chromium: Launch, scripted: ScriptedServer) -> None:
    denying = chromium("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream=deny")
    with watched_page(denying.new_context(), "127.0.0.1") as page:
        page.goto(scripted.url)
        page.get_by_role("button", name="Start").click()
        expect(page.get_by_role("alert")).to_contain_text("does not let this page use")
        expect(page.locator("#state")).to_have_text("Not started")


def test_no_microphone_at_all(page: Page, scripted: ScriptedServer) -> None:
    page.add_init_script(
        "navigator.mediaDevices.getUserMedia = () =>"
        " Promise.reject(new DOMException('none', 'NotFoundError'))"
    )
    page.goto(scripted.url)
    page.get_by_role("button", name="Start").click()
    expect(page.get_by_role("alert")).to_contain_text("No microphone was found.")


def test_a_microphone_that_is_pulled_out(page: Page, scripted: ScriptedServer) -> None:
    """What was said before is still captioned."""
    page.add_init_script(
        "const ask = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);"
        "navigator.mediaDevices.getUserMedia = async (c) => (window.microphone = await ask(c))"
    )
    stage = start(page, scripted, source="Microphone")
    stage.next_frame_bytes()
    page.evaluate("microphone.getTracks()[0].dispatchEvent(new Event('ended'))")
    assert stage.next_command() == {"type": "stop"}
    expect(page.get_by_role("alert")).to_contain_text("The microphone was disconnected.")
    expect(page.locator("#state-words")).to_contain_text("Finished")


def test_an_insecure_page_explains_itself_and_plays_the_sample(
    browser: Browser, scripted: ScriptedServer
) -> None:
    with watched_page(browser.new_context(), INSECURE_HOST) as page:
        page.goto(scripted.url.replace("127.0.0.1", INSECURE_HOST))
        page.get_by_role("button", name="Start").click()
        expect(page.get_by_role("alert")).to_contain_text("only on secure pages")
        page.get_by_role("radio", name="Sample").check()
        page.get_by_role("button", name="Start").click()
        stage = scripted.next_stage()
        assert stage.next_frame_bytes() == 3200


# -- people ------------------------------------------------------------------------------------

FOCUSED = """() => {
  const focused = document.activeElement;
  if (!focused || focused === document.body) return null;
  const label = focused.getAttribute('aria-label') ?? focused.labels?.[0]?.innerText
    ?? focused.innerText;
  const marked = focused.type === 'radio' ? focused.nextElementSibling : focused;
  const { outlineStyle, outlineWidth } = getComputedStyle(marked);
  return { label: label.trim(), visible: outlineStyle !== 'none' && parseFloat(outlineWidth) >= 2 };
}"""


def test_the_keyboard_reaches_everything_and_shows_where_it_is(
    page: Page, scripted: ScriptedServer
) -> None:
    page.goto(scripted.url)
    walked = []
    for _ in range(20):
        page.keyboard.press("Tab")
        focused = page.evaluate(FOCUSED)
        if focused is None:
            break
        assert focused["visible"], focused
        walked.append(focused["label"])
    assert walked == [
        "Smaller captions",
        "Larger captions",
        "Present",
        "Captions",
        "Start",
        "Microphone",
        "Microphone",
        "Spoken language",
        "Caption style",
    ]  # the buttons that save have nothing to save yet


def test_a_run_by_keyboard_alone(page: Page, scripted: ScriptedServer) -> None:
    page.goto(scripted.url)
    page.get_by_role("radio", name="Microphone").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("radio", name="Sample")).to_be_checked()
    page.get_by_role("button", name="Start").focus()
    page.keyboard.press("Enter")
    stage = scripted.next_stage()
    stage.final(1, "Said.")
    expect(final_captions(page)).to_have_text(["Said."])
    expect(page.get_by_role("button", name="Stop")).to_be_focused()
    page.keyboard.press("Space")
    expect(page.get_by_role("button", name="Start")).to_be_focused()
    page.get_by_role("button", name="Clear").focus()
    page.keyboard.press("Enter")
    expect(final_captions(page)).to_have_count(0)
    expect(page.get_by_role("button", name="Start")).to_be_focused()


def test_presenting_leaves_captions_and_state(page: Page, scripted: ScriptedServer) -> None:
    page.goto(scripted.url)
    present = page.get_by_role("button", name="Present")
    present.click()
    expect(present).to_have_attribute("aria-pressed", "true")
    expect(page.get_by_role("button", name="Start")).to_be_hidden()
    expect(page.locator("#state")).to_be_visible()
    present.click()
    expect(page.get_by_role("button", name="Start")).to_be_visible()


def test_the_size_of_captions_is_kept(page: Page, scripted: ScriptedServer) -> None:
    page.goto(scripted.url)
    size = "parseFloat(getComputedStyle(document.querySelector('.column')).fontSize)"
    normal = page.evaluate(size)
    page.get_by_role("button", name="Larger captions").click()
    assert page.evaluate(size) == pytest.approx(normal * 1.2, rel=0.01)
    page.reload()
    assert page.evaluate(size) == pytest.approx(normal * 1.2, rel=0.01)


def test_captions_in_blocks(page: Page, scripted: ScriptedServer) -> None:
    stage = start(page, scripted)
    block = page.locator("#block")
    expect(block).to_be_hidden()
    page.get_by_label("Caption style").select_option("In blocks")
    stage.partial(1, "When the speaker pauses for a while, the", " server")
    expect(block.locator("p")).to_have_text(["When the speaker pauses for a while, the", "server"])
    expect(block.locator(".unstable")).to_have_text("server")
    stage.final(1, "When the speaker pauses for a while, the server finishes the sentence.")
    expect(block.locator("p").last).to_have_text("server finishes the sentence.")
    expect(block).to_be_visible()
    expect(final_captions(page)).to_have_count(1)  # for screen readers, as ever
    page.reload()
    expect(page.get_by_label("Caption style")).to_have_value("block")


# WCAG 2.2 relative luminance and contrast ratio, of every element that has text of its own.
CONTRASTS = """() => {
  const rgba = (text) => text.match(/[\\d.]+/g).map(Number);
  const luminance = ([r, g, b]) => {
    const [R, G, B] = [r, g, b].map((v) => v / 255)
      .map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
    return 0.2126 * R + 0.7152 * G + 0.0722 * B;
  };
  const background = (element) => {
    for (let e = element; e; e = e.parentElement) {
      const colour = rgba(getComputedStyle(e).backgroundColor);
      if (colour.length === 3 || colour[3] === 1) return colour;
    }
  };
  const shown = [...document.body.querySelectorAll('*')].filter((e) => e.checkVisibility()
    && !e.matches(':disabled, :disabled *, option')
    && [...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim()));
  return shown.map((e) => {
    const [a, b] = [luminance(rgba(getComputedStyle(e).color)), luminance(background(e))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    return [e.className || e.id || e.tagName, e.innerText.slice(0, 30), ratio];
  });
}"""


SIZES = {"phone": (390, 844), "laptop": (1366, 768), "narrow": (320, 640)}


def test_every_text_is_readable_and_nothing_overflows(
    browser: Browser, scripted: ScriptedServer, tmp_path: Path
) -> None:
    """In light and dark, at all sizes. Screenshots stay in pytest's folder, for people."""
    context = browser.new_context(reduced_motion="reduce")
    with watched_page(context, "127.0.0.1") as page:
        stage = start(page, scripted)
        stage.final(1, "Live captions turn speech into words while a person is still talking.")
        stage.failed(2, "Recognition failed twice.")
        stage.say("error", code="x", message="This model speaks English only.", fatal=False)
        stage.say("status", state="overloaded", message="")
        stage.partial(3, "When the speaker pauses", " for a mom")
        expect(open_caption(page)).to_have_count(1)
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
            contrasts = page.evaluate(CONTRASTS)
            assert len(contrasts) > 15
            assert [found for found in contrasts if found[2] < 4.5] == [], scheme
            for name, (width, height) in SIZES.items():
                page.set_viewport_size({"width": width, "height": height})
                page.screenshot(path=tmp_path / f"{name}-{scheme}.png")
                assert page.evaluate("document.documentElement.scrollWidth") <= width, name
