"""What does a job cost a server whose engine is at the other end of a lane, beside one of its own?

    python scripts/bench_lane.py [--seconds 2 --seconds 6] [--jobs 1500] [--rounds 5] [--json FILE]

Both have a real worker process with a decoder that answers at once; the engine of the lane is a
process of its own, reached by a WebSocket on this machine. The figure is the processor time of this
process, all its threads together, for each job: from `submit` to the result. They take turns in one
run, since a busy machine disturbs both; the median of the rounds counts.
"""

import asyncio
import json
import statistics
import sys
import time
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import click
import numpy as np
import uvloop

from lab.server_process import FAKE_DECODER, start_server
from surtitle.engine.dialing import LaneOptions
from surtitle.engine.engine import Engine
from surtitle.engine.policy import WatchdogOptions
from surtitle.engine.remote import RemoteEngines
from surtitle.engine.states import EngineState
from surtitle.engine.supervisor import Supervisor
from surtitle.jobs import SAMPLE_RATE, DecodeOptions, Job, Result
from surtitle.recognition.worker import WorkerOptions
from surtitle.runtime import memory
from surtitle.runtime.telemetry import LogOptions, configure_logging

UNDER_WAY = 8
"""Jobs at once, as of so many sessions."""


async def cost_ms(engine: Engine, seconds: float, jobs: int, turn: int) -> float:
    """Processor time of a job."""
    audio = np.random.default_rng(turn).integers(
        -3000, 3000, round(seconds * SAMPLE_RATE), dtype=np.int16
    )
    answered, room = 0, asyncio.Semaphore(UNDER_WAY)
    done = asyncio.Event()

    def on_result(result: Result) -> None:
        nonlocal answered
        assert result.text
        answered += 1
        room.release()
        if answered == jobs:
            done.set()

    began = time.process_time()
    for number in range(jobs):
        await room.acquire()
        session = f"{turn}-{number % UNDER_WAY}"
        job_id = f"{session}/{number}/{len(audio)}/final"
        engine.submit(
            Job(job_id, session, number, "final", audio, DecodeOptions(prompt="say:word")),
            on_result,
        )
    await done.wait()
    return (time.process_time() - began) * 1000 / jobs


@asynccontextmanager
async def running(engine: Engine) -> AsyncIterator[Engine]:
    engine.start()
    try:
        async with asyncio.timeout(60):
            while engine.state is not EngineState.READY or engine.model is None:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        yield engine
    finally:
        await engine.stop()


async def measure(seconds: tuple[float, ...], jobs: int, rounds: int) -> dict[str, float]:
    """Milliseconds of each way and length, and their ratios."""
    served = start_server(
        command=[sys.executable, "-m", "lab.engine_with", FAKE_DECODER], ready=False
    )
    worker = WorkerOptions(FAKE_DECODER, {"name": "local"}, LogOptions("error"), give_up_s=60)
    found: defaultdict[tuple[str, float], list[float]] = defaultdict(list)
    try:
        lane = RemoteEngines([served.url], LaneOptions("bench", ""), lambda s: None, lambda o: None)
        pipe = Supervisor(worker, WatchdogOptions())
        async with running(pipe), running(lane):
            for turn in range(rounds + 1):
                for length in seconds:
                    for way, engine in (("pipe", pipe), ("lane", lane)):
                        ms = await cost_ms(engine, length, jobs, turn)
                        if turn:  # the first warms up
                            found[way, length].append(ms)
    finally:
        served.stop()
    figures = {f"{way} {s:g} s": statistics.median(all_ms) for (way, s), all_ms in found.items()}
    for s in seconds:
        figures[f"ratio {s:g} s"] = figures[f"lane {s:g} s"] / figures[f"pipe {s:g} s"]
    return figures


@click.command(help=__doc__)
@click.option("--seconds", type=float, multiple=True, default=(2.0, 6.0))
@click.option("--jobs", default=1500)
@click.option("--rounds", default=5)
@click.option("--json", "json_file", type=click.Path(path_type=Path))
def main(seconds: tuple[float, ...], jobs: int, rounds: int, json_file: Path | None) -> None:
    configure_logging(LogOptions("error"))
    memory.keep_buffers()  # as a server with lanes does
    figures = uvloop.run(measure(seconds, jobs, rounds))
    for name, figure in figures.items():
        click.echo(f"{name:12} {figure:.3f}{'' if name.startswith('ratio') else ' ms a job'}")
    if json_file is not None:
        json_file.write_text(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
