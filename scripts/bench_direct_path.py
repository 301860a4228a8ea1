"""Is our way to the model as fast as the model? Ratios measured in one run, on the same 11 s of speech.

    bare        faster-whisper's own model, its generator consumed on the main thread, 30 s window
    decoder     our decoder called in this process (short window)
    served      the same through the worker process: pipes, scheduler, watchdog
    thread      `bare` through ThreadPoolExecutor(...).submit(list, segments).result(), the pattern
                that once made a service eight times slower

Every variant decodes with a beam of 5 and without temperature fall-back, one warm-up each, then
takes turns, so that a noisy machine disturbs all alike. Medians, and ratios to `bare`.

    python scripts/bench_direct_path.py [--model tiny.en] [--rounds 7] [--json FILE]
"""

import argparse
import asyncio
import json
import statistics
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from faster_whisper import WhisperModel
from rich.console import Console
from rich.table import Table

from surtitle.app import WHISPER
from surtitle.client.media import read_chunks
from surtitle.engine.policy import WatchdogOptions
from surtitle.engine.supervisor import Supervisor
from surtitle.gateway.web import web_root
from surtitle.jobs import SAMPLE_RATE, DecodeOptions, Job, Pcm16, Result, Windows
from surtitle.recognition.models import locate
from surtitle.recognition.whisper import WhisperDecoder
from surtitle.recognition.worker import POLL_S, WorkerOptions
from surtitle.runtime.telemetry import LogOptions, configure_logging

SECONDS = 11.0
GPU_TARGET = 0.3
"""What an 11 s utterance may take of its length on the reference GPU."""


def speech() -> Pcm16:
    """The first SECONDS of the spoken sample."""
    audio = np.frombuffer(b"".join(read_chunks(web_root() / "sample.flac")), np.int16)
    return audio[: int(SECONDS * SAMPLE_RATE)]


def job(audio: Pcm16, number: int, windows: Windows) -> Job:
    """A final of the audio."""
    decode_options, window_s = DecodeOptions(language="en"), windows.fit(SECONDS, "final")
    return Job(f"bench/{number}/0/final", "bench", number, "final", audio, decode_options, window_s)


async def measure(model_name: str, rounds: int) -> dict[str, list[float]]:
    """Seconds of each variant, by round."""
    audio = speech()
    floats = audio.astype(np.float32) / 32768
    bare = WhisperModel(
        **locate(model_name).arguments(), device="auto", compute_type="int8", cpu_threads=1
    )
    arguments = {"beam_size": 5, "language": "en", "temperature": 0.0, "without_timestamps": True}
    options: dict[str, Any] = {
        "name": model_name,
        "device": "auto",
        "compute_type": "default",
        "replicas": 0,
        "threads": 0,
    }
    decoder = WhisperDecoder(**options)
    windows = decoder.info.windows
    ready = asyncio.Event()
    engine = Supervisor(
        WorkerOptions(WHISPER, options, LogOptions("warning"), give_up_s=60),
        WatchdogOptions(),
        on_state=lambda state: ready.set(),
    )
    engine.start()
    await ready.wait()
    numbers = iter(range(1_000_000))

    async def run_bare() -> None:
        list(bare.transcribe(floats, **arguments)[0])

    async def run_thread() -> None:
        segments = bare.transcribe(floats, **arguments)[0]
        with ThreadPoolExecutor(max_workers=1) as pool:
            pool.submit(list, segments).result(timeout=40)

    async def run_decoder() -> None:
        for _ in decoder.decode([job(audio, next(numbers), windows)]):
            await asyncio.sleep(POLL_S)

    async def run_served() -> None:
        done: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        engine.submit(job(audio, next(numbers), windows), done.set_result)
        await done

    variants: dict[str, Callable[[], Awaitable[None]]] = {
        "bare": run_bare,
        "decoder": run_decoder,
        "served": run_served,
        "thread": run_thread,
    }
    times: dict[str, list[float]] = {name: [] for name in variants}
    for variant in variants.values():
        await variant()  # warm-up
    for _ in range(rounds):
        for name, variant in variants.items():
            began = time.perf_counter()
            await variant()
            times[name].append(time.perf_counter() - began)
    await engine.stop()
    return times


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--model", default="tiny.en")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--json", type=Path, help="write the figures there too")
    options = parser.parse_args()
    configure_logging(LogOptions("warning"))
    times = asyncio.run(measure(options.model, options.rounds))
    medians = {name: statistics.median(values) for name, values in times.items()}
    table = Table(title=f"{options.model}, {SECONDS:g} s of speech, {options.rounds} rounds")
    for column in ("variant", "median s", "ratio to bare", "of its length"):
        table.add_column(column, justify="left" if column == "variant" else "right")
    for name, median in medians.items():
        table.add_row(
            name, f"{median:.3f}", f"{median / medians['bare']:.2f}", f"{median / SECONDS:.3f}"
        )
    Console().print(table)
    print(f"An utterance must take under {GPU_TARGET} of its length on the reference GPU.")
    if options.json:
        options.json.write_text(json.dumps(times, indent=1))


if __name__ == "__main__":
    main()
