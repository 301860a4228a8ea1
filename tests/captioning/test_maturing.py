"""Which finals are decoded once more, with what around them, and what each gets of the text."""

from collections.abc import Iterable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from surtitle.captioning.maturing import (
    KEPT_PAUSE_MS,
    LATEST_MS,
    MATURE_MS,
    MAX_NEW_MS,
    TOGETHER_MS,
    WINDOW_MS,
    Maturing,
    Said,
    Stretch,
    Together,
    join_audio,
    places,
    share_out,
)
from surtitle.jobs import (
    SAMPLE_RATE,
    DecodeOptions,
    Result,
    Voice,
    Word,
    ms_to_samples,
    samples_to_ms,
)

ENGLISH = DecodeOptions(language="en", words=True)


def said(
    number: int, start_s: float, end_s: float, text: str = "words", language: str = "en"
) -> Said:
    start, end = round(start_s * SAMPLE_RATE), round(end_s * SAMPLE_RATE)
    options = DecodeOptions(language=language, words=True)
    return Said(number, start, end, text, options, Voice(1000, 900, 2))


def maturing(*utterances: Said) -> Maturing:
    found = Maturing()
    for utterance in utterances:
        found.add(utterance)
    return found


def heard(found: Maturing, at_s: float, speaks_from_s: float | None = None) -> Together | None:
    """What is due when voice activity has come so far."""
    speaks_from = None if speaks_from_s is None else round(speaks_from_s * SAMPLE_RATE)
    found.listen(round(at_s * SAMPLE_RATE), speaks_from)
    return found.begin()


def numbers(utterances: Iterable[Said]) -> list[int]:
    return [each.number for each in utterances]


def of(together: Together | None) -> tuple[list[int], list[int], list[int]]:
    """What is heard before, what is revised, and what is heard after it."""
    assert together is not None
    return numbers(together.before), numbers(together.revised), numbers(together.after)


# -- what belongs together ------------------------------------------------------------------------


def test_fragments_are_decoded_together_once_nothing_follows() -> None:
    found = maturing(said(1, 0, 2), said(2, 3, 5), said(3, 6, 8))
    assert heard(found, 8 + TOGETHER_MS / 1000) is None
    assert of(heard(found, 8.1 + TOGETHER_MS / 1000)) == ([], [1, 2, 3], [])


def test_one_that_stands_alone_is_left_as_it_is() -> None:
    found = maturing(said(1, 0, 2), said(2, 20, 22))
    assert heard(found, 60) is None
    assert found.is_settled
    assert found.start is None


def test_a_sentence_does_not_wait_for_the_speaker_to_pause() -> None:
    found = maturing(said(1, 0, 2), said(2, 3, 5, "the end."), said(3, 6, 9))
    assert heard(found, 4.9 + MATURE_MS / 1000, 10) is None
    together = heard(found, 5 + MATURE_MS / 1000, 10)
    assert of(together) == ([], [1, 2], [3])
    assert together is not None
    assert together.open == Stretch(10 * SAMPLE_RATE, ms_to_samples(5000 + MATURE_MS))


def test_what_had_its_turn_is_heard_again_before_what_follows() -> None:
    found = maturing(said(1, 0, 2), said(2, 3, 5, "end."), said(3, 6, 11, "more."))
    assert of(heard(found, 5.1 + MATURE_MS / 1000)) == ([], [1, 2, 3], [])
    found.leave()
    found.add(said(4, 13, 15, "again."))
    assert of(heard(found, 18)) == ([1, 2, 3], [4], [])


def test_a_speaker_who_finishes_no_sentence_is_heard_in_parts() -> None:
    utterances = [said(number, 5 * number, 5 * number + 4) for number in range(6)]
    found = maturing(*utterances)
    together = found.begin()
    assert of(together) == ([], [0, 1, 2, 3], [4])
    length = sum(each.end - each.start for each in utterances[:4]) + 3 * ms_to_samples(
        KEPT_PAUSE_MS
    )
    assert length <= ms_to_samples(MAX_NEW_MS)


def test_another_language_is_another_speech() -> None:
    found = maturing(said(1, 0, 2), said(2, 3, 5), said(3, 6, 8, language="de"))
    assert of(found.begin()) == ([], [1, 2], [])


def test_who_flushes_says_that_nothing_belongs_to_it() -> None:
    found = maturing(said(1, 0, 2), said(2, 3, 5))
    found.part()
    found.add(said(3, 6, 8))
    assert of(found.begin()) == ([], [1, 2], [])
    found.leave()
    assert heard(found, 30) is None


def test_one_is_under_way_at_a_time() -> None:
    found = maturing(said(1, 0, 2), said(2, 3, 5))
    found.part()
    found.add(said(3, 6, 8))
    found.add(said(4, 9, 11))
    found.part()
    assert of(found.begin()) == ([], [1, 2], [])
    assert found.begin() is None
    assert not found.is_settled
    found.leave()
    assert of(found.begin()) == ([], [3, 4], [])


def test_nobody_is_told_too_late() -> None:
    found = maturing(said(1, 0, 2), said(2, 3, 5, "end."))
    found.part()
    found.drop_late(ms_to_samples(5000 + LATEST_MS))
    assert found.start is not None
    found.drop_late(ms_to_samples(5000 + LATEST_MS) + 1)
    assert found.begin() is None and found.is_settled
    found = maturing(said(1, 0, 2), said(2, 3, 5, "end."))
    found.part()
    assert found.begin() is not None
    assert not found.is_late(ms_to_samples(5000 + LATEST_MS))
    assert found.is_late(ms_to_samples(5000 + LATEST_MS) + 1)


@given(
    st.lists(
        st.tuples(st.floats(0.1, 28), st.floats(0, 4), st.booleans(), st.booleans()), max_size=30
    )
)
def test_each_is_revised_once_at_most_and_fits_the_window(
    utterances: list[tuple[float, float, bool, bool]],
) -> None:
    found, now_s, revised = Maturing(), 0.0, list[int]()
    for number, (length_s, pause_s, finished, decodes) in enumerate(utterances):
        start_s, now_s = now_s + pause_s, now_s + pause_s + length_s
        found.listen(ms_to_samples(round(start_s * 1000)), ms_to_samples(round(start_s * 1000)))
        found.add(said(number, start_s, now_s, "end." if finished else "and"))
        found.listen(ms_to_samples(round((now_s + 0.5) * 1000)), None)
        if decodes and (together := found.begin()) is not None:
            revised += numbers(together.revised)
            assert found.start is None or found.start >= 0
            audio = np.zeros(together.end - together.start, np.int16)
            assert len(join_audio(audio, together)) <= ms_to_samples(WINDOW_MS)
            found.leave()
    assert revised == sorted(set(revised))


# -- the audio ------------------------------------------------------------------------------------


def test_long_pauses_are_shortened() -> None:
    together = Together((), (said(1, 1, 2), said(2, 3, 4)), (), Stretch(4 * 16_000 + 1600, 80_000))
    audio = np.arange(together.end - together.start, dtype=np.int16)
    joined = join_audio(audio, together)
    half = ms_to_samples(KEPT_PAUSE_MS) // 2
    assert len(joined) == 16_000 + 2 * half + 16_000 + 1600 + 14_400
    assert np.array_equal(joined[: 16_000 + half], audio[: 16_000 + half])
    assert np.array_equal(joined[16_000 + half :], audio[32_000 - half :])
    found = places(together)
    assert [(each.start, each.end) for each in found] == [
        (0, 16_000),
        (16_000 + 2 * half, 32_000 + 2 * half),
        (33_600 + 2 * half, 48_000 + 2 * half),
    ]


# -- the text -------------------------------------------------------------------------------------


def spoken(text: str, *times_ms: tuple[int, int]) -> Result:
    """A result whose words are between spaces, at these times in the joined audio."""
    forms = text.split()
    words = tuple(
        Word(form, start, end, 0.5) for form, (start, end) in zip(forms, times_ms, strict=True)
    )
    return Result("job", text=text, words=words)


PAIR = Together((), (said(1, 10, 11, "a crucifix"), said(2, 12, 13, "even")), ())


def test_each_gets_the_words_that_lie_in_it() -> None:
    result = spoken("a crew of seven.", (0, 200), (300, 900), (1350, 1500), (1600, 2200))
    one, other = share_out(result, PAIR)
    assert (one.text, other.text) == ("a crew", "of seven.")
    assert [(word.text, word.start_ms, word.end_ms) for word in other.words] == [
        ("of", 12_050, 12_200),
        ("seven.", 12_300, 12_900),
    ]
    assert one.words[0].start_ms == 10_000


def test_what_joins_words_stays_as_it_was_written() -> None:
    words = (
        Word("self", 0, 200, 0.5),
        Word("-rule", 200, 400, 0.5),
        Word("不", 1400, 1500, 0.5),
        Word("好", 1500, 1600, 0.5),
    )
    one, other = share_out(Result("job", text="self-rule 不好", words=words), PAIR)
    assert (one.text, other.text) == ("self-rule", "不好")


def test_words_of_what_is_not_revised_go_to_nobody() -> None:
    together = Together(
        (said(1, 0, 1),), (said(2, 1.2, 2, "two"),), (said(3, 2.2, 3),), Stretch(51_200, 64_000)
    )
    result = spoken("one TWO three four", (0, 900), (1200, 2000), (2200, 3000), (3300, 3900))
    assert [each.text for each in share_out(result, together)] == ["TWO"]


def test_a_word_alone_may_belong_to_its_neighbour() -> None:
    together = Together((), (said(1, 0, 2, "the kernel of"), said(2, 2.2, 2.5, "the")), ())
    result = spoken("the colonel of", (0, 300), (400, 1000), (1200, 1900))
    assert [each.text for each in share_out(result, together)] == ["the colonel of", ""]


@pytest.mark.parametrize(
    "result",
    [
        pytest.param(Result("job", text=""), id="nothing"),
        pytest.param(spoken("one two", (0, 300), (400, 1000)), id="the end is missing"),
        pytest.param(spoken("three", (2300, 2900)), id="the beginning is missing"),
        pytest.param(
            spoken(
                " ".join(["one two three and four five"] * 3),
                *[(at * 200, at * 200 + 200) for at in range(18)],
            ),
            id="all is said three times",
        ),
    ],
)
def test_a_text_that_leaves_something_out_or_says_it_again_is_not_better(result: Result) -> None:
    together = Together((), (said(1, 0, 2, "one two three"), said(2, 2.2, 4, "and four five")), ())
    assert share_out(result, together) == []


def test_an_engine_that_gives_up_changes_nothing() -> None:
    for result in (
        Result("job", error_code="quarantined"),
        Result("job", text="x", suppressed="no_speech"),
    ):
        found = maturing(said(1, 0, 2), said(2, 3, 5))
        found.part()
        found.begin()
        assert found.end(result) == []
        assert found.is_settled


def test_only_other_texts_are_told() -> None:
    found = maturing(said(1, 0, 1, "one"), said(2, 1.2, 2, "too"))
    found.part()
    found.begin()
    better = found.end(spoken("one two", (0, 900), (1300, 1900)))
    assert [(each.said.number, each.text) for each in better] == [(2, "two")]


def test_the_voice_of_all_is_the_sum() -> None:
    together = Together((said(1, 0, 1),), (said(2, 1.2, 2),), ())
    assert together.voice == Voice(2000, 1800, 4)
    heard_more = Together((said(1, 0, 1),), (said(2, 1.2, 2),), (), Stretch(40_000, 50_000))
    assert heard_more.voice is None
    assert samples_to_ms(heard_more.end) == 3125
