"""What was erased, and what became of stable text, from literal messages."""

from quality.calm import Calm, calm
from quality.utterances import Received
from surtitle.messages import ServerMessage
from tests.scripts.quality.made import END_MS, final, opened, partial, received, spoken, suppressed


def of(messages: list[ServerMessage]) -> Calm:
    return calm(received(messages))


def test_words_that_are_added_cost_nothing_and_case_and_marks_are_no_change() -> None:
    found = of(spoken("the", "the cat", "The cat, sat", answer=final("The cat sat.")))
    assert (found.words, found.erased_by_partials, found.erased_by_finals) == (3, 0, 0)
    assert found.erasure == 0


def test_partials_and_the_final_erase_apart() -> None:
    found = of(spoken("the cap", "the cat sat", answer=final("A cat sat down.")))
    assert (found.words, found.erased_by_partials, found.erased_by_finals) == (4, 1, 1)
    assert found.erasure == 2 / 4


def test_a_partial_that_shows_the_text_of_the_final_is_the_finals_doing() -> None:
    shown: list[ServerMessage] = [
        opened(),
        partial("", "the cap"),
        partial("", "the cat", end_ms=END_MS),
        final("The cat"),
    ]
    found = of(shown)
    assert (found.erased_by_partials, found.erased_by_finals) == (0, 1)


def test_text_shown_of_what_is_then_suppressed_is_erased() -> None:
    found = of(spoken("thank you", answer=suppressed("no_speech")))
    assert (found.words, found.erased_by_partials, found.erased_by_finals) == (0, 0, 2)


def test_without_spaces_characters_are_compared() -> None:
    found = of(spoken("百分之", "百分六十是", answer=final("百分之六十是")))
    assert (found.words, found.erased_by_partials, found.erased_by_finals) == (6, 1, 0)


def test_a_final_begins_with_what_was_stable_by_words_and_by_letters() -> None:
    kept = of(spoken(("The cat", " sat"), answer=final("The cat sat.")))
    marks = of(spoken(("The cat.", " Sat"), answer=final("The cat sat.")))
    words = of(spoken(("The cat", " sat"), answer=final("A cat sat.")))
    assert [(c.finals, c.rewritten, c.rewritten_letters) for c in (kept, marks, words)] == [
        (1, 0, 0),
        (1, 0, 1),
        (1, 1, 1),
    ]


def test_a_final_that_lost_stable_words_at_its_end_is_rewritten() -> None:
    assert of(spoken(("The cat sat", ""), answer=final("The cat"))).rewritten == 1


def test_without_stable_text_there_is_nothing_to_rewrite() -> None:
    found = of(spoken("The cat", answer=final("A dog")))
    assert (found.finals, found.rewritten) == (0, 0)


def test_stable_text_that_shrinks_or_changes_is_broken() -> None:
    grows = spoken(("The", " cat"), ("The cat", " sat"), answer=final("The cat sat"))
    shrinks = spoken(("The cat", ""), ("The", " cat"), answer=final("The cat"))
    changes = spoken(("The cap", ""), ("The cat", ""), answer=final("The cat"))
    assert [of(each).stable_broken for each in (grows, shrinks, changes)] == [0, 1, 1]


def cut(apart_s: float) -> list[Received]:
    """A cut in running speech: "sat" moves from the first utterance to the second."""
    first = spoken("the cat sat", answer=final("The cat"))
    second: list[ServerMessage] = [
        opened(2),
        partial("", "sat down", number=2),
        final("sat down.", number=2),
    ]
    *before, last, begin, beyond, end = received([*first, *second])
    return [*before, last, begin, Received(last.at_s + apart_s, beyond.message), end]


def test_a_word_that_goes_on_in_the_next_utterance_at_once_has_not_moved() -> None:
    assert calm(cut(apart_s=0.01)).erased_by_finals == 0
    assert calm(cut(apart_s=0.5)).erased_by_finals == 1


def test_text_that_stands_for_a_blink_is_not_seen() -> None:
    messages = spoken("the cap", "the cat", answer=final("The cat."))
    assert calm(received(messages, apart_s=0.01)).erasure == 0
    assert calm(received(messages, apart_s=0.06)).erasure == 0.5


def test_counts_add_up_over_utterances() -> None:
    first = spoken("the cap", answer=final("the cat"))
    second: list[ServerMessage] = [
        opened(2),
        partial("", "a dig", number=2),
        final("a dog", number=2),
    ]
    found = of([*first, *second])
    assert (found.words, found.erased_by_finals) == (4, 2)
    assert found == of(first) + of(second)
