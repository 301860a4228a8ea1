"""Raw audio in any declared encoding -> 16 kHz mono int16, and the samples of a session by absolute
index.

Goals: the same samples however the bytes are chunked, frames that split samples anywhere. What
comes in a container is decoded elsewhere (`surtitle.decoding`), with the same resampler.
"""

import numpy as np
import soxr
from numpy.typing import NDArray

from surtitle.captioning.downmix import Downmix
from surtitle.errors import BadAudio
from surtitle.jobs import SAMPLE_RATE, Pcm16
from surtitle.messages import RAW_SAMPLE_BYTES, RawEncoding

Float = NDArray[np.float32]

_FULL_SCALE = np.float32(32768)
_EMPTY: Pcm16 = np.zeros(0, np.int16)


def _g711_table(law: str) -> Float:
    """Linear values in [-1, 1) of the 256 codes of ITU-T G.711."""
    codes = np.arange(256, dtype=np.int32)
    if law == "mulaw":
        flipped = ~codes & 0xFF
        exponent, mantissa = flipped >> 4 & 7, flipped & 15
        magnitude = ((mantissa << 3) + 0x84 << exponent) - 0x84
        negative = (flipped & 0x80) != 0
    else:
        flipped = codes ^ 0x55
        exponent, mantissa = flipped >> 4 & 7, flipped & 15
        magnitude = np.where(
            exponent == 0,
            (mantissa << 4) + 8,
            (mantissa << 4) + 0x108 << np.maximum(exponent - 1, 0),
        )
        negative = (flipped & 0x80) == 0
    table: Float = np.where(negative, -magnitude, magnitude).astype(np.float32)
    return table / _FULL_SCALE


G711 = {law: _g711_table(law) for law in ("mulaw", "alaw")}


def to_pcm16(samples: Float) -> Pcm16:
    """Round [-1, 1] floats to int16; what lies outside is clipped."""
    pcm: Pcm16 = np.clip(np.rint(samples * _FULL_SCALE), -32768, 32767).astype(np.int16)
    return pcm


def _checked(samples: Float) -> Float:
    """Floats from outside, clipped to [-1, 1]: larger ones overflow on the way. Raises BadAudio."""
    if not np.isfinite(samples).all():
        raise BadAudio(
            "The float audio contains NaN or infinite samples; send values from -1 to 1."
        )
    return np.clip(samples, np.float32(-1), np.float32(1))


class Resampler:
    """Mono float32 at any rate -> int16 at 16 kHz, without delay accumulating between calls."""

    def __init__(self, rate: int) -> None:
        # soxr's stream gives the same samples however its input is cut; HQ is its 16-bit quality.
        self._stream = (
            None
            if rate == SAMPLE_RATE
            else soxr.ResampleStream(rate, SAMPLE_RATE, 1, dtype="float32", quality="HQ")
        )

    def push(self, samples: Float, *, last: bool = False) -> Pcm16:
        """Take the next samples in [-1, 1], shape (n,); returns what is ready, shape (m,).

        With the `last` ones all is.
        """
        if self._stream is not None:
            samples = self._stream.resample_chunk(np.ascontiguousarray(samples), last=last)
        return to_pcm16(samples)


class RawDecoder:
    """Samples without a header: PCM16, float32, mu-law or A-law, interleaved channels mixed down."""

    def __init__(self, encoding: RawEncoding, sample_rate: int, channels: int) -> None:
        self._encoding = encoding
        self._channels = channels
        self._rate = sample_rate
        self._frame_bytes = RAW_SAMPLE_BYTES[encoding] * channels
        self._rest = b""  # the start of a sample frame whose end has not come yet
        self._downmix = Downmix(channels, sample_rate) if channels > 1 else None
        self._resampler = Resampler(sample_rate)
        # What most clients send is what comes out, bit by bit: no detour over floats.
        self._as_it_is = (encoding, sample_rate, channels) == ("pcm_s16le", SAMPLE_RATE, 1)

    def feed(self, data: bytes) -> Pcm16:
        """Decode whole sample frames and keep the rest; returns shape (n,), n may be 0.

        Raises BadAudio.
        """
        if self._rest:
            data = self._rest + data
        if cut := len(data) % self._frame_bytes:
            data, self._rest = data[:-cut], data[-cut:]
        else:
            self._rest = b""
        if not data:
            return _EMPTY
        if self._as_it_is:
            return np.frombuffer(data, "<i2")
        samples = self._linear(data)
        if self._downmix is not None:
            samples = self._downmix.push(samples.reshape(-1, self._channels))
        return self._resampler.push(samples)

    def _linear(self, data: bytes) -> Float:
        match self._encoding:
            case "pcm_s16le":
                return np.frombuffer(data, "<i2").astype(np.float32) / _FULL_SCALE
            case "pcm_f32le":
                return _checked(np.frombuffer(data, "<f4").astype(np.float32))
            case _:
                return G711[self._encoding][np.frombuffer(data, np.uint8)]

    def finish(self) -> Pcm16:
        """No more bytes: what was still held back. Half a sample frame at the very end is
        dropped."""
        rest = np.zeros(0, np.float32) if self._downmix is None else self._downmix.finish()
        return self._resampler.push(rest, last=True)

    def bytes_before(self, sample: int) -> int:
        """How many bytes of payload a client need not send again once `sample` is reached.

        `sample` is an index of the decoded audio. The resampler's output is in step with its input,
        so they are the frames up to the same moment.
        """
        return sample * self._rate // SAMPLE_RATE * self._frame_bytes


class AudioBuffer:
    """The samples that may still be needed, addressed by absolute index in the session.

    Memory is bounded by how far `discard_before` lags behind `append`: MIN_SAMPLES, or four times
    what is held.
    """

    MIN_SAMPLES = SAMPLE_RATE
    """Room that is always there: twice what a silent session holds, so it never grows."""

    def __init__(self) -> None:
        self._data: Pcm16 = np.empty(self.MIN_SAMPLES, np.int16)
        self._base = 0  # absolute index of _data[0]
        self.start = 0
        """Absolute index of the oldest sample still held."""
        self.end = 0
        """Absolute index after the newest sample."""

    @property
    def held_bytes(self) -> int:
        """The size of the storage."""
        return self._data.nbytes

    def append(self, samples: Pcm16) -> None:
        """Add samples at the end. Amortized O(len(samples))."""
        end = self.end + len(samples)
        if end - self._base > len(self._data):
            self._move(max(2 * (end - self.start), self.MIN_SAMPLES))
        self._data[self.end - self._base : end - self._base] = samples
        self.end = end

    def slice(self, start: int, end: int) -> Pcm16:
        """A copy of samples start..end. Raises IndexError where they are not (or no longer)
        held."""
        if not self.start <= start <= end <= self.end:
            raise IndexError(f"{start}..{end} is not within {self.start}..{self.end}")
        return self._data[start - self._base : end - self._base].copy()

    def discard_before(self, sample: int) -> None:
        """Forget everything before an absolute index."""
        self.start = max(self.start, min(sample, self.end))
        room = max(2 * (self.end - self.start), self.MIN_SAMPLES)
        if len(self._data) >= 2 * room:
            self._move(room)

    def _move(self, room: int) -> None:
        """Put what is held at the front of a storage of `room` samples."""
        held = self._data[self.start - self._base : self.end - self._base]
        if room != len(self._data):
            self._data = np.empty(room, np.int16)
        self._data[: len(held)] = held  # NumPy copes with the overlap
        self._base = self.start
