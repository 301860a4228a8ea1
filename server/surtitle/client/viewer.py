"""Watching a channel: what somebody else says, with what was said before.

async with watch("ws://127.0.0.1:8765", "stage") as messages:
    async for message in messages:
        if isinstance(message, Final):
            print(message.text)

When the connection breaks the viewer comes again by itself. Each answer comes once, in order; a
better text that came meanwhile, too.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from urllib.parse import quote

from msgspec import DecodeError
from websockets.asyncio.client import ClientConnection

from surtitle.client.dialing import (
    LONGEST_WAIT_S,
    Broken,
    Disconnected,
    Patience,
    dial,
    endpoint,
    hang_up,
    no_protocol,
    receive,
)
from surtitle.client.inbox import Inbox, superseded_by
from surtitle.messages import (
    Channel,
    Failed,
    Final,
    Revised,
    Suppressed,
    ViewerMessage,
    parse_viewer_message,
)

MAX_SESSIONS = 400
"""Whose answers are remembered; a server tells fewer again."""
MAX_TEXTS = 500
"""Finals whose texts are remembered: an older one is not revised any more."""
PATIENCE_S = 120.0
"""How long a server that is gone is tried again."""

ViewerEvent = ViewerMessage | Disconnected


def channel_url(url: str, channel: str) -> str:
    """Where a channel is watched, from a server's address. Raises ClientError."""
    return endpoint(url, f"/v1/channels/{quote(channel, safe='')}")


class watch(contextlib.AbstractAsyncContextManager[AsyncIterator[ViewerEvent]]):
    """The messages of a channel, until it is left: `async with watch(url, channel) as messages`.

    A loop that falls behind skips partials that newer ones have replaced, and nothing else. If two
    loops iterate, each message goes to one of them.

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
        self._messages: Inbox[ViewerEvent] = Inbox(superseded_by)
        self._socket: ClientConnection | None = None  # the newest
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> AsyncIterator[ViewerEvent]:
        """Connect."""
        try:
            self._socket = await dial(self._url, self._key)
        except Broken as broken:
            raise broken.for_good() from broken
        self._task = asyncio.create_task(self._run(self._socket), name="watch")
        return self._messages

    async def __aexit__(self, *exc_info: object) -> None:
        """Close the connection. Loops over the messages end."""
        self._messages.end()
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})
        if self._socket is not None:
            await hang_up(self._socket)

    async def _run(self, socket: ClientConnection) -> None:
        """Follow the channel over connection after connection."""
        known = _Known()
        try:
            while True:
                broken = await self._listen(socket, known)
                await hang_up(socket)
                self._messages.put(Disconnected(str(broken)))
                self._socket = socket = await self._come_back(broken)
                known.begin_anew()
        except Exception as error:  # also a mistake of ours: nobody may wait for what never comes
            self._messages.end(error)

    async def _listen(self, socket: ClientConnection, known: "_Known") -> Broken:
        """Pass on what is new of one connection; returns why it has gone. Raises ClientError."""
        clock_s = asyncio.get_running_loop().time
        began_s = clock_s()
        while True:
            try:
                message = _parse(await receive(socket))
            except Broken as broken:
                return broken
            if clock_s() > began_s + LONGEST_WAIT_S:  # sooner, it may be the welcome alone
                self._patience.renew()
            for each in known.new(message):
                self._messages.put(each)

    async def _come_back(self, broken: Broken) -> ClientConnection:
        while True:
            await self._patience.wait(broken)
            try:
                return await dial(self._url, self._key)
            except Broken as again:
                broken = again


def _parse(data: str | bytes) -> ViewerMessage | None:
    try:
        return parse_viewer_message(data)
    except DecodeError as error:
        raise no_protocol() from error


class _Known:
    """What has been passed on. The answers of a session come in the order of their utterances."""

    def __init__(self) -> None:
        self._present: str | None = None  # the session of the channel, as told on this connection
        self._session = ""  # that of what comes now
        self._past: Channel | None = None  # names an earlier one, of which nothing new has come yet
        self._answered: dict[str, int] = {}  # session -> number of its newest answer
        self._texts: dict[tuple[str, int], str] = {}  # (session, utterance) -> of the newest finals

    def begin_anew(self) -> None:
        """What comes next is the greeting on another connection."""
        self._present = None

    def new(self, message: ViewerMessage | None) -> list[ViewerMessage]:
        """What is to be passed on now."""
        if message is None:
            return []
        if isinstance(message, Channel):
            return self._enter(message)
        if isinstance(message, Revised):
            if not self._is_better(message):
                return []
            self._remember(message)
        elif message.utterance <= self._answered.get(self._session, 0):
            # One that comes again with another text was revised while the connection was broken.
            if not isinstance(message, Final) or not self._is_better(message):
                return []
            message = _revised_of(message)
            self._remember(message)
        elif isinstance(message, Final | Failed | Suppressed):
            self._answered.pop(self._session, None)  # so that the newest come last
            self._answered[self._session] = message.utterance
            if len(self._answered) > MAX_SESSIONS:
                del self._answered[next(iter(self._answered))]
            if isinstance(message, Final):
                self._remember(message)
        past, self._past = self._past, None
        return [message] if past is None else [past, message]

    def _is_better(self, message: Final | Revised) -> bool:
        """Whether it has another text than was passed on for its utterance."""
        before = self._texts.get((self._session, message.utterance))
        return before is not None and before != message.text

    def _remember(self, message: Final | Revised) -> None:
        self._texts[self._session, message.utterance] = message.text
        if len(self._texts) > MAX_TEXTS:
            del self._texts[next(iter(self._texts))]

    def _enter(self, channel: Channel) -> list[ViewerMessage]:
        """History tells of earlier sessions, too; of one without anything new nothing is passed on."""
        self._session, self._past = channel.session, None
        of_the_past = channel.state == "waiting" and channel.session not in ("", self._present)
        if self._present is not None and of_the_past:
            self._past = channel
            return []
        self._present = channel.session
        return [channel]


def _revised_of(final: Final) -> Revised:
    """A final that was revised, as the message that says so."""
    return Revised(
        seq=final.seq,
        utterance=final.utterance,
        start_ms=final.start_ms,
        end_ms=final.end_ms,
        text=final.text,
        confidence=final.confidence,
        words=final.words,
        by=final.by,
    )
