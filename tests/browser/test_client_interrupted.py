"""Sound that stops though its source has not ended: it is followed, and where that is no help, told."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from tests.browser.conftest import watched_page
from tests.browser.scripted import ScriptedServer
from tests.browser.source_parts import ELEMENT, NOTHING, STREAM, opened
from tests.marks import long

# What the library gets of the browser, so that a test can take it away.
KEPT = """(() => {
  window.streams = [];
  const real = MediaDevices.prototype.getUserMedia;
  MediaDevices.prototype.getUserMedia = async function (wanted) {
    const { audio: { deviceId } } = wanted;
    const name = window.refused?.(deviceId?.exact ?? '');
    if (name) throw new DOMException('No.', name);
    const stream = await real.call(this, wanted);
    streams.push(stream);
    return stream;
  };
  const Real = AudioContext;
  window.AudioContext = class extends Real {
    constructor(...options) {
      super(...options);
      window.context = this;
    }
  };
  window.endTrack = () => {
    const [track] = streams.at(-1).getTracks();
    track.stop(); // raises no event
    track.dispatchEvent(new Event('ended'));
  };
  window.change = () => navigator.mediaDevices.dispatchEvent(new Event('devicechange'));
})();"""


@pytest.fixture
def page(browser: Browser, scripted: ScriptedServer, short_wav: Path) -> Iterator[Page]:
    with watched_page(browser.new_context(), "127.0.0.1") as page:
        page.add_init_script(KEPT)
        yield opened(page, scripted, short_wav)


def listen(page: Page, how: str = "openMicrophone()") -> None:
    page.evaluate(f"listen((library) => library.{how})")
    page.wait_for_function("heard.frames.length > 1")


def frames_go_on(page: Page) -> None:
    page.evaluate("window.counted = heard.frames.length")
    page.wait_for_function("heard.frames.length > counted + 3")


def notices(page: Page) -> list[tuple[bool, str]]:
    found = page.evaluate("heard.notices.map(({ heard, code }) => [heard, code])")
    return [(is_heard, code) for is_heard, code in found]


def told(page: Page, code: str) -> str:
    """Wait until something is told; in which words."""
    page.wait_for_function("(code) => heard.notices.at(-1)?.code === code", arg=code)
    return str(page.evaluate("heard.notices.at(-1).message"))


def nothing_is_left(page: Page, **further: Any) -> None:
    page.evaluate("heard.source.stop()")
    assert page.evaluate("leftovers()") == {**NOTHING, **further}


# -- the audio context -------------------------------------------------------------------------


def test_a_context_that_is_suspended_is_resumed(page: Page) -> None:
    listen(page)
    page.evaluate("context.suspend()")
    page.wait_for_function("context.state === 'running'")
    frames_go_on(page)
    assert (False, "interrupted") not in notices(page)
    nothing_is_left(page)


def test_what_a_context_refuses_is_told_until_it_runs_again(page: Page) -> None:
    """As during a call on a phone: the system lets nobody resume."""
    listen(page)
    page.evaluate(
        """() => {
          context.resume = () => Promise.reject(new DOMException('No.', 'InvalidStateError'));
          return context.suspend();
        }"""
    )
    assert "The system has interrupted the sound" in told(page, "interrupted")
    page.evaluate("delete context.resume")
    told(page, "")
    frames_go_on(page)
    assert notices(page) == [(False, "interrupted"), (True, "")]
    assert page.evaluate("heard.ended") is None
    nothing_is_left(page)


def test_a_resume_that_never_settles_is_told_too(page: Page) -> None:
    listen(page)
    page.evaluate("(context.resume = () => new Promise(() => {})) && context.suspend()")
    told(page, "interrupted")
    page.evaluate("delete context.resume")
    page.keyboard.press("Shift")  # at which a browser may allow what it did not before
    told(page, "")
    nothing_is_left(page)


def test_an_interrupted_context_is_resumed(page: Page) -> None:
    """Safari's own state."""
    listen(page)
    page.evaluate(
        """() => {
          const resume = context.resume.bind(context);
          Object.defineProperty(context, 'state', { configurable: true, value: 'interrupted' });
          context.resume = () => (delete context.state, resume());
          return context.suspend();
        }"""
    )
    page.wait_for_function("context.state === 'running'")
    frames_go_on(page)
    nothing_is_left(page)


def test_a_context_that_runs_and_gives_nothing_is_told(page: Page) -> None:
    """As where the output device goes and the browser does not notice."""
    listen(page)
    page.evaluate(
        """() => {
          Object.defineProperty(context, 'state', { configurable: true, value: 'running' });
          return context.suspend();
        }"""
    )
    told(page, "interrupted")
    page.evaluate("delete context.state")
    told(page, "")
    nothing_is_left(page)


def test_a_context_that_is_closed_ends_the_source(page: Page) -> None:
    listen(page)
    page.evaluate("context.close()")
    page.wait_for_function("heard.ended !== null")
    assert page.evaluate("heard.ended") == "interrupted"
    nothing_is_left(page)


# -- the microphone ----------------------------------------------------------------------------


def test_a_microphone_that_breaks_off_is_opened_again(page: Page) -> None:
    listen(page)
    page.evaluate("endTrack()")
    page.wait_for_function("streams.length === 2")
    frames_go_on(page)
    assert page.evaluate("streams.map((s) => s.getTracks()[0].readyState)") == ["ended", "live"]
    assert notices(page) == []
    nothing_is_left(page)


def test_a_microphone_that_is_gone_is_told_and_waited_for(page: Page) -> None:
    listen(page)
    page.evaluate("window.refused = () => 'NotFoundError'")
    page.evaluate("endTrack()")
    assert "The microphone was disconnected" in told(page, "disconnected")
    frames_go_on(page)  # silence, so that times stay right
    page.evaluate("(window.refused = undefined, change())")
    told(page, "")
    assert page.evaluate("[streams.length, heard.ended]") == [2, None]
    nothing_is_left(page)


def test_a_chosen_microphone_is_replaced_and_taken_back(page: Page) -> None:
    """A headset that is switched off and on."""
    page.evaluate(
        """async () => {
          const { listMicrophones } = await import('/client/index.js');
          await navigator.mediaDevices.getUserMedia({ audio: {} }); // names come after that
          const all = await listMicrophones();
          window.chosen = all.find(({ label }) => label.includes('Input 1')).deviceId;
          streams.pop().getTracks()[0].stop();
        }"""
    )
    listen(page, "openMicrophone(chosen)")
    page.evaluate("window.refused = (id) => id === chosen && 'OverconstrainedError'")
    page.evaluate("endTrack()")
    assert "Captions continue with “Fake Default" in told(page, "other_microphone")
    frames_go_on(page)
    page.evaluate("(window.refused = undefined, change())")
    page.wait_for_function("heard.notices.at(-1).message.includes('Fake Audio Input 1')")
    frames_go_on(page)
    assert notices(page) == [(True, "other_microphone")] * 2
    assert page.evaluate("heard.ended") is None
    nothing_is_left(page)


def test_the_default_microphone_is_followed_to_another_device(page: Page) -> None:
    listen(page)
    page.evaluate("change()")  # nothing that matters has changed
    page.evaluate(
        """() => {
          const real = MediaDevices.prototype.enumerateDevices;
          navigator.mediaDevices.enumerateDevices = async () =>
            (await real.call(navigator.mediaDevices)).map(({ kind, deviceId, groupId, label }) =>
              ({ kind, deviceId, label, groupId: deviceId === 'default' ? 'headset' : groupId }));
          change();
          change();
        }"""
    )
    page.wait_for_function("streams.length === 2")
    frames_go_on(page)
    assert page.evaluate("streams.length") == 2
    nothing_is_left(page)


def test_a_microphone_that_the_context_refuses_is_told_and_asked_for_again(page: Page) -> None:
    """As Firefox does with one whose rate is not the context's, such as a headset's."""
    listen(page)
    page.evaluate(
        """() => {
          context.createMediaStreamSource = () => {
            throw new DOMException('No.', 'NotSupportedError');
          };
          navigator.mediaDevices.enumerateDevices = async () =>
            [{ kind: 'audioinput', deviceId: 'default', groupId: 'headset', label: 'Headset' }];
          change();
        }"""
    )
    assert "The microphone was disconnected" in told(page, "disconnected")
    assert page.evaluate("leftovers().tracks") == []  # nor is it held
    page.evaluate("delete context.createMediaStreamSource")
    told(page, "")
    frames_go_on(page)
    page.evaluate("soundsAgain()")
    assert notices(page) == [(False, "disconnected"), (True, "")]
    assert page.evaluate("heard.ended") is None
    nothing_is_left(page)


def test_a_microphone_that_is_no_longer_allowed_is_a_problem(page: Page) -> None:
    listen(page)
    page.evaluate("window.refused = () => 'NotAllowedError'")
    page.evaluate("endTrack()")
    page.wait_for_function("heard.ended === 'not_allowed'")
    nothing_is_left(page)


def test_a_microphone_muted_by_the_system_is_told(page: Page) -> None:
    listen(page)
    for kind, code in [("mute", "muted"), ("unmute", "")]:
        page.evaluate(f"streams[0].getTracks()[0].dispatchEvent(new Event('{kind}'))")
        told(page, code)
    assert notices(page) == [(False, "muted"), (True, "")]
    nothing_is_left(page)


def test_the_newest_of_several_hindrances_is_told(page: Page) -> None:
    listen(page)
    page.evaluate("streams[0].getTracks()[0].dispatchEvent(new Event('mute'))")
    page.evaluate("(context.resume = () => new Promise(() => {})) && context.suspend()")
    told(page, "interrupted")
    page.evaluate("delete context.resume")
    told(page, "muted")
    assert notices(page) == [(False, "muted"), (False, "interrupted"), (False, "muted")]
    nothing_is_left(page)


# -- streams -----------------------------------------------------------------------------------

# A tone on a track of its own.
TRACK = """(frequency, gain) => {
  const destination = own.createMediaStreamDestination();
  const tone = new OscillatorNode(own, { frequency });
  tone.connect(new GainNode(own, { gain })).connect(destination);
  tone.start();
  return destination.stream.getTracks()[0];
}"""


def wait_for_tones(page: Page, *gains: float) -> None:
    """Until tones of these amplitudes are heard together."""
    rms = (sum(gain**2 for gain in gains) / 2) ** 0.5
    page.wait_for_function("(rms) => Math.abs(heard.frames.at(-1)?.rms - rms) < 0.01", arg=rms)


def test_all_tracks_of_a_stream_are_heard_and_the_last_one_ends_it(page: Page) -> None:
    page.evaluate(STREAM)
    page.evaluate(
        f"""() => {{
          const track = {TRACK};
          window.tracks = [track(400, 0.2), track(700, 0.3), track(1000, 0.4)];
          window.several = new MediaStream(tracks.slice(0, 2));
        }}"""
    )
    page.evaluate("listen(({ openStream }) => openStream(several))")
    wait_for_tones(page, 0.2, 0.3)
    page.evaluate("several.addTrack(tracks[2])")  # of which no event tells
    wait_for_tones(page, 0.2, 0.3, 0.4)
    page.evaluate("(tracks[0].stop(), tracks[1].stop())")
    wait_for_tones(page, 0.4)
    assert page.evaluate("heard.ended") is None
    page.evaluate("(tracks[2].stop(), tracks[2].dispatchEvent(new Event('ended')))")
    page.wait_for_function("heard.ended === 'ended'")
    nothing_is_left(page, contexts=1)


def test_tracks_that_cancel_each_other_out_in_one_another_are_each_mixed_alone(page: Page) -> None:
    """A stereo track with one channel inverted, beside a plain one."""
    page.evaluate(STREAM)
    page.evaluate(
        f"""() => {{
          const destination = own.createMediaStreamDestination();
          const merger = new ChannelMergerNode(own, {{ numberOfInputs: 2 }});
          const tone = new OscillatorNode(own, {{ frequency: 700 }});
          tone.connect(new GainNode(own, {{ gain: 0.3 }})).connect(merger, 0, 0);
          tone.connect(new GainNode(own, {{ gain: -0.3 }})).connect(merger, 0, 1);
          merger.connect(destination);
          tone.start();
          const track = {TRACK};
          const inverted = destination.stream.getTracks()[0];
          window.several = new MediaStream([inverted, track(400, 0.2)]);
        }}"""
    )
    page.evaluate("listen(({ openStream }) => openStream(several))")
    wait_for_tones(page, 0.3, 0.2)
    nothing_is_left(page, contexts=1)


# -- elements ----------------------------------------------------------------------------------

PLAYING = "openElement(element, { nextWithinMs: 400 })"


def play(page: Page) -> None:
    page.evaluate(ELEMENT)
    page.evaluate("element.loop = true")
    listen(page, PLAYING)
    page.evaluate("element.play()")
    page.evaluate("soundsAgain()")


AT_ITS_END = (
    "(element.loop = false, new Promise((resolve) => (element.onended = () => resolve(%s))))"
)


@pytest.mark.parametrize("captured", [True, long(False)], ids=["copied", "led through"])
@pytest.mark.parametrize(
    "change",
    [
        "(element.src = '/tone.wav?2', element.play())",
        "(element.src = URL.createObjectURL(tone), element.play())",
        "(element.removeAttribute('src'), element.load(), element.src = '/tone.wav', element.play())",
        AT_ITS_END % "(element.src = '/tone.wav?2', element.play())",
        AT_ITS_END % "element.play()",
        "(element.src = '/nothing.wav',"
        " element.play().catch(() => (element.src = '/tone.wav', element.play())))",
        "(element.removeAttribute('src'), element.load(),"
        " new Promise((resolve) => setTimeout(resolve, 200))"
        ".then(() => (element.src = '/tone.wav', element.play())))",
    ],
    ids=[
        "address",
        "blob",
        "emptied",
        "after its end",
        "once more",
        "after an error",
        "after a while",
    ],
)
def test_an_element_is_followed_to_what_it_plays_next(
    page: Page, change: str, captured: bool
) -> None:
    page.evaluate("fetch('/tone.wav').then((r) => r.blob()).then((b) => void (window.tone = b))")
    if not captured:  # as in Safari
        page.evaluate("delete HTMLMediaElement.prototype.captureStream")
    play(page)
    page.evaluate(f"({change}).then(soundsAgain)")
    assert page.evaluate("heard.ended") is None
    page.evaluate("(element.onended = null, element.loop = false)")
    page.wait_for_function("heard.ended === 'ended'")
    nothing_is_left(page, contexts=0 if captured else 1)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ("element.src = '/nothing.wav'", "not_playable"),
        ("element.src = '/sample.txt'", "not_playable"),
        ("element.src = URL.createObjectURL(new Blob(['noise']))", "not_playable"),
    ],
)
def test_an_element_that_cannot_go_on_is_told_and_ends_the_source(
    page: Page, change: str, code: str
) -> None:
    play(page)
    page.evaluate(change)
    page.wait_for_function("heard.ended !== null")
    assert notices(page) == [(False, code)]
    assert page.evaluate("heard.ended") == code
    nothing_is_left(page)


@pytest.mark.parametrize("captured", [True, False], ids=["copied", "led through"])
def test_an_element_whose_medium_is_taken_away_ends_the_source(page: Page, captured: bool) -> None:
    if not captured:
        page.evaluate("delete HTMLMediaElement.prototype.captureStream")
    play(page)
    page.evaluate("(element.removeAttribute('src'), element.load())")
    page.wait_for_function("heard.ended === 'ended'")
    assert notices(page) == []
    nothing_is_left(page, contexts=0 if captured else 1)


def test_an_element_whose_stream_is_taken_away_ends_the_source(page: Page) -> None:
    page.evaluate(STREAM)
    page.evaluate("(window.element = new Audio(), element.srcObject = stream, element.play())")
    listen(page, PLAYING)
    page.evaluate("soundsAgain()")
    page.evaluate("void (element.srcObject = null)")
    page.wait_for_function("heard.ended === 'ended'")
    nothing_is_left(page, contexts=1)


def test_an_element_that_a_page_empties_after_an_error_ends_with_the_error(page: Page) -> None:
    play(page)
    page.evaluate(
        "(element.onerror = () => (element.removeAttribute('src'), element.load()),"
        " element.src = '/nothing.wav')"
    )
    page.wait_for_function("heard.ended === 'not_playable'")
    nothing_is_left(page)


def test_an_element_ends_when_it_is_stopped_where_that_is_wanted(page: Page) -> None:
    page.evaluate(ELEMENT)
    listen(page, "openElement(element, { nextWithinMs: Infinity })")
    page.evaluate("element.play()")
    page.wait_for_function("element.ended")
    assert page.evaluate("[leftovers().timers, heard.ended]") == [1, None]  # that of the keeper
    nothing_is_left(page)


def test_what_another_site_keeps_to_itself_is_told(page: Page, short_wav: Path) -> None:
    page.route(
        "**/other.test/**", lambda route: route.fulfill(path=short_wav, content_type="audio/wav")
    )
    play(page)
    page.evaluate("(element.src = 'http://127.0.0.1:8099/other.test/tone.wav', element.play())")
    assert "comes from another site" in told(page, "cross_origin")
    page.evaluate("(element.src = '/tone.wav', element.play().then(soundsAgain))")
    assert notices(page) == [(False, "cross_origin"), (True, "")]
    nothing_is_left(page)
