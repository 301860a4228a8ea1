"""What a dialect is: what its client says becomes actions, and what the session says too. Pure.

A dialect knows no socket and no clock. Its connection (`gateway/translated.py`) does what it asks for,
in order, and tells it what the session says.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from surtitle.errors import WireError
from surtitle.messages import ServerMessage, Start, Update


@dataclass(frozen=True, slots=True)
class Open:
    """Begin a session, for this channel of audio: 0, 1, 2 … in order."""

    start: Start
    channel: int = 0


@dataclass(frozen=True, slots=True)
class Audio:
    """Put audio into the session of a channel."""

    data: bytes
    channel: int = 0


@dataclass(frozen=True, slots=True)
class Change:
    """Update all sessions."""

    update: Update


@dataclass(frozen=True, slots=True)
class Flush:
    """End the open utterances, of this channel or of all; each session answers with `flushed`."""

    channel: int | None = None


@dataclass(frozen=True, slots=True)
class Discard:
    """Throw the open utterances away."""


@dataclass(frozen=True, slots=True)
class Stop:
    """No more audio comes: each session answers the rest, and ends."""


@dataclass(frozen=True, slots=True)
class Say:
    """Send a text frame. One that is `skippable` may be left out for a client that reads slowly."""

    frame: str
    skippable: bool = False


@dataclass(frozen=True, slots=True)
class Close:
    """Close the connection, once all before it has been sent."""

    code: int = 1000
    reason: str = ""


Action = Open | Audio | Change | Flush | Discard | Stop | Say | Close
Actions = Iterable[Action]


class Dialect(Protocol):
    """The translator of one connection. Where it raises WireError, `fail` is asked for the answer."""

    idle_timeout_s: float
    """How long the client may say nothing."""
    hears_pings: bool
    """Whether a ping of the client counts as something said."""

    @property
    def owed(self) -> int:
        """How many answers it owes, all of which may come at once: with many, no more is read."""
        ...

    def begin(self) -> Actions:
        """The connection is open."""
        ...

    def take_text(self, text: str) -> Actions:
        """The client has sent a text frame. Nothing is done with it before the actions are taken."""
        ...

    def take_bytes(self, data: bytes) -> Actions:
        """The client has sent a binary frame. The same holds."""
        ...

    def tell(self, message: ServerMessage, channel: int) -> Actions:
        """The session of a channel says something."""
        ...

    def fail(self, error: WireError) -> Actions:
        """Something went wrong; where `error.close_code` is None, the connection goes on."""
        ...

    def leave(self) -> Actions:
        """The server ends, and closes the connection with 1001 after what is to be said."""
        ...
