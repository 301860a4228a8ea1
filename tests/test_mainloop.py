"""How a server ends with the program that started it."""

import asyncio
import subprocess
import sys

import pytest

from lab.ledger import spoken_word
from lab.server_process import FAKE_DECODER, ServerProcess, start_server
from lab.waiting import left_over
from surtitle.client import ClientError, connect
from surtitle.messages import Final, Speech, Start

GONE_S = 2.0
PATIENT = """
import sys
from surtitle.runtime import mainloop
mainloop.ORPHAN_GRACE_S = 60
from lab import serve_with
sys.exit(serve_with.main(sys.argv[1]))
"""
"""A server with so much time that a clean stop can be told from an end."""


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
def test_a_server_stops_cleanly_with_its_standard_input(model: str) -> None:
    command = (sys.executable, "-c", PATIENT, FAKE_DECODER)
    server = start_server(command=command, model=model, ready=model == "fake", stop_with_stdin=True)
    assert stop_by_stdin(server, within_s=30) == 0
    assert server.events("stopped")
    assert server.errors == []


async def test_who_is_told_to_stop_has_time_to_finish() -> None:
    """More than one whose program is gone."""
    command = (sys.executable, "-m", "lab.serve_with", FAKE_DECODER)
    server = start_server(command=command, model="fake", stop_with_stdin=True)
    pipe = server.process.stdin
    assert pipe is not None
    # Partials would take the engine as long as the final, and so the time that it has.
    start = Start(prompt="sleep:1.5", partials=False)
    async with connect(server.url, start, patience_s=0) as captions:
        await captions.send(spoken_word())
        answers = []
        with pytest.raises(ClientError, match="stopping"):
            async for message in captions:
                if isinstance(message, Speech):
                    pipe.write("stop\n")
                    pipe.flush()
                if isinstance(message, Final):
                    answers.append(message.text)
    assert await asyncio.to_thread(server.process.wait, 10) == 0
    assert answers == ["500 ms"]
    server.stop()


def test_one_that_cannot_stop_is_ended() -> None:
    """Nobody has set a handler for SIGTERM here."""
    code = (
        "import time; from surtitle.runtime.mainloop import stop_with_stdin\n"
        "stop_with_stdin(); print('waiting', flush=True); time.sleep(600)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None and process.stdout is not None
        assert process.stdout.readline() == "waiting\n"
        process.stdin.close()
        assert process.wait(GONE_S) == 1


def test_the_command() -> None:
    command = (sys.executable, "-m", "surtitle", "serve", "--stop-with-stdin", "true")
    server = start_server(command=command)
    assert stop_by_stdin(server, GONE_S) in (0, 1)  # 0 where it was quick enough
