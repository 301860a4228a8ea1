"""Captions one file with the command, and watches what it costs."""

import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
import psutil

from load.words import words
from wild.expectation import Word
from wild.judge import Outcome

EVERY_S = 0.02
MB = 2**20


class Watch(threading.Thread):
    """Samples the memory of a command and of a server, with all that they start."""

    def __init__(self, command: int, server: int) -> None:
        super().__init__(daemon=True)
        self._roots = {"command": psutil.Process(command), "server": psutil.Process(server)}
        self._over = threading.Event()
        self.peak_mb: dict[str, float] = {}

    def run(self) -> None:
        """Until `stop`."""
        while not self._over.wait(EVERY_S):
            for name, root in self._roots.items():
                self._sample(name, root)

    def stop(self) -> dict[str, float]:
        """The peaks."""
        self._over.set()
        self.join()
        return self.peak_mb

    def _sample(self, name: str, root: psutil.Process) -> None:
        try:
            self._note(name, root)
            for child in root.children(recursive=True):
                self._note("decoder" if name == "command" else name, child)
        except psutil.Error:
            return  # it has ended meanwhile

    def _note(self, name: str, process: psutil.Process) -> None:
        resident = process.memory_info().rss / MB
        self.peak_mb[name] = max(self.peak_mb.get(name, 0.0), resident)


def caption(
    path: Path, server_url: str, server_pid: int, arguments: Sequence[str], limit_s: float
) -> Outcome:
    """Run `surtitle caption`; ended after `limit_s`."""
    command = [sys.executable, "-m", "surtitle", "caption", path.name, "--fast", "--words"]
    command += ["--server", server_url, "--language", "en", "--format", "jsonl", *arguments]
    began = time.monotonic()
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        with subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=errors, cwd=path.parent
        ) as process:
            watch = Watch(process.pid, server_pid)
            watch.start()
            status: int | None
            try:
                status = process.wait(limit_s)
            except subprocess.TimeoutExpired:
                process.kill()
                status = None
        peaks = watch.stop()
        output.seek(0)
        errors.seek(0)
        messages = [msgspec.json.decode(line) for line in output.read().splitlines()]
        missing_s = _missing_s(said := errors.read().decode(errors="replace"))
    return Outcome(
        status, tuple(_words(messages)), missing_s, said, peaks, time.monotonic() - began
    )


def _words(messages: Sequence[dict[str, object]]) -> Iterator[Word]:
    for message in messages:
        if message["type"] == "final":
            for word in msgspec.convert(message.get("words", []), list[dict[str, object]]):
                for text in words(str(word["text"])):
                    start_ms, end_ms = word["start_ms"], word["end_ms"]
                    assert isinstance(start_ms, int) and isinstance(end_ms, int)
                    yield Word(text, start_ms / 1000, end_ms / 1000)


def _missing_s(errors: str) -> float:
    """What the command says at its end."""
    for line in errors.splitlines():
        if line.endswith("s of the recording could not be read."):
            return float(line.split()[0])
    return 0.0
