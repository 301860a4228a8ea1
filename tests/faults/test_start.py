"""Odd surroundings: the command starts, or says in one sentence why not; no traceback, no abort."""

import contextlib
import os
import shlex
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.places import PYTHON_PATH, REPOSITORY
from lab.server_process import START_LIMIT_S, is_ready
from lab.waiting import wait_until

SERVE = [sys.executable, "-m", "tests.serve_command"]
"""`surtitle serve` with the fake decoder, by the same entrance."""
LINKS: dict[str, str | None] = {
    "SURTITLE_PORT": "tcp://10.0.0.1:8765",
    "SURTITLE_SERVICE_HOST": "10.0.0.1",
    "SURTITLE_SERVICE_PORT": "8765",
    "SURTITLE_SERVICE_PORT_HTTP": "8765",
    "SURTITLE_PORT_8765_TCP": "tcp://10.0.0.1:8765",
    "SURTITLE_PORT_8765_TCP_PROTO": "tcp",
    "SURTITLE_PORT_8765_TCP_PORT": "8765",
    "SURTITLE_PORT_8765_TCP_ADDR": "10.0.0.1",
}
"""What Kubernetes tells every container beside a service called `surtitle`."""


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def environment(**more: str | None) -> dict[str, str]:
    """That of this process without settings, with this checkout's package; None takes a name out."""
    own = {name: v for name, v in os.environ.items() if not name.startswith("SURTITLE_")}
    own["PYTHONPATH"] = PYTHON_PATH
    return {name: v for name, v in (own | more).items() if v is not None}


@contextlib.contextmanager
def started(command: str, log: Path, **variables: str | None) -> Iterator[subprocess.Popen[bytes]]:
    """A shell that runs a command for a server on this port; with its output in a file."""
    with (
        log.open("wb") as output,
        subprocess.Popen(
            ["bash", "-c", command],
            env=environment(**variables),
            cwd=REPOSITORY,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        ) as process,
    ):
        try:
            yield process
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


def serve(port: int) -> str:
    return f"exec {shlex.join([*SERVE, 'serve', '--port', str(port), '--model', 'fake'])}"


STARTS: dict[str, tuple[str, dict[str, str | None]]] = {
    "all streams closed": ("{serve} <&- >&- 2>&-", {}),
    "standard input closed": ("{serve} <&-", {}),
    "standard error closed": ("{serve} 2>&-", {}),
    "standard output and error closed": ("{serve} >&- 2>&-", {}),
    "nobody reads the log": ("{serve} 2>&1 | head -1", {}),
    "the log is full": ("{serve} > /dev/full 2>&1", {}),
    "the folder is gone": ("mkdir $T/x && cd $T/x && rmdir $T/x && {serve}", {}),
    "warnings are errors": ("{serve}", {"PYTHONWARNINGS": "error"}),
    "some warnings are errors": ("{serve}", {"PYTHONWARNINGS": "error::DeprecationWarning"}),
    "no home": ("{serve}", {"HOME": None}),
    "a home that is not there": ("{serve}", {"HOME": "/nonexistent/home"}),
    "an unknown locale": ("{serve}", {"LC_ALL": "xx_YY.bogus"}),
    "no UTF-8": ("{serve}", {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}),
    "no folder for temporary files": ("{serve}", {"TMPDIR": "/nonexistent"}),
    "few descriptors": ("ulimit -n 64; {serve}", {}),
    "no core, a small stack": ("ulimit -c 0; ulimit -s 256; {serve}", {}),
    "service links": ("{serve}", LINKS),
}


@pytest.mark.parametrize("name", STARTS)
def test_it_starts_and_stops(tmp_path: Path, name: str) -> None:
    command, variables = STARTS[name]
    port, log = free_port(), tmp_path / "log"
    command = command.format(serve=serve(port))
    with started(command, log, T=str(tmp_path), **variables) as process:
        url = f"http://127.0.0.1:{port}"
        wait_until(lambda: is_ready(url) or process.poll() is not None, START_LIMIT_S)
        assert process.poll() is None, log.read_text()
        os.killpg(process.pid, signal.SIGTERM)
        status = process.wait(30)
    assert status in (0, -signal.SIGTERM if "|" in command else 0)  # of the shell of a pipeline
    said = log.read_text()
    assert "Traceback" not in said and "Assertion" not in said and "FATAL" not in said


def test_the_port_that_was_set_holds_beside_service_links(tmp_path: Path) -> None:
    port = free_port()
    links = LINKS | {"SURTITLE_PORT": str(port), "SURTITLE_MODEL": "fake"}
    with started(f"exec {shlex.join(SERVE)} serve", tmp_path / "log", **links) as process:
        wait_until(lambda: is_ready(f"http://127.0.0.1:{port}"), START_LIMIT_S)
        process.terminate()
        assert process.wait(30) == 0


LONG = "a" * 10_000
REFUSALS: dict[str, tuple[str, dict[str, str | None], str]] = {
    "a model of 10 kB": (f"{{surtitle}} --model {LONG}", {}, "No folder or model has a name"),
    "a folder of 10 kB": (f"{{surtitle}} --model ./{LONG}/x", {}, "No folder or model has a name"),
    "a model in a folder that is gone": (
        "mkdir $T/x && cd $T/x && rmdir $T/x && {surtitle} --model ./mine",
        {},
        "There is no folder ./mine",
    ),
    "a model that is a file": ("{surtitle} --model /etc/passwd", {}, "is a file"),
    "a host of 300 letters": (
        f"{{surtitle}} --open-to-network true --host {'a' * 300}",
        {},
        "Cannot listen on",
    ),
    "a host that is no address of ours": (
        "{surtitle} --open-to-network true --host 203.0.113.9",
        {},
        "Cannot listen on 203.0.113.9",
    ),
    "hardly any descriptors": ("ulimit -n 20; {surtitle} --model tiny.en", {}, "ulimit -n"),
    "hardly any memory": ("ulimit -v 200000; {surtitle} --model tiny.en", {}, "memory"),
    "stdin to wait for is closed": (
        "{surtitle} --stop-with-stdin true <&-",
        {},
        "--stop-with-stdin needs standard input",
    ),
    "a number that is none": (
        "{surtitle}",
        {"SURTITLE_MAX_SESSIONS": "tcp:many"},
        "SURTITLE_MAX_SESSIONS",
    ),
    "a configuration that is a folder": ("{surtitle} --config /tmp", {}, "no configuration file"),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_it_says_in_a_sentence_why_it_does_not_start(tmp_path: Path, name: str) -> None:
    command, variables, sentence = REFUSALS[name]
    surtitle = f"{shlex.join([sys.executable, '-m', 'surtitle', 'serve'])} --port 0"
    result = subprocess.run(
        ["bash", "-c", command.format(surtitle=surtitle)],
        env=environment(T=str(tmp_path), **variables),
        cwd=REPOSITORY,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=START_LIMIT_S,
    )
    assert result.returncode == 1, result
    lines = [line for line in result.stderr.splitlines() if line.startswith("surtitle: ")]
    assert [sentence in line for line in lines] == [True], result.stderr
    assert len(result.stderr) < 900
    assert "Traceback" not in result.stderr
