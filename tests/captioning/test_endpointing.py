"""Where utterances begin and end."""

import math
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from surtitle.captioning.endpointing import (
    Closed,
    Endpointer,
    EndpointingOptions,
    Opened,
    Paused,
    Resumed,
    Sentence,
    stretches,
)
from surtitle.jobs import ms_to_samples
from tests.captioning.endpointer import BETWEEN, OPTIONS, WINDOW_MS, W, run, silence, speech


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


@pytest.mark.parametrize(
    ("probabilities", "hears"),
    [
        (speech(2), False),
        (speech(3), True),
        (speech(3) + silence(1), False),
        ([*speech(3), *silence(1), BETWEEN], True),
        (speech(3) + silence(5), False),
    ],
)
def test_speech_is_heard_where_the_newest_window_of_an_open_utterance_is_speech(
    probabilities: list[float], hears: bool
) -> None:
    endpointer = Endpointer(OPTIONS)
    run(endpointer, probabilities)
    assert endpointer.hears_speech is hears


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
)


judgements = st.sampled_from(Sentence)


@settings(max_examples=150, deadline=None)
@given(probability_runs, all_options, judgements, st.integers(0, 1000))
def test_utterances_follow_one_another(
    probabilities: list[float], options: EndpointingOptions, sentence: Sentence, seed: int
) -> None:
    endpointer = Endpointer(options)
    start: int | None = None
    last_end = 0
    was_cut = False
    committed = 0
    pause: int | None = None
    limit = ms_to_samples(options.max_utterance_ms) + W
    for index, probability in enumerate(probabilities):
        if probability == FLUSH:
            events = endpointer.flush()
        else:
            events = endpointer.push(probability, float((index * 31 + seed) % 17))
            if endpointer.awaits_judgement:
                events += endpointer.judge(sentence)
            assert not endpointer.awaits_judgement
        for event in events:
            match event:
                case Opened(start_sample):
                    assert start is None
                    assert last_end <= start_sample < endpointer.position
                    assert start_sample >= committed
                    if was_cut:
                        assert start_sample == last_end
                    start, was_cut = start_sample, False
                case Paused(end_sample):
                    assert start is not None
                    assert pause is None
                    assert start < end_sample <= endpointer.position
                    pause = end_sample
                case Resumed():
                    assert pause is not None
                    pause = None
                case Closed(end_sample, ended_by):
                    assert start is not None
                    if ended_by == "pause" and endpointer.position - start < limit - W:
                        assert end_sample == pause
                    pause = None
                    assert start < end_sample <= endpointer.position
                    assert end_sample - start <= limit
                    start, last_end, was_cut = None, end_sample, ended_by == "length"
        assert not was_cut  # speech goes on in the next one, at once
        assert endpointer.is_open == (start is not None)
        assert committed <= endpointer.committed <= endpointer.position
        committed = endpointer.committed
        if start is not None:
            assert endpointer.committed == start


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


@pytest.mark.parametrize(
    ("probabilities", "expected"),
    [
        ([], 0),
        ([0.1] * 9, 0),
        ([0.9] * 9, 1),
        ([0.9, 0.9, 0.1, 0.1, 0.1, 0.9], 1),  # the closure of a "t"
        ([0.9, 0.9, 0.1, 0.1, 0.1, 0.1, 0.9], 2),
        ([0.1] + [0.9, 0.9, 0.2, 0.2, 0.2, 0.2, 0.2] * 8, 8),
        ([0.9, 0.4, 0.4, 0.4, 0.4, 0.5], 2),
    ],
)
def test_pauses_part_stretches_of_speech(probabilities: list[float], expected: int) -> None:
    assert stretches(probabilities, 0.5) == expected


def test_an_utterance_tells_how_many_stretches_of_speech_it_has() -> None:
    endpointer = Endpointer(OPTIONS)
    word = speech(4) + silence(4)
    events = run(endpointer, word * 3 + silence(9))
    assert [event.voice.stretches for event in events if isinstance(event, Closed)] == [3]
