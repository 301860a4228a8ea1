"""The child process: load the model, say ready, then receive, decode, answer. Nothing else.

Everything happens on the main thread, which hands batches to the decoder and looks every few
milliseconds at those under way, so that the decoder's replicas work side by side. The parent
watches from outside: time limits, restarts and what to do with a lost job are its business. Only the
way to die is decided here:

- When the parent is gone, so is the worker, even in the middle of a decode.
- A GPU that has failed or has no memory left for a single job is left at once: nothing that this
  process does there will work again, and its memory comes free with its end.
- Should nothing be answered for long beyond the lease of a batch, the parent is stuck, and the
  worker ends itself.

A crash, and the signal to end because of a hang, tell the parent the stacks of all threads.
"""

import contextlib
import ctypes
import faulthandler
import importlib
import math
import os
import select
import signal
import sys
import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing import parent_process
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Protocol

import structlog

from surtitle.errors import SurtitleError
from surtitle.jobs import Job, ModelInfo, Result
from surtitle.runtime.surroundings import tolerate_warnings
from surtitle.runtime.telemetry import LogOptions, configure_logging

log = structlog.get_logger("surtitle.worker")

POLL_S = 0.01
"""How often a batch under way is looked at that may be ready: short beside any decode."""
REMEMBERED_TIMES = 8
"""Batches of a kind whose times are remembered, to tell when the next may be ready."""
SOONEST_SHARE = 0.9
"""Share of the shortest of these times before which a batch is not looked at. A look costs the caches
of a busy processor more than it seems: at 24 speakers a quarter of the wake-ups is saved."""
OOM_SCORE_ADJ = 500
"""Where memory runs out, Linux ends the process with the highest score: its share of the memory in
thousandths, and this. What the worker was doing is done again; the server has everybody's sessions."""
DEAD_MAN_SHARE = 0.1
"""Share of its time after which the dead-man switch is set anew, which takes a thread."""
EXIT_OUT_OF_MEMORY = 70
EXIT_DEVICE_FAILED = 71
EXIT_CAUSES = {
    EXIT_OUT_OF_MEMORY: "the device had no memory left for a single job",
    EXIT_DEVICE_FAILED: "the device failed",
}
"""What the statuses with which a worker ends by itself mean."""
_PR_SET_PDEATHSIG = 1  # linux/prctl.h


class Decoder(Protocol):
    """What the worker runs: the model in production, a scripted one in fault tests."""

    info: ModelInfo

    def warm_up(self) -> None:
        """Do once what would make the first job slow."""
        ...

    def decode(self, jobs: Sequence[Job]) -> Iterator[Result | None]:
        """Start the jobs; yield one result for each as it is ready, None where none is for now.

        Several of these iterators may be under way at once.
        """
        ...


@dataclass(frozen=True, slots=True)
class WorkerOptions:
    """What a worker needs to know. `decoder` is "module:function", imported in the child alone."""

    decoder: str
    decoder_options: dict[str, Any]
    log: LogOptions
    give_up_s: float
    """Work under way without an answer for so long means that the parent is stuck."""
    name: str = "worker"
    """What it is called in logs and figures."""
    nice: int = 0
    """How far the worker stands back from the server and others where the cores are busy."""


@dataclass(frozen=True, slots=True)
class Started:
    """The worker has loaded its model and takes jobs."""

    model: ModelInfo


@dataclass(frozen=True, slots=True)
class StartFailed:
    """The worker cannot work, and why, in a sentence for a person."""

    cause: str


Answer = Started | StartFailed | Result


def main(
    jobs: Connection,
    results: Connection,
    stack: Connection,
    parent_pid: int,
    options: WorkerOptions,
) -> None:
    """Run the worker until `jobs` ends. Receives lists of Job, sends Answers.

    Into `stack` goes, as text, where it was when it crashed or was ended.
    """
    die_with_parent(parent_pid)
    tolerate_warnings()
    _leave_signals_to_the_parent()
    _tell_stacks(stack)
    _stand_back(options.nice)
    write_last_lines = configure_logging(options.log, in_background=True)
    structlog.contextvars.bind_contextvars(member=options.name)
    with _saying_why_it_cannot_start(results.send):
        decoder = _load(options)
    results.send(Started(decoder.info))
    try:
        switch = _DeadManSwitch(options.give_up_s, stack.fileno())
        serve(decoder, jobs, results.send, switch)
    except BrokenPipeError:  # the parent is gone, or wants no more
        pass
    except _Useless as end:  # not by way of destructors, which may wait for the device
        log.error(EXIT_CAUSES[end.status], error=str(end))
        write_last_lines()
        os._exit(end.status)


def _leave_signals_to_the_parent() -> None:
    """Ctrl+C and a closed terminal reach the whole process group; the parent decides what they mean."""
    for name in ("SIGINT", "SIGHUP", "SIGBREAK"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGINT])  # see engine.process


def _tell_stacks(stack: Connection) -> None:
    """At a crash, and at the signal that ends a worker which hangs."""
    faulthandler.enable(stack.fileno())
    if hasattr(faulthandler, "register"):
        # The signal's default, to which this goes on, is to end the process.
        faulthandler.register(signal.SIGUSR1, stack.fileno(), chain=True)


def _stand_back(nice: int) -> None:
    """Behind the server where processor or memory is short; `nice` is added to the nice level."""
    if hasattr(os, "nice"):
        os.nice(nice)
    with contextlib.suppress(OSError):  # not Linux, or whoever started us has a higher one
        Path("/proc/self/oom_score_adj").write_text(str(OOM_SCORE_ADJ), encoding="ascii")


@contextlib.contextmanager
def _saying_why_it_cannot_start(send: Callable[[StartFailed], None]) -> Iterator[None]:
    """What is raised inside is told to the parent, and ends the process."""
    try:
        yield
    except Exception as error:
        log.debug("the decoder cannot start", exc_info=True)
        send(StartFailed(_explain(error)))
        sys.exit(1)


def serve(
    decoder: Decoder,
    jobs: Connection,
    send: Callable[[Result], None],
    switch: "_DeadManSwitch | None" = None,
) -> None:
    """Decode what comes until `jobs` ends and all of it is answered."""
    switch = switch or _DeadManSwitch()
    incoming = _Incoming(jobs)
    under_way: list[_Batch] = []
    times = _Times()

    def answer(result: Result) -> None:
        send(result)
        switch.hold(time.perf_counter())

    while incoming.is_open or under_way:
        if not under_way:
            switch.release()
        now = time.perf_counter()
        wait_s = max(min(batch.due for batch in under_way) - now, 0) if under_way else None
        if (batch_jobs := incoming.receive(wait_s)) is not None:
            under_way.append(_Batch(decoder, batch_jobs, times))
            switch.hold(time.perf_counter())
        now = time.perf_counter()
        under_way = [
            rest
            for batch in under_way
            for rest in (batch.advance(answer) if batch.due <= now else [batch])
        ]


class _Incoming:
    """The pipe that batches come through, until the parent closes its end."""

    def __init__(self, jobs: Connection) -> None:
        self.is_open = True
        self._jobs = jobs
        self._arrives = _poll(jobs)

    def receive(self, wait_s: float | None) -> list[Job] | None:
        """The next batch; None if none comes within that time, or ever. None waits without a limit."""
        if not self.is_open:
            time.sleep(wait_s or 0)
        elif self._arrives(wait_s):
            try:
                batch: list[Job] = self._jobs.recv()
            except EOFError:  # a clean stop
                self.is_open = False
            else:
                return batch
        return None


def _poll(jobs: Connection) -> Callable[[float | None], bool]:
    """Like `jobs.poll`, which builds a selector at each call: dearer than all else that waits here."""
    if not hasattr(select, "poll"):
        return jobs.poll
    poller = select.poll()
    poller.register(jobs.fileno(), select.POLLIN)
    return lambda seconds: bool(poller.poll(None if seconds is None else seconds * 1000))


class _DeadManSwitch:
    """Ends the process when it is neither held anew nor released for so long.

    It is held when something has come or gone: that batches are looked at tells nothing of them.
    `faulthandler` has a thread for it that needs no lock of Python's.
    """

    def __init__(self, after_s: float = math.inf, stack: int = -1) -> None:
        """`stack`: the descriptor that is told where the worker was. Without a time it ends nothing."""
        self._after_s = after_s
        self._stack = stack
        self._set_at = 0.0
        self._is_set = False

    def hold(self, now: float) -> None:
        """The worker gets on with its work."""
        if self._after_s == math.inf:
            return
        if not self._is_set or now - self._set_at >= DEAD_MAN_SHARE * self._after_s:
            faulthandler.dump_traceback_later(self._after_s, file=self._stack, exit=True)
            self._is_set, self._set_at = True, now

    def release(self) -> None:
        """The worker has nothing to do, for as long as the parent likes."""
        if self._is_set:
            faulthandler.cancel_dump_traceback_later()
            self._is_set = False


class _Times:
    """How long batches took of late, by what tells their length: kind, window and size."""

    def __init__(self) -> None:
        self._taken_s: defaultdict[Hashable, deque[float]] = defaultdict(
            lambda: deque(maxlen=REMEMBERED_TIMES)
        )

    def soonest_s(self, kind: Hashable) -> float:
        """No batch of this kind is likely to be ready sooner after its start."""
        return SOONEST_SHARE * min(self._taken_s[kind], default=0.0)

    def note(self, kind: Hashable, seconds: float) -> None:
        """A batch of this kind took so long."""
        self._taken_s[kind].append(seconds)


class _Batch:
    """Jobs under way: exactly one result is sent for each, whatever goes wrong inside."""

    def __init__(self, decoder: Decoder, jobs: Sequence[Job], times: _Times) -> None:
        self.due = 0.0
        """When to look at it, by time.perf_counter()."""
        self._decoder = decoder
        self._times = times
        self._waiting = {job.id: job for job in jobs}
        self._size = len(jobs)
        self._kind = jobs[0].kind, jobs[0].window_s, len(jobs)
        self._started = 0.0
        self._results: Iterator[Result | None] | None = None  # not started yet

    def advance(self, send: Callable[[Result], None]) -> "list[_Batch]":
        """Send the results that are ready; returns what remains under way."""
        try:
            if self._results is None:
                self._started = time.perf_counter()
                self._results = self._decoder.decode(list(self._waiting.values()))
                self.due = self._started + self._times.soonest_s(self._kind)
            for result in self._results:
                if result is None:
                    self.due = max(self.due, time.perf_counter() + POLL_S)
                    return [self]
                if len(self._waiting) == self._size:
                    self._times.note(self._kind, time.perf_counter() - self._started)
                del self._waiting[result.job_id]
                send(result)
            if self._waiting:
                raise RuntimeError("the decoder returned fewer results than it was given jobs")
        except (EOFError, BrokenPipeError):
            raise
        except Exception as error:
            return self._recover(error, send)
        return []

    def _recover(self, error: Exception, send: Callable[[Result], None]) -> "list[_Batch]":
        """What remains to be done when the decoder has failed; a job by itself is answered."""
        if device_failed(error):
            raise _Useless(EXIT_DEVICE_FAILED, error) from error
        if self._size > 1:  # one of them spoiled the batch, or it was too large
            log.warning("batch failed, one by one", jobs=self._size, error=str(error))
            alone = self._waiting.values()
            return [_Batch(self._decoder, [job], self._times) for job in alone]
        if out_of_memory(error):
            raise _Useless(EXIT_OUT_OF_MEMORY, error) from error
        for job in self._waiting.values():
            log.error("decode failed", trace=job.trace, job=job.id, exc_info=error)
            # To the client: what the error says may be a secret of the inside.
            message = f"The audio could not be decoded ({type(error).__name__})."
            send(Result(job.id, error_code="decode_error", error=message))
        return []


def out_of_memory(error: Exception) -> bool:
    """Whether memory ran out, on the device or beside it."""
    return isinstance(error, MemoryError) or "out of memory" in str(error).lower()


def device_failed(error: Exception) -> bool:
    """Whether the GPU can do nothing more for this process: CUDA's errors are there to stay.

    CTranslate2 raises RuntimeError with the name of the library in it. Memory that ran out is the one
    failure after which CUDA goes on; where CTranslate2 does not, its next error is one of these:
    "parallel_for failed: cudaErrorInvalidDevice" (4.8.5, seen on an H200).
    """
    names = ("cuda", "cublas", "cudnn")
    return any(name in str(error).lower() for name in names) and not out_of_memory(error)


class _Useless(Exception):
    """This process can decode nothing more: it ends, and the parent starts another."""

    def __init__(self, status: int, error: Exception) -> None:
        super().__init__(str(error))
        self.status = status


def _load(options: WorkerOptions) -> Decoder:
    """The decoder, warmed up; raises whatever it raises."""
    module, _, function = options.decoder.partition(":")
    load: Callable[[dict[str, Any]], Decoder] = getattr(importlib.import_module(module), function)
    decoder = load(options.decoder_options)
    decoder.warm_up()
    return decoder


def _explain(error: Exception) -> str:
    """Why a worker cannot start, in a sentence for a person."""
    if isinstance(error, SurtitleError):
        return str(error)
    if out_of_memory(error):
        return (
            f"There is not enough memory for the model ({error}). Stop other programs that use it "
            "(`nvidia-smi` shows which ones use a GPU's), or choose a smaller model."
        )
    return f"{type(error).__name__}: {error}. `surtitle check` examines the installation."


def die_with_parent(parent_pid: int) -> None:
    """See to it that this process ends when its parent does, however that ends.

    On Linux the kernel does it (within 10 ms, even for a stopped process or one stuck in native
    code). The signal belongs to the parent's *thread* that started us: its main thread. Elsewhere
    a thread waits for the parent.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent_pid:  # it died before the line above
            os._exit(1)
    else:
        threading.Thread(target=_exit_after_parent, daemon=True).start()


def _exit_after_parent() -> None:
    parent = parent_process()
    if parent is not None:
        parent.join()
    os._exit(1)
