"""Engines behind one address: whoever connects is given any of them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from surtitle.engine import balanced
from surtitle.engine.dialing import LaneOptions
from surtitle.engine.remote import RemoteEngines
from surtitle.engine.states import EngineState
from surtitle.jobs import Result
from tests.engine.jobs import job
from tests.engine.serving import SECRET, There, served, until


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(balanced, "LOOK_EVERY_S", 0.05)
    monkeypatch.setattr(balanced, "PAUSE_S", 0.005)


class Balancer:
    """A port that passes each connection on to the next of these engines."""

    def __init__(self, *engines: There) -> None:
        self.engines = list(engines)
        self.connections = 0
        self._relays: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)

    async def stop(self) -> None:
        self._server.close()
        self.cut()
        await asyncio.gather(*self._relays, return_exceptions=True)

    def cut(self) -> None:
        """Break all connections."""
        for relay in self._relays:
            relay.cancel()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._relays.add(task)
        self.connections += 1
        there = None
        try:
            if self.engines:
                engine = self.engines[self.connections % len(self.engines)]
                there = await asyncio.open_connection("127.0.0.1", engine.port)
                await asyncio.gather(_pass(reader, there[1]), _pass(there[0], writer))
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            for each in (writer, there[1] if there else writer):
                each.transport.abort()


async def _pass(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(1 << 16):
        writer.write(data)
    writer.close()


@asynccontextmanager
async def behind(*engines: There) -> AsyncIterator[tuple[Balancer, RemoteEngines]]:
    """These engines behind one address, and a pool that looks for them there."""
    balancer = Balancer(*engines)
    await balancer.start()
    pool = RemoteEngines(
        [f"lb+{balancer.url}"],
        LaneOptions("here", SECRET),
        lambda state: None,
        lambda overloaded: None,
    )
    pool.start()
    try:
        yield balancer, pool
    finally:
        await pool.stop()
        await balancer.stop()


def found(pool: RemoteEngines) -> list[str]:
    """The incarnations of the engines that the pool has ready lanes to."""
    return sorted(
        member.name.rpartition("#")[2]
        for member in pool.members
        if member.state is EngineState.READY
    )


async def test_there_is_one_lane_to_each_engine_and_no_more() -> None:
    async with (
        served(incarnation="1") as one,
        served(incarnation="2") as two,
        served(incarnation="3") as three,
        behind(one, two, three) as (balancer, pool),
    ):
        await until(lambda: found(pool) == ["1", "2", "3"])
        looked = balancer.connections
        await until(lambda: balancer.connections > looked + 6)
        assert found(pool) == ["1", "2", "3"]
        assert len(pool.members) == 3
        assert [each.lanes for each in (one, two, three)] == [1, 1, 1]


async def test_an_engine_that_comes_is_found_and_one_that_goes_hands_its_jobs_over() -> None:
    async with (
        served(incarnation="1") as going,
        behind(going) as (balancer, pool),
    ):
        await until(lambda: found(pool) == ["1"])
        results: list[Result] = []
        final = job()
        pool.submit(final, results.append)
        await until(lambda: going.engine.held)
        async with served(incarnation="2") as coming:
            balancer.engines.append(coming)
            await until(lambda: found(pool) == ["1", "2"])
            balancer.engines.remove(going)
            await going.server.stop()
            await until(lambda: coming.engine.held)
            coming.engine.answer(next(iter(coming.engine.held)))
            await until(lambda: results)
            await until(lambda: found(pool) == ["2"])
            await until(lambda: len(pool.members) == 1)
            assert [result.job_id for result in results] == [final.id]


async def test_jobs_wait_where_no_engine_is_there() -> None:
    results: list[Result] = []
    async with behind() as (balancer, pool):
        pool.submit(job("a"), results.append)
        assert pool.state is EngineState.LOADING
        async with served(incarnation="1") as first:
            balancer.engines.append(first)
            await until(lambda: first.engine.held)
            balancer.engines.remove(first)
        await until(lambda: pool.state is EngineState.RECOVERING)
        pool.submit(job("b"), results.append)
        async with served(incarnation="2") as second:
            balancer.engines.append(second)
            await until(lambda: len(second.engine.held) == 2)
            for held in list(second.engine.held):
                second.engine.answer(held)
            await until(lambda: len(results) == 2)
            assert sorted(result.job_id for result in results) == [job("a").id, job("b").id]


async def test_lanes_that_broke_with_the_balancer_are_found_again() -> None:
    results: list[Result] = []
    async with (
        served(incarnation="1") as one,
        served(incarnation="2") as two,
        behind(one, two) as (balancer, pool),
    ):
        await until(lambda: found(pool) == ["1", "2"])
        jobs = [job(f"s{n}") for n in range(4)]
        for each in jobs:
            pool.submit(each, results.append)
        await until(lambda: len(one.engine.held) + len(two.engine.held) == 4)
        balancer.cut()
        await until(lambda: not one.engine.held and not two.engine.held)
        await until(lambda: len(one.engine.held) + len(two.engine.held) == 4)
        await until(lambda: found(pool) == ["1", "2"])
        for engine in (one.engine, two.engine):
            for held in list(engine.held):
                engine.answer(held)
        await until(lambda: len(results) == 4)
        assert sorted(result.job_id for result in results) == sorted(each.id for each in jobs)
