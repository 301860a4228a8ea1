"""Two utterances that were one run of speech read as one."""

import pytest

from surtitle.captioning.seam import Seam, mend, open_seam

ACROSS = "when it was over, they all went down to the river and swam"


def test_the_hypothesis_across_the_cut_knows_the_mark_and_what_follows() -> None:
    assert open_seam("When it was over they all went down.", ACROSS) == Seam(
        "When it was over they all went down", (" to", " the", " river", " and", " swam")
    )
    assert open_seam("When it was over.", ACROSS).before == "When it was over,"


def test_a_sentence_that_really_ends_there_keeps_its_full_stop() -> None:
    seam = open_seam("It was over.", "it was over. They all went down")
    assert seam == Seam("It was over.", (" They", " all", " went", " down"))
    assert mend(seam, "They all went down.") == "They all went down."


def test_the_last_of_several_places_counts() -> None:
    assert open_seam("a b c.", "a b c d a b c e f").after == (" e", " f")


@pytest.mark.parametrize("across", ["", "something else was said", "when it was"])
def test_where_nothing_is_known_nothing_is_changed(across: str) -> None:
    seam = open_seam("When it was over.", across)
    assert seam == Seam("When it was over.")
    assert mend(seam, "Over they went.") == "Over they went."


def test_the_end_of_the_hypothesis_says_nothing_about_a_mark() -> None:
    assert open_seam("They all swam.", "they all swam") == Seam("They all swam.")


@pytest.mark.parametrize(
    ("text", "mended"),
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
def test_what_follows_goes_on_with_the_sentence(text: str, mended: str) -> None:
    seam = open_seam("When it was over they all went down.", ACROSS)
    assert mend(seam, text) == mended


def test_a_name_keeps_its_capital() -> None:
    seam = open_seam("and then we met.", "and then we met Mary in town")
    assert mend(seam, "Mary in town.") == "Mary in town."


def test_a_word_that_is_really_said_twice_stays() -> None:
    seam = open_seam("It was very.", "it was very very cold")
    assert mend(seam, "Very cold.") == "very cold."


def test_text_without_spaces() -> None:
    seam = open_seam("\u4eca\u5929\u5929\u6c14\u3002", "\u4eca\u5929\u5929\u6c14\u5f88\u597d")
    assert seam == Seam("\u4eca\u5929\u5929\u6c14", ("\u5f88", "\u597d"))
    assert mend(seam, "\u5f88\u597d\u3002") == "\u5f88\u597d\u3002"
    assert mend(seam, "\u6c14\u5f88\u597d\u3002") == "\u5f88\u597d\u3002"
