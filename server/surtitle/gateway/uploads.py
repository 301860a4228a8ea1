"""Recordings that come as the body of a request: a session whose client is that request.

What was uploaded goes to the decoder as it comes, and is read no faster than it is recognised. Nobody
waits for the captions as they come, so others who speak go first (`mode` `file`).
"""

import asyncio
import os
import tempfile
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from typing import IO

import structlog
from msgspec import structs

from surtitle.errors import Busy, WireError
from surtitle.gateway.hosted import HostedSession
from surtitle.gateway.live import WORD_BYTES
from surtitle.gateway.opening import Opening
from surtitle.gateway.shares import Share, Shares
from surtitle.gateway.stream import MAX_MESSAGE_S, ClientStream
from surtitle.messages import Ended, Failed, Final, ServerMessage, Start

log = structlog.get_logger("surtitle.upload")

PIECE_BYTES = 1 << 13
"""Of a recording, taken at a time."""
LOOK_S = 1.0
"""How soon it is noticed that a client has gone of whom nothing is read: what it has sent would be
recognised for nobody, and its place be taken, for minutes."""


class Upload:
    """The link of a session that a request has, see Link."""

    is_behind = False

    def __init__(
        self, opening: Opening, stream: ClientStream, on_session: Callable[[], object]
    ) -> None:
        """`on_session` is called when it has a session."""
        self.opening = opening
        self.audio_ms = 0
        """Of the recording, once all of it is answered."""
        self.missing_ms = 0
        """Of that, what could not be decoded from its file."""
        self.failed_ms = 0
        """And what the engine gave up on."""
        self._stream = stream
        self._on_session = on_session
        self._hosted: HostedSession | None = None
        self._finals: deque[Final] = deque()
        self._error: Exception | None = None
        self._is_over = False
        self._news = asyncio.Event()

    def begin(self, start: Start) -> None:
        """Begin the session. Its client gets the whole transcript, so that nothing else keeps it.

        Raises Busy, BadStart.
        """
        self._hosted = self.opening.open(structs.replace(start, archive=False), self)
        self._on_session()
        self._stream.settle()

    async def take(self, data: bytes) -> None:
        """The next bytes of the recording, once there is room. Raises WireError."""
        hosted = self._session
        for begin in range(0, len(data), PIECE_BYTES):
            while hosted.full and self._error is None:
                await self._next_news_or_end()
            self.check()
            piece = data[begin : begin + PIECE_BYTES]
            await self.in_turn(partial(hosted.receive_audio, piece))

    async def in_turn(self, call: Callable[[], object]) -> None:
        """Do something for the client, when its turn comes."""
        await self._stream.in_turn(call, MAX_MESSAGE_S)

    async def finish(self) -> AsyncIterator[Final]:
        """There is no more of it: all finals, as they come, to the last. Raises WireError."""
        if self._error is None:
            self._session.stop()
        while True:
            while self._finals:
                yield self._finals.popleft()
                await asyncio.sleep(0)  # whoever takes them does not wait
            self.check()
            if self._is_over:
                return
            await self._next_news()

    def close(self) -> None:
        """The request has ended, whether it was answered or not."""
        if self._hosted is not None:
            self.opening.sessions.leave(self._hosted, self, for_good=True)

    def leave(self) -> None:
        """The client has gone. `finish` raises ConnectionResetError."""
        self._error = self._error or ConnectionResetError()
        self._news.set()

    def break_off(self) -> None:
        """The server stops."""
        self.fail(Busy("The server is stopping; send the file again."))

    @property
    def _session(self) -> HostedSession:
        assert self._hosted is not None, "not begun"
        return self._hosted

    def check(self) -> None:
        """Raises what has gone wrong meanwhile."""
        if self._error is not None:
            raise self._error

    async def _next_news(self) -> None:
        self._news.clear()
        await self._news.wait()

    async def _next_news_or_end(self) -> None:
        """While the client is not read, whether it has gone must be asked."""
        with suppress(TimeoutError):
            async with asyncio.timeout(LOOK_S):
                await self._next_news()
        if self._stream.peer_has_left:
            self.leave()

    # -- see Link -------------------------------------------------------------------------------

    def post(self, message: ServerMessage) -> None:
        """See Link."""
        match message:
            case Final():
                self._finals.append(message)
            case Failed():
                self.failed_ms += message.end_ms - message.start_ms
            case Ended():
                self.audio_ms, self.missing_ms = message.audio_ms, message.missing_ms
                self._is_over = True
        self._news.set()

    def fail(self, error: WireError) -> None:
        """See Link. What does not end the session is part of the account."""
        if error.close_code is not None and self._error is None and not self._is_over:
            self._error = error
            self._news.set()

    def on_progress(self) -> None:
        """See Link."""
        self._news.set()

    def on_taken_over(self) -> None:
        """See Link: nobody is given its token."""

    @property
    def held_bytes(self) -> int:
        """See Link."""
        return sum(len(final.text) + WORD_BYTES * len(final.words or ()) for final in self._finals)


class NoRoom(Exception):
    """What is kept on disk of all uploads is too much."""


class Spools:
    """Files that came before the fields that say what to do with them; until then they are on disk."""

    def __init__(self, most_bytes: int) -> None:
        """One owner's have at most `most_bytes`, and those of all at most twice that."""
        self._shares = Shares(2 * most_bytes)

    @contextmanager
    def open(self, owner: str) -> Iterator["Spool"]:
        """One file; it is gone afterwards, and also when this process ends in whatever way."""
        with tempfile.TemporaryFile() as file:
            share = self._shares.share(owner)
            try:
                yield Spool(file, share)
            finally:
                share.give_back()


class Spool:
    """A file on disk: written, then read."""

    def __init__(self, file: IO[bytes], share: Share) -> None:
        self._file = file
        self._share = share

    def write(self, data: bytes) -> None:
        """Keep more. Raises NoRoom, also where the disk is full."""
        if not self._share.grow(len(data)):
            raise NoRoom
        try:
            self._file.write(data)
        except OSError as error:
            log.warning("an upload cannot be kept", cause=os.strerror(error.errno or 0))
            raise NoRoom from error

    def pieces(self) -> Iterator[bytes]:
        """All of it, from the beginning. Raises NoRoom where the last of it could not be written."""
        try:
            self._file.seek(0)
        except OSError as error:
            raise NoRoom from error
        while data := self._file.read(PIECE_BYTES):
            yield data
