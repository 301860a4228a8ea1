"""What came of files, kept between runs."""

from collections.abc import Iterable
from pathlib import Path

import msgspec

from wild.expectation import Folder
from wild.judge import Outcome


class Results:
    """By path. Written after each file, so that a run that was broken off goes on."""

    def __init__(self, folder: Folder, kept_in: Path | None) -> None:
        self.folder = folder
        self._kept_in = kept_in
        self.outcomes: dict[str, Outcome] = {}
        if kept_in is not None and kept_in.exists():
            self.outcomes = msgspec.json.decode(kept_in.read_bytes(), type=dict[str, Outcome])

    def keep(self, path: str, outcome: Outcome) -> None:
        """Enter one."""
        self.outcomes[path] = outcome
        if self._kept_in is not None:
            self._kept_in.write_bytes(msgspec.json.encode(self.outcomes))

    def forget(self, paths: Iterable[str]) -> None:
        """So that they are done again."""
        for path in paths:
            self.outcomes.pop(path, None)
