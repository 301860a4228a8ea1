import math
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from surtitle.captioning.endpointing import (
    WINDOW_SAMPLES,
    Closed,
    Endpointer,
    EndpointingOptions,
    Event,
    Opened,
    PartialDue,
    Paused,
    PauseSettled,
    Resumed,
    best_pause,
)
from surtitle.jobs import ms_to_samples

W = WINDOW_SAMPLES
WINDOW_MS = 32

# Everything in whole windows, so that the expected places can be counted.
OPTIONS = EndpointingOptions(
    onset_probability=0.5,
    offset_probability=0.35,
    min_speech_ms=3 * WINDOW_MS,
    pre_roll_ms=4 * WINDOW_MS,
    hangover_ms=2 * WINDOW_MS,
    settled_pause_ms=1000 * WINDOW_MS,
    endpoint_silence_ms=5 * WINDOW_MS,
    finished_ratio=1.0,
    unfinished_ratio=1.0,
    max_utterance_ms=40 * WINDOW_MS,
    partial_interval_ms=1000 * WINDOW_MS,
)

JUDGED = replace(
    OPTIONS, endpoint_silence_ms=10 * WINDOW_MS, finished_ratio=0.5, unfinished_ratio=2.0
)
"""A pause is noticed after 2 windows, and the end after 5 (finished), 10 (unknown), 20 (unfinished)."""

SPEECH, BETWEEN, SILENCE = 0.9, 0.4, 0.1


def run_all(
    endpointer: Endpointer, probabilities: Sequence[float], levels: Sequence[float] | None = None
) -> list[Event]:
    """Every event of these windows, none of which waits for a judgement."""
    levels = [100.0] * len(probabilities) if levels is None else levels
    events = []
    for pair in zip(probabilities, levels, strict=True):
        assert not endpointer.awaits_judgement
        events += endpointer.push(*pair)
    return events


def run(
    endpointer: Endpointer, probabilities: Sequence[float], levels: Sequence[float] | None = None
) -> list[Event]:
    """The same without the pauses, which change nothing where no judgement is waited for."""
    events = run_all(endpointer, probabilities, levels)
    return [event for event in events if not isinstance(event, Paused | Resumed)]


def speech(windows: int) -> list[float]:
    return [SPEECH] * windows


def silence(windows: int) -> list[float]:
    return [SILENCE] * windows


def test_silence_opens_nothing() -> None:
    endpointer = Endpointer(OPTIONS)
    assert run(endpointer, silence(1000)) == []
    assert not endpointer.is_open
    assert endpointer.position == 1000 * W


def test_a_click_opens_nothing() -> None:
    endpointer = Endpointer(OPTIONS)
    assert run(endpointer, (speech(2) + silence(1)) * 50) == []


def test_speech_opens_after_the_least_length_and_reaches_back() -> None:
    endpointer = Endpointer(OPTIONS)
    assert run(endpointer, silence(10) + speech(2)) == []
    # Speech began after 10 windows; 4 windows of pre-roll before it.
    assert run(endpointer, speech(1)) == [Opened(6 * W)]
    assert endpointer.is_open


def test_pre_roll_does_not_reach_before_the_first_sample() -> None:
    assert run(Endpointer(OPTIONS), silence(1) + speech(3)) == [Opened(0)]


def test_a_probability_at_the_onset_is_speech_and_one_below_is_not() -> None:
    assert run(Endpointer(OPTIONS), [0.5] * 3) == [Opened(0)]
    assert run(Endpointer(OPTIONS), [math.nextafter(0.5, 0)] * 100) == []


def test_an_utterance_ends_after_the_silence_and_keeps_the_hangover() -> None:
    endpointer = Endpointer(OPTIONS)
    assert run(endpointer, speech(10) + silence(4)) == [Opened(0)]
    assert run(endpointer, silence(1)) == [Closed(12 * W)]
    assert not endpointer.is_open


def test_hangover_is_no_longer_than_the_silence() -> None:
    endpointer = Endpointer(replace(OPTIONS, hangover_ms=50 * WINDOW_MS))
    assert run(endpointer, speech(10) + silence(5)) == [Opened(0), Closed(15 * W)]


def test_between_the_two_thresholds_speech_goes_on_but_does_not_begin() -> None:
    endpointer = Endpointer(OPTIONS)
    assert run(endpointer, [BETWEEN] * 20) == []
    assert run(endpointer, speech(3) + [BETWEEN] * 20) == [Opened(16 * W)]
    assert run(endpointer, [*silence(4), BETWEEN, *silence(4)]) == []
    assert run(endpointer, silence(1)) == [Closed((20 + 3 + 20 + 5 + 2) * W)]


def test_pre_roll_does_not_reach_into_the_last_utterance() -> None:
    endpointer = Endpointer(OPTIONS)
    first = run(endpointer, speech(10) + silence(5))
    second = run(endpointer, speech(3))
    assert first == [Opened(0), Closed(12 * W)]
    assert second == [Opened(12 * W)]  # 15 - 4 windows would lie inside


def test_pre_roll_after_a_long_silence_is_whole() -> None:
    endpointer = Endpointer(OPTIONS)
    run(endpointer, speech(10) + silence(5) + silence(20))
    assert run(endpointer, speech(3)) == [Opened(31 * W)]


def test_partials_are_due_while_speech_grows_and_not_in_silence() -> None:
    endpointer = Endpointer(
        replace(OPTIONS, partial_interval_ms=5 * WINDOW_MS, endpoint_silence_ms=100 * WINDOW_MS)
    )
    assert run(endpointer, speech(4)) == [Opened(0)]
    assert run(endpointer, speech(11)) == [
        PartialDue(5 * W),
        PartialDue(10 * W),
        PartialDue(15 * W),
    ]
    assert run(endpointer, silence(12)) == []
    assert run(endpointer, speech(6)) == [PartialDue(33 * W)]


# -- pauses -------------------------------------------------------------------------------------


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
    assert endpointer.judge(finished=True) == [Closed(15 * W)]


def test_no_partial_is_due_in_a_pause_nor_before_enough_was_said_after_it() -> None:
    endpointer = Endpointer(
        replace(OPTIONS, partial_interval_ms=5 * WINDOW_MS, endpoint_silence_ms=30 * WINDOW_MS)
    )
    run(endpointer, speech(10))
    assert run_all(endpointer, silence(20)) == [Paused(12 * W)]
    assert run_all(endpointer, speech(5)) == [Resumed()]
    assert run_all(endpointer, speech(1)) == [PartialDue(36 * W)]


def test_the_defaults_tell_a_pause_after_160_ms_and_end_an_utterance_after_600() -> None:
    options = EndpointingOptions()
    assert (options.hangover_ms, options.endpoint_silence_ms) == (160, 600)
    assert (options.finished_ratio, options.unfinished_ratio) == (1.0, 1.5)
    endpointer = Endpointer(options)
    run(endpointer, speech(10))
    assert run_all(endpointer, silence(4)) == []
    assert run_all(endpointer, silence(1)) == [Paused(15 * W)]
    assert endpointer.judge(finished=None) == []
    assert run_all(endpointer, silence(4)) == []
    assert run_all(endpointer, silence(1)) == [PauseSettled()]  # of 320 ms
    assert run_all(endpointer, silence(8)) == []
    assert run_all(endpointer, silence(1)) == [Closed(15 * W)]  # the first of 608 ms


def test_a_pause_settles_once_and_each_anew() -> None:
    endpointer = Endpointer(
        replace(OPTIONS, settled_pause_ms=4 * WINDOW_MS, endpoint_silence_ms=30 * WINDOW_MS)
    )
    assert run_all(endpointer, speech(10) + silence(3)) == [Opened(0), Paused(12 * W)]
    assert run_all(endpointer, speech(1) + silence(3)) == [Resumed(), Paused(16 * W)]
    assert run_all(endpointer, silence(1)) == [PauseSettled()]
    assert run_all(endpointer, silence(10)) == []
    assert run_all(endpointer, speech(1) + silence(4)) == [
        Resumed(),
        Paused(31 * W),
        PauseSettled(),
    ]


# -- judgement ----------------------------------------------------------------------------------


@pytest.mark.parametrize(("finished", "windows"), [(True, 5), (None, 10), (False, 20)])
@pytest.mark.parametrize("judged_after", [2, 3, 4, 5])
def test_what_was_said_decides_how_long_the_silence_must_be(
    finished: bool | None, windows: int, judged_after: int
) -> None:
    """Whenever the judgement comes."""
    endpointer = Endpointer(JUDGED)
    events = run(endpointer, speech(10) + silence(judged_after))
    events += endpointer.judge(finished)
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
    assert endpointer.judge(finished=False) == []
    awaited.append(endpointer.awaits_judgement)
    assert awaited == [False, True, False]


def test_a_judgement_on_speech_that_goes_on_changes_nothing() -> None:
    endpointer = Endpointer(JUDGED)
    assert endpointer.judge(finished=True) == []
    run(endpointer, speech(10) + silence(2) + speech(1))
    assert endpointer.judge(finished=True) == []
    assert run_all(endpointer, silence(5)) == [Paused(15 * W)]
    assert endpointer.awaits_judgement


def test_each_pause_is_judged_anew() -> None:
    endpointer = Endpointer(JUDGED)
    run(endpointer, speech(10) + silence(2))
    endpointer.judge(finished=False)
    assert run_all(endpointer, silence(17) + speech(3)) == [Resumed()]
    assert run_all(endpointer, silence(5)) == [Paused(34 * W)]
    assert endpointer.awaits_judgement
    assert endpointer.judge(finished=True) == [Closed(34 * W)]
    assert run(endpointer, speech(10)) == [Opened(35 * W - 1 * W)]
    run(endpointer, silence(5))
    assert endpointer.awaits_judgement


@pytest.mark.parametrize("finished", [True, None, False])
def test_ratios_of_one_wait_for_no_judgement_and_heed_none(finished: bool | None) -> None:
    endpointer = Endpointer(OPTIONS)
    run(endpointer, speech(10) + silence(2))
    assert endpointer.judge(finished) == []
    assert run_all(endpointer, silence(2)) == []
    assert run_all(endpointer, silence(1)) == [Closed(12 * W)]


@pytest.mark.parametrize("finished", [True, None, False])
def test_ratios_on_the_wrong_side_of_one_count_as_one(finished: bool | None) -> None:
    endpointer = Endpointer(replace(OPTIONS, finished_ratio=1.5, unfinished_ratio=0.5))
    run(endpointer, speech(10) + silence(2))
    assert endpointer.judge(finished) == []
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
    for judgement, windows in ((True, finished), (None, unknown), (False, unfinished)):
        endpointer = Endpointer(options)
        assert run(endpointer, speech(10) + silence(waits_at)) == [Opened(0)]
        assert endpointer.awaits_judgement
        events = endpointer.judge(judgement)
        if windows > waits_at:
            assert events + run(endpointer, silence(windows - waits_at - 1)) == []
            events = run(endpointer, silence(1))
        assert events == [Closed(12 * W)]


@pytest.mark.parametrize("silent", [2, 4, 5])
def test_flush_does_not_wait_for_a_judgement(silent: int) -> None:
    endpointer = Endpointer(JUDGED)
    run(endpointer, speech(10) + silence(silent))
    assert endpointer.flush() == [Closed(12 * W)]
    assert not endpointer.awaits_judgement
    assert endpointer.judge(finished=False) == []
    assert run(endpointer, speech(3)) == [Opened(12 * W)]


# -- the cut ------------------------------------------------------------------------------------


def test_long_speech_is_cut_in_the_middle_of_its_longest_pause() -> None:
    endpointer = Endpointer(OPTIONS)
    # Pauses of 1, 3 and 2 windows in the second half; the one of 3 covers windows 28 to 30.
    pattern = speech(24) + silence(1) + speech(3) + silence(3) + speech(4) + silence(2) + speech(3)
    assert len(pattern) == 40
    assert run(endpointer, pattern) == [Opened(0), Closed(29 * W, cut=True), Opened(29 * W)]
    assert endpointer.is_open


def test_a_pause_in_the_first_half_is_left_alone() -> None:
    endpointer = Endpointer(OPTIONS)
    pattern = speech(5) + silence(4) + speech(20) + silence(1) + speech(10)
    assert run(endpointer, pattern)[1:] == [Closed(29 * W, cut=True), Opened(29 * W)]


def test_speech_without_a_pause_is_cut_where_it_is_quietest() -> None:
    endpointer = Endpointer(OPTIONS)
    levels = [100.0] * 40
    levels[30:33] = [20.0, 10.0, 20.0]
    assert run(endpointer, speech(40), levels) == [
        Opened(0),
        Closed(31 * W, cut=True),
        Opened(31 * W),
    ]


def test_after_a_cut_in_a_pause_that_goes_on_nothing_is_open() -> None:
    endpointer = Endpointer(replace(OPTIONS, endpoint_silence_ms=20 * WINDOW_MS))
    events = run(endpointer, speech(34) + silence(6))
    assert events == [Opened(0), Closed(37 * W, cut=True)]
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
    assert run(endpointer, pattern)[1:] == [Closed(26 * W, cut=True), Opened(26 * W)]
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
        Closed(26 * W, cut=True),
        Opened(26 * W),
    ]
    assert endpointer.judge(finished=True) == []
    assert run_all(endpointer, silence(1)) == [Paused(39 * W)]
    assert run_all(endpointer, silence(1)) == []
    assert endpointer.judge(finished=True) == [Closed(39 * W)]


def test_a_cut_waits_for_a_judgement_that_may_come_before_it() -> None:
    endpointer = Endpointer(JUDGED)
    run(endpointer, speech(35) + silence(5))
    assert endpointer.awaits_judgement
    assert endpointer.judge(finished=True) == [Closed(37 * W)]


@pytest.mark.parametrize("judged_after", [2, 3, 4])
@pytest.mark.parametrize("finished", [True, None, False])
def test_the_moment_of_a_judgement_does_not_decide_about_a_cut(
    judged_after: int, finished: bool | None
) -> None:
    """The greatest length is reached in the very window after which a finished sentence ends."""

    def events(after: int) -> list[Event]:
        endpointer = Endpointer(JUDGED)
        events = run(endpointer, speech(35) + silence(after))
        events += endpointer.judge(finished)
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


def test_a_partial_is_due_again_an_interval_after_a_cut() -> None:
    endpointer = Endpointer(replace(OPTIONS, partial_interval_ms=15 * WINDOW_MS))
    events = run(endpointer, speech(56))
    assert events[:3] == [Opened(0), PartialDue(15 * W), PartialDue(30 * W)]
    assert isinstance(events[3], Closed)
    assert events[5:] == [PartialDue(55 * W)]


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


# -- flush --------------------------------------------------------------------------------------


def test_flush_in_silence_does_nothing() -> None:
    endpointer = Endpointer(OPTIONS)
    run(endpointer, silence(10))
    assert endpointer.flush() == []


def test_flush_in_speech_ends_it_here() -> None:
    endpointer = Endpointer(OPTIONS)
    run(endpointer, speech(10))
    assert endpointer.flush() == [Closed(10 * W)]
    assert not endpointer.is_open
    assert endpointer.flush() == []


def test_flush_in_the_silence_of_an_utterance_keeps_the_hangover() -> None:
    endpointer = Endpointer(OPTIONS)
    run(endpointer, speech(10) + silence(1))
    assert endpointer.flush() == [Closed(11 * W)]
    endpointer = Endpointer(OPTIONS)
    run(endpointer, speech(10) + silence(4))
    assert endpointer.flush() == [Closed(12 * W)]


def test_speech_that_goes_on_after_a_flush_is_the_next_utterance_without_a_gap() -> None:
    endpointer = Endpointer(OPTIONS)
    run(endpointer, speech(10))
    endpointer.flush()
    assert run(endpointer, speech(2)) == []
    assert run(endpointer, speech(1)) == [Opened(10 * W)]


def test_flush_before_speech_is_long_enough_changes_nothing() -> None:
    endpointer = Endpointer(OPTIONS)
    run(endpointer, silence(10) + speech(2))
    assert endpointer.flush() == []
    assert run(endpointer, speech(1)) == [Opened(6 * W)]


def test_flush_inside_a_window_ends_there_while_speech_goes_on() -> None:
    endpointer = Endpointer(OPTIONS)
    run(endpointer, speech(10))
    assert endpointer.flush(10 * W + 300) == [Closed(10 * W + 300)]
    assert run(endpointer, speech(3)) == [Opened(10 * W + 300)]
    run(endpointer, silence(2))  # a pause: what was said before it has its end
    assert endpointer.flush(15 * W + 300) == [Closed(15 * W)]


@pytest.mark.parametrize("begun", [1, 2])
def test_at_the_end_of_the_audio_speech_that_has_only_begun_is_an_utterance(begun: int) -> None:
    endpointer = Endpointer(OPTIONS)
    run(endpointer, silence(10) + speech(begun))
    assert endpointer.finish(endpointer.position) == [Opened(6 * W), Closed((10 + begun) * W)]
    assert not endpointer.is_open


def test_at_the_end_of_the_audio_silence_stays_silence_and_speech_is_ended() -> None:
    endpointer = Endpointer(OPTIONS)
    run(endpointer, silence(10))
    assert endpointer.finish(endpointer.position) == []
    run(endpointer, speech(10))
    assert endpointer.finish(endpointer.position) == [Closed(20 * W)]


def test_what_was_heard_is_told_with_the_audio_it_was_heard_in() -> None:
    endpointer = Endpointer(replace(OPTIONS, partial_interval_ms=4 * WINDOW_MS))
    events = run_all(endpointer, [0.6, 0.7, 0.9, 0.4, 0.95, 0.6, 0.1, 0.1, 0.8, *silence(5)])
    heard = [
        (
            type(event).__name__,
            event.voice.speech_ms // WINDOW_MS,
            event.voice.clear_ms // WINDOW_MS,
        )
        for event in events
        if isinstance(event, PartialDue | Paused | Closed)
    ]
    assert heard == [
        ("PartialDue", 3, 1),
        ("Paused", 5, 2),
        ("Paused", 6, 2),
        ("Closed", 6, 2),
    ]


def test_what_was_heard_is_shared_out_at_a_cut() -> None:
    endpointer = Endpointer(OPTIONS)
    events = run(endpointer, [0.6] * 30 + silence(2) + [0.95] * 12 + silence(5))
    first, second = (event.voice for event in events if isinstance(event, Closed))
    assert (first.speech_ms, first.clear_ms) == (30 * WINDOW_MS, 0)
    assert (second.speech_ms, second.clear_ms) == (12 * WINDOW_MS, 12 * WINDOW_MS)


def test_flush_right_after_the_opening() -> None:
    endpointer = Endpointer(OPTIONS)
    run(endpointer, silence(10) + speech(3))
    assert endpointer.flush() == [Closed(13 * W)]


# -- what always holds --------------------------------------------------------------------------

FLUSH = -1.0
probability_runs = st.lists(
    st.tuples(
        st.sampled_from([0.0, 0.1, 0.34, 0.35, 0.4, 0.49, 0.5, 0.9, 1.0, FLUSH]),
        st.integers(1, 30),
    ),
    max_size=40,
).map(
    lambda runs: [
        probability for value, count in runs for probability in [value] * (count, 1)[value == FLUSH]
    ]
)
all_options = st.builds(
    EndpointingOptions,
    min_speech_ms=st.sampled_from([32, 96, 100, 500]),
    pre_roll_ms=st.sampled_from([0, 33, 320, 1000]),
    hangover_ms=st.sampled_from([0, 100, 256, 2000]),
    endpoint_silence_ms=st.sampled_from([100, 333, 600, 5000]),
    finished_ratio=st.sampled_from([0.2, 0.7, 1.0]),
    unfinished_ratio=st.sampled_from([1.0, 1.5]),
    max_utterance_ms=st.sampled_from([2000, 3001]),
    partial_interval_ms=st.sampled_from([100, 480]),
)


judgements = st.sampled_from([True, None, False])


@settings(max_examples=150, deadline=None)
@given(probability_runs, all_options, judgements, st.integers(0, 1000))
def test_utterances_follow_one_another(
    probabilities: list[float], options: EndpointingOptions, finished: bool | None, seed: int
) -> None:
    endpointer = Endpointer(options)
    start: int | None = None
    last_end = 0
    was_cut = False
    settled = 0
    pause: int | None = None
    limit = ms_to_samples(options.max_utterance_ms) + W
    for index, probability in enumerate(probabilities):
        if probability == FLUSH:
            events = endpointer.flush()
        else:
            events = endpointer.push(probability, float((index * 31 + seed) % 17))
            if endpointer.awaits_judgement:
                events += endpointer.judge(finished)
            assert not endpointer.awaits_judgement
        for event in events:
            match event:
                case Opened(start_sample):
                    assert start is None
                    assert last_end <= start_sample < endpointer.position
                    assert start_sample >= settled
                    if was_cut and event is not events[0]:
                        assert start_sample == last_end
                    start = start_sample
                case PartialDue(end_sample):
                    assert start is not None
                    assert end_sample == endpointer.position
                case Paused(end_sample):
                    assert start is not None
                    assert pause is None
                    assert start < end_sample <= endpointer.position
                    pause = end_sample
                case Resumed():
                    assert pause is not None
                    pause = None
                case Closed(end_sample, cut):
                    assert start is not None
                    if not cut and probability != FLUSH:
                        assert end_sample == pause
                    pause = None
                    assert start < end_sample <= endpointer.position
                    assert end_sample - start <= limit
                    start, last_end, was_cut = None, end_sample, cut
        assert endpointer.is_open == (start is not None)
        assert settled <= endpointer.settled <= endpointer.position
        settled = endpointer.settled
        if start is not None:
            assert endpointer.settled == start


@settings(max_examples=100, deadline=None)
@given(probabilities=probability_runs, options=all_options)
def test_all_speech_is_in_an_utterance(
    probabilities: list[float], options: EndpointingOptions
) -> None:
    """No window of a run that is long enough is lost, whatever cuts and ends there are."""
    probabilities = [p for p in probabilities if p != FLUSH] + [0.0] * 400
    endpointer = Endpointer(replace(options, finished_ratio=1.0, unfinished_ratio=1.0))
    events = run(endpointer, probabilities)
    starts = [event.start_sample for event in events if isinstance(event, Opened)]
    ends = [event.end_sample for event in events if isinstance(event, Closed)]
    assert len(starts) == len(ends)
    needed = math.ceil(ms_to_samples(options.min_speech_ms) / W)
    run_start: int | None = None
    for index, probability in enumerate(probabilities):
        if probability >= options.onset_probability:
            run_start = index if run_start is None else run_start
            continue
        if run_start is not None and index - run_start >= needed:
            for window in range(run_start, index):
                assert any(
                    start <= window * W and (window + 1) * W <= end
                    for start, end in zip(starts, ends, strict=True)
                )
        run_start = None
