"""Room that owners share: none of them can take it from the others."""

from hypothesis import given
from hypothesis import strategies as st

from surtitle.gateway.shares import Shares


def test_one_alone_has_half() -> None:
    shares = Shares(20)
    assert shares.take("one", 7)
    assert shares.take("one", 3)
    assert not shares.take("one", 1)


def test_one_who_has_taken_all_that_he_may_leaves_room_for_others() -> None:
    shares = Shares(20)
    assert shares.take("greedy", 10)
    assert shares.take("another", 5)
    assert not shares.take("another", 1)
    assert shares.take("third", 2)


def test_what_is_given_back_is_there_again() -> None:
    shares = Shares(20)
    for _ in range(3):
        assert shares.take("one", 10)
        assert not shares.take("another", 6)
        shares.give_back("one", 10)


def test_what_goes_gives_back_all_that_it_has() -> None:
    shares = Shares(20)
    one, other = shares.share("me"), shares.share("me")
    assert one.grow(6)
    assert other.grow(4)
    assert not one.grow(1)
    one.give_back()
    one.give_back()
    assert other.grow(6)


OWNERS = st.sampled_from("abc")


@given(st.lists(st.tuples(OWNERS, st.integers(1, 30))))
def test_whoever_has_nothing_finds_half_of_what_is_left(wanted: list[tuple[str, int]]) -> None:
    shares, left = Shares(60), 60
    for owner, amount in wanted:
        if shares.take(owner, amount):
            left -= amount
    assert left >= 60 // 2**3
    assert shares.take("newcomer", left // 2)
    assert not shares.take("another", left)
