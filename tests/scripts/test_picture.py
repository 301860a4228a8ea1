"""The picture is drawn whatever the figures are; a warning of its layout fails these tests."""

import math
from pathlib import Path

import pytest
from msgspec.structs import replace

from load.picture import draw
from load.summary import ServiceLevel, Spread, Summary
from tests.scripts.test_summary import GOOD

NEVER = Spread(math.inf, math.inf, math.inf, 0)


@pytest.mark.parametrize(
    "rows",
    [
        [GOOD],
        [replace(GOOD, sessions=count) for count in (1, 4)],
        [GOOD, replace(GOOD, label="slow", final=NEVER, word_shown=NEVER, misses=["final"])],
    ],
)
def test_a_picture_of_any_rows(rows: list[Summary], tmp_path: Path) -> None:
    draw(rows, ServiceLevel(), tmp_path / "picture.png")
    assert (tmp_path / "picture.png").read_bytes().startswith(b"\x89PNG")
