"""Engines that a name stands for: they come and go as it is looked up."""

import asyncio
import socket
import ssl
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from surtitle.diagnosis.engines import examine_engines
from surtitle.engine import discovery
from surtitle.engine.dialing import LaneOptions, engine_tls
from surtitle.engine.engine import Member, OnLoad, OnState
from surtitle.engine.pool import EnginePool, MakeMember
from surtitle.engine.remote import RemoteEngines
from surtitle.engine.states import EngineState
from tests.engine.scripted import Scripted
from tests.engine.serving import SECRET, served
from tests.gateway.certificates import make_certificate
from tests.test_diagnosis import Settings, look


class Named(Scripted):
    """A member that can be started and stopped."""

    def start(self) -> asyncio.Task[None]:
        return asyncio.create_task(asyncio.sleep(0))

    async def stop(self) -> None:
        self.state = EngineState.FAILED


def make(url: str) -> MakeMember:
    def member(on_state: OnState, on_load: OnLoad) -> Member:
        return Named(url, on_state, on_load)

    return member


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110 - what is waited for happens elsewhere
            await asyncio.sleep(0.005)


async def test_members_follow_the_addresses_of_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    addresses = ["10.0.0.5", "fd00::6"]

    async def getaddrinfo(host: str, port: int, **_: object) -> list[tuple[object, ...]]:
        assert (host, port) == ("engines.example", 8766)
        if not addresses:
            raise OSError("no such name")
        return [(None, None, None, "", (address, port)) for address in addresses]

    monkeypatch.setattr(discovery, "LOOK_EVERY_S", 0.01)
    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", getaddrinfo)
    pool = EnginePool()
    pool.start()

    def names() -> list[str]:
        return sorted(member.name for member in pool.members)

    follow = partial(discovery.follow, pool, "ws://engines.example:8766", make)
    following = asyncio.create_task(follow())
    await until(lambda: names() == ["ws://10.0.0.5:8766", "ws://[fd00::6]:8766"])
    kept, gone = (m for n in (0, 1) for m in pool.members if m.name == sorted(names())[n])
    addresses.clear()  # the name server is away: nothing changes
    await asyncio.sleep(0.05)
    assert len(names()) == 2
    addresses.extend(["10.0.0.5", "10.0.0.7"])
    await until(lambda: names() == ["ws://10.0.0.5:8766", "ws://10.0.0.7:8766"])
    assert kept in pool.members
    assert gone.state is EngineState.FAILED
    following.cancel()
    await asyncio.wait({following})
    await pool.stop()


async def test_engines_by_name_show_a_certificate_for_the_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = "engines.example"
    ca, key = make_certificate(tmp_path, "engine", f"subjectAltName=DNS:{name}")
    of_system = socket.getaddrinfo
    monkeypatch.setattr(
        socket,
        "getaddrinfo",
        lambda host, *args, **more: of_system("127.0.0.1" if host == name else host, *args, **more),
    )
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(ca, key)
    options = LaneOptions("here", SECRET, engine_tls(ca, None, None))
    async with served(tls=context) as there:
        url = f"dns+wss://{name}:{there.port}"
        pool = RemoteEngines([url], options, lambda state: None, lambda overloaded: None)
        pool.start()
        await until(lambda: pool.state is EngineState.READY)
        await pool.stop()
        asked = Settings(engine=[url], engine_ca=ca, secret=SECRET)
        (said,) = await look(examine_engines, asked)
        assert said == f"ok: wss://127.0.0.1:{there.port} answers as there"
        asked = Settings(engine=[url.replace(name, "localhost")], engine_ca=ca, secret=SECRET)
        for said in await look(examine_engines, asked):
            assert said.startswith("problem: ")
