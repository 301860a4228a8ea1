"""What is done as memory runs short."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from surtitle.gateway.shedding import OFFENCE_BYTES, SETTLE_S, MemoryGuard, Pressure

MB = OFFENCE_BYTES


def guard(*used_mb: float) -> MemoryGuard:
    """One of 100 MB that has seen these figures."""
    memory = MemoryGuard(100 * MB)
    for used in used_mb:
        memory.judge(int(used * MB))
    return memory


@pytest.mark.parametrize(
    ("used_mb", "pressure"),
    [
        ((), Pressure.NONE),
        ((84,), Pressure.NONE),
        ((86,), Pressure.REFUSING),
        ((96,), Pressure.SHEDDING),
        ((86, 80), Pressure.REFUSING),  # not so soon
        ((86, 74), Pressure.NONE),
        ((96, 90), Pressure.REFUSING),
        ((96, 80), Pressure.REFUSING),
        ((96, 74), Pressure.NONE),
        ((86, 74, 84), Pressure.NONE),
    ],
)
def test_two_thresholds_that_do_not_flicker(used_mb: tuple[float, ...], pressure: Pressure) -> None:
    assert guard(*used_mb).pressure is pressure


def test_a_change_is_told_once() -> None:
    memory = guard()
    told = [memory.judge(used * MB) for used in (50, 90, 91, 80, 97, 99, 90, 50, 50)]
    assert told == [False, True, False, False, True, False, True, True, False]


def test_the_largest_are_ended_as_many_as_should_do() -> None:
    held = {"a": 4 * MB, "b": 9 * MB, "c": 6 * MB, "d": 2 * MB}
    assert guard(97).offenders(97 * MB, held, 0.0) == ["b", "c"]  # back to 85
    assert guard(99).offenders(99 * MB, held, 0.0) == ["b", "c"]
    assert guard(101).offenders(101 * MB, held, 0.0) == ["b", "c", "a"]


def test_what_holds_little_is_never_ended() -> None:
    assert guard(200).offenders(200 * MB, {"a": MB - 1, "b": MB, "c": 0}, 0.0) == ["b"]
    assert guard(200).offenders(200 * MB, {"a": MB - 1}, 0.0) == []
    assert guard(200).offenders(200 * MB, {}, 0.0) == []


@pytest.mark.parametrize("used_mb", [50, 90])
def test_nobody_is_ended_before_the_second_threshold(used_mb: int) -> None:
    assert guard(used_mb).offenders(used_mb * MB, {"a": 50 * MB}, 0.0) == []


def test_what_was_ended_gets_its_time_to_be_gone() -> None:
    memory = guard(97)
    assert memory.offenders(97 * MB, {"a": 20 * MB, "b": 9 * MB}, 10.0) == ["a"]
    assert memory.offenders(97 * MB, {"b": 9 * MB}, 10.0 + SETTLE_S - 0.1) == []
    assert memory.offenders(97 * MB, {"b": 9 * MB}, 10.0 + SETTLE_S) == ["b"]


def test_where_nobody_was_ended_nobody_is_waited_for() -> None:
    memory = guard(97)
    assert memory.offenders(97 * MB, {"a": 1}, 10.0) == []
    assert memory.offenders(97 * MB, {"a": 20 * MB}, 10.1) == ["a"]


def test_a_server_that_has_no_room_at_the_start_knows_it() -> None:
    assert guard().has_little_room(75 * MB)
    assert not guard().has_little_room(74 * MB)


@given(st.lists(st.integers(0, 120), max_size=40), st.dictionaries(st.text(), st.integers(0, 30)))
def test_sessions_end_only_above_the_limit_and_the_largest_first(
    used_mb: list[int], held_mb: dict[str, int]
) -> None:
    memory = guard()
    held = {name: size * MB for name, size in held_mb.items()}
    for now, used in enumerate(used_mb):
        memory.judge(used * MB)
        ended = memory.offenders(used * MB, held, float(now))
        assert not ended or memory.pressure is Pressure.SHEDDING
        left = [held[name] for name in held if name not in ended]
        assert not ended or not left or min(held[name] for name in ended) >= max(left)
