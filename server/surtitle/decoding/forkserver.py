"""A process that has FFmpeg loaded, and forks itself for each session that sends a container.

To load it takes a quarter of a second and 40 MB; a fork takes some milliseconds and shares that
memory. The server sends the child's end of a socket, and that is all that is said: a decoder is
alive as long as the socket is. Not `multiprocessing`'s own, which loads the main module of the
server too, and has an id and a pipe for each child that the server would have to wait for.
"""

import contextlib
import ctypes
import os
import signal
import socket
import sys
from pathlib import Path

from surtitle.decoding.child import NICE, serve

PR_SET_PDEATHSIG = 1
"""From <linux/prctl.h>."""


def main(control_fd: int, parent: int) -> None:
    """Fork at each socket that comes, until the server is gone."""
    _die_with(parent)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        # The server is asked to end, and this follows it. Not by a session of its own: a kernel that
        # groups processes by session (autogroup) would give it as much as the server and its worker.
        signal.signal(number, signal.SIG_IGN)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for them
    with contextlib.suppress(OSError):
        os.nice(NICE)
    with contextlib.suppress(OSError):  # where memory is short, rather a decoder than the server
        Path("/proc/self/oom_score_adj").write_text("1000")
    control = socket.socket(fileno=control_fd)
    while True:
        message, fds, _, _ = socket.recv_fds(control, 1, 1)
        if not message:
            return
        forker = os.getpid()
        # Where there is no room for another process, the session's socket ends at once.
        with contextlib.suppress(OSError):
            if fds and os.fork() == 0:
                control.close()
                _die_with(forker)
                serve(socket.socket(fileno=fds[0]))
        for fd in fds:
            os.close(fd)


def _die_with(parent: int) -> None:
    """Be killed when the parent ends, even in native code; elsewhere than on Linux its socket
    ends."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(0)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
