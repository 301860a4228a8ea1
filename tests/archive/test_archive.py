"""The archive on its way to a database that comes and goes, and the history of channels."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from surtitle.archive import archive as module
from surtitle.archive.archive import Archive, Record, StoreGone
from surtitle.archive.records import Bettered, Entry, Kept, Over, Said
from surtitle.messages import Final
from tests.archive.finals import final, revised


class FakeStore:
    """Keeps entries, as long as it is there."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.is_there = True
        self.is_closed = False
        self.writes = 0
        self.forgets_to_say = 0
        """So many writes arrive, though the answer does not."""
        self.purged_before: datetime | None = None
        self.old = 0
        """Talks to purge."""
        self.calls: list[str] = []
        """To write and to purge, in order."""
        self.on_purge: Callable[[], object] = lambda: None
        self.threads: set[int] = set()

    def _called(self) -> None:
        self.threads.add(threading.get_ident())
        if not self.is_there:
            raise StoreGone("The database has gone.")

    def open(self) -> None:
        self._called()

    def close(self) -> None:
        self.is_closed = True

    def write(self, entries: Sequence[Entry]) -> None:
        self._called()
        self.writes += 1
        self.calls.append("write")
        self.entries += [entry for entry in entries if entry not in self.entries]
        if self.forgets_to_say:
            self.forgets_to_say -= 1
            raise StoreGone("The connection broke.")

    def delete(self, talk: str) -> bool:
        self._called()
        before = len(self.entries)
        self.entries = [entry for entry in self.entries if _talk_of(entry) != talk]
        return len(self.entries) < before

    def delete_channel(self, channel: str, most: int) -> int:
        self._called()
        found = {
            entry.talk.id
            for entry in self.entries
            if not isinstance(entry, Bettered) and entry.talk.channel == channel
        }
        gone = set(sorted(found)[:most])
        self.entries = [entry for entry in self.entries if _talk_of(entry) not in gone]
        return len(gone)

    def purge(self, before: datetime, most: int) -> int:
        self._called()
        self.purged_before = before
        gone, self.old = min(self.old, most), max(self.old - most, 0)
        self.calls.append(f"purge {gone}")
        self.on_purge()
        return gone

    def talks(self, channel: str | None, before: int | None, most: int) -> list[Kept]:
        raise NotImplementedError

    def find(self, talk: str) -> Kept | None:
        raise NotImplementedError

    def finals(self, talk: str, after: int, most: int) -> list[Final]:
        raise NotImplementedError

    def newest(self, channel: str, since: datetime, most_bytes: int) -> list[tuple[str, Final]]:
        self._called()
        self.since = since
        return [
            (entry.talk.id, entry.final)
            for entry in self.entries
            if isinstance(entry, Said) and entry.talk.channel == channel
        ]

    @property
    def texts(self) -> list[str]:
        return [entry.final.text for entry in self.entries if isinstance(entry, Said)]


def _talk_of(entry: Entry) -> str:
    return entry.talk_id if isinstance(entry, Bettered) else entry.talk.id


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """No time passes for nothing."""
    for name in ("GATHER_S", "FIRST_WAIT_S", "LONGEST_WAIT_S"):
        monkeypatch.setattr(module, name, 0.01)


@asynccontextmanager
async def running(store: FakeStore, days: int = 30) -> AsyncIterator[Archive]:
    archive = Archive(store, days)
    archive.start()
    try:
        yield archive
    finally:
        await archive.stop()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110 - what is waited for is no event
            await asyncio.sleep(0.001)


async def until_written(archive: Archive) -> None:
    await until(lambda: not archive.waiting)


def texts(*numbers: int) -> list[str]:
    return [f"Caption {number}." for number in numbers]


async def test_what_is_said_is_kept_in_order() -> None:
    store = FakeStore()
    async with running(store) as archive:
        record = archive.begin("a", "hall", "desk")
        record.add(final(1))
        record.add(final(2))
        record.revise(revised(1, "Better."))
        record.end()
        await until_written(archive)
        assert [type(entry) for entry in store.entries] == [Said, Said, Bettered, Over]
        first, last = store.entries[0], store.entries[-1]
        assert isinstance(first, Said) and isinstance(last, Over)
        assert first.talk.started_at <= first.at <= last.at <= datetime.now(UTC)
        assert (first.talk.channel, first.talk.key) == ("hall", "desk")
    assert store.is_closed
    assert len(store.threads) == 1 and threading.get_ident() not in store.threads


async def test_nothing_is_kept_of_who_says_nothing() -> None:
    store = FakeStore()
    async with running(store) as archive:
        archive.begin("a", None, "desk")
    assert store.entries == []


async def test_what_is_said_while_the_database_is_gone_is_kept_when_it_is_back() -> None:
    store = FakeStore()
    async with running(store) as archive:
        record = archive.begin("a", None, "desk")
        record.add(final(1))
        await until_written(archive)
        store.is_there = False
        record.add(final(2))
        await until(lambda: not archive.is_up)
        record.add(final(3))
        store.is_there = True
        await until_written(archive)
    assert store.texts == texts(1, 2, 3)
    assert archive.lost == 0


async def test_a_write_whose_answer_got_lost_is_made_again() -> None:
    store = FakeStore()
    store.forgets_to_say = 1
    async with running(store) as archive:
        archive.begin("a", None, "desk").add(final(1))
        await until_written(archive)
        assert store.writes == 2
    assert store.texts == texts(1)


async def test_too_much_that_waits_costs_the_oldest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_WAITING_BYTES", 10 * module.ENTRY_BYTES)
    store = FakeStore()
    store.is_there = False
    async with running(store) as archive:
        record = archive.begin("a", None, "desk")
        for number in range(1, 21):
            record.add(final(number))
        assert archive.lost == 20 - archive.waiting > 0
        newest = texts(*range(21 - archive.waiting, 21))
        store.is_there = True
        await until_written(archive)
    assert store.texts == newest


async def test_what_waits_is_written_before_the_server_ends() -> None:
    store = FakeStore()
    archive = Archive(store, 30)
    archive.start()
    record = archive.begin("a", None, "desk")
    for number in range(1, 1001):
        record.add(final(number))
    await archive.stop()
    assert len(store.texts) == 1000


async def test_a_server_ends_though_its_database_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "STOP_S", 0.1)
    store = FakeStore()
    store.is_there = False
    async with asyncio.timeout(5), running(store) as archive:
        archive.begin("a", None, "desk").add(final(1))
    assert archive.waiting == 1


async def test_what_is_deleted_is_not_written_later() -> None:
    store = FakeStore()
    async with running(store) as archive:
        record, other = archive.begin("a", "hall", "desk"), archive.begin("b", "hall", "desk")
        record.add(final(1))
        await until_written(archive)
        record.add(final(2))
        other.add(final(3))
        assert await archive.delete("a")
        record.add(final(4))
        await until_written(archive)
        assert store.texts == texts(3, 4)
        other.add(final(5))
        assert await archive.delete_channel("hall") == 2
        assert not await archive.delete("a")
        await until_written(archive)
    assert store.texts == []


async def test_old_talks_are_deleted() -> None:
    store = FakeStore()
    async with running(store, days=7) as archive:
        archive.begin("a", None, "desk").add(final(1))
        await until_written(archive)
    assert store.purged_before is not None
    age = datetime.now(UTC) - store.purged_before
    assert timedelta(days=7) <= age < timedelta(days=7, minutes=1)


async def test_what_is_said_does_not_wait_until_all_old_talks_are_deleted() -> None:
    store, loop = FakeStore(), asyncio.get_running_loop()
    store.old = 3 * module.DELETED_AT_ONCE
    async with running(store, days=7) as archive:
        record = archive.begin("a", None, "desk")
        record.add(final(1))
        store.on_purge = lambda: loop.call_soon_threadsafe(record.add, final(2))
        await until(lambda: "purge 0" in store.calls)
        await until_written(archive)
    assert store.calls[:5] == ["write", "purge 20", "write", "purge 20", "write"]
    assert set(store.texts) == set(texts(1, 2))


async def test_a_large_channel_is_deleted_bit_by_bit() -> None:
    store = FakeStore()
    async with running(store) as archive:
        for number in range(2 * module.DELETED_AT_ONCE + 1):
            archive.begin(f"talk {number}", "hall", "desk").add(final(1))
        await until_written(archive)
        assert await archive.delete_channel("hall") == 2 * module.DELETED_AT_ONCE + 1
    assert store.texts == []


async def test_who_has_lost_the_channel_is_not_kept_under_its_name() -> None:
    store = FakeStore()
    async with running(store) as archive:
        record = archive.begin("a", "hall", "desk")
        record.add(final(1))
        record.leave_channel()
        record.add(final(2))
        record.revise(revised(1, "so"))
        record.revise(revised(2, "so"))
        record.end()
        await until_written(archive)
    kept = [
        (entry.talk.id, entry.talk.channel) for entry in store.entries if isinstance(entry, Said)
    ]
    assert kept == [("a", "hall"), ("a-alone", None)]
    better = [entry.talk_id for entry in store.entries if isinstance(entry, Bettered)]
    assert better == ["a", "a-alone"]
    assert [entry.talk.id for entry in store.entries if isinstance(entry, Over)] == ["a", "a-alone"]


async def test_without_a_limit_nothing_is_deleted() -> None:
    store = FakeStore()
    async with running(store, days=0) as archive:
        archive.begin("a", None, "desk").add(final(1))
        await until_written(archive)
    assert store.purged_before is None


async def test_the_history_of_a_channel_comes_back() -> None:
    store = FakeStore()
    found: list[list[tuple[str, Final]]] = []
    async with running(store) as archive:
        archive.begin("a", "hall", "desk").add(final(1))
        await until_written(archive)
        archive.restore("hall", found.append)
        archive.restore("studio", found.append)
        await until(lambda: not archive._restoring)
        store.is_there = False
        archive.restore("hall", found.append)
    assert found == [[("a", final(1))]]
    age = datetime.now(UTC) - store.since
    assert timedelta(seconds=module.HISTORY_S) <= age < timedelta(seconds=module.HISTORY_S + 60)


async def test_a_channel_that_is_there_before_the_database_gets_its_history_then() -> None:
    """Viewers are back a moment after a server has started, and a database may take longer."""
    store = FakeStore()
    async with running(store) as archive:
        archive.begin("a", "hall", "desk").add(final(1))
        await until_written(archive)
    found: list[list[tuple[str, Final]]] = []
    store.is_there = False
    async with running(store) as archive:
        archive.restore("hall", found.append)
        await until(lambda: archive._said != "")
        assert found == []
        store.is_there = True
        await until(lambda: not archive._restoring)
    assert found == [[("a", final(1))]]


async def test_a_database_that_did_not_answer_a_channel_is_tried_again() -> None:
    store = FakeStore()
    found: list[list[tuple[str, Final]]] = []
    async with running(store) as archive:
        archive.begin("a", "hall", "desk").add(final(1))
        await until_written(archive)
        store.is_there = False
        archive.restore("hall", found.append)
        await until(lambda: not archive.is_up)
        store.is_there = True
        await until(lambda: archive.is_up and not archive._restoring)
    assert found == [[("a", final(1))]]


Step = str
STEPS = st.lists(
    st.sampled_from(["say", "end", "gone", "back", "lost answer", "wait"]), max_size=30
)


@settings(deadline=None, max_examples=50)  # time passes in each
@given(steps=STEPS)
def test_whatever_happens_everything_is_kept_once_and_in_order(steps: list[Step]) -> None:
    asyncio.run(_tell(steps))


async def _tell(steps: list[Step]) -> None:
    store = FakeStore()
    async with running(store) as archive:
        record: Record = archive.begin("0", None, "desk")
        expected: list[tuple[str, str]] = []
        talks = 1
        for number, step in enumerate(steps, 1):
            match step:
                case "say":
                    record.add(final(number))
                    expected.append((str(talks - 1), f"Caption {number}."))
                case "end":
                    record.end()
                    record = archive.begin(str(talks), None, "desk")
                    talks += 1
                case "gone":
                    store.is_there = False
                case "back":
                    store.is_there = True
                case "lost answer":
                    store.forgets_to_say += 1
                case "wait":
                    await asyncio.sleep(0.003)
        store.is_there = True
        await until_written(archive)
    kept = [(entry.talk.id, entry.final.text) for entry in store.entries if isinstance(entry, Said)]
    assert kept == expected
    assert archive._waiting_bytes == 0 and archive.lost == 0
