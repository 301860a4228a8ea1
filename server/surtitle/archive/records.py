"""What an archive keeps and what it is told, as types."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from surtitle.messages import Final, Revised


@dataclass(frozen=True, slots=True)
class Talk:
    """What one session said. Its name is the one that viewers of its channel know it by."""

    id: str
    channel: str | None
    key: str
    """The name of the key or token with which it was opened."""
    started_at: datetime
    """In UTC, like all times of the archive."""


class Keeping(Protocol):
    """By which the talk of one session is kept."""

    def add(self, final: Final) -> None:
        """It has a final."""
        ...

    def revise(self, revised: Revised) -> None:
        """One of its finals has a better text."""
        ...

    def leave_channel(self) -> None:
        """What follows is not of its channel any more: it is a talk of its own."""
        ...

    def end(self) -> None:
        """It is over."""
        ...


@dataclass(frozen=True, slots=True)
class Said:
    """A final has come."""

    talk: Talk
    final: Final
    at: datetime


@dataclass(frozen=True, slots=True)
class Bettered:
    """A final of a talk has a better text."""

    talk_id: str
    revised: Revised


@dataclass(frozen=True, slots=True)
class Over:
    """The session has ended."""

    talk: Talk
    at: datetime


Entry = Said | Bettered | Over


@dataclass(frozen=True, slots=True)
class Kept:
    """A talk in a list of what is kept."""

    number: int
    """Of its place in the archive: newer talks have higher ones."""
    talk: Talk
    said_at: datetime
    """When its newest final came."""
    ended_at: datetime | None
    """None while it goes on, or where its server broke off."""
    finals: int
    length_ms: int
    """From the beginning of its audio to the end of the newest final."""
