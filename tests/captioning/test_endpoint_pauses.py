"""Pauses inside an utterance, and how what was said decides whether one is its end."""

from dataclasses import replace

import pytest

from surtitle.captioning.endpointing import (
    Closed,
    Endpointer,
    EndpointingOptions,
    Opened,
    Paused,
    PauseLasted,
    Resumed,
    Sentence,
)
from tests.captioning.endpointer import JUDGED, OPTIONS, WINDOW_MS, W, run, run_all, silence, speech


def test_a_pause_is_told_once_where_it_would_end_and_again_when_it_is_over() -> None:
    endpointer = Endpointer(OPTIONS)
    assert run_all(endpointer, speech(10) + silence(1)) == [Opened(0)]
    assert run_all(endpointer, silence(1)) == [Paused(12 * W)]
    assert run_all(endpointer, silence(2)) == []
    assert run_all(endpointer, speech(1)) == [Resumed()]
    assert run_all(endpointer, speech(5) + silence(1)) == []
    assert run_all(endpointer, silence(1)) == [Paused(22 * W)]
    assert run_all(endpointer, silence(3)) == [Closed(22 * W)]


def test_a_break_shorter_than_the_hangover_is_no_pause() -> None:
    endpointer = Endpointer(OPTIONS)
    assert run_all(endpointer, speech(10) + (silence(1) + speech(3)) * 5) == [Opened(0)]


@pytest.mark.parametrize(
    ("hangover_ms", "windows", "end"),
    [
        (0, 1, 10),  # told with the first window of silence, of which nothing is kept
        (1, 1, 11),
        (33, 2, 12),  # in whole windows
        (4 * WINDOW_MS, 4, 14),
        (9999, 5, 15),  # no longer than the silence that ends an utterance
    ],
)
def test_where_a_pause_ends_the_utterance_ends(hangover_ms: int, windows: int, end: int) -> None:
    endpointer = Endpointer(replace(OPTIONS, hangover_ms=hangover_ms))
    assert run(endpointer, speech(10)) == [Opened(0)]
    assert run_all(endpointer, silence(windows - 1)) == []
    assert run_all(endpointer, silence(1))[0] == Paused(end * W)
    if windows < 5:
        assert run_all(endpointer, silence(5 - windows)) == [Closed(end * W)]
    assert not endpointer.is_open


def test_the_hangover_is_no_longer_than_the_silence_after_a_finished_sentence() -> None:
    endpointer = Endpointer(replace(JUDGED, hangover_ms=8 * WINDOW_MS))
    assert run_all(endpointer, speech(10) + silence(5)) == [Opened(0), Paused(15 * W)]
    assert endpointer.judge(Sentence.FINISHED) == [Closed(15 * W)]


def test_the_defaults_tell_a_pause_after_160_ms_and_end_an_utterance_after_600() -> None:
    options = EndpointingOptions()
    assert (options.hangover_ms, options.endpoint_silence_ms) == (160, 600)
    assert (options.finished_ratio, options.unfinished_ratio) == (1.0, 1.5)
    endpointer = Endpointer(options)
    run(endpointer, speech(10))
    assert run_all(endpointer, silence(4)) == []
    assert run_all(endpointer, silence(1)) == [Paused(15 * W)]
    assert endpointer.judge(Sentence.UNKNOWN) == []
    assert run_all(endpointer, silence(4)) == []
    assert run_all(endpointer, silence(1)) == [PauseLasted()]  # of 320 ms
    assert run_all(endpointer, silence(8)) == []
    assert run_all(endpointer, silence(1)) == [Closed(15 * W)]  # the first of 608 ms


def test_a_pause_lasts_once_and_each_anew() -> None:
    endpointer = Endpointer(
        replace(OPTIONS, lasting_pause_ms=4 * WINDOW_MS, endpoint_silence_ms=30 * WINDOW_MS)
    )
    assert run_all(endpointer, speech(10) + silence(3)) == [Opened(0), Paused(12 * W)]
    assert run_all(endpointer, speech(1) + silence(3)) == [Resumed(), Paused(16 * W)]
    assert run_all(endpointer, silence(1)) == [PauseLasted()]
    assert run_all(endpointer, silence(10)) == []
    assert run_all(endpointer, speech(1) + silence(4)) == [
        Resumed(),
        Paused(31 * W),
        PauseLasted(),
    ]


@pytest.mark.parametrize(
    ("sentence", "windows"),
    [(Sentence.FINISHED, 5), (Sentence.UNKNOWN, 10), (Sentence.UNFINISHED, 20)],
)
@pytest.mark.parametrize("judged_after", [2, 3, 4, 5])
def test_what_was_said_decides_how_long_the_silence_must_be(
    sentence: Sentence, windows: int, judged_after: int
) -> None:
    """Whenever the judgement comes."""
    endpointer = Endpointer(JUDGED)
    events = run(endpointer, speech(10) + silence(judged_after))
    events += endpointer.judge(sentence)
    while endpointer.is_open:
        events += run(endpointer, silence(1))
        assert endpointer.position <= 40 * W
    assert events == [Opened(0), Closed(12 * W)]
    assert endpointer.position == (10 + windows) * W


def test_a_judgement_is_waited_for_from_the_earliest_end_on() -> None:
    endpointer = Endpointer(JUDGED)
    awaited = []
    for windows in (speech(10) + silence(4), silence(1)):
        run(endpointer, windows)
        awaited.append(endpointer.awaits_judgement)
    assert endpointer.judge(Sentence.UNFINISHED) == []
    awaited.append(endpointer.awaits_judgement)
    assert awaited == [False, True, False]


def test_a_judgement_on_speech_that_goes_on_changes_nothing() -> None:
    endpointer = Endpointer(JUDGED)
    assert endpointer.judge(Sentence.FINISHED) == []
    run(endpointer, speech(10) + silence(2) + speech(1))
    assert endpointer.judge(Sentence.FINISHED) == []
    assert run_all(endpointer, silence(5)) == [Paused(15 * W)]
    assert endpointer.awaits_judgement


def test_each_pause_is_judged_anew() -> None:
    endpointer = Endpointer(JUDGED)
    run(endpointer, speech(10) + silence(2))
    endpointer.judge(Sentence.UNFINISHED)
    assert run_all(endpointer, silence(17) + speech(3)) == [Resumed()]
    assert run_all(endpointer, silence(5)) == [Paused(34 * W)]
    assert endpointer.awaits_judgement
    assert endpointer.judge(Sentence.FINISHED) == [Closed(34 * W)]
    assert run(endpointer, speech(10)) == [Opened(35 * W - 1 * W)]
    run(endpointer, silence(5))
    assert endpointer.awaits_judgement


@pytest.mark.parametrize("sentence", Sentence)
def test_ratios_of_one_wait_for_no_judgement_and_heed_none(sentence: Sentence) -> None:
    endpointer = Endpointer(OPTIONS)
    run(endpointer, speech(10) + silence(2))
    assert endpointer.judge(sentence) == []
    assert run_all(endpointer, silence(2)) == []
    assert run_all(endpointer, silence(1)) == [Closed(12 * W)]


@pytest.mark.parametrize("sentence", Sentence)
def test_ratios_on_the_wrong_side_of_one_count_as_one(sentence: Sentence) -> None:
    endpointer = Endpointer(replace(OPTIONS, finished_ratio=1.5, unfinished_ratio=0.5))
    run(endpointer, speech(10) + silence(2))
    assert endpointer.judge(sentence) == []
    assert run(endpointer, silence(2)) == []
    assert run(endpointer, silence(1)) == [Closed(12 * W)]


@pytest.mark.parametrize(
    ("ratios", "waits_at", "finished", "unknown", "unfinished"),
    [((1.0, 2.0), 10, 10, 10, 20), ((0.5, 1.0), 5, 5, 10, 10)],
)
def test_one_ratio_of_one_is_waited_for_all_the_same(
    ratios: tuple[float, float], waits_at: int, finished: int, unknown: int, unfinished: int
) -> None:
    options = replace(JUDGED, finished_ratio=ratios[0], unfinished_ratio=ratios[1])
    for sentence, windows in (
        (Sentence.FINISHED, finished),
        (Sentence.UNKNOWN, unknown),
        (Sentence.UNFINISHED, unfinished),
    ):
        endpointer = Endpointer(options)
        assert run(endpointer, speech(10) + silence(waits_at)) == [Opened(0)]
        assert endpointer.awaits_judgement
        events = endpointer.judge(sentence)
        if windows > waits_at:
            assert events + run(endpointer, silence(windows - waits_at - 1)) == []
            events = run(endpointer, silence(1))
        assert events == [Closed(12 * W)]


@pytest.mark.parametrize("silent", [2, 4, 5])
def test_flush_does_not_wait_for_a_judgement(silent: int) -> None:
    endpointer = Endpointer(JUDGED)
    run(endpointer, speech(10) + silence(silent))
    assert endpointer.flush() == [Closed(12 * W, "flush")]
    assert not endpointer.awaits_judgement
    assert endpointer.judge(Sentence.UNFINISHED) == []
    assert run(endpointer, speech(3)) == [Opened(12 * W)]
