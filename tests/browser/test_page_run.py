"""A run of the page: what it sends, what it says of the server, and what it does about errors."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.browser.conftest import INSECURE_HOST, Launch, watched_page
from tests.browser.page_parts import choose_sample, final_captions, lose, start
from tests.browser.scripted import ScriptedServer, Stage, scripted_server

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


def test_start_waits_for_the_scripts_of_the_page(page: Page, scripted: ScriptedServer) -> None:
    held: list[Route] = []
    page.route("**/dock.js", lambda route: held.append(route))
    page.goto(scripted.url, wait_until="commit")
    button = page.get_by_role("button", name="Start")
    expect(button).to_be_disabled()
    held[0].continue_()
    expect(button).to_be_enabled()


def test_a_change_of_language_is_sent_at_once(page: Page, scripted: ScriptedServer) -> None:
    stage = start(page, scripted)
    assert "language" not in stage.start  # the server's own counts
    page.get_by_label("Spoken language").select_option("de")
    assert stage.next_command() == {"type": "update", "language": "de"}


def test_the_language_is_that_of_the_server_unless_one_is_chosen(
    page: Page, scripted: ScriptedServer
) -> None:
    told = {"urls": [], "command": "", "language": "de-CH"}
    page.route("**/v1/network", lambda route: route.fulfill(json=told))
    page.goto(scripted.url)
    language = page.get_by_label("Spoken language")
    expect(language).to_have_value("de")
    language.select_option("auto")
    page.reload()
    expect(language).to_have_value("auto")
    choose_sample(page)
    page.get_by_role("button", name="Start").click()
    assert scripted.next_stage().start["language"] == "auto"


def test_a_file_is_sent_whole(page: Page, scripted: ScriptedServer, short_wav: Path) -> None:
    page.goto(scripted.url)
    page.get_by_role("radio", name="File").check()
    page.get_by_role("button", name="Start").click()
    expect(page.get_by_role("alert")).to_have_text("Choose a sound or video file first.")
    page.get_by_label("Sound or video file").set_input_files(short_wav)
    page.get_by_role("button", name="Start").click()
    stage = scripted.next_stage()
    assert stage.start["encoding"] == "auto"
    assert "sample_rate" not in stage.start
    expect(page.locator("#state-words")).to_have_text("Captioning “tone.wav” · model scripted")
    expect(page.locator("#position")).to_have_text("0:01 of 0:01")
    assert stage.next_command() == {"type": "stop"}  # by itself, at the end of the file
    assert stage.audio == short_wav.read_bytes()
    expect(page.get_by_role("alert")).to_be_empty()
    expect(page.get_by_role("button", name="Start")).to_be_visible()


def choose_file(page: Page, server: ScriptedServer, path: Path) -> Stage:
    page.goto(server.url)
    page.get_by_role("radio", name="File").check()
    page.get_by_label("Sound or video file").set_input_files(path)
    page.get_by_role("button", name="Start").click()
    return server.next_stage()


@pytest.mark.parametrize(
    ("missing_ms", "sentence"),
    [
        (2300, "2.3 s of the recording could not be read. The rest is captioned."),
        (12_400, "12 s of the recording could not be read. The rest is captioned."),
        (83_000, "1:23 minutes of the recording could not be read. The rest is captioned."),
    ],
)
def test_what_is_missing_of_a_file_is_told(
    page: Page, scripted: ScriptedServer, short_wav: Path, missing_ms: int, sentence: str
) -> None:
    stage = choose_file(page, scripted, short_wav)
    stage.missing_ms = missing_ms
    stage.say("error", code="damaged_audio", message="It is damaged.", fatal=False)
    expect(page.get_by_role("alert")).to_have_text(sentence)
    expect(page.locator("#state-words")).to_contain_text("Finished: 2 captions")


def test_that_the_rest_of_a_stopped_file_is_missing_is_no_wonder(
    page: Page, scripted: ScriptedServer
) -> None:
    stage = start(page, scripted)
    stage.missing_ms = 18_000
    stage.next_frame_bytes()
    page.get_by_role("button", name="Stop").click()
    expect(page.locator("#state-words")).to_contain_text("Finished: 2 captions")
    expect(page.get_by_role("alert")).to_be_empty()


def test_a_file_that_the_browser_cannot_play_is_captioned_all_the_same(
    page: Page, scripted: ScriptedServer, tmp_path: Path
) -> None:
    path = tmp_path / "film.mkv"
    path.write_bytes(bytes(range(256)) * 4000)
    stage = choose_file(page, scripted, path)
    assert stage.next_command() == {"type": "stop"}
    assert stage.audio == path.read_bytes()
    expect(page.get_by_role("alert")).to_contain_text("This browser cannot play this recording.")


def test_a_file_that_is_gone_is_told(page: Page, scripted: ScriptedServer, short_wav: Path) -> None:
    page.goto(scripted.url)
    page.get_by_role("radio", name="File").check()
    page.get_by_label("Sound or video file").set_input_files(short_wav)
    short_wav.unlink()
    page.get_by_role("button", name="Start").click()
    expect(page.get_by_role("alert")).to_contain_text("can no longer be read")


SHARED_TAB = """async () => {
  const context = new AudioContext();
  const tone = new OscillatorNode(context);
  const shared = context.createMediaStreamDestination();
  tone.connect(shared);
  tone.start();
  const picture = document.createElement('canvas').captureStream();
  return new MediaStream([...shared.stream.getTracks(), ...picture.getTracks()]);
}"""
SILENT_TAB = "async () => document.createElement('canvas').captureStream()"


def share_tab(page: Page, stream: str) -> None:
    """Answer the browser's own dialog, which no test can press."""
    page.add_init_script(
        "document.createElement('canvas').getContext('2d');"
        f"navigator.mediaDevices.getDisplayMedia = {stream}"
    )


def test_the_sound_of_a_tab_is_sent(page: Page, scripted: ScriptedServer) -> None:
    share_tab(page, SHARED_TAB)
    stage = start(page, scripted, source="Tab or system")
    rate = stage.start["sample_rate"]
    assert stage.next_frame_bytes() == rate // 10 * 2
    expect(page.get_by_role("meter")).not_to_have_attribute("aria-valuetext", "silent")
    page.get_by_role("button", name="Stop").click()
    assert stage.next_command() == {"type": "stop"}


def test_a_tab_without_sound_is_told(page: Page, scripted: ScriptedServer) -> None:
    share_tab(page, SILENT_TAB)
    page.goto(scripted.url)
    page.get_by_role("radio", name="Tab or system").check()
    page.get_by_role("button", name="Start").click()
    expect(page.get_by_role("alert")).to_contain_text("The shared tab or screen has no sound.")
    expect(page.get_by_text("Press Start and speak.")).to_be_visible()


def test_a_file_that_the_server_cannot_decode_is_told_in_its_words(
    page: Page, scripted: ScriptedServer, tmp_path: Path
) -> None:
    wrong = tmp_path / "letter.txt"
    wrong.write_text("Dear reader")
    scripted.on_start = lambda stage: stage.refuse("bad_audio", "There is no audio in this.")
    choose_file(page, scripted, wrong)
    expect(page.get_by_role("alert")).to_have_text("There is no audio in this.")


# -- state and errors in words -----------------------------------------------------------------


def test_the_state_of_the_server_is_shown_in_words(page: Page, scripted: ScriptedServer) -> None:
    state = page.locator("#state")
    stage = start(page, scripted)
    expect(state).to_have_text("Captioning “Sample” · model scripted")
    stage.say("status", state="recovering", message="The recogniser restarts; go on speaking.")
    expect(state).to_have_text("The recogniser restarts; go on speaking.")
    stage.say("status", state="overloaded", message="")
    expect(state).to_have_text("The server is busy. Captions arrive later than usual.")
    stage.say("status", state="normal", message="All is well again.")
    expect(state).to_have_text("Captioning “Sample” · model scripted")


def test_an_error_that_is_not_fatal_is_shown_and_the_run_goes_on(
    page: Page, scripted: ScriptedServer
) -> None:
    stage = start(page, scripted)
    stage.say("error", code="bad_message", message="This model speaks English only.", fatal=False)
    expect(page.get_by_role("alert")).to_have_text("This model speaks English only.")
    page.get_by_role("button", name="Dismiss").click()
    expect(page.get_by_role("alert")).to_be_empty()
    expect(page.get_by_role("button", name="Stop")).to_be_focused()
    stage.final(1, "Still here.")
    expect(final_captions(page)).to_have_text(["Still here."])


def test_a_refused_start_shows_the_servers_sentence(page: Page, scripted: ScriptedServer) -> None:
    scripted.on_start = lambda stage: stage.refuse("bad_start", "This model does English only.")
    page.goto(scripted.url)
    choose_sample(page)
    page.get_by_role("button", name="Start").click()
    expect(page.get_by_role("alert")).to_have_text("This model does English only.")
    expect(page.locator("#state")).to_have_text("Not connected")
    expect(page.get_by_role("button", name="Start")).to_be_visible()


def test_a_full_server_says_when_to_try_again(page: Page, scripted: ScriptedServer) -> None:
    scripted.refusal = ("The server has reached its session limit.", 5)
    page.goto(scripted.url)
    choose_sample(page)
    page.get_by_role("button", name="Start").click()
    expect(page.get_by_role("alert")).to_have_text(
        "The server has reached its session limit. Try again in 5 s."
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
        "The sample could not be loaded. Check that the server is running."
    )


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
    """It is said at once, and captions go on when there is one again."""
    state = page.locator("#state")
    page.add_init_script(
        "const ask = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);"
        "navigator.mediaDevices.getUserMedia = async (c) => (window.microphone = await ask(c));"
        "window.none = () => Promise.reject(new DOMException('none', 'NotFoundError'));"
    )
    stage = start(page, scripted, source="Microphone")
    stage.next_frame_bytes()
    page.evaluate(
        """() => {
          const devices = navigator.mediaDevices;
          window.ask = devices.getUserMedia;
          devices.getUserMedia = none;
          microphone.getTracks()[0].dispatchEvent(new Event('ended'));
        }"""
    )
    expect(state).to_have_text(
        "The microphone was disconnected. Connect it or another one, and captions continue."
    )
    expect(state).to_have_attribute("data-state", "trouble")
    stage.final(1, "Said before.")
    expect(final_captions(page)).to_have_text(["Said before."])
    page.evaluate("void (navigator.mediaDevices.getUserMedia = ask)")
    expect(state).to_have_text("Listening · model scripted")
    page.get_by_role("button", name="Stop").click()
    expect(page.locator("#state-words")).to_contain_text("Finished: 2 captions")


def test_a_microphone_that_is_not_allowed_any_more(page: Page, scripted: ScriptedServer) -> None:
    """It is said at once, and what was said before is still captioned."""
    page.add_init_script(
        "const ask = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);"
        "navigator.mediaDevices.getUserMedia = async (c) => {"
        " if (window.microphone) throw new DOMException('No.', 'NotAllowedError');"
        " return (window.microphone = await ask(c)); };"
    )
    stage = start(page, scripted, source="Microphone")
    stage.next_frame_bytes()
    lose(stage, scripted)
    expect(page.locator("#state")).to_contain_text("Reconnecting to the server.")
    page.evaluate("microphone.getTracks()[0].dispatchEvent(new Event('ended'))")
    expect(page.get_by_role("alert")).to_contain_text("does not let this page use")
    expect(page.get_by_role("button", name="Stop now")).to_be_visible()
    stage.final(1, "Said before.")
    scripted.refusal = None
    assert stage.next_command() == {"type": "stop"}
    expect(final_captions(page)).to_have_text(["Said before."])
    expect(page.locator("#state-words")).to_contain_text("Finished: 2 captions")


def test_sound_that_the_system_takes_away_is_told(page: Page, scripted: ScriptedServer) -> None:
    page.add_init_script(
        "window.AudioContext = class extends AudioContext {"
        " constructor(...all) { super(...all); window.context = this; } };"
    )
    state = page.locator("#state")
    stage = start(page, scripted, source="Microphone")
    stage.next_frame_bytes()
    page.evaluate("(context.resume = () => Promise.reject(), context.suspend())")
    expect(state).to_contain_text("The system has interrupted the sound")
    expect(state).to_have_attribute("data-state", "trouble")
    expect(page.get_by_role("meter")).to_have_attribute("aria-valuetext", "silent")
    page.evaluate("delete context.resume")
    expect(state).to_have_text("Listening · model scripted")


def test_stop_now_before_the_server_has_answered(page: Page, scripted: ScriptedServer) -> None:
    scripted.on_start = lambda stage: None
    start(page, scripted)
    page.get_by_role("button", name="Stop").click()
    page.get_by_role("button", name="Stop now").click()
    expect(page.locator("#state")).to_have_text("Stopped")
    expect(page.get_by_role("alert")).to_be_empty()
    expect(page.get_by_role("button", name="Start")).to_be_visible()


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
        assert stage.next_frame_bytes() > 0
        expect(page.get_by_role("meter")).not_to_have_attribute("aria-valuetext", "silent")
