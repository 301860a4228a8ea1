"""Folders of recorded speech: what their manifests say of each file."""

import csv
import hashlib
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from load.speech import Clip
from load.words import words
from surtitle.client.media import read_chunks

NO_SPEECH = "-"
"""The language of a recording in which nobody speaks."""


class NoRecordings(Exception):
    """There is nothing to listen to, in a sentence for a person."""


@dataclass(frozen=True)
class Recording:
    """One row of a manifest."""

    path: Path
    seconds: float
    language: str
    """Whisper's code, of a mix the first; NO_SPEECH where nobody speaks."""
    transcript: str
    """Empty where nobody speaks, and where nobody has written down what is said."""

    @property
    def folder(self) -> str:
        """Name of the folder."""
        return self.path.parent.name

    @property
    def has_speech(self) -> bool:
        """Whether anybody speaks."""
        return self.language != NO_SPEECH

    @property
    def decoded_as(self) -> str:
        """The language that a decoder is told: a listener to noise expects one, too."""
        return self.language if self.has_speech else "en"

    def clip(self) -> Clip:
        """The whole file, not trimmed: 16 kHz, mono, int16."""
        audio = np.frombuffer(b"".join(read_chunks(self.path)), np.int16)
        return Clip(self.path, self.transcript, audio)


def read_recordings(
    places: Iterable[Path], languages: Collection[str] | None = None
) -> list[Recording]:
    """All rows of the manifests in these folders, or in the folders directly in them.

    `languages` limits them to what a model knows. Raises NoRecordings.
    """
    found = [row for place in places for folder in _folders(place) for row in _rows(folder)]
    known = [row for row in found if languages is None or row.decoded_as in languages]
    if not known:
        raise NoRecordings("No recording in these folders is in a language of the model.")
    return known


def sample(recordings: Sequence[Recording], total_s: float) -> list[Recording]:
    """A share of those with a transcript that lasts at most `total_s`: always the same.

    In the order of the hashes of their names, each that still fits.
    """
    chosen: list[Recording] = []
    for recording in sorted(
        recordings, key=lambda r: hashlib.sha256(r.path.name.encode()).digest()
    ):
        left_s = total_s - sum(each.seconds for each in chosen)
        if recording.transcript and recording.seconds <= left_s:
            chosen.append(recording)
    return chosen


def word_folders(recordings: Iterable[Recording]) -> list[Path]:
    """Folders in which each recording is one English word: joined, they make a reference of times."""
    texts: dict[Path, list[Recording]] = defaultdict(list)
    for recording in recordings:
        texts[recording.path.parent].append(recording)
    return [
        folder
        for folder, members in texts.items()
        if all(each.language == "en" and len(words(each.transcript)) == 1 for each in members)
    ]


def _folders(place: Path) -> list[Path]:
    if (place / "manifest.tsv").is_file():
        return [place]
    folders = sorted(manifest.parent for manifest in place.glob("*/manifest.tsv"))
    if not folders:
        raise NoRecordings(f"{place} has no manifest.tsv, and no folder in it has one.")
    return folders


def _rows(folder: Path) -> Iterator[Recording]:
    with (folder / "manifest.tsv").open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE):
            yield Recording(
                path=(folder / row["file"]).resolve(),
                seconds=float(row["seconds"]),
                language=row["language"].split("+")[0],
                transcript=row["transcript"].strip(),
            )
