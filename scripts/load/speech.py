"""Recorded speech as a speaker would say it: clips trimmed to the speech, cut into frames."""

import csv
import hashlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np

from surtitle.client.media import read_chunks
from surtitle.jobs import SAMPLE_RATE, Pcm16

Each = TypeVar("Each")

FRAME_SAMPLES = SAMPLE_RATE // 10
FRAME_S = FRAME_SAMPLES / SAMPLE_RATE
SILENCE = bytes(2 * FRAME_SAMPLES)

_LEVEL_SAMPLES = SAMPLE_RATE // 50
_SPEECH_BELOW_LOUD = 10 ** (-26 / 20)
_MARGIN_LEVELS = 2
"""20 ms frames kept on both sides of the speech: what is softer than the threshold at its edges."""


@dataclass(frozen=True)
class Clip:
    """One recording and what is said in it."""

    path: Path
    transcript: str
    audio: Pcm16
    """Trimmed to the speech."""

    @property
    def seconds(self) -> float:
        """Length of the speech."""
        return len(self.audio) / SAMPLE_RATE

    def frames(self) -> list[bytes]:
        """The audio in frames of FRAME_SAMPLES; the last is filled up with silence."""
        padded = np.pad(self.audio, (0, -len(self.audio) % FRAME_SAMPLES))
        return [row.tobytes() for row in padded.reshape(-1, FRAME_SAMPLES)]


def trim(audio: Pcm16) -> Pcm16:
    """Cut what is before and after speech."""
    first, last = speech_bounds(audio)
    return audio[first:last]


def speech_bounds(audio: Pcm16) -> tuple[int, int]:
    """First sample of the speech and the one after its last, by the level of 20 ms frames."""
    whole = audio[: len(audio) // _LEVEL_SAMPLES * _LEVEL_SAMPLES].reshape(-1, _LEVEL_SAMPLES)
    if not len(whole):
        return 0, len(audio)
    levels = np.sqrt(np.mean(np.square(whole, dtype=np.float64), axis=1))
    loud = np.flatnonzero(levels > _SPEECH_BELOW_LOUD * np.percentile(levels, 95))
    if not len(loud):
        return 0, len(audio)
    first = max(int(loud[0]) - _MARGIN_LEVELS, 0) * _LEVEL_SAMPLES
    last = (int(loud[-1]) + 1 + _MARGIN_LEVELS) * _LEVEL_SAMPLES
    return first, min(last, len(audio))


def in_turn(names: Iterable[str]) -> list[str]:
    """A fixed order that changes the voice with each clip for as long as there are new ones.

    The voice is what stands before the first "-" of the name. Within that, the order is by hash, so
    neither the alphabet nor the manifest says which clips a short run takes.
    """
    spoken: dict[str, int] = defaultdict(int)
    turns: list[tuple[int, str]] = []
    for name in sorted(names, key=lambda name: hashlib.sha256(name.encode()).digest()):
        voice = name.split("-")[0]
        turns.append((spoken[voice], name))
        spoken[voice] += 1
    return [name for _, name in sorted(turns, key=lambda turn: turn[0])]


@dataclass(frozen=True)
class Selection:
    """Which clips of a manifest are spoken, and how many."""

    language: str = "en"
    least_s: float = 3.0
    most_s: float = 14.0
    pause_s: float = 1.5
    """Silence after each clip."""
    total_s: float = 75.0
    """Length of all clips with their pauses."""


def choose(folder: Path, selection: Selection) -> list[Clip]:
    """The first clips of the order that last `total_s` with their pauses; fewer where it ends.

    Every session speaks these, starting at its own: so the error rates of runs with more or fewer
    sessions are about the same words.
    """
    with (folder / "manifest.tsv").open(encoding="utf-8", newline="") as lines:
        rows = {
            row["file"]: row["transcript"]
            for row in csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)
            if row["language"] == selection.language
            and selection.least_s <= float(row["seconds"]) <= selection.most_s
        }
    clips: list[Clip] = []
    for name in in_turn(rows):
        if sum(clip.seconds + selection.pause_s for clip in clips) >= selection.total_s:
            break
        audio = np.frombuffer(b"".join(read_chunks(folder / name)), np.int16)
        clips.append(Clip(folder / name, rows[name], trim(audio)))
    return clips


def rotated(clips: Sequence[Each], first: int) -> list[Each]:
    """The clips from the `first` on, round and round, then those before it."""
    first %= len(clips)
    return [*clips[first:], *clips[:first]]
