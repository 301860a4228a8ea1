"""One speaker, many viewers: how long until the last of them has the final?

    python scripts/bench_channel.py --viewers 2000 --seconds 60 [--json out.json]

A real server with the real model; one session speaks the sample of the demo page at the pace of speech
and publishes, with partials; the viewers watch from this process, on the same cores. All are on one
clock: a final counts from when the speaker has it to when each viewer has it. A tenth of the viewers
comes while the speaker speaks, and gets the history.
"""

import asyncio
import itertools
import json
import sys
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path

import click
import numpy as np
import psutil
import uvloop

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from lab.places import SAMPLE
from lab.server_process import ServerProcess, figure, start_server
from load.raw_client import RawClient
from surtitle.client import Captions, connect
from surtitle.client.media import read_chunks
from surtitle.messages import Final, Start

CHANNEL = "hall"
FRAME_S = 0.1
AT_ONCE = 50
"""Viewers that come side by side."""
FINAL = b'{"type":"final",'
AFTER_S = 3.0
"""For the last viewer to get the last final."""


class Viewer(RawClient):
    """Notes when each final came."""

    def __init__(self, host: str) -> None:
        super().__init__(host, f"/v1/channels/{CHANNEL}")
        self.finals: dict[int, float] = {}
        self.partials = 0

    def take(self, data: bytes) -> None:
        """See RawClient."""
        if data.startswith(FINAL):
            self.finals.setdefault(json.loads(data)["utterance"], time.perf_counter())
        elif data.startswith(b'{"type":"partial"'):
            self.partials += 1


@dataclass
class Figures:
    """What came of it; times in milliseconds."""

    viewers: int
    finals: int = 0
    missing: int = 0
    """Finals that a viewer who was there did not get."""
    problems: list[str] = field(default_factory=list)
    last_viewer_p50_ms: float = 0.0
    last_viewer_p95_ms: float = 0.0
    last_viewer_max_ms: float = 0.0
    any_viewer_p50_ms: float = 0.0
    any_viewer_p99_ms: float = 0.0
    partials_by_viewer: float = 0.0
    loop_lag_p99_ms: float = 0.0
    server_cpu_cores: float = 0.0
    client_cpu_cores: float = 0.0
    kib_by_viewer: float = 0.0


async def come(viewers: list[Viewer], host: str, port: int) -> None:
    """Connect them, some at a time."""
    loop = asyncio.get_running_loop()
    for first in range(0, len(viewers), AT_ONCE):
        group = viewers[first : first + AT_ONCE]
        await asyncio.gather(
            *(loop.create_connection(lambda v=v: v, host, port) for v in group)  # type: ignore[misc]
        )
        await asyncio.gather(*(viewer.opened for viewer in group))


async def speak(captions: Captions, seconds: float) -> None:
    """The sample again and again, at the pace of speech."""
    chunks = itertools.cycle(list(read_chunks(SAMPLE)))
    loop = asyncio.get_running_loop()
    due = loop.time()
    for _ in range(round(seconds / FRAME_S)):
        await captions.send(next(chunks))
        due += FRAME_S
        await asyncio.sleep(due - loop.time())
    await captions.stop()


async def run(server: ServerProcess, count: int, seconds: float) -> Figures:
    """All of it."""
    host, port = "127.0.0.1", server.port
    figures, process = Figures(count), psutil.Process(server.process.pid)
    before = process.memory_info().rss
    viewers = [Viewer(host) for _ in range(count)]
    late = count // 10
    await come(viewers[late:], host, port)
    figures.kib_by_viewer = (process.memory_info().rss - before) / 1024 / max(1, count - late)
    answered: dict[int, float] = {}
    async with connect(f"ws://{host}:{port}", Start(language="en", channel=CHANNEL)) as captions:
        cpu_s, client_s, began = sum(process.cpu_times()[:2]), time.process_time(), time.monotonic()
        speaking = asyncio.create_task(speak(captions, seconds))

        async def come_late() -> None:
            await asyncio.sleep(seconds / 2)
            await come(viewers[:late], host, port)

        coming = asyncio.create_task(come_late())
        async for event in captions:
            if isinstance(event, Final):
                answered[event.utterance] = time.perf_counter()
        await asyncio.gather(speaking, coming)
        took_s = time.monotonic() - began
        figures.server_cpu_cores = (sum(process.cpu_times()[:2]) - cpu_s) / took_s
        figures.client_cpu_cores = (time.process_time() - client_s) / took_s
        figures.loop_lag_p99_ms = 1000 * await asyncio.to_thread(
            figure, server, "surtitle_loop_lag_seconds"
        )
    await asyncio.sleep(AFTER_S)
    enter(figures, answered, viewers, late)
    for viewer in viewers:
        viewer.close()
    return figures


def enter(figures: Figures, answered: dict[int, float], viewers: list[Viewer], late: int) -> None:
    """The delays of the finals; those that came with the history count as had or missing alone."""
    last, each = [], []
    for utterance, at in answered.items():
        delays = [
            viewer.finals[utterance] - at for viewer in viewers[late:] if utterance in viewer.finals
        ]
        figures.missing += sum(utterance not in viewer.finals for viewer in viewers)
        if delays:
            last.append(max(delays) * 1000)
        each += [delay * 1000 for delay in delays]
    figures.finals = len(answered)
    figures.last_viewer_p50_ms, figures.last_viewer_p95_ms = np.percentile(last, [50, 95])
    figures.last_viewer_max_ms = max(last)
    figures.any_viewer_p50_ms, figures.any_viewer_p99_ms = np.percentile(each, [50, 99])
    figures.partials_by_viewer = float(np.mean([viewer.partials for viewer in viewers[late:]]))
    figures.problems = sorted({viewer.problem for viewer in viewers if viewer.problem})


@click.command(help=__doc__.replace("\n\n", "\n\n\b\n"))
@click.option("--viewers", default=2000, show_default=True, help="How many watch.")
@click.option("--seconds", default=60.0, show_default=True, help="How long somebody speaks.")
@click.option("--model", default="tiny.en", show_default=True)
@click.option("--json", "out", type=click.Path(path_type=Path), help="Write the figures there too.")
def main(viewers: int, seconds: float, model: str, out: Path | None) -> None:
    """Measure."""
    server = start_server(model=model, log_level="info")
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            figures = runner.run(run(server, viewers, seconds))
    finally:
        server.stop()
    text = json.dumps(asdict(figures), indent=2, default=float)
    click.echo(text)
    if out is not None:
        out.write_text(text + "\n")
    sys.exit(bool(figures.missing or figures.problems))


if __name__ == "__main__":
    main()
