"""What the machine may run out of: file descriptors, memory, room for the log, the right time."""

import asyncio
import fcntl
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from lab.ledger import NO_FAULTS, converse
from lab.places import PYTHON_PATH, REPOSITORY
from lab.serve_with import JUMPING_CLOCK
from lab.server_process import FAKE_DECODER, START_LIMIT_S, is_ready, readiness, start_server
from lab.waiting import left_over, wait_until
from surtitle.engine.supervisor import MEMORY_CHECK_S

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
            began_s = time.monotonic()
            for _ in range(100):
                flood.enter_context(socket.create_connection(("127.0.0.1", server.port), 5))
            await asyncio.sleep(0.5)  # it has to live with it for a while
            busy = process.cpu_times()
            await asyncio.sleep(1.0)
            spent = sum(process.cpu_times()[:2]) - sum(busy[:2])
            ledger = await beside
            # The watchdog looks at the worker's memory now and then, for which it opens a file.
            await asyncio.sleep(began_s + MEMORY_CHECK_S + 1.0 - time.monotonic())
        assert ledger.faults == NO_FAULTS
        assert (ledger.outcomes[0], ledger.outcomes[2]) == ("one", "three")
        assert spent < 0.5  # it does not run in circles
        wait_until(lambda: is_ready(server.url))
        assert (await converse(server.url, "say:after")).outcomes == ["after"]
    finally:
        assert server.stop() == 0


@dataclass(frozen=True)
class MemoryGroup:
    """A control group that is limited in memory, as a container is."""

    folder: Path
    limit: str  # name of the file with the limit in bytes
    used: str  # name of the file with what is used of it
    events: str  # name of the file that counts what was killed

    def leave(self, more_bytes: int) -> None:
        """Set the limit to what is used now and so many bytes more."""
        used = int((self.folder / self.used).read_text())
        (self.folder / self.limit).write_text(str(used + more_bytes))

    @property
    def killed(self) -> int:
        """How many processes the kernel has ended for lack of memory."""
        lines = (self.folder / self.events).read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("oom_kill "))


@pytest.fixture
def memory_group() -> Iterator[MemoryGroup]:
    """Of either version of control groups; who may make one is the superuser as a rule."""
    name = f"surtitle-test-{os.getpid()}"
    root = Path("/sys/fs/cgroup")
    second = "memory.max", "memory.current", "memory.events"
    first = "memory.limit_in_bytes", "memory.usage_in_bytes", "memory.oom_control"
    for group in (MemoryGroup(root / name, *second), MemoryGroup(root / "memory" / name, *first)):
        with suppress(OSError):
            group.folder.mkdir()
            if (group.folder / group.limit).exists():
                yield group
                group.folder.rmdir()
                return
            group.folder.rmdir()
    pytest.skip("no control group for memory can be made here")


async def test_a_container_without_memory_costs_a_worker_and_never_the_server(
    memory_group: MemoryGroup,
) -> None:
    """Although the server is larger, as it is beside a small model."""
    enter = f'echo $$ > {memory_group.folder / "cgroup.procs"} && exec "$@"'
    server = start_server(decoder=FAKE_DECODER, parent=("sh", "-c", enter, "sh"))
    try:
        memory_group.leave(100 << 20)
        poison, beside = await asyncio.gather(
            converse(server.url, "eat:500", "say:behind"), converse(server.url, "say:beside")
        )
        assert (poison.faults, beside.faults) == (NO_FAULTS, NO_FAULTS)
        assert (poison.outcomes, beside.outcomes) == (["quarantined", "behind"], ["beside"])
        assert memory_group.killed == 2
        assert {death["cause"] for death in server.events("worker died")} == {
            "it was killed by SIGKILL"
        }
    finally:
        assert server.stop() == 0


def test_a_log_that_nobody_reads_holds_up_nobody() -> None:
    """As of a parent that has a pipe for it and forgets it."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    process = subprocess.Popen(
        [sys.executable, "-m", "lab.serve_with", FAKE_DECODER],
        env=os.environ | {"SURTITLE_PORT": str(port), "PYTHONPATH": PYTHON_PATH},
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
    environment = os.environ | {"SURTITLE_PORT": str(port), "PYTHONPATH": PYTHON_PATH}
    with Path("/dev/full").open("w") as full:
        process = subprocess.Popen(
            [sys.executable, "-m", "lab.serve_with", FAKE_DECODER],
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
            assert not talk.done()
            clock.write_text(str(jump_s))
        ledger = await talk
        assert ledger.faults == NO_FAULTS
        words = ledger.outcomes
        assert words.pop(4) == "quarantined"
        assert all(word.endswith(" ms") for word in words)
        assert readiness(server.url) == (200, "ready")
    finally:
        assert server.stop() == 0
