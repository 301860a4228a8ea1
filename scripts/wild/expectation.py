"""What must come of a file: its exit status, and which speech is heard in it, and when."""

from pathlib import Path

import msgspec
from msgspec import Struct

MANIFEST = "wild.json"


class Word(Struct, frozen=True):
    """A word with its times in seconds."""

    text: str
    start_s: float
    end_s: float


class Piece(Struct, frozen=True):
    """A stretch of a reference that is heard in a file."""

    reference: str
    """Name of the reference."""
    start_s: float
    end_s: float
    """In the reference."""
    at_s: float
    """Where `start_s` of the reference is in the file."""

    def place(self, time_s: float) -> float:
        """A time of the reference as one of the file."""
        return time_s - self.start_s + self.at_s


class Hole(Struct, frozen=True):
    """A stretch of a file in which anything may be heard, or nothing."""

    start_s: float
    end_s: float


class Utterance(Struct, frozen=True):
    """One sentence of a reference, and when it is spoken."""

    text: str
    start_s: float
    end_s: float


class Reference(Struct, frozen=True):
    """What a file was before it was damaged: a WAV of 16 kHz, beside it what is said."""

    name: str
    path: str
    """Relative to the folder."""
    utterances: tuple[Utterance, ...]


class WildFile(Struct, frozen=True, kw_only=True):
    """One file, and what must come of it."""

    path: str
    """Relative to the folder."""
    kind: str
    statuses: tuple[int, ...]
    """Exit statuses that are right."""
    pieces: tuple[Piece, ...] = ()
    holes: tuple[Hole, ...] = ()
    missing_s: tuple[float, float] | None = None
    """From and to what length the loss that is told may be; None where it does not matter."""
    arguments: tuple[str, ...] = ()
    """Further ones of the command."""


class Folder(Struct, frozen=True):
    """All that was made."""

    seed: int
    references: tuple[Reference, ...]
    files: tuple[WildFile, ...]

    def write(self, folder: Path) -> None:
        """Beside the files."""
        (folder / MANIFEST).write_bytes(msgspec.json.format(msgspec.json.encode(self), indent=1))


def read_folder(folder: Path) -> Folder:
    """What `Folder.write` wrote."""
    return msgspec.json.decode((folder / MANIFEST).read_bytes(), type=Folder)
