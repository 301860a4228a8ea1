"""Two utterances that were one run of speech read as one."""

import pytest

from surtitle.captioning.cut_boundary import CutBoundary, boundary_after, stitch

ACROSS = "when it was over, they all went down to the river and swam"


def test_the_hypothesis_across_the_cut_knows_the_mark_and_what_follows() -> None:
    assert boundary_after("When it was over they all went down.", ACROSS) == CutBoundary(
        "When it was over they all went down", (" to", " the", " river", " and", " swam")
    )
    assert boundary_after("When it was over.", ACROSS).before == "When it was over,"


def test_a_sentence_that_really_ends_there_keeps_its_full_stop() -> None:
    boundary = boundary_after("It was over.", "it was over. They all went down")
    assert boundary == CutBoundary("It was over.", (" They", " all", " went", " down"))
    assert stitch(boundary, "They all went down.") == "They all went down."


def test_the_last_of_several_places_counts() -> None:
    assert boundary_after("a b c.", "a b c d a b c e f").after == (" e", " f")


@pytest.mark.parametrize("across", ["", "something else was said", "when it was"])
def test_where_nothing_is_known_nothing_is_changed(across: str) -> None:
    boundary = boundary_after("When it was over.", across)
    assert boundary == CutBoundary("When it was over.")
    assert stitch(boundary, "Over they went.") == "Over they went."


def test_the_end_of_the_hypothesis_says_nothing_about_a_mark() -> None:
    assert boundary_after("They all swam.", "they all swam") == CutBoundary("They all swam.")


@pytest.mark.parametrize(
    ("text", "stitched"),
    [
        ("To the river and swam.", "to the river and swam."),
        ("to the river and swam.", "to the river and swam."),
        ("Two, the river and swam.", "two, the river and swam."),  # heard otherwise
        ("I think the river.", "I think the river."),
        ("I'm at the river.", "I'm at the river."),
        ("Down to the river and swam.", "to the river and swam."),  # a word twice
        ("Down the river they swam.", "down the river they swam."),  # not the one before the cut
        ("The river and swam.", "to the river and swam."),  # a word that neither side has
        ("", ""),
    ],
)
def test_what_follows_goes_on_with_the_sentence(text: str, stitched: str) -> None:
    boundary = boundary_after("When it was over they all went down.", ACROSS)
    assert stitch(boundary, text) == stitched


def test_a_name_keeps_its_capital() -> None:
    boundary = boundary_after("and then we met.", "and then we met Mary in town")
    assert stitch(boundary, "Mary in town.") == "Mary in town."


def test_a_word_that_is_really_said_twice_stays() -> None:
    boundary = boundary_after("It was very.", "it was very very cold")
    assert stitch(boundary, "Very cold.") == "very cold."


def test_text_without_spaces() -> None:
    boundary = boundary_after(
        "\u4eca\u5929\u5929\u6c14\u3002", "\u4eca\u5929\u5929\u6c14\u5f88\u597d"
    )
    assert boundary == CutBoundary("\u4eca\u5929\u5929\u6c14", ("\u5f88", "\u597d"))
    assert stitch(boundary, "\u5f88\u597d\u3002") == "\u5f88\u597d\u3002"
    assert stitch(boundary, "\u6c14\u5f88\u597d\u3002") == "\u5f88\u597d\u3002"
