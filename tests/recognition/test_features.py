"""Features computed piece by piece are those of the library."""

import numpy as np
import pytest
from faster_whisper.feature_extractor import FeatureExtractor
from numpy.typing import NDArray

from surtitle.jobs import Pcm16
from surtitle.recognition import features
from surtitle.recognition.features import Features

EXTRACTOR = FeatureExtractor()


def noise(samples: int, seed: int = 0) -> Pcm16:
    return np.random.default_rng(seed).integers(-9000, 9000, samples).astype(np.int16)


def of_the_library(audio: Pcm16) -> NDArray[np.float32]:
    mel: NDArray[np.float32] = EXTRACTOR(audio.astype(np.float32) / 32768)
    return mel


def assert_same(computed: NDArray[np.float32], audio: Pcm16) -> None:
    expected = of_the_library(audio)
    assert computed.shape == expected.shape
    np.testing.assert_allclose(computed, expected, atol=2e-5)


@pytest.mark.parametrize("samples", [241, 400, 1600, 16_000, 16_001, 16_159, 80_123])
def test_one_audio_is_as_the_library_has_it(samples: int) -> None:
    assert_same(Features(EXTRACTOR).compute("a", noise(samples)), noise(samples))


@pytest.mark.parametrize("step", [1, 159, 160, 161, 512, 7680])
def test_a_growing_audio_is_as_the_library_has_it_at_every_length(step: int) -> None:
    audio = noise(30_000)
    growing = Features(EXTRACTOR)
    for end in range(600, min(len(audio), 600 + 12 * step), step):
        assert_same(growing.compute("a", audio[:end]), audio[:end])


def test_the_loudest_point_may_come_late() -> None:
    audio = noise(20_000) // 900
    audio[15_000:] *= 900
    growing = Features(EXTRACTOR)
    for end in (8_000, 16_000, 20_000):
        assert_same(growing.compute("a", audio[:end]), audio[:end])


def test_another_beginning_is_computed_anew() -> None:
    growing = Features(EXTRACTOR)
    growing.compute("a", noise(20_000))
    assert_same(growing.compute("a", noise(20_000)[4_000:]), noise(20_000)[4_000:])
    assert_same(growing.compute("a", noise(24_000, seed=1)), noise(24_000, seed=1))
    assert_same(growing.compute("a", noise(3_000, seed=1)), noise(3_000, seed=1))


def test_sessions_do_not_meet_and_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(features, "REMEMBERED", 2)
    growing = Features(EXTRACTOR)
    for session in "abcabc":
        audio = noise(9_000, seed=ord(session))
        assert_same(growing.compute(session, audio), audio)
    assert len(growing._known) == 2
