"""Error rates: texts against what was said, normalized as Whisper's authors do."""

from typing import Literal

import jiwer
from msgspec import Struct
from whisper_normalizer.basic import BasicTextNormalizer
from whisper_normalizer.english import EnglishTextNormalizer

SPACELESS = frozenset({"zh", "yue", "ja", "th", "lo", "my"})
"""Languages written without spaces between words, by Whisper's codes: the ones whose text Whisper's own
tokenizer cuts by character. Korean has spaces."""

Unit = Literal["word", "character"]

_english = EnglishTextNormalizer()
_basic = BasicTextNormalizer()


class Score(Struct):
    """Errors of texts against what was said, in words or, where there are no spaces, characters."""

    errors: int = 0
    units: int = 0

    def add(self, other: "Score") -> None:
        """Sum up."""
        self.errors += other.errors
        self.units += other.units

    @property
    def percent(self) -> float:
        """Error rate in per cent."""
        return 100 * self.errors / max(self.units, 1)


def unit_of(language: str) -> Unit:
    """What is counted in a language."""
    return "character" if language in SPACELESS else "word"


def score(reference: str, text: str, language: str) -> Score:
    """Count the errors after Whisper's own normalization."""
    result: jiwer.WordOutput | jiwer.CharacterOutput
    normalize = _english if language == "en" else _basic
    said, heard = normalize(reference), normalize(text)
    if unit_of(language) == "character":
        result = jiwer.process_characters(said.replace(" ", ""), heard.replace(" ", ""))
    else:
        result = jiwer.process_words(said, heard)
    errors = result.substitutions + result.deletions + result.insertions
    return Score(errors, errors - result.insertions + result.hits)
