"""The page's pure modules, run in the browser: transcripts, files of captions, frames of sound."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from surtitle.captioning.abbreviations import ABBREVIATIONS, may_end_sentence
from surtitle.subtitles.breaks import LEADS
from tests.browser.conftest import watched_page
from tests.browser.scripted import scripted_server
from tests.conformance.layout_cases import COSTS, LAYOUT_CASES, STOPS, UNITS, WIDTHS

Message = dict[str, Any]


@pytest.fixture(scope="module")
def page(browser: Browser) -> Iterator[Page]:
    """One page for all: these modules keep nothing between tests."""
    with scripted_server() as server, watched_page(browser.new_context(), "127.0.0.1") as watched:
        watched.goto(server.url)
        yield watched


def final(utterance: int, start_ms: int, end_ms: int, text: str) -> Message:
    times = {"start_ms": start_ms, "end_ms": end_ms}
    return {"type": "final", "utterance": utterance, "text": text, "language": "en", **times}


def failed(utterance: int, start_ms: int, end_ms: int) -> Message:
    times = {"start_ms": start_ms, "end_ms": end_ms}
    return {"type": "failed", "utterance": utterance, "code": "x", "message": "no", **times}


def partial(utterance: int, stable: str, unstable: str) -> Message:
    said = {"stable": stable, "unstable": unstable, "start_ms": 0, "end_ms": 900}
    return {"type": "partial", "utterance": utterance, **said}


def written(page: Page, function: str, *sessions: list[Message]) -> str:
    """What `function` makes of a transcript; every session but the last one takes 10 s."""
    return str(
        page.evaluate(
            """async ([name, sessions]) => {
              const module = await import('/transcript.js');
              const transcript = new module.Transcript();
              sessions.forEach((messages, index) => {
                if (index) transcript.endSession(10000, 'lost');
                messages.forEach((message) => transcript.apply(message));
              });
              return module[name](transcript.entries);
            }""",
            [function, list(sessions)],
        )
    )


def test_text_has_one_line_an_utterance(page: Page) -> None:
    messages = [
        {"type": "speech", "utterance": 1, "start_ms": 0},
        final(1, 0, 1000, " One. "),
        {"type": "suppressed", "utterance": 2, "start_ms": 1, "end_ms": 2, "reason": "no_speech"},
        {"type": "status", "state": "normal", "message": ""},
        final(3, 2000, 3000, "Three."),
    ]
    assert written(page, "toText", messages) == "One.\nThree.\n"


def test_what_is_still_open_is_not_written(page: Page) -> None:
    assert written(page, "toText", [final(1, 0, 1, "One."), partial(2, "Two", " is")]) == "One.\n"


def test_gaps_are_marked(page: Page) -> None:
    messages = [failed(1, 0, 900), partial(2, "Half a", " sentence"), failed(2, 0, 900)]
    assert written(page, "toText", messages) == (
        "[caption missing]\nHalf a sentence [caption incomplete]\n"
    )


def test_a_broken_session_leaves_its_open_caption_incomplete(page: Page) -> None:
    sessions = [[partial(1, "Half a", " sentence")], [final(1, 0, 500, "Again.")]]
    assert written(page, "toText", *sessions) == "Half a sentence [caption incomplete]\nAgain.\n"


GO_ON = """async ([before, gaps, after, name]) => {
  const module = await import('/transcript.js');
  const transcript = new module.Transcript();
  for (const message of before) transcript.apply(message);
  for (const [start_ms, end_ms] of gaps) transcript.lose({ start_ms, end_ms });
  transcript.withdrawOpen();
  for (const message of after) transcript.apply(message);
  transcript.endSession(10000, 'lost');
  return module[name](transcript.entries);
}"""


def test_what_was_lost_has_a_line_of_its_own_where_it_was(page: Page) -> None:
    before = [final(1, 0, 900, "Before.")]
    gaps = [[2000, 4000], [4000, 6040]]  # one after the other: one gap
    after = [final(2, 1900, 2500, "Up to it."), final(3, 9000, 9900, "After.")]
    assert page.evaluate(GO_ON, [before, gaps, after, "toText"]) == (
        "Before.\nUp to it.\n[4 s lost while the connection was away]\nAfter.\n"
    )
    assert page.evaluate(GO_ON, [before, gaps, after, "toSrt"]) == (
        "1\n00:00:00,000 --> 00:00:01,000\nBefore.\n\n"
        "2\n00:00:01,900 --> 00:00:06,040\nUp to it.\n[4 s lost while the connection was away]\n\n"
        "3\n00:00:09,000 --> 00:00:10,000\nAfter.\n\n"
    )


def test_what_another_session_says_anew_does_not_come_twice(page: Page) -> None:
    before = [final(1, 0, 900, "One."), partial(2, "Half a", " sent"), partial(3, "", "An")]
    after = [final(2, 1000, 1900, "A sentence.")]
    assert page.evaluate(GO_ON, [before, [], after, "toText"]) == "One.\nA sentence.\n"


def test_srt_and_webvtt_of_a_second_session_go_on_after_the_first(page: Page) -> None:
    sessions = [
        [final(1, 40, 1240, "R&D, <quickly>.")],
        [final(1, 3_600_005, 3_601_100, "Later.")],
    ]
    assert written(page, "toSrt", *sessions) == (
        "1\n00:00:00,040 --> 00:00:01,240\nR&D, <quickly>.\n\n"
        "2\n01:00:10,005 --> 01:00:11,100\nLater.\n\n"
    )
    assert written(page, "toVtt", *sessions) == (
        "WEBVTT\n\n"
        "00:00:00.040 --> 00:00:01.240\nR&amp;D, &lt;quickly&gt;.\n\n"
        "01:00:10.005 --> 01:00:11.100\nLater.\n\n"
    )


def test_cues_have_the_times_of_their_words(page: Page) -> None:
    words = [
        {"text": "Late.", "start_ms": 300, "end_ms": 700, "confidence": 1},
        {"text": "Later.", "start_ms": 2500, "end_ms": 4000, "confidence": 1},
    ]
    said = [final(1, 0, 4300, "Late. Later.") | {"words": words}]
    assert written(page, "toSrt", [], said) == (
        "1\n00:00:10,300 --> 00:00:11,300\nLate.\n\n2\n00:00:12,500 --> 00:00:14,000\nLater.\n\n"
    )


LAY_OUT = """async (cases) => {
  const { LAYOUT, layOut } = await import('/cues.js');
  const camel = (object) => Object.fromEntries(Object.entries(object).map(([name, value]) => [
    name.replace(/_(.)/g, (_, letter) => letter.toUpperCase()),
    Array.isArray(value) ? value.map(camel) : value,
  ]));
  return cases.map(({ layout, finals }) => layOut(finals.map(camel), { ...LAYOUT, ...camel(layout) })
    .map(({ startMs, endMs, lines }) => ({ start_ms: startMs, end_ms: endMs, lines })));
}"""


def test_the_page_lays_out_as_the_server_does(page: Page) -> None:
    laid_out = page.evaluate(LAY_OUT, LAYOUT_CASES)
    assert len(laid_out) == len(LAYOUT_CASES)
    for cues, case in zip(laid_out, LAYOUT_CASES, strict=True):
        assert cues == case["cues"], case["name"]


def test_an_empty_transcript_makes_valid_files(page: Page) -> None:
    assert written(page, "toText", []) == ""
    assert written(page, "toSrt", []) == ""
    assert written(page, "toVtt", []) == "WEBVTT\n\n"


BREAKS = """async ([widths, units, costs]) => {
  const { LEADS, breakCost, textUnits, textWidth } = await import('/breaks.js');
  return {
    widths: widths.map(([text]) => [text, textWidth(text)]),
    units: units.map(([text]) => [text, textUnits(text)]),
    costs: costs.map(([before, after, language]) => [
      before, after, language, breakCost(before, after, language)]),
    leads: Object.fromEntries(Object.entries(LEADS).map(([name, words]) => [name, [...words]])),
  };
}"""


def test_the_page_breaks_where_the_server_does(page: Page) -> None:
    found = page.evaluate(BREAKS, [WIDTHS, UNITS, COSTS])
    assert found["widths"] == [list(case) for case in WIDTHS]
    assert found["units"] == [list(case) for case in UNITS]
    assert found["costs"] == [list(case) for case in COSTS]
    assert {language: set(words) for language, words in found["leads"].items()} == LEADS


STOPS_OF_THE_PAGE = """async (cases) => {
  const { mayEndSentence } = await import('/sentence.js');
  return cases.map(([word, after, language]) => mayEndSentence(word, after, language));
}"""


def test_full_stops_mean_the_same_to_the_page(page: Page) -> None:
    every = [
        (form + ".", after, language)
        for language, kinds in ABBREVIATIONS.items()
        for words in kinds.values()
        for word in words.split()
        for form in (word, word.upper())
        for after in ("", "Smith", "the", "5", "Да", "Die", "İçin", "II", "(La")
    ]
    cases = [case[:3] for case in STOPS] + every
    found = page.evaluate(STOPS_OF_THE_PAGE, cases)
    differ = [c for c, ends in zip(cases, found, strict=True) if may_end_sentence(*c) != ends]
    assert differ == []
    assert found[: len(STOPS)] == [case[3] for case in STOPS]


BLOCKS = """async (sessions) => {
  const { Block } = await import('/block.js');
  const { Transcript } = await import('/transcript.js');
  const transcript = new Transcript();
  const block = new Block();
  return sessions.map((message) => {
    transcript.apply(message);
    return block.lines(transcript.entries).map((line) => line.map(
      ({ text, settled }) => settled ? text : `[${text}]`).join(''));
  });
}"""


def test_a_block_fills_without_a_word_that_moves_and_is_then_replaced(page: Page) -> None:
    text = (
        "After months of spirited debate and vigorous campaigning, the time has come for Americans "
        "to make important decisions about our nation's future, and to go to the polls and vote."
    )
    spoken = text.split()
    grown = [partial(1, " ".join(spoken[: n + 1]), "") for n in range(len(spoken))]
    shown = page.evaluate(BLOCKS, [*grown, final(1, 0, 9000, text)])
    full = []
    for before, after in pairwise(shown):
        assert 1 <= len(after) <= 2
        assert all(len(line) <= 42 for line in after)
        if not "\n".join(after).startswith("\n".join(before)):
            full.append(before)
    assert [*full, shown[-1]] == [
        ["After months of spirited debate and", "vigorous campaigning, the time has come"],
        ["the time has come for Americans to make", "important decisions about our nation's"],
        ["to make important decisions about our", "nation's future, and to go to the polls"],
        ["and to go to the polls and vote."],
    ]


def test_a_block_goes_on_with_the_next_utterance_and_anew_after_silence(page: Page) -> None:
    messages = [
        final(1, 0, 1000, "One."),
        {"type": "speech", "utterance": 2, "start_ms": 1500},
        partial(2, "", "Two") | {"start_ms": 1500, "end_ms": 2000},
        final(2, 1500, 2500, "Two."),
        {"type": "speech", "utterance": 3, "start_ms": 9000},
        final(3, 9000, 9900, "Three."),
        {"type": "suppressed", "utterance": 4, "start_ms": 1, "end_ms": 2, "reason": "no_speech"},
    ]
    one, two = ["One. Two."], ["Three."]
    assert page.evaluate(BLOCKS, messages) == [
        ["One."],
        ["One."],
        ["One. [Two]"],
        one,
        one,
        two,
        two,
    ]


FRAMES = """async ([chunk, total]) => {
  const { PcmFramer } = await import('/client/capture-worklet.js');
  const frames = [];
  const framer = new PcmFramer(8000, (frame) => frames.push(frame));
  const samples = Float32Array.from({ length: total }, (_, i) => (i % 2 ? -0.5 : 0.5));
  for (let at = 0; at < total; at += chunk) framer.push(samples.subarray(at, at + chunk));
  framer.flush();
  framer.flush();
  return frames.map(({ samples, rms, peak }) => [samples.length, samples[0], rms, peak]);
}"""


@pytest.mark.parametrize("chunk", [1, 128, 800, 5000])
def test_frames_are_100_ms_however_the_sound_comes(page: Page, chunk: int) -> None:
    assert page.evaluate(FRAMES, [chunk, 1900]) == [
        [800, 16384, 0.5, 0.5],
        [800, 16384, 0.5, 0.5],
        [300, 16384, 0.5, 0.5],
    ]


def test_samples_out_of_range_are_clipped(page: Page) -> None:
    samples = page.evaluate(
        """async () => {
          const { PcmFramer } = await import('/client/capture-worklet.js');
          let samples;
          const framer = new PcmFramer(8000, (frame) => { samples = frame.samples; });
          framer.push(Float32Array.of(0, 1, -1, 1.5, -7));
          framer.flush();
          return [...samples];
        }"""
    )
    assert samples == [0, 32767, -32767, 32767, -32767]


# -- the client library ------------------------------------------------------------------------

CONNECT = """async () => {
  const { CaptionClient } = await import('/client/client.js');
  window.client = new CaptionClient(new URL('/v1/captions', location.href), {
    sample_rate: 16000,
    words: true,
  });
  window.heard = [];
  client.addEventListener('state', ({ detail }) => heard.push(detail.state));
  client.addEventListener('message', ({ detail }) => heard.push(detail.type));
  return (await client.connect()).session;
}"""


def test_a_client_from_connect_to_ended(browser: Browser) -> None:
    with scripted_server() as server, watched_page(browser.new_context(), "127.0.0.1") as page:
        page.goto(server.url)
        assert page.evaluate(CONNECT) == "s1"
        stage = server.next_stage()
        assert stage.start["words"] is True
        assert page.evaluate("client.send(new Int16Array(1600)) && client.state") == "ready"
        assert stage.next_frame_bytes() == 3200
        page.evaluate("client.update({ hotwords: ['Surtitle'] })")
        assert stage.next_command() == {"type": "update", "hotwords": ["Surtitle"]}
        page.evaluate("client.flush()")
        assert stage.next_command() == {"type": "flush"}
        stage.say("a_type_of_tomorrow")
        assert page.evaluate("client.stop().then((ended) => ended.audio_ms)") == 100
        assert page.evaluate("client.send(new Int16Array(1600))") is False
        assert page.evaluate("heard") == [
            "connecting",
            "ready",
            "ready",
            "a_type_of_tomorrow",
            "ended",
            "ended",
        ]


STOP_FIRST = """async () => {
  const { CaptionClient, CaptionError } = await import('/client/client.js');
  const client = new CaptionClient(new URL('/v1/captions', location.href));
  const error = await client.stop().catch((error) => error);
  let again;
  try {
    client.connect();
  } catch ({ message }) {
    again = message;
  }
  const sent = client.send(new Int16Array(1600));
  return [error instanceof CaptionError, error.code, client.state, sent, again];
}"""


def test_a_client_that_is_stopped_before_it_connects_is_closed(page: Page) -> None:
    sentence = "This client was used before; make a new one"
    assert page.evaluate(STOP_FIRST) == [True, "closed", "closed", False, sentence]


def test_a_client_that_leaves_is_told_so(browser: Browser) -> None:
    with scripted_server() as server, watched_page(browser.new_context(), "127.0.0.1") as page:
        page.goto(server.url)
        page.evaluate(CONNECT)
        code = "(client.close(), client.stop().catch((error) => error.code))"
        assert page.evaluate(code) == "closed"
