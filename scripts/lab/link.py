"""A network between a client and a server that fails on request."""

import asyncio
import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import Enum


class Cut(Enum):
    """What a link does at its end."""

    RESET = "reset"
    """Both ends see a reset."""
    CLOSE = "close"
    """Both ends see an end of stream, perhaps in the middle of a frame."""
    BLACK_HOLE = "black hole"
    """Nothing comes through any more, and nobody is told."""


@dataclass
class Link:
    """A TCP port that passes bytes on to another, for so many bytes in both directions together.

    `plan` gives for each connection how many bytes pass and what happens then; None: all pass.
    """

    target_port: int
    plan: Iterator[tuple[int, Cut] | None]
    port: int = 0
    connections: int = 0
    cuts: int = 0
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)
    _held: list[asyncio.StreamWriter] = field(default_factory=list)
    _open: set[asyncio.StreamWriter] = field(default_factory=set)

    async def __aenter__(self) -> "Link":
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        self._server.close()
        for writer in self._held:
            writer.transport.abort()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def cut(self) -> None:
        """Reset all connections that there are."""
        for writer in self._open:
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.connections += 1
        budget, cut = next(self.plan, None) or (None, Cut.CLOSE)
        try:
            there = await asyncio.open_connection("127.0.0.1", self.target_port)
        except OSError:  # the server is down
            writer.transport.abort()
            return
        passed = 0

        def allow(length: int) -> int:
            nonlocal passed
            allowed = length if budget is None else min(length, budget - passed)
            passed += allowed
            return allowed

        self._open.add(writer)
        ways = [
            asyncio.create_task(_pass(reader, there[1], allow)),
            asyncio.create_task(_pass(there[0], writer, allow)),
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            self._open.discard(writer)
        if budget is not None and passed >= budget:
            self.cuts += 1
            if cut is Cut.BLACK_HOLE:
                self._held += [writer, there[1]]
                return
        for end in (writer, there[1]):
            if cut is Cut.RESET:
                end.transport.abort()
            else:
                end.close()


async def _pass(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, allow: Callable[[int], int]
) -> None:
    """Pass bytes on until the link is used up or one side ends."""
    with contextlib.suppress(OSError):
        while data := await reader.read(4096):
            allowed = allow(len(data))
            writer.write(data[:allowed])
            await writer.drain()
            if allowed < len(data):
                return
