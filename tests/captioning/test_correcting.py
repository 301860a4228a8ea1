"""What a person writes instead of a final, and the words of that."""

import time

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from surtitle.captioning.correcting import Correction, correct
from surtitle.captioning.stability import join
from surtitle.messages import Final, Revised, WordTiming, revise


def final(text: str, *words: tuple[str, int, int], timed: bool = True) -> Final:
    return Final(
        seq=7,
        utterance=3,
        start_ms=1000,
        end_ms=9000,
        text=text,
        language="en",
        language_probability=1.0,
        confidence=0.4,
        words=[
            WordTiming(text=word, start_ms=start, end_ms=end, confidence=0.5)
            for word, start, end in words
        ]
        if timed
        else None,
    )


WALTZES = final(
    "He played the choppy waltzes.",
    ("He", 1000, 1200),
    ("played", 1200, 1600),
    ("the", 1600, 1700),
    ("choppy", 1800, 2400),
    ("waltzes.", 2400, 3000),
)


def times(revised: Revised) -> list[tuple[str, int, int]]:
    assert revised.words is not None
    return [(word.text, word.start_ms, word.end_ms) for word in revised.words]


def test_the_longest_text_takes_no_time_whatever_is_in_it() -> None:
    """It is worked on between the captions of all others, and who corrects may have written both."""
    old, new = (
        "".join(f"\u4e00{chr(first + number)}" for number in range(1000))
        for first in (0x5000, 0x6000)
    )
    began = time.process_time()
    revised = correct(final("", *[(unit, 1000, 9000) for unit in old]), new, "anna")
    assert time.process_time() - began < 1
    assert revised.words is not None
    assert "".join(word.text for word in revised.words) == revised.text == new


def test_a_correction_is_certain_and_has_an_author() -> None:
    revised = correct(final("a kernel", timed=False), "  a\n colonel ", "anna")
    assert revised == Revised(
        seq=7,
        utterance=3,
        start_ms=1000,
        end_ms=9000,
        text="a colonel",
        confidence=1.0,
        by="anna",
    )
    assert revise(final("a kernel", timed=False), revised).by == "anna"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "He played the Chopin waltzes.",
            [("played", 1200, 1600), ("the", 1600, 1700), ("Chopin", 1800, 2400)],
        ),
        (
            "He played the Frederic Chopin waltzes.",
            [("the", 1600, 1700), ("Frederic", 1800, 2142), ("Chopin", 2142, 2400)],
        ),
        ("He played waltzes.", [("He", 1000, 1200), ("played", 1200, 1600)]),
        ("So he played the choppy waltzes.", [("So", 1000, 1100), ("he", 1100, 1200)]),
        ("He played all the choppy waltzes.", [("played", 1200, 1466), ("all", 1466, 1600)]),
        ("Now He played the choppy waltzes.", [("Now", 1000, 1000), ("He", 1000, 1200)]),
    ],
)
def test_words_that_stay_keep_their_times(text: str, words: list[tuple[str, int, int]]) -> None:
    found = times(correct(WALTZES, text, "anna"))
    assert [word for word in words if word not in found] == []
    assert " ".join(word for word, _, _ in found) == text
    assert ("waltzes.", 2400, 3000) in found


def test_all_that_is_deleted_has_no_words() -> None:
    assert correct(WALTZES, " ", "anna").words == []
    assert times(correct(final(""), "He", "anna")) == [("He", 1000, 9000)]


WORDS = st.lists(
    st.sampled_from(["He", "played", "a,", "a", "肖邦", "的", "c++", "waltz."]), max_size=8
)


@given(before=WORDS, after=WORDS)
@example(before=["肖邦"], after=["肖邦", "的"])
def test_words_are_those_of_the_text(before: list[str], after: list[str]) -> None:
    heard = final(
        " ".join(before), *((word, 100 * n, 100 * n + 90) for n, word in enumerate(before))
    )
    revised = correct(heard, " ".join(after), "anna")
    assert revised.words is not None
    text = ""
    for word in revised.words:
        text = join(text, word.text)
    assert text.replace(" ", "") == revised.text.replace(" ", "")
    moments = [at for word in revised.words for at in (word.start_ms, word.end_ms)]
    assert moments == sorted(moments)


@pytest.mark.parametrize(
    "sent",
    [
        b'{"session":"a","utterance":0,"text":"x"}',
        b'{"session":"a","utterance":1}',
        b'{"session":"a","utterance":1,"text":"x","others":1}',
        b'{"session":"a","utterance":1,"text":"%s"}' % (b"x" * 2001),
    ],
)
def test_a_correction_is_of_a_caption_and_short(sent: bytes) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(sent, type=Correction)
