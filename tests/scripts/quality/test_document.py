"""What is generated goes between its marks, and nowhere else."""

from pathlib import Path

import pytest

from lab.places import REPOSITORY
from quality.document import NoPlace, fill

TEXT = "Before.\n<!-- begin base -->\nold\n<!-- end base -->\nAfter.\n"


def test_a_part_is_replaced_and_can_be_replaced_again(tmp_path: Path) -> None:
    document = tmp_path / "quality.md"
    document.write_text(TEXT, "utf-8")
    for new in (r"| \1 |", "other"):
        fill(document, "base", f"{new}\n\n")
        assert document.read_text("utf-8") == TEXT.replace("old", new)


def test_a_document_without_the_place_is_left_alone(tmp_path: Path) -> None:
    document = tmp_path / "quality.md"
    document.write_text(TEXT, "utf-8")
    with pytest.raises(NoPlace, match=r"begin tiny\.en"):
        fill(document, "tiny.en", "new")
    assert document.read_text("utf-8") == TEXT


@pytest.mark.parametrize("model", ["tiny.en", "base"])
def test_the_document_has_a_place_for_each_bundled_model(model: str, tmp_path: Path) -> None:
    copy = tmp_path / "copy.md"
    copy.write_bytes((REPOSITORY / "docs" / "quality.md").read_bytes())
    fill(copy, model, "its tables")
    assert "its tables" in copy.read_text("utf-8")
