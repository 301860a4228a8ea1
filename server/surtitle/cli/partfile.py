"""A file that is written beside its place and put there once it is complete.

So a file that was there stays as it is until there is a better one, and what was written is not lost
with the program that wrote it.
"""

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

SUFFIX = ".part"
MAX_LEFT = 1000
"""Parts of earlier runs beside one file, before it is said that no more can be written."""


class PartFile:
    """`talk.srt.part`, which becomes `talk.srt`."""

    def __init__(self, path: str) -> None:
        """Raises OSError where it cannot be written."""
        self.target = Path(os.path.realpath(path))  # a link stays one
        """Its place."""
        self.left: list[Path] = []
        """Of earlier runs that were cut off. They stay."""
        for part in _names(self.target):
            try:
                self.file: TextIO = part.open("x", encoding="utf-8")
            except FileExistsError:
                self.left.append(part)
            else:
                self.path = part
                return
        raise FileExistsError(f"there are {MAX_LEFT} unfinished ones beside it")

    @property
    def has_target(self) -> bool:
        """Whether there is a file in its place."""
        return self.target.exists()

    def complete(self) -> None:
        """Put it in its place. Raises OSError."""
        self.file.flush()
        os.fsync(self.file.fileno())
        self.file.close()
        with contextlib.suppress(OSError):  # a new file has the usual rights
            shutil.copymode(self.target, self.path)
        self.path.replace(self.target)

    def give_up(self) -> Path:
        """It will not be complete. Returns where it is left, which is in its place where nothing was.
        Raises OSError.
        """
        self.file.close()
        if self.has_target:
            return self.path
        self.path.replace(self.target)
        return self.target

    def remove(self) -> None:
        """It is of no use. Raises OSError."""
        self.file.close()
        self.path.unlink()


def _names(target: Path) -> Iterator[Path]:
    yield target.with_name(target.name + SUFFIX)
    for number in range(2, MAX_LEFT):
        yield target.with_name(f"{target.name}.{number}{SUFFIX}")
