"""The states of a session and its client, and what leads from one to the other. Pure.

An event that has no row in a state cannot come there. To look it up all the same is a mistake of ours,
and raises KeyError; `may` asks before.
"""

from enum import Enum, auto


class SessionState(Enum):
    """Whether the client of a session is there, and who waits for its answers."""

    WAITING = auto()
    """Its client is not there, and may come: the state in which it begins."""
    ATTACHED = auto()
    """It has a connection."""
    BROKEN = auto()
    """The same, but by a mistake of ours it says nothing any more."""
    ABANDONED = auto()
    """Nobody can come back to it: what was heard is still being answered, for who watches."""
    GONE = auto()
    """It is over, and has let go of everything."""


class SessionEvent(Enum):
    """What happens to a session."""

    ATTACH = auto()
    """A connection has it now, the first one or another."""
    DETACH = auto()
    """Its connection has gone."""
    BREAK = auto()
    """Its messages cannot be told, by a mistake of ours."""
    ABANDON = auto()
    """Its client has not come back in time, or could not go on."""
    END = auto()


SESSION = {
    (SessionState.WAITING, SessionEvent.ATTACH): SessionState.ATTACHED,
    (SessionState.WAITING, SessionEvent.ABANDON): SessionState.ABANDONED,
    (SessionState.WAITING, SessionEvent.END): SessionState.GONE,
    (SessionState.ATTACHED, SessionEvent.ATTACH): SessionState.ATTACHED,  # taken over
    (SessionState.ATTACHED, SessionEvent.DETACH): SessionState.WAITING,
    (SessionState.ATTACHED, SessionEvent.BREAK): SessionState.BROKEN,
    (SessionState.ATTACHED, SessionEvent.END): SessionState.GONE,
    (SessionState.BROKEN, SessionEvent.DETACH): SessionState.BROKEN,
    (SessionState.BROKEN, SessionEvent.END): SessionState.GONE,
    (SessionState.ABANDONED, SessionEvent.END): SessionState.GONE,
}
"""What a session is after an event."""


def may(state: SessionState, event: SessionEvent) -> bool:
    """Whether the event can come in this state."""
    return (state, event) in SESSION
