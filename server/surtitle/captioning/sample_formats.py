"""The ways in which clients write samples as bytes, those that nobody declares included."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from surtitle.captioning.audio import G711

Samples = NDArray[np.float64]

_MIN_EXPONENT = -24
"""Binary, of floats: what is below is a rounding error, as far from the next number as this."""
_MIN_PEAK = 2.0**-16
"""Blocks of floats that are smaller throughout are no audio."""
_FULL_SCALE = 32768.0
LOUDEST = 4.0
"""Floats of full scale 1 have no larger ones, unless what they are made of is far too loud; those of
full scale 32768 have, except in silence."""


@dataclass(frozen=True)
class SampleFormat:
    """A way in which samples are written as bytes."""

    name: str
    sample_bytes: int
    read: Callable[[bytes], Samples]
    """Samples in [-1, 1]."""
    step_bits: Callable[[bytes, Samples], float]
    """Binary logarithm of the distance from a code to the next, on average."""
    least_peak: float = _MIN_PEAK
    """Blocks that are smaller throughout are silence."""


def _integers(dtype: str, bits: int, offset: int = 0) -> Callable[[bytes], Samples]:
    scale = 2.0 ** (1 - bits)
    return lambda data: (np.frombuffer(data, dtype).astype(np.float64) - offset) * scale


def _read_24(step: int) -> Callable[[bytes], Samples]:
    """The bytes of a sample from the lowest to the highest (`step` 1), or the other way round (-1)."""

    def read(data: bytes) -> Samples:
        wide = np.zeros((len(data) // 3, 4), np.uint8)
        wide[:, 1:] = np.frombuffer(data, np.uint8).reshape(-1, 3)[:, ::step]
        return wide.view("<i4")[:, 0] * 2.0**-31

    return read


def _even(bits: int) -> Callable[[bytes, Samples], float]:
    return lambda _, __: 1 - bits


def _float_steps(mantissa_bits: int) -> Callable[[bytes, Samples], float]:
    def step_bits(_: bytes, samples: Samples) -> float:
        exponents = np.frexp(samples[samples != 0])[1]  # zeros say nothing of how fine the rest is
        return float(np.maximum(exponents, _MIN_EXPONENT).mean()) - mantissa_bits

    return step_bits


def _g711(law: str) -> tuple[Callable[[bytes], Samples], Callable[[bytes, Samples], float]]:
    levels = G711[law].astype(np.float64)
    order = np.argsort(levels, kind="stable")
    steps = np.empty(256)
    steps[order] = np.log2(np.maximum(np.gradient(levels[order]), 2.0**-15))

    def read(data: bytes) -> Samples:
        return levels[np.frombuffer(data, np.uint8)]

    def step_bits(data: bytes, _: Samples) -> float:
        return float(steps[np.frombuffer(data, np.uint8)].mean())

    return read, step_bits


def _floats(dtype: str, full_scale: float = 1.0) -> Callable[[bytes], Samples]:
    return lambda data: np.frombuffer(data, dtype).astype(np.float64) / full_scale


FORMATS = {
    "pcm_s16le": SampleFormat("16-bit PCM", 2, _integers("<i2", 16), _even(16)),
    "pcm_f32le": SampleFormat("32-bit float PCM", 4, _floats("<f4"), _float_steps(24)),
    "mulaw": SampleFormat("µ-law", 1, *_g711("mulaw")),
    "alaw": SampleFormat("A-law", 1, *_g711("alaw")),
    "u8": SampleFormat("8-bit PCM", 1, _integers("u1", 8, 128), _even(8)),
    "s8": SampleFormat("signed 8-bit PCM", 1, _integers("i1", 8), _even(8)),
    "u16le": SampleFormat("unsigned 16-bit PCM", 2, _integers("<u2", 16, 32768), _even(16)),
    "s16be": SampleFormat("big-endian 16-bit PCM", 2, _integers(">i2", 16), _even(16)),
    "s24le": SampleFormat("24-bit PCM", 3, _read_24(1), _even(24)),
    "s24be": SampleFormat("big-endian 24-bit PCM", 3, _read_24(-1), _even(24)),
    "s32le": SampleFormat("32-bit integer PCM", 4, _integers("<i4", 32), _even(32)),
    "f32be": SampleFormat("big-endian 32-bit float PCM", 4, _floats(">f4"), _float_steps(24)),
    "f32le_32768": SampleFormat(
        "32-bit float PCM with a full scale of 32768",
        4,
        _floats("<f4", _FULL_SCALE),
        _float_steps(24),
        LOUDEST / _FULL_SCALE,
    ),
    "f64le": SampleFormat("64-bit float PCM", 8, _floats("<f8"), _float_steps(53)),
}
