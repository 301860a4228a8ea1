"""The reference of joined words, and the errors against it."""

import numpy as np
import pytest

from quality.word_times import GAPS_MS, Spoken, join, speech_edges, summarize, word_errors
from surtitle.jobs import SAMPLE_RATE, Pcm16
from surtitle.messages import WordTiming


def clip(ms: int) -> Pcm16:
    """A word of so many milliseconds between 100 ms of silence."""
    said = np.random.default_rng(2).normal(0, 3000, ms * SAMPLE_RATE // 1000)
    return np.round(np.pad(said, SAMPLE_RATE // 10)).astype(np.int16)


def heard(*words: tuple[str, int, int]) -> list[WordTiming]:
    return [WordTiming(text=t, start_ms=a, end_ms=b, confidence=1.0) for t, a, b in words]


def errors(*words: tuple[str, int, int]) -> list[tuple[float | None, float | None]]:
    """Of start and end of each word judged, in whole milliseconds."""
    found = word_errors(SPOKEN, heard(*words))
    return [
        (
            None if each.start_s is None else round(each.start_s * 1000),
            None if each.end_s is None else round(each.end_s * 1000),
        )
        for each in found
    ]


SPOKEN = [Spoken("seven", 500, 900), Spoken("six", 1050, 1400)]


def test_words_lie_where_the_reference_says() -> None:
    audio, spoken = join([("one", clip(300)), ("two", clip(400))])
    assert speech_edges(clip(300)) == (1600, 6400)
    assert [(s.text, s.start_ms, s.end_ms) for s in spoken] == [
        ("one", 500, 800),
        ("two", 800 + GAPS_MS[0], 1200 + GAPS_MS[0]),
    ]
    begin, end = speech_edges(audio)
    assert (begin, end) == (500 * 16, (1200 + GAPS_MS[0]) * 16)


def test_a_stream_goes_on_until_it_has_its_length() -> None:
    audio, spoken = join([("one", clip(300))], seconds=10)
    assert 10 <= len(audio) / SAMPLE_RATE < 14
    assert len(spoken) > 10


def test_errors_of_words_and_of_words_that_are_written_in_one() -> None:
    assert errors(("Seven,", 510, 880), ("6", 1050, 1500)) == [(10, -20), (0, 100)]
    assert errors(("76", 510, 1390)) == [(10, None), (None, -10)]


def test_a_row_with_a_wrong_or_missing_word_is_not_judged() -> None:
    assert word_errors(SPOKEN, heard(("seven", 500, 900), ("sick", 1050, 1400))) == []
    assert word_errors(SPOKEN, heard(("seven", 500, 1400))) == []


def test_the_figures() -> None:
    times = summarize(word_errors(SPOKEN, heard(("7", 510, 880), ("6", 1050, 1700))), 4)
    assert (times.spoken, times.judged, times.good) == (4, 2, 0.75)
    assert times.end.p95 == pytest.approx(0.3)
    assert times.drift_s == pytest.approx(0.155)
