"""Engines that a name stands for: they come and go as it is looked up."""

import asyncio
from collections.abc import Callable
from functools import partial

import pytest

from surtitle.engine import discovery
from surtitle.engine.engine import Member, OnLoad, OnState
from surtitle.engine.pool import EnginePool, MakeMember
from surtitle.engine.states import EngineState
from tests.engine.scripted import Scripted


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
