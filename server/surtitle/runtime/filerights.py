"""Files with secrets: who else may read them, and how they are written."""

import contextlib
import os
import stat
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO


def loose_rights(path: Path, *, group_may_read: bool = False) -> str | None:
    """What others may do with a file that is its owner's alone, and how that ends; None if nothing.

    `group_may_read`: as is usual for the keys of TLS, which a group of servers shares. What Windows
    allows stands in lists of its own, which are not looked at.
    """
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
    except OSError:
        return None
    wanted = 0o640 if group_may_read else 0o600
    loose = mode & 0o066 & ~wanted
    if sys.platform == "win32" or not loose:
        return None
    who = "everybody on this machine" if loose & 0o006 else "its group"
    done = "changed" if loose & 0o022 else "read"
    return f"{path} can be {done} by {who} (mode {mode:04o}). Run: chmod {wanted:o} {path}"


@contextlib.contextmanager
def written_anew(path: Path) -> Iterator[BinaryIO]:
    """What is written takes the place of a file once it is all there; else the file is as it was.

    A new one is its owner's alone. One that was there keeps its owner and mode, and links to it stay.
    Raises OSError; FileExistsError, with the name of the file beside it, where another writes it.
    """
    target = Path(os.path.realpath(path))
    beside = target.with_name(target.name + ".new")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(descriptor)
        with contextlib.suppress(FileNotFoundError):
            _give_rights_of(target, beside)
        beside.replace(target)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise


def _give_rights_of(file: Path, other: Path) -> None:
    before = file.stat()
    if sys.platform != "win32":
        # A server may run as another user than who makes its keys, and must still read them.
        os.chown(other, before.st_uid, before.st_gid)
    other.chmod(stat.S_IMODE(before.st_mode))
