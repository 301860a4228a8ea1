"""The database of an archive: SQLite in a file or PostgreSQL, by SQLAlchemy. Its calls block.

A final is kept as the JSON that a client got. All writes can be made twice: whether the last one
before a connection broke has arrived is not known.
"""

import contextlib
import os
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    DateTime,
    Engine,
    ForeignKey,
    Integer,
    MetaData,
    Row,
    Select,
    Table,
    Text,
    create_engine,
    delete,
    event,
    func,
    insert,
    inspect,
    select,
    update,
)
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError
from sqlalchemy.pool import StaticPool

from surtitle.archive.archive import StoreGone
from surtitle.archive.records import Bettered, Entry, Kept, Over, Said, Talk
from surtitle.errors import ConfigurationError
from surtitle.messages import Final, revise

FILE_NAME = "archive.sqlite3"
"""In the folder, where the archive is one."""
FORMAT = 1
"""Of the tables. It goes up when they change."""
CONNECT_S, STATEMENT_S = 5, 10
"""How long PostgreSQL may take to be reached, and for one statement."""
_POSTGRES = {
    "connect_timeout": CONNECT_S,
    "options": f"-c statement_timeout={STATEMENT_S}s",
    "tcp_user_timeout": STATEMENT_S * 1000,  # in milliseconds: a network that says nothing more
    "keepalives_idle": CONNECT_S,
    "keepalives_interval": 1,
    "keepalives_count": CONNECT_S,
}
_NO_ADDRESS = "The archive is no address of a database."

_tables = MetaData()
_format = Table("surtitle_format", _tables, Column("format", Integer, nullable=False))
_talks = Table(
    "surtitle_talks",
    _tables,
    Column(
        "number",
        BigInteger().with_variant(Integer, "sqlite"),
        primary_key=True,
        autoincrement=True,
    ),
    Column("id", Text, nullable=False, unique=True),
    Column("channel", Text, index=True),
    Column("key", Text, nullable=False),
    Column("started_at", DateTime(timezone=True), nullable=False),
    Column("said_at", DateTime(timezone=True), nullable=False, index=True),
    Column("ended_at", DateTime(timezone=True)),
    Column("length_ms", BigInteger, nullable=False),
    sqlite_autoincrement=True,  # the number of a deleted talk is not used again
)
_finals = Table(
    "surtitle_finals",
    _tables,
    Column("talk", ForeignKey("surtitle_talks.number", ondelete="CASCADE"), primary_key=True),
    Column("utterance", Integer, primary_key=True),
    Column("message", Text, nullable=False),
)

_encoder, _decoder = msgspec.json.Encoder(), msgspec.json.Decoder(Final)


class SqlStore:
    """See Store."""

    def __init__(self, place: str) -> None:
        """`place` is a folder, or an address such as sqlite:///PATH or postgresql://HOST/NAME.

        Raises ConfigurationError.
        """
        self._url = _url(place)
        self._is_file = self._url.get_backend_name() == "sqlite"
        try:
            self._engine = _sqlite(self._url) if self._is_file else _postgres(self._url)
        except ArgumentError:
            raise ConfigurationError(_NO_ADDRESS) from None

    def open(self) -> None:
        """See Store."""
        with _named_errors():
            if self._is_file:
                _make_private(Path(self._url.database or ""))
            _tables.create_all(self._engine)
            with self._engine.begin() as connection:
                found = connection.execute(select(_format.c.format)).scalar()
                if found is None:
                    connection.execute(insert(_format).values(format=FORMAT))
                else:
                    _check(found)

    def look(self) -> str:
        """What is there, in words, without making or changing anything. Raises StoreGone."""
        path = Path(self._url.database or "")
        if self._is_file and not path.exists():
            return f"will be made in {path}"
        with _named_errors(), self._engine.connect() as connection:
            if not inspect(connection).has_table(_format.name):
                known = "and will get its tables"
            else:
                _check(connection.execute(select(_format.c.format)).scalar())
                known = "in the known format"
        return f"{'SQLite' if self._is_file else 'PostgreSQL'} answers, {known}"

    def close(self) -> None:
        """See Store."""
        self._engine.dispose()

    # -- writing --------------------------------------------------------------------------------

    def write(self, entries: Sequence[Entry]) -> None:
        """See Store."""
        with _named_errors(), self._engine.begin() as connection:
            for entry in entries:
                match entry:
                    case Said():
                        _add(connection, entry)
                    case Bettered():
                        _better(connection, entry)
                    case Over():
                        connection.execute(
                            update(_talks)
                            .where(_talks.c.id == entry.talk.id)
                            .values(ended_at=entry.at)
                        )

    def delete(self, talk: str) -> bool:
        """See Store."""
        return bool(self._delete(_talks.c.id == talk))

    def delete_channel(self, channel: str, most: int) -> int:
        """See Store."""
        return self._delete(_some(_talks.c.channel == channel, most))

    def purge(self, before: datetime, most: int) -> int:
        """See Store."""
        return self._delete(_some(_talks.c.said_at < before, most))

    def _delete(self, which: Any) -> int:
        with _named_errors():
            with self._engine.begin() as connection:
                count = int(connection.execute(delete(_talks).where(which)).rowcount)
            if count and self._is_file:
                with self._engine.connect() as connection:  # what was deleted stands in the log too
                    connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
            return count

    # -- reading --------------------------------------------------------------------------------

    def talks(self, channel: str | None, before: int | None, most: int) -> list[Kept]:
        """See Store."""
        wanted = _listed().order_by(_talks.c.number.desc()).limit(most)
        if channel is not None:
            wanted = wanted.where(_talks.c.channel == channel)
        if before is not None:
            wanted = wanted.where(_talks.c.number < before)
        with _named_errors(), self._engine.connect() as connection:
            return [_kept(row) for row in connection.execute(wanted)]

    def find(self, talk: str) -> Kept | None:
        """See Store."""
        with _named_errors(), self._engine.connect() as connection:
            row = connection.execute(_listed().where(_talks.c.id == talk)).one_or_none()
            return None if row is None else _kept(row)

    def finals(self, talk: str, after: int, most: int) -> list[Final]:
        """See Store."""
        wanted = (
            select(_finals.c.message)
            .join_from(_finals, _talks)
            .where(_talks.c.id == talk, _finals.c.utterance > after)
            .order_by(_finals.c.utterance)
            .limit(most)
        )
        with _named_errors(), self._engine.connect() as connection:
            return list(map(_decoder.decode, connection.execute(wanted).scalars()))

    def newest(self, channel: str, since: datetime, most_bytes: int) -> list[tuple[str, Final]]:
        """See Store."""
        wanted = (
            select(_talks.c.id, _finals.c.message)
            .join_from(_finals, _talks)
            .where(_talks.c.channel == channel, _talks.c.said_at >= since)
            .order_by(_talks.c.number.desc(), _finals.c.utterance.desc())
            .execution_options(yield_per=100)
        )
        found: list[tuple[str, Final]] = []
        with (
            _named_errors(),
            self._engine.connect() as connection,
            connection.execute(wanted) as rows,  # the others stay in the database
        ):
            for talk, message in rows:
                most_bytes -= len(message.encode())
                if most_bytes < 0:
                    break
                found.append((talk, _decoder.decode(message)))
        return found[::-1]


def _some(which: Any, most: int) -> Any:
    """The oldest of those talks."""
    return _talks.c.number.in_(
        select(_talks.c.number).where(which).order_by(_talks.c.number).limit(most)
    )


def _url(place: str) -> URL:
    """Raises ConfigurationError."""
    if "://" not in place:
        return URL.create("sqlite", database=str(Path(place) / FILE_NAME))
    try:
        url = make_url(place)
    except (ArgumentError, ValueError):  # it may tell a part of a password, taken for a port
        raise ConfigurationError(_NO_ADDRESS) from None
    if url.get_backend_name() == "sqlite":
        if not url.database or url.database == ":memory:":
            raise ConfigurationError(
                "The archive needs a file: write sqlite:////PATH/NAME, with four slashes where the "
                "path begins with one."
            )
        return url.set(drivername="sqlite")
    return url.set(drivername="postgresql+psycopg")


def _sqlite(url: URL) -> Engine:
    """One connection, which one thread uses at a time."""
    engine = create_engine(
        url, poolclass=StaticPool, connect_args={"check_same_thread": False, "timeout": STATEMENT_S}
    )

    @event.listens_for(engine, "connect")
    def _prepare(connection: Any, record: object) -> None:
        for pragma in (
            "journal_mode=WAL",
            "synchronous=NORMAL",  # with WAL, what was committed outlives this process
            "foreign_keys=ON",
            "secure_delete=ON",  # what is deleted is overwritten
        ):
            connection.execute(f"PRAGMA {pragma}")

    return engine


def _postgres(url: URL) -> Engine:
    return create_engine(url, pool_size=1, pool_pre_ping=True, connect_args=_POSTGRES)


def _make_private(path: Path) -> None:
    """Make the file of a database that nobody else may read, where there is none."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))


def _check(found: int | None) -> None:
    """Raises StoreGone for tables that this version does not know."""
    if found != FORMAT:
        raise StoreGone(
            f"The archive has format {found}, and this version of Surtitle knows {FORMAT} only. Use "
            "the version that made it, or another archive."
        )


@contextlib.contextmanager
def _named_errors() -> Iterator[None]:
    try:
        yield
    except SQLAlchemyError as error:
        cause = getattr(error, "orig", None) or error
        lines = str(cause).splitlines() or [type(cause).__name__]
        raise StoreGone(f"The database of the archive: {lines[0].strip()}.") from error
    except OSError as error:
        raise StoreGone(f"{error.filename}: {error.strerror}.") from error


def _add(connection: Connection, said: Said) -> None:
    talk, final = said.talk, said.final
    number = _number(connection, talk.id)
    if number is None:
        connection.execute(
            insert(_talks).values(
                id=talk.id,
                channel=talk.channel,
                key=talk.key,
                started_at=talk.started_at,
                said_at=said.at,
                length_ms=final.end_ms,
            )
        )
        number = _number(connection, talk.id)
    else:
        connection.execute(
            update(_talks)
            .where(_talks.c.number == number)
            .values(said_at=said.at, length_ms=final.end_ms)
        )
    _put(connection, number, final)


def _better(connection: Connection, bettered: Bettered) -> None:
    if (number := _number(connection, bettered.talk_id)) is None:  # deleted meanwhile
        return
    message = connection.execute(
        select(_finals.c.message).where(*_is(number, bettered.revised.utterance))
    ).scalar()
    if message is not None:
        _put(connection, number, revise(_decoder.decode(message), bettered.revised))


def _put(connection: Connection, number: int | None, final: Final) -> None:
    connection.execute(delete(_finals).where(*_is(number, final.utterance)))
    connection.execute(
        insert(_finals).values(
            talk=number, utterance=final.utterance, message=_encoder.encode(final).decode()
        )
    )


def _is(number: int | None, utterance: int) -> Iterable[Any]:
    return (_finals.c.talk == number, _finals.c.utterance == utterance)


def _number(connection: Connection, talk: str) -> int | None:
    return connection.execute(select(_talks.c.number).where(_talks.c.id == talk)).scalar()


def _listed() -> Select[Any]:
    count = (
        select(func.count())
        .where(_finals.c.talk == _talks.c.number)
        .correlate(_talks)
        .scalar_subquery()
    )
    return select(_talks, count.label("finals"))


def _kept(row: Row[Any]) -> Kept:
    return Kept(
        number=row.number,
        talk=Talk(row.id, row.channel, row.key, _utc(row.started_at)),
        said_at=_utc(row.said_at),
        ended_at=None if row.ended_at is None else _utc(row.ended_at),
        finals=row.finals,
        length_ms=row.length_ms,
    )


def _utc(moment: datetime) -> datetime:
    """SQLite keeps no time zone: what was written is UTC."""
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
