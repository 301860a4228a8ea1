"""Engines on other machines, as one engine."""

import asyncio
from collections.abc import Sequence
from functools import partial

from surtitle.engine.balanced import Balanced
from surtitle.engine.dialing import LaneOptions
from surtitle.engine.discovery import follow, options_for_addresses
from surtitle.engine.engine import OnLoad, OnState
from surtitle.engine.lane import Lane
from surtitle.engine.pool import EnginePool, MakeMember

DNS = "dns+"
"""Before a URL whose host is a name: all of its addresses are engines."""
BALANCED = "lb+"
"""Before a URL behind which are several engines."""


class RemoteEngines(EnginePool):
    """A pool of lanes."""

    def __init__(
        self, urls: Sequence[str], options: LaneOptions, on_state: OnState, on_load: OnLoad
    ) -> None:
        """`urls` as `ws://host:port`, `dns+ws://name:port` or `lb+ws://host:port/prefix`; the others as
        for Supervisor.
        """
        self._options = options
        self._names = [url.removeprefix(DNS) for url in urls if url.startswith(DNS)]
        self._following: list[asyncio.Task[None]] = []
        self._addresses = [url.removeprefix(BALANCED) for url in urls if url.startswith(BALANCED)]
        engines = [url for url in urls if not url.startswith((DNS, BALANCED))]
        super().__init__(map(self._lane_to, engines), on_state, on_load)
        self._balanced = Balanced(self, options)
        for url in self._addresses:
            self._balanced.add(url)

    def start(self) -> asyncio.Task[None]:
        """See Engine.start."""
        task = super().start()
        follows = [follow(self, url, partial(self._lane_by_name, url)) for url in self._names]
        follows += [self._balanced.follow(url) for url in self._addresses]
        for each in follows:
            following = asyncio.create_task(each, name="engines")
            following.add_done_callback(self._on_end)
            self._following.append(following)
        return task

    async def stop(self) -> None:
        """See Engine.stop."""
        for task in self._following:
            task.cancel()
        await super().stop()

    def _lane_to(self, url: str) -> MakeMember:
        return partial(Lane, url, self._options)

    def _lane_by_name(self, name: str, url: str) -> MakeMember:
        return partial(Lane, url, options_for_addresses(name, self._options))
