"""The child process: load the model, say ready, then receive, decode, answer. Nothing else.

Everything happens on the main thread. The parent watches from outside: time limits, restarts and
what to do with a lost job are its business. Only the way to die is decided here: when the parent is
gone, so is the worker, even in the middle of a decode.
"""

import ctypes
import faulthandler
import importlib
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing import parent_process
from multiprocessing.connection import Connection
from typing import Any, Protocol

import structlog

from surtitle.errors import SurtitleError
from surtitle.jobs import Job, ModelInfo, Result
from surtitle.telemetry import LogOptions, configure_logging

log = structlog.get_logger("surtitle.worker")

_PR_SET_PDEATHSIG = 1  # linux/prctl.h


class Decoder(Protocol):
    """What the worker runs: the model in production, a scripted one in fault tests."""

    info: ModelInfo

    def warm_up(self) -> None:
        """Do once what would make the first job slow."""
        ...

    def decode(self, jobs: Sequence[Job]) -> Iterator[Result]:
        """Yield one result for each job."""
        ...


@dataclass(frozen=True, slots=True)
class WorkerOptions:
    """What a worker needs to know. `decoder` is "module:function", imported in the child alone."""

    decoder: str
    decoder_options: dict[str, Any]
    log: LogOptions


@dataclass(frozen=True, slots=True)
class Started:
    """The worker has loaded its model and takes jobs."""

    model: ModelInfo


@dataclass(frozen=True, slots=True)
class StartFailed:
    """The worker cannot work, and why, in a sentence for a person."""

    cause: str


Answer = Started | StartFailed | Result


def main(jobs: Connection, results: Connection, parent_pid: int, options: WorkerOptions) -> None:
    """Run the worker until `jobs` ends. Receives lists of Job, sends Answers."""
    die_with_parent(parent_pid)
    # Ctrl+C and a closed terminal reach the whole process group; the parent decides what they mean.
    for name in ("SIGINT", "SIGHUP", "SIGBREAK"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    faulthandler.enable()
    configure_logging(options.log)
    try:
        decoder = _load(options)
    except Exception as error:
        log.debug("the decoder cannot start", exc_info=True)
        results.send(StartFailed(_explain(error)))
        sys.exit(1)
    results.send(Started(decoder.info))
    try:
        while True:
            answer(decoder, jobs.recv(), results.send)
    except (EOFError, BrokenPipeError):  # the parent closed its end: a clean stop
        pass


def answer(decoder: Decoder, batch: Sequence[Job], send: Callable[[Result], None]) -> None:
    """Decode a batch and send exactly one result for each job, whatever goes wrong inside."""
    waiting = {job.id: job for job in batch}
    try:
        for result in decoder.decode(batch):
            del waiting[result.job_id]
            send(result)
        if waiting:
            raise RuntimeError("the decoder gave fewer results than it was handed jobs")
    except (EOFError, BrokenPipeError):
        raise
    except Exception as error:
        if len(batch) > 1:  # one of them spoiled the batch: find out which
            for job in list(waiting.values()):
                answer(decoder, [job], send)
            return
        for job in waiting.values():
            log.error("decode failed", trace=job.trace, job=job.id, exc_info=True)
            message = f"The audio could not be decoded ({type(error).__name__})."
            send(Result(job.id, error_code="decode_error", error=message))


def _load(options: WorkerOptions) -> Decoder:
    module, _, function = options.decoder.partition(":")
    load: Callable[[dict[str, Any]], Decoder] = getattr(importlib.import_module(module), function)
    decoder = load(options.decoder_options)
    decoder.warm_up()
    return decoder


def _explain(error: Exception) -> str:
    if isinstance(error, SurtitleError):
        return str(error)
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
