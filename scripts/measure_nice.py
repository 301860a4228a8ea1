"""How late captions come at each nice level of the worker, alone and beside busy processes.

    python scripts/measure_nice.py --levels 0,5,10 --busy 0,4 --speakers 1,4

A row is a server of its own with `tiny.en`. Its speakers say the sample of the page at the pace of
speech; `final` is from the end of speech to its final, `lag` how late the server's event loop was. Busy
processes compute without end, at nice 0. Nothing else should run beside it: ratios between rows of one
run count, not the seconds.
"""

import argparse
import asyncio
import json
import statistics
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

from surtitle.app import running
from surtitle.cli.streaming import FileStream
from surtitle.client import connect
from surtitle.client.media import read_chunks
from surtitle.config import load_settings
from surtitle.gateway.web import web_root
from surtitle.messages import Start
from surtitle.runtime.mainloop import run_on_loop
from surtitle.runtime.telemetry import LogOptions, configure_logging

BUSY = "while True: pass"


@contextmanager
def busy(count: int) -> Iterator[None]:
    """So many processes that compute."""
    processes = [subprocess.Popen([sys.executable, "-S", "-c", BUSY]) for _ in range(count)]
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait()


async def speak(url: str) -> list[float]:
    """The delays of all finals of the sample, in seconds."""
    async with connect(url, Start(language="en")) as captions:
        chunks = read_chunks(web_root() / "sample.flac")
        figures = await FileStream(captions, chunks, real_time=True).run(lambda message: None)
    return figures.final_s


async def row(level: int, processes: int, speakers: int) -> str:
    """Measure one row: a line of a table."""
    overrides = {"port": 0, "model": "tiny.en", "worker_nice": level, "log_level": "error"}
    async with running(load_settings(overrides)) as app:
        await app.ready.wait()
        with busy(processes):
            delays = await asyncio.gather(*(speak(app.url) for _ in range(speakers)))
            health = await asyncio.to_thread(_health, app.url)
    finals = sorted(delay for each in delays for delay in each)
    lag = health["loop_lag_ms"]
    return (
        f"| {level} | {processes} | {speakers} | {statistics.median(finals):.2f} | "
        f"{finals[-1]:.2f} | {lag['p99']:.0f} | {lag['max']:.0f} |"
    )


def _health(url: str) -> dict[str, dict[str, float]]:
    with urllib.request.urlopen(url + "/healthz", timeout=30) as answer:
        health: dict[str, dict[str, float]] = json.load(answer)
    return health


async def main(options: argparse.Namespace) -> int:
    configure_logging(LogOptions("error"))
    print("| nice | busy processes | speakers | final, median s | worst | lag p99 ms | max |")
    print("|---|---|---|---|---|---|---|")
    for processes in options.busy:
        for speakers in options.speakers:
            for level in options.levels:
                print(await row(level, processes, speakers), flush=True)
    return 0


def numbers(text: str) -> list[int]:
    return [int(each) for each in text.split(",")]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--levels", type=numbers, default=[0, 5, 10])
    parser.add_argument("--busy", type=numbers, default=[0, 4])
    parser.add_argument("--speakers", type=numbers, default=[1, 4])
    sys.exit(run_on_loop(main(parser.parse_args())))
