"""Who speaks, and for how long that counts."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from surtitle.engine.speakers import SPEAKING_S, Speakers


def test_one_speaks_for_a_while_after_each_job() -> None:
    speakers = Speakers()
    speakers.on_job("a", "ann", 10.0)
    speakers.on_job("b", "bob", 11.0)
    speakers.on_job("a", "ann", 12.0)
    assert set(speakers.owners(11.0 + SPEAKING_S)) == {"ann", "bob"}
    assert set(speakers.owners(11.1 + SPEAKING_S)) == {"ann"}
    assert not speakers.owners(12.1 + SPEAKING_S)


def test_an_owner_speaks_as_long_as_one_of_his_sessions_does() -> None:
    speakers = Speakers()
    speakers.on_job("a", "ann", 1.0)
    speakers.on_job("b", "ann", 1.0)
    speakers.forget("a")
    speakers.forget("a")
    assert set(speakers.owners(1.0)) == {"ann"}
    speakers.forget("b")
    assert not speakers.owners(1.0)


@given(st.lists(st.tuples(st.sampled_from("abcd-"), st.sampled_from([0.0, 1.0, 6.0]))))
def test_it_is_as_if_each_was_looked_for(steps: list[tuple[str, float]]) -> None:
    speakers, spoke, now = Speakers(), dict[str, float](), 0.0
    for session, pause_s in steps:
        now += pause_s
        if session == "-":
            speakers.forget("a")
            spoke.pop("a", None)
        else:
            speakers.on_job(session, "xy"[session < "c"], now)
            spoke[session] = now
        expected = Counter("xy"[s < "c"] for s, at in spoke.items() if at >= now - SPEAKING_S)
        assert set(speakers.owners(now)) == set(expected)
