"""What the machine may run out of: file descriptors, room for the log, the right time."""

import asyncio
import fcntl
import os
import socket
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import psutil
import pytest

from tests.serve_with import JUMPING_CLOCK
from tests.support import (
    FAKE_DECODER,
    NO_FAULTS,
    REPOSITORY,
    START_LIMIT_S,
    converse,
    is_ready,
    left_over,
    readiness,
    start_server,
    wait_until,
)

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="limits of Linux")


async def test_all_file_descriptors_used_up() -> None:
    """A flood of connections takes them all; those who speak go on, and later others come in."""
    server = start_server(decoder=FAKE_DECODER)
    process = psutil.Process(server.process.pid)
    try:
        process.rlimit(psutil.RLIMIT_NOFILE, (process.num_fds() + 20,) * 2)
        beside = asyncio.create_task(converse(server.url, "say:one", "sleep:1", "say:three"))
        await asyncio.to_thread(wait_until, lambda: server.events("session opened"))
        with ExitStack() as flood:
            for _ in range(100):
                flood.enter_context(socket.create_connection(("127.0.0.1", server.port), 5))
            await asyncio.sleep(0.5)  # it has to live with it for a while
            busy = process.cpu_times()
            await asyncio.sleep(1.0)
            spent = sum(process.cpu_times()[:2]) - sum(busy[:2])
            ledger = await beside
        assert ledger.faults == NO_FAULTS
        assert (ledger.outcomes[0], ledger.outcomes[2]) == ("one", "three")
        assert spent < 0.5  # it does not run in circles
        wait_until(lambda: is_ready(server.url))
        assert (await converse(server.url, "say:after")).outcomes == ["after"]
    finally:
        assert server.stop() == 0


def test_a_log_that_nobody_reads_holds_up_nobody() -> None:
    """As of a parent that has a pipe for it and forgets it."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.serve_with", FAKE_DECODER],
        env=os.environ | {"SURTITLE_PORT": str(port), "PYTHONPATH": str(REPOSITORY)},
        cwd=REPOSITORY,
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    assert process.stderr is not None
    fcntl.fcntl(process.stderr, fcntl.F_SETPIPE_SZ, 4096)
    try:
        wait_until(lambda: is_ready(url), START_LIMIT_S)
        for _ in range(3):
            ledger = asyncio.run(converse(url, *["raise"] * 10))  # a page of lines
            assert ledger.outcomes == ["decode_error"] * 10
        process.terminate()
        assert process.wait(10) == 0
        written = process.stderr.read()
        assert written.count(b"decode failed") < 30, "the pipe was never full"
    finally:
        process.kill()
        process.wait()
        process.stderr.close()


def test_a_disk_that_is_full_costs_the_log_and_nothing_else() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    environment = os.environ | {"SURTITLE_PORT": str(port), "PYTHONPATH": str(REPOSITORY)}
    with Path("/dev/full").open("w") as full:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.serve_with", FAKE_DECODER],
            env=environment,
            cwd=REPOSITORY,
            stdin=subprocess.DEVNULL,
            stdout=full,
            stderr=full,
        )
    tree = [psutil.Process(process.pid)]
    try:
        wait_until(lambda: is_ready(url), START_LIMIT_S)
        tree += tree[0].children(recursive=True)
        ledger = asyncio.run(converse(url, "say:one", "crash", "say:three"))
        assert ledger.outcomes == ["one", "quarantined", "three"]
        process.terminate()
        assert process.wait(10) == 0
    finally:
        process.kill()
        process.wait()
        assert left_over(tree) == []


async def test_a_clock_that_is_set_back_and_forward(tmp_path: Path) -> None:
    """The wall clock jumps by hours and days; nothing that is measured may depend on it."""
    clock = tmp_path / "clock"
    clock.write_text("0")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(JUMPING_CLOCK, str(clock))
        server = start_server(decoder=FAKE_DECODER)
    try:
        talk = asyncio.create_task(
            converse(server.url, *["sleep:0.3"] * 4, "crash", *["sleep:0.3"] * 4)
        )
        for jump_s in (-7200, 86_400, -86_400, 0):
            await asyncio.sleep(0.5)
            clock.write_text(str(jump_s))
        ledger = await talk
        assert ledger.faults == NO_FAULTS
        words = ledger.outcomes
        assert words.pop(4) == "quarantined"
        assert all(word.endswith(" ms") for word in words)
        assert readiness(server.url) == (200, "ready")
    finally:
        assert server.stop() == 0
