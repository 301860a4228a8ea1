"""A sink that is a file: it grows at its place, where others read it, and is valid at every moment."""

from collections.abc import Iterator
from io import FileIO
from pathlib import Path

import structlog

from surtitle.runtime.background import DaemonThread
from surtitle.sinks.forms import Delivery
from surtitle.sinks.growing import Edit, Growing
from surtitle.sinks.sink import NotNow, Outlet

log = structlog.get_logger("surtitle.sinks")

MAX_FILES = 1000
"""Of one name, beside each other."""


class FileOutlet(Outlet):
    """See Outlet. A disk that hangs holds up one thread."""

    def __init__(self, path: Path, growing: Growing) -> None:
        """A file that is there is left alone: `talk.vtt` is then `talk-2.vtt`."""
        self._path = path
        self._growing = growing
        self._file: FileIO | None = None
        self._thread: DaemonThread | None = None
        self._id = ""
        self._edit: Edit | None = None  # of the caption with this id

    async def deliver(self, delivery: Delivery) -> None:
        """See Outlet."""
        if delivery.id != self._id:  # else it is tried again
            self._id = delivery.id
            at_ms = int(delivery.at.timestamp() * 1000)
            self._edit = self._growing.take(delivery.session, delivery.message, at_ms)
        if self._edit is None:
            return
        if self._thread is None:
            self._thread = DaemonThread("sink")
        try:
            await self._thread.run(self._write, self._edit)
        except OSError as error:
            raise NotNow(f"the file cannot be written: {error.strerror or error}") from error

    async def close(self) -> None:
        """See Outlet."""
        if self._thread is not None:
            await self._thread.run(self._close)
            self._thread.stop()

    def _close(self) -> None:
        if self._file is not None:
            self._file.close()

    def _write(self, edit: Edit) -> None:
        if self._file is None:
            self._file = self._open()
        # Twice is as good as once, and half of it is mended by the next attempt.
        if self._file.seek(0, 2) != edit.keep_bytes:
            self._file.truncate(edit.keep_bytes)
            self._file.seek(edit.keep_bytes)
        left = memoryview(edit.data)
        while left:
            left = left[self._file.write(left) :]

    def _open(self) -> FileIO:
        for path in _names(self._path):
            try:
                file = FileIO(path, "x")
            except FileExistsError:
                continue
            log.info("captions are written", file=str(path))
            return file
        raise FileExistsError(f"there are {MAX_FILES} files of this name")


def _names(path: Path) -> Iterator[Path]:
    yield path
    for number in range(2, MAX_FILES):
        yield path.with_stem(f"{path.stem}-{number}")
