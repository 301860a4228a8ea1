"""Speech that goes on for too long is cut where it hurts least."""

from dataclasses import replace

import pytest

from surtitle.captioning.endpointing import (
    Closed,
    Endpointer,
    Event,
    Opened,
    Paused,
    Resumed,
    Sentence,
    best_pause,
)
from tests.captioning.endpointer import JUDGED, OPTIONS, WINDOW_MS, W, run, run_all, silence, speech


def test_long_speech_is_cut_in_the_middle_of_its_longest_pause() -> None:
    endpointer = Endpointer(OPTIONS)
    # Pauses of 1, 3 and 2 windows in the second half; the one of 3 covers windows 28 to 30.
    pattern = speech(24) + silence(1) + speech(3) + silence(3) + speech(4) + silence(2) + speech(3)
    assert len(pattern) == 40
    assert run(endpointer, pattern) == [Opened(0), Closed(29 * W, "length"), Opened(29 * W)]
    assert endpointer.is_open


def test_a_pause_in_the_first_half_is_left_alone() -> None:
    endpointer = Endpointer(OPTIONS)
    pattern = speech(5) + silence(4) + speech(20) + silence(1) + speech(10)
    assert run(endpointer, pattern)[1:] == [Closed(29 * W, "length"), Opened(29 * W)]


def test_speech_without_a_pause_is_cut_where_it_is_quietest() -> None:
    endpointer = Endpointer(OPTIONS)
    levels = [100.0] * 40
    levels[30:33] = [20.0, 10.0, 20.0]
    assert run(endpointer, speech(40), levels) == [
        Opened(0),
        Closed(31 * W, "length"),
        Opened(31 * W),
    ]


def test_after_a_cut_in_a_pause_that_goes_on_nothing_is_open() -> None:
    endpointer = Endpointer(replace(OPTIONS, endpoint_silence_ms=20 * WINDOW_MS))
    events = run(endpointer, speech(34) + silence(6))
    assert events == [Opened(0), Closed(37 * W)]
    assert not endpointer.is_open
    assert run(endpointer, silence(40)) == []
    assert run(endpointer, speech(3)) == [Opened(76 * W)]


def test_speech_soon_after_such_a_cut_reaches_back_to_it() -> None:
    endpointer = Endpointer(replace(OPTIONS, endpoint_silence_ms=20 * WINDOW_MS))
    run(endpointer, speech(34) + silence(6))
    assert run(endpointer, speech(3)) == [Opened(37 * W)]


def test_silence_counts_on_across_a_cut() -> None:
    endpointer = Endpointer(OPTIONS)
    # A pause of 4 in the second half, then speech, then the cut 2 windows into the next silence.
    pattern = speech(24) + silence(4) + speech(10) + silence(2)
    assert run(endpointer, pattern)[1:] == [Closed(26 * W, "length"), Opened(26 * W)]
    assert run(endpointer, silence(2)) == []
    assert run(endpointer, silence(1)) == [Closed(40 * W)]


def test_a_pause_that_a_cut_falls_into_is_told_anew() -> None:
    endpointer = Endpointer(JUDGED)
    # The longest pause is in the second half; the cut comes in the next one, which is known already.
    pattern = speech(24) + silence(4) + speech(9) + silence(3)
    assert run_all(endpointer, pattern) == [
        Opened(0),
        Paused(26 * W),
        Resumed(),
        Paused(39 * W),
        Closed(26 * W, "length"),
        Opened(26 * W),
    ]
    assert endpointer.judge(Sentence.FINISHED) == []
    assert run_all(endpointer, silence(1)) == [Paused(39 * W)]
    assert run_all(endpointer, silence(1)) == []
    assert endpointer.judge(Sentence.FINISHED) == [Closed(39 * W)]


def test_a_cut_waits_for_a_judgement_that_may_come_before_it() -> None:
    endpointer = Endpointer(JUDGED)
    run(endpointer, speech(35) + silence(5))
    assert endpointer.awaits_judgement
    assert endpointer.judge(Sentence.FINISHED) == [Closed(37 * W)]


@pytest.mark.parametrize("judged_after", [2, 3, 4])
@pytest.mark.parametrize("sentence", Sentence)
def test_the_moment_of_a_judgement_does_not_decide_about_a_cut(
    judged_after: int, sentence: Sentence
) -> None:
    """The greatest length is reached in the very window after which a finished sentence ends."""

    def events(after: int) -> list[Event]:
        endpointer = Endpointer(JUDGED)
        events = run(endpointer, speech(35) + silence(after))
        events += endpointer.judge(sentence)
        events += run(endpointer, silence(5 - after))
        return events

    assert events(judged_after) == events(2)


def test_endless_speech_becomes_utterances_that_tile_it() -> None:
    endpointer = Endpointer(OPTIONS)
    events = run(endpointer, speech(2000), [float(i * 7919 % 101) for i in range(2000)])
    ends = [event.end_sample for event in events if isinstance(event, Closed)]
    starts = [event.start_sample for event in events if isinstance(event, Opened)]
    assert starts == [0, *ends]
    lengths = [end - start for start, end in zip(starts, ends, strict=False)]
    assert max(lengths) <= 40 * W
    assert min(lengths) >= 19 * W


@pytest.mark.parametrize(
    ("probabilities", "levels", "place"),
    [
        ([0.9, 0.1, 0.9], [1, 1, 1], 1),
        ([0.9, 0.1, 0.1, 0.1, 0.9], [1, 1, 1, 1, 1], 2),
        ([0.1, 0.9, 0.1], [1, 1, 1], 2),  # the later of equals
        ([0.1, 0.1, 0.9, 0.1], [1, 1, 1, 1], 1),
        ([0.9, 0.1, 0.1], [1, 1, 1], 2),
        ([0.9] * 5, [5, 4, 1, 4, 5], 2),
        ([0.9] * 5, [1, 1, 1, 1, 1], 3),
        ([0.9] * 5, [0, 9, 5, 5, 5], 1),
        ([0.9], [1], 0),
        ([0.9, 0.9], [1, 1], 0),
    ],
)
def test_the_best_pause(probabilities: list[float], levels: list[float], place: int) -> None:
    assert best_pause(probabilities, levels, 0.35) == place
