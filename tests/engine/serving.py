"""Engines that are served, and do what the test says."""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from surtitle.engine.lane_server import LaneServer
from surtitle.engine.states import EngineState
from tests.engine.scripted import MODEL, Scripted

SECRET = "0123456789abcdef"
LIMIT_S = 10.0


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(LIMIT_S):
        while not condition():  # noqa: ASYNC110 - what is waited for happens elsewhere
            await asyncio.sleep(0.005)


class There:
    """An engine that is served."""

    def __init__(self, port: int = 0, secret: str = SECRET, incarnation: str = "1") -> None:
        self.engine = Scripted("there", self._on_state, model=MODEL, state=EngineState.READY)
        self.server = LaneServer(self.engine, "there", incarnation, secret, lambda: b"figures 1\n")
        self.port = port

    def _on_state(self, state: EngineState) -> None:
        self.server.tell_state()

    @property
    def lanes(self) -> int:
        """How many gateways it serves."""
        return int(json.loads(self.server.page("/healthz").body)["lanes"])

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}"


@asynccontextmanager
async def served(
    port: int = 0,
    secret: str = SECRET,
    tls: ssl.SSLContext | None = None,
    incarnation: str = "1",
) -> AsyncIterator[There]:
    there = There(port, secret, incarnation)
    there.port = await there.server.start("127.0.0.1", port, tls)
    beating = asyncio.create_task(there.server.run())
    try:
        yield there
    finally:
        beating.cancel()
        await there.server.stop()
