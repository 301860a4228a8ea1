"""The page's client library when connections break, against a scripted server."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Page

from tests.browser.scripted import ScriptedServer, Stage
from tests.marks import long

NOT_SURTITLE = "The server does not speak Surtitle's protocol. Check its address."
# Frames of 100 ms at 16 kHz, in which each sample has its own number.
FRAME_BYTES = 3200
CONNECT = """async ([start, options]) => {
  const { CaptionClient } = await import('/client/client.js');
  const client = new CaptionClient(new URL('/v1/captions', location.href), {
    sample_rate: 16000,
    ...start,
  }, options);
  const heard = [];
  client.addEventListener('state', ({ detail }) => heard.push({ type: 'state', ...detail }));
  client.addEventListener('message', ({ detail }) => heard.push(detail));
  client.addEventListener('gap', ({ detail }) => heard.push({ type: 'gap', ...detail }));
  let spoken = 0;
  const speak = (frames) => Array.from({ length: frames }).every(() => {
    const from = spoken;
    spoken += 1600;
    return client.send(Int16Array.from({ length: 1600 }, (_, i) => from + i));
  });
  Object.assign(window, { client, heard, speak });
  await client.connect();
}"""


def spoken(frames: int) -> bytes:
    """What `speak` has said after so many frames."""
    return np.arange(frames * 1600).astype("<i2").tobytes()


def connect(page: Page, server: ScriptedServer, start: Any = None, **options: Any) -> Stage:
    """Open the page, and a session on it."""
    page.goto(server.url)
    page.evaluate(CONNECT, [start or {"language": "en"}, options])
    return server.next_stage()


def speak(page: Page, frames: int, stage: Stage | None = None) -> None:
    """Say the next frames, and wait until they have come to a stage."""
    assert page.evaluate("(frames) => speak(frames)", frames) is True
    for _ in range(frames if stage else 0):
        assert stage is not None
        assert stage.next_frame_bytes() == FRAME_BYTES


def lose(page: Page, stage: Stage, server: ScriptedServer) -> None:
    """Break the connection, and let nobody in until `server.refusal` is None."""
    server.refusal = ("The server is full.", 5)
    stage.die()
    wait_for_state(page, "reconnecting")


def wait_for_state(page: Page, state: str) -> None:
    page.wait_for_function("(state) => client.state === state", arg=state)


def heard(page: Page, kind: str) -> list[dict[str, Any]]:
    """The messages, states or gaps that came."""
    found = page.evaluate("(kind) => heard.filter(({ type }) => type === kind)", kind)
    return list(found)


def states(page: Page) -> list[str]:
    return [change["state"] for change in heard(page, "state")]


def stop(page: Page) -> dict[str, Any]:
    """Say that no more comes; the account of the session."""
    return dict(page.evaluate("client.stop()"))


def failure(page: Page) -> list[str]:
    """Why the session could not be ended in order."""
    return list(page.evaluate("client.stop().catch(({ code, message }) => [code, message])"))


# -- the session goes on -----------------------------------------------------------------------


@pytest.mark.parametrize("code", [None, 1001, 1011, 1012, 1013, 1014, 4408])
def test_after_a_break_no_byte_is_lost_or_doubled(
    page: Page, scripted: ScriptedServer, code: int | None
) -> None:
    stage = connect(page, scripted)
    stage.hears_bytes = 4000  # in the middle of the second frame
    speak(page, 3, stage)
    scripted.refusal = ("The server is full.", 5)
    if code is None:
        stage.die()
    else:
        stage.close(code)
    wait_for_state(page, "reconnecting")
    speak(page, 2)
    scripted.refusal = None
    assert stage.next_resume() == {
        "type": "resume",
        "session": "s1",
        "token": "s1 token 1",
        "last_seq": 1,
    }
    wait_for_state(page, "ready")
    assert stop(page)["audio_ms"] == 500
    assert stage.audio == spoken(5)
    assert states(page) == ["connecting", "ready", "reconnecting", "ready", "ended"]
    assert all(change["message"] for change in heard(page, "state")[2:4])


def test_what_was_said_meanwhile_is_heard_once(page: Page, scripted: ScriptedServer) -> None:
    stage = connect(page, scripted)
    speak(page, 10, stage)
    stage.final(1, "One.", start_ms=0, end_ms=500)
    page.wait_for_function("() => heard.some(({ type }) => type === 'final')")
    lose(page, stage, scripted)
    stage.final(2, "Two.", start_ms=600, end_ms=900)
    scripted.refusal = None
    assert stage.next_resume()["last_seq"] == 2
    stop(page)
    assert [final["text"] for final in heard(page, "final")] == ["One.", "Two."]
    assert len(heard(page, "resumed")) == 1


def test_commands_are_said_again_where_they_may_not_have_come(
    page: Page, scripted: ScriptedServer
) -> None:
    stage = connect(page, scripted)
    page.evaluate("client.update({ language: 'de' })")
    speak(page, 1, stage)
    assert stage.next_command() == {"type": "update", "language": "de"}
    stage.hears_bytes = FRAME_BYTES
    page.evaluate("client.flush()")
    speak(page, 1, stage)  # when this has come, so has the command before it
    lose(page, stage, scripted)
    page.evaluate("client.update({ hotwords: ['Surtitle'] })")
    scripted.refusal = None
    stage.next_resume()
    assert stage.next_command() == {"type": "flush"}
    assert stage.next_command() == {"type": "update", "hotwords": ["Surtitle"]}
    stop(page)
    assert stage.audio == spoken(2)


def test_every_token_is_used_once(page: Page, scripted: ScriptedServer) -> None:
    stage = connect(page, scripted)
    for number in range(1, 4):
        stage.die()
        assert stage.next_resume()["token"] == f"s1 token {number}"
        wait_for_state(page, "ready")


def test_stop_waits_for_the_connection(page: Page, scripted: ScriptedServer) -> None:
    stage = connect(page, scripted)
    lose(page, stage, scripted)
    speak(page, 2)
    page.evaluate("void (window.stopped = client.stop())")
    assert page.evaluate("client.send(new Int16Array(1600))") is False
    scripted.refusal = None
    stage.next_resume()
    assert page.evaluate("stopped.then((ended) => ended.audio_ms)") == 200
    assert stage.next_command() == {"type": "stop"}
    assert stage.audio == spoken(2)


def test_catching_up_leaves_no_long_queue_in_the_browser(
    page: Page, scripted: ScriptedServer
) -> None:
    page.add_init_script(
        """window.longest = 0;
        const send = WebSocket.prototype.send;
        WebSocket.prototype.send = function (data) {
          send.call(this, data);
          longest = Math.max(longest, this.bufferedAmount);
        };"""
    )
    stage = connect(page, scripted)
    lose(page, stage, scripted)
    speak(page, 1000)
    assert page.evaluate("client.backlogMs") == 100_000
    scripted.refusal = None
    assert stop(page)["audio_ms"] == 100_000
    assert stage.audio == spoken(1000)
    assert 0 < page.evaluate("longest") < 256 * 1024 + FRAME_BYTES
    assert heard(page, "gap") == []


def test_a_server_that_says_nothing_is_taken_for_gone(page: Page, scripted: ScriptedServer) -> None:
    page.clock.install()
    stage = connect(page, scripted)
    page.clock.fast_forward(10_000)
    stage.ack(0)
    page.wait_for_function("() => heard.some(({ type }) => type === 'ack')")
    page.clock.fast_forward(10_000)
    assert page.evaluate("client.state") == "ready"
    page.clock.fast_forward(10_000)
    stage.next_resume()
    wait_for_state(page, "ready")
    assert states(page) == ["connecting", "ready", "reconnecting", "ready"]


def test_a_network_that_is_back_is_tried_at_once(page: Page, scripted: ScriptedServer) -> None:
    page.clock.install(time=0)
    page.clock.pause_at(10)  # no timer ends any more
    stage = connect(page, scripted)
    stage.die()
    wait_for_state(page, "reconnecting")
    page.evaluate("dispatchEvent(new Event('online'))")
    stage.next_resume()
    wait_for_state(page, "ready")
    page.evaluate("dispatchEvent(new Event('online'))")  # which changes nothing
    stop(page)


def test_the_state_of_the_server_still_holds_after_a_break(
    page: Page, scripted: ScriptedServer
) -> None:
    stage = connect(page, scripted)
    stage.say("status", state="overloaded", message="Many people speak.")
    wait_for_state(page, "overloaded")
    lose(page, stage, scripted)
    scripted.refusal = None
    wait_for_state(page, "overloaded")
    assert heard(page, "state")[-1]["message"] == "Many people speak."


# -- another session ---------------------------------------------------------------------------


def test_a_session_that_is_lost_goes_on_in_another_one(
    page: Page, scripted: ScriptedServer
) -> None:
    stage = connect(page, scripted, {"language": "en", "words": True})
    speak(page, 10, stage)
    page.evaluate("client.update({ language: 'de' })")
    speak(page, 10, stage)
    page.evaluate("client.update({ hotwords: ['Surtitle'] })")
    stage.final(1, "One.", start_ms=0, end_ms=500)
    stage.ack(40_000)
    page.wait_for_function("() => heard.some(({ type }) => type === 'ack')")
    scripted.forget()
    scripted.busy = 2  # a server that is full for a moment
    stage.die()
    second = scripted.next_stage()
    assert (second.start["language"], second.start["words"]) == ("de", True)
    assert "hotwords" not in second.start
    assert second.next_command() == {"type": "update", "hotwords": ["Surtitle"]}
    second.final(1, "Two.", start_ms=100, end_ms=200)
    ended = stop(page)
    assert second.audio == spoken(20)[40_000:]
    finals = [(final["utterance"], final["start_ms"]) for final in heard(page, "final")]
    assert finals == [(1, 0), (2, 1350)]
    assert (ended["audio_ms"], ended["utterances"]) == (2000, 3)
    parts = ("captioned_ms", "silence_ms", "suppressed_ms", "failed_ms")
    assert sum(ended[part] for part in parts) == 2000
    assert heard(page, "error") == []
    assert [ready["session"] for ready in heard(page, "ready")] == ["s1", "s2"]
    assert page.evaluate("client.ready.session") == "s2"


def test_what_was_answered_since_the_last_ack_is_not_asked_again(
    page: Page, scripted: ScriptedServer
) -> None:
    stage = connect(page, scripted)
    speak(page, 10, stage)
    stage.ack(0)
    stage.final(1, "One.", start_ms=0, end_ms=503)
    page.wait_for_function("() => heard.some(({ type }) => type === 'final')")
    scripted.forget()
    stage.die()
    second = scripted.next_stage()
    ended = stop(page)
    assert second.audio == spoken(10)[503 * 32 :]
    assert (ended["audio_ms"], ended["silence_ms"]) == (1000, 0)


def test_a_session_that_is_lost_twice(page: Page, scripted: ScriptedServer) -> None:
    stage = connect(page, scripted)
    for number in range(1, 3):
        speak(page, 10)
        stage.final(1, f"Number {number}.", start_ms=0, end_ms=1000)
        page.wait_for_function(
            "(count) => heard.filter(({ type }) => type === 'final').length === count", arg=number
        )
        scripted.forget()
        stage.die()
        stage = scripted.next_stage()
    speak(page, 10)
    ended = stop(page)
    assert stage.audio == spoken(30)[20 * FRAME_BYTES :]
    finals = [(final["utterance"], final["end_ms"]) for final in heard(page, "final")]
    assert finals == [(1, 1000), (2, 2000)]
    assert (ended["audio_ms"], ended["captioned_ms"]) == (3000, 3000)


# -- more than is kept -------------------------------------------------------------------------


def test_audio_that_was_not_kept_is_sent_as_silence(page: Page, scripted: ScriptedServer) -> None:
    stage = connect(page, scripted, keepMs=1000)
    speak(page, 5, stage)
    lose(page, stage, scripted)
    speak(page, 10)
    page.evaluate("client.update({ language: 'de' })")  # holds for what comes after, too
    speak(page, 20)
    scripted.refusal = None
    stage.next_resume()
    assert stage.next_command() == {"type": "update", "language": "de"}
    assert stop(page)["audio_ms"] == 3500
    assert stage.audio == spoken(5) + bytes(20 * FRAME_BYTES) + spoken(35)[25 * FRAME_BYTES :]
    assert heard(page, "gap") == [{"type": "gap", "start_ms": 500, "end_ms": 2500}]


def test_a_session_that_is_lost_with_more_than_is_kept(
    page: Page, scripted: ScriptedServer
) -> None:
    stage = connect(page, scripted, keepMs=1000)
    speak(page, 5, stage)
    stage.ack(FRAME_BYTES)
    page.wait_for_function("() => heard.some(({ type }) => type === 'ack')")
    lose(page, stage, scripted)
    page.evaluate("client.update({ language: 'de' })")
    speak(page, 30)
    scripted.forget()
    scripted.refusal = None
    second = scripted.next_stage()
    assert second.start["language"] == "de"
    assert stop(page)["audio_ms"] == 3500
    assert second.audio == spoken(35)[25 * FRAME_BYTES :]
    assert heard(page, "gap") == [{"type": "gap", "start_ms": 100, "end_ms": 2500}]


# -- the end -----------------------------------------------------------------------------------


def test_patience_has_an_end(page: Page, scripted: ScriptedServer) -> None:
    stage = connect(page, scripted, patienceMs=1000)
    lose(page, stage, scripted)
    wait_for_state(page, "closed")
    assert failure(page) == [
        "refused",
        "The server did not come back within 1 s. The server is full. Try again in 5 s.",
    ]
    assert page.evaluate("client.send(new Int16Array(1600))") is False


def test_connections_that_are_of_no_use_do_not_renew_patience(
    page: Page, scripted: ScriptedServer
) -> None:
    """As where a proxy cuts each of them at its first frame."""
    stage = connect(page, scripted, patienceMs=1000)
    began = time.monotonic()
    while page.evaluate("client.state") != "closed" and time.monotonic() < began + 20:
        stage.die()
        page.wait_for_timeout(100)
    assert failure(page)[1].startswith("The server did not come back within 1 s.")


def test_who_sends_nothing_for_long_comes_back_and_nobody_need_know(
    page: Page, scripted: ScriptedServer
) -> None:
    """As with a muted microphone, or a page in the background; again and again."""
    stage = connect(page, scripted, patienceMs=1)
    speak(page, 2, stage)
    for times in range(1, 4):
        stage.fall_idle()
        stage.next_resume()
        page.wait_for_function(
            "(times) => heard.filter(({ type }) => type === 'resumed').length === times", arg=times
        )
    stage.final(1, "Said before.")
    speak(page, 1, stage)
    assert stop(page)["audio_ms"] == 300
    assert stage.audio == spoken(3)
    assert [final["text"] for final in heard(page, "final")] == ["Said before."]
    assert heard(page, "error") == []


RECORDING = """async (size) => {
  const { CaptionClient, openRecording } = await import('/client/index.js');
  const bytes = Uint8Array.from({ length: size }, (_, i) => (i * 7 + (i >> 8)) % 251);
  const client = new CaptionClient(new URL('/v1/captions', location.href));
  const heard = [];
  client.addEventListener('state', ({ detail }) => heard.push({ type: 'state', ...detail }));
  window.whole = client.stream(await openRecording(new Blob([bytes]))).then(() => 'over');
  Object.assign(window, { client, heard });
}"""


@pytest.mark.parametrize("heard_bytes", [1, *map(long, (100_000, 200_001))])
def test_a_recording_is_read_again_from_the_byte_that_did_not_come(
    page: Page, scripted: ScriptedServer, heard_bytes: int
) -> None:
    """Nothing of it is kept for that: it is longer than what is kept of samples."""
    size = 15_000_000

    def greet(stage: Stage) -> None:
        stage.hears_bytes = heard_bytes
        stage.greet()

    scripted.on_start = greet
    page.goto(scripted.url)
    page.evaluate(RECORDING, size)
    stage = scripted.next_stage()
    for _ in range(4):
        stage.next_frame_bytes()
    stage.close(1011)
    stage.next_resume()
    assert page.evaluate("whole") == "over"
    numbers = np.arange(size)
    assert stage.audio == ((numbers * 7 + (numbers >> 8)) % 251).astype(np.uint8).tobytes()
    assert states(page) == ["connecting", "ready", "reconnecting", "ready", "ended"]


def test_without_patience_a_broken_connection_is_the_end(
    page: Page, scripted: ScriptedServer
) -> None:
    connect(page, scripted, patienceMs=0).die()
    wait_for_state(page, "closed")
    assert failure(page)[0] == "closed_1006"


@pytest.mark.parametrize("status", [429, 502, 504])
def test_a_refusal_that_passes(page: Page, scripted: ScriptedServer, status: int) -> None:
    stage = connect(page, scripted)
    scripted.refusal_status = status
    with page.expect_response(lambda response: response.status == status):
        lose(page, stage, scripted)
    scripted.refusal = None
    stage.next_resume()


def test_a_refusal_for_good(page: Page, scripted: ScriptedServer) -> None:
    stage = connect(page, scripted)
    scripted.refusal_status = 403
    scripted.refusal = ("The server is full.", 5)
    stage.die()
    wait_for_state(page, "closed")
    assert failure(page) == ["refused", "The server is full. Try again in 5 s."]


@pytest.mark.parametrize("code", [1000, 1008, 4409])
def test_a_close_that_ends_the_session(page: Page, scripted: ScriptedServer, code: int) -> None:
    connect(page, scripted).close(code)
    wait_for_state(page, "closed")
    assert failure(page)[0] == f"closed_{code}"


def test_a_fatal_error_ends_the_session(page: Page, scripted: ScriptedServer) -> None:
    connect(page, scripted).refuse("bad_audio", "Not a number.")
    wait_for_state(page, "closed")
    assert failure(page) == ["bad_audio", "Not a number."]
    assert len(heard(page, "error")) == 1


def test_the_first_connection_is_refused_at_once(page: Page, scripted: ScriptedServer) -> None:
    scripted.busy = 1
    page.goto(scripted.url)
    code = f"({CONNECT})([{{}}, {{}}]).catch(({{ code }}) => code)"
    assert page.evaluate(code) == "busy"
    assert states(page) == ["connecting", "closed"]


@pytest.mark.parametrize("text", ["Hello.", "null", "[]", '{"type": 7}'])
def test_what_is_no_message_ends_the_session(
    page: Page, scripted: ScriptedServer, text: str
) -> None:
    connect(page, scripted).babble(text)
    wait_for_state(page, "closed")
    assert failure(page) == ["closed_1007", NOT_SURTITLE]
    assert scripted.next_close() == 1000


def test_a_greeting_that_is_no_message_is_explained(page: Page, scripted: ScriptedServer) -> None:
    scripted.on_start = lambda stage: stage.babble("Welcome!")
    page.goto(scripted.url)
    assert page.evaluate(f"({CONNECT})([{{}}, {{}}]).catch(({{ message }}) => message)") == (
        NOT_SURTITLE
    )
    assert states(page) == ["connecting", "closed"]


def test_close_tells_the_server(page: Page, scripted: ScriptedServer) -> None:
    connect(page, scripted)
    page.evaluate("client.close()")
    assert scripted.next_close() == 1000
    assert failure(page)[0] == "closed"


def test_close_while_the_connection_is_away(page: Page, scripted: ScriptedServer) -> None:
    stage = connect(page, scripted)
    lose(page, stage, scripted)
    page.evaluate("client.close()")
    assert page.evaluate("client.state") == "closed"
    assert failure(page)[0] == "closed"
