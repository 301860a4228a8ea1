from itertools import product

import pytest

from surtitle.engine.policy import Watchdog, WatchdogOptions
from surtitle.engine.states import (
    ENGINE,
    WORKER,
    EngineEvent,
    EngineState,
    WorkerEvent,
    WorkerState,
)

WORKER_ROWS = [
    ("ABSENT", "SPAWNED", "STARTING"),
    ("STARTING", "LOADED", "READY"),
    ("STARTING", "OVERDUE", "ABORTED"),
    ("STARTING", "DIED", "ABSENT"),
    ("READY", "GROWN", "RETIRING"),
    ("READY", "OVERDUE", "ENDING"),
    ("READY", "DIED", "ABSENT"),
    ("RETIRING", "GROWN", "RETIRING"),
    ("RETIRING", "IDLE", "LEAVING"),
    ("RETIRING", "OVERDUE", "LEAVING"),
    ("RETIRING", "DIED", "ABSENT"),
    ("LEAVING", "OVERDUE", "LEAVING"),
    ("LEAVING", "DIED", "ABSENT"),
    ("ABORTED", "LOADED", "ABORTED"),
    ("ABORTED", "OVERDUE", "ABORTED"),
    ("ABORTED", "DIED", "ABSENT"),
    ("ENDING", "OVERDUE", "ENDING"),
    ("ENDING", "DIED", "ABSENT"),
]

ENGINE_ROWS = [
    ("LOADING", "UP", "READY"),
    ("LOADING", "DOWN", "LOADING"),
    ("LOADING", "STORM", "LOADING"),
    ("LOADING", "HOPELESS", "FAILED"),
    ("READY", "DOWN", "RECOVERING"),
    ("READY", "STORM", "BROKEN"),
    ("RECOVERING", "UP", "READY"),
    ("RECOVERING", "DOWN", "RECOVERING"),
    ("RECOVERING", "STORM", "BROKEN"),
    ("BROKEN", "UP", "READY"),
    ("BROKEN", "STORM", "BROKEN"),
]


@pytest.mark.parametrize(("state", "event", "after"), WORKER_ROWS)
def test_what_becomes_of_a_worker(state: str, event: str, after: str) -> None:
    assert WORKER[WorkerState[state], WorkerEvent[event]] is WorkerState[after]


def test_nothing_else_becomes_of_a_worker() -> None:
    rows = {(state, event) for state, event, _ in WORKER_ROWS}
    for state, event in product(WorkerState, WorkerEvent):
        assert ((state, event) in WORKER) is ((state.name, event.name) in rows)


@pytest.mark.parametrize(("state", "event", "after"), ENGINE_ROWS)
def test_what_becomes_of_the_engine(state: str, event: str, after: str) -> None:
    assert ENGINE[EngineState[state], EngineEvent[event]] is EngineState[after]


def test_nothing_else_becomes_of_the_engine() -> None:
    rows = {(state, event) for state, event, _ in ENGINE_ROWS}
    for state, event in product(EngineState, EngineEvent):
        assert ((state, event) in ENGINE) is ((state.name, event.name) in rows)


def test_what_cannot_happen_is_a_mistake_of_ours() -> None:
    watchdog = Watchdog(WatchdogOptions())
    with pytest.raises(KeyError):
        watchdog.on_death("there was none", 0.0)
    with pytest.raises(KeyError):
        watchdog.on_ready(1)
    watchdog.start(0.0)
    with pytest.raises(KeyError):
        watchdog.start(1.0)
    watchdog.on_ready(1)
    with pytest.raises(KeyError):
        watchdog.on_ready(1)
