"""Channels mixed to one in JavaScript: sample for sample as the server does.

`unit/downmix.test.mjs` has the table of what both do.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from surtitle.captioning.downmix import Downmix
from tests.node.running import run_program

Float = NDArray[np.float32]


def voice(rate: int, seconds: float = 2.0) -> Float:
    """Something that swells and pauses."""
    t = np.arange(int(rate * seconds) + 77) / rate  # the last block is not whole
    wave = np.sin(2 * np.pi * 220 * t) * np.clip(np.sin(2 * np.pi * 1.3 * t), 0, 1) * 0.3
    said: Float = wave.astype(np.float32)
    return said


def noise(length: int, level: float, seed: int = 1) -> Float:
    rng = np.random.default_rng(seed)
    return (rng.standard_normal(length) * level).astype(np.float32)


def alone(channels: int, of: int, rate: int) -> Float:
    """A voice on one channel, faint noise on the others."""
    said = voice(rate)
    frames = [noise(len(said), 1e-5, seed) for seed in range(channels)]
    frames[of] = said
    return np.stack(frames, axis=1)


def inverted(gain: float, rate: int) -> Float:
    said = voice(rate)
    return np.stack([said, np.float32(gain) * said], axis=1)


def two_speakers(rate: int) -> Float:
    first, second = voice(rate), np.roll(voice(rate), rate // 2)
    return np.stack([first, second, noise(len(first), 1e-6)], axis=1)


def turning(rate: int) -> Float:
    """In phase, then inverted, then in phase again."""
    said = voice(rate, 3.0)
    sign = np.where((np.arange(len(said)) // rate) % 2, -1, 1).astype(np.float32)
    return np.stack([said, sign * said], axis=1)


CASES = {
    "stereo": inverted(1.0, 48_000),
    "inverted": inverted(-1.0, 48_000),
    "inverted and weaker": inverted(-0.8, 44_100),
    "turning": turning(16_000),
    "two speakers": two_speakers(16_000),
    "silence": np.zeros((5000, 2), np.float32),
    "third of three": alone(3, 2, 16_000),
    "fourth of six": alone(6, 3, 48_000),
    "fourth of eight": alone(8, 3, 44_100),
    "last of twelve": alone(12, 11, 16_000),
    "tenth of sixteen": alone(16, 9, 16_000),
    "21st of 24": alone(24, 20, 16_000),
}
RATES = {"inverted and weaker": 44_100, "fourth of eight": 44_100}
RATES |= dict.fromkeys(["stereo", "inverted", "fourth of six"], 48_000)


def mixed(node: str, folder: Path, frames: Float, rate: int) -> Float:
    """What JavaScript makes of frames of shape (n, channels)."""
    source, target = folder / "apart.f32", folder / "mono.f32"
    np.ascontiguousarray(frames.T).tofile(source)
    run_program(node, "mix_down.mjs", source, target, str(frames.shape[1]), str(rate))
    return np.fromfile(target, np.float32)


@pytest.mark.parametrize("name", CASES)
def test_it_is_what_the_server_makes(node_20: str, tmp_path: Path, name: str) -> None:
    frames, rate = CASES[name], RATES.get(name, 16_000)
    mono = mixed(node_20, tmp_path, frames, rate)
    downmix = Downmix(frames.shape[1], rate)
    expected = np.concatenate([downmix.push(frames), downmix.finish()])
    np.testing.assert_allclose(mono, expected, atol=1e-6)
    if name != "silence":  # the voice is there
        loudest = max(np.mean(frames**2, axis=0))
        assert np.mean(mono**2) > 0.2 * loudest


@pytest.mark.parametrize("odd", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("name", ["stereo", "inverted", "two speakers", "fourth of six"])
def test_samples_that_are_not_finite_are_silence(
    node_20: str, tmp_path: Path, name: str, odd: float
) -> None:
    rate = RATES.get(name, 16_000)
    frames = CASES[name].copy()
    frames[5000, 1] = frames[9000, 0] = 0
    downmix = Downmix(frames.shape[1], rate)
    expected = np.concatenate([downmix.push(frames), downmix.finish()])
    frames[5000, 1] = frames[9000, 0] = odd
    np.testing.assert_allclose(mixed(node_20, tmp_path, frames, rate), expected, atol=1e-6)
