"""What the pages reckon with: uncertain words, delays, sessions of a channel, newest captions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from tests.browser.conftest import watched_page
from tests.browser.scripted import scripted_server


@pytest.fixture(scope="module")
def page(browser: Browser) -> Iterator[Page]:
    """One page for all: these modules keep nothing between tests."""
    with scripted_server() as server, watched_page(browser.new_context(), "127.0.0.1") as watched:
        watched.goto(server.url)
        yield watched


def word(text: str, confidence: float) -> dict[str, Any]:
    return {"text": text, "startMs": 0, "endMs": 1, "confidence": confidence}


@pytest.mark.parametrize(
    ("text", "words", "found"),
    [
        ("All is well.", [("All", 0.9), ("is", 0.9), ("well.", 0.9)], ["All is well."]),
        ("It may be.", [("It", 0.9), ("may", 0.2), ("be.", 0.9)], ["It ", ("may", 0.2), " be."]),
        ("may", [(" may", 0.49)], [("may", 0.49)]),
        ("the the", [("the", 0.9), ("the", 0.1)], ["the ", ("the", 0.1)]),
        ("你好世界", [("你好", 0.9), ("世界", 0.3)], ["你好", ("世界", 0.3)]),
        # Words whose text is not there (a correction, another spelling) leave the text as it is.
        ("Twenty euros.", [("20", 0.1), ("euros.", 0.9)], ["Twenty euros."]),
        ("No words.", [], ["No words."]),
        ("Odd.", [("", 0.1), (" ", 0.1)], ["Odd."]),
        ("", [], []),
    ],
)
def test_a_text_is_cut_at_its_uncertain_words(
    page: Page, text: str, words: list[tuple[str, float]], found: list[str | tuple[str, float]]
) -> None:
    stretches = page.evaluate(
        "async ([text, words]) => (await import('/uncertain.js')).stretches(text, words)",
        [text, [word(*spoken) for spoken in words]],
    )
    expected = [
        {"text": part, "confidence": None}
        if isinstance(part, str)
        else {"text": part[0], "confidence": part[1]}
        for part in found
    ]
    assert stretches == expected
    assert "".join(stretch["text"] for stretch in stretches) == text


DELAYS = """async (notes) => {
  const { Delay } = await import('/delay.js');
  const delay = new Delay();
  return notes.map(([type, end_ms, sentMs, nowMs]) => delay.note({ type, end_ms }, sentMs, nowMs));
}"""


@pytest.mark.parametrize(
    ("notes", "shown"),
    [
        ([("partial", 1000, 1800, 0)], [800]),
        ([("speech", 1000, 1800, 0), ("ack", 0, 1800, 0)], [None, None]),
        # A final without new words says nothing: they were read before.
        ([("partial", 1000, 1800, 0), ("final", 1000, 3000, 9000)], [800, None]),
        ([("partial", 1000, 1800, 0), ("final", 1200, 3000, 9000)], [800, 1800]),
        # Calm: no change within two seconds, and one late caption among several is not the figure.
        (
            [
                ("partial", at, at + (5000 if at == 300 else 700), at * 10)
                for at in (100, 200, 300, 400)
            ],
            [700, None, 700, None],
        ),
        ([("partial", 1000, 900, 0)], [0]),  # the clock of the sound runs in steps of 100 ms
    ],
)
def test_the_delay(page: Page, notes: list[tuple[str, int, int, int]], shown: list[Any]) -> None:
    assert page.evaluate(DELAYS, notes) == shown


SESSIONS = """async (messages) => {
  const { Transcript } = await import('/transcript.js');
  const transcript = new Transcript();
  for (const message of messages) {
    if (message.type === 'channel') transcript.enterSession(message.session);
    else transcript.apply(message);
  }
  return transcript.entries.map(({ kind, startMs, text, stable }) => [kind, startMs, text || stable]);
}"""


def channel(session: str) -> dict[str, Any]:
    return {"type": "channel", "session": session, "state": "live", "channel": "c", "viewers": 1}


def final(utterance: int, text: str, start_ms: int = 0) -> dict[str, Any]:
    times = {"start_ms": start_ms, "end_ms": start_ms + 1000}
    return {"type": "final", "utterance": utterance, "text": text, "language": "en", **times}


def partial(utterance: int, stable: str) -> dict[str, Any]:
    times = {"start_ms": 0, "end_ms": 1000}
    return {"type": "partial", "utterance": utterance, "stable": stable, "unstable": "", **times}


def test_sessions_of_a_channel_follow_one_another(page: Page) -> None:
    messages = [
        channel("a"),
        final(1, "One."),
        partial(2, "Void"),
        channel("b"),
        final(1, "Two."),
        partial(2, "Grows"),
        channel("b"),  # the number of viewers has changed
        channel("a"),  # the history, told again
        final(1, "One."),
        channel("b"),
        final(2, "Two and a half.", start_ms=1000),
    ]
    entries = page.evaluate(SESSIONS, messages)
    assert [entry for entry in entries if entry[0] != "suppressed"] == [
        ["final", 0, "One."],
        ["final", 1000, "Two."],
        ["final", 2000, "Two and a half."],
    ]


def test_the_history_of_a_channel_comes_before_what_is_said_now(page: Page) -> None:
    messages = [
        channel("b"),  # how it is
        channel("a"),
        final(1, "One."),
        channel("b"),
        final(1, "Two.", start_ms=500),
        channel("b"),
        final(2, "Three.", start_ms=2000),
    ]
    assert page.evaluate(SESSIONS, messages) == [
        ["final", 0, "One."],
        ["final", 1500, "Two."],
        ["final", 3000, "Three."],
    ]


ARRIVAL = """async (messages) => {
  const { Arrival } = await import('/arrival.js');
  const arrival = new Arrival();
  return messages.map((message) => arrival.take(message));
}"""


@pytest.mark.parametrize(
    ("messages", "over"),
    [
        ([channel("b"), final(1, "One."), channel("b"), final(2, "Two.")], [0, 0, 1, 1]),
        ([channel("b"), channel("a"), final(1, "One."), channel("b")], [0, 0, 0, 1]),
        ([channel(""), channel("a"), partial(1, "On")], [0, 0, 1]),
        ([channel("a"), partial(1, "On"), final(1, "One.")], [0, 1, 1]),
    ],
)
def test_where_the_past_of_a_channel_ends(
    page: Page, messages: list[dict[str, Any]], over: list[int]
) -> None:
    assert page.evaluate(ARRIVAL, messages) == [bool(each) for each in over]


RECENT = """async (messages) => {
  const { Recent } = await import('/recent.js');
  const recent = new Recent();
  const changed = messages.map((message) =>
    message.type === 'forget' ? recent.forgetFinals() : recent.apply(message));
  return [recent.captions.map(({ text }) => text), changed];
}"""


@pytest.mark.parametrize(
    ("messages", "texts"),
    [
        ([partial(1, "On"), final(1, " One. "), partial(2, "Two")], ["One.", "Two"]),
        ([partial(1, "On"), {"type": "suppressed", "utterance": 1}], []),
        ([partial(1, "On"), {"type": "failed", "utterance": 1}], []),
        # Another session: what grew is void, and its numbers are others' now.
        ([channel("a"), final(1, "One."), partial(2, "Void"), channel("b")], ["One."]),
        ([channel("a"), final(1, "One."), channel("b"), final(1, "Two.")], ["One.", "Two."]),
        ([channel("a"), partial(1, "On"), channel("a")], ["On"]),
        ([channel("a"), partial(1, "On"), channel("a") | {"state": "waiting"}], []),
        ([final(1, "One."), partial(2, "Two"), {"type": "forget"}], ["Two"]),
        ([final(n, f"{n}.") for n in range(1, 100)], [f"{n}." for n in range(88, 100)]),
        ([{"type": "status", "state": "normal"}], []),
    ],
)
def test_the_newest_captions(page: Page, messages: list[dict[str, Any]], texts: list[str]) -> None:
    assert page.evaluate(RECENT, messages)[0] == texts


def test_proposed_names_are_names(page: Page) -> None:
    names = page.evaluate("""async () => {
      const { NAME_PATTERN, proposeName } = await import('/channel-names.js');
      const names = Array.from({ length: 200 }, proposeName);
      const wrong = names.filter((name) => !NAME_PATTERN.test(name));
      return { wrong, different: new Set(names).size };
    }""")
    assert names["wrong"] == []
    assert names["different"] > 150


@pytest.mark.parametrize(
    ("ms", "text"),
    [
        (0, "0:00"),
        (59_499, "0:59"),
        (61_000, "1:01"),
        (3_599_600, "1:00:00"),
        (36_061_000, "10:01:01"),
    ],
)
def test_times_as_people_write_them(page: Page, ms: int, text: str) -> None:
    assert page.evaluate("async (ms) => (await import('/clock.js')).clock(ms)", ms) == text
