"""Utterances that go on: partials from the last pause on, and cuts."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from surtitle.jobs import Job, Result, Windows
from surtitle.messages import Final, Partial
from tests.captioning.driver import (
    BASE,
    JUDGED,
    WINDOW_MS,
    Driver,
    W,
    error,
    ok,
    open_session,
    samples,
    saying,
    silence,
    speech,
    suppressed,
    unheard,
)

# -- partials of long utterances ----------------------------------------------------------------


def long_session() -> Driver:
    return open_session(
        options=replace(JUDGED, endpoint_silence_ms=100 * WINDOW_MS),
        answer=unheard,
        partial_window_ms=30 * WINDOW_MS,
    )


def shown(driver: Driver) -> str:
    partial = driver.of(Partial)[-1]
    return partial.stable + partial.unstable


def test_partials_of_a_long_utterance_are_decoded_from_its_last_pause_on() -> None:
    driver = long_session()
    audio = speech(15, 1) + silence(3) + speech(31, 2)
    driver.feed(audio[: 2 * 17 * W])
    driver.give(ok(driver.finals[0], "we went out and"))
    driver.feed(audio[2 * 17 * W :])
    spans = [(len(job.audio) // W, job.audio[0]) for job in driver.partials]
    first, later = samples(audio)[0], samples(audio)[17 * W]
    # Up to 30 windows all of it; from there on what follows the 17 windows of the pause.
    assert spans == [(10, first), (29, first), (22, later), (32, later)]
    driver.give(ok(driver.partials[1], "we went out and then we"))
    assert shown(driver) == "we went out and"
    driver.give(ok(driver.partials[2], "then we came home"))
    assert shown(driver) == "we went out and then we"
    assert driver.of(Partial)[-1].end_ms == 39 * WINDOW_MS
    assert driver.of(Partial)[-1].start_ms == 0
    driver.session.flush()
    driver.pump()
    assert driver.finals[-1].audio.tolist() == samples(audio)  # a final is always of all of it


def test_a_long_utterance_has_no_head_where_its_pause_was_not_decoded_in_time() -> None:
    driver = long_session()
    driver.feed(speech(15) + silence(3) + speech(12))
    driver.give(ok(driver.finals[0], "we went out and"))  # too late: speech goes on
    driver.feed(speech(30))
    assert [len(job.audio) // W for job in driver.partials] == [10, 29, 39, 49, 59]


@pytest.mark.parametrize("answer", [error, suppressed, saying("")])
def test_a_pause_without_text_leads_no_partials(answer: Callable[[Job], Result]) -> None:
    driver = long_session()
    driver.feed(speech(15) + silence(2))
    driver.give(answer(driver.finals[0]))
    driver.feed(silence(1) + speech(30))
    assert [len(job.audio) // W for job in driver.partials] == [10, 29, 39]


def test_the_newest_pause_leads_and_only_when_it_is_needed_again() -> None:
    driver = long_session()
    for text in ("one", "one two", "one two three"):
        driver.feed(speech(17) + silence(2))
        driver.give(ok(driver.finals[-1], text))
        driver.feed(silence(1))
    driver.feed(speech(21))
    # They end at 10, 31, 51, 71 and 81, the pauses at 19, 39 and 59.
    assert [len(job.audio) // W for job in driver.partials] == [10, 12, 12, 12, 22]
    driver.give(ok(driver.partials[-1], "four five six seven"))
    assert shown(driver) == "one two three four"


def test_heads_are_forgotten_with_their_utterance() -> None:
    driver = long_session()
    driver.feed(speech(15) + silence(2))
    driver.give(ok(driver.finals[0], "we went out and"))
    driver.feed(silence(1) + speech(31))
    driver.session.flush()
    driver.feed(speech(11))
    assert len(driver.partials[-1].audio) == 10 * W
    driver.give(ok(driver.partials[-1], "home and went to bed"))
    assert (driver.of(Partial)[-1].utterance, shown(driver)) == (2, "home and")


def test_each_job_has_the_window_that_fits_it() -> None:
    windows = Windows(final_floor_s=2.0, partial_floor_s=1.0, margin_s=0.5, step_s=0.5)
    driver = open_session(model=replace(BASE, windows=windows), answer=unheard)
    driver.feed(speech(70) + silence(2))
    assert [(job.kind, round(job.seconds, 2), job.window_s) for job in driver.jobs] == [
        ("partial", 0.32, 1.0),
        ("partial", 0.64, 1.5),
        ("partial", 0.96, 1.5),
        ("partial", 1.28, 2.0),
        ("partial", 1.6, 2.5),
        ("partial", 1.92, 2.5),
        ("partial", 2.24, 3.0),
        ("final", 2.3, 3.0),
    ]


# -- across a cut -------------------------------------------------------------------------------


def test_running_speech_that_is_cut_reads_as_one() -> None:
    soft = (np.frombuffer(speech(4, 5), "<i2") // 4).astype("<i2").tobytes()  # where the cut falls
    audio = speech(63, 3) + soft + speech(63, 4)
    places = {value: at for at, value in enumerate(zip(*[iter(samples(audio))] * 4, strict=False))}

    def sentence(job: Job) -> Result:
        """Whisper writes what it gets as one sentence: a word for each 10 windows of the audio."""
        begin = places[tuple(job.audio[:4].tolist())] * 4
        first, last = begin // (10 * W), (begin + len(job.audio) - 1) // (10 * W)
        text = " ".join(f"word{at}" for at in range(first, last + 1))
        return ok(job, text[0].upper() + text[1:] + ".")

    driver = open_session(answer=sentence)
    driver.feed(audio + silence(6))
    first, second = driver.of(Final)
    assert first.end_ms == second.start_ms
    assert first.text[:5] == "Word0"
    assert not first.text.endswith(".")
    assert second.text[:1] == "w"
    assert second.text.endswith("word13.")
    said = f"{first.text} {second.text}".casefold().removesuffix(".").split()
    assert said == [f"word{at}" for at in range(14)]  # none is lost, none comes twice
    # What the first side showed beyond the cut stands on the screen again with its final.
    at = driver.messages.index(first)
    carried = driver.messages[at + 1]
    assert isinstance(carried, Partial)
    assert carried.utterance == 2
    before = next(m for m in reversed(driver.messages[:at]) if isinstance(m, Partial))
    shown_before = (before.stable + before.unstable).casefold().split()
    carried_text = (carried.stable + carried.unstable).split()
    assert [*first.text.casefold().split(), *carried_text] == shown_before
