"""A connection that runs, for tests."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from surtitle.captioning.session import CaptionSession
from surtitle.gateway.connection import Connection
from surtitle.gateway.registry import Sessions
from surtitle.messages import Ack, Error, Resumed
from tests.gateway.fakes import (
    LOUD,
    QUIET,
    FakeEngine,
    FakeSocket,
    LoudnessRounds,
    make_sessions,
    opening,
    timeouts,
)

WORD = LOUD * 20
PAUSE = QUIET * 40


class Served:
    """A connection that runs."""

    def __init__(self, max_backlog_s: float = 60.0, **limits: float) -> None:
        self.most_sessions = 1
        """Those of other connections that the test makes included."""
        self.socket = FakeSocket()
        self.engine = FakeEngine()
        self.rounds = LoudnessRounds()
        self.sessions: Sessions = make_sessions(self.engine, self.rounds)
        self.connection = Connection(
            self.socket,
            opening(self.engine, self.sessions, max_backlog_s=max_backlog_s),
            timeouts(**limits),
        )

    @property
    def session(self) -> CaptionSession:
        """The only one."""
        (hosted,) = self.sessions
        return hosted.session

    async def until(self, condition: Callable[[], object]) -> None:
        async with asyncio.timeout(5):
            while not condition():  # noqa: ASYNC110 - what is waited for is no event
                await asyncio.sleep(0)

    async def until_decoded(self, condition: Callable[[], object], limit_s: float = 30) -> None:
        """The same where a process of its own has a part in it, which needs the processor too."""
        async with asyncio.timeout(limit_s):
            while not condition():  # noqa: ASYNC110 - what is waited for is no event
                await asyncio.sleep(0.005)

    def said(self, kind: type) -> list[str]:
        return [str(m) for m in self.socket.sent if isinstance(m, kind)]

    @property
    def close_code(self) -> int | None:
        """None while it is open."""
        return None if self.socket.closed is None else self.socket.closed[0]

    @property
    def order(self) -> list[str]:
        """What was sent, by type, without the acknowledgements."""
        return [type(m).__name__ for m in self.socket.sent if not isinstance(m, Ack | Resumed)]

    @property
    def error(self) -> Error:
        """The last message, which is an error."""
        last = self.socket.sent[-1]
        assert isinstance(last, Error)
        return last


@asynccontextmanager
async def served(
    query: dict[str, list[str]] | None = None, **limits: float
) -> AsyncIterator[Served]:
    serving = Served(**limits)
    task = asyncio.create_task(serving.connection.run(query))
    try:
        yield serving
    finally:
        serving.socket.reads.set()
        serving.socket.leave()
        async with asyncio.timeout(5):
            await task
        serving.sessions.close()
        sessions = [name for name in serving.engine.discarded if "/" not in name]
        assert serving.rounds.forgotten == len(sessions) <= serving.most_sessions
