"""What a service manager is told: systemd's protocol of sd_notify(3), where there is one that listens.

The watchdog is fed from the event loop: a loop that is stuck feeds nobody, and the manager starts the
server again.
"""

import asyncio
import contextlib
import os
import socket
from collections.abc import Mapping

_MICROSECONDS = 1_000_000


class ServiceManager:
    """Sends states to the socket in `NOTIFY_SOCKET`; without one nothing happens."""

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        address = environment.get("NOTIFY_SOCKET", "")
        # A name that begins with @ is one without a file (Linux's abstract sockets).
        self._address = "\0" + address[1:] if address.startswith("@") else address
        self._every_s = _watchdog_s(environment) / 2
        self._feeding: asyncio.Task[None] | None = None

    def tell(self, *states: str) -> None:
        """Send states such as READY=1. One that does not listen or read is no concern of ours."""
        if self._address and hasattr(socket, "AF_UNIX"):
            with (
                contextlib.suppress(OSError),
                socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel,
            ):
                # This is the event loop: where nobody reads, the queue is full after some states.
                channel.setblocking(False)
                channel.sendto("\n".join(states).encode(), self._address)

    def start_feeding(self) -> None:
        """Tell the manager's watchdog now and then that the event loop runs, if it wants to know."""
        if self._every_s and self._feeding is None:
            self._feeding = asyncio.create_task(self._feed(), name="service-watchdog")

    def stop_feeding(self) -> None:
        """The loop is about to end."""
        if self._feeding is not None:
            self._feeding.cancel()

    async def _feed(self) -> None:
        while True:
            self.tell("WATCHDOG=1")
            await asyncio.sleep(self._every_s)


def _watchdog_s(environment: Mapping[str, str]) -> float:
    """How often the manager wants to hear of this process; 0: not at all."""
    pid = environment.get("WATCHDOG_PID")
    if pid is not None and pid != str(os.getpid()):
        return 0
    microseconds = environment.get("WATCHDOG_USEC", "")
    return int(microseconds) / _MICROSECONDS if microseconds.isdecimal() else 0
