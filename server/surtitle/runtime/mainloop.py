"""How a command runs on an event loop, and how a signal ends it."""

import _thread
import asyncio
import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from functools import partial

import structlog

log = structlog.get_logger("surtitle.app")

EXIT_INTERRUPTED = 130
"""What a shell reports of a command that Ctrl+C ended."""
ORPHAN_GRACE_S = 0.5
"""For a clean stop once the program that started us is gone: nobody is left who reads captions."""
STOP_SIGNALS = [
    getattr(signal, name)
    for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")
    if hasattr(signal, name)
]
"""What asks a process to end."""


def heeded_signals() -> list[int]:
    """The STOP_SIGNALS that end this process: not a SIGHUP that is ignored, as by `nohup`.

    Others that are ignored are heeded: a script's shell ignores SIGINT for what it starts with `&`.
    """
    hangup = getattr(signal, "SIGHUP", None)
    return [
        number
        for number in STOP_SIGNALS
        if number != hangup or signal.getsignal(number) != signal.SIG_IGN
    ]


def run_on_loop(main: Coroutine[None, None, int]) -> int:
    """Run a coroutine on uvloop where there is one."""
    if sys.platform == "win32":
        return asyncio.run(main)
    import uvloop

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(main)


@contextlib.contextmanager
def stop_signals(stop: Callable[[], object]) -> Iterator[None]:
    """Call `stop` on the loop at the first signal to end; a second one ends the process at once."""
    loop = asyncio.get_running_loop()
    heeded = heeded_signals()

    def handle(number: int, frame: object) -> None:
        for each in heeded:
            signal.signal(each, signal.SIG_DFL)
        # Not here: a log line that the signal has interrupted holds the logger's lock.
        loop.call_soon_threadsafe(partial(log.info, "stopping", signal=signal.Signals(number).name))
        loop.call_soon_threadsafe(stop)

    # Not `loop.add_signal_handler`: that waits for the loop, and a stuck loop must not keep a
    # second Ctrl+C from working.
    previous = {number: signal.signal(number, handle) for number in heeded}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


async def until_interrupted(work: Coroutine[None, None, int | None]) -> int:
    "The exit status of something that Ctrl+C ends: what it returns, or 0."
    task = asyncio.ensure_future(work)
    with stop_signals(task.cancel):
        try:
            return await task or 0
        except asyncio.CancelledError:
            return EXIT_INTERRUPTED


def stop_with_stdin() -> None:
    """From now on end with standard input: a pipe whose other end a program holds.

    When that program is gone, however it went, the pipe ends; even SIGKILL closes it, on every system.
    Then this process stops as by SIGTERM, and ends after a moment whatever it does. The line `stop`
    is as good as a SIGTERM alone, also where there are no signals that can be heard.
    """
    threading.Thread(target=_wait_for_stdin, name="standard input", daemon=True).start()


def _wait_for_stdin() -> None:
    with contextlib.suppress(OSError):  # closed already
        while line := os.read(0, 4096):
            if line.strip() == b"stop":
                _thread.interrupt_main(signal.SIGTERM)
    # Not `os.kill`, which on Windows ends the process at once. Where no handler is set, not yet or not
    # any more, this does nothing.
    _thread.interrupt_main(signal.SIGTERM)
    time.sleep(ORPHAN_GRACE_S)
    os._exit(1)
