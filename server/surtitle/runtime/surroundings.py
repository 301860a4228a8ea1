"""What a process finds where it starts, made good before anything else runs.

A service manager, a container or a shell may start a program with its standard streams closed, in
a folder that was deleted, or with every warning of a library made an error. None of that is a reason
not to work. This module imports nothing that could stumble over it.
"""

import contextlib
import io
import os
import sys
import warnings


def make_good() -> bool:
    """Standard streams that are open and take every letter, a working folder that exists, warnings
    that are warnings.

    Returns whether there was a standard input.
    """
    had_input = _open_streams()
    _print_every_letter()
    try:
        os.getcwd()  # noqa: PTH109 - `Path.cwd` is the same
    except OSError:  # deleted, or not to be looked into: some libraries abort the process
        with contextlib.suppress(OSError):
            os.chdir("/")
    tolerate_warnings()
    return had_input


def tolerate_warnings() -> None:
    """What a library warns of is no error, whatever PYTHONWARNINGS and `python -W` say."""
    kept = [each for each in warnings.filters if each[0] != "error"]
    warnings.filters[:] = kept  # type: ignore[index]


def _open_streams() -> bool:
    """Open what is closed of descriptors 0 to 2; else the next file or socket would take its place.

    Returns whether 0 was open.
    """
    closed = [number for number in range(3) if not _is_open(number)]
    for number in closed:  # the lowest free number is taken, which is this one
        os.open(os.devnull, os.O_RDONLY if number == 0 else os.O_WRONLY)
        os.set_inheritable(number, True)
    if sys.stdin is None:
        sys.stdin = open(0, closefd=False)  # noqa: SIM115
    if sys.stdout is None:
        sys.stdout = open(1, "w", closefd=False)  # noqa: SIM115
    if sys.stderr is None:
        sys.stderr = open(2, "w", closefd=False)  # noqa: SIM115
    return 0 not in closed


def _print_every_letter() -> None:
    """Captions are in any letters: a file or a pipe gets UTF-8, a terminal what it can show."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        if sys.stdout.isatty():
            sys.stdout.reconfigure(errors="replace")
        else:
            sys.stdout.reconfigure(encoding="utf-8")


def _is_open(number: int) -> bool:
    try:
        os.fstat(number)
    except OSError:
        return False
    return True
