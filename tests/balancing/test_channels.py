"""One channel at two servers, which share it through a real Redis."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis

from lab.server_process import FAKE_DECODER, ServerProcess, figure, start_server
from lab.waiting import wait_until
from surtitle.client import ClientError, connect, watch
from surtitle.gateway.access import add_key
from surtitle.gateway.history import KEEP_S
from surtitle.gateway.redis_store import RedisStore, _keys
from surtitle.messages import Channel, Final, Partial, Start, format_message
from tests.balancing.redis_server import RedisServer
from tests.faults.story import Story
from tests.gateway.test_channels import final

pytestmark = pytest.mark.scaling
STEP_S = 0.02


@contextmanager
def servers(redis: RedisServer, count: int = 2, **settings: Any) -> Iterator[list[ServerProcess]]:
    running = list[ServerProcess]()
    try:
        for number in range(count):
            running.append(
                start_server(
                    decoder=FAKE_DECODER,
                    backplane=redis.url,
                    server_name=f"s{number}",
                    drain_s=1,
                    **settings,
                )
            )
        yield running
    finally:
        for server in running:
            server.stop()


def is_up(server: ServerProcess) -> float:
    return figure(server, "surtitle_backplane_up")


class Audience:
    """Watches the channel at one server, and remembers what it is told."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.partials = 0
        self.states: list[str] = []
        self.viewers: list[int] = []
        self.sessions: set[str] = set()

    async def watch(self, server: ServerProcess, channel: str = "hall") -> None:
        async with watch(server.url, channel) as messages:
            async for message in messages:
                match message:
                    case Final():
                        self.texts.append(message.text)
                    case Partial():
                        self.partials += 1
                    case Channel():
                        self.viewers.append(message.viewers)
                        self.sessions.add(message.session)
                        if self.states[-1:] != [message.state]:
                            self.states.append(message.state)

    async def until(self, condition: Callable[["Audience"], bool], limit_s: float = 15) -> None:
        async with asyncio.timeout(limit_s):
            while not condition(self):  # noqa: ASYNC110 - what is waited for is no event
                await asyncio.sleep(0.01)


@asynccontextmanager
async def watching(*at: ServerProcess) -> AsyncIterator[list[Audience]]:
    audiences = [Audience() for _ in at]
    tasks = [
        asyncio.create_task(audience.watch(server))
        for audience, server in zip(audiences, at, strict=True)
    ]
    try:
        yield audiences
    finally:
        for task in tasks:
            task.cancel()
        for outcome in await asyncio.gather(*tasks, return_exceptions=True):
            assert isinstance(outcome, asyncio.CancelledError), outcome


def numbers(count: int) -> list[str]:
    return [str(number) for number in range(count)]


async def test_who_watches_elsewhere_has_what_who_watches_here_has(redis: RedisServer) -> None:
    with servers(redis) as (here, elsewhere):
        async with watching(here, elsewhere) as (near, far):
            for audience in (near, far):
                await audience.until(lambda each: each.viewers[-1:] == [2])
            story = Story()
            await story.tell(here.port, 8, step_s=STEP_S, channel="hall")
            for audience in (near, far):
                await audience.until(lambda each: len(each.texts) == 8)
                assert audience.texts == numbers(8)
                assert audience.partials
                await audience.until(lambda each: each.states[-1:] == ["waiting"])
                assert audience.states == ["waiting", "live", "waiting"]
                assert max(audience.viewers) == 2
            assert near.sessions == far.sessions
        # Who comes later has all of it, wherever he comes.
        async with watching(here, elsewhere) as late:
            for audience in late:
                await audience.until(lambda each: len(each.texts) == 8)
                assert audience.texts == numbers(8)
                assert audience.partials == 0
        assert not here.errors and not elsewhere.errors


async def test_a_name_belongs_to_one_session_of_all_servers(
    redis: RedisServer, tmp_path: Path
) -> None:
    with servers(redis) as (here, elsewhere):
        async with watching(elsewhere) as (audience,):
            async with connect(here.url, Start(channel="hall")):
                await audience.until(lambda each: each.states[-1:] == ["live"])
                async with connect(elsewhere.url, Start(channel="hall")) as second:
                    with pytest.raises(ClientError, match="Another session is publishing") as why:
                        async for _ in second:
                            pass
                    assert why.value.code == "bad_start"
            await audience.until(lambda each: each.states[-1:] == ["waiting"])
            async with connect(elsewhere.url, Start(channel="hall")):
                await audience.until(lambda each: each.states[-1:] == ["live"])


@pytest.mark.parametrize("dies", [False, True])
async def test_a_speaker_goes_on_at_the_other_server(redis: RedisServer, dies: bool) -> None:
    """The viewers of both have each word once, in order."""
    with servers(redis) as (first, second):
        async with watching(second) as (audience,):
            before, after = Story(), Story()
            telling = asyncio.create_task(
                before.tell(first.port, 500, step_s=STEP_S, channel="hall")
            )
            await audience.until(lambda each: len(each.texts) >= 3)
            if dies:
                await asyncio.to_thread(first.stop, 9)
            else:
                await asyncio.to_thread(first.stop)
            telling.cancel()
            await asyncio.gather(telling, return_exceptions=True)
            heard = len(audience.texts)
            await after.tell(second.port, 6, step_s=STEP_S, channel="hall")
            await audience.until(lambda each: len(each.texts) >= heard + 6)
            assert audience.texts == [*before.texts[:heard], *numbers(6)]
            assert audience.states[-1] in ("live", "waiting")
        async with watching(second) as (late,):
            await late.until(lambda each: len(each.texts) >= heard + 6)
            assert late.texts == audience.texts


@pytest.mark.parametrize("how", ["killed", "frozen"])
async def test_redis_is_gone_and_comes_back(redis: RedisServer, how: str) -> None:
    with servers(redis) as (here, elsewhere):
        async with watching(here, elsewhere) as (near, far):
            story = Story()
            telling = asyncio.create_task(story.tell(here.port, 30, step_s=0.03, channel="hall"))
            await far.until(lambda each: len(each.texts) >= 3)
            if how == "killed":
                redis.kill()
            else:
                redis.freeze()
            await far.until(lambda each: each.states[-1:] == ["away"])
            await asyncio.to_thread(wait_until, lambda: is_up(here) == 0)
            seen, spoken = len(far.texts), len(near.texts)
            await near.until(lambda each: len(each.texts) >= spoken + 4)
            assert len(far.texts) == seen
            redis.start() if how == "killed" else redis.thaw()
            await far.until(lambda each: each.states[-1:] == ["live"])
            await asyncio.to_thread(wait_until, lambda: is_up(here) == 1)
            await telling
            for audience in (near, far):
                await audience.until(lambda each: len(each.texts) == 30)
                assert audience.texts == numbers(30)
            assert "away" not in near.states
        async with watching(elsewhere) as (late,):
            await late.until(lambda each: len(each.texts) == 30)
            assert late.texts == numbers(30)
        story.check(30)
        assert max(story.away_s, default=0) == 0
        assert len(here.events("channels are not shared with other servers for now")) == 1
        assert not here.errors and not elsewhere.errors


async def test_a_server_that_starts_without_redis_serves_all_the_same(redis: RedisServer) -> None:
    redis.kill()
    with servers(redis) as (here, elsewhere):
        async with watching(here, elsewhere) as (near, far):
            story = Story()
            telling = asyncio.create_task(story.tell(here.port, 20, step_s=0.03, channel="hall"))
            await near.until(lambda each: len(each.texts) >= 4)
            assert not far.texts
            redis.start()
            await far.until(lambda each: len(each.texts) >= 4)
            await telling
            await far.until(lambda each: len(each.texts) == 20)
            assert near.texts == far.texts == numbers(20)


async def test_the_same_key_takes_a_name_over_at_another_server(
    redis: RedisServer, tmp_path: Path
) -> None:
    keys = tmp_path / "keys.toml"
    key, other = (add_key(keys, name, ["speak", "watch"]) for name in ("studio", "stranger"))
    with servers(redis, keys_file=keys) as (here, elsewhere):
        start = Start(channel="hall")
        async with connect(here.url, start, key=key, patience_s=0) as first:
            assert first._socket is not None
            await first.send(bytes(3200))
            first._socket.transport.abort()  # it is away, and may come back
            async with connect(elsewhere.url, start, key=other) as stranger:
                with pytest.raises(ClientError, match="Another session"):
                    async for _ in stranger:
                        pass
            async with connect(elsewhere.url, start, key=key) as again:
                await again.send(bytes(3200))
                await asyncio.sleep(2.5)  # in which it would have been refused
                await again.stop()
                assert [type(event).__name__ async for event in again][-1] == "Ended"


def test_a_password_is_in_no_log(redis: RedisServer) -> None:
    url = redis.url.replace("127.0.0.1", ":secret-word@127.0.0.1")
    server = start_server(decoder=FAKE_DECODER, backplane=url)
    server.stop()
    assert "secret-word" not in json.dumps(server.log) + "".join(server.stray)


async def test_what_sessions_said_long_ago_is_not_read_though_later_ones_keep_it(
    redis: RedisServer,
) -> None:
    store = RedisStore(redis.url, "here")
    told = Redis.from_url(redis.url)
    now_ms = round(time.time() * 1000)
    ages_s = {"long ago": 2 * KEEP_S, "in between": 2 * KEEP_S - 1, "goes on": KEEP_S + 1}
    for at, (session, age_s) in enumerate([*ages_s.items(), ("goes on", 1.0)], 1):
        entry = {"server": "there", "session": session, "message": format_message(final(at))}
        await told.xadd(_keys("hall")[1], entry, id=f"{now_ms - round(age_s * 1000)}-0")  # type: ignore[arg-type]
    await store.open()
    news = await store.look("hall", "", 0)
    await store.close()
    await told.aclose()
    assert [session for session, _ in news.said] == ["goes on", "goes on"]
