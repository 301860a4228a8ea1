"""How much memory this process has, and how much it may have."""

import contextlib
import ctypes
import os
import sys
from pathlib import Path

import psutil

MIB = 1 << 20
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
"""Of malloc.h."""


def used_bytes() -> int | None:
    """Resident memory of this process; None: it cannot be told now, or never (without /proc)."""
    with contextlib.suppress(psutil.Error, OSError):  # no descriptor may be free
        return int(psutil.Process().memory_info().rss)
    return None


def usable_bytes(root: Path = Path("/")) -> int | None:
    """The memory of the machine, or of the control group where that has less; None: unknown."""
    try:
        machine = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return None
    return min([machine, *_group_limits(root)])


def _group_limits(root: Path) -> list[int]:
    """The limits of the control groups that this process is in, version 2 and version 1.

    A group has those of all groups above it too. In a container its own group may be the top.
    """
    mounted = root / "sys/fs/cgroup"
    limits = [mounted / "memory.max", mounted / "memory/memory.limit_in_bytes"]
    for line in _read(root / "proc/self/cgroup").splitlines():
        _, controllers, path = [*line.split(":", 2), "", ""][:3]
        top, name = mounted, "memory.max"
        if "memory" in controllers.split(","):
            top, name = mounted / "memory", "memory.limit_in_bytes"
        elif controllers:
            continue
        parts = [part for part in path.split("/") if part not in ("", "..")]
        limits += [top.joinpath(*parts[:depth], name) for depth in range(1, len(parts) + 1)]
    texts = [_read(limit).strip() for limit in limits]
    return [int(text) for text in texts if text.isdigit()]


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def keep_buffers() -> None:
    """Have the C library keep freed buffers of up to a megabyte, which are needed again at once.

    It gives those of more than 128 KB back to the system each time, which then clears 50 pages for each
    job with six seconds of audio: twice as much time as the rest of the work.
    """
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):  # not the GNU library
            library = ctypes.CDLL(None)
            library.mallopt(_M_MMAP_THRESHOLD, MIB)
            library.mallopt(_M_TRIM_THRESHOLD, 4 * MIB)


def give_back_free() -> None:
    """Return to the system what the C library holds on to after it was freed. Takes milliseconds."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):  # not the GNU library
            ctypes.CDLL(None).malloc_trim(0)
