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
    LONGEST_WAIT_S,
    Broken,
    ClientError,
    Disconnected,
    Patience,
    dial,
    endpoint,
    hang_up,
    receive,
)
from surtitle.messages import (
    Channel,
    Failed,
    Final,
    Suppressed,
    ViewerMessage,
    parse_viewer_message,
)

MAX_SESSIONS = 400
"""Whose answers are remembered; a server tells fewer again."""
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
        self._patience = Patience(patience_s)
        self._messages: AsyncGenerator[ViewerEvent, None] | None = None
        self._socket: ClientConnection | None = None

    async def __aenter__(self) -> AsyncIterator[ViewerEvent]:
        """Connect."""
        try:
            self._socket = await dial(self._url, self._key)
        except Broken as broken:
            raise ClientError(str(broken)) from broken
        self._messages = self._follow(self._socket)
        return self._messages

    async def __aexit__(self, *exc_info: object) -> None:
        """Close the connection."""
        if self._messages is not None:
            await self._messages.aclose()
        if self._socket is not None:  # nobody may have begun to iterate
            await hang_up(self._socket)

    async def _follow(self, socket: ClientConnection) -> AsyncGenerator[ViewerEvent, None]:
        clock_s = asyncio.get_running_loop().time
        known = _Known()
        while True:
            began_s = clock_s()
            try:
                while True:
                    message = _parse(await receive(socket))
                    if clock_s() > began_s + LONGEST_WAIT_S:  # sooner, it may be the welcome alone
                        self._patience.renew()
                    for each in known.new(message):
                        yield each
            except Broken as broken:
                await hang_up(socket)
                reason = str(broken)
            yield Disconnected(reason)
            self._socket = socket = await self._come_back(reason)
            known.begin_anew()

    async def _come_back(self, reason: str) -> ClientConnection:
        while True:
            await self._patience.wait(reason)
            try:
                return await dial(self._url, self._key)
            except Broken as broken:
                reason = str(broken)


def _parse(data: str | bytes) -> ViewerMessage | None:
    try:
        return parse_viewer_message(data)
    except DecodeError as error:
        raise ClientError("The server does not speak Surtitle's protocol.") from error


class _Known:
    """What has been passed on. The answers of a session come in the order of their utterances."""

    def __init__(self) -> None:
        self._present: str | None = None  # the session of the channel, as told on this connection
        self._session = ""  # that of what comes now
        self._past: Channel | None = None  # names an earlier one, of which nothing new has come yet
        self._answered: dict[str, int] = {}  # session -> number of its newest answer

    def begin_anew(self) -> None:
        """What comes next is the greeting on another connection."""
        self._present = None

    def new(self, message: ViewerMessage | None) -> list[ViewerMessage]:
        """What is to be passed on now."""
        if message is None:
            return []
        if isinstance(message, Channel):
            return self._enter(message)
        if message.utterance <= self._answered.get(self._session, 0):
            return []
        if isinstance(message, Final | Failed | Suppressed):
            self._answered.pop(self._session, None)  # so that the newest come last
            self._answered[self._session] = message.utterance
            if len(self._answered) > MAX_SESSIONS:
                del self._answered[next(iter(self._answered))]
        past, self._past = self._past, None
        return [message] if past is None else [past, message]

    def _enter(self, channel: Channel) -> list[ViewerMessage]:
        """History tells of earlier sessions, too; of one without anything new nothing is passed on."""
        self._session, self._past = channel.session, None
        of_the_past = channel.state == "waiting" and channel.session not in ("", self._present)
        if self._present is not None and of_the_past:
            self._past = channel
            return []
        self._present = channel.session
        return [channel]
