"""When each word of a clip ends: from the word times of Whisper, kept in a cache.

They are good to about 0.2 s, and the same for every server.
"""

import hashlib
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from load.speech import Clip
from load.words import matches, words
from surtitle.recognition.models import locate

MODEL = "base"
VERSION = b"1"
"""Part of the key: changed where the same clip would get other times."""


def cache_folder() -> Path:
    """Where the times are kept between runs."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "surtitle-load-test"


def spread(
    transcript: Sequence[str], heard: Sequence[tuple[str, float]], length_s: float
) -> tuple[float, ...]:
    """End in seconds of each word of the transcript, from the words heard and their ends.

    Words that were not heard right lie evenly between their neighbours.
    """
    right = matches(transcript, [word for word, _ in heard])
    known = {-1: 0.0, len(transcript): length_s} | {i: heard[j][1] for i, j in right.items()}
    if len(transcript) - 1 not in right:
        known[len(transcript) - 1] = length_s
    places = sorted(known)
    ends = np.interp(range(len(transcript)), places, [known[place] for place in places])
    return tuple(round(min(float(end), length_s), 3) for end in ends)


def word_ends(
    clips: Sequence[Clip], folder: Path, on_listen: Callable[[Clip], None]
) -> dict[Path, tuple[float, ...]]:
    """The ends of the words of each clip, by its path; `on_listen` is told of those not cached."""
    folder.mkdir(parents=True, exist_ok=True)
    model: Any = None
    found = {}
    for clip in clips:
        key = hashlib.sha256(VERSION + clip.audio.tobytes() + clip.transcript.encode())
        cached = folder / f"{key.hexdigest()}.json"
        if not cached.exists():
            on_listen(clip)
            model = model or _load()
            ends = spread(words(clip.transcript), _listen(model, clip), clip.seconds)
            cached.write_bytes(msgspec.json.encode(ends))
        found[clip.path] = msgspec.json.decode(cached.read_bytes(), type=tuple[float, ...])
    return found


def _load() -> Any:
    from faster_whisper import WhisperModel

    return WhisperModel(**locate(MODEL).arguments(), device="cpu", compute_type="int8")


def _listen(model: Any, clip: Clip) -> list[tuple[str, float]]:
    segments, _ = model.transcribe(
        clip.audio.astype(np.float32) / 32768,
        beam_size=5,
        word_timestamps=True,
        condition_on_previous_text=False,
    )
    return [
        (part, float(word.end))
        for segment in segments
        for word in segment.words
        for part in words(word.word)
    ]
