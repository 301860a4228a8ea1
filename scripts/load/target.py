"""A server under test: one that runs already, or a command that is started for the run."""

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from load.protocols import PROTOCOLS

START_LIMIT_S = 180.0
STOP_LIMIT_S = 15.0


class TargetError(Exception):
    """A target that cannot be used, in a sentence for a person."""


@dataclass(frozen=True)
class Target:
    """Label, protocol, and a URL or a command with {port} in it."""

    label: str
    protocol: str
    server: str

    @property
    def is_url(self) -> bool:
        """Whether the server runs already."""
        return self.server.split("://")[0] in ("ws", "wss", "tcp")


def parse_target(text: str) -> Target:
    """LABEL=PROTOCOL=COMMAND or LABEL=PROTOCOL=URL. Raises TargetError."""
    label, _, rest = text.partition("=")
    protocol, _, server = rest.partition("=")
    if not label or not server or protocol not in PROTOCOLS:
        raise TargetError(
            f"{text!r} is not LABEL=PROTOCOL=COMMAND-OR-URL with a protocol out of "
            f"{', '.join(PROTOCOLS)}."
        )
    target = Target(label, protocol, server)
    if not target.is_url and "{port}" not in server:
        raise TargetError(f"The command of {label} must have {{port}} where its port goes.")
    return target


@dataclass(frozen=True)
class Running:
    """A target that accepts connections."""

    url: str
    pid: int | None
    """Root of its process tree; None where it is not known."""


@contextlib.asynccontextmanager
async def running(target: Target, pid: int | None = None) -> AsyncIterator[Running]:
    """Start the target, wait until it accepts, and end its process group afterwards.

    `pid` is that of a server which is given by its URL.
    """
    if target.is_url:
        yield Running(target.server, pid)
        return
    port = _free_port()
    with tempfile.NamedTemporaryFile(prefix="load-test-", suffix=".log") as log:
        process = await asyncio.create_subprocess_shell(
            target.server.replace("{port}", str(port)),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        try:
            await _accepting(port, process, Path(log.name), target.label)
            scheme = "tcp" if target.protocol == "wyoming" else "ws"
            yield Running(f"{scheme}://127.0.0.1:{port}", process.pid)
        finally:
            await _end(process)


async def _accepting(port: int, process: asyncio.subprocess.Process, log: Path, label: str) -> None:
    deadline = time.monotonic() + START_LIMIT_S
    while process.returncode is None and time.monotonic() < deadline:
        with contextlib.suppress(OSError):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.close()
            return
        await asyncio.sleep(0.2)
    raise TargetError(f"{label} does not accept connections on its port. It said:\n{_end_of(log)}")


async def _end(process: asyncio.subprocess.Process) -> None:
    """Ask the whole group to end, then make it."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), STOP_LIMIT_S)


def _end_of(log: Path) -> str:
    return log.read_text(errors="replace")[-2000:]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
