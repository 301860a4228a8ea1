"""Who has to go where too many have come."""

import random

import pytest

from surtitle.gateway.places import Places


def test_the_longest_without_settling_makes_way() -> None:
    places: Places[str] = Places(3)
    assert [places.enter(one, "somewhere") for one in "abc"] == [None] * 3
    places.settle("a")
    assert [places.enter(one, "somewhere") for one in "de"] == ["b", "c"]
    assert len(places) == 3


def test_where_all_have_settled_the_newcomer_goes() -> None:
    places: Places[str] = Places(2)
    for one in "ab":
        assert places.enter(one, "somewhere") is None
        places.settle(one)
    assert places.enter("c", "somewhere") == "c"
    places.leave("a")
    assert places.enter("d", "somewhere") is None


def test_those_of_whom_there_are_many_make_way_first() -> None:
    places: Places[str] = Places(4)
    for one in ("only", "many 1", "many 2", "many 3"):
        places.enter(one, one.split()[0])
    assert places.enter("many 4", "many") == "many 1"
    assert places.enter("other", "other") == "many 2"
    assert places.enter("many 5", "many") == "many 3"


def test_who_has_gone_is_forgotten_however_often_it_is_said() -> None:
    places: Places[str] = Places(1)
    assert places.enter("a", "x") is None
    assert places.enter("b", "x") == "a"
    places.settle("a")  # too late
    places.leave("a")
    assert len(places) == 1
    places.settle("b")
    places.settle("b")
    places.leave("b")
    places.leave("b")
    assert len(places) == 0 and not places._waiting


def taken(*owners: str) -> Places[int]:
    """So many places as there are owners, all taken in this order."""
    places: Places[int] = Places(len(owners))
    for number, owner in enumerate(owners):
        assert places.has_room_for(owner)
        assert places.enter(number, owner) is None
    return places


@pytest.mark.parametrize(
    ("owners", "with_room", "without"),
    [
        (["hall"] * 9, ["other", "third"], ["hall"]),
        (["hall"] * 2, ["other"], ["hall"]),
        (["hall"], [], ["hall", "other"]),
        (["hall"] * 5 + ["other"] * 4, ["third"], ["hall", "other"]),
        (["hall"] * 5 + ["other"] * 3, ["third", "other"], ["hall"]),
        (["a", "b", "c", "d"], [], ["a", "b", "e"]),
        ([], [], ["hall"]),
    ],
)
def test_who_has_fewer_than_another_has_room(
    owners: list[str], with_room: list[str], without: list[str]
) -> None:
    places = taken(*owners)
    assert all(map(places.has_room_for, with_room))
    assert not any(map(places.has_room_for, without))


def test_places_are_shared_with_who_comes_and_nobody_takes_them_back() -> None:
    places = taken(*["hall"] * 9)
    gone: list[int | None] = []
    while places.has_room_for("other"):
        gone.append(places.enter(100 + len(gone), "other"))
    assert gone == [0, 1, 2, 3]  # the oldest first
    assert not places.has_room_for("hall")
    places.leave(5)
    assert places.has_room_for("hall")


@pytest.mark.parametrize("seed", range(5))
def test_whoever_comes_and_goes_keeps_his_share(seed: int) -> None:
    """A few of an owner who has no more than his share are never in the way of many of others."""
    chance = random.Random(seed)
    places = taken(*["many 1"] * 20)
    inside = dict.fromkeys(range(20), "many 1")
    for one in range(20, 1000):
        owner = chance.choice(["many 1", "many 2", "few"])
        if places.has_room_for(owner) and (
            owner != "few" or list(inside.values()).count("few") < 6
        ):
            inside[one] = owner
            gone = places.enter(one, owner)
            assert gone is None or inside.pop(gone) != "few"
        elif chance.random() < 0.1:
            leaving = chance.choice(list(inside))
            del inside[leaving]
            places.leave(leaving)
        assert len(places) == len(inside) <= 20
