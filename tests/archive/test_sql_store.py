"""The databases of an archive: SQLite in a file, and a real PostgreSQL."""

import sqlite3
import stat
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from surtitle.archive.archive import StoreGone
from surtitle.archive.records import Bettered, Entry, Over
from surtitle.archive.sql_store import FILE_NAME, SqlStore
from surtitle.errors import ConfigurationError
from surtitle.messages import Final, revise
from tests.archive.finals import NOON, final, revised, said, talk
from tests.archive.postgres_server import AVAILABLE, PostgresServer, postgres

needs_postgres = pytest.mark.skipif(not AVAILABLE, reason="no PostgreSQL")


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    with postgres() as running:
        yield running


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=needs_postgres)])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return str(tmp_path)
    return emptied(request.getfixturevalue("server"))


def emptied(server: PostgresServer) -> str:
    """The address of its database, without what other tests have left."""
    engine = create_engine(server.url.replace("://", "+psycopg://"))
    with engine.begin() as connection:
        connection.execute(text("DROP SCHEMA public CASCADE; CREATE SCHEMA public"))
    engine.dispose()
    return server.url


@pytest.fixture
def store(place: str) -> Iterator[SqlStore]:
    opened = SqlStore(place)
    opened.open()
    yield opened
    opened.close()


def finals(store: SqlStore, name: str) -> list[Final]:
    """All of a talk, two at a time."""
    found: list[Final] = []
    while page := store.finals(name, found[-1].utterance if found else -1, 2):
        found += page
    return found


def texts(store: SqlStore, name: str) -> list[str] | None:
    return None if store.find(name) is None else [final.text for final in finals(store, name)]


def test_a_talk_is_read_as_it_was_written(store: SqlStore, place: str) -> None:
    store.write(said(talk(), 1, 2))
    store.write([*said(talk(), 3), Over(talk(), NOON + timedelta(hours=1))])
    again = SqlStore(place)
    again.open()  # what is there stays
    kept = again.find("a")
    said_by_now = finals(again, "a")
    again.close()
    assert kept is not None
    assert said_by_now == [final(1), final(2), final(3)]
    assert kept.talk == talk()
    assert kept.said_at == NOON + timedelta(seconds=9)
    assert kept.ended_at == NOON + timedelta(hours=1)
    assert (kept.finals, kept.length_ms) == (3, 10_000)
    assert store.find("a") == kept
    assert finals(store, "b") == [] and store.find("b") is None


def test_what_comes_twice_is_there_once(store: SqlStore) -> None:
    entries: list[Entry] = [*said(talk(), 1, 2), Bettered(talk().id, revised(2, "Better."))]
    entries.append(Over(talk(), NOON))
    store.write(entries)
    store.write(entries)
    assert texts(store, "a") == ["Caption 1.", "Better."]
    (kept,) = store.talks(None, None, 9)
    assert kept.finals == 2


def test_a_better_text_takes_the_place_of_the_first(store: SqlStore) -> None:
    store.write([*said(talk(), 1, 2)])
    better = revised(1, "Better.")
    store.write([Bettered(talk().id, better), Bettered(talk().id, revised(7, "Of nothing."))])
    assert finals(store, "a") == [revise(final(1), better), final(2)]
    store.write([Bettered(talk("b").id, better)])
    assert store.find("b") is None


def test_talks_are_listed_newest_first_a_page_at_a_time(store: SqlStore) -> None:
    for number, name in enumerate("abcde"):
        at = NOON + timedelta(hours=number)
        store.write(said(talk(name, "hall" if number % 2 else None, at), 1))
    first = store.talks(None, None, 2)
    assert [kept.talk.id for kept in first] == ["e", "d"]
    assert [kept.talk.id for kept in store.talks(None, first[-1].number, 9)] == ["c", "b", "a"]
    assert [kept.talk.id for kept in store.talks("hall", None, 9)] == ["d", "b"]
    assert store.talks("studio", None, 9) == []


def test_what_was_said_last_in_a_channel(store: SqlStore) -> None:
    store.write(said(talk("a"), 1, 2))
    store.write(said(talk("b", at=NOON + timedelta(hours=1)), 1))
    store.write(said(talk("c", None, NOON + timedelta(hours=2)), 1))
    found = store.newest("hall", NOON, 10_000)
    assert found == [("a", final(1)), ("a", final(2)), ("b", final(1))]
    assert store.newest("hall", NOON, 500) == found[-2:]
    assert store.newest("hall", NOON + timedelta(minutes=30), 10_000) == found[-1:]
    assert store.newest("studio", NOON, 10_000) == []


def test_a_deleted_talk_is_gone_with_all_that_was_said(store: SqlStore) -> None:
    store.write([*said(talk("a"), 1), *said(talk("b"), 1), *said(talk("c", "studio"), 1)])
    assert store.delete("a")
    assert not store.delete("a")
    assert store.find("a") is None and finals(store, "a") == []
    assert store.delete_channel("hall", 9) == 1
    assert [kept.talk.id for kept in store.talks(None, None, 9)] == ["c"]
    store.write(said(talk("a"), 2))  # it goes on
    assert texts(store, "a") == ["Caption 2."]


def test_old_talks_go_by_when_they_were_last_spoken_in(store: SqlStore) -> None:
    store.write([*said(talk("a"), 1), *said(talk("b"), 1, 100)])
    assert store.purge(NOON + timedelta(seconds=3), 9) == 0
    assert store.purge(NOON + timedelta(seconds=4), 9) == 1
    assert [kept.talk.id for kept in store.talks(None, None, 9)] == ["b"]


def test_many_are_deleted_a_few_at_a_time_the_oldest_first(store: SqlStore) -> None:
    for name in "abc":
        store.write(said(talk(name), 1))
    assert store.purge(NOON + timedelta(hours=1), 2) == 2
    assert [kept.talk.id for kept in store.talks(None, None, 9)] == ["c"]
    assert store.delete_channel("hall", 2) == 1


def test_all_is_written_or_nothing(store: SqlStore) -> None:
    wrong = replace(talk("b"), key=None)  # type: ignore[arg-type]  # no database takes that
    with pytest.raises(StoreGone, match="archive"):
        store.write([*said(talk("a"), 1), *said(wrong, 1)])
    assert store.find("a") is None


def test_an_archive_of_a_newer_version_is_left_alone(store: SqlStore, place: str) -> None:
    with store._engine.begin() as connection:
        connection.execute(text("UPDATE surtitle_format SET format = 9"))
    again = SqlStore(place)
    with pytest.raises(StoreGone, match="has format 9"):
        again.open()
    again.close()


# -- SQLite ---------------------------------------------------------------------------------------


@pytest.fixture
def file(tmp_path: Path) -> Iterator[SqlStore]:
    opened = SqlStore(str(tmp_path))
    opened.open()
    yield opened
    opened.close()


def test_nobody_else_can_read_the_file(file: SqlStore, tmp_path: Path) -> None:
    assert stat.S_IMODE((tmp_path / FILE_NAME).stat().st_mode) == 0o600


def test_deleted_words_are_in_no_file_any_more(file: SqlStore, tmp_path: Path) -> None:
    file.write(said(talk(), *range(1, 200)))
    file.delete("a")
    left = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert left and b"Caption" not in left


def test_an_address_names_the_file(tmp_path: Path) -> None:
    path = tmp_path / "new" / "talks.db"
    store = SqlStore(f"sqlite:///{path}")
    store.open()
    store.write(said(talk(), 1))
    store.close()
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT count(*) FROM surtitle_finals").fetchall() == [(1,)]


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreGone, match="file"):
        SqlStore(str(tmp_path / "file")).open()
    (tmp_path / FILE_NAME).write_bytes(b"no database at all" * 100)
    store = SqlStore(str(tmp_path))
    with pytest.raises(StoreGone, match="not a database"):
        store.open()
    store.close()


@pytest.mark.parametrize("place", ["sqlite://", "sqlite:///:memory:", "postgresql://a:b:c:d"])
def test_an_address_of_nothing(place: str) -> None:
    with pytest.raises(ConfigurationError):
        SqlStore(place)


# -- PostgreSQL -----------------------------------------------------------------------------------


@needs_postgres
def test_a_server_that_ends_and_comes_back(server: PostgresServer) -> None:
    store = SqlStore(emptied(server))
    store.open()
    server.kill()
    try:
        with pytest.raises(StoreGone, match="archive"):
            store.write(said(talk("back"), 1))
    finally:
        server.start()
    store.write(said(talk("back"), 1))
    assert texts(store, "back") == ["Caption 1."]
    assert store.delete("back")
    store.close()


def test_no_server_at_all() -> None:
    with pytest.raises(StoreGone, match="archive") as gone:
        SqlStore("postgresql://someone:secret@127.0.0.1:1/none").open()
    assert "secret" not in str(gone.value)
