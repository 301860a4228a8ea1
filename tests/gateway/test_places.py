"""Who has to go where too many have come."""

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
