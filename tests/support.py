"""What tests of several rooms share: a real server process, recorded speech, small helpers."""

import contextlib
import functools
import itertools
import json
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from prometheus_client.parser import text_string_to_metric_families

from quality.recordings import Recording, read_recordings
from surtitle.client import Event, connect
from surtitle.client.media import read_chunks
from surtitle.jobs import Pcm16
from surtitle.messages import (
    Ended,
    Failed,
    Final,
    ServerMessage,
    Speech,
    Start,
    Status,
    Suppressed,
    Update,
    parse_server_message,
)

REPOSITORY = Path(__file__).resolve().parents[1]
SAMPLE = REPOSITORY / "web_demo" / "sample.flac"
SAMPLE_TEXT = (REPOSITORY / "web_demo" / "sample.txt").read_text().strip()
FAKE_DECODER = "tests.fake_decoder:load"
PYTHON_PATH = os.pathsep.join(map(str, (REPOSITORY, REPOSITORY / "server")))
"""For processes that tests start: this checkout, whichever one is installed."""

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
        serve = [sys.executable, "-m", "tests.serve_with", decoder]
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


def left_over(processes: list[psutil.Process], within_s: float = 2.0) -> list[str]:
    """Which of the processes still run after the time given; those are killed."""
    running = list(processes)

    def all_gone() -> bool:
        running[:] = [process for process in running if is_alive(process)]
        return not running

    deadline = time.monotonic() + within_s
    while not all_gone() and time.monotonic() < deadline:
        time.sleep(0.01)
    names = [f"{process.pid} {process.name()}" for process in running if is_alive(process)]
    for process in running:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    return names


def is_alive(process: psutil.Process) -> bool:
    """Whether the process runs: not ended, and not a zombie that waits to be reaped."""
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


# -- utterances and their answers --------------------------------------------------------------


@functools.cache
def spoken_word() -> bytes:
    """Half a second of speech as 16 kHz PCM16, from the middle of a phrase."""
    return read_pcm16(SAMPLE)[16_000:24_000].tobytes()


SILENCE_1S = bytes(32_000)


@dataclass
class Ledger:
    """Counts what must never happen: an utterance lost, answered twice, or answered out of order."""

    opened: list[int] = field(default_factory=list)
    answers: list[Final | Suppressed | Failed] = field(default_factory=list)
    states: list[str] = field(default_factory=list)
    ended: Ended | None = None

    def take(self, message: Event) -> None:
        """Enter one message."""
        match message:
            case Speech():
                self.opened.append(message.utterance)
            case Final() | Suppressed() | Failed():
                self.answers.append(message)
            case Status():
                self.states.append(message.state)
            case Ended():
                self.ended = message
            case _:
                pass

    @property
    def answered(self) -> list[int]:
        """The utterances answered, in the order of their answers."""
        return [answer.utterance for answer in self.answers]

    @property
    def faults(self) -> dict[str, int]:
        """How many utterances were lost, doubled, unexpected or out of order; all 0 is good."""
        answered = self.answered
        return {
            "lost": len(set(self.opened) - set(answered)),
            "doubled": len(answered) - len(set(answered)),
            "unexpected": len(set(answered) - set(self.opened)),
            "disorder": sum(a > b for a, b in itertools.pairwise(answered)),
        }

    @property
    def outcomes(self) -> list[str]:
        """Each answer in a word: the text of a final, the reason or code of the others."""
        return [
            a.text if isinstance(a, Final) else a.reason if isinstance(a, Suppressed) else a.code
            for a in self.answers
        ]


NO_FAULTS = {"lost": 0, "doubled": 0, "unexpected": 0, "disorder": 0}


def expect(frame: str | bytes) -> ServerMessage:
    """A frame of the server as the message it must be."""
    message = parse_server_message(frame)
    assert message is not None
    return message


async def converse(url: str, *prompts: str, partials: bool = False, **fields: Any) -> Ledger:
    """Speak one word for each prompt (see `fake_decoder`) and listen until the session has ended."""
    ledger = Ledger()
    start = Start(language="en", partials=partials, **fields)
    async with connect(url, start) as captions:
        for prompt in prompts:
            await captions.update(Update(prompt=prompt))
            await captions.send(spoken_word())
            await captions.flush()
            await captions.send(SILENCE_1S)
        await captions.stop()
        async for message in captions:
            ledger.take(message)
    return ledger


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


def recordings(name: str) -> list[Recording]:
    """The recordings of one folder, in order of its manifest."""
    folder = speech_folder()
    assert folder is not None
    return read_recordings([folder / name])
