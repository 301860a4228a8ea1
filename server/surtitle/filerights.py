"""Who else may read a file with secrets."""

import stat
import sys
from pathlib import Path


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
