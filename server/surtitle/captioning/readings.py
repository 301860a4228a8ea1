"""How good a reading of a block of bytes is, as samples in one format or another. Pure statistics.

Sound is predictable: a linear predictor leaves a small part of it. Bytes read in a wrong format are
not. A reading's score says how many bits it saves of each byte, if it were coded by a predictor of
order 4 and a Gaussian residue. This counts what is predicted and how loud it is, in the steps of the
format: quiet noise, which nobody can predict, is still short in its own format.
"""

import math
from dataclasses import dataclass

import numpy as np

from surtitle.captioning.sample_formats import FORMATS, LOUDEST, Samples

_ORDER = 4
"""Of the predictor: enough for two tones, which read rightly must not look like noise."""
_MIN_GAIN_DB, _MIN_SAVED_BITS = 6.0, 0.8
"""A reading with less, of each byte, is taken for noise and proves nothing."""
CLEAR_GAIN_DB, _CLEAR_SAVED_BITS = 12.0, 3.0
"""With as much the declared reading is right, and the others need not be tried."""
UNIT_BYTES = 24
"""All sample sizes divide it, so that a block begins with a whole sample in every reading."""
_ENTROPY_BITS = 0.5 * math.log2(2 * math.pi * math.e)
_DB_PER_BIT = 20 * math.log10(2)
_MAX_PEAK = 64.0
"""Blocks of floats that have larger ones are no audio."""
_UNEVEN = 6.0
"""Power at the loudest sample of a unit by that at the quietest; of right ones 99 % had less than 5."""
MIN_VALUES = 20
"""Different bytes of a block, or samples, below which it is no speech."""
_WITHIN_PAIRS = 0.1
"""Samples that come in pairs differ less within them than between; those of one channel do not."""
_BETWEEN, _NOT_BETWEEN = 0.2, 0.6
"""Power by which samples of one channel miss the middle between their neighbours, over that by which
they differ from one of them. Two channels in which the same comes at the same time miss it by more than
they differ, and independent ones by about as much."""
_ALIKE, _STEPS_ALIKE, _UNLIKE = 0.05, 0.1, 0.3
"""By how much the powers of the two halves of one channel's samples differ at most, and those of the
steps from the one half to the other and back; and by how much either does where it cannot be one
channel. Two microphones are so alike only where the sound comes to the first half a sample later."""
_NEXT, _NEXT_BUT_ONE = 0.5, 0.7
"""Correlations of two channels in turn: with the next sample at most so much of that with the next but
one, and with that one at least so much of the power."""


@dataclass(frozen=True)
class Reading:
    """How a block is read: the first `skip` bytes are left out."""

    format: str
    channels: int
    skip: int = 0


@dataclass(frozen=True)
class Score:
    """How good a reading of a block is."""

    gain_db: float
    """How far the residue of the predictor is below the signal."""
    saved_bits: float
    """Of the 8 of each byte."""
    even: bool = True
    """Whether it is as loud at all samples of a unit; a wrong sample size makes them differ."""

    @property
    def is_sound(self) -> bool:
        """Whether it is more than noise."""
        return self.gain_db >= _MIN_GAIN_DB and self.saved_bits >= _MIN_SAVED_BITS

    @property
    def is_clear(self) -> bool:
        """Whether no other reading need be tried."""
        return self.gain_db >= CLEAR_GAIN_DB and self.saved_bits >= _CLEAR_SAVED_BITS

    @property
    def is_quiet_noise(self) -> bool:
        """Whether it is noise that takes few of the bits that there are. Sound that was read in a wrong
        format takes most of them.
        """
        return not self.is_sound and self.saved_bits >= _CLEAR_SAVED_BITS

    @property
    def worth(self) -> float:
        """Both figures in bits, to choose the best of several."""
        return self.gain_db / _DB_PER_BIT + self.saved_bits

    def is_better(self, other: "Score", by_db: float = 0.0, by_bits: float = 0.0) -> bool:
        """Whether it surpasses the other in both figures, by as much as is asked."""
        return (
            self.gain_db >= other.gain_db + by_db and self.saved_bits >= other.saved_bits + by_bits
        )


IMPOSSIBLE = Score(-math.inf, -math.inf)
"""Of floats that are no numbers, or larger than any sound."""
_SILENT = Score(0.0, 0.0)


def score(reading: Reading, block: bytes) -> Score:
    """The score of one reading of a block; its channels count by their power."""
    form, channels = FORMATS[reading.format], reading.channels
    frame = form.sample_bytes * channels
    if reading.skip:
        block = block[reading.skip : reading.skip + (len(block) - reading.skip) // frame * frame]
    samples = form.read(block)
    peak = float(np.abs(samples).max())
    if not peak <= _MAX_PEAK:  # NaN is not, either
        return IMPOSSIBLE
    if peak < form.least_peak:
        return _SILENT
    # What comes again in each unit of bytes is no sound, but the sign of a wrong sample size.
    period = UNIT_BYTES // form.sample_bytes * channels
    samples = samples[: len(samples) // period * period].reshape(-1, period)
    samples = samples - samples.mean(axis=0)
    powers = np.square(samples).mean(axis=0).reshape(-1, channels)
    loudest = powers[:, powers.sum(axis=0).argmax()]
    centred = samples.ravel()
    lags = [
        float(centred[: len(centred) - lag].dot(centred[lag:]))
        for lag in range(0, (_ORDER + 1) * channels, channels)
    ]
    if lags[0] <= 0:
        return _SILENT
    error = _prediction_error(lags)
    step_bits = form.step_bits(block, samples)
    # The residue is never finer than the step in which samples are written.
    residue_bits = max(0.5 * math.log2(error / len(centred) + 1e-40), step_bits - 2)
    spent = residue_bits + _ENTROPY_BITS - step_bits
    gain_db = 10 * math.log10(lags[0] / error)
    even = bool(loudest.max() < _UNEVEN * loudest.min())
    return Score(gain_db, 8 - spent / form.sample_bytes, even)


def is_interleaved(samples: Samples) -> bool:
    """Whether samples declared as mono are those of two channels in turn.

    Either both have the same: then they come in pairs, and change from pair to pair alone. Or one
    knows little of the other: then each sample is like the next but one, and not like the next, which
    takes as much power at the highest frequency as at the lowest.
    """
    if len(np.unique(samples)) < MIN_VALUES:
        return False
    samples = samples - samples.mean()
    power, next_one, next_but_one = (
        float(samples[: len(samples) - lag].dot(samples[lag:])) for lag in range(3)
    )
    if next_but_one > _NEXT_BUT_ONE * power and abs(next_one) < _NEXT * next_but_one:
        return True
    steps = np.abs(np.diff(samples))
    return bool(np.median(steps[::2]) < _WITHIN_PAIRS * np.median(steps[1::2]))


def is_one_channel(samples: Samples) -> bool | None:
    """Whether samples declared as those of two channels in turn are those of one; None if they may be.

    Then each lies between its neighbours, and it makes no difference which half of them is looked at.
    """
    samples = samples - samples.mean()
    steps = np.diff(samples)
    missed = max(_powers(np.diff(steps) / 2)) / max(min(_powers(steps)), 1e-30)
    apart, steps_apart = _difference(*_powers(samples)), _difference(*_powers(steps))
    if missed > _NOT_BETWEEN or max(apart, steps_apart) > _UNLIKE:
        return False
    return (missed < _BETWEEN and apart < _ALIKE and steps_apart < _STEPS_ALIKE) or None


def _powers(samples: Samples) -> tuple[float, float]:
    """Of the one half of the samples, and of those in between."""
    return float(np.square(samples[::2]).mean()), float(np.square(samples[1::2]).mean())


def _difference(power: float, other: float) -> float:
    return abs(power - other) / max(power, other, 1e-30)


def is_far_too_loud(block: bytes) -> bool:
    """Of floats: for a full scale of 1."""
    return float(np.abs(FORMATS["pcm_f32le"].read(block)).max()) > LOUDEST


def _prediction_error(lags: list[float]) -> float:
    """Power that the best predictor leaves, by Levinson's and Durbin's recursion; above 0."""
    error = lags[0]
    weights = [1.0]
    for order in range(1, len(lags)):
        reflection = -sum(w * lags[order - i] for i, w in enumerate(weights)) / error
        weights.append(0.0)
        weights = [w + reflection * r for w, r in zip(weights, reversed(weights), strict=True)]
        error *= 1 - reflection * reflection
        if error <= 1e-9 * lags[0]:
            return 1e-9 * lags[0]
    return error
