"""Whether speech came over a telephone: nothing is heard above its band. Pure.

What a client says of its sampling rate does not tell: a headset's microphone or a conference resamples.
"""

import numpy as np

from surtitle.jobs import SAMPLE_RATE, Pcm16

TELEPHONE_BAND_HZ = 5000
"""Telephones end at 3.4 kHz, their sampling at 4 (ITU-T G.711, G.712); the rest is for resamplers."""
NARROW_DB = -65.0
"""Of recordings of telephones and of digits sampled at 8 kHz, in pieces of 5 s, what is above has at
most -74 dB of what is below; of 425 pieces of wider speech it has at least -57 dB."""
ROUNDING_POWER = 0.06
"""Quiet telephone speech has above no less than what rounding to 16 bits leaves: in the same pieces at
most 0.02 (units of the last bit, squared), and wider speech, however quiet, at least 0.18."""
BLOCKS, BLOCK_SAMPLES = 4, 2048
"""What is looked at: half a second, spread over the audio; a tenth of a millisecond of work."""
_TAPER = np.hanning(BLOCK_SAMPLES)
_SCALE = 2 / (BLOCKS * BLOCK_SAMPLES * np.square(_TAPER).sum())


def is_narrow_band(audio: Pcm16) -> bool:
    """Whether speech at 16 kHz, of shape (samples,), has nothing above the telephone's band."""
    if len(audio) < BLOCK_SAMPLES:
        return False
    starts = np.linspace(0, len(audio) - BLOCK_SAMPLES, BLOCKS).astype(int).tolist()
    blocks = np.stack([audio[start : start + BLOCK_SAMPLES] for start in starts])
    spectra = np.fft.rfft(blocks * _TAPER)
    power = _SCALE * np.square(np.abs(spectra)).sum(axis=0)  # of a sample, by frequency
    band = round(TELEPHONE_BAND_HZ / SAMPLE_RATE * BLOCK_SAMPLES)
    below, above = power[:band].sum(), power[band:].sum()
    return bool(
        below > ROUNDING_POWER and above < max(10 ** (NARROW_DB / 10) * below, ROUNDING_POWER)
    )
