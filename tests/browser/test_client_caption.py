"""From a source to captions in one call, and what is left after it: against a scripted server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from tests.browser.conftest import watched_page
from tests.browser.scripted import ScriptedServer

LEFTOVERS = Path(__file__).with_name("leftovers.js")
NOTHING: dict[str, Any] = {"timers": 0, "contexts": 0, "tracks": [], "listeners": []}

# `begin` captions with a loop, and keeps what it gets in `heard`.
BEGIN = """window.prepare = async (start, options) => {
  const library = await import('/client/index.js');
  const client = new library.CaptionClient(new URL('/v1/captions', location.href), start, options);
  const heard = [];
  client.addEventListener('level', () => heard.push('level'));
  Object.assign(window, { library, client, heard, stop: new AbortController() });
};
window.begin = (source, until = () => false) => {
  window.over = (async () => {
    for await (const message of client.caption(source, { signal: stop.signal })) {
      heard.push(message.type);
      if (until(message)) break;
    }
  })().then(() => 'over', ({ code, message }) => [code, message]);
};
window.tone = (ms, options) =>
  library.openSamples(new Float32Array(16 * ms).fill(0.5), 16000, options);"""


@pytest.fixture
def page(browser: Browser, scripted: ScriptedServer) -> Iterator[Page]:
    with watched_page(browser.new_context(), "127.0.0.1") as page:
        page.add_init_script(path=LEFTOVERS)
        page.add_init_script(BEGIN)
        page.goto(f"{scripted.url}/sample.txt")  # a page with no program of its own
        page.evaluate("prepare({ language: 'en' })")
        yield page


def wait_for(page: Page, kind: str) -> None:
    page.wait_for_function("(kind) => heard.includes(kind)", arg=kind)


def heard(page: Page) -> list[str]:
    """The types of messages, without levels."""
    return list(page.evaluate("heard.filter((kind) => kind !== 'level')"))


def nothing_is_left(page: Page) -> None:
    page.wait_for_function("() => leftovers().timers === 0")
    assert page.evaluate("leftovers()") == NOTHING


# -- a loop ------------------------------------------------------------------------------------


def test_a_source_that_ends_ends_the_loop(page: Page, scripted: ScriptedServer) -> None:
    page.evaluate("begin(tone(450))")
    stage = scripted.next_stage()
    assert (stage.start["sample_rate"], stage.start["language"]) == (16_000, "en")
    stage.final(1, "One.")
    assert page.evaluate("over") == "over"
    assert heard(page) == ["ready", "final", "ended"]
    assert page.evaluate("heard.filter((kind) => kind === 'level').length") == 5
    assert stage.audio_bytes == 450 * 32
    nothing_is_left(page)


def test_what_is_said_before_the_connection_is_there_is_not_lost(
    page: Page, scripted: ScriptedServer
) -> None:
    scripted.on_start = lambda stage: None
    page.evaluate("begin(tone(300))")
    stage = scripted.next_stage()
    page.wait_for_function("() => heard.length === 3 && heard.every((kind) => kind === 'level')")
    assert stage.audio_bytes == 0
    stage.greet()
    assert page.evaluate("over") == "over"
    assert stage.audio_bytes == 300 * 32


def test_an_aborted_signal_ends_the_sound_and_waits_for_its_captions(
    page: Page, scripted: ScriptedServer
) -> None:
    page.evaluate("library.openMicrophone().then((source) => begin(source))")
    stage = scripted.next_stage()
    wait_for(page, "level")
    page.evaluate("stop.abort()")
    assert stage.next_command() == {"type": "stop"}
    assert page.evaluate("over") == "over"
    assert heard(page) == ["ready", "ended"]
    assert stage.audio_bytes > 0
    nothing_is_left(page)


def test_a_signal_that_was_aborted_before_begins_and_ends(
    page: Page, scripted: ScriptedServer
) -> None:
    page.evaluate("(stop.abort(), begin(tone(5000)))")
    assert page.evaluate("over") == "over"
    assert scripted.next_stage().audio_bytes == 0
    nothing_is_left(page)


def test_a_source_that_does_not_start_is_thrown(page: Page, scripted: ScriptedServer) -> None:
    page.evaluate(
        """begin(Object.assign(tone(300), { start: () => { throw new Error("No sound."); } }))"""
    )
    assert page.evaluate("over.then(([, message]) => message)") == "No sound."
    assert page.evaluate("client.state") == "closed"
    nothing_is_left(page)


def test_who_leaves_the_loop_leaves_the_session(page: Page, scripted: ScriptedServer) -> None:
    page.evaluate(
        """library.openMicrophone().then((source) => begin(source, ({ type }) => type === 'final'))"""
    )
    scripted.next_stage().final(1, "Enough.")
    assert page.evaluate("over") == "over"
    assert scripted.next_close() == 1000
    assert page.evaluate("client.state") == "closed"
    nothing_is_left(page)


def test_close_ends_the_loop(page: Page, scripted: ScriptedServer) -> None:
    page.evaluate("begin(tone(60000))")
    scripted.next_stage()
    wait_for(page, "ready")
    page.evaluate("client.close()")
    assert page.evaluate("over") == "over"
    nothing_is_left(page)


def test_a_session_that_is_lost_is_thrown(page: Page, scripted: ScriptedServer) -> None:
    page.evaluate("prepare({}, { patienceMs: 0 })")
    page.evaluate("library.openMicrophone().then((source) => begin(source))")
    stage = scripted.next_stage()
    wait_for(page, "level")
    stage.die()
    assert page.evaluate("over.then(([code]) => code)") == "closed_1006"
    nothing_is_left(page)


def test_a_server_that_refuses_is_thrown_and_the_source_let_go(
    page: Page, scripted: ScriptedServer
) -> None:
    scripted.refusal = ("The server is full.", 5)
    page.evaluate("void library.openMicrophone().then(begin)")
    page.wait_for_function("() => window.over")
    assert page.evaluate("over") == ["refused", "The server is full. Try again in 5 s."]
    nothing_is_left(page)


def test_a_source_that_breaks_off_is_thrown_after_its_last_caption(
    page: Page, scripted: ScriptedServer
) -> None:
    page.evaluate(
        """() => {
          const ended = new Promise((_, reject) => {
            window.unplug = () => reject(new library.Problem('Unplugged.', 'disconnected'));
          });
          ended.catch(() => {});
          begin({ ...tone(9), sampleRate: 48000, ended, start() {}, async stop() {} });
        }"""
    )
    stage = scripted.next_stage()
    page.evaluate("unplug()")
    assert stage.next_command() == {"type": "stop"}
    assert page.evaluate("over") == ["disconnected", "Unplugged."]
    assert heard(page) == ["ready", "ended"]
    assert stage.start["sample_rate"] == 48_000


def test_a_rate_that_is_not_that_of_the_source_is_a_problem(page: Page) -> None:
    page.evaluate("prepare({ sample_rate: 44100 })")
    page.evaluate("begin(tone(100))")
    code, sentence = page.evaluate("over")
    assert code == "sample_rate"
    assert "16000 samples per second, not 44100" in sentence
    nothing_is_left(page)


def test_a_client_is_used_once(page: Page, scripted: ScriptedServer) -> None:
    page.evaluate("begin(tone(100))")
    assert page.evaluate("over") == "over"
    again = "client.stream(tone(100)).catch(({ message }) => message)"
    assert page.evaluate(again) == "This client has already been used; create a new one"
    assert page.evaluate("client.state") == "ended"
    nothing_is_left(page)


def test_stream_is_for_those_who_listen_to_events(page: Page, scripted: ScriptedServer) -> None:
    code = """client.stream(tone(400, { pace: 4 })).then(({ audio_ms }) => audio_ms)"""
    assert page.evaluate(code) == 400
    assert page.evaluate("heard.length") == 4


# -- a loop over the client itself -------------------------------------------------------------

LOOP = """async () => {
  const types = [];
  for await (const { type } of client) types.push(type);
  return types;
}"""


def test_a_loop_over_the_client_gives_every_message(page: Page, scripted: ScriptedServer) -> None:
    page.evaluate("prepare({ sample_rate: 16000 })")
    page.evaluate(f"void (window.types = ({LOOP})())")
    page.evaluate("client.connect()")
    stage = scripted.next_stage()
    stage.final(1, "One.")
    stage.say("a_type_of_tomorrow")
    page.evaluate("client.stop()")
    assert page.evaluate("types") == ["ready", "final", "a_type_of_tomorrow", "ended"]
    assert page.evaluate(f"({LOOP})()") == []


def test_a_loop_over_a_client_that_is_lost_throws(page: Page, scripted: ScriptedServer) -> None:
    page.evaluate("prepare({ sample_rate: 16000 })")
    page.evaluate("client.connect()")
    stage = scripted.next_stage()
    page.evaluate(f"void (window.failed = ({LOOP})().catch(({{ code }}) => code))")
    stage.refuse("bad_audio", "Not a number.")
    assert page.evaluate("failed") == "bad_audio"
    assert page.evaluate(f"({LOOP})().catch(({{ code }}) => code)") == "bad_audio"
