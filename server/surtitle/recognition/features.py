"""Log-mel features that are computed once: each job of an utterance has the audio of the one before
and more, so only the frames of the new audio are computed.

Frame by frame the same as faster-whisper's `FeatureExtractor`, whose filters are used; a frame looks
200 samples back and ahead, so the last ones of the shorter audio are computed anew. At sixteen speakers
this halves what the worker does beside the model.
"""

import time
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from surtitle.jobs import Pcm16

Floats = NDArray[np.float32]

REMEMBERED_S = 20.0
"""How long the last audio of a session is remembered: the next job of its utterance comes within a
second, also where the engine is behind."""
REMEMBERED_BYTES = 512 << 20
"""Of all sessions: 1.3 MB of one are usual at most, after 20 s, and 0.2 MB of most."""
_DYNAMIC_RANGE = 8.0
"""Decades below the loudest point at which features are cut off (OpenAI Whisper, audio.py)."""
USUAL_PEAK = 1.2
"""Loudest point of the features of recordings at the usual level: LibriSpeech has 1.2, telephone
prompts 1.25 (medians). Whisper takes what is quieter for silence, the sooner the shorter it is."""
MAX_GAIN = 1.0
"""By which quiet features are lifted at most. One unit is four decades of power: 40 dB."""


@dataclass(frozen=True, slots=True)
class _Known:
    audio: Pcm16
    logarithms: Floats  # (mels, frames), before they are scaled
    at_s: float  # when it was computed, by the monotonic clock

    @property
    def size(self) -> int:
        return self.audio.nbytes + self.logarithms.nbytes


class Features:
    """Log-mel features, with a memory of the newest audio of each session."""

    def __init__(self, extractor: Any) -> None:
        """`extractor` is the FeatureExtractor of a loaded model."""
        # A product this small gains nothing from a second thread, and waits for it where the
        # recognizer has all cores: up to 60 ms instead of 10 microseconds.
        threadpool_limits(limits=1, user_api="blas")
        self._fft = extractor.n_fft
        self._hop = extractor.hop_length
        self._filters = extractor.mel_filters
        # In double precision, in which NumPy's transform takes less time than in single.
        self._window = np.hanning(self._fft + 1)[:-1]
        self._known: OrderedDict[str, _Known] = OrderedDict()  # the newest last
        self._size = 0  # of all that is known

    def compute(self, session: str, audio: Pcm16) -> Floats:
        """The features of one job's audio; shape (mels, len(audio) // 160 + 1)."""
        if (known := self._known.pop(session, None)) is not None:
            self._size -= known.size
        logarithms = self._compute_new(audio, self._frames_of(known, audio))
        self._remember(session, _Known(audio, logarithms, time.monotonic()))
        scaled: Floats = np.maximum(logarithms, logarithms.max() - _DYNAMIC_RANGE)
        scaled *= 0.25
        scaled += 1
        return scaled

    def _remember(self, session: str, new: _Known) -> None:
        """Keep this, and forget what is long past or too much."""
        self._known[session] = new
        self._size += new.size
        while (oldest := next(iter(self._known.values()))) is not new and (
            oldest.at_s < new.at_s - REMEMBERED_S or self._size > REMEMBERED_BYTES
        ):
            self._known.popitem(last=False)
            self._size -= oldest.size

    def _frames_of(self, known: _Known | None, audio: Pcm16) -> Floats | None:
        """The known frames that hold for this audio too, if it begins like the known one."""
        if known is None or not np.array_equal(audio[: len(known.audio)], known.audio):
            return None
        whole = (len(known.audio) - self._fft // 2) // self._hop + 1
        return known.logarithms[:, :whole] if whole * self._hop >= self._fft else None

    def _compute_new(self, audio: Pcm16, known: Floats | None) -> Floats:
        """The logarithms of all frames, of which the first are known."""
        half = self._fft // 2
        start = 0 if known is None else known.shape[1] * self._hop - half
        before = half if known is None else 0
        # faster-whisper puts one hop of zeros after the audio, then mirrors both ends.
        samples = np.zeros(before + len(audio) - start + self._hop + half, np.float32)
        np.multiply(audio[start:], np.float32(1 / 32768), out=samples[before : -self._hop - half])
        samples[:before] = samples[2 * before : before : -1]
        samples[-half:] = samples[-half - 2 : -2 * half - 2 : -1]
        count = (len(samples) - self._fft) // self._hop  # the last frame is not used, as there
        steps = self._hop * samples.itemsize, samples.itemsize
        spectrum = np.fft.rfft(as_strided(samples, (count, self._fft), steps) * self._window)
        power = (np.square(spectrum.real) + np.square(spectrum.imag)).astype(np.float32)
        logarithms: Floats = np.log10(np.maximum(self._filters @ power.T, np.float32(1e-10)))
        return logarithms if known is None else np.concatenate([known, logarithms], axis=1)


def lift(features: Floats) -> Floats:
    """The features of the same audio with so much gain that it has the usual level, if it is quiet."""
    gain = min(USUAL_PEAK - float(features.max()), MAX_GAIN)
    return features + np.float32(gain) if gain > 0 else features
