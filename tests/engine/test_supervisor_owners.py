"""Owners on a real worker process: a crowd gives way to those who speak, and is told it is late."""

import asyncio
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

from surtitle.engine import speakers, supervisor
from surtitle.engine.scheduler import MANY, PATIENCE, Owner, Rank
from surtitle.engine.supervisor import HELD_S, KEPT_S
from tests.engine.running import Running, running

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")

CROWD = [f"crowd-{number}" for number in range(3 * MANY)]


def place(run: Running, name: str, sessions: Iterable[str], *, patient: bool = False) -> None:
    for session in sessions:
        run.engine.place(session, Owner(name, patient))


async def gather(run: Running, folder: Path, *, patient: bool = False) -> float:
    """A crowd of whom a batch is under way, and many finals wait, beside somebody who speaks; returns
    when the other place became free, at the latest.
    """
    place(run, "eve", CROWD, patient=patient)
    place(run, "bob", ["bob", "filler-0", "filler-1"])
    held = await run.fill(folder)
    for number, session in enumerate(CROWD):
        run.submit(1, f"wait:{folder / str(number)}", session=session)
    held[0].unlink()
    await run.until(lambda: (folder / "0").exists())
    freed = asyncio.get_running_loop().time()
    held[1].unlink()
    await run.answered(2)
    return freed


@pytest.mark.parametrize("patient", [False, True])
async def test_who_speaks_finds_a_place_beside_a_crowd(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, patient: bool
) -> None:
    monkeypatch.setattr(supervisor, "KEPT_S", 30.0)
    async with running(lease_s=60) as run:
        await gather(run, tmp_path, patient=patient)
        for number in range(1, 20):
            run.submit(number, f"say:{number}", session="bob")
            assert (await run.answered(number + 2))[number + 1] == str(number)
        assert not (tmp_path / "1").exists()


async def test_a_crowd_may_have_a_place_that_nobody_wants(tmp_path: Path) -> None:
    async with running(lease_s=60) as run:
        freed = await gather(run, tmp_path)
        await run.until(lambda: (tmp_path / "1").exists())
        assert asyncio.get_running_loop().time() - freed > KEPT_S


async def test_what_is_patient_may_not(tmp_path: Path) -> None:
    async with running(lease_s=60) as run:
        await gather(run, tmp_path, patient=True)
        await asyncio.sleep(3 * KEPT_S)
        assert not (tmp_path / "1").exists()


async def test_but_it_may_once_nobody_speaks_though_nothing_else_happens(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A job that hangs has the other place, for as long as its lease."""
    monkeypatch.setattr(speakers, "SPEAKING_S", 3 * KEPT_S)
    async with running(lease_s=60) as run:
        freed = await gather(run, tmp_path, patient=True)
        await run.until(lambda: (tmp_path / "1").exists())
        assert asyncio.get_running_loop().time() - freed > 0.9 * KEPT_S


async def test_what_is_patient_is_held_behind_who_speaks_but_for_its_turn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor, "HELD_S", 30.0)
    turns = PATIENCE[Rank.PATIENT]
    async with running(lease_s=60) as run:
        place(run, "eve", ["file"], patient=True)
        place(run, "bob", ["bob"])
        run.submit(1, "say:1", session="bob")
        await run.answered(1)
        run.submit(1, f"wait:{tmp_path / 'file'}", session="file")
        for number in range(2, turns + 2):
            assert not (tmp_path / "file").exists()
            run.submit(number, f"say:{number}", session="bob")
            await run.answered(number)
        await run.until(lambda: (tmp_path / "file").exists())


@pytest.mark.parametrize("sessions", [1, 2, 5])
async def test_what_is_patient_begins_once_nobody_has_spoken_for_a_moment(
    tmp_path: Path, sessions: int
) -> None:
    async with running(lease_s=60) as run:
        files = [f"file-{number}" for number in range(sessions)]
        place(run, "eve", files, patient=True)
        place(run, "bob", ["bob"])
        run.submit(1, "say:1", session="bob")
        await run.answered(1)
        spoken = asyncio.get_running_loop().time()
        for each in files:
            run.submit(1, f"wait:{tmp_path / each}", session=each)
        await run.until(lambda: (tmp_path / files[0]).exists())
        assert asyncio.get_running_loop().time() - spoken > 0.9 * HELD_S


async def test_a_crowd_is_told_that_it_is_late_and_keeps_nobody_else_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor, "KEPT_S", 30.0)
    async with running(lease_s=60, overload_wait_s=0.3) as run:
        await gather(run, tmp_path)
        for number in range(1, 60):
            run.submit(number, "say:yes", session="bob")
            await run.answered(number + 2)
            await asyncio.sleep(0.03)
        assert run.engine.overloaded_for("eve")
        assert not run.engine.overloaded_for("bob")
        assert not run.engine.overloaded_for("somebody else")


async def test_a_crowd_that_is_alone_has_all_places(tmp_path: Path) -> None:
    async with running(lease_s=60) as run:
        place(run, "eve", CROWD)
        for number, session in enumerate(CROWD):
            run.submit(1, f"wait:{tmp_path / str(number)}", session=session)
        await run.until(lambda: (tmp_path / "0").exists() and (tmp_path / "1").exists())
