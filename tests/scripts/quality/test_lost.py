"""Words lost at the edges of a recording."""

from quality.lost import Lost, lost


def test_the_first_and_the_last_word() -> None:
    said = "ONE TWO THREE FOUR"
    assert lost(said, "One, two, five, four.") == Lost(1, 0, 0, 0)
    assert lost(said, "two three four") == Lost(1, 0, 1, 0)
    assert lost(said, "One two three") == Lost(1, 0, 0, 1)
    assert lost(said, "") == lost(said, "...") == Lost(1, 1, 1, 1)


def test_the_only_word_is_first_and_last() -> None:
    assert lost("seven", "eleven") == Lost(1, 0, 1, 1)
    assert lost("seven", "Seven.") == Lost(1, 0, 0, 0)


def test_counts_add_up() -> None:
    assert lost("a b", "a") + lost("a b", "") == Lost(2, 1, 1, 2)
