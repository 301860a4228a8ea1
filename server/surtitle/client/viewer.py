"""Watching a channel: what somebody else says, with what was said before.

async with watch("ws://127.0.0.1:8765", "stage") as messages:
    async for message in messages:
        if isinstance(message, Final):
            print(message.text)

When the connection breaks the viewer comes again by itself. Each answer comes once, in order.
"""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator
from urllib.parse import quote

from msgspec import DecodeError
from websockets.asyncio.client import ClientConnection

from surtitle.client.dialing import (
    Broken,
    ClientError,
    Disconnected,
    dial,
    endpoint,
    receive,
    waits_s,
)
from surtitle.messages import (
    Channel,
    Failed,
    Final,
    Suppressed,
    ViewerMessage,
    parse_viewer_message,
)

PATIENCE_S = 120.0
"""How long a server that is gone is tried again."""

ViewerEvent = ViewerMessage | Disconnected


def channel_url(url: str, channel: str) -> str:
    """Where a channel is watched, from a server's address. Raises ClientError."""
    return endpoint(url, f"/v1/channels/{quote(channel, safe='')}")


class watch(contextlib.AbstractAsyncContextManager[AsyncIterator[ViewerEvent]]):
    """The messages of a channel, without an end: `async with watch(url, channel) as messages`.

    `url` is as for `connect`; `key` is a key or a token, for a server that asks for one. Raises
    ClientError where the server cannot be reached or refuses; later on, where it was gone for
    `patience_s`.
    """

    def __init__(
        self, url: str, channel: str, *, key: str | None = None, patience_s: float = PATIENCE_S
    ) -> None:
        self._url = channel_url(url, channel)
        self._key = key
        self._patience_s = patience_s
        self._messages: AsyncGenerator[ViewerEvent, None] | None = None

    async def __aenter__(self) -> AsyncIterator[ViewerEvent]:
        """Connect."""
        try:
            socket = await dial(self._url, self._key)
        except Broken as broken:
            raise ClientError(str(broken)) from broken
        self._messages = self._follow(socket)
        return self._messages

    async def __aexit__(self, *exc_info: object) -> None:
        """Close the connection."""
        if self._messages is not None:
            await self._messages.aclose()

    async def _follow(self, socket: ClientConnection) -> AsyncGenerator[ViewerEvent, None]:
        known = _Known()
        while True:
            try:
                async with socket:
                    while True:
                        message = _parse(await receive(socket))
                        if message is not None and known.is_new(message):
                            yield message
            except Broken as broken:
                yield Disconnected(str(broken))
            socket = await self._come_back()

    async def _come_back(self) -> ClientConnection:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._patience_s
        for wait_s in waits_s():
            await asyncio.sleep(wait_s)
            try:
                return await dial(self._url, self._key)
            except Broken as broken:
                reason = str(broken)
            if loop.time() > deadline:
                break
        raise ClientError(f"{reason} Gave up after {self._patience_s:.0f} s.")


def _parse(data: str | bytes) -> ViewerMessage | None:
    try:
        return parse_viewer_message(data)
    except DecodeError as error:
        raise ClientError("The server does not speak Surtitle's protocol.") from error


class _Known:
    """What has been passed on. The answers of a session come in the order of their utterances."""

    def __init__(self) -> None:
        self._session = ""
        self._answered: dict[str, int] = {}  # session -> number of its newest answer

    def is_new(self, message: ViewerMessage) -> bool:
        if isinstance(message, Channel):
            self._session = message.session
            return True
        answered = self._answered.get(self._session, 0)
        if message.utterance <= answered:
            return False
        if isinstance(message, Final | Failed | Suppressed):
            self._answered[self._session] = message.utterance
        return True
