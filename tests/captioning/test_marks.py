"""What is remembered until voice activity gets there."""

from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from surtitle.captioning.marks import MarkKind, Marks
from tests.captioning.driver import W

Asked = tuple[int, MarkKind]
UPDATE: Asked = (700, "update")
FLUSH: Asked = (700, "flush")


def kept(*asked: Asked) -> list[str]:
    """What is done of so much, as kind and number of the asking."""
    marks, done = Marks(), list[str]()
    for number, (sample, kind) in enumerate(asked):
        marks.add(sample, kind, noting(done, f"{kind} {number}"), 10)
    assert marks.held_bytes == 10 * len(marks)
    while (action := marks.take_reached(10**9)) is not None:
        action()
    assert marks.held_bytes == len(marks) == 0
    return done


def noting(done: list[str], what: str) -> Callable[[], None]:
    return lambda: done.append(what)


def test_of_updates_in_a_row_the_newest_counts() -> None:
    assert kept(*(UPDATE,) * 1000) == ["update 999"]


@pytest.mark.parametrize(
    "kinds",
    [("update", "flush", "discard"), ("flush", "discard", "break_off"), ("discard", "update")],
)
def test_whatever_is_asked_for_in_turn_a_few_do_for_many(kinds: tuple[MarkKind, ...]) -> None:
    assert len(kept(*((700, kind) for kind in kinds * 1000))) <= 7


def test_one_flush_does_for_many() -> None:
    assert kept(*(FLUSH,) * 1000) == ["flush 0"]


def test_a_flush_that_is_waited_for_is_not_the_servers_own() -> None:
    asked: tuple[Asked, ...] = ((700, "break_off"), FLUSH)
    assert kept(*asked * 100) == ["break_off 0", "flush 1"]


def test_a_flush_between_two_updates_comes_between_them() -> None:
    asked = (UPDATE, FLUSH, UPDATE)
    assert kept(*asked) == ["update 0", "flush 1", "update 2"]
    assert kept(*asked * 100) == ["update 0", "flush 1", "update 299"]


def test_samples_of_one_window_are_one_and_those_of_others_are_not() -> None:
    assert kept((W, "update"), (W + 1, "update"), (2 * W - 1, "update")) == ["update 2"]
    assert kept((W, "flush"), (2 * W, "flush"), (3 * W - 1, "flush")) == ["flush 0", "flush 1"]
    assert kept((W - 1, "update"), (W, "update")) == ["update 0", "update 1"]


def test_the_end_comes_last_and_stays() -> None:
    assert kept((700, "flush"), (700, "update"), (700, "end")) == ["flush 0", "update 1", "end 2"]


@pytest.mark.parametrize(
    ("sample", "position"), [(0, 0), (1, 0), (W - 1, 0), (W, W), (W + 1, W), (3 * W - 1, 2 * W)]
)
def test_a_mark_inside_a_window_is_reached_when_less_than_that_is_left_to_judge(
    sample: int, position: int
) -> None:
    marks = Marks()
    marks.add(sample, "update", lambda: None, 1)
    if position:
        assert marks.take_reached(position - W) is None
    assert marks.take_reached(position) is not None


@given(
    st.lists(st.tuples(st.integers(0, 40), st.sampled_from(["update", "flush"])), max_size=60),
)
def test_what_is_left_out_makes_no_difference(steps: list[tuple[int, str]]) -> None:
    """The wishes with which each utterance would begin, and what flushes end, told from all marks."""
    sample, asked = 0, list[Asked]()
    for step, kind in steps:
        sample += step * W // 8
        asked.append((sample, "flush" if kind == "flush" else "update"))
    names = kept(*asked)
    windows = sorted({sample // W for sample, _ in asked})
    for window in windows:
        here = [f"{kind} {n}" for n, (at, kind) in enumerate(asked) if at // W == window]
        done = [name for name in names if name in here]
        assert len(done) <= 3
        assert [n for n in here if n.startswith("update")][-1:] == [
            n for n in done if n.startswith("update")
        ][-1:]
        assert any(n.startswith("flush") for n in here) == any(n.startswith("flush") for n in done)
        # What the first flush finds, and what comes after it.
        flushes = [here.index(n) for n in here if n.startswith("flush")][:1]
        for first in flushes:
            before = [n for n in here[:first] if n.startswith("update")][-1:]
            assert done[: done.index(here[first])] == before
    assert all(int(a.split()[1]) < int(b.split()[1]) for a, b in pairwise(names))
