"""The client library's sources in a real Chromium, from the first frame until nothing is left."""

from __future__ import annotations

import shutil
import wave
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser, Page, Playwright

from tests.browser.conftest import CHROMIUM_ARGS, watched_page
from tests.browser.scripted import ScriptedServer
from tests.browser.source_parts import ELEMENT, NOTHING, STREAM, TONE_MS, opened, tone_was_heard
from tests.marks import long


@pytest.fixture
def page(browser: Browser, scripted: ScriptedServer, short_wav: Path) -> Iterator[Page]:
    with watched_page(browser.new_context(), "127.0.0.1") as page:
        yield opened(page, scripted, short_wav)


# -- recordings and samples --------------------------------------------------------------------


def test_a_recording_is_played_and_sent_as_it_is(page: Page, short_wav: Path) -> None:
    heard = page.evaluate(
        """async () => {
          const { openRecording } = await import('/client/index.js');
          const tone = await (await fetch('tone.wav')).blob();
          const source = await openRecording(tone, 'Tone');
          const { encoding, label, durationMs, size } = source;
          const frames = [];
          const began = performance.now();
          source.start((frame) => void frames.push(frame));
          await source.ended;
          const tookMs = performance.now() - began;
          await source.stop();
          await source.stop(); // which changes nothing
          const bytes = new Uint8Array(await new Blob(frames.map(({ data }) => data)).arrayBuffer());
          const levels = frames.filter(({ rms }) => rms !== undefined);
          return {
            encoding, label, durationMs, size, tookMs, bytes: [...bytes], levels: levels.length,
            largest: Math.max(...frames.map(({ data }) => data.size)),
            rms: Math.max(...levels.map(({ rms }) => rms)),
            peak: Math.max(...levels.map(({ peak }) => peak)),
            after: leftovers(),
          };
        }"""
    )
    assert (heard["encoding"], heard["label"]) == ("auto", "Tone")
    assert heard["durationMs"] == pytest.approx(TONE_MS, abs=1)
    assert bytes(heard["bytes"]) == short_wav.read_bytes()
    assert heard["size"] == len(heard["bytes"])
    assert heard["largest"] <= 64 * 1024
    assert heard["levels"] == 12
    assert TONE_MS - 1 <= heard["tookMs"] < 2 * TONE_MS
    assert heard["after"] == NOTHING
    tone_was_heard(heard)


def test_a_recording_that_cannot_be_played_is_sent_as_fast_as_it_is_taken(page: Page) -> None:
    sent = page.evaluate(
        """async () => {
          const { openRecording } = await import('/client/index.js');
          const size = 5_000_000;
          const source = await openRecording(new Blob([new Uint8Array(size)]), 'Film', true);
          let waiting = 0, most = 0, taken = 0;
          const notices = [];
          source.start(async ({ data }) => {
            most = Math.max(most, ++waiting);
            await new Promise((resolve) => setTimeout(resolve));
            waiting -= 1;
            taken += data.size;
          }, ({ heard, code }) => notices.push([heard, code]));
          await source.ended;
          await source.stop();
          return [taken, most, notices, source.durationMs === Infinity, leftovers()];
        }"""
    )
    assert sent == [5_000_000, 1, [[True, "not_played"]], True, NOTHING]


def test_a_recording_is_stopped_in_the_middle(page: Page) -> None:
    sent = page.evaluate(
        """async () => {
          const { openRecording } = await import('/client/index.js');
          const source = await openRecording(new Blob([new Uint8Array(5_000_000)]));
          let taken = 0;
          await new Promise((resolve) => source.start(({ data }) => {
            taken += data.size;
            if (taken > 200_000) resolve(source.stop());
          }));
          await source.ended;
          return [taken, leftovers()];
        }"""
    )
    assert sent[0] < 400_000
    assert sent[1] == NOTHING


def test_an_empty_recording_is_a_problem(page: Page) -> None:
    code = page.evaluate(
        """import('/client/index.js').then(({ openRecording }) => openRecording(new Blob([]), 'x.mp3'))
          .catch(({ name, code, message }) => [name, code, message])"""
    )
    assert code[:2] == ["Problem", "empty"]
    assert "“x.mp3” is empty" in code[2]
    assert page.evaluate("leftovers()") == NOTHING


def test_samples_are_sent_as_they_are(page: Page) -> None:
    sent = page.evaluate(
        """async () => {
          const { openSamples } = await import('/client/index.js');
          const samples = Int16Array.from({ length: 2000 }, (_, i) => 32 * i - 32767);
          const source = openSamples(samples, 8000, { label: 'Mine', pace: 10 });
          const heard = [];
          source.start((frame) => heard.push(...frame.samples));
          await source.ended;
          await source.stop();
          return [source.durationMs, heard, leftovers().timers];
        }"""
    )
    assert sent == [250, [32 * i - 32767 for i in range(2000)], 0]


# -- the microphone ----------------------------------------------------------------------------


def test_a_microphone_until_it_is_stopped(page: Page) -> None:
    heard = page.evaluate(
        "hear(({ openMicrophone }) => openMicrophone(), { enough: (_, all) => all.length > 3 })"
    )
    assert heard["during"] == {
        "timers": 0,
        "contexts": 1,
        "tracks": ["audio"],
        "listeners": ["devicechange", "ended", "mute", "unmute"],
    }
    assert heard["after"] == NOTHING
    assert heard["durationMs"] == float("inf")
    assert heard["sampleRate"] / 10 in heard["sizes"]
    assert heard["ended"] is None


@pytest.mark.parametrize(
    ("name", "code"),
    [("NotAllowedError", "not_allowed"), ("NotFoundError", "not_found"), ("AbortError", "failed")],
)
def test_a_microphone_that_cannot_be_had_is_a_problem(page: Page, name: str, code: str) -> None:
    found = page.evaluate(
        """async (name) => {
          navigator.mediaDevices.getUserMedia = async () => {
            throw new DOMException('No.', name);
          };
          const { openMicrophone, Problem } = await import('/client/index.js');
          const error = await openMicrophone().catch((error) => error);
          return [error instanceof Problem, error.code, error.message, leftovers()];
        }""",
        name,
    )
    assert found[:2] == [True, code]
    assert "microphone" in found[2].lower()
    assert found[3] == NOTHING


def test_when_the_worklet_cannot_be_fetched_the_microphone_is_let_go(page: Page) -> None:
    found = page.evaluate(
        """async () => {
          const real = AudioWorklet.prototype.addModule;
          AudioWorklet.prototype.addModule = function () {
            return real.call(this, '/nothing.js');
          };
          const { openMicrophone } = await import('/client/index.js');
          const { code } = await openMicrophone().catch((error) => error);
          return [code, leftovers()];
        }"""
    )
    assert found == ["not_fetched", NOTHING]


# -- streams and elements ----------------------------------------------------------------------


def test_a_stream_goes_on_when_its_source_is_stopped(page: Page) -> None:
    page.evaluate(STREAM)
    heard = page.evaluate(
        "hear(({ openStream }) => openStream(stream, 'A call'), { enough: loud })"
    )
    assert heard["label"] == "A call"
    assert heard["during"]["contexts"] == 2
    assert heard["after"] == {**NOTHING, "contexts": 1}  # the stream's own
    assert page.evaluate("stream.getTracks().map(({ readyState }) => readyState)") == ["live"]


def test_a_stream_that_ends_ends_its_source(page: Page) -> None:
    page.evaluate(STREAM)
    heard = page.evaluate(
        """hear(({ openStream }) => openStream(stream), {
          started: () => stream.getTracks()[0].dispatchEvent(new Event('ended')),
        })"""
    )
    assert heard["ended"] == "ended"


def test_a_stream_without_sound_is_a_problem(page: Page) -> None:
    code = page.evaluate(
        "hear(({ openStream }) => openStream(new MediaStream())).catch(({ code }) => code)"
    )
    assert code == "no_audio"
    assert page.evaluate("leftovers()") == NOTHING


def test_an_element_is_heard_while_it_plays_and_ends_with_it(page: Page) -> None:
    page.evaluate(ELEMENT)
    heard = page.evaluate(
        "hear(({ openElement }) => openElement(element), { started: () => void element.play() })"
    )
    assert (heard["label"], heard["ended"]) == ("Tone", "ended")
    assert heard["durationMs"] == TONE_MS
    assert heard["ms"] >= TONE_MS - 200
    tone_was_heard(heard)
    assert heard["after"] == NOTHING


def test_an_element_where_the_browser_cannot_copy_its_sound(page: Page) -> None:
    """As in Safari: the element is led through a context for good, and can be heard again."""
    page.evaluate(ELEMENT)
    page.evaluate("delete HTMLMediaElement.prototype.captureStream")
    for _ in range(2):
        heard = page.evaluate(
            "hear(({ openElement }) => openElement(element), { started: () => void element.play() })"
        )
        tone_was_heard(heard)
        assert heard["ended"] == "ended"
        assert heard["after"] == {**NOTHING, "contexts": 1}


def test_an_element_that_cannot_be_played_is_a_problem(page: Page) -> None:
    code = page.evaluate(
        """hear(({ openElement }) => openElement(new Audio('/nothing.wav')))
          .catch(({ code }) => code)"""
    )
    assert code == "not_playable"
    assert page.evaluate("leftovers()") == NOTHING


# -- several channels --------------------------------------------------------------------------


def with_channels(path: Path, gains: list[float]) -> Path:
    """The tone of `short_wav` on several channels."""
    tone = 0.1 * np.sin(np.arange(int(44_100 * 1.25)) * 2 * np.pi * 440 / 44_100)
    with wave.open(str(path), "wb") as wav:
        wav.setnchannels(len(gains))
        wav.setsampwidth(2)
        wav.setframerate(44_100)
        frames = np.outer(tone, gains) * 32767
        wav.writeframes(frames.astype("<i2").tobytes())
    return path


@pytest.mark.parametrize(
    ("captured", "gains"),
    [
        # What Chromium copies is what it plays: two channels.
        pytest.param(True, [1, 1], id="stereo, copied"),
        long(True, [1, -1], id="inverted, copied"),
        long(False, [1, 1], id="stereo"),
        pytest.param(False, [1, -1], id="inverted"),
        long(False, [0, 0, 1], id="third of three"),
        long(False, [0, 0, 0, 1, 0, 0], id="fourth of six"),
        pytest.param(False, [0, 0, 0, 1, 0, 0, 0, 0], id="fourth of eight"),
    ],
)
def test_no_channel_of_an_element_is_lost(
    page: Page, tmp_path: Path, captured: bool, gains: list[float]
) -> None:
    path = with_channels(tmp_path / "many.wav", gains)
    page.route("**/tone.wav*", lambda route: route.fulfill(path=path, content_type="audio/wav"))
    if not captured:
        page.evaluate("delete HTMLMediaElement.prototype.captureStream")
    page.evaluate(ELEMENT)
    heard = page.evaluate(
        "hear(({ openElement }) => openElement(element), { started: () => void element.play() })"
    )
    tone_was_heard(heard)


@pytest.mark.parametrize(
    ("channels", "number"), [(2, 1), (3, 2), (6, 3), (8, 3), (12, 11), (16, 9), (24, 20), (32, 31)]
)
def test_no_channel_of_what_is_captured_is_lost(page: Page, channels: int, number: int) -> None:
    heard = page.evaluate(
        """([channels, number]) => hear(async () => {
          const { CaptureSource, captureContext } = await import('/client/capture.js');
          const { Sound } = await import('/client/sound.js');
          const context = await captureContext();
          const input = new ChannelMergerNode(context, { numberOfInputs: channels });
          const tone = new OscillatorNode(context);
          tone.connect(new GainNode(context, { gain: 0.1 })).connect(input, 0, number);
          tone.start();
          const release = () => context.close();
          const ended = new Promise(() => {});
          return new CaptureSource({ label: '', context, input, sound: new Sound(), ended, release });
        }, { enough: (_, all) => all.length > 4 })""",
        [channels, number],
    )
    tone_was_heard(heard)


def test_a_microphone_is_asked_for_all_its_channels(page: Page) -> None:
    wanted = page.evaluate(
        """async () => {
          const real = MediaDevices.prototype.getUserMedia;
          let asked;
          navigator.mediaDevices.getUserMedia = (wanted) =>
            real.call(navigator.mediaDevices, (asked = wanted));
          const { openMicrophone } = await import('/client/index.js');
          await (await openMicrophone()).stop();
          return asked.audio;
        }"""
    )
    assert wanted == {
        "channelCount": {"ideal": 32},
        "echoCancellation": False,
        "noiseSuppression": False,
    }


# -- the sound of a tab ------------------------------------------------------------------------


@pytest.fixture(scope="module")
def sharing(playwright: Playwright) -> Iterator[Browser]:
    """A Chromium that plays aloud, and whose dialog shares the page itself."""
    executable = shutil.which("chromium") or shutil.which("google-chrome")
    if executable is None:
        pytest.skip("no Chromium: install Debian's `chromium` package")
    browser = playwright.chromium.launch(
        executable_path=executable,
        args=[*CHROMIUM_ARGS, "--auto-accept-this-tab-capture"],
        ignore_default_args=["--mute-audio"],
    )
    yield browser
    browser.close()


def test_the_sound_of_a_tab(sharing: Browser, scripted: ScriptedServer, short_wav: Path) -> None:
    with watched_page(sharing.new_context(), "127.0.0.1") as page:
        opened(page, scripted, short_wav)
        page.evaluate(ELEMENT)
        heard = page.evaluate(
            """() => {
              const real = navigator.mediaDevices.getDisplayMedia.bind(navigator.mediaDevices);
              navigator.mediaDevices.getDisplayMedia = (wanted) =>
                real({ ...wanted, preferCurrentTab: true }); // nobody is there to choose
              return hear(({ openDisplayAudio }) => openDisplayAudio(), {
                enough: loud,
                started: () => void element.play(),
              });
            }"""
        )
    assert heard["during"]["tracks"] == ["audio"]  # no picture is taken
    assert heard["after"] == NOTHING
    assert heard["rms"] > 0.05


FAKE_DISPLAY = """async (how) => {
  const { openDisplayAudio } = await import('/client/index.js');
  const canvas = document.createElement('canvas');
  canvas.getContext('2d');
  const picture = canvas.captureStream();
  const displays = {
    silent: async () => picture,
    refused: async () => { throw new DOMException('No.', 'NotAllowedError'); },
    broken: async () => { throw new DOMException('No.', 'NotReadableError'); },
    none: undefined,
  };
  Object.defineProperty(navigator.mediaDevices, 'getDisplayMedia', { value: displays[how] });
  const { code, message } = await openDisplayAudio().catch((error) => error);
  return [code, message, picture.getTracks()[0].readyState, leftovers()];
}"""


@pytest.mark.parametrize(
    ("how", "code", "advice", "picture"),
    [
        ("silent", "no_audio_shared", "switch on “Also share tab audio”", "ended"),
        ("refused", "not_allowed", "choose in the dialog", "live"),
        ("broken", "failed", "Sound cannot be shared", "live"),
        ("none", "unsupported", "Use Chrome or Edge", "live"),
    ],
)
def test_sound_that_is_not_shared_is_a_problem_that_says_what_to_do(
    page: Page, how: str, code: str, advice: str, picture: str
) -> None:
    found = page.evaluate(FAKE_DISPLAY, how)
    assert found[0] == code
    assert advice in found[1]
    assert found[2:] == [picture, NOTHING]
