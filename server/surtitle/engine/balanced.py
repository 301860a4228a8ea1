"""Engines behind one address: that of a load balancer, or of Ray Serve.

Who connects is given any of them. So a gateway connects again and again, and keeps each connection to
an engine that it has no lane to. A lane lasts as long as its connection: where that ends, the next one
may lead to another engine.
"""

import asyncio
import contextlib
from collections.abc import Callable
from functools import partial

import structlog

from surtitle.engine.dialing import LaneOptions, NotReached, Reached, dial
from surtitle.engine.lane import Lane
from surtitle.engine.pool import EnginePool

log = structlog.get_logger("surtitle.engine")

LOOK_EVERY_S = 2.0
"""How often it is looked whether there is an engine without a lane."""
LOOK_FOR_FIRST_S = 0.5
"""The same while there is no lane at all."""
PAUSE_S = 0.1
"""Between two connections of one look."""
TRIES = 2
"""A look that has found an engine goes on until so many connections in a row, for each known one and
one more, have led to known ones.
"""
SHARE = 8
"""A look makes one connection for so many known engines before it gives up."""


class Balanced:
    """The engines behind addresses, which may be the same ones: a lane to each in a pool."""

    def __init__(self, pool: EnginePool, options: LaneOptions) -> None:
        self._pool = pool
        self._options = options
        self._lanes: dict[
            str, int
        ] = {}  # the members with a connection, by the engine's incarnation
        self._lost: list[int] = []  # those without one, which are to go
        self._news = asyncio.Event()  # a connection is lost
        self._said: dict[str, str] = {}  # by URL, of what is wrong, so that it is said once

    def add(self, url: str) -> None:
        """An address, as `ws://host:port/prefix`: until an engine is found, a member that stands for it
        keeps the jobs.
        """
        self._lost.append(self._pool.add(partial(Lane, url, self._options, dial_engine=_none_yet)))

    async def follow(self, url: str) -> None:
        """Look for engines behind an address, for ever."""
        while True:
            self._news.clear()
            await self._look(url)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOOK_EVERY_S if self._lanes else LOOK_FOR_FIRST_S):
                    await self._news.wait()
            await self._let_go()

    async def _look(self, url: str) -> None:
        """Connect until there is hardly an engine left that is not known."""
        tries = 1 + len(self._lanes) // SHARE
        while tries > 0:
            try:
                reached = await dial(url, self._options, self._lanes)
            except NotReached as error:
                self._say(url, str(error))
                return
            self._say(url, "")
            if reached.engine.incarnation in self._lanes:
                await reached.connection.close()
                tries -= 1
            else:
                self._take(url, reached)
                await self._let_go()
                tries = TRIES * (len(self._lanes) + 1)
            await asyncio.sleep(PAUSE_S)

    def _take(self, url: str, reached: Reached) -> None:
        """There is one more engine."""
        incarnation = reached.engine.incarnation
        once = _Once(reached, partial(self._lose, incarnation))
        name = f"{url}#{incarnation}"
        member = self._pool.add(partial(Lane, name, self._options, dial_engine=once))
        self._lanes[incarnation] = member

    def _lose(self, incarnation: str) -> None:
        """Its connection has ended."""
        if (member := self._lanes.pop(incarnation, None)) is not None:
            self._lost.append(member)
            self._news.set()

    async def _let_go(self) -> None:
        """Remove members without a connection; the last of a pool stays, since jobs have to be
        somewhere.
        """
        while self._lost and len(self._pool.members) > 1:
            await self._pool.remove(self._lost.pop(0))

    def _say(self, url: str, why: str) -> None:
        """Log what is wrong, once."""
        if why and why != self._said.get(url):
            log.warning("engine not reached", member=url, why=why)
        self._said[url] = why


class _Once:
    """A connection that is there, for a lane; when that asks again, it has ended."""

    def __init__(self, reached: Reached, on_end: Callable[[], None]) -> None:
        self._reached: Reached | None = reached
        self._on_end = on_end

    async def __call__(self) -> Reached:
        if (reached := self._reached) is not None:
            self._reached = None
            return reached
        self._on_end()
        raise NotReached("Its connection has ended.")


async def _none_yet() -> Reached:
    never: asyncio.Future[Reached] = asyncio.get_running_loop().create_future()
    return await never
