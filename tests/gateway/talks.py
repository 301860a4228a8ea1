"""A client that says something on a gateway that listens, and the fake engine that hears it."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from websockets.asyncio.client import ClientConnection, connect

from lab.ledger import expect
from surtitle.messages import Ended, Final
from tests.gateway.fakes import LOUD, QUIET
from tests.gateway.site import Site

LIMIT_S = 10


@asynccontextmanager
async def speaking(site: Site, secret: str = "", **start: Any) -> AsyncIterator[ClientConnection]:
    headers = {"Authorization": f"Bearer {secret}"} if secret else {}
    async with connect(site.websocket, additional_headers=headers) as client:
        await client.send(json.dumps({"type": "start", **start}))
        yield client


async def say(site: Site, client: ClientConnection, text: str) -> None:
    await client.send(LOUD * 20 + QUIET * 40)
    async with asyncio.timeout(LIMIT_S):
        while not isinstance(expect(await client.recv()), Final):
            site.engine.answer(text)
            await asyncio.sleep(0)


async def stop(client: ClientConnection) -> None:
    await client.send('{"type":"stop"}')
    async with asyncio.timeout(LIMIT_S):
        while not isinstance(expect(await client.recv()), Ended):
            pass
