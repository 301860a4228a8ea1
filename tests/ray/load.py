"""A gateway without Ray, whose sessions submit jobs at a steady rate, and what becomes of each job."""

import asyncio
import itertools
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import numpy as np
from numpy.typing import NDArray

from surtitle.engine.dialing import LaneOptions
from surtitle.engine.remote import RemoteEngines
from surtitle.engine.states import EngineState
from surtitle.jobs import DecodeOptions, Job, Result

DECODES = DecodeOptions(prompt="sleep:0.06")
"""What the decoder takes, one job after the other."""
SILENCE = np.zeros(32_000, np.int16)
SESSIONS = 12
SETTLE_S = 15.0
"""So long after the last job, all have to be answered."""


class Gateway:
    """A pool of lanes, its jobs and their answers."""

    def __init__(self, urls: list[str], secret: str) -> None:
        self.states: list[EngineState] = []
        self.pool = RemoteEngines(
            urls, LaneOptions("here", secret), self.states.append, lambda overloaded: None
        )
        self.asked: list[str] = []  # job ids
        self.answers = Counter[str]()  # by job id
        self.failed: list[Result] = []
        self.waits: list[float] = []
        self.texts: list[str] = []

    @property
    def engines(self) -> list[str]:
        """The incarnations of the engines with lanes that are ready."""
        ready = [m.name for m in self.pool.members if m.state is EngineState.READY]
        return sorted(name.rpartition("#")[2] for name in ready)

    @property
    def member_states(self) -> list[EngineState]:
        """Those of all engines."""
        return [member.state for member in self.pool.members]

    def submit(self, job: Job) -> None:
        """Have a job done."""
        self.asked.append(job.id)
        asked = time.monotonic()

        def answered(result: Result) -> None:
            self.answers[job.id] += 1
            self.texts.append(result.text)
            self.waits.append(time.monotonic() - asked)
            if result.error_code or result.dropped:
                self.failed.append(result)

        self.pool.submit(job, answered)

    async def until(self, condition: Callable[[], object], limit_s: float) -> None:
        """Wait for what happens elsewhere."""
        async with asyncio.timeout(limit_s):
            while not condition():  # noqa: ASYNC110
                await asyncio.sleep(0.02)

    async def engines_are(self, count: int, limit_s: float = 30.0) -> None:
        """Wait for lanes to so many engines."""
        await self.until(lambda: len(self.engines) == count, limit_s)

    async def answered(self, more: int, limit_s: float = 20.0) -> None:
        """Wait for so many more answers."""
        count = len(self.answers) + more
        await self.until(lambda: len(self.answers) >= count, limit_s)

    @property
    def longest_s(self) -> float:
        """The longest wait of a final."""
        return max(self.waits)

    def check(self) -> None:
        """Each job has one answer, and it is no error."""
        assert [job for job in self.asked if job not in self.answers] == []  # lost
        assert [job for job, count in self.answers.items() if count > 1] == []  # doubled
        assert self.failed == []


@asynccontextmanager
async def gateway(urls: list[str], secret: str = "") -> AsyncIterator[Gateway]:
    """A gateway without jobs."""
    here = Gateway(urls, secret)
    task = here.pool.start()
    try:
        yield here
        assert not task.done()
    finally:
        await here.pool.stop()


@asynccontextmanager
async def load(
    here: Gateway,
    per_s: float,
    audio: NDArray[np.int16] = SILENCE,
    options: DecodeOptions = DECODES,
) -> AsyncIterator[None]:
    """Finals at this rate, until the end of the block; then all are answered, each once."""
    submitting = asyncio.create_task(_submit(here, per_s, audio, options))
    try:
        yield
    finally:
        submitting.cancel()
        await asyncio.wait({submitting})
    await here.until(lambda: len(here.answers) == len(here.asked), SETTLE_S)
    here.check()


async def _submit(
    here: Gateway, per_s: float, audio: NDArray[np.int16], options: DecodeOptions
) -> None:
    for number in itertools.count():
        session, utterance = f"s{number % SESSIONS}", number // SESSIONS
        job_id = f"{session}/{utterance}/{len(here.asked)}/final"
        here.submit(Job(job_id, session, utterance, "final", audio, options))
        await asyncio.sleep(1 / per_s)
