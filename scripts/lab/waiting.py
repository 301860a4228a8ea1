"""Waits for what must happen, and for processes that must end."""

import contextlib
import time
from typing import Any

import psutil


class NotInTime(AssertionError):
    """It did not happen within the time given."""


def wait_until(condition: Any, limit_s: float = 10.0, every_s: float = 0.01) -> None:
    """Poll until the condition holds; raises NotInTime after the limit."""
    deadline = time.monotonic() + limit_s
    while not condition():
        if time.monotonic() > deadline:
            raise NotInTime(f"did not happen within {limit_s:g} s")
        time.sleep(every_s)


def left_over(processes: list[psutil.Process], within_s: float = 2.0) -> list[str]:
    """Which of the processes still run after the time given; those are killed."""
    running = list(processes)

    def all_gone() -> bool:
        running[:] = [process for process in running if is_alive(process)]
        return not running

    deadline = time.monotonic() + within_s
    while not all_gone() and time.monotonic() < deadline:
        time.sleep(0.01)
    names = [f"{process.pid} {process.name()}" for process in running if is_alive(process)]
    for process in running:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    return names


def is_alive(process: psutil.Process) -> bool:
    """Whether the process runs: not ended, and not a zombie that waits to be reaped."""
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
