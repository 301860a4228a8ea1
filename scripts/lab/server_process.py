"""A real server in a process of its own, with its log."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import psutil
from prometheus_client.parser import text_string_to_metric_families

from lab.places import PYTHON_PATH, REPOSITORY
from lab.waiting import wait_until

FAKE_DECODER = "lab.fake_decoder:load"
START_LIMIT_S = 60.0


@dataclass
class ServerProcess:
    """A `surtitle serve` of its own, with its log."""

    process: subprocess.Popen[str]
    url: str = ""
    log: list[dict[str, Any]] = field(default_factory=list)
    collector: threading.Thread = field(init=False)
    stray: list[str] = field(default_factory=list)
    """Lines on standard error that are not log lines: tracebacks, warnings."""

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self.url.rpartition(":")[2])

    @property
    def websocket_url(self) -> str:
        """The captions endpoint."""
        return self.url.replace("http", "ws", 1) + "/v1/captions"

    def events(self, name: str) -> list[dict[str, Any]]:
        """The log lines of one event."""
        return [line for line in self.log if line.get("event") == name]

    @property
    def worker_pid(self) -> int:
        """Process id of the newest worker."""
        return int(self.events("worker started")[-1]["pid"])

    @property
    def errors(self) -> list[Any]:
        """What a server without a fault never says: log lines of level error, anything unlogged."""
        unlogged = [line for line in self.stray if line.strip()]
        return [line for line in self.log if line.get("level") == "error"] + unlogged

    def tree(self) -> list[psutil.Process]:
        """The server and everything it has started, multiprocessing's helper included."""
        parent = psutil.Process(self.process.pid)
        return [parent, *parent.children(recursive=True)]

    def stop(self, number: int = signal.SIGTERM, within_s: float = 15.0) -> int:
        """Signal the server and wait for its end; returns the exit status."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        status = self.process.wait(within_s)
        self.close_pipes()
        return status

    def close_pipes(self) -> None:
        """Read the rest of the log, and close our ends of the pipes of a process that has ended."""
        self.collector.join(5)
        for pipe in (self.process.stderr, self.process.stdin):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()


def start_server(
    *,
    ready: bool = True,
    parent: Sequence[str] = (),
    command: Sequence[str] = (),
    **settings: Any,
) -> ServerProcess:
    """Start a server on a free port; wait for it to listen, and for the model if `ready`.

    `decoder` among the settings replaces the model. `parent` is a command that starts the server as
    its child, `command` takes the place of the server itself. Standard input is a pipe for those
    two.
    """
    decoder = settings.pop("decoder", None)
    options = {"port": 0, "model": "tiny.en", "log_format": "json"} | settings
    environment = os.environ | {
        f"SURTITLE_{name.upper()}": str(value) for name, value in options.items()
    }
    environment["PYTHONPATH"] = PYTHON_PATH
    serve = [sys.executable, "-m", "surtitle", "serve"]
    if decoder is not None:
        serve = [sys.executable, "-m", "lab.serve_with", decoder]
    process = subprocess.Popen(
        [*parent, *(command or serve)],
        env=environment,
        cwd=REPOSITORY,
        stdin=subprocess.PIPE if parent or command else subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    server = ServerProcess(process)
    server.collector = threading.Thread(target=_collect, args=(server,), daemon=True)
    server.collector.start()
    try:
        wait_until(lambda: server.events("listening") or process.poll() is not None, START_LIMIT_S)
        if process.poll() is not None:
            raise AssertionError(f"the server ended: {server.log} {server.stray}")
        server.url = server.events("listening")[0]["url"]
        if ready:
            wait_until(lambda: is_ready(server.url), START_LIMIT_S)
    except BaseException:
        process.kill()
        raise
    return server


def _collect(server: ServerProcess) -> None:
    assert server.process.stderr is not None
    with server.process.stderr as lines:
        for line in lines:
            try:
                server.log.append(json.loads(line))
            except json.JSONDecodeError:
                server.stray.append(line)


@contextlib.contextmanager
def running_server(**settings: Any) -> Iterator[str]:
    """The base URL (http://127.0.0.1:PORT) of a real server with the real model, while it runs."""
    server = start_server(**settings)
    try:
        yield server.url
    finally:
        server.stop()


def is_ready(url: str) -> bool:
    """Whether `/readyz` answers 200."""
    return readiness(url)[0] == 200


def readiness(url: str) -> tuple[int, str]:
    """The status of `/readyz` and the state it names; (0, "") where nobody answers."""
    try:
        with urllib.request.urlopen(url + "/readyz", timeout=5) as response:
            return response.status, str(json.load(response)["state"])
    except urllib.error.HTTPError as error:
        with error:
            return error.code, str(json.load(error)["state"])
    except OSError:
        return 0, ""


def figure(server: ServerProcess, name: str) -> float:
    """A figure of `/metrics`, without labels. Raises OSError where nobody answers."""
    with urllib.request.urlopen(server.url + "/metrics", timeout=5) as response:
        families = text_string_to_metric_families(response.read().decode())
        return next(s.value for family in families for s in family.samples if s.name == name)
