"""Where the jobs of a pool go."""

import pytest

from surtitle.engine.placement import Placement
from surtitle.engine.speakers import SPEAKING_S
from surtitle.engine.states import EngineState
from tests.engine.jobs import job

READY, LOADING, RECOVERING = EngineState.READY, EngineState.LOADING, EngineState.RECOVERING
BROKEN, FAILED = EngineState.BROKEN, EngineState.FAILED


def placement(*states: EngineState, capacities: tuple[int, ...] = ()) -> Placement:
    """Members in these states."""
    members = Placement()
    for number in range(len(states)):
        members.add(number)
    for number, state in enumerate(states):
        members.on_state(number, state, capacities[number] if capacities else 1)
    return members


def placed(members: Placement, *sessions: str, utterance: int = 1, now: float = 0.0) -> list[int]:
    """Where each session has a job decoded."""
    return [members.member_for(job(name, utterance=utterance), now) for name in sessions]


def test_sessions_are_spread_over_the_members() -> None:
    assert placed(placement(READY, READY, READY), *"abcdef") == [0, 1, 2, 0, 1, 2]


def test_a_member_that_does_twice_as_much_gets_twice_as_many() -> None:
    members = placement(READY, READY, capacities=(2, 4))
    where = placed(members, *"abcdef")
    assert (where.count(0), where.count(1)) == (2, 4)


def test_a_session_keeps_to_its_member_within_an_utterance() -> None:
    members = placement(READY, READY)
    assert placed(members, "a", "b", "c") == [0, 1, 0]
    members.forget_session("b")
    assert placed(members, "a", "c", "a", "c") == [0, 0, 0, 0]


def test_it_is_placed_anew_with_an_utterance_where_another_has_fewer_speakers() -> None:
    members = placement(READY, READY)
    assert placed(members, "a", "b", "c") == [0, 1, 0]
    members.forget_session("b")
    assert placed(members, "a", "c", utterance=2) == [1, 0]
    assert placed(members, "a", "c", utterance=3) == [1, 0]  # nothing is won by another move


def test_a_final_that_comes_behind_the_next_utterance_moves_nobody() -> None:
    members = placement(READY, READY)
    placed(members, "a", utterance=2)
    placed(members, "b", "c", "d")
    assert placed(members, "a", utterance=1) == [0]


def test_who_has_fallen_silent_does_not_count() -> None:
    members = placement(READY, READY)
    placed(members, "a", "b", "c", "d")
    later = SPEAKING_S + 1
    assert placed(members, "a", "c", "b", utterance=2, now=later) == [0, 1, 1]


def test_jobs_go_to_who_will_be_ready_soonest_where_nobody_is() -> None:
    assert placed(placement(FAILED, BROKEN, LOADING, RECOVERING), "a") == [3]
    assert placed(placement(FAILED, BROKEN, LOADING), "a") == [2]
    assert placed(placement(FAILED, BROKEN), "a") == [1]


def test_a_session_leaves_a_member_that_is_not_ready() -> None:
    members = placement(READY, READY)
    assert placed(members, "a", "b") == [0, 1]
    members.on_state(0, RECOVERING, 1)
    assert members.to_relieve == [0]
    assert placed(members, "a", "b") == [1, 1]


def test_what_a_member_owes_stays_where_nobody_could_take_it() -> None:
    members = placement(READY, LOADING)
    members.on_state(0, RECOVERING, 1)
    assert members.to_relieve == []
    members.on_state(1, READY, 1)
    assert members.to_relieve == [0]


@pytest.mark.parametrize(
    ("states", "pool"),
    [
        ([LOADING, LOADING], LOADING),
        ([LOADING, FAILED], LOADING),
        ([READY, LOADING], READY),
        ([READY, FAILED], READY),
        ([READY, BROKEN], READY),
        ([FAILED, FAILED], FAILED),
        ([BROKEN, BROKEN], LOADING),
        ([BROKEN, FAILED], LOADING),
    ],
)
def test_the_state_of_the_pool(states: list[EngineState], pool: EngineState) -> None:
    assert placement(*states).state is pool


@pytest.mark.parametrize(
    ("states", "pool"),
    [
        ([BROKEN, BROKEN], BROKEN),
        ([BROKEN, FAILED], BROKEN),
        ([BROKEN, RECOVERING], RECOVERING),
        ([BROKEN, LOADING], RECOVERING),
    ],
)
def test_the_state_of_a_pool_that_was_ready(states: list[EngineState], pool: EngineState) -> None:
    members = placement(READY, READY)
    for number, state in enumerate(states):
        members.on_state(number, state, 1)
    assert members.state is pool
