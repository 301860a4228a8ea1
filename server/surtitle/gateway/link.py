"""What a session needs of its connection, and what stands in its place where it has none."""

from typing import Protocol

from surtitle.errors import WireError
from surtitle.messages import ServerMessage


class Link(Protocol):
    """The connection that a session has now."""

    def post(self, message: ServerMessage) -> None:
        """Send a message, after those before it."""
        ...

    def fail(self, error: WireError) -> None:
        """Send an `error`, and close where it is fatal."""
        ...

    def on_progress(self) -> None:
        """Something was put into the session, and what came of it has left."""
        ...

    def on_taken_over(self) -> None:
        """Another connection has taken the session over."""
        ...

    @property
    def is_behind(self) -> bool:
        """Whether something has come that was not worked on yet."""
        ...

    @property
    def held_bytes(self) -> int:
        """Size of the messages that wait for a client to read them."""
        ...


class _NobodyLink:
    """The connection of a session that has none."""

    is_behind = False
    held_bytes = 0

    def post(self, message: ServerMessage) -> None:
        """Nobody hears it."""

    def fail(self, error: WireError) -> None:
        """The same."""

    def on_progress(self) -> None:
        """The same."""

    def on_taken_over(self) -> None:
        """The same."""


NO_LINK: Link = _NobodyLink()
