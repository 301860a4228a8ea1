import pytest
from hypothesis import given
from hypothesis import strategies as st

from surtitle.subtitles import breaks
from surtitle.subtitles.breaks import break_cost, text_units, text_width
from tests.conformance import table

TABLE = table("breaks")


@pytest.mark.parametrize(("text", "width"), TABLE["widths"])
def test_full_width_characters_count_double_and_marks_above_others_nothing(
    text: str, width: int
) -> None:
    assert text_width(text) == width


@pytest.mark.parametrize(("text", "units"), TABLE["units"])
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


@pytest.mark.parametrize(("before", "after", "language", "kind"), TABLE["breaks"])
def test_what_a_break_costs(before: str, after: str, language: str, kind: str) -> None:
    assert break_cost(before, after, language) == TABLE["cost"][kind]


@pytest.mark.parametrize(("kind", "cost"), TABLE["cost"].items())
def test_kinds_of_breaks_cost_what_the_table_says(kind: str, cost: int) -> None:
    assert getattr(breaks, kind) == cost
