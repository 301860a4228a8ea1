"""How much of what all share one may take, and those together who take more."""

import pytest

from surtitle.runtime.allowance import Allowance, SharedAllowance


def test_so_much_at_once_and_then_so_much_a_second() -> None:
    bytes_ = Allowance(per_s=10, at_once=100)
    bytes_.take(100, 5.0)
    assert not bytes_.is_overdrawn(5.0)
    bytes_.take(1, 5.0)
    assert bytes_.is_overdrawn(5.0) and bytes_.is_overdrawn(5.09)
    assert bytes_.good_at_s == pytest.approx(5.1)
    assert not bytes_.is_overdrawn(5.11)
    bytes_.take(20, 6.0)
    assert bytes_.is_overdrawn(7.0) and not bytes_.is_overdrawn(8.0)


def test_who_takes_nothing_saves_up_no_more_than_that() -> None:
    bytes_ = Allowance(per_s=10, at_once=100)
    bytes_.take(101, 1_000_000.0)
    assert bytes_.is_overdrawn(1_000_000.0)


def test_a_trickle_below_the_rate_is_never_too_much() -> None:
    bytes_ = Allowance(per_s=64, at_once=4096)
    for second in range(100_000):
        bytes_.take(60, float(second))
        assert not bytes_.is_overdrawn(float(second))


def test_those_who_take_more_share_what_there_is_and_who_has_least_comes_first() -> None:
    shared = SharedAllowance[str](per_s=10, at_once=10)
    much, little = (Allowance(per_s=1, at_once=1) for _ in range(2))
    for own, amount in ((much, 30), (little, 4)):
        shared.charge(own, amount, 100.0)
        assert own.is_overdrawn(100.0)
        shared.charge(own, 10, 100.0)  # now of what they share
    shared.wait(much, "much", 100.0)
    shared.wait(little, "little", 100.0)
    assert shared.next_holder(100.0) is None
    assert shared.due_in_s(100.0) == pytest.approx(1.0)
    assert [shared.next_holder(101.0) for _ in range(3)] == ["little", "much", None]
    assert shared.due_in_s(101.0) is None


def test_who_is_within_his_own_does_not_wait_for_the_others() -> None:
    shared = SharedAllowance[str](per_s=10, at_once=10)
    greedy, modest = (Allowance(per_s=1, at_once=1) for _ in range(2))
    for _ in range(2):
        shared.charge(greedy, 1000, 100.0)
    shared.charge(modest, 2, 100.0)
    shared.wait(greedy, "greedy", 100.0)
    shared.wait(modest, "modest", 100.0)
    assert shared.due_in_s(100.0) == pytest.approx(1.0)
    assert shared.next_holder(101.0) == "modest"
    assert shared.next_holder(101.0) is None


def test_a_debt_is_bounded_where_that_is_asked_for() -> None:
    work = Allowance(per_s=0.01, at_once=0.002, most_debt_s=1.0)
    work.take(1000.0, 50.0)
    assert work.is_overdrawn(50.9) and not work.is_overdrawn(51.1)


def test_who_has_taken_something_else_meanwhile_goes_behind_the_others() -> None:
    shared = SharedAllowance[str](per_s=10, at_once=10)
    twice, other = (Allowance(per_s=1, at_once=1) for _ in range(2))
    shared.charge(other, 0.5, 100.0)
    shared.wait(twice, "first", 100.0)
    shared.wait(twice, "second", 100.0)
    shared.wait(other, "other", 100.0)
    assert shared.next_holder(100.0) == "first"
    for _ in range(2):
        shared.charge(twice, 50, 100.0)
    assert shared.next_holder(100.0) == "other"
    assert shared.next_holder(100.0) is None
