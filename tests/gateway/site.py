"""A gateway that listens on a real port, with a fake engine behind."""

import asyncio
import email.message
import json
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from surtitle.gateway.access import KeyRing
from surtitle.gateway.limits import AddressLimits
from surtitle.gateway.origins import SAME_ORIGIN, OriginPolicy
from tests.gateway.fakes import FakeEngine, make_gateway

START = '{"type":"start"}'


class Site:
    """A gateway that listens."""

    def __init__(
        self,
        keys: Callable[[], KeyRing] | None = None,
        limits: AddressLimits | None = None,
        origins: OriginPolicy = SAME_ORIGIN,
        **more: Any,
    ) -> None:
        self.engine = FakeEngine()
        more = {"max_sessions_per_key": 1} | more
        self.gateway = make_gateway(self.engine, keys=keys, limits=limits, origins=origins, **more)

    @property
    def websocket(self) -> str:
        return f"ws://127.0.0.1:{self.gateway.port}/v1/captions"

    @property
    def channel(self) -> str:
        return f"ws://127.0.0.1:{self.gateway.port}/v1/channels/hall"

    async def get(self, path: str) -> tuple[int, dict[str, Any]]:
        """The status and the JSON body of a page."""

        def fetch() -> tuple[int, bytes]:
            try:
                url = f"http://127.0.0.1:{self.gateway.port}{path}"
                with urllib.request.urlopen(url, timeout=5) as response:
                    return response.status, response.read()
            except urllib.error.HTTPError as error:
                with error:
                    return error.code, error.read()

        status, body = await asyncio.to_thread(fetch)
        return status, json.loads(body)

    async def ask(
        self, path: str, method: str = "GET", *, port: int | None = None, **headers: Any
    ) -> tuple[int, email.message.Message]:
        """The status and the headers of an answer."""

        def fetch() -> tuple[int, email.message.Message]:
            url = f"http://127.0.0.1:{port or self.gateway.port}{path}"
            request = urllib.request.Request(url, headers=headers, method=method)
            try:
                with urllib.request.urlopen(request, timeout=5) as response:
                    return response.status, response.headers
            except urllib.error.HTTPError as error:
                with error:
                    return error.code, error.headers

        return await asyncio.to_thread(fetch)

    async def until_empty(self) -> None:
        """Wait until the server knows that its clients have gone."""
        async with asyncio.timeout(5):
            while self.gateway._connections:  # noqa: ASYNC110 - the count is no event
                await asyncio.sleep(0.01)

    async def refusal(self, **how: Any) -> tuple[int, str | None, str]:
        """How a session is refused: status, Retry-After, sentence."""
        with pytest.raises(InvalidStatus) as refused:
            async with connect(self.websocket, **how):
                pass
        response = refused.value.response
        body = json.loads(bytes(response.body or b"{}"))
        return response.status_code, response.headers.get("Retry-After"), body["error"]


@asynccontextmanager
async def listening(
    keys: Callable[[], KeyRing] | None = None,
    limits: AddressLimits | None = None,
    origins: OriginPolicy = SAME_ORIGIN,
    metrics: tuple[str, int] | None = None,
    host: str = "127.0.0.1",
    **more: Any,
) -> AsyncIterator[Site]:
    site = Site(keys, limits, origins, **more)
    await site.gateway.start(host, 0, metrics=metrics)
    try:
        yield site
    finally:
        await site.gateway.drain(0)
