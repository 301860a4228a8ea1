"""Bytes in any declared encoding -> 16 kHz mono int16 on one absolute sample axis, bounded.

Goals: the same samples however the bytes are chunked, frames that split samples anywhere, no thread.

Two decoders share one interface (`feed`, `finish`). `RawDecoder` handles samples without a header.
`ContainerDecoder` handles WebM, Ogg, WAV and FLAC through PyAV, whose demuxers *pull* bytes from a
file object, while a socket *pushes* them. A greenlet joins the two: the demuxer runs in it, and a
read that finds no bytes switches back to `feed`, which returns. So a container costs no thread, and
the same bytes give the same samples at the same moment. (Rejected: a thread for each session, which
makes the answer depend on scheduling; demuxers of our own.) A few bytes may hold hours of audio, so
the demuxer also switches back after so many samples, and is `behind` until it is asked to go on.
"""

from collections.abc import Iterator
from contextlib import suppress
from typing import Protocol

import av
import av.error
import numpy as np
import soxr
from greenlet import getcurrent, greenlet
from numpy.typing import NDArray

from surtitle.errors import BadAudio
from surtitle.jobs import SAMPLE_RATE, Pcm16
from surtitle.messages import CONTAINERS, Encoding

Float = NDArray[np.float32]

_FULL_SCALE = np.float32(32768)
_STEP_SAMPLES = SAMPLE_RATE // 2
"""After so many a container's demuxer pauses, so that nobody waits for it: a few ms of work."""
_RATES = range(8000, 96_001)
"""Sample rates that are taken, as `start` takes them for raw audio."""
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


_G711 = {law: _g711_table(law) for law in ("mulaw", "alaw")}
_SAMPLE_BYTES = {"pcm_s16le": 2, "pcm_f32le": 4, "mulaw": 1, "alaw": 1}


def _to_pcm16(samples: Float) -> Pcm16:
    """Round [-1, 1] floats to int16; what lies outside is clipped."""
    pcm: Pcm16 = np.clip(np.rint(samples * _FULL_SCALE), -32768, 32767).astype(np.int16)
    return pcm


def _checked(samples: Float) -> Float:
    """Floats from outside, clipped to [-1, 1]: larger ones overflow on the way. Raises BadAudio."""
    if not np.isfinite(samples).all():
        raise BadAudio("The float audio holds NaN or infinite samples; send values from -1 to 1.")
    return np.clip(samples, np.float32(-1), np.float32(1))


class _Resampler:
    """Mono float32 at any rate -> int16 at 16 kHz, without delay accumulating between calls."""

    def __init__(self, rate: int) -> None:
        # soxr's stream gives the same samples however its input is cut; HQ is its 16-bit quality.
        self._stream = (
            None
            if rate == SAMPLE_RATE
            else soxr.ResampleStream(rate, SAMPLE_RATE, 1, dtype="float32", quality="HQ")
        )

    def push(self, samples: Float, *, last: bool = False) -> Pcm16:
        if self._stream is not None:
            samples = self._stream.resample_chunk(np.ascontiguousarray(samples), last=last)
        return _to_pcm16(samples)


class Decoder(Protocol):
    """Encoded bytes in, 16 kHz mono samples out."""

    @property
    def behind(self) -> bool:
        """Whether bytes wait to be decoded: `feed(b"")` goes on with them, or `finish` after it."""
        ...

    def feed(self, data: bytes) -> Pcm16:
        """Decode the next bytes; returns shape (n,), n may be 0. Raises BadAudio."""
        ...

    def finish(self) -> Pcm16:
        """No more bytes: what was still held back, shape (n,). Raises BadAudio."""
        ...

    def bytes_before(self, sample: int) -> int:
        """How many bytes of payload a client need not send again once `sample` is reached.

        `sample` is an index of the decoded audio; what comes back ends between two sample frames.
        """
        ...

    def close(self) -> None:
        """Let go of everything without decoding further."""
        ...


class RawDecoder:
    """Samples without a header: PCM16, float32, mu-law or A-law, interleaved channels mixed down."""

    behind = False

    def __init__(self, encoding: Encoding, sample_rate: int, channels: int) -> None:
        self._encoding = encoding
        self._channels = channels
        self._rate = sample_rate
        self._frame_bytes = _SAMPLE_BYTES[encoding] * channels
        self._rest = b""  # the start of a sample frame whose end has not come yet
        self._resampler = _Resampler(sample_rate)
        # What most clients send is what comes out, bit by bit: no detour over floats.
        self._as_it_is = (encoding, sample_rate, channels) == ("pcm_s16le", SAMPLE_RATE, 1)

    def feed(self, data: bytes) -> Pcm16:
        """Decode whole sample frames and keep the rest; see Decoder.feed."""
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
        if self._channels > 1:
            samples = samples.reshape(-1, self._channels).mean(axis=1, dtype=np.float32)
        return self._resampler.push(samples)

    def _linear(self, data: bytes) -> Float:
        match self._encoding:
            case "pcm_s16le":
                return np.frombuffer(data, "<i2").astype(np.float32) / _FULL_SCALE
            case "pcm_f32le":
                return _checked(np.frombuffer(data, "<f4").astype(np.float32))
            case _:
                return _G711[self._encoding][np.frombuffer(data, np.uint8)]

    def finish(self) -> Pcm16:
        """The resampler's tail. Half a sample at the very end is dropped; see Decoder.finish."""
        return self._resampler.push(np.zeros(0, np.float32), last=True)

    def bytes_before(self, sample: int) -> int:
        """The frames up to the same moment: the resampler's output is in step with its input."""
        return sample * self._rate // SAMPLE_RATE * self._frame_bytes

    def close(self) -> None:
        """Nothing is held outside this object."""


class ContainerDecoder:
    """A WebM, Ogg, WAV or FLAC stream, decoded as it arrives. See the module's docstring."""

    def __init__(self, container: Encoding) -> None:
        self._format = {"webm": "matroska"}.get(container, container)
        self._name = container
        self._input = bytearray()
        self._ended = False
        self._output: list[Pcm16] = []
        self._feeder: greenlet | None = None  # who called feed() and waits for the demuxer
        self._demuxer = greenlet(self._run)
        self._received = 0
        self._made = 0  # samples of this step
        self._closed = False
        self.behind = False

    def feed(self, data: bytes) -> Pcm16:
        """Hand bytes to the demuxer and let it run until it wants more; see Decoder.feed."""
        self._input += data
        self._received += len(data)
        return self._resume()

    def finish(self) -> Pcm16:
        """Let the demuxer see the end of the stream; see Decoder.finish."""
        self._ended = True
        if not self._received:
            return _EMPTY  # nothing was sent: silence, not a broken file
        return self._resume()

    def bytes_before(self, sample: int) -> int:
        """None: without its header the rest of a container cannot be decoded."""
        return 0

    def close(self) -> None:
        """Let the demuxer run to an early end of the stream, so that PyAV frees its buffers now.

        (An exception thrown into it would have to pass through FFmpeg, which prints it.)
        """
        self._closed = True
        self._input.clear()
        with suppress(BadAudio):
            self.finish()

    def _resume(self) -> Pcm16:
        self.behind, self._made = False, 0
        if not self._demuxer.dead:
            self._feeder = getcurrent()
            self._demuxer.parent = self._feeder  # where it returns to, or raises into, at its end
            try:
                self._demuxer.switch()
            except (av.error.FFmpegError, ValueError) as error:
                raise BadAudio(
                    f"The audio could not be decoded as {self._name}; "
                    "check that `encoding` names what is really sent."
                ) from error
        samples = np.concatenate(self._output) if self._output else _EMPTY
        self._output.clear()
        return samples

    def read(self, size: int) -> bytes:
        """What PyAV calls for more bytes: at most `size`, b"" at the end of the stream."""
        while not self._input and not self._ended:
            self._pause()
        data = bytes(self._input[:size])
        del self._input[:size]
        return data

    def _pause(self) -> None:
        assert self._feeder is not None
        self._feeder.switch()

    def _run(self) -> None:
        for samples in self._decode():
            if self._closed:
                return
            self._output.append(samples)
            self._made += len(samples)
            if self._made >= _STEP_SAMPLES:
                self.behind = True
                self._pause()

    def _decode(self) -> Iterator[Pcm16]:
        # A live stream is not worth probing: the header names codec and rate, and each byte that
        # the probe waits for is caption delay.
        options = {"probesize": "32", "analyzeduration": "0", "max_probe_packets": "1"}
        with av.open(self, "r", format=self._format, options=options, buffer_size=4096) as source:
            if not source.streams.audio:
                raise BadAudio(f"The {self._name} stream has no audio track.")
            to_mono = av.AudioResampler(format="flt", layout="mono")
            resampler: _Resampler | None = None
            try:
                for frame in source.decode(source.streams.audio[0]):
                    if frame.sample_rate not in _RATES:
                        raise BadAudio(
                            f"The {self._name} stream has a sample rate of {frame.sample_rate} Hz; "
                            f"from {_RATES[0]} to {_RATES[-1]} can be used."
                        )
                    resampler = resampler or _Resampler(frame.sample_rate)
                    for mono in to_mono.resample(frame):
                        yield resampler.push(_checked(mono.to_ndarray()[0]))
            except av.error.InvalidDataError:
                # A stream that ends inside a frame, as FLAC may: what came before it counts.
                if not self._ended or resampler is None:
                    raise
            if resampler is not None:
                yield resampler.push(np.zeros(0, np.float32), last=True)


def open_decoder(encoding: Encoding, sample_rate: int, channels: int) -> Decoder:
    """The decoder for what a `start` declares. A container's own rate and channels win."""
    if encoding in CONTAINERS:
        return ContainerDecoder(encoding)
    return RawDecoder(encoding, sample_rate, channels)


class AudioBuffer:
    """The samples that may still be needed, addressed by absolute index in the session.

    Memory is bounded by how far `discard_before` lags behind `append`: LEAST_SAMPLES, or four times
    what is held.
    """

    LEAST_SAMPLES = SAMPLE_RATE
    """Room that is always there: twice what a silent session holds, so it never grows."""

    def __init__(self) -> None:
        self._data: Pcm16 = np.empty(self.LEAST_SAMPLES, np.int16)
        self._base = 0  # absolute index of _data[0]
        self.start = 0
        """Absolute index of the oldest sample still held."""
        self.end = 0
        """Absolute index after the newest sample."""

    def append(self, samples: Pcm16) -> None:
        """Add samples at the end. Amortized O(len(samples))."""
        end = self.end + len(samples)
        if end - self._base > len(self._data):
            self._move(max(2 * (end - self.start), self.LEAST_SAMPLES))
        self._data[self.end - self._base : end - self._base] = samples
        self.end = end

    def slice(self, start: int, end: int) -> Pcm16:
        """A copy of samples start..end. Raises IndexError where they are not (or no longer) held."""
        if not self.start <= start <= end <= self.end:
            raise IndexError(f"{start}..{end} is not within {self.start}..{self.end}")
        return self._data[start - self._base : end - self._base].copy()

    def discard_before(self, sample: int) -> None:
        """Forget everything before an absolute index."""
        self.start = max(self.start, min(sample, self.end))
        room = max(2 * (self.end - self.start), self.LEAST_SAMPLES)
        if len(self._data) >= 2 * room:
            self._move(room)

    def _move(self, room: int) -> None:
        """Put what is held at the front of a storage of `room` samples."""
        held = self._data[self.start - self._base : self.end - self._base]
        if room != len(self._data):
            self._data = np.empty(room, np.int16)
        self._data[: len(held)] = held  # NumPy copes with the overlap
        self._base = self.start
