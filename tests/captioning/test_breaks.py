import pytest
from hypothesis import given
from hypothesis import strategies as st

from surtitle.captioning.breaks import (
    ANYWHERE,
    APART,
    CHARACTER,
    CLAUSE,
    PHRASE,
    SENTENCE,
    break_cost,
    text_units,
    text_width,
)


@pytest.mark.parametrize(
    ("text", "width"),
    [
        ("", 0),
        ("abc", 3),
        ("你好", 4),
        ("ＡＢ", 4),
        ("a你", 3),
        ("한국", 4),
        ("é", 1),
        ("e\u0301", 1),
        ("ที่", 1),
        ("😀", 2),
    ],
)
def test_full_width_characters_count_double_and_marks_above_others_nothing(
    text: str, width: int
) -> None:
    assert text_width(text) == width


@pytest.mark.parametrize(
    ("text", "units"),
    [
        ("", []),
        ("One two, three.", ["One", " two,", " three."]),
        ("今天，你好。", ["今", "天，", "你", "好。"]),
        ("他说：「明天」吧（好）", ["他", "说：", "「明", "天」", "吧", "（好）"]),
        ("用GPU跑3次", ["用", "GPU", "跑", "3", "次"]),
        ("ちょっとコーヒー", ["ちょっ", "と", "コー", "ヒー"]),
        ("เสียงที่นำ", ["เสี", "ย", "ง", "ที่", "นำ"]),
        ("Quoi ? Oui : 5 % « là » !", ["Quoi ?", " Oui :", " 5 %", " «", " là » !"]),
        ("well-known (so to speak)", ["well-known", " (so", " to", " speak)"]),
        ("ABC「", ["ABC", "「"]),
    ],
)
def test_what_stays_whole(text: str, units: list[str]) -> None:
    assert text_units(text) == units


@given(st.text())
def test_units_joined_give_the_text_again(text: str) -> None:
    text = " ".join(text.split())
    assert "".join(text_units(text)) == text


@given(st.text("字幕、。！？」』）…ー々っab,. "))
def test_no_unit_of_a_script_without_spaces_begins_with_a_closing_mark(text: str) -> None:
    text = " ".join(text.split())
    for unit in text_units(text)[1:]:
        assert unit.startswith(" ") or unit[0] not in "、。！？」』）…ー々っ,."


@pytest.mark.parametrize(
    ("before", "after", "language", "cost"),
    [
        ("over.", " The", "en", SENTENCE),
        ('over."', " The", "en", SENTENCE),
        ("好。", "他", "zh", SENTENCE),
        ("है।", " वह", "hi", SENTENCE),
        ("p.m.", " and", "en", CLAUSE),
        ("Well...", " So", "en", CLAUSE),
        ("times,", " it", "en", CLAUSE),
        ("了，", "他", "zh", CLAUSE),
        ("day", " and", "en", PHRASE),
        ("day", " of", "en", PHRASE),
        ("sah", " die", "de", PHRASE),
        ("people", " go", "en", ANYWHERE),
        ("will", " die", "xx", ANYWHERE),
        ("今", "天", "zh", CHARACTER),
        ("the", " day", "en", APART),
        ("The", " day", "en", APART),
        ("of", " the", "en", APART),
        ("5", " kilograms", "en", APART),
        ("$1,200.50", " now", "en", APART),
        ("2008", "年", "zh", APART),
        ("Mr.", " Smith", "en", APART),
        ("F.", " Kennedy", "en", APART),
        ("3.", " Mai", "de", APART),
        ("No.", " I", "en", SENTENCE),
        ("2008.", " We", "en", SENTENCE),
        ("I.", " But", "en", SENTENCE),
    ],
)
def test_what_a_break_costs(before: str, after: str, language: str, cost: int) -> None:
    assert break_cost(before, after, language) == cost
