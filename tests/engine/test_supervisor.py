"""The engine on a real worker process: one result for each job, whatever happens to the worker."""

import asyncio
import os
import signal
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np
import pytest

from surtitle.engine.policy import EngineState, WatchdogOptions
from surtitle.engine.supervisor import Supervisor
from surtitle.jobs import Job, JobKind, Recipe, Result
from surtitle.recognition.worker import WorkerOptions
from surtitle.telemetry import LogOptions
from tests.support import FAKE_DECODER

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")


class Running:
    """A supervisor, the states it went through and the results it delivered."""

    def __init__(self, name: str, options: WatchdogOptions) -> None:
        self.states: list[EngineState] = []
        self.results: list[Result] = []
        worker = WorkerOptions(FAKE_DECODER, {"name": name}, LogOptions("error"))
        self.engine = Supervisor(worker, options, self.states.append)

    def submit(
        self, utterance: int, prompt: str, *, kind: JobKind = "final", session: str = "s"
    ) -> str:
        job_id = f"{session}/{utterance}/1600/{kind}"
        audio = np.zeros(1600, np.int16)
        job = Job(job_id, session, utterance, kind, audio, Recipe(prompt=prompt))
        self.engine.submit(job, self.results.append)
        return job_id

    async def until(self, condition: Callable[[], bool], limit_s: float = 15.0) -> None:
        async with asyncio.timeout(limit_s):
            while not condition():  # noqa: ASYNC110 - what is waited for happens elsewhere
                await asyncio.sleep(0.005)

    async def answered(self, count: int) -> list[str]:
        """Each result in a word, once there are `count`."""
        await self.until(lambda: len(self.results) >= count)
        return [result.error_code or result.text for result in self.results]


@asynccontextmanager
async def running(
    name: str = "fake", *, ready: bool = True, **options: float
) -> AsyncIterator[Running]:
    watchdog = WatchdogOptions(**({"lease_s": 1.0, "first_backoff_s": 0.05} | options))  # type: ignore[arg-type]
    run = Running(name, watchdog)
    run.engine.start()
    try:
        if ready:
            await run.until(lambda: run.engine.state is EngineState.READY)
        yield run
    finally:
        await run.engine.stop()


async def test_jobs_of_many_sessions_are_each_answered_once() -> None:
    async with running() as run:
        assert run.engine.model is not None
        ids = [run.submit(n, f"say:{n}", session=f"s{n % 3}") for n in range(12)]
        await run.answered(12)
        assert sorted(result.job_id for result in run.results) == sorted(ids)
        assert all(result.text == result.job_id.split("/")[1] for result in run.results)
        assert all(result.timings.wait_s >= 0 for result in run.results)


async def test_jobs_submitted_before_the_worker_is_ready_wait_for_it() -> None:
    async with running("slow:0.3", ready=False) as run:
        run.submit(1, "say:patient")
        assert await run.answered(1) == ["patient"]
        assert run.states == [EngineState.READY]


async def test_a_partial_that_is_replaced_gets_no_result() -> None:
    async with running("slow:0.3", ready=False) as run:
        run.submit(1, "say:old", kind="partial")
        newer = "s/1/3200/partial"
        job = Job(newer, "s", 1, "partial", np.zeros(3200, np.int16), Recipe(prompt="say:new"))
        run.engine.submit(job, run.results.append)
        run.submit(2, "say:final", session="t")
        assert sorted(await run.answered(2)) == ["final", "new"]
        await run.engine.stop()
        assert len(run.results) == 2


async def test_a_session_that_has_gone_hears_nothing(tmp_path: Path) -> None:
    flag = tmp_path / "flag"
    async with running(lease_s=10) as run:
        run.submit(1, f"hold:{flag}")
        await run.until(flag.exists)
        run.submit(2, "say:waiting")
        run.engine.discard_session("s")
        run.submit(1, "say:other", session="t")
        flag.unlink()
        assert await run.answered(1) == ["other"]


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV, signal.SIGSTOP])
async def test_a_job_survives_one_death_and_its_result_comes_once(
    tmp_path: Path, number: signal.Signals
) -> None:
    flag = tmp_path / "flag"
    async with running() as run:
        run.submit(1, f"hold:{flag}")
        await run.until(flag.exists)
        run.submit(2, "say:behind")
        assert run.engine.worker_pid is not None
        os.kill(run.engine.worker_pid, number)
        assert await run.answered(2) == ["100 ms", "behind"]
        assert run.states == [EngineState.READY, EngineState.RECOVERING, EngineState.READY]


async def test_a_job_that_kills_twice_is_quarantined_and_its_batch_is_not() -> None:
    async with running() as run:
        run.submit(1, "sleep:0.1", session="a")  # so that the next two go out as one batch
        run.submit(1, "crash", session="b")
        run.submit(1, "say:beside", session="c")
        await run.answered(3)
        by_session = {r.job_id[0]: r.error_code or r.text for r in run.results}
        assert by_session == {"a": "100 ms", "b": "quarantined", "c": "beside"}
        assert len(run.results) == 3


async def test_deaths_in_a_row_make_the_next_start_wait_longer() -> None:
    async with running(first_backoff_s=0.4) as run:
        begun = time.monotonic()
        for _ in range(3):
            pid = run.engine.worker_pid
            assert pid is not None
            os.kill(pid, signal.SIGKILL)
            await run.until(lambda pid=pid: run.engine.worker_pid not in (None, pid))  # type: ignore[misc]
            await run.until(lambda: run.engine.state is EngineState.READY)
        assert time.monotonic() - begun > 0.4 + 0.8


@pytest.mark.skipif(sys.platform != "linux", reason="counts in /proc")
async def test_workers_that_died_leave_nothing_open() -> None:
    def count() -> tuple[int, int]:
        return len(list(Path("/proc/self/fd").iterdir())), threading.active_count()

    async with running(first_backoff_s=0.01, max_backoff_s=0.01) as run:
        before = count()
        for _ in range(3):
            pid = run.engine.worker_pid
            assert pid is not None
            os.kill(pid, signal.SIGKILL)
            await run.until(lambda pid=pid: run.engine.worker_pid not in (None, pid))  # type: ignore[misc]
            await run.until(lambda: run.engine.state is EngineState.READY)
        assert count() <= before


async def test_an_engine_that_gives_up_answers_what_waits_and_what_comes() -> None:
    async with running("fail:No such device.", ready=False) as run:
        run.submit(1, "say:waiting")
        assert await run.answered(1) == ["engine_failed"]
        assert run.engine.state is EngineState.FAILED
        assert run.engine.failure == "No such device."
        run.submit(2, "say:late")
        assert await run.answered(2) == ["engine_failed", "engine_failed"]
        assert run.states == [EngineState.FAILED]


async def test_a_worker_that_does_not_get_ready_is_replaced_until_it_is_too_often() -> None:
    async with running("slow:60", ready=False, startup_s=0.2, kill_grace_s=0.2) as run:
        await run.until(lambda: run.engine.state is EngineState.FAILED)
        assert run.engine.failure is not None
        assert "died 3 times in a row before it was ready" in run.engine.failure


@pytest.mark.parametrize("state", ["loading", "idle", "busy", "stopped", "dead"])
async def test_stop_is_quick_and_leaves_no_process(state: str, tmp_path: Path) -> None:
    flag = tmp_path / "flag"
    name = "slow:60" if state == "loading" else "fake"
    async with running(name, ready=state != "loading", lease_s=60) as run:
        pid = run.engine.worker_pid
        assert pid is not None
        if state == "busy":
            run.submit(1, f"hold:{flag}")
            await run.until(flag.exists)
        if state == "stopped":
            os.kill(pid, signal.SIGSTOP)
        if state == "dead":
            os.kill(pid, signal.SIGKILL)
        begun = time.monotonic()
        await run.engine.stop()
        assert time.monotonic() - begun < 2.0
        with pytest.raises(ProcessLookupError):  # ended and reaped
            os.kill(pid, 0)
