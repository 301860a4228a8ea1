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
    endpoint_silence_ms=5 * WINDOW_MS,
    max_utterance_ms=40 * WINDOW_MS,
    partial_interval_ms=1000 * WINDOW_MS,
)

SPEECH, BETWEEN, SILENCE = 0.9, 0.4, 0.1


def run(
    endpointer: Endpointer, probabilities: Sequence[float], levels: Sequence[float] | None = None
) -> list[Event]:
    levels = [100.0] * len(probabilities) if levels is None else levels
    pairs = zip(probabilities, levels, strict=True)
    return [event for pair in pairs for event in endpointer.push(*pair)]


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
    assert run(endpointer, speech(6)) == [PartialDue(28 * W), PartialDue(33 * W)]


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


def test_flush_before_speech_is_long_enough_keeps_its_beginning() -> None:
    endpointer = Endpointer(OPTIONS)
    run(endpointer, silence(10) + speech(2))
    assert endpointer.flush() == []
    assert run(endpointer, speech(3)) == [Opened(8 * W)]


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
    max_utterance_ms=st.sampled_from([2000, 3001]),
    partial_interval_ms=st.sampled_from([100, 480]),
)


@settings(max_examples=150, deadline=None)
@given(probabilities=probability_runs, options=all_options, seed=st.integers(0, 1000))
def test_utterances_follow_one_another(
    probabilities: list[float], options: EndpointingOptions, seed: int
) -> None:
    endpointer = Endpointer(options)
    start: int | None = None
    last_end = 0
    was_cut = False
    settled = 0
    limit = ms_to_samples(options.max_utterance_ms) + W
    for index, probability in enumerate(probabilities):
        if probability == FLUSH:
            events = endpointer.flush()
        else:
            events = endpointer.push(probability, float((index * 31 + seed) % 17))
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
                case Closed(end_sample, cut):
                    assert start is not None
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
    endpointer = Endpointer(options)
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
