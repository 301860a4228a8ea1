"""A second signal ends a server whose main thread is stuck in native code.

Python's handlers run on the main thread, between two of its instructions, so none runs while that is
inside a library that does not return. What runs all the same is the part of `faulthandler` that the
kernel calls: it needs no lock of Python's, and writes a stack for each signal. Here it writes into a
pipe, at whose other end a tiny process counts. (A thread could not: where native code holds the lock,
none runs. The kernel could go back to the default action by itself, with SA_RESETHAND; but some
programs, such as `timeout`, send a signal twice at once.)

As long as Python's handlers run, they end the process at a second signal themselves
(`mainloop.stop_signals`), and this is never needed.
"""

import contextlib
import faulthandler
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence

SAME_SIGNAL_S = 0.1
"""Signals that come closer together than this are one that was sent twice."""

_COUNTER = f"""
import os, signal, sys, time
server = int(sys.argv[1])
for name in ("SIGINT", "SIGTERM", "SIGHUP"):
    signal.signal(getattr(signal, name), signal.SIG_IGN)
signal.pthread_sigmask(signal.SIG_SETMASK, ())
os.chdir("/")
if os.read(0, 65536):
    time.sleep({SAME_SIGNAL_S})
    os.set_blocking(0, False)
    try:
        while os.read(0, 65536):
            pass
    except BlockingIOError:
        os.set_blocking(0, True)
        if os.read(0, 65536) and os.getppid() == server:
            os.kill(server, signal.SIGKILL)
"""
"""Ends with the server: its end of the pipe is closed then."""


@contextlib.contextmanager
def ending_at_the_second(numbers: Sequence[int]) -> Iterator[None]:
    """End this process at the second of these signals, whatever it does.

    Call where handlers for them are set; those are still called. Does nothing on Windows, where a
    process is ended without being asked.
    """
    if sys.platform == "win32":
        yield
        return
    reader, writer = os.pipe()
    os.set_blocking(writer, False)  # signals by the thousand must not stop who they are for
    # Not to be interrupted before it has said that it does not care.
    with signals_blocked(numbers):
        counter = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", _COUNTER, str(os.getpid())],
            stdin=reader,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
    os.close(reader)
    for number in numbers:
        faulthandler.register(number, file=writer, all_threads=False, chain=True)
    try:
        yield
    finally:
        for number in numbers:
            faulthandler.unregister(number)
        os.close(writer)
        counter.kill()
        counter.wait()


@contextlib.contextmanager
def signals_blocked(numbers: Sequence[int]) -> Iterator[None]:
    """Start a child here, and it has these signals blocked until it unblocks them."""
    if sys.platform == "win32":
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, numbers)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
