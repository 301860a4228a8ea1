"""Sinks at work: captions go on one after the other, and nobody who speaks or watches waits for that.

What comes up meanwhile waits in memory, up to a bound; then the oldest is dropped, and counted. What
cannot be delivered now is tried again, less and less often, until it is too old to be of use.
"""

import asyncio
import contextlib
import math
import secrets
import time
import traceback
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

import structlog

from surtitle.messages import Final, Published, Revised
from surtitle.sinks.forms import Delivery

log = structlog.get_logger("surtitle.sinks")

MAX_WAITING = 500
"""Captions of one sink: half an hour of speech."""
FIRST_WAIT_S, LONGEST_WAIT_S = 0.5, 30.0
"""Between attempts."""
LIVE_S = 30.0
"""How late a caption may come into a meeting or a stream. Later it would stand under other words."""
WEBHOOK_S = 900.0
"""How long a caption may keep those after it waiting."""
STOP_S = 3.0
"""For what is left when the server stops."""
TELL_AGAIN_S = 600.0
"""After which the same fault of the same sink is logged once more."""


class NotNow(Exception):
    """It was not delivered, and may be later. The sentence is fit for a log."""

    def __init__(self, why: str, after_s: float = 0.0) -> None:
        """The other side asks for so many seconds until it is tried again."""
        super().__init__(why)
        self.after_s = after_s


class Refused(Exception):
    """This one will never be taken. The sentence is fit for a log."""


class Outlet(Protocol):
    """How one sink is reached."""

    async def deliver(self, delivery: Delivery) -> None:
        """Deliver a caption. Raises NotNow or Refused. The next one comes after it."""
        ...

    def due_in_s(self) -> float:
        """In how many seconds `keep_up` is to be called, if nothing is said before. Mostly never."""
        return math.inf

    async def keep_up(self) -> None:
        """Do what is due as time passes. Raises NotNow."""
        return

    async def close(self) -> None:
        """No more comes."""
        ...


@dataclass(frozen=True, slots=True)
class Patience:
    """How long is waited for what."""

    fresh_s: float = math.inf
    """A caption that is older is dropped."""
    first_wait_s: float = FIRST_WAIT_S
    longest_wait_s: float = LONGEST_WAIT_S


class Sink:
    """One place to which the captions of a channel go on."""

    def __init__(
        self,
        name: str,
        outlet: Outlet,
        patience: Patience,
        *,
        takes_revisions: bool,
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name = name
        self.takes_revisions = takes_revisions
        """Whether it can correct what it has."""
        self.delivered = 0
        self.dropped = 0
        self.failing = False
        """Whether the last attempt went wrong."""
        self._outlet = outlet
        self._patience = patience
        self._clock_s = clock_s
        self._waiting: deque[tuple[Delivery, float]] = deque()  # each with when it came
        self._news = asyncio.Event()
        self._ending = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._in_flight = False
        self._told_at: dict[str, float] = {}  # by what was said of a fault
        self._must_tell_end = False  # a warning was logged and it still fails

    @property
    def waiting(self) -> int:
        """Captions that are not delivered yet."""
        return len(self._waiting) + self._in_flight

    def put(self, delivery: Delivery) -> None:
        """Deliver this, soon."""
        self._waiting.append((delivery, self._clock_s()))
        if len(self._waiting) > MAX_WAITING:
            self._waiting.popleft()
            self._drop("too many captions wait; the oldest are dropped")
        self._news.set()

    def start(self) -> None:
        """Begin to deliver."""
        self._task = asyncio.create_task(self._run(), name=f"sink {self.name}")

    async def stop(self, within_s: float = STOP_S) -> None:
        """Deliver what is left, if that can be done soon, and end."""
        if self._task is not None:
            await self._end(self._task, within_s)
        with contextlib.suppress(Exception):  # it has had its time
            async with asyncio.timeout(1):
                await self._outlet.close()

    async def _end(self, task: asyncio.Task[None], within_s: float) -> None:
        self._ending.set()
        self._news.set()
        await asyncio.wait({task}, timeout=within_s)
        left = self.waiting
        task.cancel()
        await asyncio.wait({task})
        if left:
            self.dropped += left
            log.warning("what was said last has not reached a sink", sink=self.name, captions=left)

    # -- the task -------------------------------------------------------------------------------

    async def _run(self) -> None:
        while self._waiting or not self._ending.is_set():
            while self._waiting:
                delivery, came_at = self._waiting.popleft()
                self._in_flight = True
                await self._deliver(delivery, came_at)
                self._in_flight = False
            if not self._ending.is_set():
                self._news.clear()
                await self._idle()

    async def _idle(self) -> None:
        """Until something is said or the end has come; outlets with a clock go by it meanwhile."""
        wait_s = self._patience.first_wait_s
        due_in_s = self._outlet.due_in_s()
        while not await _is_set(self._news, due_in_s):
            try:
                await self._outlet.keep_up()
            except Exception as error:
                self._on_fault(str(error) if isinstance(error, NotNow) else _where(error))
                due_in_s = wait_s
                wait_s = min(2 * wait_s, self._patience.longest_wait_s)
            else:
                self._on_success()
                due_in_s = self._outlet.due_in_s()

    async def _deliver(self, delivery: Delivery, came_at: float) -> None:
        """Until it is there, or of no use any more."""
        wait_s = self._patience.first_wait_s
        while self._clock_s() - came_at <= self._patience.fresh_s:
            try:
                await self._outlet.deliver(delivery)
            except NotNow as error:
                self._on_fault(str(error))
                await self._pause(max(wait_s, error.after_s))
                wait_s = min(2 * wait_s, self._patience.longest_wait_s)
            except Refused as error:
                self._drop(str(error))
                return
            except Exception as error:  # of ours
                self._drop(_where(error))
                return
            else:
                self._on_delivery()
                return
        self._drop("captions that came too late are dropped")

    async def _pause(self, wait_s: float) -> None:
        if self._ending.is_set():
            await asyncio.sleep(self._patience.first_wait_s)
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(min(wait_s, self._patience.longest_wait_s)):
                await self._ending.wait()

    def _on_delivery(self) -> None:
        self.delivered += 1
        self._on_success()

    def _on_success(self) -> None:
        self.failing = False
        if self._must_tell_end:
            self._must_tell_end = False
            log.info("captions go on to a sink again", sink=self.name, dropped=self.dropped)

    def _drop(self, why: str) -> None:
        self.dropped += 1
        self._on_fault(why)

    def _on_fault(self, why: str) -> None:
        self.failing = True
        now = self._clock_s()
        if now - self._told_at.get(why, -math.inf) >= TELL_AGAIN_S:
            self._told_at[why] = now
            self._must_tell_end = True
            log.warning("captions do not go on to a sink", sink=self.name, reason=why)


def _where(error: Exception) -> str:
    """Without its text, which may hold an address."""
    place = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__} in {place.filename}, line {place.lineno}"


async def _is_set(event: asyncio.Event, within_s: float) -> bool:
    """Whether it is, or becomes so in this time."""
    try:
        async with asyncio.timeout(None if math.isinf(within_s) else within_s):
            return await event.wait()
    except TimeoutError:
        return False


class Sinks:
    """All sinks of a server, by channel."""

    def __init__(self, by_channel: Mapping[str, Sequence[Sink]] | None = None) -> None:
        self._by_channel = dict(by_channel or {})
        self._has_begun = False
        self._leaving: set[asyncio.Task[None]] = set()

    def __iter__(self) -> Iterator[Sink]:
        return iter([sink for sinks in self._by_channel.values() for sink in sinks])

    def take(self, channel: str, session: str, message: Published) -> None:
        """A session has said this in a channel. Returns at once."""
        sinks = self._by_channel.get(channel)
        if sinks and isinstance(message, Final | Revised):
            delivery = Delivery(secrets.token_hex(8), channel, session, message, datetime.now(UTC))
            for sink in sinks:
                if sink.takes_revisions or isinstance(message, Final):
                    sink.put(delivery)

    def change(self, by_channel: Mapping[str, Sequence[Sink]]) -> None:
        """These are the sinks from now on. Others get what waits for them, if they take it soon."""
        before = list(self)
        self._by_channel = dict(by_channel)
        now = list(self)
        if self._has_begun:
            for sink in now:
                if sink not in before:
                    sink.start()
            for sink in before:
                if sink not in now:
                    task = asyncio.create_task(sink.stop(), name=f"end of sink {sink.name}")
                    self._leaving.add(task)
                    task.add_done_callback(self._leaving.discard)

    def start(self) -> None:
        """Begin to deliver."""
        self._has_begun = True
        if names := [sink.name for sink in self]:
            log.info("captions go on", sinks=names)
        for sink in self:
            sink.start()

    async def stop(self) -> None:
        """Deliver what is left, if that can be done soon, and end."""
        await asyncio.gather(*(sink.stop() for sink in self), *self._leaving)
