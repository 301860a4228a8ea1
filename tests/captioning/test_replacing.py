"""Words that are written in another way than the model writes them."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from surtitle.captioning.replacing import Replacements
from surtitle.errors import BadStart
from surtitle.messages import Final, Partial, Speech, WordTiming

RULES = Replacements(
    {
        "choppy": "Chopin",
        "sir title": "Surtitle",
        "sir": "Sir",
        "gonna": "going to",
        "um": "",
        "US": "United States",
        "c++": "C++",
        "肖邦": "蕭邦",
        "नमस": "?",
        "जी": "ji",
    }
)


@pytest.mark.parametrize(
    ("heard", "shown"),
    [
        ("He plays choppy.", "He plays Chopin."),
        ("choppy, Choppy and CHOPPY", "Chopin, Chopin and Chopin"),
        ("choppiness unchoppy choppy2", "choppiness unchoppy choppy2"),  # other words
        ("(choppy) “choppy” choppy's", "(Chopin) “Chopin” Chopin's"),
        ("I use sir title, sir.", "I use Surtitle, Sir."),  # the longest one
        ("Gonna go? I'm gonna.", "Going to go? I'm going to."),  # a capital stays one
        ("the US tells us", "the United States tells us"),  # as it is written
        ("I like C++ and c++.", "I like C++ and C++."),
        ("他弹肖邦的曲子", "他弹蕭邦的曲子"),  # no spaces around words
        ("नमस्ते जी", "नमस्ते ji"),  # what follows a vowel sign is the same word
        ("Well, um, I um think", "Well,, I think"),
        ("um", ""),
        ("Um I think", "I think"),
        ("", ""),
    ],
)
def test_whole_words_are_replaced(heard: str, shown: str) -> None:
    assert RULES.apply(heard) == shown


def final(text: str, *words: tuple[str, int, int]) -> Final:
    return Final(
        seq=1,
        utterance=1,
        start_ms=0,
        end_ms=9000,
        text=text,
        language="en",
        language_probability=1.0,
        confidence=0.9,
        words=[
            WordTiming(text=word, start_ms=start, end_ms=end, confidence=0.5)
            for word, start, end in words
        ],
    )


def test_words_share_the_time_of_those_that_they_replace() -> None:
    message = RULES.on(
        final(
            "I'm gonna hear sir title, um.",
            ("I'm", 0, 200),
            ("gonna", 200, 700),
            ("hear", 700, 900),
            ("sir", 900, 1000),
            ("title,", 1100, 1400),
            ("um.", 1400, 1500),
        )
    )
    assert isinstance(message, Final) and message.words is not None
    assert message.text == "I'm going to hear Surtitle,."
    assert [(w.text, w.start_ms, w.end_ms) for w in message.words] == [
        ("I'm", 0, 200),
        ("going", 200, 557),
        ("to", 557, 700),
        ("hear", 700, 900),
        ("Surtitle,.", 900, 1500),
    ]


def test_messages_without_such_words_stay_what_they_are() -> None:
    for message in (final("Nothing here.", ("Nothing", 0, 1), ("here.", 1, 2)), SPEECH):
        assert RULES.on(message) is message


@pytest.mark.parametrize("key", ["", " ", " choppy", "choppy "])
def test_a_key_is_words(key: str) -> None:
    with pytest.raises(BadStart, match="name words"):
        Replacements({key: "x"})


SPEECH = Speech(seq=1, utterance=1, start_ms=0)


def partial(stable: str, unstable: str) -> Partial:
    return Partial(seq=1, utterance=1, start_ms=0, end_ms=1, stable=stable, unstable=unstable)


def test_what_is_said_at_the_end_may_still_become_another_word() -> None:
    shown = RULES.on(partial("We all like choppy and sir", " title"))
    assert isinstance(shown, Partial)
    assert shown.stable + shown.unstable == "We all like Chopin and Surtitle"
    assert shown.stable == "We all like"


PIECES = st.sampled_from(
    [
        "choppy",
        "sir",
        " ",
        "title",
        "sir title",
        ", ",
        "um",
        "US",
        "us",
        "c++",
        "肖邦",
        "的",
        "gonna.",
    ]
)


@given(said=st.lists(PIECES, max_size=12), guesses=st.lists(st.lists(PIECES, max_size=4)))
def test_stable_text_only_grows(said: list[str], guesses: list[list[str]]) -> None:
    """Whatever comes after it, and however the stable text grows."""
    shown = ""
    for count in range(len(said) + 1):
        stable = "".join(said[:count])
        for guess in [[], *guesses, said[count:]]:
            message = RULES.on(partial(stable, "".join(guess)))
            assert isinstance(message, Partial)
            assert message.stable.startswith(shown)
            assert message.stable + message.unstable == RULES.apply(stable + "".join(guess))
            shown = message.stable
    assert RULES.apply("".join(said)).startswith(shown)


WORDS = st.lists(
    st.sampled_from(["choppy", "sir", "title", "title,", "um", "um.", "US", "gonna.", "I"]),
    min_size=1,
    max_size=8,
)


@example(said=["um", "um", "choppy"])
@example(said=["I", "um", "um", "choppy"])
@given(said=WORDS)
def test_words_are_those_of_the_text(said: list[str]) -> None:
    heard = final(" ".join(said), *((word, 100 * n, 100 * n + 90) for n, word in enumerate(said)))
    shown = RULES.on(heard)
    assert isinstance(shown, Final) and shown.words is not None
    assert " ".join(word.text for word in shown.words) == shown.text
    times = [time for word in shown.words for time in (word.start_ms, word.end_ms)]
    assert times == sorted(times)
    assert times == [] or (times[0] >= 0 and times[-1] <= 100 * len(said))
