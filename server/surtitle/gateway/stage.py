"""How far a connection of a speaker has come on its way to the end. Pure."""

from enum import Enum, auto


class Stage(Enum):
    """What a connection does."""

    SERVING = auto()
    """It takes what its client says."""
    DRAINING = auto()
    """The server stops: what was said is answered, and no more audio is taken."""
    ENDING = auto()
    """It ends by a mistake of its client: what was said is answered before, and nothing is taken."""
    CLOSING = auto()
    """It closes once all is sent that waits."""
    GONE = auto()
    """The socket is closed."""


_FOLLOW = {
    Stage.SERVING: {Stage.DRAINING, Stage.ENDING, Stage.CLOSING, Stage.GONE},
    Stage.DRAINING: {Stage.ENDING, Stage.CLOSING, Stage.GONE},
    Stage.ENDING: {Stage.CLOSING, Stage.GONE},
    Stage.CLOSING: {Stage.GONE},
    Stage.GONE: set[Stage](),
}
"""The stages that may follow each of them. Whatever else is wanted comes too late."""


def next_stage(now: Stage, wanted: Stage) -> Stage:
    """The stage that is wanted, where it may follow; else that of now."""
    return wanted if wanted in _FOLLOW[now] else now
