"""One incarnation of the worker: spawn, its own channels, its end.

Nothing of an incarnation is used by the next one: a killed process leaves locks held and messages
half written. The channels are one-way pipes, jobs down and answers up, which is what a
`multiprocessing.SimpleQueue` is made of, without the lock that a killed reader keeps. Both of the
child's ends are closed here, so its death ends both of our threads by itself: the reader at the end
of the stream, the writer at a broken pipe. No pipe is touched on the event loop: a stopped worker
would block it.
"""

import contextlib
import multiprocessing
import os
import queue
import signal
import sys
import threading
import warnings
from collections.abc import Callable
from multiprocessing.connection import Connection

import psutil

if sys.platform == "linux":
    import fcntl

from surtitle.jobs import Job
from surtitle.recognition import worker
from surtitle.recognition.worker import EXIT_CAUSES, Answer, WorkerOptions
from surtitle.runtime.secondsignal import signals_blocked

# CUDA cannot be forked, and a fork server would be the parent whose death the worker notices.
_spawn = multiprocessing.get_context("spawn")

PIPE_BYTES = 1 << 20
"""Of jobs: 30 s of audio. What Linux lets anybody have."""


class Incarnation:
    """A worker process. `on_answer` and `on_death` are called on this object's reader thread.

    `on_answer(answer)` for each message; then `on_death(cause)` once, when the process has ended
    and been reaped, with the cause as a phrase ("it was killed by SIGSEGV").
    """

    def __init__(
        self,
        number: int,
        options: WorkerOptions,
        on_answer: Callable[[Answer], None],
        on_death: Callable[[str], None],
    ) -> None:
        """Start the process. Call on the main thread: the worker dies with the calling thread."""
        self.number = number
        self._on_answer = on_answer
        self._on_death = on_death
        self._outbox: queue.SimpleQueue[list[Job] | None] = queue.SimpleQueue()
        self.last_words = ""
        """The stack that the process told when it crashed or was ended while it hung. Known when
        `on_death` is called."""
        child_jobs, self._jobs = _spawn.Pipe(duplex=False)
        _widen(self._jobs)
        self._results, child_results = _spawn.Pipe(duplex=False)
        self._stack, child_stack = _spawn.Pipe(duplex=False)
        self._process = _spawn.Process(
            target=worker.main,
            args=(child_jobs, child_results, child_stack, os.getpid(), options),
            name=f"surtitle-worker-{number}",
            daemon=True,
        )
        # NumPy's BLAS has a thread a core that spins after each small product: in the worker that
        # costs more than the model. The library reads this when it is loaded.
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
        try:
            # Ctrl+C reaches the child too, before it can say that it does not care.
            with signals_blocked([signal.SIGINT]), warnings.catch_warnings():
                # Whoever ended the last worker may have ended `multiprocessing`'s helper with it.
                # That is started again, and has nothing of ours that could leak.
                warnings.filterwarnings("ignore", "resource_tracker: process died")
                self._process.start()
        finally:
            child_jobs.close()
            child_results.close()
            child_stack.close()
        self._threads = [
            threading.Thread(target=run, name=f"{name}-{number}", daemon=True)
            for name, run in (("worker-reader", self._read), ("worker-writer", self._write))
        ]
        for thread in self._threads:
            thread.start()

    @property
    def pid(self) -> int | None:
        """The process id, for logs and tests."""
        return self._process.pid

    def send(self, batch: list[Job]) -> None:
        """Hand a batch over; never blocks."""
        self._outbox.put(batch)

    def ask_to_end(self) -> None:
        """Let the worker end by itself once it is through with what it was handed."""
        self._outbox.put(None)

    def terminate(self, *, hung: bool = False) -> None:
        """SIGTERM; on Windows the same as `kill`. One that is `hung` tells its stack first."""
        if hung and self.pid is not None and hasattr(signal, "SIGUSR1"):
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGUSR1)
        else:
            self._process.terminate()

    def memory_bytes(self) -> int | None:
        """How much memory the process has, or None where that cannot be told."""
        with contextlib.suppress(psutil.Error, OSError):  # no descriptor may be free
            return int(psutil.Process(self.pid).memory_info().rss)
        return None

    def kill(self) -> None:
        """SIGKILL: ends a stopped process and one stuck in native code too."""
        self._process.kill()

    def join(self, timeout_s: float) -> bool:
        """Wait for the process to end and for both threads; False if that takes longer."""
        self._threads[0].join(timeout_s)
        return not self._threads[0].is_alive()

    def _write(self) -> None:
        while (batch := self._outbox.get()) is not None:
            try:
                self._jobs.send(batch)
            except OSError:  # the worker is dead; the reader sees to it
                return
        self._jobs.close()

    def _read(self) -> None:
        try:
            while True:
                self._on_answer(self._results.recv())
        except (EOFError, OSError):
            pass  # the worker is dead; a message cut off by its death is lost with it
        except Exception:  # half a pickle or a foreign one: nothing after it can be trusted
            self.kill()
        self._results.close()
        self._process.join()
        self.last_words = _read_all(self._stack)
        self._outbox.put(None)  # end the writer
        self._on_death(_cause_of_death(self._process.exitcode))


def _widen(pipe: Connection) -> None:
    """Let the pipe hold a batch in one piece: in Linux's 64 KiB a few seconds of audio go by turns."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError):  # root's limit for all pipes of a user is reached
            fcntl.fcntl(pipe.fileno(), fcntl.F_SETPIPE_SZ, PIPE_BYTES)


def _read_all(stack: Connection) -> str:
    """All text in a pipe whose other end is closed, as bytes and not as messages."""
    with stack, open(stack.fileno(), "rb", closefd=False) as pipe:
        return pipe.read().decode(errors="replace")


NOT_STARTED = "it could not be started"
_USUAL_SIGNALS = ("SIGSEGV", "SIGABRT", "SIGBUS", "SIGILL", "SIGFPE", "SIGKILL", "SIGTERM")
CAUSES_OF_DEATH = (
    *EXIT_CAUSES.values(),
    NOT_STARTED,
    "it exited with status 1",
    *(f"it was killed by {name}" for name in _USUAL_SIGNALS),
)
"""The usual ones."""


def _cause_of_death(exit_code: int | None) -> str:
    if exit_code in EXIT_CAUSES:
        return EXIT_CAUSES[exit_code]
    if exit_code is None or exit_code >= 0:
        return f"it exited with status {exit_code}"
    try:
        return f"it was killed by {signal.Signals(-exit_code).name}"
    except ValueError:
        return f"it was killed by signal {-exit_code}"
