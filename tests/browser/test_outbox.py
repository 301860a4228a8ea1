"""What the page's client keeps to send again, and how it joins sessions; run in the browser."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from tests.browser.conftest import watched_page
from tests.browser.scripted import scripted_server

Message = dict[str, Any]
Step = tuple[str, Any]


@pytest.fixture(scope="module")
def page(browser: Browser) -> Iterator[Page]:
    """One page for all: these modules keep nothing between tests."""
    with scripted_server() as server, watched_page(browser.new_context(), "127.0.0.1") as watched:
        watched.goto(server.url)
        yield watched


# -- the outbox --------------------------------------------------------------------------------

# "from" gives what a server that has all before a byte is sent: audio, and commands with their places.
OUTBOX = """async ([maxBytes, steps]) => {
  const { Outbox } = await import('/client/outbox.js');
  const outbox = new Outbox(maxBytes ?? Infinity);
  const words = (commands) => commands.map((command) => command.language ?? command.type);
  const does = {
    audio: (text) => outbox.addAudio(new TextEncoder().encode(text)),
    say: (type) => outbox.addCommand({ type }),
    update: (language) => outbox.addCommand({ type: 'update', language }),
    forget: (byte) => words(outbox.forgetBefore(byte)),
    kept: () => [outbox.safe, outbox.start, outbox.end],
    from: (byte) => {
      let audio = '';
      const commands = [];
      let item = outbox.next(outbox.numberAt(byte));
      for (; item; item = outbox.next(item.number + 1)) {
        if (item.command) commands.push([item.start, ...words([item.command])]);
        else audio += new TextDecoder().decode(item.data.slice(Math.max(byte - item.start, 0)));
      }
      return [audio, ...commands];
    },
  };
  return steps.map(([name, value]) => does[name](value) ?? null);
}"""


def outbox(page: Page, *steps: Step, max_bytes: int | None = None) -> list[Any]:
    """What the steps that ask for something give."""
    answers = page.evaluate(OUTBOX, [max_bytes, [list(step) for step in steps]])
    return [answer for answer in answers if answer is not None]


def test_all_is_sent_again_from_a_byte_in_the_middle_of_a_frame(page: Page) -> None:
    said = [("audio", "abcd"), ("say", "flush"), ("audio", "efgh"), ("say", "stop")]
    assert outbox(page, *said, ("from", 0), ("from", 2), ("from", 6)) == [
        ["abcdefgh", [4, "flush"], [8, "stop"]],
        ["cdefgh", [4, "flush"], [8, "stop"]],
        ["gh", [8, "stop"]],
    ]


def test_a_command_right_at_the_byte_may_not_have_come(page: Page) -> None:
    said = [("audio", "abcd"), ("say", "flush")]
    assert outbox(page, *said, ("from", 4), ("forget", 4), ("from", 4)) == [
        ["", [4, "flush"]],
        [],
        ["", [4, "flush"]],
    ]


def test_commands_before_a_safe_byte_are_told_once(page: Page) -> None:
    said = [("audio", "ab"), ("update", "de"), ("audio", "cdef")]
    asked = [("forget", 1), ("forget", 3), ("forget", 3), ("kept", 0), ("from", 3)]
    assert outbox(page, *said, *asked) == [[], ["de"], [], [3, 3, 6], ["def"]]


def test_too_much_drops_the_oldest_audio_but_no_command(page: Page) -> None:
    said = [("audio", "abc"), ("update", "de"), ("audio", "def"), ("kept", 0)]
    more = [("audio", "ghi"), ("kept", 0), ("audio", "jkl"), ("kept", 0), ("from", 0)]
    passed = [("forget", 6), ("from", 6)]
    assert outbox(page, *said, *more, *passed, max_bytes=6) == [
        [0, 0, 6],
        [0, 3, 9],
        [0, 6, 12],
        ["ghijkl", [3, "de"]],
        ["de"],
        ["ghijkl"],
    ]


def test_one_frame_is_kept_whatever_its_size(page: Page) -> None:
    said = [("audio", "abc"), ("audio", "d" * 20)]
    assert outbox(page, *said, ("kept", 0), ("from", 3), max_bytes=6) == [[0, 3, 23], ["d" * 20]]


def test_no_more_is_forgotten_than_there_is(page: Page) -> None:
    steps = [("audio", "abc"), ("forget", 9), ("kept", 0), ("forget", 1), ("kept", 0)]
    assert outbox(page, *steps) == [[], [3, 3, 3], [], [3, 3, 3]]


# -- the timeline ------------------------------------------------------------------------------

# A number among the messages begins another session at that byte, at 32,000 bytes a second; "over"
# begins one at the first byte, that of a container.
TIMELINE = """async (messages) => {
  const { Timeline } = await import('/client/timeline.js');
  const timeline = new Timeline();
  return messages.flatMap((message) => {
    if (message === 'over') return (timeline.startOver(), []);
    if (typeof message === 'number') return (timeline.goOn(message, 32000), []);
    return [timeline.place(message)];
  });
}"""


def final(utterance: int, start_ms: int, end_ms: int) -> Message:
    times = {"start_ms": start_ms, "end_ms": end_ms}
    words = [{"text": "so", "confidence": 1, **times}]
    return {"type": "final", "utterance": utterance, "text": "so", "words": words, **times}


def answer(kind: str, utterance: int, start_ms: int, end_ms: int) -> Message:
    return {"type": kind, "utterance": utterance, "start_ms": start_ms, "end_ms": end_ms}


def ended(
    audio_ms: int, captioned_ms: int, suppressed_ms: int, failed_ms: int, utterances: int
) -> Message:
    return {
        "type": "ended",
        "audio_ms": audio_ms,
        "captioned_ms": captioned_ms,
        "silence_ms": audio_ms - captioned_ms - suppressed_ms - failed_ms,
        "suppressed_ms": suppressed_ms,
        "failed_ms": failed_ms,
        "utterances": utterances,
    }


def test_the_first_session_is_as_it_is(page: Page) -> None:
    status = {"type": "status", "state": "normal", "message": ""}
    messages = [final(1, 100, 900), status, ended(2000, 800, 0, 0, 1)]
    assert page.evaluate(TIMELINE, messages) == messages


def test_times_and_numbers_go_on_in_the_next_session(page: Page) -> None:
    messages = [
        final(1, 100, 900),
        answer("suppressed", 2, 1500, 1900),
        {"type": "speech", "utterance": 3, "start_ms": 2500},  # is not answered any more
        64_000,
        {"type": "speech", "utterance": 1, "start_ms": 500},
        answer("partial", 1, 500, 800),
        final(1, 500, 1200),
        answer("failed", 2, 1300, 1400),
        {"type": "ack", "received": 9, "safe": 3},
        ended(1500, 700, 0, 100, 2),
    ]
    assert page.evaluate(TIMELINE, messages)[3:] == [
        {"type": "speech", "utterance": 3, "start_ms": 2500},
        answer("partial", 3, 2500, 2800),
        final(3, 2500, 3200),
        answer("failed", 4, 3300, 3400),
        {"type": "ack", "received": 64_009, "safe": 64_003},
        ended(3500, 1500, 400, 100, 4),
    ]


def test_and_in_the_one_after_that(page: Page) -> None:
    messages = [final(1, 0, 1000), 32_000, final(1, 0, 1000), 96_000, final(1, 0, 500)]
    assert page.evaluate(TIMELINE, [*messages, ended(1000, 500, 0, 0, 1)])[2:] == [
        final(3, 3000, 3500),
        ended(4000, 2500, 0, 0, 3),
    ]


def test_a_container_that_begins_again_does_not_say_twice_what_was_answered(page: Page) -> None:
    messages = [
        final(1, 100, 900),
        answer("suppressed", 2, 1500, 1900),
        {"type": "speech", "utterance": 3, "start_ms": 2500},  # is not answered any more
        "over",
        {"type": "speech", "utterance": 1, "start_ms": 100},
        answer("partial", 1, 100, 800),
        final(1, 100, 900),
        answer("suppressed", 2, 1500, 1900),
        {"type": "ack", "received": 9, "safe": 0},
        final(3, 2500, 3000),
        "over",
        answer("failed", 3, 2500, 3000),
        final(4, 3500, 4000),
        ended(5000, 1800, 400, 0, 4),
    ]
    assert page.evaluate(TIMELINE, messages)[3:] == [
        *[None] * 4,
        {"type": "ack", "received": 9, "safe": 0},
        final(3, 2500, 3000),
        None,
        final(4, 3500, 4000),
        ended(5000, 1800, 400, 0, 4),
    ]
