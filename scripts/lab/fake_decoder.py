"""A decoder that misbehaves on request, run in a real worker process.

It obeys the prompt of each job (`DecodeOptions.prompt`), one word or `word:argument`:

    (nothing)       answer "N ms" with the length of the audio
    say:TEXT        answer TEXT
    suppress        answer with reason "no_speech"
    raise           raise ValueError
    oom             raise what CTranslate2 does when the GPU has no memory left
    oom-beside      the same, unless the job is decoded by itself
    device:F        raise what it does when the GPU has failed, unless the file F exists
    eat:MB          keep so much memory for ever, then answer
    crash           die of SIGSEGV
    crash-once:F    the same, unless the file F exists; creates it first
    exit            leave with status 0 in mid-job
    sleep:S         hold the GIL-free sleep for S seconds, then answer
    spin:S          hold the GIL for S seconds, then answer
    hold:F          create the file F, then wait until it is removed; answer at once if F exists
    wait:F          the same, while other batches are decoded: the worker's replicas do their work
    pace:X          take X seconds for each second of audio, while other batches are decoded
    crash-wait:F    the first time crash, then be like wait; F.crashed tells the times apart
    spin-once:F     hold the GIL for ever, unless the file F exists; creates it first
    stop            stop itself (SIGSTOP) in mid-job
    stop-once:F     the same, unless the file F exists
    garbage         write nonsense on the answer channel, then go on
    half:F          write half a message there and hang, unless the file F exists; creates it first
    oversize:F      the same with the header of a message of 2^60 bytes
    last-words      answer, then die of SIGSEGV

At start it obeys `name` of its options in the same way: "fail:TEXT" cannot start for the reason
TEXT, "fail-if:F" cannot start while the file F exists, "crash" dies before it is ready, "slow:S" takes
S seconds to load.
"""

import contextlib
import os
import signal
import struct
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from surtitle.errors import EngineError
from surtitle.jobs import MAX_WINDOW_S, Job, ModelInfo, Result


class FakeDecoder:
    """See the module."""

    def __init__(self, name: str) -> None:
        word, _, argument = name.partition(":")
        if word == "fail":
            raise EngineError(argument)
        if word == "fail-if" and Path(argument).exists():
            raise EngineError(Path(argument).read_text())
        if word == "crash":
            _crash()
        if word == "slow":
            time.sleep(float(argument))
        self._eaten: list[bytes] = []
        self.info = ModelInfo(
            name,
            "cpu",
            "none",
            ("en", "de"),
            load_s=0.0,
            parallel=2,
            max_batch=2,
            max_batch_square_s2=2 * MAX_WINDOW_S**2,
        )

    def warm_up(self) -> None:
        """Nothing to warm."""

    def decode(self, jobs: Sequence[Job]) -> Iterator[Result | None]:
        """Obey each job's prompt."""
        for job in jobs:
            word, _, argument = job.decode_options.prompt.partition(":")
            if word == "oom" or (word == "oom-beside" and len(jobs) > 1):
                raise RuntimeError("CUDA failed with error out of memory")
            if word == "crash-wait" and _first_time(argument + ".crashed"):
                _crash()
            if word in ("wait", "crash-wait") and _first_time(argument):
                while Path(argument).exists():
                    yield None
            if word == "pace":
                end = time.monotonic() + float(argument) * job.seconds
                while time.monotonic() < end:
                    yield None
            yield self._obey(job)
            if word == "last-words":
                _crash()

    def _obey(self, job: Job) -> Result:
        word, _, argument = job.decode_options.prompt.partition(":")
        text = f"{len(job.audio) * 1000 // 16000} ms"
        match word:
            case "say":
                text = argument
            case "suppress":
                return Result(job.id, text="hm", suppressed="no_speech")
            case "raise":
                raise ValueError("on request")
            case "device":
                if _first_time(argument):
                    raise RuntimeError("cuBLAS failed with status CUBLAS_STATUS_EXECUTION_FAILED")
            case "eat":
                self._eaten.append(b"x" * (int(argument) << 20))
            case "crash":
                _crash()
            case "crash-once":
                if _first_time(argument):
                    _crash()
            case "exit":
                os._exit(0)
            case "sleep":
                time.sleep(float(argument))
            case "spin":
                end = time.monotonic() + float(argument)
                while time.monotonic() < end:
                    pass
            case "hold":
                if _first_time(argument):
                    while Path(argument).exists():
                        time.sleep(0.005)
            case "spin-once":
                if _first_time(argument):
                    while True:
                        pass
            case "stop":
                os.kill(os.getpid(), signal.SIGSTOP)
            case "stop-once":
                if _first_time(argument):
                    os.kill(os.getpid(), signal.SIGSTOP)
            case "garbage":
                _write_to_pipes(b"\x00\x00\x00\x08nonsense")
            case "half" | "oversize":
                if _first_time(argument):
                    header = struct.pack("!i", 1000)
                    if word == "oversize":
                        header = struct.pack("!iQ", -1, 1 << 60)
                    _write_to_pipes(header + b"half of it")
                    time.sleep(60)
            case _:
                pass
        return Result(job.id, text=text, language="en", language_probability=1.0, confidence=0.9)


def _crash() -> None:
    signal.signal(signal.SIGSEGV, signal.SIG_DFL)
    os.kill(os.getpid(), signal.SIGSEGV)


def _first_time(path: str) -> bool:
    try:
        Path(path).touch(exist_ok=False)
    except FileExistsError:
        return False
    return True


def _write_to_pipes(data: bytes) -> None:
    """Write to every pipe that is open for writing, the answer channel among them."""
    for name in os.listdir("/proc/self/fd"):  # noqa: PTH208
        with contextlib.suppress(OSError):
            if int(name) > 2 and "pipe" in os.readlink(f"/proc/self/fd/{name}"):  # noqa: PTH115
                os.write(int(name), data)


def load(options: dict[str, Any]) -> FakeDecoder:
    """What the worker calls."""
    return FakeDecoder(options["name"])
