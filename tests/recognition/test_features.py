"""Features computed piece by piece are those of the library."""

import numpy as np
import pytest
from faster_whisper.feature_extractor import FeatureExtractor
from numpy.typing import NDArray

from surtitle.jobs import Pcm16
from surtitle.recognition import features
from surtitle.recognition.features import MAX_GAIN, REMEMBERED_S, USUAL_PEAK, Features, lift

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
    monkeypatch.setattr(features, "REMEMBERED_BYTES", 100_000)
    growing = Features(EXTRACTOR)
    for session in "abcabc":
        audio = noise(9_000, seed=ord(session))
        assert_same(growing.compute(session, audio), audio)
    assert list(growing._known) == ["b", "c"]
    assert growing._size == sum(known.size for known in growing._known.values())


def test_as_many_sessions_as_speak_are_remembered_and_those_are_forgotten_that_are_silent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = 1000.0
    monkeypatch.setattr("surtitle.recognition.features.time.monotonic", lambda: now)
    growing, audio = Features(EXTRACTOR), noise(1_600)
    for session in range(500):
        growing.compute(str(session), audio)
    assert len(growing._known) == 500
    now += REMEMBERED_S / 2
    growing.compute("7", audio)
    now += REMEMBERED_S / 2 + 1
    growing.compute("new", audio)
    assert list(growing._known) == ["7", "new"]


def features_of(audio: Pcm16) -> NDArray[np.float32]:
    return Features(EXTRACTOR).compute("a", audio)


def test_quiet_audio_is_lifted_to_the_usual_level_as_by_gain() -> None:
    loud = np.full(16_000, 0, np.int16)
    loud[4_000:12_000] = 12_000 * np.sin(np.arange(8_000))
    lifted = lift(features_of((loud // 30).astype(np.int16)))
    assert lifted.max() == pytest.approx(USUAL_PEAK)
    # Where the tone is; elsewhere a quieter copy has rounded to other values.
    gain = USUAL_PEAK - features_of(loud).max()
    frames = slice(30, 70)
    spoken = features_of(loud)[:, frames] + gain
    near = spoken > USUAL_PEAK - 0.5
    np.testing.assert_allclose(lifted[:, frames][near], spoken[near], atol=0.02)


def test_loud_audio_stays_as_it_is_and_silence_is_not_made_loud() -> None:
    loud = (20_000 * np.sin(np.arange(16_000) / 5)).astype(np.int16)
    np.testing.assert_array_equal(lift(features_of(loud)), features_of(loud))
    silence = features_of(np.zeros(16_000, np.int16))
    np.testing.assert_allclose(lift(silence), silence + MAX_GAIN)
    assert lift(silence).max() < 0
