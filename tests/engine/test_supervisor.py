"""The engine on a real worker process: one result for each job, whatever happens to the worker."""

import asyncio
import errno
import json
import os
import signal
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from surtitle.engine import supervisor
from surtitle.engine.process import Incarnation
from surtitle.engine.scheduler import Owner
from surtitle.engine.speakers import SPEAKING_S
from surtitle.engine.states import EngineState
from surtitle.jobs import DecodeOptions, Job, Result
from surtitle.runtime.telemetry import LogOptions, configure_logging
from tests.engine.running import running

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")


async def test_jobs_of_many_sessions_are_each_answered_once() -> None:
    async with running() as run:
        assert run.engine.model is not None
        ids = [run.submit(n, f"say:{n}", session=f"s{n % 3}").id for n in range(12)]
        await run.answered(12)
        assert sorted(result.job_id for result in run.results) == sorted(ids)
        assert all(result.text == result.job_id.split("/")[1] for result in run.results)
        assert all(result.timings.wait_s >= 0 for result in run.results)


async def test_jobs_submitted_before_the_worker_is_ready_wait_for_it() -> None:
    async with running("slow:0.3", ready=False) as run:
        run.submit(1, "say:patient")
        assert await run.answered(1) == ["patient"]
        assert run.states == [EngineState.READY]


async def test_a_partial_that_is_replaced_is_dropped() -> None:
    async with running("slow:0.3", ready=False) as run:
        old = run.submit(1, "say:old", kind="partial")
        run.submit(1, "say:new", kind="partial", samples=3200)
        late = run.submit(0, "say:late", kind="partial")
        run.submit(2, "say:final", session="t")
        await run.answered(4)
        await run.engine.stop()
        assert [r.job_id for r in run.results[:2]] == [old.id, late.id]
        assert [r.dropped for r in run.results[:2]] == ["superseded"] * 2
        assert sorted(r.text for r in run.results[2:]) == ["final", "new"]


async def test_what_is_patient_goes_on_as_soon_as_it_may(tmp_path: Path) -> None:
    """It waited for silence, and then for a moment only: until the one who spoke had the place."""
    flag = tmp_path / "flag"
    async with running(lease_s=30) as run:
        for session in ("one", "two"):
            run.engine.place(session, Owner("files", patient=True))
        run.submit(1, "say:so", session="speaker")
        await run.answered(1)
        await asyncio.sleep(supervisor.HELD_S)
        run.submit(1, f"wait:{flag}", session="one")
        await run.until(flag.exists)
        run.submit(1, "say:later", session="two")
        await asyncio.sleep(supervisor.KEPT_S)
        assert run.waiting == 1
        run.submit(2, "say:and so on", session="speaker")
        flag.unlink()
        async with asyncio.timeout(0.5 * SPEAKING_S):
            await run.answered(4)


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


# -- several batches ----------------------------------------------------------------------------


async def test_two_batches_are_under_way_at_once_and_a_third_waits(tmp_path: Path) -> None:
    async with running(lease_s=30) as run:
        first, second = await run.fill(tmp_path)
        third = run.submit(1, "say:third", session="third")
        assert run.books == (3, 1, 2)
        second.unlink()
        await run.answered(2)  # the first one is still under way
        assert first.exists()
        assert [r.job_id for r in run.results] == ["filler-1/1/1600/final", third.id]
        first.unlink()
        await run.answered(3)
        assert run.books == (0, 0, 0)


async def test_what_waits_for_the_worker_is_handed_over_in_batches(tmp_path: Path) -> None:
    async with running("slow:0.3", ready=False, lease_s=30) as run:
        files = [tmp_path / str(n) for n in range(5)]
        for number, file in enumerate(files):
            run.submit(1, f"wait:{file}", session=f"s{number}")
        # Two batches of two; the decoder under test takes the jobs of a batch one by one.
        await run.until(lambda: files[0].exists() and files[2].exists())
        assert run.books == (5, 1, 4)
        for file in files:
            await run.until(file.exists)
            file.unlink()
        await run.answered(5)
        assert run.books == (0, 0, 0)


async def test_partials_and_finals_are_never_in_one_batch(tmp_path: Path) -> None:
    async with running(lease_s=30) as run:
        first, second = await run.fill(tmp_path)
        run.submit(1, f"wait:{tmp_path / 'final'}", session="a")
        run.submit(1, "say:partial", session="b", kind="partial")
        first.unlink()
        await run.until((tmp_path / "final").exists)
        assert run.waiting == 1
        second.unlink()
        await run.answered(3)
        assert run.results[-1].text == "partial"
        (tmp_path / "final").unlink()
        await run.answered(4)


async def test_nothing_is_handed_over_beside_a_job_that_is_tried_again(tmp_path: Path) -> None:
    flag = tmp_path / "flag"
    async with running(lease_s=30) as run:
        run.submit(1, f"crash-wait:{flag}", session="a")
        await run.until(flag.exists)  # its second try is under way
        run.submit(1, "say:beside", session="b")
        run.submit(1, "say:partial", session="c", kind="partial")
        assert run.books == (3, 2, 1)
        flag.unlink()
        assert await run.answered(3) == ["100 ms", "beside", "partial"]


async def test_a_job_that_kills_twice_harms_nobody_the_second_time() -> None:
    """A partial would be dropped if it were under way when the worker dies."""
    async with running() as run:
        run.when_recovering = lambda: run.submit(
            len(run.states), "say:partial", session="b", kind="partial"
        )
        run.submit(1, "crash", session="a")
        assert sorted(await run.answered(3)) == ["partial", "quarantined", "superseded"]
        await run.until(lambda: run.books == (0, 0, 0))


async def test_two_that_were_under_way_are_tried_one_after_the_other(tmp_path: Path) -> None:
    async with running(lease_s=30) as run:
        first, second = await run.fill(tmp_path)

        def begin_anew() -> None:
            first.unlink()
            second.unlink()

        run.when_recovering = begin_anew
        assert run.engine.worker_pid is not None
        os.kill(run.engine.worker_pid, signal.SIGKILL)
        await run.until(lambda: EngineState.RECOVERING in run.states)
        await run.until(first.exists)
        assert run.books == (2, 1, 1)
        assert not second.exists()
        first.unlink()
        await run.until(second.exists)
        second.unlink()
        await run.answered(2)


# -- speculative finals -------------------------------------------------------------------------


async def test_a_speculative_final_that_is_waited_for_overtakes_the_partials(
    tmp_path: Path,
) -> None:
    async with running(lease_s=30) as run:
        files = await run.fill(tmp_path)
        speculative = [
            run.submit(1, f"say:{name}", session=name, speculative=True) for name in ("one", "two")
        ]
        run.submit(1, "say:partial", session="three", kind="partial")
        run.engine.promote(replace(speculative[1], speculative=False))
        run.engine.promote(replace(speculative[1], speculative=False))  # once more changes nothing
        files[0].unlink()  # one batch after the other
        assert (await run.answered(4))[1:] == ["two", "one", "partial"]
        files[1].unlink()
        await run.answered(5)
        assert run.books == (0, 0, 0)


# -- jobs that are taken back -------------------------------------------------------------------


async def test_a_waiting_job_that_is_taken_back_is_not_decoded(tmp_path: Path) -> None:
    decoded = tmp_path / "decoded"
    async with running(lease_s=30) as run:
        files = await run.fill(tmp_path)
        job = run.submit(1, f"hold:{decoded}")
        behind = run.submit(2, "say:behind")
        run.engine.cancel(job)
        assert run.books == (3, 1, 2)
        for file in files:
            file.unlink()
        await run.answered(3)
        answered = {result.job_id for result in run.results}
        assert behind.id in answered and job.id not in answered
        assert not decoded.exists()
        assert run.books == (0, 0, 0)


async def test_a_running_job_that_is_taken_back_gives_no_result(tmp_path: Path) -> None:
    flag = tmp_path / "flag"
    async with running(lease_s=30) as run:
        job = run.submit(1, f"wait:{flag}")
        await run.until(flag.exists)
        run.engine.cancel(job)
        assert run.books == (0, 0, 1)  # it cannot be stopped
        run.submit(2, "say:beside")
        assert await run.answered(1) == ["beside"]
        flag.unlink()
        await run.until(lambda: run.books == (0, 0, 0))
        assert len(run.results) == 1


async def test_taking_back_what_is_answered_or_unknown_changes_nothing() -> None:
    async with running() as run:
        job = run.submit(1, "say:one")
        assert await run.answered(1) == ["one"]
        run.engine.cancel(job)
        run.engine.cancel(
            Job("x/1/1/final", "x", 1, "final", np.zeros(1, np.int16), DecodeOptions())
        )
        run.submit(2, "say:two")
        assert await run.answered(2) == ["one", "two"]


async def test_a_job_that_was_taken_back_is_not_tried_again(tmp_path: Path) -> None:
    flag = tmp_path / "flag"
    async with running(lease_s=30) as run:
        job = run.submit(1, f"wait:{flag}")
        await run.until(flag.exists)
        run.engine.cancel(job)
        assert run.engine.worker_pid is not None
        os.kill(run.engine.worker_pid, signal.SIGKILL)
        run.submit(2, "say:next")
        assert await run.answered(1) == ["next"]
        assert run.books == (0, 0, 0)


async def test_a_job_is_taken_back_while_it_waits_for_its_second_try(tmp_path: Path) -> None:
    async with running() as run:
        job = run.submit(1, f"crash-once:{tmp_path / 'flag'}")
        run.when_recovering = lambda: run.engine.cancel(job)
        await run.until(lambda: EngineState.RECOVERING in run.states)
        assert run.books == (0, 0, 0)
        run.submit(2, "say:next")
        assert await run.answered(1) == ["next"]


async def test_nothing_is_kept_about_a_second_try_that_does_not_come(tmp_path: Path) -> None:
    async with running() as run:
        job = run.submit(1, f"crash-once:{tmp_path / 'flag'}")
        run.when_recovering = lambda: run.engine.cancel(job)
        await run.until(lambda: EngineState.RECOVERING in run.states)
        assert run.engine._watchdog._retried == {}


# -- deaths and ends ----------------------------------------------------------------------------


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

    async with running(first_backoff_s=0.01) as run:
        before = count()
        for _ in range(3):
            pid = run.engine.worker_pid
            assert pid is not None
            os.kill(pid, signal.SIGKILL)
            await run.until(lambda pid=pid: run.engine.worker_pid not in (None, pid))  # type: ignore[misc]
            await run.until(lambda: run.engine.state is EngineState.READY)
        assert count() <= before


async def test_an_engine_that_is_broken_keeps_what_it_owes_and_heals() -> None:
    async with running(max_deaths=2, breaker_s=1.0) as run:
        for _ in range(2):
            await run.until(lambda: run.engine.state is EngineState.READY)
            pid = run.engine.worker_pid
            assert pid is not None
            os.kill(pid, signal.SIGKILL)
            await run.until(lambda: run.engine.state is not EngineState.READY)
        assert run.engine.state is EngineState.BROKEN
        run.submit(1, "say:patience")
        assert await run.answered(1) == ["patience"]
        assert run.states[-2:] == [EngineState.BROKEN, EngineState.READY]


async def test_a_batch_too_large_for_the_device_is_decoded_one_by_one() -> None:
    async with running() as run:
        pid = run.engine.worker_pid
        run.submit(1, "sleep:0.2", session="a")  # so that the next two go out as one batch
        run.submit(1, "sleep:0.2", session="b")
        run.submit(1, "oom-beside", session="c")
        run.submit(1, "say:beside", session="d")
        assert sorted(await run.answered(4)) == ["100 ms", "100 ms", "100 ms", "beside"]
        assert run.engine.worker_pid == pid


async def test_a_job_too_large_for_the_device_costs_two_workers_and_is_given_up() -> None:
    async with running(first_backoff_s=0.01) as run:
        run.submit(1, "oom")
        run.submit(2, "say:next")
        assert sorted(await run.answered(2)) == ["next", "quarantined"]
        assert run.deaths("the device had no memory left for a single job") == 2


async def test_a_device_that_has_failed_is_left_at_once(tmp_path: Path) -> None:
    async with running() as run:
        pid = run.engine.worker_pid
        run.submit(1, f"device:{tmp_path / 'flag'}")
        assert await run.answered(1) == ["100 ms"]
        assert run.engine.worker_pid != pid
        assert run.deaths("the device failed") == 1


async def test_a_worker_whose_memory_grows_is_replaced_between_jobs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(supervisor, "MEMORY_CHECK_S", 0.05)
    async with running(max_growth=1.0, spare_bytes=100 << 20) as run:
        pid = run.engine.worker_pid
        run.submit(1, "eat:150")
        await run.answered(1)
        await run.until(lambda: run.engine.worker_pid not in (None, pid))
        run.submit(2, "say:next")
        assert (await run.answered(2))[1:] == ["next"]
        assert run.deaths("planned") == 0


async def test_a_worker_that_cannot_be_started_is_tried_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """No descriptors left, or no memory: that may pass."""
    failures = iter([OSError(errno.EMFILE, "Too many open files")] * 2)

    def start(*arguments: Any) -> Incarnation:
        for failure in failures:
            raise failure
        return Incarnation(*arguments)

    async with running() as run:
        pid = run.engine.worker_pid
        monkeypatch.setattr(supervisor, "Incarnation", start)
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        await run.until(lambda: run.engine.worker_pid != pid)
        run.submit(1, "say:after")
        assert await run.answered(1) == ["after"]
        assert run.engine.worker_pid not in (None, pid)
        assert run.deaths("it could not be started") == 2


async def test_who_cannot_take_a_result_is_no_concern_of_the_engine() -> None:
    """It has more to do at that moment, for others."""
    unhandled: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, what: unhandled.append(what))
    async with running() as run:

        def refuse(result: Result) -> None:
            raise RuntimeError("a session's mistake")

        job = Job(
            "x/1", "x", 1, "final", np.zeros(1600, np.int16), DecodeOptions(prompt="say:hello")
        )
        run.engine.submit(job, refuse)
        run.submit(2, "say:behind")
        assert await run.answered(1) == ["behind"]
    assert unhandled == []


async def test_a_wait_for_a_new_worker_is_no_load(tmp_path: Path) -> None:
    """A partial that a final supersedes meanwhile has waited long, but not for others."""
    async with running(overload_wait_s=0.05, first_backoff_s=0.5) as run:
        for _ in range(2):  # the second start has to wait
            pid = run.engine.worker_pid
            assert pid is not None
            os.kill(pid, signal.SIGKILL)
            await run.until(lambda pid=pid: run.engine.worker_pid != pid)  # type: ignore[misc]
        await run.until(lambda: run.engine.state is EngineState.RECOVERING)
        run.submit(1, "say:part", kind="partial")
        await asyncio.sleep(0.2)
        run.submit(1, "say:all", samples=3200)
        assert await run.answered(2) == ["superseded", "all"]
        assert run.loads == []


async def test_a_worker_that_hangs_says_where(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    configure_logging(LogOptions("error", "json"))
    async with running(lease_s=0.5) as run:
        run.submit(1, f"spin-once:{tmp_path / 'flag'}")
        assert await run.answered(1) == ["100 ms"]
    (death,) = map(json.loads, capsys.readouterr().err.splitlines())
    assert death["event"] == "worker died"
    assert "lab/fake_decoder.py" in death["stack"] and "_obey" in death["stack"]


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
