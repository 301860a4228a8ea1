"""A Python program that ends when its standard input does, and the real server under it."""

import subprocess
import sys
import time

import pytest

from tests.electron.conftest import EXAMPLE
from tests.support import FAKE_DECODER, ServerProcess, is_ready, left_over, start_server

SCRIPT = str(EXAMPLE / "server" / "end_with_stdin.py")
GONE_S = 2.0


PATIENT = f"""
import sys
sys.path.insert(0, {str(EXAMPLE / "server")!r})
import end_with_stdin
end_with_stdin.GRACE_S = 60
end_with_stdin.main()
"""
"""The same with so much time that what ended by itself can be told from what was ended."""


def stop_by_stdin(server: ServerProcess, within_s: float) -> int:
    """End its input; returns the exit status."""
    processes = server.tree()
    assert server.process.stdin is not None
    server.process.stdin.close()
    assert left_over(processes, within_s) == []
    status = server.process.wait()
    server.close_pipes()
    return status


@pytest.mark.parametrize("model", ["fake", "slow:600"], ids=["idle", "loading"])
def test_a_server_stops_cleanly(model: str) -> None:
    command = (sys.executable, "-c", PATIENT, "tests.serve_with", FAKE_DECODER)
    server = start_server(command=command, model=model, ready=model == "fake")
    assert stop_by_stdin(server, within_s=30) == 0
    assert server.events("stopped")
    assert server.errors == []


def test_what_does_not_heed_it_is_ended() -> None:
    """Nobody has set a handler for SIGTERM here."""
    command = [sys.executable, "-u", SCRIPT, "http.server", "--bind", "127.0.0.1", "0"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert "127.0.0.1" in process.stdout.readline()  # it serves
        begun = time.monotonic()
        process.stdin.close()
        assert process.wait(GONE_S) == 1
        assert time.monotonic() - begun > 0.4  # it was given its time


def test_the_command_that_the_application_uses() -> None:
    server = start_server(command=(sys.executable, SCRIPT, "surtitle", "serve"), model="tiny.en")
    assert is_ready(server.url)
    stop_by_stdin(server, GONE_S)
