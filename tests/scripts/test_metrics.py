"""The figures of a session, from literal times of what was said and shown."""

import math

import pytest

from load.metrics import Change, SessionFigures, Spoken, measure

FIRST = Spoken("a.wav", "THE CAT SAT DOWN", 10.0, 12.0, (0.5, 1.0, 1.5, 2.0))
SECOND = Spoken("b.wav", "AND SLEPT", 13.5, 14.5, (0.5, 1.0))

SHOWN = [
    Change(10.8, "", "The cap"),
    Change(11.6, "", "The cat sat."),
    Change(12.5, "The cat sat down.", ""),
    Change(14.3, "The cat sat down.", "And"),
    Change(15.0, "The cat sat down.", "and slept"),
    Change(15.5, "The cat sat down. And slept.", ""),
]


def session(*changes: Change, goodbye_s: float = 30.0) -> SessionFigures:
    return measure([FIRST, SECOND], changes, goodbye_s)


def test_delays_of_each_utterance() -> None:
    first, second = session(*SHOWN).utterances
    assert first.first_partial_s == pytest.approx(0.8)
    assert first.settled_s == pytest.approx(0.5)
    assert first.final_s == pytest.approx(0.5)
    assert second.first_partial_s == pytest.approx(0.8)
    assert second.settled_s == pytest.approx(0.5)  # the words stood before they were committed
    assert second.final_s == pytest.approx(1.0)
    assert (first.answered, first.tail_lost, second.clip) == (True, False, "b.wav")


def test_words_count_from_when_they_are_right() -> None:
    first, second = session(*SHOWN).utterances
    # the; cat (first "cap"); sat; down
    assert first.word_shown_s == pytest.approx([0.3, 0.6, 0.1, 0.5])
    assert second.word_shown_s == pytest.approx([0.3, 0.5])


def test_a_word_that_goes_away_and_comes_back_is_shown_early_and_kept_late() -> None:
    first = session(
        Change(10.8, "", "the cat"),
        Change(11.2, "", "the hat"),
        Change(12.1, "the cat sat down", ""),
    ).utterances[0]
    assert first.word_shown_s == pytest.approx([0.3, -0.2, 0.6, 0.1])
    assert first.word_kept_s == pytest.approx([0.3, 1.1, 0.6, 0.1])


def test_text_that_was_wrong_before_the_utterance_is_not_its_first() -> None:
    early = Change(12.6, "", "The cat sat down. And")  # goes again before anybody says it
    wrong = Change(13.8, "", "The rat sat down on a")  # still about the first utterance
    second = session(*SHOWN[:3], early, SHOWN[2], wrong, *SHOWN[3:]).utterances[1]
    assert second.first_partial_s == pytest.approx(0.8)


def test_a_word_shown_before_the_utterance_began_does_not_count() -> None:
    early = Change(12.6, "The cat sat down.", "And")
    gone = Change(13.0, "The cat sat down.", "")
    second = session(*SHOWN[:3], early, gone, *SHOWN[3:]).utterances[1]
    assert second.first_partial_s == pytest.approx(0.8)
    assert second.word_shown_s == pytest.approx([0.3, 0.5])


def test_a_word_is_found_behind_one_that_is_still_missing() -> None:
    first = session(Change(11.6, "", "The sat"), Change(12.5, "The cat sat down", "")).utterances[0]
    assert first.word_shown_s == pytest.approx([1.1, 1.5, 0.1, 0.5])


def test_settled_is_the_last_time_however_often_it_stood_before() -> None:
    right, wrong = "The cat sat down", "The rat sat down"
    at = (11.0, 11.2, 11.4, 11.6, 13.0)
    texts = (right, f"{right} x", right, wrong, right)
    changes = [Change(at_s, "", text) for at_s, text in zip(at, texts, strict=True)]
    assert session(*changes).utterances[0].settled_s == pytest.approx(1.0)


def test_a_late_correction_unsettles_everything_after_it() -> None:
    changed = [*SHOWN, Change(20.0, "The cat sat down. And slept.", "")]
    changed[2:6] = [
        Change(change.at_s, "", f"{change.committed} {change.tail}".replace("cat", "rat"))
        for change in SHOWN[2:6]
    ]
    first, second = session(*changed).utterances
    assert first.settled_s == pytest.approx(8.0)
    assert second.settled_s == pytest.approx(5.5)


def test_what_only_the_goodbye_brings_never_came() -> None:
    second = session(*SHOWN, goodbye_s=15.2).utterances[1]
    assert second.settled_s == pytest.approx(0.5)
    assert second.final_s == math.inf
    assert second.answered


def test_an_utterance_without_a_right_word_is_unanswered() -> None:
    first, second = session(*SHOWN[:3]).utterances
    assert first.answered
    assert not second.answered
    assert second.tail_lost
    assert second.first_partial_s == second.settled_s == second.final_s == math.inf
    assert second.word_shown_s == []


def test_an_utterance_whose_end_is_missing_has_lost_its_tail() -> None:
    first = session(Change(12.0, "The cat", "")).utterances[0]
    assert (first.answered, first.tail_lost) == (True, True)
    first = session(Change(12.0, "The cat sat", "")).utterances[0]
    assert (first.answered, first.tail_lost) == (True, False)


def test_nothing_was_shown() -> None:
    figures = session()
    assert figures.text == ""
    assert [utterance.answered for utterance in figures.utterances] == [False, False]


def test_erasure_is_words_taken_back_over_words_in_the_end() -> None:
    assert session(*SHOWN).erasure == pytest.approx(1 / 6)  # cap -> cat


def test_without_word_times_there_are_no_word_delays() -> None:
    spoken = Spoken("a.wav", "THE CAT", 0.0, 1.0, ())
    figures = measure([spoken], [Change(1.5, "the cat", "")]).utterances[0]
    assert figures.word_shown_s == []
    assert figures.final_s == pytest.approx(0.5)
