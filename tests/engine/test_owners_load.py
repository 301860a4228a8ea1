"""Load by owner: what one more session would wait, and not what one has piled up."""

import pytest

from surtitle.engine.load import WINDOW_S, OwnersLoad
from surtitle.jobs import JobKind


def flood(load: OwnersLoad, owner: str, session: str, *, every_s: float, jobs: int) -> float:
    """All its jobs are there at 0, one is started now and then; returns when the last one is."""
    now = 0.0
    for number in range(jobs):
        now = number * every_s
        load.observe(owner, session, "final", 0.0, now)
        load.on_turn(owner, session, now)
    return now


@pytest.mark.parametrize("every_s", [0.1, 0.3, 0.45])
def test_a_pile_of_one_session_is_no_load(every_s: float) -> None:
    load = OwnersLoad(0.5)
    now = flood(load, "eve", "e", every_s=every_s, jobs=40)
    load.update(now)
    assert not load.anybody


@pytest.mark.parametrize("kind", ["partial", "final"])
def test_sessions_of_one_owner_that_wait_for_each_other_are_his_load_alone(kind: JobKind) -> None:
    load = OwnersLoad(0.5)
    for turn in range(60):  # each of 20 sessions has one in 2 s
        now = turn * 0.1
        load.observe("hall", f"h{turn % 20}", kind, now - 2.0, now)
        load.on_turn("hall", f"h{turn % 20}", now)
    assert load.update(now)
    assert load.overloaded_for("hall")
    assert not load.overloaded_for("bob")
    assert load.anybody


@pytest.mark.parametrize("kind", ["partial", "final"])
def test_many_owners_that_wait_for_each_other_are_a_load_for_all(kind: JobKind) -> None:
    load = OwnersLoad(0.5)
    for turn in range(60):
        now = turn * 0.1
        load.observe(f"o{turn % 20}", "s", kind, now - 2.0, now)
        load.on_turn(f"o{turn % 20}", "s", now)
    assert load.update(now)
    assert load.overloaded_for("anybody")


@pytest.mark.parametrize("overdue", [False, True])
def test_who_gives_way_to_others_is_no_load_of_theirs(overdue: bool) -> None:
    load = OwnersLoad(0.5)
    if overdue:
        load.update(3.0, [("hall", f"h{n}", "final", 0.0, True) for n in range(20)])
    else:
        load.observe("hall", "h1", "final", 0.0, 3.0, gives_way=True)
        load.update(3.0)
    assert load.overloaded_for("hall")
    assert not load.overloaded_for("bob")


def test_an_owner_of_whom_jobs_only_waited_is_forgotten_after_that() -> None:
    load = OwnersLoad(0.5)
    load.update(10.0, [("eve", "e1", "final", 0.0, False)])
    assert load.overloaded_for("eve")
    load.update(10.3)
    load.update(10.3 + 2 * WINDOW_S)
    assert not load.anybody
    load.update(10.3 + 4 * WINDOW_S)
    assert not load._owners


def test_it_is_over_when_nothing_more_comes_and_is_told_once() -> None:
    load = OwnersLoad(0.5)
    load.observe("ann", "a", "partial", 0.0, 1.0)
    assert load.update(1.0)
    assert not load.update(1.1)
    assert load.update(1.1 + WINDOW_S)
    assert not load.anybody
    assert not load.update(9.0 + WINDOW_S)


def test_a_job_that_was_given_up_counts_and_is_no_turn() -> None:
    load = OwnersLoad(0.5)
    load.observe("ann", "a", "partial", 0.0, 1.0)
    load.observe("ann", "a", "partial", 0.0, 1.0)
    load.update(1.0)
    assert load.overloaded_for("ann")


def test_hours_of_owners_and_sessions_take_no_memory() -> None:
    load = OwnersLoad(0.5)
    for tick in range(20_000):
        now = tick / 10
        load.observe(f"o{tick % 1000}", f"s{tick}", "final", now, now)
        load.on_turn(f"o{tick % 1000}", f"s{tick}", now)
        load.observe("hall", f"h{tick}", "final", now, now)
        load.on_turn("hall", f"h{tick}", now)
        load.update(now)
    assert len(load._owners) < 3 * WINDOW_S * 10
    assert len(load._owners["hall"].sessions) < 3 * WINDOW_S * 10
