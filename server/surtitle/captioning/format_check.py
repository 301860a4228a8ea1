"""Raw audio declared as what it is not: noticed by its statistics.

Sound is predictable: a linear predictor leaves a small part of it. Bytes read in a wrong format are
not. So some blocks of the stream are read as declared and in each of the other formats that clients
send by mistake, and each reading is given a mark: how many bits it saves of each byte, if it were
coded by a predictor of order 4 and a Gaussian residue. This counts what is predicted and how loud it
is, in the steps of the format: quiet noise, which nobody can predict, is still short in its own format.
A block speaks against the declared format only where another one both saves more and predicts
better. Noise that is as loud as can be speaks for nothing, and silence is not looked at.
"""

import math
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import get_args

import numpy as np
from numpy.typing import NDArray

from surtitle.captioning.audio import G711
from surtitle.captioning.first_bytes import ENOUGH_BYTES, Kind, recognise, recognise_text
from surtitle.messages import RawEncoding

Samples = NDArray[np.float64]

_ORDER = 4
"""Of the predictor: enough for two tones, which read rightly must not look like noise."""
_LEAST_GAIN_DB, _LEAST_SAVED_BITS = 6.0, 0.8
"""A reading with less, of each byte, is taken for noise and proves nothing."""
_BETTER_BY_DB, _BETTER_BY_BITS = 3.0, 0.5
"""By how much another reading must surpass the declared one. Of 8,000 blocks of speech, noise and
music read rightly at 8, 16 and 48 kHz, in none did any reading surpass it by 0.3 bits and 3 dB."""
_CLEAR_GAIN_DB, _CLEAR_SAVED_BITS = 12.0, 3.0
"""With as much the declared reading is right, and the others need not be tried."""
_AGAINST, _FOR = 5, 3
"""Blocks that decide: against the declared format, all for the same other one, and for it."""
_BLOCKS_PER_S = 8
_PATIENCE = 40
"""So many blocks in a row that speak for nothing, and half as many are looked at: noise costs most."""
_MOST_BLOCKS = 240
"""That are looked at before it is left undecided: two minutes and more without any clear sound."""
_UNIT_BYTES = 24
"""All sample sizes divide it, so that a block begins with a whole sample in every reading."""
_LEAST_UNITS = 100
"""A block is 2.4 kB or, with many channels, 16 units for each."""
_FIRST_LOOK_BYTES = 16
"""Of the first bytes; further looks when there are twice as many, so that tiny frames cost no more."""
_ENTROPY_BITS = 0.5 * math.log2(2 * math.pi * math.e)
_DB_PER_BIT = 20 * math.log10(2)
_LEAST_EXPONENT = -24
"""Binary, of floats: what is below is a rounding error, as far from the next number as this."""
_LEAST_PEAK, _MOST_PEAK = 2.0**-16, 64.0
"""Blocks of floats that are smaller throughout, or have larger ones, are no audio."""
_FULL_SCALE = 32768.0
_LOUDEST = 4.0
"""Floats of full scale 1 have no larger ones, unless what they are made of is far too loud; those of
full scale 32768 have, except in silence."""
_UNEVEN = 6.0
"""Power at the loudest sample of a unit by that at the quietest; of right ones 99 % had less than 5."""
_REPEATED_BYTES = 48
"""Recorded sound never repeats so many. Computed waves do, and are regular in other readings too."""
_LEAST_VALUES = 20
"""Different bytes of a block, or samples, below which it is no speech."""
_WITHIN_PAIRS = 0.1
"""Samples that come in pairs differ less within them than between; those of one channel do not."""
_LEAST_IN_TURN_DB = 3.0
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
class _Format:
    """A way in which samples are written as bytes."""

    name: str
    sample_bytes: int
    read: Callable[[bytes], Samples]
    """Samples in [-1, 1]."""
    step_bits: Callable[[bytes, Samples], float]
    """Binary logarithm of the distance from a code to the next, on average."""
    least_peak: float = _LEAST_PEAK
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
        return float(np.maximum(exponents, _LEAST_EXPONENT).mean()) - mantissa_bits

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


_FORMATS = {
    "pcm_s16le": _Format("16-bit PCM", 2, _integers("<i2", 16), _even(16)),
    "pcm_f32le": _Format("32-bit float PCM", 4, _floats("<f4"), _float_steps(24)),
    "mulaw": _Format("µ-law", 1, *_g711("mulaw")),
    "alaw": _Format("A-law", 1, *_g711("alaw")),
    "u8": _Format("8-bit PCM", 1, _integers("u1", 8, 128), _even(8)),
    "s8": _Format("8-bit PCM with a sign", 1, _integers("i1", 8), _even(8)),
    "u16le": _Format("16-bit PCM without a sign", 2, _integers("<u2", 16, 32768), _even(16)),
    "s16be": _Format("16-bit PCM with the high byte first", 2, _integers(">i2", 16), _even(16)),
    "s24le": _Format("24-bit PCM", 3, _read_24(1), _even(24)),
    "s24be": _Format("24-bit PCM with the high byte first", 3, _read_24(-1), _even(24)),
    "s32le": _Format("32-bit integer PCM", 4, _integers("<i4", 32), _even(32)),
    "f32be": _Format(
        "32-bit float PCM with the high byte first", 4, _floats(">f4"), _float_steps(24)
    ),
    "f32le_32768": _Format(
        "32-bit float PCM of full scale 32768",
        4,
        _floats("<f4", _FULL_SCALE),
        _float_steps(24),
        _LOUDEST / _FULL_SCALE,
    ),
    "f64le": _Format("64-bit float PCM", 8, _floats("<f8"), _float_steps(53)),
}


@dataclass(frozen=True)
class _Reading:
    """How a block is read: the first `skip` bytes are left out."""

    format: str
    channels: int
    skip: int = 0


@dataclass(frozen=True)
class _Mark:
    """How good a reading of a block is."""

    gain_db: float
    """How far the residue of the predictor is below the signal."""
    saved_bits: float
    """Of the 8 of each byte."""
    even: bool = True
    """Whether it is as loud at all samples of a unit; a wrong sample size makes them differ."""

    @property
    def is_sound(self) -> bool:
        return self.gain_db >= _LEAST_GAIN_DB and self.saved_bits >= _LEAST_SAVED_BITS

    @property
    def is_clear(self) -> bool:
        return self.gain_db >= _CLEAR_GAIN_DB and self.saved_bits >= _CLEAR_SAVED_BITS

    @property
    def worth(self) -> float:
        return self.gain_db / _DB_PER_BIT + self.saved_bits

    def is_better(self, other: "_Mark", by_db: float = 0.0, by_bits: float = 0.0) -> bool:
        return (
            self.gain_db >= other.gain_db + by_db and self.saved_bits >= other.saved_bits + by_bits
        )


_IMPOSSIBLE = _Mark(-math.inf, -math.inf)
_SILENT = _Mark(0.0, 0.0)


class FormatCheck:
    """Says once, after about a second of sound, that raw audio is not what was declared.

    Fed all bytes in order, however cut; holds at most a block of them. What it costs is bounded: a few
    blocks of speech, or _MOST_BLOCKS where no clear sound comes; then `feed` returns at once.
    """

    def __init__(self, encoding: RawEncoding, sample_rate: int, channels: int) -> None:
        """`encoding` is one of the raw ones; `channels` are interleaved."""
        self._declared = _Reading(encoding, channels)
        self._others = _others(self._declared)
        frame_bytes = _FORMATS[encoding].sample_bytes * channels
        unit = _UNIT_BYTES * channels
        self._block_bytes = unit * max(_LEAST_UNITS // channels, 16)
        between = sample_rate * frame_bytes // _BLOCKS_PER_S
        self._skip_bytes = max(between - self._block_bytes, 0) // unit * unit
        self._skip = 0  # bytes that come before the next block
        self._block = bytearray()
        self._head: bytearray | None = bytearray()  # the first bytes; None once they are judged
        self._next_look = _FIRST_LOOK_BYTES
        self._votes: Counter[_Reading] = Counter()
        self._blocks = 0
        self._in_vain = 0  # the newest blocks, which have spoken for nothing
        self._done = False

    def feed(self, data: bytes) -> str | None:
        """Take the next bytes; a sentence that says what they look like, once, or None."""
        if self._done:
            return None
        if self._head is not None and (kind := self._look_at_head(data)):
            self._done = True
            return _sentence_of_kind(kind, self._declared)
        view = memoryview(data)
        while len(view) and not self._done:
            skipped = min(self._skip, len(view))
            self._skip -= skipped
            view = view[skipped:]
            taken = view[: self._block_bytes - len(self._block)]
            self._block += taken
            view = view[len(taken) :]
            if len(self._block) == self._block_bytes:
                block = bytes(self._block)
                self._block.clear()
                if kind := recognise_text(block):
                    self._done = True
                    return _sentence_of_kind(kind, self._declared)
                if reading := self._look_at(block):
                    return _sentence(reading, self._declared)
                self._skip = self._skip_bytes << self._in_vain // _PATIENCE
        return None

    def _look_at_head(self, data: bytes) -> Kind | None:
        assert self._head is not None
        self._head += data[: ENOUGH_BYTES - len(self._head)]
        if len(self._head) < self._next_look:
            return None
        self._next_look = min(2 * len(self._head), ENOUGH_BYTES)
        kind = recognise(bytes(self._head))
        if len(self._head) == ENOUGH_BYTES:
            self._head = None
        return kind

    def _look_at(self, block: bytes) -> _Reading | None:
        """Judge one block; what the stream really is, as soon as that is settled."""
        if block.find(block[:_REPEATED_BYTES], 1) > 0 or len(set(block)) < _LEAST_VALUES:
            return None  # silence in whatever format, or a wave made by a program
        self._blocks += 1
        settled: _Reading | None = None
        with np.errstate(all="ignore"):  # floats made of other bytes are anything
            vote, weight = self._vote(block)
        self._in_vain = self._in_vain + 1 if vote is None else 0
        if vote is not None:
            self._votes[vote] += weight
            if vote != self._declared and self._votes[vote] >= _AGAINST:
                settled = vote
        if settled or self._votes[self._declared] >= _FOR or self._blocks >= _MOST_BLOCKS:
            self._done = True
            self._votes.clear()
        return settled

    def _vote(self, block: bytes) -> tuple[_Reading | None, int]:
        """For which reading a block speaks, if for any, and how much it counts."""
        declared = _mark(self._declared, block)
        is_one: bool | None = False
        if self._declared.channels == 2:
            one = _Reading(self._declared.format, 1)
            is_one = _is_one_channel(_FORMATS[one.format].read(block))
            mark = _mark(one, block)
            if is_one and mark.is_sound and mark.gain_db >= _CLEAR_GAIN_DB:
                return one, 1
        # What may be one channel, or is far too loud, does not speak for what was declared.
        is_certain = is_one is False and not (
            self._declared.format == "pcm_f32le" and _is_far_too_loud(block)
        )
        in_turn = self._declared.channels == 1 and _is_interleaved(
            _FORMATS[self._declared.format].read(block)
        )
        if declared.is_clear and not in_turn:
            return (self._declared, 1) if is_certain else (None, 0)
        marks = {reading: _mark(reading, block) for reading in self._others}
        is_large = any(
            mark.is_sound for reading, mark in marks.items() if reading.format == "f32le_32768"
        )
        better = [
            reading
            for reading, mark in marks.items()
            if mark.is_sound
            and mark.even
            and mark.is_better(declared, _BETTER_BY_DB, _BETTER_BY_BITS)
            # A silent channel beside one that is not makes the same bytes as 32-bit integers, and
            # floats of one sign make bytes that rise and fall as such do.
            and not (reading.format == "s32le" and (in_turn or is_large))
        ]
        if better:
            best = max(better, key=lambda reading: marks[reading].worth)
            # Floats that are no numbers prove by themselves that they are none.
            sure = declared is _IMPOSSIBLE and marks[best].is_clear
            return best, _AGAINST if sure else 1
        if in_turn and declared.gain_db >= _LEAST_IN_TURN_DB:
            return _Reading(self._declared.format, 2), 1
        if (
            is_certain
            and declared.is_sound
            and not any(mark.is_better(declared) for mark in marks.values())
        ):
            return self._declared, 1
        return None, 0


def _others(declared: _Reading) -> tuple[_Reading, ...]:
    """All other readings that are tried."""
    channels = declared.channels
    formats = [_Reading(name, channels) for name in _FORMATS if name != declared.format]
    shifted = [
        _Reading(declared.format, channels, skip)
        for skip in range(1, _FORMATS[declared.format].sample_bytes)
    ]
    return (*formats, *shifted)


def _mark(reading: _Reading, block: bytes) -> _Mark:
    """The mark of one reading; its channels count by their power."""
    form, channels = _FORMATS[reading.format], reading.channels
    frame = form.sample_bytes * channels
    if reading.skip:
        block = block[reading.skip : reading.skip + (len(block) - reading.skip) // frame * frame]
    samples = form.read(block)
    peak = float(np.abs(samples).max())
    if not peak <= _MOST_PEAK:  # NaN is not, either
        return _IMPOSSIBLE
    if peak < form.least_peak:
        return _SILENT
    # What comes again in each unit of bytes is no sound, but the mark of a wrong sample size.
    period = _UNIT_BYTES // form.sample_bytes * channels
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
    return _Mark(gain_db, 8 - spent / form.sample_bytes, even)


def _is_interleaved(samples: Samples) -> bool:
    """Whether samples declared as mono are those of two channels in turn.

    Either both have the same: then they come in pairs, and change from pair to pair alone. Or one
    knows little of the other: then each sample is like the next but one, and not like the next, which
    takes as much power at the highest frequency as at the lowest.
    """
    if len(np.unique(samples)) < _LEAST_VALUES:
        return False
    samples = samples - samples.mean()
    power, next_one, next_but_one = (
        float(samples[: len(samples) - lag].dot(samples[lag:])) for lag in range(3)
    )
    if next_but_one > _NEXT_BUT_ONE * power and abs(next_one) < _NEXT * next_but_one:
        return True
    steps = np.abs(np.diff(samples))
    return bool(np.median(steps[::2]) < _WITHIN_PAIRS * np.median(steps[1::2]))


def _is_one_channel(samples: Samples) -> bool | None:
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


def _is_far_too_loud(block: bytes) -> bool:
    """Of floats: for a full scale of 1."""
    return float(np.abs(_FORMATS["pcm_f32le"].read(block)).max()) > _LOUDEST


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


def _sentence(found: _Reading, declared: _Reading) -> str:
    said, form = _FORMATS[declared.format].name, _FORMATS[found.format]
    if found.channels < declared.channels:
        return (
            "What comes looks like one channel, not like two in turn; "
            "send `channels: 1` in `start`, or each sample twice."
        )
    if found.channels > declared.channels:
        return (
            "What comes looks like two channels in turn, or each sample twice, not like one channel; "
            f"send `channels: {found.channels}` in `start`, or each sample once."
        )
    if found.skip:
        plural = "s" if found.skip > 1 else ""
        return (
            f"What comes looks like {said} that begins in the middle of a sample; "
            f"leave out the first {found.skip} byte{plural}, or begin with a whole sample."
        )
    if found.format == "f32le_32768":
        return f"What comes looks like {form.name}, not {said}; divide by 32768 (`pcm_f32le`)."
    advice = (
        f"send `encoding: {found.format}` in `start`."
        if found.format in get_args(RawEncoding)
        else "send 16-bit PCM with the low byte first (`pcm_s16le`)."
    )
    return f"What comes looks like {form.name}, not {said}; {advice}"


def _sentence_of_kind(kind: Kind, declared: _Reading) -> str:
    said = _FORMATS[declared.format].name
    if not kind.encoding:
        return (
            f"What comes looks like {kind.name}, not {said}; "
            "send the samples themselves in binary frames, and messages in text frames."
        )
    return (
        f"What comes begins like {kind.name}, not {said}; "
        f"send `encoding: {kind.encoding}` in `start`."
    )
