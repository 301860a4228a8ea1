"""Audio made for the guard: its length, its pitch, and that it is always the same."""

import random

import numpy as np
import pytest

from quality.made import again, quicker
from surtitle.jobs import SAMPLE_RATE, Pcm16


def tone(seconds: float, hz: float = 440.0) -> Pcm16:
    times = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    return (10_000 * np.sin(2 * np.pi * hz * times)).astype(np.int16)


@pytest.mark.parametrize("pace", [1.25, 1.75, 2.0, 0.8])
def test_a_quicker_reading_is_shorter_and_no_higher(pace: float) -> None:
    made = quicker(tone(3.0), pace)
    assert made.dtype == np.int16
    assert len(made) / SAMPLE_RATE == pytest.approx(3.0 / pace, abs=0.05)
    loudest = np.argmax(np.abs(np.fft.rfft(made))) * SAMPLE_RATE / len(made)
    assert loudest == pytest.approx(440.0, abs=1.0)


def test_the_same_again_has_short_pauses_between_and_is_always_the_same() -> None:
    made = again(tone(0.5), 4, random.Random(3))
    assert np.array_equal(made, again(tone(0.5), 4, random.Random(3)))
    sounds = np.flatnonzero(np.diff((made != 0).astype(int).cumsum() > 0))
    assert len(sounds) == 1  # silence at the beginning
    silent_s = len(made) / SAMPLE_RATE - 4 * 0.5
    assert 0.5 + 4 * 0.05 + 1.5 <= silent_s <= 0.5 + 4 * 0.45 + 1.5
