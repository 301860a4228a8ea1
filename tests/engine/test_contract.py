"""What every engine promises, on real workers: one, a pool of two, and one behind each kind of lane."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Protocol

import pytest

from lab.server_process import FAKE_DECODER
from surtitle.engine.asgi import LanesApp
from surtitle.engine.dialing import LaneOptions
from surtitle.engine.engine import Engine
from surtitle.engine.lane import Lane
from surtitle.engine.lane_server import LaneServer
from surtitle.engine.lanes import Lanes
from surtitle.engine.local import local_engine
from surtitle.engine.scheduler import Owner
from surtitle.engine.states import EngineState
from surtitle.engine.supervisor import Supervisor
from surtitle.jobs import ENGINE_FAILED, QUARANTINED
from surtitle.recognition.worker import WorkerOptions
from surtitle.runtime.metrics import Metrics
from surtitle.runtime.telemetry import LogOptions
from tests.engine.asgi_server import listening
from tests.engine.running import Asked, started, watchdog_options
from tests.marks import long

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")


SECRET = "s3cret"


class Run(Asked[Engine]):
    """An engine of one or several workers."""

    def __init__(self, name: str, workers: int, overload_wait_s: float, lease_s: float) -> None:
        super().__init__()
        self.places = 2 * workers
        self.local = self.engine = local_engine(
            ["cpu"] * workers,
            WorkerOptions(FAKE_DECODER, {"name": name}, LogOptions("error"), give_up_s=60),
            watchdog_options(lease_s=lease_s),
            self.on_local_state,
            self.on_local_load,
            overload_wait_s=overload_wait_s,
            metrics=Metrics(),
        )

    def on_local_state(self, state: EngineState) -> None:
        self.on_state(state)

    def on_local_load(self, overloaded: bool) -> None:
        self.loads.append(overloaded)

    @asynccontextmanager
    async def started(self, *, ready: bool) -> AsyncIterator[None]:
        """See running.started."""
        async with started(self, ready=ready):
            if ready:
                await self.all_ready()
            yield

    @property
    def workers(self) -> list[Supervisor]:
        """Those of the engine."""
        assert all(isinstance(member, Supervisor) for member in self.local.members)
        return list(self.local.members)  # type: ignore[arg-type]

    async def all_ready(self) -> None:
        await self.until(lambda: all(w.state is EngineState.READY for w in self.workers))

    async def nothing_owed(self) -> None:
        await self.until(lambda: not self.engine.owed_jobs)

    @property
    def answered_ids(self) -> list[str]:
        return sorted(result.job_id for result in self.results)


class RunBehindLane(Run):
    """One worker, on another machine as far as the engine that is asked knows."""

    def __init__(self, name: str, overload_wait_s: float, lease_s: float) -> None:
        super().__init__(name, 1, overload_wait_s, lease_s)
        self.server = LaneServer(self.local, "there", "1", SECRET, lambda: b"")

    def on_local_state(self, state: EngineState) -> None:
        self.server.tell_state()

    def on_local_load(self, overloaded: bool) -> None:
        self.server.tell_load()

    @asynccontextmanager
    async def started(self, *, ready: bool) -> AsyncIterator[None]:
        """See running.started."""
        port = await self.server.start("127.0.0.1", 0, None)
        beating = asyncio.create_task(self.server.run())
        self.local.start()
        options = LaneOptions("here", SECRET)
        self.engine = Lane(f"ws://127.0.0.1:{port}", options, self.on_state, self.loads.append)
        try:
            async with super().started(ready=ready):
                yield
        finally:
            beating.cancel()
            await self.server.stop()
            await self.local.stop()


class RunBehindAsgi(Run):
    """The same through the application that Ray Serve has for it."""

    def __init__(self, name: str, overload_wait_s: float, lease_s: float) -> None:
        super().__init__(name, 1, overload_wait_s, lease_s)
        self.lanes = Lanes(self.local, "there", "1", SECRET, lambda: b"")

    def on_local_state(self, state: EngineState) -> None:
        self.lanes.tell_state()

    def on_local_load(self, overloaded: bool) -> None:
        self.lanes.tell_load()

    @asynccontextmanager
    async def started(self, *, ready: bool) -> AsyncIterator[None]:
        """See running.started."""
        async with listening(LanesApp(self.lanes)) as port:
            beating = asyncio.create_task(self.lanes.run())
            self.local.start()
            options = LaneOptions("here", SECRET)
            self.engine = Lane(f"ws://127.0.0.1:{port}", options, self.on_state, self.loads.append)
            try:
                async with super().started(ready=ready):
                    yield
            finally:
                beating.cancel()
                await self.local.stop()


class Make(Protocol):
    """Makes an engine, running."""

    def __call__(
        self,
        name: str = "fake",
        *,
        ready: bool = True,
        overload_wait_s: float = 60.0,
        lease_s: float = 30.0,
    ) -> AbstractAsyncContextManager[Run]: ...


MAKE: dict[str, Callable[[str, float, float], Run]] = {
    "supervisor": lambda name, wait_s, lease_s: Run(name, 1, wait_s, lease_s),
    "pool": lambda name, wait_s, lease_s: Run(name, 2, wait_s, lease_s),
    "lane": RunBehindLane,
    "asgi": RunBehindAsgi,
}


@pytest.fixture(params=list(MAKE))
def engine(request: pytest.FixtureRequest) -> Make:
    @asynccontextmanager
    async def make(
        name: str = "fake",
        *,
        ready: bool = True,
        overload_wait_s: float = 60.0,
        lease_s: float = 30.0,
    ) -> AsyncIterator[Run]:
        run = MAKE[request.param](name, overload_wait_s, lease_s)
        async with run.started(ready=ready):
            yield run

    return make


async def test_each_job_has_one_answer(engine: Make) -> None:
    async with engine() as run:
        jobs = [
            run.submit(n, f"say:{n}", session=f"s{n % 5}", kind=kind)
            for n in range(40)
            for kind in ("partial", "final")
        ]
        await run.answered(len(jobs))
        await run.nothing_owed()
        assert run.answered_ids == sorted(job.id for job in jobs)
        finals = [result for result in run.results if result.job_id.endswith("final")]
        assert sorted(int(result.text) for result in finals) == list(range(40))
        dropped = [result.dropped for result in run.results if not result.text]
        assert set(dropped) <= {"superseded"}


async def test_jobs_that_come_before_a_model_is_loaded_wait_for_it(engine: Make) -> None:
    async with engine("slow:0.3", ready=False) as run:
        assert run.engine.state is EngineState.LOADING
        assert run.engine.model is None
        run.submit(1, "say:patient")
        assert await run.answered(1) == ["patient"]
        assert run.states == [EngineState.READY]
        assert run.engine.model is not None


async def test_the_final_of_an_utterance_takes_the_place_of_a_partial_that_waits(
    engine: Make, tmp_path: Path
) -> None:
    async with engine() as run:
        places = await run.fill(tmp_path, run.places)
        partial = run.submit(1, "say:partial", kind="partial")
        final = run.submit(1, "say:final")
        await run.answered(1)
        assert [(r.job_id, r.dropped) for r in run.results] == [(partial.id, "superseded")]
        for place in places:
            place.unlink()
        await run.answered(2 + len(places))
        assert [r.text for r in run.results if r.job_id == final.id] == ["final"]


async def test_a_speculative_final_that_is_waited_for_is_answered_once(
    engine: Make, tmp_path: Path
) -> None:
    async with engine() as run:
        places = await run.fill(tmp_path, run.places)
        job = run.submit(1, "say:one", speculative=True)
        run.engine.promote(replace(job, speculative=False))
        for place in places:
            place.unlink()
        await run.answered(1 + len(places))
        await run.nothing_owed()
        assert run.answered_ids.count(job.id) == 1


async def test_what_is_taken_back_has_no_answer(engine: Make, tmp_path: Path) -> None:
    async with engine() as run:
        places = await run.fill(tmp_path, run.places)
        waiting = run.submit(1, "say:waiting", session="a")
        run.engine.place("b", Owner("b"))
        run.submit(1, "say:gone", session="b")
        run.engine.cancel(waiting)
        run.engine.discard_session("b")
        run.engine.discard_session("filler-0")  # under way
        run.engine.cancel(waiting)  # once more: it is not there
        for place in places:
            place.unlink()
        run.submit(1, "say:other", session="c")
        await run.answered(len(places))
        await run.nothing_owed()
        assert len(run.results) == len(places)
        assert not {"a", "b", "filler-0"} & {job_id.split("/")[0] for job_id in run.answered_ids}


async def test_a_worker_that_is_killed_costs_no_answer(engine: Make, tmp_path: Path) -> None:
    async with engine() as run:
        places = await run.fill(tmp_path, run.places)
        jobs = [run.submit(1, f"say:{n}", session=f"s{n}") for n in range(6)]
        pid = run.workers[0].worker_pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        await run.until(lambda: run.workers[0].state is EngineState.RECOVERING)
        for place in places:  # those under way are tried once more, and so make their files anew
            place.unlink(missing_ok=True)
        async with asyncio.timeout(15):
            while len(run.results) < len(jobs) + len(places):
                for place in places:
                    place.unlink(missing_ok=True)
                await asyncio.sleep(0.01)
        await run.all_ready()
        assert sorted(r.text for r in run.results if r.job_id.startswith("s")) == list("012345")
        assert len(set(run.answered_ids)) == len(run.results) == len(jobs) + len(places)
        assert EngineState.FAILED not in run.states


async def test_a_pool_stays_ready_as_long_as_a_worker_is(tmp_path: Path) -> None:
    run = Run("fake", 2, 60.0, 30.0)
    async with run.started(ready=True):
        pid = run.workers[0].worker_pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        await run.until(lambda: run.workers[0].state is EngineState.RECOVERING)
        await run.all_ready()
        assert run.states == [EngineState.READY]


async def test_a_worker_that_hangs_costs_no_answer(engine: Make, tmp_path: Path) -> None:
    async with engine(lease_s=1.0) as run:
        run.submit(1, f"spin-once:{tmp_path / 'spun'}", session="a")
        jobs = [run.submit(1, f"say:{n}", session=f"s{n}") for n in range(4)]
        await run.answered(5)
        await run.all_ready()
        assert [r.error_code for r in run.results] == [None] * 5
        assert len(set(run.answered_ids)) == 1 + len(jobs)


async def test_a_job_that_ends_workers_is_given_up_and_harms_nobody(engine: Make) -> None:
    async with engine() as run:
        run.submit(1, "crash", session="a")
        jobs = [run.submit(n, f"say:{n}", session="b") for n in range(4)]
        await run.answered(1 + len(jobs))
        await run.all_ready()
        errors = {r.job_id.split("/")[0]: r.error_code for r in run.results}
        assert errors == {"a": QUARANTINED, "b": None}
        await run.nothing_owed()


async def test_one_that_hangs_every_worker_is_given_up(engine: Make) -> None:
    async with engine(lease_s=0.5) as run:
        run.submit(1, "stop", session="a")
        assert await run.answered(1) == [QUARANTINED]
        await run.all_ready()
        run.submit(2, "say:on", session="a")
        assert await run.answered(2) == [QUARANTINED, "on"]


async def test_a_partial_on_which_a_worker_dies_is_dropped(engine: Make) -> None:
    async with engine() as run:
        run.submit(1, "crash", kind="partial")
        await run.answered(1)
        assert [r.dropped for r in run.results] == ["worker_died"]
        await run.all_ready()


@pytest.mark.parametrize(
    "engine", ["lane", *map(long, ("supervisor", "pool", "asgi"))], indirect=True
)
async def test_what_waits_too_long_is_an_overload_until_it_is_answered(
    engine: Make, tmp_path: Path
) -> None:
    async with engine(overload_wait_s=0.1) as run:
        places = await run.fill(tmp_path, run.places)
        for n in range(12):
            run.engine.place(f"s{n}", Owner(f"o{n}"))
            run.submit(1, "say:late", session=f"s{n}", kind="partial")
        await run.until(lambda: run.engine.overloaded_for("newcomer"))
        assert run.loads[-1]
        for place in places:
            place.unlink()
        await run.until(lambda: not run.engine.overloaded_for("newcomer"))
        assert not run.loads[-1]


@pytest.mark.parametrize("engine", ["supervisor", "pool"], indirect=True)
async def test_an_engine_that_cannot_start_says_why_and_answers_all_the_same(engine: Make) -> None:
    """To those behind a lane it is one that is away, and may come back."""
    async with engine("fail:No such device.", ready=False) as run:
        run.submit(1, "say:never")
        await run.until(lambda: run.engine.state is EngineState.FAILED)
        assert await run.answered(1) == [ENGINE_FAILED]
        assert run.engine.failure == "No such device."
        run.submit(2, "say:never")
        assert await run.answered(2) == [ENGINE_FAILED] * 2


async def test_it_ends_soon_whatever_is_under_way(engine: Make, tmp_path: Path) -> None:
    async with engine() as run:
        await run.fill(tmp_path, run.places)
        run.submit(1, "say:never")
        async with asyncio.timeout(3):
            await run.engine.stop()
        assert run.results == []
