"""A Python program that ends when its standard input does, and the real server under it."""

import subprocess
import sys
import time

import pytest

from tests.electron.conftest import EXAMPLE
from tests.support import FAKE_DECODER, is_ready, left_over, start_server

SCRIPT = str(EXAMPLE / "server" / "end_with_stdin.py")
GONE_S = 2.0


@pytest.mark.parametrize("model", ["fake", "slow:600"], ids=["idle", "loading"])
def test_a_server_stops_cleanly(model: str) -> None:
    command = (sys.executable, SCRIPT, "tests.serve_with", FAKE_DECODER)
    server = start_server(command=command, model=model, ready=model == "fake")
    processes = server.tree()
    assert server.process.stdin is not None
    server.process.stdin.close()
    assert left_over(processes, GONE_S) == []
    assert server.process.wait() == 0
    server.close_pipes()
    assert server.events("stopped")
    assert server.errors == []


def test_what_does_not_heed_it_is_ended() -> None:
    """Nobody has set a handler for SIGTERM here."""
    command = [sys.executable, SCRIPT, "http.server", "--bind", "127.0.0.1", "0"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert "127.0.0.1" in process.stdout.readline()  # it serves
        begun = time.monotonic()
        process.stdin.close()
        assert process.wait(GONE_S) == 1
        assert time.monotonic() - begun > 0.9  # it was given its time


def test_the_command_that_the_application_uses() -> None:
    command = (sys.executable, SCRIPT, "surtitle", "serve")
    server = start_server(command=command, model="tiny.en")
    processes = server.tree()
    assert is_ready(server.url)
    assert server.process.stdin is not None
    server.process.stdin.close()
    assert left_over(processes, GONE_S) == []
    assert server.process.wait() == 0
    server.close_pipes()
    assert server.errors == []
