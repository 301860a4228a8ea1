"""What tests of several rooms share: a real server process, recorded speech, small helpers."""

import contextlib
import csv
import json
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from surtitle.jobs import Pcm16
from surtitle.media import read_chunks

REPOSITORY = Path(__file__).resolve().parents[1]
SAMPLE = REPOSITORY / "web_demo" / "sample.flac"
SAMPLE_TEXT = (REPOSITORY / "web_demo" / "sample.txt").read_text().strip()
FAKE_DECODER = "tests.fake_decoder:load"

START_LIMIT_S = 60.0


@dataclass
class ServerProcess:
    """A `surtitle serve` of its own, with its log."""

    process: subprocess.Popen[str]
    url: str = ""
    log: list[dict[str, Any]] = field(default_factory=list)
    stray: list[str] = field(default_factory=list)
    """Lines on standard error that are not log lines: tracebacks, warnings."""

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

    def stop(self, number: int = signal.SIGTERM, within_s: float = 15.0) -> int:
        """Signal the server and wait for its end; returns the exit status."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(within_s)


def start_server(*, ready: bool = True, **settings: Any) -> ServerProcess:
    """Start a server on a free port; wait for it to listen, and for the model if `ready`."""
    decoder = settings.pop("decoder", None)
    options = {"port": 0, "model": "tiny.en", "log_format": "json"} | settings
    environment = os.environ | {
        f"SURTITLE_{name.upper()}": str(value) for name, value in options.items()
    }
    environment["PYTHONPATH"] = str(REPOSITORY)
    command = [sys.executable, "-m", "surtitle", "serve"]
    if decoder is not None:
        command = [sys.executable, "-m", "tests.serve_with", decoder]
    process = subprocess.Popen(
        command,
        env=environment,
        cwd=REPOSITORY,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    server = ServerProcess(process)
    threading.Thread(target=_collect, args=(server,), daemon=True).start()
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
    for line in server.process.stderr:
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
    try:
        with urllib.request.urlopen(url + "/readyz", timeout=5) as response:
            return bool(response.status == 200)
    except OSError:
        return False


def wait_until(condition: Any, limit_s: float = 10.0, every_s: float = 0.01) -> None:
    """Poll until the condition holds; fails the test after the limit."""
    deadline = time.monotonic() + limit_s
    while not condition():
        if time.monotonic() > deadline:
            pytest.fail(f"did not happen within {limit_s:g} s")
        time.sleep(every_s)


def read_pcm16(path: Path) -> Pcm16:
    """A recording as 16 kHz mono samples."""
    return np.frombuffer(b"".join(read_chunks(path)), np.int16)


# -- recorded speech --------------------------------------------------------------------------


def speech_folder() -> Path | None:
    """The folder with recorded speech: SURTITLE_SPEECH, or `../shared/speech`; None without."""
    named = os.environ.get("SURTITLE_SPEECH")
    folder = Path(named) if named else REPOSITORY.parent / "shared" / "speech"
    return folder if folder.is_dir() else None


needs_speech = pytest.mark.skipif(
    speech_folder() is None,
    reason="no recorded speech: set SURTITLE_SPEECH to a folder with manifests (docs/testing.md)",
)


@dataclass(frozen=True)
class Recording:
    """One line of a manifest."""

    path: Path
    seconds: float
    language: str
    transcript: str


def recordings(name: str) -> list[Recording]:
    """The recordings of one folder, in order of its manifest."""
    folder = speech_folder()
    assert folder is not None
    with (folder / name / "manifest.tsv").open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        return [
            Recording(
                folder / name / row["file"],
                float(row["seconds"]),
                row["language"],
                row["transcript"],
            )
            for row in rows
        ]
