"""Words at the edges of pauses, on made audio whose times are known."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from surtitle.jobs import SAMPLE_RATE, Pcm16, Word
from surtitle.recognition.alignment import (
    MIN_WORD_MS,
    Pause,
    find_pauses,
    match_pauses,
    pause_near,
    place_words,
    whole_words,
)


def audio(*parts: tuple[int, float]) -> Pcm16:
    """Stretches of noise: (milliseconds, RMS in int16 steps)."""
    random = np.random.default_rng(3)
    stretches = [random.normal(0, rms, ms * SAMPLE_RATE // 1000) for ms, rms in parts]
    return np.round(np.concatenate(stretches)).astype(np.int16)


def words(*times: tuple[int, int]) -> list[Word]:
    return [Word(str(number), start, end, 0.9) for number, (start, end) in enumerate(times)]


def placed(said: list[Word], heard: Pcm16, lag_ms: int = 0) -> list[tuple[int, int]]:
    return [(word.start_ms, word.end_ms) for word in place_words(said, heard, lag_ms)]


def test_parts_of_a_word_become_one() -> None:
    said = [
        (Word("a", 0, 100, 0.9), [1]),
        (Word("post", 100, 400, 0.9), [2, 3]),
        (Word("-mortem", 400, 900, 0.6), [4]),
        (Word("examination.", 900, 1500, 0.8), [5, 6]),
    ]
    whole = whole_words(said, [True, True, False, True])
    assert [word.text for word, _ in whole] == ["a", "post-mortem", "examination."]
    assert [tokens for _, tokens in whole] == [[1], [2, 3, 4], [5, 6]]
    joined = whole[1][0]
    assert (joined.start_ms, joined.end_ms) == (100, 900)
    assert joined.confidence == pytest.approx((0.9 * 2 + 0.6) / 3)


def test_the_first_part_begins_a_word_whatever_is_said_of_it() -> None:
    said = [(Word("-mortem", 0, 500, 0.6), [4])]
    assert whole_words(said, [False]) == said


TWO = audio((300, 5), (400, 3000), (200, 5), (500, 3000), (250, 5))
"""Two words: 300 to 700 and 900 to 1400 ms, of 1650."""


@pytest.mark.parametrize("boundary", [560, 700, 800, 900, 1040])
def test_words_take_the_edges_of_the_pauses_wherever_attention_parts_them(boundary: int) -> None:
    assert placed(words((0, boundary), (boundary, 1500)), TWO) == [(300, 700), (900, 1400)]


def test_text_and_confidence_stay() -> None:
    before = words((0, 800), (800, 1500))
    after = place_words(before, TWO)
    assert [(w.text, w.confidence) for w in after] == [(w.text, w.confidence) for w in before]


def test_a_pause_without_words_beside_it_is_in_no_word_that_another_pause_fits_better() -> None:
    """Four words and three pauses: each boundary takes its own, none takes its neighbour's."""
    heard = audio(*[(200, 5), (300, 3000)] * 4, (200, 5))
    early = words((0, 450), (450, 900), (900, 1450), (1450, 2000))
    assert placed(early, heard) == [(200, 500), (700, 1000), (1200, 1500), (1700, 2000)]


def test_in_fluent_speech_attention_says_when_less_the_models_lag() -> None:
    heard = audio((100, 5), (1200, 3000), (100, 5))
    said = words((0, 480), (480, 900), (900, 1400))
    assert placed(said, heard) == [(100, 480), (480, 900), (900, 1300)]
    assert placed(said, heard, lag_ms=75) == [(100, 405), (405, 825), (825, 1300)]
    assert placed(said, heard, lag_ms=-150) == [(100, 630), (630, 1050), (1050, 1300)]


def test_the_closure_of_a_plosive_is_no_pause() -> None:
    heard = audio((100, 5), (300, 3000), (40, 5), (300, 3000), (100, 5))
    assert placed(words((0, 840)), heard) == [(100, 740)]
    assert find_pauses(heard) == [Pause(0, 100), Pause(740, 840)]


@pytest.mark.parametrize("noise_rms", [0, 30, 300])
def test_pauses_are_found_in_noise(noise_rms: float) -> None:
    heard = audio((300, noise_rms), (400, 3000), (200, noise_rms), (500, 3000), (250, noise_rms))
    assert find_pauses(heard) == [Pause(0, 300), Pause(700, 900), Pause(1400, 1650)]


def test_audio_without_a_pause_and_audio_without_speech_keep_their_length() -> None:
    assert find_pauses(audio((500, 3000))) == [Pause(0, 0), Pause(500, 500)]
    assert placed(words((100, 400)), audio((500, 3000))) == [(0, 500)]
    assert placed(words((0, 200), (200, 400)), np.zeros(8000, np.int16)) == [(0, 200), (200, 500)]
    assert place_words([], np.zeros(0, np.int16)) == ()


def test_a_boundary_takes_the_nearer_of_two_pauses_and_leaves_a_short_one() -> None:
    pauses = [Pause(0, 100), Pause(400, 460), Pause(800, 1000), Pause(1500, 1600)]
    assert match_pauses([0, 780, 1550], pauses) == {0: 0, 1: 2, 2: 3}
    assert match_pauses([0, 480, 780, 1550], pauses) == {0: 0, 1: 1, 2: 2, 3: 3}


@given(
    st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 400)), min_size=1, max_size=30),
    st.integers(-200, 200),
    st.integers(0, 2**32 - 1),
)
def test_whatever_attention_says_times_rise_inside_the_audio(
    times: list[tuple[int, int]], lag_ms: int, seed: int
) -> None:
    random = np.random.default_rng(seed)
    levels = random.choice([0, 5, 500, 3000], size=20)
    heard = audio(*((70, float(rms)) for rms in levels))
    said = words(*((start, start + length) for start, length in times))
    result = placed(said, heard)
    assert all(end - start >= MIN_WORD_MS for start, end in result)
    assert all(before[1] <= after[0] for before, after in pairwise(result))
    assert result[0][0] >= 0
    assert result[-1][1] <= 1400


def test_more_words_than_there_is_room_for_still_do_not_overlap() -> None:
    result = placed(words(*[(0, 0)] * 200), audio((500, 3000)))
    assert all(start < end for start, end in result)
    assert all(before[1] <= after[0] for before, after in pairwise(result))
    assert result[-1][1] <= 500


@pytest.mark.parametrize(
    ("at_ms", "expected_ms"),
    [(800, 800), (640, 800), (1000, 800), (1190, 800), (1210, 1210), (300, 300), (1650, 1650)],
)
def test_a_pause_that_is_near_takes_the_end_of_a_word(at_ms: int, expected_ms: int) -> None:
    assert pause_near(TWO, at_ms) == expected_ms


def test_without_a_pause_the_end_of_a_word_stays() -> None:
    assert pause_near(audio((900, 3000)), 420) == 420
    assert pause_near(np.zeros(0, np.int16), 0) == 0
