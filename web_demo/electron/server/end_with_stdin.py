"""A Python program that ends with its parent: python end_with_stdin.py MODULE ARGUMENTS…

The parent holds the other end of standard input. When that ends, the parent is gone, however it went:
even SIGKILL closes its pipes, on every system. The program is then told to stop, as SIGTERM would, and
ended if it takes too long.
"""

import _thread
import os
import runpy
import signal
import sys
import threading
import time

GRACE_S = 0.5
"""Nobody is left to wait for captions, so this is far shorter than a server's own patience."""


def main() -> None:
    """Run the module, and watch standard input beside it."""
    threading.Thread(target=end_with_stdin, daemon=True).start()
    del sys.argv[0]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


def end_with_stdin() -> None:
    """Wait for the end of standard input, then end this process."""
    while os.read(0, 4096):
        pass
    # Not `os.kill`, which on Windows ends the process at once. Where no handler is set yet this does
    # nothing, and the program ends below.
    _thread.interrupt_main(signal.SIGTERM)
    time.sleep(GRACE_S)
    os._exit(1)


if __name__ == "__main__":
    main()
