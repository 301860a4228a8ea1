"""The archive of a server: what its sessions say, on the way to the database and back.

Nobody who speaks waits for the database. What came up meanwhile is written together, by one thread, and
waits where the database is gone: as much as a bound, then what is oldest is lost, and counted.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Protocol

import structlog

from surtitle.archive.records import Bettered, Entry, Kept, Over, Said, Talk
from surtitle.messages import Final, Revised
from surtitle.runtime.background import DaemonThread

log = structlog.get_logger("surtitle.archive")

MAX_WAITING_BYTES = 16 << 20
"""Of what waits to be written: an hour of forty speakers, as text."""
ENTRY_BYTES = 500
"""What an entry takes beside its text."""
TOGETHER = 500
"""Entries of one transaction."""
GATHER_S = 0.5
"""From one transaction to the next: so much is lost at most where the process is killed."""
FIRST_WAIT_S, LONGEST_WAIT_S = 0.5, 10.0
"""Between attempts to reach a database that is gone."""
PURGE_EVERY_S = 3600.0
ALONE = "-alone"
"""What the name of a talk ends with that went on when its channel was another session's."""
STOP_S = 5.0
"""For what is left to write when the server stops."""
DELETED_AT_ONCE = 20
"""Talks: a database has a time limit for each statement, and what is said waits meanwhile."""
HISTORY_S, HISTORY_BYTES = 900.0, 64 * 1024
"""For viewers who come to a channel of which this server knows nothing: as much as one that has not
been restarted would still have for them."""
PAGE = 25
"""Finals that are read at once."""
MAX_RESTORING = 64
"""Channels that wait for their history. Beyond that, new ones begin without."""


class StoreGone(Exception):
    """The database cannot be reached, or does not do what it is asked; a sentence says why."""


class Store(Protocol):
    """The database. Its calls block, come from one thread, and raise StoreGone."""

    def open(self) -> None:
        """Reach it, and make its tables where there are none."""
        ...

    def close(self) -> None:
        """Let go of it."""
        ...

    def write(self, entries: Sequence[Entry]) -> None:
        """Take what has happened, in order: all of it, or with StoreGone nothing. What was written
        before may come again.
        """
        ...

    def delete(self, talk: str) -> bool:
        """Delete a talk by its id; False where there is none."""
        ...

    def delete_channel(self, channel: str, most: int) -> int:
        """Delete at most so many talks of a channel; returns how many."""
        ...

    def purge(self, before: datetime, most: int) -> int:
        """Delete at most so many talks whose newest final came `before` that; returns how many."""
        ...

    def talks(self, channel: str | None, before: int | None, most: int) -> list[Kept]:
        """The newest talks, or those with a number less than `before`; of a channel, or of all."""
        ...

    def find(self, talk: str) -> Kept | None:
        """A talk by its id."""
        ...

    def finals(self, talk: str, after: int, most: int) -> list[Final]:
        """The next finals of a talk, by its id, behind the utterance of that number, in order."""
        ...

    def newest(self, channel: str, since: datetime, most_bytes: int) -> list[tuple[str, Final]]:
        """What was said last in a channel, in talks whose newest final came `since` then, up to so
        many bytes: sessions and finals, in order."""
        ...


class Record:
    """See Keeping."""

    def __init__(self, archive: "Archive", talk: Talk) -> None:
        self._archive = archive
        self._talk = talk
        self._newest = 0  # utterance
        self._in_channel: tuple[str, int] | None = None
        """Id and newest utterance of the talk before the channel was lost."""

    def add(self, final: Final) -> None:
        """See Keeping."""
        self._newest = final.utterance
        self._archive.put(Said(self._talk, final, datetime.now(UTC)))

    def revise(self, revised: Revised) -> None:
        """See Keeping."""
        talk_id = self._talk.id
        if self._in_channel is not None and revised.utterance <= self._in_channel[1]:
            talk_id = self._in_channel[0]
        self._archive.put(Bettered(talk_id, revised))

    def leave_channel(self) -> None:
        """See Keeping."""
        before = self._talk
        self.end()
        self._in_channel = before.id, self._newest
        now = datetime.now(UTC)
        self._talk = Talk(f"{before.id}{ALONE}", None, before.key, now)

    def end(self) -> None:
        """See Keeping."""
        self._archive.put(Over(self._talk, datetime.now(UTC)))


class Archive:
    """What is kept of all sessions, and for how long."""

    def __init__(self, store: Store, days: int) -> None:
        """Talks are deleted when their last final is older than so many `days`; 0 keeps them."""
        self.days = days
        self._up = asyncio.Event()
        self.lost = 0
        """Finals that could not be kept, since too much waited."""
        self._store = store
        self._thread = DaemonThread("archive")
        self._waiting: dict[int, Entry] = {}  # by their number, oldest first
        self._count = 0
        self._waiting_bytes = 0
        self._restoring: set[asyncio.Task[None]] = set()
        self._news = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._ending = asyncio.Event()
        self._said = ""  # of what is wrong, so that it is said once

    @property
    def is_up(self) -> bool:
        """Whether the database answered last."""
        return self._up.is_set()

    @property
    def waiting(self) -> int:
        """Entries that are not written yet."""
        return len(self._waiting)

    def begin(self, talk_id: str, channel: str | None, key: str) -> Record:
        """A session begins. Nothing is kept of one that says nothing."""
        return Record(self, Talk(talk_id, channel, key, datetime.now(UTC)))

    def correct(self, session: str, revised: Revised) -> None:
        """A person has corrected what a session said that is over, or at another server."""
        self.put(Bettered(session, revised))

    def put(self, entry: Entry) -> None:
        """Write this, soon."""
        self._count += 1
        self._waiting[self._count] = entry
        self._waiting_bytes += _size(entry)
        while self._waiting_bytes > MAX_WAITING_BYTES:
            oldest = self._waiting.pop(next(iter(self._waiting)))
            self._waiting_bytes -= _size(oldest)
            self.lost += isinstance(oldest, Said)
        self._news.set()

    # -- what is asked of it: each raises StoreGone ---------------------------------------------

    async def talks(self, channel: str | None, before: int | None, most: int) -> list[Kept]:
        """See Store."""
        return await self._thread.run(self._store.talks, channel, before, most)

    async def find(self, talk: str) -> Kept | None:
        """See Store."""
        return await self._thread.run(self._store.find, talk)

    async def finals(self, talk: str) -> AsyncIterator[list[Final]]:
        """What was said in a talk, in order, some finals at a time: a day of speech takes no more
        memory than a minute, and others wait no longer for the database.
        """
        after = -1
        while page := await self._thread.run(self._store.finals, talk, after, PAGE):
            yield page
            after = page[-1].utterance

    async def delete(self, talk: str) -> bool:
        """Delete what has been said in a talk; what follows in one that goes on is kept."""
        waited = self._forget(lambda of: of.id == talk)
        return await self._thread.run(self._store.delete, talk) or waited

    async def delete_channel(self, channel: str) -> int:
        """The same of all talks of a channel; returns how many there were in the database."""
        self._forget(lambda of: of.channel == channel)
        count = 0
        while some := await self._thread.run(self._store.delete_channel, channel, DELETED_AT_ONCE):
            count += some
        return count

    def _forget(self, concerns: Callable[[Talk], bool]) -> bool:
        """Do not write what waits; returns whether something did."""
        found = [
            number
            for number, entry in self._waiting.items()
            # A better text is of something that is deleted too, and never written.
            if not isinstance(entry, Bettered) and concerns(entry.talk)
        ]
        for number in found:
            self._waiting_bytes -= _size(self._waiting.pop(number))
        return bool(found)

    # -- the history of channels ----------------------------------------------------------------

    def restore(self, channel: str, give_back: Callable[[list[tuple[str, Final]]], object]) -> None:
        """Call `give_back` with what was said last in a channel, if anything: sessions and finals.
        Where the database cannot be reached, that is when it can be again.
        """
        if len(self._restoring) < MAX_RESTORING:
            task = asyncio.create_task(self._restore(channel, give_back), name="archive history")
            self._restoring.add(task)
            task.add_done_callback(self._restoring.discard)

    async def _restore(
        self, channel: str, give_back: Callable[[list[tuple[str, Final]]], object]
    ) -> None:
        while True:
            await self._up.wait()
            try:
                since = datetime.now(UTC) - timedelta(seconds=HISTORY_S)
                found = await self._thread.run(self._store.newest, channel, since, HISTORY_BYTES)
            except StoreGone as error:
                self._on_gone(error)
            else:
                break
        if found:
            give_back(found)

    # -- the task -------------------------------------------------------------------------------

    def start(self) -> asyncio.Task[None]:
        """Begin; returns the task, which ends only with an error."""
        self._task = asyncio.create_task(self._run(), name="archive")
        return self._task

    async def stop(self) -> None:
        """Write what is left, if the database answers, and end."""
        assert self._task is not None
        self._ending.set()
        self._news.set()
        await asyncio.wait({self._task}, timeout=STOP_S)
        self._task.cancel()
        for task in self._restoring:
            task.cancel()
        await asyncio.wait({self._task, *self._restoring})
        if self._waiting:
            log.error("the archive has not kept what was said last", entries=len(self._waiting))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(STOP_S):
                await self._thread.run(self._store.close)
        self._thread.stop()

    async def _run(self) -> None:
        wait_s = FIRST_WAIT_S
        while not self._ending.is_set() or self._waiting:
            try:
                await self._thread.run(self._store.open)
                self._on_up()
                wait_s = FIRST_WAIT_S
                await self._keep()
            except StoreGone as error:
                self._on_gone(error)
            if self._ending.is_set():
                await asyncio.sleep(FIRST_WAIT_S)
            else:
                await _either(self._ending, wait_s)
            wait_s = min(2 * wait_s, LONGEST_WAIT_S)

    async def _keep(self) -> None:
        """Write what comes, as long as the database answers and the server runs."""
        purge_at, purged = 0.0, 0
        while True:
            while self._waiting:
                await self._write_some()
            if self.days and not self._ending.is_set() and time.monotonic() >= purge_at:
                before = datetime.now(UTC) - timedelta(days=self.days)
                some = await self._thread.run(self._store.purge, before, DELETED_AT_ONCE)
                purged += some
                if not some:
                    if purged:
                        log.info("old talks deleted", talks=purged, days=self.days)
                    purge_at, purged = time.monotonic() + PURGE_EVERY_S, 0
                continue  # what was said meanwhile goes first
            if self._ending.is_set() or not self.is_up:
                return
            self._news.clear()
            await _either(self._news, PURGE_EVERY_S)
            await _either(self._ending, GATHER_S)

    async def _write_some(self) -> None:
        some = dict(islice(self._waiting.items(), TOGETHER))
        await self._thread.run(self._store.write, list(some.values()))
        for number in some:
            if (written := self._waiting.pop(number, None)) is not None:
                self._waiting_bytes -= _size(written)

    def _on_up(self) -> None:
        if not self.is_up:
            log.info("talks are kept", days=self.days or "without limit")
        self._said = ""
        self._up.set()

    def _on_gone(self, error: StoreGone) -> None:
        if self._said != str(error):
            self._said = str(error)
            log.warning("the archive keeps nothing for now; what is said waits", reason=self._said)
        self._up.clear()
        self._news.set()  # so that it is tried again, whoever has found out


async def _either(event: asyncio.Event, most_s: float) -> None:
    """Until it is set, or so long."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(most_s):
            await event.wait()


def _size(entry: Entry) -> int:
    """About what it takes while it waits."""
    match entry:
        case Said(final=Final() as said) | Bettered(revised=Revised() as said):
            words = ENTRY_BYTES * len(said.words or ()) // 2
            return ENTRY_BYTES + len(said.text) + words
        case _:
            return ENTRY_BYTES
