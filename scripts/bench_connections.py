"""Many connected sessions, most of them silent: does the front end keep up, and at what cost?

    python scripts/bench_connections.py --sessions 1000 --speaking 10 [--decoder fake] [--json out.json]

Starts a real server, opens the sessions from this process (frames are made beforehand, so that the
client costs little) and sends audio at real-time pace: 100 ms frames of 16 kHz PCM16, noise at
-65 dBFS, or the bundled sample for those that speak. `--decoder fake` puts the tests' decoder in the
worker, so that what is measured is the front end alone and not a model that wants the same cores.

Reports, over the time measured: how late the server's event loop was (its own probe, `/healthz`); CPU
time of the server process (the worker apart); memory by session; how much received audio was not
judged yet whenever the server acknowledged (`ack`; up to 32 ms of it is a window that is not full);
and, for those who speak, the time from sending the frame that makes it speech to its `speech`.
"""

import argparse
import asyncio
import contextlib
import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import psutil
import uvloop
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from lab.places import PYTHON_PATH, REPOSITORY, SAMPLE
from load.raw_client import RawClient, masked
from surtitle.captioning.endpointing import WINDOW_SAMPLES, EndpointingOptions
from surtitle.client.media import CHUNK_MS, read_chunks
from surtitle.gateway.routes import CAPTIONS_PATH
from surtitle.jobs import SAMPLE_RATE, ms_to_samples
from surtitle.runtime.telemetry import LAG_WINDOW_S

FRAME_S = CHUNK_MS / 1000
NOISE_DBFS = -65.0
PAUSE_FRAMES = 15
SLOTS = 20
"""Moments within the time of one frame at which a part of the sessions send theirs."""
OPENING_AT_ONCE = 20
START_LIMIT_S = 60.0

_ENDPOINTING = EndpointingOptions()
_PRE_ROLL = ms_to_samples(_ENDPOINTING.pre_roll_ms)
_ONSET = _PRE_ROLL + ms_to_samples(_ENDPOINTING.min_speech_ms)
"""Samples from the start of an utterance to where voice activity was sure of it."""


class Message(msgspec.Struct):
    """What is looked at of the server's messages."""

    type: str
    received: int = 0
    safe: int = 0
    start_ms: int = 0
    fatal: bool = False
    message: str = ""


_decoder = msgspec.json.Decoder(Message)


def noise_frames(count: int) -> list[bytes]:
    """Frames of white noise at NOISE_DBFS."""
    level = 10 ** (NOISE_DBFS / 20) * 32768
    noise = np.random.default_rng(7).normal(0, level, (count, ms_to_samples(CHUNK_MS)))
    return [masked(2, np.rint(row).astype("<i2").tobytes()) for row in noise]


def speech_frames(noise: list[bytes]) -> list[bytes]:
    """The sample and a pause, in frames."""
    full = 2 * ms_to_samples(CHUNK_MS)
    spoken = [masked(2, chunk) for chunk in read_chunks(SAMPLE) if len(chunk) == full]
    return spoken + noise[:PAUSE_FRAMES]


class Session(RawClient):
    """Who sends audio."""

    def __init__(self, host: str, frames: list[bytes], first: int, speaks: bool) -> None:
        super().__init__(host, f"{CAPTIONS_PATH}?language=en")
        self._frames = frames
        self._next = first
        self.speaks = speaks
        self._sent: list[float] = []  # when each frame was sent, where it speaks
        self.behind_ms: list[float] = []
        self.speech_s: list[float] = []
        self.judged = 0  # samples, as far as acknowledged

    def send_frame(self) -> None:
        """Send the next frame."""
        if self.transport is not None:
            self.transport.write(self._frames[self._next % len(self._frames)])
            self._next += 1
            if self.speaks:
                self._sent.append(time.perf_counter())

    def take(self, data: bytes) -> None:
        """See RawClient."""
        message = _decoder.decode(data)
        if message.type == "ack":
            received, safe = message.received // 2, message.safe // 2
            if not self.speaks and safe:
                self.judged = safe + _PRE_ROLL
                self.behind_ms.append((received - self.judged) * 1000 / SAMPLE_RATE)
        elif message.type == "speech" and message.start_ms:
            frame = (ms_to_samples(message.start_ms) + _ONSET - 1) // ms_to_samples(CHUNK_MS)
            self.speech_s.append(time.perf_counter() - self._sent[frame])
        elif message.fatal:
            self.problem = message.message


async def send_all(sessions: list[Session], seconds: float) -> None:
    """Frames of all sessions at real-time pace, a slot at a time."""
    start = time.perf_counter()
    for turn in range(round(seconds / FRAME_S * SLOTS)):
        ahead = start + turn * FRAME_S / SLOTS - time.perf_counter()
        if ahead > 0:
            await asyncio.sleep(ahead)
        elif not turn % 4:
            await asyncio.sleep(0)  # late: the answers must be read all the same
        for session in sessions[turn % SLOTS :: SLOTS]:
            session.send_frame()


@contextlib.contextmanager
def server(options: argparse.Namespace) -> Iterator[tuple[str, int, psutil.Process]]:
    """A real server in a process of its own: host, port, process."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    settings = {
        "port": port,
        "model": options.model,
        "max_sessions": options.sessions + 100,
        "log_level": "warning",
    }
    environment = os.environ | {f"SURTITLE_{k.upper()}": str(v) for k, v in settings.items()}
    environment["PYTHONPATH"] = PYTHON_PATH
    command = [sys.executable, "-m", "surtitle", "serve"]
    if options.decoder == "fake":
        command = [sys.executable, "-m", "lab.serve_with", "lab.fake_decoder:load"]
    process = subprocess.Popen(command, env=environment, cwd=REPOSITORY)
    try:
        deadline = time.monotonic() + START_LIMIT_S
        while page(port, "/readyz").get("state") != "ready":
            if process.poll() is not None or time.monotonic() > deadline:
                sys.exit("The server did not start.")
            time.sleep(0.2)
        yield "127.0.0.1", port, psutil.Process(process.pid)
    finally:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(20)
        process.kill()


def page(port: int, path: str) -> dict[str, Any]:
    """A JSON page of the server, or {}."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as response:
            body: dict[str, Any] = json.load(response)
            return body
    except (urllib.error.URLError, OSError):
        return {}


def cpu_s(process: psutil.Process) -> float:
    """CPU time of a process without its children."""
    times = process.cpu_times()
    return float(times.user + times.system)


def loop_cpu_s(process: psutil.Process) -> float:
    """CPU time of a process's main thread."""
    main = next(thread for thread in process.threads() if thread.id == process.pid)
    return float(main.user_time + main.system_time)


async def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Open, settle, measure, close."""
    noise = noise_frames(512)
    speech = speech_frames(noise)
    with server(options) as (host, port, process):
        workers = process.children(recursive=True)
        await asyncio.sleep(1)
        rss_before = process.memory_info().rss
        every = max(1, options.sessions // options.speaking) if options.speaking else 0
        sessions = []
        for index in range(options.sessions):
            speaks = bool(every) and index % every == 0 and index // every < options.speaking
            frames = speech if speaks else noise
            sessions.append(Session(host, frames, 0 if speaks else index * 7, speaks))
        loop = asyncio.get_running_loop()
        for first in range(0, len(sessions), OPENING_AT_ONCE):
            group = sessions[first : first + OPENING_AT_ONCE]
            await asyncio.gather(
                *(loop.create_connection(lambda s=s: s, host, port) for s in group)  # type: ignore[misc]
            )
            async with asyncio.timeout(START_LIMIT_S):
                await asyncio.gather(*(s.opened for s in group))
        await asyncio.sleep(0.5)
        rss_open = process.memory_info().rss
        figures: dict[str, Any] = {}

        async def observe() -> None:
            await asyncio.sleep(options.settle)
            for session in sessions:
                session.behind_ms.clear()
                session.speech_s.clear()
            server_s, loop_s, client_s = cpu_s(process), loop_cpu_s(process), time.process_time()
            worker_s = sum(cpu_s(w) for w in workers)
            judged, began = sum(s.judged for s in sessions), time.perf_counter()
            await asyncio.sleep(options.seconds)
            took = time.perf_counter() - began
            audio_s = took * options.sessions
            server_s, loop_s = cpu_s(process) - server_s, loop_cpu_s(process) - loop_s
            silent = sum(not s.speaks for s in sessions)
            windows = (sum(s.judged for s in sessions) - judged) / WINDOW_SAMPLES / took
            figures.update(
                server_cpu_cores=server_s / took,
                of_that_event_loop=loop_s / took,
                server_cpu_us_per_audio_s=server_s / audio_s * 1e6,
                worker_cpu_cores=(sum(cpu_s(w) for w in workers) - worker_s) / took,
                client_cpu_cores=(time.process_time() - client_s) / took,
                windows_per_s_of_the_silent=windows,
                windows_per_s_sent=silent * SAMPLE_RATE / WINDOW_SAMPLES,
                rss_mib=process.memory_info().rss / 2**20,
                rss_kib_per_session=(process.memory_info().rss - rss_before)
                / options.sessions
                / 1024,
                rss_kib_per_session_before_audio=(rss_open - rss_before) / options.sessions / 1024,
            )
            health = await asyncio.to_thread(page, port, "/healthz")
            figures["loop_lag_ms"] = health.get("loop_lag_ms")

        await asyncio.gather(observe(), send_all(sessions, options.settle + options.seconds + 1))
        figures["lost_sessions"] = sum(bool(s.problem) for s in sessions)
        figures["problems"] = sorted({s.problem for s in sessions if s.problem})
        for session in sessions:
            session.close()
        await asyncio.sleep(0.2)
    behind = [value for s in sessions for value in s.behind_ms]
    spoken = [value * 1000 for s in sessions for value in s.speech_s]
    figures["not_judged_ms"] = percentiles(np.array(behind))
    figures["speech_told_ms"] = percentiles(np.array(spoken))
    figures["utterances"] = len(spoken)
    return figures


def percentiles(values: NDArray[np.float64]) -> dict[str, float]:
    """p50, p99 and the largest."""
    if not len(values):
        return {}
    p50, p99, worst = np.percentile(values, [50, 99, 100])
    return {"p50": round(p50, 1), "p99": round(p99, 1), "max": round(worst, 1)}


def report(figures: dict[str, Any], options: argparse.Namespace) -> None:
    """The figures as a table."""
    table = Table(
        "figure",
        "value",
        title=f"{options.sessions} sessions, {options.speaking} speaking, {options.decoder} decoder",
    )
    for name, value in figures.items():
        if isinstance(value, dict):
            value = " / ".join(f"{v:g}" for v in value.values())
            name += " (p50 / p99 / max)"
        elif isinstance(value, float):
            value = f"{value:,.2f}"
        table.add_row(name, str(value))
    Console().print(table)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--sessions", type=int, default=1000)
    parser.add_argument("--speaking", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=LAG_WINDOW_S + 2, help="measured")
    parser.add_argument("--settle", type=float, default=5.0, help="seconds of audio before that")
    parser.add_argument("--decoder", choices=("model", "fake"), default="model")
    parser.add_argument("--model", default="tiny.en")
    parser.add_argument("--json", type=Path, help="write the figures there too")
    options = parser.parse_args()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        figures = runner.run(measure(options))
    report(figures, options)
    if options.json is not None:
        options.json.write_text(json.dumps(figures) + "\n")


if __name__ == "__main__":
    main()
