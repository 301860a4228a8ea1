"""Error rates: in words, or in characters where a language has no spaces."""

from load.score import Score, score, unit_of


def test_words_wrong_missing_and_too_many() -> None:
    assert score("the cat sat down", "a cat sat down", "en") == Score(1, 4)
    assert score("the cat sat down", "the cat down", "en") == Score(1, 4)
    assert score("the cat sat down", "the cat sat right down", "en") == Score(1, 4)
    assert score("el gato", "", "es") == Score(2, 2)


def test_whispers_normalizer_comes_first() -> None:
    assert score("MISTER HALE, TWENTY FIVE", "Mr. Hale, 25", "en").errors == 0


def test_characters_in_languages_without_spaces() -> None:
    assert score("百分之六十", "百分 之，六是", "zh") == Score(1, 5)
    assert unit_of("ja") == unit_of("zh") == "character"
    assert unit_of("ko") == unit_of("en") == "word"


def test_scores_add_up() -> None:
    total = Score()
    total.add(Score(1, 4))
    total.add(Score(1, 6))
    assert total.percent == 20.0
    assert Score().percent == 0.0
