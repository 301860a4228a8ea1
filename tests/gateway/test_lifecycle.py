from itertools import product

import pytest

from surtitle.gateway.lifecycle import SESSION, SessionEvent, SessionState, may

ROWS = [
    ("WAITING", "ATTACH", "ATTACHED"),
    ("WAITING", "ABANDON", "ABANDONED"),
    ("WAITING", "END", "GONE"),
    ("ATTACHED", "ATTACH", "ATTACHED"),
    ("ATTACHED", "DETACH", "WAITING"),
    ("ATTACHED", "BREAK", "BROKEN"),
    ("ATTACHED", "END", "GONE"),
    ("BROKEN", "DETACH", "BROKEN"),
    ("BROKEN", "END", "GONE"),
    ("ABANDONED", "END", "GONE"),
]


@pytest.mark.parametrize(("state", "event", "after"), ROWS)
def test_what_becomes_of_a_session(state: str, event: str, after: str) -> None:
    assert may(SessionState[state], SessionEvent[event])
    assert SESSION[SessionState[state], SessionEvent[event]] is SessionState[after]


def test_nothing_else_becomes_of_a_session() -> None:
    rows = {(state, event) for state, event, _ in ROWS}
    for state, event in product(SessionState, SessionEvent):
        assert may(state, event) is ((state.name, event.name) in rows)
        if not may(state, event):
            with pytest.raises(KeyError):
                SESSION[state, event]
