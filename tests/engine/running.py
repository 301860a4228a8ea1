"""Engines with real worker processes, and what came of them."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Generic, TypeVar

import numpy as np

from lab.server_process import FAKE_DECODER
from surtitle.engine.engine import Engine
from surtitle.engine.policy import WatchdogOptions
from surtitle.engine.states import EngineState
from surtitle.engine.supervisor import Supervisor
from surtitle.jobs import DecodeOptions, Job, JobKind, Result
from surtitle.recognition.worker import WorkerOptions
from surtitle.runtime.telemetry import LogOptions

AnyEngine = TypeVar("AnyEngine", bound=Engine)


class Asked(Generic[AnyEngine]):
    """An engine, the states it went through and the results it delivered."""

    engine: AnyEngine

    def __init__(self) -> None:
        self.states: list[EngineState] = []
        self.loads: list[bool] = []
        self.results: list[Result] = []
        self.when_recovering: Callable[[], object] = lambda: None

    def on_state(self, state: EngineState) -> None:
        self.states.append(state)
        if state is EngineState.RECOVERING:
            self.when_recovering()

    def submit(
        self,
        utterance: int,
        prompt: str,
        *,
        kind: JobKind = "final",
        session: str = "s",
        samples: int = 1600,
        speculative: bool = False,
    ) -> Job:
        job_id = f"{session}/{utterance}/{samples}/{kind}"
        audio = np.zeros(samples, np.int16)
        decode_options = DecodeOptions(prompt=prompt)
        job = Job(job_id, session, utterance, kind, audio, decode_options, speculative=speculative)
        self.engine.submit(job, self.results.append)
        return job

    async def until(self, condition: Callable[[], bool], limit_s: float = 15.0) -> None:
        async with asyncio.timeout(limit_s):
            while not condition():  # noqa: ASYNC110 - what is waited for happens elsewhere
                await asyncio.sleep(0.005)

    async def answered(self, count: int) -> list[str]:
        """Each result in a word, once there are `count`."""
        await self.until(lambda: len(self.results) >= count)
        return [result.error_code or result.dropped or result.text for result in self.results]

    async def fill(self, folder: Path, places: int = 2) -> list[Path]:
        """Take so many places, all of them; each is free again when its file is removed."""
        files = [folder / f"place-{number}" for number in range(places)]
        for number, file in enumerate(files):
            self.submit(1, f"wait:{file}", session=f"filler-{number}")
        await self.until(lambda: all(file.exists() for file in files))
        return files


class Running(Asked[Supervisor]):
    """A supervisor."""

    def __init__(self, name: str, options: WatchdogOptions, overload_wait_s: float) -> None:
        super().__init__()
        worker = WorkerOptions(FAKE_DECODER, {"name": name}, LogOptions("error"), give_up_s=60)
        self.engine = Supervisor(
            worker, options, self.on_state, self.loads.append, overload_wait_s=overload_wait_s
        )

    @property
    def waiting(self) -> int:
        """How many jobs are not handed over yet."""
        return len(self.engine._scheduler)

    @property
    def books(self) -> tuple[int, int, int]:
        """How many jobs are owed a result, wait, are under way."""
        watchdog = self.engine._watchdog
        return len(self.engine._waiting), self.waiting, len(watchdog.running)

    def deaths(self, cause: str) -> int:
        """How many workers ended for this reason."""
        return int(self.engine._metrics._deaths.labels(cause)._value.get())


def watchdog_options(**options: float) -> WatchdogOptions:
    """Quick ones, but for those that are given."""
    return WatchdogOptions(**({"lease_s": 1.0, "first_backoff_s": 0.05} | options))  # type: ignore[arg-type]


@asynccontextmanager
async def running(
    name: str = "fake", *, ready: bool = True, overload_wait_s: float = 60.0, **options: float
) -> AsyncIterator[Running]:
    run = Running(name, watchdog_options(**options), overload_wait_s)
    async with started(run, ready=ready):
        yield run


@asynccontextmanager
async def started(run: Asked[AnyEngine], *, ready: bool) -> AsyncIterator[None]:
    """Start an engine and wait until it is ready, if that is wanted; stop it in the end."""
    run.engine.start()
    try:
        if ready:
            await run.until(lambda: run.engine.state is EngineState.READY)
        yield
    finally:
        await run.engine.stop()
