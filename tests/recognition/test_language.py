"""Probabilities in, one language out."""

import pytest

from surtitle.recognition.language import Choice, choose

SPANISH = [("es", 0.95), ("pt", 0.05), ("en", 0.0)]
BETWEEN = [("pt", 0.5), ("es", 0.4), ("en", 0.1)]


def test_the_most_probable_one_whatever_the_order() -> None:
    assert choose(SPANISH, 4.0).language == choose(SPANISH[::-1], 4.0).language == "es"


@pytest.mark.parametrize(("seconds", "sure"), [(0.6, False), (1.0, True), (4.0, True)])
def test_a_clear_one_is_sure_unless_it_is_very_short(seconds: float, sure: bool) -> None:
    assert choose(SPANISH, seconds) == Choice("es", 0.95, sure)


@pytest.mark.parametrize(("seconds", "sure"), [(1.5, False), (2.9, False), (3.0, True)])
def test_an_unclear_one_is_sure_once_it_is_long(seconds: float, sure: bool) -> None:
    assert choose(BETWEEN, seconds).sure is sure


def test_a_language_that_is_not_allowed_is_not_chosen_but_keeps_the_choice_unsure() -> None:
    ranking = [("la", 0.75), ("pt", 0.25), ("en", 0.0)]
    assert choose(ranking, 2.0, ("en", "pt")) == Choice("pt", 0.25, False)
    assert choose(ranking, 3.0, ("en", "pt")).sure


def test_a_short_utterance_leans_on_the_language_before_and_a_long_one_does_not() -> None:
    assert choose(BETWEEN, 1.0, prior_language="es").language == "es"
    assert choose([("es", 0.9), ("en", 0.1)], 0.6, prior_language="en").language == "en"
    assert choose(SPANISH, 2.0, prior_language="pt").language == "es"
    assert choose([("en", 0.8), ("es", 0.2)], 8.0, prior_language="es").language == "en"


def test_leaning_against_what_is_heard_is_never_sure_before_it_is_long() -> None:
    prior_language = choose([("pt", 0.6), ("es", 0.4)], 1.2, prior_language="es")
    assert prior_language.language == "es"
    assert prior_language.probability > 0.9
    assert not prior_language.sure


def test_a_language_before_that_is_not_allowed_any_more_does_not_count() -> None:
    assert choose(SPANISH, 1.0, ("es", "pt"), prior_language="en").language == "es"
