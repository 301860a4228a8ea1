"""Files that change, on a real disk."""

import os
from collections.abc import Callable
from pathlib import Path

from surtitle.runtime.filechange import FileChange


def test_each_change_of_a_file_is_told_once(tmp_path: Path) -> None:
    file, other = tmp_path / "file", tmp_path / "other"
    file.write_text("one")
    change = FileChange(file, other)
    assert not change.is_new()
    acts: list[Callable[[], object]] = [
        lambda: file.write_text("longer"),
        other.touch,
        lambda: file.chmod(0o600),
        file.unlink,
        lambda: other.rename(file),
    ]
    for number, act in enumerate(acts):
        act()
        assert change.is_new(), number
        assert not change.is_new(), number


def test_a_file_of_the_same_size_is_another(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("one")
    change = FileChange(file)
    file.write_text("two")
    os.utime(file, ns=(1, 1))
    assert change.is_new()


def test_no_file_never_changes() -> None:
    assert not FileChange().is_new()
