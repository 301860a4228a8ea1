"""A process that has FFmpeg loaded, and forks itself for each session that sends a container.

To load it takes a quarter of a second and 40 MB; a fork takes some milliseconds and shares that
memory. The server sends the child's end of a socket, and that is all that is said: a decoder is alive
as long as the socket is. When the server closes its end, the child is killed, whatever it computes;
when the child ends, its socket does. A child that computes much is served last from then on.

Not `multiprocessing`'s own, which loads the main module of the server too, and has an id and a pipe for
each child that the server would have to wait for.
"""

import contextlib
import ctypes
import os
import select
import signal
import socket
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

# Loaded once, for all children.
from surtitle.decoding.child import serve

PR_SET_PDEATHSIG = 1
"""From <linux/prctl.h>."""
NICE = 19
"""Decoding takes next to nothing, so it is served all the same."""
LOOK_MS = 100
"""How often it is looked how much the children compute."""
START_CPU_S = 0.06
CPU_SHARE = 0.01
"""Processor time for a header, and for live audio: twice what a decoder of Opus takes. A child that
takes more is served last from then on, by the kernel's SCHED_IDLE: sixty at the lowest priority still
outweigh a worker."""
TICKS_PER_S = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100
FIRST_TO_GO = "1000"
"""For the kernel, where memory runs out: rather a decoder than the server (proc(5))."""


@dataclass(slots=True)
class _Child:
    pid: int
    connection: socket.socket
    """Its own end of the socket: it tells when the server closes the other one."""
    began_s: float = field(default_factory=time.monotonic)
    is_last: bool = False
    """Whether it is served last."""


class ForkServer:
    """The children, and the socket on which the server asks for more."""

    def __init__(self, control: socket.socket, ended: int) -> None:
        """`ended` is a descriptor that can be read when a child has ended."""
        self._control = control
        self._ended = ended
        self._children: dict[int, _Child] = {}  # by the descriptor of the connection
        self._looked_s = 0.0
        self._poll = select.poll()
        self._poll.register(control, select.POLLIN)
        self._poll.register(ended, select.POLLIN)

    def run(self) -> None:
        """Fork at each socket that comes, until the server is gone."""
        while True:
            watched = any(not child.is_last for child in self._children.values())
            events = self._poll.poll(LOOK_MS if watched else None)
            if watched and time.monotonic() - self._looked_s >= LOOK_MS / 1000:
                self._look()
            for descriptor, _ in events:
                if descriptor == self._control.fileno():
                    if not self._take():
                        return
                elif descriptor == self._ended:
                    os.read(self._ended, 4096)
                    self._bury()
                elif descriptor in self._children:  # the session is over
                    os.kill(self._children[descriptor].pid, signal.SIGKILL)
                    self._poll.unregister(descriptor)

    def _take(self) -> bool:
        """Fork for the next session; False where the server has gone."""
        message, descriptors, _, _ = socket.recv_fds(self._control, 1, 1)
        for descriptor in descriptors:
            connection = socket.socket(fileno=descriptor)
            # Where there is no room for another process, the session's socket ends at once.
            with contextlib.suppress(OSError):
                self._fork(connection)
                continue
            connection.close()
        return bool(message)

    def _fork(self, connection: socket.socket) -> None:
        forker = os.getpid()
        if (pid := os.fork()) == 0:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            self._control.close()
            for child in self._children.values():
                child.connection.close()
            _die_with(forker)
            serve(connection)
        self._children[connection.fileno()] = _Child(pid, connection)
        self._poll.register(connection, 0)  # its end is told all the same

    def _bury(self) -> None:
        """Let go of those that have ended."""
        with contextlib.suppress(ChildProcessError):
            while (pid := os.waitpid(-1, os.WNOHANG)[0]) != 0:
                for descriptor, child in list(self._children.items()):
                    if child.pid == pid:
                        del self._children[descriptor]
                        with contextlib.suppress(KeyError):  # it was killed
                            self._poll.unregister(descriptor)
                        child.connection.close()

    def _look(self) -> None:
        """Serve those last that compute much: who means harm, or sends a file at once."""
        now_s = self._looked_s = time.monotonic()
        for child in self._children.values():
            if child.is_last:
                continue
            allowed_s = START_CPU_S + CPU_SHARE * (now_s - child.began_s)
            child.is_last = _cpu_s(child.pid) > allowed_s
            if child.is_last and hasattr(os, "SCHED_IDLE"):
                with contextlib.suppress(OSError):
                    os.sched_setscheduler(child.pid, os.SCHED_IDLE, os.sched_param(0))


def _cpu_s(pid: int) -> float:
    """Processor time of a process; 0 where the system does not tell."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_S


def main(control_fd: int, parent: int) -> None:
    """Serve the server at the other end of a socket, which is the parent process."""
    _die_with(parent)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        # The server is asked to end, and this follows it. Not by a session of its own: a kernel that
        # groups processes by session (autogroup) would give it as much as the server and its worker.
        signal.signal(number, signal.SIG_IGN)
    with contextlib.suppress(OSError):
        os.nice(NICE)
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(FIRST_TO_GO)
    ended, signalled = os.pipe()
    os.set_blocking(signalled, False)
    signal.set_wakeup_fd(signalled, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda number, frame: None)
    ForkServer(socket.socket(fileno=control_fd), ended).run()


def _die_with(parent: int) -> None:
    """Be killed when the parent ends, even in native code; elsewhere than on Linux its socket
    ends."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(0)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
