"""Lanes over ASGI: what is carried by a server that is not ours."""

import asyncio
import json
import urllib.error
import urllib.request
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from surtitle.engine import wire
from surtitle.engine.asgi import LanesApp
from surtitle.engine.dialing import LaneOptions, NotReached, dial
from surtitle.engine.lane import Lane
from surtitle.engine.lanes import Lanes
from surtitle.engine.states import EngineState
from surtitle.jobs import Result
from tests.engine.asgi_server import listening
from tests.engine.jobs import job
from tests.engine.scripted import MODEL, Scripted
from tests.engine.serving import SECRET, until

HEADERS = {"Authorization": f"Bearer {SECRET}"}


class There:
    """An engine, and where it is served."""

    def __init__(self) -> None:
        self.engine = Scripted("there", model=MODEL, state=EngineState.READY)
        self.lanes = Lanes(self.engine, "there", "1", SECRET, lambda: b"figures 1\n")
        self.port = 0

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}"

    def get(self, path: str, **headers: str) -> tuple[int, bytes]:
        """What is answered over HTTP."""
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", headers=headers)
        try:
            with urllib.request.urlopen(request) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read()


@asynccontextmanager
async def served() -> AsyncIterator[There]:
    there = There()
    async with listening(LanesApp(there.lanes)) as port:
        there.port = port
        yield there


async def test_a_job_goes_there_and_back_until_the_lanes_end() -> None:
    results: list[Result] = []
    states: list[EngineState] = []
    async with served() as there:
        options = LaneOptions("here", SECRET)
        lane = Lane(there.url, options, states.append, lambda overloaded: None)
        lane.start()
        await until(lambda: lane.state is EngineState.READY)
        final = job()
        lane.submit(final, results.append)
        await until(lambda: there.engine.held)
        there.engine.answer(f"1/{final.id}")
        await until(lambda: results)
        assert [result.job_id for result in results] == [final.id]
        there.lanes.leave()
        await until(lambda: lane.state is EngineState.RECOVERING)
        there.lanes.end()
        await until(lambda: json.loads(there.lanes.page("/healthz").body)["lanes"] == 0)
        await lane.stop()


async def test_who_does_not_know_the_secret_or_the_path_is_refused() -> None:
    async with served() as there:
        with pytest.raises(InvalidStatus):
            await connect(there.url + wire.PATH + "s", additional_headers=HEADERS)
        with pytest.raises(NotReached, match="engine_secret_file"):
            await dial(there.url, LaneOptions("here", "another secret!!"))
        async with connect(there.url + wire.PATH) as socket:
            await socket.send(wire.encode(wire.Hello(wire.PROTOCOL, "nobody")))
            assert isinstance(wire.decode_to_gateway(await socket.recv()), wire.Refused)
            with pytest.raises(ConnectionClosed):
                await socket.recv()
        assert json.loads(there.lanes.page("/healthz").body)["lanes"] == 0


async def test_nonsense_ends_its_own_lane_alone() -> None:
    async with served() as there:
        for nonsense in ("text", b"\xc1", b""):
            async with connect(there.url + wire.PATH, additional_headers=HEADERS) as socket:
                await socket.send(wire.encode(wire.Hello(wire.PROTOCOL, "nonsense")))
                await socket.send(nonsense)
                with pytest.raises(ConnectionClosed):
                    while True:
                        await socket.recv()
        assert (await asyncio.to_thread(there.get, "/healthz"))[0] == 200


async def test_pages_beside_the_lanes() -> None:
    async with served() as there:
        status, body = await asyncio.to_thread(there.get, "/readyz")
        assert (status, json.loads(body)) == (200, {"state": "ready", "owed_jobs": 0})
        assert await asyncio.to_thread(there.get, "/metrics") == (200, b"figures 1\n")
        assert (await asyncio.to_thread(there.get, "/"))[0] == 404
        assert (await asyncio.to_thread(there.get, wire.PATH))[0] == 401
        assert (await asyncio.to_thread(there.get, wire.PATH, **HEADERS))[0] == 426
