"""Many engines and thousands of speakers on a virtual clock: what the pool and the schedulers do.

    python scripts/simulate_cluster.py --replicas 200 --sessions 8000 --model large-v3-turbo

The pool, its placement and the schedulers are those of the server; workers are replaced by the times
that batches take on a GPU (measured ones, see docs/performance.md), and speakers by utterances of
random lengths with a partial every 608 ms. Faults end workers in the middle of their batches, or make
them hang until the pool gives them up. What comes out is computed, not measured.
"""

import heapq
import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count

import click
import numpy as np
from rich.console import Console
from rich.table import Table

from surtitle.engine.engine import Deliver, Member, OnLoad, OnState
from surtitle.engine.pool import EnginePool
from surtitle.engine.scheduler import Owner, Scheduler
from surtitle.engine.speakers import Speakers
from surtitle.engine.states import EngineState
from surtitle.jobs import DecodeOptions, Job, JobKind, ModelInfo, Pcm16, Result

PARTIAL_EVERY_S = 0.608
MEAN_UTTERANCE_S, MEAN_PAUSE_S = 4.0, 3.0
MIN_UTTERANCE_S = 0.6
RESTART_S = 6.0
"""Until a worker that died has loaded its model again."""
SILENCE_S = 2.5
"""Until an engine that hangs is given up, see `engine.lane`."""
_AUDIO: Pcm16 = np.zeros(160, np.int16)
_OPTIONS = DecodeOptions(language="en")


@dataclass(frozen=True)
class Times:
    """What batches take on a device: alone, and of sixteen; in between it grows by as much a job."""

    final_s: tuple[float, float]
    partial_s: tuple[float, float]

    def of(self, kind: JobKind, jobs: int) -> float:
        """For a batch of so many."""
        alone, sixteen = self.final_s if kind == "final" else self.partial_s
        return alone + (sixteen - alone) * (jobs - 1) / 15


H200 = {
    "base": Times((0.043, 0.066), (0.032, 0.040)),
    "large-v3-turbo": Times((0.035, 0.162), (0.024, 0.088)),
    "large-v3": Times((0.229, 0.374), (0.109, 0.181)),
}
"""Measured by `scripts/measure_gpu.py`."""


class VirtualClock:
    """Time that passes from one event to the next."""

    def __init__(self) -> None:
        self.now = 0.0
        self._events: list[tuple[float, int, Callable[[], object]]] = []
        self._numbers = count()

    def time(self) -> float:
        """As time.monotonic."""
        return self.now

    def call_in(self, seconds: float, call: Callable[[], object]) -> None:
        """Do this later."""
        heapq.heappush(self._events, (self.now + seconds, next(self._numbers), call))

    def run(self, until: float) -> None:
        """Let time pass."""
        while self._events and self._events[0][0] <= until:
            self.now, _, call = heapq.heappop(self._events)
            call()
        self.now = until


class Worker:
    """A member of the pool whose batches take as long as a table says."""

    failure: str | None = None

    def __init__(
        self, name: str, times: Times, clock: VirtualClock, on_state: OnState, on_load: OnLoad
    ) -> None:
        self.name = name
        self.state = EngineState.LOADING
        self.model: ModelInfo | None = None
        self.strikes: Mapping[str, int] = {}
        self._times = times
        self._clock = clock
        self._on_state = on_state
        self._scheduler = Scheduler()
        self._speakers = Speakers()
        self._owed: dict[str, tuple[Job, Deliver]] = {}
        self._under_way: list[Job] = []
        self._incarnation = 0
        self._hangs = False

    # -- see Member -----------------------------------------------------------------------------

    @property
    def utilization(self) -> float:
        """See Engine."""
        return float(bool(self._under_way))

    @property
    def owed_jobs(self) -> int:
        """See Engine."""
        return len(self._owed)

    @property
    def members(self) -> Sequence[Member]:
        """See Engine."""
        raise NotImplementedError

    def start(self) -> "object":
        """See Engine."""
        raise NotImplementedError

    async def stop(self) -> None:
        """See Engine."""

    def overloaded_for(self, owner: str) -> bool:
        """See Engine."""
        return False

    def place(self, session: str, owner: Owner) -> None:
        """See Engine."""
        self._scheduler.place(session, owner)

    def submit(self, job: Job, deliver: Deliver) -> None:
        """See Engine."""
        self._owed[job.id] = job, deliver
        self._speakers.on_job(
            job.session, self._scheduler.owner_of(job.session).name, self._clock.now
        )
        if job.alone:
            self._scheduler.add_alone(job)
        else:
            for superseded in self._scheduler.add(job):
                self._answer(Result(superseded.id, dropped="superseded"))
        self._grant()

    def promote(self, job: Job) -> None:
        """See Engine."""
        self._scheduler.promote(job)

    def cancel(self, job: Job) -> None:
        """See Engine."""
        self._owed.pop(job.id, None)
        self._scheduler.discard(job.id, job.session)

    def discard_session(self, session: str) -> None:
        """See Engine."""
        for job, _ in list(self._owed.values()):
            if job.session == session:
                self.cancel(job)

    def release(self) -> None:
        """See Member."""
        for job, _ in list(self._owed.values()):
            self.cancel(job)

    # -- what happens to it ---------------------------------------------------------------------

    def load(self) -> None:
        """It is ready."""
        self.model = ModelInfo("simulated", "cuda", "float16", ("en",), 0.0, 1, 16)
        self._become(EngineState.READY)
        self._grant()

    def die(self) -> None:
        """The process ends in the middle of what it does."""
        if self.state is EngineState.READY and not self._hangs:
            self._end()

    def hang(self) -> None:
        """It does nothing more, and nobody knows yet."""
        if self.state is EngineState.READY and not self._hangs:
            self._hangs = True
            self._incarnation += 1
            self._clock.call_in(SILENCE_S, self._end)

    def _end(self) -> None:
        self._hangs = False
        self._incarnation += 1
        self.strikes = {job.id: 1 + job.alone for job in self._under_way if job.id in self._owed}
        self._under_way = []
        self._become(EngineState.RECOVERING)
        self._clock.call_in(RESTART_S, self.load)

    def _become(self, state: EngineState) -> None:
        self.state = state
        self._on_state(state)

    def _grant(self) -> None:
        if self.state is not EngineState.READY or self._under_way or self._hangs:
            return
        speaking = self._speakers.owners(self._clock.now)
        self._under_way = self._scheduler.next_batch(lambda job: 16, speaking=speaking).jobs
        if self._under_way:
            kind, number = self._under_way[0].kind, self._incarnation
            took_s = self._times.of(kind, len(self._under_way))
            self._clock.call_in(took_s, lambda: self._finish(number))

    def _finish(self, incarnation: int) -> None:
        if incarnation != self._incarnation:
            return
        done, self._under_way = self._under_way, []
        for job in done:
            self._answer(Result(job.id, text="words"))
        self._grant()

    def _answer(self, result: Result) -> None:
        if (owed := self._owed.pop(result.job_id, None)) is not None:
            owed[1](result)


@dataclass
class Outcome:
    """What came of it."""

    jobs: int = 0
    answers: int = 0
    doubled: int = 0
    quarantined: int = 0
    final_s: list[float] = field(default_factory=list)
    """From the end of an utterance to its final."""
    partial_s: list[float] = field(default_factory=list)
    """From a partial's submission to its text."""

    @property
    def lost(self) -> int:
        """Jobs without an answer."""
        return self.jobs - self.answers


class Speaker:
    """One session: utterances and pauses of random lengths."""

    def __init__(
        self, name: str, pool: EnginePool, clock: VirtualClock, chance: random.Random, out: Outcome
    ) -> None:
        self._name = name
        self._pool = pool
        self._clock = clock
        self._chance = chance
        self._out = out
        self._utterance = 0
        self._asked = 0
        self._ends_at = 0.0
        self.is_over = False
        pool.place(name, Owner(name))

    def begin(self) -> None:
        """Say something."""
        if self.is_over:
            return
        self._utterance += 1
        length_s = max(self._chance.expovariate(1 / MEAN_UTTERANCE_S), MIN_UTTERANCE_S)
        self._ends_at = self._clock.now + length_s
        self._clock.call_in(min(PARTIAL_EVERY_S, length_s), self._go_on)

    def _go_on(self) -> None:
        if self._clock.now < self._ends_at:
            self._ask("partial")
            left_s = self._ends_at - self._clock.now
            self._clock.call_in(min(PARTIAL_EVERY_S, left_s), self._go_on)
        else:
            self._ask("final")
            self._clock.call_in(self._chance.expovariate(1 / MEAN_PAUSE_S), self.begin)

    def _ask(self, kind: JobKind) -> None:
        self._asked += 1
        self._out.jobs += 1
        job_id = f"{self._name}/{self._asked}"
        job = Job(job_id, self._name, self._utterance, kind, _AUDIO, _OPTIONS)
        asked_at, answered = self._clock.now, False

        def deliver(result: Result) -> None:
            nonlocal answered
            self._out.doubled += answered
            self._out.answers += not answered
            answered = True
            self._out.quarantined += bool(result.error_code)
            if result.text:
                waits = self._out.final_s if kind == "final" else self._out.partial_s
                waits.append(self._clock.now - asked_at)

        self._pool.submit(job, deliver)


def simulate(
    times: Times, *, replicas: int, sessions: int, faults: int, seconds: float, seed: int
) -> Outcome:
    """Let so many speak, and so many workers fail, for so long; then let all be answered."""
    clock, chance, outcome = VirtualClock(), random.Random(seed), Outcome()
    workers: list[Worker] = []

    def make(on_state: OnState, on_load: OnLoad) -> Member:
        workers.append(Worker(f"worker-{len(workers)}", times, clock, on_state, on_load))
        return workers[-1]  # type: ignore[return-value] # it has no tasks

    pool = EnginePool([make] * replicas, clock=clock.time)
    for worker in workers:
        worker.load()
    speakers = [Speaker(f"s{n}", pool, clock, chance, outcome) for n in range(sessions)]
    for speaker in speakers:
        clock.call_in(chance.uniform(0, MEAN_UTTERANCE_S + MEAN_PAUSE_S), speaker.begin)
    for _ in range(faults):
        worker = chance.choice(workers)
        clock.call_in(chance.uniform(0, seconds), chance.choice([worker.die, worker.hang]))
    clock.run(seconds)
    for speaker in speakers:
        speaker.is_over = True
    clock.run(seconds + 60)
    return outcome


def _percentiles(values: list[float]) -> str:
    p50, p95, worst = np.percentile(values, [50, 95, 100])
    return f"{p50 * 1000:.0f} / {p95 * 1000:.0f} / {worst * 1000:.0f}"


@click.command(help=__doc__)
@click.option("--replicas", default=200, show_default=True)
@click.option("--sessions", default=8000, show_default=True)
@click.option("--faults", default=60, show_default=True, help="Workers that die or hang.")
@click.option("--seconds", default=30.0, show_default=True)
@click.option("--model", type=click.Choice(list(H200)), default="large-v3-turbo", show_default=True)
@click.option("--seed", default=1, show_default=True)
def main(replicas: int, sessions: int, faults: int, seconds: float, model: str, seed: int) -> None:
    """Simulate, and say what came out."""
    began = time.process_time()
    out = simulate(
        H200[model],
        replicas=replicas,
        sessions=sessions,
        faults=faults,
        seconds=seconds,
        seed=seed,
    )
    table = Table(
        "figure", "computed", title=f"{replicas} of {model} on an H200, {sessions} speakers"
    )
    table.add_row("jobs", f"{out.jobs:,}")
    table.add_row("lost, doubled", f"{out.lost}, {out.doubled}")
    table.add_row("given up", str(out.quarantined))
    table.add_row("final, ms after the end (p50 / p95 / max)", _percentiles(out.final_s))
    table.add_row("partial, ms (p50 / p95 / max)", _percentiles(out.partial_s))
    table.add_row("CPU time of this simulation, s", f"{time.process_time() - began:.0f}")
    Console(width=100).print(table)


if __name__ == "__main__":
    main()
