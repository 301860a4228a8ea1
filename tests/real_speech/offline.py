"""The offline decode that streams are compared with."""

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from surtitle.jobs import Pcm16
from surtitle.recognition.models import locate

Offline = Callable[[Pcm16], str]
"""English audio to its text."""


@cache
def _load(model: str) -> Any:
    from faster_whisper import WhisperModel  # loaded where something is compared with it

    return WhisperModel(**locate(model).arguments(), device="cpu", compute_type="int8")


def decode_with(model: str) -> Offline:
    """faster-whisper with its defaults: a beam of 5, windows of 30 s, no streaming."""

    def decode(audio: Pcm16) -> str:
        samples = audio.astype(np.float32) / 32768
        segments, _ = _load(model).transcribe(samples, language="en", beam_size=5)
        return " ".join(segment.text.strip() for segment in segments)

    return decode
