from collections import Counter

import pytest

from make_page_tables import OUTPUT, as_javascript
from surtitle.captioning.abbreviations import ABBREVIATIONS, may_end_sentence
from tests.conformance import cases

STOPS = [stop for case in cases("full_stops") for stop in case["stops"]]


@pytest.mark.parametrize(("word", "after", "language", "may_end"), STOPS)
def test_which_full_stops_may_end_a_sentence(
    word: str, after: str, language: str, may_end: bool
) -> None:
    assert may_end_sentence(word, after, language) is may_end


@pytest.mark.parametrize("language", ABBREVIATIONS)
def test_no_word_is_of_two_kinds_in_a_language(language: str) -> None:
    words = [word for words in ABBREVIATIONS[language].values() for word in words.split()]
    assert [word for word, count in Counter(words).items() if count > 1] == []


def test_the_page_has_the_same_tables() -> None:
    """Else `scripts/make_page_tables.py` makes them anew."""
    assert OUTPUT.read_text(encoding="utf-8") == as_javascript()
