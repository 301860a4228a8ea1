"""Channels of several servers kept in line with each other, by way of a store that all of them reach.

One task does all of it: it compares how a channel is here with what the store was told of it, tells it
the rest, and passes on what is new there. So whatever goes wrong on the way (the store is gone, answers
late, has forgotten everything), the next round puts it right. Nobody who speaks or watches here waits
for it.

A name belongs to one session at a time. Its server renews that belief (`LEASE_S`); what a session says
after another one has taken the name over is refused by the store. A session whose name is taken goes
on here for a moment: its holder may be one whose server has died.
"""

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field
from typing import Protocol

import structlog

from surtitle.gateway.channels import Channel, Publisher
from surtitle.messages import ChannelState, Failed, Final, Partial, Published, Revised

log = structlog.get_logger("surtitle.backplane")

ROUND_S = 1.0
"""How often all channels are looked at though nothing is known to have happened."""
QUIET_AT_ONCE = 50
"""Of the channels in which nobody speaks, in a round."""
LEASE_S = 4.0
"""How long a name stays with a session whose server says nothing more."""
FIRST_WAIT_S, LONGEST_WAIT_S = 0.1, 2.0
"""Between attempts to reach a store that is gone."""
MAX_PENDING = 256
"""Messages of a channel that wait for the store. More are dropped, oldest first: answers come from the
history, once it is back."""
STOP_S = 1.0
"""For what is left to tell when the server stops."""


class StoreGone(Exception):
    """The store cannot be reached, or does not answer."""


@dataclass(frozen=True, slots=True)
class Holder:
    """A session that publishes, as the store knows it."""

    session: str
    is_connected: bool
    keeps_name: bool
    key: str | None


@dataclass(frozen=True, slots=True)
class Taken:
    """Another session has the name."""

    is_connected: bool
    until_ms: int
    """When it is free unless its server renews it."""


@dataclass(frozen=True, slots=True)
class News:
    """How a channel is at the other servers, and what was said there."""

    session: str
    state: ChannelState
    viewers: int
    said: list[tuple[str, Published]]
    """Sessions and messages, oldest first."""
    last: str
    """Where the next look goes on."""


class Store(Protocol):
    """What all servers reach. Every method raises StoreGone."""

    async def open(self) -> None:
        """Reach it."""
        ...

    async def claim(self, channel: str, holder: Holder) -> Taken | None:
        """Let a session publish from now on, for LEASE_S; returns who does so already."""
        ...

    async def renew(self, channel: str, holder: Holder) -> bool:
        """It publishes still. False where it has not the name."""
        ...

    async def release(self, channel: str, session: str) -> None:
        """It does not any more."""
        ...

    async def publish(self, channel: str, session: str, message: Published) -> bool:
        """It says something. An answer that is there already is left out. False where it has not the
        name.
        """
        ...

    async def amend(self, channel: str, session: str, revised: Revised) -> None:
        """A person has corrected what a session said, whoever has the name."""
        ...

    async def look(self, channel: str, last: str, viewers: int) -> News:
        """What is new since the look that ended at `last` (or "" for all), at the others. Here are so
        many viewers.
        """
        ...

    async def listen(self, channel: str) -> None:
        """Hear of changes to it from now on."""
        ...

    async def ignore(self, channel: str) -> None:
        """Hear of them no longer."""
        ...

    def changes(self) -> AsyncIterator[str]:
        """The channels that others have changed, as that happens."""
        ...

    async def close(self) -> None:
        """Let go of it."""
        ...


@dataclass(slots=True)
class _Line:
    """A channel, and what the store was told of it."""

    channel: Channel
    is_followed: bool = True
    is_heard: bool = False
    """Whether the store tells us of changes."""
    told: Holder | None = None
    """The session that has the name, by what the store said last."""
    pending: deque[tuple[str, Published]] = field(default_factory=lambda: deque(maxlen=MAX_PENDING))
    """Sessions here, and what they said."""
    corrections: deque[tuple[str, Revised]] = field(
        default_factory=lambda: deque(maxlen=MAX_PENDING)
    )
    """Sessions elsewhere, or past ones, and what persons here have corrected of them."""
    last: str = ""
    taken: Taken | None = None
    """Who had the name when a session here wanted it."""
    has_published: str = ""
    """The session here that had the name before."""
    renewed_at: float = 0.0


class Backplane:
    """The other servers, for the channels of this one. See channels.Others."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lines: dict[str, _Line] = {}
        self._due: set[str] = set()
        self._quiet: list[str] = []
        """Channels in which nobody speaks whose turn in the rounds is still to come."""
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._stopping = False
        self._said = ""  # of what is wrong, so that it is said once
        self.is_up = False
        """Whether the store answers."""

    # -- see channels.Others --------------------------------------------------------------------

    def follow(self, channel: Channel) -> None:
        """See Others."""
        line = self._lines.setdefault(channel.name, _Line(channel))
        if line.channel is not channel:  # forgotten meanwhile, and there again
            line.channel, line.last = channel, ""
        line.is_followed = True
        self._look_at(channel.name)

    def leave(self, channel: Channel) -> None:
        """See Others."""
        if (line := self._lines.get(channel.name)) is not None:
            line.is_followed = False
            self._look_at(channel.name)

    def on_change(self, channel: Channel) -> None:
        """See Others."""
        self._look_at(channel.name)

    def on_message(self, channel: Channel, message: Published) -> None:
        """See Others."""
        assert channel.publisher is not None
        pending = self._lines[channel.name].pending
        if isinstance(message, Partial) and pending and isinstance(pending[-1][1], Partial):
            pending.pop()
        pending.append((channel.publisher.public_id, message))
        self._look_at(channel.name)

    def on_correction(self, channel: Channel, session: str, revised: Revised) -> None:
        """See Others."""
        if (line := self._lines.get(channel.name)) is not None:
            line.corrections.append((session, revised))
            self._look_at(channel.name)

    def _look_at(self, name: str) -> None:
        self._due.add(name)
        self._wake.set()

    # -- the task -------------------------------------------------------------------------------

    def start(self) -> asyncio.Task[None]:
        """Begin; returns the task, which ends only with an error."""
        self._task = asyncio.create_task(self._run(), name="backplane")
        return self._task

    async def stop(self) -> None:
        """Tell the store what is left to tell, if it answers, and end."""
        assert self._task is not None
        self._stopping = True
        self._wake.set()
        await asyncio.wait({self._task}, timeout=STOP_S)
        self._task.cancel()
        await asyncio.wait({self._task})

    async def _run(self) -> None:
        wait_s = FIRST_WAIT_S
        while not self._stopping:
            try:
                await self._store.open()
                wait_s = FIRST_WAIT_S
                await self._keep_in_line()
            except StoreGone as error:
                self._on_gone(error)
            finally:
                await self._store.close()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait_s):
                    while not self._stopping:
                        self._wake.clear()
                        await self._wake.wait()
            wait_s = min(2 * wait_s, LONGEST_WAIT_S)

    async def _keep_in_line(self) -> None:
        """As long as the store answers. Raises StoreGone."""
        listening = asyncio.create_task(self._listen(), name="backplane changes")
        try:
            self._due.update(self._lines)
            self._quiet = []
            next_round = time.monotonic() + ROUND_S
            while True:
                self._wake.clear()
                while self._due:
                    if (line := self._lines.get(self._due.pop())) is not None:
                        await self._put_in_line(line)
                if not self.is_up:
                    self.is_up = True
                    log.info("the channels are shared with other servers")
                if self._stopping:
                    return
                if listening.done():
                    listening.result()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(max(next_round - time.monotonic(), 0)):
                        await self._wake.wait()
                if time.monotonic() >= next_round:
                    next_round = time.monotonic() + ROUND_S
                    self._due.update(self._on_round())
        finally:
            listening.cancel()
            await asyncio.wait({listening})

    def _on_round(self) -> list[str]:
        """The channels to look at though nothing is known to have happened: those in which somebody
        speaks, and of the others some, so that viewers of a thousand names cost no more than of one.
        """
        live = {name for name, line in self._lines.items() if line.channel.is_spoken_in}
        self._quiet = self._quiet or [name for name in self._lines if name not in live]
        quiet, self._quiet = self._quiet[:QUIET_AT_ONCE], self._quiet[QUIET_AT_ONCE:]
        return [*live, *quiet]

    async def _listen(self) -> None:
        try:
            async for name in self._store.changes():
                if name in self._lines:
                    self._look_at(name)
        finally:
            self._wake.set()

    def _on_gone(self, error: StoreGone) -> None:
        """Whoever speaks at another server may go on, but nothing of it comes here."""
        if self.is_up or self._said != str(error):
            self._said = str(error)
            log.warning("channels are not shared with other servers for now", reason=self._said)
        self.is_up = False
        for line in self._lines.values():
            line.is_heard, line.told, line.renewed_at = False, None, 0.0
            line.channel.on_store_gone()

    # -- one channel ----------------------------------------------------------------------------

    async def _put_in_line(self, line: _Line) -> None:
        name, channel = line.channel.name, line.channel
        if line.is_followed and not line.is_heard:
            await self._store.listen(name)
            line.is_heard = True
        publisher = channel.publisher
        if line.told is not None and (
            publisher is None or publisher.public_id != line.told.session
        ):
            await self._tell_rest(line, line.told.session)
            await self._store.release(name, line.told.session)
            line.told = None
        if publisher is None:
            line.pending.clear()
            line.taken = None
        elif line.told is not None or await self._claim(line, publisher):
            await self._renew(line, publisher)
            if line.told is not None:
                await self._tell_rest(line, publisher.public_id)
        while line.corrections:
            await self._store.amend(name, *line.corrections[0])
            line.corrections.popleft()
        if line.is_followed:
            news = await self._store.look(name, line.last, channel.viewers_here)
            line.last = news.last
            channel.relay(news.said)
            channel.hear(news.session, news.state, news.viewers)
        elif channel.publisher is None:
            await self._store.look(name, line.last, 0)
            await self._store.ignore(name)
            line.is_heard = False
            if not line.is_followed:  # still
                del self._lines[name]

    async def _claim(self, line: _Line, publisher: Publisher) -> bool:
        """Have the name for this session, if nobody else has it."""
        name, before = line.channel.name, line.taken
        holder = _holder(publisher)
        line.taken = await self._store.claim(name, holder)
        if line.taken is None:
            line.told, line.has_published = holder, holder.session
            line.renewed_at = time.monotonic()
            answers = line.channel.answers_of(holder.session)
            last = max((answer.utterance for answer in answers), default=0)
            later = [
                said
                for said in self._pending_of(line, holder.session)
                if said.utterance > last or isinstance(said, Revised)
            ]
            # What the store has of it already, it leaves out.
            await self._tell(line, holder.session, [*answers, *later])
            return True
        is_renewed = before is not None and line.taken.until_ms != before.until_ms
        had_it = line.has_published == holder.session
        if had_it or is_renewed or not line.taken.is_connected:
            line.taken = None
            line.channel.lose(publisher, None if had_it else _refusal(name))
        return False

    async def _renew(self, line: _Line, publisher: Publisher) -> None:
        holder, now = _holder(publisher), time.monotonic()
        if holder != line.told or now - line.renewed_at >= ROUND_S / 2:
            if await self._store.renew(line.channel.name, holder):
                line.told, line.renewed_at = holder, now
            else:
                self._claim_anew(line)

    async def _tell_rest(self, line: _Line, session: str) -> None:
        await self._tell(line, session, self._pending_of(line, session))

    @staticmethod
    def _pending_of(line: _Line, session: str) -> list[Published]:
        """What is still to be told of a session, which is pending no longer."""
        own = [message for speaker, message in line.pending if speaker == session]
        rest = [said for said in line.pending if said[0] != session]
        line.pending.clear()
        line.pending.extend(rest)
        return own

    async def _tell(self, line: _Line, session: str, messages: Iterable[Published]) -> None:
        left = deque(messages)
        try:
            while left:
                if not await self._store.publish(line.channel.name, session, left[0]):
                    self._claim_anew(line)
                    return
                left.popleft()
        finally:  # answers are in the history; better texts of what was told before are only here
            again = [(session, message) for message in left if isinstance(message, Revised)]
            line.pending.extendleft(reversed(again))

    def _claim_anew(self, line: _Line) -> None:
        """Another session has the name, or the store has forgotten who has it."""
        line.told = None
        self._look_at(line.channel.name)


def _holder(publisher: Publisher) -> Holder:
    return Holder(publisher.public_id, publisher.is_connected, publisher.keeps_name, publisher.key)


def _refusal(channel: str) -> str:
    return (
        f"Another session is publishing in the channel {channel}, at another server; choose another "
        "name."
    )


def is_answer(message: Published) -> bool:
    """Whether it answers an utterance for viewers: each does so once."""
    return isinstance(message, Final | Failed)
