"""Engines that are told to leave while their workers are at something."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from surtitle.engine.dialing import LaneOptions
from surtitle.engine.lane import Lane
from surtitle.engine.lane_server import LaneServer
from surtitle.engine.pool import EnginePool, MakeMember
from surtitle.engine.states import EngineState
from surtitle.jobs import DecodeOptions, Job, Result
from tests.engine.jobs import job
from tests.engine.running import running
from tests.engine.serving import until

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")


@asynccontextmanager
async def behind_a_lane() -> AsyncIterator[tuple[LaneServer, MakeMember]]:
    """A worker of an engine server, and who makes the lane to it."""
    async with running() as run:
        server = LaneServer(run.engine, "there", "1", "", lambda: b"")
        run.when_recovering = server.tell_state
        port = await server.start("127.0.0.1", 0, None)
        beating = asyncio.create_task(server.run())
        try:
            yield server, partial(Lane, f"ws://127.0.0.1:{port}", LaneOptions("here"))
        finally:
            beating.cancel()
            await server.stop()


@pytest.mark.parametrize(
    "asked",
    [job(), replace(job(), alone=True), job(kind="partial")],
    ids=["final", "alone", "partial"],
)
async def test_what_is_under_way_where_an_engine_leaves_goes_on_elsewhere(
    asked: Job, tmp_path: Path
) -> None:
    """Nobody has died: it is neither dropped nor given up, and one that was alone had one strike."""
    place = tmp_path / "place"
    waits = replace(asked, decode_options=DecodeOptions(prompt=f"wait:{place}"))
    results: list[Result] = []
    async with behind_a_lane() as (leaving, to_leaving), behind_a_lane() as (_, to_staying):
        pool = EnginePool([to_leaving])
        pool.start()
        try:
            await until(lambda: pool.state is EngineState.READY)
            pool.submit(waits, results.append)
            await until(place.exists)
            pool.add(to_staying)
            await until(lambda: all(m.state is EngineState.READY for m in pool.members))
            leaving.leave()
            await until(lambda: results)
        finally:
            await pool.stop()
    (result,) = results
    assert (result.text, result.dropped, result.error_code) == ("10 ms", None, None)
