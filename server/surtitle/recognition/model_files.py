"""A model as files, and whether they are the right ones."""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypedDict

from surtitle.errors import SurtitleError

Stage = Literal["verify", "download"]

Report = Callable[[Stage, int, int], None]
"""Called as `report(stage, done, total)`, in bytes.

During a download it may be called from another thread.
"""

VOCABULARIES = ("vocabulary.json", "vocabulary.txt")
# Optional, but without it a model with 128 mel bands (large-v3 and its kin) gets features of 80.
PREPROCESSOR = "preprocessor_config.json"
HASH_CHUNK_BYTES = 8 * 1024 * 1024


class ModelError(SurtitleError):
    """A model that cannot be found, fetched or trusted."""


class ModelNotDownloaded(ModelError):
    """A hub model that is not in the cache, where downloading was not allowed."""


class ModelArguments(TypedDict):
    """The arguments of `faster_whisper.WhisperModel` that say which model to load."""

    model_size_or_path: str
    files: dict[str, bytes] | None


@dataclass(frozen=True, eq=False)
class ModelFiles:
    """One model, ready to be loaded: a folder, or its files in memory; never both.

    A model in memory takes as much memory as its files: let go of this object once it is loaded.
    """

    name: str  # as the user gave it
    path: Path | None  # the folder that holds the files
    files: dict[str, bytes] | None = field(repr=False)  # file name -> content
    verified: bool = (
        False  # `model.bin` (bundled: all files) has the sha256 that its publisher states
    )

    def __post_init__(self) -> None:
        if (self.path is None) == (self.files is None):
            raise ValueError("a model is either a folder or files in memory")

    def arguments(self) -> ModelArguments:
        """What to load, as in `WhisperModel(**model.arguments(), device="cpu")`."""
        if self.path is not None:
            return {"model_size_or_path": str(self.path), "files": None}
        assert self.files is not None
        # A fresh dict each time, because faster-whisper takes entries out of the one it is given.
        # With files, the first argument is only an identifier, but faster-whisper still looks for a
        # folder of that name: the prefix keeps it from finding one that happens to be so called.
        return {"model_size_or_path": f"memory:{self.name}", "files": dict(self.files)}

    @property
    def size_bytes(self) -> int:
        """Size of the weights, `model.bin`."""
        if self.path is not None:
            return (self.path / "model.bin").stat().st_size
        assert self.files is not None
        return len(self.files["model.bin"])


def file_sha256(path: Path, report: Report) -> str:
    """The hash of a file, in hexadecimal digits. Raises OSError."""
    with path.open("rb") as file:
        chunks = iter(lambda: file.read(HASH_CHUNK_BYTES), b"")
        return sha256_of(chunks, path.stat().st_size, report)


def slices(content: bytes) -> Iterator[memoryview]:
    """Content in chunks that are hashed one by one."""
    view = memoryview(content)
    for start in range(0, len(view), HASH_CHUNK_BYTES):
        yield view[start : start + HASH_CHUNK_BYTES]


def sha256_of(chunks: Iterable[bytes | memoryview], total: int, report: Report) -> str:
    """The hash of chunks that have `total` bytes together."""
    digest = hashlib.sha256()
    done = 0
    for chunk in chunks:
        digest.update(chunk)
        done += len(chunk)
        report("verify", done, total)
    return digest.hexdigest()
