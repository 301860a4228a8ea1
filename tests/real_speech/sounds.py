"""Sounds made for the tests: noise of two colours, spoken phrases, whispers, other levels.

Samples are mono int16 at 16 kHz, levels are root mean squares in dBFS (0: a square wave at full scale).
"""

from collections.abc import Iterator, Sequence
from functools import cache
from itertools import cycle

import numpy as np
import soxr
from hibari import Hibari
from numpy.typing import NDArray

from surtitle.jobs import SAMPLE_RATE, Pcm16

Floats = NDArray[np.float64]

FULL_SCALE = 32768


def silence(seconds: float) -> Pcm16:
    """Digital silence."""
    return np.zeros(round(seconds * SAMPLE_RATE), np.int16)


def to_pcm16(samples: Floats) -> Pcm16:
    """Floats of full scale 1 as int16, clipped."""
    pcm: Pcm16 = np.clip(np.rint(samples * FULL_SCALE), -32768, 32767).astype(np.int16)
    return pcm


def level_of(audio: Pcm16) -> float:
    """The level in dBFS."""
    return float(20 * np.log10(np.sqrt(np.mean((audio / FULL_SCALE) ** 2))))


def at_level(audio: Pcm16, level_dbfs: float) -> Pcm16:
    """The same audio at a level; loud peaks are clipped."""
    return to_pcm16(audio / FULL_SCALE * 10 ** ((level_dbfs - level_of(audio)) / 20))


def noise(
    colour: str, levels_dbfs: Sequence[float], seconds: int, seed: int = 7
) -> Iterator[Pcm16]:
    """White or pink noise, ten seconds at each level in turn."""
    random = np.random.default_rng(seed)
    for start, level_dbfs in zip(range(0, seconds, 10), cycle(levels_dbfs), strict=False):
        samples = random.standard_normal(min(10, seconds - start) * SAMPLE_RATE)
        if colour == "pink":  # power by the inverse of the frequency
            spectrum = np.fft.rfft(samples)
            spectrum /= np.sqrt(np.maximum(np.arange(len(spectrum)), 1))
            samples = np.fft.irfft(spectrum, len(samples))
        yield to_pcm16(samples / np.sqrt(np.mean(samples**2)) * 10 ** (level_dbfs / 20))


def mixed(speech: Pcm16, background: Pcm16, ratio_db: float) -> Pcm16:
    """Speech in front of a background, repeated as needed, so many dB below it."""
    repeats = -(-len(speech) // len(background))
    behind = at_level(np.tile(background, repeats)[: len(speech)], level_of(speech) - ratio_db)
    return to_pcm16((speech.astype(np.float64) + behind) / FULL_SCALE)


@cache
def _voice() -> Hibari:
    return Hibari()


def say(text: str, *, seed: int = 1, speed: float = 1.0, pitch: float = 1.0) -> Pcm16:
    """A phrase, without silence at its ends. Another `pitch` (a factor) is another speaker's."""
    voice = _voice()
    spoken = np.asarray(voice(text, speed=speed / pitch, seed=seed), np.float32)
    samples = soxr.resample(spoken, voice.sample_rate, SAMPLE_RATE / pitch)
    loud = np.flatnonzero(np.abs(samples) > 0.005)
    return to_pcm16(samples[loud[0] : loud[-1] + 1].astype(np.float64))


def whispered(audio: Pcm16, seed: int = 1) -> Pcm16:
    """The same speech without a voice: its spectral envelope filled with noise, less low frequencies.

    The envelope is the real cepstrum's first 30 coefficients of frames of 32 ms, a quarter apart.
    """
    random = np.random.default_rng(seed)
    frame, hop, kept, low_hz = 512, 128, 30, 800
    window = np.hanning(frame)
    rolloff = np.minimum(1, np.arange(frame // 2 + 1) * (SAMPLE_RATE / frame) / low_hz)
    samples = audio / FULL_SCALE
    result = np.zeros(len(samples))
    for start in range(0, len(samples) - frame, hop):
        magnitude = np.abs(np.fft.rfft(samples[start : start + frame] * window))
        cepstrum = np.fft.irfft(np.log(magnitude + 1e-6))
        cepstrum[kept : 1 - kept] = 0
        envelope = np.exp(np.fft.rfft(cepstrum).real) * rolloff
        phase = random.uniform(0, 2 * np.pi, len(envelope))
        piece = np.fft.irfft(envelope * np.exp(1j * phase))
        result[start : start + frame] += piece * window
    return at_level(to_pcm16(result / np.abs(result).max() / 2), level_of(audio))
