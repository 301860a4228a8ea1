"""What faster-whisper makes of a whole file at leisure, kept in a cache: the mark to compare with."""

import hashlib
import os
from importlib.metadata import version
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from quality.recordings import Recording
from surtitle.jobs import Pcm16
from surtitle.recognition.models import locate

BEAM_SIZE = 5
"""Its own default, as everything else is: 30 s windows, fall-back in temperature, text carried on."""


def cache_folder() -> Path:
    """Where the texts are kept between runs."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "surtitle-quality"


class Offline:
    """One model, loaded when a text is not in the cache."""

    def __init__(self, model: str, folder: Path, *, carries_text: bool = True) -> None:
        """`carries_text`: a window is decoded with the text before it."""
        self._name = model
        self._folder = folder
        self._carries_text = carries_text
        self._model: Any = None

    def text(self, recording: Recording) -> str:
        """The text of a whole file."""
        path = recording.path
        return self._cached(path.read_bytes(), str(path), recording.decoded_as)

    def text_of(self, audio: Pcm16, language: str) -> str:
        """The text of audio."""
        return self._cached(audio.tobytes(), audio.astype(np.float32) / np.float32(32768), language)

    def _cached(self, content: bytes, source: str | NDArray[np.float32], language: str) -> str:
        settings = {
            "model": self._name,
            "language": language,
            "beam_size": BEAM_SIZE,
            "compute_type": "int8",
            "versions": [version("faster-whisper"), version("ctranslate2")],
        }
        if not self._carries_text:
            settings["condition_on_previous_text"] = False
        key = hashlib.sha256(msgspec.json.encode(settings) + content)
        cached = self._folder / f"{key.hexdigest()}.txt"
        if not cached.exists():
            self._folder.mkdir(parents=True, exist_ok=True)
            cached.write_text(self._decode(source, language), encoding="utf-8")
        return cached.read_text(encoding="utf-8")

    def _decode(self, source: str | NDArray[np.float32], language: str) -> str:
        if self._model is None:
            from faster_whisper import WhisperModel

            self._model = WhisperModel(
                **locate(self._name).arguments(), device="cpu", compute_type="int8"
            )
        segments, _ = self._model.transcribe(
            source,
            language=language,
            beam_size=BEAM_SIZE,
            condition_on_previous_text=self._carries_text,
        )
        return " ".join(segment.text.strip() for segment in segments)
