"""The text of an utterance as it is read, across a cut too."""

from surtitle.captioning.caption import Caption
from surtitle.jobs import SAMPLE_RATE

SECOND = SAMPLE_RATE


def test_a_hypothesis_is_shown_as_far_as_it_is_sure() -> None:
    caption = Caption(start=0)
    assert caption.hear("one two three four", SECOND // 2, [0.5, 0.5, 0.5]) == ("", "one")
    assert caption.hear("one two three four five six", SECOND, [0.5, 0.5]) == (
        "one two three four",
        "",
    )


def test_an_older_hypothesis_and_one_without_text_change_nothing() -> None:
    caption = Caption(start=0)
    caption.hear("one two three four", SECOND)
    assert caption.hear("five six", SECOND) is None
    assert caption.hear("", 2 * SECOND) is None
    assert caption.heard_to == SECOND


def test_what_looks_the_same_is_not_shown_again() -> None:
    caption = Caption(start=0)
    assert caption.hear("one", SECOND, [0.5]) is None  # not sure yet
    assert caption.hear("two", SECOND * 3 // 2) == ("", "two")
    assert caption.hear("two", 2 * SECOND) is None


def test_a_pause_reveals_only_what_was_said_before_it() -> None:
    caption = Caption(start=0)
    caption.hear("one two", SECOND, [0.5, 0.5])
    assert caption.show_all(SECOND // 2) is None
    assert caption.show_all(SECOND) == ("", "one two")


def test_a_final_that_rewrites_is_told() -> None:
    caption = Caption(start=0)
    for end, text in ((1, "wreck a nice beach today"), (2, "wreck a nice beach today then")):
        caption.hear(text, end * SECOND)
    assert caption.finish("Recognize speech today.", cut=False) == "Recognize speech today."
    assert not caption.kept


def cut_apart() -> tuple[Caption, Caption]:
    """Both sides of a cut after two of three seconds; the first has heard across it."""
    before, after = Caption(start=0), Caption(start=2 * SECOND)
    before.hear("they all went down to the river", 3 * SECOND)
    assert before.finish("They all went down.", cut=True) == "They all went down"
    return before, after


def test_what_stood_beyond_a_cut_stays_on_the_screen() -> None:
    before, after = cut_apart()
    assert after.go_on(before) == ("", "to the river")
    assert after.hear("To the river and there", 4 * SECOND) == (
        "to the river",
        " and there",
    )
    assert after.finish("To the river and there.", cut=False) == "to the river and there."


def test_a_side_that_shows_something_already_goes_on_with_that() -> None:
    before, after = cut_apart()
    after.hear("To the river and", 4 * SECOND)
    assert after.go_on(before) is None
    assert after.finish("To the river and there.", cut=False) == "to the river and there."


def test_without_a_cut_nothing_goes_on() -> None:
    before, after = Caption(start=0), Caption(start=2 * SECOND)
    before.finish("They all went down.", cut=False)
    assert after.go_on(before) is None
    assert after.finish("To the river.", cut=False) == "To the river."
