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

from surtitle.client.dialing import Broken, ClientError, dial, endpoint, receive, waits_s
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


def channel_url(url: str, channel: str) -> str:
    """Where a channel is watched, from a server's address. Raises ClientError."""
    return endpoint(url, f"/v1/channels/{quote(channel, safe='')}")


@contextlib.asynccontextmanager
async def watch(
    url: str, channel: str, *, key: str | None = None, patience_s: float = PATIENCE_S
) -> AsyncIterator[AsyncIterator[ViewerMessage]]:
    """The messages of a channel, without an end.

    `url` is as for `connect`; `key` is a key or a token, for a server that asks for one. The iterator
    raises ClientError where the server refuses, or was not there for `patience_s`.
    """
    messages = _messages(channel_url(url, channel), key, patience_s)
    try:
        yield messages
    finally:
        await messages.aclose()


async def _messages(
    url: str, key: str | None, patience_s: float
) -> AsyncGenerator[ViewerMessage, None]:
    known = _Known()
    loop = asyncio.get_running_loop()
    waits, gone_at = waits_s(), loop.time()
    while True:
        try:
            socket = await dial(url, key)
            async with socket:
                while True:
                    message = _parse(await receive(socket))
                    waits, gone_at = waits_s(), loop.time()
                    if message is not None and known.is_new(message):
                        yield message
        except Broken as broken:
            if loop.time() - gone_at > patience_s:
                raise ClientError(f"{broken} Gave up after {patience_s:.0f} s.") from broken
        await asyncio.sleep(next(waits))


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
