"""The states of the worker and of the engine, and what leads from one to the other. Pure.

Two tables, as in h11: an event that has no row in a state cannot come there. To look it up all the
same is a mistake of ours, and raises KeyError.
"""

from enum import Enum, auto


class WorkerState(Enum):
    """What becomes of the worker process."""

    ABSENT = auto()
    """There is none, before the first one and between two."""
    STARTING = auto()
    """It loads its model."""
    READY = auto()
    """It takes batches."""
    RETIRING = auto()
    """It is to be replaced: it finishes what it has, and takes nothing more."""
    LEAVING = auto()
    """The same, and it was told to end."""
    ABORTED = auto()
    """It was told to end before it was ready."""
    ENDING = auto()
    """It was told to end in the middle of its work."""


class WorkerEvent(Enum):
    """What happens to the worker process."""

    SPAWNED = auto()
    LOADED = auto()
    """It has said that it is ready."""
    GROWN = auto()
    """Its memory has grown too much."""
    IDLE = auto()
    """Nothing that it was handed is left."""
    OVERDUE = auto()
    """It has taken too long, for its start, a batch or its end."""
    DIED = auto()


WORKER = {
    (WorkerState.ABSENT, WorkerEvent.SPAWNED): WorkerState.STARTING,
    (WorkerState.STARTING, WorkerEvent.LOADED): WorkerState.READY,
    (WorkerState.STARTING, WorkerEvent.OVERDUE): WorkerState.ABORTED,
    (WorkerState.STARTING, WorkerEvent.DIED): WorkerState.ABSENT,
    (WorkerState.READY, WorkerEvent.GROWN): WorkerState.RETIRING,
    (WorkerState.READY, WorkerEvent.OVERDUE): WorkerState.ENDING,
    (WorkerState.READY, WorkerEvent.DIED): WorkerState.ABSENT,
    (WorkerState.RETIRING, WorkerEvent.GROWN): WorkerState.RETIRING,
    (WorkerState.RETIRING, WorkerEvent.IDLE): WorkerState.LEAVING,
    (WorkerState.RETIRING, WorkerEvent.OVERDUE): WorkerState.LEAVING,
    (WorkerState.RETIRING, WorkerEvent.DIED): WorkerState.ABSENT,
    (WorkerState.LEAVING, WorkerEvent.OVERDUE): WorkerState.LEAVING,
    (WorkerState.LEAVING, WorkerEvent.DIED): WorkerState.ABSENT,
    (WorkerState.ABORTED, WorkerEvent.LOADED): WorkerState.ABORTED,  # too late
    (WorkerState.ABORTED, WorkerEvent.OVERDUE): WorkerState.ABORTED,
    (WorkerState.ABORTED, WorkerEvent.DIED): WorkerState.ABSENT,
    (WorkerState.ENDING, WorkerEvent.OVERDUE): WorkerState.ENDING,
    (WorkerState.ENDING, WorkerEvent.DIED): WorkerState.ABSENT,
}
"""What the worker process is after an event."""


class EngineState(Enum):
    """How the engine is, in the words of `/readyz`."""

    LOADING = "loading"
    """No worker was ready yet."""
    READY = "ready"
    RECOVERING = "recovering"
    BROKEN = "broken"
    """Worker after worker has died; it is still tried."""
    FAILED = "failed"
    """It has given up."""


class EngineEvent(Enum):
    """What happens to the engine."""

    UP = auto()
    """A worker is ready."""
    DOWN = auto()
    """The worker is there no more, or is told to end."""
    STORM = auto()
    """The same, after too many deaths in a row."""
    HOPELESS = auto()
    """No worker will ever start."""


ENGINE = {
    (EngineState.LOADING, EngineEvent.UP): EngineState.READY,
    (EngineState.LOADING, EngineEvent.DOWN): EngineState.LOADING,
    (EngineState.LOADING, EngineEvent.STORM): EngineState.LOADING,
    (EngineState.LOADING, EngineEvent.HOPELESS): EngineState.FAILED,
    (EngineState.READY, EngineEvent.DOWN): EngineState.RECOVERING,
    (EngineState.READY, EngineEvent.STORM): EngineState.BROKEN,
    (EngineState.RECOVERING, EngineEvent.UP): EngineState.READY,
    (EngineState.RECOVERING, EngineEvent.DOWN): EngineState.RECOVERING,
    (EngineState.RECOVERING, EngineEvent.STORM): EngineState.BROKEN,
    (EngineState.BROKEN, EngineEvent.UP): EngineState.READY,
    (EngineState.BROKEN, EngineEvent.STORM): EngineState.BROKEN,
}
"""How the engine is after an event."""
