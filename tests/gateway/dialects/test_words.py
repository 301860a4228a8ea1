"""Words as other services have them, and text that only grows."""

from itertools import repeat

from hypothesis import given
from hypothesis import strategies as st

from surtitle.captioning.stability import join
from surtitle.gateway.dialects.growth import Growth
from surtitle.gateway.dialects.words import bare, hotwords, spread


def test_bare_words() -> None:
    said = ["Hello,", "“Well", "post-mortem.", "it's", "—", "É!", "3.5%"]
    assert [bare(word) for word in said] == [
        "hello",
        "well",
        "post-mortem",
        "it's",
        "—",
        "é",
        "3.5",
    ]


@given(st.text(), st.integers(0, 9999), st.integers(0, 9999))
def test_words_without_times_share_the_time(text: str, start_ms: int, length_ms: int) -> None:
    words = spread(text, start_ms, start_ms + length_ms, 0.5)
    assert [word.text for word in words] == text.split()
    if words:
        assert (words[0].start_ms, words[-1].end_ms) == (start_ms, start_ms + length_ms)
        assert all(word.start_ms <= word.end_ms for word in words)


def test_as_many_hotwords_as_a_session_takes() -> None:
    assert hotwords(["x" * 200, " ", *"ab" * 100]) == ["x" * 100, *"ab" * 49, "a"]
    assert hotwords(repeat("no end")) == ["no end"] * 100


def test_text_of_several_utterances_is_joined() -> None:
    growth = Growth()
    said = [
        growth.grow("So", 0),
        growth.grow("So it", 0),
        growth.grow("So", 0),
        growth.finish("So it is."),
    ]
    said += [growth.grow("Well", 0), growth.finish("Well."), growth.grow("x", 0)]
    growth.give_up()
    said += [growth.finish("Yes.")]
    assert said == ["So", " it", "", " is.", " Well", ".", " x", " Yes."]
    assert growth.text == "So it is. Well. Yes."


def test_text_waits_until_it_has_been_stable_for_long_enough() -> None:
    growth = Growth(lag_ms=1000)
    assert [growth.grow("So", 500), growth.grow("So it", 1000), growth.grow("So it is", 1500)] == [
        "",
        "",
        "So",
    ]
    assert [growth.grow("So it is a", 2400), growth.finish("So it was.")] == [" it", " was."]


@given(
    st.lists(st.tuples(st.lists(st.integers(0, 30)), st.text("ab ,.", min_size=1)), max_size=4),
    st.integers(0, 900),
)
def test_where_finals_go_on_from_what_was_sent_the_deltas_are_the_text(
    utterances: list[tuple[list[int], str]], lag_ms: int
) -> None:
    growth, sent, whole, now_ms = Growth(lag_ms), "", "", 0
    for places, text in utterances:
        for place in sorted(places):
            now_ms += 300
            sent += growth.grow(text[:place], now_ms)
        sent += growth.finish(text)
        whole = join(whole, text)
    assert sent == whole == growth.text
