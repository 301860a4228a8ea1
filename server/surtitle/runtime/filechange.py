"""Files that may change while a program runs."""

import contextlib
from pathlib import Path

_Stamp = tuple[int, int, int] | None


class FileChange:
    """Tells whether any of some files has changed since it was asked last."""

    def __init__(self, *files: Path) -> None:
        self._files = files
        self._seen = self._stamps()

    def is_new(self) -> bool:
        """Whether it is another file, has another size or mode, or is there or gone. Asks the disk."""
        stamps = self._stamps()
        is_new = stamps != self._seen
        self._seen = stamps
        return is_new

    def _stamps(self) -> list[_Stamp]:
        return list(map(_stamp, self._files))


def _stamp(file: Path) -> _Stamp:
    with contextlib.suppress(OSError):
        status = file.stat()
        return status.st_mtime_ns, status.st_size, status.st_mode
    return None
