"""The captions of one session as live WebVTT over HTTP, for players.

What is written is kept for those who come later, as far back as a bound. A reader holds nothing but
a place in that, so one that is slow costs no memory; it is cut off when it does not take a cue in time.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterator
from itertools import islice

from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from surtitle.gateway.http import connection_of
from surtitle.messages import Final
from surtitle.subtitles.cues import Layout, LiveLayout
from surtitle.subtitles.formats import VTT_HEADER, format_vtt_cue

HISTORY_CUES = 1000
"""Cues kept for a reader that comes later: those of about an hour, or 100 KB."""
WORD_BYTES = 200
"""What a word takes that has times."""
MAX_READERS = 32
"""Readers of one session at once; more people than that are better served by a relay."""
MOST_SAID_BYTES = 1 << 16
"""What may come of a reader as a body: reading it costs time of all."""

ANYWHERE = {"Access-Control-Allow-Origin": "*"}
"""Lets pages of any origin read an answer: the name of the session is the key, not who asks."""
_HEADERS = {
    "Content-Type": "text/vtt; charset=utf-8",
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Connection": "close",  # it has a place among those that stay
    **ANYWHERE,
}


class LiveCaptions:
    """The cues of one session, as blocks of WebVTT that readers follow."""

    def __init__(self, layout: Layout) -> None:
        self._layout = LiveLayout(layout)
        self._finals: deque[Final] = deque(maxlen=HISTORY_CUES)  # not laid out yet
        self._blocks: deque[str] = deque(maxlen=HISTORY_CUES)
        self._count = 0  # of all blocks there ever were
        self._over = False
        self._news = asyncio.Event()  # replaced each time there is something new
        self.readers = 0
        """How many read now."""

    @property
    def held_bytes(self) -> int:
        """About how much the captions take."""
        words = sum(len(final.words or ()) for final in self._finals)
        texts = sum(len(final.text) for final in self._finals) + sum(map(len, self._blocks))
        return texts + WORD_BYTES * words

    def add(self, final: Final) -> None:
        """Take the next final of the session. It is laid out when somebody reads: most are not read."""
        self._finals.append(final)
        self._announce()

    def close(self) -> None:
        """The session is over."""
        self._over = True
        self._announce()

    async def follow(self) -> AsyncIterator[str]:
        """The header, the blocks that are kept, and each further one, until the session is over."""
        yield VTT_HEADER
        seen = 0
        while True:
            while self._finals:
                self._lay_out_next()
                await asyncio.sleep(0)  # a millisecond each, and there may be many
            if seen == self._count:
                if self._over:
                    return
                await self._news.wait()
                continue
            kept_from = self._count - len(self._blocks)
            text = "".join(islice(self._blocks, max(seen - kept_from, 0), None))
            seen = self._count
            yield text

    def _lay_out_next(self) -> None:
        cues = self._layout.add(self._finals.popleft())
        self._blocks.extend(map(format_vtt_cue, cues))
        self._count += len(cues)

    def _announce(self) -> None:
        self._news.set()
        self._news = asyncio.Event()


class LiveResponse(Response):
    """Answers a request with the captions, until they end or the client leaves."""

    def __init__(self, captions: LiveCaptions) -> None:
        super().__init__(headers=_HEADERS)
        del self.headers["Content-Length"]  # nobody knows
        self._captions = captions

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See Starlette's Response."""
        if scope["method"] == "HEAD":
            await send(self._start)
            await send({"type": "http.response.body", "body": b""})
            return
        connection_of(scope).stream.settle()
        self._captions.readers += 1
        sending = asyncio.create_task(self._send(send))
        leaving = asyncio.create_task(_until_gone(receive))
        try:
            await asyncio.wait({sending, leaving}, return_when=asyncio.FIRST_COMPLETED)
            if sending.done():
                await sending
            else:
                connection_of(scope).stream.abort()
        finally:
            self._captions.readers -= 1
            for task in (sending, leaving):
                task.cancel()
                # Of a client that has gone or does not read there is nothing to say.
                with contextlib.suppress(asyncio.CancelledError, TimeoutError, OSError):
                    await task

    @property
    def _start(self) -> Message:
        return {"type": "http.response.start", "status": 200, "headers": self.raw_headers}

    async def _send(self, send: Send) -> None:
        await send(self._start)
        async for text in self._captions.follow():
            await send({"type": "http.response.body", "body": text.encode(), "more_body": True})
        await send({"type": "http.response.body", "body": b""})


async def _until_gone(receive: Receive) -> None:
    """Until the client leaves, or says too much: it has nothing more to say."""
    left = MOST_SAID_BYTES
    while left > 0 and (message := await receive())["type"] != "http.disconnect":
        left -= len(message["body"])
