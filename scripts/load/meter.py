"""What a server costs: CPU time and memory of its whole process tree, by process and thread."""

import asyncio
import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

INTERVAL_S = 1.0
_TICK_S = 1 / os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 0.0
_TASKS = Path("/proc")


@dataclass(frozen=True)
class Cost:
    """Of one run."""

    cpu_s: float
    """Of the server's process tree."""
    decoding_s: float
    """The part of `cpu_s` in the threads of the recognition worker other than its main thread:
    there CTranslate2 computes. 0 where the server has no such worker."""
    peak_rss_mb: float
    client_cpu_s: float
    others_cpu_s: float
    """Of everything else on the machine: near 0, or the figures are disturbed."""


class Meter:
    """Samples a process tree; a process or thread that ends keeps what it had at its last sample."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._cpu: dict[tuple[int, float], float] = {}
        self._decoding: dict[tuple[int, int], float] = {}
        self._peak_rss = 0
        self._task: asyncio.Task[None] | None = None
        self._before = (0.0, 0.0, 0.0, 0.0)

    def start(self) -> None:
        """Begin, on the running loop."""
        self._sample()
        self._peak_rss = 0
        self._before = self._totals()
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> Cost:
        """End; returns what was spent since the start."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        self._sample()
        server, decoding, client, machine = (
            after - before for after, before in zip(self._totals(), self._before, strict=True)
        )
        return Cost(server, decoding, self._peak_rss / 2**20, client, machine - server - client)

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(INTERVAL_S)
            self._sample()

    def _totals(self) -> tuple[float, float, float, float]:
        own = psutil.Process().cpu_times()
        return (
            sum(self._cpu.values()),
            sum(self._decoding.values()),
            own.user + own.system,
            _busy_s(),
        )

    def _sample(self) -> None:
        resident = 0
        for process in _tree(self._pid):
            with contextlib.suppress(psutil.Error):
                times = process.cpu_times()
                self._cpu[process.pid, process.create_time()] = times.user + times.system
                resident += process.memory_info().rss
                if any("spawn_main" in word for word in process.cmdline()):
                    self._decoding.update(_side_threads(process.pid))
        self._peak_rss = max(self._peak_rss, resident)


def _tree(pid: int) -> list[psutil.Process]:
    with contextlib.suppress(psutil.Error):
        root = psutil.Process(pid)
        return [root, *root.children(recursive=True)]
    return []


def _side_threads(pid: int) -> Iterator[tuple[tuple[int, int], float]]:
    """CPU seconds of each thread of a process but its main one (Linux; elsewhere nothing)."""
    with contextlib.suppress(OSError):
        for task in (_TASKS / str(pid) / "task").iterdir():
            if task.name != str(pid):
                with contextlib.suppress(OSError):
                    yield (pid, int(task.name)), thread_cpu_s((task / "stat").read_text())


def thread_cpu_s(stat: str) -> float:
    """User and system time from a `stat` line of procfs (proc(5)); the name may hold anything."""
    fields = stat.rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * _TICK_S


def _busy_s() -> float:
    """CPU time of the whole machine that was not idle."""
    times = psutil.cpu_times()
    return sum(getattr(times, name, 0.0) for name in ("user", "system", "nice", "irq", "softirq"))
