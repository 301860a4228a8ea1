"""Which tests are pure, and the order in which files are handed to the processes that run them."""

import functools
from pathlib import Path

import pytest

TESTS = Path(__file__).parent

PURE_ROOMS = [TESTS.parent / line for line in (TESTS / "pure_rooms.txt").read_text().split()]
"""Files and folders. pytest takes the list as `@tests/pure_rooms.txt`."""

SLOW_FIRST = ["real_speech", "browser", "electron", "faults", "node", "scripts", "decoding"]
"""Folders whose files take minutes: a long one that comes last would keep one process busy alone."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what is pure, and hand out the long files first; within a file the order stays."""

    @functools.cache  # a file has hundreds of tests
    def is_pure(path: Path) -> bool:
        return any(path.is_relative_to(room) for room in PURE_ROOMS)

    @functools.cache
    def rank(path: Path) -> int:
        folder = path.relative_to(TESTS).parts[0]
        return SLOW_FIRST.index(folder) if folder in SLOW_FIRST else len(SLOW_FIRST)

    for item in items:
        if is_pure(item.path):
            item.add_marker(pytest.mark.pure)
    items.sort(key=lambda item: rank(item.path))
