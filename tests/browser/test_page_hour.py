"""A page that is left open for an hour of speech does not grow, and still has every word of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import CDPSession, Page, expect

from tests.browser.channel import scripted_channel
from tests.browser.page_parts import final_captions, open_caption, open_transcript, saved, start
from tests.browser.scripted import scripted_server
from tests.browser.serving import Speaker
from tests.subtitle_readers import read_with_pysubs2

UTTERANCES = 900  # an hour: four seconds each
PARTIALS = 8  # for each, one every half second
SETTLED = 150  # after ten minutes the page has as many lines as it ever has
SENTENCE = "Sentence {} of the talk has as many words as people usually say in four seconds."
# What 750 sentences of 80 characters, their times and numbers take; each line on the screen with its
# elements and listeners would be more than that again.
HEAP_GROWTH_BYTES = 1_000_000
UNDER_WAY = (
    10  # listeners of a change to the store that is being written; a line of its own has one
)


@dataclass(frozen=True)
class Size:
    """What a page takes, after a garbage collection."""

    nodes: int
    listeners: int
    heap_bytes: int


def measure(devtools: CDPSession) -> Size:
    devtools.send("HeapProfiler.collectGarbage")
    metrics = {
        metric["name"]: metric["value"]
        for metric in devtools.send("Performance.getMetrics")["metrics"]
    }
    return Size(
        nodes=int(metrics["Nodes"]),
        listeners=int(metrics["JSEventListeners"]),
        heap_bytes=int(metrics["JSHeapUsedSize"]),
    )


def speak(stage: Speaker, utterance: int) -> None:
    """All that a server says of an utterance."""
    text = SENTENCE.format(utterance)
    times = {"start_ms": utterance * 4000 - 3900, "end_ms": utterance * 4000 - 200}
    stage.say("speech", utterance=utterance, start_ms=times["start_ms"])
    for partial in range(1, PARTIALS + 1):
        at = len(text) * partial // PARTIALS
        said = {"stable": text[: at // 2], "unstable": text[at // 2 : at]}
        stage.say("partial", utterance=utterance, **said, **times)
    scores = {"language": "en", "language_probability": 0.99, "confidence": 0.9}
    stage.say("final", utterance=utterance, text=text, **times, **scores)


def wait_for(page: Page, utterance: int) -> None:
    expect(final_captions(page).last).to_have_text(SENTENCE.format(utterance), timeout=60_000)
    expect(open_caption(page)).to_have_count(0)


@pytest.mark.long
@pytest.mark.parametrize("who", ["speaker", "audience"])
def test_an_hour(page: Page, tmp_path: Path, who: str) -> None:
    devtools = page.context.new_cdp_session(page)
    devtools.send("Performance.enable")
    with scripted_server() as server, scripted_channel() as channel:
        if who == "speaker":
            stage: Speaker = start(page, server, "Microphone")
        else:
            page.goto(channel.watch_url)
            viewer = channel.next_viewer()
            viewer.channel("live")
            stage = viewer
        for utterance in range(1, SETTLED + 1):
            speak(stage, utterance)
        wait_for(page, SETTLED)
        settled = measure(devtools)
        for utterance in range(SETTLED + 1, UTTERANCES + 1):
            speak(stage, utterance)
        wait_for(page, UTTERANCES)
        after = measure(devtools)
        print(f"{who}: after ten minutes {settled}, after an hour {after}")
        assert page.locator("#lines *").count() <= 300
        # Lines come by one and go by fifty, so there may be up to that many more, of two nodes each.
        assert after.nodes <= settled.nodes + 150
        assert after.listeners <= settled.listeners + UNDER_WAY
        assert after.heap_bytes <= settled.heap_bytes + HEAP_GROWTH_BYTES

        expect(open_transcript(page)).to_have_count(UTTERANCES)
        text = saved(page, "Text", tmp_path).read_text(encoding="utf-8").splitlines()
        assert text == [SENTENCE.format(utterance) for utterance in range(1, UTTERANCES + 1)]
        cues = read_with_pysubs2(saved(page, "SRT", tmp_path))
        assert cues[-1].end_ms == pytest.approx(3_600_000, abs=2000)
        page.get_by_role("button", name="Transcript").click()
        closed = measure(devtools)
        assert closed.nodes <= after.nodes + 50
        assert closed.listeners <= after.listeners + UNDER_WAY
