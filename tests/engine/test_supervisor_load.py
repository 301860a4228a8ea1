"""When the engine calls itself overloaded: real waits before a real worker process."""

import math
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from surtitle.engine import load, supervisor
from surtitle.engine.scheduler import Owner
from surtitle.jobs import JobKind
from tests.engine.running import Running, running

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")


async def wait_of(run: Running, seconds: float) -> None:
    """Let a job wait for so long: what is measured is time."""
    until = time.monotonic() + seconds
    await run.until(lambda: time.monotonic() > until)


@pytest.fixture
def short_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """An overload that is over soon."""
    monkeypatch.setattr(load, "WINDOW_S", 0.3)
    monkeypatch.setattr(supervisor, "LOAD_CHECK_S", 0.05)


@pytest.mark.usefixtures("short_memory")
@pytest.mark.parametrize("kind", ["partial", "final"])
async def test_overload_is_told_and_ends_where_nothing_more_comes(
    tmp_path: Path, kind: JobKind
) -> None:
    async with running(overload_wait_s=0.05, lease_s=30) as run:
        files = await run.fill(tmp_path)
        run.submit(1, "say:late", kind=kind)
        await wait_of(run, 0.4)  # the fillers are forgotten
        assert run.loads == []
        for file in files:
            file.unlink()
        await run.answered(3)
        await run.until(lambda: run.loads == [True, False])
        assert not run.engine.overloaded_for("")


async def test_a_partial_that_takes_the_place_of_another_has_waited_as_long(tmp_path: Path) -> None:
    async with running(overload_wait_s=0.05, lease_s=30) as run:
        files = await run.fill(tmp_path)
        run.submit(1, "say:old", kind="partial")
        await wait_of(run, 0.1)
        run.submit(1, "say:new", kind="partial", samples=3200)
        for file in files:
            file.unlink()
        await run.answered(3)
        assert run.loads == [True]


async def test_a_partial_that_its_final_makes_superfluous_has_waited_too(tmp_path: Path) -> None:
    async with running(overload_wait_s=0.05, lease_s=30) as run:
        await run.fill(tmp_path)
        run.submit(1, "say:old", kind="partial")
        await wait_of(run, 0.1)
        run.submit(1, "say:final")
        assert run.loads == [True]


async def test_a_speculative_final_has_waited_as_long_as_the_partial_before_it(
    tmp_path: Path,
) -> None:
    async with running(overload_wait_s=0.05, lease_s=30) as run:
        files = await run.fill(tmp_path)
        run.submit(1, "say:old", kind="partial")
        await wait_of(run, 0.1)
        run.submit(1, "say:speculative", speculative=True)
        for file in files:
            file.unlink()
        await run.answered(3)
        assert run.loads == [True]


async def test_the_wait_of_a_final_counts_from_when_it_is_waited_for(tmp_path: Path) -> None:
    async with running(overload_wait_s=0.05, lease_s=30) as run:
        files = await run.fill(tmp_path)
        speculative = run.submit(1, "say:speculative", speculative=True)
        await wait_of(run, 0.1)
        run.engine.promote(replace(speculative, speculative=False))
        for file in files:
            file.unlink()
        await run.answered(3)
        assert run.loads == []


async def test_an_engine_that_keeps_up_is_not_overloaded() -> None:
    async with running(overload_wait_s=1.0) as run:
        for number in range(20):
            run.submit(number, "say:yes")
            await run.answered(number + 1)
        assert run.loads == []


async def test_a_worker_that_died_is_no_overload(tmp_path: Path) -> None:
    """Sessions are told that the engine recovers; new ones need not be refused after that."""
    async with running(overload_wait_s=0.5, lease_s=1.0) as run:
        run.submit(1, f"stop-once:{tmp_path / 'flag'}")
        assert await run.answered(1) == ["100 ms"]
        assert run.loads == []


async def test_utilization_grows_while_all_places_are_taken_and_falls_again(tmp_path: Path) -> None:
    async with running(lease_s=30) as run:
        assert run.engine.utilization == 0.0
        files = await run.fill(tmp_path)
        filled_at = time.monotonic()
        await wait_of(run, 0.3)
        filled_s = time.monotonic() - filled_at
        full = run.engine.utilization
        assert full >= 1 - math.exp(-filled_s / load.UTILIZATION_S)
        for file in files:
            file.unlink()
        await run.answered(2)
        peak = run.engine.utilization
        await wait_of(run, 0.1)
        assert run.engine.utilization < peak


async def test_where_a_job_waits_all_of_its_time_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Though one of two places is free: what is patient does not begin beside somebody who speaks."""
    monkeypatch.setattr(supervisor, "HELD_S", 60.0)
    async with running(lease_s=30) as run:
        run.submit(1, f"wait:{tmp_path / 'speaker'}")
        await run.until((tmp_path / "speaker").exists)
        run.engine.place("file", Owner("file", patient=True))
        run.submit(1, "say:later", session="file")
        before, waits_from = run.engine.utilization, time.monotonic()
        await wait_of(run, 0.3)
        waited_s = time.monotonic() - waits_from
        least = 1 - (1 - before) * math.exp(-waited_s / load.UTILIZATION_S)
        assert run.engine.utilization >= least
