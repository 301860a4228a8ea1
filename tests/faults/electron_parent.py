"""A parent like Electron's main process: python -m tests.faults.electron_parent GRACE_S COMMAND…

Runs COMMAND with a pipe for its standard error and copies what comes to its own. When its standard
input ends it sends SIGTERM, waits GRACE_S, sends SIGKILL, and reports the status as a log line.
"""

import json
import subprocess
import sys
import threading


def main() -> None:
    grace_s, command = float(sys.argv[1]), sys.argv[2:]
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    copier = threading.Thread(target=copy, args=(child,))
    copier.start()
    sys.stdin.read()
    child.terminate()
    try:
        child.wait(grace_s)
    except subprocess.TimeoutExpired:
        child.kill()
    status = child.wait()
    copier.join()
    print(json.dumps({"event": "ended", "status": status}), file=sys.stderr, flush=True)


def copy(child: "subprocess.Popen[str]") -> None:
    assert child.stderr is not None
    for line in child.stderr:
        print(line, end="", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
