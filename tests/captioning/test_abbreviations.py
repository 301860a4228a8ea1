import pytest

from make_page_tables import OUTPUT, as_javascript
from surtitle.captioning.abbreviations import may_end_sentence
from tests.layout_cases import STOPS


@pytest.mark.parametrize(("word", "after", "language", "may_end"), STOPS)
def test_which_full_stops_may_end_a_sentence(
    word: str, after: str, language: str, may_end: bool
) -> None:
    assert may_end_sentence(word, after, language) is may_end


def test_the_page_has_the_same_tables() -> None:
    """Else `scripts/make_page_tables.py` makes them anew."""
    assert OUTPUT.read_text(encoding="utf-8") == as_javascript()
