"""Recorded voices in the mix to mono: heard however they lie on the channels."""

from functools import cache
from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray

from lab.ledger import read_pcm16
from lab.speech import recordings
from surtitle.captioning.downmix import Downmix
from surtitle.jobs import SAMPLE_RATE
from tests.marks import needs_speech

Float = NDArray[np.float32]

pytestmark = needs_speech

HALF_S = SAMPLE_RATE // 2
SECONDS = 6


@cache
def recorded(folder: str, count: int) -> list[Float]:
    """Recordings that are long enough, equally loud and without rumble."""
    found: list[Float] = []
    for recording in recordings(folder):
        pcm = read_pcm16(recording.path)[: SECONDS * SAMPLE_RATE] / 32768
        if len(pcm) == SECONDS * SAMPLE_RATE:
            spectrum = np.fft.rfft(pcm)
            spectrum[: 100 * SECONDS] = 0
            samples = np.fft.irfft(spectrum)
            samples *= 0.05 / np.sqrt(np.mean(samples**2))
            found.append(samples.astype(np.float32))
        if len(found) == count:
            break
    return found


def mixed(*channels: Float) -> Float:
    downmix = Downmix(len(channels), SAMPLE_RATE)
    return np.concatenate([downmix.push(np.stack(channels, axis=1)), downmix.finish()])


def weights_of(mono: Float, voice: Float, other: Float) -> Float:
    """The voice's weight in each half of a second in which it is not 15 dB below its loudest."""
    halves = [slice(at, at + HALF_S) for at in range(0, len(mono) - HALF_S + 1, HALF_S)]
    powers = np.array([np.mean(voice[half] ** 2) for half in halves])
    parts = np.stack([voice, other], axis=1)
    return np.array(
        [
            abs(np.linalg.lstsq(parts[half], mono[half])[0][0])
            for half, power in zip(halves, powers, strict=True)
            if power > powers.max() * 10**-1.5
        ]
    )


@pytest.mark.parametrize("level_db", [-10, 0, 6])
def test_an_inverted_voice_beside_noise_on_a_third_channel(level_db: float) -> None:
    for voice, noise in zip(recorded("librispeech", 5), recorded("noise", 5), strict=False):
        other = np.float32(10 ** (level_db / 20)) * noise
        assert weights_of(mixed(voice, -voice, other), voice, other).min() > 0.3


def test_an_inverted_voice_with_noise_on_both_channels() -> None:
    for voice, noise in zip(recorded("librispeech", 5), recorded("noise", 5), strict=False):
        other = np.float32(0.3) * noise
        assert weights_of(mixed(voice + other, other - voice), voice, other).min() > 0.3


@pytest.mark.parametrize("dc", [0.5, -0.2])
@pytest.mark.parametrize("level", [1.0, 0.14])
def test_a_voice_beside_an_offset(level: float, dc: float) -> None:
    """At -26 and -43 dBFS."""
    for voice in recorded("librispeech", 5):
        said = np.float32(level) * voice
        weights = weights_of(mixed(np.full_like(said, dc), said), said, np.ones_like(said))
        assert weights.min() > 0.9


def test_stereo_is_its_mean() -> None:
    """But for the first blocks, in which one channel may have signal before the other."""
    for voice, other in pairwise(recorded("librispeech", 6)):
        half = np.float32(0.5)
        pairs: list[tuple[Float, Float]] = [
            (voice, voice),
            (voice, half * voice),
            (voice + half * other, other + half * voice),
            (voice, np.roll(voice, 5)),
        ]
        for left, right in pairs:
            mono = mixed(left, right)[SAMPLE_RATE:]
            assert np.array_equal(
                mono, np.stack([left, right], axis=1)[SAMPLE_RATE:] @ np.full(2, 0.5, np.float32)
            )
