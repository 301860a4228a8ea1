"""Hours of speech under faults: does the server lose anything, and does it grow?

    python scripts/soak.py --minutes 120 --markdown soak.md --picture soak.png

A real server with the real model. Several clients speak the sample of the demo page at the pace of
speech, one session after the other; now and then a connection is cut and the worker is killed, crashed
or stopped. Every session must come out whole. Memory, file descriptors and threads of the server and
its event loop's tasks are read every few seconds; growth is the slope of a line fitted to the means of
minutes, after the first quarter and in the second half, with its standard error. What a crash costs is
the time from a worker's death to the next one that is ready.
"""

import asyncio
import json
import math
import os
import random
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import click
import matplotlib.pyplot as plt
import numpy as np
import psutil
from rich.console import Console
from rich.progress import Progress

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from lab.ledger import Ledger
from lab.link import Link
from lab.places import SAMPLE
from lab.server_process import ServerProcess, figure, start_server
from lab.waiting import left_over
from outcome import Outcome
from surtitle.client import ClientError, Gap, connect
from surtitle.client.media import read_chunks
from surtitle.messages import Failed, Resumed, Start

MEASURE_EVERY_S = 5.0
FRAME_S = 0.1
SAMPLES_PER_SESSION = 3
FAULTS = (signal.SIGKILL, signal.SIGSEGV, signal.SIGSTOP)
LEASE_S = 10


@dataclass
class Measured:
    """One look at the server."""

    at_s: float
    rss_mb: float
    descriptors: int
    threads: int
    tasks: float
    lag_ms: float


@dataclass
class Soak(Outcome):
    """What has happened so far."""

    sessions: int = 0
    utterances: int = 0
    failed: int = 0
    link_cuts: int = 0
    worker_faults: int = 0
    resumes: int = 0
    crash_costs_s: list[float] = field(default_factory=list)
    measured: list[Measured] = field(default_factory=list)


async def speak(soak: Soak, port: int, over: Callable[[], bool]) -> None:
    """One session after the other, until it is over."""
    chunks = list(read_chunks(SAMPLE))
    while not over():
        ledger = Ledger()
        try:
            async with connect(
                f"ws://127.0.0.1:{port}", Start(language="en", revisions=True)
            ) as captions:

                async def feed() -> None:
                    loop = asyncio.get_running_loop()
                    due = loop.time()
                    for chunk in chunks * SAMPLES_PER_SESSION:
                        await captions.send(chunk)
                        due += FRAME_S
                        await asyncio.sleep(due - loop.time())
                    await captions.stop()

                feeding = asyncio.create_task(feed())
                async for event in captions:
                    ledger.take(event)
                    soak.resumes += isinstance(event, Resumed)
                    soak.failed += isinstance(event, Failed)
                    if isinstance(event, Gap):
                        soak.problems.append(f"a gap: {event}")
                await feeding
        except ClientError as error:
            soak.problems.append(str(error))
            continue
        soak.sessions += 1
        soak.utterances += len(ledger.answers)
        for name, count in ledger.faults.items():
            setattr(soak, name, getattr(soak, name) + count)
        ended = ledger.ended
        parts = 0
        if ended is not None:
            parts = ended.captioned_ms + ended.silence_ms + ended.suppressed_ms + ended.failed_ms
        soak.unbalanced += ended is None or ended.audio_ms != parts


async def disturb(
    soak: Soak, server: ServerProcess, link: Link, per_minute: float, chance: random.Random
) -> None:
    """Faults at random moments: half of them to the connections, half to the worker."""
    while True:
        await asyncio.sleep(chance.expovariate(per_minute / 60))
        if chance.random() < 0.5:
            link.cut()
            soak.link_cuts += 1
        else:
            with suppress(ProcessLookupError):
                os.kill(server.worker_pid, chance.choice(FAULTS))
                soak.worker_faults += 1


async def measure(soak: Soak, server: ServerProcess) -> None:
    """Look at the server every few seconds."""
    process, began = psutil.Process(server.process.pid), time.monotonic()
    while True:
        await asyncio.sleep(MEASURE_EVERY_S)
        try:
            tasks, lag_s = [
                await asyncio.to_thread(figure, server, f"surtitle_{name}")
                for name in ("tasks", "loop_lag_seconds")
            ]
        except OSError as error:
            soak.problems.append(f"the server did not tell its figures: {error}")
            continue
        soak.measured.append(
            Measured(
                at_s=time.monotonic() - began,
                rss_mb=process.memory_info().rss / 2**20,
                descriptors=process.num_fds(),
                threads=process.num_threads(),
                tasks=tasks,
                lag_ms=lag_s * 1000,
            )
        )


def slope(soak: Soak, name: str, after: float) -> tuple[float, float]:
    """Growth an hour, `after` such a share of the time, and its standard error."""
    minutes: dict[int, list[float]] = {}
    for each in soak.measured[round(len(soak.measured) * after) :]:
        minutes.setdefault(int(each.at_s // 60), []).append(getattr(each, name))
    if len(minutes) < 4:  # a line through two points or three has no error to speak of
        return math.nan, math.nan
    hours = [minute / 60 for minute in minutes]
    line, covariance = np.polyfit(
        hours, [np.mean(values) for values in minutes.values()], 1, cov=True
    )
    return float(line[0]), float(np.sqrt(covariance[0, 0]))


def crash_costs_s(log: list[dict[str, Any]]) -> list[float]:
    """Seconds from a worker's death to the next one that is ready, less the loading of the model.

    Where a worker died before it was ready, they count from the last death.
    """
    costs, died = [], None
    for line in log:
        if line.get("event") == "worker died":
            died = datetime.fromisoformat(line["timestamp"])
        elif line.get("event") == "worker ready" and died is not None:
            took = datetime.fromisoformat(line["timestamp"]) - died
            costs.append(took.total_seconds() - line["load_s"])
            died = None
    return costs


def table(soak: Soak, minutes: float) -> str:
    """What came of it, as Markdown."""
    lines = ["| | |", "|---|---|", f"| minutes | {minutes:g} |"]
    names = ["sessions", "utterances", "failed", "link_cuts", "worker_faults", "resumes"]
    names += ["lost", "doubled", "unexpected", "disorder", "unbalanced", "orphans"]
    lines += [f"| {name.replace('_', ' ')} | {getattr(soak, name):,} |" for name in names]
    if soak.crash_costs_s:
        median, most = np.median(soak.crash_costs_s), max(soak.crash_costs_s)
        quick = sum(cost < 1 for cost in soak.crash_costs_s)
        lines.append(
            f"| crashes that cost less than a second | {quick} of {len(soak.crash_costs_s)} |"
        )
        lines.append(
            f"| a crash costs, beside the loading of the model | {median:.2f} s, at most {most:.2f} s |"
        )
    rss_mb: dict[int, list[float]] = {}
    for each in soak.measured:
        rss_mb.setdefault(int(each.at_s // 600), []).append(each.rss_mb)
    means = ", ".join(f"{np.mean(values):.1f}" for values in rss_mb.values())
    lines.append(f"| RSS, mean of each ten minutes | {means} MB |")
    lag = max(each.lag_ms for each in soak.measured)
    lines.append(f"| event loop late by (largest p99 of half a minute) | {lag:.0f} ms |")
    for name, unit in (("rss_mb", " MB"), ("descriptors", ""), ("threads", ""), ("tasks", "")):
        values = [getattr(each, name) for each in soak.measured]
        half = len(values) // 2
        growth = ", ".join(
            f"{rise:+.2f} ± {error:.2f}{unit}"
            for rise, error in (slope(soak, name, after) for after in (0.25, 0.5))
        )
        lines.append(
            f"| {name.removesuffix('_mb').upper() if unit else name}, first and second half (mean); "
            f"growth an hour after a quarter, after half | "
            f"{np.mean(values[:half]):.1f}{unit}, {np.mean(values[half:]):.1f}{unit}; {growth} |"
        )
    return "\n".join(lines) + "\n"


def draw(soak: Soak, path: Path) -> None:
    """Memory, descriptors and tasks over time."""
    figure_, axes = plt.subplots(3, 1, figsize=(8, 6), sharex=True)
    for axis, (name, label) in zip(
        axes, (("rss_mb", "MB"), ("descriptors", "descriptors"), ("tasks", "tasks")), strict=True
    ):
        minutes = [each.at_s / 60 for each in soak.measured]
        axis.plot(minutes, [getattr(each, name) for each in soak.measured], linewidth=1)
        axis.set_ylabel(label)
        axis.set_ylim(bottom=0)
    axes[-1].set_xlabel("minutes")
    figure_.tight_layout()
    figure_.savefig(path, dpi=110)


async def run(
    soak: Soak, server: ServerProcess, minutes: float, clients: int, per_minute: float, seed: int
) -> None:
    """All of it, with a bar."""
    began = time.monotonic()

    def over() -> bool:
        return time.monotonic() - began > minutes * 60

    async with Link(server.port, iter(())) as link:
        beside = [
            asyncio.create_task(measure(soak, server)),
            asyncio.create_task(disturb(soak, server, link, per_minute, random.Random(seed))),
        ]
        speaking = [asyncio.create_task(speak(soak, link.port, over)) for _ in range(clients)]
        with Progress(console=Console(stderr=True)) as progress:
            bar = progress.add_task("soak", total=minutes * 60)
            while not all(task.done() for task in speaking):
                progress.update(bar, completed=time.monotonic() - began)
                await asyncio.sleep(1)
        for task in speaking:
            task.result()
        for task in beside:
            if task.done():
                task.result()  # it ended by a fault of its own
            task.cancel()
        await asyncio.gather(*beside, return_exceptions=True)


@click.command(help=__doc__.replace("\n\n", "\n\n\b\n"))
@click.option("--minutes", default=2.0, show_default=True)
@click.option("--clients", default=4, show_default=True)
@click.option("--faults-per-minute", "per_minute", default=2.0, show_default=True)
@click.option("--model", default="tiny.en", show_default=True)
@click.option("--seed", default=1, show_default=True)
@click.option("--markdown", type=click.Path(path_type=Path))
@click.option("--picture", type=click.Path(path_type=Path))
@click.option("--json", "out", type=click.Path(path_type=Path), help="Everything measured.")
def main(
    minutes: float,
    clients: int,
    per_minute: float,
    model: str,
    seed: int,
    markdown: Path | None,
    picture: Path | None,
    out: Path | None,
) -> None:
    """Soak a server; the exit status is 1 where anything was lost, doubled or left behind."""
    soak = Soak()
    # The machine may be busy with other things: nobody is refused for that.
    server = start_server(model=model, lease_s=LEASE_S, overload_wait_ms=60_000)
    tree = server.tree()
    try:
        asyncio.run(run(soak, server, minutes, clients, per_minute, seed))
        tree += server.tree()
    finally:
        server.stop()
    soak.orphans = len(left_over(tree))
    soak.crash_costs_s = crash_costs_s(server.log)
    soak.problems += [line for line in server.stray if line.strip()]
    click.echo(table(soak, minutes))
    for problem in soak.problems[:20]:
        click.echo(problem, err=True)
    if markdown is not None:
        markdown.write_text(table(soak, minutes))
    if picture is not None:
        draw(soak, picture)
    if out is not None:
        out.write_text(json.dumps(asdict(soak)) + "\n")
    sys.exit(not soak.clean)


if __name__ == "__main__":
    main()
