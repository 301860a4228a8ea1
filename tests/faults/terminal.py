"""A terminal window: python -m tests.faults.terminal COMMAND…

Runs COMMAND on a pseudo-terminal of its own, copies its output to standard error, and types there
what comes on standard input. Kill it to close the window. Reports the status as a log line.
"""

import contextlib
import json
import os
import pty
import sys
import threading


def main() -> None:
    pid, terminal = pty.fork()
    if pid == 0:
        os.execvp(sys.argv[1], sys.argv[1:])
    threading.Thread(target=type_in, args=(terminal,), daemon=True).start()
    with contextlib.suppress(OSError):  # EIO: the other side is closed
        while data := os.read(terminal, 65536):
            os.write(2, data)
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    os.write(2, json.dumps({"event": "ended", "status": status}).encode() + b"\n")


def type_in(terminal: int) -> None:
    while keys := os.read(0, 64):
        os.write(terminal, keys)


if __name__ == "__main__":
    main()
