"""The captions of one session as live WebVTT over HTTP, for players.

What is written is kept for those who come later, as far back as a bound. A reader holds nothing but
a place in that, so one that is slow costs no memory; it is cut off when it does not take a cue in time.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass
from itertools import islice

from msgspec import structs
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from surtitle.gateway.http import connection_of
from surtitle.messages import Final, Revised, revise
from surtitle.subtitles.cues import Layout, LiveLayout
from surtitle.subtitles.formats import VTT_HEADER, format_vtt_cue

HISTORY_FINALS = 600
"""Finals kept for a reader that comes later: those of about an hour, or 100 KB."""
WORD_BYTES = 200
"""What a word takes that has times."""
MAX_READERS = 32
"""Readers of one session at once; more people than that are better served by a relay."""
MAX_SAID_BYTES = 1 << 16
"""What may come of a reader as a body: reading it costs time of all."""

_HEADERS = {
    "Content-Type": "text/vtt; charset=utf-8",
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Connection": "close",  # it has a place among those that stay
}


@dataclass(slots=True)
class _LaidOut:
    """A final without the times of its words, and as blocks of WebVTT."""

    final: Final
    blocks: str
    free_ms: int  # when the screen was free for it
    until_ms: int  # when it is free again


class LiveCaptions:
    """The cues of one session, as blocks of WebVTT that readers follow."""

    def __init__(self, layout: Layout) -> None:
        self._layout = LiveLayout(layout)
        self._finals: deque[Final] = deque(maxlen=HISTORY_FINALS)  # not laid out yet
        self._laid_out: deque[_LaidOut] = deque(maxlen=HISTORY_FINALS)
        self._count = 0  # of all that were ever laid out
        self._over = False
        self._news = asyncio.Event()  # replaced each time there is something new
        self.readers = 0
        """How many read now."""

    @property
    def held_bytes(self) -> int:
        """About how much the captions take."""
        words = sum(len(final.words or ()) for final in self._finals)
        texts = sum(len(final.text) for final in self._finals)
        blocks = sum(len(each.blocks) + len(each.final.text) for each in self._laid_out)
        return texts + blocks + WORD_BYTES * words

    def add(self, final: Final) -> None:
        """Take the next final of the session. It is laid out when somebody reads: most are not read."""
        self._finals.append(final)
        self._announce()

    def revise(self, revised: Revised) -> None:
        """A final has a better text: who reads later reads that, in the same time on the screen."""
        for at, final in enumerate(self._finals):
            if final.utterance == revised.utterance:
                self._finals[at] = revise(final, revised)
        for laid_out in self._laid_out:
            if laid_out.final.utterance == revised.utterance:
                final = revise(laid_out.final, revised)
                cues = self._layout.again(final, laid_out.free_ms, laid_out.until_ms)
                laid_out.blocks = "".join(map(format_vtt_cue, cues))

    def close(self) -> None:
        """The session is over."""
        self._over = True
        self._announce()

    async def follow(self) -> AsyncIterator[str]:
        """The header, the blocks that are kept, and each further one, until the session is over.

        It may be cancelled at any of them: a reader is nothing but a place.
        """
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
            kept_from = self._count - len(self._laid_out)
            new = islice(self._laid_out, max(seen - kept_from, 0), None)
            text = "".join(each.blocks for each in new)
            seen = self._count
            if text:
                yield text

    def _lay_out_next(self) -> None:
        final, free_ms = self._finals.popleft(), self._layout.free_ms
        blocks = "".join(map(format_vtt_cue, self._layout.add(final)))
        bare = structs.replace(final, words=None)
        self._laid_out.append(_LaidOut(bare, blocks, free_ms, self._layout.free_ms))
        self._count += 1

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
        leaving = asyncio.create_task(until_gone(receive))
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


async def until_gone(receive: Receive) -> None:
    """Until the client leaves, or says too much: it has nothing more to say."""
    left = MAX_SAID_BYTES
    while left > 0 and (message := await receive())["type"] != "http.disconnect":
        left -= len(message["body"])
