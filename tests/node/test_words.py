"""Words that end or break a sentence: in JavaScript as in Python, for every one of the tables."""

from __future__ import annotations

from surtitle.captioning.abbreviations import ABBREVIATIONS, may_end_sentence
from tests.node.running import run_program


def test_every_abbreviation_means_the_same(node_20: str) -> None:
    stops = [
        (form + ".", after, language)
        for language, kinds in ABBREVIATIONS.items()
        for words in kinds.values()
        for word in words.split()
        for form in (word, word.upper())
        for after in ("", "Smith", "the", "5", "Да", "Die", "İçin", "II", "(La")
    ]
    found = run_program(node_20, "full_stops.mjs", told=stops)
    differ = [s for s, ends in zip(stops, found, strict=True) if may_end_sentence(*s) != ends]
    assert differ == []
