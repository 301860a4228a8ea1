"""What systemd is told, through the whole life of a real server."""

import asyncio
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.server_process import FAKE_DECODER, start_server
from surtitle.runtime.background import in_daemon_thread
from surtitle.runtime.service import ServiceManager

pytestmark = pytest.mark.skipif(
    not hasattr(socket, "AF_UNIX"), reason="a service manager talks over a Unix socket"
)


@pytest.fixture
def manager(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(tmp_path / "notify"))
        listening.settimeout(20)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        yield listening


def told(manager: socket.socket, state: str) -> list[str]:
    """Everything up to a state."""
    states = []
    while state not in states:
        states += manager.recv(1000).decode().split("\n")
    return states


def test_ready_comes_with_the_model_and_the_watchdog_is_fed(
    manager: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", "200000")
    server = start_server(decoder=FAKE_DECODER, model="slow:1", ready=False)
    before = told(manager, "READY=1")
    assert "STATUS=Loading the model slow:1." in before
    assert before.count("WATCHDOG=1") >= 2  # also while the model is loaded
    for _ in range(5):
        assert told(manager, "WATCHDOG=1") == ["WATCHDOG=1"]
    assert server.stop() == 0
    assert "STOPPING=1" in told(manager, "STOPPING=1")


def test_names_without_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    name = f"surtitle-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(f"\0{name}")
        listening.settimeout(5)
        ServiceManager({"NOTIFY_SOCKET": f"@{name}"}).tell("READY=1", "STATUS=x")
        assert listening.recv(100) == b"READY=1\nSTATUS=x"


@pytest.mark.parametrize("address", ["", "/nowhere/at/all", "relative"])
def test_without_a_manager_nothing_happens(address: str) -> None:
    ServiceManager({"NOTIFY_SOCKET": address}).tell("READY=1")


MANY = 500
"""States: the kernel keeps some ten or some hundred that nobody has read (net.unix.max_dgram_qlen)."""


@pytest.mark.parametrize("states", [("READY=1",), ("WATCHDOG=1",), ("STOPPING=1", "STATUS=x" * 99)])
async def test_a_manager_that_does_not_read_holds_up_nobody(
    manager: socket.socket, states: tuple[str, ...]
) -> None:
    service = ServiceManager()

    def tell_many() -> None:
        for _ in range(MANY):
            service.tell(*states)

    async with asyncio.timeout(10):
        await in_daemon_thread(tell_many)  # on the event loop the test could not end it
    assert told(manager, states[0]) == list(states)


async def test_a_watchdog_that_nobody_reads_leaves_the_loop_alone(manager: socket.socket) -> None:
    service = ServiceManager({"NOTIFY_SOCKET": manager.getsockname(), "WATCHDOG_USEC": "2"})

    async def feed() -> None:
        service.start_feeding()
        for _ in range(MANY):
            await asyncio.sleep(0)  # one turn of the loop
        service.stop_feeding()

    async with asyncio.timeout(10):
        await in_daemon_thread(asyncio.run, feed())
    assert told(manager, "WATCHDOG=1") == ["WATCHDOG=1"]


@pytest.mark.parametrize(
    ("environment", "feeds"),
    [
        ({}, False),
        ({"WATCHDOG_USEC": "1000000"}, True),
        ({"WATCHDOG_USEC": "1000000", "WATCHDOG_PID": str(os.getpid())}, True),
        ({"WATCHDOG_USEC": "1000000", "WATCHDOG_PID": "1"}, False),
        ({"WATCHDOG_USEC": "soon"}, False),
    ],
)
async def test_the_watchdog_is_fed_where_it_is_meant_for_us(
    environment: dict[str, str], feeds: bool
) -> None:
    service = ServiceManager(environment)
    service.start_feeding()
    assert (service._feeding is not None) == feeds
    service.stop_feeding()
