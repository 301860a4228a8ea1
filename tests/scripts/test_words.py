"""Words, and where the words of one text stand in another."""

from load.words import common_prefix, cut, erased, matches, words


def test_words_have_no_case_and_no_punctuation() -> None:
    assert words("Well, DON'T you’ll twenty-five — see?") == [
        "well",
        "dont",
        "youll",
        "twenty",
        "five",
        "see",
    ]


def test_characters_are_words_where_there_are_no_spaces() -> None:
    assert words("百分之60, 안녕 OK的") == ["百", "分", "之", "60", "안녕", "ok", "的"]


def test_common_prefix() -> None:
    assert common_prefix(["a", "b", "c"], ["a", "b", "d", "c"]) == 2
    assert common_prefix([], ["a"]) == 0


def test_matches_skip_what_is_wrong_missing_or_too_much() -> None:
    assert matches(words("a b c d e"), words("a x c e")) == {0: 0, 2: 2, 4: 3}


def test_a_text_is_cut_where_the_reference_is() -> None:
    reference = words("one two three four five six")
    assert cut(reference, words("one two three four five six"), [2, 4, 6]) == [2, 4, 6]
    assert cut(reference, words("one to three five six"), [2, 4, 6]) == [2, 3, 5]


def test_words_too_many_belong_to_what_follows_and_at_the_end_to_the_last_part() -> None:
    reference = words("one two three four")
    assert cut(reference, words("one two uh three four bye"), [2, 4]) == [2, 6]


def test_of_an_empty_text_every_part_is_empty() -> None:
    assert cut(["one", "two"], [], [1, 2]) == [0, 0]


def test_only_changed_and_removed_words_are_erased() -> None:
    assert erased(words("the cat"), words("the cat sat")) == 0
    assert erased(words("the cap"), words("the cat sat")) == 1
    assert erased(words("the cat sat on"), words("a cat")) == 3
    assert erased(words("the cat"), []) == 2
