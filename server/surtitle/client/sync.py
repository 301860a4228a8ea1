"""The client without `async`, for scripts, threads and notebooks:

from surtitle.client.sync import caption

for message in caption("ws://127.0.0.1:8765", "talk.mp4"):
    if isinstance(message, Final):
        print(message.text)

The connection has an event loop of its own, in a thread, so it does not matter whether the caller is
in one: in Jupyter, both forms work.
"""

import asyncio
import contextlib
import threading
from collections.abc import AsyncGenerator, Coroutine, Generator, Iterator
from typing import TypeVar

from surtitle.client import simple
from surtitle.client.captions import PATIENCE_S, Event
from surtitle.client.simple import Source
from surtitle.messages import Start

T = TypeVar("T")


def caption(
    url: str,
    source: Source,
    start: Start | None = None,
    *,
    live: bool = False,
    key: str | None = None,
    patience_s: float = PATIENCE_S,
) -> Generator[Event, None, None]:
    """See `surtitle.client.caption`: the same events, for a `for` loop.

    Who leaves the loop early leaves the session, with Ctrl+C too. Sources for `async for` run in the
    loop of the connection.
    """
    events = simple.caption(url, source, start, live=live, key=key, patience_s=patience_s)
    with _running(events) as run:
        while (event := run(_next(events))) is not None:
            yield event


async def _next(events: AsyncGenerator[Event, None]) -> Event | None:
    """Iterate inside the loop: asyncio finalizes only the generators that were first iterated in it."""
    return await anext(events, None)


class _Run:
    """Runs coroutines, one at a time, in the loop of another thread."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._task: asyncio.Task[object] | None = None

    def __call__(self, coroutine: Coroutine[object, object, T]) -> T:
        """Its result."""
        return asyncio.run_coroutine_threadsafe(self._watched(coroutine), self._loop).result()

    async def _watched(self, coroutine: Coroutine[object, object, T]) -> T:
        self._task = asyncio.current_task()
        return await coroutine

    async def leave(self, events: AsyncGenerator[Event, None]) -> None:
        """End what still runs, as whoever waited for it may have been interrupted."""
        if self._task is not None and not self._task.done():
            self._task.cancel()
            await asyncio.wait({self._task})
        await events.aclose()
        await self._loop.shutdown_asyncgens()


@contextlib.contextmanager
def _running(events: AsyncGenerator[Event, None]) -> Iterator[_Run]:
    """A loop in a thread, which ends with the block."""
    loop = asyncio.new_event_loop()
    # A daemon: a generator that nobody closes does not keep the program from ending.
    thread = threading.Thread(target=loop.run_forever, name="captions", daemon=True)
    thread.start()
    run = _Run(loop)
    try:
        yield run
    finally:
        asyncio.run_coroutine_threadsafe(run.leave(events), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
